#!/usr/bin/env python3
"""Functions that are not used here, and the heap outside its rooms."""

import re

from _source import Report, blank, files, read

INSTEAD = {
    "strcpy": "copy with a length", "strcat": "copy with a length", "stpcpy": "copy with a length",
    "strncpy": "copy with a length", "strncat": "copy with a length",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets",
    "strtok": "a slice", "strtok_r": "a slice", "sscanf": "a parser of its own",
    "atoi": "a checked conversion", "atol": "a checked conversion", "atof": "a checked conversion",
    "atoll": "a checked conversion",
    "gmtime": "gmtime_r", "localtime": "localtime_r", "ctime": "strftime", "asctime": "strftime",
    "alloca": "an arena", "system": "nothing", "popen": "nothing", "rand": "sl_rand", "srand": "sl_rand",
    "signal": "sigaction", "usleep": "a timer", "sleep": "a timer",
}
HEAP = {"malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf", "vasprintf"}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(sorted(set(INSTEAD) | HEAP)) + r")\s*\(")

report = Report("banned")
for path in files("src", "test"):
    text = read(path)
    raw = text.split("\n")
    in_test = path.startswith("test/")
    heap_ok = in_test or path.startswith("src/base/")
    for n, line in enumerate(blank(text).split("\n"), 1):
        for m in CALL.finditer(line):
            name = m.group(1)
            if name in HEAP:
                if not heap_ok:
                    report.add(path, n, f"{name}() outside base/: use base/mem or an arena", raw[n - 1])
            elif not (in_test and name in ("usleep", "sleep", "signal", "system")):
                report.add(path, n, f"{name}(): use {INSTEAD[name]}", raw[n - 1])
report.end()
