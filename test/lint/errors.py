#!/usr/bin/env python3
"""docs/errors.md has a row for every code of base/err.h that has a status, with that status, a
cause and a remedy, and for no other. docs/operations.md has every family of metrics. Links
between documents lead somewhere."""

import glob
import os
import re

from _source import ROOT, Report, files, read

TABLE, GUIDE = "src/base/err.h", "docs/errors.md"
report = Report("errors")

table = {name: status for status, name in re.findall(r'X\([A-Z_]+, (\d+), "(\w+)"', read(TABLE)) if status != "0"}
if len(table) < 40:
    report.add(TABLE, 1, "the table of errors can't be read")
told = {}
for n, line in enumerate(read(GUIDE).split("\n"), 1):
    m = re.match(r"\| `(\w+)` \| (\d+) \|(.*)\|(.*)\|$", line)
    if not m:
        continue
    name, status, cause, remedy = m.groups()
    if name in told:
        report.add(GUIDE, n, f"{name} stands here twice")
    told[name] = n
    if table.get(name) != status:
        report.add(GUIDE, n, f"{name} {status}: {TABLE} has {table.get(name, 'no such code')}")
    if not cause.strip() or not remedy.strip():
        report.add(GUIDE, n, f"{name} needs a cause and what to do")
for name in sorted(set(table) - set(told)):
    report.add(GUIDE, 1, f"no row for {name} ({table[name]})")

METRICS = "docs/operations.md"
text = read(METRICS)
for path in files("src", ends=(".c",)):
    for name in re.findall(r'"((?:sluice|process)_[a-z_]+)"', read(path)):
        if f"`{name}`" not in text:
            report.add(METRICS, 1, f"no row for {name} of {path}")


def anchors(path):
    """Of headings, as GitHub makes them."""
    for head in re.findall(r"^#+ (.*)$", read(path), re.M):
        yield re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-")


for path in sorted(glob.glob("*.md", root_dir=ROOT) + glob.glob("docs/*.md", root_dir=ROOT)):
    for n, line in enumerate(read(path).split("\n"), 1):
        for to, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", line):
            there = os.path.normpath(os.path.join(os.path.dirname(path), to)) if to else path
            if not os.path.exists(os.path.join(ROOT, there)):
                report.add(path, n, f"a link to {to}, which there is not")
            elif anchor and there.endswith(".md") and anchor not in anchors(there):
                report.add(path, n, f"a link to {there}#{anchor}, which there is not")
report.end()
