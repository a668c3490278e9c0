#!/bin/sh
# test/fuzz/run.sh FOLDER -- runs every fuzz_* program of the folder for
# FUZZ_SECONDS, two at a time; then the inputs that reach something new join
# test/fuzz/corpus/<name>. A finding is kept in build/fuzz/found and ends in 1.
set -eu

cd "$(dirname "$0")/../.."
programs=$(cd "$1" && pwd)
seconds=${FUZZ_SECONDS:-60}
mkdir -p build/fuzz/found

if [ "${2:-}" = "" ]; then
    ls "$programs"/fuzz_* >/dev/null 2>&1 || {
        echo 'fuzz: no targets'
        exit 0
    }
    find "$programs" -maxdepth 1 -name 'fuzz_*' -type f | sort |
        xargs -P 2 -n 1 sh test/fuzz/run.sh "$programs" || {
        echo "fuzz: findings are in build/fuzz/found" >&2
        exit 1
    }
    exit 0
fi

name=$(basename "$2")
name=${name#fuzz_}
seeds=test/fuzz/corpus/$name
grown=build/fuzz/corpus/$name
log=build/fuzz/$name.log
mkdir -p "$seeds" "$grown"
set -- "$2"
[ ! -f "test/fuzz/dict/$name" ] || set -- "$1" "-dict=test/fuzz/dict/$name"

before=$(find "$seeds" -type f | wc -l)
"$@" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$name-" "$grown" "$seeds" >"$log" 2>&1 || {
    tail -n 60 "$log"
    echo "fuzz: $name FAILED" >&2
    exit 1
}
# Only what reaches code no seed does joins them; how often it runs is no reason.
"$1" -merge=1 -use_counters=0 "$seeds" "$grown" >>"$log" 2>&1
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | head -n 1)
after=$(find "$seeds" -type f | wc -l)
echo "fuzz: $name: $runs runs in $seconds s, corpus $before -> $after"
