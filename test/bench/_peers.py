"""What `make bench` starts: the mock provider, gateways, nginx, Redis, the load."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("SLUICE_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SLUICE_BUILD") or os.path.join(SOURCE, "build", "release")
SLUICE = os.environ.get("SLUICE_BIN") or os.path.join(BUILD, "sluice")
MOCK = os.environ.get("SLUICE_MOCK_BIN") or os.path.join(BUILD, "sluice-mock")
LOAD = os.path.join(BUILD, "bench_load")
KEY = "sk-slc-bench-0123456789abcdef0123456789abcdef"
LIMITED = "sk-slc-limited-0123456789abcdef0123456789abcdef"  # one request a minute
# A tenant and a key for each round: more requests a minute than this a key can't have.
RPM = 100000
PATIENCE = 0.3  # seconds for a gateway to end its streams before it is told to cut them
METERED_KEYS = [f"sk-slc-metered{i}-0123456789abcdef0123456789abcdef" for i in range(20)]
ENV = {**os.environ, "PATH": os.environ.get("PATH", "") + f":/usr/sbin:{SOURCE}/deps/.tools/bin"}

GATEWAY_CONF = """\
listen: 127.0.0.1:{listen}
admin: {{listen: "127.0.0.1:{admin}", key: "bench-admin-key-0123456789"}}
upstream_pool: {{max_connections: 4000, max_keepalive: 100, keepalive_expiry: 300s, warm: 1}}
keepalive_ping: 60s
log: {{level: warn, access: stdout, format: json}}
store: {{url: "{store}", state_dir: "{state}", timeout: 1s}}
cache: {{memory: {memory}}}
providers:
  - name: mock
    protocol: anthropic
    base_url: "https://localhost:{provider}"
    keys: ["provider-key"]
    tls: {{ca_file: "{ca}"}}
{providers}models:
  - name: "mock-*"
    targets: [{{provider: mock{price}}}]
    cache: {{enabled: {cache}}}
{models}tenants:
  - name: bench
    keys: [{{name: bench, key: "{key}"}}]
{metered}"""
METERED_CONF = """\
  - name: metered{i}
    limits: {{rpm: {rpm}}}
    budget: {{initial_credits: 1000000}}
    keys: [{{name: metered, key: "{key}", limits: {{rpm: {rpm}}}}}]
"""
LIMITED_CONF = f"""\
  - name: limited
    limits: {{rpm: {RPM}}}
    keys: [{{name: limited, key: "{LIMITED}", limits: {{rpm: 1}}}}]
"""
USUAL = {"providers": "", "models": "", "price": "", "metered": "", "cache": "false", "memory": "64MiB", "redis": False}
METERED = {
    "price": ", price: {input: 3.0, output: 15.0}",
    "metered": "".join(METERED_CONF.format(i=i, key=key, rpm=RPM) for i, key in enumerate(METERED_KEYS)) + LIMITED_CONF,
    "cache": "true",
}
# The gateways there are, each a process of its own: the usual one, and those with the cache on and
# tenants and keys that have limits and pay; `far` has no layer in memory.
GATEWAYS = {
    "gateway": USUAL,
    "gateway-redis": {**USUAL, **METERED, "redis": True},
    "gateway-far": {**USUAL, **METERED, "memory": "0", "redis": True},
    "gateway-near": {**USUAL, **METERED},
}


class Failed(Exception):
    """Something the measurement needs did not work; the text says what."""


def free_ports(n):
    """Ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for_port(port, process, name, log):
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failed(f"{name} does not listen on its port; {tail(log)}")


def tail(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return "its last words:\n" + "".join(f.readlines()[-5:])
    except OSError:
        return "it said nothing"


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(c) for c in f.read().split()]
    except OSError:
        return []


