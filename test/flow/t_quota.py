# timeout: 240
"""Limits, credits and budgets, on both kinds of store: what passes, what is refused, with which words, and that a
refusal costs nothing. HAMMER says how many clients ask four gateways at once (the long form takes 200), KILLS how often
a gateway dies with all leases taken (then each is waited for to its real end)."""

import os
import select
import threading
import time

import _rig as rig
from _bodies import dump, messages
from _check import check, contains, equal, until
from _clock import Clock
from _redis import Redis, on_both_stores
from _rig import KEY, KEY_BOB

HAMMER = int(os.environ.get("HAMMER", "20"))
KILLS = int(os.environ.get("KILLS", "0"))
PRICE = {"input": 3.0, "output": 15.0}


def settings(store, tenants=None, **more):
    models = [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]
    return {"store": {"url": store}, "models": models, **({"tenants": tenants} if tenants else {}), **more}


def acme(limits=None, budget=None, key=None, **more):
    alice = {"name": "alice", "sha256": rig.sha256(KEY), "user": "alice@acme", **(key or {})}
    bob = {"name": "bob", "sha256": rig.sha256(KEY_BOB)}
    return [{"name": "acme", "keys": [alice, bob], "limits": limits or {}, "budget": budget or {}, **more}]


def ask(g, key=KEY, model="mock-echo", **body):
    return g.post("/v1/messages", messages(model, **body), key=key)


def on_both(tenants, act, **more):
    on_both_stores(lambda store: rig.Gateway(settings(store, tenants, **more)), act)


def test_rpm():
    def act(g, redis):
        got = [ask(g) for _ in range(5)]
        equal([r.status for r in got], [200, 200, 200, 429, 429])
        equal(got[0].get("anthropic-ratelimit-requests-limit"), "3")
        equal([r.get("anthropic-ratelimit-requests-remaining") for r in got[:3]], ["2", "1", "0"])
        error = got[3].json()["error"]
        equal(error["type"], "rate_limit_error")
        contains(error["message"], "Rate limit exceeded")
        contains(error["message"], "acme")
        contains(error["message"], "3")
        check(50 < int(got[3].get("retry-after")) <= 60, "retry-after: %s" % got[3].get("retry-after"))
        check(int(got[3].get("retry-after-ms")) > 50000, "retry-after-ms")
        equal(g.mock.stats()["requests"], 3, "what the provider has seen")
        lines = until(lambda: len(g.access_lines()) >= 5 and g.access_lines(), 5, "access lines")
        equal([l.get("limit") for l in lines], [None, None, None, "rpm", "rpm"])

    on_both(acme({"rpm": 3}), act)


def test_bursts():
    def act(g, redis):
        got = [ask(g) for _ in range(4)]
        equal([r.status for r in got], [200, 200, 200, 429])
        equal([r.get("anthropic-ratelimit-requests-limit") for r in got[:3]], ["3"] * 3)
        equal([r.get("anthropic-ratelimit-requests-remaining") for r in got[:3]], ["2", "1", "0"])
        contains(got[3].json()["error"]["message"], "1 requests a minute (rpm), in bursts of at most 3 (burst)")
        equal(got[3].get("retry-after"), "60" if int(got[3].get("retry-after-ms")) > 59000 else got[3].get("retry-after"))
        if redis:
            equal(set(redis.hash("slc:{acme}:b:t:rpm")), {"debt", "at"})

    on_both(acme({"rpm": 1, "burst": 3}), act)


def test_a_keys_limit_inside_a_tenants():
    def act(g, redis):
        equal([ask(g).status for _ in range(3)], [200, 200, 429])
        # the key's refusals have not used up the tenant's allowance
        equal([ask(g, KEY_BOB).status for _ in range(3)], [200, 200, 429])

    on_both(acme({"rpm": 4}, key={"limits": {"rpm": 2}}), act)


