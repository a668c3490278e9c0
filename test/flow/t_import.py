#!/usr/bin/env python3
"""Promise: `sluice import litellm` writes a configuration that `sluice check` takes and a gateway serves by, and names
what it left out by its place in the file."""
# timeout: 100

import json
import os
import re
import shlex
import subprocess

import _rig as rig
from _check import check, contains, equal, until

ENV = {"OPENAI_API_KEY": "sk-openai-x", "ANTHROPIC_API_KEY": "sk-ant-x", "AZURE_EU": "az-eu", "AZURE_US": "az-us", "LITELLM_MASTER_KEY": "sk-master-of-all",
       "REDIS_HOST": "redis.test", "OPENROUTER_API_KEY": "sk-or-x", "GROQ_API_KEY": "gsk-x", "DEEPSEEK_API_KEY": "ds-x", "GEMINI_API_KEY": "g-x"}


def sluice(*argv):
    p = subprocess.run([rig.SLUICE, *argv], env=rig.environment(HOME=rig.tmp("home"), **ENV), capture_output=True, timeout=60)
    check(not rig.SANITIZER.search(p.stderr), p.stderr.decode()[-3000:])
    p.out, p.err = p.stdout.decode(), p.stderr.decode()
    return p


def write(name, text):
    path = rig.tmp(name)
    with open(path, "w") as f:
        f.write(text)
    return path


def flow(s):
    """A value on one line: JSON, but for words without quotes."""
    s = s.strip()
    if s[0] not in '{["':
        return s
    bare = lambda m: m.group(0) if m.group(1) is None or re.fullmatch(r"[0-9.]+|true|false", m.group(1)) else '"%s"' % m.group(1)
    return json.loads(re.sub(r'"(?:[^"\\]|\\.)*"|([^\s{}\[\],:"]+)', bare, s))


def block(lines, indent=0):
    """What is written: maps and lists by their indentation."""
    out = None
    while lines and len(lines[0]) - len(lines[0].lstrip()) >= indent:
        depth, line = len(lines[0]) - len(lines[0].lstrip()), lines[0].strip()
        if line.startswith("- "):
            out = [] if out is None else out
            lines[0] = lines[0].replace("- ", "  ", 1)
            out.append(flow(lines.pop(0)) if line[2] == "{" else block(lines, depth + 2))
        else:
            out = {} if out is None else out
            key, _, rest = lines.pop(0).strip().partition(":")
            out[key] = flow(re.sub(" +#.*", "", rest)) if rest else block(lines, depth + 1)
    return out


def carry(text, code=0):
    """The configuration that comes of it, as a tree, once `sluice check` took it; what was said, by line of the file."""
    p = sluice("import", "litellm", write("litellm.yaml", text))
    equal(p.returncode, code, p.err)
    said = {}
    for line, what in re.findall(r"litellm\.yaml:(\d+):\d+: (.*)", p.err):
        said.setdefault(int(line), []).append(what)
    if code:
        equal(p.out, "")
        return None, p.err
    ours = write("sluice.yaml", p.out)
    c = sluice("check", ours)
    equal(c.returncode, 0, c.err + p.out)
    return block([l for l in p.out.splitlines() if not l.startswith("#")]), said


BALANCED = """\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://eu.openai.azure.com/
      api_key: os.environ/AZURE_EU
      api_version: "2024-02-01"
      rpm: 600
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-us
      api_base: https://us.openai.azure.com/
      api_key: os.environ/AZURE_US
      rpm: 200
  - model_name: sonnet
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      input_cost_per_token: 3e-06
      output_cost_per_token: 0.000015
      max_tokens: 4096
    model_info:
      mode: chat
      max_input_tokens: 200000
      supports_vision: true
  - model_name: aws
    litellm_params:
      model: bedrock/anthropic.claude-v2
      aws_region_name: us-east-1
litellm_settings:
  num_retries: 3
  request_timeout: 90.5
  drop_params: true
  fallbacks: [{"gpt-4o": ["sonnet", "nobody"]}]
  success_callback: ["langfuse"]
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {"gpt-4": "gpt-4o", "gone": "nobody"}
  allowed_fails: 3
  cooldown_time: 30
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: "postgresql://user:canarypassword@db/litellm"
"""


