"""The rig of the flow tests: a scripted provider, a gateway, and raw sockets.

A test file defines functions `test_...(g)` and ends with `rig.main(globals())`.
Each gets a running gateway `g`; after each the gateway must hold nothing that
belongs to a request, and when a gateway ends it must end with exit code 0 and
without a word from a sanitizer. Standard library only, Python 3.9 or newer.

    g.wire()              one raw connection to the data plane
    g.call(...)           one request on a connection of its own, the whole answer
    g.mock.stats()        what the provider has seen, byte for byte
    with rig.Gateway(...) another gateway, with other settings
"""

import atexit
import ctypes
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from _bodies import GENERATE, chat, completions, dump, is_complete, messages, responses, text_of, text_of_stream
from _check import SLOW, Failed, _short, check, contains, equal, until
from _wire import KEY, Closed, Event, Reply, Wire, call, parse_events, request_bytes, with_key

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SLUICE_SOURCE") or os.path.dirname(os.path.dirname(HERE))
SLUICE = os.environ.get("SLUICE_BIN") or os.path.join(ROOT, "build/asan/sluice")
MOCK = os.environ.get("SLUICE_MOCK_BIN") or os.path.join(ROOT, "build/asan/sluice-mock")

# What must never be seen where it does not belong (t_privacy.py looks).
KEY_BOB = "sk-slc-bob-canarysecretofbob0000"
KEY_PLAIN = "any-form-canarysecret-will-do"
KEY_EXPIRED = "sk-slc-old-canarysecretexpired"
KEY_NARROW = "sk-slc-narrow-canarysecretnarrow"
PROVIDER_KEY_A = "sk-ant-canaryproviderkey-a"
PROVIDER_KEY_O = "sk-openai-canaryproviderkey-o"
ADMIN_KEY = "canaryadminkey"

_children = []
_tmp = tempfile.mkdtemp(prefix="sluice-flow-")


# ---- processes ---------------------------------------------------------------


def _raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))


_raise_descriptor_limit()  # a test holds many clients


def _die_with_parent(nofile=None):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if nofile:
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))


def _start(argv, env=None, nofile=None, **more):
    p = subprocess.Popen(argv, env=env, preexec_fn=lambda: _die_with_parent(nofile), **more)
    _children.append(p)
    return p


@atexit.register
def _clean():
    for p in _children:
        if p.poll() is None:
            p.kill()
            p.wait()
    if os.environ.get("SLUICE_KEEP"):
        print("kept:", _tmp)
    else:
        shutil.rmtree(_tmp, ignore_errors=True)


def tmp(name):
    return os.path.join(_tmp, name)


_claims = []  # one for each port that this process has used


