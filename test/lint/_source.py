"""What the lint scripts share: the tree's C files, with and without comments.

A line may leave a rule with `lint: <rule> <reason>` in a comment on it.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*tops, ends=(".c", ".h")):
    """Paths relative to the root, in reading order."""
    for top in tops:
        for folder, subs, names in os.walk(os.path.join(ROOT, top)):
            subs.sort()
            for name in sorted(names):
                if name.endswith(ends):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def blank(text, strings=True):
    """The text with comments (and strings) blanked, lines and columns kept."""

    def empty(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s if not strings else s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
        return re.sub(r"[^\n]", " ", s)

    return TOKEN.sub(empty, text)


class Report:
    """Collects findings; end() prints them and gives the exit code."""

    def __init__(self, rule):
        self.rule = rule
        self.n = 0

    def add(self, path, line, what, raw=""):
        if f"lint: {self.rule}" in raw:
            return
        print(f"{path}:{line}: {self.rule}: {what}")
        self.n += 1

    def end(self):
        sys.exit(1 if self.n else 0)


def functions(text):
    """(name, signature, first line, body lines) of each function of a file
    formatted our way: its braces stand alone in the first column."""
    lines = blank(text).split("\n")
    i = 0
    while i < len(lines):
        if lines[i] != "{":
            i += 1
            continue
        top = i - 1
        while top > 0 and lines[top - 1].strip() and not lines[top - 1].startswith(("}", "#")):
            top -= 1
        end = i
        while end < len(lines) and lines[end] != "}":
            end += 1
        signature = " ".join(s.strip() for s in lines[top:i])
        m = re.search(r"([A-Za-z_]\w*)\s*\(", signature)
        if m:
            yield m.group(1), signature, top + 1, lines[i : end + 1]
        i = end + 1
