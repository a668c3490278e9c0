"""Promise: a sealed secret serves as the secret itself under the right master key and under no other; a new master key
comes in without a pause; what is sealed is shown by nobody."""

import json
import os
import subprocess

import _rig as rig
from _check import check, equal

OLD, NEW = "old-master-key-0123456789abcdef-0123", "new-master-key-0123456789abcdef-0123"


def run(*argv, text=b"", **env):
    p = subprocess.run([rig.SLUICE, *argv], input=text, env=rig.environment(**env), capture_output=True, timeout=30)
    told = p.stderr if argv[0] == "unseal" and p.returncode == 0 else p.stdout + p.stderr
    for secret in (OLD, NEW, "sk-one", rig.PROVIDER_KEY_A, rig.ADMIN_KEY):
        check(secret.encode() not in told, "%s shows %s" % (argv, secret))
    return p


def seal(text, master):
    p = run("seal", text=text.encode() + b"\n", SLUICE_MASTER_KEY=master)
    equal((p.returncode, p.stderr), (0, b""))
    return p.stdout.decode().strip()


def test_commands(g):
    one = seal("sk-one", OLD)
    check(one.startswith("seal:v1:") and "sk-one" not in one, one)
    p = run("unseal", text=one.encode(), SLUICE_MASTER_KEY=OLD)
    equal((p.returncode, p.stdout), (0, b"sk-one\n"))
    for text, env, says in (
        (one, {"SLUICE_MASTER_KEY": NEW}, b"which is not here"),
        (one[:-6] + "AAAAA=", {"SLUICE_MASTER_KEY": OLD}, b"was changed"),
        ("plain", {"SLUICE_MASTER_KEY": OLD}, b"not a sealed value"),
        ("", {"SLUICE_MASTER_KEY": OLD}, b"nothing came by stdin"),
        (one, {"SLUICE_MASTER_KEY": "short"}, b"at least 32"),
        (one, {"SLUICE_MASTER_KEY": ""}, b"set SLUICE_MASTER_KEY"),
        (one, {"SLUICE_MASTER_KEY_FILE": "/nowhere"}, b"cannot be read"),
        (one, {"SLUICE_MASTER_KEY": " ".join([OLD] * 5)}, b"more than 4"),
    ):
        p = run("unseal", text=text.encode(), **env)
        check(p.returncode == 1 and says in p.stderr and not p.stdout, "%s: %s" % (says, p.stderr))


def test_reseal(g):
    path = rig.tmp("reseal.yaml")
    text = "a: %s # kept\nb: '%s'\nc: seal:v1\n\nlast" % (seal("one", OLD), seal("two", NEW))
    open(path, "w").write(text)
    os.chmod(path, 0o640)
    p = run("reseal", path, SLUICE_MASTER_KEY=NEW)  # the old one is not there
    check(p.returncode == 1 and b"the file is as it was" in p.stderr, p.stderr)
    equal(open(path).read(), text)
    p = run("reseal", path, SLUICE_MASTER_KEY=NEW + " " + OLD)
    check(p.returncode == 0 and b"1 sealed anew" in p.stdout and b"1 were already" in p.stdout, p.stdout)
    now = open(path).read()
    equal(os.stat(path).st_mode & 0o777, 0o640)
    equal([now.split("\n")[i] for i in (1, 2, 3, 4)], [text.split("\n")[i] for i in (1, 2, 3, 4)], "the rest stays")
    value = now.split()[1]
    equal(run("unseal", text=value.encode(), SLUICE_MASTER_KEY=NEW).stdout, b"one\n")
    check(now.startswith("a: seal:v1:") and " # kept\n" in now, now)


def test_new_master_key_without_a_pause(g):
    """Both keys in the file, a reload; the secrets sealed anew, a reload; the old key gone. Asked after each."""
    keys = rig.tmp("master.keys")

    def masters(*lines):
        open(keys, "w").write("".join(l + "\n" for l in lines))

    def sealed(config):
        for p in config["providers"]:
            p["keys"] = [seal(k, OLD) for k in p["keys"]]
        config["admin"]["key"] = seal(rig.ADMIN_KEY, OLD)

    def reload(h):
        p = run("reload", "-a", "127.0.0.1:%d" % h.admin_port, "-k", rig.ADMIN_KEY)
        h.good()
        return p

    masters(OLD)
    with rig.Gateway(change=sealed, env={"SLUICE_MASTER_KEY_FILE": keys}) as h:
        h.good()
        p = run("check", h.path, SLUICE_MASTER_KEY_FILE=keys)
        check(p.returncode == 0 and b"seal:v1:" in p.stdout and rig.ADMIN_KEY.encode() not in p.stdout, p.stdout)
        masters(NEW)
        p = reload(h)  # refused: what runs goes on
        check(p.returncode == 4 and b"which is not here" in p.stderr, p.stderr)
        masters(NEW, OLD)
        equal(reload(h).returncode, 0)
        equal(run("reseal", h.path, SLUICE_MASTER_KEY_FILE=keys).returncode, 0)
        masters(NEW)
        equal(reload(h).returncode, 0)
        for secret in (rig.PROVIDER_KEY_A, rig.ADMIN_KEY, NEW, OLD):
            check(secret not in h.said(), "a secret is in the log")
            check(secret not in open(h.path).read(), "a secret is in the file")


def test_a_start_needs_the_key(g):
    config = dict(g.config, admin=dict(g.config["admin"], key=seal(rig.ADMIN_KEY, OLD)))
    path = rig.tmp("needs.yaml")
    open(path, "w").write(json.dumps(config))
    for env, says in (({}, b"set SLUICE_MASTER_KEY"), ({"SLUICE_MASTER_KEY": NEW}, b"which is not here")):
        p = run("serve", "-c", path, **env)
        check(p.returncode == 4 and says in p.stderr and b"needs.yaml:1:" in p.stderr, p.stderr)


if __name__ == "__main__":
    rig.main(globals())
