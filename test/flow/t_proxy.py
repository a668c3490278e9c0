#!/usr/bin/env python3
"""Promise: with `proxy` a provider is reached through an HTTP proxy and in no other way,
TLS is with the provider and its own name is checked; whatever the proxy does instead is a
connection that failed: said in words, tried elsewhere; its credentials are seen by nobody
else and stand in no log."""
# timeout: 120

import base64
import json
import signal
import subprocess

import _rig as rig
from _proxy import Proxy
from _rig import check, contains, equal, until

PASSWORD = "canary proxy/pass"
CREDENTIALS = "gate:canary%20proxy%2Fpass"
LINE = base64.b64encode(("gate:" + PASSWORD).encode()).decode()
PLAIN = "plain.invalid"

good = bad = None


def provider(name, mock, proxy, host="provider.invalid", tls=True, **more):
    p = {"name": name, "protocol": "anthropic", "keys": ["k-" + name], "proxy": proxy,
         "base_url": "%s://%s:%d" % ("https" if tls else "http", host, mock.tls if tls else mock.plain)}
    if tls:
        p["tls"] = {"ca_file": mock.ca, "server_name": "localhost"}
    return {**p, **more}


def world(g):
    """Providers whose names are nobody's: only a proxy can lead to them."""
    global good, bad
    if good is not None:
        return
    mock = g.mock
    good = Proxy({"provider.invalid": mock.tls, PLAIN: mock.plain}, "gate:" + PASSWORD)
    bad = Proxy({"provider.invalid": mock.tls})
    g.config["retry"] = {"attempts": 2, "base": "10ms"}
    g.config["providers"] += [
        provider("way", mock, good.url(CREDENTIALS), upstream_pool={"warm": 0}),
        provider("clear", mock, good.url(CREDENTIALS), PLAIN, tls=False),
        provider("stranger", mock, good.url("gate:wrong")),
        provider("nowhere", mock, good.url(CREDENTIALS), "unknown.invalid"),
        provider("other-name", mock, good.url(CREDENTIALS)),
        provider("hard", mock, bad.url(), timeouts={"connect": "60s"}, upstream_pool={"max_keepalive": 0, "warm": 0}),
        provider("late", mock, bad.url(), timeouts={"connect": "300ms"}, upstream_pool={"max_keepalive": 0, "warm": 0}),
        provider("closed", mock, "http://127.0.0.1:%d" % rig.free_ports(1)[0]),
    ]
    for p in g.config["providers"][2:]:
        g.config["models"].append({"name": "m-" + p["name"], "targets": [{"provider": p["name"], "model": "mock-echo"}]})
    g.config["models"].append({"name": "m-both", "targets": [{"provider": "hard", "model": "mock-echo", "priority": 0},
                                                             {"provider": "way", "model": "mock-echo", "priority": 1}]})
    g.config["providers"][6]["tls"]["server_name"] = "another.invalid"
    reload(g)


def reload(g):
    g.write_config()
    before = loads(g)
    g.signal(signal.SIGHUP)
    until(lambda: loads(g) > before, 10, lambda: "the reload: " + g.said()[-1500:])


def loads(g):
    return g.metrics().value("sluice_config_reloads_total", result="ok") or 0


def ask(g, name, text="through", **more):
    world(g)
    return g.post("/v1/messages", rig.messages("m-" + name, text, **more))


def works(g, name):
    r = ask(g, name)
    equal(r.status, 200, name)
    equal(r.json()["content"][0]["text"], "through")


def fails(g, name, status, *words):
    for stream in (False, True):
        r = ask(g, name, stream=stream)
        equal(r.status, status, "%s: %s" % (name, r.body))
        for w in words:
            contains(r.json()["error"]["message"], w)
        check(PASSWORD not in r.body.decode() and LINE not in r.body.decode(), "credentials in an answer")


