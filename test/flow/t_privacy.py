#!/usr/bin/env python3
"""Promise: nothing private leaks. Canaries stand in keys, prompts, answers and
provider keys, go through every way a request can end, and are then looked for."""
# timeout: 180

import glob
import json
import os
import re
import subprocess

import _rig as rig
from _admin import Api
from _check import check, equal, until

PROMPT = "canaryprompt-7f3a"
ANSWER = "0000001 "  # what counted answers say


def everything_said(g):
    g.settle()
    g.log_ends()
    out = {"stderr": open(g.err, "rb").read(), "stdout": open(g.out, "rb").read()}
    for path in ("/metrics", "/readyz", "/healthz"):
        out[path] = g.admin("GET", path).body
    return out


def test_every_way_to_end(g):
    """log.level debug, every error path, all routes."""
    words = ["echo", "tools", "thinking", "refusal", "429", "500", "401", "402", "403", "529", "400-org", "429-quota", "html", "empty", "drop",
             "rst", "error-0", "error-2", "cut-0", "cut-2", "reset-2", "badchunk-2", "bytes-200000-cut-1", "nofinal", "hang", "stall-2"]
    settings = {"log": {"level": "debug"}, "timeouts": {"idle": "500ms", "first_byte": "500ms", "total": "900ms"}}
    answers = []
    with rig.Gateway(settings, mock=g.mock) as h:
        for path, make, _ in rig.GENERATE:
            for w in words:
                for stream in (False, True):
                    body = make("mock-" + w, PROMPT, stream=stream, user="canaryuser")
                    try:
                        r = h.post(path, body, [("cookie", "c=canarycookie"), ("x-forwarded-for", "9.9.9.9")])
                    except rig.Closed:
                        continue
                    answers.append((path + " " + w, r))
            for bad in (b'{"model":"mock-echo","x":"%s' % PROMPT.encode(), b"%s" % PROMPT.encode(),
                        rig.dump({"model": "mock-echo", "a": PROMPT, "b": 1})[:-1] + b',"b":2}'):
                r = h.post(path, bad)
                check(PROMPT.encode() not in r.body, "an error quotes the body")
            for key in (rig.KEY_EXPIRED, rig.KEY[:-1] + "x", "Bearer " + rig.KEY_PLAIN):
                r = h.post(path, make("mock-echo", PROMPT), key=key)
                check(b"canarysecret" not in r.head + r.body, "an error quotes a key")
            with h.wire() as w:
                w.request("POST", path, make("mock-stall-3", PROMPT, stream=True))
                w.reply_head()
                w.reset()
            h.post(path + "?key=" + rig.KEY_PLAIN, make("mock-echo"))
            h.call("GET", path + "/" + rig.KEY_PLAIN)
        for name, r in answers:
            raw = r.head + r.body
            for canary in (b"canaryproviderkey", b"canarysecret", b"mockcanary", b"cookiecanary", b"canaryadminkey"):
                check(canary not in raw, canary, "came down:", name)
        for place, text in everything_said(h).items():
            for canary in (b"canarysecret", b"canaryproviderkey", b"canaryadminkey", PROMPT.encode(), b"canarycookie", b"cookiecanary",
                           b"mockcanary", ANSWER.encode()):
                at = text.find(canary)
                check(at < 0, canary, "is in", place, text[max(0, at - 200) : at + 100])
        check(b"alice" in open(h.out, "rb").read(), "the public part of a key may be logged")
    trail = [path for path in glob.glob(h.dir + "/**/*", recursive=True) if os.path.isfile(path)]
    check(any("trail" in path for path in trail), "no trail was kept:", trail)
    for path in trail:
        text = open(path, "rb").read()
        for canary in (b"canarysecret", b"canaryproviderkey", b"canaryadminkey", PROMPT.encode(), b"canarycookie", b"cookiecanary", ANSWER.encode()):
            check(canary not in text, canary, "is in", path)


