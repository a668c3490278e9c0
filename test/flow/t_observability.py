#!/usr/bin/env python3
"""Promise: what happens can be seen: metrics of the named families, one access
line per request with outcome and reason, and ids that tie them to an answer."""
# timeout: 120

import json
import os
import re
import shutil
import subprocess
import time

import _rig as rig
from _rig import check, contains, equal

FAMILIES = {
    "sluice_requests_total": "counter",
    "sluice_endings_total": "counter",
    "sluice_request_duration_seconds": "histogram",
    "sluice_ttft_seconds": "histogram",
    "sluice_overhead_seconds": "histogram",
    "sluice_tokens_total": "counter",
    "sluice_streams_open": "gauge",
    "sluice_queue_depth": "gauge",
    "sluice_live_objects": "gauge",
    "sluice_config_info": "gauge",
    "sluice_loop_lag_seconds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_resident_memory_bytes": "gauge",
    "process_open_fds": "gauge",
    "process_start_time_seconds": "gauge",
}


def test_families(g):
    for path, make, _ in rig.GENERATE:
        for stream in (False, True):
            equal(g.post(path, make("mock-events-3", stream=stream)).status, 200)
    got = g.metrics().families()
    for name, kind in FAMILIES.items():
        equal(got.get(name), kind, name)
    r = g.admin("GET", "/metrics")
    contains(r.get("content-type"), "version=0.0.4")
    help_of = {l.split()[2] for l in r.body.decode().splitlines() if l.startswith("# HELP ")}
    check(set(got) <= help_of, "without help:", set(got) - help_of)


def test_promtool(g):
    if shutil.which("promtool") is None:
        print("     no promtool here")
        return
    for w in ("echo", "500", "cut-2"):
        g.post("/v1/messages", rig.messages("mock-" + w, stream=True))
    p = subprocess.run(["promtool", "check", "metrics"], input=g.admin("GET", "/metrics").body, capture_output=True)
    equal((p.returncode, p.stderr), (0, b""), p.stdout)


LATER = {"sluice_cache_items_total", "sluice_cache_saved_usd_total", "sluice_budget_used_ratio", "sluice_retries_total",
         "sluice_failovers_total", "sluice_limited_total"}  # families without a series yet are not shown


def look_at_what_is_there(g, text):
    g.good()
    got = g.metrics().families()
    folder = os.path.join(rig.ROOT, "src")
    source = "".join(open(os.path.join(d, f)).read() for d, _, files in os.walk(folder) for f in files if f.endswith(".c"))
    for name in LATER:
        contains(source, '"%s"' % name)
    for name in set(re.findall(r"\b(?:sluice|process)_\w+", text)) - LATER:
        name = re.sub("_bucket$", "", name)
        check(name in got, "it looks at %s, which there is not" % name)


def test_dashboard(g):
    """Every panel asks in valid PromQL for families there are."""
    board = json.load(open(os.path.join(rig.ROOT, "conf", "grafana", "sluice.json")))
    asked = [t["expr"].replace("$instance", ".*") for p in board["panels"] for t in p.get("targets", ())]
    check(len(asked) > 20, "panels: %d" % len(asked))
    look_at_what_is_there(g, "\n".join(asked))
    if shutil.which("promtool") is None:
        print("     no promtool here")
        return
    path = rig.tmp("dashboard.json")
    rules = [{"record": "panel:%d" % i, "expr": e} for i, e in enumerate(asked)]
    json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, open(path, "w"))
    p = subprocess.run(["promtool", "check", "rules", path], capture_output=True)
    equal(p.returncode, 0, p.stdout + p.stderr)


def test_alert_rules(g):
    """The rules fire on what they are for, speak of families there are, and lead to an entry of the runbook."""
    text = open(os.path.join(rig.ROOT, "conf", "alerts.yml")).read()
    book = open(os.path.join(rig.ROOT, "docs", "runbook.md")).read()
    for alert in re.findall(r"alert: (\w+)", text):
        contains(text, "runbook: docs/runbook.md#" + alert.lower())
        contains(book, "\n## %s\n" % alert)
    look_at_what_is_there(g, text)
    if shutil.which("promtool") is None:
        print("     no promtool here")
        return
    for what, path in (("check config", "conf/prometheus.yml"), ("test rules", "test/alerts/rules.yaml")):  # the first checks the rules, too
        p = subprocess.run(["promtool", *what.split(), os.path.join(rig.ROOT, path)], capture_output=True)
        equal(p.returncode, 0, p.stdout + p.stderr)


