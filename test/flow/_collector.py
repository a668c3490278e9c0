"""A collector of traces: takes OTLP over HTTP as JSON, and is strict about its form."""

import json
import re

from _check import check, equal, until
from _provider import Listener

TAKEN = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'


def answer(status, body=b"", headers=b""):
    return b"HTTP/1.1 %d X\r\n%scontent-length: %d\r\n\r\n%s" % (status, headers, len(body), body)


def no_repeats(pairs):
    equal(len({k for k, _ in pairs}), len(pairs), "a key twice")
    return dict(pairs)


def value_of(v):
    equal(len(v), 1, "one kind of value")
    kind, value = next(iter(v.items()))
    if kind == "stringValue":
        equal(type(value), str)
    elif kind == "intValue":  # 64 bits: a text, as protobuf's JSON has it
        check(isinstance(value, str) and re.fullmatch(r"-?\d+", value), "intValue", value)
        return int(value)
    elif kind == "doubleValue":
        check(type(value) in (int, float), "doubleValue", value)
    else:
        equal(kind, "arrayValue")
        return [value_of(one) for one in value["values"]]
    return value


def attributes(owner):
    return no_repeats([(a["key"], value_of(a["value"])) for a in owner["attributes"] if equal(set(a), {"key", "value"}) is None])


class Span:
    FIELDS = {"traceId", "spanId", "parentSpanId", "flags", "kind", "name", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"}

    def __init__(self, s, resource):
        check(set(s) <= self.FIELDS, "unknown fields", set(s) - self.FIELDS)
        for field, n in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
            if field in s or field != "parentSpanId":
                check(re.fullmatch("[0-9a-f]{%d}" % n, s[field]) and set(s[field]) != {"0"}, field, s[field])
        for field in ("startTimeUnixNano", "endTimeUnixNano"):
            check(isinstance(s[field], str) and s[field].isdigit() and len(s[field]) == 19, field, s[field])
        check(type(s["kind"]) is int and s["kind"] in (2, 3) and type(s["flags"]) is int, "enums are numbers", s)
        self.status = s["status"].get("code", 0)
        check(type(self.status) is int and self.status in (0, 2), "status", s["status"])
        self.trace, self.id, self.parent = s["traceId"], s["spanId"], s.get("parentSpanId")
        self.kind, self.name, self.flags = s["kind"], s["name"], s["flags"]
        self.begin, self.end = int(s["startTimeUnixNano"]), int(s["endTimeUnixNano"])
        check(self.begin <= self.end, "ends before it begins", s)
        self.of, self.resource = attributes(s), resource


class Collector(Listener):
    """`script`: the next answers, bytes; then TAKEN. What was answered otherwise is not kept."""

    def __init__(self, *script):
        self.script, self.heads, self.spans, self.bodies, self.wrong = list(script), [], [], [], []
        super().__init__()

    def reply(self, head, body):
        try:
            what = self.read(head.decode(), body)
        except Exception as e:  # seen by whoever waits
            self.wrong.append(repr(e))
            return answer(400)
        return what

    def read(self, head, body):
        check(head.startswith("POST /v1/traces HTTP/1.1\r\n") and "\r\ncontent-type: application/json\r\n" in head, head)
        got = []
        for r in json.loads(body, object_pairs_hook=no_repeats)["resourceSpans"]:
            resource = attributes(r["resource"])
            for scope in r["scopeSpans"]:
                equal(scope["scope"]["name"], "sluice")
                got += [Span(s, resource) for s in scope["spans"]]
        with self.lock:
            self.heads.append(head)
            self.bodies.append(body)
            what = self.script.pop(0) if self.script else TAKEN
            if what.startswith(b"HTTP/1.1 2"):
                self.spans += got
        return what

    def wait(self, n, **of):
        """Once there are `n` spans of that trace (or kind), in the order of their beginning."""

        def got():
            check(not self.wrong, self.wrong)
            with self.lock:
                return sorted((s for s in self.spans if all(getattr(s, k) == v for k, v in of.items())), key=lambda s: (s.begin, s.kind))

        until(lambda: len(got()) >= n, 20, lambda: "%d spans of %s: %s" % (n, of, [(s.name, s.trace) for s in got()]))
        return got()

    def url(self):
        return "http://127.0.0.1:%d" % self.port
