#!/usr/bin/env python3
"""Promise: which of a model's targets is asked first is the configuration's and the request's
choice (weight, quickness, cost, priority, the conversation's cached prompt, `provider`, `models`);
a shadow target costs the client nothing; what a failover may cost is reserved beforehand."""
# timeout: 240

import json
import threading

import _rig as rig
from _check import check, contains, equal, until
from _provider import Provider, answer, nobody, post, provider
from _rig import KEY, chat, messages

TOO_LONG = {
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}},
    "openai": {"error": {"message": "This model's maximum context length is 8 tokens.", "type": "invalid_request_error", "code": "context_length_exceeded"}},
}


def gateway(mock, providers, models, **settings):
    """`providers`: name -> port, or a whole entry; `models`: whole entries."""

    def change(c):
        c["providers"] += [p if isinstance(p, dict) else provider(n, p) for n, p in providers.items()]
        c["models"] += models

    return rig.Gateway({"retry": {"attempts": 3, "base": "10ms", "max": "5s"}, **settings}, change, mock=mock)


def target(name, model="mock-echo", **more):
    return {"provider": name, "model": model, **more}


def both(mock):
    return {"a": mock.plain, "b": mock.plain}


def who(h, model, headers=(), **more):
    r = h.post("/v1/messages", messages(model, **more), headers=headers)
    equal(r.status, 200, r.body[:300])
    return r.get("x-sluice-provider")


# ---- strategies ------------------------------------------------------------------


def test_weighted_keeps_users(g):
    """90 to 10, each user on one version, also under another session; a reload of weights moves users one way."""
    model = {"name": "gray", "strategy": "weighted", "targets": [target("a", weight=90), target("b", weight=10)]}
    with gateway(g.mock, both(g.mock), [model]) as h:
        first = {}
        for i in range(100):
            first[i] = who(h, "gray", metadata={"user_id": "user-%d" % i})
        check(2 <= list(first.values()).count("b") <= 25, "a tenth, about", first)
        for i in range(20):
            equal(who(h, "gray", metadata={"user_id": "user-%d" % i}, text="again"), first[i], "the same again")
        equal(len({who(h, "gray") for _ in range(8)}), 1, "without a user: by key")
        h.config["models"][-1]["targets"] = [target("a", weight=50), target("b", weight=50)]
        h.write_config()
        h.signal(1)
        until(lambda: "b" in {who(h, "gray", metadata={"user_id": "user-%d" % i}) for i in range(100) if first[i] == "a"}, 10 * rig.SLOW,
              "the reload")
        for i in range(100):
            if first[i] == "b":
                equal(who(h, "gray", metadata={"user_id": "user-%d" % i}), "b", "who was there stays")


def test_weighted_knows_four_names(g):
    """A user of either protocol, else a session, else the key: many names are on both versions, each on one."""
    keys = ["sk-slc-gray%d-canarysecret0000" % i for i in range(16)]

    def change(c):
        c["providers"] += [provider(n, g.mock.plain, protocol=["anthropic", "openai"]) for n in ("a", "b")]
        c["models"].append({"name": "gray", "strategy": "weighted", "targets": [target("a"), target("b")]})
        c["tenants"].append({"name": "gray", "keys": [{"name": "k%d" % i, "sha256": rig.sha256(k)} for i, k in enumerate(keys)]})

    def to(h, path, body, key=KEY, headers=()):
        r = h.post(path, body, key=key, headers=headers)
        equal(r.status, 200, r.body[:300])
        return r.get("x-sluice-provider")

    with rig.Gateway({}, change, mock=g.mock) as h:
        session = lambda i: [("x-claude-code-session-id", "s-%d" % i)]
        ways = {
            "metadata.user_id": lambda i: to(h, "/v1/messages", messages("gray", metadata={"user_id": "u-%d" % i}), headers=session(0)),
            "user": lambda i: to(h, "/v1/chat/completions", chat("gray", user="u-%d" % i), headers=session(0)),
            "session": lambda i: to(h, "/v1/messages", messages("gray"), headers=session(i)),
            "key": lambda i: to(h, "/v1/messages", messages("gray"), key=keys[i]),
        }
        for name, ask in ways.items():
            seen = [ask(i) for i in range(16)]
            equal(set(seen), {"a", "b"}, name)
            equal([ask(i) for i in range(16)], seen, name)


