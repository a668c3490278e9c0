#!/usr/bin/env python3
"""Promise: a word of a list is found in an answer wherever the provider cut it, in every protocol and through a
translation; a list that blocks keeps back no more than what may become a word, lets no word out, and ends the
stream in its protocol's way; one that counts changes nothing; what is passed on are the provider's own bytes."""
# timeout: 120

import threading

import _rig as rig
from _bodies import GENERATE
from _provider import provider
from _rig import KEY, KEY_BOB, Event, check, contains, equal, until
from _said import PROTOCOLS, Chat, Messages, Sayer, sse, stop_reasons, stream_of, typed

SAYER = Sayer()
MAKE = {path: make for path, make, _ in GENERATE}
TEXT = "He drank G\u00adiN, and left."  # a soft hyphen in it


def change(c):
    one = {"name": "said", "keys": [{"name": "carol", "sha256": rig.sha256(KEY_OTHER)}]}
    c["tenants"].append(one)
    c["providers"] += [provider("sayer", SAYER.port, responses=True),
                       {**provider("sayer-a", SAYER.port), "protocol": "anthropic"},
                       {**provider("sayer-o", SAYER.port), "protocol": "openai"}]
    c["models"] += [{"name": n, "targets": [{"provider": p, "model": n}], **more} for n, p, more in [
        ("m", "sayer", {}), ("ma", "sayer-a", {}), ("mo", "sayer-o", {}),
        ("kept", "sayer", {"cache": {"enabled": True, "scope": "shared"}})]]


KEY_OTHER = "sk-slc-carol-secretofcarol000000"
SETTINGS = {
    "words": [
        {"name": "drinks", "words": ["gin", "hot rum", "茶"], "action": "block", "in": "answers", "tenants": ["acme"]},
        {"name": "asked", "words": ["absinthe"], "action": "block", "tenants": ["acme"]},
        {"name": "seen", "words": ["drank", "left"], "in": "both", "tenants": ["acme", "bobs"]},
    ],
}


def body(path, model="m", stream=True, text="hello", **more):
    return MAKE[path](model, text, stream=stream, **more)


def counted(g, name):
    return g.metrics().value("sluice_words_total", list=name) or 0


def blocked(g, path, r, reason):
    """The stream ended well, as one that was refused, and the word is not in it."""
    equal(r.status, 200, r.body[:300])
    events = rig.parse_events(r.body)
    check(rig.is_complete(path, events), path, r.body[-500:])
    equal(stop_reasons(path, events), [reason], path)
    check("gin" not in rig.text_of_stream(events).lower().replace("\u00ad", ""), r.body)
    if path == "/v1/responses":
        equal([e.json["sequence_number"] for e in events], list(range(len(events))))
    return events


def charged(g, r):
    line = g.access_of(r)
    equal((line["ending"], line["status"]), ("stopped", r.status))
    check(line["tokens_out"] > 0, line)


def splits(text):
    yield list(text)
    for cut in range(1, len(text)):
        yield [text[:cut], text[cut:]]


def test_at_every_split(g):
    ways = [(make, "m", make) for make in PROTOCOLS] + [(Chat, "ma", Messages), (Messages, "mo", Chat)]
    n, seen = 0, counted(g, "drinks")
    for make, model, spoken in ways:
        for pieces in splits(TEXT):
            SAYER.script = stream_of(spoken, pieces)
            r = g.post(make.path, body(make.path, model))
            if r.status == 400:  # it stands in the first event: nothing has gone out
                equal(r.json()["error"]["message"].split(":")[0], "Answer blocked")
            else:
                blocked(g, make.path, r, make.reason)
            n += 1
        charged(g, r)
    equal(counted(g, "drinks"), seen + n)


def test_its_end_decides(g):
    for make in PROTOCOLS:
        for last in ("gin", "hot rum", "茶", "a gin!"):
            SAYER.script = stream_of(make, ["It is ", *last])
            r = g.post(make.path, body(make.path))
            events = rig.parse_events(r.body)
            equal(stop_reasons(make.path, events), [make.reason], (make.path, last))
            equal(rig.text_of_stream(events), "It is a " if last[0] == "a" else "It is ")


