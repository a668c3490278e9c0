#!/usr/bin/env python3
"""Promise: whatever the admin API does, the shell does too: tenant, key, budget, usage, store, cache, ledger; tables for
people, JSON and CSV for programs, and exit codes that can be relied on."""
# timeout: 200

import csv
import glob
import io
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import _rig as rig
from _check import check, contains, equal, until
from _bodies import messages
from _redis import Redis
from _rig import KEY

PRICE = {"input": 3.0, "output": 15.0}
MODELS = {"models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]}


class Shell:
    """`sluice` against that gateway."""

    def __init__(self, g):
        self.g, self.at = g, ("-a", "127.0.0.1:%d" % g.admin_port)

    def raw(self, *argv, key=rig.ADMIN_KEY, at=True, env=None):
        more = (*(self.at if at else ()), *(("-k", key) if key else ()))
        p = subprocess.run([rig.SLUICE, *argv, *more], env=env or rig.environment(), cwd=self.g.dir, capture_output=True, timeout=60)
        check(not rig.SANITIZER.search(p.stderr), p.stderr.decode()[-3000:])
        p.out, p.err = p.stdout.decode(), p.stderr.decode()
        return p

    def __call__(self, *argv):
        p = self.raw(*argv)
        equal(p.returncode, 0, "%s: %s" % (argv, p.err))
        return p.out

    def json(self, *argv):
        return json.loads(self(*argv, "--json"))

    def lines(self, *argv):
        """An object for people, as a dict."""
        return dict((l.split(None, 1) + [""])[:2] for l in self(*argv).splitlines())

    def table(self, *argv):
        """Rows for people: the words of each."""
        return [l.split() for l in self(*argv).splitlines()]

    def fails(self, code, words, *argv, **more):
        p = self.raw(*argv, **more)
        equal(p.returncode, code, "%s: %s%s" % (argv, p.out, p.err))
        check(p.err and not p.out, argv, p.out)
        for w in words:
            contains(p.err, w)


def ask(g, key, headers=()):
    return g.post("/v1/messages", messages("mock-echo"), key=key, headers=headers)


def test_keys(g):
    sh = Shell(g)
    p = sh.raw("key", "make", "ci", "--tenant", "acme", "--user=u@acme", "--rpm", "2", "--credits", "2.5", "--models", "mock-*,other",
               "--endpoints", "messages", "--expires", "2100-01-01", "--class", "7", "--daily", "1", "--monthly", "9.5")
    equal(p.returncode, 0, p.err)
    key = p.out.strip()
    equal(p.out, key + "\n", "the key alone")
    id = key.split("-")[2]
    contains(p.err, id)
    check(key not in p.err)
    equal([ask(g, key).status for _ in range(3)], [200, 200, 429])
    shown = sh.lines("key", "show", id)
    equal((shown["name"], shown["tenant"], shown["limits.rpm"], shown["class"]), ("ci", "acme", "2", "7"))
    equal((shown["expires"], shown["budget.daily"], shown["budget.monthly"]), ("2100-01-01T00:00:00Z", "1", "9.5"))
    equal(shown["scopes"], '["models:mock-*","models:other","endpoints:messages"]')
    rows = sh.table("key", "list", "--tenant", "acme")
    equal(rows[0][:5], ["ID", "NAME", "TENANT", "USER", "STATE"])
    equal([r[:5] for r in rows if r[0] == id], [[id, "ci", "acme", "u@acme", "active"]])
    contains(" ".join([r for r in rows if r[0] == id][0]), "2100-01-01T00:00:00Z")
    check(all("bob" not in r for r in rows), rows)
    equal([k["id"] for k in sh.json("key", "list") if k["name"] == "ci"], [id])
    sh("key", "change", id, "--rpm", "none", "--models", "none", "--name", "ci two")
    equal(ask(g, key).status, 200)
    equal(sh.json("key", "show", id)["name"], "ci two")
    sh("key", "pause", id)
    equal(ask(g, key).status, 403)
    sh("key", "resume", id)
    equal(ask(g, key).status, 200)
    equal(sh.lines("key", "credits", id, "-2")["balance.credits"], "0.5")
    equal(sh.lines("key", "credits", id, "1.25")["balance.credits"], "1.75")
    new = sh("key", "rotate", id, "--overlap", "0").strip()
    equal((ask(g, key).status, ask(g, new).status), (403, 200))
    equal(sh.lines("key", "revoke", new.split("-")[2])["state"], "revoked")
    equal(ask(g, new).status, 403)
    equal([r[0] for r in sh.table("key", "list", "--state", "revoked")[1:]], [new.split("-")[2]])
    sh.fails(1, ["no key"], "key", "show", "nothing")
    sh.fails(1, ["not in the configuration"], "key", "reset", id)


def test_many_keys_are_listed_to_the_end(g):
    sh = Shell(g)
    made = {json.loads(sh("key", "make", "n%d" % i, "--tenant", "bobs", "--json"))["id"] for i in range(3)}
    for i in range(250):
        rig.call(g.admin_port, "POST", "/admin/api/token", json.dumps({"name": "m%d" % i, "tenant": "bobs"}).encode(),
                 [("authorization", "Bearer " + rig.ADMIN_KEY)])
    got = [k["id"] for k in sh.json("key", "list", "--tenant", "bobs")]
    equal((len(got), len(set(got))), (254, 254))
    check(made <= set(got))


def test_tenants_and_budgets(g):
    sh = Shell(g)
    shown = sh.lines("tenant", "make", "neu", "--rpm", "9", "--zone", "Europe/Berlin", "--daily", "5", "--hard", "true", "--on-client-gone", "drain",
                     "--label", "cost_center=4711", "--label", "team=a = b", "--credits", "10")
    equal((shown["labels.cost_center"], shown["labels.team"], shown["budget.zone"], shown["budget.hard"]), ("4711", "a = b", "Europe/Berlin", "true"))
    key = sh("key", "make", "n", "--tenant", "neu").strip()
    equal(ask(g, key).status, 200)
    sh("tenant", "change", "neu", "--label", "team=none", "--rpm", "8", "--hard", "none")
    shown = sh.lines("tenant", "show", "neu")
    check("labels.team" not in shown and "budget.hard" not in shown, shown)
    equal(sh.lines("tenant", "credits", "neu", "5")["balance.credits"], "15")
    for verb, status in (("pause", (403,)), ("resume", (200,)), ("delete", (401, 403)), ("resume", (200,))):
        sh("tenant", verb, "neu")
        check(ask(g, key).status in status, verb)
    equal([r[0] for r in sh.table("tenant", "list")[1:] if r[0] == "neu"], ["neu"])
    shown = sh.lines("budget", "raise", "neu", "--daily", "9", "--for", "2h")
    equal((shown["raise.daily"], shown["effective.budget.daily"]), ("9", "9"))
    rows = sh.table("budget", "show")
    equal(rows[0][0], "TENANT")
    contains(" ".join([r for r in rows if r[0] == "neu"][0]), " 9")
    equal(sh.lines("budget", "show", "neu")["balance.today.limit"], "9")
    equal(sh.lines("budget", "end", "neu")["balance.today.limit"], "5")
    sh("tenant", "change", "acme", "--rpm", "1")
    equal([ask(g, KEY).status for _ in range(2)], [200, 429])
    sh("tenant", "reset", "acme")
    equal(ask(g, KEY).status, 200)
    sh.fails(1, ["there is a tenant acme"], "tenant", "make", "acme")
    sh.fails(1, ["budget.zone"], "tenant", "change", "neu", "--zone", "Mars")


def test_usage(g):
    with rig.Gateway({**MODELS, "tenants": [{"name": "coa", "labels": {"team": 'red, "hot"', "sum": "-2+3"}, "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]},
                                            {"name": "bobs", "keys": [{"name": "bob", "sha256": rig.sha256(rig.KEY_BOB)}]}]}, mock=g.mock) as h:
        sh = Shell(h)
        cost = sum(float(ask(h, k).get("x-sluice-cost")) for k in (KEY, KEY, rig.KEY_BOB))
        until(lambda: sum(r["requests"] for r in sh.json("usage")) == 3, 10, "settled")
        rows = sh.table("usage", "--by", "label:team")
        equal((rows[0], rows[1][0], rows[2][:3]), (["team", "requests", "cached", "input", "cache_read", "cache_write", "output", "cost"], "1", ["red,", '"hot"', "2"]))
        got = list(csv.reader(io.StringIO(sh("usage", "--by", "tenant,model,day,label:team", "--csv"))))
        today = time.strftime("%Y-%m-%d", time.gmtime())
        equal(got[0][:5], ["tenant", "model", "day", "team", "requests"])
        equal([r[:5] for r in got[1:]], [["bobs", "*", today, "", "1"], ["coa", "*", today, 'red, "hot"', "2"]])
        equal(round(sum(float(r[-1]) for r in got[1:]), 6), round(cost, 6))
        got = list(csv.reader(io.StringIO(sh("usage", "--by", "label:sum", "--csv"))))
        equal([r[:2] for r in got[1:]], [["", "1"], ["'-2+3", "2"]], "a formula for a spreadsheet")
        equal(len(sh.json("usage", "--tenant", "bobs", "--by", "key")), 1)
        equal(sh.json("usage", "--from", "2020-01-01", "--to", "2020-02-01"), [])
        equal(sh("usage", "--from", "2020-01-01", "--to", "2020-02-01", "--csv").count("\n"), 1, "the head alone")
        sh.fails(1, ["by: "], "usage", "--by", "color")


def test_states_and_cache(g):
    sh = Shell(g)
    store = sh.lines("store")
    equal((store["kind"], store["up"]), ("embedded", "true"))
    equal(sh.lines("ledger")["unsent"], "0") if until(lambda: sh.lines("ledger")["unsent"] == "0", 10, "sent") else None
    check("memory.entries" in sh.lines("cache", "stats"))
    equal(sh.lines("cache", "purge", "--model", "mock-echo")["purged"], "model")
    equal(sh.lines("cache", "purge", "--tenant", "acme", "--model", "omni", "--text", "x")["purged"], "text")
    equal(sh.table("cache", "get", "--tenant", "acme", "--model", "omni", "--text", "x"), [["LAYER", "SERVED", "STALE", "FRESH_UNTIL", "BYTES", "ANSWER"]])
    sh.fails(1, ["tenant: "], "cache", "purge")


def test_verify(g):
    with rig.Gateway(mock=g.mock) as h:
        sh = Shell(h)
        sh("key", "make", "x")
        sh("key", "make", "y")
        until(lambda: sh.lines("ledger")["synced"] == sh.lines("ledger")["last"], 5, "on disk")
        copy = rig.tmp("trail-copy")
        shutil.copytree(h.dir, copy)
        verify = lambda *dirs: sh.raw("ledger", "verify", *dirs, key=None, at=False)
        p = verify(h.dir, copy)
        equal((p.returncode, p.err), (0, ""))
        equal(p.out.count("instance "), 2)
        equal(json.loads(verify(copy, "--json").out)["broken_at"], 0)
        path = glob.glob(copy + "/trail.jsonl")[0]
        lines = open(path).readlines()
        number = json.loads(lines[1])["n"]
        with open(path, "w") as f:
            f.writelines([lines[0], lines[1].replace('"name\\":\\"x', '"name\\":\\"z').replace('"rev":1', '"rev":7'), *lines[2:]])
        p = verify(h.dir, copy)
        equal(p.returncode, 5, p.err)
        contains(p.err, "broken at line %d" % number)
        contains(p.err, copy)
        equal(json.loads(verify(copy, "--json").out)["broken_at"], number)
        p = verify(rig.tmp("nowhere"))
        equal(p.returncode, 1)
        contains(p.err, "nowhere")


def test_rebuild(g):
    redis = Redis()
    with rig.Gateway({**MODELS, "store": {"url": redis.url}}, mock=g.mock) as h:
        sh = Shell(h)
        key = sh("key", "make", "x", "--credits", "5").strip()
        id = key.split("-")[2]
        sh("key", "credits", id, "1.5")
        cost = sum(float(ask(h, key).get("x-sluice-cost")) for _ in range(5))
        until(lambda: round(float(sh.lines("key", "show", id)["balance.spent"]), 6) == round(cost, 6), 10, "settled")
        contains(sh("ledger", "rebuild", "--dry-run"), "the store says the same")
        redis("HSET", "slc:{default}:acct:k:" + id, "spent", 7)
        p = sh.raw("ledger", "rebuild", "--dry-run", h.dir)
        equal(p.returncode, 5, p.err)
        contains(p.out, "default key %s: spent" % id)
        contains(p.out, "nothing was changed")
        contains(sh("ledger", "rebuild"), "set right")
        equal(round(float(sh.lines("key", "show", id)["balance.spent"]), 6), round(cost, 6))
        redis("FLUSHALL")
        until(lambda: sh.lines("store")["lost"] == "true", 5, "found to be lost")
        until(lambda: ask(h, key).status in (200, 402, 503), 5, "answered")
        contains(sh("ledger", "rebuild", "."), "set right")
        until(lambda: sh.lines("store")["lost"] == "false", 5, "whole again")
        until(lambda: ask(h, key).status == 200, 5, "passes")
        equal(sh.lines("key", "show", id)["balance.credits"], "6.5")
        equal(sh.json("ledger", "rebuild", "--dry-run")["trails"][0]["broken_at"], 0)
        sh.fails(1, ["dirs: "], "ledger", "rebuild", g.mock.dir)
        sh.fails(2, ["No such file"], "ledger", "rebuild", "nowhere")
        sh.fails(2, ["takes"], "ledger", "verify")
    redis.kill()


def test_rebuild_of_one_of_two(g):
    """Of two instances on a Redis one is asked, with its own trail alone: it is said that the other's lines are missing."""
    redis = Redis()
    settings = {**MODELS, "store": {"url": redis.url}}
    with rig.Gateway(settings, mock=g.mock) as h, rig.Gateway(settings, mock=g.mock) as other:
        sh = Shell(h)
        key = sh("key", "make", "x", "--credits", "5").strip()
        costs = [float(ask(h, key).get("x-sluice-cost"))]
        until(lambda: ask(other, key).status == 200, 5, "known there")
        spent = lambda: round(float(sh.lines("key", "show", key.split("-")[2])["balance.spent"]), 6)
        until(lambda: spent() == round(2 * costs[0], 6), 10, "settled")
        until(lambda: sh.lines("store")["instances"] == "2", 5, "they know of each other")
        p = sh.raw("ledger", "rebuild", "--dry-run")
        equal(p.returncode, 5, p.err)
        contains(p.err, "2 instances are alive, and 1 of their trails was read")
        p = sh.raw("ledger", "rebuild", h.dir, other.dir)
        equal((p.returncode, p.err), (0, ""))
        equal(spent(), round(2 * costs[0], 6))
    redis.kill()


def test_copy(g):
    """From the embedded store to a Redis: nothing is lost, nothing counted twice, also when it is done again."""
    redis = Redis()
    settings = {**MODELS, "store": {"url": "embedded:data"}, "tenants": [{"name": "acme", "budget": {"daily": 5.0}, "limits": {"rpm": 1000},
                "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}]}
    h = rig.Gateway(settings, mock=g.mock)
    sh = Shell(h)
    keys = [sh("key", "make", "k%d" % i, "--tenant", "acme" if i % 2 else "default", "--credits", "3").strip() for i in range(4)]
    for i in range(210):  # more than a page
        rig.call(h.admin_port, "POST", "/admin/api/token", json.dumps({"name": "m%d" % i, "tenant": "acme"}).encode(), [("authorization", "Bearer " + rig.ADMIN_KEY)])
    sh("key", "revoke", keys[3].split("-")[2])
    sh("cache", "purge", "--model", "x")
    cost = {k: sum(float(ask(h, k, [("x-title", "app %d" % i)] if i else ()).get("x-sluice-cost")) for i in range(3)) for k in (KEY, keys[0], keys[1])}
    until(lambda: sum(r["requests"] for r in sh.json("usage")) == 9, 10, "settled")
    before = {"keys": sh.json("key", "list"), "tenants": sh.json("tenant", "list"), "usage": sh.json("usage", "--by", "tenant,key,day,model,provider,user,app"),
              "balances": {k: sh.json("key", "show", k.split("-")[2])["balance"] for k in keys}, "acme": sh.json("tenant", "show", "acme")["balance"]}
    copy = lambda *more: sh.raw("store", "copy", "embedded:" + h.dir + "/data", redis.url, *more, key=None, at=False)
    p = copy()
    equal(p.returncode, 1)
    contains(p.err, "in use")
    h.stop()
    p = copy("--json")
    equal(p.returncode, 0, p.err)
    got = json.loads(p.out)
    equal((got["requests"], got["records"]), (9, 216), got)
    p = copy()
    equal(p.returncode, 1)
    contains(p.err, "--over")
    redis("DEL", "slc:epoch")  # as if the first one had not come to its end
    p = subprocess.run([rig.SLUICE, "store", "copy", "embedded:data", "-"], input=(redis.url + "\n").encode(), cwd=h.dir, capture_output=True, timeout=60)
    equal(p.returncode, 0, p.stderr)
    contains(p.stdout.decode(), "the same when read back")
    # the same gateway, on the Redis now
    h.config["store"]["url"] = redis.url
    h.write_config()
    h.start()
    after = {"keys": sh.json("key", "list"), "tenants": sh.json("tenant", "list"), "usage": sh.json("usage", "--by", "tenant,key,day,model,provider,user,app"),
             "balances": {k: sh.json("key", "show", k.split("-")[2])["balance"] for k in keys}, "acme": sh.json("tenant", "show", "acme")["balance"]}
    for what in before:
        key = lambda l: sorted(l, key=lambda r: json.dumps(r, sort_keys=True)) if isinstance(l, list) else l
        equal(key(after[what]), key(before[what]), what)
    equal([ask(h, k).status for k in (KEY, *keys)], [200, 200, 200, 200, 403])
    until(lambda: sum(r["requests"] for r in sh.json("usage")) == 13, 10, "and on it goes")
    h.stop()
    redis.kill()
    sh.fails(1, ["can't be reached"], "store", "copy", "embedded:" + h.dir + "/data", redis.url, key=None, at=False)
    for argv in (["redis://x", "redis://y"], ["embedded:", "redis://y"], ["embedded:x", "embedded:y"]):
        sh.fails(2, ["must be"], "store", "copy", *argv, key=None, at=False)


class Between:
    """In front of a Redis: `seen` gets what a client says before the Redis does; False ends the connection."""

    def __init__(self, redis, seen):
        self.redis, self.seen = redis, seen
        self.path = os.path.join(redis.dir, "between.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.redis.socket)
            except OSError:  # it is dead: so is who asks for it
                client.close()
                continue
            threading.Thread(target=self.pump, args=(client, server, self.seen), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, lambda data: True), daemon=True).start()

    @staticmethod
    def pump(a, b, seen):
        try:
            while True:
                data = a.recv(65536)
                if not data or not seen(data):
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)


def test_copy_that_fails(g):
    """Whatever goes wrong on the way: a code of its own, a text that says what to do, no Redis that passes for a store; done again, it is whole."""
    redis = Redis()
    h = rig.Gateway({**MODELS, "store": {"url": "embedded:data"}, "tenants": [{"name": "acme", "budget": {"daily": 5.0}, "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}]},
                    mock=g.mock)
    sh = Shell(h)
    sh("key", "make", "spare", "--tenant", "acme")
    equal(ask(h, KEY).status, 200)
    until(lambda: sum(r["requests"] for r in sh.json("usage")) == 1, 10, "settled")
    h.stop()
    account = "slc:{acme}:acct:t"
    copy = lambda url, *more: sh.raw("store", "copy", "embedded:" + h.dir + "/data", url, *more, key=None, at=False)
    whole = lambda: redis("EXISTS", "slc:epoch")
    for wrong in (h.dir, h.dir + "/dat"):  # the state directory; one that is misspelt
        p = sh.raw("store", "copy", "embedded:" + wrong, redis.url, key=None, at=False)
        equal((p.returncode, whole()), (1, 0), p.out)
        contains(p.err, "there is no embedded store in " + wrong)
        check(not os.path.exists(wrong + "/store.db"), "nor is one made")

    # it dies after the records have been moved, when sums are about to be
    def dies(data):
        if b"{acme}:seq" not in data:
            return True
        redis.kill()
        return False

    between = Between(redis, dies)
    p = copy("unix://" + between.path)
    between.end()
    check(redis.p.poll() is not None, "it was asked for sums")
    equal((p.returncode, p.out), (1, ""), p.err)
    contains(p.err, "gone or refused it")
    contains(p.err, "run this again")
    redis.start()

    # someone else writes to it between the moving and the comparing
    state = {"moved": False, "changed": False}

    def changes(data):
        if b"{acme}:seq" in data:
            state["moved"] = True
        elif state["moved"] and not state["changed"]:
            redis("HINCRBY", account, "spent", 1)
            state["changed"] = True
        return True

    between = Between(redis, changes)
    p = copy("unix://" + between.path)
    between.end()
    check(state["changed"], "it was compared")
    equal((p.returncode, p.out), (5, ""), p.err)
    contains(p.err, "the account of acme differs")
    contains(p.err, "run this again")
    equal(whole(), 0)

    # done again, it is whole
    p = copy(redis.url)
    equal(p.returncode, 0, p.err)
    equal(whole(), 1)
    spent = int(redis("HGET", account, "spent"))
    check(spent > 0, "what it cost was moved")

    # one that is in use is left as it is, unless it is to be replaced
    redis("HSET", account, "spent", spent + 7)
    p = copy(redis.url)
    equal((p.returncode, p.out), (1, ""), p.err)
    contains(p.err, "--over")
    equal(int(redis("HGET", account, "spent")), spent + 7)
    # over one that was whole, a copy that dies half way is none any more
    equal(whole(), 1)
    between = Between(redis, lambda data: b"{acme}:seq" not in data)
    p = copy("unix://" + between.path, "--over")
    between.end()
    equal((p.returncode, p.out), (1, ""), p.err)
    contains(p.err, "run this again")
    equal(whole(), 0, "half a store does not pass for one")
    p = copy(redis.url, "--over")
    equal(p.returncode, 0, p.err)
    equal((whole(), int(redis("HGET", account, "spent"))), (1, spent))
    redis.kill()


def test_command_lines(g):
    sh = Shell(g)
    for argv in (["key"], ["key", "fly"], ["key", "show"], ["key", "show", "a", "b"], ["key", "list", "--nope"], ["key", "list", "x"],
                 ["key", "make", "a", "--rpm"], ["key", "make", "a", "--rpm", "x"], ["key", "make", "a", "--rpm", "01"], ["key", "make", "a", "--rpm", "1", "--rpm", "2"],
                 ["key", "credits", "a", "b"], ["key", "list", "--csv"], ["tenant", "make", "a", "--hard", "yes"], ["tenant", "make", "a", "--label", "x"],
                 ["budget", "raise"], ["store", "fly"], ["ledger", "verify"], ["usage", "x"]):
        p = sh.raw(*argv, key=None, at=False)
        equal((p.returncode, p.out), (2, ""), argv)
        contains(p.err, "try: sluice " + argv[0])
    for argv in (["key", "--help"], ["key", "make", "--help"], ["tenant", "-h"], ["usage", "-h"], ["ledger", "verify", "-h"], ["budget", "raise", "--help"],
                 ["store", "--help"], ["cache", "-h"]):
        p = sh.raw(*argv, key=None, at=False)
        equal((p.returncode, p.err), (0, ""), argv)
        contains(p.out, "sluice " + argv[0])
    contains(sh.raw("key", "make", "-h", key=None, at=False).out, "--rpm")
    contains(sh.raw("--help", key=None, at=False).out, "ledger")


def test_where_and_who(g):
    sh = Shell(g)
    env = rig.environment(SLUICE_ADMIN_KEY=rig.ADMIN_KEY, SLUICE_ADMIN_LISTEN="127.0.0.1:%d" % g.admin_port)
    equal(sh.raw("store", key=None, at=False, env=env).returncode, 0, "from the environment")
    equal(sh.raw("store", "-c", g.path, key=None, at=False).returncode, 0, "from the file")
    equal(sh.raw("store", "--config=" + g.path, key=None, at=False).returncode, 0)
    sh.fails(1, ["Authentication failed"], "store", key="wrong")
    sh.fails(1, ["Authentication failed", "SLUICE_ADMIN_KEY"], "key", "list", key="wrong")
    sh.fails(1, ["127.0.0.1:"], "store", "-a", "127.0.0.1:%d" % rig.free_ports(1)[0], at=False)

    path = rig.tmp("admin.sock")
    with rig.Gateway({"admin": {"listen": "unix:" + path, "key": None}}, mock=g.mock, wait=False) as h:
        until(lambda: os.path.exists(path), 10, "listens")
        p = until(lambda: (lambda p: p if p.returncode == 0 else None)(sh.raw("key", "make", "x", "-a", "unix:" + path, key=None, at=False)), 10, "its owner needs no key")
        check(p.out.startswith("sk-slc-"))
        until(lambda: "the admin socket" in h.said(), 3, "who it was")


if __name__ == "__main__":
    rig.main(globals(), MODELS)
