"""A fake of the three Consul calls that the gateway makes, on a port of its own:

    GET /v1/health/service/NAME    with `index` and `wait`: a blocking query
    PUT /v1/agent/service/register
    PUT /v1/agent/service/deregister/ID

It is written after Consul's documentation; no Consul has been asked. `mode` is "good", or what is
done instead with each query: a status, or bytes as a body.
"""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

WAIT = 20  # seconds that a query waits at most


class Consul:
    def __init__(self):
        self.changed = threading.Condition()
        self.index, self.mode, self.services = 10, "good", {}
        self.queries, self.tokens, self.registered, self.gone = [], [], [], []
        self.known = {}  # what is registered now, by id
        consul = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                consul.query(self)

            def do_PUT(self):
                consul.put(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.place = "127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.set(mode=500)
        self.server.shutdown()
        self.server.server_close()

    def set(self, mode=None, index=None, **services):
        """What is there from now on: service=[port, …] of loopback."""
        with self.changed:
            self.mode = mode or self.mode
            self.services.update(services)
            self.index = index or self.index + 1
            self.changed.notify_all()

    def query(self, h):
        url = urlsplit(h.path)
        name, asked = url.path.rpartition("/")[2], dict(parse_qsl(url.query))
        with self.changed:
            self.queries.append((name, asked))
            self.tokens.append(h.headers.get("x-consul-token"))
            at = int(asked.get("index", 0))
            if at:
                self.changed.wait_for(lambda: self.index != at or self.mode != "good", WAIT)
            mode, index, ports = self.mode, self.index, self.services.get(name, [])
        if isinstance(mode, int):
            self.answer(h, mode, b"scripted")
        elif isinstance(mode, bytes):
            self.answer(h, 200, mode, index)
        else:
            entries = [{"Node": {"Node": "n", "Address": "127.0.0.1"}, "Checks": [{"Status": "passing"}],
                        "Service": {"ID": "%s-%d" % (name, p), "Service": name, "Port": p,
                                    "Address": "" if i % 2 else "127.0.0.1"}} for i, p in enumerate(ports)]
            self.answer(h, 200, json.dumps(entries).encode(), index)

    def put(self, h):
        body = h.rfile.read(int(h.headers["content-length"]))
        if h.path == "/v1/agent/service/register":
            entry = json.loads(body)
            with urlopen(entry["Check"]["HTTP"], timeout=20) as r:  # as an agent would
                entry["checked"] = r.status
            self.known[entry["ID"]] = entry
            self.registered.append(entry)
        elif h.path.startswith("/v1/agent/service/deregister/"):
            self.gone.append(h.path.rpartition("/")[2])
            self.known.pop(self.gone[-1], None)
        self.answer(h, 200, b"")

    @staticmethod
    def answer(h, status, body, index=None):
        with contextlib.suppress(OSError):  # nobody may be there any more
            h.send_response(status)
            if index is not None:
                h.send_header("X-Consul-Index", str(index))
            h.send_header("content-length", str(len(body)))
            h.end_headers()
            h.wfile.write(body)
