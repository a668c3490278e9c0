"""Providers that a test plays itself, on loopback, a gateway before them, and what its client sees."""

import contextlib
import json
import re
import socket
import threading
import time

import _rig as rig
from _rig import check, equal


def read_request(s, data=b""):
    """(head, body, what came behind it) of the next request on `s`, of which `data` is
    there already; None when the other side has closed."""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        if not piece:
            return None
        data += piece
    head, data = data.split(b"\r\n\r\n", 1)
    n = int(re.search(rb"content-length: (\d+)", head).group(1))
    while len(data) < n:
        piece = s.recv(65536)
        if not piece:
            return None
        data += piece
    return head, data[:n], data[n:]


def key_of(head):
    key = re.search(rb"(?:x-api-key: |authorization: Bearer )(\S+)", head)
    return key.group(1).decode() if key else ""


class Listener:
    """Takes connections, each in a thread of its own. `reply(head, body)` gives the bytes
    that are sent; None closes the connection."""

    def __init__(self):
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            got = read_request(s)
            while got:
                what = self.reply(*got[:2])
                if what is None:
                    return
                s.sendall(what)
                got = read_request(s, got[2])

    def close(self):
        self.listener.close()


class Provider(Listener):
    """Answers each request with the next of `script`: a number (a status), bytes (as
    they are), or None: well. `seen` has when each came and with which key."""

    def __init__(self, *script):
        self.script, self.seen = list(script), []
        super().__init__()

    def reply(self, head, body):
        with self.lock:
            self.seen.append((time.monotonic(), key_of(head)))
            what = self.script.pop(0) if self.script else None
            if callable(what):
                what = what(self.seen[-1][1])
        return answer(what or 200) if what is None or isinstance(what, int) else what

    def keys(self):
        return [k for _, k in self.seen]


def answer(status=200, headers="", body=None):
    """A whole answer of Anthropic's protocol."""
    body = body or ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "well"}], "model": "m",
                     "usage": {"input_tokens": 1, "output_tokens": 1}, "stop_reason": "end_turn"}
                    if status == 200 else
                    {"type": "error", "error": {"type": "api_error", "message": "scripted %d" % status}})
    body = json.dumps(body).encode()
    return b"HTTP/1.1 %d Scripted\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
        status, headers.encode(), len(body), body)


def provider(name, port, **more):
    """Its entry in a configuration."""
    return {"name": name, "protocol": ["anthropic", "openai"], "base_url": "http://127.0.0.1:%d" % port, "auth": "x-api-key",
            "keys": ["key-of-" + name], **more}


def nobody():
    """A port that is taken, and where nobody listens."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s


def gateway(mock, providers, models, **settings):
    """`models`: name -> list of (provider, model there)."""

    def change(c):
        c["providers"] += providers
        c["models"] += [{"name": n, "targets": [{"provider": p, "model": m, "priority": i} for i, (p, m) in enumerate(t)]}
                        for n, t in models.items()]

    more = {"retry": {"attempts": 3, "base": "10ms", "max": "5s"}, **settings}
    return rig.Gateway(more, change, mock=mock)


def post(h, model, path="/v1/messages", text="hello", stream=False, **more):
    make = {p: m for p, m, _ in rig.GENERATE}[path]
    return h.post(path, make(model, text, stream=stream), **more)


def well(r, path, stream, text):
    """A clean answer, whole, once."""
    equal(r.status, 200, r.body[:300])
    if not stream:
        equal(rig.text_of(path, r.json()), text)
        return
    events = rig.parse_events(r.body)
    check(rig.is_complete(path, events), "not complete", r.body[-300:])
    equal(rig.text_of_stream(events), text)
