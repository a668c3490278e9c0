# timeout: 300
"""Promise: under `budget.hard` an answer goes on only while the balance pays for it. A stream ends as its protocol
ends one that has used up its tokens, the provider is closed, what was counted is charged; on both kinds of store."""

import threading
import time

import _rig as rig
from _bodies import chat, messages, responses
from _check import check, contains, equal, until
from _redis import Redis, on_both_stores
from _rig import GENERATE, KEY, Event, is_complete, parse_events, text_of_stream

PRICE = {"input": 3.0, "output": 15.0}
RENEW_MS = 300
SLOW = "mock-events-2000-slow-20ms"  # 100 tokens a second: a renewal later it has cost 450 micro-dollars more
STEP = 50  # tokens of `reserve_output`: 750 micro-dollars


def key_of(i):
    return KEY if i == 0 else "sk-slc-acme%d-secretofanother000" % i


def settings(store, credits, hard=True, cache=False, tenants=1, leaving="abort", **store_more):
    targets = [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]
    return {
        "store": {"url": store, "timeout": "2s", **store_more},
        "retry": {"attempts": 2},
        "models": [
            {"name": "*", "targets": targets, **({"cache": {"enabled": True}} if cache else {})},
            {"name": SLOW + "-a", "targets": targets[:1]},
            {"name": "second-try", "targets": [{**targets[1], "model": "mock-cut-pre"},
                                               {**targets[1], "model": SLOW, "priority": 1}]},
        ],
        "tenants": [
            {
                "name": "acme%s" % (i or ""),
                "keys": [{"name": "alice", "sha256": rig.sha256(key_of(i))}],
                "limits": {"reserve_output": STEP},
                "budget": {"initial_credits": credits, "hard": hard, "on_client_gone": leaving},
            }
            for i in range(tenants)
        ],
    }


def on_both(credits, act, renew_ms=RENEW_MS, **more):
    on_both_stores(lambda store: gateway(store, credits, renew_ms, **more), act)


def gateway(store, credits, renew_ms=RENEW_MS, **more):
    return rig.Gateway(settings(store, credits, **more), env={"SLUICE_RENEW_MS": str(renew_ms)})


def endless(make, model=SLOW, **more):
    return make(model, stream=True, **({"max_tokens": 100000} if make is messages else {}), **more)


def stream(g, path, body, key=KEY):
    """The whole of it, and its access line."""
    with g.wire() as w:
        w.request("POST", path, body, key=key)
        r = w.reply_head()
        events = [Event(e) for e in w.events(r)]
        return r, events, g.access_of(r)


def stop_reasons(path, events):
    if path.endswith("/messages"):
        return [e.json["delta"]["stop_reason"] for e in events if e.type == "message_delta"]
    if path.endswith("/responses"):
        last = events[-1].json["response"]
        return [last["status"], last["incomplete_details"]["reason"]]
    return [c["finish_reason"] for e in events for c in (e.json or {}).get("choices", []) if c["finish_reason"]]


def usage_of(path, events):
    """(in, out) as the client is told."""
    if path.endswith("/messages"):
        u = [e for e in events if e.type == "message_delta"][0].json["usage"]
    elif path.endswith("/responses"):
        u = events[-1].json["response"]["usage"]
    else:
        u = [e for e in events if (e.json or {}).get("usage")][0].json["usage"]
        return u["prompt_tokens"], u["completion_tokens"]
    return u["input_tokens"], u["output_tokens"]


def spent(redis, tenant, want):
    """All is settled, and that much was charged."""
    account = "slc:{%s}:acct:t" % tenant

    def settled():
        got = redis.hash(account)
        return got.get("reserved") == "0" and got.get("spent") == str(want)

    until(settled, 5, lambda: "settled as %s: %s" % (want, redis.hash(account)))
    equal(redis("ZCARD", "slc:{%s}:held" % tenant), 0, "held")


def test_every_protocol_ends_in_its_own_way():
    want = {"/v1/messages": ["max_tokens"], "/v1/responses": ["incomplete", "max_output_tokens"]}

    def act(g, redis):
        for i, (path, make, _) in enumerate(GENERATE):
            more = {"stream_options": {"include_usage": True}} if "completions" in path else {}
            r, events, line = stream(g, path, endless(make, **more), key_of(i))
            g.mock.quiet(1.0 * rig.SLOW)
            equal(r.status, 200)
            check(is_complete(path, events), path, events[-3:])
            equal((path, stop_reasons(path, events)), (path, want.get(path, ["length"])))
            text = text_of_stream(events)
            check(400 < len(text) < 8 * 1500, "some of it came: %d" % len(text))
            if path == "/v1/responses":
                equal([e.json["sequence_number"] for e in events], list(range(len(events))))
                equal(events[-1].json["response"]["output"][0]["content"][0]["text"], text)
            equal((line["ending"], line["status"], line["tokens_source"]), ("budget", 200, "counted"))
            equal(usage_of(path, events), (line["tokens_in"], line["tokens_out"]))
            check(abs(line["tokens_out"] - len(text) / 4) < 3, "charged is what came:", line["tokens_out"], len(text))
            check(line["cost_micro"] < 5000, "beyond the balance: %d" % line["cost_micro"])
            if redis:
                spent(redis, line["tenant"], line["cost_micro"])
        equal(g.metrics().value("sluice_endings_total", ending="budget"), len(GENERATE))

    on_both(0.005, act, tenants=len(GENERATE))


