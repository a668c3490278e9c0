#!/usr/bin/env python3
"""Promise: a client of OpenAI's Responses API is served by any provider: in events of the official
order, with the text, the calls, the thoughts, the errors and the tokens that the provider gave."""
# timeout: 180

import json

import _rig as rig
from _rig import check, contains, equal

PATH = "/v1/responses"
TEXT = "Gr\u00fc\u00dfe \"quoted\" \\ \U0001f642 \u2028 end"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "name": "get_time", "description": "d", "strict": None, "parameters": SCHEMA}
FREE = {"type": "custom", "name": "get_time", "description": "d"}
POOR = "sk-slc-poor-0d1c2b3a495867768594a3b2c1d0e"
# prefix of the model, path at its provider
WAYS = [("a/", "/v1/messages"), ("o/", "/v1/chat/completions")]


def change(config):
    chat = [dict(p, name="mock-chat", responses=False) for p in config["providers"] if p["name"] == "mock-o"]
    config["providers"] += chat
    config["models"] = [
        {"name": "*", "targets": [{"provider": "mock-a"}]},
        {"name": "a/*", "targets": [{"provider": "mock-a"}]},
        {"name": "o/*", "targets": [{"provider": "mock-chat"}]},
        {"name": "native", "targets": [{"provider": "mock-chat", "model": "mock-echo"}, {"provider": "mock-o", "model": "mock-echo"}]},
        {"name": "later", "targets": [{"provider": "mock-a", "model": "mock-echo", "priority": 0}, {"provider": "mock-o", "model": "mock-echo", "priority": 1}]},
        {"name": "cached/*", "targets": [{"provider": "mock-a"}], "cache": {"enabled": True}},
        {"name": "dear/*", "targets": [{"provider": "mock-a", "price": {"input": 3, "output": 15}}]},
    ]
    config["tenants"].append({"name": "poor", "keys": [{"key": POOR}], "scopes": ["models:dear/*"], "limits": {"reserve_output": 50},
                              "budget": {"initial_credits": 0.002, "hard": True}})


def ask(g, model, text=TEXT, key=rig.KEY, **more):
    return g.post(PATH, rig.responses(model, text, **more), key=key)


def outputs(response):
    """What an answer holds, without the names that differ from one to the next."""
    out = []
    for item in response["output"]:
        if item["type"] == "message":
            out += [(p["type"], p.get("text", p.get("refusal"))) for p in item["content"]]
        elif item["type"] == "reasoning":
            out.append(("reasoning", "".join(p["text"] for p in item["summary"])))
        else:
            out.append((item["type"], item["name"], item.get("input") or json.loads(item["arguments"])))
    return out


class Strict:
    """Puts a stream together as the official client does, and refuses what that one refuses."""

    def __init__(self, body):
        self.events = rig.parse_events(body)
        self.events = [e for e in self.events if e.json]
        self.items, self.ids, self.open = [], [], None
        equal(self.events[0].type, "response.created", "the first")
        equal(self.events[1].type, "response.in_progress")
        self.id = self.events[0].json["response"]["id"]
        for n, e in enumerate(self.events):
            equal(e.name, e.type, "name and type")
            equal(e.json["sequence_number"], n, "numbers without gaps")
            self.take(e.type[len("response."):], e.json)
        self.last = self.events[-1].json["response"]
        check(self.open is None, "unfinished at the end")
        equal(self.last["id"], self.id, "one id")
        equal(self.last["output"], self.items, "the last event repeats all")

    def take(self, name, j):
        if name == "output_item.added":
            check(self.open is None and j["output_index"] == len(self.items), j)
            check(j["item"]["id"] and j["item"]["id"] not in self.ids, "an id of its own")
            self.ids.append(j["item"]["id"])
            self.open, self.parts, self.text = j["item"], [], None
            if "call" in self.open["type"]:
                check(self.open["call_id"] and self.open["name"], j)
                equal(self.open.get("arguments", self.open.get("input")), "")
                self.text = ""
        elif name == "output_item.done":
            item = j["item"]
            equal((j["output_index"], item["id"]), (len(self.items), self.open["id"]))
            if "call" in item["type"]:
                equal(item.get("arguments", item.get("input")), self.text)
            else:
                equal(item["summary" if item["type"] == "reasoning" else "content"], self.parts)
            self.items.append(item)
            self.open = None
        elif "output_index" in j:
            equal((j["item_id"], j["output_index"]), (self.open["id"], len(self.items)), "belongs to the open item")
            if "content_index" in j or "summary_index" in j:
                equal(j.get("content_index", j.get("summary_index")), len(self.parts))
            if name.endswith("part.added"):
                check(self.text is None, "one part at a time")
                self.text = ""
            elif name.endswith("part.done"):
                equal(j["part"].get("text", j["part"].get("refusal")), self.text)
                self.parts.append(j["part"])
                self.text = None
            elif name.endswith(".delta"):
                check(j["delta"], "an empty piece")
                self.text += j["delta"]
            else:
                check(name.endswith(".done"), name)
                equal(next(j[k] for k in ("text", "refusal", "arguments", "input") if k in j), self.text)


