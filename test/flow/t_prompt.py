#!/usr/bin/env python3
"""Promise: the prompt API turns one prompt into one text, whatever the provider speaks; under
`scope: shared` every program that reads the same Redis finds the answer by the prompt's MD5."""
# timeout: 240

import hashlib
import json
import threading

import _rig as rig
from _bodies import dump
from _check import check, contains, equal, until
from _redis import Redis
from _rig import KEY_BOB

PATHS = ["/claude/complete", "/v1/claude/complete", "/api/v1/claude/complete", "/v1/claude/code", "/claude/code"]


def name_of(prompt):
    return "claude:" + hashlib.md5(prompt.encode()).hexdigest()


def gateway(store="embedded:", cache=None, **more):
    settings = {
        "store": {"url": store, "timeout": "5s"},
        "prompt_api": {"model": "claude-a", "max_tokens": 77, "temperature": 0.25},
        "cache": cache or {},
        "models": [
            {"name": "claude-a", "targets": [{"provider": "mock-a", "model": "mock-echo"}]},
            {"name": "claude-o", "targets": [{"provider": "mock-o", "model": "mock-echo"}]},
            {"name": "*", "targets": [{"provider": "mock-a"}]},
            {"name": "o/*", "targets": [{"provider": "mock-o"}]},
        ],
    }
    return rig.Gateway(rig.merge(settings, more))


def seen(g):
    return g.mock.stats()["requests"]


def ask(g, prompt, path="/claude/complete", headers=(), key=rig.KEY, **more):
    return g.post(path, dump({"prompt": prompt, **more}), headers, key)


def test_answers():
    """Both kinds of provider, every path, defaults and what is given instead."""
    with gateway() as g:
        for i, path in enumerate(PATHS):
            r = ask(g, "Gr\u00fc\u00dfe \"%d\" \u2028" % i, path)
            equal(r.status, 200, path + r.body.decode())
            j = r.json()
            equal(j["output"], "Gr\u00fc\u00dfe \"%d\" \u2028" % i, "text")
            equal((j["model"], j["cached"], j["stop_reason"]), ("claude-a", False, "end_turn"))
            equal(j["id"], "prm_" + r.get("x-sluice-request-id"), "id")
            sent = g.mock.last()
            equal((sent.target, sent.json()["max_tokens"], sent.json()["temperature"]), ("/v1/messages", 77, 0.25), "defaults")
            line = g.access_of(r)
            equal((line["endpoint"], line["tokens_in"], line["tokens_out"]), ("prompt", j["usage"]["input_tokens"], j["usage"]["output_tokens"]), "metered")
        r = ask(g, "hello", model="claude-o", max_tokens=5000, temperature=1, system="Be brief.")
        equal((r.status, r.json()["output"], r.json()["model"]), (200, "hello", "claude-o"), r.body)
        sent = g.mock.last()
        equal(sent.target, "/v1/chat/completions", "path at the provider")
        equal((sent.json()["max_tokens"], sent.json()["temperature"], sent.json()["model"]), (5000, 1, "mock-echo"), "as asked")
        equal(sent.json()["messages"], [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}], "messages")
        equal(ask(g, "nulls", model=None, system=None).status, 200, "null is not given")


def test_errors():
    with gateway(prompt_api={"model": "", "max_tokens": 9}) as g:
        for body, word in (
            ({}, "prompt"), ({"prompt": ""}, "prompt"), ({"prompt": 7}, "prompt"), ({"prompt": ["a"]}, "prompt"),
            ({"prompt": "x"}, "prompt_api.model"), ({"prompt": "x", "model": "claude-a", "stream": True}, "stream"),
            ({"prompt": "x", "model": "claude-a", "temperature": "1"}, "temperature"), ({"prompt": "x", "model": "claude-a", "temperature": 2.5}, "temperature"),
            ({"prompt": "x", "model": "claude-a", "temperature": -1}, "temperature"), ({"prompt": "x", "model": "claude-a", "system": 1}, "system"),
            ({"prompt": "x", "model": "claude-a", "max_tokens": "many"}, "max_tokens"), ({"prompt": "x", "model": 7}, "model"),
        ):
            r = g.post("/claude/complete", dump(body))
            equal(r.status, 400, str(body) + r.body.decode())
            contains(r.json()["error"]["message"], word)
        for model, status in (("mock-400", 400), ("o/mock-400", 400), ("mock-429", 429), ("mock-529", 503), ("o/mock-500", 500), ("o/mock-401", 502)):
            r = ask(g, "x", model=model)
            equal(r.status, status, model)
            check(isinstance(r.json()["error"]["message"], str), r.body)
        equal(g.post("/claude/complete", b"{").status, 400, "no JSON")
        equal(g.call("GET", "/claude/complete").status, 405, "GET")
        equal(g.post("/claude/complete", dump({"prompt": "x"}), key="sk-slc-no-such").status, 401, "a stranger")