def test_what_is_no_word_passes_byte_by_byte(g):
    text = "g gi, no: ginger, hot rumba, virgin; left hot"
    for make in PROTOCOLS:
        for pieces in ([text], list(text), [text[:11], text[11:]]):
            SAYER.script = stream_of(make, pieces)
            more = {"stream_options": {"include_usage": True}} if "completions" in make.path else {}
            want = b"".join(SAYER.script)
            for key in (KEY, KEY_BOB, KEY_OTHER):
                r = g.post(make.path, body(make.path, **more), key=key)
                equal((r.status, r.body), (200, want), (make.path, key))


def test_counting(g):
    before = counted(g, "seen")
    SAYER.script, SAYER.plain = stream_of(Chat, list("drank GIN, left")), Chat().plain("drank gin, left, drank")
    r = g.post(Chat.path, body(Chat.path, stream_options={"include_usage": True}), key=KEY_BOB)
    equal(r.body, b"".join(SAYER.script))
    r = g.post(Chat.path, body(Chat.path, stream=False), key=KEY_BOB)
    equal(r.json()["choices"][0]["message"]["content"], "drank gin, left, drank")
    equal(g.post(Chat.path, body(Chat.path, stream=False), key=KEY_OTHER).status, 200)
    until(lambda: counted(g, "seen") == before + 5, 10, lambda: counted(g, "seen"))
    # lists are for one direction or both
    SAYER.plain = Chat().plain("absinthe")
    equal(g.post(Chat.path, body(Chat.path, stream=False, text="gin, he drank")).status, 200)
    until(lambda: counted(g, "seen") == before + 6, 10, lambda: counted(g, "seen"))
    equal(g.post(Chat.path, body(Chat.path, stream=False, text="absinthe")).status, 400)


def test_plain(g):
    for make, model, spoken in [(p, "m", p) for p in PROTOCOLS] + [(Chat, "ma", Messages)]:
        SAYER.plain = spoken().plain("a glass of\u00a0Gin")
        r = g.post(make.path, body(make.path, model, stream=False))
        equal(r.status, 400, r.body)
        error = r.json()["error"]
        contains(error["message"], "Answer blocked: it holds a word of list drinks")
        equal((r.json().get("type"), error["type"], error.get("code")), ("error", "invalid_request_error", None)
              if make is Messages else (None, "invalid_request_error", "blocked_words"))
        line = g.access_of(r)
        equal((line["ending"], line["tokens_in"], line["tokens_out"], line["tokens_source"]), ("stopped", 7, 9, "reported"))
        SAYER.plain = spoken().plain("a glass of water")
        equal(rig.text_of(make.path, g.post(make.path, body(make.path, model, stream=False)).json()), "a glass of water")


def test_long_ones(g):
    long = "water " * 50000
    for text, status in ((long + "gin", 400), (long, 200)):
        SAYER.plain = Chat().plain(text)
        equal(g.post(Chat.path, body(Chat.path, stream=False)).status, status)
    SAYER.script = stream_of(Chat, ["some ", long + "gi", "n"])
    r = g.post(Chat.path, body(Chat.path))
    equal(rig.text_of_stream(blocked(g, Chat.path, r, "content_filter")), "some ")
    SAYER.script = stream_of(Chat, ["some ", long + "gi", "ve"])
    equal(rig.text_of_stream(rig.parse_events(g.post(Chat.path, body(Chat.path)).body)), "some " + long + "give")
    # what is too long to be looked at does not pass, where a list blocks
    SAYER.plain = Chat().plain(long * 30 + "gin")
    equal([g.post(Chat.path, body(Chat.path, stream=False), key=k).status for k in (KEY, KEY_BOB)], [502, 200])
    SAYER.script = stream_of(Chat, ["some ", long * 5])
    equal(g.access_of(g.post(Chat.path, body(Chat.path)))["ending"], "upstream_cut")
    equal(len(rig.text_of_stream(rig.parse_events(g.post(Chat.path, body(Chat.path), key=KEY_BOB).body))), 5 + len(long) * 5)


