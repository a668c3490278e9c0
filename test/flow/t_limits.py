#!/usr/bin/env python3
"""Promise: everything is bounded. Each limit is met at its setting and told in
the right way, and nobody else suffers."""
# timeout: 240

import contextlib
import os
import re
import resource
import socket
import time

import _rig as rig
from _provider import Listener, answer
from _rig import check, contains, equal

BODY = rig.messages("mock-echo")
MIB = 1 << 20


def took(started, least, most):
    t = time.monotonic() - started
    check(least * 0.95 <= t <= most + rig.SLOW, "after %.2f s, not %.2f to %.2f" % (t, least, most))


def test_body_max_to_the_byte(g):
    with rig.Gateway({"limits": {"body_max": "4KiB"}}, mock=g.mock) as h:
        frame = len(rig.messages("mock-echo", ""))
        exact = rig.messages("mock-echo", "x" * (4096 - frame))
        equal(len(exact), 4096)
        equal(h.post("/v1/messages", exact).status, 200, "just fits")
        r = h.post("/v1/messages", exact[:-1] + b" " + exact[-1:])
        equal((r.status, r.json()["error"]["type"]), (413, "request_too_large"))
        for extra, status in ((0, 200), (1, 413)):
            with h.wire() as w:
                w.request("POST", "/v1/messages", exact[:-1] + b" " * extra + exact[-1:], chunks=[1000, 1000, 1000])
                equal(w.reply().status, status, "in chunks, %d more" % extra)


