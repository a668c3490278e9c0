#!/usr/bin/env python3
"""Promise: every refusal has the status the contract names, in the envelope of
the route's protocol, and a provider's own errors pass as they are - except when
they are about our account with it."""
# timeout: 180

import json

import _rig as rig
from _rig import check, contains, equal

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    411: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    502: "api_error",
    503: None,
    504: "timeout_error",
}
RETRY = (429, 502, 503, 504, 529)


def envelope(r, status, path, what=""):
    """The answer is an error of ours in that protocol; its message is returned."""
    equal(r.status, status, "%s %s %s" % (path, what, r.body[:300]))
    equal(r.get("content-type").split(";")[0], "application/json")
    o = r.json()
    if path.endswith(("/messages", "/count_tokens")):
        equal(o["type"], "error")
        check(isinstance(o["error"]["message"], str) and o["error"]["message"])
        want = ANTHROPIC_TYPES.get(status)
        if want:
            equal(o["error"]["type"], want, "type of a %d" % status)
    else:
        equal(set(o["error"]), {"message", "type", "param", "code"}, path)
        check(o["error"]["code"], "an error of ours has a code")
    check(r.get("x-sluice-request-id") or status in (400, 408, 414, 431, 505), "no id of ours")
    if status in RETRY:
        check(1 <= int(r.get("retry-after")) <= 60, "retry-after", r.get("retry-after"))
        check(float(r.get("retry-after-ms")) > 0)
    return o["error"]["message"]


def all_posts():
    yield from ((p, m) for p, m, _ in rig.GENERATE)
    yield "/v1/messages/count_tokens", rig.messages
    yield "/v1/embeddings", lambda model: rig.dump({"model": model, "input": "x"})
    yield "/v1/moderations", lambda model: rig.dump({"model": model, "input": "x"})


def test_malformed_bodies(g):
    for path, _ in all_posts():
        for body in (b"", b"{", b"[]", b"null", b'"model"', b"{}x", b"{}{}", b'{"model":"mock-echo"', b'{"model":"x",}',
                     b'{"model":"\xff"}', b"{'model':'x'}", b'{"model":"x\ny"}', b"\xef\xbb\xbf[]", b"[" * 100000,
                     b'{"a":' * 70 + b"1" + b"}" * 70, b"{}", b'{"messages":[]}', b'{"model":1e400}'):
            r = g.post(path, body)
            if body == b"" or (path.endswith("moderations") and body == b"{}"):
                check(r.status in (400, 411), r.status)
            else:
                envelope(r, 400, path, body[:40])


def test_unknown_model(g):
    def change(c):
        c["models"] = c["models"][1:]

    with rig.Gateway(change=change, mock=g.mock) as h:
        for path, make in all_posts():
            m = envelope(h.post(path, make("gpt-unknown")), 404, path)
            check(m.startswith("Unknown model"), m)
            contains(m, "gpt-unknown")
        r = h.post("/v1/chat/completions", rig.chat("gpt-unknown"))
        equal(r.json()["error"]["code"], "model_not_found")


def test_model_of_another_protocol(g):
    """What can't be translated (t_translate.py and t_responses.py have what can)."""
    r = g.post("/v1/responses", rig.responses("only-anthropic", previous_response_id="resp_1"))
    contains(envelope(r, 400, "/v1/responses"), "only-anthropic")


def test_unknown_route(g):
    for method in ("GET", "POST", "DELETE"):
        for path in ("/v1/nothing", "/", "/v1", "/v2/messages", "/v1/messages/", "/v1/messages/batches", "/v1/complete",
                     "/v1/files", "//v1/messages", "/v1/messagesX", "/V1/messages", "/v1/chat", "/v1/responses/resp_1"):
            if (method, path) == ("GET", "/"):
                continue
            r = g.call(method, path, b"{}" if method == "POST" else None)
            check(r.status in (404, 405), method, path, r.status)
            check(r.json()["error"]["message"])


def test_wrong_method(g):
    for path, _ in all_posts():
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            r = g.call(method, path, b"{}" if method != "GET" else None)
            envelope(r, 405, path, method)
            contains(r.get("allow") or "", "POST")
    r = g.call("POST", "/v1/models", b"{}")
    equal(r.status, 405)
    contains(r.get("allow"), "GET")


def test_no_length(g):
    for path, _ in all_posts():
        with g.wire() as w:
            w.request("POST", path, None)
            envelope(w.reply(), 411, path)


def test_too_large(g):
    for path, _ in all_posts():
        with g.wire() as w:
            w.request("POST", path, None, [("content-length", str((8 << 20) + 1))])
            m = envelope(w.reply(), 413, path)
            contains(m, str(8 << 20), "says the limit")
    with g.wire() as w:
        w.request("POST", "/v1/messages", None, [("transfer-encoding", "chunked")])
        try:
            for _ in range(9 * 16):
                w.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            pass
        envelope(w.reply(), 413, "/v1/messages", "chunked")


def test_media_types(g):
    for path, make in all_posts():
        for t in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "application/x-www-form-urlencoded"):
            envelope(g.post(path, make("mock-echo"), [("content-type", t)]), 415, path, t)
        for coding in ("gzip", "br", "deflate, gzip"):
            envelope(g.post(path, make("mock-echo"), [("content-encoding", coding)]), 415, path, coding)
    for t in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        equal(g.post("/v1/messages", rig.messages("mock-echo"), [("content-type", t)]).status, 200, t)


