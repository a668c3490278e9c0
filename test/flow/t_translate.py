#!/usr/bin/env python3
"""Promise: a client of either protocol is served by a provider of the other one, plain and
streamed, with the text, the tool calls, the errors and the tokens that the provider gave."""
# timeout: 180

import json

import _rig as rig
from _provider import Listener, Provider, answer, gateway, post, provider
from _rig import check, contains, equal

TEXT = "Gr\u00fc\u00dfe \"quoted\" \\ \U0001f642 \u2028 end"
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def change(config):
    """Two names for everything the mock can do: at a provider of one protocol alone."""
    config["models"] = [
        {"name": "*", "targets": [{"provider": "mock-a"}, {"provider": "mock-o"}]},
        {"name": "only-a/*", "targets": [{"provider": "mock-a"}]},
        {"name": "only-o/*", "targets": [{"provider": "mock-o"}]},
        {"name": "both", "targets": [{"provider": "mock-o", "model": "o-echo"}, {"provider": "mock-a", "model": "a-echo"}]},
        {"name": "later", "targets": [{"provider": "mock-o", "model": "o-echo", "priority": 0}, {"provider": "mock-a", "model": "a-echo", "priority": 1}]},
        {"name": "cached/*", "targets": [{"provider": "mock-o"}], "cache": {"enabled": True}},
    ]


# client's path, its body's maker, model's prefix, provider's path
WAYS = [
    ("/v1/messages", rig.messages, "only-o/", "/v1/chat/completions"),
    ("/v1/chat/completions", rig.chat, "only-a/", "/v1/messages"),
]


def tools_of(path):
    if path == "/v1/messages":
        return [{"name": "get_time", "description": "d", "input_schema": TOOL}]
    return [{"type": "function", "function": {"name": "get_time", "description": "d", "parameters": TOOL}}]


def calls_of(path, j):
    """(name, arguments) of a plain answer's tool calls."""
    if path == "/v1/messages":
        return [(b["name"], b["input"]) for b in j["content"] if b["type"] == "tool_use"]
    calls = j["choices"][0]["message"].get("tool_calls") or []
    return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]


def calls_of_stream(events):
    """The same of a stream, put together from its pieces."""
    calls = {}
    for e in events:
        j = e.json or {}
        if j.get("type") == "content_block_start" and j["content_block"]["type"] == "tool_use":
            calls[j["index"]] = [j["content_block"]["name"], ""]
        elif j.get("type") == "content_block_delta" and j["delta"]["type"] == "input_json_delta":
            calls[j["index"]][1] += j["delta"]["partial_json"]
        for c in j.get("choices", []):
            for t in c["delta"].get("tool_calls", []):
                if "id" in t:
                    equal(t["type"], "function")
                    calls[t["index"]] = [t["function"]["name"], ""]
                calls[t["index"]][1] += t["function"].get("arguments", "")
    return [(n, json.loads(a)) for _, (n, a) in sorted(calls.items())]


def own(g):
    """What the provider says to the request that it just got, asked once more without a gateway."""
    seen = g.mock.last()
    return seen, g.mock.call("POST", seen.target, seen.text.encode(), [("x-api-key", "x"), ("authorization", "Bearer x")])


def usage_of(path, j):
    """(input, output) in one counting, of a plain answer or the last word of a stream."""
    u = j["usage"]
    if "prompt_tokens" in u:
        equal(u["total_tokens"], u["prompt_tokens"] + u["completion_tokens"], "the sum")
        return u["prompt_tokens"], u["completion_tokens"]
    return u["input_tokens"] + u.get("cache_read_input_tokens", 0) + u.get("cache_creation_input_tokens", 0), u["output_tokens"]


def check_metered(g, r, want):
    line = g.access_of(r)
    equal((line["tokens_in"] + line.get("tokens_cache_read", 0) + line.get("tokens_cache_write", 0), line["tokens_out"]), want, "tokens")
    equal(line["tokens_source"], "reported", "where they come from")


