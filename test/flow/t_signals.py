#!/usr/bin/env python3
"""Promise: SIGTERM loses nothing, a second one ends at once, SIGHUP puts a good
configuration in force without a failed request and a bad one not at all."""
# timeout: 240

import json
import os
import shutil
import signal
import socket
import threading
import time

import _rig as rig
from _rig import check, contains, equal

BODY = rig.messages("mock-echo")


def own(settings=None, **more):
    return rig.Gateway(settings, **more)


def ready_status(g):
    try:
        return g.admin("GET", "/readyz").status
    except (OSError, rig.Closed):
        return None


def test_health_and_readiness(g):
    equal(g.admin("GET", "/healthz").status, 200)
    r = g.admin("GET", "/readyz")
    equal((r.status, r.json()["status"]), (200, "ready"))


def test_drain_finishes_streams(g):
    with own({"timeouts": {"drain": "60s"}}, mock=g.mock) as h:
        wires = []
        for i in range(30):
            w = h.wire()
            path, make, _ = rig.GENERATE[i % 4]
            w.request("POST", path, make("mock-events-80-slow-50ms", stream=True))
            r = w.reply_head()
            equal(r.status, 200)
            wires.append((w, path, r))
        kept = h.wire()
        kept.request("POST", "/v1/messages", BODY)
        equal(kept.reply().status, 200)
        started = time.monotonic()
        h.signal(signal.SIGTERM)
        rig.until(lambda: ready_status(h) == 503, 1, "not ready first")
        kept.request("POST", "/v1/messages", BODY)
        r = kept.reply()
        equal((r.status, r.get("connection")), (200, "close"), "answered once more, then closed")
        check(kept.is_closed())
        equal(h.post("/v1/messages", BODY).status, 200, "newcomers are served for 2 s more")
        rig.until(lambda: refuses(h), 2.5 + rig.SLOW, "stops accepting")
        check(time.monotonic() - started > 1.5, "too early for a load balancer")
        for w, path, r in wires:
            events = [rig.Event(e) for e in w.events(r)]
            check(rig.is_complete(path, events), "a stream was cut", path)
            equal(rig.text_of_stream(events), "".join("%07d " % i for i in range(80)))
            w.close()
        equal(h.p.wait(10 * rig.SLOW), 0, "exit code")
        check(time.monotonic() - started < 10 + 4 * rig.SLOW, "ends when the last stream has")
        lines = h.access_lines()
        equal(len(lines), 33, "an access line each")
        check(all(l["ending"] == "done" for l in lines))


def refuses(h):
    try:
        h.wire(1).close()
        return False
    except OSError:
        return True


def test_drain_has_a_limit(g):
    with own({"timeouts": {"drain": "1s"}}, mock=g.mock) as h:
        w = h.wire()
        w.request("POST", "/v1/messages", rig.messages("mock-stall-3", stream=True))
        r = w.reply_head()
        started = time.monotonic()
        h.signal(signal.SIGTERM)
        equal(h.p.wait(20), 0)
        t = time.monotonic() - started
        check(2.8 < t < 3.5 + 2 * rig.SLOW, "after %.1f s" % t)
        try:
            events = [rig.Event(e) for e in w.events(r)]
            check(not rig.is_complete("/v1/messages", events))
        except rig.Closed:
            pass
        line = [l for l in h.access_lines() if l.get("id") == r.get("x-sluice-request-id")]
        equal([l["ending"] for l in line], ["shutdown"], "its ending is told")
        g.mock.quiet(2)


def test_second_signal_ends_at_once(g):
    for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)):
        with own(mock=g.mock) as h:
            w = h.wire()
            w.request("POST", "/v1/messages", rig.messages("mock-stall-3", stream=True))
            w.reply_head()
            h.signal(first)
            rig.until(lambda: ready_status(h) == 503, 1, "draining")
            started = time.monotonic()
            h.signal(second)
            equal(h.p.wait(10), 0)
            check(time.monotonic() - started < 1 + rig.SLOW, "not at once")
            w.close()


def test_idle_gateway_ends_after_its_notice(g):
    with own(mock=g.mock) as h:
        started = time.monotonic()
        h.signal(signal.SIGTERM)
        equal(h.p.wait(10), 0)
        check(time.monotonic() - started < 3 + rig.SLOW)


class Load:
    """Requests, one after the other, on kept and on fresh connections, and streams."""

    def __init__(self, g, threads=4):
        self.g, self.stop, self.done, self.errors = g, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, i):
        try:
            w = self.g.wire()
            n = 0
            while not self.stop.is_set():
                n += 1
                stream = (n + i) % 3 == 0
                w.request("POST", "/v1/messages", rig.messages("mock-events-5" if stream else "mock-echo", stream=stream))
                r = w.reply()
                equal(r.status, 200, "under load")
                if stream:
                    check(rig.is_complete("/v1/messages", rig.parse_events(r.body)), "a stream was cut")
                self.done += 1
                if n % 10 == 0 or r.get("connection") == "close":
                    w.close()
                    w = self.g.wire()
            w.close()
        except Exception as e:
            self.errors.append(e)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()
        if self.errors:
            raise self.errors[0]
        check(self.done > 20, "hardly any load:", self.done)


