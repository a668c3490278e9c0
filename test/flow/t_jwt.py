#!/usr/bin/env python3
"""Promise: a token is taken only if its issuer signed it, by the algorithm and key that
the configuration names, for this gateway, now; it may what its tenant and its scopes
allow; and a token given in exchange for a key ends with the key."""
# timeout: 240

import json
import signal
import time

import _jwt as jwt
import _rig as rig
from _rig import check, contains, equal, until

BODY = rig.messages("mock-echo", "hello")
OWN = "key-tokens-secret-of-32-bytes-or-more"
ISSUER = {"name": "corp", "issuer": "https://issuer.example", "audience": "sluice", "tenant_claim": "tenant", "leeway": "2s"}


def write(name, content):
    path = rig.tmp(name)
    with open(path, "w") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path


def issuer(alg, **more):
    if alg == "HS256":
        how = {"secrets": [jwt.SECRET, "another-secret-of-thirty-two-bytes-x"]}
    else:
        keys = [jwt.rsa_jwk(), jwt.rsa_jwk("k0", jwt.RSA_N + 2), jwt.ec_jwk("k2"), {"kty": "oct", "k": "AAAA"}]
        how = {"keys_file": write(alg + ".json", {"keys": keys if alg == "RS256" else [jwt.ec_jwk(), jwt.rsa_jwk("k3")]})}
    return {k: v for k, v in {**ISSUER, "algorithm": alg, **how, **more}.items() if v is not None}


def gateway(g, *issuers, **more):
    return rig.Gateway({"jwt": list(issuers), "key_tokens": {"secrets": [OWN], "ttl": "10s"}, **more}, mock=g.mock)


def ask(h, token, path="/v1/messages", body=BODY, header="authorization"):
    lines = [(header, ("Bearer " if header == "authorization" else "") + token)]
    return h.call("POST", path, body, lines, key=None)


def is_refused(r, why, status=401):
    equal(r.status, status, r.body[:300])
    contains(r.json()["error"]["message"], why)
    equal(r.get("x-should-retry"), "false" if status == 401 else r.get("x-should-retry"))


def test_each_algorithm(g):
    for alg in ("RS256", "ES256", "HS256"):
        with gateway(g, issuer(alg)) as h:
            t = jwt.token(alg)
            for header in ("authorization", "x-api-key"):
                r = ask(h, t, header=header)
                equal(r.status, 200, (alg, r.body[:300]))
                line = h.access_of(r)
                equal((line["tenant"], line["key_name"]), ("acme", "jwt:corp"))
                check(line["key"].startswith("jwt-"), line)
            equal(ask(h, jwt.token(alg, aud=["x", "sluice"])).status, 200, "one of many audiences")
            equal(h.post("/v1/messages", BODY).status, 200, "keys go on")
            text = h.said() + open(h.out).read() + h.metrics().text
            check(t not in text and t.split(".")[2] not in text and jwt.SECRET not in text, "a token in a log")
            check(t.split(".")[0] not in str(g.mock.last().headers), "at the provider")


def test_pem_files(g):
    for alg in ("RS256", "ES256"):
        with gateway(g, issuer(alg, keys_file=write("key.pem", jwt.pem(alg)))) as h:
            for kid in ("whatever", None):
                equal(ask(h, jwt.token(alg, kid=kid)).status, 200)
            spoilt = jwt.token(alg)[:-8] + "AAAAAAAA"
            is_refused(ask(h, spoilt), "signature")