def test_plain(g):
    for path, make, prefix, there in WAYS:
        for word in ("mock-echo", "mock-events-20", "mock-bytes-200000"):
            r = g.post(path, make(prefix + word, TEXT, temperature=0.5))
            equal(r.status, 200, path + " " + word)
            seen, theirs = own(g)
            equal(seen.target, there, "path at the provider")
            equal(rig.text_of(path, r.json()), rig.text_of(there, theirs.json()), "text")
            want = usage_of(there, theirs.json())
            equal(usage_of(path, r.json()), want, "usage")
            equal(r.json()["model"], prefix + word, "the name asked for")
            check_metered(g, r, want)


def test_streams(g):
    for path, make, prefix, there in WAYS:
        for word in ("mock-echo", "mock-events-200", "mock-splitutf8", "mock-split-1", "mock-big-100k"):
            r = g.post(path, make(prefix + word, TEXT, stream=True))
            equal(r.status, 200, path + " " + word)
            contains(r.get("content-type"), "text/event-stream")
            events = rig.parse_events(r.body)
            check(rig.is_complete(path, events), "not whole: ", r.body[-300:])
            seen, theirs = own(g)
            equal(rig.text_of_stream(events), rig.text_of_stream(rig.parse_events(theirs.body)), "text of " + word)
            if path == "/v1/messages":
                equal(seen.json()["stream_options"], {"include_usage": True}, "usage is asked for")
                check_metered(g, r, usage_of(path, events[-2].json))
            else:
                check(b'"usage"' not in r.body, "nobody asked for usage")


def test_completions(g):
    """The legacy route at a provider of Messages: a prompt, plain and streamed."""
    path = "/v1/completions"
    r = g.post(path, rig.completions("only-a/mock-echo", TEXT, stop=["END"], logprobs=1))
    equal(r.status, 200, r.body)
    seen, theirs = own(g)
    equal((seen.target, seen.json()["max_tokens"], seen.json()["stop_sequences"]), ("/v1/messages", 16, ["END"]))
    j = r.json()
    equal((j["object"], j["model"], j["choices"]), ("text_completion", "only-a/mock-echo", [{"index": 0, "text": TEXT, "logprobs": None, "finish_reason": "stop"}]))
    want = usage_of("/v1/messages", theirs.json())
    equal(usage_of(path, j), want, "usage")
    check_metered(g, r, want)
    for more in ({}, {"stream_options": {"include_usage": True}}):
        r = g.post(path, rig.completions("only-a/mock-events-20", TEXT, stream=True, max_tokens=99, **more))
        events = rig.parse_events(r.body)
        seen, theirs = own(g)
        check(rig.is_complete(path, events), "not whole: ", r.body[-300:])
        equal(seen.json()["max_tokens"], 99)
        equal(rig.text_of_stream(events), rig.text_of_stream(rig.parse_events(theirs.body)), "text")
        chunks = [e.json for e in events if e.json]
        equal({c["object"] for c in chunks}, {"text_completion"})
        equal([c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1], "stop")
        if more:
            check_metered(g, r, usage_of(path, chunks[-1]))
        else:
            check(b'"usage"' not in r.body, "nobody asked for usage")
            equal(g.access_of(r)["tokens_source"], "reported")
    equal(g.post(path, rig.completions("only-a/mock-echo", ["one"])).json()["choices"][0]["text"], "one", "a list of one")
    for more, word in (({"n": 2}, "n,"), ({"best_of": 3}, "best_of"), ({"echo": True}, "echo"), ({"suffix": "x"}, "suffix")):
        r = g.post(path, rig.completions("only-a/mock-echo", **more))
        equal((r.status, r.json()["error"]["type"]), (400, "invalid_request_error"), str(more))
        contains(r.json()["error"]["message"], word)
    for prompt in (["a", "b"], [1, 2], [[1]], [], "", None):
        r = g.post(path, rig.completions("only-a/mock-echo", prompt))
        equal(r.status, 400, str(prompt))
        contains(r.json()["error"]["message"], "prompt")
    r = g.post(path, rig.completions("only-a/mock-429"))
    equal((r.status, r.json()["error"]["type"]), (429, "rate_limit_error"))
    for path in ("/v1/embeddings", "/v1/moderations"):
        r = g.post(path, rig.dump({"model": "only-a/mock-echo", "input": "x"}))
        equal((r.status, r.json()["error"]["type"]), (400, "invalid_request_error"), path)
        contains(r.json()["error"]["message"], "no provider that speaks")