def test_configuration_faults_do_not_quote_secrets(g):
    path = rig.tmp("bad.yaml")
    config = rig.default_config(g.mock, 1, 2)
    config["providers"][0]["keys"] = ["canaryliteralkey"]
    config["tenants"][0]["keys"][0] = {"name": "a", "key": "canaryliteralkey-tenant", "wrong": 1}
    with open(path, "w") as f:
        json.dump(config, f)
    p = subprocess.run([rig.SLUICE, "check", path], env=rig.environment(), capture_output=True)
    check(p.returncode != 0)
    check(b"canaryliteral" not in p.stdout + p.stderr, p.stderr)
    del config["tenants"][0]["keys"][0]["wrong"]
    with open(path, "w") as f:
        json.dump(config, f)
    p = subprocess.run([rig.SLUICE, "check", path], env=rig.environment(), capture_output=True)
    check(b"canaryliteral" not in p.stdout + p.stderr and rig.PROVIDER_KEY_A.encode() not in p.stdout + p.stderr, "check prints a secret")
    os.unlink(path)


def test_logs_cannot_be_forged(g):
    evil = ["a\x1b[31mb", "x" * 60000, "\u0085\u2028", "\"}\n{\"forged\":1}"]
    g.settle()
    for e in evil:
        g.post("/v1/messages", rig.dump({"model": e[:190], "messages": []}), [("user-agent", e.encode("utf-8").decode("latin-1")[:7000].replace("\n", " "))])
        g.call("GET", "/" + re.sub(r"[^!-~]", "%0a", e)[:9000])
    g.settle()
    g.log_ends()
    for line in g.access_lines():
        check("forged" not in line)
    for line in open(g.out, "rb").read().split(b"\n"):
        check(len(line) < 8192 and not re.search(rb"[\x00-\x1f\x7f]", line), line[:300])


def test_labels_do_not_grow(g):
    g.good()
    before = len(g.metrics().rows)
    for i in range(300):
        g.post("/v1/messages", rig.messages("made-up-model-%d" % i))
        g.call("GET", "/made/up/path/%d" % i)
    equal(g.post("/v1/messages", rig.messages("x"), key="made-up").status, 401)
    after = len(g.metrics().rows)
    check(after - before < 150, "series: %d, then %d" % (before, after))
    check("made-up" not in g.metrics().text, "a client's word is a label")


def kept(path):
    return [json.loads(l) for l in open(path, "rb") if l.endswith(b"\n")] if os.path.exists(path) else []


def kept_of(path, reply):
    """The line of an answer; it may come a moment later."""
    want = reply.get("x-sluice-request-id")
    return until(lambda: [l for l in kept(path) if l["id"] == want], 10 * rig.SLOW, "kept line of " + want)[0]


def opted_in(path, **prompts):
    def change(config):
        config["prompts"] = {"file": path, "redact": ["emails", "numbers", "EMP-####"], **prompts}
        config["tenants"][0]["log_prompts"] = True
        config["cache"] = {"enabled": False}
        config["models"].append({"name": "kept", "targets": [{"provider": "mock-a", "model": "mock-echo"}], "cache": {"enabled": True}})
        config["words"] = [{"name": "gin", "words": ["gin"], "action": "block"}]

    return change


