#!/bin/sh
# Run clang-tidy over our own C, with the compile commands of a build folder.
#
#   scripts/check_tidy.sh [--changed] [BUILD_DIR]     (default build/asan)
#
# --changed looks only at files that differ from the last commit. A file that passed before and reads the same, headers
# and all, is not looked at again: BUILD_DIR/tidy/ remembers. Every finding is a failure; .clang-tidy names the checks.
set -eu
cd "$(dirname -- "$0")/.."
root=$(pwd)
tab=$(printf '\t')

# One file, as a process of its own (see the end): of several in one process, clang-tidy 14 mixes up their va_lists.
if [ "${1-}" = --one ]; then
    build=$2 file=$3 command=$4
    mkdir -p "$build/tidy"
    # What the compiler reads, comments included, since a NOLINT is one.
    if text=$(cd "$build" && eval "$command -E -C" 2>/dev/null); then
        key=$({ cat .clang-tidy && clang-tidy --version && printf '%s\n%s' "$command" "$text"; } | sha256sum)
        stamp=$build/tidy/${key%% *}
        [ -e "$stamp" ] && exit 0
    fi
    if found=$(clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option "$file" 2>&1); then
        [ -z "${stamp-}" ] || : >"$stamp"
        exit 0
    fi
    # The count of what was suppressed in system headers is no news.
    printf '%s\n' "$found" | grep -vE '^[0-9]+ warnings? |^Suppressed|^Use -header-filter|^Error while processing' || true
    exit 1
fi

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

# FILE TAB COMMAND for what the build compiles and is ours; Mbed TLS is in there too, under build/. The commands are made
# fit to be run again for their input alone: they must write none of the files that the build does.
list=$(mktemp)
trap 'rm -f "$list"' EXIT
sed -n -e '/^ *"command": /{s/^ *"command": "\(.*\)",\{0,1\}$/\1/;s/\\\(["\\]\)/\1/g;s/ -MD -MT [^ ]* -MF [^ ]*//;s/ -o [^ ]* -c / -c /;h;}' \
    -e '/^ *"file": /{s/^ *"file": "\(.*\)",\{0,1\}$/\1/;G;s/\n/'"$tab"'/;p;}' "$build/compile_commands.json" |
    grep -E "^$root/(src|tests|examples)/" | LC_ALL=C sort -u -t "$tab" -k 1,1 >"$list"
if [ -n "$changed" ]; then
    { git diff --name-only HEAD -- '*.c' && git ls-files --others --exclude-standard -- '*.c'; } |
        sed "s|.*|$root/&$tab|" | grep -F -f - "$list" >"$list.some" || true
    mv "$list.some" "$list"
    [ -s "$list" ] || { echo "check_tidy: no C file differs from the last commit"; exit 0; }
fi
if [ ! -s "$list" ]; then
    echo "check_tidy: found no files to check in $build/compile_commands.json" >&2
    exit 1
fi

# NUL-separated, since a command has quotes that xargs would read otherwise.
if ! tr "$tab\n" '\0\0' <"$list" | xargs -0 -P "$(nproc)" -n 2 "$root/scripts/check_tidy.sh" --one "$build" >&2; then
    echo "check_tidy: there are findings" >&2
    exit 1
fi
echo "check_tidy: $(wc -l <"$list") files, no findings"
