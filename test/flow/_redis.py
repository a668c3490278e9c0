"""A Redis of the test's own: no port, no disk, ended with the test."""

import os
import shutil
import signal
import socket
import subprocess

from _check import until
from _rig import _start, together, tmp

SERVER = shutil.which("redis-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")


class Redis:
    serial = 0

    def __init__(self, *options, name=None):
        Redis.serial += 1
        self.dir = name or tmp("redis%d" % Redis.serial)
        os.makedirs(self.dir, exist_ok=True)
        self.socket = os.path.join(self.dir, "redis.sock")
        self.options = options
        self.url = "unix://" + self.socket
        self.start()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        argv = [SERVER, "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no"]
        self.p = _start([*argv, "--dir", self.dir, *self.options], stdout=subprocess.DEVNULL)
        until(self.listens, 10, "redis-server listens")
        self.sock = None

    def listens(self):
        """The socket's file is there a moment before anybody may connect."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def __call__(self, *args):
        """One command; an error reply is raised."""
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(20)
            self.sock.connect(self.socket)
            self.file = self.sock.makefile("rb")
        words = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.sock.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        got = self._reply()
        if isinstance(got, Exception):
            raise got
        return got

    def _reply(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return [self._reply() for _ in range(int(rest))]

    def hash(self, key):
        flat = self("HGETALL", key)
        return {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2])}

    def hasten(self, pattern, ms):
        """For those sets of times so much time passes at once: what they hold ends sooner."""
        for key in self("KEYS", pattern):
            flat = self("ZRANGE", key, 0, -1, "WITHSCORES")
            for member, score in zip(flat[::2], flat[1::2]):
                self("ZADD", key, "XX", int(score) - ms * 1000, member)

    def everything(self):
        """All keys and values, as one text to search in."""
        read = {"string": ("GET",), "hash": ("HGETALL",), "zset": ("ZRANGE", 0, -1), "list": ("LRANGE", 0, -1)}
        out = []
        for key in self("KEYS", "*"):
            command, *more = read[self("TYPE", key)]
            got = self(command, key, *more)
            out += [key, *(got if isinstance(got, list) else [got])]
        return b"\n".join(out).decode("latin-1")

    def another(self):
        """One more connection, for another thread."""
        other = Redis.__new__(Redis)
        other.socket, other.sock = self.socket, None
        return other

    def stop(self):
        """As a hung one: it answers no more, and its socket is there."""
        os.kill(self.p.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.p.pid, signal.SIGCONT)

    def kill(self):
        self.p.kill()
        self.p.wait()
        self.sock = None


def on_both_stores(make, act):
    """act(gateway, redis) beside each other: on the embedded store, with None, and on a Redis of its own.
    `make` starts a gateway on the store of that URL."""
    redis = Redis()
    with make("embedded:") as a, make(redis.url) as b:
        together(2, lambda i: act(*((a, None), (b, redis))[i]))
        a.settle()
        b.settle()
    redis.kill()
