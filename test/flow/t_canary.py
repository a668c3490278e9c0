#!/usr/bin/env python3
"""Promise: nothing private leaks, on any path. A canary stands in prompt, answer and each secret there is; requests end in
every way, plain and streamed, as they are and translated; then every place that anybody could read is searched for each
canary, in plain and in disguise: files, logs, Redis and what was said to it, traces, pushes, webhooks, Consul, each GET of
the admin listener, the command line, answers of others."""
# timeout: 200

import base64
import ctypes
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading

import _jwt as jwt
import _rig as rig
from _admin import GOOD, Api
from _check import check, equal, until
from _consul import Consul
from _parrot import ANSWER, STATUSES, Parrot
from _provider import Listener, nobody
from _proxy import Proxy
from _redis import Redis
from _rig import KEY
from t_seal import seal

PROMPT, SYSTEM = "canaryPromptZebra71", "canarySystemZebra72"
TEXTS = {PROMPT, SYSTEM, ANSWER}  # a client's own: it may hear them, nobody else

# What the configuration takes from the environment, by its name there.
SECRETS = {
    "CANARY_KEY_A": "sk-ant-canaryProviderKeyA81/x+y",
    "CANARY_KEY_A2": "sk-ant-canaryProviderKeyA82/x+y",
    "CANARY_KEY_O": "sk-canaryProviderKeyO83/x+y",
    "CANARY_KEY_S": "k/canaryKey51/z+9",  # short enough to be hidden by escapes
    "CANARY_HEADER": "canaryProviderHeader84/x+y",
    "CANARY_QUERY": "canaryProviderQuery85",
    "CANARY_CLIENT_SECRET": "canaryClientSecret86/x y",
    "CANARY_REFRESH": "canaryRefreshToken87",
    "CANARY_PROXY": "canaryProxyPassword88",
    "CANARY_CONSUL": "canaryConsulToken89",
    "CANARY_REDIS": "canaryRedisPassword90",
    "CANARY_HOOK": "canaryHookSecret91",
    "CANARY_HOOK_PATH": "canaryHookAddress92",
    "CANARY_OTLP": "canaryCollectorToken93",
    "CANARY_PUSH": "canaryPushToken94",
    "CANARY_JWT": "canaryJwtSecret95-of-at-least-thirty-two-bytes",
    "CANARY_OWN": "canaryOwnSecret96-of-at-least-thirty-two-bytes",
    "SLUICE_MASTER_KEY": "canaryMasterKey97-of-at-least-thirty-two-bytes",
}
ACCESS, REFRESHED = "canaryAccessToken70", "canaryRefreshedToken69"
KEYS = {"poor": "sk-slc-poor-canarysecretofpoor0000", "slow": "sk-slc-slow-canarysecretofslow0000", "kept": "sk-slc-kept-canarysecretofkept0000"}
STRANGERS = ["sk-slc-canaryStranger61withoutasecret", "canaryStranger62", "sk-slc-nobody-canaryStranger63", "Basic Y2FuYXJ5U3RyYW5nZXI2NA=="]


def core(secret):
    """The longest run of letters and digits: no escape changes it, unless it is made to."""
    return max(re.findall("[A-Za-z0-9]+", secret), key=len)


def disguises(text):
    """The ways in which a text may stand somewhere. In base64 it may begin at each of three places."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield "".join("%%%02X" % c for c in raw).encode()
    yield "".join("\\u%04x" % c for c in raw).encode()
    for n in range(3):
        yield base64.b64encode(b"\0" * n + raw)[(0, 2, 3)[n] :].rstrip(b"=")[:-2]  # without what its neighbours change


class Canaries:
    def __init__(self, texts):
        self.forms = {}
        for t in texts:
            self.add(t)

    def add(self, text):
        self.forms[core(text)] = list(disguises(core(text)))

    def found(self, data, allowed=()):
        fine = {core(a) for a in allowed}
        for name, forms in self.forms.items():
            at = next((data.find(f) for f in forms if f in data), -1)
            if at >= 0 and name not in fine:
                yield "%s: %s" % (name, data[max(0, at - 150) : at + 120])


class Sink(Listener):
    """Whom the gateway tells things. It repeats the first call in an error, and takes the others."""

    def __init__(self, *own):
        self.own, self.got = own, []
        super().__init__()

    def reply(self, head, body):
        with self.lock:
            self.got.append(head + b"\n\n" + body)
            n = len(self.got)
        said = head + body
        return b"HTTP/1.1 500 No\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said) if n == 1 else b"HTTP/1.1 204 Fine\r\n\r\n"


class Monitor(threading.Thread):
    """What is said to Redis, line by line."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.lines, self.s = [], socket.socket(socket.AF_UNIX)
        self.s.connect(redis.socket)
        self.s.sendall(b"AUTH %s\r\nMONITOR\r\n" % SECRETS["CANARY_REDIS"].encode())
        self.start()

    def run(self):
        for line in self.s.makefile("rb"):
            self.lines.append(line)