def test_head_limits(g):
    for path in ("/v1/messages", "/v1/chat/completions"):
        with g.wire() as w:
            w.request("POST", path, b"{}", [("x-long", "x" * 65536)])
            equal(w.reply().status, 431)
        with g.wire() as w:
            w.request("POST", path, b"{}", [("x-%d" % i, "y") for i in range(500)])
            equal(w.reply().status, 431)
        with g.wire() as w:
            w.request("POST", path + "?" + "q" * 100000, b"{}")
            check(w.reply().status in (414, 431))


PASSING = [400, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504]


def test_provider_errors_pass(g):
    for path, make, protocol in rig.GENERATE:
        for stream in (False, True):
            for status in PASSING:
                r = g.post(path, make("mock-%d-7" % status, stream=stream))
                equal(r.status, status, path)
                seen = g.mock.last()
                want = g.mock.call("POST", seen.target, seen.text.encode(), [("x-mock", "%d" % status)])
                equal(r.body, want.body, "%s %d" % (path, status))
                equal(r.get("retry-after"), "7", "%s %d" % (path, status))
                equal(r.get("content-type"), "application/json")


def test_overloaded(g):
    r = g.post("/v1/messages", rig.messages("mock-529"))
    equal((r.status, r.json()["error"]["type"]), (529, "overloaded_error"))
    for path, make, _ in rig.GENERATE[1:]:
        equal(g.post(path, make("mock-529")).status, 503, path)


def test_our_account_is_ours(g):
    for path, make, protocol in rig.GENERATE:
        for stream in (False, True):
            for words in ("401", "402", "403", "429-quota", "429-org", "400-org", "500-org"):
                r = g.post(path, make("mock-" + words, stream=stream))
                m = envelope(r, 502, path, words)
                check("mockcanary" not in r.body.decode(), "the provider's organisation", r.body)
                check("insufficient" not in r.body.decode() and "told to answer" not in r.body.decode(), r.body)
                contains(m, "mock-a" if protocol == "anthropic" else "mock-o", "says which provider")


def test_answers_that_are_none(g):
    for path, make, protocol in rig.GENERATE:
        for stream in (False, True):
            for words in ("html", "empty", "drop", "rst"):
                m = envelope(g.post(path, make("mock-" + words, stream=stream)), 502, path, words)
                check("page for people" not in m)


def test_error_inside_a_plain_200(g):
    for path, make, _ in rig.GENERATE:
        r = g.post(path, make("mock-error-1"))
        check(r.status >= 500, path, r.status)
        contains(r.body.decode(), "Overloaded, says the mock", "the provider's own text")


def test_provider_not_there(g):
    def change(c):
        a, o = c["providers"]
        a["base_url"] = "https://127.0.0.1:%d" % rig.free_ports(1)[0]
        o["base_url"] = "https://no-such-host.invalid/v1"
        c["timeouts"]["connect"] = "2s"

    with rig.Gateway(change=change, mock=g.mock) as h:
        m = envelope(h.post("/v1/messages", rig.messages("mock-echo")), 502, "/v1/messages")
        contains(m, "mock-a")
        r = h.post("/v1/chat/completions", rig.chat("mock-echo"))
        check(r.status in (502, 504), r.status)


def test_certificates(g):
    other = rig.Mock("--names", "other.test")

    def untrusted(c):
        c["providers"][0]["tls"] = {"ca_file": ""}

    def wrong_name(c):
        c["providers"][0]["tls"] = {"ca_file": g.mock.ca, "server_name": "not-the-name.test"}

    for change in (untrusted, wrong_name):
        g.mock.reset()
        with rig.Gateway(change=change, mock=g.mock) as h:
            envelope(h.post("/v1/messages", rig.messages("mock-echo")), 502, "/v1/messages", change.__name__)
            equal(g.mock.stats()["requests"], 0, "no request, and no key, before the check")
    other.stop()


def test_silent_provider(g):
    def change(c):
        c["timeouts"].update(first_byte="400ms", total="800ms")

    with rig.Gateway(change=change, mock=g.mock) as h:
        for path, make, _ in rig.GENERATE:
            for stream in (False, True):
                envelope(h.post(path, make("mock-hang", stream=stream)), 504, path)
        envelope(h.post("/v1/messages/count_tokens", rig.messages("mock-hang")), 504, "/v1/messages/count_tokens")
        equal(h.post("/v1/messages", rig.messages("mock-first-550ms")).status, 200, "plain answers have `total` alone")
        equal(h.post("/v1/messages", rig.messages("mock-first-200ms", stream=True)).status, 200)
        g.mock.quiet(2)


def test_messages_say_what_to_do(g):
    for r, word in (
        (g.post("/v1/messages", b"{"), "byte"),
        (g.post("/v1/messages", rig.messages("mock-echo"), [("content-encoding", "gzip")]), "Content-Encoding"),
        (g.call("POST", "/v1/messages", b"{}", key=None), "x-api-key"),
    ):
        contains(r.error()[1], word)


if __name__ == "__main__":
    rig.main(globals())
