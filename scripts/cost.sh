#!/bin/sh
# Count what a request costs, in instructions, system calls and allocations, and compare with tests/cost/limits.json.
#
#   scripts/cost.sh            exit status 1 where a row is over its limit
#   scripts/cost.sh --renew    write today's counts into that file
#
# The counts are valgrind's, so they are the same on a busy machine; what can be counted, and with what it can be
# compared, stands in tests/cost/cost.py.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
scripts/deps.sh test
mkdir -p build
if ! { cmake --preset cost && cmake --build --preset cost; } >build/cost.log 2>&1; then
    tail -n 40 build/cost.log >&2
    echo "cost: the build failed; all of its output is in build/cost.log" >&2
    exit 1
fi
exec python3 tests/cost/cost.py build/cost/tests/request_cost "$@"
