#!/usr/bin/env python3
"""Promise: a provider with `auth: oauth2` always has a good access token: fetched at
start, again before it ends, once for all who wait, once more when it is refused; and
when its token endpoint fails, the provider is down with that reason, and no secret is
in any log."""
# timeout: 240

import base64
import json
import signal
import subprocess
import time
import urllib.parse

import _rig as rig
from _rig import check, contains, equal, until

BODY = rig.messages("oauth-echo", "hello")
SECRET, REFRESH = "canary secret/+:ä", "canaryrefreshtoken"


def provider(mock, name="oauth", **oauth):
    more = {"token_url": "https://localhost:%d/oauth/token" % mock.tls, "ca_file": mock.ca, "client_id": "the:client",
            "client_secret": SECRET, **oauth}
    return {"name": name, "protocol": ["anthropic", "openai"], "base_url": "http://127.0.0.1:%d" % mock.plain, "auth": "oauth2",
            "oauth2": {k: v for k, v in more.items() if v is not None}}


def gateway(mock, words="", targets=("oauth",), attempts=3, **oauth):
    order(mock, words)
    mock.reset()

    def change(c):
        c["providers"] += [provider(mock, **oauth),
                           {"name": "other", "protocol": "anthropic", "base_url": "http://127.0.0.1:%d" % mock.plain, "keys": ["k"]}]
        c["models"].append({"name": "oauth-echo", "targets": [{"provider": p, "model": "mock-echo", "priority": i}
                                                              for i, p in enumerate(targets)]})

    return rig.Gateway({"retry": {"attempts": attempts, "base": "10ms", "max": "5s"}, "log": {"level": "debug"}}, change, mock=mock)


def order(mock, words):
    equal(mock.call("POST", "/__mock/token", words.encode()).status, 200)


def revoke(mock):
    equal(mock.call("POST", "/__mock/revoke", b"").status, 200)


def fetched(mock):
    return mock.stats()["tokens"]


def asked(mock):
    """The last request for a token: its authorization, and its form."""
    head, _, form = mock.stats()["token_asked"].partition("\r\n\r\n")
    lines = dict(l.split(": ", 1) for l in head.split("\r\n")[1:])
    return lines, dict(urllib.parse.parse_qsl(form))


def first_number(mock):
    """Of the token that comes next: the mock counts on over its resets."""
    r = mock.call("POST", "/oauth/token", b"grant_type=x").json()
    return int(r["access_token"].split("-")[-1]) + 1


def is_well(r, attempts="1"):
    equal(r.status, 200, r.body[:300])
    equal((r.get("x-sluice-provider"), r.get("x-sluice-attempts")), ("oauth", attempts))


def no_secret(h):
    text = h.said() + open(h.out).read() + h.metrics().text
    for word in ("canary secret", REFRESH, "mock-token-", "mock-refresh-", "canary%20secret", "Basic "):
        check(word not in text, "a secret in a log", word)


def test_fetched_at_start_and_sent(g):
    n = first_number(g.mock)
    with gateway(g.mock, scope="a b", params={"audience": "https://x/?y=1&z"}) as h:
        until(lambda: fetched(g.mock) == 1, 5, "fetched without a request")
        lines, form = asked(g.mock)
        kind, _, pair = lines["authorization"].partition(" ")
        equal((kind, [urllib.parse.unquote(x) for x in base64.b64decode(pair).decode().split(":")]),
              ("Basic", ["the:client", SECRET]))
        equal(form, {"grant_type": "client_credentials", "scope": "a b", "audience": "https://x/?y=1&z"})
        for path, make, _ in rig.GENERATE[:2]:
            for stream in (False, True):
                is_well(h.post(path, make("oauth-echo", "hi", stream=stream)))
                equal(g.mock.last().get("authorization"), "Bearer mock-token-%d" % n)
        equal(fetched(g.mock), 1)
        equal(h.metrics().value("sluice_token_fetches_total", provider="oauth", result="ok"), 1.0)
        no_secret(h)


def test_client_in_the_form(g):
    with gateway(g.mock, client_auth="form") as h:
        is_well(h.post("/v1/messages", BODY))
        lines, form = asked(g.mock)
        check("authorization" not in lines)
        equal(form, {"grant_type": "client_credentials", "client_id": "the:client", "client_secret": SECRET})


def test_refresh_tokens_rotate(g):
    n = first_number(g.mock)
    with gateway(g.mock, "rotate-lives-2s", client_secret=None, refresh_token=REFRESH) as h:
        until(lambda: fetched(g.mock) >= 1, 5, "the first one")
        seen = {}
        until(lambda: seen.update({asked(g.mock)[1]["refresh_token"]: 1}) or len(seen) >= 3, 10 * rig.SLOW, lambda: "rotated: %s" % seen)
        check(set(seen) <= {REFRESH, *("mock-refresh-%d" % (n + i) for i in range(200))}, seen)
        equal(asked(g.mock)[1]["client_id"], "the:client")
        is_well(h.post("/v1/messages", BODY))
        no_secret(h)


def test_one_refresh_for_all(g):
    """1,000 requests when the token has ended and its successor is on the way."""
    with gateway(g.mock, "lives-2s") as h:
        until(lambda: fetched(g.mock) >= 1, 5, "the first one")
        before = fetched(g.mock)
        order(g.mock, "first-6s-lives-3600s")
        until(lambda: fetched(g.mock) == before + 1, 5, "the next one is asked for before the first ends")
        time.sleep(1.5)  # half its life was left
        wires = [h.wire(60) for _ in range(1000)]
        for w in wires:
            w.request("POST", "/v1/messages", BODY)
        for w in wires:
            is_well(w.reply())
            w.close()
        equal(fetched(g.mock), before + 1, "calls of the token endpoint")


