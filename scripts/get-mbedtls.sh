#!/bin/sh
# Bring the Mbed TLS release that postern is built with into build/deps/ (or the folder given).
#
#   scripts/get-mbedtls.sh [DEST]     prints the path of the unpacked sources on standard output
#
# Where it comes from, in this order:
#   1. Debian's own source package, through the Debian mirror this machine's apt already uses, apt's signature check on.
#      apt runs on a private state in a temporary folder: no list, cache, pin or package of the system is touched, and
#      root is not needed.
#   2. The release page of the Mbed TLS project, for machines without a Debian mirror.
# Both are checked against the SHA-256 of the release. Nothing is ever installed on the system.
set -eu

version=3.6.6
sha256=8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a
upstream=https://github.com/Mbed-TLS/mbedtls/releases/download/mbedtls-$version/mbedtls-$version.tar.bz2
suites="trixie forky sid" # tried in this order; the first one that carries the release is used

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
dest=${1:-$root/build/deps}
target=$dest/mbedtls-$version

say() { printf 'get-mbedtls: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# The folder appears by one rename, so this file being there means that all of it is.
if [ -f "$target/include/mbedtls/build_info.h" ]; then
    printf '%s\n' "$target"
    exit 0
fi

for tool in tar bzip2 sha256sum; do
    have "$tool" || { say "needs '$tool': run scripts/deps.sh build"; exit 2; }
done

mkdir -p "$dest"
dest=$(CDPATH='' cd -- "$dest" && pwd)
target=$dest/mbedtls-$version

# Two builds started together would both download it; the second waits for the first instead.
if have flock && [ -z "${POSTERN_MBEDTLS_LOCKED:-}" ]; then
    POSTERN_MBEDTLS_LOCKED=1 exec flock "$dest/.get-mbedtls.lock" "$0" "$dest"
fi

tmp=$(mktemp -d)
new=$dest/.mbedtls-$version.$$
trap 'rm -rf "$tmp" "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_release() { [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$sha256" ]; }

# One line for each Debian archive in the machine's apt configuration: its URI. apt itself reads its configuration, so
# both the one-line and the deb822 form, disabled stanzas and variables are seen as apt sees them.
debian_mirrors() {
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
        awk '$3 == "main" && $2 ~ /^(bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$/ &&
             !seen[$1]++ { print $1 }'
}

# apt on a private state. Reads the system's apt.conf (a proxy may be set there), then turns away from everything else.
write_apt_conf() {
    mkdir -p "$tmp/apt/state/lists/partial" "$tmp/apt/cache/archives/partial" "$tmp/apt/etc/parts" "$tmp/apt/download"
    : >"$tmp/apt/state/status"
    cat >"$tmp/apt/apt.conf" <<CONF
Dir::State "$tmp/apt/state";
Dir::State::status "$tmp/apt/state/status";
Dir::Cache "$tmp/apt/cache";
Dir::Etc::sourcelist "$tmp/apt/etc/sources.list";
Dir::Etc::sourceparts "$tmp/apt/etc/parts";
Dir::Etc::preferences "$tmp/apt/etc/preferences";
Dir::Etc::preferencesparts "$tmp/apt/etc/parts";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Get::List-Cleanup "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
    # As root, apt downloads as the user _apt, which must be able to reach the folder.
    chmod 755 "$tmp" "$tmp/apt"
    if [ "$(id -u)" = 0 ] && id _apt >/dev/null 2>&1; then
        chown _apt "$tmp/apt/state/lists/partial" "$tmp/apt/cache/archives/partial" "$tmp/apt/download"
    fi
}

# from_debian MIRROR SUITE: leaves the release in $tmp/release.tar.bz2, or fails with its reason in $tmp/apt.log.
from_debian() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    # Without that file apt falls back on the keys the system trusts, which may well be none: it then refuses.
    opts=
    [ -r "$keyring" ] && opts="[signed-by=$keyring] "
    printf 'deb-src %s%s %s main\n' "$opts" "$1" "$2" >"$tmp/apt/etc/sources.list"
    apt-get -c "$tmp/apt/apt.conf" -qq update >>"$tmp/apt.log" 2>&1 || return 1
    found=$(apt-cache -c "$tmp/apt/apt.conf" showsrc --only-source mbedtls 2>>"$tmp/apt.log" |
        awk -v v="$version" '$1 == "Version:" { split($2, part, "-"); if (part[1] == v) { print $2; exit } }')
    if [ -z "$found" ]; then
        echo "$2 at $1 does not carry Mbed TLS $version" >>"$tmp/apt.log"
        return 1
    fi
    (cd "$tmp/apt/download" && apt-get -c "$tmp/apt/apt.conf" -qq --download-only --only-source source \
        "mbedtls=$found") >>"$tmp/apt.log" 2>&1 || return 1
    for file in "$tmp/apt/download"/mbedtls_"$version"*.orig.tar.*; do
        if [ -f "$file" ] && is_release "$file"; then
            mv "$file" "$tmp/release.tar.bz2"
            return 0
        fi
    done
    echo "the source package at $1 is not the pinned release" >>"$tmp/apt.log"
    return 1
}

from_any_debian() {
    have apt-get && have apt-cache || return 1
    mirrors=$(debian_mirrors)
    [ -n "$mirrors" ] || return 1
    write_apt_conf
    for mirror in $mirrors; do
        for suite in $suites; do
            say "asking $mirror for the Mbed TLS source package of $suite"
            if from_debian "$mirror" "$suite"; then
                return 0
            fi
            say "not there: $(tail -n 1 "$tmp/apt.log")"
        done
    done
    return 1
}

from_upstream() {
    have curl || { say "needs 'curl' to fetch $upstream"; return 1; }
    say "fetching $upstream"
    curl --fail --silent --show-error --location --retry 2 --connect-timeout 15 \
        --output "$tmp/release.tar.bz2" "$upstream" || return 1
    is_release "$tmp/release.tar.bz2" || { say "what came is not the pinned release"; return 1; }
}

if ! from_any_debian && ! from_upstream; then
    say "Mbed TLS $version could not be brought. What you can do, one of:"
    say "  - configure a Debian mirror in apt (with the package debian-archive-keyring) and run this again;"
    say "  - let this machine reach $upstream;"
    say "  - unpack Mbed TLS 3.6.6 or a newer 3.6 yourself and build with -DPOSTERN_MBEDTLS_SOURCE_DIR=FOLDER."
    exit 1
fi

mkdir "$new"
tar -xjf "$tmp/release.tar.bz2" -C "$new" --strip-components=1 --no-same-owner
if [ ! -f "$new/include/mbedtls/build_info.h" ]; then
    say "the release unpacked into something unexpected"
    exit 1
fi
mv "$new" "$target"
say "Mbed TLS $version is in $target"
printf '%s\n' "$target"
