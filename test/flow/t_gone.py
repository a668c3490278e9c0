# timeout: 240
"""Promise: what a client that leaves costs is its tenant's choice. `abort`: the provider is closed within a second,
and what was counted is charged. `drain`: its answer is read to the end, and what it reports is charged. On both kinds
of store, each request once."""

import ssl
import threading
import time

import _rig as rig
from _admin import Api
from _bodies import GENERATE, messages
from _check import check, equal, until
from _provider import Listener, answer, read_request
from _redis import on_both_stores
from _rig import KEY, KEY_BOB

PRICE = {"input": 3.0, "output": 15.0}
EVENTS = 60
SLOW = "mock-events-%d-slow-30ms" % EVENTS  # 1.8 s


def settings(store, **more):
    def tenant(name, key, leaving):
        return {
            "name": name,
            "keys": [{"name": name, "sha256": rig.sha256(key)}],
            "budget": {"initial_credits": 1000, **({"on_client_gone": leaving} if leaving else {})},
        }

    targets = [{"provider": "mock-a", "price": PRICE}, {"provider": "mock-o", "price": PRICE}]
    return {
        "store": {"url": store, "timeout": "2s"},
        "models": [{"name": "*", "targets": targets}],
        "tenants": [tenant("drains", KEY, "drain"), tenant("aborts", KEY_BOB, None)],
        **more,
    }


def on_both(act, **more):
    on_both_stores(lambda store: rig.Gateway(settings(store, **more)), act)


def leave(g, path, body, key, events=5, how="fin"):
    """Some events are read, then the client is gone; its access line."""
    with g.wire() as w:
        w.request("POST", path, body, key=key)
        r = w.reply_head()
        got = w.events(r)
        for _ in range(events):
            next(got)
        if how == "rst":
            w.reset()
    return r


def whole(g, path, body, key):
    """The same answer to a client that stays: what it costs."""
    with g.wire() as w:
        w.request("POST", path, body, key=key)
        r = w.reply_head()
        list(w.events(r))
    line = g.access_of(r)
    equal((line["ending"], line["tokens_source"]), ("done", "reported"))
    return line


def charged(redis, tenant, micro):
    def settled():
        account = redis.hash("slc:{%s}:acct:t" % tenant)
        return (account.get("spent"), account.get("reserved")) == (str(micro), "0")

    if redis:
        until(settled, 5, lambda: "charged %d: %s" % (micro, redis.hash("slc:{%s}:acct:t" % tenant)))


def tokens(line):
    return line["tokens_in"], line["tokens_out"], line["tokens_source"], line["cost_micro"]


def test_drained_streams_cost_what_they_report():
    def act(g, redis):
        costs = []

        def one(path, make):
            body = make(SLOW, stream=True)
            left = [leave(g, path, body, KEY, how=how) for how in ("fin", "rst")]
            stays = whole(g, path, body, KEY)
            for line in map(g.access_of, left):
                equal((line["ending"], line["status"]), ("client_gone", 200))
                equal(tokens(line), tokens(stays), path)
                check(line["ms_total"] > EVENTS * 30 * 0.9, "read to the end: %s ms" % line["ms_total"])
                costs.append(line["cost_micro"])
            costs.append(stays["cost_micro"])

        rig.together(len(GENERATE), lambda i: one(*GENERATE[i][:2]))
        equal(len(costs), 3 * len(GENERATE))
        charged(redis, "drains", sum(costs))

    on_both(act)


def test_aborted_streams_cost_what_came():
    def act(g, redis):
        spent = 0
        for path, make, _ in GENERATE:
            body = make("mock-events-2000-slow-30ms", stream=True)
            for how in ("fin", "rst"):
                r = leave(g, path, body, KEY_BOB, events=12, how=how)
                g.mock.quiet(1.0 * max(1, rig.SLOW / 2))
                line = g.access_of(r)
                equal((line["ending"], line["status"], line["tokens_source"]), ("client_gone", 200, "counted"))
                check(10 <= line["tokens_out"] < 200, "what was counted: %s" % line["tokens_out"])
                spent += line["cost_micro"]
        charged(redis, "aborts", spent)

    on_both(act)