def attacks(alg):
    good = jwt.token(alg)
    head, payload, signature = good.split(".")
    pem, n = jwt.pem(alg if alg != "HS256" else "RS256"), time.time()
    other = [a for a in ("RS256", "ES256", "HS256") if a != alg][-1]
    twice = jwt.b64(json.dumps(jwt.claims())[:-1] + ', "tenant": "bobs"}')
    yield "none", jwt.token("none", sign=lambda t: b""), "well-formed"
    yield "none, any case", jwt.token("nOnE", sign=lambda t: b"x"), "algorithm"
    yield "no algorithm", jwt.token(alg, header={"alg": None}), "algorithm"
    yield "algorithm is a list", jwt.token(alg, header={"alg": [alg]}), "algorithm"
    yield "public key as HMAC secret", jwt.token("HS256", sign=lambda t: jwt.sign_hs256(t, pem)), "algorithm" if alg != "HS256" else "signature"
    yield "another algorithm", jwt.token(other), "algorithm"
    yield "signed by another one, under our name", jwt.token(alg, sign=jwt.SIGN[other]), "signature"
    yield "empty signature", head + "." + payload + ".", "well-formed"
    yield "signature of zeros", jwt.token(alg, sign=lambda t: bytes(len(jwt.unb64(signature)))), "signature"
    yield "cut signature", jwt.token(alg, sign=lambda t: jwt.SIGN[alg](t)[:-1]), "signature"
    yield "longer signature", jwt.token(alg, sign=lambda t: jwt.SIGN[alg](t) + b"\0"), "signature"
    yield "another payload", head + "." + jwt.b64(jwt.claims(sub="mallory")) + "." + signature, "signature"
    yield "another header", jwt.b64({"alg": alg, "kid": "k1"}) + "." + payload + "." + signature, "signature"
    yield "critical", jwt.token(alg, header={"crit": ["b64"], "b64": False}), "crit"
    yield "expired", jwt.token(alg, exp=int(n) - 3), "expired"
    yield "no end", jwt.token(alg, exp=None), "well-formed"
    yield "end is a text", jwt.token(alg, exp=str(int(n) + 60)), "well-formed"
    yield "end is beyond all", jwt.token(alg, exp=10**30), "well-formed"
    yield "not yet", jwt.token(alg, nbf=int(n) + 30), "not valid yet"
    yield "not yet, a text", jwt.token(alg, nbf="0"), "well-formed"
    yield "another audience", jwt.token(alg, aud="sluice2"), "aud"
    yield "no audience", jwt.token(alg, aud=None), "aud"
    yield "audiences", jwt.token(alg, aud=["a", ["sluice"], 7]), "aud"
    yield "another issuer", jwt.token(alg, iss="https://issuer.example/"), "iss"
    yield "no issuer", jwt.token(alg, iss=None), "iss"
    yield "unknown tenant", jwt.token(alg, tenant="nobody"), "no tenant"
    yield "no tenant", jwt.token(alg, tenant=None), "no tenant"
    yield "tenants", jwt.token(alg, tenant=["acme"]), "no tenant"
    yield "no user", jwt.token(alg, sub=None), "no user"
    yield "user with a line break", jwt.token(alg, sub="a\nb"), "no user"
    yield "cut", good[:-1] if len(signature) % 4 == 2 else good[:-5], ""
    yield "huge", jwt.token(alg, more="x" * 9000), "well-formed"
    yield "a member twice", jwt.token(alg, payload=twice), "well-formed"
    yield "payload is no object", jwt.token(alg, payload=jwt.b64("[]")), "well-formed"
    yield "payload is no JSON", jwt.token(alg, payload=jwt.b64("{")), "well-formed"
    yield "payload is deep", jwt.token(alg, payload=jwt.b64('{"a":' + "[" * 200 + "]" * 200 + "}")), "well-formed"
    yield "payload is empty", jwt.token(alg, payload=""), "well-formed"
    yield "padding", head + "=" * (-len(head) % 4 or 4) + "." + payload + "." + signature, "well-formed"
    yield "other letters", head + "." + payload[:-1] + "+" + "." + signature, "well-formed"


def test_attacks(g):
    for alg in ("RS256", "ES256", "HS256"):
        with gateway(g, issuer(alg)) as h:
            seen = g.mock.stats()["requests"]
            for what, t, why in attacks(alg):
                r = ask(h, t)
                equal(r.status, 401, (alg, what, r.body[:300]))
                contains(r.json()["error"]["message"], why, (alg, what))
            equal(g.mock.stats()["requests"], seen, "none of them went on")
            equal(ask(h, jwt.token(alg)).status, 200, "a good one does")


