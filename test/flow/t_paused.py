#!/usr/bin/env python3
"""Promise: a process that got no CPU for a while (SIGSTOP here) blames nobody for it. What has come
meanwhile is read before any limit is held against provider, store or client."""
# timeout: 120

import signal
import time

import _rig as rig
from _redis import Redis
from _rig import check, equal, until

LIMIT = 5  # seconds: all of those below
BODY = rig.messages("mock-echo", "hello")


def limits():
    each = "%ds" % LIMIT
    return {"first_byte": each, "client_header": each, "client_idle": each}


def is_asked(h, n):
    return h.metrics().value("sluice_live_objects", kind="requests") == n


def test_what_has_come_counts():
    """Of each kind one that waits; what it waits for comes while the process is stopped."""
    redis, mock = Redis(), rig.Mock()
    settings = {"store": {"url": redis.url, "timeout": "%ds" % LIMIT, "on_outage": "refuse"}, "timeouts": limits()}
    with rig.Gateway(settings, mock=mock) as h:
        head, idle, provider, store = (h.wire(60) for _ in range(4))
        idle.request("POST", "/v1/messages", BODY)
        equal(idle.reply().status, 200)
        text = rig.request_bytes("POST", "/v1/messages", BODY, [("x-api-key", rig.KEY)])
        head.send(text[:20])
        provider.request("POST", "/v1/messages", rig.messages("mock-first-2s", stream=True))
        until(lambda: mock.stats()["open_streams"] == 1, 5, "the provider is asked")
        redis.stop()
        store.request("POST", "/v1/messages", BODY)
        until(lambda: is_asked(h, 2), 5, "the store is asked")
        h.signal(signal.SIGSTOP)
        redis.go_on()
        head.send(text[20:])
        idle.request("POST", "/v1/messages", BODY)
        time.sleep(LIMIT + 1)
        h.signal(signal.SIGCONT)
        for name, w in (("store", store), ("provider", provider), ("head", head), ("idle", idle)):
            r = w.reply()
            equal((r.status, r.body[:300] if r.status != 200 else b""), (200, b""), name)
            w.close()
        check(h.metrics().value("sluice_store_up", role="store") == 1, "nor is the store called down")
        h.settle()
    mock.stop()


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
