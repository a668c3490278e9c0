# timeout: 280
"""Promise: one ending, one ledger line. Random requests on two gateways with clients that leave, providers that die and
gateways that are killed: the balance in Redis is what the trails say, to the micro-dollar, each request once; what a
killed process had not settled is named here as lost. LEDGER_REQUESTS says how many (the soak runs 100,000), KILLS how
often a gateway is killed at least."""

import glob
import json
import os
import random
import socket
import threading
import time

import _rig as rig
from _bodies import chat, messages
from _check import check, equal, until
from _redis import Redis
from _rig import KEY, KEY_BOB

REQUESTS = int(os.environ.get("LEDGER_REQUESTS", "1200"))
KILLS = int(os.environ.get("KILLS", "4"))
PRICE = {"input": 3.0, "output": 15.0}
WORDS = ["mock-echo", "mock-echo", "mock-events-20", "mock-events-200", "mock-cut-3", "mock-reset-2", "mock-500", "mock-529",
         "mock-429", "mock-error-2", "mock-drop", "mock-events-30-slow-5ms", "mock-first-30", "mock-bytes-100k"]


def settings(url, cache=False):
    targets = [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]
    return {
        "store": {"url": url, "timeout": "2s"},
        "models": [{"name": "*", "targets": targets, "cache": {"enabled": cache}}],
        "tenants": [
            {"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(KEY), "budget": {"monthly": 5000}}],
             "budget": {"initial_credits": 1000, "daily": 900}, "limits": {"concurrency": 500}},
            {"name": "bobs", "keys": [{"name": "bob", "sha256": rig.sha256(KEY_BOB)}], "budget": {"initial_credits": 1000}},
        ],
    }


def one(dice, g, sent):
    """One request, perhaps left half way; what the client saw of it."""
    path, make = dice.choice([("/v1/messages", messages), ("/v1/chat/completions", chat)])
    body = make(dice.choice(WORDS), "text %d" % dice.randrange(40), stream=dice.random() < 0.6)
    leaves = dice.random() < 0.25
    w = g.wire(20)
    try:
        w.request("POST", path, body, rig.with_key((), dice.choice((KEY, KEY_BOB))))
        sent.append(1)
        if leaves and dice.random() < 0.3:
            return
        r = w.reply_head()
        if leaves:
            if dice.random() < 0.5:
                w.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return
        for _ in w.pieces(r):
            pass
    except (rig.Closed, OSError):
        pass  # the provider or the gateway died
    finally:
        w.close()


def trail(g):
    lines = []
    for path in sorted(glob.glob(os.path.join(g.dir, "trail*.jsonl"))):
        lines += [json.loads(l) for l in open(path, "rb") if l.endswith(b"\n")]
    return [l for l in lines if l["kind"] in ("settle", "sum")]


def spent_in_trails(many, tenant):
    return sum(l.get("cost_micro", 0) for g in many for l in trail(g) if l["tenant"] == tenant)


