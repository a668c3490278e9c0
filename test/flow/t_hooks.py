#!/usr/bin/env python3
"""Promise: operators are told by a signed webhook what they must act on, again until it is taken; a receiver that is
dead, slow or wrong changes nothing for requests, and no secret is told."""
# timeout: 100

import hashlib
import hmac
import json
import re
import threading

import _rig as rig
from _check import check, contains, equal, until
from _provider import Listener
from _redis import Redis
from _rig import KEY

PRICE = {"input": 3.0, "output": 15.0}
SECRET = "canary-secret-of-the-hook"
OK, MOVED = b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 307 Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n" + b"x" * 200000  # nobody waits for the rest


class Receiver(Listener):
    """What it gets: (head, event). `answer` may be changed."""

    def __init__(self, answer=OK):
        self.got, self.answer, self.hang = [], answer, threading.Event()
        super().__init__()

    def reply(self, head, body):
        with self.lock:
            self.got.append((head.decode(), body))
        if self.answer is None:
            self.hang.wait(60)
        return self.answer

    def events(self, name=None):
        with self.lock:
            return [e for e in (json.loads(b) for _, b in self.got) if name in (None, e["event"])]

    def wait(self, name, n=1):
        return until(lambda: (lambda e: e if len(e) >= n else None)(self.events(name)), 20 * rig.SLOW, lambda: "%s: %s" % (name, self.events()))

    def url(self):
        return "http://127.0.0.1:%d/in?team=a" % self.port


def settings(url, **more):
    return {
        "hooks": {"url": url, "secret": SECRET} if url else {},
        "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}]}],
        "tenants": [{"name": "acme", "budget": {"initial_credits": 0.005, "alert_at": [0.02]}, "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}],
        **more,
    }


def gateway(mock, url, **more):
    return rig.Gateway(settings(url, **more), mock=mock, env={"SLUICE_RENEW_MS": "200"})


def is_signed(head, body):
    at, mac = re.search(r"^sluice-signature: t=(\d+),v1=([0-9a-f]{64})\r?$", head, re.M).groups()
    equal(mac, hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest())


def test_a_budget(g):
    to = Receiver(MOVED)
    with gateway(g.mock, to.url()) as h:
        equal(h.post("/v1/messages", rig.messages("mock-echo", "canary-in-the-prompt")).status, 200)
        first = to.wait("budget_used")[0]
        equal((first["tenant"], first["budget"], first["alert_at"], first["of"], len(first["instance"])), ("acme", "credits", 0.02, 0.005, 8))
        check(first["used"] >= 0.0001, first)
        to.wait("budget_used", 2)  # not taken, and not followed: the same once more
        to.answer = ENDLESS
        until(lambda: h.metrics().value("sluice_hooks_total", result="sent") == 1, 20 * rig.SLOW, "taken")
        equal({e["id"] for e in to.events("budget_used")}, {first["id"]}, "one event")
        head, body = to.got[0]
        contains(head, "host: 127.0.0.1:%d" % to.port)
        for head, body in to.got:
            contains(head, "POST /in?team=a HTTP/1.1")
            is_signed(head, body)
            check("canary" not in head + body.decode(), "a secret is told")
        h.log_ends()
        check(SECRET not in h.said() + open(h.out).read(), "a secret in a log")


def test_providers(g):
    to = Receiver()
    hooks = {"url": to.url(), "secret": SECRET, "error_rate": 0.9, "error_min": 3, "error_window": "1h"}
    breaker = {"min_requests": 2, "error_rate": 0.1, "open": "300ms", "probes": 1}
    models = [{"name": "bad", "targets": [{"provider": "mock-a", "model": "mock-500"}]}, {"name": "barred", "targets": [{"provider": "mock-a", "model": "mock-401"}]}]
    with gateway(g.mock, to.url(), hooks=hooks, breaker=breaker, models=models, tenants=[{"name": "acme", "keys": [{"name": "a", "sha256": rig.sha256(KEY)}]}]) as h:
        for _ in range(3):
            check(h.post("/v1/messages", rig.messages("bad")).status >= 500)
        equal([(e["provider"], e["model"]) for e in to.wait("breaker_opened")][0], ("mock-a", "mock-500"))
        e = until(lambda: [e for e in to.events("error_rate_high") if "model" in e], 20, "a high rate of errors is told")[0]
        equal((e["model"], e["errors"], e["requests"], e["rate"], e["window_s"]), ("bad", 3, 3, 1, 3600))
        h.post("/v1/messages", rig.messages("barred"))
        e = to.wait("provider_key_refused")[0]
        equal((e["provider"], e["model"], e["key"]), ("mock-a", "mock-401", 1))
        check(rig.PROVIDER_KEY_A not in str(to.got), "a provider's key is told")


def test_the_store(g):
    redis, to = Redis(), Receiver()
    with gateway(g.mock, to.url(), store={"url": redis.url}) as h:
        equal(h.post("/v1/messages", rig.messages("mock-echo")).status, 200)
        redis.kill()
        to.wait("store_down")


def test_nobody_takes_them(g):
    """More events than there is room for, and a receiver that never answers: requests don't notice."""
    to = Receiver(None)
    keys = ["sk-slc-t%d-canarysecret" % i for i in range(80)]
    tenants = [{"name": "t%d" % i, "budget": {"initial_credits": 0.005, "alert_at": [0.02]}, "keys": [{"name": "k", "sha256": rig.sha256(k)}]} for i, k in enumerate(keys)]
    with gateway(g.mock, to.url(), tenants=tenants) as h:
        rig.together(8, lambda i: [equal(h.post("/v1/messages", rig.messages("mock-echo", "long " * 20), key=k).status, 200) for k in keys[i::8]])
        until(lambda: h.metrics().value("sluice_hooks_total", result="dropped"), 10 * rig.SLOW, lambda: "dropped: %s" % h.said()[-500:])
        equal(len({e["id"] for e in to.events()}), 1, "one at a time")
        h.config["hooks"] = {}
        h.write_config()
        h.signal(1)
        until(lambda: h.metrics().value("sluice_config_reloads_total", result="ok") == 1, 10 * rig.SLOW, "reloaded")
        to.hang.set()
        h.call("GET", "/v1/models", key=keys[0])
    port = rig.free_ports(1)[0]
    with gateway(g.mock, "http://127.0.0.1:%d/" % port) as h:  # nobody is there
        equal(h.post("/v1/messages", rig.messages("mock-echo", "long " * 20)).status, 200)
        until(lambda: "tenant acme has used" in h.said(), 10 * rig.SLOW, "there is something to tell")
        h.post("/v1/messages", rig.messages("mock-echo"))
    contains(h.said(), "hooks.url did not take an event")  # the last try is at the end


def test_what_is_refused(g):
    for hooks, word in (({"url": "http://hooks.example/"}, "must be https"), ({"url": "nonsense"}, "hooks.url: ")):
        h = rig.Gateway(settings(None, hooks=hooks), mock=g.mock, wait=False)
        equal(h.p.wait(20 * rig.SLOW), 4, hooks)
        contains(h.said(), word)


rig.main(globals())
