#!/usr/bin/env python3
"""Compare postern with other servers on this machine: server CPU for each request, and memory of idle connections.

Run by scripts/bench.sh, which builds postern first. Times of a shared machine mean little by themselves: what counts
are the ratios, and they are taken within one round, in which the servers take turns. A round of a row is one run of
wrk against each server; the table has medians over all rounds, with the smallest and the largest in parentheses. Where
other work makes a machine so uneven that ratios swing, --together has all servers suffer from it alike.
Each server's replies are checked byte by byte before, and each run of wrk for errors. Exit status: 0 measured,
whatever came out; 1 something is wrong, and then nothing is reported of it; 2 bad usage.
"""

import argparse
import concurrent.futures
import os
import platform
import resource
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from measure import Clients, Load, check, idle_kib
from posts import Posts, lines_of
from peers import ALL, USUAL, BenchError, Base, Postern, Site

ROOT = Path(__file__).resolve().parent.parent.parent
IDLE_CONNECTIONS = 1000


class Row:
    def __init__(self, key, title, loads=None, idle=None, handshakes=False, posts=None):
        self.key, self.title, self.loads, self.idle, self.handshakes = key, title, loads, idle, handshakes
        self.posts = posts


def http(name, connections=50):
    return Load(name, connections=connections)


def https(name, tls="any", close=False):
    return Load(name, secure=True, tls=tls, close=close)


ROWS = (
    Row("http-1k", "1 KiB over http, keep-alive", [http("1k.txt")]),
    Row("https-1k", "1 KiB over https, keep-alive, TLS as each likes it", [https("1k.txt")]),
    Row("https12-1k", "1 KiB over https, keep-alive, TLS 1.2 with AES-128-GCM", [https("1k.txt", "1.2")]),
    Row("https13-1k", "1 KiB over https, keep-alive, TLS 1.3 with AES-128-GCM", [https("1k.txt", "1.3")]),
    Row("http-64k", "64 KiB over http, keep-alive", [http("64k.txt")]),
    Row("https-64k", "64 KiB over https, keep-alive, TLS as each likes it", [https("64k.txt")]),
    Row("flat", "1 KiB over http with 50, 200 and 1,000 connections", [http("1k.txt", n) for n in (50, 200, 1000)]),
    Row("handshake13", "Full TLS 1.3 handshakes (each with one request)", [https("1k.txt", "1.3", True)], None, True),
    Row("handshake12", "Full TLS 1.2 handshakes (each with one request)", [https("1k.txt", "1.2", True)], None, True),
    Row("idle-http", "Memory of an idle http connection", idle=False),
    Row("idle-https", "Memory of an idle https connection", idle=True),
    Row("posts", "Durable small posts", posts=Posts.small),
    Row("upload", "A large upload", posts=Posts.uploads),
    Row("board", "A page of the message board", posts=Posts.board),
)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def median(values, form="{:.2f}"):
    low, mid, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return mid if low == high else f"{mid} ({low}–{high})"


def rotated(items, by):
    """Each round begins with another server: who comes first finds the machine as somebody else left it."""
    by %= len(items)
    return items[by:] + items[:by]


def table(heads, lines):
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print(flush=True)