def rss_kib(pids):
    """Resident memory of all of them."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            total += int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    return total


def version(*command):
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout + done.stderr).strip().split("\n")[0]


class Bench:
    """Everything that runs, in one temporary folder; ends it all on exit."""

    def __init__(self, quick, files=9000):
        self.quick = quick
        self.least = files  # descriptors: for 2,000 streams, unless it says how many
        self.ports = {}
        self.running = {}
        self.dir = self.fast = None
        self.all_cores = sorted(os.sched_getaffinity(0))
        self.cores = {"peer": self.all_cores[0], "mock": self.all_cores[min(1, len(self.all_cores) - 1)], "load": self.all_cores[-1]}

    def __enter__(self):
        for need in (SLUICE, MOCK, LOAD):
            if not os.access(need, os.X_OK):
                raise Failed(f"{need} is not there (make bench builds it)")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if 0 <= hard < self.least:
            raise Failed(f"{hard} descriptors are too few: {self.least} are needed (ulimit -n)")
        self.files = hard if hard > 0 else 65536
        self.dir = tempfile.mkdtemp(prefix="sluice-bench-")
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.fast = tempfile.mkdtemp(prefix="sluice-bench-", dir=memory)
        os.chmod(self.fast, 0o711)  # started by root, nginx' worker is somebody else
        try:
            self.start_mock()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.running)): # the store last
            self.stop(name)
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.fast:
            shutil.rmtree(self.fast, ignore_errors=True)

    # --- processes

    def spawn(self, name, core, command, **more):
        log = os.path.join(self.dir, name + ".log")
        out = more.pop("stdout", None) or open(os.path.join(self.dir, name + ".out"), "wb")
        with open(log, "wb") as err:
            p = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=self.dir, env={**ENV, "SLUICE_STATE_DIR": self.dir, "HOME": self.dir}, preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)
        self.running[name] = p
        return p, log

    def stop(self, name):
        p = self.running.pop(name, None)
        if p is None:
            return
        for sig in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if p.poll() is None:
                p.send_signal(sig)
            try:
                p.wait(PATIENCE if sig == signal.SIGTERM else 5)
                break
            except subprocess.TimeoutExpired:
                continue
        if p.stdout:
            p.stdout.close()

    def start_mock(self):
        command = [MOCK, "--quiet", "--listen", "127.0.0.1:0", "--plain", "127.0.0.1:0", "--tls-dir", self.dir]
        p, log = self.spawn("mock", self.cores["mock"], command, stdout=subprocess.PIPE)
        line = p.stdout.readline().decode()
        m = re.search(r"ready tls=(\d+) plain=(\d+)", line)
        if not m:
            raise Failed(f"the mock provider does not start; {tail(log)}")
        self.ports["provider"], self.ports["direct"] = int(m.group(1)), int(m.group(2))

    def start_redis(self):
        """As docs/store.md says, but for the disk; beside the provider."""
        path = os.path.join(self.dir, "redis.sock")
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
        p, log = self.spawn("redis", self.cores["mock"], command)
        end = time.monotonic() + 10
        while not os.path.exists(path):
            if p.poll() is not None or time.monotonic() > end:
                raise Failed(f"redis-server does not start; {tail(log)}")
            time.sleep(0.02)

    def start(self, name):
        """A gateway or nginx, afresh."""
        self.stop(name)
        listen, admin = free_ports(2)
        fill = {"listen": listen, "admin": admin, "provider": self.ports["provider"], "ca": f"{self.dir}/ca.pem", "key": KEY}
        if name in GATEWAYS:
            kind = GATEWAYS[name]
            if kind["redis"] and "redis" not in self.running:
                self.start_redis()
            conf = os.path.join(self.dir, name + ".yaml")
            own = os.path.join(self.dir, name)
            store = f"unix://{self.dir}/redis.sock" if kind["redis"] else f"embedded:{own}-data"
            more = {**kind, "providers": kind["providers"].format(**fill)}
            text = GATEWAY_CONF.format(**fill, **more, store=store, state=own + "-state")
            command = [SLUICE, "serve", "-c", conf]
        else:
            conf = os.path.join(self.dir, "nginx.conf")
            known = " ".join(f'"{key} " 1;' for key in METERED_KEYS)
            with open(os.path.join(HERE, "nginx.conf"), encoding="utf-8") as f:
                text = f.read()
            for k, v in {**fill, "known": known, "limited": LIMITED, "dir": self.dir, "fast": self.fast, "files": self.files}.items():
                text = text.replace(f"@{k.upper()}@", str(v))
            command = ["nginx", "-e", os.path.join(self.dir, "nginx-error.log"), "-p", self.dir, "-c", conf]
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        p, log = self.spawn(name, self.cores["peer"], command)
        wait_for_port(listen, p, name, log)
        self.ports[name] = listen

    def need(self, name):
        if name not in self.running and name != "direct":
            self.start(name)
        p = self.running.get(name)
        if p is not None and p.poll() is not None:
            raise Failed(f"{name} has died ({p.returncode}); {tail(os.path.join(self.dir, name + '.log'))}")

    def pids(self, name):
        pid = self.running[name].pid
        return [pid, *children(pid)]

    # --- load

    def request(self, name, path, body, key=KEY, method="POST", host="localhost"):
        """A file with the request's bytes; written once for each key."""
        file = os.path.join(self.dir, f"{name}-{key}.http")
        if not os.path.exists(file):
            head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {key}\r\nAnthropic-Version: 2023-06-01\r\n"
            if method == "POST":
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            with open(file, "wb") as f:
                f.write(head.encode() + b"\r\n" + body)
        return file

    def ask(self, peer, file):
        """One answer, whole."""
        self.need(peer)
        with open(file, "rb") as f:
            request = f.read().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        with socket.create_connection(("127.0.0.1", self.ports[peer]), 5) as s:
            s.sendall(request)
            return b"".join(iter(lambda: s.recv(65536), b""))

    def load(self, peer, request, seconds, *, warm=0.3, connections=32, mode="saturate", watch=True, **more):
        """One run of bench_load; its numbers."""
        self.need(peer)
        command = [LOAD, "--to", str(self.ports[peer]), "--request", request, "--mode", mode, "--connections", str(connections), "--seconds", str(seconds), "--warm", str(warm)]
        if watch and peer != "direct":
            for pid in self.pids(peer):
                command += ["--watch", str(pid)]
            if GATEWAYS.get(peer, {}).get("redis"):
                command += ["--beside", str(self.running["redis"].pid)]
        for k, v in more.items():
            command += ["--" + k, str(v)]
        core = self.cores["load"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warm + 90, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        if done.returncode != 0:
            self.need(peer)
            why = json.loads(done.stdout)["why"] if done.stdout else done.stderr.strip()
            raise Failed(f"load through {peer} ({os.path.basename(request)}): {why}")
        return json.loads(done.stdout)

    # --- words about it

    def machine(self):
        cpu = "?"
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            m = re.search(r"model name\s*:\s*(.*)", f.read())
        if m:
            cpu = m.group(1)
        together = ", provider and load on one more" if len(self.all_cores) == 2 else ""
        return f"{version(SLUICE, 'version')} and {version('nginx', '-v').replace('nginx version: ', '')} on one core each{together}; {cpu}, {len(self.all_cores)} cores."

    def strace(self, peer, request, seconds, **more):
        """Calls of the kernel for each answer, as strace counts them."""
        self.need(peer)
        out = os.path.join(self.dir, "strace.txt")
        pids = [a for pid in self.pids(peer) for a in ("-p", str(pid))]
        with open(out, "wb") as f:
            tracer = subprocess.Popen(["strace", "-c", "-f", *pids], stdout=f, stderr=f)
        time.sleep(0.3)
        result = self.load(peer, request, seconds, warm=0, **more)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        with open(out, encoding="utf-8", errors="replace") as f:
            found = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", f.read(), re.M)
        return result, {name: int(n) for n, name in found if name != "total"}
