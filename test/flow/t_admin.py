#!/usr/bin/env python3
"""Promise: the admin listener gives nothing to who has no key, answers a slow or a
leaving scraper like a quick one, and shows no secret."""
# timeout: 120

import json
import os
import re
import socket
import shutil
import subprocess
import threading
import time

import _rig as rig
from _admin import Api
from _rig import check, contains, equal

RELOAD = "/admin/api/reload"
GOOD = ("authorization", "Bearer " + rig.ADMIN_KEY)


def reload_with(g, *headers, method="POST"):
    return g.admin(method, RELOAD, [("content-length", "0"), *headers])


def test_key(g):
    key = rig.ADMIN_KEY
    for headers in ([], [("authorization", "Bearer")], [("authorization", "Bearer ")], [("authorization", key)], [("authorization", "Basic " + key)],
                    [("authorization", "Bearer " + key[:-1])], [("authorization", "Bearer " + key + "x")], [("authorization", "Bearer " + key.upper())],
                    [("x-api-key", key)], [("authorization", "Bearer " + rig.KEY)]):
        r = reload_with(g, *headers)
        equal((r.status, r.get("www-authenticate")), (401, "Bearer"), headers)
        check(key not in r.body.decode(), "the key is in the answer")
    for twice in ([GOOD, GOOD], [GOOD, ("authorization", "Bearer wrong")]):
        check(reload_with(g, *twice).status in (400, 401), "two of them")
    for header in (GOOD, ("Authorization", "bearer " + key), ("AUTHORIZATION", "Bearer   " + key + " ")):
        equal(reload_with(g, header).status, 200, header)


def test_what_is_where(g):
    equal(reload_with(g, method="GET").status, 401, "without a key not even the method is told")
    r = reload_with(g, GOOD, method="GET")
    equal((r.status, r.get("allow")), (405, "POST"))
    equal(g.admin("GET", "/admin/nothing").status, 401)
    equal(g.admin("GET", "/admin/nothing", [GOOD]).status, 404)
    for path in ("/healthz", "/readyz", "/metrics"):
        equal(g.admin("GET", path).status, 200)
        equal(g.admin("GET", path + "?x=1").status, 200, "a query is no matter")
        r = g.admin("DELETE", path)
        equal((r.status, r.get("allow")), (405, "GET, HEAD"))
    for path in ("/readyz/", "//metrics", "/metrics/x", "/Metrics", "/v1/models"):
        equal(g.admin("GET", path).status, 404, path)
    equal(g.call("POST", RELOAD, b"{}", [GOOD]).status, 404, "not on the clients' port")
    equal(g.call("GET", "/metrics").status, 404, "not on the clients' port")


SESSION = "/admin/api/session"
PAGE = ("x-sluice-page", "1")


def test_page(g):
    """The dashboard's files are anybody's, ask no other host, and stand in no frame."""
    equal(g.admin("GET", "/admin").get("location"), "/admin/")
    r = g.admin("GET", "/admin/")
    equal((r.status, r.get("content-type"), r.get("x-frame-options")), (200, "text/html; charset=utf-8", "DENY"))
    files = re.findall(r'(?:src|href)="(/[^"]+)"', r.body.decode())
    files += ["/admin/" + name for name in os.listdir(os.path.join(rig.ROOT, "src/admin/page/web")) if name.endswith(".js")]
    check(len(files) > 5, files)
    for path in files:
        r = g.admin("GET", path)
        equal(r.status, 200, path)
        policy = r.get("content-security-policy")
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
            contains(policy, part)
        equal((r.get("x-content-type-options"), r.get("referrer-policy")), ("nosniff", "no-referrer"))
        check(b"://" not in r.body.replace(b"http://www.w3.org/2000/svg", b""), path, "names a host")
        check(b"innerHTML" not in r.body, path)
        with open(os.path.join(rig.ROOT, "src/admin/page/web", path.rpartition("/")[2]), "rb") as f:
            equal(r.body, f.read(), path)
    equal(g.admin("DELETE", "/admin/").status, 405)
    equal(g.admin("HEAD", "/admin/").status, 200)
    equal(g.admin("GET", "/admin/no.js").status, 401, "all else is the API's")


def session(g, method, body=None, headers=()):
    return rig.call(g.admin_port, method, SESSION, body and json.dumps(body).encode(), headers)


