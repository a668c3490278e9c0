#!/usr/bin/env python3
"""Promise: SIGUSR2 puts another process in the place of this one, and no client notices:
no connection is refused, no request fails, no stream is cut, each is settled once. What
does not come up leaves the old one in force. HOT_ROUNDS says how often (a soak takes 100)."""
# timeout: 280

import ctypes
import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import _rig as rig
from _consul import Consul
from _redis import Redis
from _rig import check, contains, equal, until

ROUNDS = int(os.environ.get("HOT_ROUNDS", "6"))
PRICE = {"input": 3.0, "output": 15.0}
BODY = rig.messages("mock-echo", "hello")

ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: whom a process leaves behind becomes our child


class Follower:
    """A process that another one started; ours to wait for once that one has ended."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            except ChildProcessError:
                pass  # its parent is still there
        return self.returncode

    def wait(self, timeout=20):
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("process %d" % self.pid, timeout)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, n):
        if self.poll() is None:
            os.kill(self.pid, n)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def settings(redis, **more):
    return {
        "store": {"url": redis.url, "timeout": "2s"},
        "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}],
        "tenants": [{"name": "acme", "budget": {"initial_credits": 1000}, "keys": [{"name": "alice", "sha256": rig.sha256(rig.KEY)}]}],
        "timeouts": {"drain": "10s", "client_idle": "20s"},
        **more,
    }


class Gateway(rig.Gateway):
    def __init__(self, *args, **more):
        self.before = []
        super().__init__(*args, **more)

    def hot(self, seconds=60):
        """The next process; the old one is in `before`."""
        said = self.followers()
        self.signal(signal.SIGUSR2)
        return self.followed(said, seconds)

    def followed(self, said, seconds=60):
        """By one that was not there when `said` were."""
        until(lambda: len(self.followers()) > len(said), seconds * rig.SLOW, lambda: "another one serves: " + self.said()[-1500:])
        self.before.append(self.p)
        self.p = Follower(self.followers()[-1])
        rig._children.append(self.p)
        return self.before[-1]

    def followers(self):
        return [int(n) for n in re.findall(r"hot restart: process (\d+) serves", self.said())]

    def all_ended(self, seconds=120):
        for p in self.before:
            p.wait(seconds * rig.SLOW)
            equal(p.returncode, 0, "exit code of a process that was followed")
        self.before = []


def good(r):
    """Whoever looks into a failure has no more than its text: the gateway's word is in it."""
    told = {n: v for n, v in r.headers if n.lower() in ("x-sluice-request-id", "retry-after", "connection")}
    equal(r.status, 200, "status, with %s and %s" % (told, r.body[:600]))


class Client(threading.Thread):
    """One of those who must not notice."""

    def __init__(self, h, kind):
        super().__init__(daemon=True)
        self.h, self.kind, self.over, self.failed, self.n = h, kind, False, [], 0
        self.start()

    def run(self):
        w = None
        while not self.over:
            try:
                if self.kind == "stream":
                    self.stream()
                elif self.kind == "new":
                    good(self.h.post("/v1/messages", BODY, timeout=300))
                else:
                    w = w or self.h.wire(300)
                    w.request("POST", "/v1/messages", BODY)
                    r = w.reply()
                    good(r)
                    if r.get("connection") == "close":
                        w.close()
                        w = None
                self.n += 1
                time.sleep(0.01)
            except Exception as e:
                self.failed.append("%s: %r" % (self.kind, e))
                return
        if w:
            w.close()

    def stream(self):
        w = self.h.wire(300)
        w.request("POST", "/v1/messages", rig.messages("mock-events-60-slow-25ms", stream=True))
        r = w.reply_head()
        if r.status != 200:
            r.body = b"".join(w.pieces(r))
        good(r)
        events = [rig.Event(e) for e in w.events(r)]
        check(rig.is_complete("/v1/messages", events), "a cut stream")
        w.close()


def lines(h):
    """All settled lines of all processes, by their request ids."""
    found = []
    for path in glob.glob(h.dir + "/**/trail*.jsonl", recursive=True):
        for l in open(path):
            d = json.loads(l)
            if d.get("kind") == "settle":
                found.append(d)
    return found


def spent(redis, tenant="acme"):
    return sum(int(redis.hash(k).get("spent", 0)) for k in redis("KEYS", "slc:{%s}:acct:t" % tenant))


def whole_trails(h, requests):
    """Each process's chain holds, and together they have every request."""
    dirs = [h.dir, *(d for d in glob.glob(h.dir + "/hot-*") if os.path.exists(d + "/trail.jsonl"))]
    check(len(dirs) > 1, "processes with a trail of their own: %s" % dirs)
    p = subprocess.run([rig.SLUICE, "audit", "verify", "--json", *dirs], env=rig.environment(), capture_output=True, timeout=60)
    equal(p.returncode, 0, p.stderr)
    equal(sum(json.loads(l)["requests"] for l in p.stdout.splitlines()), requests)


