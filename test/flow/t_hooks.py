#!/usr/bin/env python3
"""Promise: operators are told by a signed webhook what they must act on, again until it is taken; a receiver that is
dead, slow or wrong changes nothing for requests, and no secret is told."""
# timeout: 100

import hashlib
import hmac
import json
import os
import re
import subprocess
import threading
import time
from datetime import datetime

import _rig as rig
from _admin import Api
from _check import check, contains, equal, until
from _clock import Clock
from _consul import Consul
from _provider import Listener
from _proxy import Proxy
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


def test_a_tenants_own(g):
    """`budget.alert_url`: a plan's, which a tenant may change or switch off; who hangs there keeps the operator's waiting for nothing."""
    own, dead, operator = Receiver(), Receiver(None), Receiver()
    url = lambda to: "http://127.0.0.1:%d/in?token=canary-of-the-url" % to.port
    budget = {"initial_credits": 0.005, "alert_at": [0.02]}
    names = {"acme": {}, "slow": {"alert_url": url(dead)}, "mute": {"alert_url": ""}}
    tenants = [{"name": n, "plan": "house", "budget": {**budget, **more}, "keys": [{"name": n, "sha256": rig.sha256("key-of-" + n)}]} for n, more in names.items()]
    more = {"plans": [{"name": "house", "budget": {"alert_url": url(own)}}], "tenants": tenants}

    def ask(h, name):
        equal(h.post("/v1/messages", rig.messages("mock-echo", "canary-in-the-prompt"), key="key-of-" + name).status, 200)

    try:
        with gateway(g.mock, None, hooks={"secret": SECRET}, **more) as h:
            for name in ("mute", "acme"):
                ask(h, name)
            equal([e["tenant"] for e in own.wait("budget_used")], ["acme"], "told without hooks.url, and of nobody who wants none")
            head, body = own.got[0]
            contains(head, "POST /in?token=canary-of-the-url HTTP/1.1")
            is_signed(head, body)
        with gateway(g.mock, operator.url(), **more) as h:
            ask(h, "slow")
            until(lambda: dead.events("budget_used"), 20 * rig.SLOW, "the slow one is asked")
            for name in ("acme", "mute"):
                ask(h, name)
            until(lambda: {e["tenant"] for e in operator.events("budget_used")} == set(names), 20 * rig.SLOW, lambda: operator.events())
            equal({e["tenant"] for e in own.events()}, {"acme"}, "and acme's second waits behind the slow one")
            said = h.said() + open(h.out).read()
        check("canary" not in said, "the URL is a secret")
    finally:
        dead.hang.set()


