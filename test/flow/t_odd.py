#!/usr/bin/env python3
"""Promise: a stream in any form that the standard allows goes through byte for byte and is
counted; an answer that drips ends at its limit; and no request says where it goes."""
# timeout: 120

import contextlib
import os
import threading
import time

import _rig as rig
from _provider import Listener, Provider, provider, read_request
from _rig import check, contains, equal, until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n"
TEXT = "Gr\u00fc\u00dfe \U0001f642"
DRIP = 0.2  # seconds a byte
MIB = 1 << 20


def messages_stream(whole, long):
    """What a parser may meet: a BOM, comments, every line end, other fields, a field without
    a colon, data in several lines, NULs where no data is, and characters of four bytes."""
    text = TEXT.encode()
    return (
        b"\xef\xbb\xbf: first a comment, with a \0 in it\n\n"
        b"event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\","
        b"\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\r\n\r\n"
        b"id: 1\nretry: 10\nunknown\nevent: content_block_start\n"
        b"data:{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        b"data\n\n"
        b"event:content_block_delta\rdata: {\"type\":\"content_block_delta\",\"index\":0,\rdata: \"delta\":{\"type\":\"text_delta\",\"text\":\""
        + text + b"\"}}\r\r"
        b": a long comment " + b"c" * long + b"\n\n"
        b"event: content_block_stop\r\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\r\n"
        b"event: message_delta\rdata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\r\n\r"
        + (b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" if whole else b"")
    )


def chat_stream(whole, long):
    return (
        b"\xef\xbb\xbf: \0\r\n\r\n"
        b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\r\r"
        b"id\nretry:5\ndata:{\"id\":\"c\",\rdata:\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + TEXT.encode() + b"\"}}]}\n\r\n"
        b"data\n\n"
        b": a long comment " + b"c" * long + b"\n\n"
        b"data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}\n\n"
        + (b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\rdata: [DONE]\r\n\r\n" if whole else b"")
    )


def chunks(body, size):
    pieces = (body[i : i + size] for i in range(0, len(body), size))
    return HEAD + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@contextlib.contextmanager
def gateway(g, peers, **settings):
    def change(c):
        for name, peer in peers.items():
            c["providers"].append(provider(name, peer.port, responses=True))
            c["models"].append({"name": name, "targets": [{"provider": name, "model": "m"}]})

    with rig.Gateway({"store": {"timeout": "2s"}, **settings}, change, mock=g.mock) as h:
        try:
            yield h
        finally:
            for peer in peers.values():
                peer.close()


def test_odd_streams(g):
    p = Provider()
    ways = (("/v1/messages", rig.messages, messages_stream, {}),
            ("/v1/chat/completions", rig.chat, chat_stream, {"stream_options": {"include_usage": True}}))
    with gateway(g, {"odd": p}) as h:
        for path, make, stream, more in ways:
            for whole in (True, False):
                for size in (1, 7, 1000, 1000000):
                    sent = stream(whole, min(100 * size, 100000))
                    p.script.append(chunks(sent, size))
                    r = h.post(path, make("odd", stream=True, **more))
                    what = "%s, %d bytes a chunk" % (path, size)
                    equal(r.status, 200, what)
                    if whole:
                        check(r.body == sent, what, r.body[:2000])
                    else:
                        check(r.body.startswith(sent), what, "what came is not what was sent")
                        check(rig.parse_events(r.body[len(sent) :])[-1].is_error(), what, r.body[-300:])
                    until(lambda: h.access_of(r)["ending"] == ("done" if whole else "upstream_cut"), 10, what)
                    line = h.access_of(r)
                    equal((line["tokens_in"], line["tokens_out"], line["tokens_source"]), (7, 5, "reported"), what)


def line_of(path, size, whole=True):
    """A stream with one line of `size` bytes in it: text, or what repeats the answer at its end."""
    text = b"z" * size
    if path == "/v1/messages":
        events = (
            {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                                                  "usage": {"input_tokens": 7, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "LONG"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"})
    elif path == "/v1/responses":
        item = {"id": "i", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "LONG", "annotations": []}]}
        events = (
            {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "short"},
            {"type": "response.completed", "response": {
                "id": "r", "model": "m", "status": "completed", "output": [item],
                "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}}})
    else:
        events = (
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "LONG"}}]},
            {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}})
    out = b""
    for e in events:
        name = b"event: %s\n" % e["type"].encode() if "type" in e else b""
        out += name + b"data: " + rig.dump(e) + b"\n\n"
    out += b"data: [DONE]\n\n" if path == "/v1/chat/completions" else b""
    at = out.index(b"LONG")
    return out[:at] + text + (out[at + 4 :] if whole else b"")


def test_a_line_of_many_megabytes(g):
    """It passes as it comes and is never held: not by its length, and not when it breaks off. Who
    reads slowly sees to it that most of it is still the provider's when its first bytes are there."""
    p = Provider()
    slack = (6 if rig.SLOW == 1 else 24) * MIB  # an instrumented process keeps freed memory for a while
    with gateway(g, {"long": p}) as h:
        for path, make, _ in rig.GENERATE[:3]:
            more = {"stream_options": {"include_usage": True}} if path == "/v1/chat/completions" else {}
            for size, whole in ((8 * MIB, True), (2 * MIB, False), *([(32 * MIB, True)] if path == "/v1/messages" else [])):
                sent, what = line_of(path, size, whole), "%s, a line of %d MiB" % (path, size / MIB)
                p.script.append(chunks(sent, 50000))
                before, most, got = h.rss(), 0, []
                with h.wire(60) as w:
                    w.request("POST", path, make("long", stream=True, **more))
                    r = w.reply_head()
                    for i, piece in enumerate(w.pieces(r)):
                        got.append(piece)
                        most = max(most, h.rss() if i % 16 == 0 else 0)
                body = b"".join(got)
                equal(r.status, 200, what)
                check(most - before < slack, "%s: grew by %.1f MiB" % (what, (most - before) / MIB))
                check(body.startswith(sent), what, "other bytes")
                if whole:
                    equal(len(body), len(sent), what)
                else:
                    last = rig.parse_events(body[len(sent) :].lstrip(b"\n"))
                    equal([e.is_error() for e in last], [True], what)
                line = h.access_of(r)
                equal(line["ending"], "done" if whole else "upstream_cut", what)
                if whole:
                    equal((line["tokens_in"], line["tokens_out"], line["tokens_source"]), (7, 5, "reported"), what)


def content_of(path, n):
    """A stream of `n` events with content: what comes before them, they, and its end."""
    whole = line_of(path, 0)
    delta = ('event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%d "}}\n\n'
             if path == "/v1/messages" else 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%d "}}]}\n\n')
    events = [e + b"\n\n" for e in whole.split(b"\n\n")[:-1]]
    before = 2 if path == "/v1/messages" else 1
    return b"".join(events[:before]), [(delta % i).encode() for i in range(n)], b"".join(events[before:])


class Stepwise(Listener):
    """Sends the bytes of each event one by one, and the next event once the last one has been seen."""

    def __init__(self, path):
        self.parts = content_of(path, 4)
        self.seen = threading.Semaphore(0)
        super().__init__()

    def serve(self, s):
        before, events, after = self.parts
        with contextlib.suppress(OSError), s:
            read_request(s)
            s.sendall(HEAD + b"%x\r\n%s\r\n" % (len(before), before))
            for event in events:
                for i in range(len(event)):
                    s.sendall(b"1\r\n%c\r\n" % event[i])
                if not self.seen.acquire(timeout=60):
                    return  # the stream breaks off, which its client says
            s.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(after), after))


