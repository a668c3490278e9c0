# timeout: 280
"""Cached answers: the same request is answered once by a provider, and nobody ever gets an answer that is not his.
On memory alone, and with a Redis between two gateways."""

import json
import struct
import threading
import time

import _rig as rig
from _admin import Api
from _bodies import GENERATE, dump, is_complete, messages, text_of, text_of_stream
from _check import check, contains, equal, until
from _provider import provider
from _redis import Redis
from _rig import KEY, KEY_BOB

CROWD = 500 // rig.SLOW  # identical requests at once


def models(**more):
    return [{"name": "*", "targets": [{"provider": "mock-a"}, {"provider": "mock-o"}], "cache": {"enabled": True, **more}}]


def gateway(store="embedded:", redis_patience="5s", **more):
    settings = {"store": {"url": store, "timeout": redis_patience}, "models": models()}
    return rig.Gateway(rig.merge(settings, more))


def makers():
    """Responses are stored by the provider unless told not to, and then never cached."""
    for path, make, _ in GENERATE:
        yield path, (lambda *a, make=make, **more: make(*a, **more, store=False)) if path.endswith("responses") else make


def seen(g):
    return g.mock.stats()["requests"]


def stream(g, path, body, key=KEY, headers=()):
    with g.wire(20) as w:
        w.request("POST", path, body, rig.with_key(headers, key))
        r = w.reply_head()
        if r.status != 200:
            r.body = b"".join(w.pieces(r))
            return r, []
        return r, [rig.Event(e) for e in w.events(r)]


def test_plain_and_streamed_share_an_entry():
    with gateway() as g:
        for path, make in makers():
            for first_streams in (False, True):
                text = "share %s %s" % (path, first_streams)
                plain, streamed = make("mock-echo", text), make("mock-echo", text, stream=True)
                before = seen(g)
                if first_streams:
                    r, events = stream(g, path, streamed)
                    equal((r.get("x-cache"), text_of_stream(events)), ("MISS", text))
                else:
                    r = g.post(path, plain)
                    equal((r.status, r.get("x-cache"), text_of(path, r.json())), (200, "MISS", text))
                until(lambda: g.post(path, plain).get("x-cache") == "HIT", 2, "it is kept")
                r = g.post(path, plain)
                equal((r.status, r.get("x-cache"), text_of(path, r.json())), (200, "HIT", text))
                check(int(r.get("age")) >= 0, "age")
                equal(r.get("x-sluice-cost"), "0")
                r, events = stream(g, path, streamed)
                equal((r.get("x-cache"), text_of_stream(events)), ("HIT", text))
                check(is_complete(path, events), path, events)
                equal(seen(g) - before, 1, "one call of the provider for " + text)


def test_the_body_is_the_providers_own():
    with gateway() as g:
        body = messages("mock-echo", "byte for byte")
        first = g.post("/v1/messages", body)
        again = until(lambda: (lambda r: r if r.get("x-cache") == "HIT" else None)(g.post("/v1/messages", body)), 2, "a hit")
        equal(again.body, first.body)
        for name in ("set-cookie", "openai-processing-ms", "x-mock-vendor"):
            equal(again.get(name), None, name + " is not replayed")


def test_whatever_differs_is_another_request():
    with gateway() as g:
        base = {"model": "mock-echo", "max_tokens": 64, "messages": [{"role": "user", "content": "differs"}]}
        tool = {"name": "t", "description": "d", "input_schema": {"type": "object"}}
        variants = [
            base,
            {**base, "model": "mock-echo-b"},
            {**base, "max_tokens": 65},
            {**base, "temperature": 0.5},
            {**base, "top_p": 0.5},
            {**base, "system": "be brief"},
            {**base, "stop_sequences": ["x"]},
            {**base, "tools": [tool]},
            {**base, "tools": [tool], "tool_choice": {"type": "any"}},
            {**base, "messages": base["messages"] + [{"role": "assistant", "content": "a"}, {"role": "user", "content": "differs"}]},
        ]
        for v in variants:
            equal((g.post("/v1/messages", dump(v)).get("x-cache"), str(v)), ("MISS", str(v)))
        for extra in ([("anthropic-beta", "a-1")], [("anthropic-beta", "b-1")], [("anthropic-version", "2024-01-01")]):
            equal(g.post("/v1/messages", dump(base), headers=extra).get("x-cache"), "MISS", str(extra))
        equal(g.post("/v1/messages", dump(base), key=KEY_BOB).get("x-cache"), "MISS", "another tenant")
        # and what does not change the answer is the same request, in whatever order and spelling
        same = b'{ "messages": [{"content":"d\\u0069ffers", "role":"user"}],\n "max_tokens":64, "model":"mock-echo",' \
               b'"metadata":{"user_id":"u"}}'
        equal(g.post("/v1/messages", same).get("x-cache"), "HIT")


