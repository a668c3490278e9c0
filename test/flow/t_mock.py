#!/usr/bin/env python3
"""The tests' own provider does what its words say: a test bench that lies proves
nothing. No gateway here."""
# timeout: 120

import base64
import json
import socket
import ssl
import struct
import time

import _rig as rig
from _rig import check, contains, equal

mock = None


def m():
    global mock
    if mock is None:
        mock = rig.Mock()
    return mock


def stream(path, make, model, **more):
    with rig.Wire(m().plain, 10) as w:
        w.send(rig.request_bytes("POST", path, make(model, stream=True, **more)))
        return [rig.Event(e) for e in w.events(w.reply_head())]


def kinds(events):
    return [e.type for e in events]


def test_messages_stream_is_well_formed():
    for model in ("mock-echo", "mock-tools-3", "mock-thinking-tools", "mock-events-100", "mock-splitutf8", "mock-refusal", "x"):
        events = stream("/v1/messages", rig.messages, model)
        equal((events[0].type, events[-2].type, events[-1].type), ("message_start", "message_delta", "message_stop"))
        equal(events[0].json["message"]["content"], [])
        check("output_tokens" in events[-2].json["usage"])
        open_block, blocks, args = None, 0, {}
        for e in events[1:-2]:
            equal(e.name, e.type, "name")
            if e.type == "content_block_start":
                equal((open_block, e.json["index"]), (None, blocks), model)
                open_block, blocks = e.json["index"], blocks + 1
                kind = e.json["content_block"]["type"]
            elif e.type == "content_block_stop":
                equal(open_block, e.json["index"])
                open_block = None
            elif e.type == "content_block_delta":
                equal(open_block, e.json["index"])
                want = {"text": ("text_delta",), "thinking": ("thinking_delta", "signature_delta"), "tool_use": ("input_json_delta",)}
                check(e.json["delta"]["type"] in want[kind])
                args.setdefault(open_block, "")
                args[open_block] += e.json["delta"].get("partial_json", "")
        for a in args.values():
            check(a == "" or isinstance(json.loads(a), dict))


def test_chat_stream_is_well_formed():
    for model in ("mock-echo", "mock-tools-3", "mock-thinking", "mock-events-100", "mock-refusal", "mock-length"):
        for usage in (False, True):
            more = {"stream_options": {"include_usage": True}} if usage else {}
            events = stream("/v1/chat/completions", rig.chat, model, **more)
            equal(events[-1].data, "[DONE]")
            check(all(e.name is None for e in events))
            chunks = [e.json for e in events[:-1]]
            equal(len({(c["id"], c["model"], c["created"], c["object"]) for c in chunks}), 1)
            equal(chunks[0]["choices"][0]["delta"]["role"], "assistant")
            if usage:
                last = chunks.pop()
                equal(last["choices"], [])
                check(last["usage"]["total_tokens"] > 0 and all(c["usage"] is None for c in chunks))
            check(chunks[-1]["choices"][0]["finish_reason"] and chunks[-1]["choices"][0]["delta"] == {})
            calls = {}
            for c in chunks:
                for t in c["choices"][0]["delta"].get("tool_calls", []):
                    if t["index"] not in calls:
                        equal((t["index"], t["type"]), (len(calls), "function"))
                        check(t["id"] and t["function"]["name"])
                        calls[t["index"]] = ""
                    calls[t["index"]] += t["function"]["arguments"]
            equal(len(calls), 3 if "tools" in model else 0)
            check(all("city" in json.loads(a) for a in calls.values()))