def test_balanced():
    ours, said = carry(BALANCED)
    equal([p["name"] for p in ours["providers"]], ["azure", "azure-2", "anthropic"])
    azure = ours["providers"][0]
    equal((azure["base_url"], azure["auth"], azure["keys"]), ("https://eu.openai.azure.com/openai/v1", "header:api-key", ["${AZURE_EU}"]))
    equal(ours["providers"][2]["keys"], ["${ANTHROPIC_API_KEY}"], "what LiteLLM takes where none is named")
    gpt, sonnet = ours["models"]
    equal((gpt["name"], gpt["aliases"], gpt["strategy"]), ("gpt-4o", ["gpt-4"], "weighted"))
    price = {"input": 3, "output": 15}
    equal(gpt["targets"], [{"provider": "azure", "model": "gpt-4o-eu", "weight": 600}, {"provider": "azure-2", "model": "gpt-4o-us", "weight": 200},
                           {"provider": "anthropic", "model": "claude-sonnet-4-5", "priority": 1, "context": 200000, "price": price}])
    equal((sonnet["max_tokens_default"], sonnet["targets"][0]["price"]), ("4096", price))
    equal((ours["timeouts"], ours["retry"], ours["breaker"]), ({"total": "90500ms"}, {"attempts": 4}, {"open": "30s"}))
    equal((ours["admin"]["key"], ours["tenants"][0]["keys"][0]["key"]), ("${LITELLM_MASTER_KEY}",) * 2)
    # line by line: what is not there, and nothing else
    equal(sorted(said), [7, 27, 33, 34, 37, 38, 42])
    contains(said[7][0], "api_version: ")
    contains(said[27][0], "bedrock/anthropic.claude-v2")
    contains(said[33][0], "no model of that name")
    contains(said[34][0], "success_callback: ")
    contains(said[38][0], "breaker.error_rate")
    contains(said[42][0], "sluice key make")
    check("canary" not in str(said), "a secret is said")


VENDORS = """\
model_list:
  - {model_name: gpt-4o-mini, litellm_params: {model: gpt-4o-mini, organization: org-7, timeout: 30}}
  - {model_name: sonnet, litellm_params: {model: claude-sonnet-4-5, api_base: "https://claude.test/v1/messages", extra_headers: {x-team: "a ${b}"}}}
  - {model_name: any, litellm_params: {model: openrouter/meta-llama/llama-3.3-70b-instruct}}
  - {model_name: fast, litellm_params: {model: groq/llama-3.1-8b-instant, weight: 0.9}}
  - {model_name: fast, litellm_params: {model: deepseek/deepseek-chat, weight: 0.1}}
  - {model_name: flash, litellm_params: {model: gemini/gemini-2.5-flash, temperature: 0}}
  - {model_name: local, litellm_params: {model: ollama_chat/llama3, api_base: "http://gpu:11434"}}
  - {model_name: own, litellm_params: {model: openai/my-model, api_base: "http://vllm:8000/v1/", api_key: in-the-file-as-it-is}}
  - {model_name: team, litellm_params: {model: my-model, custom_llm_provider: hosted_vllm, api_base: "http://vllm:8000/v1"}}
  - {model_name: "claude-*", litellm_params: {model: "anthropic/claude-*"}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*"}}
  - {model_name: "*", litellm_params: {model: "openai/*"}}
  - {model_name: "two words", litellm_params: {model: gpt-4o}}
  - {model_name: nowhere, litellm_params: {model: hosted_vllm/x}}
  - {model_name: unknown, litellm_params: {model: mystery}}
  - {model_name: half}
  - {model_name: embed, litellm_params: {model: text-embedding-3-small, input_cost_per_token: 2e-8}, model_info: {mode: embedding}}
  - {model_name: cheap, litellm_params: {model: gpt-4o-mini, input_cost_per_token: 1e-6}}
litellm_settings:
  cache: true
  cache_params: {type: redis, host: os.environ/REDIS_HOST, port: 6380, ttl: 600, namespace: x}
  default_fallbacks: [own]
router_settings: {routing_strategy: latency-based-routing}
"""


def test_vendors():
    ours, said = carry(VENDORS)
    providers = {p["name"]: p for p in ours["providers"]}
    models = {m["name"]: m for m in ours["models"]}
    first = providers[models["gpt-4o-mini"]["targets"][0]["provider"]]
    equal((first["base_url"], first["headers"], first["timeouts"]), ("https://api.openai.com/v1", {"OpenAI-Organization": "org-7"}, {"total": "30s"}))
    claude = providers[models["sonnet"]["targets"][0]["provider"]]
    equal((claude["base_url"], claude["headers"]), ("https://claude.test", {"x-team": "a $${b}"}))
    equal(providers["openrouter"]["protocol"], ["anthropic", "openai"])
    equal(models["any"]["targets"][0]["model"], "meta-llama/llama-3.3-70b-instruct")
    equal([t["weight"] for t in models["fast"]["targets"][:2]], [900, 100])
    equal(models["fast"]["strategy"], "latency")
    equal((providers["ollama_chat"]["base_url"], providers["ollama_chat"].get("keys")), ("http://gpu:11434/v1", None))
    equal(providers[models["own"]["targets"][0]["provider"]]["keys"], ["in-the-file-as-it-is"])
    equal(models["team"]["targets"][0], {"provider": "hosted_vllm", "model": "my-model"})
    equal(models["claude-*"]["targets"][0], {"provider": "anthropic-2"}, "the name asked for")
    check("openai/*" not in models and models["*"]["targets"][0].get("model") is None, models)
    equal((ours["store"]["url"], ours["cache"]), ("redis://${REDIS_HOST}:6380", {"enabled": True, "ttl": "600s"}))
    equal([len(m["targets"]) for m in ours["models"]], [1 + (n != "own") + (n == "fast") for n in models], "default_fallbacks")
    equal((models["embed"]["targets"][0]["price"], models["cheap"]["targets"][0].get("price")), ({"input": 0.02, "output": 0}, None))
    check("tenants" not in ours, "a key from nowhere")
    for line, word in ((7, "temperature: "), (9, "sluice seal"), (12, 'name: "*"'), (14, "without blanks"), (15, "api_base"),
                       (16, "mystery"), (17, "litellm_params"), (19, "both input_cost_per_token"), (22, "namespace: "), (1, "no master_key")):
        contains(" ".join(said.get(line, ())), word, "line %d: %s" % (line, said))
    check("in-the-file-as-it-is" not in str(said), "a secret is said")


