#!/bin/sh
# test/bench/run.sh -- what `make bench` runs; arguments go on (--quick, --help).
set -eu
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1
exec python3 test/bench/run.py "$@"
