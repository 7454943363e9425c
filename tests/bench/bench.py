#!/usr/bin/env python3
"""Compare postern with other servers on this machine: server CPU for each request, and memory of idle connections.

Run by scripts/bench.sh, which builds postern first. Times of a shared machine mean little by themselves: what counts
are the ratios, and they are taken within one round, in which the servers take turns. A round of a row is one run of
wrk against each server; the table has medians over all rounds, with the smallest and the largest in parentheses. Where
other work makes a machine so uneven that ratios swing, --together has all servers suffer from it alike.
Each server's replies are checked byte by byte before, and each run of wrk for errors. Exit status: 0 measured,
whatever came out; 1 something is wrong, and nothing is reported of the server and row where it was; 2 bad usage.
"""

import argparse
import datetime
import os
import platform
import re
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import docs
import flame
import plot
from clients import Clients, check
from peers import Base, BenchError, Postern, Site
from report import heading, targets_table
from results import Run, load
from rows import ROWS, Work
from runner import Runner
from servers import ALL, USUAL

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = 20000


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def names_of(text, known, what, parser):
    names = text.split(",")
    for name in names:
        if name not in known:
            parser.error(f"no {what} is called '{name}': there are {', '.join(known)}")
    return names


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__.split("\n", maxsplit=1)[0])
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
    parser.add_argument("--json", metavar="FILE", help="keep what is found, too")
    parser.add_argument("--from", metavar="FILE", dest="source", help="measure nothing: take what --json kept there")
    parser.add_argument("--plot", metavar="FILE", help="draw it as an SVG")
    parser.add_argument("--docs", metavar="FILE", help="write it into this page, between its markers")
    parser.add_argument("--flame", metavar="FILE", help="instead, a flame graph (SVG) of the one server in --peers at the one row in --rows")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 4)
    options.upload_mib = options.upload_mib or (128 if options.quick else 1024)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    names = names_of(options.rows, rows, "row", parser)
    options.rows = [row for row in ROWS if row.key in names]
    options.is_chosen = options.peers is not None
    wanted = names_of(options.peers or ",".join(USUAL), [p.name for p in ALL], "server", parser)
    options.peers = [peer for peer in ALL if peer.name in wanted]
    if options.flame and (len(options.rows) != 1 or not isinstance(options.rows[0], Work) or len(options.peers) != 1):
        parser.error("--flame needs --rows with one row of requests, and --peers with one server")
    if options.source and (options.flame or options.json):
        parser.error("--from measures nothing: --flame and --json do not go with it")
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


def about(servers, options):
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "date": datetime.date.today().isoformat(),
        "servers": {peer.name: peer.version() for peer in servers},
        "kernel": platform.release().split("-")[0],
        "cpu": re.sub(r"\s*(\(R\)|CPU @.*)", "", model.group(1)) if model else platform.machine(),
        "cpus": os.cpu_count(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "together": options.together,
    }


def allow_files():
    """Thousands of connections, as far as this user may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def deliver(run, options):
    """The picture and the page, where they were asked for."""
    if options.plot:
        Path(options.plot).write_text(plot.draw(run), encoding="utf-8")
        say(f"drawn into {options.plot}")
    if options.docs:
        docs.write(run, options.docs)
        say(f"written into {options.docs}")


def burn(options):
    """A flame graph of one server at the work of one row."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        (peer,) = [peer(Site(folder, ROOT / "scripts")) for peer in choose(options)]
        (row,) = options.rows
        try:
            peer.start(row.tickets)
            check(peer)
            title = f"{peer.name}: {row.title}"
            text = flame.graph(peer, row.loads[0], Clients(folder), options.seconds, title)
        finally:
            peer.stop()
    Path(options.flame).write_text(text, encoding="utf-8")
    say(f"drawn into {options.flame}")


def measure(options):
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        site = Site(folder, ROOT / "scripts")
        servers = [peer(site) for peer in choose(options)]
        run = Run(about(servers, options))
        print("## Server CPU and memory\n")
        print(heading(run.about), flush=True)
        site.settle()
        is_whole = Runner(servers, Clients(folder), options, run, say).measure(options.rows)
    targets = targets_table(run)
    if targets:
        print(f"### Targets\n\n{targets}")
    if options.json:
        run.save(options.json)
    deliver(run, options)
    return is_whole


def main(argv):
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    allow_files()
    try:
        if options.source:
            deliver(load(options.source), options)
        elif options.flame:
            burn(options)
        else:
            return 0 if measure(options) else 1
        return 0
    except (BenchError, OSError, ValueError) as error:
        say(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
