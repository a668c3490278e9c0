"""What test/bench/faults.py plays with: providers that fail as they are told, clients that keep
time, and a gateway between them."""

import asyncio
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from _peers import ENV, SLUICE, Failed, free_ports, tail, wait_for_port

KEYS = {c: f"sk-slc-class{c}-0123456789abcdef0123456789abcdef" for c in (2, 5, 8)}
ANSWER = json.dumps({"type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "well"}],
                     "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}).encode()
ERROR = json.dumps({"type": "error", "error": {"type": "api_error", "message": "told to fail"}}).encode()


def head(status, body):
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


class Requests(asyncio.Protocol):
    """Whole requests, one after the other; what is in one goes to `self.request()`."""

    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            first, rest = self.data.split(b"\r\n\r\n", 1)
            n = int(re.search(rb"(?i)content-length: (\d+)", first).group(1))
            if len(rest) < n:
                return
            self.data = rest[n:]
            self.request()


class Provider:
    """A process that answers after `pause` seconds, or fails: `share` of the requests with 500 at
    once, all of them by resetting the connection when `down`. `asked`: requests it has seen."""

    def __init__(self, pause=0.05):
        self.told = multiprocessing.Array("d", [pause, 0, 0])
        self.count = multiprocessing.Value("Q", 0)
        self.port = free_ports(1)[0]
        self.process = multiprocessing.Process(target=self.serve, daemon=True)
        self.process.start()

    def tell(self, pause=None, share=None, down=None):
        for i, value in enumerate((pause, share, down)):
            if value is not None:
                self.told[i] = value

    def asked(self):
        return self.count.value

    def serve(self):
        provider = self

        class Asked(Requests):
            def request(self):
                pause, share, down = provider.told
                provider.count.value += 1
                if down:
                    self.transport.abort()
                elif random.random() < share:
                    self.transport.write(head(500, ERROR))
                else:
                    asyncio.get_running_loop().call_later(pause, self.transport.write, head(200, ANSWER))

        async def run():
            server = await asyncio.get_running_loop().create_server(Asked, "127.0.0.1", self.port, backlog=1024)
            await server.serve_forever()

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.run(run())

    def stop(self):
        self.process.terminate()
        self.process.join()


class Gateway:
    """One before those providers; `settings` stand in its configuration as they are."""

    def __init__(self, upstreams, **settings):
        self.dir = tempfile.mkdtemp(prefix="sluice-faults-")
        self.port, self.admin = free_ports(2)
        names = [f"p{i}" for i in range(len(upstreams))]
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin}", "key": "bench-admin-key-0123456789"},
            "log": {"level": "warn", "access": "off"},
            "store": {"url": f"embedded:{self.dir}/data", "state_dir": self.dir},
            "providers": [{"name": n, "protocol": "anthropic", "base_url": f"http://127.0.0.1:{p.port}", "keys": ["k"]} for n, p in zip(names, upstreams)],
            "models": [{"name": "m", "strategy": "weighted", "targets": [{"provider": n, "model": "m", "weight": 1} for n in names]}],
            "tenants": [{"name": "bench", "keys": [{"name": f"c{c}", "key": k, "class": c} for c, k in KEYS.items()]}],
        }
        config.update(settings)
        path = os.path.join(self.dir, "sluice.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        log = os.path.join(self.dir, "log")
        with open(log, "wb") as err:
            self.p = subprocess.Popen([SLUICE, "serve", "-c", path], stdout=err, stderr=err, stdin=subprocess.DEVNULL, cwd=self.dir, env={**ENV, "HOME": self.dir})
        wait_for_port(self.port, self.p, "the gateway", log)
        self.log = log

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as r:
            return r.read().decode()

    def total(self, name, **labels):
        """Of all series of that name with these labels."""
        sum_of = 0.0
        for line in self.metrics().splitlines():
            m = re.fullmatch(name + r"(?:\{(.*)\})? (\S+)", line)
            if m and all(f'{k}="{v}"' in (m.group(1) or "") for k, v in labels.items()):
                sum_of += float(m.group(2))
        return sum_of

    def breakers(self):
        """State by provider: 0 closed, 1 open, 2 half-open."""
        return {m.group(1): int(float(m.group(2))) for m in re.finditer(r'sluice_breaker_state\{.*?provider="(\w+)".*?\} (\S+)', self.metrics())}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.p.poll() is None
        for _ in range(2):
            self.p.send_signal(signal.SIGTERM)
        self.p.wait(20)
        said = tail(self.log)
        shutil.rmtree(self.dir, ignore_errors=True)
        if not alive:
            raise Failed("the gateway has died; " + said)


class Seen:
    """One answer: when it was asked for (or due) and had, its status, and the wait it tells."""

    def __init__(self, asked, status, wait):
        self.asked, self.ended, self.status, self.wait = asked, time.monotonic(), status, wait

    @property
    def took(self):
        return self.ended - self.asked


class Client:
    """Connections to the gateway, kept; each request is of another user, so that weights spread them."""

    def __init__(self, port):
        self.port, self.idle, self.n = port, [], 0

    async def open(self, n):
        """So many connections are there before they are needed."""
        while len(self.idle) < n:
            self.idle.append(await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, grade=5, due=None):
        self.n += 1
        due = due or time.monotonic()
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps({"model": "m", "max_tokens": 16, "metadata": {"user_id": f"u{self.n}"}, "messages": [{"role": "user", "content": "x"}]}).encode()
        writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                     % (KEYS[grade].encode(), len(body), body))
        try:
            first = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.search(rb"content-length: (\d+)", first).group(1)))
        except (OSError, asyncio.IncompleteReadError):
            return Seen(due, 0, 0)
        if b"connection: close" in first:
            writer.close()
        else:
            self.idle.append((reader, writer))
        wait = re.search(rb"retry-after-ms: (\d+)", first)
        return Seen(due, int(first[9:12]), int(wait.group(1)) / 1000 if wait else 0)

    async def at_rate(self, rate, seconds):
        """So many a second, whatever the answers do; all of them."""
        began, tasks = time.monotonic(), []
        for i in range(int(rate * seconds)):
            due = began + i / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.ask(due=due)))
        return await asyncio.gather(*tasks)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
