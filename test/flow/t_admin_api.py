#!/usr/bin/env python3
"""Promise: keys, tenants and money are made and changed through the admin API, on both kinds of store; what was changed
holds at the next request, here and on every other instance; secrets are shown once and kept nowhere."""
# timeout: 280

import glob
import hashlib
import json
import os
import re
import time

import _rig as rig
from _admin import Api
from _bodies import dump, messages
from _check import check, contains, equal, until
from _redis import Redis
from _rig import KEY, KEY_BOB

PRICE = {"input": 3.0, "output": 15.0}
ACME = [{"name": "acme", "limits": {"rpm": 50}, "budget": {"daily": 5.0}, "labels": {"team": "red"},
         "keys": [{"name": "alice", "sha256": rig.sha256(KEY), "user": "alice@acme", "limits": {"tpm": 100000}}]},
        {"name": "bobs", "keys": [{"name": "bob", "sha256": rig.sha256(KEY_BOB)}]}]
PLANS = [{"name": "coders", "limits": {"concurrency": 7}}]


def settings(store, **more):
    models = [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]
    return {"store": {"url": store}, "models": models, "plans": PLANS, "tenants": ACME, **more}


def on_both(act, **more):
    for redis in (None, Redis()):
        with rig.Gateway(settings(redis.url if redis else "embedded:data", **more)) as g:
            act(g, Api(g), redis)
            g.settle()
        if redis:
            redis.kill()


def ask(g, key, model="mock-echo", **body):
    return g.post("/v1/messages", messages(model, **body), key=key)


def status(g, key, **more):
    return ask(g, key, **more).status


def public(key):
    return hashlib.sha256(key.encode()).hexdigest()[:8]


# ---- keys --------------------------------------------------------------------


