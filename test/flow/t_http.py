#!/usr/bin/env python3
"""Promise: any bytes on the data port end in one answer or a closed connection,
and a second request is never smuggled past the first. The H cases, through the
real program."""
# timeout: 300

import random
import socket
import time

import _rig as rig
from _rig import check, equal

J = rig.messages("mock-echo", "framed")
N = len(J)
EVIL = rig.request_bytes("POST", "/v1/messages", rig.messages("mock-evil"), [("x-api-key", rig.KEY)])

LAST = rig.request_bytes("GET", "/the-last-one", None, [("x-api-key", rig.KEY), ("connection", "close")])


def head(*lines, start=b"POST /v1/messages HTTP/1.1", host=b"host: a\r\n"):
    lines = [l if isinstance(l, bytes) else l.encode("latin-1") for l in lines]
    return start + b"\r\n" + host + b"content-type: application/json\r\nx-api-key: " + rig.KEY.encode() + b"\r\n" + b"".join(
        l + b"\r\n" for l in lines
    ) + b"\r\n"


def chunked(body, size=None):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (size or len(body), body)


def replies(raw):
    """Splits what came into whole answers."""
    out, rest = [], raw
    while rest:
        top, sep, rest = rest.partition(b"\r\n\r\n")
        check(sep, "half a head:", raw[-300:])
        r = rig.Reply(top)
        if r.status < 200:
            continue
        if r.get("transfer-encoding") == "chunked":
            while True:
                size, _, rest = rest.partition(b"\r\n")
                n = int(size, 16)
                r.body, rest = r.body + rest[:n], rest[n + 2 :]
                if n == 0:
                    break
        else:
            n = int(r.get("content-length") or 0)
            r.body, rest = rest[:n], rest[n:]
            equal(len(r.body), n, "length of an answer")
        out.append(r)
    return out


def exchange(g, data, shut=True, seconds=10):
    with g.wire(seconds) as w:
        try:
            w.send(data)
            if shut:
                w.s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return replies(w.everything(seconds))


def refused(g, data, statuses=(400,), what=None):
    """One answer of those, then the end; nothing behind it is run."""
    before = g.mock.stats()["requests"]
    with g.wire(4 if None in statuses else 30) as w:
        got = []
        try:
            w.send(data)
        except OSError:
            pass
        try:
            got.append(w.reply())
            if got[0].get("connection") != "close":  # it goes on: with what is asked now, and nothing else
                w.send(LAST)
        except (rig.Closed, OSError):
            pass
        rest = replies(w.everything(30)) if got else []
        if got and got[0].get("connection") != "close" and [r.status for r in rest] == [404]:
            rest = []
        got += rest
    name = what if what is not None else data[:200]
    check(len(got) <= 1, name, "has %d answers" % len(got))
    if got:
        check(got[0].status in statuses, name, "->", got[0].status, got[0].body[:200])
        check(got[0].body, "an envelope", name)
    else:
        check(None in statuses, name, "no answer")
    equal(g.mock.stats()["requests"], before, "went up: %r" % (name,))


def before_last(g, data):
    """The answers to `data`, and that what follows it on the connection is read as it is meant."""
    got = exchange(g, data + LAST, shut=False, seconds=30)
    equal([r.status for r in got[-1:]], [404], data[:200])
    return got[:-1]


def served(g, data, n=1):
    got = before_last(g, data)
    equal([r.status for r in got], [200] * n, data[:200])
    return got


def test_h01_length_and_chunks(g):
    refused(g, head("content-length: %d" % N, "transfer-encoding: chunked") + chunked(J) + EVIL)
    refused(g, head("transfer-encoding: chunked", "content-length: %d" % N) + chunked(J) + EVIL)
    refused(g, head("transfer-encoding: chunked", "content-length: 0") + chunked(J) + EVIL)


