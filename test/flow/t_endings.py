#!/usr/bin/env python3
"""Promise: a request ends when it is over, and as what it was, also with a
provider that keeps talking, or keeps the connection, when it should not."""
# timeout: 180

import contextlib
import socket
import time

import _rig as rig
from _provider import Listener, read_request
from _rig import check, equal

START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"too much"}}\n\n'
COMMENT = b": still here\n\n"
BLOCK = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
CREATED = b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r"}}\n\n'
CHAT = b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
CHAT_STOP = b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
CHAT_DONE = b"data: [DONE]\n\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"


class Stubborn(Listener):
    """A provider that sends `first`, then `again` every 0.2 s (or keeps silent)
    until the other side closes, or closes itself (None); `asked`: a request is
    here, `gone`: when the end was."""

    def __init__(self, first, again=b""):
        self.first, self.again, self.asked, self.gone = first, again, False, None
        super().__init__()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            if not read_request(s):
                return  # a connection kept ready, given back
            self.asked = True
            s.sendall(self.first)
            s.settimeout(0.2)
            for _ in range(150 * rig.SLOW if self.again is not None else 0):
                try:
                    if not s.recv(1):
                        break
                except socket.timeout:
                    s.sendall(self.again)
        self.gone = time.monotonic()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextlib.contextmanager
def gateway(first, again=b"", protocol="anthropic", **timeouts):
    provider = Stubborn(first, again)
    settings = {
        "keepalive_ping": "1s",
        "timeouts": {"first_byte": "5s", "idle": "6s", "total": "4s", "stream_total": "7s", **timeouts},
        "providers": [{"name": "stubborn", "protocol": protocol, "base_url": "http://127.0.0.1:%d" % provider.port, "keys": ["k"],
                       **({"responses": True} if protocol == "openai" else {})}],
        "models": [{"name": "*", "targets": [{"provider": "stubborn"}]}],
    }

    def change(config):
        config.update({k: settings[k] for k in ("keepalive_ping", "providers", "models")})
        config.setdefault("timeouts", {}).update(settings["timeouts"])

    with rig.Gateway(change=change) as g:
        yield g, provider
        g.settle()
    provider.close()


def closing(status, body, more=b""):
    """An answer, and the end of its connection."""
    return b"HTTP/1.1 %s\r\n%scontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (
        status, more, len(body), body)


def ask(g, stream=True, path="/v1/messages"):
    """Status, body and how long it took."""
    make = {p: m for p, m, _ in rig.GENERATE}[path]
    began = time.monotonic()
    r = g.post(path, make("m", stream=stream))
    return r, time.monotonic() - began


def test_a_provider_that_only_pings_does_not_keep_the_client_in_silence():
    with gateway(STREAM, chunk(COMMENT)) as (g, _provider):
        with g.wire() as w:
            began = time.monotonic()
            w.request("POST", "/v1/messages", rig.messages("m", stream=True))
            equal(w.reply_head().status, 200, "held no longer than keepalive_ping")
            check(time.monotonic() - began < 2.5 * rig.SLOW)
            w.read_until(b"still here")  # what was held goes out


