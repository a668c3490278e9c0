"""A provider that repeats what it was told, in each way in which an answer can go wrong. What a model is called says what
it does: "a-400k" answers 400 and quotes the credentials. In front, one of WAYS; behind it what is quoted:

    k  the credentials of the request, as they came       p  the prompt
    j  the same, with JSON's escapes for what needs none  h  the credentials, in headers of the answer
    t  what is quoted, where a word for the kind of error belongs
"""

import contextlib
import json
import re
import threading

from _provider import Listener, read_request

ANSWER = "canaryAnswerZebra73"
STATUSES = (400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 529)
WAYS = ("ok", "flag", "quota", "html", "bad", "in200", "empty", "drop", "cut", "hang", "first", "later", "large", "hold", *map(str, STATUSES))
WORD = re.compile("(%s)([kpjht]*)$" % "|".join(WAYS))
CREDENTIALS = re.compile(r"^(?:x-api-key|authorization|x-team-secret|proxy-authorization): (.*?)\r?$|[?&]tag=([^& ]*)", re.M | re.I)


def event(data, name=None):
    return ("event: %s\n" % name if name else "").encode() + b"data: " + data + b"\n\n"


def dump(o):
    return json.dumps(o).encode()


class Said:
    """The pieces of an answer in one protocol."""

    def __init__(self, path):
        self.messages, self.chat = path.endswith("/messages"), path.endswith("/chat/completions")

    def error(self, text, kind="api_error", **more):
        e = {"type": kind, "message": text, **more}
        return {"type": "error", "error": e} if self.messages else {"error": {**e, "code": None}}

    def plain(self):
        usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
        if self.messages:
            return {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": ANSWER}], "model": "m",
                    "stop_reason": "end_turn", "usage": {"input_tokens": 5, "output_tokens": 3}}
        one = {"message": {"role": "assistant", "content": ANSWER}} if self.chat else {"text": ANSWER}
        return {"id": "c_1", "object": "chat.completion" if self.chat else "text_completion", "model": "m", "created": 1, "usage": usage,
                "choices": [{"index": 0, "finish_reason": "stop", **one}]}

    def chunk(self, said, finish=None):
        one = {"delta": {"content": said} if said else {}} if self.chat else {"text": said}
        return event(dump({"id": "c_1", "object": "chat.completion.chunk" if self.chat else "text_completion", "model": "m", "created": 1,
                           "choices": [{"index": 0, "finish_reason": finish, **one}]}))

    def begin(self):
        if not self.messages:
            return self.chunk(ANSWER)
        start = {k: v for k, v in self.plain().items() if k != "stop_reason"}
        return (event(dump({"type": "message_start", "message": {**start, "content": []}}), "message_start")
                + event(dump({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}), "content_block_start")
                + event(dump({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}}), "content_block_delta"))

    def end(self):
        if not self.messages:
            return self.chunk("", "stop") + event(b"[DONE]")
        return (event(dump({"type": "content_block_stop", "index": 0}), "content_block_stop")
                + event(dump({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}), "message_delta")
                + event(dump({"type": "message_stop"}), "message_stop"))

    def fault(self, text):
        return event(text, "error" if self.messages else None)


def head_of(status, kind, more=b""):
    more = more or b"request-id: req_parrot\r\n"
    return b"HTTP/1.1 %d Said\r\ncontent-type: %s\r\n%s" % (status, kind, more)


def whole(status, body, more=b"", kind=b"application/json"):
    return head_of(status, kind, more) + b"content-length: %d\r\n\r\n%s" % (len(body), body)


class Parrot(Listener):
    def __init__(self):
        self.heads, self.bodies, self.gate = [], [], threading.Event()
        super().__init__()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            got = read_request(s)
            while got:
                head, body, rest = got
                with self.lock:
                    self.heads.append(head)
                    self.bodies.append(body)
                what, stays = self.say(head.decode("latin-1"), body)
                s.sendall(what)
                if not stays:
                    return
                got = read_request(s, rest)

    def say(self, head, body):
        """What is sent, and whether the connection stays."""
        path = head.split()[1].partition("?")[0]
        if path == "/token":
            return whole(200, dump({"access_token": self.token, "refresh_token": self.refresh, "token_type": "Bearer", "expires_in": 4})), True
        if path == "/token-refused":
            return whole(401, dump({"error": "invalid_client", "error_description": head + body.decode()})), True
        asked = json.loads(body)
        way, quotes = WORD.search(asked["model"]).groups()
        credentials = " ".join(a or b for a, b in CREDENTIALS.findall(head))
        text = "You said" + (" " + credentials if set("kj") & set(quotes) else "") + (" " + body.decode() if "p" in quotes else "")
        header = b"x-debug-auth: %s\r\nx-request-id: %s\r\n" % ((credentials.encode(),) * 2) if "h" in quotes else b""
        return self.act(way, Said(path), bool(asked.get("stream")), text, quotes, header)

    def act(self, way, said, stream, text, quotes, header):
        escaped, typed = "j" in quotes, "t" in quotes

        def fault(kind="api_error", **k):
            raw = dump(said.error("No" if typed else text, text if typed else kind, **k))
            return raw.replace(b"/", b"\\/").replace(b"+", b"\\u002b") if escaped else raw

        if way.isdigit():
            return whole(int(way), fault(), header), True
        if way == "flag":
            return whole(403, fault("permission_error", metadata={"reasons": ["violence"], "flagged_input": text}), header), True
        if way == "quota":
            return whole(429, fault("insufficient_quota"), header), True
        if way == "html":
            return whole(502, b"<h1>Bad gateway</h1>" + text.encode(), header, b"text/html"), True
        if way == "bad":
            return whole(200, text.encode() + b"{", header, b"text/event-stream" if stream else b"application/json"), True
        if way == "in200":
            return whole(200, fault(), header), True
        if way == "empty":
            return whole(200, b"", header), True
        if way in ("hang", "hold"):
            self.gate.wait(60 if way == "hold" else 3)
        if way in ("drop", "hang", "hold"):
            return b"", False
        if not stream:
            return whole(200, dump(said.plain()), header)[: -9 if way == "cut" else None], way != "cut"
        events = {"ok": said.begin() + said.end(), "cut": said.begin(), "first": said.fault(fault()), "later": said.begin() + said.fault(fault()),
                  "large": said.begin() + said.fault(fault(pad="x" * 100000))}[way]
        return whole(200, events + b"x" * (way == "cut"), header, b"text/event-stream")[: -1 if way == "cut" else None], way != "cut"
