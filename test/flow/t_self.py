#!/usr/bin/env python3
"""Promise: any key may ask what it has used and has left, in OpenRouter's shape; nobody else learns it."""
# timeout: 120

import re
import time

import _rig as rig
from _admin import Api
from _bodies import GENERATE, messages
from _check import check, contains, equal, until
from _redis import Redis
from _rig import KEY, KEY_BOB, KEY_EXPIRED, KEY_NARROW

PRICE = {"input": 3.0, "output": 15.0}
TENANTS = [{"name": "acme", "budget": {"initial_credits": 10.0, "zone": "Asia/Tokyo"},
            "keys": [{"name": "alice", "sha256": rig.sha256(KEY), "budget": {"daily": 2.0, "monthly": 1.5}, "limits": {"rpm": 100}},
                     {"name": "narrow", "sha256": rig.sha256(KEY_NARROW), "scopes": ["endpoints:messages", "models:none"]},
                     {"name": "old", "sha256": rig.sha256(KEY_EXPIRED), "expires": "2020-01-01"}]},
           {"name": "bobs", "keys": [{"name": "bob", "sha256": rig.sha256(KEY_BOB), "expires": "2100-01-01"}]}]


ONE_TARGET = [("to-a", "mock-a", "mock-echo"), ("to-o", "mock-o", "mock-echo"), ("slow", "mock-a", "mock-events-100000-slow-20ms")]


def on_both(act):
    for redis in (None, Redis()):
        models = [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]
        models += [{"name": n, "targets": [{"provider": p, "model": m, "price": PRICE}]} for n, p, m in ONE_TARGET]
        with rig.Gateway({"store": {"url": redis.url if redis else "embedded:data"}, "models": models, "tenants": TENANTS}) as g:
            act(g, redis)
            g.settle()
        if redis:
            redis.kill()


def get(g, path, key=KEY):
    r = g.call("GET", path, key=key)
    equal(r.status, 200, "%s: %s" % (path, r.body))
    equal(r.get("content-type"), "application/json")
    return r.json()["data"]


def ask(g, key):
    return float(g.post("/v1/messages", messages("mock-echo"), key=key).get("x-sluice-cost"))


def test_key():
    def act(g, redis):
        spent = round(sum(ask(g, KEY) for _ in range(3)), 6)
        fresh = "/v1/key"
        until(lambda: get(g, "/v1/credits")["total_usage"] == spent, 5, "settled")
        until(lambda: sum(r["requests"] for r in Api(g)("GET", "usage")) == 3, 10, "rows")
        d = get(g, fresh)
        equal((d["label"], d["limit"], d["limit_reset"]), ("alice", 1.5, "monthly"))
        equal((round(d["limit_remaining"], 6), d["usage"]), (round(1.5 - spent, 6), spent))
        equal((d["usage_daily"], d["usage_weekly"], d["usage_monthly"]), (spent, spent, spent))
        equal((d["expires_at"], d["is_free_tier"], d["rate_limit"]["requests"]), (None, False, 100))
        for path in ("/api/v1/key", "/key"):
            equal(get(g, path), d, path)
        more = ask(g, KEY)
        until(lambda: get(g, fresh)["usage"] == round(spent + more, 6), 5, "the balance is never old")
        equal(get(g, fresh)["usage_daily"], spent, "sums of days are, for ten seconds")
        d = get(g, "/v1/key", KEY_BOB)
        equal((d["label"], d["limit"], d["limit_remaining"], d["limit_reset"], d["usage"]), ("bob", None, None, None, 0))
        equal((d["expires_at"], d["rate_limit"]["requests"]), ("2100-01-01T00:00:00.000Z", -1))

    on_both(act)


def test_credits():
    def act(g, redis):
        equal(get(g, "/v1/credits"), {"total_credits": 10, "total_usage": 0})
        a = ask(g, KEY)
        until(lambda: get(g, "/v1/credits") == {"total_credits": 10, "total_usage": a}, 5, "the tenant's")
        equal(get(g, "/api/v1/credits", KEY_NARROW)["total_usage"], a, "whichever of its keys asks")
        equal(get(g, "/credits", KEY_BOB), {"total_credits": 0, "total_usage": 0})
        api = Api(g)
        key, id = api.key(tenant="bobs", credits=2)
        cost = ask(g, key)
        until(lambda: get(g, "/v1/credits", key) == {"total_credits": 2, "total_usage": cost}, 5, "the key's, where the tenant has none")
        api("POST", "token/%s/credits" % id, {"credits": 3})
        equal(get(g, "/v1/credits", key)["total_credits"], 5)
        new = api("POST", "token/%s/rotate" % id)["key"]
        equal(get(g, "/v1/credits", new), get(g, "/v1/credits", key), "an account goes on with the next key")
        equal(get(g, "/v1/key", new)["usage"], cost)

    on_both(act)