# ---- the world -------------------------------------------------------------------


def ways_to_end():
    """The words of models: every status with credentials and prompt in it, and what is no answer at all."""
    quoting = ["flagp", "quotak", "htmlk", "htmlp", "badk", "badp", "in200k", "in200p", "firstk", "firstp", "firstj", "laterk", "laterp", "laterj",
               "largek", "largep", "400j", "500j", "400h", "okh", "400tk", "400tp", "firsttk", "firsttp", "latertk", "latertp"]
    return ["%d%s" % (s, q) for s in STATUSES for q in "kp"] + quoting + ["ok", "empty", "drop", "cut", "hang"]


class World:
    """A gateway with everything on, and all that is around it."""

    def __init__(self, mock):
        self.parrot, self.consul, self.gone = Parrot(), Consul(), nobody()
        self.parrot.token, self.parrot.refresh = ACCESS, REFRESHED
        self.hook, self.bank = Sink("CANARY_HOOK_PATH"), Sink("CANARY_HOOK_PATH")
        self.collector, self.push = Sink("CANARY_OTLP"), Sink("CANARY_PUSH")
        self.proxy = Proxy({"parrot.invalid": self.parrot.port}, "gate:" + SECRETS["CANARY_PROXY"])
        self.consul.set(parrots=[self.parrot.port])
        self.redis = Redis("--requirepass", SECRETS["CANARY_REDIS"])
        self.redis("AUTH", SECRETS["CANARY_REDIS"])
        self.monitor = Monitor(self.redis)
        self.master = seal(SECRETS["CANARY_KEY_O"], SECRETS["SLUICE_MASTER_KEY"])
        self.canaries = Canaries([*TEXTS, *SECRETS.values(), ACCESS, REFRESHED, *KEYS.values(), rig.ADMIN_KEY, KEY, rig.KEY_BOB, rig.KEY_PLAIN,
                                  rig.KEY_EXPIRED, rig.KEY_NARROW, rig.PROVIDER_KEY_A, rig.PROVIDER_KEY_O, *STRANGERS, "canaryStranger64", "canaryCookie60"])
        self.outputs, self.replies = [], []
        self.kept = rig.tmp("kept.jsonl")
        self.h = rig.Gateway(self.settings(), self.change, mock=mock, env={**SECRETS, "SLUICE_RENEW_MS": "200"})

    def settings(self):
        at = lambda who, path: "http://127.0.0.1:%d/%s" % (who.port, path)
        return {
            "log": {"level": "debug"}, "audit": {"hash": True, "every": True, "client": "plain"}, "cache": {"enabled": True, "scope": "shared"},
            "store": {"url": self.redis.url, "password": "${CANARY_REDIS}", "timeout": "5s"}, "limits": {"body_max": "64KiB"},
            "timeouts": {"connect": "1s", "first_byte": "500ms", "idle": "500ms", "total": "2s"}, "retry": {"attempts": 2, "base": "1ms"},
            "upstream_pool": {"warm": 0}, "prompts": {"file": self.kept}, "prompt_api": {"model": "a-ok"},
            "hooks": {"url": at(self.hook, "${CANARY_HOOK_PATH}"), "secret": "${CANARY_HOOK}", "auto_top_up": at(self.bank, "${CANARY_HOOK_PATH}"),
                      "error_rate": 0.1, "error_min": 1},
            "otlp": {"endpoint": at(self.collector, "v1/traces"), "headers": {"authorization": "Bearer ${CANARY_OTLP}"}, "every": "100ms"},
            "pushgateway": {"url": at(self.push, ""), "headers": {"authorization": "Bearer ${CANARY_PUSH}"}, "every": "1s"},
            "consul": {"token": "${CANARY_CONSUL}", "register": {"service": "sluice", "agent": self.consul.place}},
            "words": [{"name": "gin", "words": ["forbidden gin"], "action": "block", "in": "both"}],
            "intents": [{"name": "animals", "words": ["long"]}],
            "jwt": [{"name": "corp", "algorithm": "HS256", "issuer": "https://issuer.example", "audience": "sluice", "tenant": "acme", "secrets": ["${CANARY_JWT}"]}],
            "key_tokens": {"secrets": ["${CANARY_OWN}"]},
        }

    def provider(self, name, key, protocol, **more):
        return {"name": name, "protocol": protocol, "base_url": "http://127.0.0.1:%d" % self.parrot.port, "keys": [key], "query": {"tag": "${CANARY_QUERY}"},
                "headers": {"x-team-secret": "${CANARY_HEADER}"}, **more}

    def change(self, c):
        where = {"base_url": "http://127.0.0.1:%d" % self.parrot.port}
        token = {"keys": None, "auth": "oauth2"}
        how = {"token_url": where["base_url"] + "/token", "client_id": "us", "client_secret": "${CANARY_CLIENT_SECRET}"}
        self.odd = {
            "z-400k": {**token, "oauth2": how}, "z-ok": {**token, "oauth2": {**how, "client_secret": None, "refresh_token": "${CANARY_REFRESH}"}},
            "refused-ok": {**token, "oauth2": {**how, "token_url": where["base_url"] + "/token-refused"}},
            "deaf-ok": {"base_url": "http://127.0.0.1:%d" % self.gone.getsockname()[1]}, "dns-ok": {"base_url": "http://no-such-host.invalid"},
            "tls-ok": {"base_url": "https://127.0.0.1:%d" % self.parrot.port},
            "way-400k": {"base_url": "http://parrot.invalid:80", "proxy": self.proxy.url("gate:${CANARY_PROXY}")},
            "barred-ok": {"base_url": "http://parrot.invalid:80", "proxy": self.proxy.url("other:${CANARY_PROXY}")},
            "consul-400k": {"base_url": "consul://%s/parrots" % self.consul.place},
            **{"short-" + w: {"keys": ["${CANARY_KEY_S}"], "headers": None, "query": None} for w in ("400j", "firstj", "laterj")},
            "hold": {"timeouts": {"first_byte": "60s", "total": "60s"}},
        }
        made = [self.provider("a-" + w, "${CANARY_KEY_A}", "anthropic", keys=["${CANARY_KEY_A}", "${CANARY_KEY_A2}"]) for w in ways_to_end()]
        made += [self.provider("o-" + w, self.master, "openai") for w in ways_to_end()]
        made += [self.provider(n, "${CANARY_KEY_A}", ["anthropic", "openai"], **more) for n, more in self.odd.items()]
        price = {"price": {"input": 3.0, "output": 120.0}}
        c["providers"] += [{k: ({a: b for a, b in v.items() if b is not None} if k == "oauth2" else v) for k, v in p.items() if v is not None} for p in made]
        c["models"] = [{**m, "name": m["name"].replace("*", "mock-*"), "targets": [{**t, **price} for t in m["targets"]]} for m in c["models"]]
        c["models"] += [{"name": p["name"], "targets": [{"provider": p["name"], **price}]} for p in made]
        c["models"].append({"name": "over", "targets": [{"provider": "a-500p", "model": "a-500p", "priority": 0, **price}, {"provider": "o-ok", "model": "o-ok", "priority": 1, **price}],
                            "mirror": {"provider": "a-400k", "model": "a-400k", "percent": 100}})
        c["tenants"] += [
            {"name": "poor", "budget": {"initial_credits": 0.05, "credits_low": 0.0499, "alert_at": [0.01], "auto_top_up": {"amount": 0.02}}},
            {"name": "slow", "limits": {"rpm": 1}}, {"name": "kept", "log_prompts": True}]
        for t in c["tenants"][-3:]:
            t["keys"] = [{"name": t["name"], "sha256": rig.sha256(KEYS[t["name"]])}]

    # ---- what is asked ----

    def note(self, what, reply):
        self.replies.append((what, reply))
        return reply

    def ask(self, path, body, what="", headers=(), key=KEY, method="POST"):
        try:
            return self.note("%s %s" % (path, what), self.h.call(method, path, body, [("x-title", "Desk"), ("cookie", "c=canaryCookie60"), *headers], key))
        except rig.Closed:
            return None

    def body(self, path, model, **more):
        make = {p: m for p, m, _ in rig.GENERATE}[path]
        if path.endswith("messages"):
            more["system"] = SYSTEM
        return make(model, PROMPT, **more)

    def every_answer(self):
        """Each model on the two common routes, plain and streamed: half of them are translated. Some on the other two."""
        common = {"ok", "400k", "400p", "429k", "429p", "500k", "500p", "laterk", "laterp"}
        work = [(p, f + w, s) for f in ("a-", "o-") for w in ways_to_end() for p, _, _ in rig.GENERATE[: 4 if w in common else 2] for s in (False, True)]
        work += [(p, m, s) for m in [*self.odd, "over"] if m != "hold" for p, _, _ in rig.GENERATE[:2] for s in (False, True)]
        rig.together(12, lambda i: [self.ask(p, self.body(p, m, stream=s), "%s %s" % (m, s)) for p, m, s in work[i::12]])

    def every_refusal(self):
        for path, _, _ in rig.GENERATE[:2]:
            ok = self.body(path, "a-ok")
            for bad in (b'{"model":"a-ok","x":"%s' % PROMPT.encode(), PROMPT.encode(), ok[:-1] + b',"model":"%s"}' % PROMPT.encode(), ok[:-1] + b',"x":"%s"}' % (PROMPT.encode() * 4000),
                        self.body(path, "nowhere"), ok.replace(PROMPT.encode(), b"forbidden gin and " + PROMPT.encode()), rig.dump({"model": "a-ok", "messages": PROMPT})):
                self.ask(path, bad)
            for key in (rig.KEY_EXPIRED, rig.KEY_NARROW, KEYS["slow"], KEYS["slow"], KEYS["kept"], rig.KEY_PLAIN, rig.KEY_BOB, *STRANGERS, SECRETS["CANARY_KEY_A"], rig.ADMIN_KEY):
                for header in ("authorization", "x-api-key"):
                    self.ask(path, ok, headers=[(header, "Bearer " + key if header[0] == "a" and " " not in key else key)], key=None)
            self.ask(path, ok, headers=[("content-type", "text/" + PROMPT)])
            self.ask(path + "?key=" + KEY, ok)
            self.ask(path + "/" + KEY, ok)
            self.ask("/v1/v1/%s/%s" % (PROMPT, rig.KEY_PLAIN), None, method="GET")
            self.ask(path, None, method="GET")
        for text in [PROMPT] * 12:  # its credits come to an end
            self.ask("/v1/messages", rig.messages("a-ok", text + " long" * 50, max_tokens=300), headers=[("cache-control", "no-store")], key=KEYS["poor"])
        with self.h.wire() as w:
            w.send(b"GET /%s HTTP/1.1\r\nhost: %s\r\nx-api-key: %s\r\nbroken line\r\n\r\n" % (PROMPT.encode(), PROMPT.encode(), KEY.encode()))
            w.everything(5)

    def every_other_route(self):
        made, self.made_id = Api(self.h).key("made", tenant="acme")
        self.canaries.add(made)
        self.ask("/v1/messages", self.body("/v1/messages", "a-400p"), key=made)
        r = self.h.post("/v1/auth/token", b"", key=made)  # told to whom it belongs
        equal(r.status, 200, r.body)
        token = jwt.token("HS256", sign=lambda text: jwt.sign_hs256(text, SECRETS["CANARY_JWT"]))
        for t in (r.json()["access_token"], token, token[:-4] + "AAAA"):
            self.canaries.add(t.rpartition(".")[2])
            self.ask("/v1/messages", self.body("/v1/messages", "a-400p"), key=t)
        for path, body in (("/v1/messages/count_tokens", self.body("/v1/messages", "a-400k")), ("/v1/moderations", rig.dump({"model": "o-400k", "input": [PROMPT, ANSWER]})),
                           ("/v1/embeddings", rig.dump({"model": "o-400p", "input": PROMPT})), ("/v1/claude/complete", rig.dump({"prompt": PROMPT})),
                           ("/v1/claude/complete", rig.dump({"prompt": 7, "x": PROMPT}))):
            self.ask(path, body)
        ids = [r.get("x-sluice-request-id") for _, r in self.replies]
        for path in ("/v1/models", "/v1/key", "/v1/credits", "/v1/generation?id=" + ids[0], "/v1/generation?id=" + "0" * 16, "/v1/models/nowhere"):
            self.ask(path, None, method="GET")

    def one_under_way(self):
        """What operators see of a request while it runs, and how they end it."""
        with self.h.wire() as w:
            w.request("POST", "/v1/messages", self.body("/v1/messages", "hold", stream=True))
            api = Api(self.h)
            one = until(lambda: [l for l in api("GET", "live")["requests"] if l["model"] == "hold"], 10 * rig.SLOW, "it is listed")[0]
            self.every_get("live")
            self.command("live")
            self.command("stop", one["id"])
            self.note("stopped", w.reply())

    # ---- what can be seen ----

    def see(self, place, data, *allowed):
        self.outputs.append((place, data.encode() if isinstance(data, str) else data, allowed))

    def every_get(self, only=""):
        """Each route that takes GET, as its table has them, and the page; by key and by a login."""
        table = open(os.path.join(rig.ROOT, "src/admin/api/route.c")).read()
        routes = re.findall(r'\{SL_GET, "([^"]+)"', table)
        check(len(routes) > 15, routes)
        page = re.findall(r'FILE_OF\("([^"]+)"', open(os.path.join(rig.ROOT, "src/admin/page/page.c")).read())
        login = rig.call(self.h.admin_port, "POST", "/admin/api/session", rig.dump({"key": rig.ADMIN_KEY}))
        equal(login.status, 200, login.body)
        cookie = login.get("set-cookie").partition(";")[0]
        self.canaries.add(cookie.partition("=")[2])
        star = {"token": self.made_id, "tenant": "acme", "request": self.replies[0][1].get("x-sluice-request-id"), "trail": "0" * 8}
        paths = ["/admin/api/" + r.replace("*", star.get(r.partition("/")[0], "")) for r in routes if only in r] + [p for p in page if not only]
        paths += [] if only else ["/metrics", "/healthz", "/readyz", "/admin/api/usage?by=tenant,key,user,model,app", "/admin/api/request?limit=1000",
                                  "/admin/api/audit?limit=200", "/admin/api/balance?limit=200"]
        for path in paths:
            for header in (GOOD, ("cookie", cookie)):
                r = rig.call(self.h.admin_port, "GET", path, None, [header])
                check(r.status in (200, 404), path, r.status, r.body)
                self.see("GET " + path, r.head + r.body)

    def every_admin_mistake(self):
        ask = lambda method, path, body, *h: self.see("%s %s" % (method, path), rig.call(self.h.admin_port, method, path, body, h).body)
        ok = self.body("/v1/messages", "a-ok").decode()
        for header in (("authorization", "Bearer canaryStranger62"), ("authorization", "Bearer " + KEY), ("cookie", "c=canaryCookie60")):
            ask("GET", "/admin/api/config", None, header)
        for path, body in (("explain", {"key": KEY, "body": ok}), ("explain", {"key": rig.KEY_PLAIN, "body": ok[:-1]}), ("explain", {"key": "canaryStranger62", "body": ok}),
                           ("explain", {"key": "acme", "body": self.body("/v1/messages", "over").decode()}), ("cache/get", {"tenant": "acme", "model": "a-ok", "text": PROMPT}),
                           ("token", {"name": "x", "tenant": "nobody", "key": KEY}), ("session", {"key": "canaryStranger62"}), ("switches", {"kind": KEY, "name": PROMPT})):
            ask("POST", "/admin/api/" + path, rig.dump(body), GOOD)
        ask("POST", "/admin/api/explain", ok[:-9].encode(), GOOD)
        ask("POST", "/admin/api/play/v1/messages", self.body("/v1/messages", "a-400k"), GOOD, ("x-api-key", KEY))
        ask("POST", "/admin/api/play/v1/messages", self.body("/v1/messages", "a-400k"), GOOD, ("x-api-key", "canaryStranger62"))

    def command(self, *argv, text=b"", code=None):
        p = subprocess.run([rig.SLUICE, *argv], input=text, env={**self.h.environment, "SLUICE_ADMIN_KEY": rig.ADMIN_KEY,
                           "SLUICE_ADMIN_LISTEN": "127.0.0.1:%d" % self.h.admin_port}, cwd=self.h.dir, capture_output=True, timeout=60)
        check(not rig.SANITIZER.search(p.stderr) and (code is None or p.returncode == code), argv, p.returncode, p.stderr.decode()[-3000:])
        self.see("sluice " + " ".join(argv), p.stdout + p.stderr)

    def every_command(self):
        id, conf, ok = self.replies[0][1].get("x-sluice-request-id"), self.h.path, self.body("/v1/messages", "over")
        lines = [["last", "--limit", "1000"], ["last", "--limit", "1000", "--json"], ["show", id], ["show", id, "--json"], ["live"], ["provider"], ["key", "list"],
                 ["key", "show", self.made_id], ["tenant", "list"], ["tenant", "show", "acme"], ["budget", "show"], ["usage", "--by", "key,model,user"], ["cache", "stats"],
                 ["store"], ["ledger"], ["switches"], ["audit", "list", self.h.dir], ["audit", "list", self.h.dir, "--csv"], ["audit", "verify", self.h.dir],
                 ["ledger", "verify", self.h.dir], ["check", conf], ["check", "--schema"], ["health"], ["reload", "-c", conf],
                 ["env", "-k", "none"], ["ledger", "rebuild", "--dry-run"]]
        rig.together(6, lambda i: [self.command(*l, code=0) for l in lines[i::6]])
        explain = [["explain", "-k", "alice", "-"], ["explain", "-j", "-k", "alice", "-a", "127.0.0.1:%d" % self.h.admin_port, "-"], ["explain", "-k", "alice", "-c", conf, "-"],
                   ["cache", "get", "--tenant", "acme", "--model", "a-ok", "--text", "other"], ["init"], ["env", "-c", conf], ["show", "0123456789abcdef"], ["health", "-a", "127.0.0.1:1"],
                   ["store", "copy", "embedded:./none", "redis://:%s@127.0.0.1:1/" % SECRETS["CANARY_REDIS"]]]
        rig.together(6, lambda i: [self.command(*l, text=ok) for l in explain[i::6]])

    def files(self):
        for base, _, names in os.walk(self.h.dir):
            for path in (os.path.join(base, n) for n in names):
                yield path, open(path, "rb").read(), ()
        yield "what is kept of a tenant that said so", open(self.kept, "rb").read(), TEXTS

    def places(self):
        """Everything that was written, kept and said: what it is, its bytes, which canaries may be there."""
        yield from self.outputs
        yield from self.files()
        for name, sink in (("hooks", self.hook), ("top-up", self.bank), ("otlp", self.collector), ("pushgateway", self.push)):
            for got in sink.got:
                yield name, got, [SECRETS[n] for n in sink.own]
        yield "consul", repr((self.consul.queries, self.consul.registered)).encode(), ()
        for line in open("/proc/%d/cmdline" % self.h.p.pid, "rb"):
            yield "the command line", line, ()
        for key in self.redis("KEYS", "*"):
            answers = key.startswith((b"slc:c:", b"claude:"))  # design: cached answers are answers, and are in nothing else
            kind = self.redis("TYPE", key)
            read = {"string": ("GET",), "hash": ("HGETALL",), "zset": ("ZRANGE", 0, -1), "list": ("LRANGE", 0, -1)}[kind]
            got = self.redis(read[0], key, *read[1:])
            yield "redis " + key.decode("latin-1"), b"\n".join([key, *(got if isinstance(got, list) else [got])]), [ANSWER] * answers
        for line in list(self.monitor.lines):
            yield "said to redis", line, [ANSWER] * (b'"slc:c:' in line or b'"claude:' in line)

    def close(self):
        for one in (self.parrot, self.hook, self.bank, self.collector, self.push, self.proxy, self.consul, self.gone):
            one.close()
        self.redis.kill()