def test_idle_connections(g):
    """Who has been answered and says nothing more costs little and is no hindrance. IDLE=10000 is
    the long form, and without instruments what one costs is 2 KiB."""
    n = int(os.environ.get("IDLE", "400"))
    with rig.Gateway({"limits": {"connections": n + 100}}, mock=g.mock) as h:
        h.good()

        def open_one():
            w = h.wire(60)
            w.request("GET", "/healthz", key=None)
            equal(w.reply().status, 200)
            return w

        wires = [open_one() for _ in range(16)]  # what is made once is made
        before = h.rss()
        wires += [open_one() for _ in range(n)]
        each = (h.rss() - before) / n
        print("     %d bytes each" % each)
        if rig.SLOW == 1:
            check(each <= 2048 + MIB / n, "%d bytes each" % each)
        for _ in range(3):
            h.good()
        for w in (wires[0], wires[n // 2], wires[-1]):
            w.request("POST", "/v1/messages", rig.messages("mock-echo", "still here"))
            equal(w.reply().json()["content"][0]["text"], "still here")
        for w in wires:
            w.close()


def test_413_comes_at_once(g):
    with g.wire(3) as w:
        w.request("POST", "/v1/messages", None, [("content-length", str(10 << 30)), ("expect", "100-continue")])
        r = rig.Reply(w.read_until(b"\r\n\r\n"))
        equal(r.status, 413, "and no 100")
        r.body = b"".join(w.pieces(r))
        check(w.is_closed(), "the connection ends")


def test_head_sizes(g):
    equal(g.post("/v1/messages", BODY, [("x-long", "x" * 7000)]).status, 200, "7,000 bytes of header")
    equal(g.post("/v1/messages?" + "q" * 7900, BODY).status, 200, "8,000 bytes of target")
    equal(g.post("/v1/messages", BODY, [("x-%d" % i, "y") for i in range(60)]).status, 200, "60 headers")
    before = g.rss()
    for _ in range(4):
        with g.wire() as w:
            try:
                w.send(b"POST /v1/messages HTTP/1.1\r\nhost: a\r\n" + (b"x-y: " + b"z" * 1000 + b"\r\n") * 16000)
            except OSError:
                pass
            try:
                check(w.reply().status in (400, 431))
            except (rig.Closed, OSError):
                pass
    check(g.rss() - before < 24 << 20, "16 MiB of header lines were kept")


def slow_client(h, data, every, until):
    """Sends `data` byte by byte; what the gateway says, and when."""
    started = time.monotonic()
    with h.wire(10 + until) as w:
        for i in range(len(data)):
            if time.monotonic() - started > until:
                break
            try:
                w.send(data[i : i + 1])
            except OSError:
                break
            w.s.settimeout(every)
            try:
                w.more()
                break
            except rig.Closed:
                return b"", time.monotonic() - started
            except OSError:
                continue
        return w.everything(), time.monotonic() - started


def test_slow_heads_and_bodies(g):
    settings = {"timeouts": {"client_header": "800ms", "client_body": "800ms", "client_idle": "600ms"}}
    with rig.Gateway(settings, mock=g.mock) as h:
        before = g.mock.stats()["requests"]
        data = rig.request_bytes("POST", "/v1/messages", rig.messages("mock-echo", "x" * 2000), [("x-api-key", rig.KEY)])
        said, t = slow_client(h, data, 0.05, 5)
        check(said[:12] in (b"", b"HTTP/1.1 408"), said[:100])
        check(0.7 < t < 0.8 + rig.SLOW, "slow head: %.2f" % t)
        head, _, body = data.partition(b"\r\n\r\n")
        started = time.monotonic()
        with h.wire(10) as w:
            w.send(head + b"\r\n\r\n")
            try:
                for i in range(100):
                    w.send(body[i : i + 1])
                    time.sleep(0.03)
            except OSError:
                pass
            r = w.reply()
            equal((r.status, r.json()["error"]["type"]), (408, r.json()["error"]["type"]))
        check(time.monotonic() - started < 3.2 + rig.SLOW)
        started = time.monotonic()
        with h.wire(10) as w:
            check(w.is_closed(5), "a connection without a request is closed")
        check(0.5 < time.monotonic() - started < 0.8 + rig.SLOW)
        started = time.monotonic()
        with h.wire(10) as w:
            w.request("POST", "/v1/messages", BODY)
            equal(w.reply().status, 200)
            check(w.is_closed(5), "a kept connection without a request is closed")
        equal(g.mock.stats()["requests"], before + 1, "no half request went up")


def test_a_hundred_slow_clients_harm_nobody(g):
    with rig.Gateway({"timeouts": {"client_header": "1500ms"}}, mock=g.mock) as h:
        slow = []
        for i in range(100):
            w = h.wire()
            w.send(b"POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-a: ")
            slow.append(w)
        for _ in range(10):
            h.good()
        started = time.monotonic()
        for w in slow:
            said = w.everything(5)
            check(said[:12] in (b"", b"HTTP/1.1 408"), said[:60])
            w.close()
        took(started, 0, 1.5)


def test_a_stalled_reader_is_cut(g):
    with rig.Gateway({"timeouts": {"client_stall": "700ms"}}, mock=g.mock) as h:
        for stream in (True, False):
            w = rig.Wire(h.port, 20, rcvbuf=8192)
            w.request("POST", "/v1/messages", rig.messages("mock-big-20m", stream=stream))
            r = w.reply_head()
            started = time.monotonic()
            rig.until(lambda: g.mock.stats()["open_streams"] == 0, 4 * rig.SLOW, "the stalled reader is cut")
            check(time.monotonic() - started > 0.4)
            equal(h.access_of(r)["ending"], "stalled")
            w.close()
        w = rig.Wire(h.port, 20, rcvbuf=8192)  # slow, but reading: stays
        w.request("POST", "/v1/messages", rig.messages("mock-big-2m", stream=True))
        r = w.reply_head()
        got = 0
        w.s.settimeout(5)
        for piece in w.pieces(r):
            got += len(piece)
            if got < 1 << 20:
                time.sleep(0.005)
        check(got > 2 << 20)
        w.close()


def test_a_reader_is_slow_but_reads(g):
    """The kernel may hold megabytes for it, and says for a while that there is no room."""
    with rig.Gateway({"timeouts": {"client_stall": "1500ms"}}, mock=g.mock) as h, rig.Wire(h.port, 30) as w:
        w.request("POST", "/v1/messages", rig.messages("mock-big-20m", stream=True))
        r, got = w.reply_head(), 0
        for piece in w.pieces(r):
            got += len(piece)
            if got < 3 << 20:
                time.sleep(len(piece) / (1 << 19))  # 512 KiB a second
        check(got > 20 << 20, "every byte")


class Sipper(Listener):
    """A provider that reads `n` bytes of a body and then no more; or as much every `pause` seconds, and answers."""

    def __init__(self, n, pause=None):
        self.n, self.pause = n, pause
        super().__init__()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # those that it takes inherit it

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            got = b""
            while b"\r\n\r\n" not in got:
                piece = s.recv(1)
                if not piece:
                    return  # a connection kept ready, given back
                got += piece
            left = int(re.search(rb"content-length: (\d+)", got).group(1))
            while left > 0:
                left -= len(s.recv(min(left, self.n), socket.MSG_WAITALL))
                time.sleep(self.pause or 20)
            s.sendall(answer())
            s.recv(1)


def gateway_with(provider):
    def change(config):
        config["timeouts"] = {"idle": "1s", "total": "30s", "first_byte": "20s"}
        config["providers"] = [{"name": "sipper", "protocol": "anthropic", "base_url": "http://127.0.0.1:%d" % provider.port, "keys": ["k"]}]
        config["models"] = [{"name": "*", "targets": [{"provider": "sipper"}]}]

    return rig.Gateway(change=change)


def test_a_provider_that_stops_reading(_g):
    for n in (1, 1 << 20):
        provider = Sipper(n)
        with gateway_with(provider) as h:
            for stream in (False, True):
                started = time.monotonic()
                r = h.post("/v1/messages", rig.messages("m", "y" * (7 << 20), stream=stream))
                equal((r.status, r.json()["type"]), (504, "error"))
                check("stopped reading" in r.json()["error"]["message"], r.body)
                took(started, 0.9, 1.5)
                equal(h.access_of(r)["ending"], "timeout")
                h.settle()
        provider.close()


def test_a_provider_that_reads_slowly(_g):
    provider = Sipper(256 << 10, 0.1)
    with gateway_with(provider) as h:
        started = time.monotonic()
        equal(h.post("/v1/messages", rig.messages("m", "y" * (7 << 20))).status, 200)
        check(time.monotonic() - started > 2, "longer than idle")
    provider.close()


def test_times_of_a_plain_answer(g):
    settings = {"timeouts": {"total": "900ms", "first_byte": "300ms", "idle": "400ms"}}
    with rig.Gateway(settings, mock=g.mock) as h:
        for words, least, most in (("first-5s", 0.9, 0.9), ("bytes-200000-stall-1", 0.4, 0.9)):
            started = time.monotonic()
            try:
                r = h.post("/v1/messages", rig.messages("mock-" + words))
                equal(r.status, 504, words)
            except rig.Closed:
                check("stall" in words, words)
            took(started, least, most)
        g.mock.quiet(2)


def busy(h, n):
    wires = []
    for _ in range(n):
        w = h.wire()
        w.request("POST", "/v1/messages", rig.messages("mock-stall-1", stream=True))
        equal(w.reply_head().status, 200)
        wires.append(w)
    return wires


ALONE = [{"name": "*", "targets": [{"provider": "mock-a"}]}, {"name": "other", "targets": [{"provider": "mock-o", "model": "mock-echo"}]}]


def test_queue(g):
    settings = {"upstream_pool": {"max_connections": 2, "warm": 0}, "queue": {"max": 2, "wait": "2s"}, "models": ALONE}
    with rig.Gateway(settings, mock=g.mock) as h:
        wires = busy(h, 2)
        waiting = []
        for _ in range(2):
            w = h.wire()
            w.request("POST", "/v1/messages", BODY)
            waiting.append(w)
        rig.until(lambda: h.metrics().value("sluice_queue_depth", provider="mock-a") == 2, 3, "two wait")
        started = time.monotonic()
        r = h.post("/v1/messages", BODY)
        equal((r.status, r.json()["error"]["type"]), (429, "rate_limit_error"), "a third finds it full")
        check(r.error()[1].startswith("Rate limit exceeded"), r.error()[1])
        check(1 <= int(r.get("retry-after")) <= 60)
        check(time.monotonic() - started < 0.3 + 0.3 * rig.SLOW, "at once")
        for w in waiting:
            r = w.reply()
            equal(r.status, 429, "waited too long")
            w.close()
        equal(h.access_of(r)["ending"], "shed")
        w = h.wire()
        w.request("POST", "/v1/messages", BODY)
        time.sleep(0.2)
        wires.pop().reset()  # makes room
        equal(w.reply().status, 200, "the one that waited is served")
        w.close()
        for w in wires:
            w.reset()
        g.mock.quiet(2)


def test_max_concurrency(g):
    def change(c):
        c["providers"][0]["max_concurrency"] = 1
        c["queue"] = {"max": 0}
        c["models"] = ALONE

    with rig.Gateway(change=change, mock=g.mock) as h:
        wires = busy(h, 1)
        equal(h.post("/v1/messages", BODY).status, 429)
        equal(h.post("/v1/chat/completions", rig.chat("other")).status, 200, "another provider is not concerned")
        wires[0].reset()
        rig.until(lambda: h.post("/v1/messages", BODY).status == 200, 3, "room again")


def test_connections(g):
    with rig.Gateway({"limits": {"connections": 8}, "timeouts": {"client_idle": "30s"}}, mock=g.mock) as h:
        held = [h.wire() for _ in range(8)]
        for w in held:
            w.request("POST", "/v1/messages", BODY)
            equal(w.reply().status, 200)
        late = h.wire(3)  # the kernel takes it, or it is refused in HTTP: never served beyond the ceiling
        late.request("POST", "/v1/messages", BODY)
        try:
            equal(late.reply().status, 503)
        except OSError:
            held.pop().close()
            late.s.settimeout(10)
            equal(late.reply().status, 200, "served once there is room")
        late.close()
        for w in held:
            w.close()


def test_descriptors_run_out(g):
    """256 descriptors and 1,000 clients: no spin, running requests unharmed, and it recovers."""
    with rig.Gateway(mock=g.mock, nofile=256) as h:
        running = h.wire(30)
        running.request("POST", "/v1/messages", rig.messages("mock-events-40-slow-50ms", stream=True))
        events = running.events(running.reply_head())
        first = next(events)
        wires = []
        for _ in range(1000):
            try:
                wires.append(rig.Wire(h.port, 2))
            except OSError:
                break
        check(len(wires) > 100, "clients:", len(wires))
        time.sleep(0.5)
        cpu = cpu_of(h)
        time.sleep(1)
        check(cpu_of(h) - cpu < 0.2 * rig.SLOW, "spins: %.2f s of CPU in one second" % (cpu_of(h) - cpu))
        seen = [rig.Event(e) for e in [first, *events]]
        check(rig.is_complete("/v1/messages", seen), "a running stream was harmed")
        for w in wires:
            w.close()
        running.close()
        rig.until(lambda: works(h), 2 * rig.SLOW, "works again")


def test_no_descriptor_for_a_provider(g):
    """No descriptor is left for a connection to a provider: told as our own trouble, whoever it is; no other
    target is asked, no breaker counts it, and once there are some again all is well."""
    fresh = [{"name": n, "protocol": "openai", "base_url": "http://%s:%d/v1" % (host, g.mock.plain), "keys": ["${RIG_KEY_O}"], "upstream_pool": {"warm": 0}} for n, host in (("by-name", "localhost"), ("by-address", "127.0.0.1"))]
    models = [{"name": p["name"], "targets": [{"provider": p["name"], "model": "mock-echo"}, {"provider": "mock-o", "model": "mock-echo"}]} for p in fresh]
    settings = {"models": models, "retry": {"attempts": 4}, "breaker": {"min_requests": 2, "error_rate": 0.1, "open": "1h"}}
    with rig.Gateway(settings, change=lambda c: c["providers"].extend(fresh), mock=g.mock) as h, h.wire(30) as w:
        h.settle()
        before = resource.prlimit(h.p.pid, resource.RLIMIT_NOFILE)
        w.request("GET", "/v1/models")
        equal(w.reply().status, 200)
        used = rig.until(lambda: (lambda a, b: a if a == b else None)(descriptors(h), time.sleep(0.2) or descriptors(h)), 20 * rig.SLOW, "nothing comes or goes")
        resource.prlimit(h.p.pid, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), before[1]))
        for model in ("by-name", "by-address") * 3:
            w.request("POST", "/v1/chat/completions", rig.chat(model))
            r = w.reply()
            equal(r.status, 503, "%s: %s" % (model, r.body[:300]))
            equal(r.json()["error"]["code"], "overloaded")
            contains(r.json()["error"]["message"], "open files")
            check(int(r.get("retry-after")) >= 1, r.headers)
        resource.prlimit(h.p.pid, resource.RLIMIT_NOFILE, before)
        m = h.metrics()
        equal([v for v in m.labelled("sluice_breaker_state", "provider", "model").values() if v], [], "all are closed")
        equal(m.value("sluice_failovers_total"), None)
        equal(m.value("sluice_retries_total"), None)
        for model in ("by-name", "by-address"):
            rig.until(lambda model=model: h.post("/v1/chat/completions", rig.chat(model)).status == 200, 20 * rig.SLOW, "works again")


def descriptors(h):
    return {int(n) for n in os.listdir("/proc/%d/fd" % h.p.pid)}


def cpu_of(h):
    with open("/proc/%d/stat" % h.p.pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def works(h):
    try:
        h.good()
        return True
    except (OSError, rig.Failed, rig.Closed):
        return False


if __name__ == "__main__":
    rig.main(globals())
