#!/usr/bin/env python3
"""Promise: what an operator pauses is asked nothing, and what they weigh anew moves no more users than it must: on every
instance within a second, over reloads, restarts and outages, until its time is over or it is taken back."""
# timeout: 240

import glob
import json

import _rig as rig
from _admin import Api
from _check import check, contains, equal, until
from _redis import Redis, on_both_stores
from _rig import KEY, KEY_BOB, messages
from t_cli_store import Shell
from t_failover import provider

MODELS = [
    {"name": "m", "aliases": ["also-m"], "targets": [{"provider": "a", "model": "mock-echo"}, {"provider": "b", "model": "mock-echo", "priority": 1}]},
    {"name": "solo", "targets": [{"provider": "a", "model": "mock-echo"}]},
    {"name": "slow", "targets": [{"provider": "a", "model": "mock-events-30-slow-100ms"}]},
    {"name": "gray", "strategy": "weighted", "targets": [{"provider": "a", "model": "mock-echo"}, {"provider": "b", "model": "mock-echo"}]},
    {"name": "twice", "strategy": "weighted", "targets": [{"provider": "a", "model": "mock-echo"}, {"provider": "a"}]},
]
SHADOW = {"name": "shadowed", "mirror": {"provider": "b", "percent": 100}, "targets": [{"provider": "a", "model": "mock-echo"}]}


def gateway(mock, url):
    def change(c):
        c["providers"] += [provider(n, mock.plain) for n in "ab"]
        c["models"] += [*MODELS, SHADOW]
        c["store"] = {"url": url}

    return rig.Gateway({"retry": {"attempts": 2, "base": "10ms", "max": "1s"}}, change, mock=mock)


def ask(h, model, key=KEY, **more):
    return h.post("/v1/messages", messages(model, **more), key=key)


def who(h, model, **more):
    r = ask(h, model, **more)
    equal(r.status, 200, r.body[:300])
    return r.get("x-sluice-provider")


def switch(api, kind, name, span="30m", **more):
    return api("POST", "switches", {"kind": kind, "name": name, "for": span, **more})


def test_pauses(g):
    def act(h, redis):
        api = Api(h)
        total = lambda: h.metrics().value("sluice_switches")
        paused = lambda kind, name: h.metrics().labelled("sluice_paused", "kind", "name")[kind, name]
        equal((who(h, "m"), api("GET", "switches")), ("a", []))
        got = switch(api, "provider", "a", why="they \"mend\" it")
        equal((got["id"], got["kind"], got["name"], got["why"]), ("provider:a", "provider", "a", "they \"mend\" it"))
        check(0 < got["left_ms"] <= 1800000 and got["until"] - got["since"] == 1800, got)
        contains(got["by"], "admin key ")
        # at once where it was set
        equal(who(h, "m"), "b")
        seen = api("POST", "explain", {"path": "/v1/messages", "tenant": "acme", "body": json.loads(messages("m"))})["targets"]
        equal([(t["provider"], t["turn"], t.get("bar")) for t in sorted(seen, key=lambda t: t["provider"])], [("a", None, "paused"), ("b", 1, None)])
        r = ask(h, "solo")
        equal((r.status, r.json()["error"]["type"]), (503, "api_error"), r.body)
        contains(r.body.decode(), "an operator has paused it")
        check(1 <= int(r.get("retry-after")) <= 60, r.get("retry-after"))
        one = api("GET", "switches")
        equal([{**s, "left_ms": 0} for s in one], [{**got, "left_ms": 0}])
        equal([p["paused_ms"] > 0 for p in api("GET", "providers") if p["name"] in "ab"], [True, False])
        equal([paused("provider", n) for n in "ab"], [1, 0])
        equal((h.metrics().value("sluice_switches", kind="provider"), total()), (1, 1))
        # a shorter one takes its place, and is short enough to be told
        equal(switch(api, "provider", "a", "20s")["why"], "")
        check(1 <= int(ask(h, "solo").get("retry-after")) <= 30, "what is left, with its spread")
        equal(api("DELETE", "switches/provider:a"), {"id": "provider:a", "state": "ended"})
        equal((who(h, "m"), who(h, "solo"), api("GET", "switches")), ("a", "a", []))
        equal(paused("provider", "a"), 0)
        # one model of a provider; a model, by an alias of it
        switch(api, "target", "a/mock-echo")
        equal((who(h, "m"), ask(h, "solo").status, ask(h, "slow").status), ("b", 503, 200))
        api("DELETE", "switches/target:a%2Fmock-echo")
        equal(switch(api, "model", "also-m")["id"], "model:m")
        equal((ask(h, "m").status, ask(h, "also-m").status, who(h, "solo")), (503, 503, "a"))
        equal(paused("model", "m"), 1)
        equal(api("DELETE", "switches/model:also-m"), {"id": "model:m", "state": "ended"})
        # whose they are
        switch(api, "tenant", "acme")
        r = ask(h, "m")
        equal((r.status, "paused" in r.body.decode(), ask(h, "m", key=KEY_BOB).status), (403, True, 200))
        api("DELETE", "switches/tenant:acme")
        text, id = api.key("k", tenant="acme")
        switch(api, "key", id)
        equal((ask(h, "m", key=text).status, ask(h, "m").status), (403, 200))
        api("DELETE", "switches/key:" + id)
        equal(ask(h, "m", key=text).status, 200)
        # it ends by itself
        switch(api, "provider", "a", "1s")
        until(lambda: ask(h, "solo").status == 200, 10 * rig.SLOW, "its end")
        equal((api("GET", "switches"), total()), ([], 0))
        # every change is proven: who, what, why
        lines = lambda: [json.loads(l) for p in glob.glob(h.dir + "/**/trail.jsonl", recursive=True) for l in open(p) if '"kind":"switch"' in l]
        until(lambda: len(lines()) == 12, 5, lambda: "the trail: %s" % lines())
        first = lines()[0]
        equal((first["id"], first["state"], json.loads(first["doc"])["why"]), ("provider:a", "active", "they \"mend\" it"))
        contains(first["actor"], "admin key ")

    on_both_stores(lambda url: gateway(g.mock, url), act)


