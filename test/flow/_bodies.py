"""Bodies of requests, and what answers say, for every route that generates."""

import json


def dump(o):
    return json.dumps(o, ensure_ascii=False, separators=(",", ":")).encode()


def messages(model, text="hello", **more):
    return dump({"model": model, "max_tokens": 64, **more, "messages": [{"role": "user", "content": text}]})


def chat(model, text="hello", **more):
    return dump({"model": model, **more, "messages": [{"role": "user", "content": text}]})


def responses(model, text="hello", **more):
    return dump({"model": model, "input": text, **more})


def completions(model, text="hello", **more):
    return dump({"model": model, "prompt": text, **more})


# Routes that generate: path, the body's maker, the protocol.
GENERATE = [
    ("/v1/messages", messages, "anthropic"),
    ("/v1/chat/completions", chat, "openai"),
    ("/v1/responses", responses, "openai"),
    ("/v1/completions", completions, "openai"),
]


def text_of(path, reply_json):
    """What a plain answer of that route says."""
    if path.endswith("/messages"):
        return "".join(b.get("text", "") for b in reply_json["content"])
    if path.endswith("/chat/completions"):
        return reply_json["choices"][0]["message"]["content"]
    if path.endswith("/responses"):
        return "".join(c["text"] for o in reply_json["output"] if o["type"] == "message" for c in o["content"])
    return reply_json["choices"][0]["text"]


def text_of_stream(events):
    """What a streamed answer says, whatever its protocol."""
    out = []
    for e in events:
        j = e.json or {}
        if j.get("type") == "content_block_delta":
            out.append(j["delta"].get("text", ""))
        elif j.get("type") == "response.output_text.delta":
            out.append(j["delta"])
        for c in j.get("choices", []):
            out.append(c.get("text") or (c.get("delta") or {}).get("content") or "")
    return "".join(out)


def is_complete(path, events):
    """Does a client see the stream end as if all were well?"""
    if any(e.is_error() for e in events):
        return False
    last = events[-1] if events else None
    if last is None:
        return False
    if path.endswith("/messages"):
        return last.type == "message_stop"
    if path.endswith("/responses"):
        return last.type in ("response.completed", "response.incomplete")
    return last.data == "[DONE]"