def look(world, places):
    places = list(places)
    found = ["%s: %s" % (place, f) for place, data, allowed in places for f in world.canaries.found(data, allowed)]
    check(not found, "%d:\n%s" % (len(found), "\n".join(f[:600] for f in found[:20])))
    return places


def hear(world):
    """Clients: their own texts, the path they asked for, and nobody's secret. Providers: no client's credentials."""
    own = lambda what, r: (r.head + r.body).replace(what.split()[0].encode(), b"")
    found = ["%s: %d %s" % (what, r.status, f) for what, r in world.replies for f in world.canaries.found(own(what, r), TEXTS)]
    theirs = [SECRETS[n] for n in ("CANARY_KEY_A", "CANARY_KEY_A2", "CANARY_KEY_O", "CANARY_KEY_S", "CANARY_HEADER", "CANARY_QUERY", "CANARY_CLIENT_SECRET", "CANARY_REFRESH")]
    up = [b"\n\n".join(both) for both in zip(world.parrot.heads, world.parrot.bodies)]
    found += ["up: " + f for got in up for f in world.canaries.found(got, [*theirs, *TEXTS, ACCESS, REFRESHED])]
    check(not found, "%d:\n%s" % (len(found), "\n".join(f[:600] for f in found[:20])))


def is_worth_it(world, places):
    """The canaries were on their way, and every place has something in it."""
    came = b"".join(world.parrot.heads + world.parrot.bodies)
    for text in [PROMPT, SYSTEM, ACCESS, REFRESHED] + [SECRETS["CANARY_" + n] for n in ("KEY_A", "KEY_A2", "KEY_O", "HEADER", "QUERY", "REFRESH")]:
        check(core(text).encode() in came, text, "did not go up")
    check(any(ANSWER.encode() in r.body for _, r in world.replies), "nobody was answered")
    for status in (200, 400, 401, 402, 403, 404, 405, 413, 415, 429, 502, 503, 504):
        check(any(r.status == status for _, r in world.replies), "no answer had", status)
    for part in ("redis slc:c:", "redis claude:", "trail", "said to redis", "hooks", "top-up", "otlp", "pushgateway", "consul", "GET /admin/api/live", "sluice last"):
        check(any(part in p and d for p, d, _ in places), "nothing was looked at of", part)
    for part in ("redis slc:c:", "what is kept"):
        check(any(part in p and ANSWER.encode() in d for p, d, _ in places), "no answer in", part)