def test_what_runs_goes_on(g):
    with gateway(g.mock, "embedded:") as h:
        api = Api(h)
        with h.wire() as w:
            w.request("POST", "/v1/messages", messages("slow", stream=True))
            until(lambda: h.metrics().value("sluice_streams_open", provider="a") == 1, 10 * rig.SLOW, "it runs")
            for kind, name in (("provider", "a"), ("model", "slow"), ("tenant", "acme")):
                switch(api, kind, name)
            equal(ask(h, "m").status, 403)
            r = w.reply()
            equal(r.status, 200)
            check(rig.is_complete("/v1/messages", rig.parse_events(r.body)), "to its end")


def test_a_mirror_is_paused(g):
    with gateway(g.mock, "embedded:") as h:
        value = lambda result: h.metrics().value("sluice_mirrored_total", model="shadowed", result=result) or 0
        equal(who(h, "shadowed"), "a")
        until(lambda: value("done") == 1, 10 * rig.SLOW, "a copy")
        switch(Api(h), "provider", "b")
        equal((who(h, "shadowed"), value("skipped")), ("a", 1))


def test_weights_move_who_must(g):
    users = ["user-%d" % i for i in range(60)]
    where = lambda h: {u: who(h, "gray", metadata={"user_id": u}) for u in users}

    def act(h, redis):
        api = Api(h)
        before = where(h)
        check(set(before.values()) == {"a", "b"}, before)
        got = switch(api, "weight", "gray", weights={"b": 3})
        equal(got["weights"], {"b": 3})
        after = where(h)
        check(list(after.values()).count("b") > list(before.values()).count("b"), after)
        equal([u for u in users if before[u] == "b" and after[u] == "a"], [], "nobody leaves who need not")
        switch(api, "weight", "gray", weights={"a": 0, "b/mock-echo": 100})
        equal(set(where(h).values()), {"b"})
        api("DELETE", "switches/weight:gray")
        equal(where(h), before, "back where they were")
        switch(api, "weight", "gray", "1s", weights={"a": 0})
        until(lambda: where(h) == before, 20 * rig.SLOW, "its end")

    on_both_stores(lambda url: gateway(g.mock, url), act)


def test_every_instance(g):
    """Set on one, in force on the other, over a reload, a restart and an outage."""
    redis = Redis()
    with gateway(g.mock, redis.url) as one, gateway(g.mock, redis.url) as two:
        first, second = Api(one), Api(two)
        switch(first, "provider", "a", why="one said so")
        switch(first, "weight", "gray", weights={"a": 100, "b": 0})
        until(lambda: len(second("GET", "switches")) == 2, 5, "on the other one")
        equal((who(two, "m"), who(two, "gray"), who(one, "m")), ("b", "b", "b"))
        equal(redis.hash("slc:switch:provider:a")["state"], "active")
        second("DELETE", "switches/weight:gray")
        until(lambda: len(first("GET", "switches")) == 1, 5, "taken back on the other one")
        two.signal(1)
        until(lambda: two.metrics().value("sluice_config_reloads_total", result="ok") == 1, 10 * rig.SLOW, "the reload")
        equal(who(two, "m"), "b")
        two.stop()
        two.start()
        until(lambda: len(second("GET", "switches")) == 1, 10 * rig.SLOW, "after a restart")
        equal(who(two, "m"), "b")
        switch(first, "model", "solo", "3s")
        until(lambda: len(second("GET", "switches")) == 2, 5, "a short one")
        redis.kill()
        until(lambda: second("GET", "store")["up"] is False, 20, "it is away")
        equal(who(two, "m"), "b")
        first.refused("POST", "switches", {"kind": "model", "name": "m", "for": "1m"}, 503, "store_down")
        until(lambda: len(second("GET", "switches")) == 1, 20, "it ends without the store, too")
        equal((second("GET", "switches")[0]["id"], who(two, "m")), ("provider:a", "b"))


