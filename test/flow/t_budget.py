# timeout: 180
"""Budgets as operators see them: sluice_budget_used_ratio, and a word in the log at each mark of `alert_at`, once a
period; on both kinds of store."""

import json
import time

import _rig as rig
from _admin import Api
from _bodies import messages
from _check import check, equal, until
from _redis import Redis, on_both_stores
from _rig import KEY, KEY_BOB

EVERY_MS = 300
PRICE = {"input": 0, "output": 1000}  # a mock's event of two tokens costs 2,000 micro-dollars


def settings(store, budget, **more):
    return {
        "store": {"url": store, "timeout": "2s"},
        "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}]}],
        "tenants": [
            {
                "name": "acme",
                "keys": [{"name": "alice", "sha256": rig.sha256(KEY)}],
                "limits": {"reserve_output": 1},
                "budget": budget,
            },
            {"name": "free", "keys": [{"name": "bob", "sha256": rig.sha256(KEY_BOB)}]},
        ],
        **more,
    }


def on_both(budget, act):
    on_both_stores(lambda store: rig.Gateway(settings(store, budget), env={"SLUICE_RENEW_MS": str(EVERY_MS)}), act)


def spend(g, tokens, key=KEY):
    """So many tokens, of 1,000 micro-dollars each."""
    r = g.post("/v1/messages", messages("mock-events-%d" % (tokens // 2)), key=key)
    equal(r.status, 200)
    return round(float(r.get("x-sluice-cost")) * 1e6)


def ratio(g, tenant="acme"):
    return g.metrics().value("sluice_budget_used_ratio", tenant=tenant)


def told(g):
    """Marks that the log has told of, with what of."""
    lines = [json.loads(l) for l in g.said().splitlines() if "alert_at" in l]
    return [(l["msg"].split(" of ")[1].split(":")[0], float(l["msg"].rsplit(" ", 1)[1])) for l in lines]


def after_looks(n=3):
    time.sleep(n * EVERY_MS / 1000)


def test_the_gauge_follows():
    def act(g, redis):
        until(lambda: ratio(g) == 0, 5, "a tenant that has spent nothing is there")
        cost = spend(g, 100)
        until(lambda: ratio(g) == cost / 1e6, 5, lambda: "%s of a dollar: %s" % (cost, ratio(g)))
        cost += spend(g, 200)
        until(lambda: ratio(g) == cost / 1e6, 5, lambda: "%s of a dollar: %s" % (cost, ratio(g)))
        spend(g, 10, KEY_BOB)
        after_looks()
        equal(g.metrics().labelled("sluice_budget_used_ratio", "tenant").keys(), {("acme",)}, "who has a budget")
        equal(told(g), [], "nobody asked for a word")

    on_both({"daily": 1.0, "monthly": 100.0, "initial_credits": 50.0}, act)


def test_each_mark_once():
    def act(g, redis):
        spend(g, 400)
        after_looks()
        equal(told(g), [])
        spend(g, 200)  # 60 % of the day, 30 % of the month
        until(lambda: told(g) == [("its daily budget", 0.5)], 5, lambda: told(g))
        spend(g, 60)
        after_looks()
        equal(told(g), [("its daily budget", 0.5)], "again")
        spend(g, 330)  # 99 %, and 49.5 %
        until(lambda: told(g)[1:] == [("its daily budget", 0.9)], 5, lambda: told(g))
        spend(g, 100)  # the last one that passes; it may cost more than is left
        until(lambda: told(g)[2:] == [("its daily budget", 1.0), ("its monthly budget", 0.5)], 5, lambda: told(g))
        after_looks()
        equal(len(told(g)), 4)
        check(ratio(g) > 1, "beyond the budget: %s" % ratio(g))
        line = [l for l in g.said().splitlines() if "alert_at" in l][0]
        check("acme" in line and "0.6" in line and "1" in line, line)

    on_both({"daily": 1.0, "monthly": 2.0, "alert_at": [1.0, 0.5, 0.9]}, act)


def test_more_credits_begin_anew():
    def act(g, redis):
        spend(g, 500)
        until(lambda: told(g) == [("its credits", 0.5)], 5, lambda: told(g))
        Api(g)("POST", "tenant/acme/credits", {"credits": 1})
        until(lambda: ratio(g) < 0.3, 5, lambda: ratio(g))
        spend(g, 600)
        until(lambda: told(g)[1:] == [("its credits", 0.5)], 5, lambda: told(g))

    on_both({"initial_credits": 1.0, "alert_at": [0.5]}, act)


def test_tenants_of_the_store():
    """One that the API has made is there once it spends; a budget that it raised counts."""
    def act(g, redis):
        api = Api(g)
        api("POST", "tenant", {"name": "made", "budget": {"monthly": 2}})
        key, _ = api.key(tenant="made")
        equal(ratio(g, "made"), None)
        cost = spend(g, 100, key)
        until(lambda: ratio(g, "made") == cost / 2e6, 5, lambda: ratio(g, "made"))
        api("PATCH", "tenant/acme", {"budget": {"daily": 4}})
        cost = spend(g, 100)
        until(lambda: ratio(g) == cost / 4e6, 5, lambda: ratio(g))
        g.config["tenants"][0]["limits"] = {"rpm": 1000}
        g.write_config()
        g.signal(1)
        after_looks(4)
        equal(ratio(g), cost / 4e6, "the record's word stays over the file's")
        check(ratio(g, "made") > 0, "one that no file knows stays")

    on_both({"daily": 1.0}, act)


def test_a_reload():
    def act(g, redis):
        spend(g, 300)
        until(lambda: ratio(g) and ratio(g) > 0.29, 5, lambda: ratio(g))
        for change, want in (({"daily": 3.0}, 0.1), ({"daily": 0}, 0)):
            g.config["tenants"][0]["budget"] = change
            g.write_config()
            g.signal(1)
            until(lambda: abs(ratio(g) - want) < 0.01, 5, lambda: (change, ratio(g)))

    on_both({"daily": 1.0}, act)


def test_without_the_store():
    redis = Redis()
    config = settings(redis.url, {"daily": 1.0})
    config["store"]["timeout"] = "50ms"
    config["tenants"][1]["budget"] = {"daily": 10.0}
    with rig.Gateway(config, env={"SLUICE_RENEW_MS": str(EVERY_MS)}) as g:
        cost = spend(g, 100)
        until(lambda: ratio(g) == cost / 1e6, 5, "seen")
        redis.stop()
        time.sleep(2.5)  # a look waits two seconds
        equal((ratio(g), ratio(g, "free")), (cost / 1e6, 0), "the last seen stays")
        redis.go_on()
        until(lambda: set(g.metrics().labelled("sluice_store_up", "role").values()) == {1.0}, 5, "the store is back")
        cost += spend(g, 100)
        until(lambda: ratio(g) == cost / 1e6, 8, lambda: "seen again: %s" % ratio(g))
    redis.kill()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