def test_refused_token_is_replaced_once(g):
    with gateway(g.mock, attempts=1) as h:
        for stream in (False, True):
            is_well(h.post("/v1/messages", BODY))
            before = fetched(g.mock)
            time.sleep(1.1)  # a younger one is not replaced
            revoke(g.mock)
            body = rig.messages("oauth-echo", "again", stream=stream)
            r = h.post("/v1/messages", body)
            is_well(r, "2")
            equal(fetched(g.mock), before + 1)
            equal(h.access_of(r)["attempts"], 2)
        time.sleep(1.1)
        revoke(g.mock)
        before = fetched(g.mock)
        rig.together(50, lambda i: equal(h.post("/v1/messages", BODY).status, 200))
        equal(fetched(g.mock), before + 1, "one for all")
        revoke(g.mock)  # a provider that refuses what was given a moment ago
        r = h.post("/v1/messages", BODY)
        equal((r.status, r.get("x-sluice-attempts")), (502, "1"))
        contains(r.json()["error"]["message"], "credentials")
        equal(fetched(g.mock), before + 1, "no other one is asked for")
        no_secret(h)


FAULTS = {
    "401": "answered 401: invalid_client",
    "400": "answered 400: invalid_grant",
    "503": "answered 503: server_error",
    "html": "not JSON",
    "empty": "not JSON",
    "drop": "failed",
    "rst": "failed",
}


def test_endpoint_fails(g):
    for words, why in FAULTS.items():
        with gateway(g.mock, words) as h:
            r = h.post("/v1/messages", BODY)
            equal(r.status, 502, words)
            contains(r.json()["error"]["message"], "Provider oauth failed")
            contains(r.json()["error"]["message"], why)
            check(r.get("retry-after"), "says when to come back")
            check(h.metrics().value("sluice_token_fetches_total", provider="oauth", result="failed") >= 1)
            equal(h.metrics().value("sluice_breaker_state", provider="oauth", model="mock-echo") or 0.0, 0.0, "no fault of the model's")
            order(g.mock, "")
            until(lambda: h.post("/v1/messages", BODY).status == 200, 10 * rig.SLOW, "it is back by itself")
            no_secret(h)


def test_backs_off(g):
    with gateway(g.mock, "500") as h:
        until(lambda: fetched(g.mock) >= 1, 5, "the first one")
        started = time.monotonic()
        n = 0
        while time.monotonic() - started < 2:
            equal(h.post("/v1/messages", BODY).status, 502)
            n += 1
        check(fetched(g.mock) <= 4, "calls while %d requests came: %d" % (n, fetched(g.mock)))


def test_another_provider_answers_meanwhile(g):
    with gateway(g.mock, "500", targets=("oauth", "other")) as h:
        for _ in range(60):  # more than the budget of retries lets pass
            r = h.post("/v1/messages", BODY)
            equal((r.status, r.get("x-sluice-provider")), (200, "other"))


def test_endpoint_hangs(g):
    """Whoever waits is not held for longer than his own limits, and leaves nothing."""
    with gateway(g.mock, "hang") as h:
        h.config["timeouts"]["total"] = "700ms"
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: "is in force" in h.said(), 5, "reloaded")
        r = h.post("/v1/messages", BODY)
        equal(r.status, 504, r.body)
        w = h.wire()
        w.request("POST", "/v1/messages", BODY)
        until(lambda: h.metrics().value("sluice_live_objects", kind="requests"), 5, "it waits")
        w.close()
        h.settle()


def test_reload(g):
    with gateway(g.mock) as h:
        until(lambda: fetched(g.mock) == 1, 5, "fetched")
        h.config["providers"][-2]["timeouts"] = {"idle": "100s"}
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: h.said().count("is in force") == 1, 5, "reloaded")
        is_well(h.post("/v1/messages", BODY))
        equal(fetched(g.mock), 1, "the token is kept")
        h.config["providers"][-2]["oauth2"]["scope"] = "another"
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: fetched(g.mock) == 2, 5, "another one for other settings")
        equal(asked(g.mock)[1]["scope"], "another")
        is_well(h.post("/v1/messages", BODY))


def refuses(settings, *words):
    bad = rig.tmp("bad.json")
    with open(bad, "w") as f:
        json.dump(settings, f)
    p = subprocess.run([rig.SLUICE, "check", bad], env=rig.environment(), capture_output=True, text=True)
    check(p.returncode != 0, "was taken")
    for w in words:
        contains(p.stdout + p.stderr, w)


def test_settings(g):
    base = {"providers": [provider(g.mock)], "models": [{"name": "*", "targets": [{"provider": "oauth"}]}]}

    def changed(**more):
        c = json.loads(json.dumps(base))
        for k, v in more.items():
            (c["providers"][0]["oauth2"] if k in c["providers"][0]["oauth2"] else c["providers"][0])[k] = v
        return c

    refuses(changed(keys=["k"]), "takes none")
    refuses(changed(token_url="http://tokens.example/x"), "must be https")
    refuses(changed(client_id=""), "client_id")
    refuses(changed(client_secret=""), "client_secret or refresh_token")
    refuses(changed(auth="bearer"), "goes with")
    refuses(changed(token_url="nonsense"), "token_url")


if __name__ == "__main__":
    rig.main(globals())
