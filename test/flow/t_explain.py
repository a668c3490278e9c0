#!/usr/bin/env python3
"""Promise: `explain` says what then happens: who is asked, in which order, with which headers, at
what price, or with which status it is refused; whether the answer is cached and under which
name. Asking changes nothing. EXPLAIN_CASES=1000 makes the long run of it."""
# timeout: 240

import json
import os
import random
import re
import subprocess

import _rig as rig
from _admin import Api
from _check import check, contains, equal, until
from _redis import SERVER, Redis
from _rig import KEY, chat, messages
from t_failover import Provider, answer, provider

CASES = int(os.environ.get("EXPLAIN_CASES", "100"))
WORLD = 25  # cases of one configuration
SEED = int(os.environ.get("EXPLAIN_SEED", "5"))
NEAR_MS = 5000 * rig.SLOW  # what ends so soon may have ended when the request comes
FAILING = {"mock-503": 503, "mock-500": 500}


class Limited(list):
    """A script without an end: its provider's one key is at its limit, for longer than a test."""

    def __init__(self):
        super().__init__([None])

    def pop(self, _):
        return answer(429, "retry-after: 600\r\n")


# ---- a world ---------------------------------------------------------------------


def random_model(rng, name):
    strategy = rng.choice(["priority", "weighted", "latency", "cost"])
    names = rng.sample(["a", "b", "c", "d", "lim"], rng.randint(1, 4))
    served = [rng.choice(["mock-echo", "mock-echo", "mock-echo", "mock-503", "mock-500"]) for _ in names]
    if strategy == "latency":  # what is drawn by lot is no part of the cache's key then
        served = ["mock-echo"] * len(names)
    targets = []
    for n, s in zip(names, served):
        t = {"provider": n, "model": "mock-echo" if n == "lim" else s, "priority": rng.choice([0, 0, 1])}
        if strategy == "weighted":
            t["weight"] = rng.choice([0, 1, 10, 90])
        t.update(rng.choice([{"price": {"input": 1, "output": 5}}, {"price": {"input": 3, "output": 15}}, {"free": True}]))
        targets.append(t)
    return {"name": name, "strategy": strategy, "targets": targets, "affinity": rng.choice(["session", "user", "none"]),
            "cache": {"enabled": rng.random() < 0.5}}


def world(rng, redis):
    """One gateway with random models, tenants and keys."""
    limited = Provider()
    limited.script = Limited()
    keys = ["sk-explain-%d" % i for i in range(6)]
    mock = rig.Mock()

    def change(c):
        one = {"protocol": ["openai"], "base_url": "http://127.0.0.1:%d/v1" % mock.plain, "auth": "bearer", "headers": {"x-team": "hidden"}}
        c["providers"] = [provider("a", mock.plain), provider("b", mock.plain, protocol=["anthropic"], query={"tag": "hidden"}),
                          provider("c", mock.plain, **one), provider("d", mock.plain, keys=["key-1", "key-2"]),
                          provider("lim", limited.port)]
        c["models"] = [random_model(rng, "m%d" % i) for i in range(5)]
        limits = lambda: rng.choice([{}, {"rpm": 3}, {"rpm": 50, "tpm": 400}])
        c["tenants"] = [
            {"name": "open", "keys": [{"name": "k0", "key": keys[0]}, {"name": "k1", "key": keys[1], "scopes": ["models:m0,m1,m2"]}]},
            {"name": "poor", "budget": {"initial_credits": rng.choice(["0.002", "0.02"])}, "keys": [{"name": "k2", "key": keys[2]}]},
            {"name": "slow", "limits": limits(), "keys": [{"name": "k3", "key": keys[3], "limits": limits()},
                                                           {"name": "k4", "key": keys[4], "scopes": ["endpoints:messages"]}]},
            {"name": "gone", "keys": [{"name": "k5", "key": keys[5], "expires": "2020-01-01"}]},
        ]

    settings = {"retry": {"attempts": rng.choice([2, 3]), "base": "1ms", "max": "2s"},
                "breaker": {"min_requests": 4, "open": "1h", "window": "1h"},
                "store": {"url": redis.url if redis else "embedded:"}}
    h = rig.Gateway(settings, change, mock=mock)
    h.owns_mock = True
    return h, limited, keys


# ---- a case ----------------------------------------------------------------------


