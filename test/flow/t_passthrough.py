#!/usr/bin/env python3
"""Promise: between a client and a provider of the same protocol nothing changes
but the model's name and the credentials, in both directions."""
# timeout: 180

import json

import _rig as rig
from _admin import Api
from _rig import check, equal

HELD_BACK = ("/v1/chat/completions", "/v1/completions")  # whose streams get an extra chunk

MODELS = [
    "mock-echo",
    "mock-tools-2",
    "mock-thinking",
    "mock-thinking-tools",
    "mock-events-100",
    "mock-splitutf8",
    "mock-bytes-1024",
    "mock-bytes-200000",
    "mock-refusal",
    "mock-length",
    "anything-else",
    "vendor/mock-events-3",
]


def without_usage_chunk(body):
    return b"".join(e + b"\n\n" for e in body.split(b"\n\n") if e and b'"choices":[]' not in e)


def test_answers_byte_for_byte(g):
    for path, make, _ in rig.GENERATE:
        for model in MODELS:
            for stream in (False, True):
                sent = make(model, "Gr\u00fc\u00dfe \"quoted\" \\ \U0001f642 \u2028 end", stream=stream)
                r = g.post(path, sent)
                what = "%s %s stream=%s" % (path, model, stream)
                equal(r.status, 200, what)
                seen = g.mock.last()
                plain = g.mock.call("POST", seen.target, seen.text.encode(), [("x-api-key", "x")])
                want = plain.body
                added = stream and path in HELD_BACK
                if added:
                    want = without_usage_chunk(want)
                else:
                    equal(seen.sha256, rig.sha256(sent), "body up, " + what)
                equal(r.body, want, "body down, " + what)
                equal(r.get("content-type"), plain.get("content-type"), "type, " + what)


def test_request_bodies_survive(g):
    odd = [
        b'{"model":"mock-echo","messages":[{"role":"user","content":"x"}],"max_tokens":1}',
        b' \t\r\n{ "max_tokens" : 1 ,\n "model"\t: "mock-echo" , "messages" : [ ] }\n\n ',
        b'{"messages":[{"content":"\\u00e9\\ud83d\\ude42\\/\\b","role":"user"}],"temperature":1.50e+00,"model":"mock-echo"}',
        b'{"model":"mock-echo","big":123456789012345678901234567890,"tiny":1e-400,"neg":-0.0,"max_tokens":7}',
        '{"model":"mock-echo","unknown":{"deep":[[[{"a":null}]]]},"x":"日本語 🙂","messages":[]}'.encode(),
        b'{"model":"mock-echo","metadata":{"user_id":"u"},"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]}',
        b'{"model":"mock-echo","lone":"\\ud800"}',
        b'{"model":"mock-echo","max_tokens":0,"messages":[]}',  # fills the prompt cache and answers nothing
    ]
    for body in odd:
        r = g.post("/v1/messages", body)
        equal(r.status, 200, body)
        equal(g.mock.last().sha256, rig.sha256(body), "body up")


def test_large_bodies(g):
    for size in (1000, 70000, 1 << 20, 7 << 20):
        body = rig.messages("mock-bytes-100", "x" * size)
        equal(g.post("/v1/messages", body).status, 200, size)
        equal(g.mock.last().sha256, rig.sha256(body), "body of %d" % size)


def test_chunked_body_goes_up_with_a_length(g):
    body = rig.messages("mock-echo", "in pieces " * 50)
    for chunks in ([1] * len(body), [7, 500, 3], [len(body)], []):
        with g.wire() as w:
            w.request("POST", "/v1/messages", body, chunks=chunks)
            equal(w.reply().status, 200)
        seen = g.mock.last()
        equal(seen.sha256, rig.sha256(body), "chunked body")
        equal(seen.all("content-length"), [str(len(body))], "length")
        equal(seen.all("transfer-encoding"), [], "coding")


SENT = [
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "claude-code-20250219,  interleaved-thinking-2025-05-14"),
    ("Anthropic-Beta", "context-1m-2025-08-07"),
    ("anthropic-beta", "claude-code-20250219"),
    ("x-stainless-lang", "js"),
    ("X-Stainless-Retry-Count", "0"),
    ("x-session-id", "s-1"),
    ("x-claude-code-session", "c-1"),
    ("x-app", "cli"),
    ("User-Agent", "Anthropic/JS 1.10.0 (\u00e9 ; ~)"),
    ("accept", "application/json"),
    ("http-referer", "https://example.test/"),
    ("x-title", "A  title"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "a=b"),
    ("baggage", "k=v"),
    ("idempotency-key", "abc"),
]

