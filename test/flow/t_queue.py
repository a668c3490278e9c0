#!/usr/bin/env python3
"""Promise: at most so many requests are at a provider, and with one of its keys, at once;
the others wait by class and arrival, nobody for ever, each no longer than it may; who
finds no room is told when there will be some."""
# timeout: 180

import json
import signal
import subprocess
import threading
import time

import _rig as rig
from _admin import Api
from _provider import Listener, answer, key_of
from _rig import check, equal, until

KEYS = {c: "sk-slc-class%d-canarysecret0000" % c for c in (0, 2, 5, 8, 9)}


class Provider(Listener):
    """Answers each request once it has held it for `seconds`, or, without them, when
    `let` allows one more. `seen`: the words and the keys of the requests as they came."""

    def __init__(self, seconds=None):
        self.seconds, self.seen, self.keys = seconds, [], []
        self.now, self.most = 0, 0
        self.let = threading.Semaphore(0)
        self.limits = []  # answers that are given at once, first
        self.late = []  # those of the first that are held
        super().__init__()

    def note(self, head, body):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.keys.append(key_of(head))
            self.seen.append(json.loads(body)["messages"][0]["content"])
            return self.limits.pop(0) if self.limits else None

    def reply(self, head, body):
        what = self.note(head, body)
        if what is None:
            time.sleep(self.seconds) if self.seconds is not None else self.let.acquire()
        with self.lock:
            self.now -= 1
            return what or (self.late.pop(0) if self.late else answer())


def entry(name, p, **more):
    return {"name": name, "protocol": "anthropic", "base_url": "http://127.0.0.1:%d" % p.port, "keys": ["key-of-" + name], **more}


def gateway(mock, providers, targets=("p",), queue=None, budget=None, **settings):
    def change(c):
        c["providers"] += providers
        c["models"] += [{"name": "m", "targets": [{"provider": t, "priority": i, "price": {"input": 1000, "output": 1000}}
                                                  for i, t in enumerate(targets)]}]
        c["tenants"] += [{"name": "classes", "budget": budget or {}, "scopes": ["models:m"],
                          "keys": [{"name": "c%d" % n, "sha256": rig.sha256(k), "class": n} for n, k in KEYS.items()]}]
        c["queue"] = {"max": 1000, "wait": "60s", **(queue or {})}

    return rig.Gateway(settings, change, mock=mock)


def ask(h, grade, text):
    w = h.wire(60)
    w.request("POST", "/v1/messages", rig.messages("m", text), key=KEYS[grade])
    return w


def post(h, grade=5, text="x"):
    return h.post("/v1/messages", rig.messages("m", text), key=KEYS[grade], timeout=60)


def depth(h):
    return h.metrics().value("sluice_queue_depth", provider="p")


def waiting(h, n):
    until(lambda: depth(h) == n, 5 * rig.SLOW, lambda: "%s wait, not %d" % (depth(h), n))


def released(p, wires):
    """Everybody is let through; the answers' statuses."""
    for _ in wires:
        p.let.release()
    got = [w.reply().status for w in wires]
    for w in wires:
        w.close()
    return got


def test_order_and_shedding(g):
    """Five places and two hundred that wait, of three classes; the queue is full then."""
    p = Provider()
    with gateway(g.mock, [entry("p", p, max_concurrency=5)], queue={"max": 200}) as h:
        first = [ask(h, 2, "first") for _ in range(5)]
        until(lambda: len(p.seen) == 5, 5, "five are there")
        grades = [(2, 5, 8)[i * 7919 % 3] for i in range(200)]
        wires = [ask(h, c, str(c)) for c in grades[:199]]
        waiting(h, 199)
        last = ask(h, 2, "newest of the lowest")
        waiting(h, 200)
        r = post(h, 2)
        equal((r.status, r.json()["error"]["type"]), (429, "rate_limit_error"), "the lowest finds it full")
        check(r.error()[1].startswith("Rate limit exceeded"), r.error()[1])
        check(1 <= int(r.get("retry-after")) <= 60 and int(r.get("retry-after-ms")) >= 1)
        equal(h.access_of(r)["ending"], "shed")
        wires.append(ask(h, 8, "8"))
        equal(last.reply().status, 429, "the newest of the lowest class makes room")
        last.close()
        equal(depth(h), 200)
        # by fives: who of those that run at once is read first is the machine's affair
        order = sorted(grades[:199] + [8], reverse=True)
        for at in range(0, 200, 5):
            for _ in range(5):
                p.let.release()
            until(lambda: len(p.seen) >= at + 10, 5 * rig.SLOW, "the next five are there")
            equal(sorted((int(text) for text in p.seen[at + 5 :]), reverse=True), order[at : at + 5], "from the %dth" % at)
        equal(set(released(p, first + wires)), {200}, "all others are served")
        equal(p.most, 5, "never more than its places")
        check(h.metrics().value("sluice_endings_total", ending="shed", provider="p") == 2)
    p.close()