def test_responses_stream_is_well_formed():
    for model in ("mock-echo", "mock-tools-2", "mock-thinking-tools", "mock-events-100", "mock-refusal", "mock-length", "mock-splitutf8"):
        events = stream("/v1/responses", rig.responses, model)
        equal([e.json["sequence_number"] for e in events], list(range(len(events))), model)
        check(all(e.name == e.type for e in events))
        equal(kinds(events)[:2], ["response.created", "response.in_progress"])
        check(kinds(events)[-1] in ("response.completed", "response.incomplete"))
        final = events[-1].json["response"]
        equal(events[0].json["response"]["id"], final["id"])
        items = {}
        for e in events:
            if e.type == "response.output_item.added":
                equal(e.json["output_index"], len(items))
                items[e.json["output_index"]] = e.json["item"]["id"]
            elif "item_id" in e.json:
                equal(e.json["item_id"], items[e.json["output_index"]])
            elif e.type == "response.output_item.done":
                equal(e.json["item"], final["output"][e.json["output_index"]])
        equal(len(items), len(final["output"]))
        text = "".join(e.json["delta"] for e in events if e.type in ("response.output_text.delta", "response.refusal.delta"))
        part = [o for o in final["output"] if o["type"] == "message"][0]["content"][0]
        equal(part.get("text", part.get("refusal")), text)


def test_plain_answers_are_json_and_say_the_same():
    for path, make, _ in rig.GENERATE:
        for model in ("mock-echo", "mock-tools", "mock-thinking", "mock-events-50", "mock-splitutf8", "mock-refusal", "mock-json", "other"):
            r = m().call("POST", path, make(model, 'q"\\\u00e9 \U0001f642'))
            equal(r.status, 200)
            r.json()
            if "refusal" not in model:
                equal(rig.text_of(path, r.json()), rig.text_of_stream(stream(path, make, model, text='q"\\\u00e9 \U0001f642')), path)
            equal(m().call("POST", path, make(model, "again")).body, m().call("POST", path, make(model, "again")).body, "deterministic")


def test_sizes():
    for path, make, _ in rig.GENERATE[:2] + rig.GENERATE[3:]:
        for n in (1024, 10000, 300000):
            equal(len(m().call("POST", path, make("mock-bytes-%d" % n)).body), n, path)
    r = m().call("POST", "/v1/messages", rig.messages("mock-big-3m"))
    equal(len(r.json()["content"][0]["text"]), 3 << 20)
    events = stream("/v1/messages", rig.messages, "mock-big-3m")
    equal(len(rig.text_of_stream(events)), 3 << 20)
    equal(rig.text_of_stream(stream("/v1/chat/completions", rig.chat, "mock-events-1000")), "".join("%07d " % i for i in range(1000)))


def test_times():
    started = time.monotonic()
    stream("/v1/messages", rig.messages, "mock-events-5-slow-60ms")
    check(0.29 <= time.monotonic() - started < 0.3 + rig.SLOW)  # net/timer.h: a few milliseconds early in a long turn
    started = time.monotonic()
    m().call("POST", "/v1/messages", rig.messages("mock-first-200ms"))
    check(0.19 <= time.monotonic() - started < 0.2 + rig.SLOW)


def test_statuses():
    for words, status, retry in (("429-2", 429, "2"), ("529", 529, None), ("500", 500, None), ("401", 401, None), ("413", 413, None)):
        for path, make, _ in rig.GENERATE:
            r = m().call("POST", path, make("mock-" + words))
            equal((r.status, r.get("retry-after")), (status, retry))
            check(r.json()["error"]["message"])
    r = m().call("POST", "/v1/messages", rig.messages("any"), [("x-mock", "503 org")])
    equal(r.status, 503)
    contains(r.body.decode(), "org-mockcanary")
    equal(m().call("POST", "/v1/chat/completions", rig.chat("mock-429-quota")).json()["error"]["code"], "insufficient_quota")
    equal(m().call("POST", "/v1/messages", b"{").status, 400)
    equal(m().call("GET", "/v1/messages").status, 405)
    equal(m().call("GET", "/v1/none").status, 404)