def test_weight_0_is_a_last_resort(g):
    model = {"name": "m", "strategy": "weighted", "targets": [target("a", weight=0), target("b")]}
    other = {"name": "n", "strategy": "weighted", "targets": [target("a", weight=0), target("b", "mock-503")]}
    with gateway(g.mock, both(g.mock), [model, other]) as h:
        equal({who(h, "m", metadata={"user_id": "u%d" % i}) for i in range(10)}, {"b"})
        equal({who(h, "n", metadata={"user_id": "u%d" % i}) for i in range(5)}, {"a"})


def test_latency_finds_the_quick_one(g):
    model = {"name": "m", "strategy": "latency", "targets": [target("a", "mock-first-400ms"), target("b", "mock-echo")]}
    with gateway(g.mock, both(g.mock), [model]) as h:
        for stream in (False, True):
            seen = [who(h, "m", stream=stream) for _ in range(10)]
            equal(set(seen[2:]), {"b"}, seen)  # each is tried once, then known
        # a failure counts as slow
    model = {"name": "m", "strategy": "latency", "targets": [target("a", "mock-503"), target("b", "mock-first-100ms")]}
    with gateway(g.mock, both(g.mock), [model]) as h:
        equal([who(h, "m") for _ in range(6)], ["b"] * 6)
        equal(h.metrics().value("sluice_failovers_total", model="m") or 0, 1)


def test_cost_takes_the_cheapest(g):
    dear_in, dear_out = {"input": 10, "output": 1}, {"input": 1, "output": 10}
    model = {"name": "m", "strategy": "cost", "targets": [target("none"), target("out", price=dear_out), target("in", price=dear_in)]}
    free = {"name": "f", "strategy": "cost", "targets": [target("in", price=dear_in), target("none", free=True)]}
    with gateway(g.mock, {n: g.mock.plain for n in ("none", "in", "out")}, [model, free]) as h:
        equal(who(h, "m", max_tokens=5000), "in")
        equal(who(h, "m", text="x" * 40000, max_tokens=10), "out")
        equal(who(h, "f"), "none")


# ---- affinity --------------------------------------------------------------------


def test_a_conversation_stays_where_it_was(g):
    """After a failover it stays with the target, and with the key, that answered; others begin in order."""
    a, b = Provider(503), Provider()
    keys = ["key-1", "key-2"]
    with gateway(g.mock, {"a": a.port, "b": provider("b", b.port, keys=keys)}, [
        {"name": "m", "targets": [target("a"), target("b")]},
        {"name": "off", "affinity": "none", "targets": [target("a"), target("b")]},
        {"name": "users", "affinity": "user", "targets": [target("a"), target("b")]},
        {"name": "ranked", "targets": [target("a"), target("b", priority=1)]},
    ]) as h:
        mine = [("x-claude-code-session-id", "s-1")]
        claude = {"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": "s-2"})}}
        equal([who(h, "m", mine) for _ in range(3)], ["b"] * 3)
        equal(who(h, "m"), "a", "no session is seen")
        equal(who(h, "m", [("x-claude-code-session-id", "s-9")]), "a", "another session")
        a.script[:] = [503]
        equal([who(h, "m", **claude) for _ in range(2)], ["b"] * 2)
        a.script[:] = [503]
        equal([who(h, "off", mine) for _ in range(2)], ["b", "a"])
        a.script[:] = [503]
        equal([who(h, "users", metadata={"user_id": "u"}) for _ in range(2)], ["b"] * 2)
        a.script[:] = [503]
        equal([who(h, "ranked", mine) for _ in range(2)], ["b", "a"], "priorities stand")
        # the key: a limit moved s-3 to the second one, where it stays when the first is awake again
        limit = answer(429, "retry-after-ms: 20\r\n")
        b.script[:] = [limit]
        b.seen.clear()
        h.post("/v1/messages", messages("m"), headers=mine)
        equal(b.keys(), ["key-1", "key-2"])
        threading.Event().wait(0.05)
        b.script[:] = [limit]
        equal(who(h, "m", mine), "b")
        equal(b.keys()[2:], ["key-2", "key-1"], "its own first")
        # now its key is the one that was limited last, by another's request: it goes there all the same
        threading.Event().wait(0.05)
        b.script[:] = [limit]
        equal(who(h, "m", provider={"order": ["b"]}), "b")
        equal(b.keys()[4:], ["key-1", "key-2"])
        threading.Event().wait(0.05)
        equal(who(h, "m", mine), "b")
        equal(b.keys()[6:], ["key-1"], "where its prompt is")
    for p in (a, b):
        p.close()