def own(g):
    """What the provider says to the request that it just got, asked once more without a gateway."""
    seen = g.mock.last()
    return seen, g.mock.call("POST", seen.target, seen.text.encode(), [("x-api-key", "x"), ("authorization", "Bearer x")])


def tokens_of(u):
    """(input, output) in one counting."""
    if "prompt_tokens" in u:
        return u["prompt_tokens"], u["completion_tokens"]
    return u["input_tokens"] + u.get("cache_read_input_tokens", 0) + u.get("cache_creation_input_tokens", 0), u["output_tokens"]


def check_metered(g, r, usage, want):
    equal((usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]), (*want, sum(want)), "usage")
    line = g.access_of(r)
    equal((line["tokens_in"] + line.get("tokens_cache_read", 0) + line.get("tokens_cache_write", 0), line["tokens_out"]), want, "tokens")
    equal(line["tokens_source"], "reported", "where they come from")


def test_plain(g):
    for prefix, there in WAYS:
        for word in ("mock-echo", "mock-events-20", "mock-bytes-200000"):
            r = ask(g, prefix + word, temperature=0.5, instructions="Be brief.", metadata={"k": "v"}, store=True)
            equal(r.status, 200, prefix + word)
            seen, theirs = own(g)
            equal(seen.target, there)
            j = r.json()
            equal(rig.text_of(PATH, j), rig.text_of(there, theirs.json()), "text")
            equal((j["object"], j["status"], j["error"], j["incomplete_details"]), ("response", "completed", None, None))
            equal((j["model"], j["store"], j["previous_response_id"]), (prefix + word, False, None))
            equal((j["instructions"], j["metadata"], j["temperature"], j["top_p"]), ("Be brief.", {"k": "v"}, 0.5, 1))
            check_metered(g, r, j["usage"], tokens_of(theirs.json()["usage"]))


def test_streams(g):
    for prefix, there in WAYS:
        for word in ("mock-echo", "mock-events-200", "mock-splitutf8", "mock-split-1", "mock-big-100k"):
            r = ask(g, prefix + word, stream=True)
            equal(r.status, 200, prefix + word)
            contains(r.get("content-type"), "text/event-stream")
            s = Strict(r.body)
            equal(s.events[-1].type, "response.completed")
            _, theirs = own(g)
            equal(rig.text_of_stream(s.events), rig.text_of_stream(rig.parse_events(theirs.body)), "text of " + word)
            line = g.access_of(r)
            check_metered(g, r, s.last["usage"], (line["tokens_in"] + line.get("tokens_cache_read", 0), line["tokens_out"]))