def test_login(g):
    equal(session(g, "GET").json()["data"]["open"], False)
    r = session(g, "POST", {"key": rig.ADMIN_KEY})
    equal((r.status, r.json()["data"]["open"]), (200, True))
    cookie, _, how = r.get("set-cookie").partition("; ")
    equal(how, "Path=/admin/; HttpOnly; SameSite=Strict; Max-Age=43200")
    contains(session(g, "POST", {"key": rig.ADMIN_KEY}, [("x-forwarded-proto", "https")]).get("set-cookie"), "; Secure")
    mine = ("cookie", "other=1; " + cookie)
    equal(session(g, "GET", headers=[mine]).json()["data"]["open"], True)
    equal(g.admin("GET", "/admin/api/token", [mine]).status, 200)
    for wrong in (cookie[:-1], cookie + "0", cookie.swapcase(), cookie.replace("_", "-")):
        equal(g.admin("GET", "/admin/api/token", [("cookie", wrong)]).status, 401, wrong)

    # a cookie alone changes nothing, and no other page's call is taken, whoever's it is
    equal(reload_with(g, mine).status, 403)
    equal(reload_with(g, mine, PAGE).status, 200)
    here = "127.0.0.1:%d" % g.admin_port
    for good in ([("origin", "http://" + here), ("host", here)], [("origin", "https://GW"), ("host", "gw")], [("sec-fetch-site", "same-origin")],
                 [("sec-fetch-site", "none")]):
        equal(reload_with(g, mine, PAGE, *good).status, 200, good)
    for bad in ([("origin", "http://evil"), ("host", here)], [("origin", "null"), ("host", here)], [("sec-fetch-site", "cross-site")],
                [("sec-fetch-site", "same-site")]):
        for who in ([mine, PAGE], [GOOD]):
            r = reload_with(g, *who, *bad)
            equal(r.status, 403, bad)
            equal(r.get("access-control-allow-origin"), None)
        equal(session(g, "POST", {"key": rig.ADMIN_KEY}, bad).status, 403, bad)

    # out: the cookie is taken away, and is good for nothing
    equal(session(g, "DELETE", headers=[mine]).status, 403)
    contains(session(g, "DELETE", headers=[mine, PAGE]).get("set-cookie"), "Max-Age=0")
    equal(g.admin("GET", "/admin/api/token", [mine]).status, 401)


def test_wrong_keys_are_limited(g):
    with rig.Gateway(mock=g.mock) as h:
        mine = ("cookie", session(h, "POST", {"key": rig.ADMIN_KEY}).get("set-cookie").partition(";")[0])
        for key in ("", "x", rig.ADMIN_KEY + "x", None, 7, rig.KEY, "y", "z", "a", "b"):
            r = session(h, "POST", {"key": key})
            equal((r.status, r.get("set-cookie")), (401, None), key)
        r = session(h, "POST", {"key": rig.ADMIN_KEY})
        equal((r.status, r.json()["error"]["code"]), (429, "rate_limit_exceeded"))
        equal(h.admin("GET", "/admin/api/token", [mine]).status, 200, "who is in stays in")
        equal(h.admin("GET", "/admin/api/token", [GOOD]).status, 200, "programs with the key go on")
        # as many as a program with an old key sends in a minute; then not even the right one is looked at
        with rig.Wire(h.admin_port, 30) as w:
            for i in range(100):
                w.send(rig.request_bytes("GET", "/admin/api/token", headers=[("authorization", "Bearer wrong-%d" % i)]))
                equal(w.reply("GET").status, 401)
        r = h.admin("GET", "/admin/api/token", [GOOD])
        equal((r.status, r.json()["error"]["code"]), (429, "rate_limit_exceeded"))
        equal(h.admin("GET", SESSION, [GOOD]).json()["data"]["open"], False)
        equal(h.admin("GET", "/admin/api/play/v1/models", [GOOD, ("x-api-key", rig.KEY)]).status, 429)
        equal(h.admin("GET", "/admin/api/token", [mine]).status, 200, "who is in stays in")
        rig.until(lambda: h.said().count("no further one is looked at") == 1, 5, "it is told")
        check(rig.ADMIN_KEY not in h.said() and mine[1].partition("=")[2] not in h.said(), "a secret is in the log")