def arguments(piece):
    return Chat().chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})


def test_texts_that_are_no_text(g):
    """Arguments of tools, thoughts, what a tool of the provider's has found."""
    c, m = Chat(), Messages()
    scripts = [
        (c, c.begin() + [c.chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]})] +
         [arguments(p) for p in ('{"q":"a\\', 'ngi', 'n"}')] + c.end()),
        (c, c.begin() + [c.chunk({"reasoning_content": "a gi"}), c.chunk({"reasoning_content": "n"}), c.delta("so")] + c.end()),
        (m, m.begin()[:1] + [typed("content_block_start", index=0, content_block={
            "type": "web_search_tool_result", "tool_use_id": "t", "content": [{"type": "web_search_result", "title": "Gin"}]})] + m.end()),
    ]
    for p, script in scripts:
        SAYER.script = script
        r = g.post(p.path, body(p.path))
        check(r.status == 400 or stop_reasons(p.path, rig.parse_events(r.body)) == [p.reason], r.body)
        check(r.status == 400 or b"gin" not in r.body.lower(), r.body)


def test_a_filter_says_something_of_each_piece(g):
    """As Azure does; its verdicts are no text that would part the answer's."""
    def script(*pieces):
        chunks = [{"index": 0, "delta": {"content": p}, "finish_reason": None,
                   "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}} for p in pieces]
        chunks.append({"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": {}})
        return [sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [c]}) for c in chunks] + [sse(b"[DONE]")]

    SAYER.script = script("some gin", "ger")
    equal(g.post(Chat.path, body(Chat.path, stream_options={"include_usage": True})).body, b"".join(SAYER.script))
    SAYER.script = script("some ", "gi", "n", " in it")
    events = blocked(g, Chat.path, g.post(Chat.path, body(Chat.path)), "content_filter")
    equal(rig.text_of_stream(events), "some ")


def read_text(events, want):
    got = ""
    while got != want:
        got += rig.text_of_stream([Event(next(events))])
        check(want.startswith(got), got)


def test_nothing_longer_than_it_must(g):
    """What can't become a word goes out before the provider says more; what may does not."""
    for make in PROTOCOLS:
        p, gates = make(), [threading.Event() for _ in range(3)]
        wait = [lambda gate=gate: gate.wait(60) for gate in gates]
        SAYER.script = (p.begin() + [p.delta("well, "), wait[0], p.delta("a g"), p.delta("i"), p.delta("ft "), wait[1],
                        p.delta("is hot "), p.delta("rums "), wait[2], p.delta("hot"), p.delta(" ru"), p.delta("m "), *p.end()])
        with g.wire() as w:
            w.request("POST", make.path, body(make.path))
            events = w.events(w.reply_head())
            read_text(events, "well, ")
            gates[0].set()
            read_text(events, "a gift ")
            gates[1].set()
            read_text(events, "is hot rums ")
            gates[2].set()
            rest = [Event(e) for e in events]
            equal((rig.text_of_stream(rest), stop_reasons(make.path, rest)), ("", [make.reason]), make.path)


def test_texts_beside_each_other(g):
    """A choice that stands still with what may become a word keeps others back for so long only, and its word never goes out."""
    def chunk(index, text, finish=None):
        return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]})

    more = [chunk(1, "water " * 100) for _ in range(500)]
    SAYER.script = [chunk(0, "a gi"), *more, chunk(0, "n."), chunk(0, "", "stop"), chunk(1, "", "stop"), sse(b"[DONE]")]
    r = g.post(Chat.path, body(Chat.path, n=2))
    events = rig.parse_events(r.body)
    said = "".join(c["delta"].get("content") or "" for e in events for c in (e.json or {}).get("choices", []) if c["index"] == 0)
    equal((said, stop_reasons(Chat.path, events)), ("a gi", ["content_filter"] * 2))
    SAYER.script = [chunk(0, "a gi"), *more[:5], chunk(0, "ft"), chunk(0, "", "stop"), chunk(1, "", "stop"), sse(b"[DONE]")]
    equal(g.post(Chat.path, body(Chat.path, n=2, stream_options={"include_usage": True})).body, b"".join(SAYER.script))