def test_who_may():
    def act(g, redis):
        api = Api(g)
        for path in ("/v1/key", "/v1/credits"):
            equal(g.call("GET", path, key=None).status, 401)
            equal(g.call("GET", path, key="sk-slc-nobody-x").status, 401)
            equal(g.call("GET", path, key=KEY_EXPIRED).status, 403)
            get(g, path, KEY_NARROW)
            equal(g.call("POST", path, b"{}").status, 405)
            equal(g.call("GET", path + "/x").status, 404)
            head = g.call("HEAD", path)
            equal((head.status, head.body), (200, b""))
            with g.wire() as w:  # a body is no matter
                w.send(rig.request_bytes("GET", path, b'{"model":"x"}', rig.with_key([], KEY)))
                equal(w.reply().status, 200)
        for key, id in (api.key(tenant="acme"), (KEY, rig.sha256(KEY)[:8])):
            get(g, "/v1/key", key)
            api("PATCH", "token/" + id, {"state": "paused"})
            equal([g.call("GET", p, key=key).status for p in ("/v1/key", "/v1/models")], [403, 403])
            api("PATCH", "token/" + id, {"state": "active", "expires": "2100-01-01"})
            equal(get(g, "/v1/key", key)["expires_at"], "2100-01-01T00:00:00.000Z")
            api("DELETE", "token/" + id)
            equal([g.call("GET", p, key=key).status for p in ("/v1/key", "/v1/models")], [403, 403])
        # a record may let a key of the file live on
        id = rig.sha256(KEY_EXPIRED)[:8]
        api("PATCH", "token/" + id, {"expires": "2100-01-01"})
        equal((g.call("GET", "/v1/key", key=KEY_EXPIRED).status, g.post("/v1/messages", messages("mock-echo"), key=KEY_EXPIRED).status), (200, 200))

    on_both(act)


def test_generation():
    def act(g, redis):
        for path, body, protocol in GENERATE:
            for stream in (False, True):
                for model in ("to-a", "to-o"):
                    if path == "/v1/completions" and model == "to-a":
                        continue
                    more = {"stream": True} if stream else {}
                    if stream and protocol == "openai" and path != "/v1/responses":
                        more["stream_options"] = {"include_usage": True}
                    r = g.post(path, body(model, "how much is it", **more), headers=[("HTTP-Referer", "https://app.example/\\x?y=1")])
                    equal(r.status, 200, r.body)
                    own = re.search(rb'"id": ?"([^"]+)"', r.body).group(1).decode()
                    ours = r.get("x-sluice-request-id")
                    until(lambda: g.call("GET", "/v1/generation?id=" + ours).status == 200, 5 * rig.SLOW, "noted")
                    d = get(g, "/v1/generation?id=" + ours)
                    equal(get(g, "/api/v1/generation?x=1&id=" + own.replace("-", "%2D")), d, "by the answer's own id")
                    equal((d["id"], d["request_id"], d["model"]), (own, ours, model), path)
                    equal((d["streamed"], d["cancelled"], d["finish_reason"]), (stream, False, "stop"), path)
                    equal(d["provider_name"], "mock-a" if model == "to-a" else "mock-o")
                    equal((d["origin"], d["http_referer"]), ("https://app.example/\\x?y=1",) * 2)
                    check(d["created_at"].startswith("20") and d["created_at"].endswith("Z"))
                    line = g.access_of(r)
                    equal((d["tokens_prompt"], d["tokens_completion"]), (line["tokens_in"], line["tokens_out"]), path)
                    equal(d["total_cost"], line["cost_micro"] / 1e6, path)
                    check(d["total_cost"] > 0 and d["usage"] == d["total_cost"], path)
        equal(g.call("GET", "/v1/generation?id=" + own, key=KEY_NARROW).status, 200, "any key of the tenant, whatever its scopes")
        for id, key in ((own, KEY_BOB), ("nobody", KEY), ("x" * 500, KEY)):
            r = g.call("GET", "/v1/generation?id=" + id, key=key)
            equal(r.status, 404)
            contains(r.json()["error"]["message"], "not found")
        for query in ("", "?id=", "?id=%zz", "?ids=1"):
            r = g.call("GET", "/v1/generation" + query)
            equal(r.status, 400)
            contains(r.json()["error"]["message"], "x-sluice-request-id")
        equal(g.call("GET", "/v1/generation?id=" + own, key=None).status, 401)
        failed = g.post("/v1/messages", messages("mock-error-400"))
        check(failed.status >= 400)
        g.settle()
        equal(g.call("GET", "/v1/generation?id=" + failed.get("x-sluice-request-id")).status, 404, "what failed generated nothing")

    on_both(act)


def test_generation_of_one_that_left():
    def act(g, redis):
        with g.wire() as w:
            w.send(rig.request_bytes("POST", "/v1/messages", messages("slow", stream=True), rig.with_key([], KEY)))
            w.read_until(b"content_block_delta")
        g.settle()
        line = until(lambda: [x for x in g.access_lines() if x.get("ending") == "client_gone"], 5 * rig.SLOW, "its line")[0]
        d = get(g, "/v1/generation?id=" + line["id"])
        equal((d["streamed"], d["cancelled"], d["finish_reason"]), (True, True, None))
        equal((d["tokens_completion"], d["total_cost"]), (line["tokens_out"], line["cost_micro"] / 1e6))

    on_both(act)


def test_without_the_store():
    redis = Redis()
    with rig.Gateway({"store": {"url": redis.url, "generations": False}, "tenants": TENANTS[:1], "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]}]}) as g:
        get(g, "/v1/key")
        done = g.post("/v1/messages", messages("mock-echo"))
        until(lambda: get(g, "/v1/credits")["total_usage"] > 0, 5, "settled")
        r = g.call("GET", "/v1/generation?id=" + done.get("x-sluice-request-id"))
        equal((r.status, redis("KEYS", "slc:*notes*")), (404, []))
        contains(r.json()["error"]["message"], "store.generations")
        redis.stop()
        began = time.monotonic()
        r = g.call("GET", "/v1/key")
        equal(r.status, 503)
        contains(r.json()["error"]["message"], "store")
        check(time.monotonic() - began < 4 * rig.SLOW)
        for _ in range(5):
            with g.wire() as w:
                w.send(rig.request_bytes("GET", "/v1/credits", None, rig.with_key([], KEY)))
                time.sleep(0.02)
        g.settle(5)
        redis.go_on()
        until(lambda: g.call("GET", "/v1/key").status == 200, 5 * rig.SLOW, "back")
    redis.kill()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