def test_concurrency():
    def act(g, redis):
        wires = [g.wire(60) for _ in range(2)]
        for w in wires:
            w.request("POST", "/v1/messages", messages("mock-hang"))
        until(lambda: g.mock.stats()["requests"] >= 2, 10 * rig.SLOW, "two run")
        refused = ask(g)
        equal(refused.status, 429)
        contains(refused.json()["error"]["message"], "at once")
        for w in wires:
            w.close()
        until(lambda: ask(g).status == 200, 10 * rig.SLOW, "a lease is free again")

    on_both(acme({"concurrency": 2}), act)


def test_concurrency_of_an_end_user():
    def act(g, redis):
        chat = {"model": "mock-echo", "messages": [{"role": "user", "content": "x"}]}

        def of(user):
            return ask(g, metadata={"user_id": user})
        wires = [g.wire(60) for _ in range(2)]
        for i, w in enumerate(wires):
            w.request("POST", "/v1/messages", messages("mock-hang", metadata={"user_id": "anna-canarysecret_session_%d" % i}))
        until(lambda: g.mock.stats()["requests"] >= 2, 10 * rig.SLOW, "two run")
        refused = of("anna-canarysecret_session_2")
        equal(refused.status, 429)
        contains(refused.json()["error"]["message"], "2 requests at once of one end user (user_concurrency)")
        check(0 < int(refused.get("retry-after-ms")) <= 1200, "retry-after-ms: %s" % refused.get("retry-after-ms"))
        equal(g.post("/v1/chat/completions", dump({**chat, "safety_identifier": "anna-canarysecret"})).status, 429)
        equal([of("ben").status, ask(g).status, g.post("/v1/chat/completions", dump({**chat, "user": "ben"})).status], [200] * 3)
        if redis:
            keys = redis("KEYS", "*")
            check(not any(b"anna" in k for k in keys), "a user's name is in the store")
            check(any(b":live:u:" in k for k in keys), "leases of end users")
        for w in wires:
            w.close()
        until(lambda: of("anna-canarysecret").status == 200, 10 * rig.SLOW, "a place is free again")
        until(lambda: (g.metrics().value("sluice_limited_total", tenant="acme", limit="user_concurrency") or 0) >= 2, 10 * rig.SLOW, "counted")

    on_both(acme({"user_concurrency": 2}), act)


def test_credits():
    def act(g, redis):
        before = ask(g, max_tokens=16)
        equal(before.status, 200)
        check(float(before.get("x-sluice-cost")) > 0, "a cost: %s" % before.get("x-sluice-cost"))
        got = ask(g, max_tokens=1000000)
        equal(got.status, 402)
        equal(got.get("x-should-retry"), "false")
        contains(got.json()["error"]["message"], "Insufficient quota")
        openai = g.post("/v1/chat/completions", dump({"model": "gpt", "max_tokens": 1000000,
                                                      "messages": [{"role": "user", "content": "x"}]}))
        equal((openai.status, openai.json()["error"]["code"]), (402, "insufficient_quota"))
        if redis:
            def settled():
                account = redis.hash("slc:{acme}:acct:t")
                return account.get("reserved") == "0" and account
            account = until(settled, 3, "the reservation is back")
            equal(int(account["spent"]), round(float(before.get("x-sluice-cost")) * 1e6))

    on_both(acme(budget={"initial_credits": 0.05}), act)


def test_daily_budget():
    def act(g, redis):
        got = ask(g, max_tokens=4000)
        equal(got.status, 402)
        contains(got.json()["error"]["message"], "daily")

    on_both(acme(budget={"daily": 0.01}), act)


def test_count_tokens_stands_outside():
    def act(g, redis):
        equal(ask(g).status, 200)
        equal(ask(g).status, 429)
        body = dump({"model": "mock-echo", "messages": [{"role": "user", "content": "x"}]})
        equal([g.post("/v1/messages/count_tokens", body).status for _ in range(3)], [200] * 3)

    on_both(acme({"rpm": 1}), act)


def test_whole_gateway():
    def act(g, redis):
        got = [ask(g, key).status for key in (KEY, KEY_BOB, KEY, KEY_BOB)]
        equal(sorted(got)[:2], [200, 200])
        check(429 in got, "the third in a second is refused: %s" % got)

    on_both(acme(), act, limits={"qps": 2})