def test_a_key_as_one_api_makes_it():
    def act(g, api, redis):
        r = api.raw("POST", "token/", {"name": "ci-bot", "remain_quota": 500000, "unlimited": False})
        equal(r.status, 200, r.body)
        whole = r.json()
        data, key = whole["data"], whole["key"]
        equal(data["key"], key, "where both families look for it")
        check(re.fullmatch(r"sk-slc-[a-z2-7]{16}-[a-z2-7]{56}", key), key)
        equal(key.split("-")[2], data["id"])
        equal((data["tenant"], data["name"], data["state"], data["status"]), ("default", "ci-bot", "active", 1))
        equal((data["budget"]["initial_credits"], data["unlimited_quota"], data["expired_time"]), (1, False, -1))
        first = ask(g, key, text="first")
        equal(first.status, 200, "works at once")
        shown = until(lambda: (lambda d: d if d["balance"]["spent"] > 0 else None)(api("GET", "token/" + data["id"])), 5, "settled")
        equal(round(shown["balance"]["spent"], 6), float(first.get("x-sluice-cost")))
        equal(shown["remain_quota"], 500000 - -(-round(shown["balance"]["spent"] * 1e6) // 2))
        secret = key.split("-")[3]
        g.log_ends()
        everything = json.dumps([shown, api("GET", "token"), api("GET", "tenant")]) + g.said() + open(g.out).read()
        for path in glob.glob(g.dir + "/**/*", recursive=True):
            if os.path.isfile(path):
                everything += open(path, "rb").read().decode("latin-1")
        if redis:
            everything += redis.everything()
        check(secret not in everything, "the secret is kept somewhere")
        check(rig.sha256(key) in everything, "its digest is kept nowhere")
        check("tenant made by admin key" in g.said(), "the log does not say who")
        unlimited = api("POST", "token", {"name": "u", "remain_quota": 5, "unlimited_quota": True, "expired_time": -1, "subnet": ""})
        equal((unlimited["unlimited_quota"], unlimited["budget"]), (True, {}))

    on_both(act)


def test_what_a_key_may():
    def act(g, api, redis):
        key, id = api.key(tenant="acme", user="u@acme", models="mock-echo,claude-*", endpoints=["messages"], rpm=3, tpm=1000,
                          concurrency=2, credits=0.5, budget={"daily": 1, "monthly": 2.5}, expires="2100-01-01", **{"class": 9})
        shown = api("GET", "token/" + id)
        equal(shown["scopes"], ["models:mock-echo", "models:claude-*", "endpoints:messages"])
        equal(shown["limits"], {"rpm": 3, "tpm": 1000, "concurrency": 2})
        equal(shown["budget"], {"initial_credits": 0.5, "daily": 1, "monthly": 2.5})
        equal((shown["class"], shown["expires"], shown["user"]), (9, 4102444800, "u@acme"))
        equal(shown["effective"]["limits"]["rpm"], 3)
        equal([status(g, key) for _ in range(4)], [200, 200, 200, 429])
        equal(status(g, key, model="other"), 403)
        equal(g.post("/v1/chat/completions", rig.chat("mock-echo"), key=key).status, 403)
        # from the next request on
        api("PATCH", "token/" + id, {"rpm": 5, "models": None, "limits": {"concurrency": None}})
        equal([status(g, key, model="other") for _ in range(3)], [200, 200, 429])
        shown = api("GET", "token/" + id)
        equal((shown["scopes"], shown["limits"]), (["endpoints:messages"], {"rpm": 5, "tpm": 1000}))
        api("PATCH", "token/" + id, {"endpoints": ["models"], "rpm": None})
        equal(status(g, key), 403)
        api("PATCH", "token/" + id, {"scopes": None, "state": "paused"})
        refused = ask(g, key)
        equal(refused.status, 403)
        contains(refused.json()["error"]["message"], "paused")
        api("PATCH", "token/" + id, {"state": "active"})
        equal(status(g, key), 200)
        equal(api("DELETE", "token/" + id)["state"], "revoked")
        refused = ask(g, key)
        equal(refused.status, 403)
        api.refused("PATCH", "token/" + id, {"state": "active"}, 409, "conflict", "id")
        equal(status(g, key), 403, "for good")
        check(id in [k["id"] for k in api("GET", "token?state=revoked")])

    on_both(act)


def test_keys_of_the_file_and_over_it():
    def act(g, api, redis):
        id = public(KEY)
        shown = api("GET", "token/" + id)
        equal((shown["source"], shown["rev"], shown["limits"]), ("file", 0, {"tpm": 100000}))
        api("PATCH", "token/" + id, {"rpm": 1})
        equal([status(g, KEY), status(g, KEY)], [200, 429])
        shown = api("GET", "token/" + id)
        equal((shown["source"], shown["limits"], shown["user"]), ("file and store", {"rpm": 1, "tpm": 100000}, "alice@acme"))
        equal([k["id"] for k in api("GET", "token")].count(id), 1, "listed once")
        api("POST", "token/%s/reset" % id)
        equal((status(g, KEY), api("GET", "token/" + id)["limits"]), (200, {"tpm": 100000}))
        api("DELETE", "token/" + id)
        equal(status(g, KEY), 403, "what the API set wins over the file")
        api("POST", "token/%s/reset" % id)
        equal(status(g, KEY), 200)
        # what only lay over the file goes with it
        made, _ = api.key(tenant="acme")
        api("PATCH", "tenant/acme", {"rpm": 60})
        equal((status(g, made), status(g, KEY)), (200, 200))
        g.config["tenants"] = [t for t in g.config["tenants"] if t["name"] != "acme"]
        g.write_config()
        api("POST", "reload")
        equal((status(g, KEY), status(g, made), status(g, KEY_BOB)), (401, 401, 200))
        api.refused("GET", "token/" + id, None, 404)
        api.refused("GET", "tenant/acme", None, 404)
        g.config["tenants"] = ACME
        g.write_config()
        api("POST", "reload")
        equal((status(g, KEY), status(g, made)), (200, 200))

    on_both(act)


def test_rotation():
    def act(g, api, redis):
        old, id = api.key("r", rpm=4, credits=0.01, tenant="acme", user="x", **{"class": 3})
        equal([status(g, old) for _ in range(2)], [200, 200])
        new = api("POST", "token/%s/rotate" % id, {"overlap": "2s"})
        equal((new["name"], new["user"], new["class"], new["account"], new["limits"]), ("r", "x", 3, id, {"rpm": 4}))
        check(new["key"] != old and new["id"] != id)
        equal(status(g, new["key"]), 200)
        equal(status(g, old), 200, "both are good until then")
        equal([status(g, new["key"]), status(g, old)], [429, 429], "they share one window")
        api.refused("POST", "token/%s/rotate" % id, {}, 409, "conflict", "id")
        balance = api("GET", "token/" + new["id"])["balance"]
        equal(balance["credits"], 0.01, "and one account")
        until(lambda: api("GET", "token/" + new["id"])["balance"]["spent"] == api("GET", "token/" + id)["balance"]["spent"] > 0.0001, 5, "spent")
        until(lambda: status(g, old) == 403, 5, "the old one ends")
        api("PATCH", "token/" + new["id"], {"rpm": None})
        equal(status(g, new["key"]), 200)
        # in turn, at once
        newer = api("POST", "token/%s/rotate" % new["id"], {"overlap": 0})
        equal((newer["account"], status(g, new["key"]), status(g, newer["key"])), (id, 403, 200))
        api("DELETE", "token/" + id)
        equal(status(g, newer["key"]), 200, "its predecessor's end is not its own")
        api("DELETE", "token/" + newer["id"])
        equal(status(g, newer["key"]), 403)
        # one of the file
        new = api("POST", "token/%s/rotate" % public(KEY))
        equal((new["limits"], new["user"], new["tenant"]), ({"tpm": 100000}, "alice@acme", "acme"))
        equal((status(g, KEY), status(g, new["key"])), (200, 200))
        until_s = api("GET", "token/" + public(KEY))["rotated_until"]
        check(abs(until_s - time.time() - 86400) < 60, "a day, if nothing is said: %s" % until_s)

    on_both(act)


# ---- money -------------------------------------------------------------------


def test_credits():
    def act(g, api, redis):
        key, id = api.key(credits=0)
        refused = ask(g, key)
        equal(refused.status, 402)
        contains(refused.json()["error"]["message"], id)
        equal(api("POST", "token/%s/credits" % id, {"quota": 500000})["balance"]["credits"], 1)
        equal(status(g, key), 200)
        shown = api("POST", "token/%s/credits" % id, {"credits": 0.25})
        equal(shown["balance"]["credits"], 1.25)
        until(lambda: api("GET", "token/" + id)["balance"]["spent"] > 0, 5, "settled")
        equal(api("POST", "token/%s/credits" % id, {"credits": -1.25})["balance"]["credits"], 0)
        equal(status(g, key), 402)
        equal(api("GET", "token/" + id)["status"], 4, "exhausted, says One API")
        api.refused("POST", "token/%s/credits" % id, {"credits": "1"}, 400, "invalid_value", "credits")
        api.refused("POST", "token/%s/credits" % id, {}, 400, "invalid_value", "credits")
        api.refused("POST", "token/%s/credits" % public(KEY), {"credits": 1}, 409, "conflict", "credits")
        # a tenant's
        api("POST", "tenant", {"name": "rich", "credits": 1})
        key, _ = api.key(tenant="rich")
        equal(status(g, key), 200)
        equal(api("POST", "tenant/rich/credits", {"credits": -5})["balance"]["credits"], -4)
        equal(status(g, key), 402)
        lines = [json.loads(l) for p in glob.glob(g.dir + "/**/trail*.jsonl", recursive=True) for l in open(p)]
        grants = [l for l in lines if l["kind"] == "grant"]
        equal([l["more_micro"] for l in grants], [1000000, 250000, -1250000, -5000000])
        check(all("admin key " in l["actor"] and rig.ADMIN_KEY not in l["actor"] for l in grants), grants[0]["actor"])
        check({"key", "tenant"} <= {l["kind"] for l in lines}, "changes of keys and tenants are in the trail")

    on_both(act)


def test_a_raise_ends():
    def act(g, api, redis):
        api("POST", "tenant", {"name": "t", "budget": {"daily": 0.00001}})
        key, _ = api.key(tenant="t")
        body = messages("mock-echo", max_tokens=1)
        equal(g.post("/v1/messages", body, key=key).status, 402)
        api.refused("POST", "tenant/t/raise", {"monthly": 5, "for": "1h"}, 409, "conflict", "monthly")
        api.refused("POST", "tenant/t/raise", {"daily": 0.000001, "for": "1h"}, 409, "conflict", "daily")
        api.refused("POST", "tenant/t/raise", {"daily": 1}, 400, "invalid_value", "until")
        api.refused("POST", "tenant/t/raise", {"for": "1h"}, 400, "invalid_value", "daily")
        api.refused("POST", "tenant/t/raise", {"daily": 1, "until": 1}, 400, "invalid_value", "until")
        shown = api("POST", "tenant/t/raise", {"daily": 1, "for": "3s"})
        equal((shown["raise"]["daily"], shown["effective"]["budget"]["daily"], shown["budget"]["daily"]), (1, 1, 0.00001))
        equal(g.post("/v1/messages", body, key=key).status, 200)
        until(lambda: g.post("/v1/messages", body, key=key).status == 402, 8, "it has ended")
        check("raise" not in api("GET", "tenant/t"))
        api("POST", "tenant/t/raise", {"daily": 1, "until": "2100-01-01"})
        equal(g.post("/v1/messages", body, key=key).status, 200)
        api("PATCH", "tenant/t", {"raise": None})
        equal(g.post("/v1/messages", body, key=key).status, 402)

    on_both(act)


# ---- tenants -----------------------------------------------------------------


def test_tenants():
    def act(g, api, redis):
        made = api("POST", "tenant", {"name": "neu", "plan": "coders", "rpm": 2, "labels": {"cost_center": "4711"},
                                      "budget": {"zone": "Europe/Berlin", "on_client_gone": "drain", "hard": True, "monthly": 10},
                                      "per_key": {"limits": {"tpm": 5000}}, "models": ["mock-*"]})
        equal((made["plan"], made["limits"], made["labels"]), ("coders", {"rpm": 2}, {"cost_center": "4711"}))
        equal(made["budget"], {"monthly": 10, "zone": "Europe/Berlin", "on_client_gone": "drain", "hard": True})
        equal((made["effective"]["limits"], made["zone"], made["scopes"]), ({"rpm": 2, "concurrency": 7}, "Europe/Berlin", ["models:mock-*"]))
        api.refused("POST", "tenant", {"name": "neu"}, 409, "conflict", "name")
        api.refused("POST", "tenant", {"name": "acme"}, 409, "conflict", "name")
        key, id = api.key(tenant="neu")
        equal(api("GET", "token/" + id)["effective"]["limits"], {"tpm": 5000})
        equal([status(g, key) for _ in range(3)], [200, 200, 429])
        equal(status(g, key, model="else"), 403)
        api("PATCH", "tenant/neu", {"rpm": 4})
        equal([status(g, key) for _ in range(3)], [200, 200, 429], "holds from the next request")
        api("PATCH", "tenant/neu", {"rpm": None, "state": "paused"})
        equal(status(g, key), 403)
        api("PATCH", "tenant/neu", {"state": "active"})
        equal(status(g, key), 200)
        equal(api("DELETE", "tenant/neu")["state"], "deleted")
        check(status(g, key) in (401, 403), "its keys are refused")
        check("neu" not in [t["name"] for t in api("GET", "tenant")])
        check("neu" in [t["name"] for t in api("GET", "tenant?state=deleted")])
        contains(api.refused("POST", "tenant", {"name": "neu"}, 409, "conflict", "name"), "PATCH")
        api.refused("POST", "token", {"name": "x", "tenant": "neu"}, 409, "conflict", "tenant")
        api("PATCH", "tenant/neu", {"state": "active"})
        equal(status(g, key), 200)
        api.refused("POST", "tenant/neu/reset", None, 409, "conflict", "tenant")
        # over the file's
        api("PATCH", "tenant/acme", {"rpm": 1, "labels": {"team": "blue"}})
        equal([status(g, KEY) for _ in range(2)], [200, 429])
        shown = api("GET", "tenant/acme")
        equal((shown["source"], shown["labels"], shown["budget"]), ("file and store", {"team": "blue"}, {"daily": 5}))
        api("POST", "tenant/acme/reset")
        equal((status(g, KEY), api("GET", "tenant/acme")["labels"]), (200, {"team": "red"}))
        api("DELETE", "tenant/acme")
        check(status(g, KEY) in (401, 403))
        api("POST", "tenant/acme/reset")
        equal(status(g, KEY), 200)
        balances = api("GET", "balance")
        names = [t["name"] for t in balances]
        check({"acme", "bobs", "neu"} <= set(names) and len(names) == len(set(names)), names)
        equal(balances[names.index("acme")]["balance"]["today"]["limit"], 5)

    on_both(act)


# ---- every instance ----------------------------------------------------------


def test_on_another_instance():
    redis = Redis()
    with rig.Gateway(settings(redis.url)) as a, rig.Gateway(settings(redis.url), mock=a.mock) as b:
        api = Api(a)
        key, id = api.key(tenant="acme", rpm=100)
        until(lambda: status(b, key) == 200, 1, "a made key works there within a second")
        new, _ = api.key()
        until(lambda: status(b, new) == 200, 1 * rig.SLOW, "with a tenant that was made, too")
        for limit in (7, 300):
            api("PATCH", "token/" + id, {"rpm": limit})
            r = ask(b, key)
            equal((r.status, r.get("anthropic-ratelimit-requests-limit")), (200, str(min(limit, 50))), "a key's limit holds at the next request")
        for limit in (8, 200):
            api("PATCH", "tenant/acme", {"rpm": limit})
            r = ask(b, key)
            equal((r.status, r.get("anthropic-ratelimit-requests-limit")), (200, str(limit)), "a tenant's limit holds at the next request")
            r = ask(b, KEY)
            equal((r.status, r.get("anthropic-ratelimit-requests-limit")), (200, str(limit)), "also for a key of the file")
        api("PATCH", "tenant/acme", {"state": "paused"})
        equal((status(b, key), status(b, KEY)), (403, 403))
        api("PATCH", "tenant/acme", {"state": "active"})
        until(lambda: status(b, key) == 200 and status(b, KEY) == 200, 2, "resumed")
        for _ in range(5):
            k, i = api.key(tenant="acme")
            until(lambda: status(b, k) == 200, 2, "works")
            api("DELETE", "token/" + i)
            equal(status(b, k), 403, "revoked holds at the next request")
        new = api("POST", "token/%s/rotate" % id, {"overlap": 0})
        equal(status(b, key), 403)
        until(lambda: status(b, new["key"]) == 200, 2, "its successor")
        # the other one's API sees it at once
        equal(Api(b)("GET", "token/" + new["id"])["account"], id)
        Api(b)("PATCH", "token/" + new["id"], {"rpm": 9})
        api("PATCH", "token/" + new["id"], {"tpm": 90000})
        equal(api("GET", "token/" + new["id"])["limits"], {"rpm": 9, "tpm": 90000}, "neither change was lost")
    redis.kill()


def test_a_budget_that_comes_meanwhile():
    """A request that is being read when its key gets a budget reserves for it; when the key loses it, nothing."""
    redis = Redis()
    with rig.Gateway(settings(redis.url)) as a, rig.Gateway(settings(redis.url), mock=a.mock) as b:
        api = Api(a)
        key, id = api.key(tenant="bobs")
        whole = rig.request_bytes("POST", "/v1/messages", messages("mock-first-%d" % (200 * rig.SLOW)), rig.with_key((), key))
        for budget, held in ((None, []), ({"daily": 50}, [":k:" + id]), (None, [])):
            until(lambda: status(b, key) == 200, 2, "it is known there")
            until(lambda: redis("ZCARD", "slc:{bobs}:held") == 0, 5, "settled")
            with b.wire() as w:
                before = a.mock.stats()["requests"]
                w.send(whole[:-9])
                until(lambda: b.metrics().value("sluice_live_objects", kind="requests") == 1, 5, "it is being read")
                api("PATCH", "token/" + id, {"budget": budget})
                w.send(whole[-9:])
                until(lambda: a.mock.stats()["requests"] > before, 5, "it runs")
                got = [m.decode() for m in redis("ZRANGE", "slc:{bobs}:held", 0, -1)]
                equal([":" + ":".join(m.split(":")[2:]) for m in got], held, got)
                equal(w.reply_head().status, 200)
    redis.kill()


# ---- lists -------------------------------------------------------------------


def test_pages():
    def act(g, api, redis):
        made = [api.key("n%d" % i, tenant="bobs" if i % 5 else "acme")[1] for i in range(45)]
        for limit in (1, 7, 20, 200):
            got = [k["id"] for page in api.pages("token", limit) for k in page]
            equal(sorted(got), sorted(made + [public(KEY), public(KEY_BOB)]), "limit %d" % limit)
            check(all(len(page) <= limit for page in api.pages("token", limit)))
        got = [k["id"] for page in api.pages("token?tenant=acme", 4) for k in page]
        equal(sorted(got), sorted(made[::5] + [public(KEY)]))
        for id in made[:3]:
            api("DELETE", "token/" + id)
        got = [k["id"] for page in api.pages("token?state=revoked", 2) for k in page]
        equal(sorted(got), sorted(made[:3]))
        for i in range(12):
            api("POST", "tenant", {"name": "t%02d" % i})
        got = [t["name"] for page in api.pages("tenant", 5) for t in page]
        equal(sorted(got), sorted(["acme", "bobs"] + ["t%02d" % i for i in range(12)]))
        got = [t["name"] for page in api.pages("balance", 5) for t in page]
        equal(len(got), 14)

    on_both(act)


def test_list_of_what_is_over():
    """A key that has expired is listed as that, and not among the active ones."""
    def act(g, api, redis):
        _, id = api.key("short", expires=int(time.time()) + 2)
        ids = lambda state: [k["id"] for k in api("GET", "token?state=" + state)]
        check(id in ids("active") and id not in ids("expired"), "good as yet")
        until(lambda: id in ids("expired"), 6, "over")
        check(id not in ids("active"), "and no longer active")
        equal([k["state"] for k in api("GET", "token") if k["id"] == id], ["expired"])

    on_both(act)


def test_usage():
    def act(g, api, redis):
        key, id = api.key("u", tenant="acme", user="carol")
        costs = [float(ask(g, key).get("x-sluice-cost")) for _ in range(3)] + [float(ask(g, KEY_BOB).get("x-sluice-cost"))]
        total = round(sum(costs), 6)
        until(lambda: sum(r["requests"] for r in api("GET", "usage")) == 4, 10, "settled")
        rows = api("GET", "usage?by=tenant")
        equal([(r["tenant"], r["requests"]) for r in rows], [("acme", 3), ("bobs", 1)])
        equal(round(sum(r["cost"] for r in rows), 6), total, "to the micro-dollar")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        rows = api("GET", "usage?by=day,key,user,model,provider&tenant=acme")
        equal([(r["day"], r["key"], r["user"], r["model"], r["provider"], r["requests"]) for r in rows],
              [(today, id, "carol", "*", "mock-a", 3)])
        check(rows[0]["input"] > 0 and rows[0]["output"] > 0)
        equal([(r["team"], r["requests"]) for r in api("GET", "usage?by=label:team")], [("", 1), ("red", 3)])
        for title, headers in (("x-openrouter-title", [("x-title", "not this one")]), ("X-Title", []), ("x-nothing", [])):
            headers = headers + [("HTTP-Referer", "https://desk.example/?user=7"), (title, "Desk")]
            equal(g.post("/v1/messages", messages("mock-echo"), key=KEY_BOB, headers=headers).status, 200)
        equal(g.post("/v1/messages", messages("mock-echo"), key=KEY_BOB, headers=[("x-title", "Other\t app")]).status, 200)
        until(lambda: sum(r["requests"] for r in api("GET", "usage")) == 8, 10, "settled")
        by_app = lambda query: [(r["app"], r["requests"]) for r in api("GET", "usage?by=app" + query)]
        equal(by_app(""), [("", 4), ("Other app", 1), ("Desk (https://desk.example)", 3)])
        equal(by_app("&app=https://desk.example"), [("Desk (https://desk.example)", 3)])
        equal(by_app("&app=Desk+(https://desk.example)"), [("Desk (https://desk.example)", 3)])
        equal(by_app("&app=Desk"), [])
        equal([(r["provider"], r["requests"]) for r in api("GET", "usage?by=provider")], [("mock-a", 8)])
        equal(api("GET", "usage?user=carol&by=user")[0]["requests"], 3)
        equal(api("GET", "usage?model=none"), [])
        equal(api("GET", "usage?from=2020-01-01&to=2020-12-31"), [])
        r = api.raw("GET", "usage").json()
        equal((r["from"], r["to"]), (today[:8] + "01", today))
        api.refused("GET", "usage?by=color", None, 400, "invalid_value", "by")
        api.refused("GET", "usage?from=yesterday", None, 400, "invalid_value", "from")
        api.refused("GET", "usage?from=2027-01-01&to=2026-01-01", None, 400, "invalid_value", "from")
        api.refused("GET", "usage?tennant=acme", None, 400, "invalid_value", "tennant")

    on_both(act)


# ---- cached answers ----------------------------------------------------------


def test_purges():
    redis = Redis()
    cached = {"models": [{"name": n, "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}],
                          "cache": {"enabled": True, "ttl": "1h", "version": v}} for n, v in (("one", "v1"), ("two", "v2"))]}
    with rig.Gateway(settings(redis.url, **cached)) as a, rig.Gateway(settings(redis.url, **cached), mock=a.mock) as b:
        api = Api(a)

        def hits(g, key=KEY, model="one"):
            return g.post("/v1/messages", messages(model, "same"), key=key).get("x-cache")

        def fill():
            for model in ("one", "two"):
                for key in (KEY, KEY_BOB):
                    until(lambda: hits(a, key, model) == "HIT", 5, "stored")
                    until(lambda: hits(b, key, model) == "HIT", 5, "stored")

        for body, gone, stays in (
            ({"tenant": "acme"}, [(KEY, "one"), (KEY, "two")], [(KEY_BOB, "one")]),
            ({"model": "one"}, [(KEY, "one"), (KEY_BOB, "one")], [(KEY, "two")]),
            ({"version": "v2"}, [(KEY, "two"), (KEY_BOB, "two")], [(KEY, "one")]),
        ):
            fill()
            equal(api("POST", "cache/purge", body)["purged"], list(body)[0])
            for key, model in stays:
                equal(hits(a, key, model), "HIT", body)
            equal(hits(a, *gone[0]), "MISS", "%s: here at once" % body)
            time.sleep(1)
            check(hits(b, *gone[1]) in ("MISS", "JOINED"), "%s: there within a second" % body)
        fill()
        request = {"tenant": "acme", "endpoint": "messages", "body": json.loads(messages("one", "same")), "headers": {"anthropic-version": ""}}
        found = api("POST", "cache/get", request)
        equal((len(found), found[0]["layer"], found[0]["served"], found[0]["status"]), (1, "memory", "one", 200))
        contains(found[0]["answer"], "same")
        equal(api("POST", "cache/purge", request)["entries"], 1)
        equal(api("POST", "cache/get", request), [])
        equal((hits(a, KEY_BOB), hits(a, KEY, "two")), ("HIT", "HIT"))
        time.sleep(1)
        equal(hits(b), "MISS", "out of the other one's memory, too")
        # a moderation's text
        moderate = lambda g: g.post("/v1/moderations", dump({"model": "two", "input": ["a text", "another"]}), key=KEY).get("x-sluice-items")
        until(lambda: (moderate(a) or "").startswith("2") or "hit" in (moderate(a) or ""), 5, lambda: moderate(a))
        text = {"tenant": "acme", "model": "two", "text": "a text"}
        until(lambda: len(api("POST", "cache/get", text)) == 1, 5, "kept")
        api("POST", "cache/purge", text)
        equal(api("POST", "cache/get", text), [])
        equal(len(api("POST", "cache/get", {**text, "text": "another"})), 1)
        stats = api("GET", "cache")
        check(stats["memory"]["entries"] > 0 and stats["redis"]["up"], stats)
        for body, param in (({}, "tenant"), ({"tenant": "acme", "model": "one"}, "tenant"), ({"text": "x"}, "tenant"), ({"tenant": 1}, "tenant"),
                            ({"tenant": "acme", "text": "x", "endpoint": "chats"}, "endpoint"), ({"color": "x"}, "color"),
                            ({"tenant": "acme", "endpoint": "messages", "body": {"model": "nothing-else"}}, "model")):
            if param != "model":
                api.refused("POST", "cache/purge", body, 400, "invalid_value", param)
        api.refused("POST", "cache/get", {"tenant": "nobody", "text": "x"}, 404)
        # a chat's body, but nobody said so
        chat = {"tenant": "acme", "body": {"model": "two", "messages": [{"role": "user", "content": "x"}]}}
        api.refused("POST", "cache/purge", chat, 400, "invalid_value", "body")
        contains(api.raw("POST", "cache/get", chat).json()["message"], "say as `endpoint` what it is a request of")
        api("POST", "cache/purge", {**chat, "endpoint": "chat"})
    redis.kill()


# ---- errors ------------------------------------------------------------------


def test_errors():
    def act(g, api, redis):
        key, id = api.key()
        long = "x" * 300
        for method, path, body, status, code, param in (
            ("GET", "nothing", None, 404, "not_found", None),
            ("GET", "token/none", None, 404, "not_found", "id"),
            ("GET", "token/%s/credits" % id, None, 405, "method_not_allowed", None),
            ("PUT", "token", {}, 405, "method_not_allowed", None),
            ("GET", "token/a%zz", None, 400, "invalid_value", "path"),
            ("GET", "token?limit=0", None, 400, "invalid_value", "limit"),
            ("GET", "token?limit=201", None, 400, "invalid_value", "limit"),
            ("GET", "token?after=zz", None, 400, "invalid_value", "after"),
            ("GET", "token?color=red", None, 400, "invalid_value", "color"),
            ("GET", "token?state=pausd", None, 400, "invalid_value", "state"),
            ("GET", "balance?state=pausd", None, 400, "invalid_value", "state"),
            ("GET", "audit?kind=setle", None, 400, "invalid_value", "kind"),
            ("POST", "token", b"{", 400, "invalid_json", None),
            ("POST", "token", b"[]", 400, "invalid_json", None),
            ("POST", "token", b"\xff", 400, "invalid_json", None),
            ("POST", "token", b'{"name":"a","name":"b"}', 400, "invalid_value", "name"),
            ("POST", "token", {}, 400, "invalid_value", "name"),
            ("POST", "token", {"name": ""}, 400, "invalid_value", "name"),
            ("POST", "token", {"name": 1}, 400, "invalid_value", "name"),
            ("POST", "token", {"name": long}, 400, "invalid_value", "name"),
            ("POST", "token", {"name": "a", "secret": 1}, 400, "invalid_value", "secret"),
            ("POST", "token", {"name": "a", "tenant": "nobody"}, 400, "invalid_value", "tenant"),
            ("POST", "token", {"name": "a", "tenant": "a b"}, 400, "invalid_value", "tenant"),
            ("POST", "token", {"name": "a", "rpm": -1}, 400, "invalid_value", "limits.rpm"),
            ("POST", "token", {"name": "a", "rpm": 1.5}, 400, "invalid_value", "limits.rpm"),
            ("POST", "token", {"name": "a", "rpm": 100001}, 400, "invalid_value", "limits.rpm"),
            ("POST", "token", {"name": "a", "limits": {"rps": 1}}, 400, "invalid_value", "limits.rps"),
            ("POST", "token", {"name": "a", "limits": 1}, 400, "invalid_value", "limits"),
            ("POST", "token", {"name": "a", "budget": 5}, 400, "invalid_value", "budget"),
            ("POST", "token", {"name": "a", "credits": -1}, 400, "invalid_value", "credits"),
            ("POST", "token", {"name": "a", "credits": 0.0000001}, 400, "invalid_value", "credits"),
            ("POST", "token", {"name": "a", "remain_quota": 0.5}, 400, "invalid_value", "remain_quota"),
            ("POST", "token", {"name": "a", "remain_quota": 10**19}, 400, "invalid_value", "remain_quota"),
            ("POST", "token", {"name": "a", "unlimited": False}, 400, "invalid_value", "remain_quota"),
            ("POST", "token", {"name": "a", "unlimited": "no"}, 400, "invalid_value", "unlimited"),
            ("POST", "token", {"name": "a", "expires": 1}, 400, "invalid_value", "expires"),
            ("POST", "token", {"name": "a", "expires": "soon"}, 400, "invalid_value", "expires"),
            ("POST", "token", {"name": "a", "class": 10}, 400, "invalid_value", "class"),
            ("POST", "token", {"name": "a", "models": 1}, 400, "invalid_value", "models"),
            ("POST", "token", {"name": "a", "models": [""] * 2 + ["a"] * 70}, 400, "invalid_value", "models"),
            ("POST", "token", {"name": "a", "endpoints": ["mesages"]}, 400, "invalid_value", "endpoints"),
            ("POST", "token", {"name": "a", "scopes": ["models:a"], "models": ["b"]}, 400, "invalid_value", "scopes"),
            ("POST", "token", {"name": "a", "scopes": ["all"]}, 400, "invalid_value", "scopes"),
            ("POST", "token", {"name": "a", "scopes": ["endpoints:chat,mesages"]}, 400, "invalid_value", "scopes"),
            ("POST", "token", {"name": "a", "plan": "coders"}, 400, "invalid_value", "plan"),
            ("POST", "token", {"name": "a", "subnet": "10.0.0.0/8"}, 400, "invalid_value", "subnet"),
            ("PATCH", "token/" + id, {"tenant": "acme"}, 400, "invalid_value", "tenant"),
            ("PATCH", "token/" + id, {"credits": 5}, 400, "invalid_value", "credits"),
            ("PATCH", "token/" + id, {"state": "revoked"}, 400, "invalid_value", "state"),
            ("PATCH", "token/" + id, {"rotated_until": 1}, 400, "invalid_value", "rotated_until"),
            ("PATCH", "token/" + id, {"rev": 1, "rpm": 1}, 409, "conflict", "rev"),
            ("POST", "token/%s/rotate" % id, {"overlap": "soon"}, 400, "invalid_value", "overlap"),
            ("POST", "token/%s/rotate" % id, {"overlap": "91d"}, 400, "invalid_value", "overlap"),
            ("POST", "token/%s/reset" % id, None, 409, "conflict", "id"),
            ("POST", "tenant", {"name": "a/b"}, 400, "invalid_value", "name"),
            ("POST", "tenant", {"name": "a", "plan": "none"}, 400, "invalid_value", "plan"),
            ("POST", "tenant", {"name": "a", "budget": {"zone": "Mars"}}, 400, "invalid_value", "budget.zone"),
            ("POST", "tenant", {"name": "a", "user": "x"}, 400, "invalid_value", "user"),
            ("PATCH", "tenant/nobody", {"rpm": 1}, 404, "not_found", "tenant"),
            ("PATCH", "tenant/acme", {"raise": {"daily": 1}}, 400, "invalid_value", "raise"),
            ("DELETE", "tenant/nobody", None, 404, "not_found", "tenant"),
        ):
            api.refused(method, path, body, status, code, param)
        contains(api.raw("POST", "token", {"name": "a\nb"}).json()["message"], "without control characters")
        contains(api.raw("POST", "token", {"name": "a", "endpoints": ["mesages"]}).json()["message"], "moderations, prompt, models")
        equal(api.raw("POST", "token", {"name": "a", "scopes": ["endpoints:chat, prompt", "models:a*"]}).status, 200)
        equal(api.raw("POST", "token", b"x" * 70000).status, 413)
        r = api.raw("DELETE", "usage")
        equal((r.status, r.get("allow")), (405, "GET, HEAD"))
        r = api.raw("HEAD", "token")
        equal((r.status, r.body), (200, b""))
        api("PATCH", "token/" + id, {"rpm": 5, "rev": api("GET", "token/" + id)["rev"]})
        # the document has a limit, too
        big = {"l%d" % i: "v" * 190 for i in range(32)}
        api("POST", "tenant", {"name": "big", "labels": big, "scopes": ["models:" + "m" * 200 for _ in range(40)]})
        equal(status_of(api, "PATCH", "tenant/big", {"scopes": ["models:" + "m" * 290 for _ in range(60)]}), 413)
        for nobodys in ([], [("authorization", "Bearer " + key)]):
            r = rig.call(g.admin_port, "GET", "/admin/api/token", None, nobodys)
            equal((r.status, r.json()["error"]["code"]), (401, "invalid_api_key"))

    on_both(act)


def status_of(api, method, path, body):
    return api.raw(method, path, body).status


def test_states():
    def act(g, api, redis):
        store = api("GET", "store")
        equal((store["kind"], store["up"], store["lost"], store["instances"]), ("redis" if redis else "embedded", True, False, 1))
        equal(status(g, KEY), 200)
        until(lambda: (lambda l: l["unsent"] == 0 and l["last"] == l["synced"] == l["acknowledged"] > 0)(api("GET", "ledger")), 8, "acknowledged")
        equal(api("GET", "ledger")["kept"], True)

    on_both(act)


def test_without_the_store():
    """Answered within its limit; a client that leaves takes its call along."""
    redis = Redis()
    with rig.Gateway(settings(redis.url)) as g:
        api = Api(g)
        _, id = api.key()
        redis.stop()
        began = time.monotonic()
        message = api.refused("POST", "token", {"name": "x"}, 503, "store_down")
        contains(message, "store")
        check(time.monotonic() - began < 5 * rig.SLOW)
        for _ in range(8):
            with rig.Wire(g.admin_port) as w:
                w.send(rig.request_bytes("PATCH", "/admin/api/token/" + id, b'{"rpm":1}', [("authorization", "Bearer " + rig.ADMIN_KEY)]))
                time.sleep(0.02)
        g.settle(6)
        redis.go_on()
        until(lambda: api.raw("POST", "token", {"name": "y"}).status == 200, 5 * rig.SLOW, "back")
    redis.kill()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