def test_h02_transfer_encoding(g):
    for v in (b" xchunked", b" identity", b" chunked, identity", b' "chunked"', b" chunked;q=1", b" \x0bchunked", b" \x0cchunked",
              b" chunked\0", b"\xa0chunked", b" \xffchunked", b"", b" ,chunked", b" gzip, chunked", b" chunked, chunked", b" chunk"):
        refused(g, head(b"transfer-encoding:" + v) + chunked(J) + EVIL, (400, 501), v)
    for line in (b"transfer-encoding : chunked", b"transfer-encoding\t: chunked", b" transfer-encoding: chunked"):
        refused(g, head(line) + chunked(J) + EVIL, (400, 501), line)
    refused(g, head("transfer-encoding: chunked", "transfer-encoding: chunked") + chunked(J), (400, 501))
    refused(g, head("transfer-encoding: chunked", "transfer-encoding: identity") + chunked(J), (400, 501))


def test_h03_h04_h05_lengths(g):
    for v in ("+%d" % N, "-%d" % N, "0x%x" % N, "%d.0" % N, "%de0" % N, "1_0", "9 2", "", "%d,%d" % (N, N + 1), "%d\0" % N, "\xa0%d" % N,
              str((1 << 64) + N), str(1 << 63), "9" * 200, "%d;" % N, "\u00b9"):
        refused(g, head("content-length: " + v) + J + EVIL, (400, 413), v)
    refused(g, head("content-length: %d" % ((1 << 32) + N)) + J + EVIL, (413,))
    refused(g, head("content-length: %d" % N, "content-length: %d" % (N + 1)) + J + EVIL)
    refused(g, head("content-length: ", "content-length: %d" % N) + J + EVIL)
    served(g, head("Content-Length:   %d  " % N) + J)


def test_h06_http_1_0(g):
    refused(g, head("transfer-encoding: chunked", "connection: keep-alive", start=b"POST /v1/messages HTTP/1.0") + chunked(J) + EVIL)
    got = exchange(g, head("content-length: %d" % N, start=b"POST /v1/messages HTTP/1.0") + J + EVIL, shut=False)
    equal([r.status for r in got], [200], "one answer, then the end")


def test_h07_h08_chunks(g):
    for size in ("FFFFFFFFFFFFFFFF", "1%016x" % N, "+%x" % N, "-%x" % N, "0x%x" % N, "0_%x" % N, " %x" % N, "%xzz" % N, "", "%x\rX" % N, "g"):
        data = head("transfer-encoding: chunked") + size.encode() + b"\r\n" + J + b"\r\n0\r\n\r\n"
        refused(g, data + EVIL, (400, 413), size)
    start = head("transfer-encoding: chunked")
    refused(g, start + b"2;\nXX\r\n%x\r\n0\r\n\r\n" % len(EVIL) + EVIL, (400,))
    refused(g, start + b"%x\r\n%sXX0\r\n\r\n" % (N, J) + EVIL, (400,))
    refused(g, start + b"%x\n%s\n0\n\n" % (N, J) + EVIL, (400,))
    served(g, start + chunked(J))
    served(g, start + b"%x;ext=1;q=\"a\"\r\n%s\r\n0\r\n\r\n" % (N, J))


def test_h09_overhead_of_chunks(g):
    start = head("transfer-encoding: chunked")
    refused(g, start + b"".join(b"1;%s\r\nx\r\n" % (b"e" * 1024) for _ in range(1000)), (400, 413, 431))
    refused(g, start + b"%x;%s\r\n" % (N, b"e" * 65536), (400, 413, 431))
    refused(g, start + b"%x\r\n%s\r\n0\r\n" % (N, J) + b"x: y\r\n" * 10000 + b"\r\n", (400, 413, 431), "10,000 trailers")


def test_h10_ends_and_trailers(g):
    before = g.mock.stats()["requests"]
    for data in (head("transfer-encoding: chunked") + b"%x\r\n%s\r\n" % (N, J), head("content-length: %d" % (N + 1)) + J):
        got = exchange(g, data)
        check(all(r.status == 400 for r in got), [r.status for r in got])
    equal(g.mock.stats()["requests"], before, "half a request went up")
    data = head("transfer-encoding: chunked").replace(b"x-api-key: " + rig.KEY.encode() + b"\r\n", b"")
    got = exchange(g, data + b"%x\r\n%s\r\n0\r\nx-api-key: %s\r\ncontent-length: 3\r\nhost: b\r\n\r\n" % (N, J, rig.KEY.encode()), shut=False, seconds=2)
    equal([r.status for r in got][:1], [401], "a key in a trailer is no key")