def patient(redis):
    """What is promised holds on a machine without a free moment, too; there the usual limits are really exceeded,
    by providers and stores that have no processor either."""
    return {**settings(redis, timeouts={"drain": "10s", "client_idle": "60s", "connect": "60s"}), "store": {"url": redis.url, "timeout": "10s"}}


def test_nobody_notices(_):
    redis, mock = Redis(), rig.Mock()
    with Gateway(patient(redis), mock=mock) as h:
        clients = [Client(h, kind) for kind in ("kept", "new", "stream") * 4]
        for i in range(ROUNDS):
            time.sleep(0.3)
            h.hot()
            h.signal(signal.SIGHUP)
            if i % 3 == 2:
                h.all_ended()
        time.sleep(0.5)
        for c in clients:
            c.over = True
        for c in clients:
            c.join(300)
        failures = [f for c in clients for f in c.failed]
        check(not failures, "failed requests:\n" + "\n".join(failures) + "\n" + h.said()[-3000:])
        check(min(c.n for c in clients) >= 1, [c.n for c in clients])
        h.all_ended()
        done = sum(c.n for c in clients)
        until(lambda: len(lines(h)) == done, 10 * rig.SLOW, lambda: "each settled once: %d lines, %d requests" % (len(lines(h)), done))
        cost = sum(l["cost_micro"] for l in lines(h))
        check(cost > 0)
        until(lambda: spent(redis) == cost, 10 * rig.SLOW, lambda: "the balance is the trails': %d, %d" % (spent(redis), cost))
        check(h.said().count("is in force") >= ROUNDS, "reloads")
    whole_trails(h, done)
    mock.stop()


def test_streams_and_kept_connections_finish(_):
    redis, mock = Redis(), rig.Mock()
    with Gateway(settings(redis), mock=mock) as h:
        stream, kept, idle, mute = h.wire(60), h.wire(60), h.wire(60), h.wire(60)
        stream.request("POST", "/v1/messages", rig.messages("mock-events-100-slow-30ms", stream=True))
        r = stream.reply_head()
        for w in (kept, idle):
            w.request("POST", "/v1/messages", BODY)
            equal(w.reply().get("connection"), None)
        old = h.hot()
        equal(h.post("/v1/messages", BODY).status, 200, "the new one serves")
        kept.request("POST", "/v1/messages", BODY)
        a = kept.reply()
        equal((a.status, a.get("connection")), (200, "close"), "once more, by the old one")
        mute.request("POST", "/v1/messages", BODY)
        equal(mute.reply().status, 200, "a connection that had said nothing")
        check(old.poll() is None, "the old one has a stream to finish")
        check(rig.is_complete("/v1/messages", [rig.Event(e) for e in stream.events(r)]), "whole")
        stream.close()
        time.sleep(1)
        check(old.poll() is None, "and an idle connection, which is not closed under its client's hands")
        idle.request("POST", "/v1/messages", BODY)
        equal(idle.reply().status, 200)
        h.all_ended()
        until(lambda: "handed over" in h.said(), 5, "it says so")
        mine = h.metrics()
        equal(mine.value("sluice_requests_total", status="200"), 1.0, "the admin listener is the new one's")
    mock.stop()


class Probe(threading.Thread):
    """Asks /readyz on a connection that it keeps, as long as it is kept."""

    def __init__(self, h):
        super().__init__(daemon=True)
        self.h, self.over, self.bad, self.n = h, False, [], 0
        self.start()

    def run(self):
        w = None
        while not self.over:
            w = w or rig.Wire(self.h.admin_port, 60)
            w.request("GET", "/readyz", key=None)
            r = w.reply()
            self.n += 1
            if r.status != 200:
                self.bad.append((r.status, r.body))
            if r.get("connection") == "close":
                w.close()
                w = None
            time.sleep(0.01)


