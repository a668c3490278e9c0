#!/usr/bin/env python3
"""What outages cost, with figures: a gateway of the release build, providers that fail as they are
told, and clients that keep time. Prints a table in markdown; ends with 1 where a bar is missed.

    python3 test/bench/faults.py [--only one,random,share,all,queue] [--short]

one     one of three providers fails always: 200 requests a second for 60 s
random  all three fail 5 % of what they are asked, at random; five runs
share   one of three fails 20 % of what it is asked
all     all are down for 20 s under 500 clients
queue   five places, 200 that wait, of three classes: deadlines, and the wait that is told

Programs come from SLUICE_BIN or SLUICE_BUILD, as in every test (build/release without them). The machine
should be idle: latencies are of the whole of it.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time

from _outage import Client, Gateway, Provider, percentile
from _peers import Failed

RATE = 200
ROWS = []


def row(what, figure, bar, met):
    ROWS.append((what, figure, bar, met))
    print(f"| {what} | {figure} | {bar} | {'yes' if met else '**no**'} |", flush=True)


@contextlib.contextmanager
def providers(n, pause=0.05):
    every = [Provider(pause) for _ in range(n)]
    try:
        yield every
    finally:
        for p in every:
            p.stop()


def failed(seen):
    return sum(s.status != 200 for s in seen)


async def watch(gateway, found, every=0.25):
    """Notes when each breaker is first seen open."""
    while True:
        states = await asyncio.to_thread(gateway.breakers)
        for name, state in states.items():
            if state == 1:
                found.setdefault(name, time.monotonic())
        await asyncio.sleep(every)


async def watched(gateway, work):
    found = {}
    watcher = asyncio.create_task(watch(gateway, found))
    seen = await work
    watcher.cancel()
    return seen, found


def one(seconds):
    """A second gateway runs beside it with healthy providers: what else the machine does falls on both."""
    with providers(6) as ps, Gateway(ps[:3]) as g, Gateway(ps[3:]) as healthy:
        async def run():
            client, beside = Client(g.port), Client(healthy.port)
            await asyncio.gather(client.at_rate(RATE, 3), beside.at_rate(RATE, 3))
            ps[0].tell(share=1)
            return await asyncio.gather(watched(g, client.at_rate(RATE, seconds)), beside.at_rate(RATE, seconds))

        (seen, found), whole = asyncio.run(run())
    if "p0" not in found:
        raise Failed("the breaker of the one that fails has not opened")
    after, beside = (percentile([s.took for s in run if s.asked > found["p0"]], 0.99) * 1000 for run in (seen, whole))
    row(f"one of three fails always, {RATE} a second for {seconds} s: client errors of {len(seen):,}", failed(seen), "0", failed(seen) == 0)
    row("the same: P99 once its breaker is open, against a healthy gateway beside it", f"{after:.1f} ms ÷ {beside:.1f} ms = {after / beside:.2f}", "≤ 1.5", after <= 1.5 * beside)


def random_failures(seconds, shares, times, what, opens_bar):
    errors, opens = [], []
    for _ in range(times):
        with providers(3) as ps, Gateway(ps) as g:
            for p, share in zip(ps, shares):
                p.tell(share=share)
            seen, found = asyncio.run(watched(g, Client(g.port).at_rate(RATE, seconds)))
        errors.append(failed(seen) / len(seen) * 100)
        opens.append(len(found))
    middle, runs = statistics.median(errors), " ".join(f"{e:.3f}" for e in errors)
    row(f"{what}: client errors, median of {times}", f"{middle:.3f} % ({runs})", "< 0.1 %", middle < 0.1)
    if opens_bar:
        row(f"{what}: breakers that opened, median of {times}", f"{statistics.median(opens):g} ({' '.join(map(str, opens))})", "0", statistics.median(opens) == 0)


async def clients(port, n, until, pause):
    """So many, each asking again `pause` seconds after its answer."""
    client, seen = Client(port), []

    async def one_of(i):
        await asyncio.sleep(pause * i / n)
        while time.monotonic() < until():
            seen.append(await client.ask())
            await asyncio.sleep(pause)

    await asyncio.gather(*(one_of(i) for i in range(n)))
    return seen


def everything(down_s, n=500):
    with providers(3) as ps, Gateway(ps) as g:
        t = {"end": time.monotonic() + 60}

        def extra():
            return g.total("sluice_retries_total") + g.total("sluice_failovers_total")

        async def outage():
            await asyncio.sleep(4)
            t["down"], t["asked"], t["extra"] = time.monotonic(), sum(p.asked() for p in ps), await asyncio.to_thread(extra)
            for p in ps:
                p.tell(down=1)
            await asyncio.sleep(down_s)
            for p in ps:
                p.tell(down=0)
            t["up"], t["asked"], t["extra"] = time.monotonic(), sum(p.asked() for p in ps) - t["asked"], await asyncio.to_thread(extra) - t["extra"]
            t["end"] = t["up"] + 6

        async def run():
            seen, _ = await asyncio.gather(clients(g.port, n, lambda: t["end"], 1.0), outage())
            return seen

        seen = asyncio.run(run())
    during = sum(t["down"] <= s.asked < t["up"] for s in seen)
    most = during / 5 + 10 * (down_s + 10)
    row(f"all down for {down_s} s under {n} clients: extra tries", f"{t['extra']:g} of {during:,} requests; {t['asked']:,} seen upstream", f"≤ {most:.0f}", t["extra"] <= most)
    back = max([s.ended for s in seen if s.status != 200 and s.ended > t["up"]], default=t["up"]) - t["up"]
    row("the same: the last error after they are back", f"{back:.2f} s", "≤ 2 s", back <= 2)
    row("the same: slowest refusal while they are down", f"{max(s.took for s in seen if t['down'] + 2 <= s.asked < t['up'] - 1) * 1000:.0f} ms", "–", True)


def queue_of(ps, wait):
    more = {"queue": {"max": 200, "wait": wait}, "providers": [
        {"name": "p0", "protocol": "anthropic", "base_url": f"http://127.0.0.1:{ps[0].port}", "keys": ["k"], "max_concurrency": 5}]}
    return Gateway(ps, **more)


def deadlines(wait=3):
    with providers(1) as ps, queue_of(ps, f"{wait}s") as g:
        client = Client(g.port)

        async def one_of(i):
            await asyncio.sleep(i * 0.005)  # one after the other: what is measured is not this process
            return await client.ask((2, 5, 8)[i % 3])

        async def run():
            await client.open(205)
            ps[0].tell(pause=60)
            first = [asyncio.create_task(client.ask()) for _ in range(5)]
            while ps[0].asked() < 5:
                await asyncio.sleep(0.01)
            seen = await asyncio.gather(*(one_of(i) for i in range(200)))
            for t in first:
                t.cancel()
            return seen

        late = [s.took - wait for s in asyncio.run(run()) if s.status == 429]
    low, high = min(late) * 1000, max(late) * 1000
    row(f"five places, 200 wait {wait} s: answered so long after", f"{len(late)} of 200, {low:.0f} to {high:.0f} ms", "0 to 50 ms",
        len(late) == 200 and -1 <= low and high <= 50)


def told_waits(rounds, more=20):
    """The queue is full; those that are turned away come back as they were told, and find room."""
    first, every, waits = 0, 0, []
    for i in range(rounds):
        with providers(1, (0.3, 0.8)[i % 2]) as ps, queue_of(ps, "60s") as g:
            client = Client(g.port)

            async def back(shed):
                await asyncio.sleep(max(0, shed.ended + shed.wait - time.monotonic()))
                task = asyncio.create_task(client.ask())
                await asyncio.wait({task}, timeout=1)
                return not task.done() or task.result().status == 200  # it waits, or is answered

            async def run():
                await client.open(205 + more)
                await asyncio.gather(*(client.ask() for _ in range(10)))  # how long they take is known then
                crowd = [asyncio.create_task(client.ask()) for _ in range(205 + more)]
                await asyncio.wait(crowd, timeout=0.2)
                shed = sorted((t.result() for t in crowd if t.done() and t.result().status == 429), key=lambda s: s.wait)
                good = await asyncio.gather(*map(back, shed))
                for t in crowd:
                    t.cancel()
                return shed, good

            shed, good = asyncio.run(run())
        waits += [s.wait for s in shed]
        first += good[0]
        every += sum(good)
    row("queue full, turned away, back as told: room for the first one", f"{first} of {rounds}", f"{rounds}", first == rounds)
    row("the same: room for each", f"{every} of {len(waits)}; told {min(waits):.2f} to {max(waits):.2f} s", "–", True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--only", default="one,random,share,all,queue", help="some of them")
    ap.add_argument("--short", action="store_true", help="a sixth of the time, to see that it runs")
    args = ap.parse_args()
    seconds = 10 if args.short else 60
    print("| what | figure | bar | met |\n|---|--:|--:|---|", flush=True)
    for name in args.only.split(","):
        {
            "one": lambda: one(seconds),
            "random": lambda: random_failures(seconds / 2, (0.05,) * 3, 5, "5 % at random on all three", True),
            "share": lambda: random_failures(seconds, (0.2, 0, 0), 1, "20 % on one of three", False),
            "all": lambda: everything(20),
            "queue": lambda: (deadlines(), told_waits(2 if args.short else 8)),
        }[name]()
    return 0 if all(met for *_, met in ROWS) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as e:
        print(f"faults: {e}", file=sys.stderr)
        sys.exit(1)