def hash_of(g):
    return g.admin("GET", "/readyz").json()["config"]


def test_reload_under_load(g):
    with own(mock=g.mock) as h:
        load = Load(h)
        first = hash_of(h)
        for i in range(30):
            if i % 3 == 2:  # a bad one
                with open(h.path, "w") as f:
                    f.write(["{", "no_such_key: 1\n", "listen: [\n"][i // 3 % 3])
                before = hash_of(h)
                h.signal(signal.SIGHUP)
                time.sleep(0.1)
                equal(hash_of(h), before, "a bad file changed something")
            else:
                h.config["models"].append({"name": "m%d" % i, "targets": [{"provider": "mock-a", "model": "mock-echo"}]})
                h.write_config()
                before = hash_of(h)
                h.signal(signal.SIGHUP)
                rig.until(lambda: hash_of(h) != before, 3 * rig.SLOW, "the new configuration is in force")
        load.end()
        check(hash_of(h) != first)
        equal(h.post("/v1/messages", rig.messages("m28")).json()["model"], "mock-echo", "a new model")
        text = h.said()
        contains(text, "no_such_key", "what is wrong is said")
        check(h.metrics().value("sluice_config_reloads_total", result="ok"), "they are counted")


def test_reload_takes_effect_on_new_requests_only(g):
    with own(mock=g.mock) as h:
        with h.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("mock-events-30-slow-50ms", stream=True))
            events = w.events(w.reply_head())
            next(events)
            h.config["tenants"] = [t for t in h.config["tenants"] if t["name"] != "acme"]
            h.config["limits"]["body_max"] = "2KiB"
            h.write_config()
            h.signal(signal.SIGHUP)
            rig.until(lambda: h.post("/v1/messages", BODY).status == 401, 3, "the key is gone")
            equal(h.post("/v1/messages", BODY, key=rig.KEY_BOB).status, 200)
            equal(h.post("/v1/messages", rig.messages("x", "y" * 3000), key=rig.KEY_BOB).status, 413)
            rest = [rig.Event(e) for e in events]
            check(rig.is_complete("/v1/messages", rest), "the running stream keeps its snapshot")
        h.config["tenants"] = rig.default_config(g.mock, 1, 2)["tenants"]
        h.config["limits"]["body_max"] = "8MiB"
        h.write_config()
        h.signal(signal.SIGHUP)
        rig.until(lambda: h.post("/v1/messages", BODY).status == 200, 3, "the key is back")


def test_what_cannot_change_is_named(g):
    with own(mock=g.mock) as h:
        before = hash_of(h)
        port = h.config["listen"]
        h.config["listen"] = "127.0.0.1:1"
        h.write_config()
        r = h.admin("POST", "/admin/api/reload", [("authorization", "Bearer " + rig.ADMIN_KEY), ("content-length", "0")])
        equal(r.status, 422)
        contains(r.body.decode(), "listen")
        equal(hash_of(h), before)
        h.good()
        h.config["listen"] = port
        h.write_config()


def test_reload_drops_nothing_it_should_keep(g):
    """A provider whose address stays keeps its connections; one that goes gives them back."""
    with own(mock=g.mock) as h:
        h.good()
        idle = lambda: h.metrics().value("sluice_upstream_connections", provider="mock-a", state="idle")
        rig.until(lambda: idle() == 2, 5, "the one that was used, and the one made ready beside it")
        g.mock.reset()
        h.config["keepalive_ping"] = "14s"
        h.write_config()
        before = hash_of(h)
        h.signal(signal.SIGHUP)
        rig.until(lambda: hash_of(h) != before, 3, "reloaded")
        h.good()
        check(g.mock.stats()["accepted"] <= 1, "connections were thrown away")
        other = rig.Mock()
        for p, path in zip(h.config["providers"], ("", "/v1")):
            p["base_url"] = "https://localhost:%d%s" % (other.tls, path)
        h.write_config()
        before, were_open = hash_of(h), g.mock.stats()["open_connections"]
        h.signal(signal.SIGHUP)
        rig.until(lambda: hash_of(h) != before, 3, "reloaded")
        h.good()
        equal(other.stats()["requests"], 1, "the new provider is asked")
        rig.until(lambda: g.mock.stats()["open_connections"] < were_open, 5, "old connections are closed")
        other.stop()


def test_renewed_system_store_is_read(g):
    """The CAs of this machine, which nothing in the configuration names, hold anew after a reload."""

    def trusts_the_machine(c):
        for p in c["providers"]:
            del p["tls"]

    stranger, store = rig.Mock(folder="stranger"), rig.tmp("system.pem")
    shutil.copyfile(stranger.ca, store)
    with own(change=trusts_the_machine, mock=g.mock, env={"SSL_CERT_FILE": store}) as h:
        r = h.post("/v1/messages", BODY)
        equal(r.status, 502, r.body)
        shutil.copyfile(g.mock.ca, store)
        h.signal(signal.SIGHUP)
        rig.until(lambda: h.post("/v1/messages", BODY).status == 200, 10 * rig.SLOW, "the new store is in force")
    stranger.stop()


def test_log_is_reopened(g):
    log = rig.tmp("access.log")
    with own({"log": {"access": log}}, mock=g.mock) as h:
        h.good()
        rig.until(lambda: os.path.getsize(log) > 0, 3, "a line in the file")
        os.rename(log, log + ".1")
        h.signal(signal.SIGHUP)
        rig.until(lambda: os.path.exists(log), 3, "a new file")
        h.good()
        rig.until(lambda: os.path.getsize(log) > 0, 3, "a line in the new file")
        for path in (log, log + ".1"):
            for line in open(path):
                json.loads(line)


def test_sighup_while_draining_and_other_signals(g):
    with own({"timeouts": {"drain": "3s"}}, mock=g.mock) as h:
        w = h.wire()
        w.request("POST", "/v1/messages", rig.messages("mock-events-40-slow-50ms", stream=True))
        r = w.reply_head()
        h.signal(signal.SIGPIPE)
        h.signal(signal.SIGTERM)
        time.sleep(0.2)
        h.signal(signal.SIGHUP)
        check(rig.is_complete("/v1/messages", [rig.Event(e) for e in w.events(r)]))
        w.close()


def test_signals_during_a_start(g):
    """A reload is made up for, a successor is refused; the start goes on."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20 * rig.SLOW)
        h = own({"store": {"url": "redis://127.0.0.1:%d" % silent.getsockname()[1]}}, mock=g.mock, wait=False)
        s, _ = silent.accept()  # now it waits for its store
        h.signal(signal.SIGHUP)
        h.signal(signal.SIGUSR2)
        s.close()
    with h:
        rig.until(h.is_ready, 20 * rig.SLOW, lambda: "ready; it said: " + h.said()[-2000:])
        rig.until(lambda: "is in force" in h.said() and "refused: this process is starting" in h.said(), 10 * rig.SLOW,
                  lambda: "both were heard; it said: " + h.said()[-2000:])


def test_no_memory_for_a_configuration(g):
    """A start ends with that reason, or is one; a reload is refused and takes nothing away."""
    def many(config):
        config["tenants"] += [{"name": "t%d" % i, "keys": [{"name": "k", "sha256": rig.sha256("key %d" % i)}]}
                              for i in range(1000)]

    n, refused = 500, 0
    while True:  # nearly all a start takes is for its configuration: twice as much goes into a reload
        h = own(change=many, mock=g.mock, env={"SLUICE_FAIL_ALLOC": str(n)}, wait=False)
        rig.until(lambda: h.p.poll() is not None or ready_status(h) == 200, 20 * rig.SLOW, "started, or ended")
        if h.p.poll() is None:
            break
        equal((h.p.returncode, h.said()), (4, "not enough memory to read the configuration; free some, or give "
                                              "this process more, and try again\n"), "allocation %d" % n)
        h.expect_code = 4
        h.stop()
        n, refused = n * 3 // 2, refused + 1
    check(refused >= 3, "the configuration takes memory")
    h.stop()
    # well beyond a start and what is asked for meanwhile, and well before the end of a reload
    with own(change=many, mock=g.mock, env={"SLUICE_FAIL_ALLOC": str(n * 6 // 5)}) as h:
        h.config["tenants"][-1]["keys"][0]["sha256"] = rig.sha256("sk-slc-another-key-of-it")
        h.write_config()
        h.signal(signal.SIGHUP)
        rig.until(lambda: "not enough memory to read the configuration" in h.said(), 20 * rig.SLOW,
                  lambda: "refused; it said: " + h.said()[-2000:])
        contains(h.said(), "reload refused, the running configuration stays in force")
        equal(h.post("/v1/messages", BODY).status, 200, "as before")
        equal(h.post("/v1/messages", BODY, key="sk-slc-another-key-of-it").status, 401, "not in force")
        h.signal(signal.SIGHUP)
        rig.until(lambda: h.post("/v1/messages", BODY, key="sk-slc-another-key-of-it").status == 200, 20 * rig.SLOW,
                  "there is memory again")


def test_signals_until_the_very_end(g):
    """One that comes while everything is taken apart finds nobody to ask."""
    for late in (signal.SIGTERM, signal.SIGHUP):
        with own(mock=g.mock) as h:
            wires = [h.wire() for _ in range(50)]
            for w in wires:
                w.request("POST", "/v1/messages", rig.messages("mock-stall-3", stream=True))
                w.reply_head()
            h.signal(signal.SIGTERM)
            rig.until(lambda: ready_status(h) == 503, 1, "draining")
            h.signal(signal.SIGTERM)
            until = time.monotonic() + 10 * rig.SLOW
            while h.p.poll() is None and time.monotonic() < until:
                h.signal(late)
                time.sleep(0.0005)
            equal(h.p.wait(1), 0, "%s: %s" % (late, h.said()[-2000:]))
            for w in wires:
                w.close()


if __name__ == "__main__":
    rig.main(globals())