def test_nobody_asked_for_usage():
    def act(g, redis):
        r, events, _ = stream(g, "/v1/chat/completions", endless(chat))
        equal(stop_reasons("/v1/chat/completions", events), ["length"])
        check(all(e.json is None or e.json["choices"] for e in events), "a chunk without choices")
        check(is_complete("/v1/chat/completions", events))

    on_both(0.005, act)


def test_a_translated_stream():
    """The provider speaks Anthropic's protocol, the client OpenAI's: the end is the client's."""
    def act(g, redis):
        path = "/v1/chat/completions"
        _, events, line = stream(g, path, endless(chat, SLOW + "-a", stream_options={"include_usage": True}))
        equal((line["provider"], line["ending"]), ("mock-a", "budget"))
        check(is_complete(path, events))
        equal(stop_reasons(path, events), ["length"])
        equal(usage_of(path, events)[1], line["tokens_out"])
        g.mock.quiet(1.0 * rig.SLOW)

    on_both(0.004, act)


def test_a_drained_stream():
    """Its client has left long before: it ends all the same."""
    def act(g, redis):
        with g.wire() as w:
            w.request("POST", "/v1/messages", endless(messages))
            r = w.reply_head()
            next(w.events(r))
        line = g.access_of(r)
        equal((line["ending"], line["tokens_source"]), ("budget", "counted"))
        check(line["tokens_out"] > 40, "it went on without its client: %d" % line["tokens_out"])
        g.mock.quiet(1.0 * rig.SLOW)

    on_both(0.004, act, leaving="drain")


def test_a_second_try():
    """What the first one had said before it failed is not part of it."""
    def act(g, redis):
        path = "/v1/chat/completions"
        r, events, line = stream(g, path, endless(chat, "second-try"))
        equal((r.get("x-sluice-attempts"), line["ending"]), ("2", "budget"))
        equal(stop_reasons(path, events), ["length"])
        equal(len({e.json["id"] for e in events if e.json}), 1, "ids")
        g.mock.quiet(1.0 * rig.SLOW)

    on_both(0.004, act)


def test_the_connection_goes_on():
    def act(g, redis):
        with g.wire() as w:
            w.request("POST", "/v1/messages", endless(messages))
            list(w.events(w.reply_head()))
            w.request("GET", "/v1/models")
            equal(w.reply().status, 200)

    on_both(0.003, act)


def test_a_soft_budget_ends_nothing():
    def act(g, redis):
        _, events, line = stream(g, "/v1/messages", endless(messages, "mock-events-60-slow-20ms"))
        equal((line["ending"], len([e for e in events if e.type == "content_block_delta"])), ("done", 60))

    on_both(0.001, act, hard=False)


def test_all_it_may_say_is_reserved():
    """Slow, but held to max_tokens: the first reservation is enough, however long it takes."""
    def act(g, redis):
        body = messages("mock-events-20-slow-100ms", stream=True, max_tokens=STEP)
        _, events, line = stream(g, "/v1/messages", body)
        equal((line["ending"], line["tokens_source"]), ("done", "reported"))

    on_both(0.0009, act)


def test_a_provider_beyond_max_tokens():
    """What it says counts, not what it was told."""
    def act(g, redis):
        _, events, line = stream(g, "/v1/messages", messages(SLOW, stream=True, max_tokens=STEP))
        equal((line["ending"], stop_reasons("/v1/messages", events)), ("budget", ["max_tokens"]))

    on_both(0.003, act)


def test_before_anything_went_out():
    """A plain answer that takes too long, and a stream that has not begun: 402."""
    def act(g, redis):
        for body in (messages("mock-first-20s", max_tokens=100000),
                     messages("mock-first-20s", max_tokens=100000, stream=True),
                     messages("mock-stall-pre", max_tokens=100000, stream=True)):
            before = time.monotonic()
            got = g.post("/v1/messages", body)
            check(time.monotonic() - before < 5 * rig.SLOW, "it took too long")
            equal((got.status, got.get("x-should-retry")), (402, "false"))
            message = got.json()["error"]["message"]
            for part in ("Insufficient quota", "tenant acme", " key ", "credits of 0.002 USD, of which 0.00", "hard one"):
                contains(message, part)
            line = g.access_of(got)
            equal((line["ending"], line["status"]), ("budget", 402))
            check(0 < line["cost_micro"] < 200, "the question is paid: %s" % line)
            g.mock.quiet(1.0 * rig.SLOW)

    on_both(0.002, act)


