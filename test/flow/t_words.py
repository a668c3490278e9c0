#!/usr/bin/env python3
"""Promise: a word of a list is found wherever it stands in a prompt, however it is written;
a list that blocks refuses the request before anything is spent, in the route's own
envelope; the others count and change nothing; a reload takes new words."""
# timeout: 120

import json
import signal

import _rig as rig
from _rig import check, contains, equal, until

WORDS = rig.tmp("words.txt")


def write_words(*words):
    with open(WORDS, "w", encoding="utf-8") as f:
        f.write("\ufeff# a remark\n\n" + "\n".join(words) + "\r\n")


def settings():
    return {
        "words": [
            {"name": "forbidden", "file": WORDS, "action": "block"},
            {"name": "seen", "words": ["Straße", "credit card"]},
            {"name": "inside", "words": ["bomb"], "match": "anywhere"},
            {"name": "of-others", "words": ["hello"], "action": "block", "tenants": ["nobody-here"]},
        ],
        "intents": [{"name": "weather", "words": ["rain", "sunshine"]}, {"name": "sports", "words": ["goal"]}],
    }


def chat(text):
    return {"model": "mock-echo", "messages": [{"role": "user", "content": text}]}


def ask(g, path, body):
    return g.post(path, body if isinstance(body, bytes) else json.dumps(body).encode())


def counted(g, family, **labels):
    return g.metrics().value(family, **labels) or 0


def test_blocked_everywhere(g):
    word = "Verboten"
    m = json.loads(rig.messages("mock-echo", "hello"))
    asks = [
        ("/v1/messages", {**m, "system": f"Say {word}!"}),
        ("/v1/messages", {**m, "stream": True, "messages": [{"role": "user", "content": [{"type": "text", "text": word.upper()}]}]}),
        ("/v1/messages", {**m, "messages": [{"role": "user", "content": "\uff36erbo\u00adten, zero\u200b"}]}),
        ("/v1/chat/completions", chat(f"this is {word}.")),
        ("/v1/responses", {"model": "mock-echo", "input": f"a\n{word}\nb"}),
        ("/v1/embeddings", {"model": "mock-echo", "input": ["fine", word]}),
    ]
    before = g.mock.stats()["requests"]
    for path, body in asks:
        r = ask(g, path, body)
        equal(r.status, 400, (path, r.body[:300]))
        error = r.json()["error"]
        contains(error["message"], "list forbidden")
        check(word.lower() not in r.body.decode().lower(), r.body)
        if path == "/v1/messages":
            equal((r.json()["type"], error["type"]), ("error", "invalid_request_error"))
        else:
            equal(error["code"], "blocked_words")
        equal(g.access_of(r)["ending"], "refused")
    equal(g.mock.stats()["requests"], before)
    # escapes are read, and a word is one that stands by itself
    raw = json.dumps(chat("verboten")).replace("verboten", "\\u0076erboten").encode()
    equal(ask(g, "/v1/chat/completions", raw).status, 400)
    for text in ("verbotene Dinge", "ver boten", "verboten2", "nothing"):
        equal(ask(g, "/v1/chat/completions", chat(text)).status, 200, text)
    equal(counted(g, "sluice_words_total", list="forbidden"), len(asks) + 1)


def test_counted(g):
    for text in ("STRASSE, straße", "a Credit\n  Card", "bombastic bombs"):
        equal(ask(g, "/v1/chat/completions", chat(text)).status, 200)
    equal(counted(g, "sluice_words_total", list="seen"), 3)
    equal(counted(g, "sluice_words_total", list="inside"), 2)
    equal(ask(g, "/v1/chat/completions", chat("rain, rain and sunshine")).status, 200)
    equal(counted(g, "sluice_intents_total", intent="weather"), 1)
    equal(counted(g, "sluice_intents_total", intent="sports"), 0)
    r = ask(g, "/v1/messages/count_tokens", rig.messages("mock-echo", "verboten rain"))
    equal(r.status, 200, r.body[:300])
    equal(counted(g, "sluice_intents_total", intent="weather"), 1)


def test_reload(g):
    write_words("verboten", "rutabaga")
    equal(ask(g, "/v1/chat/completions", chat("rutabaga")).status, 200)
    g.signal(signal.SIGHUP)
    until(lambda: ask(g, "/v1/chat/completions", chat("Rutabaga")).status == 400, 10, "the new word is blocked")
    # words that can't be read change nothing
    write_words("x" * 300)
    g.signal(signal.SIGHUP)
    until(lambda: "longer than 256 bytes" in g.said(), 10, "the fault is told")
    equal(ask(g, "/v1/chat/completions", chat("Rutabaga")).status, 400)


if __name__ == "__main__":
    write_words("verboten")
    rig.main(globals(), settings())
