"""The admin API as tests use it."""

import json

import _rig as rig
from _check import equal

GOOD = ("authorization", "Bearer " + rig.ADMIN_KEY)


class Api:
    def __init__(self, g):
        self.g = g

    def raw(self, method, path, body=None, headers=()):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return rig.call(self.g.admin_port, method, "/admin/api/" + path, data, [GOOD, *headers])

    def __call__(self, method, path, body=None):
        """What a call that succeeds has in `data`."""
        r = self.raw(method, path, body)
        equal(r.status, 200, "%s %s: %s" % (method, path, r.body[:500]))
        j = r.json()
        equal((j["success"], j["message"]), (True, ""))
        return j["data"]

    def refused(self, method, path, body, status, code=None, param=None):
        """The message of a call that fails, in the one envelope there is."""
        r = self.raw(method, path, body)
        what = "%s %s %s" % (method, path, body)
        equal(r.status, status, what + ": %s" % r.body[:500])
        j = r.json()
        equal(j["success"], False, what)
        equal(sorted(j), ["error", "message", "success"], what)
        equal(sorted(j["error"]), ["code", "message", "param"], what)
        equal(j["message"], j["error"]["message"], what)
        if code:
            equal(j["error"]["code"], code, what + ": " + j["message"])
        if param:
            equal(j["error"]["param"], param, what + ": " + j["message"])
            equal(j["message"].startswith(param + ":"), True, what + ": " + j["message"])
        return j["message"]

    def key(self, name="k", **more):
        """A new key: its text and its id."""
        data = self("POST", "token", {"name": name, **more})
        return data["key"], data["id"]

    def pages(self, path, limit):
        out, after = [], ""
        for _ in range(1000):
            r = self.raw("GET", "%s%slimit=%d%s" % (path, "&" if "?" in path else "?", limit, after)).json()
            out.append(r["data"])
            if r["next"] is None:
                return out
            after = "&after=" + r["next"]
        raise rig.Failed("pages without an end")