def test_what_is_searched_for_is_found(g):
    """Whatever stands around it; nothing where there is nothing, and not what is allowed."""
    one, text = Canaries([PROMPT]), b"%s" % PROMPT.encode()
    for before in (b"", b"x", b"xy", b"xyz"):
        whole = before + text + b"and more"
        for said in (whole, whole.hex().encode(), whole.hex().upper().encode(), base64.b64encode(whole), b"".join(b"%%%02X" % c for c in whole),
                     b"".join(b"\\u%04x" % c for c in whole), rig.dump({"a": [whole.decode()]})):
            equal((len(list(one.found(said))), len(list(one.found(said, TEXTS)))), (1, 0), said)
    equal(list(one.found(base64.b64encode(os.urandom(100000)))), [])


def test_nothing_private_is_anywhere(g):
    world = World(g.mock)
    with world.h:
        world.every_answer()
        world.every_refusal()
        world.every_other_route()
        world.one_under_way()
        world.every_admin_mistake()
        world.every_get()
        world.every_command()
        m = lambda name, **l: world.h.metrics().value(name, **l)
        until(lambda: m("sluice_hooks_total", result="sent") and m("sluice_otlp_spans_total", result="sent") and m("sluice_pushes_total", result="sent"), 20, "all are told")
        until(lambda: m("sluice_top_ups_total", result="added"), 20, "credits are added")
        until(lambda: any(REFRESHED.encode() in b for b in world.parrot.bodies), 20, "a token is fetched with the one that came")
        world.h.settle()
        world.h.log_ends()
        is_worth_it(world, look(world, world.places()))
        hear(world)
    look(world, world.files())  # and what it said at its end
    world.close()