def test_way(g):
    world(g)
    before = good.seen("provider.invalid")
    works(g, "way")
    check(good.seen("provider.invalid") > before, "the proxy was not asked")
    host = "provider.invalid:%d" % g.mock.tls
    ours = [method for method, headers in list(good.heads)
            if headers["host"] == host and headers["proxy-authorization"] == "Basic " + LINE]
    check(ours, "a CONNECT names it, with the credentials: others ask too, as the gateway warms up", good.heads)
    equal(set(ours), {"CONNECT"})
    seen = g.mock.last()
    equal(seen.get("host"), "provider.invalid:%d" % g.mock.tls)
    equal(seen.get("x-api-key"), "k-way")
    check(not [n for n in seen.names() if n.startswith("proxy-")], "what is the proxy's went to the provider")
    r = ask(g, "way", stream=True)
    equal(r.status, 200)
    contains(r.body.decode(), "message_stop")


def test_plain_way(g):
    """http:// too goes through a way that CONNECT opened."""
    works(g, "clear")
    check(good.seen(PLAIN) > 0, "the proxy was not asked")
    check(not [n for n in g.mock.last().names() if n.startswith("proxy-")], "what is the proxy's went to the provider")


def test_name_of_the_provider_is_checked(g):
    fails(g, "other-name", 502, "certificate")


def test_credentials_are_wrong(g):
    world(g)
    fails(g, "stranger", 502, "proxy 127.0.0.1:%d" % good.port, "it wants user and password", "407")


def test_proxy_does_not_reach_it(g):
    fails(g, "nowhere", 502, "it does not reach the provider", "502")


def test_no_proxy_there(g):
    fails(g, "closed", 502, "proxy 127.0.0.1:", "refused")


def test_what_a_proxy_may_do_instead(g):
    world(g)
    words = {"407": "407", "403": "it does not allow the way", "503": "it does not reach the provider", "garbage": "not HTTP",
             "long": "too long", "lines": "", "glued": "more than its answer", "half": "closed the connection",
             "cut": "closed the connection", "reset": "closed the connection", "cut-later": ""}
    for mode, word in words.items():
        bad.mode = mode
        fails(g, "hard", 502, "Provider hard failed", word)
        works(g, "both")
    bad.mode = "good"
    works(g, "hard")


def test_proxy_hangs(g):
    world(g)
    bad.mode = "hang"
    fails(g, "late", 504, "the proxy does not answer")
    bad.mode = "good"


def test_nobody_waits_for_a_way_any_more(g):
    """The client has left, and a reload has another way: what was begun ends, with the proxy still silent."""
    world(g)
    bad.mode = "hang"
    before = bad.seen("provider.invalid")
    with g.wire() as w:
        w.request("POST", "/v1/messages", rig.messages("m-hard", "x"))
        until(lambda: bad.seen("provider.invalid") > before, 10, "the proxy is asked")
    hard = [p for p in g.config["providers"] if p["name"] == "hard"][0]
    hard["proxy"] = bad.url("new:way")
    reload(g)
    g.settle(10)
    bad.mode = "good"
    works(g, "hard")


def test_another_way_after_a_reload(g):
    """Connections belong to a way: a new one is taken from the next request on."""
    works(g, "way")
    second = Proxy(good.to)
    p = [p for p in g.config["providers"] if p["name"] == "way"][0]
    for proxy, there in ((second.url(), second), (good.url(CREDENTIALS), good)):
        p["proxy"] = proxy
        before = there.seen("provider.invalid")
        reload(g)
        works(g, "way")
        check(there.seen("provider.invalid") > before, "the new way was not taken")
    second.close()


def test_credentials_stand_nowhere(g):
    g.log_ends()
    text = g.said() + open(g.out).read() + g.metrics().text
    done = subprocess.run([rig.SLUICE, "check", g.path], env=g.environment, capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, done.stderr)
    contains(done.stdout, 'proxy: "http://gate:(secret)@127.0.0.1:%d"' % good.port)
    contains(done.stdout, "proxy: none")
    for secret in (PASSWORD, CREDENTIALS, LINE, "gate:wrong"):
        check(secret not in text + done.stdout + done.stderr, "a proxy's credentials are told")