def test_tenants_do_not_wait_for_each_other(g):
    """One whose receiver fails has its tries to come; meanwhile others' are told."""
    own, bad = Receiver(), Receiver(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")
    budget = {"initial_credits": 0.005, "alert_at": [0.02]}
    urls = {"bad": "http://127.0.0.1:%d/" % bad.port, "acme": "http://127.0.0.1:%d/" % own.port}
    tenants = [{"name": n, "budget": {**budget, "alert_url": u}, "keys": [{"name": n, "sha256": rig.sha256("key-of-" + n)}]} for n, u in urls.items()]
    with gateway(g.mock, None, tenants=tenants) as h:
        for name, to in (("bad", bad), ("acme", own)):
            equal(h.post("/v1/messages", rig.messages("mock-echo", "canary-in-the-prompt"), key="key-of-" + name).status, 200)
            to.wait("budget_used")
        check(len(bad.got) < 5 and h.metrics().value("sluice_hooks_total", result="failed") in (0, None), "the other one was not waited for: %s tries" % len(bad.got))
        bad.answer = OK
        until(lambda: h.metrics().value("sluice_hooks_total", result="sent") == 2, 20 * rig.SLOW, "and it is told in the end")
        equal(len({e["id"] for e in bad.events()}), 1)


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


def secure(name, mock, **more):
    """A provider of its own certificates, of which each request sees those of now or goes on with a session."""
    return {"name": name, "protocol": "anthropic", "base_url": "https://localhost:%d" % mock.tls, "keys": ["k"], "tls": {"ca_file": mock.ca}, **more}


def shown(h, name):
    return [p for p in Api(h)("GET", "providers") if p["name"] == name][0].get("certificate")


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def test_certificates(g):
    """One that ends in three days is told, once, and again a day later; one that lasts is not; one that has ended says what to do."""
    to, clock = Receiver(), Clock("clock-hooks", 0)
    mocks = {n: rig.Mock("--days", str(days), folder="tls-" + n) for n, days in (("soon", 3), ("long", 300), ("ended", -1))}
    consul, long, port = Consul(), mocks["long"], rig.free_ports(1)[0]
    consul.set(many=[long.tls])
    files = [w for n, f in (("cert", "cert"), ("key", "key"), ("ca-cert", "ca")) for w in ("--tls-%s-file" % n, os.path.join(long.dir, f + ".pem"))]
    redis = Redis("--tls-port", str(port), "--tls-auth-clients", "no", *files)
    many = {"base_url": "consul://%s/many?scheme=https" % consul.place, "tls": {"ca_file": long.ca, "server_name": "localhost"}}
    conf = {
        "store": {"url": "rediss://127.0.0.1:%d" % port, "ca_file": long.ca},
        "providers": [secure(n, m) for n, m in mocks.items()] + [secure("many", long, **many)],
        "upstream_pool": {"max_keepalive": 0},
        "models": [{"name": n, "targets": [{"provider": n, "model": "mock-echo"}]} for n in (*mocks, "many")],
        "tenants": [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}],
        "hooks": {"url": to.url()},
    }
    with rig.Gateway(conf, mock=mocks["soon"], env=clock.env) as h:
        equal([shown(h, n) for n in mocks], [None] * 3, "nobody has been called")
        equal([h.post("/v1/messages", rig.messages(n)).status for n in ("long", "many", "soon")], [200] * 3)
        one = to.wait("certificate_expiring")[0]
        equal((one["kind"], one["name"], one["days"], one["subject"]), ("provider", "soon", 2, "CN=Sluice mock provider"))
        r = h.post("/v1/messages", rig.messages("ended"))
        equal(r.status, 502)
        contains(r.error()[1], "has to renew it")
        contains(r.error()[1], shown(h, "ended")["ends"])
        two = to.wait("certificate_expiring", 2)
        equal([(e["name"], e["days"]) for e in two], [("soon", 2), ("ended", -2)], "by now all have been looked at again")
        until(lambda: all(w in h.said() for w in ("provider: a certificate has ended", "provider: a certificate ends in 2 days")), 20 * rig.SLOW, h.said)
        ends = h.metrics().labelled("sluice_certificate_end_timestamp_seconds", "kind", "name")
        equal({k: moment(shown(h, k[1])["ends"]) for k in ends if k[0] == "provider"}, {k: v for k, v in ends.items() if k[0] == "provider"})
        equal(sorted(ends), [("provider", n) for n in ("ended", "long", "many", "soon")] + [("store", "url")])
        equal([ends[k] for k in (("provider", "many"), ("store", "url"))], [ends["provider", "long"]] * 2, "instances, and a Redis")
        check(299 * 86400 < ends["provider", "long"] - time.time() < 301 * 86400, ends)
        first = moment(shown(h, "soon")["seen"])
        clock.step(3600)
        equal(h.post("/v1/messages", rig.messages("soon")).status, 200)
        equal(moment(shown(h, "soon")["seen"]), first, "a session goes on, and shows no certificate")
        clock.step(90000)
        equal(h.post("/v1/messages", rig.messages("soon")).status, 200)
        check(moment(shown(h, "soon")["seen"]) >= first + 90000, "a day later they are looked at again")
        to.wait("certificate_expiring", 4)
        equal(sorted(e["name"] for e in to.events("certificate_expiring")), ["ended", "ended", "soon", "soon"])
        h.config["hooks"]["certificate_left"] = "400d"
        h.write_config()
        h.signal(1)
        until(lambda: "long" in [e["name"] for e in to.events("certificate_expiring")], 20 * rig.SLOW, "another mark")
    for m in mocks.values():
        m.stop()
    consul.close()