# ---- what is wrong with a configuration ----

LITERAL = "canaryLiteral55"


def provider_with(**more):
    return {"providers": [{"name": "p", "protocol": "openai", "base_url": "http://127.0.0.1:1", **more}]}


def faults():
    """Secrets where they should not be, in a form they should not have, and beside something else that is wrong."""
    url = "://user:%s@host.example:1/%s" % (LITERAL, LITERAL)
    keys = (LITERAL, [[LITERAL]], [LITERAL + "\nx"], [LITERAL + " x"], ["seal:v1:" + LITERAL], ["file:/nowhere", LITERAL], [LITERAL, LITERAL], [LITERAL, 5, {}])
    yield from (provider_with(keys=k) for k in keys)
    yield from (provider_with(headers=h) for h in (LITERAL, {"a": [LITERAL]}, {"a b": LITERAL}, {"a": LITERAL + "\nx"}, {"host": LITERAL}))
    yield from (provider_with(query=q) for q in (LITERAL, {"a": [LITERAL]}, {"a b": LITERAL, "": LITERAL}))
    yield from (provider_with(**{w: s + url}) for w in ("base_url", "proxy") for s in ("http", "https", "ftp", "socks5", "consul", "x y"))
    yield provider_with(auth="oauth2", oauth2={"token_url": "http" + url, "client_id": "x", "client_secret": [LITERAL]})
    yield provider_with(auth="oauth2", oauth2={"token_url": "nonsense", "client_secret": LITERAL, "refresh_token": LITERAL, "params": {"a": [LITERAL]}})
    yield from ({"store": {w: s + url}} for w in ("url", "cache_url") for s in ("redis", "rediss", "redis+sentinel", "postgres", "unix", "embedded"))
    stores = ({"url": "redis://:%s@h:x" % LITERAL}, {"url": "redis://:%s %%zz@h" % LITERAL}, {"password": [LITERAL]}, {"url": "unix:///x?db=x", "password": LITERAL})
    yield from ({"store": s} for s in stores)
    yield from ({"hooks": {w: s + url, "secret": [LITERAL]}} for w in ("url", "auto_top_up") for s in ("http", "ftp", "x y"))
    headers = {"content-type": LITERAL, "a": [LITERAL], "b c": LITERAL}
    yield from ({w: {n: s + url, "headers": headers}} for w, n in (("otlp", "endpoint"), ("pushgateway", "url")) for s in ("http", "https", "ftp", "x y"))
    yield from ({"consul": {"token": t}} for t in ([LITERAL], LITERAL + "\nx"))
    yield from ({"jwt": [{"name": "x", "issuer": "x", "audience": "x", "algorithm": "HS256", "secrets": t}]} for t in (LITERAL, [LITERAL], [[LITERAL]]))
    yield from ({"key_tokens": {"secrets": t}} for t in (LITERAL, [LITERAL], [[LITERAL]]))
    yield from ({"admin": {"key": k}} for k in ([LITERAL], LITERAL + "\nx", LITERAL + " x"))
    keys = ({"key": LITERAL + " x"}, {"key": [LITERAL]}, {"key": LITERAL}, {"sha256": LITERAL}, {"key": LITERAL, "sha256": LITERAL}, LITERAL)
    yield from ({"tenants": [{"name": "t", "keys": [k, k]}]} for k in keys)