def test_h11_h12_lines(g):
    cl = "content-length: %d" % N
    whole = head(cl) + J
    refused(g, whole.replace(b"\r\n", b"\n"), (400,), "LF only")
    refused(g, whole.replace(b"\r\n", b"\r"), (400, None), "CR only")
    refused(g, b"POST /v1/messages HTTP/1.1\r\nhost: a\r\n\r\rZGET / HTTP/1.1\r\n\r\n", (400, 401, 411))
    for line in (b"x-a: b\r\n c: folded", b"x-a: b\r\n\tfolded", b"x-a: \0", b"x-a: a\rb", b"x-a: \x01", b"x-a: \x7f", b"x-a: \x1b[31m",
                 b"no colon", b": empty name", b"x a: b", b"x-a : b", b"x\x85: b", b"x\xef: b", b"x(a): b", b"x-\0: b"):
        refused(g, head(line, cl) + J + EVIL, (400,), line)
    served(g, head("x-empty:", "x-tab:\ta\tb ", "x-high: \u00e9", cl) + J)


def test_h13_h14_request_lines(g):
    cl = "content-length: %d" % N
    for start in (b"POST /v1/messages", b"POST /v1/messages HTTP/2.0", b"POST /v1/messages HTTP/4294967297.1", b"POST /v1/messages http/1.1",
                  b"POST /v1/messages RTSP/1.0", b"POST /v1/messages ICE/1.0", b"POST /v1/messages HTTP/1.2", b"POST /v1/messages HTTP/0.9",
                  b"POST /v1/messages HTTP/1.1 x", b"POST  /v1/messages HTTP/1.1", b"POST /v1/messages  HTTP/1.1", b" POST /v1/messages HTTP/1.1",
                  b"POST\t/v1/messages HTTP/1.1", b"post /v1/messages HTTP/1.1", b"P\0ST /v1/messages HTTP/1.1", b"POST HTTP/1.1", b"POST"):
        refused(g, head(cl, start=start) + J + EVIL, (400, 405, 501, 505, None), start)
    for raw in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, b"GET /v1/models\r\n\r\n",
                b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + EVIL, b"\0\0\0\0\r\n\r\n", b"\r\n" * 2000 + b"x"):
        refused(g, raw, (400, 405, 414, 431, 505, None), raw[:40])
    for target in (b"/v1/mess ages", b"/v1/messages\0", b"/v1/messages\xff", b"/v1/mess\rages", b"*", b"http://other.test/v1/nothing",
                   b"gopher://x", b"/../../admin", b"/%2e%2e/admin", b"/v1/messages%00", b"/v1/messages%zz", b"v1/messages", b"/v1/../admin/api/reload"):
        refused(g, head(cl, start=b"POST " + target + b" HTTP/1.1") + J, (400, 401, 403, 404, 405, 505), target)
    for start in (b"CONNECT other.test:443 HTTP/1.1", b"TRACE /v1/messages HTTP/1.1", b"CONNECT /v1/messages HTTP/1.1"):
        refused(g, head(start=start) + EVIL, (400, 404, 405, 501), start)
    got = exchange(g, head(start=b"OPTIONS * HTTP/1.1") + LAST, shut=False, seconds=30)
    check(got and got[0].status in (200, 204, 400, 404, 405), [r.status for r in got])
    equal([r.status for r in got[1:]], [] if got[0].get("connection") == "close" else [404])


def test_h15_host(g):
    cl = "content-length: %d" % N
    for hosts in (b"", b"host: a\r\nhost: a\r\n", b"host: a\r\nhost: b\r\n", b"host:\r\n", b"host: a b\r\n", b"host: a/b\r\n", b"host: a\0\r\n",
                  b"host: a, b\r\n", b"host: a@b\r\n", b"host: [::1\r\n", b"host: a:b\r\n"):
        refused(g, head(cl, host=hosts) + J + EVIL, (400,), hosts)
    for host in (b"host: a:8080\r\n", b"HOST: [::1]:80\r\n", b"host: 127.0.0.1\r\n"):
        served(g, head(cl, host=host) + J)


