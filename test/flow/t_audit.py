#!/usr/bin/env python3
"""Promise: the trail answers an auditor: whose each request was, how it was decided, what went in and out; who changed
what; and whoever changes, removes, moves or cuts a line is found, over restarts, rotated files and kill -9."""
# timeout: 150

import csv
import glob
import hashlib
import hmac
import io
import json
import os
import random
import shutil
import subprocess

import _rig as rig
from _admin import Api
from _check import check, contains, equal, until
from _rig import KEY

PRICE = {"input": 3.0, "output": 15.0}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TARGETS = [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]


def settings(**how):
    return {
        "audit": how,
        "retry": {"attempts": 3, "base": "1ms"},
        "cache": {"enabled": True},
        "models": [
            {"name": "*", "targets": TARGETS, "cache": {"enabled": False}},
            {"name": "kept", "targets": [{"provider": "mock-a", "model": "mock-echo", "price": PRICE}]},
            {"name": "second", "cache": {"enabled": False},
             "targets": [{"provider": "mock-a", "model": "mock-529", "price": PRICE, "priority": 0},
                         {"provider": "mock-o", "model": "mock-echo", "price": PRICE, "priority": 1}]},
        ],
    }


def audit(g, *argv, code=0, what="", env=None):
    p = subprocess.run([rig.SLUICE, "audit", *argv], env=env or rig.environment(), cwd=g.dir, capture_output=True, timeout=60)
    check(not rig.SANITIZER.search(p.stderr), p.stderr.decode()[-3000:])
    equal(p.returncode, code, "audit %s %s: %s" % (argv, what, p.stderr.decode()))
    p.out, p.err = p.stdout.decode(), p.stderr.decode()
    return p


def lines(directory):
    found = []
    for path in sorted(glob.glob(directory + "/trail*.jsonl")):
        found += [json.loads(l) for l in open(path, "rb") if l.endswith(b"\n")]
    return sorted(found, key=lambda l: l["n"])


def line_of(g, reply):
    """The settled line of an answer, once it is on disk."""
    id = reply.get("x-sluice-request-id")
    is_it = lambda l: l["kind"] == "settle" and l["id"].endswith(id)
    return until(lambda: [l for l in lines(g.dir) if is_it(l)], 10 * rig.SLOW, "settled line of " + id)[0]


def test_fields(g):
    """Every field, and the digests of exactly what was sent and received."""
    headers = [("traceparent", "00-%s-00f067aa0ba902b7-01" % TRACE), ("x-title", "Desk"), ("x-forwarded-for", "203.0.113.9")]
    config = g.metrics().labelled("sluice_config_info", "hash")
    for stream in (False, True):
        body = rig.messages("mock-events-5", "canary-in-the-prompt", stream=stream, metadata={"user_id": "end-7"})
        r = g.post("/v1/messages", body, headers=headers)
        equal(r.status, 200)
        l = line_of(g, r)
        equal((l["trace"], l["end_user"], l["app"], l["asked"], l["client"]), (TRACE, "end-7", "Desk", "mock-events-5", "203.0.113.9"))
        equal((l["tenant"], l["user"], l["key_name"], l["provider"], l["served"]), ("acme", "alice@acme", "alice", "mock-a", "mock-events-5"))
        equal(l["provider_id"], r.get("request-id"))
        check((l["config"],) in config, "configuration: %s of %s" % (l["config"], config))
        equal(l["prompt_sha256"], hashlib.sha256(body).hexdigest())
        equal(l["answer_sha256"], hashlib.sha256(r.body).hexdigest())
        equal((l["ending"], l["status"], l["source"]), ("done", 200, "reported"))
        check(l["cost_micro"] > 0 and l["took_ms"] >= 0 and l["first_ms"] >= 0, l)
        equal(l["path"][0], "admitted")
        contains(l["path"][1], "mock-a/mock-events-5 200 after ")
    r = g.post("/v1/chat/completions", rig.chat("mock-echo", user="end-8"), headers=[("traceparent", "00-zz-1-1"), ("user-agent", "curl/8")])
    l = line_of(g, r)
    equal((l["end_user"], l["app"], l.get("trace")), ("end-8", "curl/8", None))
    check("canary-in-the-prompt" not in "".join(open(p).read() for p in glob.glob(g.dir + "/trail*")), "a prompt is in the trail")