def test_certificates_that_take_turns(g):
    """Of a service of many servers each shows its own: they are told once a day, not each time another one answers."""
    to, mocks = Receiver(), [rig.Mock("--days", str(days), folder="turn-%d" % days) for days in (3, 5, 7, 9)]
    sooner, later, *others = mocks
    ca, way = rig.tmp("turn.pem"), Proxy({"localhost": sooner.tls})
    with open(ca, "w") as f:
        f.write(open(sooner.ca).read() + open(later.ca).read())
    conf = {
        "providers": [secure("turns", sooner, tls={"ca_file": ca}, proxy=way.url())] + [secure("o%d" % i, m) for i, m in enumerate(others)],
        "upstream_pool": {"max_keepalive": 0},
        "models": [{"name": n, "targets": [{"provider": n, "model": "mock-echo"}]} for n in ("turns", "o0", "o1")],
        "tenants": [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}],
        "hooks": {"url": to.url()},
    }
    with rig.Gateway(conf, mock=sooner) as h:
        equal(h.post("/v1/messages", rig.messages("turns")).status, 200)
        to.wait("certificate_expiring")
        for turn, look in ((later, "o0"), (sooner, "o1")):
            before, way.to = shown(h, "turns")["ends"], {"localhost": turn.tls}
            equal([h.post("/v1/messages", rig.messages(m)).status for m in ("turns", look)], [200, 200])
            check(shown(h, "turns")["ends"] != before, "another one has answered")
            until(lambda: look in [e["name"] for e in to.events()], 20 * rig.SLOW, "all have been looked at since")
        equal([e["name"] for e in to.events()], ["turns", "o0", "o1"])
    for m in mocks:
        m.stop()
    way.close()


def test_the_store(g):
    redis, to = Redis(), Receiver()
    with gateway(g.mock, to.url(), store={"url": redis.url}) as h:
        equal(h.post("/v1/messages", rig.messages("mock-echo")).status, 200)
        redis.kill()
        to.wait("store_down")


FIRST, LOW, AMOUNT = 0.1, 0.0995, 0.02  # what is left must be enough for what a request reserves