# ---- what the request wishes -----------------------------------------------------


def test_provider_narrows(g):
    models = [{"name": "m", "targets": [target("a"), target("b", priority=1)]},
              {"name": "bad", "targets": [target("a", "mock-503"), target("b", priority=1)]}]
    with gateway(g.mock, both(g.mock), models) as h:
        equal(who(h, "m", provider={"order": ["b"]}), "b")
        equal(g.mock.last().json().get("provider"), None, "cut for one that does not know it")
        equal(who(h, "m", provider={"only": ["B"]}), "b")
        equal(who(h, "m", provider={"ignore": ["a"]}), "b")
        equal(who(h, "m", provider="junk"), "a")
        equal(who(h, "bad"), "b")
        equal(post(h, "bad").get("x-sluice-attempts"), "2")
        for path, make in (("/v1/messages", messages), ("/v1/chat/completions", chat)):
            r = h.post(path, make("bad", provider={"allow_fallbacks": False}))
            equal((r.status, r.get("x-sluice-provider")), (503, "a"))
            r = h.post(path, make("m", provider={"only": ["nobody"]}))
            equal(r.status, 404)
            contains(r.body.decode(), "`provider` rules all of them out")
        equal(who(h, "m"), "a", "nothing is left of it")


def test_models_are_fallbacks(g):
    """Further models of the request, as far as they are served here and the key may use them."""

    def change(c):
        c["providers"] += [provider("a", g.mock.plain), provider("b", g.mock.plain)]
        c["models"] = [{"name": "first", "targets": [target("a", "mock-503")]}, {"name": "second", "targets": [target("b", "mock-echo")]},
                       {"name": "secret", "targets": [target("b", "mock-events-1")]}]
        c["tenants"][0]["keys"][0]["scopes"] = ["models:first,second"]

    with rig.Gateway({"retry": {"attempts": 3, "base": "10ms", "max": "1s"}}, change, mock=g.mock) as h:
        r = h.post("/v1/chat/completions", chat("first", "hello", models=["nowhere", "secret", "second"], route="fallback"))
        equal((r.status, r.get("x-sluice-provider")), (200, "b"), r.body)
        equal(rig.text_of("/v1/chat/completions", r.json()), "hello")
        body = g.mock.last().json()
        equal((body["model"], "models" in body, "route" in body), ("mock-echo", False, False))
        equal(h.access_of(r)["model"], "first", "as it was asked for")
        equal(h.post("/v1/chat/completions", chat("first", models=["secret"])).status, 503, "not this key's")
        equal(h.metrics().value("sluice_requests_total", model="second"), 1, "counted where it was answered")


# ---- windows and time ------------------------------------------------------------


def test_too_long_goes_to_a_larger_window(g):
    for protocol, path in (("anthropic", "/v1/messages"), ("openai", "/v1/chat/completions")):
        small, middle = Provider(), Provider()
        models = [
            {"name": "m", "targets": [target("small", context=8), target("middle", context=8, priority=1), target("good", context=100, priority=2)]},
            {"name": "same", "targets": [target("small", context=8), target("good", context=8, priority=1)]},
            {"name": "unsaid", "targets": [target("small"), target("good", priority=1)]},
        ]
        with gateway(g.mock, {"small": small.port, "middle": middle.port, "good": g.mock.plain}, models) as h:
            for stream in (False, True):
                small.script[:] = [answer(400, body=TOO_LONG[protocol])]
                r = post(h, "m", path, stream=stream)
                equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (200, "good", "2"), r.body[:300])
            for name in ("same", "unsaid"):
                small.script[:] = [answer(400, body=TOO_LONG[protocol])]
                r = post(h, name, path)
                equal((r.status, r.json()), (400, TOO_LONG[protocol]), "its own words")
            small.script[:] = [answer(400)]
            equal(post(h, "m", path).status, 400, "another 400")
            equal(middle.seen, [], "no larger than the first")
            equal(h.metrics().value("sluice_failovers_total", model="m", to="good", reason="400"), 2)
        for p in (small, middle):
            p.close()