def test_path(g):
    """How it was decided: the try that failed, the one that answered, the cache."""
    l = line_of(g, g.post("/v1/messages", rig.messages("second")))
    equal(len(l["path"]), 3, l["path"])
    contains(l["path"][1], "mock-a/mock-529 529 ")
    contains(l["path"][2], "mock-o/mock-echo 200 after ")
    body = rig.messages("kept", "the same twice")
    first, again = g.post("/v1/messages", body), g.post("/v1/messages", body)
    equal((first.get("x-cache"), again.get("x-cache")), ("MISS", "HIT"))
    contains(line_of(g, first)["path"], "cache MISS")
    l = line_of(g, again)  # audit.every: it cost nothing, and has a line of its own
    equal((l["path"], l["cached"], l["cost_micro"], l.get("provider")), (["admitted", "cache HIT"], 1, 0, ""))
    equal(l["answer_sha256"], hashlib.sha256(again.body).hexdigest())


def test_list(g):
    """Lines by whom they are of, as JSON or CSV; what operators did."""
    ours = g.post("/v1/messages", rig.messages("mock-echo", "for the list"), headers=[("x-forwarded-for", "203.0.113.77"), ("x-title", "=1+2")])
    id = line_of(g, ours)["id"]
    Api(g).key("audited")
    until(lambda: [l for l in lines(g.dir) if l["kind"] == "key"], 10 * rig.SLOW, "the change is on disk")
    for asked in (["--id", id], ["--id", ours.get("x-sluice-request-id")], ["--id", ours.get("request-id")], ["--client", "203.0.113.77"]):
        equal([json.loads(l)["id"] for l in audit(g, "list", g.dir, *asked).out.splitlines()], [id], asked)
    rows = list(csv.DictReader(io.StringIO(audit(g, "list", g.dir, "--tenant", "acme", "--kind", "settle", "--csv").out)))
    mine = [r for r in rows if r["id"] == id]
    equal((mine[0]["user"], mine[0]["client"], mine[0]["model"]), ("alice@acme", "203.0.113.77", "*"))
    equal(mine[0]["app"], "'=1+2", "a formula for a spreadsheet")
    admin = [json.loads(l) for l in audit(g, "list", g.dir, "--kind", "admin").out.splitlines()]
    check(admin and all(l["actor"] for l in admin), admin)
    contains([l["kind"] for l in admin], "key")
    p = audit(g, "list", g.dir, "--kind", "setle", code=2)
    equal(p.out, "")
    contains(p.err, "kind: must be settle, sum,")
    check("canarysecret" not in json.dumps(admin), "a key's text")
    equal(audit(g, "list", g.dir, "--to", "2001-01-01").out, "")
    equal(audit(g, "list", g.dir, "--from", "2001-01-01", "--id", id).out.count("\n"), 1)


