#!/usr/bin/env python3
"""Promise: nobody without a valid key gets in, and a key reaches no further
than its scopes."""

import datetime
import signal

import _rig as rig
from _redis import Redis
from _rig import check, contains, equal

BODY = rig.messages("mock-echo")
ANTHROPIC = [("anthropic-version", "2023-06-01")]


def refused(g, headers, status=401, path="/v1/messages", body=BODY):
    before = g.mock.stats()["requests"]
    r = g.call("POST", path, body, headers, key=None)
    equal(r.status, status, headers)
    equal(g.mock.stats()["requests"], before, "nothing went up")
    kind, message = r.error()
    contains(message, "Authentication failed", "wording")
    check("canarysecret" not in r.body.decode("latin-1"), "the key is in the answer")
    if status == 401:
        equal(r.get("x-should-retry"), "false")
    return r


def test_good_keys(g):
    for headers in (
        [("authorization", "Bearer " + rig.KEY)],
        [("Authorization", "bearer  " + rig.KEY)],
        [("x-api-key", rig.KEY)],
        [("X-API-KEY", rig.KEY_BOB)],
        [("x-api-key", rig.KEY_PLAIN)],
        [("x-api-key", rig.KEY), ("authorization", "Bearer not-a-key")],
    ):
        for path, make, _ in rig.GENERATE:
            equal(g.call("POST", path, make("mock-echo"), headers, key=None).status, 200, headers)


def test_no_key_and_wrong_keys(g):
    for headers in (
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", rig.KEY)],
        [("authorization", "Basic " + rig.KEY)],
        [("authorization", "Bearer " + rig.KEY + " x")],
        [("authorization", "Bearer " + rig.KEY + "," + rig.KEY_BOB)],
        [("x-api-key", rig.KEY[:-1])],
        [("x-api-key", rig.KEY + "0")],
        [("x-api-key", rig.KEY.upper())],
        [("x-api-key", rig.KEY[:8])],
        [("x-api-key", "*")],
        [("x-api-key", rig.sha256(rig.KEY))],
        [("x-api-key", "not-a-key"), ("authorization", "Bearer " + rig.KEY)],
        [("x-api-key", "k" * 7000)],
        [("x-api-key", rig.PROVIDER_KEY_A)],
        [("x-api-key", rig.ADMIN_KEY)],
        [("cookie", "x-api-key=" + rig.KEY)],
    ):
        refused(g, headers)
    refused(g, [], path="/v1/messages?x-api-key=" + rig.KEY)


def test_two_keys_are_no_key(g):
    for name in ("authorization", "x-api-key"):
        with g.wire() as w:
            says = "Bearer %s" if name == "authorization" else "%s"
            w.request("POST", "/v1/messages", BODY, [(name, says % rig.KEY), (name, says % rig.KEY_BOB)], key=None)
            check(w.reply().status in (400, 401), name)


def test_bytes_in_a_key_that_are_none(g):
    for bad in (b"\0junk", b"\x01", b"\x7f"):
        with g.wire() as w:
            head = b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nx-api-key: "
            w.send(head + rig.KEY.encode() + bad + b"\r\n\r\n{}")
            check(w.reply().status in (400, 401), bad)


def test_envelopes(g):
    r = refused(g, ANTHROPIC)
    o = r.json()
    equal((o["type"], o["error"]["type"]), ("error", "authentication_error"))
    for path, make, protocol in rig.GENERATE[1:]:
        o = refused(g, [], path=path, body=make("mock-echo")).json()
        equal(set(o["error"]), {"message", "type", "param", "code"}, path)
        equal(o["error"]["code"], "invalid_api_key")


def test_expired(g):
    r = refused(g, [("x-api-key", rig.KEY_EXPIRED)], 403)
    contains(r.error()[1], "expired")
    contains(r.error()[1], "old", "says which key")
    equal(r.json()["error"]["type"], "permission_error")

    def gone(c):
        c["tenants"][0]["keys"][1]["expires"] = "2020-01-01"

    with rig.Gateway(change=gone, mock=g.mock) as h:
        r = refused(h, [("x-api-key", rig.KEY_PLAIN)], 403)
        contains(r.error()[1], "key %s has" % rig.sha256(rig.KEY_PLAIN)[:8], "also of a key without an id in it")


def test_scopes(g):
    narrow = [("x-api-key", rig.KEY_NARROW)]
    equal(g.call("POST", "/v1/messages", BODY, narrow, None).status, 200)
    r = refused(g, narrow, 403, body=rig.messages("mock-events-3"))
    contains(r.error()[1], "mock-events-3")
    contains(r.error()[1], "acme", "says which tenant")
    refused(g, narrow, 403, path="/v1/chat/completions", body=rig.chat("mock-echo"))
    refused(g, narrow, 403, path="/v1/messages/count_tokens")
    r = g.call("GET", "/v1/models", None, narrow, None)
    equal(r.status, 200)
    names = {m["id"] for m in r.json()["data"]}
    check(names <= {"mock-echo"}, "a narrow key lists other models:", names)