def check_kept_texts(h, path):
    """What was asked and answered, put together and redacted, in every protocol, streamed or not, and from the cache."""
    secrets = [rig.KEY, "ann@example.org", "+49 30 1234567", "emp-0042", "sk-ant-api03-0123456789abcdef"]
    said = PROMPT + " \u00e9 and " + " and ".join(secrets) + " end"
    clean = PROMPT + " \u00e9" + " and [redacted]" * len(secrets) + " end"
    for way, make, _ in rig.GENERATE:
        for stream in (False, True):
            r = h.post(way, make("mock-echo", said, stream=stream))
            l = kept_of(path, r)
            what = "%s, stream %s: %s" % (way, stream, l)
            equal((l["tenant"], l["model"], l["ending"], l["status"], l["cut"]), ("acme", "mock-echo", "done", 200, False), what)
            check(clean in l["prompt"] and l["answer"] == [clean], what)
            equal(l["redacted"], 2 * len(secrets), what)
    body = rig.messages("kept", said)
    for cached in ("MISS", "HIT"):
        r = h.post("/v1/messages", body)
        equal((r.get("x-cache"), kept_of(path, r)["answer"]), (cached, [clean]))
    r = h.post("/v1/messages", rig.messages("mock-echo", "a " + rig.KEY_PLAIN), key=rig.KEY_PLAIN)
    equal(kept_of(path, r)["prompt"], ["a [redacted]"], "a key of any form that the request came with")
    l = kept_of(path, h.post("/v1/messages", rig.messages("mock-echo", "gin")))
    equal((l["status"], l["prompt"], l["answer"]), (400, ["gin"], []))
    raw = open(path).read()
    for s in secrets + [rig.KEY_PLAIN, "canarysecret"]:
        check(s not in raw, s, "is kept")


def check_what_is_cut(h, path):
    """No half of what would be taken out, of neither; and texts without anything are none, nor take another's place."""
    for secret in ("ann@example.org", rig.KEY_PLAIN):
        for stream in (False, True):
            l = kept_of(path, h.post("/v1/messages", rig.messages("mock-echo", "w " * 2044 + secret + " and on", stream=stream), key=rig.KEY_PLAIN))
            equal((l["cut"], l["prompt"], l["answer"]), (True, ["w " * 2044], ["w " * 2044]))
    blocks = [{"type": "text", "text": t} for t in ("", "w " * 3000, "", "")]
    l = kept_of(path, h.post("/v1/messages", rig.messages("mock-echo", blocks)))
    equal((l["cut"], l["prompt"]), (True, ["w " * 2048]))


def test_kept_for_those_who_said_so(g):
    """prompts.file: nothing of other tenants, nobody else may read it, rotated with SIGHUP, cut and said."""
    path = rig.tmp("kept.jsonl")
    with rig.Gateway(None, opted_in(path, max="4KiB"), mock=g.mock) as h:
        bob = h.post("/v1/messages", rig.messages("mock-echo", "canary-of-bob"), key=rig.KEY_BOB)
        equal(bob.status, 200)
        check_kept_texts(h, path)
        check("canary-of-bob" not in open(path).read(), "a tenant is kept that did not say so")
        l = kept_of(path, h.post("/v1/messages", rig.messages("mock-echo", "long " * 4000, system="short")))
        equal((l["cut"], l["prompt"]), (True, ["long " * 819]))
        check(0 < len(l["answer"][0]) <= 4096, len(l["answer"][0]))
        check_what_is_cut(h, path)
        equal(os.stat(path).st_mode & 0o777, 0o600)
        os.rename(path, path + ".1")
        h.signal(1)
        until(lambda: os.path.exists(path), 10 * rig.SLOW, "the file is made anew")
        equal(os.stat(path).st_mode & 0o777, 0o600)
        kept_of(path, h.post("/v1/messages", rig.messages("mock-echo", "after")))
        check(PROMPT not in open(h.out).read() + open(h.err).read(), "a log has it, too")


