#!/usr/bin/env python3
"""Promise: conf/nginx.conf, as shipped but for places and ports, works in front of
two instances: streams unbuffered, leaving noticed, an absent instance survived."""
# timeout: 120

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import _rig as rig
from _rig import check, equal


class Nginx:
    def __init__(self, ports, mock):
        self.dir = rig.tmp("nginx")
        os.makedirs(self.dir, exist_ok=True)
        self.port = rig.free_ports(1)[0]
        text = open(os.path.join(rig.ROOT, "conf/nginx.conf")).read()

        def put(pattern, new):
            nonlocal text
            text, n = re.subn(pattern, new, text)
            check(n > 0, "conf/nginx.conf has changed:", pattern)

        put(r"127\.0\.0\.1:8080", "127.0.0.1:%d" % ports[0])
        put(r"127\.0\.0\.1:8081", "127.0.0.1:%d" % ports[1])
        put(r"listen 8443 ssl", "listen 127.0.0.1:%d ssl" % self.port)
        put(r"ssl_certificate /\S+;", "ssl_certificate %s/cert.pem;" % mock.dir)
        put(r"ssl_certificate_key /\S+;", "ssl_certificate_key %s/key.pem;" % mock.dir)
        put(r"error_log /\S+ warn;", "error_log %s/error.log warn;" % self.dir)
        put(r"pid /\S+;", "pid %s/nginx.pid;" % self.dir)
        put(r"worker_processes auto;", "worker_processes 1;\ndaemon off;")
        put(r"worker_rlimit_nofile \d+;", "")
        put(r"worker_connections \d+;", "worker_connections 512;")
        put(r"http \{", "http {\n" + "".join("    %s_temp_path %s/%s;\n" % (n, self.dir, n) for n in
                                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")))
        path = os.path.join(self.dir, "nginx.conf")
        with open(path, "w") as f:
            f.write(text)
        self.p = rig._start(["nginx", "-p", self.dir, "-e", self.dir + "/error.log", "-c", path], stderr=open(self.dir + "/stderr", "wb"))
        rig.until(self.answers, 5, lambda: "nginx: " + open(self.dir + "/stderr").read())
        self.ca = mock.ca

    def answers(self):
        check(self.p.poll() is None, "nginx ended:", open(self.dir + "/stderr").read())
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def wire(self, timeout=20):
        w = rig.Wire(self.port, timeout)
        context = ssl.create_default_context(cafile=self.ca)
        w.s = context.wrap_socket(w.s, server_hostname="localhost")
        return w

    def stop(self):
        self.p.send_signal(signal.SIGQUIT)
        self.p.wait(10)


def setup(g):
    if not hasattr(g, "nginx"):
        g.twin = rig.Gateway(mock=g.mock)
        g.nginx = Nginx((g.port, g.twin.port), g.mock)
    return g.nginx


def test_answers_pass(g):
    n = setup(g)
    for path, make, _ in rig.GENERATE:
        for stream in (False, True):
            body = make("mock-events-20", stream=stream)
            with n.wire() as w:
                w.request("POST", path, body)
                r = w.reply()
                equal(r.status, 200, path)
                equal(r.body, g.post(path, body).body, path)
                check(r.get("x-sluice-request-id"))


def test_both_instances_work(g):
    n = setup(g)
    for _ in range(20):
        with n.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("mock-echo"))
            equal(w.reply().status, 200)
    for h in (g, g.twin):
        check(h.metrics().value("sluice_requests_total", endpoint="messages") > 0, "an instance got nothing")


def test_streams_are_not_buffered(g):
    n = setup(g)
    for path, make, _ in rig.GENERATE:
        with n.wire() as w:
            w.request("POST", path, make("mock-events-8-slow-100ms", stream=True))
            times = [time.monotonic() for e in w.events(w.reply_head()) if b'"000000' in e][:8]
        # one by one; a busy machine may read two of them at once
        gaps = sorted(b - a for a, b in zip(times, times[1:]))
        check(len(times) == 8 and gaps[2] > 0.03 and times[-1] - times[0] > 0.4, path, gaps)


def test_leaving_is_noticed(g):
    n = setup(g)
    for path, make, _ in rig.GENERATE:
        w = n.wire()
        w.request("POST", path, make("mock-events-1000-slow-20ms", stream=True))
        next(w.events(w.reply_head()))
        w.close()
        g.mock.quiet(2)


def test_large_bodies_and_headers(g):
    n = setup(g)
    with n.wire() as w:
        body = rig.messages("mock-bytes-2000000", "x" * (5 << 20))
        w.request("POST", "/v1/messages", body, [("anthropic-beta", "b" * 6000)])
        r = w.reply()
        equal((r.status, len(r.body)), (200, 2000000))
        equal(g.mock.last().sha256, rig.sha256(body))
    with n.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("x", "y" * (9 << 20)))
        try:
            equal(w.reply().status, 413, "the gateway's own words")
        except rig.Closed:
            pass


def test_errors_pass(g):
    n = setup(g)
    for words, status in (("529", 529), ("429-2", 429), ("500", 500), ("401", 502), ("drop", 502)):
        with n.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("mock-" + words))
            r = w.reply()
            equal(r.status, status, words)
            check(r.json()["error"]["message"])
            check(r.get("x-sluice-request-id"), "not nginx's own page")


def test_client_address(g):
    n = setup(g)
    with rig.Gateway({"trusted_proxies": ["127.0.0.1"]}, mock=g.mock) as h:
        pass
    with n.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("mock-echo"))
        equal(w.reply().status, 200)
    seen = g.mock.last()
    equal([x for x in seen.names() if "forward" in x or x == "x-real-ip"], [], "addresses go no further")


def test_an_instance_goes_away(g):
    n = setup(g)
    g.twin.stop()
    for _ in range(20):
        with n.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("mock-echo"))
            equal(w.reply().status, 200, "one instance is enough")
    n.stop()


if __name__ == "__main__":
    if shutil.which("nginx") is None:
        print("no nginx here")
        raise SystemExit(77)
    rig.main(globals())