def test_search(g):
    """The same lines by the admin API, the newest first, page by page."""
    api = Api(g)
    key, kid = api.key("searched", tenant="acme")
    ids = []
    for i in range(5):
        r = g.post("/v1/messages", rig.messages("second", "hi %d" % i, metadata={"user_id": "end-%d" % (i % 2)}), key=key)
        ids.append(r.get("x-sluice-request-id"))
    mine = until(lambda: (lambda l: l if len(l) == 5 else None)(api("GET", "audit?kind=settle&key=" + kid)), 10 * rig.SLOW, "they are written")
    equal([l["id"][-16:] for l in mine], ids[::-1], "the newest first")
    written = [json.loads(l) for l in audit(g, "list", g.dir, "--key", kid, "--kind", "settle").out.splitlines()]
    equal(mine, written[::-1], "as in the file")
    equal([l["id"][-16:] for l in sum(api.pages("audit?key=%s&kind=settle" % kid, 2), [])], ids[::-1], "page by page")
    equal([l["id"][-16:] for l in api("GET", "audit?id=" + ids[2])], [ids[2]])
    equal([l["id"][-16:] for l in api("GET", "audit?end_user=end-1&key=" + kid)], [ids[3], ids[1]])
    made = api("GET", "audit?kind=admin&id=" + kid)
    check(len(made) == 1 and made[0]["actor"].startswith("admin key "), made)
    equal(api("GET", "audit?kind=admin&actor=nobody"), [])
    equal(api("GET", "audit?to=2001-01-01"), [])
    equal(api("GET", "audit?from=2101-01-01"), [])
    equal(len(api("GET", "audit?from=2001-01-01&client=127.0.0.1&limit=3")), 3, "by the name that is kept for an address")
    api.refused("GET", "audit?from=yesterday", None, 400, param="from")
    api.refused("GET", "audit?after=x", None, 400, param="after")
    api.refused("GET", "audit?limit=201", None, 400, param="limit")
    api.refused("GET", "audit?tenant=" + "x" * 300, None, 400, param="tenant")


def sluice(g, *argv, code=0):
    p = subprocess.run([rig.SLUICE, *argv, "-a", "127.0.0.1:%d" % g.admin_port, "-k", rig.ADMIN_KEY], env=rig.environment(), cwd=g.dir, capture_output=True, timeout=60)
    check(not rig.SANITIZER.search(p.stderr), p.stderr.decode()[-3000:])
    equal(p.returncode, code, "%s: %s" % (argv, p.stderr.decode()))
    return (p.stdout if code == 0 else p.stderr).decode()


def test_last_and_show(g):
    """What happened to a request, and what it cost, by any id that its answer carries."""
    good = g.post("/v1/messages", rig.messages("second", "canary-in-the-prompt", metadata={"user_id": "end-9"}), headers=[("x-title", "Desk")])
    lost = g.post("/v1/messages", rig.messages("mock-echo", metadata={"user_id": 7}), key="sk-slc-nobody-canarysecret")
    equal((good.status, lost.status), (200, 401))
    id = good.get("x-sluice-request-id")
    last = lambda *more: json.loads(sluice(g, "last", "--json", *more))
    until(lambda: [l for l in last() if l["id"] == id], 10 * rig.SLOW, "it has ended")
    for by in (id, good.get("request-id")):
        l = json.loads(sluice(g, "show", by, "--json"))
        equal((l["id"], l["tenant"], l["key_name"], l["end_user"], l["app"], l["ending"], l["status"]),
              (id, "acme", "alice", "end-9", "Desk", "done", 200))
        equal((len(l["path"]), round(l["cost"] * 1e6)), (3, l["cost_micro"]))
        check(l["cost"] > 0)
    shown = sluice(g, "show", id)
    contains(shown, "mock-a/mock-529 529 ")
    contains(shown, "ms_total")
    refused = until(lambda: [l for l in last() if l["id"] == lost.get("x-sluice-request-id")], 10 * rig.SLOW, "the refused one")[0]
    contains(refused["message"], "Authentication failed")
    equal((refused["status"], refused["path"], refused.get("cost")), (401, [], None))
    equal([l["id"] for l in last("--end-user", "end-9")], [id])
    equal(last("--tenant", "nobody"), [])
    equal(len(last("--limit", "1")), 1)
    contains(sluice(g, "last").splitlines()[0], "TIME")
    contains(sluice(g, "last", "--limit", "0", code=1), "limit: ")
    contains(sluice(g, "show", "0123456789abcdef", code=1), "sluice audit list DIR --id ID")
    sluice(g, "show", code=2)
    sluice(g, "last", "word", code=2)
    every = json.dumps(last("--limit", "1000"))
    check("canary" not in every, "a prompt or a key is shown")