def test_pings_come_back_after_a_pause():
    """A client that was full for longer than keepalive_ping, has caught up, and waits for a silent provider."""
    much = START + DELTA * ((8 << 20) // len(DELTA))
    with gateway(STREAM + chunk(much), stream_total="60s", total="60s") as (g, _provider):
        with rig.Wire(g.port, 20, rcvbuf=8192) as w:
            w.request("POST", "/v1/messages", rig.messages("m", stream=True))
            r = w.reply_head()
            time.sleep(2.5)
            pieces, got = w.pieces(r), 0
            while got < len(much):
                got += len(next(pieces))
            for _ in range(2):
                began = time.monotonic()
                equal(next(pieces), b'event: ping\ndata: {"type":"ping"}\n\n')
                check(time.monotonic() - began < 1.5 + rig.SLOW, "silent for %.1f s" % (time.monotonic() - began))


def test_nothing_follows_the_terminal_event():
    for again in (b"", chunk(COMMENT)):
        with gateway(STREAM + chunk(START + DELTA + STOP), again) as (g, provider):
            r, took = ask(g)
            equal(r.status, 200)
            check(took < 3 * rig.SLOW, "the client waited for the provider to hang up: %.1f s" % took)
            equal(r.body, START + DELTA + STOP, "and no more, least of all an error or a ping")
            equal(g.access_of(r)["ending"], "done")
            rig.until(lambda: provider.gone, 2 * rig.SLOW, "the provider's connection is closed")


def test_nothing_follows_it_in_the_same_read():
    """Whole events, an error, or the start of one, in the client's protocol or made from another."""
    whole = START + BLOCK + DELTA + STOP
    with gateway(b"", None) as (g, provider):
        for behind in (DELTA + STOP, ERROR, DELTA[:40]):
            provider.first = STREAM + chunk(whole + behind)
            r, _took = ask(g)
            equal(r.body, whole, behind)
            equal(g.access_of(r)["ending"], "done", behind)
            r, _took = ask(g, path="/v1/chat/completions")
            equal((r.body.count(b'"hi"'), r.body.count(CHAT_DONE), r.body[-len(CHAT_DONE):]), (1, 1, CHAT_DONE), behind)
            equal(g.access_of(r)["ending"], "done", behind)
    whole = CHAT + CHAT_STOP + CHAT_DONE
    with gateway(b"", None, protocol="openai") as (g, provider):
        for behind in (CHAT + CHAT_DONE, b'data: {"error":{"message":"no"}}\n\n', CHAT[:40]):
            provider.first = STREAM + chunk(whole + behind)
            r, _took = ask(g, path="/v1/chat/completions")
            equal(r.body, whole, behind)
            equal(g.access_of(r)["ending"], "done", behind)
            r, _took = ask(g)
            equal((r.body.count(b'"hi"'), r.body.count(STOP), r.body[-len(STOP):]), (1, 1, STOP), behind)
            equal(g.access_of(r)["ending"], "done", behind)


def test_a_large_terminal_event_has_to_be_whole():
    """Its name says what it is long before its end is here."""
    final = b'event: response.completed\ndata: {"type":"response.completed","response":{"x":"%s' % (b"a" * 200000)
    with gateway(STREAM + chunk(CREATED + final), None, protocol="openai") as (g, _provider):
        r, _took = ask(g, path="/v1/responses")
        check(r.body.startswith(CREATED + final + b"\n\n"), "what came, and its end", r.status, r.body[-300:])
        equal(rig.Event(r.body[len(CREATED + final) + 2 :]).type, "error")
        equal(g.access_of(r)["ending"], "upstream_cut")


def test_a_failed_response_that_names_our_account():
    """Its error is looked at, in whatever event it stands; the answer in it may speak of any organization."""
    begun = CREATED + b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi","sequence_number":1}\n\n'
    failed = (b'event: response.failed\ndata: {"type":"response.failed","sequence_number":2,"response":{"id":"r","status":"failed",'
              b'"error":{"code":"server_error","message":"%s"},"output":[{"type":"message","content":[{"type":"output_text","text":"%s"}]}]}}\n\n')
    event = b'event: error\ndata: {"type":"error","code":"server_error","message":"%s","param":null,"sequence_number":2}\n\n'
    ours, plain = b"organization org-canary is on hold", b"try again"
    for last, passes in ((failed % (ours, b"hi"), False), (failed % (plain, b"join our organization"), True), (event % ours, False), (event % plain, True)):
        with gateway(STREAM + chunk(begun + last), None, protocol="openai") as (g, _provider):
            r, _took = ask(g, path="/v1/responses")
            check(r.body.startswith(begun), r.body[:300])
            rest = r.body[len(begun) :]
            if passes:
                equal(rest, last)
            else:
                equal((b"org-canary" in rest, rest.count(b"\n\n"), rig.Event(rest).type), (False, 1, "error"), rest)
            equal(g.access_of(r)["ending"], "upstream_error", last)


def test_pings_and_our_error_stand_between_events():
    """What is unfinished and has gone out gets no ping and is ended before the error; what has not is dropped."""
    large = DELTA.replace(b"hi", b"x" * 200000)[:-10]
    for unfinished, is_out in ((large, True), (DELTA[:-10], False)):
        with gateway(STREAM + chunk(START + DELTA + unfinished), idle="3s") as (g, _provider):
            r, _took = ask(g)
            check(r.body.startswith(START + DELTA), r.body[:300])
            rest = r.body[len(START + DELTA):]
            while rest.startswith(PING):
                rest = rest[len(PING):]
            if is_out:
                check(rest.startswith(unfinished + b"\n\n"), "event by event", rest[-300:])
                rest = rest[len(unfinished) + 2:]
            equal((rest.count(b"\n\n"), rig.Event(rest).name), (1, "error"), rest[:300])
            equal(g.access_of(r)["ending"], "timeout")


def test_one_error_is_enough():
    with gateway(STREAM + chunk(START + DELTA + ERROR), chunk(COMMENT)) as (g, _provider):
        r, _took = ask(g)
        equal(r.body.count(b"event: error"), 1)
        equal(g.access_of(r)["ending"], "upstream_error")


def test_a_plain_answer_has_total_alone():
    with gateway(PLAIN, chunk(b" " * 40000), total="2s", stream_total="20s") as (g, _provider):
        began = time.monotonic()
        with g.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("m"))
            with contextlib.suppress(OSError, rig.Closed):
                w.everything(30)
        check(1.9 < time.monotonic() - began < 4 + 2 * rig.SLOW, "cut by total (2 s), not stream_total (20 s)")


