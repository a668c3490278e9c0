"""What `make bench` measures: one function per kind of load, and the rows of
the table with the bars that the project set itself."""

import json
import statistics
import time

from _peers import LIMITED, METERED_KEYS, Failed, rss_kib
from _profile import profile

PEERS = ("gateway", "nginx")
STREAMS = 2000


def in_turn(turn):
    return PEERS if turn % 2 == 0 else PEERS[::-1]


def message(model, text="Say something.", stream=False):
    body = {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": text}]}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()


class Row:
    """One line of the table: what each round gave for each peer."""

    def __init__(self, title, unit, digits=1, ratio=None, most=None):
        self.title, self.unit, self.digits = title, unit, digits
        self.ratio, self.most = ratio, most  # the bars: against nginx, or absolute
        self.values = {p: [] for p in PEERS}
        self.busy = {p: [] for p in PEERS}
        self.redials = {p: [0] for p in PEERS}  # connections lost per request
        self.store = []  # Redis' own CPU-µs per request

    def add(self, peer, value, result=None):
        self.values[peer].append(value)
        if result is not None:
            self.busy[peer].append(result["cpu_us"] / result["seconds"] / 1e6)
            self.redials[peer].append(result["reconnects"] / max(1, result["requests"]))
            if result["beside_us"] > 0:
                self.store.append(result["beside_us"] / max(1, result["requests"]))

    def cell(self, values, digits):
        text = f"{statistics.median(values):,.{digits}f}"
        if len(values) > 1:
            text += f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
        return text

    def line(self):
        ours, theirs = self.values["gateway"], self.values["nginx"]
        ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
        middle = statistics.median(ratios) if ratios else float("nan")
        if self.most is not None:
            bar, good = f"{self.most:g} {self.unit.split(' ')[0]}", statistics.median(ours) <= self.most
        elif self.ratio is not None:
            bar, good = f"{self.ratio:.2f} ×", middle <= self.ratio
        else:
            bar, good = None, True
        cells = [f"{self.title}, {self.unit}", self.cell(ours, self.digits), self.cell(theirs, self.digits), self.cell(ratios, 2) if ratios else "–"]
        cells += ["≤ " + bar, "yes" if good else "**no**"] if bar else ["–", "–"]
        return "| " + " | ".join(cells) + " |"

    def busy_text(self):
        if not self.busy["gateway"]:
            return ""
        return ", ".join(f"{p} {statistics.median(self.busy[p]) * 100:.0f} %" for p in PEERS)


ROWS = {
    "plain": Row("plain answer of 1 kB", "CPU-µs a request", ratio=1.05),
    "stream": Row("stream of 100 events, one by one", "CPU-µs an event", 2, ratio=1.05),
    "burst": Row("the same, all at once", "CPU-µs an event", 2),
    "prompt": Row("prompt of 1 MB", "CPU-µs a request", 0, ratio=2.6),
    "refused": Row("refused key", "CPU-µs a request", ratio=0.85),
    "miss": Row("miss with key, quota, credits, cache and Redis", "CPU-µs a request", ratio=1.9),
    "far": Row("hit from Redis, with quota", "CPU-µs a request", ratio=0.9),
    "near": Row("hit from memory, embedded store", "CPU-µs a request", ratio=0.55),
    "limited": Row("refused by a limit, Redis", "CPU-µs a request"),
    "latency": Row("added median at 1,000 requests a second", "µs", 0, ratio=1.0),
    "many": Row(f"event at {STREAMS:,} streams", "CPU-µs an event", 2, ratio=0.9),
    "stream_memory": Row(f"open idle stream of {STREAMS:,}", "KiB of memory", most=54),
    "client_memory": Row(f"idle client connection of {STREAMS:,}", "KiB of memory", most=2),
}


def add_cpu(row, peer, result, what):
    ROWS[row].add(peer, result["cpu_us"] / result[what], result)


def saturate(bench, turn, row, request, what, gateway="gateway", seconds=None, **more):
    seconds = seconds or (0.8 if bench.quick else 1.0)
    for peer in in_turn(turn):
        process = gateway if peer == "gateway" else peer
        add_cpu(row, peer, bench.load(process, request, seconds, **more), what)


def plain_request(bench):
    return bench.request("plain", "/v1/messages", message("mock-bytes-1024"))


def stream_request(bench, name="stream", model="mock-events-100-slow-1ms"):
    return bench.request(name, "/v1/messages", message(model, stream=True))


def plain(bench, turn):
    saturate(bench, turn, "plain", plain_request(bench), "requests", body=1024)


def events_of(bench, file):
    """Of the provider's own answer."""
    return bench.ask("direct", file).count(b"\nevent: ")


def stream(bench, turn):
    """A provider sends events as its model makes them: each in a record of its own."""
    request = stream_request(bench)
    saturate(bench, turn, "stream", request, "events", connections=64, events=events_of(bench, request))


def burst(bench, turn):
    request = stream_request(bench, "burst", "mock-events-100")
    saturate(bench, turn, "burst", request, "events", events=events_of(bench, request))


def prompt_request(bench):
    text = "The quick brown fox jumps over the lazy dog. " * (1048576 // 45)
    return bench.request("prompt", "/v1/messages", message("mock-bytes-1024", text))


def prompt(bench, turn):
    saturate(bench, turn, "prompt", prompt_request(bench), "requests", connections=8, body=1024)


def refused(bench, turn):
    request = bench.request("refused", "/v1/messages", message("mock-bytes-1024"), key="sk-slc-nobody-00000000")
    saturate(bench, turn, "refused", request, "requests", status=401)


def key_of(turn):
    return METERED_KEYS[turn % len(METERED_KEYS)]


def miss_request(bench, turn=0):
    return bench.request("miss", "/v1/messages", message("mock-bytes-1024", "Say something about ##########."), key=key_of(turn))


def miss(bench, turn):
    """No two requests are the same, and each is admitted, recorded and charged."""
    saturate(bench, turn, "miss", miss_request(bench, turn), "requests", gateway="gateway-redis", body=1024)


def hit_request(bench, turn=0):
    return bench.request("hit", "/v1/messages", message("mock-bytes-1024", "Say it again."), key=key_of(turn), host="cached")


def hits(bench, turn, row, gateway, **more):
    request = hit_request(bench, turn)
    for peer in (gateway, *PEERS[1:]):
        bench.ask(peer, request)
        if b"x-cache: hit\r\n" not in bench.ask(peer, request).lower():
            raise Failed(f"{peer} does not answer from its cache")
    saturate(bench, turn, row, request, "requests", gateway=gateway, body=1024, **more)


def far(bench, turn):
    hits(bench, turn, "far", "gateway-far")


def near(bench, turn):
    """Short: a core that is free answers more than its key may ask in a minute, else."""
    hits(bench, turn, "near", "gateway-near", seconds=0.6, warm=0.2)


def limited(bench, turn):
    request = bench.request("limited", "/v1/messages", message("mock-bytes-1024"), key=LIMITED, host="limited")
    for peer in ("gateway-redis", *PEERS[1:]):
        bench.ask(peer, request)  # the one that passes
    saturate(bench, turn, "limited", request, "requests", gateway="gateway-redis", status=429)


def latency(bench, turn):
    seconds = 1.5 if bench.quick else 3
    request = plain_request(bench)
    p50 = {p: bench.load(p, request, seconds, mode="rate", rate=1000, connections=64, body=1024)["p50_us"] for p in ("direct", *in_turn(turn))}
    for peer in PEERS:
        ROWS["latency"].add(peer, p50[peer] - p50["direct"])


def memory_of(bench, peer, request):
    """KiB for each of so many held connections, in a process that is fresh but
    has answered once."""
    bench.start(peer)
    bench.load(peer, plain_request(bench), 0.05, warm=0, connections=1)
    time.sleep(0.1)
    before = rss_kib(bench.pids(peer))
    held = bench.load(peer, request, 0.5, warm=1, mode="hold", connections=STREAMS)
    return (held["rss_kib"] - before) / STREAMS


def memory(bench, turn):
    idle = bench.request("idle", "/v1/messages", message("mock-events-3-slow-3600s", stream=True))
    client = bench.request("client", "/healthz", b"", method="GET")
    for peer in in_turn(turn):
        ROWS["client_memory"].add(peer, memory_of(bench, peer, client))
        ROWS["stream_memory"].add(peer, memory_of(bench, peer, idle))


def many(bench, turn):
    request = bench.request("many", "/v1/messages", message("mock-events-100000-slow-200ms", stream=True))
    for peer in in_turn(turn):
        bench.start(peer)
        result = bench.load(peer, request, 3 if bench.quick else 5, warm=1, mode="hold", connections=STREAMS)
        add_cpu("many", peer, result, "events")


def calls(bench):
    """Lines that say what each peer asks of the kernel, per answer or event."""
    for name, request, what, peers in (
        ("plain", plain_request(bench), "requests", PEERS),
        ("stream", stream_request(bench), "events", PEERS),
        ("miss", miss_request(bench), "requests", ("gateway-redis", "nginx")),
        ("hit", hit_request(bench), "requests", ("gateway-far", "gateway-near", "nginx")),
    ):
        for peer in peers:
            result, counted = bench.strace(peer, request, 1.5, connections=64)
            n = max(1, result[what])
            top = sorted(counted.items(), key=lambda c: -c[1])
            parts = [f"{call} {count / n:.2f}" for call, count in top if count / n >= 0.005]
            yield f"- {name}, system calls of {peer} per {what[:-1]}: {sum(counted.values()) / n:.2f} ({', '.join(parts)})"


def profiles(bench):
    yield from profile(bench, "plain", plain_request(bench))
    yield from profile(bench, "stream", stream_request(bench), connections=64)
    yield from profile(bench, "prompt", prompt_request(bench), connections=8)
    yield from profile(bench, "miss", miss_request(bench), peer="gateway-redis")
    yield from profile(bench, "hit from Redis", hit_request(bench), peer="gateway-far")
    yield from profile(bench, "hit from memory", hit_request(bench), peer="gateway-near")


# name, function, the most rounds it is worth
MEASURES = {
    "plain": (plain, 99),
    "stream": (stream, 99),
    "burst": (burst, 99),
    "prompt": (prompt, 99),
    "refused": (refused, 99),
    "miss": (miss, 99),
    "far": (far, 99),
    "near": (near, 99),
    "limited": (limited, 99),
    "latency": (latency, 99),
    "many": (many, 2),
    "memory": (memory, 2),
}