def test_time_is_kept_for_the_last_resort(g):
    """A silent chain ends in the local model, plain and streamed; without a reserve the client gets 504."""
    slow = [target("a", "mock-hang"), target("b", "mock-stall-pre", priority=1)]
    models = [
        {"name": "m", "targets": [*slow, target("local", priority=2, reserve="3s")]},
        {"name": "late", "targets": [target("a", "mock-stall-pre"), target("local", priority=1, reserve="3s")]},
        {"name": "bare", "targets": [*slow, target("local", priority=2)]},
    ]
    providers = {n: g.mock.plain for n in ("a", "b", "local")}
    with gateway(g.mock, providers, models, timeouts={"total": "4s", "first_byte": "30s"}) as h:
        for path in ("/v1/messages", "/v1/chat/completions"):
            for stream in (False, True):
                for name in ("m", "late"):
                    r = post(h, name, path, stream=stream)
                    equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (200, "local", "2"), (name, r.body[:300]))
        equal(post(h, "bare").status, 504)
        value = h.metrics().value
        equal(value("sluice_failovers_total", model="m", **{"from": "a", "to": "local"}), 4)


def test_a_reserve_must_leave_time(g):
    with gateway(g.mock, both(g.mock), []) as h:
        for key, value, word in (("reserve", "600s", "reserve"), ("weight", "-1", "weight"), ("context", "x", "context")):
            h.config["models"] = [{"name": "m", "targets": [target("a", **{key: value})]}]
            h.write_config()
            done = rig.subprocess.run([rig.SLUICE, "check", h.path], env=h.environment, capture_output=True, text=True, timeout=60)
            equal(done.returncode != 0, True)
            contains(done.stderr + done.stdout, "models[].targets[].%s" % word)


# ---- mirror ----------------------------------------------------------------------


def test_a_mirror_costs_nothing(g):
    """The shadow gets the client's body with its own model and credentials; whatever it does, the client's answer and bill stay."""
    shadow, gone = Provider(), nobody()
    price = {"input": 1, "output": 1}
    models = [
        {"name": "m", "mirror": {"provider": "lab", "model": "next", "percent": 100}, "targets": [target("a", price=price)]},
        {"name": "down", "mirror": {"provider": "down", "percent": 100}, "targets": [target("a")]},
        {"name": "hangs", "mirror": {"provider": "mocked", "model": "mock-hang", "percent": 100}, "targets": [target("a")]},
        {"name": "off", "mirror": {"provider": "lab", "percent": 0}, "targets": [target("a", price=price)]},
        {"name": "other", "mirror": {"provider": "mock-o", "percent": 100}, "targets": [target("a")]},
    ]
    providers = {"a": g.mock.plain, "lab": shadow.port, "down": gone.getsockname()[1],
                 "mocked": provider("mocked", g.mock.plain, timeouts={"total": "1s"})}
    with gateway(g.mock, providers, models) as h:
        value = lambda model, result: h.metrics().value("sluice_mirrored_total", model=model, result=result) or 0
        for stream in (False, True):
            r = post(h, "m", text="hello", stream=stream)
            equal((r.status, r.get("x-sluice-provider"), r.get("x-sluice-attempts")), (200, "a", "1"))
            equal(h.access_of(r)["attempts"], 1)
        until(lambda: value("m", "done") == 2, 10 * rig.SLOW, "both were read")
        equal(shadow.keys(), ["key-of-lab"] * 2, "its own key")
        equal(h.metrics().value("sluice_mirror_duration_seconds_count", model="m", provider="lab"), 2)
        equal(h.metrics().value("sluice_tokens_total", model="m", kind="output") or 0, h.metrics().value("sluice_tokens_total", kind="output") or 0)
        equal(post(h, "down").status, 200)
        until(lambda: value("down", "failed") == 1, 10 * rig.SLOW, "refused")
        equal(post(h, "hangs").status, 200)
        until(lambda: value("hangs", "failed") == 1, 10 * rig.SLOW, "ended by its time")
        for name in ("off", "other"):
            equal(post(h, name).status, 200)
        equal(h.post("/v1/responses", rig.responses("m")).status, 200, "which the shadow does not have")
        equal(h.post("/v1/messages/count_tokens", messages("m")).status < 500, True)
        equal([value(n, r) for n in ("off", "other") for r in ("done", "failed", "skipped")], [0] * 6)
        equal(len(shadow.seen), 2)
        equal(h.metrics().value("sluice_breaker_state", provider="a"), 0)
        cost = lambda name: h.access_of(post(h, name, text="as dear"))["cost_micro"]
        equal(cost("m"), cost("off"), "a request costs what it costs without a shadow")
        until(lambda: value("m", "done") + value("m", "failed") >= 3, 10 * rig.SLOW, "the shadow's answer was read")
        spent = lambda **of: round((h.metrics().value("sluice_cost_usd_total", **of) or 0) * 1e6)
        until(lambda: spent() == sum(l.get("cost_micro", 0) for l in h.access_lines()), 10 * rig.SLOW, lambda: "charged: %d" % spent())
        equal(spent(), spent(provider="a"), "nothing of the shadow's")
    shadow.close()
    gone.close()