def test_nobody_starves(g):
    p = Provider(0.03)
    with gateway(g.mock, [entry("p", p, max_concurrency=1)], queue={"wait": "3s"}) as h:
        over = threading.Event()

        def rush():
            while not over.is_set():
                post(h, 9, "high")

        rushing = [threading.Thread(target=rush) for _ in range(6)]
        for t in rushing:
            t.start()
        until(lambda: (depth(h) or 0) >= 4, 5 * rig.SLOW, "there is a queue")
        equal(post(h, 0, "low").status, 200, "the lowest class is served among many of the highest")
        over.set()
        for t in rushing:
            t.join()
        check(p.seen.count("high") > 20)
    p.close()


def test_deadlines(g):
    p = Provider()
    with gateway(g.mock, [entry("p", p, max_concurrency=1)], queue={"wait": "700ms"}) as h:
        first = ask(h, 5, "first")
        until(lambda: p.seen, 5, "it is there")
        took = []

        def one(i):
            started = time.monotonic()
            r = post(h, (2, 5, 8)[i % 3])
            took.append(time.monotonic() - started)
            equal(r.status, 429)
            check(int(r.get("retry-after")) >= 1)

        rig.together(20, one)
        # the loop's clock is a few milliseconds behind at most; a busy machine holds up the slowest, not all of them
        check(0.65 <= min(took) <= 0.7 + 0.2 * rig.SLOW and max(took) <= 0.7 + 5 * rig.SLOW, "between %s and %s" % (min(took), max(took)))
        equal(released(p, [first]), [200])
        equal(p.seen, ["first"], "nobody else was sent")
    p.close()


def test_the_wait_that_is_told(g):
    """Whoever was shed and comes back when it was told finds a place in the queue."""
    p = Provider(0.5)
    with gateway(g.mock, [entry("p", p, max_concurrency=2)], queue={"max": 2}) as h:
        rig.together(2, lambda i: equal(post(h).status, 200))  # how long they take is known now
        wires = [ask(h, 5, "x") for _ in range(4)]
        waiting(h, 2)
        r = post(h)
        equal(r.status, 429)
        told = int(r.get("retry-after-ms")) / 1000
        check(0.05 <= told <= 1.5 * rig.SLOW, told)
        time.sleep(told)
        equal(post(h).status, 200, "there is room as it was told")
        for w in wires:
            equal(w.reply().status, 200)
            w.close()
    p.close()


def test_leaving(g):
    """Also of a tenant whose answers are counted to the end: nobody works for it yet."""
    p = Provider()
    with gateway(g.mock, [entry("p", p, max_concurrency=1)], budget={"on_client_gone": "drain"}) as h:
        first = ask(h, 5, "first")
        until(lambda: p.seen, 5, "it is there")
        gone = [ask(h, 8, "gone") for _ in range(3)]
        waiting(h, 3)
        stays = ask(h, 2, "stays")
        waiting(h, 4)
        for w in gone:
            w.reset()
        waiting(h, 1)
        equal(released(p, [first, stays]), [200, 200])
        equal(p.seen, ["first", "stays"])
        h.settle()
    p.close()


