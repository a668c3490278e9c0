# timeout: 280
"""Promise: the store is never a hang. Whatever becomes of Redis, every request is answered, none waits longer than its
budget, limits go on as configured, and settled lines are charged afterwards, once."""

import json
import os
import threading
import time

import _rig as rig
from _admin import Api
from _bodies import messages
from _check import check, contains, equal, until
from _redis import Redis
from _rig import KEY, KEY_BOB

PRICE = {"input": 3.0, "output": 15.0}
BUDGET = 0.05  # seconds: store.timeout
SLACK = 0.3 if rig.SLOW == 1 else 1.5  # sanitizers on a busy machine


def gateway(redis, limits=None, budget=None, **store):
    tenants = [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}], "limits": limits or {},
                "budget": budget or {}}]
    models = [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]
    return rig.Gateway({"store": {"url": redis.url, "timeout": "50ms", **store}, "tenants": tenants, "models": models})


def ask(g, text="hello", key=KEY, got=None, **more):
    began = time.monotonic()
    r = g.post("/v1/messages", messages("mock-echo", text, **more), key=key)
    r.took = time.monotonic() - began
    if got is not None:
        got.append(r)
    return r


def healed(g, seconds=2.0, got=None):
    """Decided by Redis again; what was asked for that joins `got`."""
    def by_store():
        r = ask(g, got=got)
        return r.status in (200, 402, 429) and "admitted_by" not in g.access_of(r)
    until(by_store, seconds * rig.SLOW, "healed")


def account(redis):
    return {k: int(v) for k, v in redis.hash("slc:{acme}:acct:t").items()}


def charged(redis, want, seconds=8, held=False):
    """To the micro-dollar; `held`: reservations of a process that died are still there."""
    until(lambda: account(redis).get("spent", 0) == want and (held or account(redis).get("reserved", 0) == 0), seconds,
          lambda: "spent %s, want %d, held %s" % (account(redis), want, redis("ZRANGE", "slc:{acme}:held", 0, -1)))


def cost_of(replies):
    return sum(round(float(r.get("x-sluice-cost")) * 1e6) for r in replies if r.status == 200)


def test_hung():
    redis = Redis()
    with gateway(redis, budget={"initial_credits": 100}) as g:
        got = [ask(g) for _ in range(5)]
        redis.stop()
        during = [ask(g) for _ in range(30)]
        equal({r.status for r in during}, {200}, "local: requests go on")
        check(max(r.took for r in during) < BUDGET + SLACK, "the slowest took %.3f s" % max(r.took for r in during))
        late = sorted(r.took for r in during)[10:]
        check(sum(r.took > BUDGET for r in during) <= 8 * rig.SLOW, "only the first ones wait: %s" % late)
        equal(g.admin("GET", "/readyz").status, 200)
        contains(g.admin("GET", "/readyz").body.decode(), "down")
        redis.go_on()
        healed(g)
    redis.kill()


def test_refuse():
    redis = Redis()
    with gateway(redis, on_outage="refuse") as g:
        equal(ask(g).status, 200)
        redis.stop()
        got = [ask(g) for _ in range(10)]
        equal({r.status for r in got}, {503})
        check(int(got[-1].get("retry-after")) >= 1, "retry-after")
        check(max(r.took for r in got) < BUDGET + SLACK, "the slowest took %.3f s" % max(r.took for r in got))
        until(lambda: g.admin("GET", "/readyz").status == 503, 3, "not ready")
        redis.go_on()
        healed(g)
        equal(g.admin("GET", "/readyz").status, 200)
    redis.kill()


def test_killed_and_empty():
    """While many ask: what waits for its answer in that moment is told, too, once, and goes on."""
    redis, got, over = Redis(), [], threading.Event()

    def load():
        while not over.is_set():
            ask(g, got=got)
    with gateway(redis, limits={"rpm": 100000, "concurrency": 1000}) as g:
        threads = [threading.Thread(target=load) for _ in range(8)]
        for t in threads:
            t.start()
        try:
            for act in (redis.kill, redis.start):
                until(lambda n=len(got): len(got) > n + 40, 10, "requests go on")
                act()
            healed(g, 4)
        finally:
            over.set()
            for t in threads:
                t.join()
        equal({r.status for r in got}, {200})
        g.log_ends()
        ids = [l["id"] for l in g.access_lines()]
        equal([ids.count(r.get("x-sluice-request-id")) for r in got], [1] * len(got), "each has its one line")
        check(any("admitted_by" in l for l in g.access_lines()), "some were decided here")
    redis.kill()