BROKEN = ("keys: [%s", "keys: %s: x", "keys: '%s", "keys: &%s x", "keys: *%s", "keys: !%s x", "a: %s\n\tb: c", "a: \"%s\\q\"", "%s", "- %s", "a: [%s]]", "keys: |%s\n x", "a: %s\na: %s")


def test_faults_of_a_configuration_quote_no_secret(g):
    world, texts = {"providers": [], "models": [], "tenants": []}, []
    texts += [json.dumps({**world, **f}) for f in faults()] + [b.replace("%s", LITERAL) for b in BROKEN]
    forms = Canaries([LITERAL])

    def one(i):
        path = rig.tmp("fault%d.yaml" % i)
        with open(path, "w") as f:
            f.write(texts[i])
        p = subprocess.run([rig.SLUICE, "check", path], env=rig.environment(SLUICE_MASTER_KEY=SECRETS["SLUICE_MASTER_KEY"]), capture_output=True, timeout=60)
        check(p.returncode in (0, 4) and not rig.SANITIZER.search(p.stderr), texts[i], p.returncode, p.stderr.decode())
        return ["%s: %s" % (texts[i][:300], f) for f in forms.found(p.stdout + p.stderr)]

    found = [[] for _ in range(6)]
    rig.together(6, lambda k: found[k].extend(f for i in range(k, len(texts), 6) for f in one(i)))
    found = sum(found, [])
    check(not found, "%d of %d:\n%s" % (len(found), len(texts), "\n".join(f[:700] for f in found)))


