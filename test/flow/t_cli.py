#!/usr/bin/env python3
"""Promise: the command line says what is wrong, and its exit codes can be relied on:
0 done, 1 failed, 2 wrong command line, 3 not ready, 4 the configuration is not valid."""
# timeout: 120

import json
import os
import re
import signal
import subprocess

import _rig as rig
from _rig import check, contains, equal


def run(*argv, env=None, cwd=None, timeout=30):
    p = subprocess.run([rig.SLUICE, *argv], env=env or rig.environment(), cwd=cwd or rig.tmp(""), capture_output=True, timeout=timeout)
    check(not rig.SANITIZER.search(p.stderr), p.stderr.decode()[-3000:])
    p.out, p.err = p.stdout.decode(), p.stderr.decode()
    return p


def write(name, text):
    path = rig.tmp(name)
    with open(path, "w") as f:
        f.write(text if isinstance(text, str) else json.dumps(text, indent=1))
    return path


def test_help_and_version(g):
    for argv in (["--help"], ["-h"], ["help"]):
        p = run(*argv)
        equal((p.returncode, p.err), (0, ""), argv)
        contains(p.out, "differ (ledger, store copy)", "exit code 5")
        for command in ("serve", "check", "init", "env", "reload", "health", "explain", "version"):
            contains(p.out, command)
            equal(run(command, "--help").returncode, 0, command) if command != "version" else None
    p = subprocess.run([rig.MOCK, "--help"], capture_output=True, text=True, timeout=20)
    equal((p.returncode, p.stdout.split()[:2], p.stderr), (0, ["usage:", "sluice-mock"], ""))
    p = run("version")
    equal((p.returncode, p.out.split()[0]), (0, "sluice"))
    equal(run("--version").out, p.out)


def test_wrong_command_lines(g):
    for argv in ([], ["no-such-command"], ["serve", "--no-such-option"], ["serve", "-c"], ["check", "a", "b"], ["serve", "extra"],
                 ["health", "extra"], ["version-x"]):
        p = run(*argv)
        equal(p.returncode, 2, argv)
        check(p.err and not p.out, argv, p.out)
    for argv, words in ((["serv"], "no command serv (is it serve?)"), (["kye", "list"], "no command kye (is it key?)"), (["serve", "gw.yaml"], "given with -c"),
                        (["key", "mak"], "mak; it has list, show, make"), (["pause"], "it has provider, model, target, tenant, key"),
                        (["key", "make", "a", "--rmp", "5"], "--rmp (is it --rpm?)"), (["last", "--jsn"], "--jsn (is it --json?)"), (["pause", "key", "a", "--admn", "x"], "--admn (is it --admin?)"),
                        (["weight", "m", "a"], "sluice weight: a: must be NAME=NUMBER\ntry: sluice weight --help")):
        p = run(*argv)
        equal((p.returncode, p.out), (2, ""), argv)
        contains(p.err, words)
    equal(run("help", "key").out, run("key", "--help").out)
    equal(run("help", "serve").out, run("serve", "--help").out)
    contains(run("help", "nothing").err, "no command nothing")
    check("--admin" not in run("import", "--help").out, "who asks no gateway has no use for its address")


def test_check(g):
    good = write("good.yaml", g.config)
    p = run("check", good)
    equal(p.returncode, 0, p.err)
    contains(p.out, "mock-a")
    equal(run("check", "-c", good).returncode, 0)
    for text, words in (
        ("listen: [\n", ["bad.yaml", "1"]),
        ("listen: 127.0.0.1:1\nno_such_key: 1\n", ["bad.yaml", "2", "no_such_key"]),
        (dict(g.config, limits={"body_max": "lots"}), ["limits.body_max"]),
        (dict(g.config, limits={"connections": -1}), ["limits.connections"]),
        (dict(g.config, models=[{"name": "m", "targets": [{"provider": "nobody"}]}]), ["nobody"]),
        (dict(g.config, timeouts={"total": 600}), ["timeouts.total"]),
        (dict(g.config, providers=[dict(g.config["providers"][0], keys=["${NO_SUCH_VARIABLE}"])]), ["NO_SUCH_VARIABLE"]),
        (dict(g.config, providers=[dict(g.config["providers"][0], base_url="ftp://x")]), ["base_url"]),
        (dict(g.config, tenants=[{"name": "t", "keys": [{"sha256": "00"}]}]), ["sha256"]),
        (dict(g.config, prompt_api={"temperature": 3}), ["prompt_api.temperature"]),
        (dict(g.config, retry={"attempts": 11}), ["retry.attempts", "10"]),
        (dict(g.config, store={"url": "redis://:hunter22@h:x"}), ["store.url"]),
        (dict(g.config, store={"url": "redis://h:1", "ca_file": "/no/such.pem"}), ["store.ca_file", "/no/such.pem"]),
        (dict(g.config, store={"url": "redis://h:1", "state_dir": good}), ["store.state_dir", "name a directory"]),
        (dict(g.config, tenants=[{"name": "t", "budget": {"daily": 1}}]), ["has no price", "tenant t"]),
        ("a: &a [*a]\n", ["bad.yaml"]),
        ("", ["providers"]),
    ):
        p = run("check", write("bad.yaml", text))
        equal(p.returncode, 4, "%s -> %s" % (words, p.err))
        for w in words:
            contains(p.err, w)
        check("hunter22" not in p.out + p.err, p.err)
    p = run("check", rig.tmp("no-such-file.yaml"))
    check(p.returncode in (1, 4) and p.err, p.returncode)
    contains(p.err, "no-such-file.yaml")
    equal(run("check", "--schema").returncode, 0)