def test_a_cut_plain_answer_never_looks_whole():
    """Too long to be held, without a length: only the connection's end can tell."""
    with gateway(PLAIN + chunk(b'{"x":"' + b"a" * 300000), None) as (g, _provider):
        with g.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("m"))
            r = w.reply_head()
            whole = True
            try:
                list(w.pieces(r))
            except rig.Closed:
                whole = False
            equal((r.status, r.get("transfer-encoding"), whole), (200, "chunked", False))
            equal(g.access_of(r)["ending"], "upstream_cut")
        with g.wire() as w:
            w.request("POST", "/v1/messages", rig.messages("m"), http="1.0")
            equal(w.reply_head().status, 200)
            end = ""
            try:
                while True:
                    w.buf = b""
                    w.more()
            except rig.Closed as e:
                end = str(e)
            check(end.startswith("reset"), "a FIN would say that it is whole:", end)


def test_a_long_error_keeps_its_status_and_its_wait():
    body = b'{"x":"' + b"a" * 70000 + b'"}'
    answer = b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with gateway(answer) as (g, _provider):
        r, _took = ask(g)
        equal((r.status, r.get("retry-after")), (429, "7"))
        check(r.json()["error"]["message"])


def test_words_that_a_provider_quotes_are_not_about_its_account():
    """A tool called 'get_organization' in a refusal is the client's own; "in organization org-1" is ours."""
    quoted = (
        "Invalid schema for function 'get_organization': 'billing_code' is missing",
        'tools.0.organization_lookup: expected "org-chart"',
        "tools.3.custom.name: list-org-members: 'set_spend_limit'",
    )
    ours = ("Limit reached in organization org-12ab on requests", "Your organization is on hold", "no such project (org-12ab)",
            "Your credit balance is too low to access the API")
    codes = ("organization_on_hold", "project_spend_limit_exceeded", "billing_hard_limit_reached", "credit_balance_too_low")
    bodies = [(400, rig.dump({"error": {"message": m, "code": None}})) for m in quoted]
    bodies += [(502, rig.dump({"error": {"message": m, "code": None}})) for m in ours]
    bodies += [(502, rig.dump({"error": {"message": "no", "code": c}})) for c in codes]
    bodies += [(502, rig.dump({"error": {"message": "x", "metadata": {"raw": '{"code":"insufficient_quota"}'}}}))]
    with gateway(b"", None) as (g, provider):
        for status, body in bodies:
            provider.first = closing(b"400 Bad", body)
            r, _took = ask(g, stream=False)
            equal((r.status, r.body == body), (status, status == 400), body)
            equal(g.access_of(r)["error"], "provider_error" if status == 400 else "provider_refused_key")


def test_a_bill_is_ours_whatever_its_text_says():
    with gateway(b"", None) as (g, provider):
        for status in (401, 402, 403):
            provider.first = closing(b"%d No" % status, rig.dump({"error": {"message": "theirs alone", "type": "odd"}}))
            for stream in (False, True):
                r, _took = ask(g, stream)
                equal((r.status, b"theirs alone" in r.body, r.get("x-should-retry")), (502, False, None), status)


