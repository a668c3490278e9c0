#!/bin/sh
# test/again.sh -- where at most two tests failed beside others, each is run once more,
# alone. Real processes with real clocks share the machine with whatever else runs there; a
# fault stays one, as it fails again, and what passed only alone is named at the end.
# In: the build folder; $1: ctest.
set -eu
failed=Testing/Temporary/LastTestsFailed.log
[ -s "$failed" ] || exit 1
[ "$(wc -l <"$failed")" -le 2 ] || exit 1
names=$(sed 's/^[0-9]*://' "$failed" | tr '\n' ' ')
echo "== failed beside others, once more alone: $names"
"$1" --rerun-failed -j 1 --output-on-failure
echo "== NOT STEADY: $names(failed beside others, passed alone)"
