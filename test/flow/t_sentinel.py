# timeout: 90
"""Promise: a fail-over by Sentinel is a short outage. Whether the primary dies or hangs, every request is answered, Redis
decides again soon after it has a primary, and what replication lost of the balances comes back by a rebuild.
FAILOVERS says how many (the soak takes 20)."""

import os
import subprocess
import threading
import time

import _rig as rig
from _admin import Api
from _bodies import messages
from _check import check, equal, until
from _redis import SERVER, Redis

FAILOVERS = int(os.environ.get("FAILOVERS", "1"))
PRICE = {"input": 3.0, "output": 15.0}


class Pair:
    """A primary, its replica, and a Sentinel that watches them."""

    def __init__(self):
        self.ports = rig.free_ports(3)
        self.primary, self.replica = (Redis("--port", str(p), "--repl-diskless-sync-delay", "0") for p in self.ports[:2])
        self.follow()
        path = rig.tmp("sentinel.conf")
        with open(path, "w") as f:
            f.write("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor m 127.0.0.1 %d 1\nsentinel down-after-milliseconds m %d\n"
                    "sentinel failover-timeout m 3000\n" % (self.ports[2], os.path.dirname(path), self.ports[0], 500 * rig.SLOW))
        self.p = rig._start([SERVER, path, "--sentinel"], stdout=subprocess.DEVNULL)
        self.url = "redis+sentinel://127.0.0.1:%d/m" % self.ports[2]
        self.ready()

    def port(self, redis):
        return int(redis.options[1])

    def sentinel(self, *words):
        """What it says of the replicas, as one text: good for looking into."""
        with rig.socket.create_connection(("127.0.0.1", self.ports[2]), 5) as s:
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words) + b"*1\r\n$4\r\nPING\r\n")
            said = b""
            while b"+PONG" not in said:
                more = s.recv(65536)
                if not more:
                    break
                said += more
        return said.decode()

    @staticmethod
    def said(redis):
        """Who is promoted ends its clients."""
        try:
            return redis("INFO", "replication")
        except (OSError, ValueError):
            redis.sock = None
            return b""

    def follow(self):
        self.replica("REPLICAOF", "127.0.0.1", self.port(self.primary))

    def ready(self):
        """There is a replica that may take over."""
        until(lambda: b"master_link_status:up" in self.said(self.replica), 20 * rig.SLOW, "the replica follows")
        # with its link up it has what there was; the primary sends it more only once it is online
        until(lambda: b"state=online" in self.said(self.primary), 20 * rig.SLOW, "the primary sends it all")

        def known():
            try:
                said = self.sentinel("SENTINEL", "REPLICAS", "m")
            except OSError:
                return False
            return "slave" in said and "down" not in said.split("flags")[1].split("link-pending")[0] and "master-link-status\r\n$2\r\nok" in said
        until(known, 30 * rig.SLOW, lambda: "Sentinel knows it: " + self.sentinel("SENTINEL", "REPLICAS", "m"))

    def lose(self, hangs):
        self.primary.stop() if hangs else self.primary.kill()
        until(lambda: b"role:master" in self.said(self.replica), 30 * rig.SLOW, "the replica is promoted")
        port = "\r\n%d\r\n" % self.port(self.replica)
        until(lambda: port in self.sentinel("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m"), 30 * rig.SLOW, "Sentinel names it")
        self.primary, self.replica = self.replica, self.primary

    def mend(self, hung):
        self.replica.go_on() if hung else self.replica.start()
        self.replica.sock = None
        self.follow()
        self.ready()

    def end(self):
        self.p.kill()
        self.p.wait()
        self.primary.kill()
        self.replica.kill()


def test_failovers():
    pair = Pair()
    settings = {"store": {"url": pair.url, "timeout": "200ms"},
                "models": [{"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}]}],
                "tenants": [{"name": "acme", "keys": [{"name": "alice", "sha256": rig.sha256(rig.KEY)}],
                             "limits": {"rpm": 100000}, "budget": {"initial_credits": 1000}}]}
    got, downs = [], []
    with rig.Gateway(settings) as g:
        over = threading.Event()

        def load():
            while not over.is_set():
                began = time.monotonic()
                r = g.post("/v1/messages", messages("mock-echo", "hello"))
                r.began, r.ended = began, time.monotonic()
                got.append(r)
                time.sleep(0.01)

        def by_store():
            r = g.post("/v1/messages", messages("mock-echo", "again"))
            got.append(r)
            return r.status == 200 and "admitted_by" not in g.access_of(r)

        def first_by_store(since):
            decided = {l["id"] for l in g.access_lines() if "admitted_by" not in l}
            return min(r.ended for r in list(got) if getattr(r, "began", 0) >= since and r.get("x-sluice-request-id") in decided)
        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            until(by_store, 10 * rig.SLOW, "decided by Redis")
            until(lambda: pair.replica("EXISTS", "slc:epoch"), 10 * rig.SLOW, "the replica knows whose store it is")
            for i in range(FAILOVERS):
                hangs = i % 2 == 0
                pair.lose(hangs)
                began = time.monotonic()
                until(by_store, 20 * rig.SLOW, "decided by the new primary")
                downs.append(first_by_store(began) - began)
                pair.mend(hangs)
        finally:
            over.set()
            for t in threads:
                t.join()
        equal({r.status for r in got}, {200}, "nobody is refused for it")
        spent = sum(round(float(r.get("x-sluice-cost")) * 1e6) for r in got)
        account = lambda: {k: int(v) for k, v in pair.primary.hash("slc:{acme}:acct:t").items()}
        until(lambda: g.metrics().value("sluice_journal_lag_seconds") == 0, 20 * rig.SLOW, "every line is with the store")
        lost = spent - account()["spent"]
        check(lost >= 0, "nothing is charged twice: %d too many" % -lost)
        Api(g)("POST", "ledger/rebuild", {})
        equal(account()["spent"], spent, "rebuilt to the micro-dollar")
        took = sorted(r.ended - r.began for r in got if hasattr(r, "began"))
        print("     %d fail-overs, %d requests, no error; Redis decided %.2f s after Sentinel named the new primary (most %.2f s); the slowest request took %.0f ms; "
              "replication lost %d micro-dollars of %d, and a rebuild set them right" % (
                  FAILOVERS, len(got), sum(downs) / len(downs), max(downs), took[-1] * 1000, lost, spent))
    pair.end()


rig.main(globals(), gateway=False)