def run(many, n, between=lambda i: None):
    sent, threads = [], []
    for k in range(6):
        def work(k=k):
            dice = random.Random(1000 + k)
            for i in range(n // 6):
                try:
                    one(dice, many[k % len(many)], sent)
                except OSError:
                    time.sleep(0.05)  # it is being started again
        threads.append(threading.Thread(target=work))
    for t in threads:
        t.start()
    i = 0
    while any(t.is_alive() for t in threads):
        between(i)
        i += 1
        time.sleep(0.2)
    for t in threads:
        t.join()
    return len(sent)


def charges(g):
    """What the access log says was charged, and what the trail says, by id: the same ids, when both are written."""
    log, book = {}, {}

    def differ():
        log.clear()
        book.clear()
        log.update((l["id"], l) for l in g.access_lines() if l.get("cost_micro"))
        book.update((l["id"][8:], l) for l in trail(g) if l["kind"] == "settle")
        return sorted(set(log) ^ {i for i, l in book.items() if l["cost_micro"]})
    until(lambda: not differ(), 10 * rig.SLOW, lambda: "every charge has its access line; dropped %s; only in the log: %s; only in the trail: %s" % (
        g.metrics().value("sluice_access_log_dropped"), [log[i] for i in differ() if i in log][:9], [book[i] for i in differ() if i in book][:9]))
    return log, book


def check_books(redis, many, held=0):
    """Redis, the trails, and the clients' own counts agree."""
    for tenant in ("acme", "bobs"):
        name = "slc:{%s}:acct:t" % tenant
        until(lambda: int(redis.hash(name).get("spent", 0)) == spent_in_trails(many, tenant), 10,
              lambda: "%s: Redis %s, trails %d" % (tenant, redis.hash(name), spent_in_trails(many, tenant)))
        account = redis.hash(name)
        equal(int(account["granted"]), 1000 * 10**6)

        if held:
            redis.hasten("slc:{%s}:held" % tenant, 30_000)  # the longest that the dead may hold

        def nothing_held():
            if held:  # what a dead process held is given back by the next one who asks, when its time is over
                many[0].post("/v1/messages", messages("mock-500"), key=KEY if tenant == "acme" else KEY_BOB)
            return int(redis.hash(name)["reserved"]) == 0
        until(nothing_held, 5,
              lambda: "held: %s" % redis("ZRANGE", "slc:{%s}:held" % tenant, 0, -1))
        use = [row for k in redis("KEYS", "slc:{%s}:use:*" % tenant) for row in redis.hash(k.decode()).values()]
        equal(sum(int(r.split(",")[6]) for r in use), int(account["spent"]), "usage is the same sum")
    alice = [k for k in redis("KEYS", "slc:{acme}:acct:k:*")]
    equal(int(redis.hash(alice[0].decode())["month"]), int(redis.hash("slc:{acme}:acct:t")["spent"]), "key and tenant")
    ids = [l["id"] for g in many for l in trail(g) if l["kind"] == "settle"]
    equal(len(ids), len(set(ids)), "each request once")


def test_random_requests():
    redis, mock = Redis(), rig.Mock()
    many = [rig.Gateway(settings(redis.url), mock=mock) for _ in range(2)]
    run(many, REQUESTS)
    for g in many:
        g.settle(5)
        charges(g)  # whatever has ended is on disk
    check_books(redis, many)
    # what was reported is charged by what the answer said, and by nothing else
    for g in many:
        for l in trail(g):
            if l["kind"] == "settle" and l["source"] == "reported":
                equal(l["cost_micro"], -(-(l["in"] * 3_000_000 + l["out"] * 15_000_000) // 10**6), str(l))
        lines, of_trail = charges(g)
        for i, l in lines.items():
            equal((i, of_trail[i]["cost_micro"], of_trail[i]["ending"]), (i, l["cost_micro"], l["ending"]))
    for g in many:
        paid = [l for l in trail(g) if l.get("cost_micro") and l.get("status", 0) >= 400]
        check(not paid, "failed tries are free: %s" % paid[:2])
        g.stop()
    mock.stop()
    redis.kill()


# Of a tenant at one moment: what is reserved, and the sum of its reservations; what is spent, and that of its usage.
BALANCE = """local acct, held, use = redis.call('HMGET', KEYS[1] .. 'acct:t', 'reserved', 'spent'), 0, 0
for _, m in ipairs(redis.call('ZRANGE', KEYS[1] .. 'held', 0, -1)) do held = held + string.match(m, '^[^:]*:(%d+):[tb]:') end
for _, k in ipairs(redis.call('KEYS', KEYS[1] .. 'use:*')) do
  for _, v in ipairs(redis.call('HVALS', k)) do use = use + string.match(v, ',(%d+)$') end
end
return {tonumber(acct[1] or 0), held, tonumber(acct[2] or 0), use}"""


class Balances(threading.Thread):
    """At every moment: credits = what is left + what is settled + what is promised to those who run."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.redis, self.over, self.wrong, self.most = redis.another(), threading.Event(), [], 0
        self.start()

    def run(self):
        while not self.over.wait(0.01):
            for tenant in ("acme", "bobs"):
                got = self.redis("EVAL", BALANCE, 1, "slc:{%s}:" % tenant)
                self.most = max(self.most, got[0])
                if got[0] != got[1] or got[2] != got[3]:
                    self.wrong.append((tenant, got))

    def end(self):
        self.over.set()
        self.join()
        check(not self.wrong, "reserved, sum of reservations, spent, sum of usage: %s" % self.wrong[:3])
        check(self.most > 0, "nothing was ever held")


def test_killed_gateways():
    redis, mock = Redis(), rig.Mock()
    balances = Balances(redis)
    many = [rig.Gateway(settings(redis.url), mock=mock) for _ in range(2)]
    kills = []

    def between(i):
        if i % 7 == 6 and len(kills) < max(KILLS, REQUESTS // 5000):
            g = many[len(kills) % 2]
            g.p.kill()
            g.p.wait()
            kills.append(g)
            g.start()

    run(many, REQUESTS, between)
    check(len(kills) >= 2, "killed %d times" % len(kills))
    for g in many:
        g.settle(5)
        g.log_ends()
    check_books(redis, many, held=1)  # reservations of the dead end by themselves
    balances.end()
    lost = []
    for g in many:
        settled = {l["id"][8:] for l in trail(g) if l["kind"] == "settle"}
        lost += [l["id"] for l in g.access_lines() if l.get("cost_micro") and l["id"] not in settled]
    print("     %d killed, %d lost: %s" % (len(kills), len(lost), " ".join(lost)))
    for g in many:
        g.stop()
    mock.stop()
    redis.kill()


def test_killed_on_the_embedded_store():
    """After each start the sums hold: what was settled and synced is charged, nothing twice."""
    with rig.Gateway(settings("embedded:./data")) as g:
        for _ in range(4):
            done = threading.Event()

            def load():
                dice = random.Random(7)
                while not done.is_set():
                    try:
                        one(dice, g, [])
                    except OSError:
                        time.sleep(0.02)
            threads = [threading.Thread(target=load) for _ in range(3)]
            for t in threads:
                t.start()
            time.sleep(1.0)
            g.p.kill()
            g.p.wait()
            done.set()
            for t in threads:
                t.join()
            g.start()
            g.settle(5)
            time.sleep(0.3)
            for tenant, key in (("acme", KEY), ("bobs", KEY_BOB)):
                want = spent_in_trails([g], tenant)
                got = until(lambda: credits(g, key), 5, "credits")
                equal(round(got["total_usage"] * 1e6), want, tenant)


def credits(g, key):
    r = g.call("GET", "/v1/credits", key=key)
    return r.json()["data"] if r.status == 200 else None


rig.main(globals(), gateway=False)
