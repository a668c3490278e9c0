#!/usr/bin/env python3
"""Promise: with list_models, GET /v1/models shows what the providers behind patterns
list, and a provider that does not answer costs nothing but its part of the list."""
# timeout: 120

import signal

import _rig as rig
from _rig import check, equal


def ids(g, key=rig.KEY):
    r = g.call("GET", "/v1/models", key=key)
    equal(r.status, 200)
    return [m["id"] for m in r.json()["data"]]


def listed(g, name, seconds=5):
    rig.until(lambda: name in ids(g), seconds * rig.SLOW, lambda: "%s in %s" % (name, ids(g)))


def test_off_by_default(g):
    equal(ids(g), ["also-short", "only-anthropic", "short"])


def test_what_patterns_lead_to(g):
    with rig.Gateway({"list_models": True}, mock=g.mock) as h:
        listed(h, "claude-mock")
        got = ids(h)
        equal(got, sorted(set(got)), "each once, sorted")
        for name in ("short", "also-short", "only-anthropic"):
            check(name in got, name, "is still there")
        shown = {m["id"]: m for m in h.call("GET", "/v1/models").json()["data"]}
        equal(shown["claude-mock"]["owned_by"], "mock-a")
        equal(h.call("GET", "/v1/models/claude-mock").status, 200)
        equal(ids(h, rig.KEY_NARROW), ["mock-echo"], "scopes hold for it")
        h.signal(signal.SIGHUP)
        listed(h, "claude-mock")
        h.settle()


def test_only_what_leads_there(g):
    def change(c):
        c["models"] = [
            {"name": "claude-*", "targets": [{"provider": "mock-a"}]},
            {"name": "gpt-*", "targets": [{"provider": "mock-o", "model": "mock-echo"}]},
        ]

    with rig.Gateway({"list_models": True}, change, mock=g.mock) as h:
        listed(h, "claude-mock")
        check(all(i.startswith("claude-") for i in ids(h)), "names that lead elsewhere:", ids(h))


def test_a_provider_that_does_not_answer(g):
    def change(c):
        c["providers"][1]["base_url"] = "http://127.0.0.1:%d/v1" % rig.free_ports(9)[8]

    with rig.Gateway({"list_models": True}, change, mock=g.mock) as h:
        listed(h, "claude-mock")
        h.good()
        rig.until(lambda: "does not list its models" in h.said(), 3, h.said)


def test_end_while_asking(g):
    """A provider that never answers does not hold a start or an end up."""
    import socket

    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(8)

    def change(c):
        for p, path in zip(c["providers"], ("", "/v1")):
            p["base_url"] = "http://127.0.0.1:%d%s" % (silent.getsockname()[1], path)

    with rig.Gateway({"list_models": True}, change, mock=g.mock) as h:
        equal(ids(h), ["also-short", "only-anthropic", "short"])
        h.signal(signal.SIGHUP)
        equal(h.admin("GET", "/readyz").status, 200)
    silent.close()


if __name__ == "__main__":
    rig.main(globals())
