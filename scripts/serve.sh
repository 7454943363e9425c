#!/bin/sh
# Build postern and serve a folder at https://localhost:8443 and http://localhost:8080.
#
#   scripts/serve.sh [ROOT] [OPTIONS...]
#
# ROOT is the folder to serve (default: the demo site); it is the first argument, if that is not an option. OPTIONS go to
# the server (see `postern --help`) and take the place of the defaults here: --http, --https (or --no-http, --no-https),
# --cert and --key. Installs what is missing, builds, and makes a certificate if there is none.
# Posts are taken too: a message board at /board, and any form whose action is /post/NAME. Boxes that nobody declared are for
# this machine only: with --public or an address of another kind, declare them with --box NAME.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
say() { printf 'serve: %s\n' "$*" >&2; }

case ${1-} in
-h)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
'' | -*) site=$root/examples/site ;;
*)
    site=$1
    shift
    ;;
esac
if [ ! -d "$site" ]; then
    say "there is no folder '$site' to serve"
    exit 2
fi

# What the user decided, so that no default contradicts it.
http= https= cert= no_https= boxes=
for argument in "$@"; do
    case $argument in
    --public | --boxes | --boxes=* | --box | --box=*) boxes=user ;;
    *localhost:* | *127.*:* | *\[::1\]:*) ;;
    *:*) boxes=user ;; # an address of more than this machine
    esac
    case $argument in
    --http | --http=* | --no-http) http=user ;;
    --no-https) https=user no_https=yes ;;
    --https | --https=*) https=user ;;
    --cert | --cert=* | --key | --key=*) cert=user ;;
    esac
done

"$root/scripts/deps.sh" build

mkdir -p "$root/build"
log=$root/build/serve.log
: >"$log"
failed() {
    tail -n 25 "$log" >&2
    say "$1 failed; all of its output is in $log"
    exit 1
}
# step WHAT COMMAND...: quiet, unless it fails.
step() {
    what=$1
    shift
    "$@" >>"$log" 2>&1 || failed "$what"
}
step "configuring" cmake -S "$root" --preset release
# Ninja's lines begin with [done/all]: enough to show that something happens, when it takes long.
build() {
    rm -f "$log.status"
    { cmake --build "$root/build/release" --target postern 2>&1 || echo failed >"$log.status"; } | tee -a "$log" |
        awk -F'[][/]' '$2 ~ /^[0-9]+$/ && $3 > 40 && $2 * 4 >= $3 * (quarters + 1) {
            quarters++; printf "serve: building postern: %d of %d files\n", $2, $3; fflush() }' >&2
    [ ! -e "$log.status" ]
}
[ -x "$root/build/release/postern" ] || say "building postern for the first time: a minute or so"
build || failed "building"

if [ -z "$no_https$cert" ]; then
    leaf=$root/certs/localhost.pem
    if [ ! -f "$leaf" ] || [ ! -f "$root/certs/localhost-key.pem" ]; then
        say "making a certificate for localhost"
        step "making a certificate" "$root/scripts/mkcert.sh"
    elif ! openssl x509 -in "$leaf" -noout -checkend 86400 >/dev/null 2>&1; then
        say "renewing the certificate for localhost"
        step "renewing the certificate" "$root/scripts/mkcert.sh"
    fi
    set -- --cert "$leaf" --key "$root/certs/localhost-key.pem" "$@"
fi
[ -n "$https" ] || set -- --https 8443 "$@"
[ -n "$http" ] || set -- --http 8080 "$@"
[ -n "$boxes" ] || set -- --boxes auto "$@"
exec "$root/build/release/postern" --echo --board "$@" "$site"