def test_a_restart_keeps_them(g):
    with gateway(g.mock, "embedded:data") as h:
        switch(Api(h), "provider", "a")
        h.stop()
        h.start()
        equal((who(h, "m"), len(Api(h)("GET", "switches"))), ("b", 1))


def test_what_is_refused(g):
    with gateway(g.mock, "embedded:") as h:
        api = Api(h)
        good = {"kind": "provider", "name": "a", "for": "30m"}
        for change, status, param in (
            ({"kind": None}, 400, "kind"), ({"kind": "planet"}, 400, "kind"), ({"kind": 7}, 400, "kind"),
            ({"name": None}, 400, "name"), ({"name": ""}, 400, "name"), ({"name": "x" * 201}, 400, "name"), ({"name": "zz"}, 404, "name"),
            ({"for": None}, 400, "for"), ({"for": "0s"}, 400, "for"), ({"for": "31d"}, 400, "for"), ({"for": "soon"}, 400, "for"),
            ({"until": "2020-01-01"}, 400, "until"), ({"for": None, "until": 1}, 400, "until"), ({"why": 1}, 400, "why"), ({"why": "x" * 201}, 400, "why"),
            ({"weights": {"a": 1}}, 400, "weights"), ({"else": 1}, 400, "else"),
            ({"kind": "model", "name": "nope"}, 404, "name"), ({"kind": "target", "name": "a"}, 200, ""), ({"kind": "target", "name": "b/x"}, 404, "name"),
            ({"kind": "tenant", "name": "nope"}, 404, "tenant"), ({"kind": "key", "name": "nope"}, 404, "id"),
            ({"kind": "weight", "name": "gray"}, 400, "weights"), ({"kind": "weight", "name": "m", "weights": {"a": 1}}, 400, "name"),
            ({"kind": "weight", "name": "gray", "weights": {}}, 400, "weights"), ({"kind": "weight", "name": "gray", "weights": {"c": 1}}, 400, "weights"),
            ({"kind": "weight", "name": "gray", "weights": {"a": -1}}, 400, "weights"), ({"kind": "weight", "name": "gray", "weights": {"a": 1000001}}, 400, "weights"),
            ({"kind": "weight", "name": "twice", "weights": {"a": 1}}, 200, ""), ({"kind": "weight", "name": "twice", "weights": {"a/mock-echo": 1}}, 200, ""),
        ):
            body = {k: v for k, v in {**good, **change}.items() if v is not None}
            if status == 200:
                equal(api.raw("POST", "switches", body).status, 200, body)
            else:
                api.refused("POST", "switches", body, status, param=param)
        api.refused("POST", "switches", [], 400)
        for id in ("provider:b", "nothing", "purge.texts", ":"):
            api.refused("DELETE", "switches/" + id, None, 404, param="id")
        equal(api.raw("PATCH", "switches").status, 405)
        r = rig.call(h.admin_port, "GET", "/admin/api/switches")
        equal(r.status, 401)


def test_the_shell(g):
    with gateway(g.mock, "embedded:") as h:
        sh = Shell(h)
        got = sh.json("pause", "provider", "a", "--for", "30m", "--why", "they mend it")
        equal((got["id"], got["why"]), ("provider:a", "they mend it"))
        sh("pause", "target", "b/mock-echo", "--for", "30m")
        equal(ask(h, "m").status, 503)
        sh("weight", "gray", "a=0", "b=100", "--for", "10m")
        table = sh.table("switches")
        equal(sorted((r[0], r[1]) for r in table), [("KIND", "NAME"), ("provider", "a"), ("target", "b/mock-echo"), ("weight", "gray")])
        for argv in (("provider", "a"), ("target", "b/mock-echo"), ("weight", "gray")):
            sh("resume", *argv)
        equal((sh.json("switches"), who(h, "m")), ([], "a"))
        sh.fails(1, ["no switch provider:a"], "resume", "provider", "a")
        sh.fails(1, ["no provider nope"], "pause", "provider", "nope", "--for", "1m")
        sh.fails(1, ["is missing"], "pause", "provider", "a")
        sh.fails(2, ["takes"], "weight", "gray")
        sh.fails(2, ["NAME=NUMBER"], "weight", "gray", "a", "--for", "1m")
        sh.fails(2, ["verb"], "pause", "planet", "x")
        contains(sh("pause", "--help"), "PROVIDER/MODEL")
        contains(sh("weight", "--help"), "MODEL TARGET=N...")


if __name__ == "__main__":
    rig.main(globals())
