#!/usr/bin/env python3
"""What lies at the top of the house, and nothing else: what is tracked there without having
been meant is a log or a picture of somebody's."""

import subprocess
import sys

KNOWN = {"src", "deps", "conf", "test", "docs", "CMakeLists.txt", "CMakePresets.json", "Dockerfile", "README.md", "LICENSE", "Makefile"}

done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=False)
top = {path.split("/")[0] for path in done.stdout.split("\0") if path}
strange = sorted(name for name in top - KNOWN if not name.startswith("."))
for name in strange:
    print(f"{name}: top: is not known here; remove it, or name it in test/lint/top.py")
sys.exit(1 if strange else 0)
