#!/usr/bin/env python3
"""Promise: whoever runs the gateway can do with the dashboard all that it offers: every page and
every action in a headless Chromium, at a phone's width, in the dark, by keyboard, when the login
has ended and when the gateway goes away and returns. It asks no other host."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "flow"), HERE]

import _chromium
import _rig as rig
from _admin import Api
from _check import check, contains, equal, until

PAGES = [("overview", "Overview"), ("live", "Live"), ("requests", "Requests"), ("keys", "Keys"), ("tenants", "Tenants"), ("budgets", "Budgets"), ("usage", "Usage"),
         ("trail", "Trail"), ("providers", "Providers"), ("play", "Playground"), ("config", "Configuration")]
browser = None


def priced(c):
    for m in c["models"]:
        for t in m["targets"]:
            t["price"] = {"input": 3.0, "output": 15.0}
    c["tenants"][0]["budget"] = {"initial_credits": 100, "daily": 20, "monthly": 200}


def login(b, g, key=rig.ADMIN_KEY):
    b.fill(".login input[name=key]", key)  # Requests has a filter of that name
    b.key("Enter", 13, "\r")


def page(b, g, name):
    """The page, logged in."""
    b.open("http://127.0.0.1:%d/admin/#/%s" % (g.admin_port, name))
    b.until("document.querySelector('.login input[name=key]') || document.querySelector('nav a[aria-current]')")
    if b.js("!!document.querySelector('.login input[name=key]')"):
        login(b, g)
    b.until("location.hash === '#/%s' && document.querySelector('nav a[aria-current]').dataset.name === '%s'" % (name, name))
    b.until("document.querySelector('h1').innerText === %s" % json.dumps(dict(PAGES)[name]))


def row(words):
    """The row of a table that has this cell or button."""
    return "[...document.querySelectorAll('tbody tr')].find((r) => [...r.cells].some((c) => c.innerText.trim() === %s))" % json.dumps(words)


def press(b, words, button):
    """That row's button, found and pressed at once: the table may be drawn anew at any moment."""
    b.until("(() => { const e = [...%s.querySelectorAll('button')].find((e) => e.innerText.trim() === %s); e.click(); return true })()" % (row(words), json.dumps(button)))


def is_well(b, g):
    equal(b.errors, [], "the page's errors")
    equal(b.hosts, {"127.0.0.1:%d" % g.admin_port}, "hosts that were asked")


def test_a_new_user(g):
    """A key is made, a request sent from the playground, its cost looked at, and the key revoked."""
    b = browser
    b.open("http://127.0.0.1:%d/admin/" % g.admin_port)
    login(b, g, "not the key")
    b.says("this is not the admin key")
    login(b, g)
    b.says("requests a second")
    b.says("No request in this time")
    b.click("nav a", "Keys")
    b.click("button", "New key")
    b.fill("dialog input[name=name]", "first")
    b.fill("dialog input[name=rpm]", "100")
    b.fill("dialog input[name=daily]", "5")
    b.click("dialog button", "Make key")
    key = b.until("document.getElementById('new-key').value")
    check(key.startswith("sk-slc-"), key)
    b.until("document.getElementById('new-key').scrollHeight <= document.getElementById('new-key').clientHeight")  # all of it is seen
    b.click("dialog a", "Try it in the playground")
    b.until("document.getElementById('play-key').value === %s" % json.dumps(key))
    b.fill("#play-model", "mock-echo")
    b.fill("#play-text", "a word or two")
    b.click("button", "Send")
    b.until("document.getElementById('play-answer').innerText === 'a word or two'")
    b.until("/\\$0\\.\\d+ ·/.test(document.getElementById('play-facts').innerText)")
    b.click("#play-facts a")
    b.until("document.querySelector('dialog dl')")
    equal(b.js("document.querySelector('dialog').scrollTop"), 0, "it opens at its beginning")
    contains(b.js("document.querySelector('dialog p').innerText"), " · cost $0.")
    contains(b.js("document.querySelector('dialog').innerText"), "admitted")
    cost = b.js("[...document.querySelectorAll('dialog dt')].find((e) => e.innerText === 'cost').nextSibling.innerText")
    check(float(cost) > 0, cost)
    b.click("dialog button", "Close")
    b.until(row("first"))
    b.until("document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth")  # the cost is in sight
    b.click("nav a", "Overview")
    b.until("document.querySelectorAll('.tile').length && document.querySelector('.note').hidden")
    equal(b.js("[...document.querySelectorAll('.tile b')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText)"), [], "tiles that are too narrow")
    b.click("nav a", "Keys")
    b.until("document.querySelector('h1').innerText === 'Keys'")
    press(b, "first", "Revoke")
    b.click("dialog button", "Revoke")
    b.until("!document.querySelector('dialog') && !%s" % row("first"))
    b.click("nav a", "Playground")
    b.until("document.getElementById('play-key').value === %s" % json.dumps(key))
    b.fill("#play-model", "mock-echo")
    b.click("button", "Send")
    b.until("document.getElementById('play-answer').innerText.startsWith('403')")
    is_well(b, g)


