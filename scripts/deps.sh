#!/bin/sh
# Install what is missing on this machine, and only that.
#
#   scripts/deps.sh build     what scripts/serve.sh needs: compiler, cmake, ninja, openssl, SQLite, the mime
#                             database, Mbed TLS; on x86-64 nettle and intel-ipsec-mb, which speed it up
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
# What src/accel takes from libraries on processors of this kind alone.
if [ "$(uname -m)" = x86_64 ]; then
    needs_build=$needs_build'/usr/include/nettle/version.h nettle-dev
/usr/include/intel-ipsec-mb.h libipsec-mb-dev
'
fi
needs_test='
/usr/include/qrencode.h libqrencode-dev
/usr/include/cmocka.h libcmocka-dev
gnutls-cli gnutls-bin
python3 python3
pkg-config pkg-config
c++ g++
clang-format clang-format
clang-tidy clang-tidy
'
needs_full='
clang clang libclang-rt-dev
valgrind valgrind
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

missing() {
    printf '%s' "$needs" | while read -r sign package; do
        case $sign in
        '') continue ;;
        /*) [ -e "$sign" ] && continue ;;
        *) have "$sign" && continue ;;
        esac
        printf '%s ' "$package"
    done
}

packages=$(missing)
packages=${packages% }
if [ -n "$packages" ]; then
    if ! have apt-get; then
        say "needs what Debian calls: $packages; install them with this system's package manager and try again"
        exit 2
    fi
    install="apt-get install -y --no-install-recommends $packages"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    elif have sudo; then
        say "needs packages that only root can install; run this and try again: sudo apt-get update && sudo $install"
        exit 2
    else
        say "needs packages that only root can install; run this and try again: su -c 'apt-get update && $install'"
        exit 2
    fi
    say "installing $packages"
    log=$(mktemp)
    # Waits for another apt rather than failing beside it.
    apt_options="-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2"
    # shellcheck disable=SC2086 # the words are meant to be split
    if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get $apt_options update &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get $apt_options install -y --no-install-recommends $packages; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        say "apt-get could not install: $packages"
        exit 2
    fi
    rm -f "$log"
    packages=$(missing)
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
