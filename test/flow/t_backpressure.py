#!/usr/bin/env python3
"""Promise: a reader that stops costs its watermark, not the length of the
answer, and finds every byte when it reads on."""
# timeout: 240

import socket
import time

import _rig as rig
from _rig import check, equal

MIB = 1 << 20
SLACK = (6 if rig.SLOW == 1 else 24) * MIB  # an instrumented process keeps freed memory for a while


def open_stream(g, path, make, model, stream=True, rcvbuf=16384):
    w = rig.Wire(g.port, 60, rcvbuf)
    w.request("POST", path, make(model, stream=stream))
    return w, w.reply_head()


def test_a_stopped_reader_of_100_megabytes(g):
    g.good()
    for path, make, stream in (
        ("/v1/messages", rig.messages, True),
        ("/v1/chat/completions", rig.chat, True),
        ("/v1/messages", rig.messages, False),
    ):
        before = g.rss()
        w, r = open_stream(g, path, make, "mock-big-100m", stream)
        equal(r.status, 200)
        time.sleep(2)
        check(g.rss() - before < SLACK, "grew by %.1f MiB" % ((g.rss() - before) / MIB))
        print("     stopped: grew by %.1f MiB" % ((g.rss() - before) / MIB))
        equal(g.mock.stats()["open_streams"], 1, "the provider waits too")
        total, last = 0, b""
        for piece in w.pieces(r):
            total += len(piece)
            last = (last + piece)[-200:]
        check(total > 100 * MIB, total)
        check(b"message_stop" in last or b"[DONE]" in last or last.endswith(b"}"), last)
        check(g.rss() - before < SLACK, "grew by %.1f MiB" % ((g.rss() - before) / MIB))
        w.close()
        g.settle()


def test_bytes_after_a_pause_are_the_right_ones(g):
    body = rig.messages("mock-events-200000", stream=True)
    w, r = open_stream(g, "/v1/messages", rig.messages, "mock-events-200000")
    got, at = [], 0
    for piece in w.pieces(r):
        got.append(piece)
        at += 1
        if at % 2000 == 0:
            time.sleep(0.02)
    equal(b"".join(got), g.mock.call("POST", "/v1/messages", body).body, "every byte")
    w.close()


def test_many_stopped_readers(g):
    n = 40
    before = g.rss()
    readers = [open_stream(g, "/v1/messages", rig.messages, "mock-big-20m") for _ in range(n)]
    time.sleep(2)
    each = (g.rss() - before - SLACK) / n
    check(each < 400 * 1024 * (2 if rig.SLOW > 1 else 1), "%d KiB each" % (each / 1024))
    g.good()
    started = time.monotonic()
    for _ in range(20):
        g.good()
    check(time.monotonic() - started < 4 * rig.SLOW, "others are slow")
    for w, _ in readers:
        w.reset()
    g.mock.quiet(3)


def test_a_slow_provider_is_not_hurried(g):
    """The other direction: a large body to a provider that reads late is sent as it takes it."""
    body = rig.messages("mock-echo", "y" * (7 * MIB))
    before = g.rss()
    equal(g.post("/v1/messages", body).status, 200)
    check(g.rss() - before < SLACK + 40 * MIB, "body held more than a few times")


def test_who_asks_on_without_reading(g):
    """Answers that nobody takes hold back the next request of their connection."""
    g.good()
    before = g.rss()
    with rig.Wire(g.port, 5, rcvbuf=4096) as w:
        for _ in range(800):
            w.request("POST", "/v1/messages", rig.messages("mock-bytes-60000"))  # short enough to be answered whole
            time.sleep(0.002 * rig.SLOW)
        check(g.rss() - before < SLACK, "grew by %.1f MiB" % ((g.rss() - before) / MIB))
        rig.until(lambda: [l for l in g.access_lines() if l["status"] == 200], 5, "some were answered")
        w.reset()


def test_providers_that_take_nothing(g):
    """A request on its way up is held once: its body, and no more than the watermark beside it."""
    n, size = 16, 7 * MIB
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = "http://127.0.0.1:%d" % silent.getsockname()[1]
        provider = {"name": "silent", "protocol": "anthropic", "base_url": url, "keys": ["k"]}
        with rig.Gateway({"providers": [provider], "models": [{"name": "*", "targets": [{"provider": "silent"}]}]}, mock=g.mock) as h:
            before = h.rss()
            wires = [h.wire(60) for _ in range(n)]
            for w in wires:
                w.request("POST", "/v1/messages", rig.messages("m", "y" * size))
            rig.until(lambda: h.rss() - before > n * size, 30, lambda: "all bodies are there: %d" % h.rss())
            time.sleep(1)
            more = h.rss() - before - n * size
            check(more < SLACK + n * MIB, "%.1f MiB beside the bodies" % (more / MIB))
            for w in wires:
                w.reset()
            h.settle()


if __name__ == "__main__":
    rig.main(globals(), {"timeouts": {"client_stall": "60s"}})