def test_text_of_a_token_is_unique(g):
    """Bits of base64 that mean nothing must be zero, so that no second text is as good."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    with gateway(g, issuer("RS256")) as h:
        t = jwt.token("RS256")
        check(len(t.split(".")[2]) % 4 == 2, "two letters for the last byte")
        same = t[:-1] + letters[letters.index(t[-1]) + 1]
        equal(jwt.unb64(same.split(".")[2]), jwt.unb64(t.split(".")[2]))
        is_refused(ask(h, same), "well-formed")
        equal(ask(h, t).status, 200)


def test_keys_by_name(g):
    with gateway(g, issuer("RS256")) as h:
        is_refused(ask(h, jwt.token(kid="k0")), "signature")
        for kid in ("k2", "k9", "K1", None):
            is_refused(ask(h, jwt.token(kid=kid)), "kid")
        is_refused(ask(h, jwt.token(header={"kid": ["k1"]})), "well-formed")


def test_keys_are_read_again(g):
    path = write("rotating.json", {"keys": [jwt.rsa_jwk("old")]})
    with gateway(g, issuer("RS256", keys_file=path)) as h:
        old = jwt.token(kid="old")
        equal(ask(h, old).status, 200)
        write("rotating.json", {"keys": [jwt.rsa_jwk("new"), jwt.rsa_jwk("newer", jwt.RSA_N)]})
        h.signal(signal.SIGHUP)
        until(lambda: ask(h, old).status == 401, 5, "a known token of a key that went")
        equal(ask(h, jwt.token(kid="new")).status, 200)
        write("rotating.json", "nonsense")
        h.signal(signal.SIGHUP)
        until(lambda: "reload refused" in h.said(), 5, "refused")
        equal(ask(h, jwt.token(kid="new")).status, 200, "the last good ones stay")


def test_fixed_tenant_and_scopes(g):
    with gateway(g, issuer("HS256", tenant="bobs", tenant_claim=None, scopes_claim="scope")) as h:
        good = "openid models:mock-echo endpoints:messages,models"
        r = ask(h, jwt.token("HS256", tenant="acme", scope=good))
        equal((r.status, h.access_of(r)["tenant"]), (200, "bobs"))
        equal(ask(h, jwt.token("HS256", scope=good.split())).status, 200, "as a list")
        other = rig.messages("mock-other", "x")
        is_refused(ask(h, jwt.token("HS256", scope=good), body=other), "may not use model", 403)
        is_refused(ask(h, jwt.token("HS256", scope=good), "/v1/chat/completions", rig.chat("mock-echo", "x")), "no scope", 403)
        for scope in (None, "", "openid profile", [], 7, [7, {}], " ".join("models:m%d" % i for i in range(40))):
            is_refused(ask(h, jwt.token("HS256", scope=scope)), "no scope")


def test_limits_of_each_user(g):
    def change(c):
        c["tenants"].append({"name": "few", "per_key": {"limits": {"rpm": 2}}})

    with rig.Gateway({"jwt": [issuer("HS256")]}, change, mock=g.mock) as h:
        for user in ("ann", "ben"):
            got = [ask(h, jwt.token("HS256", tenant="few", sub=user, jti=str(i))).status for i in range(3)]
            equal(got, [200, 200, 429], "two a minute, whatever the token")


def test_a_known_token_costs_no_signature(g):
    """And one that expires while it is known is refused all the same."""
    with gateway(g, issuer("ES256")) as h:
        good = jwt.token("ES256")
        equal(ask(h, good).status, 200)
        w, bad = h.wire(), jwt.token("ES256", sign=lambda t: bytes(63) + b"\1")
        busy = False
        for _ in range(400 * rig.SLOW):  # more than may be wrong in a second
            w.request("POST", "/v1/messages", BODY, [("x-api-key", bad)], key=None)
            r = w.reply()
            if r.status == 503:
                contains(r.json()["error"]["message"], "too many")
                busy = True
                break
            equal(r.status, 401)
        check(busy, "wrong signatures are bounded")
        equal(ask(h, good).status, 200, "known ones pass meanwhile")
        short = jwt.token("ES256", exp=int(time.time()) + 1)
        until(lambda: ask(h, short).status == 200, 5, "taken, when others are again")
        until(lambda: ask(h, short).status == 401, 10, "with its end, leeway included")
        contains(ask(h, short).json()["error"]["message"], "expired")


def exchange(h, key=rig.KEY):
    return h.call("POST", "/v1/auth/token", b"", key=key)


def test_exchange(g):
    with gateway(g) as h:
        r = exchange(h)
        equal(r.status, 200, r.body)
        equal((r.get("cache-control"), r.json()["token_type"], r.json()["expires_in"]), ("no-store", "Bearer", 10))
        t = r.json()["access_token"]
        inside = json.loads(jwt.unb64(t.split(".")[1]))
        equal((inside["tenant"], inside["sub"]), ("acme", rig.sha256(rig.KEY)[:8]))
        check(rig.sha256(rig.KEY) not in jwt.unb64(inside["key"]).hex(), "the key's digest is masked")
        a, b = ask(h, t), h.post("/v1/messages", BODY)
        equal([h.access_of(x)[f] for x in (a, b) for f in ("tenant", "key_name")], ["acme", "alice"] * 2)
        is_refused(ask(h, t, "/v1/auth/token", b""), "can't be exchanged", 403)
        is_refused(ask(h, exchange(h, rig.KEY_NARROW).json()["access_token"], body=rig.messages("mock-x", "x")), "may not use", 403)
        equal(exchange(h, "sk-slc-x-y").status, 401)
        equal(exchange(h, rig.KEY_EXPIRED).status, 403)
        head, payload, signature = t.split(".")
        inside["tenant"] = "bobs"
        is_refused(ask(h, head + "." + jwt.b64(inside) + "." + signature), "signature")
        forged = head + "." + jwt.b64(inside)
        is_refused(ask(h, forged + "." + jwt.b64(jwt.sign_hs256(forged.encode()))), "signature")
        is_refused(ask(h, jwt.token("none", iss="sluice:key", sign=lambda x: b"x")), "algorithm")
        until(lambda: ask(h, t).status == 401, 15, "it ends")


def test_exchanged_token_ends_with_its_key(g):
    with gateway(g, key_tokens={"secrets": [OWN], "ttl": "1h"}) as h:
        auth = [("authorization", "Bearer " + rig.ADMIN_KEY), ("content-type", "application/json")]
        r = rig.call(h.admin_port, "POST", "/admin/api/token", json.dumps({"tenant": "acme", "name": "made"}).encode(), auth)
        check(r.status in (200, 201), r.body)
        key = r.json().get("key") or r.json().get("token")
        t = exchange(h, key).json()["access_token"]
        equal(ask(h, t).status, 200)
        kid = key.split("-")[2]
        r = rig.call(h.admin_port, "DELETE", "/admin/api/token/" + kid, None, auth)
        check(r.status < 300, r.status, r.body)
        r = ask(h, t)
        equal(r.status, 403, r.body)
        # and one of the file's with the file
        t = exchange(h).json()["access_token"]
        equal(ask(h, t).status, 200)
        h.config["tenants"][0]["keys"] = h.config["tenants"][0]["keys"][1:]
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: ask(h, t).status == 401, 5, "gone")


def test_secrets_rotate(g):
    with gateway(g, key_tokens={"secrets": [OWN], "ttl": "1h"}) as h:
        t = exchange(h).json()["access_token"]
        for own, status in ((["n" * 40, OWN], 200), (["n" * 40], 401)):
            h.config["key_tokens"]["secrets"] = own
            h.write_config()
            said = h.said().count("is in force")
            h.signal(signal.SIGHUP)
            until(lambda: h.said().count("is in force") > said, 5, "reloaded")
            equal(ask(h, t).status, status)
        h.config["key_tokens"] = None
        del h.config["key_tokens"]
        h.write_config()
        h.signal(signal.SIGHUP)
        until(lambda: exchange(h).status == 404, 5, "none are given")


def test_paused_tenant(g):
    with gateway(g, issuer("HS256")) as h:
        t = jwt.token("HS256")
        equal(ask(h, t).status, 200)
        auth = [("authorization", "Bearer " + rig.ADMIN_KEY), ("content-type", "application/json")]
        r = rig.call(h.admin_port, "PATCH", "/admin/api/tenant/acme", json.dumps({"state": "paused"}).encode(), auth)
        check(r.status < 300, r.status, r.body)
        is_refused(ask(h, t), "paused", 403)
        r = rig.call(h.admin_port, "PATCH", "/admin/api/tenant/acme", json.dumps({"state": "active"}).encode(), auth)
        check(r.status < 300, r.status, r.body)
        until(lambda: ask(h, t).status == 200, 5, "back")


if __name__ == "__main__":
    rig.main(globals())