def test_live_and_stop(g):
    """What is under way, and its end, from the command line."""
    with g.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("mock-stall-3", "canary-in-the-prompt", stream=True))
        r = w.reply_head()
        id = r.get("x-sluice-request-id")
        one = until(lambda: [l for l in json.loads(sluice(g, "live", "--json")) if l["id"] == id], 10 * rig.SLOW, "it is listed")[0]
        equal((one["tenant"], one["model"], "canary" in str(one)), ("acme", "mock-stall-3", False))
        rows = [l.split() for l in sluice(g, "live", "--limit", "1000").splitlines()]
        equal((rows[0][:3], [x[0] for x in rows[1:] if x[0] == id]), (["ID", "PHASE", "AGE_MS"], [id]))
        contains(sluice(g, "stop", id), "stopped")
        check([rig.Event(e) for e in w.events(r)][-1].is_error())
    contains(sluice(g, "stop", id, code=1), id)
    sluice(g, "stop", code=2)
    contains(sluice(g, "live", "--limit", "0", code=1), "limit: ")


def test_kept_whatever_the_log_is(g):
    for log in ({"access": "off"}, {"format": "logfmt"}):
        with rig.Gateway({"log": log}, mock=g.mock) as h:
            r = h.post("/v1/messages", rig.messages("mock-echo"))
            until(lambda: json.loads(sluice(h, "last", "--json")), 10 * rig.SLOW, "it has ended")
            equal(json.loads(sluice(h, "show", r.get("x-sluice-request-id"), "--json"))["status"], 200)


def test_addresses_are_blinded(g):
    """By default an address is kept as a name that only the trail's key makes; off: not at all."""
    with rig.Gateway(settings(every=True), mock=g.mock) as h:
        l = line_of(h, h.post("/v1/messages", rig.messages("mock-echo")))
        equal((l.get("client"), len(l["client_name"])), (None, 16))
        check("prompt_sha256" not in l and "answer_sha256" not in l, "digests nobody asked for")
        r = h.post("/v1/messages", rig.messages("mock-echo", "again"))
        equal(line_of(h, r)["client_name"], l["client_name"])
        equal(len(audit(h, "list", h.dir, "--client", "127.0.0.1").out.splitlines()), 2)
        equal(audit(h, "list", h.dir, "--client", "127.0.0.2").out, "")
        h.config["audit"] = {"client": "off"}
        h.write_config()
        h.signal(1)
        was = l["config"]
        until(lambda: (was,) not in h.metrics().labelled("sluice_config_info", "hash") or
              h.metrics().value("sluice_config_info", hash=was) == 0, 10 * rig.SLOW, "reloaded")
        l = line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "after")))
        equal((l.get("client"), l.get("client_name")), (None, None))


# ---- tampering ----


def split(directory, after):
    """As rotation leaves it: the first lines in a file named by their numbers."""
    path = directory + "/trail.jsonl"
    all = open(path).readlines()
    first, last = json.loads(all[0]), json.loads(all[after - 1])
    from_ = first.get("from", first["n"])
    with open("%s/trail-%d-%d.jsonl" % (directory, from_, last["n"]), "w") as f:
        f.writelines(all[:after])
    with open(path, "w") as f:
        f.writelines(all[after:])


def edit(directory, change):
    path = directory + "/trail.jsonl"
    all = open(path).readlines()
    change(all)
    with open(path, "w") as f:
        f.writelines(all)


def swap(all):
    all[1], all[2] = all[2], all[1]


def change(all):
    all[1] = all[1].replace('"t":"2', '"t":"3', 1)


def forge(all):
    """A line with its own digits right, but without the key."""
    l = json.loads(all[-1])
    l.update(n=l["n"] + 1, mac="0" * 64)
    all.append(json.dumps(l, separators=(",", ":")) + "\n")