def test_h16_pipelining(g):
    one = [head("content-length: %d" % len(b)) + b for b in (rig.messages("mock-echo", "number %d" % i) for i in range(32))]
    got = served(g, b"".join(one), 32)
    equal([r.json()["content"][0]["text"] for r in got], ["number %d" % i for i in range(32)], "in order")
    got = exchange(g, one[0] + b"\x01garbage\r\n\r\n" + one[1], shut=False, seconds=2)
    equal([r.status for r in got], [200, 400], "the good one first")
    got = exchange(g, head("content-length: %d" % N, "connection: close") + J + EVIL, shut=False, seconds=3)
    equal([r.status for r in got], [200], "nothing after close")
    mixed = one[0] + head("content-length: %d" % N, start=b"POST /v1/nothing HTTP/1.1") + J + one[2]
    got = before_last(g, mixed)
    equal([r.status for r in got][:2], [200, 404])


def test_h17_expect(g):
    with g.wire() as w:
        w.send(head("content-length: %d" % N, "expect: 100-continue"))
        equal(w.read_until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
        w.send(J)
        equal(w.reply().status, 200)
    with g.wire() as w:
        w.send(head("content-length: %d" % N, "expect: 100-continue") + J)
        equal(w.reply().status, 200, "a client that does not wait")
    with g.wire() as w:
        w.send(head("content-length: %d" % (10 << 30), "expect: 100-continue"))
        equal(rig.Reply(w.read_until(b"\r\n\r\n")).status, 413)
    with g.wire() as w:
        w.send(head("content-length: %d" % N, "expect: 100-continue", start=b"POST /v1/messages HTTP/1.0") + J)
        equal(rig.Reply(w.read_until(b"\r\n\r\n")).status, 200, "no 1xx to HTTP/1.0")
    for value in ("100-Continue", "100-CONTINUE,100-continue"):
        with g.wire() as w:
            w.send(head("content-length: %d" % N, "expect: " + value))
            equal(w.read_until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
            w.send(J)
            equal(w.reply().status, 200, value)
    for value in ("100-continue, foo", "foo", "202-accepted", "100-continue; a=b"):
        data = head("content-length: %d" % N, "expect: " + value)
        refused(g, data, (417,), value)
        refused(g, data + J + head("content-length: %d" % N) + J, (417,), value)
        with g.wire() as w:
            w.send(data)
            r = w.reply()
            equal((r.json()["type"], r.json()["error"]["type"]), ("error", "invalid_request_error"))
            check("100-continue" in r.json()["error"]["message"], "says what is known")


def test_h18_upgrade(g):
    for v in ("websocket", "h2c", "TLS/1.0", "unknown"):
        data = head("connection: upgrade, http2-settings", "upgrade: " + v, "http2-settings: AAMAAABkAARAAAAAAAIAAAAA",
                    "content-length: %d" % N) + J
        got = before_last(g, data)
        equal(len(got), 1, v)
        check(got[0].status in (200, 400), v, got[0].status)


def test_h21_split_anywhere(g):
    for body_how in ("length", "chunks"):
        text = rig.messages("mock-echo", "s")
        data = head("content-length: %d" % len(text)) + text if body_how == "length" else head("transfer-encoding: chunked") + chunked(text)
        with g.wire() as w:  # cut at each byte, on one connection
            for i in range(1, len(data)):
                w.send(data[:i])
                time.sleep(0.0005)
                w.send(data[i:])
                equal(w.reply().status, 200, i)
        with g.wire() as w:
            for i in range(len(data)):
                w.send(data[i : i + 1])
                time.sleep(0.0002)
            equal(w.reply().status, 200, "a byte a segment")


def test_h22_ends_anywhere(g):
    rng = random.Random(22)
    data = head("content-length: %d" % N) + J
    g.settle()
    before, fds = g.mock.stats()["requests"], g.fds()
    for i in range(100):
        at = rng.randrange(1, len(data))
        with g.wire() as w:
            w.send(data[:at])
            if i % 2:
                w.reset()
    time.sleep(0.2)
    equal(g.mock.stats()["requests"], before, "half a request was run")
    for i in range(100):
        w = g.wire()
        w.send(data)
        w.reset()
    g.mock.quiet(2)
    rig.until(lambda: g.fds() <= fds + 3, 5, lambda: "descriptors: %d, before %d" % (g.fds(), fds))


def test_h23_injection(g):
    for text in ("a\r\nx-evil: 1", "a\n\ndata: {\"evil\":1}\n\n", "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"):
        for path, make, _ in rig.GENERATE:
            r = g.post(path, make("mock-echo", text))
            equal((r.status, rig.text_of(path, r.json())), (200, text))
            check(r.get("x-evil") is None)
            events = rig.parse_events(g.post(path, make("mock-echo", text, stream=True)).body)
            equal(rig.text_of_stream(events), text)
            check(rig.is_complete(path, events))
        r = g.post("/v1/messages", rig.dump({"model": "no-" + text, "messages": []}))
        check(r.status in (200, 400, 404) and r.get("x-evil") is None)
    r = g.post("/v1/messages%0d%0ax-evil:%201", J)
    equal((r.status, r.get("x-evil")), (404, None))
    r = g.post("/v1/messages?a=%0d%0ax-evil:%201", J)
    equal(r.status, 200)
    equal(g.mock.last().get("x-evil"), None)


def test_h24_json(g):
    for body, statuses in (
        (b'{"model":"mock-echo","a":' + b"[" * 60 + b"]" * 60 + b"}", (200,)),
        (b'{"model":"mock-echo","a":' + b"[" * 100000, (400,)),
        (b'{"model":"mock-echo","a":' + b'{"a":' * 50000 + b"1" + b"}" * 50001, (400,)),
        (b'{"model":"mock-echo","a":1e400}', (200, 400)),
        (b'{"model":"mock-echo","a":' + b"1" * 400 + b"}", (200, 400)),
        (b'{"model":"mock-echo","a":"\xff"}', (400,)),
        (b'{"model":"mock-echo","a":"\0"}', (400,)),
        (b'{"model":"mock-echo",' + b",".join(b'"k%d":1' % i for i in range(50000)) + b"}", (400,)),
        (b'{"model":"mock-echo","a":"' + b"x" * (4 << 20) + b'"}', (200,)),
    ):
        started = time.monotonic()
        r = g.post("/v1/messages", body)
        check(r.status in statuses, body[:60], r.status)
        check(time.monotonic() - started < rig.SLOW, "slow:", body[:60])


def test_answers_without_a_body(g):
    with g.wire() as w:
        for path in ("/", "/api/hello"):
            w.send(rig.request_bytes("HEAD", path))
            equal(w.reply("HEAD").status, 200, path)
        w.request("POST", "/v1/messages", J)
        equal(w.reply().status, 200, "the connection goes on after HEAD")


def test_http_1_0_stream(g):
    """No chunks for HTTP/1.0: the stream ends with the connection."""
    with g.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("mock-events-5", stream=True), http="1.0")
        r = w.reply_head()
        equal((r.status, r.get("transfer-encoding")), (200, None))
        events = rig.parse_events(b"".join(w.pieces(r)))
        check(rig.is_complete("/v1/messages", events))


def test_random_bytes(g):
    rng = random.Random(7)
    good = head("content-length: %d" % N) + J
    for i in range(300):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            kind = rng.random()
            if kind < 0.4:
                data[at] = rng.randrange(256)
            elif kind < 0.7:
                del data[at]
            else:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
        with g.wire(2) as w:
            try:
                w.send(bytes(data))
                w.s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            for r in replies(w.everything(3)):
                check(r.status in (200, 400, 401, 404, 405, 408, 411, 413, 415, 431, 501, 505), r.status, bytes(data))
    g.good()


if __name__ == "__main__":
    rig.main(globals())