def test_mirrors_are_bounded(g):
    """Shadows that hang: 64 at once, the rest is left out; the gateway ends with them."""
    models = [{"name": "m", "mirror": {"provider": "lab", "model": "mock-hang", "percent": 100}, "targets": [target("a")]}]
    with gateway(g.mock, {"a": g.mock.plain, "lab": g.mock.plain}, models) as h:
        with h.wire() as w:
            for _ in range(70):
                w.request("POST", "/v1/messages", messages("m"))
                equal(w.reply().status, 200)
        equal(h.metrics().value("sluice_mirrored_total", model="m", result="skipped"), 6)
        h.stop()
        check(h.p.returncode == 0, "ended well", h.p.returncode)
        g.mock.quiet(5 * rig.SLOW)
        h.start()


# ---- money -----------------------------------------------------------------------


def test_a_failover_is_paid_for(g):
    """Free first, priced behind it: what the dearer one may cost is reserved, or the request is refused; the free answer is free."""
    price = {"input": 0, "output": 1000}

    def change(c):
        c["providers"] += [provider("a", g.mock.plain), provider("b", g.mock.plain)]
        c["models"] = [
            {"name": "good", "targets": [target("a", "mock-events-2", free=True), target("b", "mock-events-2", price=price, priority=1)]},
            {"name": "fails", "targets": [target("a", "mock-503", free=True), target("b", "mock-events-2", price=price, priority=1)]},
            {"name": "free", "targets": [target("a", "mock-events-2", free=True)]},
        ]
        c["tenants"] = [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}], "budget": {"initial_credits": 0.01}}]

    with rig.Gateway({"retry": {"attempts": 2, "base": "10ms", "max": "1s"}}, change, mock=g.mock) as h:
        equal(h.post("/v1/messages", messages("good", max_tokens=100)).status, 402, "100 tokens would cost 0.10")
        r = h.post("/v1/messages", messages("good", max_tokens=8))
        equal((r.status, float(r.get("x-sluice-cost"))), (200, 0.0))
        r = h.post("/v1/messages", messages("fails", max_tokens=8))
        equal((r.status, r.get("x-sluice-provider"), float(r.get("x-sluice-cost"))), (200, "b", 0.005))
        equal(h.post("/v1/messages", messages("fails", max_tokens=8)).status, 402, "0.005 are left")
        equal(h.post("/v1/messages", messages("free", max_tokens=100)).status, 200)


if __name__ == "__main__":
    rig.main(globals())
