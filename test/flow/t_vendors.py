#!/usr/bin/env python3
"""Promise: every block of docs/providers.md is a configuration that starts and sends what
the page says: to that host, on that path, with that credential and no other. The hosts are
played here, behind a proxy, so that the blocks stand as they are but for trust in our CA."""
# timeout: 120

import json
import os
import re
import ssl

import _rig as rig
from _provider import Listener
from _proxy import Proxy
from _rig import check, equal

PAGE = os.path.join(rig.ROOT, "docs/providers.md")
MESSAGES, CHAT, RESPONSES = "/v1/messages", "/v1/chat/completions", "/v1/responses"

# heading: (asked of us, model) -> what arrives: host, target, the credential's header, the name of its variable, the model
WANTED = {
    "Anthropic": {(MESSAGES, "claude-x"): ("api.anthropic.com", "/v1/messages", "x-api-key", "ANTHROPIC_API_KEY", "claude-x")},
    "OpenAI": {
        (CHAT, "gpt-x"): ("api.openai.com", "/v1/chat/completions", "authorization", "OPENAI_API_KEY", "gpt-x"),
        (RESPONSES, "gpt-x"): ("api.openai.com", "/v1/responses", "authorization", "OPENAI_API_KEY", "gpt-x"),
    },
    "OpenRouter": {
        (MESSAGES, "a/b"): ("openrouter.ai", "/api/v1/messages", "authorization", "OPENROUTER_API_KEY", "a/b"),
        (CHAT, "a/b"): ("openrouter.ai", "/api/v1/chat/completions", "authorization", "OPENROUTER_API_KEY", "a/b"),
    },
    "Claude in Microsoft Foundry": {
        (MESSAGES, "claude-sonnet"): ("my-resource.services.ai.azure.com", "/anthropic/v1/messages", "x-api-key", "FOUNDRY_API_KEY", "my-sonnet-deployment"),
    },
    "Azure OpenAI": {
        (CHAT, "gpt"): ("my-resource.openai.azure.com", "/openai/v1/chat/completions", "api-key", "AZURE_OPENAI_API_KEY", "my-gpt-deployment"),
        (RESPONSES, "gpt"): ("my-resource.openai.azure.com", "/openai/v1/responses", "api-key", "AZURE_OPENAI_API_KEY", "my-gpt-deployment"),
    },
    "Claude in Amazon Bedrock": {
        (MESSAGES, "claude"): ("bedrock-runtime.us-east-1.amazonaws.com", "/anthropic/v1/messages", "authorization", "AWS_BEARER_TOKEN_BEDROCK", "anthropic.claude-model-id"),
    },
    "DeepSeek": {
        (CHAT, "deepseek-x"): ("api.deepseek.com", "/chat/completions", "authorization", "DEEPSEEK_API_KEY", "deepseek-x"),
        (MESSAGES, "deepseek-x"): ("api.deepseek.com", "/anthropic/v1/messages", "x-api-key", "DEEPSEEK_API_KEY", "deepseek-x"),
    },
    "vLLM": {(CHAT, "m"): ("vllm.internal:8000", "/v1/chat/completions", "authorization", "VLLM_API_KEY", "m")},
    "Ollama": {
        (MESSAGES, "m"): (None, "/v1/messages", None, None, "m"),
        (CHAT, "m"): (None, "/v1/chat/completions", None, None, "m"),
    },
    "Another gateway, and a proxy on the way": {
        (MESSAGES, "m"): ("llm.corp.example", "/team-a/v1/messages?tenant=team-a", "x-gateway-key", "COMPANY_KEY", "m"),
        (CHAT, "m"): ("llm.corp.example", "/team-a/v1/chat/completions?tenant=team-a", "x-gateway-key", "COMPANY_KEY", "m"),
    },
}
FIXED = {"OpenRouter": {"http-referer": "https://acme.example", "x-title": "acme"}, "Another gateway, and a proxy on the way": {"x-cost-center": "4711"}}
ANSWERS = {
    "messages": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
                 "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}},
    "completions": {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]},
    "responses": {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "error": None,
                  "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                              "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
                  "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}},
}