def test_an_event_leaves_with_its_last_byte(g):
    """Nothing that comes later is waited for."""
    for path, make in (("/v1/messages", rig.messages), ("/v1/chat/completions", rig.chat)):
        p = Stepwise(path)
        before, events, after = p.parts
        more = {"stream_options": {"include_usage": True}} if path == "/v1/chat/completions" else {}
        with gateway(g, {"steps": p}) as h, h.wire(120) as w:
            w.request("POST", path, make("steps", stream=True, **more))
            got, want = b"", before
            pieces = w.pieces(w.reply_head())
            for event in events:
                want += event
                while len(got) < len(want):
                    piece = next(pieces, b"")
                    check(piece, path, "the stream ended before the event was there")
                    got += piece
                equal(got, want, path)
                p.seen.release()
            equal(got + b"".join(pieces), want + after, path)


class Gate(Listener):
    """Streams whose first event comes at once, and the rest when the gate is opened."""

    def __init__(self):
        self.open, self.parts, self.waiting = threading.Event(), content_of("/v1/messages", 20), 0
        super().__init__()

    def serve(self, s):
        before, events, after = self.parts
        with contextlib.suppress(OSError), s:
            read_request(s)
            first, rest = before + events[0], b"".join(events[1:]) + after
            s.sendall(HEAD + b"%x\r\n%s\r\n" % (len(first), first))
            with self.lock:
                self.waiting += 1
            self.open.wait(120)
            s.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))