def test_max_tokens_that_are_none():
    def act(g, redis):
        for bad in ("-1", "1e400", "18446744073709551632", '"16"', "1.5"):
            body = b'{"model":"mock-echo","max_tokens":%s,"messages":[{"role":"user","content":"x"}]}' % bad.encode()
            equal((bad, g.post("/v1/messages", body).status), (bad, 400))

    on_both(acme(budget={"initial_credits": 10}), act)


def test_four_gateways_one_redis():
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"rpm": 100}))
    got = hammer(many, 2, enough=lambda got: got.count(200) >= 100 and got.count(429) > 20)
    equal(got.count(200), 100, "exactly the limit, and all of it")
    check(got.count(429) > 20, "%d were refused" % got.count(429))
    times = admitted_times(many, 100)
    check(times[-1] - times[0] < 60_000_000, "all within one window")
    equal(mock.stats()["requests"], 100, "the provider's total is the admitted total")
    end(redis, mock, many)


def four(redis, mock, tenants, n=4):
    """Gateways that nobody lets decide alone, however busy the machine is."""
    return [rig.Gateway(patient(redis, tenants), mock=mock) for _ in range(n)]


def patient(redis, tenants):
    s = settings(redis.url, tenants)
    s["store"]["timeout"] = "5s"
    return s


def hammer(many, seconds, model="mock-echo", key=KEY, enough=lambda got: True):
    """So long, and on until the statuses are enough: a busy machine needs its time."""
    got, began = [], time.monotonic()

    def going():
        took = time.monotonic() - began
        return took < seconds or (took < 4 * rig.SLOW and not enough(got))

    def work(g):
        while going():
            got.append(ask(g, key, model, max_tokens=8).status)
    all_ = [threading.Thread(target=work, args=(many[i % len(many)],)) for i in range(HAMMER)]
    for t in all_:
        t.start()
    for t in all_:
        t.join()
    return got


def end(redis, mock, many):
    for g in many:
        g.stop()
    mock.stop()
    redis.kill()


def admitted_times(many, n):
    def lines():
        return [l["admitted_us"] for g in many for l in g.access_lines() if l["status"] == 200]
    until(lambda: len(lines()) == n, 5, lambda: "%d access lines of %d" % (len(lines()), n))
    return sorted(lines())


def test_a_keys_limit_of_four():
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"rpm": 100}, key={"limits": {"rpm": 60}}))
    alice = hammer(many, 1, enough=lambda got: got.count(200) >= 60 and got.count(429) > 20)
    bob = hammer(many, 1, key=KEY_BOB, enough=lambda got: got.count(200) >= 40 and got.count(429) > 20)
    equal((alice.count(200), bob.count(200)), (60, 40), "the key's own, and what its tenant has left")
    times = admitted_times(many, 100)
    check(times[-1] - times[0] < 60_000_000, "all within one window")
    equal(mock.stats()["requests"], 100, "the provider's total is the admitted total")
    end(redis, mock, many)


def test_qps_of_four():
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"qps": 20}))
    got = hammer(many, 4, enough=lambda got: got.count(200) >= 60)
    times = admitted_times(many, got.count(200))
    for i in range(len(times) - 20):
        check(times[i + 20] - times[i] > 1_000_000, "more than 20 within a second: %s" % times[i : i + 21])
    check(got.count(200) >= 60, "the allowance can be used up: %d" % got.count(200))
    equal(mock.stats()["requests"], got.count(200), "the provider's total is the admitted total")
    end(redis, mock, many)


def test_concurrency_of_four():
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"concurrency": 5}))
    most, watching = [], [True]

    def watch():
        while watching[0]:
            most.append(int(redis("ZCARD", "slc:{acme}:live:t")))
            time.sleep(0.005)
    w = threading.Thread(target=watch)
    w.start()
    got = hammer(many, 2, "mock-first-100", enough=lambda got: 429 in got and max(most, default=0) >= 5)
    watching[0] = False
    w.join()
    equal(set(got), {200, 429})
    equal(max(most), 5, "five at once, never more")
    equal(mock.stats()["requests"], got.count(200))
    until(lambda: redis("ZCARD", "slc:{acme}:live:t") == 0, 3, "every lease is given back")
    end(redis, mock, many)