def test_usage_of_a_stream(g):
    """Who asks gets a last chunk with it, and nulls before; it is the provider's own."""
    r = g.post("/v1/chat/completions", rig.chat("only-a/mock-events-5", TEXT, stream=True, stream_options={"include_usage": True}))
    events = rig.parse_events(r.body)
    equal(events[-1].data, "[DONE]")
    equal(events[-2].json["choices"], [])
    check(all(e.json["usage"] is None for e in events[:-2] if e.json), "nulls in all others")
    _, theirs = own(g)
    ends = [e.json for e in rig.parse_events(theirs.body) if e.type in ("message_start", "message_delta")]
    ins = usage_of("", ends[0]["message"])[0]
    want = (ends[1]["usage"].get("input_tokens", ins), ends[1]["usage"]["output_tokens"])
    equal(usage_of("", events[-2].json), want)
    check_metered(g, r, want)


def test_order_of_events(g):
    """What strict clients insist on: one start, blocks without gaps, one at a time; a role first."""
    r = g.post("/v1/messages", rig.messages("only-o/mock-thinking-tools-2", stream=True, tools=tools_of("/v1/messages"), thinking={"type": "enabled", "budget_tokens": 1024}))
    events = rig.parse_events(r.body)
    check(all(e.name == e.type for e in events), "names and types")
    equal([e.type for e in events].count("message_start"), 1)
    equal(events[0].type, "message_start")
    at, is_open = 0, False
    for e in events[1:-2]:
        if e.type == "content_block_start":
            check(not is_open and e.json["index"] == at, e.raw)
            is_open = True
        elif e.type == "content_block_delta":
            check(is_open and e.json["index"] == at, e.raw)
        elif e.type == "content_block_stop":
            check(is_open and e.json["index"] == at, e.raw)
            at, is_open = at + 1, False
    check(at >= 3 and not is_open, "blocks: ", at)
    equal([e.type for e in events[-2:]], ["message_delta", "message_stop"])
    equal(events[-2].json["delta"]["stop_reason"], "tool_use")
    check(any(b"thinking_delta" in e.raw for e in events), "thoughts for who asked")
    r = g.post("/v1/chat/completions", rig.chat("only-a/mock-tools-2", stream=True, tools=tools_of("/v1/chat/completions")))
    events = rig.parse_events(r.body)
    equal(events[0].json["choices"][0]["delta"]["role"], "assistant")
    equal(events[-2].json["choices"][0]["finish_reason"], "tool_calls")


def test_tools(g):
    for path, make, prefix, there in WAYS:
        for stream in (False, True):
            r = g.post(path, make(prefix + "mock-tools-2", stream=stream, tools=tools_of(path)))
            _, theirs = own(g)
            if stream:
                got, want = calls_of_stream(rig.parse_events(r.body)), calls_of_stream(rig.parse_events(theirs.body))
            else:
                got, want = calls_of(path, r.json()), calls_of(there, theirs.json())
            equal(len(got), 2, "calls")
            equal(got, want, "calls of %s stream=%s" % (path, stream))
            equal(got[0][0], "get_time")


