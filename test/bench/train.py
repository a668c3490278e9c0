#!/usr/bin/env python3
"""The work that a counting build (cmake --preset profile) watches itself do, for `make release`: clients of
both protocols, plain and streamed, small and large, passed on and translated; cache, limits, prices, Redis
and the embedded store; lists of words. A second of each; nothing is measured.

Programs come from SLUICE_BUILD (build/profile, as the Makefile calls it); what they count lands in its
folder `counts`, on top of nothing: what lay there is gone. A compiler that counts nothing has no use for
it, and is no fault.
"""

import glob
import json
import os
import shutil
import sys

import _peers
import _words
import _work
from _peers import BUILD, GATEWAYS, USUAL, Bench, Failed

SECONDS = 0.5
BOTH = {
    "providers": """\
  - name: mock-openai
    protocol: openai
    base_url: "https://localhost:{provider}/v1"
    keys: ["provider-key"]
    tls: {{ca_file: "{ca}"}}
""",
    "models": """\
  - name: "far-*"
    targets: [{provider: mock-openai, model: mock-bytes-1024}]
  - name: "far-stream"
    targets: [{provider: mock-openai, model: mock-events-100-slow-1ms}]
""",
}
TOOL = {"name": "look", "description": "Looks something up.", "input_schema": {"type": "object", "properties": {"what": {"type": "string"}}}}


def asked(bench, path, model, stream):
    """The same question in the words of either protocol, with what agents send along."""
    turns = [{"role": "user", "content": "Say something."}, {"role": "assistant", "content": "Something."}, {"role": "user", "content": "And more."}]
    body = {"model": model, "max_tokens": 1024, "messages": turns, "stream": stream}
    if path == "/v1/messages":
        body |= {"system": "Be brief.", "tools": [TOOL], "metadata": {"user_id": "somebody"}}
    else:
        body |= {"tools": [{"type": "function", "function": {"name": "look", "parameters": TOOL["input_schema"]}}], "user": "somebody"}
    return bench.request("-".join((path.replace("/", "-"), model, str(stream))), path, json.dumps(body).encode())


def talk(bench):
    """Either client to either provider."""
    for path in ("/v1/messages", "/v1/chat/completions"):
        for model in ("mock-bytes-1024", "far-plain"):
            bench.load("gateway-both", asked(bench, path, model, False), SECONDS)
        for model in ("mock-events-100-slow-1ms", "far-stream"):
            bench.load("gateway-both", asked(bench, path, model, True), SECONDS, connections=64)


def train(bench):
    _work.PEERS = ("gateway",)
    for name in ("plain", "stream", "burst", "prompt", "refused", "miss", "far", "near", "limited"):
        _work.MEASURES[name][0](bench, 0)
    bench.load("gateway", _work.plain_request(bench), 2, mode="rate", rate=1000, connections=64)
    talk(bench)
    list(_words.measured(bench.dir, 10))


def counts(program):
    """Whether it is built so that it does: the names of its counts stand in it."""
    with open(program, "rb") as f:
        return b".gcda" in f.read()


def main():
    shutil.rmtree(os.path.join(BUILD, "counts"), ignore_errors=True)
    if not counts(_peers.SLUICE):
        print("train: this compiler's build counts nothing; the release is laid out without")
        return
    GATEWAYS["gateway-both"] = {**USUAL, **BOTH}
    _peers.PATIENCE = 20  # the counts are written last
    with Bench(True, files=1000) as bench:
        train(bench)
    if not glob.glob(os.path.join(BUILD, "counts", "*room_gateway*.gcda")):
        raise Failed("the gateway was ended before it had written its counts; is this machine very busy?")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        print(f"train: {e}", file=sys.stderr)
        sys.exit(1)
