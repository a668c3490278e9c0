#!/usr/bin/env python3
"""Every YAML file and every YAML block of the documents parses; a block that
is a whole configuration (it has `providers`) also passes `sluice check`."""

import glob
import os
import re
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:  # another python first in the path than the system's
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

from _source import ROOT, Report, read

report = Report("docs")
sluice = os.environ.get("SLUICE_BIN", "")


def names_in(text):
    return re.findall(r"\$\{(\w+)\}", text)


def check(path, line, text):
    if not os.access(sluice, os.X_OK):
        return
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "block.yaml")
        secret = os.path.join(folder, "secret")
        keys = os.path.join(folder, "keys.json")
        with open(secret, "w", encoding="utf-8") as f:
            f.write("x" * 40 + "\n")
        with open(keys, "w", encoding="utf-8") as f:  # the form of a key, whoever could sign by it
            f.write('{"keys": [{"kty": "RSA", "kid": "k", "e": "AQAB", "n": "%sw"}]}' % ("_" * 341))
        with open(name, "w", encoding="utf-8") as f:
            text = re.sub(r"file:/[^\s\"'\],}]+", "file:" + secret, text)
            text = re.sub(r"ca_file: [^\s,}]+", "ca_file: /etc/ssl/certs/ca-certificates.crt", text)
            f.write(re.sub(r"keys_file: [^\s,}]+", "keys_file: " + keys, text))
        env = {**os.environ, "XDG_STATE_HOME": folder, **{n: "x" * 40 for n in names_in(text)}}
        done = subprocess.run([sluice, "check", name], env=env, cwd=ROOT, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        report.add(path, line, "sluice check: " + (done.stderr or done.stdout).strip().replace(name, "block"))


def parse(path, line, text, whole):
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as e:
        report.add(path, line, "YAML: " + " ".join(str(e).split()))
        return
    if whole and isinstance(tree, dict) and "providers" in tree:
        check(path, line, text)


for path in sorted(glob.glob("README.md", root_dir=ROOT) + glob.glob("docs/**/*.md", root_dir=ROOT, recursive=True) + glob.glob("test/README.md", root_dir=ROOT)):
    text = read(path)
    for m in re.finditer(r"^( *)```ya?ml\n(.*?)^ *```", text, re.S | re.M):
        line = text.count("\n", 0, m.start()) + 1
        block = re.sub("^" + m.group(1), "", m.group(2), flags=re.M)
        parse(path, line, block, "lint: fragment" not in text[max(0, m.start() - 80) : m.start()])
for path in sorted(glob.glob("conf/**/*.y*ml", root_dir=ROOT, recursive=True)):
    others = os.path.basename(path) in ("compose.yaml", "prometheus.yml", "alerts.yml") or path.startswith("conf/grafana/")
    parse(path, 1, read(path), not others)
report.end()