def test_whoever_watches_sees_one_that_is_ready(_):
    """Consul knows one instance throughout, by one name; only the last process takes it back."""
    redis, mock, consul = Redis(), rig.Mock(), Consul()
    register = {"service": "sluice", "agent": consul.place}
    with Gateway(settings(redis, consul={"register": register}), mock=mock) as h:
        until(lambda: consul.registered, 20 * rig.SLOW, "registered")
        probes = [Probe(h) for _ in range(4)]
        until(lambda: all(p.n for p in probes), 20 * rig.SLOW, "each has a connection")
        for n in range(2, 4):
            with h.wire(60) as w:
                w.request("POST", "/v1/messages", rig.messages("mock-events-100-slow-30ms", stream=True))
                r = w.reply_head()
                old = h.hot()
                until(lambda n=n: len(consul.registered) >= n, 20 * rig.SLOW, "so does the next")
                check(old.poll() is None, "the old one has a stream to finish")
                equal((list(consul.known), consul.gone), (["sluice-127.0.0.1-%d" % h.port], []))
                if n == 2:
                    check(rig.is_complete("/v1/messages", [rig.Event(e) for e in w.events(r)]), "whole")
                else:
                    old.send_signal(signal.SIGTERM)  # it ends at once, and has nothing to take back
                    old.wait(20 * rig.SLOW)
                    h.before.remove(old)
            h.all_ended()
            equal((len(consul.known), consul.gone), (1, []))
        for p in probes:
            p.over = True
            p.join(60)
            equal(p.bad, [])
        h.signal(signal.SIGTERM)
        until(lambda: consul.gone, 20 * rig.SLOW, "the last one takes it back")
        equal((consul.known, len(consul.gone)), ({}, 1))
        h.p.wait(40 * rig.SLOW)
    mock.stop()
    consul.close()


def refused(h, why, n=1):
    h.signal(signal.SIGUSR2)
    until(lambda: h.said().count("hot restart refused") == n, 5, "refused")
    contains(h.said(), why)
    equal(h.post("/v1/messages", BODY).status, 200, "it goes on")


def test_refused_with_an_embedded_store(_):
    with Gateway() as h:
        refused(h, "an embedded store serves one process")


def failed(h, why, n):
    h.signal(signal.SIGUSR2)
    until(lambda: h.said().count("hot restart failed") == n, 60, lambda: "failed: " + h.said()[-800:])
    contains(h.said(), why)
    check(h.p.poll() is None)
    equal(h.post("/v1/messages", BODY).status, 200, "the old one is in force")
    equal(h.admin("GET", "/readyz").status, 200)


def test_what_does_not_come_up(_):
    redis, mock = Redis(), rig.Mock()
    with Gateway(settings(redis), mock=mock) as h:
        h.write_config({"nonsense": 1})
        failed(h, "it ended with code 4", 1)
        port = h.config["listen"]
        h.write_config({**h.config, "listen": "127.0.0.1:%d" % rig.free_ports(1)[0]})
        failed(h, "can't change by a hot restart", 2)
        h.write_config({**h.config, "listen": port})
        h.hot()
        equal(h.post("/v1/messages", BODY).status, 200)
        h.all_ended()
    mock.stop()


