#!/usr/bin/env python3
"""Promise: a provider that fails before its first content is not noticed while
another one, another key or another try can answer; what is noticed is the
provider's own error, and never a hang, a duplicate or a silent end."""
# timeout: 300

import time

import _rig as rig
from _provider import Provider, answer, gateway, nobody, post, provider, well
from _rig import check, contains, equal, until

ROUTES = [r for r in rig.GENERATE if r[0] in ("/v1/messages", "/v1/chat/completions")]


def cells():
    for path, _, protocol in ROUTES:
        for stream in (False, True):
            yield path, stream


# ---- the commit point ----------------------------------------------------------


def as_sent(*names):
    """Events of both protocols as a provider sends them."""
    chunk = '{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":%s,"finish_reason":null}]}'
    text = {
        "start": 'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}',
        "block": 'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        "ping": 'event: ping\ndata: {"type":"ping"}',
        "content": 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"bad"}}',
        "comment": ": PROCESSING",
        "role": "data: " + chunk % '{"role":"assistant","content":""}',
        "chat": "data: " + chunk % '{"content":"bad"}',
        "comments": "\n\n".join([": " + 98 * "x"] * 500),  # 51 kB
    }
    return "".join(text[n] + "\n\n" for n in names).encode()


def test_where_the_commit_point_is(g):
    """The first content, or more than 64 KiB: not the start, the role or a ping of the provider's own."""
    held = {
        "/v1/messages": (["start"], ["start", "ping", "ping"], ["start", "block", "ping"], ["comment"], ["comments"]),
        "/v1/chat/completions": (["role"], ["role", "comment", "comment"], ["comments", "role"]),
    }
    out = {
        "/v1/messages": (["start", "block", "content"], ["comments", "comments"], ["start", "comments", "comments"]),
        "/v1/chat/completions": (["role", "chat"], ["comments", "role", "comments"]),
    }
    cases = [(p, e, True) for p in held for e in held[p]] + [(p, e, False) for p in out for e in out[p]]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    bad = Provider(*[head + b"%x\r\n%s\r\nno chunk\r\n" % (len(as_sent(*e)), as_sent(*e)) for _, e, _ in cases])
    # each try costs its provider's health
    with gateway(g.mock, [provider("bad", bad.port), provider("good", g.mock.plain)],
                 {"m": [("bad", "m"), ("good", "mock-echo")]}, breaker={"min_requests": 1000}) as h:
        for path, names, again in cases:
            r = post(h, "m", path, "hello", stream=True)
            if again:
                well(r, path, True, "hello")
            else:
                check(r.body.startswith(as_sent(*names)), "as it came", r.body[:300])
                seen = rig.parse_events(r.body)
                equal((r.status, sum(e.is_error() for e in seen), seen[-1].is_error()), (200, 1, True), names)
            equal(r.get("x-sluice-attempts"), "2" if again else "1", names)
    bad.close()


def test_a_ping_of_ours_is_a_commit_point(g):
    """What fails behind it is told in the stream, and nobody else starts the answer anew."""
    with gateway(g.mock, [provider("bad", g.mock.plain), provider("good", g.mock.plain)],
                 {"m": [("bad", "mock-stall-pre"), ("good", "mock-echo")]},
                 keepalive_ping="200ms", timeouts={"idle": "3s"}) as h:
        for path, _, _ in ROUTES:
            g.mock.reset()
            r = post(h, "m", path, stream=True)
            seen = rig.parse_events(r.body)
            equal((r.status, r.get("x-sluice-attempts"), g.mock.stats()["requests"]), (200, "1", 1), path)
            equal((sum(e.is_error() for e in seen), seen[-1].is_error()), (1, True), r.body[-300:])
            check(r.body.count(b"message_start") <= 2 and not rig.text_of_stream(seen), path, r.body[:300])


# ---- the loop ------------------------------------------------------------------