def two_tenants(redis, **store):
    tenants = [{"name": n, "keys": [{"name": n, "sha256": rig.sha256(k)}], "limits": {"rpm": 1000}, "budget": {"initial_credits": 100}}
               for n, k in (("acme", KEY), ("bobs", KEY_BOB))]
    models = [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]
    return rig.Gateway({"store": {"url": redis.url, "timeout": "2s", **store}, "tenants": tenants, "models": models})


def test_one_tenants_broken_key():
    """A key of another type, or with a number that is none, is that tenant's trouble; the store is not down for the others."""
    redis = Redis()
    breaks = (("slc:{acme}:acct:t", ("SET", "slc:{acme}:acct:t", "x")), ("slc:{acme}:w:t:rpm", ("SET", "slc:{acme}:w:t:rpm", "x")),
              ("slc:{acme}:acct:t", ("HSET", "slc:{acme}:acct:t", "spent", "plenty")))
    for how, status in (("local", 200), ("refuse", 503)):
        with two_tenants(redis, on_outage=how) as g:
            bob = lambda: g.post("/v1/messages", messages("mock-echo", "b"), key=KEY_BOB)
            equal((ask(g).status, bob().status), (200, 200))
            for key, command in breaks:
                g.settle()
                until(lambda: g.metrics().value("sluice_ledger_held_usd") == 0, 5, "nothing is held")
                saved = redis("DUMP", key)
                redis("DEL", key)
                redis(*command)
                got = [ask(g) for _ in range(12)]
                equal({r.status for r in got}, {status}, key)
                if how == "local" and "acct" in key:  # what was answered can't be charged yet
                    until(lambda: (g.metrics().value("sluice_ledger_stuck_lines", tenant="acme") or 0) >= 1, 5, "stuck lines are counted")
                r = bob()
                equal(r.status, 200, "the other tenant")
                check("admitted_by" not in g.access_of(r), "Redis decides about the other tenant")
                contains(g.admin("GET", "/readyz").body.decode(), '"store":"up"')
                redis("DEL", key)
                redis("RESTORE", key, 0, saved)
                healed(g)
                until(lambda: not g.metrics().value("sluice_ledger_stuck_lines", tenant="acme"), 5, "nothing is stuck")
            check(1 <= g.said().count("a call about this key") <= 4, "said, and not for each: %s" % g.said())
            contains(g.said(), "slc:{acme}:")
            check("is down" not in g.said(), g.said())
    redis.kill()


def test_limits_go_on_from_a_share():
    redis = Redis()
    with gateway(redis, limits={"rpm": 10}) as g:
        equal(ask(g).status, 200)
        redis.stop()
        got = [ask(g).status for _ in range(20)]
        equal((got.count(200), got.count(429)), (10, 10), "the whole limit is this one instance's share")
        redis.go_on()
    redis.kill()