def test_counts(g):
    def count(**labels):
        return g.metrics().value("sluice_requests_total", **labels) or 0

    def one(status, ending, path, body, key=rig.KEY, **labels):
        before, ends = count(status=str(status), **labels), g.metrics().value("sluice_endings_total", ending=ending) or 0
        r = g.post(path, body, key=key)
        equal(r.status, status)
        rig.until(lambda: count(status=str(status), **labels) == before + 1, 2, "counted: %s" % labels)
        equal(g.metrics().value("sluice_endings_total", ending=ending), ends + 1, ending)

    one(200, "done", "/v1/messages", rig.messages("mock-echo"), tenant="acme", provider="mock-a", endpoint="messages")
    one(200, "done", "/v1/messages", rig.messages("mock-echo"), key=rig.KEY_BOB, tenant="bobs")
    one(500, "upstream_error", "/v1/chat/completions", rig.chat("mock-500"), provider="mock-o")
    one(502, "upstream_error", "/v1/messages", rig.messages("mock-drop"), provider="mock-a")
    one(401, "refused", "/v1/messages", rig.messages("mock-echo"), key="wrong")


def test_tokens(g):
    def tokens(direction):
        return g.metrics().value("sluice_tokens_total", tenant="acme", direction=direction) or 0

    directions = {l.get("direction") for n, l, _ in g.metrics().rows if n == "sluice_tokens_total"} or {"in", "out"}
    before = {d: tokens(d) for d in directions}
    r = g.post("/v1/messages", rig.messages("mock-bytes-4000"))
    usage = r.json()["usage"]
    rig.until(lambda: sum(tokens(d) for d in directions) >= sum(before.values()) + usage["input_tokens"] + usage["output_tokens"], 2, "tokens counted")
    line = g.access_of(r)
    equal((line["tokens_in"], line["tokens_out"], line["tokens_source"]), (usage["input_tokens"], usage["output_tokens"], "reported"))


def test_tokens_of_streams(g):
    for path, make, _ in rig.GENERATE:
        r = g.post(path, make("mock-events-50", stream=True))
        line = g.access_of(r)
        equal(line["tokens_source"], "reported", path)
        check(line["tokens_in"] > 0 and line["tokens_out"] > 0, line)
        r = g.post(path, make("mock-events-50-nofinal", stream=True))
        equal(g.access_of(r)["tokens_source"], "counted" if path != "/v1/x" else "", path)


FIELDS = ("time", "id", "client", "tenant", "key", "method", "endpoint", "model", "provider", "stream", "status", "ending", "bytes_in",
          "bytes_out", "tokens_in", "tokens_out", "tokens_source", "ms_total", "ms_ttft", "ms_auth")


def test_access_line(g):
    started = time.time()
    body = rig.messages("short", stream=True)
    r = g.post("/v1/messages", body)
    line = g.access_of(r)
    for f in FIELDS:
        check(f in line, "no field", f, line)
    equal((line["tenant"], line["key"], line["method"], line["endpoint"]), ("acme", "alice", "POST", "messages"))
    equal((line["model"], line["provider"], line["status"], line["ending"], line["stream"]), ("short", "mock-a", 200, "done", True))
    equal((line["bytes_in"], line["client"]), (len(body), "127.0.0.1"))
    equal(line["provider_request_id"], r.get("request-id"))
    contains(line["model_sent"], "mock-a-much-longer")
    equal(line.get("model_served", line["model_sent"]), line["model_sent"], "as the provider wrote it")
    check(line["ms_total"] < 5000 * rig.SLOW and line["ms_ttft"] <= line["ms_total"])
    check(line["time"].startswith(time.strftime("%Y-%m-%dT", time.gmtime(started))))
    check(len(r.body) <= line["bytes_out"] <= len(r.body) + 6000)