def test_one_md5_two_requests():
    """A published collision: the two texts have one MD5. The digest is of the whole canonical request, so they
    do not collide there; what is kept is compared by SHA-256 in any case (unit test of the envelope)."""
    with gateway() as g:
        a = "TEXTCOLLBYfGiJUETHQ4hAcKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak"
        b = "TEXTCOLLBYfGiJUETHQ4hEcKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak"
        for text in (a, b, a, b):
            equal(g.post("/v1/messages", messages("mock-echo", text)).json()["content"][0]["text"], text)


def test_never_stored():
    with gateway() as g:
        for model in ("mock-500", "mock-529", "mock-refusal", "mock-cut-3", "mock-error-3"):
            body = messages(model, "never")
            before = seen(g)
            for _ in range(2):
                try:
                    g.post("/v1/messages", body)
                    stream(g, "/v1/messages", messages(model, "never", stream=True))
                except rig.Closed:
                    pass
            equal((model, seen(g) - before), (model, 4))


def test_what_the_client_says_of_caches():
    with gateway() as g:
        body = messages("mock-echo", "directives")
        equal(g.post("/v1/messages", body, headers=[("cache-control", "no-store")]).get("x-cache"), "BYPASS")
        equal(g.post("/v1/messages", body).get("x-cache"), "MISS")
        equal(g.post("/v1/messages", body).get("x-cache"), "HIT")
        for age in ("60", "9223372036854775", "9223372036854776", "18000000000000000", "99999999999999999999"):
            r = g.post("/v1/messages", body, headers=[("cache-control", "max-age=" + age)])
            equal((age, r.get("x-cache")), (age, "HIT"))
        equal(g.post("/v1/messages", body, headers=[("cache-control", "no-cache")]).get("x-cache"), "MISS")
        time.sleep(1.1)
        equal(g.post("/v1/messages", body, headers=[("cache-control", "max-age=0")]).get("x-cache"), "MISS")


def test_off_unless_switched_on():
    with rig.Gateway({"store": {"url": "embedded:"}}) as g:
        for _ in range(2):
            equal(g.post("/v1/messages", messages("mock-echo", "off")).get("x-cache"), None)
        equal(seen(g), 2)


def test_stale_when_every_target_fails():
    change = {"models": models(ttl="1s", serve_stale="60s")}
    with gateway(**change) as g:
        body = messages("mock-echo", "stale")
        equal(g.post("/v1/messages", body).get("x-cache"), "MISS")
        time.sleep(1.2)
        api = Api(g)
        for name in ("mock-a", "mock-o"):
            api("POST", "switches", {"kind": "provider", "name": name, "for": "60s"})
        told = api("POST", "explain", {"path": "/v1/messages", "headers": {"x-api-key": KEY}, "body": json.loads(body)})
        equal((told["outcome"], told["cache"]["result"]), ({"way": "hit", "status": 200}, "STALE"))
        r = g.post("/v1/messages", body)
        equal((r.status, r.get("x-cache")), (200, "STALE"))
        for name in ("mock-a", "mock-o"):
            api("DELETE", "switches/provider:" + name)
        port = g.mock
        port.p.kill()
        port.p.wait()
        r = g.post("/v1/messages", body)
        equal((r.status, r.get("x-cache")), (200, "STALE"))
        check(int(r.get("age")) >= 1, "age")
        equal(r.json()["content"][0]["text"], "stale")
        r, events = stream(g, "/v1/messages", messages("mock-echo", "stale", stream=True))
        equal((r.get("x-cache"), text_of_stream(events)), ("STALE", "stale"))
        g.owns_mock = False