def claim(port):
    """Is it this test's alone, as long as it runs? A name that only one process can have says so: a
    port that is free because another test's gateway has just ended would get that test's clients."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind("\0sluice-flow-%d" % port)
    except OSError:
        s.close()
        return False
    _claims.append(s)
    return True


def free_ports(n):
    """Ports that were free a moment ago, below the range the kernel hands out."""
    socks, ports = [], []
    low = 20000 + os.getpid() * 37 % 9000
    while len(ports) < n:
        low = low + 1 if low < 31999 else 20000
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", low))
        except OSError:
            s.close()
            continue
        socks.append(s)
        if claim(low):
            ports.append(low)
    for s in socks:
        s.close()
    return ports


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SLUICE_", "ANTHROPIC", "OPENAI", "OPENROUTER")) and not k.lower().endswith("_proxy")}
    asan = env.get("ASAN_OPTIONS", "detect_leaks=1")
    env["ASAN_OPTIONS"] = asan + ":quarantine_size_mb=8:malloc_context_size=12"
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.update({"RIG_KEY_A": PROVIDER_KEY_A, "RIG_KEY_O": PROVIDER_KEY_O, "RIG_ADMIN_KEY": ADMIN_KEY})
    env.update(more)
    return env


SANITIZER = re.compile(rb"AddressSanitizer|LeakSanitizer|runtime error:|SUMMARY: |CHECK failed|Assertion")


def no_sanitizer_word(path):
    text = open(path, "rb").read()
    m = SANITIZER.search(text)
    if m:
        at = max(0, m.start() - 200)
        raise Failed("the process said:\n" + text[at : at + 6000].decode("utf-8", "replace"))


class Mock:
    """sluice-mock on ports of its own."""

    serial = 0

    def __init__(self, *options, folder="tls"):
        Mock.serial += 1
        self.dir = tmp(folder)
        self.err = tmp("mock%d.err" % Mock.serial)
        argv = [MOCK, "--listen", "127.0.0.1:0", "--plain", "127.0.0.1:0", "--tls-dir", self.dir, "--quiet"]
        os.makedirs(self.dir, exist_ok=True)
        self.p = _start(argv + list(options), env=environment(), stdout=subprocess.PIPE, stderr=open(self.err, "wb"))
        line = self.p.stdout.readline().decode()
        m = re.match(r"ready tls=(\d+) plain=(\d+)", line)
        if not m:
            raise Failed("the mock did not start: " + open(self.err).read())
        self.tls, self.plain = int(m.group(1)), int(m.group(2))
        self.ca = os.path.join(self.dir, "ca.pem")

    def call(self, method, path, body=None, headers=()):
        return call(self.plain, method, path, body, headers)

    def stats(self):
        return self.call("GET", "/__mock/stats").json()

    def reset(self):
        equal(self.call("POST", "/__mock/reset", b"").status, 200, "mock reset")

    def last(self):
        last = self.stats()["last_request"]
        check(last is not None, "the provider has seen no request")
        return Seen(last)

    def quiet(self, seconds=1.0):
        """No answer is under way any more."""
        until(lambda: self.stats()["open_streams"] == 0, seconds, lambda: "the provider still answers: %s" % self.stats())

    def stop(self):
        if self.p.poll() is None:
            self.p.terminate()
            code = self.p.wait(20)
            no_sanitizer_word(self.err)
            equal(code, 0, "exit code of the mock")


class Seen:
    """A request as the provider got it."""

    def __init__(self, last):
        self.method, self.target, self.headers = last["method"], last["target"], last["headers"]
        self.text, self.sha256, self.size = last["body"], last["body_sha256"], last["body_bytes"]

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        got = self.all(name)
        return got[0] if got else None

    def names(self):
        return sorted({n.lower() for n, _ in self.headers})

    def json(self):
        return json.loads(self.text)


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


# ---- the gateway -------------------------------------------------------------


def default_config(mock, port, admin, mock_b=None):
    ca = {"ca_file": mock.ca}
    return {
        "listen": "127.0.0.1:%d" % port,
        "admin": {"listen": "127.0.0.1:%d" % admin, "key": "${RIG_ADMIN_KEY}"},
        "limits": {"body_max": "8MiB"},
        "timeouts": {"drain": "10s"},
        # what a provider does is what the client sees; t_failover.py and t_faults.py are for the rest
        "retry": {"attempts": 1},
        "breaker": {"min_requests": 1000000},
        "log": {"level": "info", "access": "stdout", "format": "json"},
        "providers": [
            {
                "name": "mock-a",
                "protocol": "anthropic",
                "base_url": "https://localhost:%d" % mock.tls,
                "keys": ["${RIG_KEY_A}"],
                "tls": ca,
            },
            {
                "name": "mock-o",
                "protocol": "openai",
                "base_url": "https://localhost:%d/v1" % mock.tls,
                "responses": True,
                "keys": ["${RIG_KEY_O}"],
                "tls": ca,
            },
        ],
        "models": [
            {"name": "*", "targets": [{"provider": "mock-a"}, {"provider": "mock-o"}]},
            {
                "name": "short",
                "display_name": "A short name",
                "aliases": ["also-short"],
                "targets": [
                    {"provider": "mock-a", "model": "mock-a-much-longer-name-at-the-provider"},
                    {"provider": "mock-o", "model": "mock-a-much-longer-name-at-the-provider"},
                ],
            },
            {"name": "only-anthropic", "targets": [{"provider": "mock-a", "model": "mock-echo"}]},
        ],
        "tenants": [
            {
                "name": "acme",
                "keys": [
                    {"name": "alice", "sha256": sha256(KEY), "user": "alice@acme"},
                    {"name": "plain", "sha256": sha256(KEY_PLAIN)},
                    {"name": "old", "sha256": sha256(KEY_EXPIRED), "expires": "2020-01-01"},
                    {
                        "name": "narrow",
                        "sha256": sha256(KEY_NARROW),
                        "scopes": ["models:mock-echo", "endpoints:messages,models"],
                    },
                ],
            },
            {"name": "bobs", "keys": [{"name": "bob", "sha256": sha256(KEY_BOB)}]},
        ],
    }


def merge(into, more):
    """Maps are merged, everything else is replaced; None deletes."""
    for k, v in (more or {}).items():
        if v is None:
            into.pop(k, None)
        elif isinstance(v, dict) and isinstance(into.get(k), dict):
            merge(into[k], v)
        else:
            into[k] = v
    return into


class Gateway:
    """One gateway and its provider. `settings` is merged into the default
    configuration; `change(config)` may do the rest."""

    serial = 0

    def __init__(self, settings=None, change=None, mock=None, env=None, argv=(), wait=True, nofile=None):
        Gateway.serial += 1
        n = Gateway.serial
        self.owns_mock = mock is None
        self.mock = mock or Mock()
        self.port, self.admin_port = free_ports(2)
        self.config = merge(default_config(self.mock, self.port, self.admin_port), settings)
        if change:
            change(self.config)
        # a look-up that takes longer is a refusal; tests of that say how long themselves
        self.config.setdefault("store", {}).setdefault("timeout", "2s")
        self.dir = tmp("gw%d" % n)
        os.makedirs(self.dir)
        self.path = os.path.join(self.dir, "sluice.yaml")
        self.out, self.err = os.path.join(self.dir, "stdout"), os.path.join(self.dir, "stderr")
        self.write_config()
        self.environment = environment(HOME=self.dir, SLUICE_STATE=self.dir, **(env or {}))
        self.argv, self.nofile = argv, nofile
        self.start(wait)

    def write_config(self, config=None):
        with open(self.path, "w") as f:
            json.dump(config or self.config, f, indent=1)  # JSON is YAML

    def start(self, wait=True):
        self.expect_code = 0
        self.p = _start(
            [SLUICE, "serve", "-c", self.path, *self.argv],
            env=self.environment,
            nofile=self.nofile,
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            stdout=open(self.out, "ab"),
            stderr=open(self.err, "ab"),
        )
        if wait:
            until(self.is_ready, 10 * SLOW, lambda: "ready; it said: " + self.said()[-2000:])

    def is_ready(self):
        if self.p.poll() is not None:
            raise Failed("the gateway ended with %s: %s" % (self.p.returncode, self.said()[-3000:]))
        try:
            return self.admin("GET", "/readyz").status == 200
        except OSError:
            return False

    def said(self):
        return open(self.err, "rb").read().decode("utf-8", "replace")

    def access_lines(self):
        """Those written by now: a line follows its ending by some 200 ms, so wait for what must be there."""
        return [json.loads(l) for l in open(self.out, "rb") if l.endswith(b"\n") and l.strip()]

    def log_ends(self):
        """Lines are written in order: whatever has ended before this call has its line after it."""
        self.access_of(self.call("GET", "/nothing-here"))

    def access_of(self, reply):
        """The access line of an answer; it may come a moment later."""
        want = reply.get("x-sluice-request-id")
        check(want, "no x-sluice-request-id")
        return until(lambda: [l for l in self.access_lines() if l.get("id") == want], 5, "access line of " + want)[0]

    def admin(self, method, path, headers=()):
        return call(self.admin_port, method, path, None, headers)

    def wire(self, timeout=20):
        return Wire(self.port, timeout)

    def call(self, method, path, body=None, headers=(), key=KEY, timeout=30):
        return call(self.port, method, path, body, with_key(headers, key), timeout)

    def post(self, path, body, headers=(), key=KEY, timeout=30):
        return self.call("POST", path, body, headers, key, timeout)

    def good(self):
        """A good request on a fresh connection is answered with its own text."""
        token = "good-%x" % time.monotonic_ns()
        r = self.post("/v1/messages", messages("mock-echo", token))
        equal(r.status, 200, "good request")
        equal(r.json()["content"][0]["text"], token, "echo")

    def metrics(self):
        return Metrics(self.admin("GET", "/metrics").body.decode())

    def settle(self, seconds=3):
        """Nothing of a request is alive."""
        until(lambda: not self.leftovers(), seconds * SLOW, lambda: "still alive: %s" % self.leftovers())

    def leftovers(self):
        m = self.metrics()
        alive = {k[0]: v for k, v in m.labelled("sluice_live_objects", "kind").items() if v}
        for idle_is_fine in ("connections", "upstreams", "streams", "timers"):
            alive.pop(idle_is_fine, None)
        for labels, v in m.labelled("sluice_streams_open", "provider").items():
            if v:
                alive["sluice_streams_open " + labels[0]] = v
        for labels, v in m.labelled("sluice_queue_depth", "provider").items():
            if v:
                alive["sluice_queue_depth " + labels[0]] = v
        for (provider, state), v in m.labelled("sluice_upstream_connections", "provider", "state").items():
            idle = m.value("sluice_upstream_connections", provider=provider, state="idle") or 0
            if state == "open" and v > idle:
                alive["upstream connections in use, " + provider] = v - idle
        return alive

    def rss(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024

    def fds(self):
        return int(self.metrics().value("process_open_fds"))

    def signal(self, n):
        self.p.send_signal(n)

    def stop(self, seconds=20):
        """Asked twice, so that nobody waits for a drain (t_signals.py does). Then it is let be for a
        while: two that came as one are rare, and one that ends need not be told again."""
        end, patience = time.monotonic() + seconds * SLOW, 0.05
        while self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(patience)
            except subprocess.TimeoutExpired:
                patience = 0.05 if patience == 1 else 1
                if time.monotonic() > end:
                    self.p.kill()
                    raise Failed("the gateway did not end: " + self.said()[-2000:])
        code = self.p.returncode
        no_sanitizer_word(self.err)
        equal(code, self.expect_code, "exit code of the gateway")
        if self.owns_mock:
            self.mock.stop()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            if self.p.poll() is None:
                self.p.kill()
            self.p.wait()
            no_sanitizer_word(self.err)


class Metrics:
    """A Prometheus exposition."""

    LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text, self.rows = text, []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                m = self.LINE.fullmatch(line)
                check(m, "not an exposition line:", line)
                self.rows.append((m.group(1), dict(self.LABEL.findall(m.group(2) or "")), float(m.group(3))))

    def families(self):
        return {l.split()[2]: l.split()[3] for l in self.text.splitlines() if l.startswith("# TYPE ")}

    def value(self, name, **labels):
        got = [v for n, l, v in self.rows if n == name and all(l.get(k) == w for k, w in labels.items())]
        return sum(got) if got else None

    def labelled(self, name, *labels):
        return {tuple(l.get(k, "") for k in labels): v for n, l, v in self.rows if n == name}


# ---- running tests -----------------------------------------------------------


def main(names, settings=None, change=None, gateway=True):
    """Runs the file's tests in order; `python3 t_x.py word` only those with it."""
    words = sys.argv[1:]
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and (not words or any(w in n for w in words))]
    for path in (SLUICE, MOCK):
        if not os.path.exists(path):
            print("missing:", path)
            sys.exit(77 if not os.environ.get("SLUICE_BIN") else 1)
    failed, g = [], None
    for name, test in tests:
        started = time.monotonic()
        try:
            if gateway and (g is None or g.p.poll() is not None):
                g = Gateway(settings, change)
            test(g) if gateway else test()
            if gateway:
                g.settle()
                g.good()
            print("ok   %s (%.2f s)" % (name, time.monotonic() - started), flush=True)
        except Exception as e:
            failed.append(name)
            print("FAIL %s: %s" % (name, e if isinstance(e, Failed) else traceback.format_exc()), flush=True)
            if not isinstance(e, Failed):
                continue
            where = traceback.extract_tb(e.__traceback__)
            print("     " + " < ".join("%s:%d" % (os.path.basename(f.filename), f.lineno) for f in reversed(where)))
    if g is not None:
        try:
            g.stop()
        except Exception as e:
            failed.append("end of the gateway")
            print("FAIL end of the gateway: %s" % e)
    print("%d of %d passed" % (len(tests) - len([f for f in failed if f.startswith("test_")]), len(tests)))
    sys.exit(1 if failed else 0)


def together(n, work):
    """Runs work(i) for i < n at the same time, in threads; the first failure is raised."""
    errors = []

    def one(i):
        try:
            work(i)
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