def test_without_a_key_it_is_closed(g):
    with rig.Gateway({"admin": {"key": None}}, mock=g.mock) as h:
        for headers in ([], [("authorization", "Bearer ")], [GOOD]):
            r = reload_with(h, *headers)
            equal(r.status, 401, headers)
            contains(r.body.decode(), "SLUICE_ADMIN_KEY")
        for key in ("", "x"):
            equal(session(h, "POST", {"key": key}).status, 401)
        equal(session(h, "GET").json()["data"]["has_key"], False)
        equal(h.admin("GET", "/readyz").status, 200)


def test_a_body_is_not_read(g):
    """A reload with a body is answered, and the connection closes behind it."""
    with rig.Wire(g.admin_port) as w:
        w.send(rig.request_bytes("POST", RELOAD, b"x" * 100000, [GOOD]))
        r = w.reply()
        equal((r.status, r.get("connection")), (200, "close"))
    with rig.Wire(g.admin_port) as w:
        for _ in range(3):
            w.send(rig.request_bytes("GET", "/healthz") * 3)
            for _ in range(3):
                equal(w.reply().body, b"ok\n")


def test_faults_are_told(g):
    with rig.Gateway(mock=g.mock) as h:
        with open(h.path, "w") as f:
            f.write("listen: [1]\nno_such_key: x\nlimits: {body_max: y}\n")
        r = reload_with(h, GOOD)
        equal(r.status, 422)
        message = r.json()["error"]["message"]
        for part in ("listen", "no_such_key", "limits.body_max", "sluice.yaml:2:"):
            contains(message, part)
        equal(h.metrics().value("sluice_config_reloads_total", result="refused"), 1)
        h.good()
        h.write_config()
        equal(reload_with(h, GOOD).status, 200)


def test_secrets_are_nowhere(g):
    g.good()
    check = subprocess.run([rig.SLUICE, "check", g.path], env=g.environment, capture_output=True)
    equal(check.returncode, 0, check.stderr)
    seen = check.stdout + g.admin("GET", "/metrics").body + g.admin("GET", "/readyz").body + g.said().encode()
    for secret in (rig.PROVIDER_KEY_A, rig.PROVIDER_KEY_O, rig.ADMIN_KEY, rig.KEY_PLAIN):
        if secret.encode() in seen:
            raise rig.Failed("a secret is shown: " + secret)


def big(g):
    """A gateway whose exposition is large."""

    def change(c):
        c["models"] = [{"name": "model-with-a-long-name-%03d" % i, "targets": [{"provider": "mock-a", "model": "mock-echo"}]} for i in range(250)]

    h = rig.Gateway(change=change, mock=g.mock)
    with h.wire() as w:
        for m in h.config["models"]:
            w.request("POST", "/v1/messages", rig.messages(m["name"]))
            equal(w.reply().status, 200)
    return h


def test_slow_and_leaving_scrapers(g):
    with big(g) as h:
        whole = h.admin("GET", "/metrics").body
        check(len(whole) > 500000, "not large enough to be a test:", len(whole))
        slow = rig.Wire(h.admin_port, rcvbuf=4096)
        slow.send(rig.request_bytes("GET", "/metrics"))
        time.sleep(1)
        equal(h.admin("GET", "/healthz").status, 200, "others do not wait for it")
        r = slow.reply()
        equal(len(r.body), int(r.get("content-length")))
        check(r.body.endswith(b"\n"))
        slow.send(rig.request_bytes("GET", "/healthz"))
        equal(slow.reply().status, 200, "and the connection lives on")
        slow.close()
        for _ in range(20):
            w = rig.Wire(h.admin_port, rcvbuf=4096)
            w.send(rig.request_bytes("GET", "/metrics"))
            w.s.recv(10)
            w.close()
        w = rig.Wire(h.admin_port)
        w.send(rig.request_bytes("HEAD", "/metrics") + rig.request_bytes("GET", "/healthz"))
        r = w.reply("HEAD")
        check(int(r.get("content-length")) > 500000)
        equal(w.reply().body, b"ok\n")
        w.close()
        if shutil.which("promtool") is None:
            print("     no promtool here")
            return
        p = subprocess.run(["promtool", "check", "metrics"], input=h.admin("GET", "/metrics").body, capture_output=True)
        equal((p.returncode, p.stdout + p.stderr), (0, b""), "promtool")


