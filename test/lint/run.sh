#!/bin/sh
# test/lint/run.sh -- all house rules; every one runs, any finding ends in 1.
# (`make lint` has compiled everything with clang before.)
set -u

cd "$(dirname "$0")/../.." || exit 2
export PYTHONDONTWRITEBYTECODE=1
bad=0

rule() { # name, command...
    name=$1
    shift
    if "$@"; then
        echo "lint: $name ok"
    else
        echo "lint: $name FAILED"
        bad=1
    fi
}

# Formatting differs between versions of the tool; ours is 14.
# shellcheck disable=SC2317 # called through rule
format() {
    version=$(clang-format --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
    if [ "$version" != 14 ]; then
        echo "lint: formatting not judged: clang-format $version here, 14 wanted"
        return 0
    fi
    find src test -name '*.[ch]' -print0 | xargs -0 -r clang-format --dry-run -Werror \
        2>build/format.log && return 0
    grep -c 'error:' build/format.log | sed 's/$/ places; make format writes what is wanted:/'
    sed -n 's/: error:.*//p' build/format.log | head -n 20
    return 1
}

# shellcheck disable=SC2317
shell() {
    find . \( -path ./.git -o -path ./build -o -path ./deps/.prefix -o -name node_modules \) -prune \
        -o \( -name '*.sh' -o -path ./.ci/run \) -type f -print0 | xargs -0 -r shellcheck
}

for script in top layers banned secrets headers budgets docs errors; do
    rule "$script" python3 "test/lint/$script.py"
done
rule format format
rule shell shell
exit $bad