class Vendor(Listener):
    """All of them: answers in the words of the path, and remembers what it was asked."""

    def __init__(self, tls=None):
        self.tls, self.asked = tls, []
        super().__init__()

    def serve(self, s):
        try:
            super().serve(self.tls.wrap_socket(s, server_side=True) if self.tls else s)
        except OSError:
            s.close()  # a handshake that nobody finished

    def reply(self, head, body):
        lines = head.decode().split("\r\n")
        target = lines[0].split(" ")[1]
        headers = [(k.lower(), v) for k, v in (l.split(": ", 1) for l in lines[1:])]
        with self.lock:
            self.asked.append((target, headers, json.loads(body)))
        answer = json.dumps(ANSWERS[target.partition("?")[0].rpartition("/")[2]]).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer


class Page(rig.Gateway):
    """A gateway whose configuration is a text."""

    def __init__(self, text, **more):
        self.text = text
        super().__init__(**more)

    def write_config(self, config=None):
        with open(self.path, "w") as f:
            f.write('listen: "127.0.0.1:%d"\nadmin: {listen: "127.0.0.1:%d", key: k}\nstore: {timeout: 2s}\n' % (self.port, self.admin_port) + self.text)


def blocks():
    text = open(PAGE, encoding="utf-8").read()
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        code = re.findall(r"^```yaml\n(.*?)^```", part, re.S | re.M)
        equal(len(code), 1, "blocks of " + part.split("\n")[0])
        found[part.split("\n")[0]] = code[0]
    return found


def body_of(path, model):
    return {MESSAGES: rig.messages, CHAT: rig.chat, RESPONSES: rig.responses}[path](model)


def asks(g, vendor, heading):
    for (path, model), (host, target, header, variable, wanted_model) in WANTED[heading].items():
        what = "%s, %s" % (heading, path)
        before = len(vendor.asked)
        r = g.post(path, body_of(path, model), [("anthropic-version", "2023-06-01")] if path == MESSAGES else [])
        equal(r.status, 200, what + ": %s" % r.body)
        equal(len(vendor.asked), before + 1, what)
        got, headers, body = vendor.asked[-1]
        named = dict(headers)
        equal(got, target, what)
        if host:
            equal(named["host"], host, what)
        credentials = {k: v for k, v in headers if k in ("authorization", "x-api-key", "api-key", "x-gateway-key") or "proxy" in k}
        value = "value-of-%s" % variable
        equal(credentials, {header: "Bearer " + value if header == "authorization" else value} if header else {}, what)
        equal(body["model"], wanted_model, what)
        for k, v in FIXED.get(heading, {}).items():
            equal(named.get(k), v, what)


def test_every_block(g):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(g.mock.dir, "cert.pem"), os.path.join(g.mock.dir, "key.pem"))
    secure, plain = Vendor(tls), Vendor()
    found = blocks()
    equal(set(found), set(WANTED), "blocks of the page, and what is known of them here")
    for heading, text in found.items():
        hosts = dict(re.findall(r'base_url: "(https?)://([^/:"]+)', text)[::-1])
        to = {host: secure.port if scheme == "https" else plain.port for scheme, host in hosts.items()}
        proxy = Proxy(to, "sluice:value-of-PROXY_PASSWORD" if "proxy:" in text else None)
        env = {name: "value-of-" + name for name in re.findall(r"\$\{(\w+)\}", text)}
        env.update({"ALICE_KEY": rig.KEY, "HTTPS_PROXY": proxy.url(), "HTTP_PROXY": proxy.url()})
        text = re.sub(r'^( +)base_url: "https://.*$', lambda m: m.group(0) + '\n%stls: {ca_file: "%s", server_name: localhost}' % (m.group(1), g.mock.ca), text, flags=re.M)
        text = text.replace("proxy.internal:3128", "127.0.0.1:%d" % proxy.port).replace("localhost:11434", "localhost:%d" % plain.port)
        with Page(text, mock=g.mock, env=env) as own:
            asks(own, secure if "https" in hosts else plain, heading)
            check("localhost" in to or proxy.asked, "the proxy was not asked")
        proxy.close()
    secure.listener.close()
    plain.listener.close()


if __name__ == "__main__":
    rig.main(globals())
