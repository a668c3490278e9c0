# timeout: 200
"""The caching front of a moderation pipeline: what is known in memory is answered without the store, also while it is
away; an item in flight elsewhere is waited for; four gateways on one Redis share what they know.
MODERATION_SECONDS says how long 3,000 items a second go through an outage (the soak takes 60)."""

import json
import os
import random
import socketserver
import threading
import time

import _rig as rig
from _bodies import dump
from _check import check, equal, until
from _redis import Redis

MODELS = [{"name": "*", "targets": [{"provider": "mock-o"}], "cache": {"hits": "free", "ttl": "1h"}}]


def moderate(g, texts):
    began = time.monotonic()
    r = g.post("/v1/moderations", dump({"model": "mock-echo", "input": texts}))
    r.took = time.monotonic() - began
    return r


def test_through_an_outage():
    redis = Redis()
    with rig.Gateway({"store": {"url": redis.url}, "models": MODELS}) as g:
        known = ["text %d" % i for i in range(1000)]
        for i in range(0, 1000, 100):
            equal(moderate(g, known[i : i + 100]).status, 200)
        equal(moderate(g, known[:100]).get("x-cache"), "HIT")
        redis.stop()
        dice, fresh = random.Random(3), 0
        before = g.mock.stats()["requests"]
        slowest = []
        for round_ in range(60):
            texts = dice.sample(known, 97) + ["new %d" % (fresh + k) for k in range(3)]
            fresh += 3
            r = moderate(g, texts)
            equal((r.status, r.get("x-sluice-items")), (200, "100;hit=97;joined=0;sent=3"))
            equal(len(r.json()["results"]), 100)
            r = moderate(g, dice.sample(known, 100))
            equal((r.status, r.get("x-cache")), (200, "HIT"))
            slowest.append(r.took)
        equal(g.mock.stats()["requests"] - before, 60, "one call for what is new")
        check(sorted(slowest)[len(slowest) // 2] < 0.05 * rig.SLOW, "known ones wait for nobody: %s" % sorted(slowest)[-3:])
        redis.go_on()
    redis.kill()


def test_three_thousand_items_a_second():
    """Thirty batches of a hundred a second, three of each never seen before, while Redis hangs for the middle third."""
    redis, seconds = Redis(), float(os.environ.get("MODERATION_SECONDS", "1.5"))
    with rig.Gateway({"store": {"url": redis.url, "timeout": "50ms"}, "models": MODELS}) as g:
        known = ["text %d" % i for i in range(1000)]
        for i in range(0, 1000, 100):
            equal(moderate(g, known[i : i + 100]).status, 200)
        before = g.mock.stats()["requests"]
        began, n, got = time.monotonic(), int(seconds * 30), []

        def work(first):
            dice, w = random.Random(first), g.wire(20 * rig.SLOW)
            for k in range(first, n, 10):
                texts = dice.sample(known, 97) + ["%d never seen %d" % (k, i) for i in range(3)]
                dice.shuffle(texts)
                at = began + k / 30
                time.sleep(max(0, at - time.monotonic()))
                sent = time.monotonic()
                w.request("POST", "/v1/moderations", dump({"model": "mock-echo", "input": texts}), rig.with_key((), rig.KEY))
                r = w.reply()
                got.append((r.status, r.get("x-sluice-items"), len(r.json()["results"]), time.monotonic() - sent))
            w.close()

        def outage():
            time.sleep(seconds / 3)
            redis.stop()
            time.sleep(seconds / 3)
            redis.go_on()
        away = threading.Thread(target=outage)
        away.start()
        rig.together(10, work)
        away.join()
        took = time.monotonic() - began
        equal({(s, items, results) for s, items, results, _ in got}, {(200, "100;hit=97;joined=0;sent=3", 100)})
        equal((len(got), g.mock.stats()["requests"] - before), (n, n), "one call a batch, for what is new")
        ms = sorted(1000 * t for *_, t in got)
        print("     %d items in %.1f s, %d a second, %d from memory, no error; a batch's P50 %.1f ms, P99 %.1f ms, most %.1f ms" % (
            100 * n, took, 100 * n / took, 97 * n, ms[len(ms) // 2], ms[len(ms) * 99 // 100], ms[-1]))
    redis.kill()


def test_an_item_in_flight_elsewhere_in_the_process():
    with rig.Gateway({"store": {"url": "embedded:"}, "models": MODELS}) as g:
        got = []

        def one(i):
            r = g.post("/v1/moderations", dump({"model": "mock-first-400", "input": ["all ask this", "and %d" % i]}))
            got.append((r.status, r.get("x-sluice-items")))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal({s for s, _ in got}, {200})
        equal(sum("joined=1" in items for _, items in got), 9, "nine waited: %s" % got)


def test_what_one_knows_all_know():
    redis, mock = Redis(), rig.Mock()
    many = [rig.Gateway({"store": {"url": redis.url, "timeout": "5s"}, "models": MODELS}, mock=mock) for _ in range(3)]
    texts = ["shared %d" % i for i in range(200)]
    equal(moderate(many[0], texts).get("x-cache"), "MISS")
    until(lambda: len(redis("KEYS", "slc:c:*")) == 200, 5, "every result is in Redis")
    for g in many[1:]:
        r = moderate(g, texts)
        equal((r.get("x-cache"), len(r.json()["results"])), ("HIT", 200))
    equal(mock.stats()["requests"], 1)
    for g in many:
        g.stop()
    mock.stop()
    redis.kill()


def test_a_leader_that_fails():
    """What it had sent is sent again by those who waited, and they are answered."""
    with rig.Gateway({"store": {"url": "embedded:"}, "models": MODELS}) as g:
        w = g.wire(20)
        w.request("POST", "/v1/moderations", dump({"model": "mock-first-1000", "input": ["left alone"]}))
        until(lambda: g.mock.stats()["requests"] == 1, 5, "it is sent")
        got = []
        t = threading.Thread(target=lambda: got.append(g.post("/v1/moderations", dump({"model": "mock-first-1000", "input": ["left alone"]}))))
        t.start()
        until(lambda: g.metrics().value("sluice_live_objects", kind="requests") == 2, 5, "two requests")
        w.close()
        t.join()
        equal((got[0].status, len(got[0].json()["results"])), (200, 1))


def test_a_second_round():
    """An item whose other sender failed while this batch had already sent the rest: it is sent as it was written, and
    both calls are paid."""
    models = [{"name": "*", "targets": [{"provider": "mock-o", "price": {"input": 1.0, "output": 1.0}}], "cache": {"hits": "free"}}]
    word = "mock-first-%d" % (400 * rig.SLOW)
    with rig.Gateway({"store": {"url": "embedded:"}, "models": models}) as g:
        w = g.wire(20)
        w.request("POST", "/v1/embeddings", dump({"model": word, "input": ["left alone " + "a" * 3000]}))
        until(lambda: g.mock.stats()["requests"] == 1, 5, "it is sent")
        got = []
        body = dump({"model": word, "input": ["left alone " + "a" * 3000, "of its own"]})
        t = threading.Thread(target=lambda: got.append(g.post("/v1/embeddings", body)))
        t.start()
        until(lambda: g.mock.stats()["requests"] == 2, 5, "the rest is sent")
        equal(g.mock.last().json()["input"], ["of its own"])
        w.close()
        t.join()
        equal((got[0].status, len(got[0].json()["data"])), (200, 2))
        equal(g.mock.stats()["requests"], 3)
        equal(g.mock.last().json()["input"], ["left alone " + "a" * 3000], "the item as it was written")
        equal([e["index"] for e in got[0].json()["data"]], [0, 1])
        alone = [g.post("/v1/embeddings", dump({"model": word, "input": [text]}), headers=[("cache-control", "no-store")])
                 for text in ("left alone " + "a" * 3000, "of its own")]
        cost = sum(g.access_of(r)["cost_micro"] for r in alone)
        check(cost > 0, "priced")
        equal(g.access_of(got[0]).get("cost_micro"), cost, "both calls are charged")


class Scripted(socketserver.ThreadingTCPServer):
    """A provider of embeddings whose third call fails; its first one waits until the test says so."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Call)
        self.calls, self.ended = [], threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    class Call(socketserver.StreamRequestHandler):
        def handle(self):
            length = 0
            for line in iter(self.rfile.readline, b"\r\n"):
                if not line:
                    return
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            items = json.loads(self.rfile.read(length))["input"]
            self.server.calls.append(items)
            n = len(self.server.calls)
            if n == 1:
                self.server.ended.wait(60)
                return
            status, body = "200 OK", {"object": "list", "model": "m", "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
                                      "data": [{"object": "embedding", "index": i, "embedding": [0.5]} for i in range(len(items))]}
            if n == 3:
                status, body = "500 No", {"error": {"message": "no", "type": "server_error"}}
            if n == 2:
                until(lambda: self.server.ended.is_set(), 60, "the other one is gone")
            body = dump(body)
            self.wfile.write(b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n"
                             b"content-length: %d\r\n\r\n" % (status.encode(), len(body)) + body)


def test_a_second_round_that_fails():
    """The client has an error, and the first round is paid: its provider did that work, and its items are kept."""
    provider = Scripted()
    own = {"store": {"url": "embedded:"}, "retry": {"attempts": 1},
           "providers": [{"name": "p", "protocol": "openai", "base_url": "http://127.0.0.1:%d/v1" % provider.server_address[1], "keys": ["a-key-of-it"]}],
           "models": [{"name": "*", "targets": [{"provider": "p", "price": {"input": 2.0, "output": 2.0}}], "cache": {"hits": "free"}}],
           "tenants": [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(rig.KEY)}], "budget": {"initial_credits": 1}}]}
    with rig.Gateway(own) as g:
        w = g.wire(20)
        w.request("POST", "/v1/embeddings", dump({"model": "m", "input": ["left alone"]}))
        until(lambda: provider.calls == [["left alone"]], 10 * rig.SLOW, "it is sent")
        got = []
        t = threading.Thread(target=lambda: got.append(g.post("/v1/embeddings", dump({"model": "m", "input": ["left alone", "of its own"]}))))
        t.start()
        until(lambda: len(provider.calls) == 2, 10 * rig.SLOW, "the rest is sent")
        w.close()
        until(lambda: g.metrics().value("sluice_live_objects", kind="requests") == 1, 10 * rig.SLOW, "the first client's request is over")
        provider.ended.set()
        t.join()
        equal((got[0].status, provider.calls), (500, [["left alone"], ["of its own"], ["left alone"]]))
        line = g.access_of(got[0])
        equal((line["ending"], line["tokens_in"], line["cost_micro"]), ("upstream_error", 1000, 2000), "the first round is paid")
        equal(g.post("/v1/embeddings", dump({"model": "m", "input": ["of its own"]})).get("x-cache"), "HIT", "and kept")
        # the one whose client left is paid too, by what it said: it was asked
        paid = lambda: sum(l.get("cost_micro", 0) for l in g.access_lines() if l.get("id"))
        until(lambda: paid() > 2000 and round(g.call("GET", "/v1/credits").json()["data"]["total_usage"] * 1e6) == paid(), 10 * rig.SLOW,
              lambda: (paid(), g.call("GET", "/v1/credits").json()))
    provider.shutdown()
    provider.server_close()


rig.main(globals(), gateway=False)
