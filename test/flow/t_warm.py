#!/usr/bin/env python3
"""Promise: connections to providers, TLS and all, are there before readiness turns true;
one that can't be made holds it no longer than timeouts.connect, and is said; a provider
that a reload brings is connected to, and nobody waits for that; no request is made,
but one for each target of a model that is to be warm."""
# timeout: 60

import json
import re
import signal
import subprocess
import threading
import time

import _rig as rig
from _provider import Listener, Provider, key_of
from _proxy import Proxy
from _rig import check, contains, equal, until


def provider(name, proxy, mock, connect):
    return {"name": name, "protocol": "anthropic", "base_url": "https://provider.invalid:%d" % mock.tls, "keys": ["k"],
            "proxy": proxy.url(), "tls": {"ca_file": mock.ca, "server_name": "localhost"}, "timeouts": {"connect": connect}}


def add(c, p):
    c["providers"].append(p)
    c["models"].append({"name": "m-" + p["name"], "targets": [{"provider": p["name"], "model": "mock-echo"}]})


def idle(g, name):
    return g.metrics().value("sluice_upstream_connections", provider=name, state="idle") or 0


def health(g):
    """The command, and what a probe sees."""
    done = subprocess.run([rig.SLUICE, "health", "-a", "127.0.0.1:%d" % g.admin_port], env=g.environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def reached(g):
    try:
        return g.admin("GET", "/readyz")
    except OSError:
        return None


def waits(g):
    """The answer, once nothing but connections is missing."""
    r = reached(g)
    return r if r and r.json()["status"] == "connecting to providers" else None


def test_ready_when_connected(g):
    proxy = Proxy({"provider.invalid": g.mock.tls})
    proxy.mode = "waits"
    requests = g.mock.stats()["requests"]
    with rig.Gateway({}, lambda c: add(c, provider("slow", proxy, g.mock, "120s")), mock=g.mock, wait=False) as own:
        until(lambda: proxy.seen("provider.invalid") > 0, 10 * rig.SLOW, "the proxy is asked")
        r = until(lambda: waits(own), 10 * rig.SLOW, lambda: "it waits for that alone: " + own.said()[-2000:])
        equal(r.status, 503, r.body)
        code, said = health(own)
        equal(code, 3, said)
        equal(own.admin("GET", "/healthz").status, 200)
        own.good()  # who comes all the same is served
        equal(idle(own, "slow"), 0)
        proxy.gate.set()
        until(own.is_ready, 10 * rig.SLOW, "ready")
        equal(idle(own, "slow"), 1, "connections ahead")
        equal(health(own)[0], 0)
        equal(g.mock.stats()["requests"] - requests, 1, "requests, of which one was ours")
        r = own.post("/v1/messages", rig.messages("m-slow", "warm"))
        equal(r.status, 200, r.body)
    proxy.close()


def test_dead_providers_hold_nothing_up(g):
    silent, gone = Proxy({}), Proxy({})
    silent.mode = "hang"
    gone.close()

    def change(c):
        add(c, provider("silent", silent, g.mock, "500ms"))
        add(c, provider("gone", gone, g.mock, "120s"))

    with rig.Gateway({}, change, mock=g.mock) as own:  # waits until it is ready
        check(silent.seen("provider.invalid") > 0, "never tried")
        for name in ("silent", "gone"):
            until(lambda name=name: any(name in l and "no connection could be made ahead" in l for l in own.said().splitlines()), 5,
                  lambda: "a word about it: " + own.said()[-2000:])
        equal(own.post("/v1/messages", rig.messages("m-gone", "x")).status, 502)
    silent.close()


def test_new_providers_of_a_reload(g):
    proxy, silent = Proxy({"provider.invalid": g.mock.tls}), Proxy({})
    silent.mode = "hang"
    with rig.Gateway({}, mock=g.mock) as own:
        add(own.config, provider("new", proxy, g.mock, "60s"))
        add(own.config, provider("silent", silent, g.mock, "120s"))
        own.write_config()
        own.signal(signal.SIGHUP)
        until(lambda: silent.seen("provider.invalid") > 0, 10, "connected to")
        equal(own.admin("GET", "/readyz").status, 200, "ready as before")
        until(lambda: idle(own, "new") == 1, 10, "a connection ahead")
        contains(own.metrics().text, 'provider="new"')
    proxy.close()
    silent.close()


def pings(g, model, result):
    return g.metrics().value("sluice_warm_pings_total", model=model, result=result) or 0


def test_models_are_asked_once(_):
    """One request for one token a target, which nobody pays; others go first, and a reload asks only what it brings."""
    seen, versions, gate = [], [], threading.Event()

    class Seen(Provider):
        def reply(self, head, body):
            versions.append(re.findall(rb"(?mi)^anthropic-version: *(\S+)", head))
            seen.append((head.split(b" ")[1].decode(), key_of(head), json.loads(body)))
            if seen[-1][2]["model"] == "cold":
                gate.wait(60)
            return super().reply(head, body)

    a, o, refuses, hangs = Seen(), Seen(), Provider(500), Listener()
    hangs.reply = lambda head, body: time.sleep(600)
    add_model = lambda c, name, *providers: c["models"].append(
        {"name": name, "warm_ping": True, "targets": [{"provider": p, "model": name + "-there"} for p in providers]})

    def change(c):
        c["providers"] = [{"name": "a", "protocol": "anthropic", "base_url": "http://127.0.0.1:%d" % a.port, "keys": ["key-of-a"],
                           "headers": {"Anthropic-Version": "2024-01-01"}},
                          {"name": "o", "protocol": "openai", "base_url": "http://127.0.0.1:%d/v1" % o.port, "keys": ["key-of-o"]},
                          {"name": "refuses", "protocol": "openai", "base_url": "http://127.0.0.1:%d/v1" % refuses.port, "keys": ["k"]},
                          {"name": "hangs", "protocol": "anthropic", "base_url": "http://127.0.0.1:%d" % hangs.port, "keys": ["k"],
                           "timeouts": {"first_byte": "300ms"}}]
        c["models"] = [{"name": "cold", "targets": [{"provider": "a"}]}, {"name": "*", "warm_ping": True, "targets": [{"provider": "a"}]}]
        add_model(c, "mute", "hangs")
        add_model(c, "two", "a", "o")
        add_model(c, "down", "refuses")

    with rig.Gateway({}, change) as own:
        until(lambda: (pings(own, "two", "done"), pings(own, "down", "failed"), pings(own, "mute", "failed")) == (2, 1, 1), 20 * rig.SLOW,
              lambda: own.said()[-2000:])
        equal(sorted((path, key, body["model"], body["max_tokens"]) for path, key, body in seen),
              [("/v1/chat/completions", "key-of-o", "two-there", 1), ("/v1/messages", "key-of-a", "two-there", 1)])
        equal(len(refuses.seen), 1, "no second try")
        equal(own.metrics().value("sluice_requests_total") or 0, 0, "no tenant's request")
        until(lambda: "model mute was not warmed: its provider did not answer in time" in own.said(), 5 * rig.SLOW, "it is said")
        w = own.wire(60)
        w.request("POST", "/v1/messages", rig.messages("cold"))
        until(lambda: len(seen) == 3, 5 * rig.SLOW, "a client's request is there")
        add_model(own.config, "new", "a")
        own.write_config()
        own.signal(signal.SIGHUP)
        until(lambda: b'"new"' in own.call("GET", "/v1/models").body, 10 * rig.SLOW, "the reload")
        time.sleep(0.3)
        equal(len(seen), 3, "it gives way")
        gate.set()
        equal(w.reply().status, 200)
        w.close()
        until(lambda: pings(own, "new", "done") == 1, 20 * rig.SLOW, lambda: own.said()[-2000:])
        equal([body["model"] for _, _, body in seen[2:]], ["cold", "new-there"], "the others have been asked")
        equal(sorted(versions), [[]] + 3 * [[b"2024-01-01"]], "a provider's own header, once, whoever asks")
    for p in (a, o, refuses, hangs):
        p.close()


if __name__ == "__main__":
    rig.main(globals())
