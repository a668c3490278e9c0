#!/usr/bin/env python3
"""Promise: each sampled request is a trace that a collector of OTLP understands, a span for it and one for each try of a
provider, in the client's own trace where it has one; a collector that is busy, wrong or away changes nothing for requests,
and no prompt, answer or secret is in it."""
# timeout: 100

import _rig as rig
from _check import check, contains, equal, until
from _collector import Collector, answer
from _provider import Listener
from _rig import KEY

PRICE = {"input": 3.0, "output": 15.0}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
MODELS = [
    {"name": "over", "targets": [{"provider": "mock-a", "model": "mock-500", "priority": 0, "price": PRICE}, {"provider": "mock-a", "model": "mock-echo", "priority": 1, "price": PRICE}]},
    {"name": "*", "targets": [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]},
]


def settings(to, **more):
    otlp = {"endpoint": to.url(), "headers": {"authorization": "Bearer canary-of-the-collector"}, "every": "100ms", **more}
    return {"otlp": otlp, "retry": {"attempts": 3, "base": "10ms"}, "models": MODELS}


def parent(trace, flags="01"):
    return [("traceparent", "00-%s-%s-%s" % (trace, PARENT, flags)), ("tracestate", "a=b,c=d")]


def spans(h, result):
    return h.metrics().value("sluice_otlp_spans_total", result=result) or 0


def private(to):
    for text in to.bodies:
        for word in (b"canary", KEY.encode(), rig.PROVIDER_KEY_A.encode()):
            check(word not in text, "private", word)


def a_failover(h, to):
    r = h.post("/v1/messages", rig.messages("over", "canary-in-the-prompt", stream=True), headers=parent(TRACE))
    equal(r.status, 200)
    seen = h.mock.last()
    server, first, second = to.wait(3, trace=TRACE)
    equal([s.kind for s in (server, first, second)], [2, 3, 3])
    equal((server.parent, first.parent, second.parent), (PARENT, server.id, server.id))
    equal((server.flags & 0x301, first.flags & 0x301), (0x301, 0x101), "whose parent is another process's")
    equal(seen.all("traceparent"), ["00-%s-%s-01" % (TRACE, second.id)], "the try's own span goes up")
    equal(seen.all("tracestate"), ["a=b,c=d"])
    equal((server.name, server.status, server.of["http.response.status_code"]), ("POST messages", 0, 200))
    equal((server.of["gen_ai.request.model"], server.of["sluice.tenant"], server.of["sluice.ending"]), ("over", "acme", "done"))
    equal((server.of["sluice.request_id"], server.of["sluice.attempts"]), (r.get("x-sluice-request-id"), 2))
    check(server.of["sluice.cost_usd"] > 0, server.of)
    equal((first.name, first.status, first.of["error.type"], first.of["http.response.status_code"]), ("chat mock-500", 2, "500", 500))
    check("gen_ai.usage.input_tokens" not in first.of, "usage of a try that failed")
    equal((second.name, second.status, second.of["gen_ai.operation.name"]), ("chat mock-echo", 0, "chat"))
    equal((second.of["gen_ai.provider.name"], second.of["server.address"], second.of["server.port"]), ("mock-a", "localhost", h.mock.tls))
    check(second.of["gen_ai.usage.input_tokens"] > 0 and second.of["gen_ai.usage.output_tokens"] > 0, second.of)
    equal(second.of["gen_ai.response.finish_reasons"], ["end_turn"])
    check(second.of["gen_ai.response.model"] and second.of["gen_ai.response.id"], second.of)
    check(server.begin <= first.begin and first.end <= second.begin and second.end <= server.end, "one within the other")
    equal((server.resource["service.name"], len(server.resource["service.instance.id"])), ("sluice", 8))
    contains(to.heads[0] + "\r\n", "\r\nauthorization: Bearer canary-of-the-collector\r\n")
    equal(h.access_of(r)["id"], r.get("x-sluice-request-id"))


def traces_of_others(h, to):
    """None, not to be recorded, or none that is one."""
    h.post("/v1/chat/completions", rig.chat("mock-echo", "canary"), headers=parent("a" * 32, "00"))
    equal(h.mock.last().all("traceparent"), ["00-%s-%s-00" % ("a" * 32, PARENT)], "byte for byte")
    h.post("/v1/messages", rig.messages("mock-echo"), headers=[("traceparent", "00-%s-%s-01" % ("0" * 32, PARENT))])
    h.post("/v1/messages", rig.messages("mock-echo"), key="sk-slc-nobody-canary")
    got = until(lambda: [s for s in to.wait(3) if s.kind == 2 and s.trace != TRACE and s.of.get("http.response.status_code") == 401], 20, "the refused one")
    equal((got[0].parent, got[0].status, got[0].of["sluice.ending"]), (None, 0, "refused"))
    check(not [s for s in to.spans if s.trace in ("a" * 32, "0" * 32)], "a span of a trace that is not recorded")


