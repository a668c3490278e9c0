#!/usr/bin/env python3
"""Promise: a provider's error is told once, as it is and last, and never with our key or our
account in it: then the client reads words of ours, and the operator has to act."""
# timeout: 120

import _rig as rig
from _provider import Provider, answer, provider
from _rig import GENERATE, check, contains, equal, until

KEY = "sk-prov-Zq7RtY2uIoP4aSdF6gHjK8lXcVbN0mWe"  # of the provider
STRANGER = "sk-prov-aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV"  # of nobody here
ADDED, SIGNED = "tok-9f8e7d6c5b", "sig-1a2b3c4d"  # of the provider's `headers` and `query`
PARTS = (KEY[:16], KEY[8:24], KEY[-16:], "***" + KEY[-4:], ADDED, SIGNED)
# How providers quote a key that they don't like.
QUOTES = (
    "Incorrect API key provided: %s. You can find yours elsewhere." % KEY,
    "Incorrect API key provided: %s%s%s." % (KEY[:8], "*" * 24, KEY[-4:]),
    "the key %s... is not known" % KEY[:16],
    "key ending in ...%s" % KEY[-4:],
    "key ending in \u2026%s" % KEY[-4:],
    "x-token %s and sig=%s are not known" % (ADDED, SIGNED),
)
# What only looks so: it is the client's to read.
OTHERS = ("Incorrect API key provided: %s." % STRANGER, "Incorrect API key provided: sk-prov-***%s." % STRANGER[-4:],
          "messages: %s is no role" % KEY[-4:], "no tok-9f8e here", "use a key like sk-prov-...")


def error(path, message):
    if path.endswith("/messages"):
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def event(data, name=None):
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: " + rig.dump(data) + b"\n\n"


def words(path, text):
    """An event of content."""
    if path.endswith("/messages"):
        return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}, "content_block_delta")
    if path.endswith("/responses"):
        return event({"type": "response.output_text.delta", "delta": text, "sequence_number": 2}, "response.output_text.delta")
    piece = {"delta": {"content": text}} if path.endswith("/chat/completions") else {"text": text}
    return event({"id": "c", "object": "chunk", "choices": [{"index": 0, **piece}]})


def start(path):
    if path.endswith("/messages"):
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return event({"type": "message_start", "message": message}, "message_start") + event(block, "content_block_start")
    if path.endswith("/responses"):
        return event({"type": "response.created", "response": {"id": "r", "model": "m"}, "sequence_number": 1}, "response.created")
    return words(path, "")


