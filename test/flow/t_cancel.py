#!/usr/bin/env python3
"""Promise: cancelled means cancelled. Wherever the client leaves, by FIN or by
RST, the provider's connection is closed within a second and nothing is left."""
# timeout: 300

import os
import random
import socket
import time

import _rig as rig
from _rig import check, equal

SEED = int(os.environ.get("SLUICE_SEED") or random.SystemRandom().randrange(1 << 30))
RUNS = int(os.environ.get("SLUICE_CANCELS", "1000"))
BATCH = 50

MODELS = [
    "mock-events-400-slow-5ms",
    "mock-events-100000",
    "mock-big-20m",
    "mock-first-3000ms",
    "mock-hang",
    "mock-stall-3",
    "mock-stall-pre",
    "mock-bytes-8000000",
    "mock-split-1",
    "mock-events-30-slow-40ms-splitutf8",
]


def leave(w, how):
    if how == "fin":
        w.close()
    elif how == "rst":
        w.reset()
    else:  # FIN, but the socket stays: a half-closed client is a client that left
        try:
            w.s.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def one(g, rng, kept):
    path, make, _ = rng.choice(rig.GENERATE)
    model, stream = rng.choice(MODELS), rng.random() < 0.7
    how = rng.choice(("fin", "rst", "half"))
    body = make(model, "x" * rng.choice((1, 1000, 100000)), stream=stream)
    data = rig.request_bytes("POST", path, body, rig.with_key((), rig.KEY))
    w = g.wire(10)
    where = rng.random()
    if where < 0.15:  # within the request
        w.send(data[: rng.randrange(1, len(data))])
    else:
        w.send(data)
        if where < 0.5:  # some time later
            time.sleep(rng.random() ** 3 * 0.2)
        else:  # after some bytes of the answer
            want = rng.choice((1, 100, 1000, 20000, 300000))
            w.s.settimeout(0.05 + rng.random() * 0.2)
            got = 0
            try:
                while got < want:
                    data = w.s.recv(min(65536, want - got))
                    if not data:
                        break
                    got += len(data)
            except OSError:
                pass
    leave(w, how)
    if how == "half":
        kept.append(w)


def test_random_moments(g):
    print("     seed %d, %d runs" % (SEED, RUNS))
    rng = random.Random(SEED)
    seeds = [rng.randrange(1 << 60) for _ in range(RUNS)]
    worst = 0.0
    for at in range(0, RUNS, BATCH):
        kept = []
        batch = seeds[at : at + BATCH]
        rig.together(len(batch), lambda i: one(g, random.Random(batch[i]), kept))
        started = time.monotonic()
        g.mock.quiet(1.0 if rig.SLOW == 1 else 2.0)
        worst = max(worst, time.monotonic() - started)
        for w in kept:
            w.close()
    print("     the last provider connection of a batch ended within %.0f ms" % (worst * 1000))
    g.settle()
    check(g.fds() < 150, "descriptors are left:", g.fds())


def test_each_moment_of_one_stream(g):
    """After every single event, for both ways to leave."""
    for path, make, _ in rig.GENERATE:
        for how in ("fin", "rst"):
            for events in (0, 1, 2, 3, 5, 8):
                w = g.wire()
                w.request("POST", path, make("mock-events-1000-slow-20ms", stream=True))
                got = w.events(w.reply_head())
                for _ in range(events):
                    next(got)
                leave(w, how)
                g.mock.quiet(1.0 * max(1, rig.SLOW / 2))


def test_endings_are_told(g):
    before = g.metrics().value("sluice_endings_total", ending="client_gone") or 0
    w = g.wire()
    w.request("POST", "/v1/messages", rig.messages("mock-stall-3", stream=True))
    r = w.reply_head()
    w.reset()
    line = g.access_of(r)
    equal((line["ending"], line["status"]), ("client_gone", 200))
    equal(line["tokens_source"], "counted", "what was delivered is counted")
    check(line["tokens_out"] > 0)
    equal(g.metrics().value("sluice_endings_total", ending="client_gone"), before + 1)


def test_others_go_on(g):
    """A client that leaves takes nobody with it."""
    with g.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("mock-events-60-slow-20ms", stream=True))
        events = w.events(w.reply_head())
        seen = [next(events)]
        for _ in range(40):
            v = g.wire()
            v.request("POST", "/v1/messages", rig.messages("mock-events-60-slow-20ms", stream=True))
            v.reset()
        seen += list(events)
        check(rig.is_complete("/v1/messages", [rig.Event(e) for e in seen]))
        equal(len([e for e in seen if b"text_delta" in e]), 60)


if __name__ == "__main__":
    rig.main(globals())
