#!/bin/sh
# Build and run the tests. The last thing printed is ctest's own summary; the exit status is 0 only if all passed.
#
#   scripts/test.sh [--full] [CTEST OPTIONS...]      such as: scripts/test.sh -R unit/http
#
# What runs: everything under the address and undefined-behaviour sanitizers, and what threads share once more under the
# thread sanitizer (named tsan/...); where valgrind is, also whether the accelerated cryptography keeps silent about secrets
# (consttime/...), and what a request costs (cost/...). --full adds the unit tests under valgrind (valgrind/...), a short run
# of each fuzzer (libfuzzer/...), Mbed TLS's own test suites on our build of it (upstream/...), 100,000 cases of each
# accelerated primitive against Mbed TLS's own code and OpenSSL (proof/...), and Chromium on the demo site (e2e/browser,
# skipped otherwise).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
say() { printf 'test: %s\n' "$*" >&2; }

profile=test
if [ "${1-}" = --full ]; then
    profile=full
    shift
fi
scripts/deps.sh "$profile"

mkdir -p build
log=build/test.log
: >"$log"
# prepare NAME[:TARGET] CMAKE_ARGUMENTS...: configures and builds build/NAME, quietly unless it fails.
prepare() {
    name=${1%%:*}
    target=${1#"$name"}
    target=${target#:}
    shift
    say "building build/$name"
    if ! { cmake "$@" && cmake --build "build/$name" --target "${target:-all}"; } >"$log" 2>&1; then
        grep -E -A 12 '^FAILED:|CMake Error|: error:' "$log" | tail -n 60 >&2 || tail -n 40 "$log" >&2
        say "building build/$name failed; all of its output is in $log"
        exit 1
    fi
}

# Cryptography as it is shipped: what optimization breaks should show.
prepare_crypto() {
    prepare "$1:crypto_tests" --preset release -B "build/$1" -DPOSTERN_TESTS=ON -DPOSTERN_LTO=OFF \
        -DPOSTERN_USE_SYSTEM_MBEDTLS=OFF "-DPOSTERN_TEST_ONLY=^($2)/" -DPOSTERN_TEST_UPSTREAM="$3" -DPOSTERN_PROOF_CASES=100000
}

also="build/tsan;build/cost"
prepare tsan --preset tsan
prepare cost:request_cost --preset cost
if [ "$profile" = full ]; then
    prepare valgrind --preset debug -B build/valgrind -DPOSTERN_TEST_PREFIX=valgrind/ '-DPOSTERN_TEST_ONLY=^unit/' \
        '-DPOSTERN_TEST_LAUNCHER=valgrind;--quiet;--error-exitcode=1;--leak-check=full;--child-silent-after-fork=yes'
    prepare fuzz --preset fuzz
    prepare_crypto crypto 'consttime|proof|upstream' ON
    prepare_crypto wide upstream wide
    say "bringing playwright-core for the browser"
    npm ci --prefix tests/browser --no-audit --no-fund >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        say "npm ci in tests/browser failed; all of its output is in $log"
        exit 1
    }
    also="$also;build/valgrind;build/fuzz;build/crypto;build/wide"
elif command -v valgrind >/dev/null; then
    prepare_crypto crypto 'consttime|upstream' OFF
    also="$also;build/crypto"
fi
prepare asan --preset asan "-DPOSTERN_TEST_ALSO=$also"

exec ctest --test-dir build/asan --output-on-failure -j2 "$@"