def test_tools_and_thoughts(g):
    """Plain and streamed say the same: what was thought first, then the text, then the calls."""
    for prefix, _ in WAYS:
        for tool, kind in ((TOOL, "function_call"), (FREE, "custom_tool_call")):
            more = {"tools": [tool, {"type": "web_search"}], "reasoning": {"effort": "low"}}
            plain = outputs(ask(g, prefix + "mock-thinking-tools-2", **more).json())
            s = Strict(ask(g, prefix + "mock-thinking-tools-2", stream=True, **more).body)
            equal([o[0] for o in plain], ["reasoning", "output_text", kind, kind])
            equal(outputs(s.last)[:2], plain[:2])
            if tool is TOOL:
                equal(outputs(s.last), plain)
                equal(plain[2][1:], ("get_time", {"city": "Oslo"}))
                equal(s.last["tools"], more["tools"], "what was asked is repeated")


def test_a_round_of_a_tool(g):
    """What comes out goes in again: the thought with its maker's signature, the call, its result."""
    for prefix, _ in WAYS:
        first = ask(g, prefix + "mock-thinking-tools", tools=[TOOL], reasoning={"effort": "low"}).json()
        call = [o for o in first["output"] if o["type"] == "function_call"][0]
        r = g.post(PATH, rig.dump({"model": prefix + "mock-echo", "tools": [TOOL], "reasoning": {"effort": "low"}, "input": [
            {"role": "user", "content": "q"}, *first["output"],
            {"type": "function_call_output", "call_id": call["call_id"], "output": "14:05"}]}))
        equal(r.status, 200)
        sent = g.mock.last().json()
        if prefix == "a/":
            equal([b["type"] for b in sent["messages"][1]["content"]], ["thinking", "text", "tool_use"])
            check(sent["messages"][1]["content"][0]["signature"] and sent["thinking"]["type"] == "enabled", "its maker's own thought")
            equal(sent["messages"][2]["content"][0]["tool_use_id"], sent["messages"][1]["content"][2]["id"])
        else:
            equal([m["role"] for m in sent["messages"]], ["user", "assistant", "tool"])
            equal(sent["messages"][1]["tool_calls"][0]["id"], sent["messages"][2]["tool_call_id"])


def test_native(g):
    """A provider that has the Responses API gets every byte; thoughts of others' are taken out."""
    body = b'{"model":"native", "input":[{"role":"user","content":"a \\u00e9"}],"x":[1.50],"previous_response_id":"resp_1"}'
    r = g.post(PATH, body)
    equal(r.status, 200)
    seen = g.mock.last()
    equal(seen.target, PATH)
    equal(seen.sha256, rig.sha256(body.replace(b'"native"', b'"mock-echo"')))
    thought = b'{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gw1:tEq"},'
    body = b'{"model":"native","input":[%s{"role":"user", "content":"q"}]}'
    g.post(PATH, body % thought)
    equal(g.mock.last().sha256, rig.sha256((body % b"").replace(b'"native"', b'"mock-echo"')))
    ask(g, "later")
    equal(g.mock.last().target, "/v1/messages", "a priority counts more")
    ask(g, "later", previous_response_id="resp_1")
    equal(g.mock.last().target, PATH, "what can't be translated goes where it need not be")


def test_what_can_not_be(g):
    for more, word in (({"previous_response_id": "resp_1"}, "previous_response_id"), ({"conversation": "c"}, "conversation"),
                       ({"background": True}, "background"), ({"prompt": {"id": "p"}}, "prompt"),
                       ({"input": [{"type": "item_reference", "id": "i"}]}, "item_reference"), ({"input": 7}, "input"),
                       ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input"),
                       ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "image_url")):
        for prefix, _ in WAYS:
            r = g.post(PATH, rig.dump({"model": prefix + "mock-echo", "input": "q", **more}))
            equal((r.status, r.error()[0]), (400, "invalid_request_error"), word)
            contains(r.error()[1], word)


