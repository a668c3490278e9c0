#!/usr/bin/env python3
"""Promise: however a provider fails, the client sees a clean answer of another target, or its
protocol's proper error, or an answer that says that it broke off; never a hang, a duplicate or
a silent end. The table below is the one in docs/resilience.md."""
# timeout: 180

import contextlib
import json
import os
import re
import socket

import _rig as rig
from _provider import Listener, gateway, nobody, provider, read_request, well
from _rig import check, contains, equal

FAMILIES = ("/v1/messages", "/v1/chat/completions")
PROTOCOLS = ("anthropic", "openai")
TEXT = "one two three four five six seven eight"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM = PLAIN.replace(b"application/json", b"text/event-stream")
DOCUMENT = os.path.join(rig.ROOT, "docs", "resilience.md")


# ---- what is seen ----------------------------------------------------------------


class Refused:
    """An error in the protocol's envelope. `statuses`, `types`: Anthropic's and OpenAI's; `wait`:
    what the provider says of it, and nothing else may be told then."""

    def __init__(self, statuses, types, tries=2, ending="upstream_error", wait=None, word="its own"):
        self.statuses = statuses if isinstance(statuses, tuple) else (statuses, statuses)
        self.types, self.tries, self.ending, self.wait, self.word = types, tries, ending, wait, word

    def __str__(self):
        return self.word + (" at once" if self.tries == 1 else "")

    def look(self, path, stream, r):
        family = FAMILIES.index(path)
        equal(r.status, self.statuses[family], r.body[:300])
        equal("type" in r.json(), family == 0, "in its envelope")
        kind, message = r.error()
        equal(kind, self.types[family])
        contains(message, " mock" if "its" in self.word else "rovider ", "whose words these are")
        told = r.get("retry-after")
        if self.wait is None and r.status in (502, 503, 504, 529):
            check(1 <= int(told) <= 60, told)
        else:
            equal(told, self.wait, "retry-after")


class Answers:
    """The other target, as if it were the only one."""

    tries, ending = 2, "done"

    def __str__(self):
        return "answers"

    def look(self, path, stream, r):
        well(r, path, stream, TEXT)
        equal(r.get("x-sluice-provider"), "good")


class Broken:
    """What came, and then an error event: one, the last."""

    tries = 1

    def __init__(self, ending):
        self.ending = ending

    def __str__(self):
        return "an error event ends it"

    def look(self, path, stream, r):
        events = rig.parse_events(r.body)
        equal((r.status, [e.is_error() for e in events]), (200, [False] * (len(events) - 1) + [True]), r.body[-300:])
        said = rig.text_of_stream(events)
        check(said and "".join("%07d " % i for i in range(9)).startswith(said), "its beginning, once", said)
        check((events[-1].json.get("error") or {}).get("message"), events[-1].raw)


class Cut:
    """What came, and then the connection's end, where a whole answer would have another."""

    tries = 1

    def __init__(self, ending):
        self.ending = ending

    def __str__(self):
        return "a cut connection"

    def look(self, path, stream, r):
        equal((r.status, r.whole, r.get("transfer-encoding")), (200, False, "chunked"))


ANSWERS = Answers()


def ours(status, tries=2):
    types = ("timeout_error" if status == 504 else "api_error", "server_error")
    return Refused(status, types, tries, "timeout" if status == 504 else "upstream_error", None, str(status))


def own(status, types, tries=2, wait=None):
    """The provider's answer; 529 is 503 outside Anthropic's protocol."""
    return Refused((status, 503 if status == 529 else status), types, tries, wait=wait)


def inner(status, word):
    """An error of the provider's inside its 200."""
    return Refused((status, 502), OVERLOADED, word=word)


API, BAD_REQUEST, LIMIT = ("api_error", "server_error"), ("invalid_request_error",) * 2, ("rate_limit_error", "requests")
UNAVAILABLE, OVERLOADED = ("api_error", "service_unavailable_error"), ("overloaded_error", "server_error")


# ---- the table -------------------------------------------------------------------


class Row:
    """How the provider fails, as words of the mock or of the liar: with another target, plain
    and streamed, and alone; `over`: what stands in its entry in the configuration."""

    def __init__(self, title, words, other, alone, over=None):
        self.title, self.words, self.over = title, words, over or {}
        self.other, self.alone = ((o, o) if not isinstance(o, tuple) else o for o in (other, alone))

    def line(self):
        return "| %s | %s |" % (self.title, " | ".join(str(o or "–") for o in (*self.other, *self.alone)))