def test_what_was_reserved(g):
    """Waiting holds money, and being turned away gives it back."""
    p = Provider()
    held = lambda h: h.metrics().value("sluice_ledger_held_usd") or 0
    with gateway(g.mock, [entry("p", p, max_concurrency=1)], queue={"max": 1, "wait": "1s"}, budget={"initial_credits": 1000}) as h:
        first = ask(h, 5, "first")
        until(lambda: p.seen, 5, "it is there")
        until(lambda: held(h) > 0, 5, "money is held")
        alone = held(h)
        second = ask(h, 5, "second")
        waiting(h, 1)
        until(lambda: held(h) > alone, 5, "by the one that waits, too")
        equal(post(h).status, 429, "full")
        equal(second.reply().status, 429, "waited too long")
        second.close()
        until(lambda: abs(held(h) - alone) < 1e-9, 5, lambda: "%s is held, not %s" % (held(h), alone))
        equal(released(p, [first]), [200])
        until(lambda: held(h) == 0, 5, "nothing is held")
    p.close()


def test_a_place_for_another_try(g):
    """Who waited for a place to try again takes it: no second backoff, no place given up for it."""
    p = Provider()
    p.late = [answer(500)]
    with gateway(g.mock, [entry("p", p, max_concurrency=1)], retry={"attempts": 2, "base": "300ms", "max": "300ms"}) as h:
        wires = [ask(h, 5, "again")]
        until(lambda: p.seen == ["again"], 5, "it is there")
        wires.append(ask(h, 5, "second"))
        waiting(h, 1)
        p.let.release()  # it fails: the second has its place meanwhile
        until(lambda: p.seen == ["again", "second"], 5 * rig.SLOW, lambda: p.seen)
        waiting(h, 1)
        wires += [ask(h, 5, "later") for _ in range(2)]
        waiting(h, 3)
        p.let.release()
        until(lambda: len(p.seen) >= 3, 5 * rig.SLOW, lambda: p.seen)
        equal(p.seen[2], "again", "by arrival")
        equal(set(released(p, wires)), {200})
        equal(p.seen, ["again", "second", "again", "later", "later"])
    p.close()


def test_places_of_keys(g):
    p = Provider()
    keys = {"keys": ["k1", "k2"], "key_concurrency": 2}
    with gateway(g.mock, [entry("p", p, **keys)]) as h:
        wires = [ask(h, 5, "x") for _ in range(4)]
        until(lambda: len(p.seen) == 4, 5, "four are there")
        equal(sorted(p.keys), ["k1", "k1", "k2", "k2"])
        wires += [ask(h, 5, "x") for _ in range(3)]
        waiting(h, 3)
        equal(set(released(p, wires)), {200})
        check(p.keys.count("k1") <= 5 and p.keys.count("k2") <= 5, p.keys)
        equal(p.most, 4)
    p.close()


def test_a_key_that_rests_has_no_places(g):
    """The one that is left takes no more than its own; the others wait for it."""
    p = Provider()
    p.limits = [answer(429, "retry-after: 3\r\n")]
    keys = {"keys": ["k1", "k2"], "key_concurrency": 1}
    with gateway(g.mock, [entry("p", p, **keys)], retry={"attempts": 3, "base": "10ms", "max": "10s"}) as h:
        wires = [ask(h, 5, "x")]
        until(lambda: p.keys == ["k1", "k2"], 5, lambda: "another key at once: %s" % p.keys)
        wires += [ask(h, 5, "x") for _ in range(2)]
        waiting(h, 2)
        equal(p.now, 1)
        p.let.release()
        equal(wires.pop(0).reply().status, 200)
        until(lambda: p.keys[:3] == ["k1", "k2", "k2"], 5, lambda: p.keys)
        until(lambda: p.now == 2, 10, "the first key has rested: nobody need wait for the other")
        equal(p.keys[3], "k1")
        equal(set(released(p, wires)), {200})
    p.close()


