"""The client's side of the flow tests: raw connections, answers, events."""

import json
import re
import socket
import struct

from _check import SLOW, Failed, _short, check, contains, equal

# The key that a request carries unless a test says otherwise.
KEY = "sk-slc-alice-canarysecretofalice00"


def with_key(headers, key):
    names = {n.lower() for n, _ in headers}
    if key is None or "x-api-key" in names or "authorization" in names:
        return list(headers)
    return list(headers) + [("authorization", "Bearer " + key)]


def request_bytes(method, target, body=None, headers=(), chunks=None, http="1.1"):
    """A whole request; `chunks` sends the body in chunks of such sizes."""
    lines = ["%s %s HTTP/%s" % (method, target, http)]
    names = {n.lower() for n, _ in headers}
    if "host" not in names:
        lines.append("host: gateway.test")
    if body is not None and "content-type" not in names:
        lines.append("content-type: application/json")
    if chunks is not None:
        lines.append("transfer-encoding: chunked")
    elif body is not None and "content-length" not in names:
        lines.append("content-length: %d" % len(body))
    lines += ["%s: %s" % h for h in headers]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    if chunks is None:
        return head + (body or b"")
    out, at = head, 0
    for n in chunks:
        piece = body[at : at + n]
        at += n
        if piece:
            out += b"%x\r\n%s\r\n" % (len(piece), piece)
    if body[at:]:
        out += b"%x\r\n%s\r\n" % (len(body) - at, body[at:])
    return out + b"0\r\n\r\n"


class Reply:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        m = re.fullmatch(r"HTTP/1\.1 (\d{3})( .*)?", lines[0])
        check(m, "not a status line:", lines[0])
        self.status, self.head = int(m.group(1)), head
        self.headers = []
        for line in lines[1:]:
            n, sep, v = line.partition(":")
            check(sep and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", n), "not a header:", line)
            self.headers.append((n, v.strip(" \t")))
        self.body = b""

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name]

    def get(self, name):
        got = self.all(name)
        return got[0] if got else None

    def json(self):
        contains(self.get("content-type") or "", "json", "content type")
        return json.loads(self.body)

    def error(self):
        """(type, message) of an error in either envelope."""
        e = self.json()["error"]
        return e["type"], e["message"]


class Closed(Exception):
    """The peer closed or reset before a message was whole."""


class Wire:
    """One raw connection. Reads by framing and never beyond it."""

    def __init__(self, port, timeout=20, rcvbuf=None):
        self.s = socket.socket()
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(timeout)
        self.s.connect(("127.0.0.1", port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.s.sendall(data)

    def request(self, method, target, body=None, headers=(), key=KEY, chunks=None, http="1.1"):
        self.send(request_bytes(method, target, body, with_key(headers, key), chunks, http))

    def more(self):
        try:
            data = self.s.recv(65536)
        except ConnectionResetError:
            raise Closed("reset, after %s" % _short(self.buf))
        if not data:
            raise Closed("closed, after %s" % _short(self.buf))
        self.buf += data

    def read_until(self, mark):
        while mark not in self.buf:
            self.more()
        out, _, self.buf = self.buf.partition(mark)
        return out

    def read(self, n):
        parts, have = [self.buf], len(self.buf)
        while have < n:
            self.buf = b""
            self.more()
            parts.append(self.buf)
            have += len(self.buf)
        data = b"".join(parts)
        self.buf = data[n:]
        return data[:n]

    def reply_head(self):
        r = Reply(self.read_until(b"\r\n\r\n"))
        while 100 <= r.status < 200 and r.status != 101:
            r = Reply(self.read_until(b"\r\n\r\n"))
        return r

    def chunks(self):
        """The body's chunks as they come; ends after the last one."""
        while True:
            size = int(self.read_until(b"\r\n"), 16)
            if size == 0:
                equal(self.read_until(b"\r\n"), b"", "trailer")
                return
            data = self.read(size)
            equal(self.read(2), b"\r\n", "end of a chunk")
            yield data

    def pieces(self, r):
        if r.get("transfer-encoding") == "chunked":
            yield from self.chunks()
        elif r.get("content-length") is not None:
            yield self.read(int(r.get("content-length")))
        else:
            try:
                while True:
                    if self.buf:
                        data, self.buf = self.buf, b""
                        yield data
                    self.more()
            except Closed:
                return

    def reply(self, method="GET"):
        r = self.reply_head()
        if method != "HEAD" and r.status not in (204, 304):
            r.body = b"".join(self.pieces(r))
        return r

    def events(self, r):
        """SSE events of the answer as they come, raw, each with its empty line."""
        rest = b""
        for piece in self.pieces(r):
            rest += piece
            while b"\n\n" in rest:
                event, _, rest = rest.partition(b"\n\n")
                yield event + b"\n\n"
        equal(rest, b"", "an event without its end")

    def is_closed(self, seconds=5):
        """The peer closes, and nothing comes before that."""
        self.s.settimeout(seconds * SLOW)
        try:
            return self.buf == b"" and self.s.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def everything(self, seconds=10):
        """All bytes until the peer closes."""
        self.s.settimeout(seconds)
        try:
            while True:
                self.more()
        except (Closed, socket.timeout):
            out, self.buf = self.buf, b""
            return out

    def close(self):
        self.s.close()

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()


def call(port, method, path, body=None, headers=(), timeout=30):
    with Wire(port, timeout) as w:
        w.send(request_bytes(method, path, body, headers))
        return w.reply(method)


class Event:
    """One SSE event, parsed."""

    def __init__(self, raw):
        self.raw, self.name, data = raw, None, []
        for line in raw.decode().split("\n"):
            if line.startswith("event: "):
                self.name = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
        self.data = "\n".join(data)
        self.json = json.loads(self.data) if data and self.data != "[DONE]" else None

    @property
    def type(self):
        return self.json.get("type") if isinstance(self.json, dict) else None

    def is_error(self):
        return self.type == "error" or (isinstance(self.json, dict) and bool(self.json.get("error")))


def parse_events(body):
    return [Event(e + b"\n\n") for e in body.split(b"\n\n") if e]
