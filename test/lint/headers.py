#!/usr/bin/env python3
"""What a header looks like: a first comment `<path> -- <purpose>`, a guard
named after the path, pointer fields that say what they are, magics that are
unique, and no typedef but function types."""

import re

from _source import Report, blank, files, read

KINDS = re.compile(r"/\*\s*(owns|up|shared)\b")
FIELD = re.compile(r"^\s+(?:const\s+)?(?:struct\s+\w+|void)\s*\*+\s*(?:const\s+)?(\w+)(?:\[\w*\])?;")
MAGIC = re.compile(r"\b(SL_\w*MAGIC)\b\s*(?:=|\s)\s*(0[xX][0-9a-fA-F]+|'[^']*')")

report = Report("headers")
magics = {}
for path in files("src"):
    text = read(path)
    raw = text.split("\n")
    short = path[len("src/"):]
    if not text.startswith("/* "):
        report.add(path, 1, "does not begin with a comment", raw[0])
    if path.endswith(".h"):
        if not re.match(r"/\* " + re.escape(short) + r" -- \S", text):
            report.add(path, 1, f"does not begin with a comment `{short} -- purpose`", raw[0])
        guard = "SL_" + re.sub(r"\W", "_", short).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            report.add(path, 1, f"the guard is not {guard}", raw[0])
    code = blank(text).split("\n")
    depth = []  # what each open brace belongs to
    for n, line in enumerate(code, 1):
        m = re.match(r"\s*typedef\b(.*)", line)
        if m and "_fn" not in " ".join(code[n - 1 : n + 3]):
            report.add(path, n, "typedef of something that is not a function type", raw[n - 1])
        in_struct = bool(depth) and depth[-1] == "struct"
        if in_struct and FIELD.match(line):
            # the comment stands on the line or closes on the next one
            here = raw[n - 1] + (raw[n] if n < len(raw) and raw[n].lstrip().startswith("/*") else "")
            above = raw[n - 2] if n > 1 and raw[n - 2].lstrip().startswith("/*") else ""
            if not KINDS.search(here) and not KINDS.search(above):
                name = FIELD.match(line).group(1)
                report.add(path, n, f"pointer '{name}' does not say owns, up or shared", raw[n - 1])
        for m in MAGIC.finditer(re.sub(r"/\*.*?\*/", "", raw[n - 1])):
            name, value = m.groups()
            value = value.lower()
            if value in magics and magics[value] != name:
                report.add(path, n, f"{name} has the value of {magics[value]}", raw[n - 1])
            magics[value] = name
        opener = line
        for i, c in enumerate(line):
            if c == "{":
                head = opener[:i] if opener[:i].strip() else (code[n - 2] if n > 1 else "")
                kind = "struct" if re.search(r"\b(struct|union)\b[^=();]*$", head) else "other"
                depth.append(kind)
            elif c == "}" and depth:
                depth.pop()
report.end()
