#!/usr/bin/env python3
"""Promise: the model's name is replaced in place, members meant for the gateway
are cut, an OpenAI stream's usage is asked for - and not one other byte moves."""

import json

import _rig as rig
from _rig import check, equal

NEW = b"mock-a-much-longer-name-at-the-provider"


def up(g, path, body, status=200):
    r = g.post(path, body)
    equal(r.status, status, body)
    return g.mock.last(), r


def test_name_replaced_wherever_it_stands(g):
    bodies = [
        b'{"model":"short","messages":[],"max_tokens":1}',
        b'{"messages":[],"max_tokens":1,"model":"short"}',
        b'{"messages":[],"model":"short","max_tokens":1}',
        b'{"model":"short"}',
        b' { "messages" : [ { "model" : "short" } ] ,\n\t"model"\t:\r\n"short" , "x" : 1 } ',
        b'{"metadata":{"model":"short"},"system":"\\"model\\":\\"short\\"","model":"short"}',
        b'{"messages":[],"mod\\u0065l":"short"}',
        b'{"model":"sh\\u006frt","messages":[]}',
        b'{"model":"also-short"}',
    ]
    for body in bodies:
        seen, _ = up(g, "/v1/messages", body)
        at = max(body.rfind(b'"' + n + b'"') for n in (b"short", b"also-short", b"sh\\u006frt"))
        end = body.index(b'"', at + 1) + 1
        equal(seen.text.encode(), body[:at] + b'"' + NEW + b'"' + body[end:], "spliced body")
        equal(seen.all("content-length"), [str(seen.size)], "length")


def test_large_body_spliced(g):
    text = "x" * (3 << 20)
    for body in (
        rig.dump({"model": "short", "messages": [text]}),
        rig.dump({"messages": [text], "model": "short"}),
    ):
        seen, _ = up(g, "/v1/messages", body)
        equal(seen.sha256, rig.sha256(body.replace(b'"short"', b'"' + NEW + b'"')))


def test_the_answers_model_is_the_providers(g):
    for path, make, _ in rig.GENERATE:
        r = g.post(path, make("short"))
        equal(r.json()["model"].encode(), NEW, path)
        r = g.post(path, make("short", stream=True))
        check(NEW in r.body and b'"short"' not in r.body, "stream's model", path)


def test_usage_is_asked_for(g):
    cases = [
        (b'{"model":"mock-echo","stream":true,"messages":[]}', None),
        (b'{"stream":true,"model":"mock-echo","messages":[],"stream_options":{}}', None),
        (b'{"stream":true,"model":"mock-echo","stream_options":null,"messages":[]}', None),
        (b'{"stream":true,"model":"mock-echo","stream_options":{"include_obfuscation":false},"messages":[]}', None),
    ]
    for body, _ in cases:
        seen, r = up(g, "/v1/chat/completions", body)
        sent, got = json.loads(body), seen.json()
        equal(got["stream_options"]["include_usage"], True, body)
        options = dict(sent.get("stream_options") or {}, include_usage=True)
        equal(got, dict(sent, stream_options=options), "everything else")
        check(b'"choices":[]' not in r.body, "the extra chunk is held back")
        check(r.body.endswith(b"data: [DONE]\n\n"), "ends as it should")
        line = g.access_of(r)
        equal((line["tokens_source"], line["tokens_in"] > 0), ("reported", True), "usage was read")


def test_usage_asked_for_by_the_client_stays(g):
    for body in (
        b'{"model":"mock-echo","stream":true,"stream_options":{"include_usage":true},"messages":[]}',
        b'{"model":"mock-echo","stream":true,"stream_options":{"include\\u005fusage":true},"messages":[]}',
    ):
        seen, r = up(g, "/v1/chat/completions", body)
        equal(seen.text.encode(), body, "untouched")
        if b"\\u005f" not in body:
            check(b'"choices":[],"usage":{' in r.body, "the client's own chunk is not held back")


def test_nothing_added_elsewhere(g):
    for path, body in (
        ("/v1/chat/completions", rig.chat("mock-echo")),
        ("/v1/chat/completions", rig.chat("mock-echo", stream=False)),
        ("/v1/responses", rig.responses("mock-echo", stream=True)),
        ("/v1/messages", rig.messages("mock-echo", stream=True)),
        ("/v1/embeddings", rig.dump({"model": "e", "input": "x"})),
    ):
        equal(up(g, path, body)[0].text.encode(), body, path)