def test_refused():
    for text, word in (("model_list: []\n", "nothing is left"), ("providers: []\n", "no model_list"), ("- a\n", "no model_list"),
                       ("model_list: [\n", "litellm.yaml:"), ("a: &x 1\nb: *x\n", "anchor"),
                       ("model_list: [{model_name: a, litellm_params: {model: bedrock/x}}]\n", "nothing is left")):
        _, err = carry(text, 1)
        contains(err, word, text)
    p = sluice("import", "litellm", rig.tmp("nowhere.yaml"))
    equal((p.returncode, p.out), (1, ""))
    contains(p.err, "nowhere.yaml")
    equal(sluice("import", "litellm").returncode, 2)
    equal(sluice("import", "oneapi", "x").returncode, 2)
    short, said = carry("model_list: [{model_name: a, litellm_params: {model: gpt-4o}}]\ngeneral_settings: {master_key: sk-1234}\n")
    check("admin" not in short and "tenants" not in short, short)
    contains(said[2][-1], "8 characters")


GUIDE = open(os.path.join(rig.ROOT, "docs", "from-litellm.md")).read()


def follow_guide(h):
    """What the guide says to type behind the import, word for word."""
    commands = [shlex.split(l) for l in re.findall(r"^    sluice ((?:tenant|key) .*)$", GUIDE, re.M)]
    equal(len(commands), 3)
    for argv in commands:
        p = sluice(*argv, "-a", "127.0.0.1:%d" % h.admin_port, "-k", ENV["LITELLM_MASTER_KEY"])
        equal(p.returncode, 0, "%s: %s" % (argv, p.err))
    contains(p.out, "alice")


def test_guide():
    """Each kind of model that the guide names is carried over or left out, as it says."""
    rows = [r.split("|") for r in GUIDE.splitlines() if r.startswith("| `litellm_params.model`") or r.startswith("| `bedrock/")]
    taken, left = (re.findall(r"`(\w+)/…`", r[1]) for r in rows)
    check(len(taken) > 12 and len(left) > 1, (taken, left))
    for vendor in taken + left:
        text = "model_list:\n  - {model_name: a, litellm_params: {model: %s/x, api_base: \"https://a.test/v1\", api_key: os.environ/OPENAI_API_KEY}}\n" % vendor
        p = sluice("import", "litellm", write("one.yaml", text))
        equal(p.returncode, 0 if vendor in taken else 1, vendor + ": " + p.err)


def test_served():
    """The same file, with the providers at hand: the clients' keys and names go on as they did."""
    mock = rig.Mock()
    port, admin = rig.free_ports(2)
    text = """\
model_list:
  - {model_name: first, litellm_params: {model: openai/mock-503, api_base: "http://127.0.0.1:%d/v1", api_key: sk-mock-one}}
  - {model_name: second, litellm_params: {model: anthropic/mock-echo, api_base: "http://127.0.0.1:%d", api_key: sk-mock-two}}
litellm_settings: {fallbacks: [{first: [second]}], num_retries: 2}
router_settings: {model_group_alias: {old-name: first}}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
""" % (mock.plain, mock.plain)
    ours, _ = carry(text)
    ours["listen"], ours["admin"]["listen"] = "127.0.0.1:%d" % port, "127.0.0.1:%d" % admin
    with rig.Gateway(mock=mock, env=ENV, change=lambda c: (c.clear(), c.update(ours)), wait=False) as h:
        h.port, h.admin_port = port, admin
        until(h.is_ready, 10 * rig.SLOW, lambda: "ready: " + h.said()[-2000:])
        for name in ("first", "old-name"):
            r = h.post("/v1/chat/completions", rig.chat(name, "as it was"), key=ENV["LITELLM_MASTER_KEY"])
            equal((r.status, r.json()["choices"][0]["message"]["content"]), (200, "as it was"), name)
            equal(r.get("x-sluice-provider"), "anthropic")
        equal(h.post("/v1/chat/completions", rig.chat("first"), key="sk-somebody-else").status, 401)
        follow_guide(h)
    mock.stop()


rig.main(globals(), gateway=False)
