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
# Both are checked against the SHA-256 of the release. When neither has that release any more, because Debian moved on to
# a newer 3.6 with security fixes, that one is taken, on the word of Debian's signature. Nothing is ever installed on the
# system.
set -eu

version=3.6.6
sha256=8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a
upstream=https://github.com/Mbed-TLS/mbedtls/releases/download/mbedtls-$version/mbedtls-$version.tar.bz2
suites="trixie forky sid" # tried in this order; the first one that carries the release is used

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
dest=${1:-$root/build/deps}

say() { printf 'get-mbedtls: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# The folder appears by one rename, so this file being there means that all of it is.
for target in "$dest"/mbedtls-3.6.*; do
    if [ -f "$target/include/mbedtls/build_info.h" ]; then
        printf '%s\n' "$target"
        exit 0
    fi
done

for tool in tar bzip2 sha256sum; do
    have "$tool" || { say "needs '$tool': run scripts/deps.sh build"; exit 2; }
done

mkdir -p "$dest"
dest=$(CDPATH='' cd -- "$dest" && pwd)

# Two builds started together would both download it; the second waits for the first instead.
if have flock && [ -z "${POSTERN_MBEDTLS_LOCKED:-}" ]; then
    POSTERN_MBEDTLS_LOCKED=1 exec flock "$dest/.get-mbedtls.lock" "$0" "$dest"
fi

tmp=$(mktemp -d)
new=$dest/.new.$$
trap 'rm -rf "$tmp" "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP PIPE

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

# look_at MIRROR SUITE: prints the versions of the source package there; the reason of a failure goes to $tmp/apt.log.
look_at() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    # Without that file apt falls back on the keys the system trusts, which may well be none: it then refuses.
    opts=
    [ -r "$keyring" ] && opts="[signed-by=$keyring] "
    printf 'deb-src %s%s %s main\n' "$opts" "$1" "$2" >"$tmp/apt/etc/sources.list"
    apt-get -c "$tmp/apt/apt.conf" -qq update >>"$tmp/apt.log" 2>&1 || return 1
    apt-cache -c "$tmp/apt/apt.conf" showsrc --only-source mbedtls 2>>"$tmp/apt.log" |
        awk '$1 == "Version:" { print $2 }'
}

# download VERSION: the source package of the suite last looked at; its upstream part becomes $tmp/release.tar.
download() {
    (cd "$tmp/apt/download" && apt-get -c "$tmp/apt/apt.conf" -qq --download-only --only-source source \
        "mbedtls=$1") >>"$tmp/apt.log" 2>&1 || return 1
    for file in "$tmp/apt/download/mbedtls_${1%%-*}"*.orig.tar.*; do
        case $file in
        *.asc) ;;
        *) mv "$file" "$tmp/release.tar" && return 0 ;;
        esac
    done
    return 1
}

# from_debian MIRROR SUITE: the pinned release, if it is there. A newer one is noted in $tmp/newer for the last resort.
from_debian() {
    look_at "$1" "$2" >"$tmp/versions" || return 1
    pinned=$(awk -v v="$version" '{ split($1, part, "-"); if (part[1] == v) { print $1; exit } }' "$tmp/versions")
    if [ -z "$pinned" ]; then
        echo "$2 does not carry Mbed TLS $version" >>"$tmp/apt.log"
        newer=$(awk -v v="$version" '{ split($1, part, "-"); split(part[1], have, "."); split(v, want, ".")
            if (have[1] == want[1] && have[2] == want[2] && have[3] + 0 > want[3] + 0) { print $1; exit } }' \
            "$tmp/versions")
        [ -z "$newer" ] || [ -f "$tmp/newer" ] || printf '%s %s %s\n' "$1" "$2" "$newer" >"$tmp/newer"
        return 1
    fi
    download "$pinned" || return 1
    is_release "$tmp/release.tar" && return 0
    # Nobody changes a release: this wants a person's eye, so no other version is taken in its place.
    : >"$tmp/mismatch"
    echo "the source package of $2 is not the pinned release" >>"$tmp/apt.log"
    return 1
}

newer_from_debian() {
    [ -f "$tmp/newer" ] && [ ! -f "$tmp/mismatch" ] || return 1
    read -r mirror suite newer <"$tmp/newer"
    say "taking Mbed TLS ${newer%%-*} from $suite instead: checked by Debian's signature alone"
    look_at "$mirror" "$suite" >/dev/null && download "$newer" || return 1
    version=${newer%%-*}
}

from_any_debian() {
    have apt-get && have apt-cache || return 1
    mirrors=$(debian_mirrors)
    [ -n "$mirrors" ] || return 1
    write_apt_conf
    for mirror in $mirrors; do
        for suite in $suites; do
            say "asking the Debian mirror for the Mbed TLS source package of $suite"
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
        --output "$tmp/release.tar" "$upstream" || return 1
    is_release "$tmp/release.tar" || { say "what came is not the pinned release"; return 1; }
}

if ! from_any_debian && ! from_upstream && ! newer_from_debian; then
    say "Mbed TLS $version could not be brought. What you can do, one of:"
    say "  - configure a Debian mirror in apt (with the package debian-archive-keyring) and run this again;"
    say "  - let this machine reach $upstream;"
    say "  - unpack Mbed TLS 3.6.6 or a newer 3.6 yourself and build with -DPOSTERN_MBEDTLS_SOURCE_DIR=FOLDER."
    exit 1
fi

target=$dest/mbedtls-$version
mkdir "$new"
tar -xf "$tmp/release.tar" -C "$new" --strip-components=1 --no-same-owner
# The second file is a generated one: a release has it, a checkout does not.
if [ ! -f "$new/include/mbedtls/build_info.h" ] || [ ! -f "$new/library/error.c" ]; then
    say "the archive does not hold what a release of Mbed TLS holds"
    exit 1
fi
mv "$new" "$target"
say "Mbed TLS $version is in $target"
printf '%s\n' "$target"