def test_kept_of_those_whom_operators_choose(g):
    """log_prompts by the admin API and its command, over the file's: from the next request on, with who said so in the trail."""
    path = rig.tmp("kept.jsonl")

    with rig.Gateway(None, opted_in(path), mock=g.mock) as h:
        api, unkept = Api(h), []

        def ask(key, text):
            return h.post("/v1/messages", rig.messages("mock-echo", text), key=key)

        equal((api("GET", "tenant/acme")["log_prompts"], api("GET", "tenant/bobs")["log_prompts"]), (True, False))
        key, _ = api.key(tenant=api("POST", "tenant", {"name": "made", "log_prompts": True})["name"])
        equal(kept_of(path, ask(key, "made here"))["tenant"], "made")
        unkept.append(ask(rig.KEY_BOB, "not yet"))
        api("PATCH", "tenant/bobs", {"log_prompts": True})
        equal(kept_of(path, ask(rig.KEY_BOB, "the file's, changed here"))["tenant"], "bobs")
        command = [rig.SLUICE, "tenant", "change", "acme", "--log-prompts", "false", "-a", "127.0.0.1:%d" % h.admin_port, "-k", rig.ADMIN_KEY]
        p = subprocess.run(command, env=rig.environment(), cwd=h.dir, capture_output=True, timeout=60)
        equal((p.returncode, p.stderr), (0, b""))
        check(re.search(rb"(?m)^log_prompts +false$", p.stdout), p.stdout)
        unkept.append(ask(rig.KEY, "taken back"))
        api("PATCH", "tenant/acme", {"log_prompts": None})
        equal(kept_of(path, ask(rig.KEY, "the file's holds again"))["tenant"], "acme")
        for r in unkept:  # lines come in the order of requests, and a later one is there
            equal(r.status, 200)
            check(r.get("x-sluice-request-id") not in [l["id"] for l in kept(path)], "is kept")
        api.refused("PATCH", "tenant/bobs", {"log_prompts": "yes"}, 400, "invalid_value", "log_prompts")
        api.refused("POST", "token", {"name": "k", "tenant": "bobs", "log_prompts": True}, 400, "invalid_value", "log_prompts")
        lines = [json.loads(l) for p in glob.glob(h.dir + "/**/trail*.jsonl", recursive=True) for l in open(p)]
        said = [l for l in lines if l["kind"] == "tenant" and l["id"] == "bobs"]
        check(len(said) == 1 and json.loads(said[0]["doc"])["log_prompts"] is True and said[0]["actor"].startswith("admin key "), said or lines)
    message = Api(g).refused("PATCH", "tenant/acme", {"log_prompts": True}, 400, "invalid_value", "log_prompts")
    check("prompts.file" in message, message)
    check(Api(g)("PATCH", "tenant/acme", {"log_prompts": False})["log_prompts"] is False, "nobody needs a file for that")


def test_what_the_configuration_has_no_more(g):
    """A tenant whose record needs a plan and a file for prompts that went: it is paused and changed all the same."""
    with rig.Gateway({"plans": [{"name": "gold"}]}, opted_in(rig.tmp("went.jsonl")), mock=g.mock) as h:
        Api(h)("PATCH", "tenant/bobs", {"log_prompts": True, "plan": "gold"})
        h.stop()
        del h.config["plans"], h.config["prompts"], h.config["tenants"][0]["log_prompts"]
        h.write_config()
        h.start()
        api = Api(h)
        api("PATCH", "tenant/bobs", {"state": "paused"})
        r = h.post("/v1/messages", rig.messages("mock-echo"), key=rig.KEY_BOB)
        equal((r.status, h.access_of(r)["error"]), (403, "paused"))
        api("PATCH", "tenant/bobs", {"budget": {"daily": 5}})
        for again, member in (({"plan": "gold"}, "plan"), ({"log_prompts": True}, "log_prompts"), ({"state": "active"}, "plan")):
            api.refused("PATCH", "tenant/bobs", again, 400, "invalid_value", member)
        equal(api("PATCH", "tenant/bobs", {"state": "active", "plan": None})["log_prompts"], True)


def test_kept_on_a_full_disk(g):
    """Requests go on; what is not kept is counted."""
    with rig.Gateway(None, opted_in("/dev/full"), mock=g.mock) as h:
        for _ in range(3):
            equal(h.post("/v1/messages", rig.messages("mock-echo")).status, 200)
        until(lambda: h.metrics().value("sluice_prompts_dropped") == 3, 10 * rig.SLOW, "they are counted")


def test_process_is_guarded(g):
    with open("/proc/%d/limits" % g.p.pid) as f:
        check(re.search(r"Max core file size\s+0\s+0", f.read()), "core files are on")


if __name__ == "__main__":
    rig.main(globals())