STOPPED = [
    ("cookie", "session=canary"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-host", "evil.test"),
    ("forwarded", "for=10.0.0.1"),
    ("x-real-ip", "10.0.0.1"),
    ("via", "1.1 somewhere"),
    ("accept-encoding", "gzip, deflate, br"),
    ("te", "trailers"),
    ("connection", "keep-alive, x-app2"),
    ("x-app2", "listed by connection"),
    ("proxy-authorization", "Basic eA=="),
    ("origin", "https://example.test"),
    ("x-custom", "not on the list"),
    ("openai-organization", "org-of-the-client"),
]


def test_headers_up_anthropic(g):
    r = g.post("/v1/messages?beta=true&x=%20y", rig.messages("mock-echo"), SENT + STOPPED + [("x-api-key", rig.KEY)], key=None)
    equal(r.status, 200)
    seen = g.mock.last()
    equal(seen.target, "/v1/messages?beta=true&x=%20y", "target")
    equal(seen.all("anthropic-beta"), [v for n, v in SENT if n.lower() == "anthropic-beta"], "repeated lines")
    want = {n.lower() for n, _ in SENT} | {"host", "content-type", "content-length", "accept-encoding", "x-api-key"}
    equal(set(seen.names()), want, "names of headers")
    for n, v in SENT:
        if n.lower() != "anthropic-beta":
            equal([x.encode() for x in seen.all(n)], [v.encode("latin-1").decode("utf-8", "replace").encode()], n)
    equal(seen.all("x-api-key"), [rig.PROVIDER_KEY_A], "credentials")
    equal(seen.all("host"), ["localhost:%d" % g.mock.tls], "host")
    equal(seen.all("accept-encoding"), ["identity"], "accept-encoding")
    check(rig.KEY not in json.dumps(seen.headers), "the client's key went up")


def test_headers_up_openai(g):
    r = g.post("/v1/chat/completions", rig.chat("mock-echo"), SENT + STOPPED + [("openai-beta", "x=1")])
    equal(r.status, 200)
    seen = g.mock.last()
    equal(seen.all("authorization"), ["Bearer " + rig.PROVIDER_KEY_O], "credentials")
    equal(seen.all("openai-beta"), ["x=1"])
    equal([n for n in seen.names() if n.startswith("anthropic-")], [], "another protocol's headers")
    equal(seen.all("openai-organization"), [], "the client's organisation")
    equal(seen.all("cookie"), [])


def test_version_is_added_where_none_came(g):
    equal(g.post("/v1/messages", rig.messages("mock-echo")).status, 200)
    equal(g.mock.last().all("anthropic-version"), ["2023-06-01"])


def test_headers_down(g):
    for path, make, protocol in rig.GENERATE:
        for stream in (False, True):
            r = g.post(path, make("mock-echo", stream=stream))
            names = {n.lower() for n, _ in r.headers}
            check("x-mock-vendor" in names, "other vendor headers pass")
            stopped = [n for n in names if "ratelimit" in n or "organization" in n or "cookie" in n]
            equal(stopped, [], "headers of the provider's account")
            equal(len(r.all("request-id")), 1, "one request-id")
            equal(r.get("request-id"), r.get("x-request-id"))
            check(r.get("request-id").startswith("req_"), "the provider's request id")
            check(r.get("x-sluice-request-id"), "ours")
            equal(r.get("x-sluice-provider"), "mock-a" if protocol == "anthropic" else "mock-o")
            contains_timing = r.get("server-timing") or ""
            for phase in ("auth", "queue", "upstream", "own"):
                check(phase in contains_timing, "server-timing has no", phase, contains_timing)
            if stream:
                check(r.get("content-type").startswith("text/event-stream"))
                equal(r.all("content-length"), [])
            else:
                equal(r.get("content-length"), str(len(r.body)))
            equal(len(r.all("date")), 1, "date")


def test_every_prefix(g):
    for prefix in ("/v1", "/api/v1", "", "/v1/v1"):
        for path, make, protocol in rig.GENERATE:
            bare = path[3:]
            equal(g.post(prefix + bare, make("mock-echo")).status, 200, prefix + bare)
            equal(g.mock.last().target, path, "target at the provider")


def test_operators_headers_and_query(g):
    def change(c):
        c["providers"][0]["headers"] = {"X-Title": "our team", "x-extra": "e"}
        c["providers"][0]["query"] = {"api-version": "1"}
        c["providers"][1]["auth"] = "header:api-key"
        c["forward_headers"] = ["x-custom", "x-many-*", "api-*"]

    with rig.Gateway(change=change, mock=g.mock) as h:
        more = [("x-title", "theirs"), ("x-custom", "c"), ("x-many-things", "m"), ("x-other", "o")]
        equal(h.post("/v1/messages?beta=true", rig.messages("mock-echo"), more).status, 200)
        seen = g.mock.last()
        equal(seen.all("x-title"), ["our team"])
        equal((seen.get("x-extra"), seen.get("x-custom"), seen.get("x-many-things"), seen.get("x-other")), ("e", "c", "m", None))
        equal(seen.target, "/v1/messages?beta=true&api-version=1")
        equal(h.post("/v1/chat/completions", rig.chat("mock-echo"), [("API-Key", "theirs"), ("api-other", "o")]).status, 200)
        seen = g.mock.last()
        equal((seen.all("api-key"), seen.get("authorization"), seen.get("api-other")), ([rig.PROVIDER_KEY_O], None, "o"))


def test_an_answer_keeps_its_type(g):
    """Also where what the provider is sent names it: a header that shows that is dropped, this one is needed."""

    def change(c):
        for p in c["providers"]:
            p["headers"] = {"x-takes": "application/json text/event-stream"}

    with rig.Gateway(change=change, mock=g.mock) as h:
        for path, make, _ in rig.GENERATE:
            for stream, want in ((False, ["application/json"]), (True, ["text/event-stream"])):
                r = h.post(path, make("mock-echo", stream=stream))
                equal([t.split(";")[0] for t in r.all("content-type")], want, path)


def test_what_no_operator_can_forward(g):
    """Credentials, cookies, addresses and framing stay, whatever `forward_headers` says."""
    names = ["authorization", "x-api-key", "cookie", "x-forwarded-for", "forwarded", "x-real-ip", "host", "content-length", "accept-encoding",
             "connection", "te", "proxy-authorization", "keep-alive", "trailer", "upgrade", "expect", "transfer-encoding"]
    with rig.Gateway({"forward_headers": names + ["x-*", "content-*", "proxy-*"]}, mock=g.mock) as h:
        sent = STOPPED + [("x-api-key", rig.KEY), ("x-anything", "goes")]
        equal(h.post("/v1/messages", rig.messages("mock-echo"), sent, key=None).status, 200)
        seen = g.mock.last()
        equal(seen.get("x-anything"), "goes", "it is in force")
        equal(seen.all("x-api-key"), [rig.PROVIDER_KEY_A])
        for name in ("authorization", "cookie", "x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "te", "x-app2", "proxy-authorization"):
            equal(seen.all(name), [], name)
        equal((len(seen.all("host")), len(seen.all("content-length")), seen.all("accept-encoding")), (1, 1, ["identity"]))
        more = [("authorization", "Bearer " + rig.KEY_BOB), ("content-type", "application/json; charset=utf-8"), ("content-language", "en"),
                ("x-sluice-no-such", "ours"), ("keep-alive", "timeout=5"), ("trailer", "x-anything"), ("proxy-connection", "close"),
                ("upgrade", "h2c"), ("expect", "100-continue"), ("connection", "x-app2")] + [x for x in STOPPED if x[0] != "connection"]
        body = rig.messages("mock-echo")
        for keys in ([("x-api-key", rig.KEY)], []):  # with two, the first counts and neither goes on
            with h.wire() as w:
                whole = rig.request_bytes("POST", "/v1/messages", body, more + keys, [len(body)])
                at = whole.index(b"\r\n\r\n") + 4
                w.send(whole[:at])
                equal(rig.Reply(w.read_until(b"\r\n\r\n")).status, 100)
                w.send(whole[at:])
                equal(w.reply().status, 200)
            seen = g.mock.last()
            equal((seen.all("x-api-key"), seen.all("content-type")), ([rig.PROVIDER_KEY_A], ["application/json"]))
            for name in ("authorization", "connection", "keep-alive", "trailer", "upgrade", "expect", "transfer-encoding", "proxy-connection", "content-language",
                         "x-sluice-no-such", "x-app2"):
                equal(seen.all(name), [], name)
            check("canarysecret" not in json.dumps(seen.headers), "a client's key went up")


def test_a_conversation_too_long(g):
    """`context` leaves the oldest messages out, and what is left is as it was: up, in the cache, in another protocol."""

    def change(c):
        c["models"] = [{"name": "kept-*", "targets": [{"provider": "mock-a", "model": "mock-echo"}, {"provider": "mock-o", "model": "mock-echo"}],
                        "cache": {"enabled": True}, "context": {"max_tokens": 300}},
                       {"name": "*", "targets": [{"provider": "mock-a"}, {"provider": "mock-o"}]}]
        c["tenants"][1]["context"] = {"max_tokens": 200, "keep": "system+tools"}

    def talk(secret):
        return b'{"model":"kept-x",%s "messages" : [' + b" ,\n".join([FIRST, b'{"role":"assistant","content":"%s"}' % (secret * 800)] + LAST) + b'], "max_tokens": 9 }'

    FIRST, SYSTEM = b'{"role":"user","content":"first"}', b'"system": "s" ,'
    LAST = [b'{"content":"caf\\u00e9 1.50e+00","role":"user","big":%s}' % (b"1" * 400)]
    with rig.Gateway({"store": {"timeout": "5s"}}, change, mock=g.mock) as h:
        body, left = talk(b"a") % SYSTEM, b'{"model":"mock-echo",%s "messages" : [%s], "max_tokens": 9 }' % (SYSTEM, b",".join([FIRST] + LAST))
        r = h.post("/v1/messages", body)
        equal((r.status, r.get("x-sluice-context"), r.get("x-cache")), (200, "1 of 3 messages left out", "MISS"))
        equal(h.mock.last().text.encode(), left)
        rig.until(lambda: h.post("/v1/messages", body).get("x-cache") == "HIT", 10 * rig.SLOW, "kept")
        r = h.post("/v1/messages", talk(b"b") % SYSTEM)
        equal((r.get("x-cache"), r.get("x-sluice-context")), ("HIT", "1 of 3 messages left out"))
        chat = talk(b"c") % b""
        equal(h.post("/v1/chat/completions", chat).get("x-sluice-context"), "1 of 3 messages left out")
        equal([m["content"] for m in json.loads(h.mock.last().text)["messages"]], ["first", "caf\u00e9 1.50e+00"])
        r = h.post("/v1/messages", talk(b"d") % SYSTEM, key=rig.KEY_BOB)
        equal((r.get("x-sluice-context"), len(json.loads(h.mock.last().text)["messages"])), ("2 of 3 messages left out", 1))
        for path, sent, key in (("/v1/messages", body.replace(b"kept-x", b"mock-echo"), rig.KEY), ("/v1/messages/count_tokens", body, rig.KEY_BOB)):
            r = h.post(path, sent, key=key)
            equal((r.status, r.get("x-sluice-context"), len(json.loads(h.mock.last().text)["messages"])), (200, None, 3), path)
        d = Api(h)("POST", "explain", {"key": rig.KEY, "path": "/v1/messages", "body": body.decode()})
        equal((d["request"]["left_out"], d["request"]["messages"], d["cache"]["result"]), (1, 3, "HIT"))
        check(d["price"]["input_tokens"] <= 300, d["price"])
        d = Api(h)("POST", "explain", {"key": rig.KEY, "path": "/v1/messages", "body": left.decode()})
        check("left_out" not in d["request"], d["request"])


def test_small_routes(g):
    r = g.post("/v1/messages/count_tokens", rig.messages("mock-echo"))
    equal((r.status, list(r.json())), (200, ["input_tokens"]))
    many = rig.dump({"model": "text-embedding-mock", "input": ["a", "b", "c"], "encoding_format": "base64"})
    for body in (many, rig.dump({"model": "text-embedding-mock", "input": "one", "dimensions": 4})):
        r = g.post("/v1/embeddings", body)
        equal(r.body, g.mock.call("POST", "/v1/embeddings", body).body, "embeddings")
        equal(g.mock.last().sha256, rig.sha256(body))
    r = g.post("/v1/moderations", rig.dump({"model": "omni-moderation-latest", "input": ["fine", "violence"]}))
    equal([x["flagged"] for x in r.json()["results"]], [False, True])


def test_plain_http_provider(g):
    def change(c):
        c["providers"][0].update(base_url="http://127.0.0.1:%d" % g.mock.plain)
        c["providers"][0].pop("tls")

    with rig.Gateway(change=change, mock=g.mock) as h:
        for model in ("mock-events-100", "mock-bytes-200000", "mock-split-3"):
            for stream in (False, True):
                r = h.post("/v1/messages", rig.messages(model, stream=stream))
                equal(r.body, g.mock.call("POST", "/v1/messages", rig.messages(model, stream=stream)).body)


def test_connections_to_the_provider_are_reused(g):
    g.good()
    g.mock.reset()
    for _ in range(20):
        g.good()
    check(g.mock.stats()["accepted"] <= 4, "connections are not reused:", g.mock.stats()["accepted"])


if __name__ == "__main__":
    rig.main(globals())