def test_a_round_of_a_tool(g):
    """The second request of a tool's round: call and result arrive as the provider wants them."""
    g.post("/v1/messages", rig.dump({"model": "only-o/mock-echo", "max_tokens": 9, "tools": tools_of("/v1/messages"), "messages": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "get_time", "input": {"city": "Oslo"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "14:05"}]}]}))
    sent = g.mock.last().json()["messages"]
    equal([m["role"] for m in sent], ["user", "assistant", "tool"])
    equal(sent[1]["tool_calls"][0]["id"], sent[2]["tool_call_id"])
    g.post("/v1/chat/completions", rig.dump({"model": "only-a/mock-echo", "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t1", "content": "14:05"}]}))
    sent = g.mock.last().json()
    equal(sent["system"], [{"type": "text", "text": "s"}])
    equal(sent["messages"][2]["content"][0]["type"], "tool_result")
    check(sent["max_tokens"] > 0, "it is required there")


def test_heads(g):
    """Path, credentials and version are the provider's; what only the client's protocol has stays here."""
    g.post("/v1/messages?beta=true", rig.messages("only-o/mock-echo"), [("anthropic-version", "2023-06-01"), ("anthropic-beta", "x")])
    seen = g.mock.last()
    equal(seen.target, "/v1/chat/completions")
    equal(seen.get("authorization"), "Bearer " + rig.PROVIDER_KEY_O)
    check(not any(n.startswith("anthropic-") for n in seen.names()), seen.names())
    g.post("/v1/chat/completions?x=1", rig.chat("only-a/mock-echo"))
    seen = g.mock.last()
    equal(seen.target, "/v1/messages")
    equal(seen.get("x-api-key"), rig.PROVIDER_KEY_A)
    equal(seen.get("anthropic-version"), "2023-06-01")


def test_own_protocol_first(g):
    """Of one priority the provider that speaks the client's protocol; a priority counts more. And
    nothing of a native request is touched."""
    for path, make, name in (("/v1/messages", rig.messages, "a-echo"), ("/v1/chat/completions", rig.chat, "o-echo")):
        r = g.post(path, make("both"))
        equal(g.mock.last().json()["model"], name)
        equal(g.mock.last().target, path)
    g.post("/v1/messages", rig.messages("later"))
    equal(g.mock.last().target, "/v1/chat/completions")
    g.post("/v1/chat/completions", rig.chat("later"))
    equal(g.mock.last().target, "/v1/chat/completions")


def test_our_own_signature(g):
    """Thoughts of another provider's don't go to Anthropic, where their signature is none. All other
    bytes of such a request do."""
    thought = b'{"type":"thinking","thinking":"h","signature":"gw1:"}'
    text = b'{"type":"text", "text":"a \\u00e9 gw1:"}'
    own = b'{"type":"thinking","thinking":"t","signature":"EqQB"}'
    body = b'{"model":"mock-echo", "max_tokens":9,"x":[1.50],"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[%s],"y":1},{"role":"user","content":"r"}]}'
    for blocks, want in (([thought, own, text], [own, text]), ([text, thought], [text]), ([thought], None)):
        r = g.post("/v1/messages", body % b",".join(blocks))
        equal(r.status, 200)
        if want:
            equal(g.mock.last().sha256, rig.sha256(body % b",".join(want)))
        else:
            equal(len(g.mock.last().json()["messages"][1]["content"]), 1)
    r = g.post("/v1/messages", rig.messages("only-o/mock-thinking", stream=True, thinking={"type": "adaptive"}))
    contains(r.body.decode(), '"signature":"gw1:"')