def error_event(path, message):
    if path.endswith("/messages"):
        return event(error(path, message), "error")
    if path.endswith("/responses"):
        return event({"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 3}, "error")
    return event(error(path, message))


def failed(message):
    """The other way of the responses protocol."""
    response = {"id": "r", "status": "failed", "model": "m", "error": {"code": "server_error", "message": message}, "output": []}
    return event({"type": "response.failed", "response": response, "sequence_number": 4}, "response.failed")


def final(path):
    if path.endswith("/messages"):
        return event({"type": "message_stop"}, "message_stop")
    if path.endswith("/responses"):
        done = {"id": "r", "status": "completed", "model": "m", "error": None, "output": []}
        return event({"type": "response.completed", "response": done, "sequence_number": 9}, "response.completed")
    return b"data: [DONE]\n\n"


def stream(*events, ends=True):
    body = b"".join(b"%x\r\n%s\r\n" % (len(e), e) for e in events if e) + (b"0\r\n\r\n" if ends else b"")
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + body


class World:
    """A provider for each path, under three names: "told" speaks every protocol, the others one."""

    def __init__(self, mock):
        self.peers = {path: Provider() for path, _, _ in GENERATE}
        self.mock = mock
        self.providers = []
        for path, peer in self.peers.items():
            for name, speaks in (("told", ["anthropic", "openai"]), ("anthropic", "anthropic"), ("openai", "openai")):
                more = {"protocol": speaks, "headers": {"X-Token": ADDED}, "query": {"sig": SIGNED}, **({"responses": True} if name == "told" else {})}
                self.providers.append(provider(name + path.replace("/", "-"), peer.port, keys=[KEY], **more))

    def __enter__(self):
        def change(c):
            c["providers"] += self.providers
            c["models"] += [{"name": p["name"], "targets": [{"provider": p["name"], "model": "m"}]} for p in self.providers]

        self.h = rig.Gateway({"store": {"timeout": "2s"}}, change, mock=self.mock)
        return self

    def __exit__(self, *how):
        for peer in self.peers.values():
            peer.close()
        self.h.__exit__(*how)

    def ask(self, path, make, what, streamed, model="told"):
        """The answer to one request that gets `what` from the provider; its events."""
        self.peers[path].script.append(what)
        with self.h.wire() as w:
            w.request("POST", path, make(model + path.replace("/", "-"), stream=streamed))
            r = w.reply_head()
            r.body = b"".join(w.pieces(r))
        return r, [e for e in rig.parse_events(r.body) if e.data] if r.status == 200 and streamed else []


def on_every_path(g, work, routes=GENERATE):
    """work(world, path, make) for all of them at the same time."""
    with World(g.mock) as w:
        rig.together(len(routes), lambda i: work(w, *routes[i][:2]))


def is_ours(r, what):
    """A refusal in our words, and nothing of the key."""
    what = "%s: %s" % (what, r.body[:300])
    equal((r.status, "its operator has to act" in r.body.decode()), (502, True), what)
    check(not any(p.encode() in r.head + r.body for p in PARTS), what)


def ends_well(w, r, path):
    until(lambda: w.h.access_of(r)["ending"] == "upstream_error", 10, path)


def test_a_key_in_a_plain_error(g):
    def one(w, path, make):
        for message in QUOTES:
            for status in (400, 404, 429, 500):
                r, _ = w.ask(path, make, answer(status, body=error(path, message)), status == 500)
                is_ours(r, "%s %d %s" % (path, status, message))
        for message in OTHERS:
            r, _ = w.ask(path, make, answer(400, body=error(path, message)), False)
            equal((r.status, r.json()), (400, error(path, message)), path)

    on_every_path(g, one)


def test_a_key_in_an_error_that_is_translated(g):
    def one(w, path, make):
        there, model = ("/v1/chat/completions", "openai") if path.endswith("/messages") else ("/v1/messages", "anthropic")
        for message in QUOTES:
            r, _ = w.ask(path, make, answer(400, body=error(there, message)), False, model)
            is_ours(r, "%s %s" % (path, message))
            r, _ = w.ask(path, make, stream(start(there), error_event(there, message)), True, model)
            is_ours(r, "%s %s, streamed" % (path, message))
        r, _ = w.ask(path, make, answer(400, body=error(there, OTHERS[0])), False, model)
        equal((r.status, OTHERS[0] in r.body.decode()), (400, True), path)

    on_every_path(g, one, GENERATE[:3])


def test_a_key_in_an_error_event(g):
    def one(w, path, make):
        for message in QUOTES:
            r, _ = w.ask(path, make, stream(start(path), error_event(path, message)), True)
            is_ours(r, path + ", before content")
            for bad in [error_event(path, message)] + ([failed(message)] if path.endswith("/responses") else []):
                r, events = w.ask(path, make, stream(start(path), words(path, "one "), bad, final(path)), True)
                contains(events[-1].data, "refused our credentials")
                check(events[-1].is_error() and not any(e.is_error() for e in events[:-1]), path, r.body)
                check(not any(p.encode() in r.body for p in PARTS), path, r.body)
        r, events = w.ask(path, make, stream(start(path), words(path, "one "), error_event(path, OTHERS[0])), True)
        contains(events[-1].data, OTHERS[0])

    on_every_path(g, one)


def test_nothing_stands_behind_an_error_event(g):
    def one(w, path, make):
        # at once, in a later read, and from a provider that then says nothing and stays
        for between, ends in ((b"", True), (b": a comment\n\n" * 8000, True), (b"", False)):
            sent = stream(start(path), words(path, "one "), error_event(path, "bad luck"), between, words(path, "evil "),
                          error_event(path, "evil"), final(path), words(path, "evil"), ends=ends)
            r, events = w.ask(path, make, sent, True)
            contains(events[-1].data, "bad luck", path)
            equal((rig.text_of_stream(events), b"evil" in r.body, b"DONE" in r.body), ("one ", False, False), path)
            ends_well(w, r, path)

    on_every_path(g, one)


def test_behind_an_error_of_a_response_it_may_be_said_as_failed(g):
    def one(w, path, make):
        before = start(path), words(path, "one "), error_event(path, "bad luck"), words(path, "evil")
        r, events = w.ask(path, make, stream(*before, failed("bad luck"), words(path, "evil")), True)
        equal(([e.type for e in events[-2:]], b"evil" in r.body), (["error", "response.failed"], False))
        r, events = w.ask(path, make, stream(*before, failed(QUOTES[0])), True)
        equal((events[-1].type, b"evil" in r.body), ("error", False))
        contains(events[-1].data, "bad luck")

    on_every_path(g, one, GENERATE[2:3])


def test_an_error_too_large_to_look_at(g):
    def one(w, path, make):
        huge = "canary " * 30000
        for bad in [error_event(path, huge)] + ([failed(huge)] if path.endswith("/responses") else []):
            r, _ = w.ask(path, make, stream(start(path), bad), True)
            equal((r.status, b"canary" in r.body), (502, False), path)
            r, events = w.ask(path, make, stream(start(path), words(path, "one "), bad, words(path, "evil")), True)
            check(events[-1].is_error(), path, r.body[-300:])
            equal((rig.text_of_stream(events), b"canary" in r.body, b"evil" in r.body), ("one ", False, False), path)
            ends_well(w, r, path)
        large = words(path, "large " * 30000)
        r, events = w.ask(path, make, stream(start(path), large, final(path)), True)
        equal((rig.text_of_stream(events), any(e.is_error() for e in events)), ("large " * 30000, False), path)

    on_every_path(g, one)


def test_an_event_without_an_end(g):
    """What is held of it is bounded: the rest is on its way while the provider still owes the end."""
    def one(w, path, make):
        w.peers[path].script.append(stream(start(path), words(path, "y" * 200000)[:-10], ends=False))
        with w.h.wire() as c:
            c.request("POST", path, make("told" + path.replace("/", "-"), stream=True))
            r, n = c.reply_head(), 0
            equal(r.status, 200)
            for piece in c.pieces(r):
                n += len(piece)
                if n > 180000:
                    break
            c.reset()
        check(n > 180000, path, n)

    on_every_path(g, one)


def test_an_event_too_large_to_translate(g):
    """It may have 1 MiB; a larger one ends the stream, before content as a plain error."""
    def one(w, path, make):
        there, model = ("/v1/chat/completions", "openai") if path.endswith("/messages") else ("/v1/messages", "anthropic")
        stop = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if model == "anthropic":
            stop = event({"type": "content_block_stop", "index": 0}, "content_block_stop") + event(
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}, "message_delta")
        large, larger = words(there, "x" * 1000000), words(there, "x" * 1200000)
        r, events = w.ask(path, make, stream(start(there), large, stop, final(there)), True, model)
        check(rig.is_complete(path, events), path, r.body[-300:])
        equal(len(rig.text_of_stream(events)), 1000000, path)
        r, _ = w.ask(path, make, stream(start(there), larger, stop, final(there)), True, model)
        equal((r.status, len(r.body) < 4096), (502, True), path)
        r, events = w.ask(path, make, stream(start(there), words(there, "one "), larger, stop, final(there)), True, model)
        equal((rig.text_of_stream(events), rig.is_complete(path, events)), ("one ", False), path)
        check(events[-1].is_error() or events[-1].type == "response.failed", path, r.body[-300:])

    on_every_path(g, one, GENERATE[:3])


if __name__ == "__main__":
    rig.main(globals())