def test_credits_of_four():
    """Reserved before, settled after: at no moment is more promised than there is, and all of it is used."""
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme(budget={"initial_credits": 0.002}))
    worst, watching = [0], [True]

    def watch():
        while watching[0]:
            a = {k: int(v) for k, v in redis.hash("slc:{acme}:acct:t").items()}
            worst.append(a.get("spent", 0) + a.get("reserved", 0) - a.get("granted", 0))
            time.sleep(0.005)
    w = threading.Thread(target=watch)
    w.start()
    got = hammer(many, 1, "mock-first-100", enough=lambda got: 200 in got and got.count(402) > 20)
    watching[0] = False
    w.join()
    equal(set(got), {200, 402})
    check(max(worst) <= 0, "%d micro-dollars too much were promised" % max(worst))
    settled = lambda: {k: int(v) for k, v in redis.hash("slc:{acme}:acct:t").items()}
    until(lambda: settled()["reserved"] == 0, 5, "nothing is held")
    paid = sum(l.get("cost_micro", 0) for g in many for l in until(g.access_lines, 5, "access lines"))
    until(lambda: settled()["spent"] == sum(l.get("cost_micro", 0) for g in many for l in g.access_lines()), 10,
          lambda: (settled(), paid))
    equal(mock.stats()["requests"], got.count(200), "the provider's total is the admitted total")
    end(redis, mock, many)


def test_tokens_of_four():
    """tpm admits while what is settled is below the limit: the overshoot is what runs at that moment, and what has ended
    but is not on disk yet."""
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"tpm": 2000, "concurrency": 4}))
    first = ask(many[0], max_tokens=8)
    usage = first.json()["usage"]
    each = usage["input_tokens"] + usage["output_tokens"]
    got = [first.status, *hammer(many, 2, enough=lambda got: (1 + got.count(200)) * each >= 2000 and 429 in got)]
    equal(set(got), {200, 429})
    times = admitted_times(many, got.count(200))
    used = sum(l["tokens_in"] + l["tokens_out"] for g in many for l in g.access_lines() if l["status"] == 200)
    one = used / got.count(200)
    rate = len(times) / ((times[-1] - times[0]) / 1e6)
    check(2000 <= used <= 2000 + (4 + rate * 0.1 * rig.SLOW) * one, "%d tokens of 2000, %d a request, %d a second" % (used, one, rate))
    end(redis, mock, many)


def send(many, n, model="mock-hang"):
    """So many requests, each on its wire, shared out among them."""
    wires = [many[i % len(many)].wire(60) for i in range(n)]
    for w in wires:
        w.request("POST", "/v1/messages", messages(model, max_tokens=8))
    return wires


def refused(wires):
    """Those that are answered; the others run."""
    return [w for w in wires if select.select([w.s], [], [], 0)[0]]


def close(wires):
    for w in wires:
        w.close()


def test_slots_of_the_dead():
    """A gateway is killed with every lease taken: they count until they end, 30 s at most, and then they are free."""
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme({"concurrency": 10}), 2)
    live, most, watching = "slc:{acme}:live:t", [], [True]

    def watch():
        other = redis.another()
        while watching[0]:
            second, us = (int(v) for v in other("TIME"))
            most.append(int(other("ZCOUNT", live, "(%d" % (second * 10**6 + us), "+inf")))
            time.sleep(0.005)

    def take_all(g):
        wires = send([g], 14)
        until(lambda: len(refused(wires)) == 4, 20, lambda: "four are refused: %d" % len(refused(wires)))
        equal([w.reply_head().status for w in refused(wires)], [429] * 4)
        return wires
    w = threading.Thread(target=watch)
    w.start()
    try:
        for i in range(KILLS or 2):
            dies, lives = many[i % 2], many[1 - i % 2]
            wires = take_all(dies)
            dies.p.kill()
            dies.p.wait()
            close(wires)
            equal(ask(lives).status, 429, "the dead one's count")
            second, us = (int(v) for v in redis("TIME"))
            ends = max(int(v) for v in redis("ZRANGE", live, 0, -1, "WITHSCORES")[1::2]) - second * 10**6 - us
            check(ends <= 30_000_000, "%d us" % ends)
            if KILLS:
                until(lambda: ask(lives).status == 200, 31, "the real end")
                until(lambda: ask(lives).status == 200, 31, "the real end")
            else:
                redis.hasten(live, 30_000)
            wires = take_all(lives)
            close(wires)
            until(lambda: ask(lives).status == 200, 5, "given back")
            dies.start()
    finally:
        watching[0] = False
        w.join()
    equal(max(most), 10, "all of them, and never more")
    end(redis, mock, many)


