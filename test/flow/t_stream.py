#!/usr/bin/env python3
"""Promise: whatever a provider does in mid-stream, the client is never told that
all is well when it is not; before the first content it still gets a plain error."""
# timeout: 240

import time

import _rig as rig
from _rig import check, contains, equal


def stream(g, path, make, model, seconds=20):
    """Status, and the events, of a whole streamed answer."""
    with g.wire(seconds) as w:
        w.request("POST", path, make(model, stream=True))
        r = w.reply_head()
        if r.status != 200:
            r.body = b"".join(w.pieces(r))
            return r, []
        return r, [rig.Event(e) for e in w.events(r)]


def on_every_path(work):
    """work(path, make) for all of them at the same time."""
    rig.together(len(rig.GENERATE), lambda i: work(*rig.GENERATE[i][:2]))


def check_error_event(path, event):
    """The last event is an error in the protocol's own form."""
    if path.endswith("/messages"):
        equal((event.name, event.type), ("error", "error"))
        check(event.json["error"]["type"] and event.json["error"]["message"])
    elif path.endswith("/responses"):
        equal(event.type, "error")
        check(event.name in (None, "error"))
        check("message" in event.json and "code" in event.json and isinstance(event.json["sequence_number"], int), event.json)
    else:
        equal(event.name, None)
        equal(set(event.json["error"]), {"message", "type", "param", "code"})


def test_broken_after_content(g):
    for path, make, _ in rig.GENERATE:
        for fault in ("cut", "reset", "badchunk"):
            for after in (1, 3, 40):
                what = "%s %s-%d" % (path, fault, after)
                r, events = stream(g, path, make, "mock-%s-%d" % (fault, after))
                equal(r.status, 200, what)
                check(not rig.is_complete(path, events), what, "looks whole")
                check_error_event(path, events[-1])
                check(not any(e.is_error() for e in events[:-1]), what, "one error is enough")
                equal(rig.text_of_stream(events), "".join("%07d " % i for i in range(after)), what)


def test_ends_in_order_but_not_whole(g):
    for path, make, _ in rig.GENERATE:
        r, events = stream(g, path, make, "mock-events-5-nofinal")
        equal(r.status, 200, path)
        check(not rig.is_complete(path, events), path, "looks whole")
        check_error_event(path, events[-1])


def test_the_providers_own_error_event(g):
    for path, make, _ in rig.GENERATE:
        r, events = stream(g, path, make, "mock-error-3")
        equal(r.status, 200, path)
        check_error_event(path, events[-1])
        contains(events[-1].data, "Overloaded, says the mock", "its own words")
        check(not any(e.is_error() for e in events[:-1]), "only one")
        equal(rig.text_of_stream(events), "0000000 0000001 0000002 ", path)


def test_an_error_event_about_our_account_is_told_in_our_words(g):
    for path, make, _ in rig.GENERATE:
        if path.endswith("responses"):
            continue  # the mock's error event of that protocol names no account
        r, events = stream(g, path, make, "mock-error-3-org")
        equal(r.status, 200, path)
        check_error_event(path, events[-1])
        contains(events[-1].data, "refused our credentials")
        check(not any("mockcanary" in e.data for e in events), path, events[-1].data)
        check(not any(e.is_error() for e in events[:-1]), path, "only one")
        equal(rig.text_of_stream(events), "0000000 0000001 0000002 ", path)
        rig.until(lambda: g.access_of(r)["ending"] == "upstream_error", 5, path)


def test_before_the_commit_point_it_is_a_plain_error(g):
    for path, make, protocol in rig.GENERATE:
        for words in ("cut-0", "reset-0", "badchunk-0", "cut-pre", "reset-pre", "badchunk-pre", "empty"):
            r, _ = stream(g, path, make, "mock-" + words)
            equal(r.status, 502, path + " " + words)
            check(r.json()["error"]["message"], words)
        for words in ("error-0", "error-pre"):
            r, _ = stream(g, path, make, "mock-" + words)
            check(r.status >= 500, path, words, r.status)
            if protocol == "anthropic":
                equal(r.status, 529, words)
            contains(r.body.decode(), "Overloaded, says the mock", words)


def test_silence(g):
    def change(c):
        c["keepalive_ping"] = "200ms"
        c["timeouts"].update(idle="2200ms", first_byte="30s")

    with rig.Gateway(change=change, mock=g.mock) as h:
        def one(path, make):
            started = time.monotonic()
            with h.wire() as w:
                w.request("POST", path, make("mock-stall-3", stream=True))
                raw = b"".join(w.pieces(w.reply_head()))
            took = time.monotonic() - started
            ping = b"event: ping\ndata: {" if path.endswith("/messages") else b":"
            pings = [e for e in raw.split(b"\n\n") if e.startswith(ping) or b'"keepalive"' in e]
            check(3 <= len(pings) <= 12, path, "pings:", len(pings), raw[-800:])
            check(2.0 < took < 2.2 + 2 * rig.SLOW, took)
            events = [e for e in rig.parse_events(raw) if e.json or e.data]
            check_error_event(path, events[-1])
            check(not rig.is_complete(path, events))

        on_every_path(one)
        g.mock.quiet(2)


