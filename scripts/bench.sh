#!/bin/bash
# Measure postern beside the servers that are installed here: CPU for each request, memory of idle connections.
#
#   scripts/bench.sh [--install] [OPTIONS...]
#
#   --install       bring the other servers and wrk, through apt; none of them is started as a service
#   --quick         one short round of each row
#   --rounds N      rounds of each row (default 5);  --seconds N  the length of one run (default 4)
#   --together      all servers at once instead of in turns: steadier ratios where other work goes on
#   --rows LIST     only these rows, such as http-1k,https-1k
#   --peers LIST    only these servers, such as postern,nginx,h2o
#   --postern FILE  measure this program instead of building one;  --base FILE  and this one beside it
#   --json FILE     keep what was found;  --from FILE  measure nothing, take that
#   --plot FILE     draw it, as an SVG;  --docs FILE  write it into a page, between its markers (docs/performance.md)
#   --flame FILE    instead, a flame graph of the one server in --peers at the one row in --rows (needs perf)
#
# Prints Markdown. Everything runs on this machine's loopback, in a temporary folder, and ends with the script. The
# figures are for comparing servers of one run with each other, not with those of another run or machine.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
say() { printf 'bench: %s\n' "$*" >&2; }

install() {
    local missing=() package service
    # apache2-bin is the server alone, without a service; libssl-dev is for the client that resumes sessions.
    for package in wrk nginx h2o lighttpd lighttpd-mod-openssl lighttpd-mod-mbedtls apache2-bin caddy gcc libc6-dev libssl-dev; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        say "--install needs root: sudo env RUNLEVEL=1 apt-get install --no-install-recommends ${missing[*]}"
        exit 2
    fi
    say "installing ${missing[*]}"
    # Debian's packages start their services at once, unless the machine is in single-user mode, which RUNLEVEL makes
    # invoke-rc.d believe. And what was brought only to be measured is not to start with the machine either.
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    for service in "${missing[@]}"; do
        if [ -e "/lib/systemd/system/$service.service" ] && command -v systemctl >/dev/null; then
            systemctl --quiet disable "$service" || say "$service may start with the machine"
        fi
    done
}

build=yes
arguments=()
for argument in "$@"; do
    case $argument in
    -h | --help)
        sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    --install) install ;;
    --postern | --postern=* | --from | --from=*)
        build=no
        arguments+=("$argument")
        ;;
    *) arguments+=("$argument") ;;
    esac
done

if [ $build = yes ]; then
    "$root/scripts/deps.sh" build
    log=$root/build/bench.log
    mkdir -p "$root/build"
    if ! { cmake -S "$root" --preset release && cmake --build "$root/build/release" --target postern; } >"$log" 2>&1; then
        tail -n 25 "$log" >&2
        say "building build/release failed; all of its output is in $log"
        exit 1
    fi
fi
exec python3 -B "$root/tests/bench/bench.py" "${arguments[@]+"${arguments[@]}"}"