def test_before_the_answer():
    """Plain or streamed: the client leaves while the provider thinks."""
    def act(g, redis):
        for more in ({}, {"stream": True}):
            body = messages("mock-first-1500", **more)
            stays = tokens(g.access_of(g.post("/v1/messages", body)))
            g.mock.quiet(1.0 * rig.SLOW)  # else its stream may pass for the next one's
            for key, source in ((KEY, "reported"), (KEY_BOB, "estimated")):
                before = len(g.access_lines())
                with g.wire() as w:
                    w.request("POST", "/v1/messages", body, key=key)
                    until(lambda: g.mock.stats()["open_streams"] == 1, 5, "the provider has it")
                line = until(lambda: g.access_lines()[before:], 5, "an access line")[0]
                equal((line["ending"], line["tokens_source"]), ("client_gone", source))
                if key == KEY:
                    equal(tokens(line), stays)
                g.mock.quiet(1.0 * rig.SLOW)

    on_both(act)


class Loses(Listener):
    """Answers on its first connection once, and closes it with the next request; others get no handshake."""

    def __init__(self, mock):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(mock.dir + "/cert.pem", mock.dir + "/key.pem")
        self.lost, self.others = threading.Event(), None
        super().__init__()

    def serve(self, s):
        if self.others is not None:
            self.others.append(s)
            return
        self.others = []
        with s, self.context.wrap_socket(s, server_side=True) as t:
            got = read_request(t)
            t.sendall(answer(200))
            read_request(t, got[2])
            time.sleep(0.05)  # that it has left is known by then
        self.lost.set()


def lost_on_its_way(ends, ending):
    """A kept connection is lost with the request, which is ended while another one is dialled: nobody works on it, and
    nobody pays."""
    mock = rig.Mock()
    provider = Loses(mock)

    def change(config):
        del config["store"]
        config["providers"][0]["base_url"] = "https://localhost:%d" % provider.port

    g = rig.Gateway(settings(""), change, mock=mock)
    g.access_of(g.post("/v1/messages", messages("mock-echo"), key=KEY_BOB))
    with g.wire() as w:
        w.request("POST", "/v1/messages", messages("mock-echo"), key=KEY_BOB)
        check(provider.lost.wait(10), "it was lost")
        until(lambda: "sending again" in open(g.err).read(), 5, "it is to be sent again")
        ends(g)
    line = until(lambda: g.access_lines()[1:], 5, "an access line")[0]
    equal((line["ending"], line.get("cost_micro"), line.get("ms_send")), (ending, None, None))
    g.stop()
    provider.close()


def test_lost_and_the_client_leaves():
    lost_on_its_way(lambda g: None, "client_gone")


def test_lost_and_an_operator_ends_it():
    def halt(g):
        api = Api(g)
        api("DELETE", "live/" + api("GET", "live")["requests"][0]["id"])

    lost_on_its_way(halt, "stopped")


def test_a_drained_answer_has_limits_too():
    """A provider that falls silent is not waited for."""
    def act(g, redis):
        r = leave(g, "/v1/messages", messages("mock-stall-20", stream=True), KEY)
        line = g.access_of(r)
        equal((line["ending"], line["tokens_source"]), ("timeout", "counted"))
        g.mock.quiet(1.0 * rig.SLOW)

    on_both(act, timeouts={"idle": "1s"})


def test_a_reader_that_stalls():
    """It is cut, and its answer drained: the line says why it was cut. From then on a silent provider is timed again."""
    def act(g, redis):
        for model, want in (("mock-big-12m", ("stalled", "reported")), ("mock-big-12m-stall-2900", ("timeout", "counted"))):
            with rig.Wire(g.port, 30, rcvbuf=4096) as w:
                w.request("POST", "/v1/messages", messages(model, stream=True))
                line = g.access_of(w.reply_head())
            equal((line["ending"], line["tokens_source"]), want)

    on_both(act, timeouts={"client_stall": "1s", "idle": "1s"})


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