def test_every_page(g):
    b = browser
    g.good()
    for dark in (False, True):
        b.size(1280, 800, dark)
        for name, title in PAGES:
            page(b, g, name)
            equal(b.js("document.title"), title + " · Sluice")
    b.size(390, 780)
    for name, _ in PAGES:
        page(b, g, name)
        b.until("document.documentElement.scrollWidth <= innerWidth")
        b.until("(() => { const r = document.querySelector('nav a[aria-current]').getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth })()")
    b.size(1280, 800)
    for word in ("echo-with-a-date-20260930", "529"):  # as long as real ones
        g.post("/v1/messages", rig.messages("mock-" + word, "some words", stream=True))
    page(b, g, "requests")
    b.until("document.querySelector('tbody').innerText.includes('(')")  # and the cost is in sight beside an error's name
    b.until("document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth")
    page(b, g, "overview")
    b.until("document.querySelectorAll('svg.chart path.line').length > 10")
    b.until("[...document.querySelectorAll('svg.chart path.line')].some((p) => p.getAttribute('d').length > 5)")
    b.says("saved $0.00")
    b.click("button", "24 hours")
    b.until("document.querySelector('button[aria-pressed=true]').innerText === '24 hours'")
    is_well(b, g)


def test_by_keyboard(g):
    b = browser
    b.open("about:blank")
    page(b, g, "overview")
    b.js("document.activeElement.blur()")
    b.key("Tab", 9)
    equal(b.js("document.activeElement.className"), "skip")
    for _ in range(4):
        b.key("Tab", 9)
    equal(b.js("document.activeElement.innerText"), "Keys")
    b.key("Enter", 13, "\r")
    b.until("document.querySelector('h1').innerText === 'Keys'")
    b.js("document.querySelector('button.main').focus()")
    b.key("Enter", 13, "\r")
    b.until("document.querySelector('dialog').contains(document.activeElement)")
    b.key("Escape", 27)
    b.until("!document.querySelector('dialog')")
    is_well(b, g)


def test_keys(g):
    b, api = browser, Api(g)
    _, id = api.key("worker", tenant="acme", budget={"initial_credits": 1})
    hostile = "<img src=x onerror=alert(1)>"
    api.key(hostile)
    page(b, g, "keys")
    b.until(row(hostile))
    equal(b.js("document.querySelectorAll('img').length"), 0)
    press(b, "worker", "worker")
    b.fill("dialog input[name=tpm]", "1234")
    b.click("dialog button", "Save")
    until(lambda: api("GET", "token/" + id)["limits"].get("tpm") == 1234, 5, "its limit")
    b.until("!document.querySelector('dialog')")
    press(b, "worker", "Credits")
    b.fill("dialog input[name=credits]", "4")
    b.click("dialog button", "Add")
    until(lambda: api("GET", "token/" + id)["balance"]["credits"] == 5, 5, "its credits")
    b.until("!document.querySelector('dialog')")
    press(b, "worker", "Pause")
    b.until("%s.innerText.includes('paused')" % row("worker"))
    press(b, "worker", "Resume")
    b.until("%s.innerText.includes('active')" % row("worker"))
    press(b, "worker", "Rotate")
    b.click("dialog button", "Rotate")
    new = b.until("document.getElementById('new-key').value")
    equal(g.post("/v1/messages", rig.messages("mock-echo", "x"), key=new).status, 200)
    b.click("dialog button", "Close")
    is_well(b, g)


