"""Where the gateway's time goes: perf's samples, summed by whose code it is."""

import glob
import os
import re
import subprocess
import time

from _peers import ENV, SOURCE, Failed

# Archives whose code is linked into the gateway, told apart by their symbols.
LIBRARIES = {"mbedtls": ("mbedtls", "mbedx509", "mbedcrypto"), "llhttp": ("llhttp",), "libuv": ("uv",)}


def library_symbols():
    """Names of functions, static ones too, and the library each is from."""
    found = {}
    for library, archives in LIBRARIES.items():
        for archive in archives:
            paths = glob.glob(f"{SOURCE}/deps/.prefix/usr/lib/*/lib{archive}.a") or glob.glob(f"/usr/lib/*/lib{archive}.a")
            for path in paths[:1]:
                done = subprocess.run(["nm", path], capture_output=True, text=True, check=False)
                for m in re.finditer(r" [tTwW] (\w+)(?:\.[\w.]+)?$", done.stdout, re.M):
                    found[m.group(1)] = library
    return found


def owner(binary, kind, symbol, libraries):
    if kind == "k":
        return "kernel"
    if "libuv" in binary:
        return "libuv"
    if re.match(r"(lib(c|m|pthread)[.-]|ld-linux|\[vdso\])", binary):
        return "libc"
    return libraries.get(re.sub(r"\.(part|constprop|isra|cold|lto_priv)\.?\d*", "", symbol), "sluice")


def sample(bench, request, seconds, peer="gateway", **more):
    """Samples of the gateway under that load: [(share, owner, symbol)]."""
    bench.need(peer)
    data = os.path.join(bench.dir, "perf.data")
    pids = ",".join(map(str, bench.pids(peer)))
    command = ["perf", "record", "-q", "-F", "997", "-p", pids, "-o", data]
    recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
    time.sleep(0.3)
    bench.load(peer, request, seconds, warm=0.2, **more)
    recorder.terminate()
    recorder.wait(10)
    command = ["perf", "report", "-i", data, "--stdio", "-q", "--no-children", "-t", "|", "--sort", "dso,sym"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENV)
    libraries = library_symbols()
    lines = re.findall(r"^\s*([\d.]+)%\s*\|\s*(\S+)\s*\|\s*\[(.)\]\s+(\S+)", done.stdout, re.M)
    if not lines:
        raise Failed("perf saw nothing (is it allowed here?)")
    return [(float(share), owner(binary, kind, symbol, libraries), symbol) for share, binary, kind, symbol in lines]


def profile(bench, name, request, **more):
    """Lines of text about it."""
    samples = sample(bench, request, 2, **more)
    shares = {}
    for share, who, _ in samples:
        shares[who] = shares.get(who, 0) + share
    yield f"- {name}, where the time goes: " + ", ".join(f"{who} {share:.0f} %" for who, share in sorted(shares.items(), key=lambda s: -s[1]) if share >= 0.5)
    for who in ("kernel", "mbedtls", "sluice"):
        top = [f"{symbol} {share:.1f}" for share, of, symbol in samples if of == who][:8]
        yield f"  - {who}: " + ", ".join(top)
