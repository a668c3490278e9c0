#!/usr/bin/env python3
"""A file includes its own room and lower levels only, always written with the
room; each library of others is confined to the rooms that own it."""

import re

from _source import Report, blank, files, read

LEVEL = {
    "base": 0,
    "net": 1, "policy": 1, "llm": 1,
    "http": 2, "store": 2,
    "gateway": 3, "mock": 3,
    "admin": 4,
    "conf": 5,
    "cli": 6,
    "cli": 6,
    "main": 7,
}
# library: (headers, names used in code, rooms that may)
CONFINED = {
    "libuv": (r"uv(\.h|/.*)", r"\buv_\w+", {"net"}),
    "mbedtls": (r"(mbedtls|psa)/.*", r"\b(mbedtls|psa)_\w+", {"net"}),
    "llhttp": (r"llhttp\.h", r"\bllhttp_\w+", {"http"}),
    # trees come from base/doc.h; who reads one uses its readers
    "yyjson": (r"yyjson\.h", r"\byyjson_\w+", {"base", "policy", "llm", "gateway", "admin", "conf"}),
    "libyaml": (r"yaml\.h", r"\byaml_\w+_(initialize|delete|parse)\b", {"conf"}),
    # the others come to its macros through base/map.h, which sets the hash and the heap
    "uthash": (r"ut(hash|list|array|string)\.h", r"\buthash_\w+", {"base"}),
    "utf8proc": (r"utf8proc\.h", r"\butf8proc_\w+", {"policy"}),
    "sqlite": (r"sqlite3(ext)?\.h", r"\bsqlite3_\w+", {"store"}),
    "hiredis": (r"hiredis/.*", r"\bredis(Async|Command|Reply)\w*", {"store"}),
}
PURE = {"policy", "llm"}  # no clock, no descriptors
IMPURE = re.compile(r"\b(time|gettimeofday|clock_gettime|socket|open|read|write|fopen|getenv)\s*\(")

report = Report("layers")
for path in files("src"):
    parts = path.split("/")
    room = parts[1] if len(parts) > 2 else "main"  # src/main.c sits at the top
    if room not in LEVEL:
        report.add(path, 1, f"unknown room '{room}'")
        continue
    text = read(path)
    raw = text.split("\n")
    for n, line in enumerate(blank(text, strings=False).split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if m:
            quote, name = m.groups()
            if quote == '"':
                other = name.split("/")[0]
                if "/" not in name:
                    report.add(path, n, f'"{name}" is not written with its room', raw[n - 1])
                elif other not in LEVEL:
                    report.add(path, n, f"unknown room in \"{name}\"", raw[n - 1])
                elif other != room and LEVEL[other] >= LEVEL[room]:
                    report.add(path, n, f"{room} (level {LEVEL[room]}) must not see {other}", raw[n - 1])
            else:
                for library, (header, _, rooms) in CONFINED.items():
                    if re.fullmatch(header, name) and room not in rooms:
                        report.add(path, n, f"{library} is confined to {', '.join(sorted(rooms))}", raw[n - 1])
    for n, line in enumerate(blank(text).split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        for library, (_, names, rooms) in CONFINED.items():
            m = re.search(names, line)
            if m and room not in rooms:
                report.add(path, n, f"{m.group(0)}: {library} is confined to {', '.join(sorted(rooms))}", raw[n - 1])
        m = IMPURE.search(line)
        if m and room in PURE:
            report.add(path, n, f"{m.group(1)}() in {room}, which is pure: take it as an argument", raw[n - 1])
report.end()