def test_refused_before_the_body(g):
    """A stranger cannot make us buffer, or even read, what he announces."""
    for headers in ([("x-api-key", "wrong")], []):
        with g.wire(5) as w:
            w.send(rig.request_bytes("POST", "/v1/messages", None, headers + [("content-length", str(10 << 30))]))
            equal(w.reply_head().status, 401)
    with g.wire(5) as w:
        w.send(rig.request_bytes("POST", "/v1/messages", None, [("content-length", "100"), ("expect", "100-continue")]))
        equal(rig.Reply(w.read_until(b"\r\n\r\n")).status, 401, "no 100 for a stranger")


def test_open_routes(g):
    equal(g.call("GET", "/healthz", key=None).status, 200)
    equal(g.call("HEAD", "/", key=None).status, 200)
    equal(g.call("HEAD", "/api/hello", key=None).status, 200)
    for path in ("/v1/models", "/models", "/api/v1/models", "/v1/models/mock-echo"):
        equal(g.call("GET", path, key=None).status, 401, path)


def test_no_admin_on_the_data_port(g):
    for path in ("/metrics", "/admin/api/reload", "/admin", "/readyz"):
        for method in ("GET", "POST"):
            for key, statuses in ((rig.ADMIN_KEY, (401, 404, 405)), (rig.KEY, (404, 405))):
                r = g.call(method, path, b"{}" if method == "POST" else None, [("authorization", "Bearer " + key)], None)
                check(r.status in statuses, method, path, r.status)


def test_admin_wants_its_own_key(g):
    for key in (None, "wrong", rig.KEY, rig.ADMIN_KEY[:-1], rig.ADMIN_KEY + "x"):
        h = [("authorization", "Bearer " + key)] if key else []
        equal(g.admin("POST", "/admin/api/reload", h + [("content-length", "0")]).status, 401, key)
    equal(g.admin("POST", "/admin/api/reload", [("authorization", "Bearer " + rig.ADMIN_KEY), ("content-length", "0")]).status, 200)


def test_a_flood_of_wrong_keys(g):
    def one(i):
        with g.wire() as w:
            for k in range(50):
                w.request("POST", "/v1/messages", BODY, key="sk-slc-x-%d-%d" % (i, k))
                r = w.reply()
                equal(r.status, 401)
                if (r.get("connection") or "") == "close":
                    break

    rig.together(8, one)


def looks(h):
    """How often the store was asked for a key."""
    return h.metrics().value("sluice_store_seconds_count", op="key") or 0


def test_a_flood_of_malformed_keys(g):
    """What can't be a key of our making is known to be none without asking the store, and others
    are served meanwhile. One that could be is asked for, once."""
    redis = Redis()
    with rig.Gateway({"store": {"url": redis.url}}, mock=g.mock) as h:
        h.good()
        before = looks(h)

        def one(i):
            with h.wire(60) as w:
                for k in range(25):
                    for form in ("%s", "sk-%s", "sk-slc-%s", "sk-slc--%s", "sk-ant-%s-%s", "SK-SLC-x-%s", "sk-slc-" + "i" * 65 + "-%s"):
                        w.request("GET", "/v1/models", key=form.replace("%s", "%dx%d" % (i, k)))
                        r = w.reply()
                        equal((r.status, r.get("connection")), (401, None), form)
                    if k % 10 == 5:
                        h.good()

        rig.together(8, one)
        equal(looks(h), before, "the store was asked")
        for _ in range(2):
            equal(h.call("GET", "/v1/models", key="sk-slc-nobody-0123456789").status, 401)
        rig.until(lambda: looks(h) == before + 1, 5, lambda: "asked once: %d, then %d" % (before, looks(h)))
    redis.kill()


def test_a_kept_connection_follows_the_keys(g):
    """Remembered is a key's hash, never what the key may do."""
    late = "sk-slc-late-0123456789abcdef0123456789abcdef"
    keys = []

    def ask(w):
        w.request("POST", "/v1/messages", BODY, key=late)
        r = w.reply()
        check((r.get("connection") or "") != "close", "the connection is kept")
        return r.status

    def now_in_force(h, *new):
        before = h.admin("GET", "/readyz").json()["config"]
        keys[:] = new
        h.write_config()
        h.signal(signal.SIGHUP)
        rig.until(lambda: h.admin("GET", "/readyz").json()["config"] != before, 3 * rig.SLOW, "reloaded")

    def soon(seconds):
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    with rig.Gateway(mock=g.mock) as h, h.wire() as w:
        h.config["tenants"].append({"name": "late", "keys": keys})
        known = {"name": "late", "sha256": rig.sha256(late)}
        equal([ask(w), ask(w)], [401, 401], "not known yet")
        now_in_force(h, known)
        equal([ask(w), ask(w)], [200, 200], "known by now")
        now_in_force(h, {"name": "other", "sha256": rig.sha256(late + "0")})
        equal([ask(w), ask(w)], [401, 401], "revoked")
        now_in_force(h, {**known, "expires": soon(2 * rig.SLOW)})
        equal(ask(w), 200, "not expired yet")
        rig.until(lambda: ask(w) == 403, 4 * rig.SLOW, "expired")


if __name__ == "__main__":
    rig.main(globals())
