"""A headless Chromium, driven by the DevTools protocol over its pipe.

Standard library only. Messages are JSON, each ended by a NUL, written to descriptor 3 of
the browser and read from its 4. Source: Chrome DevTools Protocol, --remote-debugging-pipe.

    with Chromium(folder) as b:
        b.open("http://127.0.0.1:9091/admin/")
        b.until("document.querySelector('input')")      # a true value, or it is an error
        b.click("button.main")                          # by mouse, where it stands
        b.type("text")                                  # into what has the focus

What the page logs as an error, or throws, is in `errors`; hosts that it asked are in `hosts`.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import _rig as rig


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    def __init__(self, folder):
        to, self.write = os.pipe()
        self.read, back = os.pipe()
        keep = sorted([to, back])

        def place():
            # the two ends at 3 and 4, whatever numbers they have
            a, b = os.dup(to), os.dup(back)
            a, b = (os.dup2(a, 103), os.dup2(b, 104))
            os.dup2(a, 3)
            os.dup2(b, 4)
            os.closerange(5, 200)

        self.p = subprocess.Popen(
            [program(), "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-extensions", "--hide-scrollbars",
             "--user-data-dir=" + os.path.join(folder, "profile"), "about:blank"],
            preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in keep:
            os.close(fd)
        self.serial, self.rest, self.errors, self.hosts, self.downloads = 0, b"", [], set(), []
        self.session = None
        target = rig.until(lambda: [t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page"], 20, "a page")[0]["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(domain + ".enable")

    # ---- the protocol ----

    def message(self, end):
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                raise rig.Failed("the browser does not answer")
            more = os.read(self.read, 1 << 20)
            if not more:
                raise rig.Failed("the browser has ended")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def note(self, m):
        name, p = m.get("method"), m.get("params", {})
        if name == "Runtime.exceptionThrown":
            d = p["exceptionDetails"]
            self.errors.append(d.get("exception", {}).get("description") or d["text"])
        elif name == "Log.entryAdded" and p["entry"]["level"] == "error" and p["entry"]["source"] != "network":
            self.errors.append(p["entry"]["text"])
        elif name == "Network.requestWillBeSent":
            url = urlsplit(p["request"]["url"])
            if url.scheme in ("http", "https", "ws", "wss"):
                self.hosts.add(url.netloc)

    def ask(self, name, **params):
        self.serial += 1
        m = {"id": self.serial, "method": name, "params": params}
        if self.session:
            m["sessionId"] = self.session
        data = json.dumps(m).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        end = time.monotonic() + 60 * rig.SLOW
        while True:
            got = self.message(end)
            if got.get("id") == self.serial:
                if "error" in got:
                    raise rig.Failed("%s: %s" % (name, got["error"]["message"]))
                return got["result"]
            self.note(got)

    # ---- what a person does ----

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def js(self, expression):
        r = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise rig.Failed("%s: %s" % (expression, r["exceptionDetails"].get("exception", {}).get("description")))
        return r["result"].get("value")

    def until(self, expression, seconds=10):
        return rig.until(lambda: self.js("(() => { try { const v = (%s); return v instanceof Node || v } catch (e) { return null } })()" % expression), seconds,
                         lambda: "%s; the page says: %s" % (expression, self.text()))

    def text(self):
        return self.js("document.body.innerText")[:3000]

    def says(self, words, seconds=10):
        self.until("document.body.innerText.includes(%s)" % json.dumps(words), seconds)

    def click(self, selector, words=None):
        """The first element that fits and, if `words` are given, says them; it has to be in sight."""
        find = "[...document.querySelectorAll(%s)].filter((e) => e.checkVisibility() && (%s === null || e.innerText.trim() === %s))[0]" % (
            json.dumps(selector), json.dumps(words), json.dumps(words))
        self.until("!!" + find)
        x, y = self.js("(() => { const e = %s; e.scrollIntoView({block: 'center', inline: 'center'}); const r = e.getBoundingClientRect(); "
                       "return [r.x + r.width / 2, r.y + r.height / 2] })()" % find)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def fill(self, selector, text):
        self.until("!!document.querySelector(%s)" % json.dumps(selector))
        self.js("(() => { const e = document.querySelector(%s); e.focus(); e.select && e.select() })()" % json.dumps(selector))
        self.type(text)

    def key(self, name, code=0, text=""):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")

    def size(self, width, height, dark=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    # ---- the end ----

    def close(self):
        if self.p.poll() is None:
            self.p.terminate()
            try:
                self.p.wait(10)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        os.close(self.write)
        os.close(self.read)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
