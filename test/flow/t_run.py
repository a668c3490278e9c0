#!/usr/bin/env python3
"""Promise: what `make run` starts without a provider's key works offline, says so in few
lines, each of the three things it prints to paste does its work as it stands, and the key that it
names opens the dashboard and the commands."""
# timeout: 120

import os
import re
import shutil
import signal
import subprocess

import _rig as rig
from _rig import check, contains, equal

LINES_MAX = 15 - 4  # of the fifteen that `make run` may print, setup.sh has four


def ports():
    """Of the two listeners, and the first of two in a row, as dev-run.sh takes them for the mock."""
    free = rig.free_ports(12)
    mock = next(p for p in free if p + 1 in free)
    return [p for p in free if p not in (mock, mock + 1)][:2] + [mock]


def checkout():
    """As much of one as dev-run.sh looks at."""
    root = rig.tmp("checkout")
    os.makedirs(os.path.join(root, "conf"))
    shutil.copy(os.path.join(rig.ROOT, "conf/dev-run.sh"), os.path.join(root, "conf"))
    os.symlink(rig.SLUICE, os.path.join(root, "sluice"))
    os.symlink(rig.MOCK, os.path.join(root, "sluice-mock"))
    return root


def test_three_commands():
    root, state = checkout(), rig.tmp("state")
    port, admin, mock = ports()
    env = rig.environment(SLUICE_STATE=state, SLUICE_MOCK_PORT=str(mock), SLUICE_LISTEN="127.0.0.1:%d" % port,
                          SLUICE_ADMIN_LISTEN="127.0.0.1:%d" % admin)

    def paste(line):
        return subprocess.run(["bash", "-ec", line], cwd=root, env=env, capture_output=True, text=True, timeout=30 * rig.SLOW).stdout

    with open(rig.tmp("run.out"), "wb") as out:
        p = rig._start(["sh", "conf/dev-run.sh"], cwd=root, env=env, stdout=out, stderr=out)
    said = lambda: open(rig.tmp("run.out")).read()
    rig.until(lambda: "/metrics" in said(), 20 * rig.SLOW, said)
    for name in ("dev.key", "admin.key"):
        equal(os.stat(os.path.join(state, name)).st_mode & 0o777, 0o600, "mode of " + name)
    stream = re.search(r"^  (curl .*\\\n.*)$", said(), re.M).group(1)
    variables = re.search(r"^  (eval .*)$", said(), re.M).group(1)
    metrics = re.search(r"^  (curl .*/metrics)$", said(), re.M).group(1)
    answer = paste(stream)
    contains(answer, "event: message_start")
    contains(answer, "event: message_stop")
    contains(paste(variables + "; echo $ANTHROPIC_BASE_URL"), "http://127.0.0.1:%d\n" % port)
    contains(paste(variables + "; echo $ANTHROPIC_AUTH_TOKEN"), open(os.path.join(state, "dev.key")).read())
    contains(paste(metrics), 'endpoint="messages",status="200"} 1')
    lines = [line for line in said().splitlines() if '"endpoint":' not in line]  # nor the access log's
    check(len(lines) <= LINES_MAX, "%d lines: %s" % (len(lines), said()))
    page = re.search(r"dashboard on (http://\S+/admin/)$", said(), re.M).group(1)
    secret = re.search(r"; the dashboard's (/\S+/admin.key)$", said(), re.M).group(1)
    contains(paste("curl -s %s" % page), "<title>Sluice</title>")
    contains(paste('curl -s %sapi/session -d "{\\"key\\":\\"$(cat %s)\\"}"' % (page, secret)), '"success":true')
    contains(paste("./sluice key list"), "dev")
    p.send_signal(signal.SIGTERM)
    equal(p.wait(20 * rig.SLOW), 0, said())
    rig.no_sanitizer_word(rig.tmp("run.out"))


if __name__ == "__main__":
    rig.main(globals(), gateway=False)