def test_faults():
    for path, make, _ in rig.GENERATE:
        for n in (0, 1, 3):
            for fault in ("cut", "reset", "badchunk"):
                with rig.Wire(m().plain, 10) as w:
                    w.send(rig.request_bytes("POST", path, make("mock-%s-%d" % (fault, n), stream=True)))
                    got = []
                    try:
                        for piece in w.pieces(w.reply_head()):
                            got.append(piece)
                        raise rig.Failed("%s looked whole" % fault)
                    except (rig.Closed, ValueError) as e:
                        equal("reset" in str(e), fault == "reset", fault)
                    equal(rig.text_of_stream(rig.parse_events(b"".join(got))), "".join("%07d " % i for i in range(n)), fault)
            events = stream(path, make, "mock-error-%d" % n)
            check(events[-1].is_error() and len(rig.text_of_stream(events)) == 8 * n)
        events = stream(path, make, "mock-error-pre")
        equal((len(events) > 1 or path.endswith("/completions"), rig.text_of_stream(events)), (True, ""), path)
        check(not rig.is_complete(path, stream(path, make, "mock-nofinal")))


def test_silence():
    for words in ("hang", "stall-3", "stall-0"):
        with rig.Wire(m().plain, 0.5) as w:
            w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-" + words, stream=True)))
            try:
                w.everything(0.4)
            except rig.Closed:
                raise rig.Failed(words)
            rig.until(lambda: m().stats()["open_streams"] == 1, 2, words)
        m().quiet()


def test_endings():
    r = m().call("POST", "/v1/messages", rig.messages("mock-html"))
    equal((r.status, r.get("content-type").split(";")[0]), (200, "text/html"))
    equal(m().call("POST", "/v1/messages", rig.messages("mock-empty")).body, b"")
    for words in ("drop", "rst"):
        try:
            m().call("POST", "/v1/messages", rig.messages("mock-" + words))
            raise rig.Failed("an answer")
        except rig.Closed as e:
            equal("reset" in str(e), words == "rst")
    with rig.Wire(m().plain) as w:
        w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-idleclose")))
        r = w.reply()
        equal((r.status, r.get("connection")), (200, "keep-alive"))
        check(w.is_closed(2))
    with rig.Wire(m().plain) as w:
        w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-eofbody")))
        r = w.reply()
        equal((r.get("content-length"), r.get("transfer-encoding")), (None, None))
        r.json()
    with rig.Wire(m().plain) as w:
        w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-early-2")))
        equal([rig.Reply(w.read_until(b"\r\n\r\n")).status for _ in range(3)], [103, 103, 200])


def test_splits():
    for words in ("split-1", "split-5", "splitutf8", "split-1-splitutf8"):
        for path, make, _ in rig.GENERATE:
            check(rig.is_complete(path, stream(path, make, "mock-" + words)), words)
    # a busy reader may get two writes in one read: ask until one is seen alone
    rig.until(lambda: cut_reads() > 0, 20, "a write that ends inside a character")


def cut_reads():
    """How many reads of one stream end inside a character."""
    cut = 0
    with rig.Wire(m().plain) as w:
        w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-splitutf8", stream=True)))
        data = b" "
        while data and b"message_stop" not in data:
            data = w.s.recv(65536)
            cut += bool(data) and data[-1] >= 0xC0
    return cut