def open_fds(g):
    """As the kernel tells it, where the process may be looked at."""
    try:
        return len(os.listdir("/proc/%d/fd" % g.p.pid))
    except PermissionError:
        raise SystemExit(77)


def test_process_metrics_are_true(g):
    m = g.metrics()
    stat = open("/proc/%d/stat" % g.p.pid).read().rpartition(")")[2].split()
    hz = os.sysconf("SC_CLK_TCK")
    cpu = (int(stat[11]) + int(stat[12])) / hz
    check(abs(m.value("process_cpu_seconds_total") - cpu) < 0.2, m.value("process_cpu_seconds_total"), cpu)
    rss = m.value("process_resident_memory_bytes")
    check(abs(rss - g.rss()) < 8 << 20, rss, g.rss())
    fds = m.value("process_open_fds")
    check(abs(fds - open_fds(g)) <= 2, fds, open_fds(g))
    started = time.time() - (float(open("/proc/uptime").read().split()[0]) - int(stat[19]) / hz)
    check(abs(m.value("process_start_time_seconds") - started) < 3, m.value("process_start_time_seconds"), started)
    check(0 <= m.value("sluice_loop_lag_seconds") < 5)
    equal(m.value("sluice_config_info"), 1)


def test_overview(g):
    """What was done lately, second by second, and only what a page has not seen yet."""
    api = Api(g)

    def rows(query=""):
        d = api("GET", "overview" + query)
        check(all(len(r) == len(d["columns"]) for r in d["rows"]), d["columns"])
        return [dict(zip(d["columns"], r)) for r in d["rows"]]

    def total(name):
        return sum(r[name] for r in rows())

    rig.until(rows, 5, "a second is over")
    names = ("requests", "events", "tokens_out", "done", "refused")
    before = {n: total(n) for n in names}
    g.good()
    equal(g.post("/v1/messages", rig.messages("mock-echo", "hi", stream=True)).status, 200)
    equal(g.post("/v1/messages", rig.messages("mock-echo", "hi"), key="sk-no-such-key").status, 401)
    for name, n in zip(names, (3, 3, 2, 2, 1)):
        rig.until(lambda: total(name) - before[name] >= n, 5, lambda: "%s: %s" % (name, rows()))
    busy = [r for r in rows() if r["done"]][-1]
    check(0 < busy["own_p50_us"] <= busy["own_p99_us"] and 0 < busy["ttft_p50_us"] <= busy["ttft_p99_us"] and 0 < busy["total_p50_us"], busy)
    check(all(r["at"] > busy["at"] for r in rows("?after=%d" % busy["at"])), "only what came later")
    check([r["at"] for r in rows()] == sorted({r["at"] for r in rows()}), "in order")
    check(len(rows("?step=minute")) <= 1440)
    api.refused("GET", "overview?step=day", None, 400, param="step")
    api.refused("GET", "overview?after=-1", None, 400, param="after")


def test_playground(g):
    """A tenant's request through the admin listener is one as any other, for who may use the admin API."""
    mine = ("cookie", session(g, "POST", {"key": rig.ADMIN_KEY}).get("set-cookie").partition(";")[0])
    key, body = ("x-api-key", rig.KEY), rig.messages("mock-echo", "played", stream=True)

    def play(path, body, *headers, method="POST"):
        return rig.call(g.admin_port, method, "/admin/api/play" + path, body, headers)

    for who in ([mine, PAGE], [GOOD]):
        r = play("/v1/messages", body, key, *who)
        equal(r.status, 200, r.body[:300])
        equal(rig.text_of_stream(rig.parse_events(r.body)), "played")
        seen = g.mock.last()
        equal((seen.target, seen.get("x-api-key"), seen.get("cookie"), seen.get("authorization")), ("/v1/messages", rig.PROVIDER_KEY_A, None, None))
        equal(g.access_of(r)["tenant"], "acme")
    check("data" in play("/v1/models", None, key, mine, method="GET").json())
    equal(play("/v1/messages", body, ("x-api-key", "sk-no"), GOOD).status, 401, "the key decides, not the login")
    equal(play("/no/such/path", body, key, GOOD).status, 404)
    # nobody gets through who may not use the admin API, nor a page from elsewhere
    for headers in ([key], [key, mine], [key, mine, PAGE, ("origin", "http://evil")], [key, ("authorization", "Bearer x")]):
        check(play("/v1/messages", body, *headers).status in (401, 403), headers)
    r = play("/v1/messages", body, GOOD)
    equal((r.status, r.json()["error"]["param"]), (400, "x-api-key"))


