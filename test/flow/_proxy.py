"""An HTTP proxy that knows CONNECT and nothing else, on a port of its own.

`to` maps names to ports of this host; what it does not hold is answered 502.
`mode` is one of MODES, and may be changed at any time for connections to come; with
`waits` the way is opened when `gate` is set.
"""

import base64
import socket
import struct
import threading

MODES = {
    "good": None,
    "waits": None,
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 20000\r\n\r\n" + b"x" * 20000,
    "403": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
    "503": b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
    "garbage": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
    "long": b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"y" * 40000,
    "lines": b"HTTP/1.1 200 OK\r\n" + b"x-filler: y\r\n" * 3000 + b"\r\n",
    "glued": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    "half": b"HTTP/1.1 200 OK\r\nproxy-ag",
    "cut": b"",
    "reset": None,
    "hang": None,
    "cut-later": b"HTTP/1.1 200 OK\r\n\r\n",
}
STAYS = {"407", "403", "503", "garbage", "long", "lines", "glued", "hang"}  # and does not close


class Proxy:
    def __init__(self, to, credentials=None):
        self.to, self.mode, self.gate = to, "good", threading.Event()
        self.wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
        self.asked, self.heads, self.lock = [], [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, credentials=""):
        return "http://%s127.0.0.1:%d" % (credentials and credentials + "@", self.port)

    def seen(self, name):
        """How often the way to a name was asked for."""
        with self.lock:
            return sum(1 for target in self.asked if target.rpartition(":")[0] == name)

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(s,), daemon=True).start()

    def _one(self, s):
        try:
            self._serve(s)
        except OSError:
            pass
        finally:
            s.close()

    def _serve(self, s):
        s.settimeout(120)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            got = s.recv(1)
            if not got:
                return
            head += got
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {k.lower(): v for k, v in (l.split(": ", 1) for l in lines[1:] if l)}
        mode = self.mode
        with self.lock:
            self.asked.append(target)
            self.heads.append((method, headers))
        if mode == "waits":
            self.gate.wait(120)
        if mode in ("good", "waits"):
            self._tunnel(s, target.rpartition(":")[0], headers.get("proxy-authorization"))
        elif mode == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            s.sendall(MODES[mode] or b"")
            if mode in STAYS:
                s.recv(1)  # until the gateway leaves

    def _tunnel(self, s, name, authorization):
        if self.wanted and authorization != self.wanted:
            s.sendall(MODES["407"])
            return
        if name not in self.to:
            s.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.to[name]), 20) as up:
            up.settimeout(120)
            s.sendall(b"HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n")
            t = threading.Thread(target=self._pump, args=(up, s), daemon=True)
            t.start()
            self._pump(s, up)
            t.join()

    @staticmethod
    def _pump(a, b):
        try:
            while True:
                got = a.recv(65536)
                if not got:
                    break
                b.sendall(got)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            for s in (a, b):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