def test_environment(g):
    """HTTPS_PROXY where the provider says nothing, unless NO_PROXY or the provider says otherwise."""
    mock = g.mock
    proxy = Proxy({n: mock.tls for n in ("provider.invalid", "exempt.invalid", "straight.invalid", "localhost")})

    def three(c):
        for name in ("provider", "exempt", "straight"):
            p = provider(name, mock, None, name + ".invalid", timeouts={"connect": "5s"})
            p.pop("proxy")
            if name == "straight":
                p["proxy"] = "none"
            c["providers"].append(p)
            c["models"].append({"name": "m-" + name, "targets": [{"provider": name, "model": "mock-echo"}]})

    env = {"HTTPS_PROXY": proxy.url("gate:secret-word"), "NO_PROXY": "localhost,.exempt.invalid,exempt.invalid:%d" % mock.tls}
    with rig.Gateway({}, three, mock=mock, env=env) as own:
        works(own, "provider")
        check(proxy.seen("provider.invalid") > 0, "the proxy was not asked")
        for name in ("exempt", "straight"):
            check(ask(own, name).status in (502, 504), "nobody has that name")
            equal(proxy.seen(name + ".invalid"), 0, "asked of the proxy")
        own.good()
        equal(proxy.seen("localhost"), 0, "this host itself")
        says_who_is_sent_there(own, "http://gate:(secret)@127.0.0.1:%d" % proxy.port)
    proxy.close()


def says_who_is_sent_there(g, shown):
    """A start, a reload, check and explain name the providers, the proxy and the variable; and no password."""
    line = "by %s, from HTTPS_PROXY: provider (" % shown
    until(lambda: line in g.said(), 10, lambda: "said at start: " + g.said()[-2000:])
    times = g.said().count(line)
    reload(g)
    until(lambda: g.said().count(line) > times, 10, "said at a reload")
    told = g.said() + g.admin("GET", "/metrics").body.decode()
    for argv, body, word in ((("check", g.path), None, "# reached " + line),
                             (("explain", "-c", g.path, "--tenant", "acme", "-"), rig.messages("m-provider"), ", by proxy %s from HTTPS_PROXY" % shown),
                             (("explain", "-c", g.path, "--tenant", "acme", "-"), rig.messages("m-straight"), "straight mock-echo")):
        done = subprocess.run([rig.SLUICE, *argv], input=body, env=g.environment, capture_output=True, timeout=60)
        equal(done.returncode, 0, done.stderr)
        contains(done.stdout.decode(), word)
        equal("by proxy" in done.stdout.decode(), "by proxy" in word, "said of the others")
        told += done.stdout.decode() + done.stderr.decode()
    api = json.loads(g.admin("GET", "/admin/api/providers", [("authorization", "Bearer " + rig.ADMIN_KEY)]).body)
    ways = {p["name"]: (p.get("proxy"), p.get("proxy_from")) for p in api["data"]}
    equal((ways["provider"], ways["straight"]), ((shown, "HTTPS_PROXY"), (None, None)))
    check("secret-word" not in told + json.dumps(api), "the password is told")


def test_tokens_go_the_same_way(g):
    mock = g.mock
    proxy = Proxy({"localhost": mock.tls, "provider.invalid": mock.tls})

    def one(c):
        p = provider("oauth", mock, proxy.url(), auth="oauth2", oauth2={
            "token_url": "https://localhost:%d/oauth/token" % mock.tls, "ca_file": mock.ca, "client_id": "c", "client_secret": "s"})
        p.pop("keys")
        c["providers"].append(p)
        c["models"].append({"name": "m-oauth", "targets": [{"provider": "oauth", "model": "oauth-echo"}]})

    with rig.Gateway({}, one, mock=mock) as own:
        works(own, "oauth")
        check(proxy.seen("localhost") > 0 and proxy.seen("provider.invalid") > 0, "asked of the proxy: %s" % proxy.asked)
    proxy.close()


def test_models_are_listed_through_it(g):
    mock = g.mock
    proxy = Proxy({"provider.invalid": mock.tls})

    def only(c):
        c["list_models"] = True
        c["providers"].append(provider("listed", mock, proxy.url()))
        c["models"] = [{"name": "*", "targets": [{"provider": "listed"}]}]

    with rig.Gateway({}, only, mock=mock) as own:
        until(lambda: [m for m in own.call("GET", "/v1/models").json()["data"] if m["owned_by"] == "listed"], 10, "its list")
        check(proxy.seen("provider.invalid") > 0, "the proxy was not asked")
    proxy.close()


if __name__ == "__main__":
    rig.main(globals())