def test_the_last_answer_is_the_one(g):
    """What the client gets is the last provider answer's own, also when the last
    try had none."""
    a = Provider(answer(500, "retry-after: 3\r\n"))
    gone = nobody()
    with gateway(g.mock, [provider("a", a.port), provider("gone", gone.getsockname()[1])],
                 {"m": [("a", "x"), ("gone", "x")]}, retry={"attempts": 2}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (500, "a", "2"))
        equal(r.json()["error"]["message"], "scripted 500")
        equal(r.get("retry-after"), "3")
        equal(h.access_of(r)["ending"], "upstream_error")
        ours = answer(403, body={"type": "error", "error": {"type": "x", "message": "secret of ours"}})
        a.script = [ours]
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (502, "a", "2"))
        check(b"secret of ours" not in r.body, r.body)
    a.script = [answer(500), ours]
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts")), (502, "2"))
        check(b"secret of ours" not in r.body)


def test_backoff_only_before_the_same_target(g):
    a, b = Provider(500, 500, 500), Provider(500)
    with gateway(g.mock, [provider("a", a.port), provider("b", b.port)], {"m": [("a", "x"), ("b", "x")]},
                 retry={"attempts": 4, "base": "1s", "max": "1s"}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (200, "b", "4"))
        check(b.seen[0][0] - a.seen[0][0] < 0.3 * rig.SLOW, "the next one at once")
    a.script, a.seen = [answer(503, "retry-after-ms: 700\r\n")], []
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts")), (200, "2"))
        check(0.69 <= a.seen[1][0] - a.seen[0][0] < 1 * rig.SLOW, "as long as the provider said", a.seen)
    a.script, a.seen = [answer(503, "retry-after: 60\r\n")], []
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts"), r.get("retry-after")), (503, "1", "60"))


def test_should_retry(g):
    a, b = Provider(answer(400, "x-should-retry: true\r\n"), 200, answer(500, "x-should-retry: false\r\n")), Provider()
    with gateway(g.mock, [provider("a", a.port), provider("b", b.port)], {"m": [("a", "x")], "n": [("a", "x"), ("b", "x")]}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts")), (200, "2"))
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts")), (500, "1"))
        a.script = [answer(500, "x-should-retry: false\r\n")]
        equal(post(h, "n").get("x-sluice-provider"), "b")


def test_the_total_holds_for_all_tries(g):
    a = Provider(*[500] * 20)
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}, timeouts={"total": "1s"},
                 retry={"attempts": 10, "base": "20s", "max": "20s"}) as h:
        t = time.monotonic()
        r = post(h, "m")
        check(r.status in (500, 504), r.status)
        check(time.monotonic() - t < 1 + rig.SLOW, "in time")


def test_leaving_while_it_waits(g):
    a = Provider(answer(503, "retry-after-ms: 4000\r\n"))
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}) as h:
        with h.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("m"))
            until(lambda: len(a.seen) == 1, 5, "the first try")
            time.sleep(0.2)
        until(lambda: not h.leftovers().get("requests"), 1 * rig.SLOW, lambda: h.leftovers())
        time.sleep(0.2)
        equal(len(a.seen), 1, "nobody asks for who has left")


def test_the_budget_of_retries(g):
    """Extra tries: a fifth of the requests of 10 s, and 100."""
    a = Provider(*[500] * 2000)
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}, retry={"attempts": 3, "base": "1ms", "max": "1ms"}) as h:
        started = time.monotonic()

        def work(i):
            for _ in range(15):
                equal(post(h, "m").status, 500)

        rig.together(10, work)
        windows = 1 + (time.monotonic() - started) // 9  # one, unless the machine is very busy
        extra = len(a.seen) - 150
        check(100 <= extra <= 130 * windows, "extra tries", extra)


# ---- keys ----------------------------------------------------------------------


def limited(*keys, **waits):
    """Each of those keys is answered with 429, others well."""
    return lambda k: answer(429, "retry-after: %d\r\n" % waits.get("wait", 30)) if k in keys else None