QUICK = {"timeouts": {"first_byte": "1s", "idle": "1s", "total": "60s"}}
BRIEF = {"timeouts": {"first_byte": "1s", "idle": "60s", "total": "2s"}}
PATIENT = {"timeouts": {"first_byte": "60s", "idle": "1s", "total": "60s"}}
SILENT = {False: BRIEF, True: QUICK}
CLOSES = "closes or resets the connection before its answer"
STATUS = "408, 409, 500, 501, 502, 503, 504, 529"
MENDS = "400, 404, 413, 422"
GARBAGE = "200 and an HTML page, nothing at all, or garbage"
ERROR = "200 and an error first"
BREAKS = "breaks off or sends garbage after content"
LIMITED = "429, with a wait that is waited for or without one"

TABLE = [
    Row("refuses the connection, has no address", "refused", ANSWERS, ours(502)),
    Row("refuses the connection, has no address", "dns", ANSWERS, ours(502)),
    Row("is not reached in `timeouts.connect`", "unroutable", ANSWERS, ours(504)),
    Row("has a bad certificate", "certificate", ANSWERS, ours(502, 1)),
    Row(CLOSES, "drop", ANSWERS, ours(502)),
    Row(CLOSES, "rst", ANSWERS, ours(502)),
    Row("closes or resets it before the first content", "cut-pre", ANSWERS, ours(502)),
    Row("closes or resets it before the first content", "reset-pre", ANSWERS, ours(502)),
    Row("says nothing", "hang", (ours(504, 1), ANSWERS), (ours(504, 1), ours(504)), SILENT),
    Row("falls silent before the first content", "stall-pre", (ours(504, 1), ANSWERS), (ours(504, 1), ours(504)), SILENT),
    Row(STATUS, "408", ANSWERS, own(408, BAD_REQUEST)),
    Row(STATUS, "409", ANSWERS, own(409, ("conflict_error", "invalid_request_error"))),
    Row(STATUS, "500", ANSWERS, own(500, API)),
    Row(STATUS, "501", ANSWERS, own(501, API)),
    Row(STATUS, "502", ANSWERS, own(502, API)),
    Row(STATUS, "503", ANSWERS, own(503, UNAVAILABLE)),
    Row(STATUS, "504", ANSWERS, own(504, ("timeout_error", "server_error"))),
    Row(STATUS, "529", ANSWERS, own(529, OVERLOADED)),
    Row("one of these, with a longer wait than `retry.max`", "503-7", ANSWERS, own(503, UNAVAILABLE, 1, "7")),
    Row(LIMITED, "429", ANSWERS, own(429, LIMIT)),
    Row(LIMITED, "429-1", ANSWERS, own(429, LIMIT, 2, "1")),
    Row("429, with a longer one", "429-60", ANSWERS, own(429, LIMIT, 1, "60")),
    *(Row("401, 402, 403, an empty account", w, ANSWERS, ours(502, 1)) for w in ("401", "402", "403", "429-quota")),
    *(Row(MENDS, str(s), own(s, t, 1), own(s, t, 1)) for s, t in (
        (400, BAD_REQUEST), (404, ("not_found_error", "invalid_request_error")), (413, ("request_too_large", "invalid_request_error")),
        (422, BAD_REQUEST))),
    *(Row(GARBAGE, w, ANSWERS, ours(502)) for w in ("html", "empty", "badchunk-0", "no-http", "no-events", "no-json")),
    *(Row(ERROR, w, ANSWERS, (inner(502, "502 and its text"), inner(529, "its status and text"))) for w in ("error-0", "error-pre")),
    *(Row(BREAKS, w, (ANSWERS, Broken("upstream_cut")), (ours(502), Broken("upstream_cut"))) for w in ("cut-3", "reset-3", "badchunk-3")),
    Row("falls silent after content", "stall-3", (ours(504, 1), Broken("timeout")), (ours(504, 1), Broken("timeout")), {False: BRIEF, True: PATIENT}),
    Row("sends an error after content", "error-3", (ANSWERS, Broken("upstream_error")),
        (inner(502, "502 and its text"), Broken("upstream_error"))),
    Row("breaks off after 64 KiB of an answer", "long-cut", (Cut("upstream_cut"), None), (Cut("upstream_cut"), None)),
    Row("falls silent after 64 KiB of an answer", "long-stall", (Cut("timeout"), None), (Cut("timeout"), None), {False: PATIENT}),
]


# What a translation makes of a provider's status, for Anthropic's clients and OpenAI's, and its type there.
SHOWN = ({408: 504, 502: 500, 503: 529}, {408: 504, 502: 500, 529: 503})
TYPES = (
    {404: "not_found_error", 409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
     504: "timeout_error", 529: "overloaded_error"},
    {429: "rate_limit_error", 500: "server_error", 503: "service_unavailable_error", 504: "server_error"},
)