def refuses(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


def test_who_is_told_to_end_has_no_follower(_):
    redis, mock = Redis(), rig.Mock()
    with Gateway(settings(redis), mock=mock) as h:
        text = open(h.path).read()
        os.remove(h.path)
        os.mkfifo(h.path)  # the new process waits for its configuration
        h.signal(signal.SIGUSR2)
        until(lambda: "is started" in h.said(), 10 * rig.SLOW, lambda: "started: " + h.said()[-800:])
        h.signal(signal.SIGTERM)
        until(lambda: "draining" in h.said(), 10 * rig.SLOW, lambda: "draining: " + h.said()[-800:])
        try:
            fd = os.open(h.path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, text.encode())
            os.close(fd)
        except OSError:
            pass  # nobody reads it any more
        equal(h.p.wait(20 * rig.SLOW), 0, h.said()[-800:])
        contains(h.said(), "hot restart given up")
        check(refuses(h.port), "nobody serves behind its back: " + h.said()[-800:])
    mock.stop()


def test_one_process_serves_from_a_state_directory(_):
    """A second start is refused, unless all who hold the directory are only finishing."""
    redis, mock = Redis(), rig.Mock()
    with Gateway(settings(redis), mock=mock) as h:
        p = subprocess.run([rig.SLUICE, "serve", "-c", h.path], env=h.environment, cwd=h.dir, capture_output=True, text=True, timeout=60)
        equal(p.returncode, 1)
        contains(p.stderr, "another process uses this state directory")
        w = h.wire(60)
        w.request("POST", "/v1/messages", rig.messages("mock-events-100-slow-30ms", stream=True))
        r = w.reply_head()
        old = h.hot()
        h.p.kill()
        until(lambda: refuses(h.port), 10, "nobody listens")
        h.start()
        equal(h.post("/v1/messages", BODY).status, 200, "a crash behind the old one is no outage")
        check(old.poll() is None)
        check(rig.is_complete("/v1/messages", [rig.Event(e) for e in w.events(r)]))
        w.close()
        h.all_ended()
    mock.stop()


def test_unix_sockets(_):
    redis, mock = Redis(), rig.Mock()
    path = rig.tmp("hot.sock")

    def ask():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(path)
        s.sendall(rig.request_bytes("POST", "/v1/messages", BODY, [("x-api-key", rig.KEY), ("connection", "close")]))
        data = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
        s.close()
        return data.split(b"\r\n")[0]

    with Gateway({**settings(redis), "listen": "unix:" + path}, mock=mock) as h:
        for _ in range(3):
            contains(ask().decode(), "200")
            h.hot()
            h.all_ended()
        contains(ask().decode(), "200")
    check(not os.path.exists(path), "the last one takes it away")
    mock.stop()


class Wall:
    """Stands before a Redis; what comes while it is `up` never gets there."""

    serial = 0

    def __init__(self, redis):
        Wall.serial += 1
        path = rig.tmp("wall%d.sock" % Wall.serial)
        self.url, self.up = "unix://" + path, False
        self.target, self.listener = redis.socket, socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.through = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            a, b = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
            b.connect(self.target)
            self.through += [a, b]
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.pass_on, args=(x, y), daemon=True).start()

    def fall(self):
        """Connections on which something is missing end with it."""
        self.up = False
        for s in self.through:
            self.cut(s)
        self.through = []

    @staticmethod
    def cut(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def pass_on(self, x, y):
        try:
            while True:
                piece = x.recv(65536)
                if not piece:
                    break
                if not self.up:
                    y.sendall(piece)
        except OSError:
            pass
        for s in (x, y):
            self.cut(s)


WAITS = "the process before this one serves until it is back"


def test_no_store_no_follower(_):
    """Who follows knows no balance yet; while it has no store, the one that knows them goes on."""
    redis, mock = Redis(), rig.Mock()
    wall = Wall(redis)
    with Gateway(settings(wall), mock=mock) as h:
        equal(h.post("/v1/messages", BODY).status, 200)
        wall.up = True
        h.signal(signal.SIGUSR2)
        until(lambda: WAITS in h.said(), 20, lambda: "waits: " + h.said()[-1500:])
        good(h.post("/v1/messages", BODY))
        equal(h.followers(), [])
        wall.fall()
        h.followed([])
        good(h.post("/v1/messages", BODY))
        h.all_ended()
        wall.up = True
        failed(h, "it ended with code 1", 1)
        contains(h.said(), "the process before this one has to go on: no store")
        wall.fall()
        until(lambda: h.metrics().value("sluice_store_up", role="store") == 1, 20, "the store is back")
    mock.stop()


def test_no_store_and_nobody_else(_):
    """The one that knew the balances is gone: who was to follow serves without a store, as at any start."""
    redis, mock = Redis(), rig.Mock()
    wall = Wall(redis)
    with Gateway({**settings(wall), "tenants": [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(rig.KEY)}]}]}, mock=mock) as h:
        wall.up = True
        h.signal(signal.SIGUSR2)
        until(lambda: WAITS in h.said(), 20, lambda: "waits: " + h.said()[-1500:])
        child = int(open("/proc/%d/task/%d/children" % (h.p.pid, h.p.pid)).read())
        h.p.kill()
        h.p = Follower(child)
        rig._children.append(h.p)
        until(lambda: " serves on " in h.said().split(WAITS)[1], 20, lambda: "it serves: " + h.said()[-1500:])
        good(h.post("/v1/messages", BODY, timeout=60))
        wall.fall()
        until(lambda: h.metrics().value("sluice_store_up", role="store") == 1, 20, "the store is back")
    mock.stop()


def test_a_killed_one_is_settled_by_the_next(_):
    """The old process dies with a line that the store does not have yet."""
    redis, mock = Redis(), rig.Mock()
    wall = Wall(redis)
    with Gateway(settings(wall), mock=mock) as h:
        w = h.wire(60)
        w.request("POST", "/v1/messages", rig.messages("mock-events-40-slow-50ms", stream=True))
        r = w.reply_head()
        old = h.hot()
        wall.up = True
        check(rig.is_complete("/v1/messages", [rig.Event(e) for e in w.events(r)]))
        until(lambda: len(lines(h)) == 1, 10, "on disk")
        os.kill(old.pid, signal.SIGKILL)
        old.wait(10)
        wall.fall()
        until(lambda: h.post("/v1/messages", BODY).status == 200, 20, "the store is back")
        until(lambda: len(lines(h)) == 2, 10, "two lines")
        h.signal(signal.SIGTERM)
        h.p.wait(60)
        check(spent(redis) < sum(l["cost_micro"] for l in lines(h)), "one line is not there yet")
        h.start()
        until(lambda: "settled lines of a process that died" in h.said(), 10, "it says so")
        until(lambda: spent(redis) == sum(l["cost_micro"] for l in lines(h)), 10 * rig.SLOW, "its line has come, once")
        equal(h.post("/v1/messages", BODY).status, 200)
    mock.stop()


if __name__ == "__main__":
    rig.main(globals(), gateway=True, settings=None)
