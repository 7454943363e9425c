#!/bin/sh
# Run clang-tidy over our own C, with the compile commands of a build folder.
#
#   scripts/check_tidy.sh [--changed] [BUILD_DIR]     (default build/asan)
#
# --changed looks only at files that differ from the last commit. Every finding is a failure: .clang-tidy names the checks.
set -eu
cd "$(dirname -- "$0")/.."
root=$(pwd)

changed=
if [ "${1-}" = --changed ]; then
    changed=yes
    shift
fi
build=${1:-build/asan}
if [ ! -f "$build/compile_commands.json" ]; then
    echo "check_tidy: no $build/compile_commands.json: run cmake --preset asan" >&2
    exit 2
fi

# What the build compiles and is ours; Mbed TLS is in there too, under build/.
files=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" |
    grep -E "^$root/(src|tests|examples)/" | LC_ALL=C sort -u)
if [ -n "$changed" ]; then
    differ=$(git diff --name-only HEAD -- '*.c' && git ls-files --others --exclude-standard -- '*.c')
    files=$(for file in $files; do
        printf '%s\n' "$differ" | grep -qxF "${file#"$root"/}" && printf '%s\n' "$file"
    done || true)
    [ -n "$files" ] || { echo "check_tidy: no C file differs from the last commit"; exit 0; }
fi
if [ -z "$files" ]; then
    echo "check_tidy: found no files to check in $build/compile_commands.json" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Small batches share the work evenly. The count of suppressed warnings (system headers) is no news.
if ! printf '%s\n' "$files" |
    xargs -P "$(nproc)" -n 2 clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option >"$log" 2>&1; then
    grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' "$log" >&2 || true
    echo "check_tidy: there are findings" >&2
    exit 1
fi
echo "check_tidy: $(printf '%s\n' "$files" | wc -l) files"