def test_scripts_forgotten():
    redis = Redis()
    with gateway(redis, limits={"rpm": 100000}, timeout="2s") as g:
        equal(ask(g).status, 200)
        got = []

        def many():
            for _ in range(20):
                got.append(ask(g).status)
        threads = [threading.Thread(target=many) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(20):
            redis("SCRIPT", "FLUSH")
            time.sleep(0.01)
        for t in threads:
            t.join()
        equal({*got}, {200})
        equal(redis("ZCARD", "slc:{acme}:w:t:rpm"), 81, "none lost, none twice")
    redis.kill()


def test_answers_that_are_errors():
    redis, all_ = Redis(), []
    with gateway(redis, limits={"rpm": 1000}, budget={"initial_credits": 1000}) as g:
        equal(ask(g, got=all_).status, 200)
        for trouble, cure in (
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
            (("SET", "slc:{acme}:w:t:rpm", "of another kind"), ("DEL", "slc:{acme}:w:t:rpm")),
        ):
            redis(*trouble)
            got = [ask(g, got=all_) for _ in range(8)]
            equal({r.status for r in got}, {200}, str(trouble))
            check(max(r.took for r in got) < BUDGET + SLACK, "%s: the slowest took %.3f s" % (trouble, max(r.took for r in got)))
            if trouble[0] == "SET":
                equal(redis("TYPE", trouble[1]), "string", "a key of another kind is not overwritten")
            redis(*cure)
            healed(g, 4, all_)
            charged(redis, cost_of(all_), 8 * rig.SLOW, held=True)
    redis.kill()


def cannot_save(redis):
    """-MISCONF: what it should save to is a directory."""
    os.mkdir(os.path.join(redis.dir, "dump.rdb"))
    redis("CONFIG", "SET", "save", "3600 1000000")
    redis("BGSAVE")
    until(lambda: b"rdb_last_bgsave_status:err" in redis("INFO", "persistence"), 10, "it failed to save")


def test_troubles_of_its_own():
    """MISCONF, a script that does not end, and a password that was changed: each is an outage, and ends as one."""
    redis, all_ = Redis("--lua-time-limit", "20"), []
    with gateway(redis, limits={"rpm": 1000}, budget={"initial_credits": 1000}) as g:
        equal(ask(g, got=all_).status, 200)

        def endless():
            try:
                other("EVAL", "while true do end", 0)
            except RuntimeError:
                pass  # it was killed
        other = redis.another()
        runs = threading.Thread(target=endless)

        def busy():
            runs.start()
            until(lambda: "BUSY" in said_of(redis), 10, "it is busy")

        def idle():
            redis("SCRIPT", "KILL")
            runs.join()

        def locked():
            redis("CONFIG", "SET", "requirepass", "another")
            redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for name, trouble, cure in (("MISCONF", lambda: cannot_save(redis), lambda: redis("CONFIG", "SET", "save", "")),
                                    ("BUSY", busy, idle),
                                    ("NOAUTH", locked, lambda: redis("CONFIG", "SET", "requirepass", ""))):
            trouble()
            got = [ask(g, got=all_) for _ in range(8)]
            equal({r.status for r in got}, {200}, name)
            check(max(r.took for r in got) < BUDGET + SLACK, "%s: the slowest took %.3f s" % (name, max(r.took for r in got)))
            check(any("admitted_by" in g.access_of(r) for r in got), name + " is an outage")
            cure()
            healed(g, 4, all_)
            charged(redis, cost_of(all_), 8 * rig.SLOW, held=True)
    redis.kill()


def test_says_why():
    """The log tells a full Redis from one that bars a command, and from one that has no password; each once, with the cure."""
    redis = Redis()
    for trouble, cure, words in (
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), ("OOM ", "maxmemory", "store.cache_url")),
        (("ACL", "SETUSER", "default", "-zadd"), ("ACL", "SETUSER", "default", "+@all"), ("docs/store.md has the rights",)),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), ("NOREPLICAS ",)),
    ):
        with gateway(redis, limits={"rpm": 1000}) as g:
            equal(ask(g).status, 200)
            redis(*trouble)
            equal({ask(g).status for _ in range(12)}, {200}, str(trouble))
            lines = lambda: [line for line in g.said().splitlines() if "it says" in line]
            until(lambda: any(all(word in line for word in words) for line in lines()), 3 * rig.SLOW, lambda: "%s in %s" % (words, g.said()))
            redis(*cure)
            healed(g, 4)
            check(len(lines()) <= 4, "not for each: %s" % lines())
    redis.url = redis.url.replace("unix://", "unix://:secret@")
    with gateway(redis) as g:
        until(lambda: "it has no password, and one was sent" in g.said(), 5 * rig.SLOW, g.said)
        check("secret" not in g.said(), "the log holds no password")
    redis.kill()


def said_of(redis):
    try:
        return str(redis("GET", "x"))
    except RuntimeError as e:
        return str(e)