def test_a_plain_answer_on_its_way_ends_well():
    def act(g, redis):
        with rig.Wire(g.port, 30, rcvbuf=4096) as w:
            w.request("POST", "/v1/messages", messages("mock-bytes-12000000", max_tokens=100000))
            r = w.reply_head()
            time.sleep(RENEW_MS / 1000 * 6)
            r.body = b"".join(w.pieces(r))
        equal((r.status, len(r.json()["content"])), (200, 1))
        equal(g.access_of(r)["ending"], "done")

    on_both(0.002, act)


def test_within_an_event_too_large_to_hold():
    """A slow reader is in the middle of it when the money ends: the stream ends behind it. On a machine that takes
    longer for what comes before the money ends too early, and it is tried again with more time."""
    def act(g, redis):
        with rig.Wire(g.port, 30, rcvbuf=4096) as w:
            w.request("POST", "/v1/responses", responses("mock-bytes-7000000-piece-16384", stream=True))
            r = w.reply_head()
            rest, raw = w.pieces(r), bytearray()
            while b"event: response.output_text.done" not in raw[-100000:]:
                piece = next(rest, None)
                if piece is None:
                    early.append(g)
                    return
                raw += piece
            time.sleep(2 * renew_ms / 1000)
            raw += b"".join(rest)
        equal(g.access_of(r)["ending"], "budget")
        done, last = parse_events(bytes(raw))[-2:]
        equal((done.type, len(done.json["text"])), ("response.output_text.done", 7000000))
        equal((last.type, last.json["sequence_number"]), ("response.incomplete", done.json["sequence_number"] + 1))
        g.mock.quiet(1.0 * rig.SLOW)

    for renew_ms in (2500, 5000, 10000, 20000):
        early = []
        on_both(20.0, act, renew_ms=renew_ms)
        if not early:
            return
    check(False, "the money ended early each time")


def test_followers_get_the_same_end():
    def act(g, redis):
        got = {}

        def follow(name, body):
            with g.wire() as w:
                w.request("POST", "/v1/messages", body)
                r = w.reply_head()
                r.body = b"".join(w.pieces(r))
                got[name] = r

        body = endless(messages)
        threads = [threading.Thread(target=follow, args=("leader", body))]
        threads[0].start()
        until(lambda: g.mock.stats()["open_streams"] == 1, 5, "the leader's stream")
        for name, b in (("stream", body), ("plain", messages(SLOW, max_tokens=100000))):
            threads.append(threading.Thread(target=follow, args=(name, b)))
            threads[-1].start()
        for t in threads:
            t.join()
        equal(g.mock.stats()["requests"], 1, "provider calls")
        events = parse_events(got["stream"].body)
        equal(got["stream"].body, got["leader"].body)
        equal(stop_reasons("/v1/messages", events), ["max_tokens"])
        equal(got["plain"].json()["stop_reason"], "max_tokens")
        equal(got["plain"].json()["content"][0]["text"], text_of_stream(events))
        lines = {n: g.access_of(r) for n, r in got.items()}
        equal({n: (l["ending"], l["cache"]) for n, l in lines.items()},
              {"leader": ("budget", "MISS"), "stream": ("budget", "JOINED"), "plain": ("budget", "JOINED")})
        check("cost_micro" not in lines["stream"] and "cost_micro" not in lines["plain"], "a follower pays")
        # it is not kept: what ended early is nobody's answer
        if redis:
            equal(redis("KEYS", "slc:c:*"), [])

    on_both(0.006, act, cache=True)


def test_without_the_store():
    """`local`: what runs goes on. `refuse`: it ends once its reservation can't be renewed."""
    for rule, ending in (("local", "done"), ("refuse", "budget")):
        redis = Redis()
        with gateway(redis.url, 5.0, timeout="50ms", on_outage=rule) as g:
            with g.wire() as w:
                w.request("POST", "/v1/messages", endless(messages, "mock-events-100-slow-30ms"))
                r = w.reply_head()
                events = w.events(r)
                next(events)
                redis.stop()
                got = [Event(e) for e in events]
                redis.go_on()
            check(is_complete("/v1/messages", got))
            equal((rule, g.access_of(r)["ending"]), (rule, ending))
        redis.kill()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