def test_meter_streams_off(g):
    with rig.Gateway({"meter_streams": False}, mock=g.mock) as h:
        body = rig.chat("mock-echo", stream=True)
        equal(h.post("/v1/chat/completions", body).status, 200)
        equal(g.mock.last().sha256, rig.sha256(body))


def test_our_members_are_cut(g):
    cases = [
        (b'{"provider":{"order":["a"]},"model":"mock-echo","messages":[]}', b'{"model":"mock-echo","messages":[]}'),
        (b'{"model":"mock-echo","messages":[],"models":["a","b"]}', b'{"model":"mock-echo","messages":[]}'),
        (b'{"model":"mock-echo","route":"fallback","messages":[]}', b'{"model":"mock-echo","messages":[]}'),
        (
            b'{"route":"x","models":[],"model":"mock-echo","provider":{"a":{"b":1}}}',
            b'{"model":"mock-echo"}',
        ),
        (
            b'{"messages":[{"provider":1,"models":2}],"model":"mock-echo","tools":[{"route":3}]}',
            b'{"messages":[{"provider":1,"models":2}],"model":"mock-echo","tools":[{"route":3}]}',
        ),
    ]
    for body, want in cases:
        for path in ("/v1/messages", "/v1/chat/completions"):
            equal(up(g, path, body)[0].text.encode(), want, body)
    body = b'{ "route" : "x" ,\n "models" : [ ] , "model" : "short" , "provider" : 1 , "stream" : true }'
    got = up(g, "/v1/chat/completions", body)[0].json()
    equal(got, {"model": NEW.decode(), "stream": True, "stream_options": {"include_usage": True}}, "all at once")


def test_openrouter_keeps_them(g):
    def change(c):
        c["providers"][1]["flavor"] = "openrouter"

    with rig.Gateway(change=change, mock=g.mock) as h:
        body = b'{"provider":{"order":["a"]},"models":["x"],"route":"fallback","model":"mock-echo","messages":[]}'
        equal(h.post("/v1/chat/completions", body).status, 200)
        equal(g.mock.last().text.encode(), body)


def test_repeated_keys_are_refused(g):
    before = g.mock.stats()["requests"]
    for body in (
        b'{"model":"mock-echo","model":"mock-other"}',
        b'{"model":"mock-echo","messages":[],"mod\\u0065l":"mock-other"}',
        b'{"model":"mock-echo","stream":false,"stream":true}',
        b'{"model":"mock-echo","x":1,"x":1}',
    ):
        equal(g.post("/v1/messages", body).status, 400, body)
    equal(g.mock.stats()["requests"], before, "none went up")
    equal(g.post("/v1/messages", b'{"model":"mock-echo","a":{"x":1,"x":1}}').status, 200, "below the top it is not ours")


def test_default_model_for_moderations(g):
    equal(g.post("/v1/moderations", b'{"input":"x"}').status, 400, "none is configured")
    with rig.Gateway({"default_models": {"moderations": "omni-moderation-latest"}}, mock=g.mock) as h:
        r = h.post("/v1/moderations", b'{"input":"x"}')
        equal(r.status, 200)
        equal(g.mock.last().json(), {"input": "x", "model": "omni-moderation-latest"})
        equal(h.post("/v1/moderations", b"{}").status, 400, "the provider's own refusal")
        equal(g.mock.last().json(), {"model": "omni-moderation-latest"})


def test_hostile_model_names(g):
    for name in ("x\r\ny: z", "x\ny", "\u0000", "\u001b[2J", "a" * 300, "", "x\u007f", "x\u0080", "x\u009b2J", "x\u009f"):
        equal(g.post("/v1/messages", rig.dump({"model": name, "messages": []})).status, 400, name)
    for value in (b"1", b"null", b"[]", b"{}", b"true"):
        equal(g.post("/v1/messages", b'{"model":' + value + b"}").status, 400, value)
    r = g.post("/v1/messages", rig.dump({"model": 'quo"te\\back/\u00e9', "messages": []}))
    equal(r.status, 200)
    equal(g.mock.last().json()["model"], 'quo"te\\back/\u00e9')


if __name__ == "__main__":
    rig.main(globals())