def test_absent_at_start():
    """It starts, says so, serves whom its configuration knows (but for money, as no balance was seen yet), and is the
    store's as soon as that is there."""
    redis, all_ = Redis(), []
    redis.kill()
    for budget, status in (({}, 200), ({"initial_credits": 1000}, 503)):
        with gateway(redis, limits={"rpm": 1000}, budget=budget) as g:
            equal(g.admin("GET", "/healthz").status, 200)
            contains(g.admin("GET", "/readyz").body.decode(), "down")
            got = [ask(g, got=all_) for _ in range(5)]
            equal({r.status for r in got}, {status})
            check(max(r.took for r in got) < BUDGET + SLACK, "the slowest took %.3f s" % max(r.took for r in got))
            redis.start()
            healed(g, 4, all_)
            rows = lambda: [row for k in redis("KEYS", "slc:{acme}:use:*") for row in redis.hash(k.decode()).values()]
            until(lambda: sum(int(r.split(",")[6]) for r in rows()) == cost_of(all_), 8, "what the outage cost is on the books, once")
        redis.kill()
        all_.clear()


def test_killed_and_loading():
    """It comes back with what it had, after a while in which it only says that it loads."""
    redis, all_ = Redis("--rdbcompression", "no"), []
    with gateway(redis, limits={"rpm": 1000}, budget={"initial_credits": 1000}) as g:
        key, _ = Api(g).key("made", tenant="acme")
        equal((ask(g, got=all_).status, ask(g, key=key, got=all_).status), (200, 200))
        charged(redis, cost_of(all_))
        for i in range(300):
            redis("SET", "filler:%d" % i, "x" * 2000)
        redis("SAVE")
        redis.kill()
        got = [ask(g, key=k, got=all_) for k in (KEY, key) * 6]
        redis.options = ("--key-load-delay", "40000", "--loading-process-events-interval-bytes", "1024")
        redis.start()
        contains(said_of(redis), "LOADING")
        got += [ask(g, key=k, got=all_) for k in (KEY, key) * 6]
        equal({r.status for r in got}, {200}, "keys of both kinds go on")
        check(max(r.took for r in got) < BUDGET + SLACK, "the slowest took %.3f s" % max(r.took for r in got))

        def loaded():
            try:
                redis("CONFIG", "SET", "key-load-delay", "0")
                return redis("PING") == "PONG"
            except RuntimeError:
                return False
        until(loaded, 20 * rig.SLOW, "it has loaded")
        healed(g, 4, all_)
        charged(redis, cost_of(all_), 8 * rig.SLOW, held=True)
        equal(ask(g, key=key).status, 200, "the key that was made survives")
    redis.kill()


def test_slow():
    redis, got = Redis(), []
    with gateway(redis, budget={"initial_credits": 1000}) as g:
        equal(ask(g, got=got).status, 200)

        def pauses():
            for _ in range(4):
                redis.stop()
                time.sleep(0.5)
                redis.go_on()
                time.sleep(0.05)
        t = threading.Thread(target=pauses)
        t.start()
        while t.is_alive():
            ask(g, got=got)
        t.join()
        equal({r.status for r in got}, {200})
        check(max(r.took for r in got) < BUDGET + SLACK, "the slowest took %.3f s" % max(r.took for r in got))
        healed(g, got=got)
        charged(redis, cost_of(got), 8 * rig.SLOW, held=True)
    redis.kill()


def test_outage_lines_are_charged_once():
    redis = Redis()
    with gateway(redis, budget={"initial_credits": 1000}, timeout="500ms") as g:
        got = [ask(g) for _ in range(3)]
        charged(redis, cost_of(got))
        w = g.wire(20)
        w.request("POST", "/v1/messages", messages("mock-hang", "hello"), rig.with_key((), KEY))
        until(lambda: account(redis)["reserved"] > 0, 10, "something is held")
        redis.stop()
        got += [ask(g) for _ in range(10)]
        g.mock.stop()  # it fails, at no cost: what it held is given back when that can be
        equal(w.reply_head().status, 502)
        until(lambda: g.metrics().value("sluice_ledger_held_usd") == 0, 10, "nothing is held here")
        redis.go_on()
        charged(redis, cost_of(got))
        w.close()
    redis.kill()


