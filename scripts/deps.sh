#!/bin/sh
# Install what is missing on this machine, and only that.
#
#   scripts/deps.sh build     what scripts/serve.sh needs: compiler, cmake, ninja, openssl, SQLite, the mime
#                             database, Mbed TLS; on x86-64, where the system's suites have them, also nettle,
#                             libsodium and intel-ipsec-mb, which speed it up
#   scripts/deps.sh test      that, and what scripts/test.sh needs: cmocka, clients, checkers
#   scripts/deps.sh full      that, and what only scripts/test.sh --full needs
#
# What is there already is left alone, wherever it came from, and then nothing is run but a few look-ups. Packages come
# from the suites that the system already uses. Mbed TLS is brought into build/deps, never installed.
# Exit status: 0 all there, 2 something is missing that this user cannot install (one message says what to run).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
profile=${1:-build}
cmake_min=3.25

say() { printf 'deps: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# The first words of a line: a command, or a file, that tells whether it is there. The last: the Debian package.
needs_build='
cc gcc
/usr/include/stdio.h libc6-dev
cmake cmake
ninja ninja-build
openssl openssl
bzip2 bzip2
curl curl
/etc/ssl/certs/ca-certificates.crt ca-certificates
/usr/share/mime/globs2 shared-mime-info
/usr/include/sqlite3.h libsqlite3-dev
'
# What src/accel takes from libraries, on processors of this kind alone: where there is no such package, or it cannot be
# installed, postern is built without.
wishes=
if [ "$(uname -m)" = x86_64 ]; then
    wishes='/usr/include/nettle/version.h nettle-dev
/usr/include/intel-ipsec-mb.h libipsec-mb-dev
/usr/include/sodium.h libsodium-dev
'
fi
needs_test='
/usr/include/qrencode.h libqrencode-dev
/usr/include/cmocka.h libcmocka-dev
/usr/include/openssl/evp.h libssl-dev
gnutls-cli gnutls-bin
python3 python3
pkg-config pkg-config
c++ g++
clang-format clang-format
clang-tidy clang-tidy
valgrind valgrind
'
needs_full='
clang clang libclang-rt-dev
node nodejs
npm npm
chromium chromium
certutil libnss3-tools
'
case $profile in
build) needs=$needs_build ;;
test) needs=$needs_build$needs_test ;;
full) needs=$needs_build$needs_test$needs_full ;;
*)
    say "usage: scripts/deps.sh build|test|full"
    exit 2
    ;;
esac

# missing LINES: the packages of those lines whose sign is not there.
missing() {
    printf '%s' "$1" | while read -r sign package; do
        case $sign in
        '') continue ;;
        /*) [ -e "$sign" ] && continue ;;
        *) have "$sign" && continue ;;
        esac
        printf '%s ' "$package"
    done
}

# offered PACKAGES...: those that the suites have, as far as the system knows.
offered() {
    for package in "$@"; do
        apt-cache policy "$package" 2>/dev/null | grep -q '^  Candidate: [^(]' && printf '%s ' "$package"
    done
    return 0
}

# Waits for another apt rather than failing beside it.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 "$@" \
        >>"$log" 2>&1 </dev/null
}

install() {
    say "installing $*"
    apt install -y --no-install-recommends "$@"
}

packages=$(missing "$needs")
packages=${packages% }
wished=$(missing "$wishes")
wished=${wished% }
if [ -n "$packages" ] && ! have apt-get; then
    say "needs what Debian calls: $packages; install them with this system's package manager and try again"
    exit 2
fi
if [ -n "$packages$wished" ] && have apt-get; then
    as_root=none
    hint=
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif have sudo; then
        hint="sudo apt-get update && sudo apt-get install -y --no-install-recommends"
        if sudo -n true 2>/dev/null; then
            as_root="sudo -n"
        fi
    else
        hint="su -c 'apt-get update && apt-get install -y --no-install-recommends"
    fi
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if [ "$as_root" = none ]; then
        # shellcheck disable=SC2086
        wished=$(offered $wished)
        [ "${hint#su -c}" = "$hint" ] && end= || end="'"
        if [ -n "$packages" ]; then
            say "needs packages that only root can install; run this and try again: $hint $packages $wished$end"
            exit 2
        fi
        [ -z "$wished" ] || say "postern would be faster with packages that only root can install: $hint $wished$end"
    else
        # A system that was just set up knows no suites yet.
        if [ -n "$packages" ] || [ -z "$(offered libc6-dev)" ]; then
            apt update || [ -z "$packages" ] || {
                tail -n 15 "$log" >&2
                say "apt-get update failed; missing: $packages"
                exit 2
            }
        fi
        # shellcheck disable=SC2086
        if [ -n "$packages" ] && ! install $packages; then
            tail -n 15 "$log" >&2
            say "apt-get could not install: $packages"
            exit 2
        fi
        # shellcheck disable=SC2086
        wished=$(offered $wished)
        # shellcheck disable=SC2086
        [ -z "$wished" ] || install $wished || say "goes on without $wished(postern is slower, and works the same)"
    fi
    packages=$(missing "$needs")
    if [ -n "$packages" ]; then
        say "apt-get succeeded, yet this is still missing: $packages"
        exit 2
    fi
fi

version=$(cmake --version | sed -n '1s/.* \([0-9.]*\).*/\1/p')
if [ "$(printf '%s\n%s\n' "$cmake_min" "$version" | sort -V | head -n 1)" != "$cmake_min" ]; then
    say "cmake $version is too old: postern needs $cmake_min or newer (Debian 12 and Ubuntu 24.04 have it)"
    exit 2
fi

# Named sources are used as they are.
if [ -z "${POSTERN_MBEDTLS_SOURCE_DIR:-}" ]; then
    "$root/scripts/get-mbedtls.sh" >/dev/null || exit 2
fi