def random_request(rng, keys):
    path, make = rng.choice([("/v1/messages", messages), ("/v1/chat/completions", chat)])
    more, headers = {"stream": rng.random() < 0.3}, []
    model = rng.choice(["m0", "m1", "m2", "m3", "m4", "m4", "nowhere"] if rng.random() < 0.3 else ["m0", "m1", "m2", "m3", "m4"])
    if rng.random() < 0.3:
        more["max_tokens"] = rng.choice([16, 4000])
    if rng.random() < 0.4:
        more.update({"metadata": {"user_id": "u%d" % rng.randint(0, 5)}} if make is messages else {"user": "u%d" % rng.randint(0, 5)})
    if rng.random() < 0.3:
        headers.append(("x-claude-code-session-id", "s%d" % rng.randint(0, 3)))
    if rng.random() < 0.25:
        wish = {rng.choice(["order", "only", "ignore"]): rng.sample(["a", "b", "c", "d", "lim"], rng.randint(1, 2))}
        if rng.random() < 0.3:
            wish["allow_fallbacks"] = False
        more["provider"] = wish
    if rng.random() < 0.2:
        more["models"] = rng.sample(["m0", "m1", "m2", "m3", "m4", "none"], 2)
    if rng.random() < 0.1:
        headers.append(("cache-control", rng.choice(["no-store", "no-cache"])))
    if rng.random() < 0.3 and make is messages:
        headers.append(("anthropic-beta", "beta-%d" % rng.randint(0, 2)))
    body = make(model, rng.choice(["one", "two", "three"]) * rng.choice([1, 40]), **more)
    if rng.random() < 0.03:
        body = body[:-2]
    return path, body, headers, rng.choice([*keys, keys[0], keys[0], keys[0], "sk-of-nobody"])


def soon(d):
    """Does the answer hang on something that ends in a moment?"""
    o = d["outcome"]
    times = [o.get("retry_ms", 0), o.get("wait_ms", 0), *(t.get("rest_ms", 0) for t in d["targets"])]
    return any(0 < t < NEAR_MS for t in times)


def fails(t):
    return t["provider"] == "lim" or t["served"] in FAILING


def by_lot(d, turns):
    """Times just measured are near to each other: who may be first."""
    return d["request"].get("strategy") == "latency" and len({t["priority"] for t in turns}) < len(turns)


def compare_path(d, r):
    """Who answered, at which try, and those before it that failed."""
    turns = [t for t in d["targets"] if t["turn"]]
    equal([t["turn"] for t in turns], list(range(1, len(turns) + 1)))
    n, name = int(r.get("x-sluice-attempts")), r.get("x-sluice-provider")
    places = {(t["provider"], t["served"]) for t in turns}
    if by_lot(d, turns) or len(places) < len(turns):  # what fails for one model rests for the other
        check(name in {t["provider"] for t in d["targets"] if t["candidate"]}, "one of them", name)
        return None
    if n > len(turns):  # again, as a breaker that opened meanwhile or a limit leaves room for
        check(name in {t["provider"] for t in d["targets"] if t["candidate"]} and all(fails(t) for t in turns), "before", name)
        return None
    at = turns[n - 1]
    equal(name, at["provider"], "try %d" % n)
    for t in turns[: n - 1]:
        check(fails(t), "passed over without a failure", t, name)
    equal(r.status == 200, not fails(at), "as its target does: %s" % at)
    return at if n == 1 else None


def compare_head(d, seen):
    """What the provider got, but for what is masked."""
    send = d["send"]
    equal(send["line"].split(" ")[0], seen.method)
    equal(send["line"].split(" ")[1].split("?")[0], seen.target.split("?")[0])
    equal([k.split("=")[0] for k in send["line"].partition("?")[2].split("&")], [k.split("=")[0] for k in seen.target.partition("?")[2].split("&")])
    equal(sorted(n.lower() for n, _ in send["headers"]), sorted(n.lower() for n, _ in seen.headers))
    for name, value in send["headers"]:
        if value != "(secret)":
            equal([value], seen.all(name), name)
    equal(send["bytes"], seen.size)


def compare(h, d, r, redis):
    """An explanation, and the reply."""
    way, x_cache = d["outcome"]["way"], r.get("x-cache")
    if d["outcome"].get("error") == "provider_unavailable" and r.get("x-sluice-attempts") not in (None, "0"):
        return  # the one probe a second
    if way in ("refused", "ours"):
        equal(r.status, d["outcome"]["status"], r.body[:300])
        equal(r.get("x-sluice-attempts") in (None, "0"), True, "nobody was asked")
        if way == "refused" and d["outcome"]["error"] != "key_ended":  # which calls a key as it was called
            equal(r.json()["error"]["message"][:40], d["outcome"]["message"][:40])
        return
    equal(x_cache or "OFF", d["cache"]["result"], "the cache")
    if way == "hit":
        equal(r.status, 200)
        return
    equal(way, "asks")
    first = compare_path(d, r)
    if first is None:
        return
    if first["provider"] != "lim":
        compare_head(d, h.mock.last())
    if redis and x_cache == "MISS" and r.status == 200 and "kept_as" in d["cache"]:
        until(lambda: redis("EXISTS", "slc:c:" + d["cache"]["kept_as"]), 10, "kept under the name that was told")