def translated(o):
    """The outcome where the provider speaks the other protocol."""
    if not isinstance(o, Refused) or "its" not in o.word:
        return o
    statuses = tuple(SHOWN[f].get(theirs, theirs) for f, theirs in enumerate(reversed(o.statuses)))
    return Refused(statuses, tuple(TYPES[f].get(s, "invalid_request_error") for f, s in enumerate(statuses)), o.tries, wait=o.wait)


def across(row):
    return Row(row.title, row.words, tuple(map(translated, row.other)), tuple(map(translated, row.alone)), row.over)


CROSS = ("refused", "408", "429-1", "500", "503", "529", "503-7", "401", "400", "cut-pre", "stall-pre", "empty", "error-pre", "no-events", "cut-3", "stall-3",
         "error-3")


NOWHERE = ("refused", "dns", "unroutable", "certificate")
# What metrics call the reason of another try.
REASONS = {"500": "500", "429": "429", "refused": "provider_connect"}


# ---- the providers ---------------------------------------------------------------


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Liar(Listener):
    """What the mock can't do, by the words in the model's name; then it closes, or stalls."""

    said = {
        "no-http": b"\x15\x03\x01\x00\x02\x02\x28 that is not HTTP\r\n\r\n",
        "no-events": STREAM + chunk(b"\x00\xff is no event\n\n") + b"0\r\n\r\n",
        "no-json": PLAIN + chunk(b"{[") + b"0\r\n\r\n",
        "long-cut": PLAIN + chunk(b'{"x":"' + b"a" * 300000),
    }
    said["long-stall"] = said["long-cut"]
    count = 0

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            got = read_request(s)
            if not got:
                return
            with self.lock:
                self.count += 1
            words = re.sub("^lie-|-(one|two)-(plain|stream)$", "", json.loads(got[1])["model"])
            s.sendall(self.said[words])
            if words.endswith("stall"):
                s.recv(1)


@contextlib.contextmanager
def nowhere():
    """Ports where nobody listens, and where nobody takes the connection."""
    gone, deaf = nobody(), socket.socket()
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    filling = [socket.socket() for _ in range(4)]
    for s in filling:
        s.setblocking(False)
        s.connect_ex(deaf.getsockname())
    yield gone.getsockname()[1], deaf.getsockname()[1]
    for s in (gone, deaf, *filling):
        s.close()


def entries(mock, liar, gone, deaf):
    """The providers of the table, by the words."""
    return {
        "refused": provider("refused", gone),
        "unroutable": provider("unroutable", deaf, timeouts={"connect": "500ms"}),
        "dns": dict(provider("dns", 1), base_url="http://no-such-host.invalid"),
        "certificate": dict(provider("certificate", 1), base_url="https://localhost:%d" % mock.tls),
        **{w: provider("liar", liar.port) for w in Liar.said},
    }


# ---- the cells -------------------------------------------------------------------


class Cell:
    """One row in one way: the name of its model, its entries, and what it comes to."""

    def __init__(self, row, stream, other):
        self.row, self.stream, self.other = row, stream, other
        self.want = (row.other if other else row.alone)[stream]
        self.name = "%s-%s-%s" % (row.words, "two" if other else "one", "stream" if stream else "plain")

    def entry(self, places, mock, **more):
        """A provider of its own, so that no health is shared."""
        over = self.row.over.get(self.stream, {})
        return {**places.get(self.row.words, provider("bad", mock.plain)), "name": self.name, **over, **more}

    def requests_of(self, who):
        """How many requests come there for it."""
        first = "liar" if self.row.words in Liar.said else "nowhere" if self.row.words in NOWHERE else "mock"
        there = 1 if self.other else self.want.tries
        return there * (who == first) + (self.want.tries - there) * (who == "mock")

    def targets(self):
        here = "lie-" + self.name if self.row.words in Liar.said else "mock-" + self.name
        return [(self.name, here)] + ([("good", "mock-echo")] if self.other else [])


def answer_of(h, path, cell):
    """Whatever comes, also when it breaks off; a hang ends the test."""
    make = {p: m for p, m, _ in rig.GENERATE}[path]
    with h.wire(60) as w:
        w.request("POST", path, make(cell.name, TEXT, stream=cell.stream))
        r = w.reply_head()
        pieces, r.whole = [], True
        try:
            for piece in w.pieces(r):
                pieces.append(piece)
        except rig.Closed:
            r.whole = False
        r.body = b"".join(pieces)
    return r