# ---- memory ----

IS_SANITIZED = b"__asan_init" in open(rig.SLUICE, "rb").read()


def can_be_read(pid):
    """What of a process's memory its own user may read, as a debugger would."""
    code = ("import os, sys\nfor name in ('mem', 'environ'):\n    try: os.open('/proc/%s/%s' % (sys.argv[1], name), os.O_RDONLY)\n"
            "    except PermissionError: pass\n    else: print(name)")
    return subprocess.run([sys.executable, "-c", code, str(pid)], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode().split()


def test_memory_stays_where_it_is(g):
    """However a process dies it leaves no core; and no debugger of its own user may look into it, but where it is
    instrumented: the leak checker is such a debugger (`cli/limits.c`; test/unit/cli_limits.c looks at that)."""
    for right in (19, 21, 38):  # CAP_SYS_PTRACE, _SYS_ADMIN, _PERFMON: what root starts from here on has no more rights than others
        ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    env = {**SECRETS, "ASAN_OPTIONS": "disable_coredump=0:handle_segv=0:handle_abort=0"}
    for n in (signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT):
        h = rig.Gateway(mock=g.mock, env=env)
        equal(h.post("/v1/messages", rig.messages("mock-echo", PROMPT)).status, 200)
        equal(can_be_read(h.p.pid), ["mem", "environ"] * IS_SANITIZED)
        h.signal(n)
        _, status = os.waitpid(h.p.pid, 0)
        h.p.returncode = -n
        equal((os.WIFSIGNALED(status) and os.WTERMSIG(status), os.WCOREDUMP(status)), (n, False))
        check(not [f for f in os.listdir(h.dir) if f.startswith("core")], os.listdir(h.dir))


rig.main(globals())