def test_check_agrees_with_serve(g):
    bad = write("bad2.yaml", "no_such_key: 1\n")
    p = run("serve", "-c", bad)
    equal(p.returncode, 4)
    contains(p.err, "no_such_key")


def test_port_in_use(g):
    config = dict(g.config, admin={"listen": "127.0.0.1:%d" % rig.free_ports(1)[0]})
    home = rig.tmp("home-of-inuse")
    p = run("serve", "-c", write("inuse.yaml", config), env=rig.environment(HOME=home, SLUICE_STATE=home))
    equal(p.returncode, 1, p.err)
    contains(p.err, str(g.port))
    contains(p.err, "end the process that has it, or choose another")


def test_health(g):
    where = "127.0.0.1:%d" % g.admin_port
    equal(run("health", "-a", where).returncode, 0)
    equal(run("health", "-c", write("h.yaml", g.config)).returncode, 0)
    equal(run("health", "-a", "http://" + where + "/", "-q").out, "")
    for nobody in ("127.0.0.1:%d" % rig.free_ports(1)[0], "unix:" + rig.tmp("nobody.sock")):
        p = run("health", "-a", nobody)
        equal(p.returncode, 1)
        contains(p.err, "name its admin listener with -a", "says what to do")
    for nonsense in ("nonsense", "https://" + where, "127.0.0.1:", "unix:", ""):
        for words in (["health"], ["reload"], ["key", "list"]):
            p = run(*words, "-a", nonsense)
            equal((p.returncode, p.out), (2, ""), (words, nonsense))
            contains(p.err, "-a must be host:port, http://host:port or unix:/path")
    with rig.Gateway(mock=g.mock) as h:
        h.signal(signal.SIGTERM)
        rig.until(lambda: h.admin("GET", "/readyz").status == 503, 2, "draining")
        equal(run("health", "-a", "127.0.0.1:%d" % h.admin_port).returncode, 3)


def test_reload(g):
    with rig.Gateway(mock=g.mock) as h:
        where = "127.0.0.1:%d" % h.admin_port
        equal(run("reload", "-a", where, "-k", rig.ADMIN_KEY).returncode, 0)
        equal(run("reload", "-c", h.path).returncode, 0)
        equal(run("reload", "-a", where, "-k", "wrong").returncode, 1)
        h.write_config({"no_such_key": 1})
        p = run("reload", "-a", where, "-k", rig.ADMIN_KEY)
        equal(p.returncode, 4)
        contains(p.err, "no_such_key")
        h.good()
        h.write_config()


def test_init_and_zero_file_start(g):
    """init prints a file that check takes and that serves like a start without one."""
    home = rig.tmp("home")
    os.makedirs(home, exist_ok=True)
    port, admin = rig.free_ports(2)
    env = rig.environment(HOME=home, SLUICE_STATE=home, ANTHROPIC_API_KEY=rig.PROVIDER_KEY_A,
                          ANTHROPIC_BASE_URL="http://127.0.0.1:%d" % g.mock.plain,
                          SLUICE_LISTEN="127.0.0.1:%d" % port, SLUICE_ADMIN_LISTEN="127.0.0.1:%d" % admin)
    p = run("init", env=env, cwd=home)
    equal(p.returncode, 0, p.err)
    check(rig.PROVIDER_KEY_A not in p.out, "init prints a secret")
    path = write("init.yaml", p.out)
    for argv in (["serve"], ["serve", "-c", path]):
        q = subprocess.Popen([rig.SLUICE, *argv], env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=open(rig.tmp("zero.err"), "wb"),
                             preexec_fn=rig._die_with_parent)
        try:
            rig.until(lambda: answers(admin), 10 * rig.SLOW, lambda: "ready; it said: " + open(rig.tmp("zero.err")).read())
            key_path = os.path.join(home, "dev.key")
            equal(os.stat(key_path).st_mode & 0o777, 0o600, "mode of the key")
            equal(os.stat(os.path.join(home, "admin.key")).st_mode & 0o777, 0o600, "mode of the dashboard's")
            q2 = run("key", "list", env=env, cwd=home)
            check(q2.returncode == 0 and "dev" in q2.out, q2.out + q2.err)
            equal(run("key", "list", "-a", "127.0.0.1:%d" % admin, env=env, cwd=home).returncode, 1, "it goes to no address that is named")
            key = open(key_path).read().strip()
            r = rig.call(port, "POST", "/v1/messages", rig.messages("mock-echo", "zero"), [("x-api-key", key)])
            equal((r.status, rig.text_of("/v1/messages", r.json())), (200, "zero"))
            contains(open(rig.tmp("zero.err")).read(), "store      embedded, in " + home)
        finally:
            q.terminate()
            equal(q.wait(20), 0, argv)
    rig.no_sanitizer_word(rig.tmp("zero.err"))
    p = run("init", env=rig.environment(HOME=home, SLUICE_STATE=home), cwd=home)
    check(p.returncode != 0 and "ANTHROPIC_API_KEY" in p.err, "without any key it says what to set:", p.err)