def remove_rotated(d):
    os.remove(glob.glob(d + "/trail-*.jsonl")[0])


def tear(d):
    with open(d + "/trail.jsonl", "a") as f:
        f.write('{"n":')


DAMAGES = [
    ("changed", lambda d: edit(d, change), 5, "was changed"),
    ("a digit of a mac", lambda d: edit(d, lambda a: a.__setitem__(1, a[1][:-5] + ("0" if a[1][-5] != "0" else "1") + a[1][-4:])), 5, "was changed"),
    ("missing", lambda d: edit(d, lambda a: a.pop(1)), 5, "missing"),
    ("reordered", lambda d: edit(d, swap), 5, "reordered"),
    ("twice", lambda d: edit(d, lambda a: a.insert(2, a[1])), 5, "reordered"),
    ("forged", lambda d: edit(d, forge), 5, "was changed"),
    ("its end cut off", lambda d: edit(d, lambda a: a.pop()), 5, "cut off"),
    ("a whole file missing", remove_rotated, 5, "missing"),
    ("no head", lambda d: os.remove(d + "/trail.head"), 5, "trail.head is gone"),
    ("no key", lambda d: os.remove(d + "/trail.key"), 1, "trail.key"),
    ("torn", tear, 0, "the last one is torn"),
]


def flip_bytes(g, directory, n):
    """Of every file a sample of its bytes, each changed by itself, its first and its last among them."""
    for path in sorted(glob.glob(directory + "/trail*.jsonl")):
        was = open(path, "rb").read()
        for i in {0, len(was) - 2, len(was) - 1, *random.Random(1).sample(range(len(was)), n)}:
            with open(path, "r+b") as f:
                f.seek(i)
                f.write(bytes([was[i] ^ 1]))
            contains(audit(g, "verify", directory, code=5, what="byte %d" % i).err, "broken at line", path)
            with open(path, "r+b") as f:
                f.seek(i)
                f.write(was[i : i + 1])
    audit(g, "verify", directory)


def test_tampering(g):
    with rig.Gateway(settings(every=True), mock=g.mock) as h:
        for i in range(4):
            line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "one %d" % i)))
        h.p.kill()
        h.p.wait()
        h.start()
        Api(h)("POST", "token", {"name": "after"})
        for i in range(4):
            line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "two %d" % i)))
        h.stop()
        audit(h, "verify", h.dir)
        split(h.dir, 4)
        p = audit(h, "verify", h.dir, "--json")
        report = json.loads(p.out)
        of = lines(h.dir)
        equal((report["files"], report["lines"], report["last"], report["changes"]), (2, len(of), of[-1]["n"], 2), "a key, and the tenant it is of")
        equal(report["requests"], 8)
        equal(round(report["cost"] * 1e6), sum(l.get("cost_micro", 0) for l in of))
        contains(audit(h, "verify", h.dir).out, "8 requests")
        for name, damage, code, word in DAMAGES:
            copy = rig.tmp("damaged")
            shutil.copytree(h.dir, copy)
            damage(copy)
            p = audit(h, "verify", copy, code=code, what=name)
            contains(p.out + p.err, word, name)
            if name == "missing":
                p = audit(h, "list", copy, code=code)
                check(0 < len(p.out.splitlines()) < len(of), "lines up to the damage")
            shutil.rmtree(copy)
        flip_bytes(h, h.dir, 6)
        # what was split is the trail still: it goes on from there
        h.start()
        line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "three")))
        h.stop()
        report = json.loads(audit(h, "verify", h.dir, "--json").out)
        equal(report["requests"], 9)
        h.start()
        # what the trail adds up to is what the store has, of both processes that were
        of_store = lambda: [(r["requests"], r["cost"]) for r in Api(h)("GET", "usage?by=tenant")]
        until(lambda: of_store() == [(9, report["cost"])], 10 * rig.SLOW, lambda: "%s, and the trail says %s" % (of_store(), report))