def test_what_operators_see(g):
    """Places, queue, breaker and keys of a provider; no key's text."""
    p = Provider()
    p.limits = [answer(429, "retry-after: 30\r\n"), answer(401), answer(500)]
    keys = {"keys": ["k1-canarysecret", "k2-canarysecret", "k3-canarysecret"], "max_concurrency": 1}
    breaker = {"min_requests": 1, "error_rate": 0.5, "open": "30s"}
    with gateway(g.mock, [entry("p", p, breaker=breaker, **keys)], retry={"attempts": 3, "base": "10ms", "max": "50ms"}) as h:
        api = Api(h)
        shown = lambda: [x for x in api("GET", "providers") if x["name"] == "p"][0]
        fresh = {"model": "m", "breaker": "closed", "breaker_rest_ms": 0, "ended": 0, "failed": 0, "keys": ["ready"] * 3, "keys_rest_ms": 0}
        equal([x["name"] for x in api("GET", "providers")], ["mock-a", "mock-o", "p"])
        equal({k: v for k, v in shown().items() if k not in ("connections", "idle")},
              {"name": "p", "taken": 0, "places": 1, "waiting": 0, "paused_ms": 0, "window_ms": 30000, "models": [fresh]})
        equal(post(h).status, 500)
        now = shown()["models"][0]
        equal((now["breaker"], now["keys"], now["keys_rest_ms"]), ("open", ["resting", "refused", "ready"], 0))
        check(20000 < now["breaker_rest_ms"] <= 30000, now)
        equal((now["ended"], now["failed"]), (1, 1), "what was limited or refused says nothing of the provider")
        check("canarysecret" not in json.dumps(api("GET", "providers")))
        h.config["providers"][-1]["breaker"] = {"min_requests": 1000}
        h.config["providers"][-1]["keys"] = ["k4"]
        h.write_config()
        h.signal(1)
        until(lambda: shown()["models"][0]["keys"] == ["ready"], 5, lambda: shown())
    with gateway(g.mock, [entry("p", p, max_concurrency=1)]) as h:
        api = Api(h)
        wires = [ask(h, 5, "x") for _ in range(3)]
        waiting(h, 2)
        now = [x for x in api("GET", "providers") if x["name"] == "p"][0]
        equal((now["taken"], now["places"], now["waiting"], now["connections"], now["idle"]), (1, 1, 2, 1, 0))
        argv = [rig.SLUICE, "provider", "--admin", "http://127.0.0.1:%d" % h.admin_port]
        said = subprocess.run(argv, env={**h.environment, "SLUICE_ADMIN_KEY": rig.ADMIN_KEY}, capture_output=True, text=True, timeout=60)
        equal(said.returncode, 0, said.stderr)
        equal(said.stdout.splitlines()[-1].split(), ["p", "1", "1", "2", "1", "0"], "as a table")
        equal(set(released(p, wires)), {200})
    p.close()


def test_another_one_has_room(g):
    """No waiting, and no place kept elsewhere, while a candidate has room; then by rank."""
    a, b = Provider(), Provider()
    with gateway(g.mock, [entry("p", a, max_concurrency=1), entry("q", b, max_concurrency=1)], ("p", "q")) as h:
        wires = [ask(h, 5, "1")]
        until(lambda: a.seen, 5, "at the first")
        wires.append(ask(h, 5, "2"))
        until(lambda: b.seen, 5, "the second has room")
        wires.append(ask(h, 5, "3"))
        waiting(h, 1)
        a.let.release()
        until(lambda: a.seen == ["1", "3"], 5, lambda: a.seen)
        b.let.release()
        equal(set(released(a, wires)), {200})
    a.close()
    b.close()


def test_limits_are_waited_out(g):
    """A provider's 429 costs no try while `queue.wait` lasts: more of them than `attempts`."""
    p = Provider(0)
    p.limits = [answer(429, "retry-after-ms: 100\r\n") for _ in range(5)]
    with gateway(g.mock, [entry("p", p)], retry={"attempts": 2, "base": "10ms", "max": "5s"}) as h:
        r = post(h)
        equal((r.status, r.get("x-sluice-attempts")), (200, "6"))
        p.limits = [answer(429, "retry-after-ms: 100\r\n") for _ in range(30)]
        equal(post(h).status, 429, "not for ever")
        equal(len(p.limits), 20, "ten tries are the most")
        p.limits = []
    with gateway(g.mock, [entry("p", p)], queue={"wait": "150ms"}, retry={"attempts": 2, "base": "10ms", "max": "5s"}) as h:
        p.limits = [answer(429, "retry-after-ms: 200\r\n") for _ in range(5)]
        r = post(h)
        equal((r.status, r.get("x-sluice-attempts")), (429, "2"), "no longer than the queue's wait")
        p.limits = []
    p.close()