def test_restart_with_lines_unsent():
    redis = Redis()
    g = gateway(redis, budget={"initial_credits": 1000}, timeout="500ms")
    got = [ask(g) for _ in range(3)]
    charged(redis, cost_of(got))
    redis.stop()
    got += [ask(g) for _ in range(5)]
    time.sleep(0.3)  # the trail is on disk
    g.p.kill()
    g.p.wait()
    redis.go_on()
    g.start()
    charged(redis, cost_of(got), held=True)
    g.stop()
    redis.kill()


def of_key(g, key):
    r = g.post("/v1/messages", messages("mock-echo", "hello"), key=key)
    r.local = "admitted_by" in g.access_of(r)
    return r


def test_emptied_while_it_runs():
    """Keys made through the API are never denied and are written back; windows start anew; money is held to what was
    seen, or refused, until the balances are rebuilt."""
    redis = Redis()
    with gateway(redis, budget={"initial_credits": 100}) as g:
        key, id = Api(g).key("made", tenant="acme")
        equal(of_key(g, key).status, 200)
        redis("FLUSHALL")
        began = time.monotonic()
        got = [of_key(g, key) for _ in range(10)]
        until(lambda: redis("EXISTS", "slc:key:" + rig.sha256(key)) and redis("HEXISTS", "slc:{acme}:keys", id),
              2 * rig.SLOW, "written back")
        check(time.monotonic() - began < 3 * rig.SLOW, "within two seconds")
        contains(g.said(), "lost what it held")
        got += [of_key(g, key), ask(g)]
        equal({r.status for r in got}, {200}, "never denied")
        check(got[-2].local, "money is this process' own matter")
        equal(redis("EXISTS", "slc:epoch"), 0, "until it is rebuilt")
        state = Api(g)("GET", "store")
        equal((state["up"], state["lost"]), (True, True))
    redis.kill()


def test_emptied_under_refuse():
    redis = Redis()
    with gateway(redis, budget={"initial_credits": 100}, on_outage="refuse") as g:
        equal(ask(g).status, 200)
        redis("FLUSHALL")
        until(lambda: "lost what it held" in g.said(), 3 * rig.SLOW, "seen")
        r = ask(g)
        equal(r.status, 503)
        check(int(r.get("retry-after")) >= 1, "retry-after")
    redis.kill()


def test_windows_start_anew():
    redis = Redis()
    with gateway(redis, limits={"rpm": 3}, timeout="1s") as g:
        equal([ask(g).status for _ in range(4)], [200, 200, 200, 429])
        redis("FLUSHALL")
        until(lambda: "lost what it held" in g.said(), 3 * rig.SLOW, "seen")
        got = [of_key(g, KEY) for _ in range(4)]
        equal([r.status for r in got], [200, 200, 200, 429])
        check(not any(r.local for r in got), "decided by Redis: no money is asked for")
    redis.kill()


def test_another_redis_at_start():
    """An empty one beside a directory that knows keys is the wrong one: nothing is served from it, unless told so."""
    redis = Redis()
    g = gateway(redis)
    equal(ask(g).status, 200)
    g.p.terminate()
    equal(g.p.wait(20 * rig.SLOW), 0)
    key = {"kind": "key", "rev": 1, "id": "made-1", "tenant": "acme", "state": "active", "sha256": "ab" * 32, "doc": "{}"}
    with open(os.path.join(g.dir, "records"), "a") as f:
        f.write(json.dumps(key) + "\n")
    redis.kill()
    redis.start()
    g.start(wait=False)
    equal(g.p.wait(20 * rig.SLOW), 1, g.said())
    contains(g.said(), "it is not the one that was used before")
    equal(redis("EXISTS", "slc:epoch"), 0)
    g.argv = ("--fresh",)
    g.start()
    equal(ask(g).status, 200)
    equal(redis("EXISTS", "slc:epoch"), 1)
    g.stop()
    redis.kill()


rig.main(globals(), gateway=False)
