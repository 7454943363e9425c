#!/bin/sh
# Check that all C is formatted as .clang-format says; with --fix, format it.
set -eu
cd "$(dirname -- "$0")/.."

files=$(find src include tests examples -name '*.[ch]' -type f 2>/dev/null | LC_ALL=C sort)
if [ -z "$files" ]; then
    echo "check_format: found no C files: nothing was checked" >&2
    exit 1
fi
count=$(printf '%s\n' "$files" | wc -l)
# Names in this tree have no spaces (and a name that had would fail here, loudly).
# shellcheck disable=SC2086
if [ "${1-}" = --fix ]; then
    clang-format -i $files
elif ! clang-format --dry-run -Werror $files; then
    echo "check_format: run scripts/check_format.sh --fix" >&2
    exit 1
fi
echo "check_format: $count files ($(clang-format --version | sed 's/.*version \([0-9.]*\).*/clang-format \1/'))"