class Bench:
    def __init__(self, servers, clients, options):
        self.servers, self.clients, self.options = servers, clients, options
        self.cpu = {}  # (row, server, load's number): us a request, one for each round
        self.idle = {}  # (row, server): KiB
        self.tls = {}  # (server, tls of the client): what they agree on
        self.posts = {}  # (row, what): median

    def reference(self, names):
        return next(name for name in ("postern", *names) if name in names)

    # ---- rows of load ----

    def able(self, row):
        """Servers that can do it, with what they negotiate; and those that cannot."""
        tls = row.loads[0].tls
        if not row.loads[0].secure:
            return list(self.servers)
        for peer in self.servers:
            if (peer.name, tls) not in self.tls:
                self.tls[peer.name, tls] = self.clients.negotiated(peer, tls)
        return [peer for peer in self.servers if self.tls[peer.name, tls]]

    def round(self, load, servers, at_once):
        """Each server's CPU for a request and its requests a second."""
        with concurrent.futures.ThreadPoolExecutor(len(servers) if at_once else 1) as pool:
            runs = {peer: pool.submit(load.run, peer, self.clients, self.options.seconds) for peer in servers}
        return {peer: run.result() for peer, run in runs.items()}

    def measure(self, row):
        able = self.able(row)
        rates = {}
        # Thousands of connections would drive each other out of the caches: in that row they take turns in any case.
        at_once = self.options.together and len(row.loads) == 1
        for number in range(self.options.rounds):
            say(f"{row.key}: round {number + 1} of {self.options.rounds}")
            for index, load in enumerate(row.loads):
                for peer, (cpu, rate) in self.round(load, rotated(able, number), at_once).items():
                    self.cpu.setdefault((row.key, peer.name, index), []).append(cpu)
                    rates.setdefault((peer.name, index), []).append(rate)
        print(f"### {row.title}\n")
        if len(row.loads) > 1:
            self.print_flat(row, able)
        else:
            self.print_load(row, able, rates)

    def ratios(self, row, name, index=0, other=None, other_index=0):
        """Of each round: this server's CPU to the other's."""
        mine, theirs = self.cpu.get((row, name, index), []), self.cpu.get((row, other, other_index), [])
        return [m / t for m, t in zip(mine, theirs)]

    def print_load(self, row, able, rates):
        unit = "handshake" if row.handshakes else "request"
        heads = ["server", f"CPU µs/{unit}", "÷ postern", f"{unit}s/CPU second", f"{unit}s/s"]
        secure = row.loads[0].secure
        reference = self.reference([peer.name for peer in able])
        lines = []
        for peer in self.servers:
            if peer not in able:
                lines.append([peer.name, "not measured"] + [""] * 3 + ["does not speak it"])
                continue
            cpu = self.cpu[row.key, peer.name, 0]
            ratio = self.ratios(row.key, peer.name, 0, reference)
            per_second = [1e6 / c for c in cpu]
            line = [peer.name, median(cpu), median(ratio), median(per_second, "{:.0f}")]
            line += [median(rates[peer.name, 0], "{:.0f}")]
            lines.append(line + ([self.tls[peer.name, row.loads[0].tls]] if secure else []))
        table(heads + (["TLS"] if secure else []), lines)

    def print_flat(self, row, able):
        counts = [load.connections for load in row.loads]
        heads = ["server"] + [f"CPU µs/request at {n:,}" for n in counts] + [f"{n:,} ÷ {counts[0]}" for n in counts[1:]]
        lines = []
        for peer in able:
            line = [peer.name] + [median(self.cpu[row.key, peer.name, i]) for i in range(len(counts))]
            for i in range(1, len(counts)):
                line.append(median(self.ratios(row.key, peer.name, i, peer.name, 0)))
            lines.append(line)
        table(heads, lines)

    # ---- rows of idle connections ----

    def measure_idle(self, row):
        say(row.key)
        count, wait_s = IDLE_CONNECTIONS, 3
        for peer in self.servers:
            self.idle[row.key, peer.name] = idle_kib(peer, row.idle, count, wait_s)
        print(f"### {row.title}\n")
        reference = self.idle[row.key, self.reference([peer.name for peer in self.servers])]
        lines = []
        for peer in self.servers:
            kib = self.idle[row.key, peer.name]
            lines.append([peer.name, f"{kib:.1f}", f"{kib / reference:.2f}" if reference > 0 else ""])
        table(["server", f"KiB each, of {count:,}", "÷ postern"], lines)

    # ---- rows of posts ----

    def measure_posts(self, rows):
        postern = next((peer for peer in self.servers if peer.name == "postern"), None)
        if not postern:
            return
        for row in rows:
            with Posts(postern.site, self.options, say) as posts:
                found = row.posts(posts)
            self.posts.update({(row.key, name): statistics.median(values) for name, values, _ in found})
            table(["what", "measured"], lines_of(found))

    # ---- targets ----

    def ratio(self, row, name, other):
        found = self.ratios(row, name, 0, other)
        return statistics.median(found) if found else None

    def print_targets(self):
        flat = self.ratios("flat", "postern", 2, "postern", 0)
        targets = (
            ("1 KiB http: postern ÷ h2o", self.ratio("http-1k", "postern", "h2o"), 1.1),
            ("1 KiB http: postern ÷ nginx", self.ratio("http-1k", "postern", "nginx"), 1.0),
            ("1 KiB https: postern ÷ lighttpd-mbedtls", self.ratio("https-1k", "postern", "lighttpd-mbedtls"), 0.77),
            ("64 KiB http: postern ÷ lighttpd", self.ratio("http-64k", "postern", "lighttpd"), 1.1),
            ("1 KiB http: 1,000 ÷ 50 connections", statistics.median(flat) if flat else None, 1.2),
            ("an idle http connection, KiB", self.idle.get(("idle-http", "postern")), 2.0),
            ("an idle https connection, KiB", self.idle.get(("idle-https", "postern")), 24.0),
        )
        fsyncs = self.posts.get(("posts", "ratio"))
        targets += (
            ("one fsync at a time ÷ durable posts", 1 / fsyncs if fsyncs else None, 0.05),
            ("an upload over http ÷ dd conv=fsync", self.posts.get(("upload", "http ÷ dd")), 1.5),
            ("an upload over https ÷ openssl s_server", self.posts.get(("upload", "https ÷ s_server")), 1.3),
            ("a page of the board, CPU µs", self.posts.get(("board", "CPU µs/request, http, keep-alive")), 100.0),
        )
        lines = []
        for name, value, most in targets:
            if value is not None:
                lines.append([name, f"{value:.2f}", f"{most:.2f}", "yes" if value <= most else "**no**"])
        if lines:
            print("### Targets\n")
            table(["what", "measured", "at most", "reached"], lines)

    def run(self, rows):
        load_rows = [row for row in rows if row.loads]
        try:
            for peer in self.servers:
                peer.start()
                check(peer)
            for row in load_rows:
                self.measure(row)
        finally:
            for peer in self.servers:
                peer.stop()
        for row in rows:
            if row.idle is not None:
                self.measure_idle(row)
        self.measure_posts([row for row in rows if row.posts])
        self.print_targets()


