"""What the flow tests check with."""

import os
import time

# An instrumented build is a few times slower; what to multiply impatience with.
SLOW = 5 if any(w in os.environ.get("SLUICE_BIN", "asan") for w in ("asan", "debug")) else 1


class Failed(Exception):
    pass


def check(ok, *what):
    if not ok:
        raise Failed(" ".join(str(w) for w in what) or "check failed")


def equal(got, want, what=""):
    if got != want:
        raise Failed("%s: got %s, want %s" % (what or "not equal", _short(got), _short(want)))


def contains(text, part, what=""):
    if part not in text:
        raise Failed("%s: %s is not in %s" % (what or "missing", _short(part), _short(text)))


def _short(v):
    s = repr(v)
    return s if len(s) < 600 else s[:400] + " ... " + s[-180:]


def until(question, seconds, what):
    """Asks again and again; the first true answer is returned. `seconds` are those of an idle machine."""
    seconds *= min(SLOW, 3)
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed("still not after %.1f s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.01)
