"""A client of a Claude proxy as guides in Python print it: httpx, tenacity, batches of 50, and a look into Redis first.

Nothing here knows the gateway it runs against.
"""

import asyncio
import hashlib
import json

import httpx
import redis.asyncio
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

BATCH = 50


def is_worth_a_retry(e):
    if isinstance(e, httpx.HTTPStatusError):
        return e.response.status_code == 429 or e.response.status_code >= 500
    return isinstance(e, httpx.TransportError)


class ClaudeClient:
    def __init__(self, base_url, api_key, redis_url=None, ttl=3600):
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        headers = {"Authorization": "Bearer " + api_key}
        self.http = httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits, timeout=httpx.Timeout(60.0, connect=5.0))
        self.redis = redis.asyncio.from_url(redis_url, decode_responses=True) if redis_url else None
        self.ttl = ttl
        self.found = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()
        if self.redis is not None:
            await self.redis.close()

    @staticmethod
    def name_of(prompt):
        return "claude:" + hashlib.md5(prompt.encode()).hexdigest()

    @retry(retry=retry_if_exception(is_worth_a_retry), wait=wait_random_exponential(multiplier=0.1, max=2), stop=stop_after_attempt(30), reraise=True)
    async def _post(self, prompt, **options):
        r = await self.http.post("/claude/complete", json={"prompt": prompt, **options})
        r.raise_for_status()
        return r.json()

    async def complete(self, prompt, keep=False, **options):
        if self.redis is not None:
            cached = await self.redis.get(self.name_of(prompt))
            if cached:
                self.found += 1
                return json.loads(cached)["output"]
        answer = await self._post(prompt, **options)
        if keep:
            await self.redis.setex(self.name_of(prompt), self.ttl, json.dumps(answer))
        return answer["output"]

    async def batch(self, prompts, **options):
        answers = []
        for i in range(0, len(prompts), BATCH):
            answers += await asyncio.gather(*(self.complete(p, **options) for p in prompts[i : i + BATCH]))
        return answers


@retry(retry=retry_if_exception(is_worth_a_retry), wait=wait_random_exponential(multiplier=0.1, max=2), stop=stop_after_attempt(30), reraise=True)
def moderate(client, texts):
    r = client.post("/v1/moderations", json={"input": texts})
    r.raise_for_status()
    return [x["flagged"] for x in r.json()["results"]]