def test_cached_by_itself():
    """Without a word in the configuration, and within one tenant."""
    with gateway() as g:
        first = ask(g, "once")
        equal((first.get("x-cache"), first.json()["cached"]), ("MISS", False))
        again = ask(g, "once")
        equal((again.get("x-cache"), again.json()["cached"]), ("HIT", True))
        equal({**again.json(), "cached": False}, first.json(), "the same otherwise")
        equal(seen(g), 1, "asked")
        equal(ask(g, "once", max_tokens=78).get("x-cache"), "MISS", "other parameters")
        equal(ask(g, "once", key=KEY_BOB).get("x-cache"), "MISS", "another tenant")
        equal(ask(g, "once", headers=[("cache-control", "no-cache")]).get("x-cache"), "MISS", "no-cache")
        text = 'a "cached":false, b'
        equal([ask(g, text).json()["output"] for _ in range(2)], [text, text], "a text that looks like the mark")
        ask(g, "off", model="mock-500")
        equal(ask(g, "off", model="mock-500").get("x-cache"), "MISS", "errors are not kept")


def test_shared_by_name():
    """One Redis, two gateways, two tenants, and programs that know neither."""
    redis = Redis()
    cache = {"scope": "shared", "ttl": "100s", "jitter": 0}
    with gateway(redis.url, cache) as g, gateway(redis.url, cache) as h:
        prompt = "Gr\u00fc\u00dfe \U0001f642"
        first = ask(g, prompt)
        equal(first.get("x-cache"), "MISS", first.body)
        until(lambda: redis("GET", name_of(prompt)), 5, "the answer in Redis")
        value = json.loads(redis("GET", name_of(prompt)))
        equal((value["output"], value["model"], value["cached"]), (prompt, "claude-a", True), "what others read")
        equal((len(value["sha256"]), value["version"]), (64, ""), "whose it is")
        check(0 < redis("PTTL", name_of(prompt)) <= 100000, "its time")
        equal([k for k in redis("KEYS", "slc:c:*")], [], "no second copy")
        for other, key in ((g, rig.KEY), (h, rig.KEY), (h, KEY_BOB)):
            r = ask(other, prompt, key=key)
            equal((r.status, r.get("x-cache"), r.json()["cached"], r.json()["output"]), (200, "HIT", True, prompt), r.body)
            equal(r.json()["usage"], first.json()["usage"], "its tokens")
            check("sha256" not in r.json() and "version" not in r.json(), r.body)
        equal((seen(g), seen(h)), (1, 0), "asked")
        # what is not this very request's, or not ours, is a miss and is written anew
        for i, bad in enumerate((b"theirs", b"{}", b'{"output":"evil"}', dump({**value, "sha256": "0" * 64}), dump({**value, "sha256": 7}))):
            word = "strange %d" % i
            redis("SET", name_of(word), bad, "PX", 100000)
            r = ask(h, word)
            equal((r.get("x-cache"), r.json()["output"]), ("MISS", word), bad)
            until(lambda: ('"output":"%s"' % word).encode() in redis("GET", name_of(word)), 5, "written anew")
        # only a prompt by itself has such a name
        ask(g, "with more", max_tokens=5)
        until(lambda: redis("KEYS", "slc:c:*"), 5, "kept under its own name")
        equal(redis("GET", name_of("with more")), None, "no name")
        equal(ask(h, "with more", max_tokens=5).get("x-cache"), "HIT", "kept all the same")


def test_another_model_has_no_such_name():
    """Who reads by the prompt's MD5 never gets what a second target said in the first one's place."""

    redis = Redis()
    models = [{"name": "claude-a", "targets": [
        {"provider": "mock-a", "model": "mock-500", "priority": 0}, {"provider": "mock-a", "model": "mock-echo", "priority": 1}]}]
    with gateway(redis.url, {"scope": "shared"}, models=models, retry={"attempts": 3, "base": "1ms"}) as g:
        equal(ask(g, "hello").json()["output"], "hello")
        until(lambda: redis("KEYS", "slc:c:*"), 5, "kept under its own name")
        equal(redis("GET", name_of("hello")), None, "no name")


class Batcher:
    """A client as guides have it: looks into Redis first, asks in batches, tries again after
    429 and 5xx."""

    def __init__(self, g, redis):
        self.g, self.redis, self.lock, self.asked = g, redis, threading.Lock(), 0

    def cached(self, prompt):
        with self.lock:
            raw = self.redis("GET", name_of(prompt))
        return json.loads(raw)["output"] if raw else None

    def one(self, prompt):
        known = self.cached(prompt)
        if known is not None:
            return known
        for _ in range(5):
            with self.lock:
                self.asked += 1
            r = self.g.post("/claude/complete", json.dumps({"prompt": prompt}).encode(), [("content-type", "application/json")])
            if r.status == 200:
                return r.json()["output"]
            check(r.status == 429 or r.status >= 500, "not to be tried again: %s" % r.body)
        raise AssertionError("given up")

    def batch(self, prompts):
        out = [None] * len(prompts)

        def work(i):
            out[i] = self.one(prompts[i])

        rig.together(len(prompts), work)
        return out


def test_a_batching_client():
    redis = Redis()
    with gateway(redis.url, {"scope": "shared"}) as g:
        client = Batcher(g, redis)
        prompts = ["Is this comment fine? \u8bc4\u8bba %d" % (i % 40) for i in range(50)]
        equal(client.batch(prompts), prompts, "answers in order")
        until(lambda: len(redis("KEYS", "claude:*")) == 40, 10, "all kept")
        check(seen(g) <= 40, "a prompt was asked twice: %d" % seen(g))
        before = client.asked
        equal(client.batch(prompts), prompts, "the same from Redis")
        equal(client.asked, before, "the gateway was not asked")


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