def test_redirects_and_codings_are_refused():
    """Neither is followed nor opened, and neither goes on to a client that did not ask for it."""
    body = b'{"type":"message"}'
    with gateway(b"", None) as (g, provider):
        for status, more in ((302, b"location: http://127.0.0.1:1/\r\n"), (307, b"location: /\r\n"), (200, b"content-encoding: gzip\r\n")):
            provider.first = closing(b"%d Odd" % status, body, more)
            for stream in (False, True):
                r, _took = ask(g, stream)
                equal((r.status, r.get("location"), r.get("content-encoding")), (502, None, None), more)
                equal(g.access_of(r)["error"], "provider_bad_answer")


NOT_THEIRS = (  # of its account, of its connection to us, and what only we may say
    "anthropic-organization-id", "anthropic-workspace-id", "openai-organization", "openai-project", "anthropic-ratelimit-tokens-limit",
    "x-ratelimit-limit-tokens", "set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate", "x-sluice-provider", "x-sluice-cache",
    "x-cache", "age", "server-timing", "date", "server", "via", "alt-svc", "strict-transport-security", "x-accel-expires",
    "access-control-allow-origin", "keep-alive", "te", "trailer", "upgrade", "x-of-the-hop",
)


def test_what_only_we_may_say():
    event = START + DELTA + STOP
    said = "".join("%s: them\r\n" % name for name in NOT_THEIRS).encode() + b"request-id: req_1\r\nx-request-id: req_2\r\n"
    for status, kind, body in ((200, b"application/json", b'{"type":"message"}'), (200, b"text/event-stream", event), (400, b"application/json", b"{}")):
        answer = (b"HTTP/1.1 %d Said\r\nconnection: x-of-the-hop\r\nx-goes: on\r\n%scontent-type: %s\r\ncontent-length: %d\r\n\r\n%s"
                  % (status, said, kind, len(body), body))
        with gateway(answer) as (g, _provider):
            r, _took = ask(g, stream=kind != b"application/json")
            equal((r.status, r.get("x-goes"), r.body), (status, "on", body))
            equal([(n, v) for n, v in r.headers if "them" in v], [], "the provider's word")
            equal((r.all("x-sluice-provider"), r.all("request-id"), r.all("x-request-id")), (["stubborn"], ["req_1"], ["req_1"]))
            equal((len(r.all("date")), len(r.all("server-timing")), len(r.all("content-length") + r.all("transfer-encoding"))), (1, 1, 1))


def test_a_status_that_is_none_is_an_error_of_the_provider():
    body = b'{"type":"message"}'
    with gateway(b"") as (g, provider):
        for status in (101, 104, 199, 600, 999):
            provider.first = b"HTTP/1.1 %d Odd\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
            for stream in (False, True):
                provider.gone = None
                r, _took = ask(g, stream)
                equal((r.status, r.json()["type"]), (502, "error"), status)
                equal(g.access_of(r)["ending"], "upstream_error")
                rig.until(lambda: provider.gone, 2 * rig.SLOW, "such a connection is not kept")


def test_leaving_is_seen_behind_any_number_of_bytes():
    for extra in (16383, 16384, 16385, 300000):
        with gateway(b"", total="60s") as (g, provider):
            w = g.wire()
            w.request("POST", "/v1/messages", rig.messages("m"))
            rig.until(lambda: provider.asked, 5 * rig.SLOW, "a flood may end it before")
            with contextlib.suppress(OSError):
                w.send(b"x" * extra)
                time.sleep(0.3)
            w.close()
            left = time.monotonic()
            rig.until(lambda: provider.gone, 1 * rig.SLOW, "%d bytes behind: the provider is let go" % extra)
            check(provider.gone - left < 1 * rig.SLOW)


def test_a_head_near_the_limit_is_served_or_refused():
    body = b'{"type":"message"}'
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with gateway(answer) as (g, _provider):
        seen = [
            g.post("/v1/messages?" + "q" * 15000, rig.messages("m"), [("anthropic-beta", "b" * n)]).status
            for n in range(17300, 17800, 10)
        ]
        check(set(seen) == {200, 431}, "what may come in may go out:", sorted(set(seen)))


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
