# timeout: 200
"""Promise: nothing private leaks into what is kept. After traffic of every kind, keys are nowhere but as digests, prompts
nowhere at all, and answers in cached entries alone: not in Redis, the trail, SQLite, the logs, or metrics."""

import os

import _rig as rig
from _admin import Api
from _bodies import GENERATE, dump
from _check import check, equal, until
from _provider import Listener
from _redis import Redis
from _rig import KEY, KEY_BOB

PROMPT = "canaryprompt-zebra-9182"
HOOK = "canary-secret-of-the-hook"
SECRETS = [KEY, KEY_BOB, KEY.rsplit("-", 1)[-1], KEY_BOB.rsplit("-", 1)[-1], rig.PROVIDER_KEY_A, rig.PROVIDER_KEY_O, rig.ADMIN_KEY, HOOK]
ANSWER = "0000000 0000001 0000002"  # how the mock's counted answers begin


def everything_in(folder):
    for base, _, names in os.walk(folder):
        for name in names:
            if name != "sluice.yaml":
                yield os.path.join(base, name), open(os.path.join(base, name), "rb").read()


def everything_of(redis):
    for key in redis("KEYS", "*"):
        yield "redis " + key.decode("latin1"), key
        yield "redis " + key.decode("latin1"), redis("DUMP", key)
        kind = redis("TYPE", key)
        if kind == "string":
            yield "redis " + key.decode("latin1"), redis("GET", key)
        elif kind == "hash":
            yield "redis " + key.decode("latin1"), b"\n".join(redis("HGETALL", key))
        elif kind == "zset":
            yield "redis " + key.decode("latin1"), b"\n".join(redis("ZRANGE", key, 0, -1))
        elif kind == "list":
            yield "redis " + key.decode("latin1"), b"\n".join(redis("LRANGE", key, 0, -1))


def traffic(g):
    for path, make, _ in GENERATE:
        for stream in (False, True):
            for key in (KEY, KEY_BOB, "sk-slc-nobody-" + "x" * 40):
                g.post(path, make("mock-events-30", PROMPT, stream=stream, store=False) if path.endswith("responses")
                       else make("mock-events-30", PROMPT, stream=stream), key=key)
    g.post("/v1/moderations", dump({"model": "mock-echo", "input": [PROMPT, PROMPT + "2"]}))
    g.post("/v1/messages", dump({"model": "mock-500", "max_tokens": 5, "messages": [{"role": "user", "content": PROMPT}]}))


class Taker(Listener):
    """Of the webhook's events."""

    def reply(self, head, body):
        return b"HTTP/1.1 204 No Content\r\n\r\n"


def by_operators(g):
    """A made key, a switch, a question what would happen, and what became of a request; the made key's text."""
    api = Api(g)
    made, _ = api.key("made", tenant="acme")
    g.post("/v1/messages", dump({"model": "barred", "max_tokens": 5, "messages": [{"role": "user", "content": PROMPT}]}))  # a hook's event
    body = dump({"model": "mock-events-30", "max_tokens": 5, "messages": [{"role": "user", "content": PROMPT}]})
    api("POST", "switches", {"kind": "provider", "name": "mock-o", "for": "30m", "why": "they mend it"})
    api("POST", "explain", {"key": made, "body": body.decode()})
    api("POST", "explain", {"key": KEY, "body": body.decode()})
    r = g.post("/v1/messages", body, key=made)
    equal(r.status, 200, r.body[:300])
    asks = lambda: g.call("GET", "/v1/generation?id=" + r.get("x-sluice-request-id"), key=made)
    until(lambda: asks().status == 200, 5, "it is noted")
    check(PROMPT.encode() not in asks().body, "the prompt is noted")
    api("DELETE", "switches/provider:mock-o")
    api("POST", "switches", {"kind": "provider", "name": "mock-o", "for": "30m", "why": "they mend it again"})
    return made


def look(places, cached):
    for where, data in places:
        check(PROMPT.encode() not in data, "the prompt is in " + where)
        for secret in SECRETS:
            check(secret.encode() not in data, "a key is in " + where)
        if ANSWER.encode() in data:
            cached.append(where)


def test_nothing_private_is_kept():
    hook = Taker()
    for redis in (None, Redis()):
        settings = {
            "hooks": {"url": "http://127.0.0.1:%d/in" % hook.port, "secret": HOOK},
            "log": {"level": "debug"},
            "words": [{"name": "seen", "words": ["canaryprompt"], "match": "anywhere"}],
            "intents": [{"name": "animals", "words": ["zebra"]}],
            "store": {"url": redis.url if redis else "embedded:./data", "timeout": "5s"},
            "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": {"input": 1, "output": 1}},
                                                 {"provider": "mock-o", "price": {"input": 1, "output": 1}}],
                        "cache": {"enabled": True}},
                       {"name": "barred", "targets": [{"provider": "mock-a", "model": "mock-401", "price": {"input": 1, "output": 1}}]}],
            "tenants": [{"name": n, "keys": [{"name": n, "sha256": rig.sha256(k), "user": n}], "budget": {"initial_credits": 10},
                         "limits": {"rpm": 1000, "qps": 1000, "tpm": 1000000, "concurrency": 100}} for n, k in
                        (("acme", KEY), ("bobs", KEY_BOB))],
        }
        with rig.Gateway(settings) as g:
            traffic(g)
            made = by_operators(g)
            until(lambda: g.metrics().value("sluice_words_total", list="seen") > 0, 5, "the word was found")
            until(lambda: g.metrics().value("sluice_hooks_total", result="sent"), 20, "a hook was sent")
            until(lambda: len(g.access_lines()) > 20, 5, "access lines")
            cached = []
            places = list(everything_in(g.dir)) + [("metrics", g.admin("GET", "/metrics").body)]
            look(places, cached)
            check(not any(made.encode() in d for _, d in places), "the made key is kept")
            equal(cached, [], "no answer is on disk")
            check(any(b'"kind":"settle"' in d for w, d in places if "trail" in w), "the trail was looked at")
            if redis:
                kept = list(everything_of(redis))
                look(kept, cached)
                check(not any(made.encode() in d for _, d in kept), "the made key is in Redis")
                for part in (":notes", ":switch:", ":key:", ":use:"):
                    check(any(part in w for w, _ in kept), "nothing was looked at of " + part)
                check(cached and all(w.startswith("redis slc:c:") for w in cached), "answers stand in %s" % cached)
        if redis:
            redis.kill()
    hook.close()


rig.main(globals(), gateway=False)