def a_busy_collector(h, to):
    to.script += [answer(503, headers=b"retry-after: 0\r\n"), answer(429)]
    before = len(to.bodies)
    h.post("/v1/messages", rig.messages("mock-echo"), headers=parent("b" * 32))
    equal(len(to.wait(2, trace="b" * 32)), 2, "sent again until it is taken")
    equal(len(set(to.bodies[before:])), 1, "the same three times")
    for script, result in ((answer(400), "failed"), (answer(200, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}'), "rejected")):
        to.script.append(script)
        h.post("/v1/messages", rig.messages("mock-echo"), headers=parent("c" * 32))
        until(lambda result=result: spans(h, result), 20, lambda result=result: "%s: %s" % (result, h.said()[-500:]))
    equal((spans(h, "failed"), spans(h, "rejected")), (2, 1))
    contains(h.said(), "otlp.endpoint did not take spans: it answered 400")


def test_a_collector(g):
    to = Collector()
    with rig.Gateway(settings(to), mock=g.mock) as h:
        a_failover(h, to)
        traces_of_others(h, to)
        a_busy_collector(h, to)
        h.log_ends()
        check("canary" not in h.said() + open(h.out).read(), "a secret in a log")
    private(to)
    check(not to.wrong, to.wrong)


def test_the_queue_and_the_end(g):
    """What has no room is dropped; what waits is sent when the process ends, and of traces that begin here a part."""
    to = Collector()
    with rig.Gateway(settings(to, every="5m", queue=5, sample=0), mock=g.mock) as h:
        equal(h.call("GET", "/v1/models", key="sk-slc-nobody", headers=parent("f" * 32)).status, 401)  # who has no key has no say in it
        for i in range(8):
            h.call("GET", "/v1/models", headers=parent("%032x" % (i + 1)))
            h.call("GET", "/v1/models")
        until(lambda: spans(h, "dropped") == 3, 20, "dropped")
        equal(to.bodies, [], "its time has not come")
    equal(sorted(s.trace for s in to.wait(5)), ["%032x" % (i + 1) for i in range(5)])


class Pushgateway(Listener):
    def __init__(self, *script):
        self.script, self.got = list(script), []
        super().__init__()

    def reply(self, head, body):
        with self.lock:
            self.got.append((head.decode(), rig.Metrics(body.decode())))
            return self.script.pop(0) if self.script else answer(200)


def test_a_pushgateway(g):
    """Metrics are pushed again and again, whatever became of the last ones, and all of them at the end."""
    to = Pushgateway(answer(500))
    with rig.Gateway({"pushgateway": {"url": "http://127.0.0.1:%d/sub" % to.port, "every": "1s", "instance": "one:1"}}, mock=g.mock) as h:
        until(lambda: h.metrics().value("sluice_pushes_total", result="sent"), 20, lambda: "pushed: %s" % h.said()[-500:])
        equal(h.metrics().value("sluice_pushes_total", result="failed"), 1)
        contains(h.said(), "pushgateway.url did not take the metrics: it answered 500")
        h.good()
    check(all(head.startswith("PUT /sub/metrics/job/sluice/instance/one:1 HTTP/1.1\r\n") for head, _ in to.got), to.got[0][0])
    equal(to.got[-1][1].value("sluice_requests_total", endpoint="messages", status="200"), 1, "the last ones")
    check(to.got[-1][1].value("process_open_fds") > 0)


def test_what_is_refused(g):
    for otlp, word in (({"endpoint": "http://collector.example:4318", "headers": {"a": "b"}}, "must be https"), ({"endpoint": "nonsense"}, "otlp.endpoint: "),
                       ({"endpoint": "https://c.example", "headers": {"content-type": "x"}}, "is not a header that can be set")):
        h = rig.Gateway({"otlp": otlp}, mock=g.mock, wait=False)
        equal(h.p.wait(20 * rig.SLOW), 4, otlp)
        contains(h.said(), word)


rig.main(globals())