def test_requests_in_every_form():
    body = rig.messages("mock-echo", "form")
    with rig.Wire(m().plain) as w:
        for chunks in ([1] * len(body), [10, 20], []):
            w.send(rig.request_bytes("POST", "/v1/messages", body, chunks=chunks))
            equal(w.reply().status, 200)
            equal(m().last().sha256, rig.sha256(body))
        w.send(rig.request_bytes("POST", "/v1/messages", body) * 20)
        for _ in range(20):
            equal(rig.text_of("/v1/messages", w.reply().json()), "form")
        data = rig.request_bytes("POST", "/v1/messages", body)
        for i in range(0, len(data)):
            w.send(data[i : i + 1])
        equal(w.reply().status, 200)
        w.send(rig.request_bytes("POST", "/v1/messages", None, [("content-length", str(len(body))), ("expect", "100-continue")]))
        equal(w.read_until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
        w.send(body)
        equal(w.reply().status, 200)
    for bad in (b"GET / HTTP/1.1\r\nbad line\r\n\r\n", b"x\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx"):
        with rig.Wire(m().plain) as w:
            w.send(bad)
            equal(w.reply_head().status, 400)
    big = rig.messages("mock-echo", "x" * (20 << 20))
    equal(m().call("POST", "/v1/messages", big).status, 200)
    equal(m().last().size, len(big))


def test_embeddings_and_moderations():
    for value, n in (("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1], [2], [3]], 3)):
        body = {"model": "e", "input": value, "dimensions": 5}
        floats = m().call("POST", "/v1/embeddings", rig.dump(body)).json()
        coded = m().call("POST", "/v1/embeddings", rig.dump(dict(body, encoding_format="base64"))).json()
        equal([d["index"] for d in floats["data"]], list(range(n)))
        for a, b in zip(floats["data"], coded["data"]):
            equal(list(struct.unpack("<5f", base64.b64decode(b["embedding"]))), a["embedding"])
    equal(len(m().call("POST", "/v1/embeddings", rig.dump({"model": "e", "input": ["x"] * 2048})).json()["data"]), 2048)
    r = m().call("POST", "/v1/moderations", rig.dump({"input": [{"type": "text", "text": "violence"}]})).json()
    equal((len(r["results"]), r["results"][0]["flagged"], len(r["results"][0]["categories"])), (1, True, 13))


def test_models():
    o = m().call("GET", "/v1/models").json()
    equal(o["object"], "list")
    a = m().call("GET", "/v1/models", None, [("anthropic-version", "2023-06-01")]).json()
    equal((a["has_more"], a["data"][0]["type"], a["first_id"]), (False, "model", a["data"][0]["id"]))
    equal(m().call("GET", "/v1/models/mock-echo").json()["id"], "mock-echo")
    equal(m().call("GET", "/v1/models/missing").status, 404)


def test_stats():
    m().reset()
    s = m().stats()
    equal((s["requests"], s["open_streams"], s["aborted"], s["last_request"]), (0, 0, 0, None))
    wires = []
    for _ in range(3):
        w = rig.Wire(m().plain)
        w.send(rig.request_bytes("POST", "/v1/messages?q=1", rig.messages("mock-hang"), [("X-A", "1"), ("x-a", "2")]))
        wires.append(w)
    rig.until(lambda: m().stats()["open_streams"] == 3, 2, "three hang")
    rig.until(lambda: m().stats()["open_connections"] == 3, 2, "three connections")
    seen = m().last()
    equal((seen.method, seen.target, seen.all("x-a")), ("POST", "/v1/messages?q=1", ["1", "2"]))
    equal(seen.text.encode(), rig.messages("mock-hang"))
    for w in wires:
        w.reset()
    m().quiet()
    rig.until(lambda: (m().stats()["aborted"], m().stats()["open_connections"]) == (3, 0), 2, lambda: m().stats())


def test_keys():
    keyed = rig.Mock("--key", "sesame")
    for headers, status in (([], 401), ([("x-api-key", "sesame")], 200), ([("authorization", "Bearer sesame")], 200), ([("x-api-key", "x")], 401)):
        equal(keyed.call("POST", "/v1/messages", rig.messages("x"), headers).status, status)
    keyed.stop()


def test_tls():
    context = ssl.create_default_context(cafile=m().ca)
    with socket.create_connection(("127.0.0.1", m().tls)) as raw, context.wrap_socket(raw, server_hostname="localhost") as s:
        w = rig.Wire.__new__(rig.Wire)
        w.s, w.buf = s, b""
        for model in ("mock-events-20", "mock-big-2m", "mock-split-1"):
            w.request("POST", "/v1/messages", rig.messages(model, stream=True))
            check(rig.is_complete("/v1/messages", [rig.Event(e) for e in w.events(w.reply_head())]), model)


def test_slow_readers_cost_little():
    def rss():
        return int([l for l in open("/proc/%d/status" % m().p.pid) if l.startswith("VmRSS")][0].split()[1])

    before = rss()
    w = rig.Wire(m().plain, 10, rcvbuf=8192)
    w.send(rig.request_bytes("POST", "/v1/messages", rig.messages("mock-big-100m", stream=True)))
    w.reply_head()
    time.sleep(0.5)
    check(rss() - before < 16 << 10, "grew by %d KiB" % (rss() - before))
    w.reset()
    m().quiet()


def test_it_ends_clean():
    m().stop()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