def test_errors(g):
    """Status, type and text in the client's envelope; our own account's troubles stay ours."""
    want = {"/v1/messages": {400: (400, "invalid_request_error"), 404: (404, "not_found_error"), 429: (429, "rate_limit_error"), 500: (500, "api_error"), 503: (529, "overloaded_error")},
            "/v1/chat/completions": {400: (400, "invalid_request_error"), 404: (404, "invalid_request_error"), 429: (429, "rate_limit_error"), 500: (500, "server_error"), 529: (503, "service_unavailable_error")}}
    for path, make, prefix, _ in WAYS:
        for status, (get, kind) in want[path].items():
            for stream in (False, True):
                r = g.post(path, make(prefix + "mock-%d-7" % status, stream=stream))
                equal((r.status, r.error()[0], r.get("retry-after")), (get, kind, "7"), "%s %d" % (path, status))
                check(r.get("request-id") and r.get("x-request-id"), "both clients' names for it", r.headers)
                equal(r.json().get("type"), "error" if path == "/v1/messages" else None)
        for status in (401, 403):
            r = g.post(path, make(prefix + "mock-%d" % status))
            equal(r.status, 502)
            contains(r.error()[1], "operator")
    r = g.post("/v1/messages", rig.messages("only-o/mock-429-quota"))
    equal(r.status, 502)
    check("quota" not in r.error()[1], r.error())


def test_broken_streams(g):
    """A stream that is cut, or holds an error, ends in an error event of the client's protocol."""
    for path, make, prefix, _ in WAYS:
        for word in ("mock-events-9-cut-3", "mock-events-9-error-3", "mock-events-9-reset-3", "mock-events-9-nofinal"):
            if word.endswith("nofinal") and path == "/v1/messages":
                continue  # chat completions may end so
            r = g.post(path, make(prefix + word, stream=True))
            equal(r.status, 200, word)
            events = rig.parse_events(r.body)
            check(events[-1].is_error(), word, r.body[-300:])
            check(not rig.is_complete(path, events), word)
            equal(events[-1].type, "error" if path == "/v1/messages" else None)
        r = g.post(path, make(prefix + "mock-error-pre", stream=True))
        check(r.status >= 400, r.status)
        r = g.post(path, make(prefix + "mock-html"))
        equal(r.status, 502)
        r = g.post(path, make(prefix + "mock-empty"))
        equal(r.status, 502)


def test_what_can_not_be(g):
    r = g.post("/v1/chat/completions", rig.chat("only-a/mock-echo", n=2))
    equal(r.status, 400)
    contains(r.error()[1], "n = 1")


def test_count_tokens(g):
    """Of a provider that counts, where there is one; else an estimate that says so, or none."""
    r = g.post("/v1/messages/count_tokens", rig.messages("both"))
    equal((r.status, r.get("x-sluice-estimate"), g.mock.last().target), (200, None, "/v1/messages/count_tokens"))
    g.mock.reset()
    small, large = (g.post("/v1/messages/count_tokens", rig.messages("only-o/mock-echo", text)) for text in ("one", "word " * 4000))
    for r in (small, large):
        equal((r.status, r.get("x-sluice-estimate"), r.get("content-type")), (200, "input_tokens", "application/json"))
        equal(list(r.json()), ["input_tokens"])
    check(0 < small.json()["input_tokens"] < 100, small.body)
    check(4500 < large.json()["input_tokens"] < 5500, large.body)
    check(g.mock.stats()["last_request"] is None, "no provider was asked")
    equal(g.access_of(large)["ending"], "done")
    g.settle()
    with rig.Gateway({"estimate_tokens": False}, change=change, mock=g.mock) as h:
        r = h.post("/v1/messages/count_tokens", rig.messages("only-o/mock-echo"))
        equal(r.status, 501)
        contains(r.error()[1], "estimate_tokens")
        equal(h.post("/v1/messages/count_tokens", rig.messages("both")).status, 200)