def test_one_line_each_and_their_reasons(g):
    for path, body, key, status, ending, error in (
        ("/v1/messages", rig.messages("mock-echo"), rig.KEY, 200, "done", None),
        ("/v1/messages", rig.messages("mock-echo"), "wrong", 401, "refused", "invalid_api_key"),
        ("/v1/messages", b"{", rig.KEY, 400, "refused", "invalid_json"),
        ("/v1/nothing", b"{}", rig.KEY, 404, "refused", "not_found"),
        ("/v1/messages", rig.messages("mock-529"), rig.KEY, 529, "upstream_error", None),
        ("/v1/messages", rig.messages("mock-rst"), rig.KEY, 502, "upstream_error", None),
        ("/v1/messages", rig.messages("mock-cut-2", stream=True), rig.KEY, 200, "upstream_cut", None),
        ("/v1/messages", rig.messages("mock-error-2", stream=True), rig.KEY, 200, "upstream_error", None),
    ):
        r = g.post(path, body, key=key)
        line = g.access_of(r)
        equal((line["status"], line["ending"]), (status, ending), path)
        if error:
            equal(line["error"], error)
        equal(len([l for l in g.access_lines() if l.get("id") == line["id"]]), 1, "one line")


def test_ids(g):
    seen = set()
    for _ in range(50):
        r = g.post("/v1/messages", rig.messages("mock-echo"))
        seen.add(r.get("x-sluice-request-id"))
        check(r.get("request-id") == r.get("x-request-id"))
    equal(len(seen), 50, "ids are unique")
    r = g.post("/v1/messages", b"{")
    equal(r.get("request-id"), r.get("x-sluice-request-id"), "ours, where no provider was asked")
    equal(r.json().get("request_id"), r.get("x-sluice-request-id"), "in the envelope too")


def test_logfmt(g):
    with rig.Gateway({"log": {"format": "logfmt"}}, mock=g.mock) as h:
        h.good()
        line = rig.until(lambda: open(h.out).read(), 3, "a line")
        contains(line, "tenant=")
        contains(line, "status=200")
        check(not line.startswith("{"))


def test_access_log_off(g):
    with rig.Gateway({"log": {"access": "off"}}, mock=g.mock) as h:
        h.good()
        time.sleep(0.4)
        equal(open(h.out).read(), "")


def test_trusted_proxies(g):
    def client(h, value):
        return h.access_of(h.post("/v1/messages", rig.messages("mock-echo"), [("x-forwarded-for", value)]))["client"]

    equal(client(g, "10.1.2.3"), "127.0.0.1", "a stranger's word")
    with rig.Gateway({"trusted_proxies": ["127.0.0.1", "::1"]}, mock=g.mock) as h:
        equal(client(h, "10.1.2.3"), "10.1.2.3")
        equal(client(h, "1.1.1.1, 10.1.2.3"), "10.1.2.3", "the nearest hop")


def test_live_objects_tell_the_truth(g):
    g.settle()
    wires = []
    for _ in range(5):
        w = g.wire()
        w.request("POST", "/v1/messages", rig.messages("mock-stall-2", stream=True))
        w.reply_head()
        wires.append(w)
    m = g.metrics()
    equal(m.value("sluice_live_objects", kind="requests"), 5)
    equal(m.value("sluice_streams_open", provider="mock-a"), 5)
    for w in wires:
        w.reset()
    g.settle()
    equal(g.metrics().value("sluice_live_objects", kind="requests"), 0)


def test_admin_routes(g):
    for path in ("/nothing", "/v1/messages", "/"):
        check(g.admin("GET", path).status in (401, 404), path)
    equal(g.admin("POST", "/metrics", [("content-length", "0")]).status, 405)
    with rig.Wire(g.admin_port, 5) as w:
        w.send(rig.request_bytes("HEAD", "/metrics"))
        equal(w.reply("HEAD").status, 200)
        w.send(b"garbage\r\n\r\n")
        equal(w.reply().status, 400)


if __name__ == "__main__":
    rig.main(globals())