def many(n, act):
    got, threads = [], []

    def one(i):
        try:
            got.append(act(i))
        except Exception as e:  # counted below
            got.append(e)

    for i in range(n):
        threads.append(threading.Thread(target=one, args=(i,)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_identical_at_once():
    with gateway() as g:
        for model, how in (("mock-first-%d" % (700 * rig.SLOW), False), ("mock-first-%d-events-20-slow-20ms" % (300 * rig.SLOW), True)):
            before = seen(g)
            text = "at once %s" % how
            bodies = messages(model, text), messages(model, text, stream=True)

            def act(i):
                if i % 2:
                    r, events = stream(g, "/v1/messages", bodies[1])
                    check(is_complete("/v1/messages", events), "complete")
                    return r.status, text_of_stream(events), r.get("x-cache")
                r = g.post("/v1/messages", bodies[0])
                return r.status, text_of("/v1/messages", r.json()), r.get("x-cache")

            got = many(CROWD, act)
            for one in got:
                if isinstance(one, Exception):
                    raise one
            equal({(s, t) for s, t, _ in got}, {(200, got[0][1])}, "all the same")
            equal(seen(g) - before, 1, "one call")
            equal([c for _, _, c in got].count("MISS"), 1)
            how_many = {c: [g[2] for g in got].count(c) for c in ("MISS", "JOINED", "HIT")}
            check(how_many["JOINED"] >= 50 and sum(how_many.values()) == CROWD, "not joined: %s" % how_many)


def test_what_came_while_the_store_was_asked():
    """A slow Redis says that there is nothing; meanwhile the same request was answered, and its answer kept."""
    redis = Redis()
    with gateway(redis.url) as g:
        g.good()
        for path, body, items in (("/v1/messages", messages("mock-first-1500", "meanwhile"), False),
                                  ("/v1/moderations", {"model": "mock-first-1500", "input": ["one", "two"]}, True)):
            before, got = seen(g), []
            body = dump(body) if items else body
            first = threading.Thread(target=lambda: got.append(g.post(path, body)))
            first.start()
            until(lambda: seen(g) == before + 1, 5, "the provider has the first one")
            redis("CLIENT", "PAUSE", "3000", "ALL")
            second = g.post(path, body)
            first.join()
            equal((got[0].status, got[0].get("x-cache"), second.status, second.get("x-cache")), (200, "MISS", 200, "HIT"))
            for part in ("content", "results"):
                equal(second.json().get(part), got[0].json().get(part))
            equal(seen(g), before + 1, "one call for both")
    redis.kill()


def test_the_leader_leaves():
    with gateway() as g:
        body = messages("mock-events-30-slow-40ms", "leaves", stream=True)
        leader = g.wire(20)
        leader.request("POST", "/v1/messages", body)
        r = leader.reply_head()
        equal(r.get("x-cache"), "MISS")
        got = []
        follower = threading.Thread(target=lambda: got.append(stream(g, "/v1/messages", body)))
        follower.start()
        until(lambda: g.metrics().value("sluice_live_objects", kind="requests") == 2, 5, "two requests")
        leader.close()
        follower.join()
        reply, events = got[0]
        equal(reply.get("x-cache"), "JOINED")
        check(is_complete("/v1/messages", events), "complete")
        equal(seen(g), 1)
        # and when nobody is left, the provider is let go
        alone = [g.wire(20) for _ in range(2)]
        other = messages("mock-events-500-slow-40ms", "all leave", stream=True)
        for w in alone:
            w.request("POST", "/v1/messages", other)
            w.reply_head()
        for w in alone:
            w.close()
        g.mock.quiet(2.0)


def test_a_failing_leader_fails_all_alike():
    with gateway() as g:
        body = messages("mock-first-500-500", "fails")
        got = many(10, lambda i: g.post("/v1/messages", body).status)
        equal(set(got), {500})


def test_through_redis():
    redis = Redis()
    with gateway(redis.url) as a, gateway(redis.url) as b:
        for path, make in makers():
            body = make("mock-echo", "through redis " + path)
            equal(a.post(path, body).get("x-cache"), "MISS")
            r = until(lambda: (lambda r: r if r.get("x-cache") == "HIT" else None)(b.post(path, body)), 3, "a hit elsewhere")
            equal(text_of(path, r.json()), "through redis " + path)
        keys = [k.decode() for k in redis("KEYS", "slc:c:*")]
        equal(len(keys), len(GENERATE))
        check(all(redis("PTTL", k) > 0 for k in keys), "every entry ends")
        # a clock that is ahead makes no negative age, and times that can't be are not believed
        key = [k.decode() for k in keys_of(redis, lambda: b.post("/v1/messages", messages("mock-echo", "of tomorrow")))][0]
        entry, day = redis("GET", key), 86400000
        stored, fresh, gone = struct.unpack_from("<qqq", entry, 8)
        for times, want in (((stored + day, fresh + day, gone + day), ("HIT", "0")),
                            ((-(1 << 63), fresh, gone), ("MISS", None)), ((stored, stored - 1, gone), ("MISS", None))):
            redis("SET", key, entry[:8] + struct.pack("<qqq", *times) + entry[32:], "PX", 600000)
            with gateway(redis.url) as c:
                r = c.post("/v1/messages", messages("mock-echo", "of tomorrow"))
                equal((times, r.get("x-cache"), r.get("age")), (times, *want))
        # whatever stands there is not believed
        for junk in (b"", b"x", b"slce\x01" + b"\xff" * 200, b"\x00" * 100000):
            for k in keys:
                redis("SET", k, junk)
            with gateway(redis.url) as c:
                for path, make in makers():
                    r = c.post(path, make("mock-echo", "through redis " + path))
                    equal((r.status, r.get("x-cache"), text_of(path, r.json())), (200, "MISS", "through redis " + path))
    redis.kill()


def test_anothers_entries_can_not_be_seen():
    """What another tenant has asked, or is asking, makes no difference: the same answer, counters, calls and look-ups as for
    what nobody asked. And its value under one's own name is not believed."""
    redis = Redis("--slowlog-log-slower-than", "0", "--slowlog-max-len", "2000")
    with gateway(redis.url) as g:
        post = lambda text, key: g.post("/v1/messages", messages("mock-echo", text), key=key)
        alices = keys_of(redis, lambda: post("known", KEY))[0]
        equal(post("known", KEY).get("x-cache"), "HIT")
        running = g.wire(20)
        running.request("POST", "/v1/messages", messages("mock-events-2000-slow-20ms", "runs", stream=True))
        equal(running.reply_head().get("x-cache"), "MISS")

        def of_bob():
            rows = g.metrics().rows
            return {(n, *sorted(l.items())): v for n, l, v in rows if l.get("tenant") == "bobs" and "seconds" not in n and "bytes" not in n}

        def sight(text, model="mock-echo"):
            before, calls, had = of_bob(), seen(g), set(redis("KEYS", "slc:c:*"))
            redis("SLOWLOG", "RESET")
            r = g.post("/v1/messages", messages(model, text), key=KEY_BOB)
            mine = until(lambda: list(set(redis("KEYS", "slc:c:*")) - had), 5, "it is kept")
            more = lambda: {k: v - before.get(k, 0) for k, v in of_bob().items() if v != before.get(k, 0)}
            until(lambda: any(k[0] == "sluice_requests_total" for k in more()), 5, "it is counted")
            looks = [e[3] for e in redis("SLOWLOG", "GET", 2000) if e[3][0] in (b"GET", b"MGET")]
            read = [words for words in looks if words[1] != b"slc:c:"]  # a slow Redis is probed by that name
            check(not any(alices in words for words in read), "it looked there: %s" % read)
            return r.status, r.get("x-cache"), r.get("age"), seen(g) - calls, len(mine), [len(words) for words in read], more()

        sight("first")  # series that are not there before
        nobodys = sight("other")
        equal(nobodys[:4], (200, "MISS", None, 1))
        equal(sight("known"), nobodys)
        calls = seen(g)
        with g.wire(20) as w:
            w.request("POST", "/v1/messages", messages("mock-events-2000-slow-20ms", "runs", stream=True), rig.with_key((), KEY_BOB))
            equal((w.reply_head().get("x-cache"), seen(g) - calls), ("MISS", 1), "nobody joins another tenant's")
        running.close()
        bobs = keys_of(redis, lambda: post("of bob", KEY_BOB))[0]
        redis("SET", bobs, redis("GET", alices), "PX", 600000)
        with gateway(redis.url) as h:
            r = h.post("/v1/messages", messages("mock-echo", "of bob"), key=KEY_BOB)
            equal((r.get("x-cache"), text_of("/v1/messages", r.json())), ("MISS", "of bob"))
    redis.kill()


def two_targets(redis, mock):
    """Routes to a provider a and a provider b that name the model differently."""
    def change(c):
        c["providers"] += [provider(n, mock.plain) for n in "ab"]
        targets = [{"provider": n, "model": "mock-echo-" + n} for n in "ab"]
        for strategy in ("latency", "weighted", "priority"):
            c["models"].append({"name": strategy, "strategy": strategy, "targets": targets, "cache": {"enabled": True}})
    return rig.Gateway({"store": {"url": redis.url, "timeout": "5s"}}, change, mock=mock)


def of_route(g, route, text, want, headers=(), **more):
    r = g.post("/v1/messages", messages(route, text, **more), headers=headers)
    equal((r.status, r.get("x-cache")), (200, want), "%s %s" % (route, text))
    return r.json()["model"]


def test_other_targets_of_the_route():
    """An answer stands under the model that gave it. Where the operator says that targets are one (latency), or the first
    one is not asked now, answers of the other are as good; versions that users are kept on are not."""
    redis, mock = Redis(), rig.Mock()
    with two_targets(redis, mock) as g, two_targets(redis, mock) as h:
        texts = ["text %d" % i for i in range(12)]
        for t in texts:
            kept = len(redis("KEYS", "slc:c:*"))
            model = of_route(g, "latency", t, "MISS")
            until(lambda: len(redis("KEYS", "slc:c:*")) > kept, 5, "it is in Redis")
            equal({of_route(g, "latency", t, "HIT") for _ in range(3)}, {model})
            equal(of_route(h, "latency", t, "HIT"), model, "of the other gateway")
        equal(mock.stats()["requests"], len(texts))
        # each user has a version, and hears of no other
        seen = set()
        for i in range(12):
            user = {"metadata": {"user_id": "user %d" % i}}
            own = of_route(g, "weighted", "versions", "BYPASS", [("cache-control", "no-store")], **user)
            equal(of_route(g, "weighted", "versions", "HIT" if own in seen else "MISS", **user), own)
            seen.add(own)
        equal(sorted(seen), ["mock-echo-a", "mock-echo-b"])
        # the second answers while the first is not asked; later only the first's own answers count
        equal(of_route(g, "priority", "one", "MISS"), "mock-echo-a")
        Api(g)("POST", "switches", {"kind": "provider", "name": "a", "for": "30m"})
        equal(of_route(g, "priority", "one", "HIT"), "mock-echo-a")
        equal(of_route(g, "priority", "two", "MISS"), "mock-echo-b")
        equal(of_route(g, "priority", "two", "HIT"), "mock-echo-b")
        Api(g)("DELETE", "switches/provider:a")
        equal(of_route(g, "priority", "one", "HIT"), "mock-echo-a")
        equal(of_route(g, "priority", "two", "MISS"), "mock-echo-a")
    mock.stop()
    redis.kill()


def moderate(g, texts, **more):
    return g.post("/v1/moderations", dump({"model": "mock-echo", "input": texts, **more}))


def keys_of(redis, act):
    """Entries that come to be in Redis by it."""
    before = set(redis("KEYS", "slc:c:*"))
    equal(act().status, 200)
    return until(lambda: list(set(redis("KEYS", "slc:c:*")) - before), 3, "an entry in Redis")


def test_items():
    with gateway() as g:
        known = ["known %d" % i for i in range(97)]
        r = moderate(g, known)
        equal((r.status, r.get("x-cache"), len(r.json()["results"])), (200, "MISS", 97))
        first = r.json()["results"]
        fresh = ["new %d" % i for i in range(3)]
        r = moderate(g, known[:50] + fresh + known[50:])
        equal((r.get("x-cache"), r.get("x-sluice-items")), ("PARTIAL", "100;hit=97;joined=0;sent=3"))
        equal(json.loads(g.mock.last().text)["input"], fresh, "only the rest goes up, in one call")
        results = r.json()["results"]
        equal((len(results), results[:50], results[53:]), (100, first[:50], first[50:]), "in the order asked")
        r = moderate(g, ["twice", "twice", "twice"])
        equal((len(r.json()["results"]), json.loads(g.mock.last().text)["input"]), (3, ["twice"]))
        equal(moderate(g, "known 3").get("x-cache"), "HIT", "alone or in a list: the same item")
        equal(seen(g), 3)


def test_items_in_flight():
    with gateway() as g:
        def act(i):
            return moderate(g, ["shared", "own %d" % i], model="mock-first-500")
        got = many(8, act)
        equal({r.status for r in got}, {200})
        equal({len(r.json()["results"]) for r in got}, {2})
        sent = sum(int(r.get("x-sluice-items").split("sent=")[1]) for r in got)
        equal(sent, 9, "the shared one was sent once")


def test_embeddings_add_up():
    with gateway() as g:
        def embed(texts):
            return g.post("/v1/embeddings", dump({"model": "mock-echo", "input": texts})).json()
        a, b = embed(["one"]), embed(["two"])
        both = embed(["two", "one", "two"])
        equal([d["index"] for d in both["data"]], [0, 1, 2])
        equal([d["embedding"] for d in both["data"]], [b["data"][0]["embedding"], a["data"][0]["embedding"], b["data"][0]["embedding"]])
        equal(both["usage"]["prompt_tokens"], 2 * b["usage"]["prompt_tokens"] + a["usage"]["prompt_tokens"])
        equal(seen(g), 2)


def test_normalised():
    with gateway(**{"models": models(normalize=["trim", "spaces", "invisible"])}) as g:
        equal(moderate(g, ["buy\u200b now "]).get("x-cache"), "MISS")
        equal(json.loads(g.mock.last().text)["input"], ["buy now"], "the normalised text is judged")
        equal(moderate(g, ["  buy \t now"]).get("x-cache"), "HIT")


def test_larger_than_what_is_kept():
    """Who follows gets all of it, at the slowest one's pace; nobody joins later, and nothing is kept."""
    with gateway(cache={"entry_max": "64KiB"}) as g:
        body = messages("mock-first-400-big-3m", "large", stream=True)

        def act(i):
            if i == 5:  # it reads late
                with g.wire(30) as w:
                    w.request("POST", "/v1/messages", body)
                    r = w.reply_head()
                    time.sleep(1.0)
                    return r, [rig.Event(e) for e in w.events(r)]
            return stream(g, "/v1/messages", body)

        got = many(6, act)
        for one in got:
            if isinstance(one, Exception):
                raise one
        equal(sorted(r.get("x-cache") for r, _ in got), ["JOINED"] * 5 + ["MISS"])
        equal({len(text_of_stream(e)) for _, e in got}, {3 << 20})
        check(all(is_complete("/v1/messages", e) for _, e in got), "complete")
        equal(seen(g), 1)
        equal(stream(g, "/v1/messages", body)[0].get("x-cache"), "MISS")
        check(g.rss() < 300 << 20, "memory: %d MiB" % (g.rss() >> 20))


def test_hits_may_go_without_a_line():
    """And what they would have cost is told."""
    priced = [{"provider": "mock-a", "model": "mock-echo", "price": {"input": 3.0, "output": 15.0}}]
    free = {"name": "free-hits", "targets": priced, "cache": {"enabled": True, "hits": "free"}}
    with gateway(log={"sample": {"cache_hit": 0.0}}, models=[free, {"name": "*", "targets": priced, "cache": {"enabled": True}}]) as g:
        for name in ("mock-echo", "free-hits"):
            for _ in range(5):
                g.post("/v1/messages", messages(name, "sampled by " + name))
        g.post("/v1/messages", messages("mock-echo", "the last one"))
        lines = until(lambda: g.access_lines() if len(g.access_lines()) >= 3 else None, 5, "lines")
        equal([l["cache"] for l in lines], ["MISS", "MISS", "MISS"])
        for model, cost in (("*", lines[0]["cost_micro"]), ("free-hits", lines[1]["cost_micro"])):
            check(cost > 0, lines)
            equal(round(1e6 * g.metrics().value("sluice_cache_saved_usd_total", tenant="acme", model=model)), 4 * cost, model)


rig.main(globals(), gateway=False)