def test_a_provider_that_breaks_off(g):
    """What was kept back is no word, and goes out before the error; a word does not."""
    p = Messages()
    SAYER.script = p.begin() + [p.delta("hello "), p.delta("gi")]
    r = g.post(p.path, body(p.path))
    events = rig.parse_events(r.body)
    equal((rig.text_of_stream(events), events[-1].type, g.access_of(r)["ending"]), ("hello gi", "error", "upstream_cut"))
    SAYER.script = p.begin() + [p.delta("hello "), p.delta("gin")]
    events = blocked(g, p.path, g.post(p.path, body(p.path)), "refusal")
    equal(rig.text_of_stream(events), "hello ")
    SAYER.script = [*p.begin(), p.delta("hello "), p.delta("gi"), typed("error", error={"type": "api_error", "message": "x"})]
    events = rig.parse_events(g.post(p.path, body(p.path)).body)
    equal((rig.text_of_stream(events), events[-1].type), ("hello gi", "error"))


def test_from_the_cache(g):
    """Whoever's list it is: a kept answer is looked at like a provider's."""
    for make in (Chat, Messages):
        SAYER.plain = make().plain("A Gin.")
        SAYER.script = stream_of(make, ["A G", "in."])
        for stream in (False, True):
            asked = body(make.path, "kept", stream, text="%s %s" % (make.path, stream))
            r = g.post(make.path, asked, key=KEY_OTHER)
            equal((r.status, r.get("x-cache")), (200, "MISS"), r.body)
            until(lambda: g.post(make.path, asked, key=KEY_BOB).get("x-cache") == "HIT", 10, "it is kept")
            r = g.post(make.path, asked)
            equal((r.status, r.get("x-cache")), (400, "HIT"), r.body)
            equal(g.access_of(r)["ending"], "stopped")
    # what was ended is not kept
    asked = body(Chat.path, "kept", True, text="another")
    SAYER.script = stream_of(Chat, ["A glass of ", "gin"])
    for _ in range(2):
        r = g.post(Chat.path, asked)
        equal(r.get("x-cache"), "MISS")
        blocked(g, Chat.path, r, "content_filter")


def test_shared_while_it_comes(g):
    """Those for whom the same lists hold share an answer and its end; others ask for themselves."""
    gate = threading.Event()
    c = Chat()
    SAYER.script = c.begin() + [c.delta("A glass "), lambda: gate.wait(60), c.delta("of gi"), c.delta("n"), *c.end()]
    SAYER.plain = Chat().plain("A glass of gin")
    asked = body(c.path, "kept", True, text="shared")
    replies = {}

    def ask(name, key, what):
        replies[name] = g.post(c.path, what, key=key)

    with g.wire() as w:
        w.request("POST", c.path, asked)
        events = w.events(w.reply_head())
        read_text(events, "A glass ")
        threads = [threading.Thread(target=ask, args=a) for a in (
            ("stream", KEY, asked), ("plain", KEY, body(c.path, "kept", False, text="shared")))]
        for t in threads:
            t.start()
        until(lambda: g.metrics().value("sluice_live_objects", kind="requests") == 3, 20, "both follow")
        g.good()  # what was asked of the store before it is answered
        ask("other", KEY_OTHER, body(c.path, "kept", False, text="shared"))
        gate.set()
        rest = [Event(e) for e in events]
        for t in threads:
            t.join(30)
    equal(stop_reasons(c.path, rest), ["content_filter"])
    equal(replies["stream"].get("x-cache"), "JOINED")
    equal(stop_reasons(c.path, rig.parse_events(replies["stream"].body)), ["content_filter"])
    equal((replies["plain"].get("x-cache"), replies["plain"].json()["choices"][0]["finish_reason"]), ("JOINED", "content_filter"))
    equal(replies["plain"].json()["choices"][0]["message"]["content"], "A glass ")
    equal((replies["other"].get("x-cache"), replies["other"].json()["choices"][0]["message"]["content"]), ("MISS", "A glass of gin"))


if __name__ == "__main__":
    rig.main(globals(), SETTINGS, change)