def judge(path, cell, r, line):
    """What is wrong with it; None: nothing."""
    try:
        equal(r.whole, not isinstance(cell.want, Cut), "whole")
        cell.want.look(path, cell.stream, r)
        equal((r.all("x-sluice-attempts"), line["attempts"], line["ending"]), ([str(cell.want.tries)], cell.want.tries, cell.want.ending))
    except rig.Failed as e:
        return "%s %s: %s" % (path, cell.name, e)
    return None


class World:
    """A gateway for some cells of one protocol: one extra try each is within its budget."""

    def __init__(self, mock, path, cells, places, **more):
        check(len(cells) <= 100, "the budget of retries")
        self.path, self.cells, self.seen = path, cells, {}
        providers = [c.entry(places, mock, **more) for c in cells] + [{**provider("good", mock.plain), **more}]
        self.h = gateway(mock, providers, {c.name: c.targets() for c in cells}, retry={"attempts": 2, "base": "10ms", "max": "5s"},
                         timeouts={"connect": "30s"}, queue={"wait": "500ms"}, upstream_pool={"warm": 0})

    def __enter__(self):
        self.h.__enter__()
        return self

    def __exit__(self, *how):
        self.h.__exit__(*how)

    def ask(self, cell):
        self.seen[cell] = answer_of(self.h, self.path, cell)

    def judge(self):
        self.h.log_ends()
        lines = {line["id"]: line for line in self.h.access_lines()}
        wrong = [judge(self.path, c, r, lines[r.get("x-sluice-request-id")]) for c, r in self.seen.items()]
        again, over = (self.h.metrics().labelled("sluice_%s_total" % n, label, "reason") for n, label in (("retries", "provider"), ("failovers", "from")))
        for c in self.cells:
            counted, other = ([(k[1], v) for k, v in m.items() if k[0] == c.name and v] for m in ((over, again) if c.other else (again, over)))
            if [n for _, n in counted] != [1] * (c.want.tries - 1) or other:
                wrong.append("%s %s: retries and failovers counted: %s %s" % (self.path, c.name, counted, other))
            elif counted and c.row.words in REASONS and counted[0][0] != REASONS[c.row.words]:
                wrong.append("%s %s: for the reason %s" % (self.path, c.name, counted[0][0]))
        self.h.settle()
        return [w for w in wrong if w]


def cells_of(table, ways):
    cells = [Cell(row, stream, other) for row in table for stream in (False, True) for other in ways]
    return [c for c in cells if c.want]


def worlds(mock, places):
    """Both protocols; all providers speak the client's, or the other one."""
    for path, foreign in zip(FAMILIES, reversed(PROTOCOLS)):
        for other in (False, True):
            yield World(mock, path, cells_of(TABLE, [other]), places)
        yield World(mock, path, cells_of([across(row) for row in TABLE if row.words in CROSS], (False, True)), places, protocol=foreign)


def test_the_table(g):
    """Every row, plain and streamed, side by side; and no provider is asked more often than told."""
    liar = Liar()
    g.mock.reset()
    with nowhere() as (gone, deaf), contextlib.ExitStack() as stack:
        every = [stack.enter_context(w) for w in worlds(g.mock, entries(g.mock, liar, gone, deaf))]
        work = [(w, c) for w in every for c in w.cells]
        lost = [(w, c) for w, c in work if c.row.words in ("drop", "rst")]
        rest = [(w, c) for w, c in work if c.row.words not in ("drop", "rst")]
        rig.together(len(rest), lambda i: rest[i][0].ask(rest[i][1]))
        came, lied = g.mock.stats()["requests"], liar.count
        rig.together(len(lost), lambda i: lost[i][0].ask(lost[i][1]))
        wrong = [text for w in every for text in w.judge()]
        equal(len(work), sum(len(w.seen) for w in every), "all are asked")
        check(not wrong, "\n".join(wrong))
        equal(came, sum(c.requests_of("mock") for _, c in rest), "requests at the mock")
        equal(lied, sum(c.requests_of("liar") for _, c in rest), "requests at the liar")
        # a kept connection that was lost is replaced, once a try
        tries = sum(c.requests_of("mock") for _, c in lost)
        check(tries <= g.mock.stats()["requests"] - came <= 2 * tries, "requests whose connection was lost", tries)
    liar.close()


def test_the_document(g):
    """It has this table, row by row, and no other rows between."""
    lines = list(dict.fromkeys(row.line() for row in TABLE))
    text = open(DOCUMENT, encoding="utf-8").read()
    block = "\n".join(["|---|---|---|---|---|", *lines, ""])
    check(block in text, "docs/resilience.md has to have these rows:\n" + block)


if __name__ == "__main__":
    rig.main(globals())