def test_hundreds_of_streams_at_once(g):
    """None is cut, and none gets another's bytes. STREAMS=5000 is the long form."""
    n, p = int(os.environ.get("STREAMS", "300")), Gate()
    before, events, after = p.parts
    want = before + b"".join(events) + after
    with gateway(g, {"gate": p}, upstream_pool={"max_connections": n}) as h:
        wires = [h.wire(120) for _ in range(n)]
        for w in wires:
            w.request("POST", "/v1/messages", rig.messages("gate", stream=True))
        until(lambda: p.waiting == n, 60, lambda: "%d of %d streams are open" % (p.waiting, n))
        p.open.set()
        for i, w in enumerate(wires):
            r = w.reply()
            equal((r.status, r.body == want), (200, True), "stream %d: %s" % (i, r.body[-300:]))
            w.close()
        h.settle()
        h.log_ends()
        equal({l["ending"] for l in h.access_lines() if l.get("model") == "gate"}, {"done"})


class Drip(Listener):
    """Sends `head` at once and `rest` a byte at a time."""

    def __init__(self, head, rest):
        self.head, self.rest = head, rest
        super().__init__()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            read_request(s)
            s.sendall(self.head)
            for i in range(len(self.rest)):
                s.sendall(self.rest[i : i + 1])
                time.sleep(DRIP)


def test_answers_that_drip(g):
    """Each byte is a sign of life and none of them moves the limit: it would take a minute and more."""
    event = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"one "}}]}\n\n'
    peers = {
        "head": Drip(b"", PLAIN + b" " * 500),
        "stream-head": Drip(b"", HEAD + b" " * 500),
        "body": Drip(PLAIN, b" " * 500),
        "stream": Drip(HEAD + b"%x\r\n%s\r\n" % (len(event), event), b"1\r\n:\r\n" * 100),
    }
    short = "%dms" % (600 * rig.SLOW)
    with gateway(g, peers, timeouts={"total": short, "stream_total": short, "first_byte": short}) as h:
        def one(i):
            name = list(peers)[i]
            started = time.monotonic()
            with h.wire(60) as w:
                w.request("POST", "/v1/chat/completions", rig.chat(name, stream=name.startswith("stream")))
                r = w.reply_head()
                r.body = b"".join(w.pieces(r))
            check(time.monotonic() - started < 50, name, "was not cut")
            equal(r.status, 200 if name == "stream" else 504, name)
            if name == "stream":
                events = [e for e in rig.parse_events(r.body) if e.json]
                equal((rig.text_of_stream(events), events[-1].is_error()), ("one ", True), r.body[-300:])

        rig.together(len(peers), one)


def test_no_request_says_where_it_goes(g):
    evil = Provider()
    here = "http://127.0.0.1:%d" % evil.port
    fields = {"api_base": here, "base_url": here, "api_url": here + "/v1", "custom_llm_provider": "x", "proxy": here}
    headers = [("x-forwarded-host", "127.0.0.1:%d" % evil.port), ("x-base-url", here), ("x-original-url", here), ("forwarded", "host=" + here[7:])]
    for path, make, _ in rig.GENERATE:
        r = g.post(path, make("mock-echo", "here", **fields), headers)
        equal((r.status, rig.text_of(path, r.json())), (200, "here"), path)
        contains(g.mock.last().text, here, "fields go up as they are")
        with g.wire() as w:
            w.request("POST", here + path, make("mock-echo"))
            equal(w.reply().status, 400, "the absolute form")
    equal(evil.seen, [])
    evil.close()


if __name__ == "__main__":
    rig.main(globals())
