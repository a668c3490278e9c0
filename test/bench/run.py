#!/usr/bin/env python3
"""The gateway and nginx in turn, against the same mock provider over TLS, each
on one core of its own; prints a table in markdown.

Core 0 runs what is measured, core 1 the provider, the last core the load (on a
machine with two: beside the provider). Programs come from SLUICE_BIN,
SLUICE_MOCK_BIN and SLUICE_BUILD, as in every test.

CPU is user and system time of all threads of the measured processes over
exactly the measured time, divided by the answers (or events) of that time. A
round measures both peers one after the other, who is first changes, and ratios
are taken within rounds, so that what else the machine does falls on both; that
comes and goes slowly, so there are many rounds, and short ones. The load is a
closed loop, and the last lines say how busy the measured core was:
where provider and load share a core, that core is full first. Each peer and the
provider settle on a TLS 1.3 cipher by their own preferences.
"""

import argparse
import json
import sys
import tempfile
import time

from _peers import Bench, Failed
from _words import table
from _work import MEASURES, ROWS, calls, profiles

WORDS = "words"  # no load: a program of its own, and no peer


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    ap.add_argument("--rounds", type=int, help="how often (9; quick 2); memory and many streams at most twice")
    ap.add_argument("--only", default="", help="some of: " + ",".join([*MEASURES, WORDS]))
    ap.add_argument("--calls", action="store_true", help="also count system calls (strace)")
    ap.add_argument("--profile", action="store_true", help="also say where the gateway's time goes (perf)")
    ap.add_argument("--json", metavar="FILE", help="every number of every round")
    args = ap.parse_args()
    args.only = [n for n in args.only.split(",") if n] or [*MEASURES, WORDS]
    for name in args.only:
        if name not in MEASURES and name != WORDS:
            ap.error(f"no measure is called {name}")
    args.rounds = args.rounds or (2 if args.quick else 9)
    return args


def show(bench, rounds):
    print("| measure | gateway | nginx | gateway ÷ nginx | bar | met |")
    print("|---|--:|--:|--:|--:|---|")
    taken = [row for row in ROWS.values() if row.values["gateway"]]
    for row in taken:
        print(row.line())
    print(f"\nMedian (lowest–highest) of {rounds} rounds. {bench.machine()}")
    print("Share of its core that each was busy: " + "; ".join(f"{row.title}: {row.busy_text()}" for row in taken if row.busy_text()) + ".")
    if any(row.store for row in taken):
        print("CPU-µs of Redis itself a request: " + "; ".join(f"{row.title}: {row.cell(row.store, 1)}" for row in taken if row.store) + ".")
    for peer, row in ((p, r) for r in taken for p in r.redials if max(r.redials[p]) > 0.01):
        print(f"{row.title}: {peer} closed {max(row.redials[peer]):.2f} connections per request.")


def main():
    args = arguments()
    if WORDS in args.only:
        with tempfile.TemporaryDirectory() as directory:
            print("\n".join(table(directory)), flush=True)
        args.only.remove(WORDS)
    return loads(args) if args.only else 0


def loads(args):
    started = time.monotonic()
    with Bench(args.quick) as bench:
        for name in args.only:
            run, most = MEASURES[name]
            if args.quick:
                most = min(most, 1 if most < 99 else most)
            for turn in range(min(args.rounds, most)):
                run(bench, turn)
            print(f"bench: {name} done after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        show(bench, args.rounds)
        if args.calls:
            print("\n".join(calls(bench)))
        if args.profile:
            print("\n".join(profiles(bench)))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({k: row.values for k, row in ROWS.items()}, f, indent=1)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