def test_silence_before_content(g):
    """The commit point is bounded by the first ping."""
    def change(c):
        c["keepalive_ping"] = "200ms"
        c["timeouts"].update(idle="1500ms")

    with rig.Gateway(change=change, mock=g.mock) as h:
        def one(path, make):
            started = time.monotonic()
            with h.wire() as w:
                w.request("POST", path, make("mock-stall-pre", stream=True))
                r = w.reply_head()
                check(time.monotonic() - started < 0.2 + 0.5 * rig.SLOW, "the head comes with the first ping")
                equal(r.status, 200)
                events = rig.parse_events(b"".join(w.pieces(r)))
            check_error_event(path, [e for e in events if e.json][-1])

        on_every_path(one)


def test_pings_do_not_break_an_answer(g):
    def change(c):
        c["keepalive_ping"] = "100ms"

    with rig.Gateway(change=change, mock=g.mock) as h:
        def one(path, make):
            _, events = stream(h, path, make, "mock-events-4-slow-350ms")
            check(rig.is_complete(path, events), path)
            equal(rig.text_of_stream(events), "0000000 0000001 0000002 0000003 ", path)
            raw = b"".join(e.raw for e in events)
            check(raw.count(b"ping") + raw.count(b":\n") + raw.count(b": ") > 0)

        on_every_path(one)


def test_split_anywhere(g):
    for path, make, _ in rig.GENERATE:
        for words in ("split-1", "split-2", "split-7", "split-100-events-50", "splitutf8"):
            body = make("mock-" + words, "h\u00e9 \U0001f642", stream=True)
            r = g.post(path, body)
            equal(r.status, 200)
            seen = g.mock.last()
            want = g.mock.call("POST", seen.target, seen.text.encode()).body
            if path in ("/v1/chat/completions", "/v1/completions"):
                want = b"".join(e + b"\n\n" for e in want.split(b"\n\n") if e and b'"choices":[]' not in e)
            equal(r.body, want, path + " " + words)


def test_events_larger_than_what_is_held(g):
    for path, make, _ in rig.GENERATE[:3]:
        body = make("mock-big-600k-piece-65500", stream=True)
        r = g.post(path, body)
        equal(r.status, 200)
        check(rig.is_complete(path, rig.parse_events(r.body)), path)
        check(len(rig.text_of_stream(rig.parse_events(r.body))) >= 600 << 10)


def gaps_of(g, path, make):
    with g.wire() as w:
        w.request("POST", path, make("mock-events-10-slow-80ms", stream=True))
        times = []
        for e in w.events(w.reply_head()):
            if b'"000000' in e:
                times.append(time.monotonic())
    return [b - a for a, b in zip(times, times[1:])][:9]


def test_each_event_goes_out_at_once(g):
    """A busy machine may keep one back: asked until a whole answer came in time."""
    def one(path, make):
        seen = []

        def in_time():
            seen.append(gaps_of(g, path, make))
            return max(seen[-1]) < 0.08 + 0.06 and sum(seen[-1]) > 0.5

        rig.until(in_time, 5, lambda: "%s: %s" % (path, seen))

    on_every_path(one)


def test_first_content_is_not_held(g):
    with g.wire() as w:
        started = time.monotonic()
        w.request("POST", "/v1/messages", rig.messages("mock-events-3-slow-1000ms", stream=True))
        for e in w.events(w.reply_head()):
            if b"text_delta" in e:
                break
        check(time.monotonic() - started < 0.3 * rig.SLOW, "the first content waited")
        w.reset()


def test_stream_limits(g):
    def change(c):
        c["timeouts"].update(total="%dms" % (500 * rig.SLOW), stream_total="%dms" % (500 * rig.SLOW + 1000), first_byte="30s")

    with rig.Gateway(change=change, mock=g.mock) as h:
        def one(path, make):
            started = time.monotonic()
            r, events = stream(h, path, make, "mock-events-1000-slow-20ms")
            took = time.monotonic() - started
            least = 0.5 * rig.SLOW + 0.8
            check(least < took < least + 0.2 + 2 * rig.SLOW, "%s: %d after %.2f s" % (path, r.status, took))
            equal(r.status, 200)
            check_error_event(path, events[-1])

        on_every_path(one)
        g.mock.quiet(2)


def test_broken_plain_answers(g):
    """Short ones are held and become a 502; long ones are cut so that it shows."""
    for path, make, _ in rig.GENERATE:
        for fault in ("cut-1", "reset-1", "cut-0", "badchunk-1"):
            try:
                r = g.post(path, make("mock-" + fault))
                check(r.status == 502 and r.json()["error"]["message"], path, fault, r.status)
            except rig.Closed:
                equal(fault, "badchunk-1", "only an answer without a length may go out in pieces")
            with g.wire() as w:
                w.request("POST", path, make("mock-bytes-300000-" + fault))
                try:
                    r = w.reply()
                    equal(r.status, 502, path + " " + fault)
                except rig.Closed:
                    pass


def test_plain_answer_to_a_streaming_request(g):
    for path, make, _ in rig.GENERATE:
        r, _ = stream(g, path, make, "mock-404")
        equal((r.status, r.get("content-type")), (404, "application/json"), path)


def test_early_hints_are_skipped(g):
    for n in (1, 2):
        r = g.post("/v1/messages", rig.messages("mock-early-%d" % n, "x"))
        equal((r.status, r.json()["content"][0]["text"]), (200, "x"))
    r = g.post("/v1/messages", rig.messages("mock-early-5000", "x"))
    check(r.status in (200, 502))


def test_bodies_without_a_length(g):
    for path, make, _ in rig.GENERATE:
        for streamed in (False, True):
            body = make("mock-eofbody-events-5", stream=streamed)
            r = g.post(path, body)
            equal(r.status, 200, path)
            contains(r.body.decode(), "0000004", path)


if __name__ == "__main__":
    rig.main(globals())
