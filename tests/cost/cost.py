#!/usr/bin/env python3
"""What a request costs the server: instructions, system calls and allocations, counted by valgrind's callgrind, which
comes to the same figures on a busy machine as on an idle one. scripts/cost.sh builds the program that is counted.

    cost.py PROGRAM            compares with limits.json beside this file; exit status 1 where a row is over its limit
    cost.py PROGRAM --renew    writes the counts of today there; look at the difference before you commit it
    cost.py --self-test        tries the comparison on made-up counts, without valgrind

Instructions depend on the compiler and on the libraries. Where those are others than the limits were taken with, only
what does not depend on them is compared: system calls, allocations, that the last request costs no more than the
first, and the ratios between rows. Exit status 77 where valgrind is missing: nothing was tested.

Not counted: what the kernel does, and what the processor makes of an instruction. valgrind shows programs a processor
with AVX2, without SHA instructions and AVX-512, so the cryptography that is counted is what such a processor gets."""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LIMITS = pathlib.Path(__file__).with_name("limits.json")
SKIPPED = 77
PAGE_BYTES, PAGE_TIME = 1024, 1_000_000_000
SERVING = "cost_serve_"  # functions of the program whose costs, with all that they call, are counted
SLACK_PERCENT = 2  # a compiler's other mood over an unrelated change
GROWTH_PERCENT = 1  # of the mean cost from few to many
KEPT_FUNCTIONS = 30  # of each row, the costliest ones, to tell later which of them grew
# Rows that must stay in proportion, whatever the compiler: row, to which other row, at most.
RATIOS = [
    ("http get 1 KiB, a browser's head", "http get 1 KiB", 2.5),
    ("http get, not found", "http get 1 KiB", 2.5),
    ("resumption, TLS 1.3, X25519", "handshake, TLS 1.3, X25519", 0.75),
    ("resumption, TLS 1.2", "handshake, TLS 1.2, X25519", 0.3),
]


class Counts:
    """Of one dump: totals, and instructions of each function as FILE:NAME and of each owner."""

    def __init__(self):
        self.instructions = self.syscalls = self.allocations = 0
        self.functions = collections.Counter()
        self.owners = collections.Counter()


def plain_name(name):
    """Without what compiler, linker and callgrind put behind it."""
    return re.sub(r"(\.(part|isra|constprop|cold|lto_priv)(\.\d+)?|@@?[A-Z_0-9.]+|'\d+)+$", "", name)


def owner_of(object_file, source, program):
    if object_file != program:
        return "libraries"
    return "Mbed TLS" if "mbedtls-" in source else "postern"


class Reader:
    """Reads a dump: https://valgrind.org/docs/manual/cl-format.html, without the compression of names."""

    def __init__(self, program):
        self.program = program
        self.counts = Counts()
        self.events, self.is_call, self.total = [], False, None
        self.object_file = self.source = self.function_source = self.function = self.callee = ""

    def name(self, key, value):
        if key == "ob":
            self.object_file = value
        elif key == "fl":
            self.source = self.function_source = value
        elif key in ("fi", "fe"):  # code of another file, inlined
            self.source = value
        elif key == "fn":
            self.source, self.function = self.function_source, plain_name(value)
        elif key == "cfn":
            self.callee = value
        elif key == "calls":
            self.is_call = True

    def cost(self, numbers):
        costs = dict(zip(self.events, numbers))
        if self.is_call:  # of what was called: it stands again with the callee itself
            self.is_call = False
            if self.callee.startswith(SERVING):  # unlike instructions, these are counted in the client as well
                self.counts.syscalls += costs.get("sysCount", 0)
            return
        instructions = costs.get("Ir", 0)
        self.counts.instructions += instructions
        self.counts.functions[f"{pathlib.PurePath(self.function_source).name}:{self.function}"] += instructions
        self.counts.owners[owner_of(self.object_file, self.source, self.program)] += instructions

    def read(self, path):
        for line in path.read_text().splitlines():
            key, is_assignment, value = line.partition("=")
            if line.startswith("events:"):
                self.events = line.split()[1:]
            elif line.startswith("totals:"):
                self.total = int(line.split()[1])
            elif is_assignment:
                self.name(key, value)
            elif re.match(r"[0-9+*-]", line):
                self.cost([int(number) for number in line.split()[1:]])
        if self.counts.instructions != self.total:
            sys.exit(f"cost: {path} is not whole, or not understood: {self.counts.instructions} instructions in it, "
                     f"{self.total} in all; is the disk full?")
        return self.counts


