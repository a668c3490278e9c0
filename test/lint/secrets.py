#!/usr/bin/env python3
"""Secrets and their digests are compared by sl_str_eq_secret() alone, in tables too. Digests of
requests, in the cache's rooms, are none."""

import re

from _source import Report, blank, files, read

ELSEWHERE = ("src/gateway/cache/", "src/llm/", "src/store/", "src/cli/", "src/conf/")
WORDS = r"\b\w*(sha256|digest|secret|mac|signature|password)\b"
COMPARE = re.compile(r"\b(memcmp|strn?cmp|strcasecmp|sl_str_eq|sl_str_eq_nocase|sl_str_cmp)\s*\((.*)")
FIND = re.compile(r"\bHASH_FIND\w*\s*\((.*)")

report = Report("secrets")
for path in files("src"):
    if path.startswith(ELSEWHERE):
        continue
    text = read(path)
    raw, lines = text.split("\n"), blank(text).split("\n")
    steady = "#define HASH_KEYCMP SL_MAP_SECRET_KEYCMP" in text
    for n, line in enumerate(lines, 1):
        whole = line + (lines[n] if n < len(lines) and ";" not in line and "{" not in line else "")
        m = COMPARE.search(line) and COMPARE.search(whole)
        if m and re.search(WORDS, m.group(2)):
            report.add(path, n, f"{m.group(1)}() of a secret: sl_str_eq_secret() takes the same time for all", raw[n - 1])
        m = FIND.search(line) and FIND.search(whole)
        if m and re.search(WORDS, m.group(1)) and not steady:
            report.add(path, n, "a table of secrets needs HASH_KEYCMP SL_MAP_SECRET_KEYCMP", raw[n - 1])
report.end()
