#!/usr/bin/env python3
"""Hard stops: a function 80 lines, a file 600, six parameters, nesting of four,
a room sixteen sources."""

import re

from _source import Report, files, read, functions

FUNCTION, FILE, PARAMETERS, NESTING, ROOM = 80, 600, 6, 4, 16


def parameters(signature):
    inner = signature[signature.find("(") + 1 : signature.rfind(")")]
    depth, n = 0, 1
    for c in inner:
        depth += c in "(["
        depth -= c in ")]"
        n += c == "," and depth == 0
    return 0 if inner.strip() in ("", "void") else n


def nesting(body):
    """Deepest block inside the function; tables and initialisers don't count."""
    deepest, stack = 0, []
    for line in body[1:-1]:
        block = re.search(r"(\) |\belse |\bdo |: |^\s*)\{\s*$", line)
        for c in line:
            if c == "{":
                stack.append(bool(block))
                deepest = max(deepest, sum(stack))
            elif c == "}" and stack:
                stack.pop()
    return deepest


report = Report("budgets")
rooms = {}
for path in files("src"):
    text = read(path)
    raw = text.split("\n")
    if len(raw) - 1 > FILE:
        report.add(path, 1, f"{len(raw) - 1} lines (at most {FILE})")
    if path.endswith(".c"):
        room = path.rsplit("/", 1)[0]
        rooms[room] = rooms.get(room, 0) + 1
    for name, signature, line, body in functions(text):
        mark = raw[line - 2] + raw[line - 1] if line > 1 else raw[line - 1]
        if len(body) - 2 > FUNCTION:
            report.add(path, line, f"{name}() has {len(body) - 2} lines (at most {FUNCTION})", mark)
        if parameters(signature) > PARAMETERS:
            report.add(path, line, f"{name}() takes {parameters(signature)} parameters (at most {PARAMETERS})", mark)
        if nesting(body) > NESTING:
            report.add(path, line, f"{name}() nests {nesting(body)} deep (at most {NESTING})", mark)
for room, n in rooms.items():
    if n > ROOM and room != "src/base":
        report.add(room, 1, f"{n} sources (at most {ROOM}; split it into sub-rooms)")
report.end()
