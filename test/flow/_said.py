"""A provider that says what a test gives it, in any protocol, piece by piece; and what its events are."""

import contextlib
import json

from _provider import Listener

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nrequest-id: req_said\r\n%s\r\n"


def sse(data, name=None):
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: " + (
        data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()) + b"\n\n"


def typed(type, **more):
    return sse({"type": type, **more}, type)


class Messages:
    path, reason = "/v1/messages", "refusal"

    def begin(self):
        return [typed("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                      "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 1}}),
                typed("content_block_start", index=0, content_block={"type": "text", "text": ""})]

    def delta(self, text):
        return typed("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def end(self):
        return [typed("content_block_stop", index=0),
                typed("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9}),
                typed("message_stop")]

    def plain(self, text):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 9}}


class Chat:
    path, reason = "/v1/chat/completions", "content_filter"

    def chunk(self, delta, finish=None):
        return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def begin(self):
        return [self.chunk({"role": "assistant", "content": ""})]

    def delta(self, text):
        return self.chunk({"content": text})

    def usage(self):
        return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                    "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}})

    def end(self):
        return [self.chunk({}, "stop"), self.usage(), sse(b"[DONE]")]

    def plain(self, text):
        return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}}


class Completions(Chat):
    path = "/v1/completions"

    def chunk(self, delta, finish=None):
        return sse({"id": "c1", "object": "text_completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "text": delta.get("content", ""), "logprobs": None, "finish_reason": finish}]})

    def plain(self, text):
        return {"id": "c1", "object": "text_completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}}


class Responses:
    path, reason = "/v1/responses", "content_filter"

    def __init__(self):
        self.n, self.said = 0, ""

    def event(self, type, **more):
        self.n += 1
        return typed("response." + type, sequence_number=self.n - 1, **more)

    def response(self, status, output):
        return {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "error": None,
                "incomplete_details": None, "output": output, "usage": None if status == "in_progress" else
                {"input_tokens": 7, "output_tokens": 9, "total_tokens": 16}}

    def item(self, text, status="completed"):
        return {"id": "i1", "type": "message", "role": "assistant", "status": status,
                "content": [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]}

    def begin(self):
        at = {"output_index": 0}
        return [self.event("created", response=self.response("in_progress", [])),
                self.event("output_item.added", item=self.item(None, "in_progress"), **at),
                self.event("content_part.added", item_id="i1", content_index=0,
                           part={"type": "output_text", "text": "", "annotations": []}, **at)]

    def delta(self, text):
        self.said += text
        return self.event("output_text.delta", item_id="i1", output_index=0, content_index=0, delta=text)

    def end(self):
        at = {"output_index": 0}
        return [self.event("output_text.done", item_id="i1", content_index=0, text=self.said, **at),
                self.event("output_item.done", item=self.item(self.said), **at),
                self.event("completed", response=self.response("completed", [self.item(self.said)]))]

    def plain(self, text):
        return self.response("completed", [self.item(text)])


PROTOCOLS = [Messages, Chat, Responses, Completions]


class Sayer(Listener):
    """Answers with `plain` or `script` as the last test set them. In a script bytes are sent as
    they are, one chunk each, and anything else is called before the next ones."""

    script, plain, left = (), None, False

    def serve(self, s):
        from _provider import read_request

        with contextlib.suppress(OSError), s:
            got = read_request(s)
            while got:
                if b'"stream": true' in got[1] or b'"stream":true' in got[1]:
                    self.play(s)
                else:
                    body = json.dumps(self.plain, ensure_ascii=False).encode()
                    s.sendall(HEAD % (b"application/json", b"content-length: %d\r\n" % len(body)) + body)
                got = read_request(s, got[2])

    def play(self, s):
        script = list(self.script)
        s.sendall(HEAD % (b"text/event-stream", b"transfer-encoding: chunked\r\n"))
        for piece in script:
            if isinstance(piece, bytes):
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            else:
                piece()
        s.sendall(b"0\r\n\r\n")


def stream_of(make, pieces):
    """All events of such an answer."""
    p = make()
    return p.begin() + [p.delta(t) for t in pieces] + p.end()


def stop_reasons(path, events):
    if path.endswith("/messages"):
        return [e.json["delta"]["stop_reason"] for e in events if e.type == "message_delta"]
    if path.endswith("/responses"):
        return [e.json["response"]["incomplete_details"]["reason"] for e in events if e.type == "response.incomplete"]
    return [c["finish_reason"] for e in events for c in (e.json or {}).get("choices", []) if c["finish_reason"]]
