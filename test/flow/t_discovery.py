#!/usr/bin/env python3
"""Promise: a provider may be a service that Consul knows. Its healthy instances share the requests;
what changes takes effect without a request lost; while Consul is away the last list holds, and a
provider that never had one says so. A gateway registers itself when it is ready, and deregisters
when it drains."""

import signal
import subprocess
import threading

import _rig as rig
from _admin import Api
from _consul import Consul
from _provider import Provider, nobody, provider
from _rig import check, contains, equal, until

TOKEN = "canary-consul-token"


class Instance(Provider):
    """Keeps the heads; with `gate` it answers when that is set."""

    def __init__(self):
        self.heads, self.gate = [], None
        super().__init__()

    def reply(self, head, body):
        self.heads.append(head)
        gate = self.gate
        if gate:
            gate.wait(60)
        return super().reply(head, body)


def consul_provider(name, place, service, params="", **more):
    return {**provider(name, 0), "base_url": "consul://%s/%s%s" % (place, service, params), "timeouts": {"connect": "2s"}, **more}


def ask(h, model="m-pay"):
    r = h.post("/v1/messages", rig.messages(model))
    equal(r.status, 200, r.body[:500])
    return r


def instances(h, name="pay"):
    one = [p for p in Api(h)("GET", "providers") if p["name"] == name][0]
    return one["consul"], sorted(int(i["address"].rpartition(":")[2]) for i in one["instances"])


def become(h, consul, *ports, **more):
    consul.set(pay=list(ports), **more)
    until(lambda: instances(h)[1] == sorted(ports), 20, lambda: "the list: %s" % (instances(h),))


def asked_of(instance, work):
    before = len(instance.seen)
    work()
    return len(instance.seen) - before


def test_discovery():
    consul, (a, b, c), shut = Consul(), [Instance() for _ in range(3)], nobody()
    consul.set(pay=[a.port, b.port])

    def change(conf):
        conf["consul"] = {"token": TOKEN, "register": {"service": "sluice", "agent": consul.place, "tags": ["a", "b\""]}}
        conf["providers"] += [consul_provider("pay", consul.place, "pay", "?tag=v1&dc=east&path=/x"),
                              consul_provider("also", consul.place, "pay", "?tag=v1&dc=east"),
                              consul_provider("never", "127.0.0.1:%d" % shut.getsockname()[1], "ghosts", timeouts={"connect": "300ms"})]
        conf["models"] += [{"name": "m-pay", "targets": [{"provider": "pay", "model": "m"}]},
                           {"name": "m-never", "targets": [{"provider": "never", "model": "m"}]},
                           {"name": "m-both", "targets": [{"provider": "never", "model": "m"}, {"provider": "pay", "model": "m", "priority": 1}]}]

    with rig.Gateway({"retry": {"attempts": 2, "base": "10ms"}}, change) as h:
        shared_out(h, consul, a, b)
        nothing_is_lost(h, consul, a, b, c)
        never_had_one(h)
        consul_is_away(h, consul, b, c)
        one_refuses(h, consul, b, shut.getsockname()[1])
        nobody_is_healthy(h, consul, c)
        asked_once(consul)
        h.settle()
        registers_itself(h, consul, h.metrics().text)
    for p in (consul, a, b, c, shut):
        p.close()


def shared_out(h, consul, a, b):
    become(h, consul, a.port, b.port)  # ready means that a list is there: ask at once
    n = [asked_of(i, lambda: [ask(h) for _ in range(4)]) for i in (a, b)]
    equal(n, [2, 2], "in turn among equals")
    name, params = consul.queries[0]
    equal((name, params), ("pay", {"passing": "1", "tag": "v1", "dc": "east"}))
    check(TOKEN in consul.tokens, "the token goes with it")
    head = a.heads[-1].decode().lower()
    contains(head, "host: pay\r\n")
    contains(head, "post /x/v1/messages ")
    equal(h.metrics().value("sluice_provider_instances", provider="pay"), 2)
    shown = subprocess.run([rig.SLUICE, "check", h.path], env=h.environment, capture_output=True, text=True, timeout=60).stdout
    contains(shown, "# provider pay: instances of pay that Consul at %s knows" % consul.place)
    check(TOKEN not in shown, "the token is shown")


def nothing_is_lost(h, consul, a, b, c):
    """One goes while it answers, others come: it finishes, and gets nothing more."""
    become(h, consul, a.port)
    a.gate = threading.Event()
    heads = len(a.heads) + 1
    with h.wire(60) as w:
        w.request("POST", "/v1/messages", rig.messages("m-pay"))
        until(lambda: len(a.heads) == heads, 10, "it is asked")
        become(h, consul, b.port, c.port)
        equal([asked_of(i, lambda: [ask(h) for _ in range(4)]) for i in (b, c)], [2, 2])
        a.gate.set()
        equal(w.reply().status, 200, "the one under way")
    a.gate = None
    for _ in range(4):
        ask(h)
    equal(len(a.heads), heads, "one that is gone was asked")


def never_had_one(h):
    r = h.post("/v1/messages", rig.messages("m-never"))
    equal(r.status, 502)
    contains(r.json()["error"]["message"], "Consul has told no instances of ghosts")
    equal(ask(h, "m-both").get("x-sluice-provider"), "pay")
    check(instances(h, "never")[0]["trouble"], "why is said")


def consul_is_away(h, consul, b, c):
    queries = len(consul.queries)
    consul.set(mode=500)
    until(lambda: "500" in instances(h)[0].get("trouble", ""), 20, "it is noticed")
    until(lambda: [q for _, q in consul.queries[queries:] if "index" not in q], 20, "asked again, to answer at once")
    equal(instances(h)[1], sorted([b.port, c.port]), "the last list holds")
    ask(h)
    queries = len(consul.queries)
    become(h, consul, b.port, mode="good", index=3)  # an agent that begins anew
    until(lambda: "trouble" not in instances(h)[0], 20, "it is over")
    until(lambda: [q for _, q in consul.queries[queries:] if "index" not in q], 20, "the index is reset")


def one_refuses(h, consul, b, shut):
    become(h, consul, b.port, shut)
    equal(asked_of(b, lambda: [ask(h) for _ in range(4)]), 4)


def nobody_is_healthy(h, consul, c):
    become(h, consul)
    r = h.post("/v1/messages", rig.messages("m-pay"))
    equal(r.status, 502)
    contains(r.json()["error"]["message"], "no healthy instance of pay")
    become(h, consul, c.port)
    ask(h)


def asked_once(consul):
    """Two providers of one service share its query."""
    equal({name for name, _ in consul.queries}, {"pay"})
    first = [q for _, q in consul.queries if "index" not in q]
    check(len(first) < 8, "each of the two asks:", first)


def registers_itself(h, consul, metrics):
    until(lambda: consul.registered, 20, "it registers when it is ready")
    one = consul.registered[0]
    equal(one["checked"], 200, "by then it is ready")
    equal((one["Name"], one["Address"], one["Port"], one["Tags"]), ("sluice", "127.0.0.1", h.port, ["a", "b\""]))
    equal(one["Check"]["HTTP"], "http://127.0.0.1:%d/readyz" % h.admin_port)
    equal(one["ID"], "sluice-127.0.0.1-%d" % h.port)
    equal(consul.gone, [])
    h.signal(signal.SIGTERM)
    until(lambda: consul.gone, 20, "it deregisters when it drains")
    equal(consul.gone, [one["ID"]])
    until(lambda: h.p.poll() is not None, 20, "it ends")
    check(TOKEN not in h.said() + metrics, "the token is told")


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