def test_most_tokens(g):
    """Clients ask for more than a model of another family gives; to their own provider it goes as it is."""
    def limited(config):
        change(config)
        for m in config["models"]:
            m["max_tokens_max"] = 8192
        config["providers"][0]["prompt_cache"] = True
    with rig.Gateway(change=limited, mock=g.mock) as h:
        for most, want in ((128000, 8192), (8192, 8192), (100, 100)):
            equal(h.post("/v1/messages", rig.messages("only-o/mock-echo", max_tokens=most)).status, 200)
            equal(g.mock.last().json().get("max_tokens", g.mock.last().json().get("max_completion_tokens")), want)
            equal(h.post("/v1/chat/completions", rig.chat("only-a/mock-echo", max_tokens=most)).status, 200)
            equal(g.mock.last().json()["max_tokens"], want)
            equal(g.mock.last().json()["messages"][-1]["content"][-1]["cache_control"], {"type": "ephemeral"}, "marked, as configured")
        equal(h.post("/v1/messages", rig.messages("only-a/mock-echo", max_tokens=128000)).status, 200)
        equal(g.mock.last().json()["max_tokens"], 128000, "byte for byte")


def test_large(g):
    """Held whole up to 8 MiB, beyond that refused; a large request goes up."""
    r = g.post("/v1/messages", rig.messages("only-o/mock-bytes-6000000"))
    equal(r.status, 200)
    check(len(r.body) > 5900000, len(r.body))
    r = g.post("/v1/messages", rig.messages("only-o/mock-bytes-9000000"))
    equal(r.status, 502)
    r = g.post("/v1/chat/completions", rig.chat("only-a/mock-bytes-10", "x" * 5000000))
    equal(r.status, 200)
    check(g.mock.last().size > 5000000, g.mock.last().size)
    item = '{"role":"user","content":"q"},'
    for n, status in ((20000, 200), (250000, 413)):
        r = g.post("/v1/responses", ('{"model":"only-a/mock-bytes-10","input":[%s]}' % (item * n)[:-1]).encode())
        equal(r.status, status, "%d tiny items" % n)
    equal(r.json()["error"]["code"], "request_too_large")
    contains(r.error()[1], "fewer")


def test_cache(g):
    """A translated answer is kept in the client's form, and played in either of its forms."""
    body = rig.messages("cached/mock-echo", "keep me")
    first = g.post("/v1/messages", body)
    equal(first.get("x-cache"), "MISS")
    second = g.post("/v1/messages", body)
    equal(second.get("x-cache"), "HIT")
    equal(second.json()["content"], first.json()["content"])
    r = g.post("/v1/messages", rig.messages("cached/mock-echo", "keep me", stream=True))
    equal(r.get("x-cache"), "HIT")
    check(rig.is_complete("/v1/messages", rig.parse_events(r.body)), r.body[-200:])
    body = rig.messages("cached/mock-echo", "keep the stream", stream=True)
    equal(g.post("/v1/messages", body).get("x-cache"), "MISS")
    equal(g.post("/v1/messages", rig.messages("cached/mock-echo", "keep the stream")).get("x-cache"), "HIT")


def test_a_flagged_prompt(g):
    """A 403 of a provider's moderation is the client's own, a 400; no key rests for it, and nobody else is asked."""
    said = "the model requires moderation. Your input was flagged for 'violence'."
    error = '"error":{"type":"permission_error","code":403,"message":"%s","metadata":{"reasons":["violence"],"flagged_input":"how to"}}' % said
    event = ("event: error\ndata: {\"type\":\"error\",%s}\n\n" % error).encode()
    plain = answer(403, body=json.loads("{\"type\":\"error\",%s}" % error))
    early = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n%s" % (len(event), event)
    first, spare = Provider(), Provider()
    entries = [provider(n, p.port, protocol=["anthropic"]) for n, p in (("first", first), ("spare", spare))]
    with gateway(g.mock, entries, {"m": [("first", "x"), ("spare", "y")]}) as h:
        for path in ("/v1/messages", "/v1/chat/completions", "/v1/responses"):
            for stream, what in ((False, plain), (True, plain), (True, early)):
                first.script.append(what)
                r = post(h, "m", path, stream=stream)
                equal((r.status, r.error()[0]), (400, "invalid_request_error"), path + r.body.decode())
                contains(r.error()[1], said)
                if what is plain:
                    equal(r.json()["error"].get("code"), None if path == "/v1/messages" else "content_policy_violation", path)
                    equal(h.access_of(r)["error"], "content_policy_violation")
                equal(post(h, "m", "/v1/messages").status, 200, "asked again at once")
        equal(spare.seen, [], "nobody else was asked")
        first.script += [answer(403)]
        equal(post(h, "m").status, 200, "another 403 is about our key")
        equal(len(spare.seen), 1, "somebody else was asked")
    for p in (first, spare):
        p.close()