# ---- the command line ----


def names_of(text, known, what, parser):
    names = text.split(",")
    for name in names:
        if name not in known:
            parser.error(f"no {what} is called '{name}': there are {', '.join(known)}")
    return names


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__.split("\n")[0])
    rows = [row.key for row in ROWS]
    parser.add_argument("--quick", action="store_true", help="one short round of each row: to see that all works")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each row (default: 5)")
    parser.add_argument("--seconds", type=int, metavar="N", help="length of a run of wrk (default: 4)")
    parser.add_argument("--together", action="store_true", help="all servers at once, each with a wrk of its own")
    parser.add_argument("--rows", metavar="LIST", default=",".join(rows), help="of: " + ", ".join(rows))
    parser.add_argument("--peers", metavar="LIST", help="of: " + ", ".join(p.name for p in ALL))
    program = str(ROOT / "build/release/postern")
    parser.add_argument("--postern", metavar="FILE", default=program, help="the program (default: build/release/postern)")
    parser.add_argument("--base", metavar="FILE", help="another build of postern, to compare with")
    parser.add_argument("--upload-mib", type=int, metavar="N", help="size of the upload (default: 1024)")
    parser.add_argument("--disk", metavar="DIR", default=str(ROOT / "build"), help="where posts are kept (default: build)")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 4)
    options.upload_mib = options.upload_mib or (128 if options.quick else 1024)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    names = names_of(options.rows, rows, "row", parser)
    options.rows = [row for row in ROWS if row.key in names]
    options.is_chosen = options.peers is not None
    wanted = names_of(options.peers or ",".join(USUAL), [p.name for p in ALL], "server", parser)
    options.peers = [peer for peer in ALL if peer.name in wanted]
    Postern.binary = os.path.abspath(options.postern)
    Base.binary = os.path.abspath(options.base) if options.base else ""
    return options


def choose(options):
    """The servers that are there. Missing is an error only for those asked for by name."""
    found = []
    for peer in options.peers:
        missing = peer.missing()
        if not missing:
            found.append(peer)
        elif options.is_chosen:
            raise BenchError(f"{peer.name} is not installed: there is no {missing}")
        elif peer is not Base:
            say(f"{peer.name} is left out: not installed (scripts/bench.sh --install brings it)")
    for program in ("wrk", "openssl"):
        if not shutil.which(program):
            raise BenchError(f"{program} is not installed: scripts/bench.sh --install brings it")
    if not found:
        raise BenchError("there is no server to measure")
    return found


def print_heading(servers, options):
    how = ", all servers at once" if options.together else ""
    print("## Server CPU and memory\n")
    print(f"{', '.join(f'{peer.name} {peer.version()}' for peer in servers)}; Linux {platform.release()}, ", end="")
    print(f"{os.cpu_count()} CPUs shared with the load, one worker each, wrk with 1 thread and 50 connections ", end="")
    print(f"unless a row says otherwise; {options.rounds} rounds of {options.seconds} s{how}, ", end="")
    print("medians (least–most).\n", flush=True)


def main(argv):
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20000 if hard == resource.RLIM_INFINITY else min(20000, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
            site = Site(folder, ROOT / "scripts")
            servers = [peer(site) for peer in choose(options)]
            print_heading(servers, options)
            Bench(servers, Clients(folder), options).run(options.rows)
    except BenchError as error:
        say(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