def still(d):
    """What of an explanation does not change by itself."""
    d = json.loads(re.sub(r'"(expected_us|rest_ms|retry_ms|wait_ms)":\d+', r'"\1":0', json.dumps(d, separators=(",", ":"))))
    if d["request"].get("strategy") == "latency":
        d["targets"] = d["send"] = None
    d["outcome"].pop("message", None)
    return d


def run_cases(seed, n, redis):
    rng, done, left, past = random.Random(seed), {}, 0, []
    h, limited, keys = world(rng, redis)
    with h:
        api = Api(h)
        for i in range(n):
            path, body, headers, key = rng.choice(past) if past and rng.random() < 0.35 else random_request(rng, keys)
            past.append((path, body, headers, key))
            ask = {"path": path, "body": body.decode(), "headers": dict([*headers, ("x-api-key", key), ("content-type", "application/json")])}
            if rng.random() < 0.5 and key in keys:
                del ask["headers"]["x-api-key"]
                ask["key"] = rng.choice([key, "k%d" % keys.index(key)])
            if key in keys[2:5]:  # what the last one cost must have been booked
                h.settle()
                until(lambda: api("GET", "ledger")["unsent"] == 0, 5, "its books are kept")
            d = api("POST", "explain", ask)
            if i % 4 == 0:
                equal(still(api("POST", "explain", ask)), still(d), "asking changed something")
            r = h.post(path, body, headers=headers, key=key)
            if soon(d):
                left += 1
                continue
            try:
                compare(h, d, r, redis)
            except rig.Failed as e:
                raise rig.Failed("seed %d case %d: %s\n%s %s %s\nexplained: %s\ngot: %d %s" % (
                    seed, i, e, path, body.decode(), headers, json.dumps(d), r.status, r.headers)) from e
            what = "%s %s" % (d["outcome"]["way"], d["outcome"].get("status", ""))
            done[what] = done.get(what, 0) + 1
    limited.close()
    return done, left


def answers(redis):
    try:
        return redis("PING")
    except OSError:
        redis.sock = None
        return False


