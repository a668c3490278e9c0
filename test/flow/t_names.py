#!/usr/bin/env python3
"""Promise: a resolver that never answers costs a request its connect limit and no more; other names
are found meanwhile, other targets answer, and the process ends when it is told to."""

import os
import socket

import _rig as rig
from _provider import Provider, provider
from _rig import check, equal, until

SILENT = 24  # more than there are threads in libuv's pool


class Resolver:
    """Takes questions on loopback and says nothing."""

    def __init__(self):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.s.setblocking(False)
        self.asked = set()

    def environment(self):
        path = os.path.join(os.path.dirname(rig.SLUICE), "test", "silent_names.so")
        check(os.path.exists(path), path)
        return {
            "LD_PRELOAD": path,
            "SILENT_NAMES": str(self.s.getsockname()[1]),
            "ASAN_OPTIONS": rig.environment()["ASAN_OPTIONS"] + ":verify_asan_link_order=0",
        }

    def names(self):
        try:
            while True:
                self.asked.add(self.s.recv(1000).decode())
        except BlockingIOError:
            return self.asked


def entry(name, host, port, limit):
    return {**provider(name, port), "base_url": "http://%s:%d" % (host, port), "timeouts": {"connect": limit}}


def test_a_resolver_that_never_answers(g):
    resolver, peer = Resolver(), Provider()
    names = ["name-%d.silent.test" % i for i in range(SILENT)]

    def change(c):
        c["providers"].append(entry("loud", "any.loud.test", peer.port, "60s"))
        c["models"].append({"name": "loud", "targets": [{"provider": "loud", "model": "m"}]})
        for i, name in enumerate(names):
            c["providers"].append(entry("silent-%d" % i, name, 80, "1s"))
            targets = [{"provider": "silent-%d" % i, "model": "m"}, {"provider": "loud", "model": "m", "priority": 1}]
            c["models"].append({"name": "model-%d" % i, "targets": targets})

    settings = {"retry": {"attempts": 2, "base": "10ms"}}
    with rig.Gateway(settings, change, mock=g.mock, env=resolver.environment()) as h:
        wires = [h.wire(60) for _ in names]
        for i, w in enumerate(wires):
            w.request("POST", "/v1/messages", rig.messages("model-%d" % i))
        until(lambda: len(resolver.names()) == SILENT, 10, lambda: "asked for at once: %s" % sorted(resolver.names()))
        r = h.post("/v1/messages", rig.messages("loud"))
        equal((r.status, r.get("x-sluice-provider")), (200, "loud"), "a name that is known, for the first time")
        for w in wires:
            r = w.reply()
            equal((r.status, r.get("x-sluice-provider")), (200, "loud"), r.body[:300])
            w.close()
        equal(len(resolver.names()), SILENT, "each is asked for once as long as there is no answer")
        # and now it ends, though each look-up goes on for a minute
    peer.close()


if __name__ == "__main__":
    rig.main(globals())