def test_a_start_refuses_a_cut_trail(g):
    with rig.Gateway(settings(every=True), mock=g.mock) as h:
        line_of(h, h.post("/v1/messages", rig.messages("mock-echo")))
        h.stop()
        was = open(h.dir + "/trail.jsonl").read()
        edit(h.dir, lambda a: a.pop())
        h.start(wait=False)
        equal(h.p.wait(20 * rig.SLOW), 1, "it starts on a trail without its end")
        contains(h.said(), "the trail's end was cut")
        with open(h.dir + "/trail.jsonl", "w") as f:
            f.write(was)
        h.start()


def write_anew(directory):
    """The last line says something else, and one more follows it; both fit the chain."""
    key = bytes.fromhex(open(directory + "/trail.key").read())
    with open(directory + "/trail.jsonl") as f:
        text = f.read().splitlines()
    body = text.pop()[:-74]
    mac = bytes.fromhex(text[-1][-66:-2])
    last = json.loads(body + "}")["n"]
    for line in (body.replace('"t":', '"t":1', 1), body.replace('"n":%d,' % last, '"n":%d,' % (last + 1), 1)):
        mac = hmac.digest(key, line.encode() + mac, "sha256")
        text.append('%s,"mac":"%s"}' % (line, mac.hex()))
    with open(directory + "/trail.jsonl", "w") as f:
        f.write("\n".join(text) + "\n")


def test_the_store_knows_the_end(g):
    with rig.Gateway(settings(every=True), mock=g.mock) as h:
        instance = open(h.dir + "/instance").read().strip()
        tip = lambda: Api(h)("GET", "trail/" + instance)
        known = lambda: until(lambda: tip()["number"] == lines(h.dir)[-1]["n"], 20 * rig.SLOW, "the store knows the last line")
        env = rig.environment(SLUICE_ADMIN_KEY=rig.ADMIN_KEY, SLUICE_ADMIN_LISTEN="127.0.0.1:%d" % h.admin_port)
        verify = lambda directory, code: audit(h, "verify", directory, code=code, env=env)
        line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "one")))
        known()
        old = rig.tmp("older")
        os.mkdir(old)
        for name in ("instance", "trail.key", "trail.jsonl", "trail.head"):
            shutil.copy(h.dir + "/" + name, old)
        verify(old, 0)
        line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "two")))
        known()
        contains(verify(h.dir, 0).out, "the store knows of line %d" % lines(h.dir)[-1]["n"])
        contains(verify(old, 5).err, "the end was cut off, or this is an older copy")
        h.stop()
        contains(verify(h.dir, 0).out, "was not compared with the store's word: 127.0.0.1")
        contains(verify(old, 0).out, "was not compared")
        # whole lines are gone from its end, and trail.head says nothing of them
        lost = lines(h.dir)[-1]["n"]
        for name in ("trail.jsonl", "trail.head"):
            shutil.copy(old + "/" + name, h.dir)
        h.start()
        until(lambda: "was cut: the store knows of its line" in h.said(), 20 * rig.SLOW, "it is said")
        line_of(h, h.post("/v1/messages", rig.messages("mock-echo", "three")))
        known()
        equal(tip()["lost"], lost)
        contains(verify(h.dir, 5).err, "cut off before a start: the store knew of line %d" % lost)
        equal(json.loads(audit(h, "verify", h.dir, "--json", code=5, env=env).out)["compared"], True)
        contains(Api(h).refused("GET", "trail/nobody", None, 400, param="instance"), "8 digits")
        # a line it knows is another one, by who has the key, and the chain goes on behind it
        known()
        h.stop()
        changed = lines(h.dir)[-1]["n"]
        write_anew(h.dir)
        os.unlink(h.dir + "/trail.head")
        h.start()
        until(lambda: "the store knows of its line %d," % changed in h.said(), 20 * rig.SLOW, "it is said")


rig.main(globals(), settings={**settings(client="plain", hash=True, every=True), "trusted_proxies": ["127.0.0.1"]})