class Router(Listener):
    """Speaks chat completions, and says what an answer costs; `says`: its usage."""

    def reply(self, head, body):
        self.asked = json.loads(body)
        first = {"id": "gen-1", "model": "up", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]}
        last = {"id": "gen-1", "model": "up", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": self.says}
        plain = {"id": "gen-1", "model": "up", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}], "usage": self.says}
        kind, said = "application/json", json.dumps(plain)
        if self.asked.get("stream"):
            kind, said = "text/event-stream", ": OPENROUTER PROCESSING\n\ndata: %s\n\ndata: %s\n\ndata: [DONE]\n\n" % (json.dumps(first), json.dumps(last))
        return ("HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (kind, len(said), said)).encode()


def test_usage_and_cost_are_the_providers_own(g):
    """Translated or not, plain or streamed: cached tokens once, and what the provider says it costs before any price."""
    router = Router()
    price = {"input": 1, "output": 10, "cache_read": 0.1, "cache_write": 2}

    def priced(config):
        config["providers"].append(provider("router", router.port, protocol=["openai"], base_url="http://127.0.0.1:%d/v1" % router.port, auth="bearer"))
        config["providers"].append(dict(config["providers"][-1], name="simple", stream_usage=False))
        config["models"] = [{"name": "r", "targets": [{"provider": "router", "price": price}]}, {"name": "s", "targets": [{"provider": "simple", "price": price}]}]

    tokens = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, "prompt_tokens_details": {"cached_tokens": 700, "cache_write_tokens": 100}}
    byok = {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0005}}
    ways = [(p, m, s) for p, m in (("/v1/messages", rig.messages), ("/v1/chat/completions", rig.chat), ("/v1/responses", rig.responses)) for s in (False, True)]
    with rig.Gateway(change=priced, mock=g.mock) as h:
        got = []
        for more, micro in (({}, 200 + 70 + 200 + 500), ({"cost": 0.0123}, 12300), ({"cost": 0}, 0), (byok, 1500)):
            router.says = dict(tokens, **more)
            got += [(h.post(path, make("r", stream=stream)), micro, (path, stream, more)) for path, make, stream in ways]
            equal(["stream_options" in router.asked, router.asked["stream"]], [True, True], "its usage is asked for")
        router.says = None  # a server that refuses stream_options gives none
        for path, make in (("/v1/messages", rig.messages), ("/v1/chat/completions", rig.chat)):
            r = h.post(path, make("s", stream=True))
            equal((r.status, "stream_options" in router.asked, h.access_of(r)["tokens_source"]), (200, False, "counted"), path)
        for path, make, stream in ways:
            if path != "/v1/chat/completions":  # its own client gets what it says: nothing
                r = h.post(path, make("s", stream=stream))
                last = [e.json for e in rig.parse_events(r.body)] if stream else [r.json()]
                line = h.access_of(r)
                equal(usage_of(path, last[-1].get("response") or last[-1 if "usage" in last[-1] else -2]), (line["tokens_in"], line["tokens_out"]), "what is told is charged")
                check(line["tokens_out"] > 0 and line["tokens_in"] > 0, line)
        for r, micro, what in got:
            line = h.access_of(r)
            equal([r.status] + [line.get(n, 0) for n in ("tokens_in", "tokens_cache_read", "tokens_cache_write", "tokens_out", "cost_micro")], [200, 200, 700, 100, 50, micro], str(what))
    router.close()


rig.main(globals(), change=change)