def bank(to, **more):
    """Settings under which a tenant with few credits is given more, at most twice a day."""
    budget = {"initial_credits": FIRST, "credits_low": LOW, "auto_top_up": {"amount": AMOUNT, "daily": 2 * AMOUNT}}
    tenants = [{"name": "acme", "budget": budget, "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}]
    hooks = {"url": to.url(), "secret": SECRET, "auto_top_up": to.url()}
    models = [{"name": "*", "targets": [{"provider": "mock-a", "price": {"input": 3.0, "output": 120.0}}]}]
    return {"models": models, "hooks": hooks, "tenants": tenants, **more}


def balance(h):
    """What is left, was granted, was spent; a store that is slow is asked again."""

    def ask():
        r = Api(h).raw("GET", "tenant/acme")
        return r.status == 200 and r.json()["data"]["balance"]

    b = until(ask, 20 * rig.SLOW, "its balance")
    return round(b["credits"] - b["spent"], 6), round(b["credits"], 6), b["spent"]


def spend(h):
    """Until it is low; each request is charged before the next one, so that it is low by one at most."""
    for _ in range(30):
        left, _, spent = balance(h)
        if left < LOW:
            return
        equal(h.post("/v1/messages", rig.messages("mock-echo", "long " * 40)).status, 200)
        until(lambda: balance(h)[2] > spent, 20 * rig.SLOW, "charged")
    raise rig.Failed("it never gets low: %s" % (balance(h),))


def test_credits_are_topped_up(g):
    to = Receiver(b"HTTP/1.1 503 Not now\r\ncontent-length: 0\r\n\r\n")
    with rig.Gateway(bank(to), mock=g.mock, env={"SLUICE_RENEW_MS": "200"}) as h:
        spend(h)
        first = to.wait("auto_top_up")[0]
        equal((first["tenant"], first["credits_low"], first["amount"], len(first["id"])), ("acme", LOW, AMOUNT, 32))
        check(first["left"] < LOW, first)
        to.answer = OK
        added = to.wait("credits_added")[0]
        equal((added["tenant"], added["amount"], added["top_up"]), ("acme", AMOUNT, first["id"]))
        equal({e["id"] for e in to.events("auto_top_up")}, {first["id"]}, "tries of one call have one name")
        equal(balance(h)[1], round(FIRST + AMOUNT, 6))
        low = to.wait("credits_low")[0]
        equal((low["tenant"], low["credits_low"]), ("acme", LOW))
        to.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"amount\": 0.015}"  # less than it might
        spend(h)
        until(lambda: [e for e in to.events("credits_added") if e["amount"] == 0.015], 20 * rig.SLOW, "less was added")
        to.answer = OK
        spend(h)  # it would be more than `daily`
        until(lambda: [e for e in to.events("auto_top_up_failed") if "daily" in e["why"]], 20 * rig.SLOW, "it is capped")
        equal(balance(h)[1], round(FIRST + AMOUNT + 0.015, 6))
        equal(len({e["id"] for e in to.events("auto_top_up")}), 2)
        until(lambda: h.metrics().value("sluice_top_ups_total", result="added") >= 2 and h.metrics().value("sluice_top_ups_total", result="capped") == 1, 20 * rig.SLOW, "counted")
        for head, body in to.got:
            is_signed(head, body)
        named = {e["id"] for e in to.events("auto_top_up")}
        until(lambda: {e["once"] for e in Api(h)("GET", "audit?kind=grant") if e["actor"] == "auto_top_up"} == named, 20 * rig.SLOW, "the trail names each")


def test_a_top_up_that_is_refused(g):
    to = Receiver(b"HTTP/1.1 402 Not paid\r\ncontent-length: 0\r\n\r\n")
    poor = {"name": "poor", "budget": {"initial_credits": 0, "credits_low": LOW, "auto_top_up": {"amount": AMOUNT}}}
    with rig.Gateway(bank(to, plans=[poor]), mock=g.mock, env={"SLUICE_RENEW_MS": "200"}) as h:
        spend(h)
        until(lambda: h.metrics().value("sluice_top_ups_total", result="refused") == 1, 20 * rig.SLOW, "refused")
        equal((len({e["id"] for e in to.events("auto_top_up")}), balance(h)[1]), (1, FIRST))
        to.answer = OK  # a tenant of the admin API that has nothing from the start: all it ever does is be refused
        Api(h)("POST", "tenant", {"name": "made", "plan": "poor"})
        key = Api(h).key(tenant="made")[0]
        equal(h.post("/v1/messages", rig.messages("mock-echo"), key=key).status, 402)
        until(lambda: [e for e in to.events("credits_added") if e["tenant"] == "made"], 20 * rig.SLOW, "it is topped up all the same")
        equal({e["tenant"] for e in to.events("credits_added")}, {"made"})


def test_whom_nobody_asks_for(g):
    """A tenant that is paused or deleted is not topped up, however low it is; once it is back, it is."""
    to = Receiver()
    poor = {"initial_credits": 0, "credits_low": LOW}
    tenants = lambda *names, **more: [{"name": n, "budget": {**poor, **more}, "keys": [{"name": n, "sha256": rig.sha256("sk-slc-poor-" + n)}]} for n in names]
    asked = lambda: {e["tenant"] for e in to.events("auto_top_up")}
    added = lambda *names: until(lambda: set(names) <= {e["tenant"] for e in to.events("credits_added")}, 20 * rig.SLOW, lambda: "added: %s" % to.events())

    def reload(*names):
        n = h.metrics().value("sluice_config_reloads_total", result="ok") or 0
        h.config["tenants"] = tenants(*names, auto_top_up={"amount": AMOUNT})
        h.write_config()
        h.signal(1)
        until(lambda: h.metrics().value("sluice_config_reloads_total", result="ok") == n + 1, 20 * rig.SLOW, "reloaded")

    with rig.Gateway(bank(to, tenants=tenants("idle", "gone", "kept")), mock=g.mock, env={"SLUICE_RENEW_MS": "200"}) as h:
        until(lambda: {e["tenant"] for e in to.events("credits_low")} == {"idle", "gone", "kept"}, 20 * rig.SLOW, "all are low")
        Api(h)("PATCH", "tenant/idle", {"state": "paused"})
        Api(h)("DELETE", "tenant/gone")
        reload("idle", "gone", "kept")
        added("kept")
        reload("idle", "gone", "kept", "later")  # looked at in a later round, in which all others had their turn, too
        added("later")
        equal(asked(), {"kept", "later"})
        Api(h)("PATCH", "tenant/idle", {"state": "active"})
        added("idle")
        equal(asked(), {"kept", "later", "idle"})


def test_one_top_up_for_all(g):
    """Two instances see it at once, and the one that asked dies before it hears: one call, the same again, added once."""
    redis, to = Redis(), Receiver(None)
    conf = bank(to, store={"url": redis.url})
    whose = [{**conf, "hooks": {"secret": SECRET, "auto_top_up": to.url() + "&who=" + n}} for n in ("one", "two")]
    one, two = (rig.Gateway(c, mock=g.mock, env={"SLUICE_RENEW_MS": "200"}) for c in whose)
    try:
        spend(one)
        equal(two.post("/v1/messages", rig.messages("mock-echo")).status, 200)  # it watches, too
        e = to.wait("auto_top_up")[0]
        for h in (one, two):
            until(lambda h=h: "below its credits_low" in h.said(), 20 * rig.SLOW, "both have seen it")
            h.metrics()
        equal({x["id"] for x in to.events("auto_top_up")}, {e["id"]}, "one asks")
        head = [head for head, body in to.got if b"auto_top_up" in body][0]
        died, lives, name = (one, two, "&who=two") if "&who=one" in head else (two, one, "&who=one")
        died.p.kill()
        died.p.wait()
        key = [k for k in redis("KEYS", "*") if b"topup" in k][0]
        doc = json.loads(redis("HGET", key, "doc"))
        equal(doc["id"], e["id"])
        redis("HSET", key, "doc", json.dumps({**doc, "until": 0}))  # its claim is over
        until(lambda: name in str(to.got), 20 * rig.SLOW, "the other one asks")
        equal({x["id"] for x in to.events("auto_top_up")}, {e["id"]})
        third = "f" * 32  # while it waits, its claim is taken over: what it hears is not its own any more
        redis("HSET", key, "rev", str(int(redis("HGET", key, "rev")) + 1), "doc", json.dumps({**doc, "id": third, "until": 0}))
        to.answer = OK
        to.hang.set()
        until(lambda: balance(lives)[1] > FIRST, 20 * rig.SLOW, "added")
        contains(lives.said(), "top-up of tenant acme under the id %s is left as it is: the receiver took so long" % e["id"])
        equal({x["id"] for x in to.events("auto_top_up")}, {e["id"], third})
        key_doc = until(lambda: (lambda d: d if not d["id"] else None)(json.loads(redis("HGET", key, "doc"))), 20 * rig.SLOW, "closed")
        redis("HSET", key, "doc", json.dumps({**key_doc, "id": third, "until": 0}))  # as if it had died before it closed it
        spend(lives)  # it is asked again under that name, which adds nothing, then under another
        until(lambda: len({x["id"] for x in to.events("auto_top_up")}) == 3, 20 * rig.SLOW, "another one")
        until(lambda: balance(lives)[0] >= LOW, 20 * rig.SLOW, "added")
        spend(lives)
        until(lambda: lives.metrics().value("sluice_top_ups_total", result="capped") == 1, 20 * rig.SLOW, "no third one")
        equal((balance(lives)[1], len({x["id"] for x in to.events("auto_top_up")})), (round(FIRST + 2 * AMOUNT, 6), 3))
        check(len([x for x in to.events("auto_top_up") if x["id"] == third]) >= 2, "it was asked again")
    finally:
        for h in (one, two):
            if h.p.poll() is None:
                h.stop()


def test_a_top_up_outlives_its_store(g):
    """Copied to another store, made anew from trails: it still knows what was added last, and adds it once."""
    redis, to = Redis(), Receiver()

    def left_open(h, id):
        """As if who added it had died before it could close it: the same is asked again, and tells that it was added."""
        n = len(to.events("credits_added"))
        key = [k for k in redis("KEYS", "*") if b"topup" in k][0]
        redis("HSET", key, "doc", json.dumps({**json.loads(redis("HGET", key, "doc")), "id": id, "until": 0}))
        spend(h)
        until(lambda: len(to.events("credits_added")) > n, 20 * rig.SLOW, "told again")
        equal(to.events("credits_added")[n]["top_up"], id)

    h = rig.Gateway(bank(to, store={"url": "embedded:data"}), mock=g.mock, env={"SLUICE_RENEW_MS": "200"})
    try:
        spend(h)
        first = to.wait("credits_added")[0]["top_up"]
        until(lambda: balance(h)[1] == round(FIRST + AMOUNT, 6), 20 * rig.SLOW, "added")
        h.stop()
        p = subprocess.run([rig.SLUICE, "store", "copy", "embedded:" + h.dir + "/data", redis.url], capture_output=True, timeout=60)
        equal(p.returncode, 0, p.stderr)
        h.config["store"]["url"] = redis.url
        h.write_config()
        h.start()
        revision = redis("GET", "slc:rev")
        left_open(h, first)
        second = to.wait("credits_added", 3)[2]["top_up"]
        check(second != first, "still low, it is another one's turn")
        equal(balance(h)[1], round(FIRST + 2 * AMOUNT, 6))
        equal(redis("GET", "slc:rev"), revision, "no instance reads all records for a top-up")
        redis("FLUSHALL")
        until(lambda: Api(h)("GET", "store")["lost"], 20 * rig.SLOW, "found to be lost")
        Api(h)("POST", "ledger/rebuild", {})
        until(lambda: not Api(h)("GET", "store")["lost"], 20 * rig.SLOW, "whole again")
        left_open(h, second)
        until(lambda: h.metrics().value("sluice_top_ups_total", result="capped") == 1, 20 * rig.SLOW, "still low, and no more today")
        equal(balance(h)[1], round(FIRST + 2 * AMOUNT, 6))
    finally:
        if h.p.poll() is None:
            h.stop()


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
    for hooks, word in (({"url": "http://hooks.example/"}, "must be https"), ({"url": "nonsense"}, "hooks.url: "), ({"auto_top_up": "http://bank.example/"}, "must be https")):
        h = rig.Gateway(settings(None, hooks=hooks), mock=g.mock, wait=False)
        equal(h.p.wait(20 * rig.SLOW), 4, hooks)
        contains(h.said(), word)
    own = [{"name": "acme", "budget": {"alert_at": [0.8], "alert_url": "https://alerts.example/"}, "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}]}]
    h = rig.Gateway(settings(None, hooks={"ca_file": "/dev/null"}, tenants=own), mock=g.mock, wait=False)
    equal(h.p.wait(20 * rig.SLOW), 4, "whom a tenant's own is trusted by")
    contains(h.said(), " hooks.ca_file: ")


rig.main(globals())