def test_a_pool_of_keys(g):
    a, b = Provider(), Provider()
    a.script = [limited("k1")] * 50
    with gateway(g.mock, [provider("a", a.port, keys=["k1", "k2", "k3"]), provider("b", b.port)],
                 {"m": [("a", "x"), ("b", "x")]}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts"), r.get("x-sluice-provider")), (200, "2", "a"))
        equal(a.keys(), ["k1", "k2"], "another key before another provider")
        equal([post(h, "m").status for _ in range(3)], [200] * 3)
        equal(a.keys()[2:], ["k2"] * 3, "the one that met its limit rests")
        m = h.metrics()
        equal((m.value("sluice_provider_keys", provider="a", state="ready"),
               m.value("sluice_provider_keys", provider="a", state="resting")), (2.0, 1.0))
        a.script = [limited("k2", "k3")] * 50
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts"), r.get("x-sluice-provider")), (200, "3", "b"))
        equal(a.keys()[5:], ["k2", "k3"])
        equal((post(h, "m").get("x-sluice-provider"), len(a.seen)), ("b", 7), "all of them rest")


def test_waiting_where_nobody_else_is(g):
    a = Provider(answer(429, "retry-after: 1\r\n"), answer(429, "retry-after: 60\r\n"))
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}, retry={"attempts": 2, "base": "10ms", "max": "5s"}) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-attempts"), r.get("retry-after")), (429, "2", "60"), "its own answer")
        check(1 <= a.seen[1][0] - a.seen[0][0] < 2 * rig.SLOW, "waits as long as it was told", a.seen)
        r = post(h, "m")  # its key rests for longer than may be waited
        equal((r.status, len(a.seen)), (429, 2))
        check(50 <= int(r.get("retry-after")) <= 60, "truthful", r.get("retry-after"))
        contains(r.error()[1], "Rate limit exceeded")


def test_refused_keys(g):
    a = Provider()
    for status in (401, 402, 403):
        a.seen, a.script = [], [lambda k: status if k == "k1" else None] * 20
        with gateway(g.mock, [provider("a", a.port, keys=["k1", "k2"])], {"m": [("a", "x")]}) as h:
            r = post(h, "m")
            equal((r.status, r.get("x-sluice-attempts")), (200, "2"))
            equal(post(h, "m").status, 200)
            equal(a.keys(), ["k1", "k2", "k2"], str(status))
            equal(h.metrics().value("sluice_provider_keys", provider="a", state="refused"), 1.0)
    a.seen, a.script = [], [401, 401]
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}) as h:
        for _ in range(2):
            r = post(h, "m")
            equal((r.status, r.get("x-sluice-attempts")), (502, "1"), "not twice with the same key")
        equal(post(h, "m").status, 200, "the only one is used all the same")


