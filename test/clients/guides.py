#!/usr/bin/env python3
"""Promise: the Python clients that guides print (guide.py) run as they stand: batches of 50 with retries, answers that are
found in Redis by the prompt's MD5, and their own answers written there."""

import asyncio
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../flow"))

import _rig as rig
import httpx
from _check import check, equal, until
from _redis import Redis
from guide import ClaudeClient, moderate

PROMPTS = ["Gr\u00fc\u00dfe %d \U0001f642" % (i % 110) for i in range(120)]  # ten stand there twice


def gateway(redis, change=None):
    settings = {
        "store": {"url": redis.url, "timeout": "5s"},
        "prompt_api": {"model": "claude", "max_tokens": 1024},
        "cache": {"scope": "shared", "ttl": "1h"},
        "models": [{"name": "claude", "targets": [{"provider": "mock-a", "model": "mock-echo"}]},
                   {"name": "omni-moderation-latest", "targets": [{"provider": "mock-o"}]}],
        "default_models": {"moderations": "omni-moderation-latest"},
    }
    return rig.Gateway(settings, change)


def client(g, redis=None):
    return ClaudeClient("http://127.0.0.1:%d" % g.port, rig.KEY, redis.url if redis else None)


async def all_of(g, redis=None, **options):
    async with client(g, redis) as c:
        return await c.batch(PROMPTS, **options), c.found


def test_batches_and_what_is_found():
    redis = Redis()
    with gateway(redis) as g:
        equal(asyncio.run(all_of(g)), (PROMPTS, 0))
        equal(g.mock.stats()["requests"], 110, "each text once")
        until(lambda: len(redis("KEYS", "claude:*")) == 110, 10 * rig.SLOW, "kept")
        equal(asyncio.run(all_of(g, redis)), (PROMPTS, 120), "found by name, the gateway not asked")
        equal(asyncio.run(all_of(g)), (PROMPTS, 0))
        equal(g.mock.stats()["requests"], 110, "nor the provider")


def test_answers_that_clients_write():
    """In the place of ours, which is then a miss for the gateway and no harm to anybody."""
    redis = Redis()
    with gateway(redis) as g:
        equal(asyncio.run(all_of(g, redis, keep=True))[0], PROMPTS)
        for value in [json.loads(redis("GET", k)) for k in redis("KEYS", "claude:*")]:
            check(value["output"] in PROMPTS, value)
        equal(asyncio.run(all_of(g, redis)), (PROMPTS, 120))
        redis("SET", ClaudeClient.name_of(PROMPTS[0]), json.dumps({"output": "theirs"}))
        with gateway(redis) as other:  # whose memory holds nothing
            equal(asyncio.run(all_of(other))[0], PROMPTS)


def test_limits_are_waited_for():
    def change(c):
        c["tenants"][0]["limits"] = {"concurrency": 3}

    redis = Redis()
    with gateway(redis, change) as g:
        equal(asyncio.run(all_of(g))[0], PROMPTS)
        check(any("429" in k[-1] for k in g.metrics().labelled("sluice_requests_total", "tenant", "status")), "no limit was met")


def test_moderation():
    redis = Redis()
    texts = ["fine", "violence"] * 25
    with gateway(redis) as g, httpx.Client(base_url="http://127.0.0.1:%d" % g.port, headers={"Authorization": "Bearer " + rig.KEY}) as c:
        for _ in range(3):
            equal(moderate(c, texts), [False, True] * 25)
        equal(g.mock.stats()["requests"], 1, "each text once")


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