def test_tenants(g):
    b, api = browser, Api(g)
    page(b, g, "tenants")
    b.until(row("acme"))
    b.click("button", "New tenant")
    for name, text in (("name", "guild"), ("models", "mock-*"), ("rpm", "60"), ("monthly", "50"), ("credits", "9"), ("zone", "Europe/Berlin")):
        b.fill("dialog input[name=%s]" % name, text)
    b.click("dialog button", "Make tenant")
    b.until("!document.querySelector('dialog') && %s" % row("guild"))
    t = api("GET", "tenant/guild")
    equal((t["scopes"], t["limits"], t["budget"]), (["models:mock-*"], {"rpm": 60}, {"initial_credits": 9, "monthly": 50, "zone": "Europe/Berlin"}))
    press(b, "guild", "guild")
    b.fill("dialog input[name=rpm]", "")
    b.fill("dialog input[name=plan]", "no-such-plan")
    b.click("dialog button", "Save")
    b.says("has no plan no-such-plan")
    b.fill("dialog input[name=plan]", "")
    b.js("document.querySelector('dialog select[name=log_prompts]').value = 'true'")
    b.click("dialog button", "Save")
    b.says("log_prompts: needs `prompts.file`")
    b.js("document.querySelector('dialog select[name=log_prompts]').value = 'false'")
    b.fill("dialog input[name=models]", "")
    b.fill("dialog input[name=qps]", "7")
    b.click("dialog button", "Save")
    b.until("!document.querySelector('dialog')")
    t = api("GET", "tenant/guild")
    equal((t["scopes"], t["limits"], t["budget"]["monthly"]), ([], {"qps": 7}, 50))
    key, _ = api.key("member", tenant="guild")
    ask = lambda: g.post("/v1/messages", rig.messages("mock-echo", "x"), key=key).status
    equal(ask(), 200)
    press(b, "guild", "Pause")
    b.until("%s.innerText.includes('paused')" % row("guild"))
    equal(ask(), 403)
    press(b, "guild", "Resume")
    b.until("%s.innerText.includes('active')" % row("guild"))
    press(b, "guild", "Delete")
    b.click("dialog button", "Delete")
    b.until("!document.querySelector('dialog') && !%s" % row("guild"))
    equal(ask(), 401)
    b.click("label", "deleted, too")
    press(b, "guild", "Bring back")
    b.until("%s.innerText.includes('active')" % row("guild"))
    equal(ask(), 200)
    is_well(b, g)


def test_money(g):
    b, api = browser, Api(g)
    page(b, g, "budgets")
    press(b, "acme", "Change")
    b.fill("dialog input[name=daily]", "33")
    b.fill("dialog input[name=credits]", "7")
    b.click("dialog button", "Save")
    until(lambda: (lambda t: (t["budget"]["daily"], t["balance"]["credits"]))(api("GET", "tenant/acme")) == (33, 107), 5, "its budget")
    b.until("!document.querySelector('dialog')")
    press(b, "acme", "Raise")
    b.fill("dialog input[name=daily]", "99")
    b.click("dialog button", "Raise")
    until(lambda: api("GET", "tenant/acme").get("raise", {}).get("daily") == 99, 5, "raised")
    g.good()
    until(lambda: api("GET", "usage?by=tenant"), 5, "it was used")
    b.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=g.dir)
    page(b, g, "usage")
    b.until(row("acme"))
    b.click("button", "CSV")
    files = until(lambda: [f for f in os.listdir(g.dir) if f.endswith(".csv")], 5, "the file")
    with open(os.path.join(g.dir, files[0])) as f:
        lines = f.read().splitlines()
    equal(lines[0], "tenant,model,requests,cached,input,cache_read,cache_write,output,cost")
    check(any(l.startswith("acme,") for l in lines[1:]), lines)
    is_well(b, g)