def test_across_protocols(g):
    """A candidate that speaks the other protocol fails, or answers, as any other."""
    o = dict(provider("o", g.mock.plain), protocol="openai", base_url="http://127.0.0.1:%d/v1" % g.mock.plain, auth="bearer")
    a = dict(provider("a", g.mock.plain), protocol="anthropic")
    models = {}
    for f in ("500", "error-0", "cut-pre"):
        models["oa-" + f] = [("o", "mock-" + f), ("a", "mock-echo")]
        models["ao-" + f] = [("a", "mock-" + f), ("o", "mock-echo")]
        models["o-" + f] = [("o", "mock-" + f)]
    with gateway(g.mock, [a, o], models, retry={"attempts": 2, "base": "1ms"}) as h:
        for path, stream in cells():
            for f in ("500", "error-0", "cut-pre"):
                for m, by in (("oa-", "a"), ("ao-", "o")):
                    r = post(h, m + f, path, "across", stream)
                    well(r, path, stream, "across")
                    equal((r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (by, "2"), m + f)
                    check(h.access_of(r)["tokens_source"] == "reported", "its own count")
                r = post(h, "o-" + f, path, stream=stream)
                check(r.status >= 500, r.status)
                check(r.json()["error"]["message"], "in the client's envelope")
                equal("type" in r.json(), path == "/v1/messages", "in the client's envelope")


# ---- money and the cache -------------------------------------------------------


def test_the_answer_of_another_model(g):
    """It costs what it costs there, and is no cached answer of the first one."""
    a, b = Provider(500), Provider()

    def change(c):
        c["models"][-1].update(cache={"enabled": True}, targets=[
            {"provider": "a", "model": "first", "price": {"input": 1, "output": 1}},
            {"provider": "b", "model": "other", "priority": 1, "price": {"input": 100000, "output": 200000}}])

    def both(c):
        c["providers"] += [provider("a", a.port), provider("b", b.port)]
        c["models"].append({"name": "m"})
        change(c)

    with rig.Gateway({"retry": {"attempts": 2}}, both, mock=g.mock) as h:
        r = post(h, "m")
        equal((r.status, r.get("x-sluice-provider"), r.get("x-cache")), (200, "b", "MISS"))
        equal(r.get("x-sluice-cost"), "0.3")
        line = h.access_of(r)
        equal((line["cost_micro"], line["model_sent"]), (300000, "other"))
        r = post(h, "m")
        equal((r.get("x-cache"), r.get("x-sluice-provider")), ("MISS", "a"), "not the other model's answer")
        r = post(h, "m")
        equal((r.get("x-cache"), len(a.seen), len(b.seen)), ("HIT", 2, 1))
        h.config["models"][-1]["targets"] = [{"provider": "b", "model": "other"}]
        h.write_config()
        h.signal(rig.signal.SIGHUP)
        until(lambda: h.metrics().value("sluice_config_reloads_total", result="ok"), 5, "reloaded")
        r = post(h, "m")
        equal((r.get("x-cache"), len(b.seen)), ("HIT", 1), "but that one's own")


# ---- the breaker ---------------------------------------------------------------


def state_of(h, name):
    return h.metrics().value("sluice_breaker_state", provider=name)


BREAKER = {"error_rate": 0.15, "window": "30s", "min_requests": 20, "open": "3s", "probes": 3}


def test_breaker_with_another_provider(g):
    a, b = Provider(*[500] * 20), Provider()
    with gateway(g.mock, [provider("a", a.port), provider("b", b.port)], {"m": [("a", "x"), ("b", "x")]}, breaker=BREAKER) as h:
        for _ in range(20):
            equal(post(h, "m").status, 200)
        equal(state_of(h, "a"), 1.0, "open")
        r = post(h, "m")
        equal((r.get("x-sluice-provider"), r.get("x-sluice-attempts")), ("b", "1"), "not even asked")
        until(lambda: state_of(h, "a") == 2.0, 5, "half-open")
        check(2.9 <= time.monotonic() - a.seen[-1][0] <= 3.2 + rig.SLOW, "after its time")
        for _ in range(3):
            equal(post(h, "m").get("x-sluice-provider"), "a")
        equal(state_of(h, "a"), 0.0, "closed by three probes")


def test_breaker_with_nobody_else(g):
    a = Provider(*[500] * 1000)
    with gateway(g.mock, [provider("a", a.port)], {"m": [("a", "x")]}, retry={"attempts": 1}, breaker=dict(BREAKER, open="60s")) as h:
        for _ in range(20):
            equal(post(h, "m").status, 500)
        a.seen.clear()
        began, refused = time.monotonic(), 0
        while time.monotonic() - began < 3.3 or (len(a.seen) < 3 and time.monotonic() - began < 3.3 * rig.SLOW):
            t = time.monotonic()
            r = post(h, "m")
            if r.status == 503:
                refused += 1
                check(time.monotonic() - t < 0.4 * rig.SLOW, "at once")
                check(50 <= int(r.get("retry-after")) <= 60, "what is left of its rest", r.get("retry-after"))
                equal(r.json()["error"]["type"], "api_error")
            else:
                equal(r.status, 500)
            time.sleep(0.01)
        check(refused > 10, refused)
        check(3 <= len(a.seen) <= 1 + time.monotonic() - began, "one a second", len(a.seen))
        a.script.clear()  # the provider is back, long before its rest is over
        until(lambda: [post(h, "m").status for _ in range(5)] == [200] * 5, 2, "service within two seconds")
        equal(state_of(h, "a"), 0.0)


def test_the_wait_that_is_told(g):
    """All tries are spent, and the breaker is open now: what is left of its rest, however it failed."""
    a, gone = Provider(), nobody()
    silent = {"timeouts": {"first_byte": "300ms", "idle": "300ms", "total": "20s"}}
    providers = [provider("a", a.port), provider("gone", gone.getsockname()[1]), provider("mock", g.mock.plain), provider("mute", g.mock.plain, **silent)]
    theirs = {"s%d" % s: s for s in (502, 503, 504, 529)}
    words = {"drop": ("mock", 502), "cut-pre": ("mock", 502), "html": ("mock", 502), "error-0": ("mock", 529), "hang": ("mute", 504), "stall-pre": ("mute", 504)}
    models = {**{m: [("a", m)] for m in theirs}, "refused": [("gone", "x")], **{w: [(p, "mock-" + w)] for w, (p, _) in words.items()}}
    want = {**theirs, "refused": 502, **{w: status for w, (_, status) in words.items()}}
    with gateway(g.mock, providers, models, retry={"attempts": 2, "base": "10ms"}, breaker={"min_requests": 2, "open": "50s"}) as h:
        for m, status in want.items():
            a.script = [theirs.get(m)] * 2
            r = post(h, m, stream=True)
            equal((r.status, r.get("x-sluice-attempts")), (status, "2"), m)
            check(40 <= int(r.get("retry-after")) <= 60, m, "is told", r.get("retry-after"))
            check(40000 <= int(r.get("retry-after-ms")) <= 60000, m, r.get("retry-after-ms"))
    a.close()


def test_what_does_not_open_it(g):
    a = Provider()
    with gateway(g.mock, [provider("a", a.port, keys=["k%d" % i for i in range(40)])], {"m": [("a", "x")]}, retry={"attempts": 1},
                 breaker=BREAKER) as h:
        for status in (400, 404, 413, 422, 408, 429, 401, 403):
            a.script = [status] * 25
            for _ in range(25):
                post(h, "m")
            equal(state_of(h, "a"), 0.0, str(status))
        a.script = [b"HTTP/1.1 200 OK\r\n"] * 25
        for _ in range(25):  # clients that leave
            with h.wire() as w:
                n = len(a.seen)
                w.request("POST", "/v1/messages", rig.messages("m"))
                until(lambda: len(a.seen) > n, 5, "asked")
        h.settle()
        equal(state_of(h, "a"), 0.0, "clients that leave")


def test_a_cut_stream_counts(g):
    with gateway(g.mock, [provider("a", g.mock.plain)], {"m": [("a", "mock-cut-3")]}, retry={"attempts": 1}, breaker=BREAKER) as h:
        for _ in range(20):
            post(h, "m", stream=True, text="one two three four five")
        equal(state_of(h, "a"), 1.0)


def test_slow_answers_count(g):
    """Where `slow` is set, an answer that begins later is a bad one, though its client has it whole."""
    late = {"m": [("a", "mock-first-300ms")]}
    for slow, state in (("100ms", 1.0), ("60s", 0.0), (None, 0.0)):
        breaker = dict(BREAKER, min_requests=4, open="60s", **({"slow": slow} if slow else {}))
        with gateway(g.mock, [provider("a", g.mock.plain)], late, retry={"attempts": 1}, breaker=breaker) as h:
            equal([post(h, "m", stream=i % 2 == 0).status for i in range(4)], [200] * 4, slow)
            equal(state_of(h, "a"), state, slow)


def test_health_survives_a_reload(g):
    a, b = Provider(*[500] * 20), Provider()
    with gateway(g.mock, [provider("a", a.port), provider("b", b.port)], {"m": [("a", "x"), ("b", "x")]},
                 breaker=dict(BREAKER, open="60s")) as h:
        for _ in range(20):
            post(h, "m")
        h.config["limits"]["body_max"] = "1MiB"
        h.write_config()
        h.signal(rig.signal.SIGHUP)
        until(lambda: h.post("/v1/messages", b" " * (2 << 20)).status == 413, 5, "the new configuration")
        equal(post(h, "m").get("x-sluice-attempts"), "1", "still known to be down")
        h.config["models"][-1]["targets"] = [{"provider": "b", "model": "x"}]
        h.config["limits"]["body_max"] = "2MiB"
        h.write_config()
        h.signal(rig.signal.SIGHUP)
        until(lambda: h.post("/v1/messages", b" " * (1200 << 10)).status == 400, 5, "another one")
        equal(post(h, "m").get("x-sluice-provider"), "b")
        equal(state_of(h, "b"), 0.0)


if __name__ == "__main__":
    rig.main(globals())