def live(g, model):
    return [r for r in Api(g)("GET", "live?limit=1000")["requests"] if r["model"] == model]


def line_of(g, request):
    return rig.until(lambda: [l for l in g.access_lines() if l.get("id") == request], 5, "its line")[0]


def test_live_and_stop(g):
    """What is under way is listed; ended by an operator, it says so to its client, in the log, and is charged."""
    api = Api(g)
    for path, form, _ in rig.GENERATE:
        with g.wire() as w:
            w.request("POST", path, form("mock-stall-3", "secret prompt", stream=True))
            r = w.reply_head()
            events = w.events(r)
            seen = [next(events)]
            one = rig.until(lambda: [l for l in live(g, "mock-stall-3") if l["first_ms"]], 5, "it is listed")[0]
            equal((one["phase"], one["tenant"], one["stream"], one["provider"] in ("mock-a", "mock-o")), ("relay", "acme", True, True), one)
            check(one["bytes_out"] > 0 and one["age_ms"] >= 0 and "secret" not in str(one), one)
            equal(r.get("x-sluice-request-id"), one["id"])
            api("DELETE", "live/" + one["id"])
            seen = [rig.Event(e) for e in seen + list(events)]
            check(seen[-1].is_error(), path, seen[-1].raw)
            contains(seen[-1].raw.decode(), "operator")
        line = line_of(g, one["id"])
        equal((line["ending"], line["error"], line["tokens_out"] > 0), ("stopped", "stopped", True), path)
    with g.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("mock-hang"))
        one = rig.until(lambda: [l for l in live(g, "mock-hang") if l["phase"] == "try"], 5, "it is asked for")[0]
        api("DELETE", "live/" + one["id"])
        r = w.reply()
        equal((r.status, r.get("x-should-retry"), r.get("retry-after")), (503, "false", None))
        contains(r.body.decode(), "operator")
        equal(line_of(g, one["id"])["ending"], "stopped")
    g.mock.quiet()
    contains(api.refused("DELETE", "live/" + one["id"], None, 404, "not_found"), one["id"])
    api.refused("GET", "live?limit=0", None, 400, param="limit")


def test_stops_at_any_moment(g):
    """Whatever a request is about, its end leaves nothing behind."""
    models = ["mock-events-400-slow-5ms", "mock-big-20m", "mock-first-100ms", "mock-hang", "mock-stall-3", "mock-stall-pre", "mock-bytes-8000000"]

    def ask(i):
        path, form, _ = rig.GENERATE[i % 4]
        try:
            g.post(path, form(models[i % len(models)], "x" * 1000, stream=i % 3 > 0), timeout=60)
        except (rig.Closed, OSError):
            pass  # what had begun and was no stream

    clients = [threading.Thread(target=ask, args=(i,)) for i in range(56)]
    for t in clients:
        t.start()
    api = Api(g)

    def over():
        for r in api("GET", "live")["requests"]:
            check(api.raw("DELETE", "live/" + r["id"]).status in (200, 404))
        return not any(t.is_alive() for t in clients)

    rig.until(over, 30, "all have ended")
    g.settle()


def test_config_without_secrets(g):
    d = Api(g)("GET", "config")
    equal(d["hash"], g.admin("GET", "/readyz").json()["config"])
    check("mock-a-much-longer-name-at-the-provider" in d["yaml"] and "(secret)" in d["yaml"])
    for secret in (rig.PROVIDER_KEY_A, rig.ADMIN_KEY, rig.KEY_PLAIN):
        check(secret not in d["yaml"], "a secret is shown")


def test_admin_connections_have_a_ceiling(g):
    """Idle connections to it keep no descriptor from the clients."""
    held, before = [], open_fds(g)
    try:
        for _ in range(100):
            s = socket.socket()
            s.settimeout(5)
            s.connect(("127.0.0.1", g.admin_port))
            held.append(s)
        time.sleep(0.3)
        check(open_fds(g) < before + 64 + 10, "they are all accepted:", open_fds(g))
        g.good()
    finally:
        for s in held:
            s.close()
    rig.until(lambda: g.admin("GET", "/healthz").status == 200, 5, "back again")


if __name__ == "__main__":
    rig.main(globals())