def test_providers(g):
    b, api = browser, Api(g)
    page(b, g, "providers")
    press(b, "mock-o", "Pause")
    b.fill("dialog input[name=why]", "a test")
    b.click("dialog button", "Pause")
    until(lambda: [s["why"] for s in api("GET", "switches")] == ["a test"], 5, "paused")
    b.until("%s.innerText.includes('paused')" % row("mock-o"))
    g.post("/v1/messages", rig.messages("mock-500", "x"))
    b.until("%s.innerText.includes(' %%')" % row("mock-a"))  # of its tries that failed
    b.until("/\\b824 d\\b/.test(%s.innerText)" % row("mock-a"))  # its certificate lasts
    press(b, "mock-o", "Resume")
    until(lambda: api("GET", "switches") == [], 5, "resumed")
    is_well(b, g)


def test_trail(g):
    b, api = browser, Api(g)
    key, id = api.key("traced", tenant="acme")
    r = g.post("/v1/messages", rig.messages("mock-echo", "x", metadata={"user_id": "end-7"}), key=key)
    until(lambda: api("GET", "audit?end_user=end-7"), 15, "its line is written")
    page(b, g, "trail")
    b.until(row("traced"))
    b.fill("input[name=of-end_user]", "nobody-at-all")
    b.click("button", "Find")
    b.says("No line says that")
    b.fill("input[name=of-end_user]", "end-7")
    b.click("button", "Find")
    b.until(row("end-7"))
    b.until("(() => { const e = %s.querySelector('button'); e.click(); return true })()" % row("end-7"))
    b.says(r.get("x-sluice-request-id"))
    b.click("dialog button", "Close")
    b.fill("input[name=of-end_user]", "")
    b.fill("input[name=of-id]", id)
    b.click("button", "Find")
    b.says("admin key ")  # who made it
    is_well(b, g)


def test_live(g):
    b = browser
    page(b, g, "live")
    with g.wire(60) as w:
        w.request("POST", "/v1/messages", rig.messages("mock-stall-3", "x", stream=True))
        r = w.reply_head()
        press(b, r.get("x-sluice-request-id"), "End")
        b.click("dialog button", "End it")
        check([rig.Event(e) for e in w.events(r)][-1].is_error())
    b.says("Nothing is under way")
    b.click("nav a", "Requests")
    b.until("%s.innerText.includes('stopped')" % row(r.get("x-sluice-request-id")))
    is_well(b, g)


def test_configuration(g):
    b = browser
    page(b, g, "config")
    contains(b.text(), "(secret)")
    b.click("button", "Reload")
    b.says("nothing has changed")
    is_well(b, g)


def test_the_login_ends(g):
    b = browser
    page(b, g, "budgets")
    cookie = [c for c in b.ask("Network.getCookies")["cookies"] if c["name"].startswith("sluice_admin_")][0]
    equal((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Strict", "/admin/"))
    r = rig.call(g.admin_port, "DELETE", "/admin/api/session", None,
                 [("cookie", cookie["name"] + "=" + cookie["value"]), ("x-sluice-page", "1")])
    equal(r.status, 200)
    b.says("The login has ended")
    login(b, g)
    b.until("document.querySelector('h1').innerText === 'Budgets'")
    b.click("button", "Log out")
    b.until("document.querySelector('.login input[name=key]')")
    is_well(b, g)


def test_the_gateway_goes_and_returns(g):
    b = browser
    with rig.Gateway(mock=g.mock) as h:
        page(b, h, "overview")
        h.stop()
        b.says("The gateway can't be reached")
        h.start()
        b.until("document.getElementById('away').hidden && document.querySelector('.login input[name=key]')")
        login(b, h)
        b.says("requests a second")
        equal(b.errors, [], "the page's errors")


if __name__ == "__main__":
    if _chromium.program() is None:
        print("no chromium here: sh deps/setup.sh clients")
        sys.exit(1)
    with _chromium.Chromium(rig.tmp("browser")) as browser:
        browser.size(1280, 800)
        rig.main(globals(), change=priced)