def test_store_from_the_environment(g):
    """REDIS_URL or REDIS_HOST and its like; neither init nor check shows the password."""
    home = rig.tmp("redis-home")
    os.makedirs(home, exist_ok=True)
    word = "hunter22@/%"
    for more, init_has, check_has in (
        ({"REDIS_URL": "redis://u:hunter22@h:1/2"}, 'url: "${REDIS_URL}"', "redis://u:(secret)@h:1/2"),
        ({"REDIS_HOST": "h", "REDIS_PASSWORD": word}, 'password: "${REDIS_PASSWORD}"', "redis://h:6379"),
        ({"REDIS_HOST": "::1", "REDIS_PORT": "7"}, "[${REDIS_HOST}]", "redis://[::1]:7"),
        ({}, "", "embedded:" + home + "/data"),
    ):
        env = rig.environment(HOME=home, SLUICE_STATE=home, OPENAI_API_KEY="k", **more)
        p = run("init", env=env, cwd=home)
        equal(p.returncode, 0, p.err)
        contains(p.out, init_has)
        q = run("check", write("redis.yaml", p.out), env=env, cwd=home)
        equal(q.returncode, 0, q.err)
        contains(q.out, check_has)
        check("hunter22" not in p.out + p.err + q.out + q.err, "a password is shown")


def answers(admin):
    try:
        return rig.call(admin, "GET", "/readyz").status == 200
    except OSError:
        return False


def test_env(g):
    path = write("env.yaml", g.config)
    for client, variable in (("claude-code", "ANTHROPIC_BASE_URL"), ("anthropic", "ANTHROPIC_BASE_URL"), ("openai", "OPENAI_BASE_URL")):
        p = run("env", client, "-c", path, "-k", "sk-test")
        equal(p.returncode, 0, p.err)
        contains(p.out, variable)
        contains(p.out, "sk-test")
        q = subprocess.run(["sh", "-ec", p.out + "\necho $" + variable], capture_output=True, text=True)
        contains(q.stdout, "http://127.0.0.1:%d" % g.port, "a shell takes it")
    equal(run("env", "no-such-client", "-k", "x").returncode, 2)


def test_env_of_a_file_without_a_whole_key(g):
    """The dev key is no key of that file: neither `env` nor the banner hands it out."""
    home = rig.tmp("home-of-env")
    os.makedirs(home)
    with open(os.path.join(home, "dev.key"), "w") as f:
        f.write("sk-slc-dev-of-another-start\n")
    env = rig.environment(HOME=home, SLUICE_STATE=home)

    path = write("bare.yaml", g.config)
    p = run("env", "-c", path, env=env)
    equal((p.returncode, p.out), (1, ""))
    contains(p.err, "--key")
    contains(run("env", env=env).out, "sk-slc-dev-of-another-start", "without a file")
    url = "http://127.0.0.1:%d" % g.port
    rig.until(lambda: 'env claude-code --url %s --key "$SLUICE_KEY")' % url in g.said(), 10, g.said)

    def whole(c):
        c["tenants"] = [{"name": "acme", "keys": [{"name": "alice", "key": rig.KEY}]}]

    with rig.Gateway(change=whole, mock=g.mock) as h:
        rig.until(lambda: re.search(r"env claude-code --url \S+ -c \S+\)", h.said()), 10, h.said)
        contains(run("env", "-c", h.path, env=env).out, rig.KEY)


def test_unix_sockets(g):
    data, admin = rig.tmp("d.sock"), rig.tmp("a.sock")
    import socket

    with rig.Gateway({"listen": "unix:" + data, "admin": {"listen": "unix:" + admin, "key": None}}, mock=g.mock, wait=False) as h:
        rig.until(lambda: run("health", "-a", "unix:" + admin).returncode == 0, 10, lambda: "ready: " + h.said())
        equal(run("reload", "-a", "unix:" + admin).returncode, 0, "its owner needs no key")
        s = socket.socket(socket.AF_UNIX)
        s.connect(data)
        w = rig.Wire.__new__(rig.Wire)
        w.s, w.buf = s, b""
        s.settimeout(10)
        w.request("POST", "/v1/messages", rig.messages("mock-echo", "unix"))
        equal(rig.text_of("/v1/messages", w.reply().json()), "unix")
        w.close()
        for path in (data, admin):
            equal(os.stat(path).st_mode & 0o007, 0, "others can't open " + path)
    for path in (data, admin):
        check(not os.path.exists(path), "a socket file is left behind")


if __name__ == "__main__":
    rig.main(globals())