def test_errors(g):
    for prefix, _ in WAYS:
        for status, want in {400: 400, 404: 404, 429: 429, 500: 500, 529: 503}.items():
            for stream in (False, True):
                r = ask(g, prefix + "mock-%d" % status, stream=stream)
                equal(r.status, want, "%s %d" % (prefix, status))
                contains(r.error()[1], "the mock was told")
        r = ask(g, prefix + "mock-401")
        equal(r.status, 502)
        contains(r.error()[1], "operator")


def test_broken_streams(g):
    """Cut or in error: response.failed with what had come, never a completed one; nothing yet: a status."""
    for prefix, _ in WAYS:
        for word, ending in (("cut-3", "upstream_cut"), ("reset-3", "upstream_cut"), ("error-3", "upstream_error")):
            r = ask(g, prefix + "mock-events-9-" + word, stream=True)
            equal(r.status, 200, word)
            events = [e for e in rig.parse_events(r.body) if e.json]
            equal([e.json["sequence_number"] for e in events], list(range(len(events))))
            equal(events[-1].type, "response.failed", word)
            last = events[-1].json["response"]
            equal((last["status"], last["error"]["code"]), ("failed", "server_is_overloaded" if word == "error-3" and prefix == "a/" else "server_error"))
            check(last["error"]["message"], last)
            equal(g.access_of(r)["ending"], ending, word)
        for word in ("error-pre", "error-0", "cut-pre", "cut-0", "html", "empty"):
            r = ask(g, prefix + "mock-" + word, stream=True)
            check(r.status >= 500, word, r.status)
            check(r.json()["error"]["message"], word)


def test_cut_short(g):
    """A budget that ends a running answer ends it as one that is incomplete."""
    with rig.Gateway(change=change, mock=g.mock, env={"SLUICE_RENEW_MS": "300"}) as h:
        cut_short(h)


def cut_short(g):
    r = ask(g, "dear/mock-events-100000-slow-2ms", key=POOR, stream=True)
    s = Strict(r.body)
    equal(s.events[-1].type, "response.incomplete")
    equal(s.last["incomplete_details"], {"reason": "max_output_tokens"})
    equal(s.items[0]["status"], "incomplete")
    line = g.access_of(r)
    equal(line["ending"], "budget")
    equal((s.last["usage"]["input_tokens"], s.last["usage"]["output_tokens"]), (line["tokens_in"], line["tokens_out"]))


def test_cache(g):
    """Kept in the client's form, and played in either of its forms."""
    more = {"store": False, "tools": [TOOL]}
    for word, firsts in (("keep me", False), ("keep the stream", True)):
        first = ask(g, "cached/mock-thinking", word, stream=firsts, **more)
        equal(first.get("x-cache"), "MISS")
        want = Strict(first.body).last if firsts else first.json()
        plain = ask(g, "cached/mock-thinking", word, **more)
        equal(plain.get("x-cache"), "HIT")
        equal(outputs(plain.json()), outputs(want))
        played = ask(g, "cached/mock-thinking", word, stream=True, **more)
        equal(played.get("x-cache"), "HIT")
        equal(outputs(Strict(played.body).last), outputs(want))
    equal(ask(g, "cached/mock-echo", "mine", store=True).get("x-cache"), "BYPASS", "one that asks to be stored")


def test_large(g):
    """A stream repeats itself at its end, so less of it can be kept than of a plain answer."""
    r = g.post(PATH, rig.responses("o/mock-big-1000k", stream=True), timeout=60)
    equal(r.status, 200)
    equal(len(Strict(r.body).items[0]["content"][0]["text"]), 1000 * 1024)
    r = g.post(PATH, rig.responses("a/mock-big-4000k", stream=True), timeout=60)
    equal([e for e in rig.parse_events(r.body) if e.json][-1].type, "response.failed")
    r = ask(g, "a/mock-bytes-6000000")
    equal(r.status, 200)
    check(len(r.body) > 5900000, len(r.body))


rig.main(globals(), change=change)