def test_a_reload_makes_room(g):
    p = Provider()
    with gateway(g.mock, [entry("p", p, max_concurrency=1)]) as h:
        wires = [ask(h, 5, "x") for _ in range(4)]
        waiting(h, 3)
        h.config["providers"][-1]["max_concurrency"] = 3
        h.write_config()
        h.signal(1)
        until(lambda: p.now == 3, 5, "two more go")
        equal(depth(h), 1)
        equal(set(released(p, wires)), {200})
    p.close()


def test_stopping_while_many_wait(g):
    p = Provider()
    with gateway(g.mock, [entry("p", p, max_concurrency=2)]) as h:
        wires = [ask(h, 5, "x") for _ in range(30)]
        waiting(h, 28)
    for w in wires:
        w.close()
    p.close()


def test_overload(g):
    """Beyond `overload`, low classes are refused first, and come back; the highest is served, and probes are."""
    p = Provider(0)
    with gateway(g.mock, [entry("p", p)], overload={"connections": 4}) as h:
        equal(post(h, 0).status, 200)
        wires = [h.wire(60) for _ in range(6)]

        def refused():
            got = post(h, 8)
            return got.status == 503 and got
        got = until(refused, 10 * rig.SLOW, "class 8 is refused")
        before = len(p.seen)
        equal(post(h, 0).status, 503)
        equal(len(p.seen), before, "a refused request is not made")
        equal(got.json()["error"]["type"], "overloaded_error")
        check("class 9 and above" in got.json()["error"]["message"], got.json())
        check(0 < int(got.get("retry-after-ms")) <= 2400, "retry-after-ms: %s" % got.get("retry-after-ms"))
        check(int(post(h, 0).get("retry-after")) >= 14, "class 0 is told to wait for all the others")
        equal(got.get("connection"), "close")
        equal([post(h, 9).status for _ in range(3)], [200] * 3)
        equal([h.call("GET", "/healthz", key=None).status, h.admin("GET", "/readyz").status], [200, 200])
        until(lambda: (h.metrics().value("sluice_shed_total", **{"reason": "connections", "class": "8"}) or 0) >= 1, 10 * rig.SLOW, "counted")
        equal(h.metrics().value("sluice_shed_below_class"), 9)
        until(lambda: "overloaded by connections" in h.said(), 10 * rig.SLOW, "a line in the log")
        for w in wires:
            w.close()
        until(lambda: post(h, 8).status == 200, 30 * rig.SLOW, "class 8 is back")
        busy_with(h, "memory", {"memory": "1MiB"})
        busy_with(h, "loop_lag", {"loop_lag": "100ms"}, lambda: pause(h))


def pause(h):
    """Its loop is late, in looks that follow each other."""
    for _ in range(3):
        h.signal(signal.SIGSTOP)
        time.sleep(0.25)
        h.signal(signal.SIGCONT)
        time.sleep(0.03)


def busy_with(h, what, limits, load=lambda: None):
    """Its lowest class is refused, the highest is not, and operators and probes get in."""
    for now in ({}, limits):  # what was before is over at once
        reloads = h.metrics().value("sluice_config_reloads_total", result="ok") or 0
        h.config["overload"] = now
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: h.metrics().value("sluice_config_reloads_total", result="ok") == reloads + 1, 10 * rig.SLOW, "reloaded")

    def refused():
        load()
        got = post(h, 0)
        return got.status == 503 and got
    message = until(refused, 20 * rig.SLOW, "class 0 is refused for " + what).json()["error"]["message"]
    check("too much to do (%s)" % what in message, message)
    equal(post(h, 9).status, 200)
    equal([h.call("GET", "/healthz", key=None).status, h.admin("GET", "/healthz").status, h.admin("GET", "/readyz").status], [200] * 3)
    check(Api(h)("GET", "providers"), "operators see it")


if __name__ == "__main__":
    rig.main(globals())