def count(program, page):
    """Runs it under callgrind, which writes out.1, out.2 ... beside page; returns the program's output."""
    command = ["valgrind", "--tool=callgrind", "--collect-systime=yes", f"--toggle-collect={SERVING}*",
               "--dump-after=cost_dump", "--compress-strings=no", "--compress-pos=no",
               f"--callgrind-out-file={page.parent / 'out'}", program, str(page)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, "TZ": "UTC"})  # of the log's lines
    if done.returncode != 0:
        sys.exit(f"cost: {program} failed under valgrind:\n{done.stderr}")
    return done.stdout.splitlines()


def run(program, folder):
    """The conditions, and for each row its dumps as (how often, Counts), the warming up left out."""
    page = folder / "site"
    page.mkdir()
    (page / "page.html").write_bytes(b"x" * PAGE_BYTES)
    os.utime(page / "page.html", (PAGE_TIME, PAGE_TIME))  # its digits are in the validators
    version = subprocess.run(["valgrind", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    conditions, rows, number = {"valgrind": version.stdout.strip()}, {}, 0
    for line in count(program, page):
        word, rest = line.split(" ", 1)
        if word == "with":
            key, value = rest.split(" ", 1)
            conditions[key] = value
        elif word == "dump":
            number += 1
            times, allocations, name = rest.split(" ", 2)
            counts = Reader(program).read(folder / f"out.{number}")
            counts.allocations = int(allocations)
            rows.setdefault(name, []).append((int(times), counts))
    return conditions, {name: dumps[1:] for name, dumps in rows.items()}


def per_request(count, total):
    """A whole number where it is one, which it is but for chance in cryptography."""
    mean = total / count
    return int(mean) if mean == int(mean) else round(mean, 2)


def noted(dumps):
    """What is kept of a row."""
    count, counts = dumps[-1]
    functions = {name: round(value / count) for name, value in counts.functions.most_common(KEPT_FUNCTIONS)}
    return {"instructions": round(counts.instructions / count),
            "syscalls": per_request(count, counts.syscalls),
            "allocations": per_request(count, counts.allocations),
            "functions": functions}


def over_limit(was):
    return {"instructions": was["instructions"] * (100 + SLACK_PERCENT) // 100,
            "syscalls": was["syscalls"], "allocations": was["allocations"]}


def grew(was, now):
    """The five functions that grew most; where they are new, from nothing."""
    change = {name: value - was["functions"].get(name, 0) for name, value in now["functions"].items()}
    return [f"      {now['functions'][name] - more:9} -> {now['functions'][name]:9}  {name}"
            for name, more in sorted(change.items(), key=lambda item: -item[1])[:5] if more > 0]


def compare_row(name, was, now, with_instructions):
    """Complaints about one row."""
    limit = over_limit(was)
    complaints = []
    for what in ("instructions", "syscalls", "allocations"):
        if what == "instructions" and not with_instructions:
            continue
        if now[what] > limit[what]:
            complaints += [f"  {name}: {what} a time: was {was[what]}, is {now[what]}, limit {limit[what]}",
                           "    which functions' instructions grew most:", *grew(was, now)]
    return complaints


def compare_growth(name, dumps):
    few, many = (counts.instructions / count for count, counts in dumps)
    if many <= few * (100 + GROWTH_PERCENT) / 100:
        return []
    return [f"  {name}: the more, the dearer: {few:.0f} instructions each of {dumps[0][0]}, "
            f"{many:.0f} each of the {dumps[1][0]} that follow"]


def compare_ratios(rows):
    complaints = []
    for name, other, most in RATIOS:
        ratio = rows[name]["instructions"] / rows[other]["instructions"]
        if ratio > most:
            complaints.append(f"  {name}: {ratio:.2f} times the instructions of {other}, limit {most}")
    return complaints


def show(measured, rows, limits):
    print(f"{'a time':34} {'was':>9} {'is':>9}   {'postern':>9} {'Mbed TLS':>9} {'libraries':>9} "
          f"{'syscalls':>8} {'allocs':>6}")
    for name, now in rows.items():
        was = limits.get("rows", {}).get(name, {}).get("instructions", "")
        count, counts = measured[name][-1]
        owners = [round(counts.owners[owner] / count) for owner in ("postern", "Mbed TLS", "libraries")]
        print(f"{name:34} {was:>9} {now['instructions']:>9}   {owners[0]:>9} {owners[1]:>9} {owners[2]:>9} "
              f"{now['syscalls']:>8} {now['allocations']:>6}")


def renew(conditions, rows):
    text = json.dumps({"conditions": conditions, "rows": rows}, indent=1)
    LIMITS.write_text(text + "\n")
    print(f"cost: {LIMITS} holds these counts now")


def compare(conditions, measured, rows, limits):
    others = {key: value for key, value in conditions.items() if limits["conditions"].get(key) != value}
    if others:
        print(f"cost: instructions{' of TLS' if set(others) == {'TLS'} else ''} are not compared: the limits were taken "
              f"with other conditions than these:")
        print("\n".join(f"  {key}: {limits['conditions'].get(key)}, here {value}" for key, value in others.items()))
    complaints = []
    for name, now in rows.items():
        was = limits["rows"].get(name)
        is_same = not others or (set(others) == {"TLS"} and name.startswith("http "))
        complaints += compare_row(name, was, now, is_same) if was else [f"  {name}: has no limit yet"]
        complaints += compare_growth(name, measured[name])
        if was and is_same and now["instructions"] * 100 < was["instructions"] * (100 - 2 * SLACK_PERCENT):
            print(f"cost: {name}: cheaper than its limit knows; scripts/cost.sh --renew keeps what was gained")
    complaints += [f"  {name}: is not measured any more" for name in limits["rows"] if name not in rows]
    return complaints + compare_ratios(rows)


def self_test():
    """That each fault is seen, and that nothing else is."""
    def made_up(instructions, syscalls, allocations):
        made = Counts()
        made.instructions, made.syscalls, made.allocations = instructions * 10, syscalls * 10, allocations * 10
        made.functions = collections.Counter({"a.c:grows": made.instructions - 5000, "b.c:stays": 5000})
        return made

    names = {name for ratio in RATIOS for name in ratio[:2]}
    conditions = {"compiler": "1.0"}
    good = {name: [(10, made_up(1000 if "handshake" in name else 500, 3, 0))] * 2 for name in names}
    good["resumption, TLS 1.2"] = [(10, made_up(250, 3, 0))] * 2
    limits = {"conditions": conditions, "rows": {name: noted(dumps) for name, dumps in good.items()}}
    first = "http get 1 KiB"
    cases = [  # what is changed, in which conditions, what must be complained of
        ({}, conditions, []),
        ({first: [(10, made_up(509, 3, 0))] * 2}, conditions, []),
        ({first: [(10, made_up(520, 3, 0))] * 2}, conditions, ["instructions a time: was 500, is 520, limit 510",
                                                               "0 ->        20  a.c:grows"]),
        ({first: [(10, made_up(520, 3, 0))] * 2}, {"compiler": "2.0"}, []),
        ({first: [(10, made_up(500, 4, 0))] * 2}, {"compiler": "2.0"}, ["syscalls a time: was 3, is 4, limit 3"]),
        ({first: [(10, made_up(500, 3, 1))] * 2}, conditions, ["allocations a time: was 0, is 1, limit 0"]),
        ({first: [(10, made_up(490, 3, 0)), (10, made_up(500, 3, 0))]}, conditions, ["the more, the dearer"]),
        ({"http get, not found": [(10, made_up(1500, 3, 0))] * 2}, {"compiler": "2.0"}, ["3.00 times"]),
        ({"new": good[first]}, conditions, ["has no limit yet"]),
    ]
    for change, others, expected in cases:
        measured = {**good, **change}
        complaints = "\n".join(compare(others, measured, {n: noted(d) for n, d in measured.items()}, limits))
        if bool(complaints) != bool(expected) or not all(text in complaints for text in expected):
            sys.exit(f"cost: expected {expected or 'no complaint'} of {change}, got:\n{complaints}")
    print(f"cost: {len(cases)} cases")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program", nargs="?")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--renew", action="store_true", help="write today's counts into limits.json")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.program:
        parser.error("which program?")
    if not shutil.which("valgrind"):
        print("cost: valgrind is missing, nothing was counted: scripts/deps.sh test brings it")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="postern-cost-") as folder:
        conditions, measured = run(str(pathlib.Path(options.program).resolve()), pathlib.Path(folder))
    rows = {name: noted(dumps) for name, dumps in measured.items()}
    limits = json.loads(LIMITS.read_text()) if LIMITS.exists() else {}
    show(measured, rows, limits)
    if options.renew:
        renew(conditions, rows)
        return 0
    if not limits:
        sys.exit(f"cost: {LIMITS} is missing; scripts/cost.sh --renew makes it")
    complaints = compare(conditions, measured, rows, limits)
    if complaints:
        print("cost: over the limit")
        print("\n".join(complaints))
        print("Where the new cost is worth it: scripts/cost.sh --renew, and say in the commit why.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