def test_credits_for_ten():
    """A hundred at once on two gateways, with credits for ten: ten."""
    redis, mock = Redis(), rig.Mock()
    many = four(redis, mock, acme(budget={"initial_credits": 1000}), 2)
    name = "slc:{acme}:acct:t"
    account = lambda field: int(redis.hash(name).get(field, 0))
    first = send(many, 1)
    until(lambda: account("reserved"), 5, "what one reserves")
    one = account("reserved")
    close(first)
    until(lambda: account("reserved") == 0, 5, "it is back")
    granted = account("spent") + 10 * one
    redis("HSET", name, "granted", granted)
    wires = send(many, 100)
    until(lambda: len(refused(wires)) >= 90, 20, lambda: "90 are refused: %d" % len(refused(wires)))
    until(lambda: mock.stats()["requests"] == 11, 5, lambda: "ten run: %s" % mock.stats())
    equal([w.reply_head().status for w in refused(wires)], [402] * 90)
    equal((account("spent") + account("reserved"), account("reserved")), (granted, 10 * one), "all of it is promised")
    close(wires)
    until(lambda: account("reserved") == 0, 5, "nothing is held")
    equal(mock.stats()["requests"], 11, "the provider's total is the admitted total")
    end(redis, mock, many)


def test_clocks_that_differ():
    """Redis' clock decides, and times of ours are steady: gateways whose clocks are wrong, or are set while they run,
    admit no more, and lock nobody out."""
    redis, mock = Redis(), rig.Mock()
    clocks = [Clock("clock%d" % i, s) for i, s in enumerate((0, 300, -300))]
    many = [rig.Gateway(patient(redis, acme({"rpm": 30, "concurrency": 20}, {"daily": 1})), mock=mock, env=c.env) for c in clocks]
    wall = lambda g: g.access_of(ask(g))["time"]
    check(wall(many[1])[:19] > wall(many[0])[:19] > wall(many[2])[:19], "their clocks differ")
    streams = [g.wire(60) for g in many]
    for w in streams:
        w.request("POST", "/v1/messages", messages("mock-events-40-slow-50ms", stream=True))
        w.reply_head()
    for c, far in zip(clocks, (90_000, -90_000, 90_000)):  # another day in each case
        c.step(far)
    got = hammer(many, 1, enough=lambda got: got.count(200) >= 24 and got.count(429) > 20)
    equal((got.count(200), mock.stats()["requests"]), (24, 30), "exactly the limit, and all of it")
    for w in streams:
        check(b"message_stop" in w.read_until(b"0\r\n\r\n"), "no stream was cut")
    close(streams)
    for g, c, back in zip(many, clocks, (-90_000, 90_000, 0)):
        c.step(back)
        r = ask(g)
        equal((r.status, 1 <= int(r.get("retry-after")) <= 60), (429, True), r.get("retry-after"))
    until(lambda: redis("ZCARD", "slc:{acme}:live:t") == 0, 5, "every lease is given back")
    redis.hasten("slc:{acme}:w:*", 60_001)
    equal([ask(g).status for g in many * 3], [200] * 9, "a minute later nobody is locked out")
    a = lambda: {k: int(v) for k, v in redis.hash("slc:{acme}:acct:t").items()}
    until(lambda: a()["reserved"] == 0 and a()["day"] == a()["spent"] == sum(
        l.get("cost_micro", 0) for g in many for l in g.access_lines()), 10, lambda: "one day's: %s" % a())
    end(redis, mock, many)


rig.main(globals(), gateway=False)
