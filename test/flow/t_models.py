#!/usr/bin/env python3
"""Promise: GET /v1/models is one shape that both families of clients read, and
lists what the calling key may use."""

import _rig as rig
from _rig import check, equal


def ids(r):
    equal(r.status, 200)
    return [m["id"] for m in r.json()["data"]]


def test_one_shape(g):
    for headers in ([], [("anthropic-version", "2023-06-01")], [("user-agent", "OpenAI/JS 7")]):
        for path in ("/v1/models", "/api/v1/models", "/models"):
            r = g.call("GET", path, None, headers)
            equal((r.status, r.get("content-type").split(";")[0]), (200, "application/json"))
            o = r.json()
            equal((o["object"], o["has_more"]), ("list", False))
            equal((o["first_id"], o["last_id"]), (o["data"][0]["id"], o["data"][-1]["id"]))
            for m in o["data"]:
                equal((m["object"], m["type"]), ("model", "model"))
                check(m["display_name"] and m["created_at"].endswith("Z") and isinstance(m["created"], int) and m["owned_by"], m)


def test_what_is_listed(g):
    got = ids(g.call("GET", "/v1/models"))
    for name in ("short", "also-short", "only-anthropic"):
        check(name in got, name, "is not listed:", got)
    equal(got, sorted(got), "sorted")
    check("*" not in got, "a pattern is no model")
    shown = {m["id"]: m for m in g.call("GET", "/v1/models").json()["data"]}
    equal(shown["short"]["display_name"], "A short name")


def test_pricing(g):
    """In OpenRouter's words: dollars a token, as decimal texts; what is not known is not said."""

    def change(c):
        price = {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}
        c["models"] = [
            {"name": "priced", "aliases": ["also-priced"], "targets": [{"provider": "mock-a", "price": price}, {"provider": "mock-o"}]},
            {"name": "free", "free": True, "targets": [{"provider": "mock-o"}]},
            {"name": "unknown", "targets": [{"provider": "mock-o"}]},
        ]

    with rig.Gateway(change=change, mock=g.mock) as h:
        shown = {m["id"]: m for m in h.call("GET", "/v1/models").json()["data"]}
        for name in ("priced", "also-priced"):
            p = shown[name]["pricing"]
            equal((p["prompt"], p["completion"], p["request"]), ("0.000003", "0.000015", "0"))
            equal((p["input_cache_read"], p["input_cache_write"], p["input_cache_write_1h"]), ("0.0000003", "0.00000375", "0.000006"))
        equal(set(shown["free"]["pricing"].values()), {"0"})
        check("pricing" not in shown["unknown"], shown["unknown"])
        equal(h.call("GET", "/v1/models/priced").json(), shown["priced"], "alone and in the list")


def test_one_model(g):
    r = g.call("GET", "/v1/models/short")
    equal((r.status, r.json()["id"]), (200, "short"))
    r = g.call("GET", "/v1/models/no-such-model", None, [("anthropic-version", "2023-06-01")])
    equal((r.status, r.json()["error"]["type"]), (404, "not_found_error"))
    r = g.call("GET", "/v1/models/no-such-model")
    equal((r.status, r.json()["error"]["code"]), (404, "model_not_found"))
    check(r.error()[1].startswith("Unknown model"))


def test_slash_in_a_name(g):
    def change(c):
        c["models"] = [{"name": "vendor/some-model", "targets": [{"provider": "mock-o", "model": "mock-echo"}]}]

    with rig.Gateway(change=change, mock=g.mock) as h:
        for path in ("/v1/models/vendor/some-model", "/v1/models/vendor%2Fsome-model", "/v1/models/vendor%2fsome-model"):
            r = h.call("GET", path)
            equal((r.status, r.json().get("id")), (200, "vendor/some-model"), path)
        for path in ("/v1/models/vendor%2", "/v1/models/vendor%zzsome-model", "/v1/models/%00", "/v1/models/" + "x" * 5000):
            check(h.call("GET", path).status in (400, 404), path)


def test_pages(g):
    def change(c):
        c["models"] = [{"name": "m%02d" % i, "targets": [{"provider": "mock-a"}]} for i in range(25)]

    with rig.Gateway(change=change, mock=g.mock) as h:
        names = ["m%02d" % i for i in range(25)]
        equal(ids(h.call("GET", "/v1/models")), names, "all, without a limit")
        got, query = [], "?limit=10"
        for _ in range(5):
            r = h.call("GET", "/v1/models" + query)
            got += ids(r)
            if not r.json()["has_more"]:
                break
            query = "?limit=10&after_id=" + r.json()["last_id"]
        equal(got, names, "page by page")
        equal(ids(h.call("GET", "/v1/models?before_id=m03")), names[:3])
        r = h.call("GET", "/v1/models?after_id=m24")
        equal((r.json()["data"], r.json()["first_id"], r.json()["last_id"]), ([], None, None))
        for bad in ("0", "1001", "x", "-1"):
            equal(h.call("GET", "/v1/models?limit=" + bad).status, 400, bad)


def test_longest_pattern_wins(g):
    def change(c):
        c["models"] = [
            {"name": "*", "targets": [{"provider": "mock-a", "model": "mock-any"}]},
            {"name": "claude-*", "targets": [{"provider": "mock-a", "model": "mock-claude"}]},
            {"name": "claude-sonnet-*", "targets": [{"provider": "mock-a", "model": "mock-sonnet"}]},
            {"name": "claude-sonnet-5", "targets": [{"provider": "mock-a", "model": "mock-exact"}], "aliases": ["alias-5"]},
        ]

    with rig.Gateway(change=change, mock=g.mock) as h:
        for asked, served in (("claude-sonnet-5", "mock-exact"), ("alias-5", "mock-exact"), ("claude-sonnet-9", "mock-sonnet"),
                              ("claude-x", "mock-claude"), ("gpt-x", "mock-any"), ("claude", "mock-any")):
            equal(h.post("/v1/messages", rig.messages(asked)).json()["model"], served, asked)


def test_priority_of_targets(g):
    def change(c):
        c["models"] = [{"name": "*", "targets": [
            {"provider": "mock-a", "model": "mock-second", "priority": 5},
            {"provider": "mock-a", "model": "mock-first", "priority": 1},
            {"provider": "mock-o", "model": "mock-openai", "priority": 3},
        ]}]

    with rig.Gateway(change=change, mock=g.mock) as h:
        equal(h.post("/v1/messages", rig.messages("x")).json()["model"], "mock-first")
        h.post("/v1/embeddings", rig.dump({"model": "x", "input": "a"}))
        equal(g.mock.last().json()["model"], "mock-openai")
        h.post("/v1/chat/completions", rig.chat("x"))  # translated: t_translate.py
        equal(g.mock.last().json()["model"], "mock-first")


def test_head(g):
    with g.wire() as w:
        w.request("HEAD", "/v1/models")
        r = w.reply("HEAD")
        equal(r.status, 200)
        w.request("GET", "/v1/models")
        equal(len(w.reply().body), int(r.get("content-length")))


if __name__ == "__main__":
    rig.main(globals())