def test_it_says_what_happens():
    redis = Redis("--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru") if SERVER else None
    if redis:
        until(lambda: answers(redis), 10, "Redis answers")
    total, left = {}, 0
    for i in range((CASES + WORLD - 1) // WORLD):
        if redis:
            redis("FLUSHALL")
        done, late = run_cases(SEED * 1000 + i, min(WORLD, CASES - i * WORLD), redis if i % 2 else None)
        left += late
        for k, v in done.items():
            total[k] = total.get(k, 0) + v
    if redis:
        redis.kill()
    print("cases compared: %s; left out as something ended in that moment: %d" % (dict(sorted(total.items())), left))
    check(left * 3 < CASES, "too many cases are left out", left)
    for way in ("asks", "hit", "refused"):
        check(any(k.startswith(way) for k in total), "never seen", way, total)


# ---- what it says of money, and without a gateway --------------------------------


def explain(h, *argv, body, config=True):
    p = subprocess.run([rig.SLUICE, "explain", *(["-c", h.path] if config else []), *argv, "-"], input=body, env=h.environment,
                       capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_the_reservation_is_what_is_held():
    """Of the dearest candidate, while the request runs."""

    def change(c):
        c["models"] = [{"name": "m", "targets": [{"provider": "mock-a", "model": "mock-first-300000ms", "price": {"input": 1, "output": 5}},
                                                 {"provider": "mock-o", "model": "x", "price": {"input": 3, "output": 15}, "priority": 1}]}]
        c["tenants"][0]["budget"] = {"initial_credits": 5}

    with rig.Gateway({"retry": {"attempts": 2}}, change) as h:
        api, body = Api(h), messages("m", "x" * 500, max_tokens=700)
        d = api("POST", "explain", {"key": KEY, "body": body.decode()})
        check(d["price"]["reserve"] > 0.01, d["price"])
        equal(d["price"]["reserve"], max(t["price"] for t in d["targets"]))
        equal(api("GET", "tenant/acme")["balance"]["reserved"], 0, "nothing is taken")
        with h.wire() as w:
            w.request("POST", "/v1/messages", body)
            held = until(lambda: api("GET", "tenant/acme")["balance"]["reserved"], 10, "it is admitted")
            equal(held, d["price"]["reserve"])
            equal(api("POST", "explain", {"tenant": "acme", "body": body.decode()})["levels"]["tenant"]["left"]["money"], 5 - held)


def test_without_a_gateway():
    """The same from the configuration alone as from a gateway that has just started; nothing goes out, no secret is shown."""

    def change(c):
        c["providers"][0].update(query={"team": "query-secret"}, headers={"x-team": "header-secret"})
        c["models"].insert(0, {"name": "m", "strategy": "weighted", "targets": [{"provider": "mock-a", "weight": 9}, {"provider": "mock-o"}]})
        c["tenants"][0]["limits"] = {"rpm": 7}

    with rig.Gateway({"retry": {"attempts": 2}}, change) as h:
        api = Api(h)
        for path, body in (("/v1/messages", messages("m", metadata={"user_id": "u1"})), ("/v1/chat/completions", chat("m", user="u2", stream=True)),
                           ("/v1/messages", messages("nowhere")), ("/v1/messages", b"{")):
            live = api("POST", "explain", {"path": path, "key": "alice", "body": body.decode(), "headers": {"anthropic-beta": "b"}})
            code, out, err = explain(h, "--json", "--key", "alice", "--path", path, "-H", "anthropic-beta: b", body=body)
            equal((code, err), (0, ""))
            equal(json.loads(out), live)
            admin = ["--admin", "127.0.0.1:%d" % h.admin_port]
            h.environment["SLUICE_ADMIN_KEY"] = rig.ADMIN_KEY
            code, out, err = explain(h, "--json", *admin, "--key", KEY, "-p", path, "-H", "anthropic-beta: b", body=body)
            equal((code, err, json.loads(out)), (0, "", live), "by the key's text, of the running one")
            code, out, err = explain(h, "--key", "alice", "--path", path, body=body)
            equal((code, err), (0, ""))
            contains(out, "rpm 7 (7 left)" if live.get("limit") == "none" else "refused")
            for secret in ("query-secret", "header-secret", KEY, rig.PROVIDER_KEY_A, rig.PROVIDER_KEY_O):
                check(secret not in out + json.dumps(live), "shown:", secret)
        code, out, _ = explain(h, "--tenant", "acme", body=messages("m"))
        equal(code, 0)
        contains(out, "of tenant acme")
        equal(explain(h, "--key", "nobody-has-it", body=messages("m"))[0], 1)
        equal(explain(h, "--key", "a", "--tenant", "b", body=messages("m"))[0], 2)
        equal(explain(h, "-H", "no colon", body=messages("m"))[0], 2)
        equal(h.mock.stats()["requests"], 0, "no provider was asked")
        equal(h.metrics().value("sluice_requests_total") or 0, 0)


def test_what_the_api_refuses():
    with rig.Gateway() as h:
        api, body = Api(h), messages("m").decode()
        api.refused("POST", "explain", b"[]", 400)
        api.refused("POST", "explain", {"bodyy": 1}, 400)
        for param, ask in (("path", {"path": "v1"}), ("path", {"path": "/a b"}), ("headers", {"headers": {"a b": "c"}}), ("headers", {"headers": {"a": 1}}),
                           ("body", {"body": 5}), ("tenant", {"key": KEY, "tenant": "acme"})):
            api.refused("POST", "explain", {"body": body, **ask}, 400, param=param)
        api.refused("POST", "explain", {"body": body, "key": "nobody"}, 404, param="key")
        made, made_id = api.key("k", tenant="acme", rpm=4)
        for key in (made, made_id):
            d = api("POST", "explain", {"key": key, "body": messages("mock-echo").decode()})
            equal((d["key"]["id"], d["levels"]["key"]["left"]["rpm"], d["outcome"]["way"]), (made_id, 4, "asks"))
        api("PATCH", "token/" + made_id, {"state": "paused"})
        equal(api("POST", "explain", {"key": made_id, "body": body})["outcome"]["status"], 403)
        long = messages("mock-echo", "x" * 3000000).decode()
        equal(api("POST", "explain", {"key": KEY, "body": long})["outcome"]["way"], "asks", "a long prompt")
        too_long = messages("mock-echo", "x" * 9000000).decode()
        equal(api("POST", "explain", {"key": KEY, "body": too_long})["outcome"]["status"], 413)
        equal(api("POST", "explain", {"key": KEY, "path": "/v1/models", "body": ""})["outcome"]["way"], "refused", "another method's")


rig.main(globals(), gateway=False)
