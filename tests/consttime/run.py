#!/usr/bin/env python3
"""Runs constant_time under valgrind and compares what valgrind complains of with what is known.

    run.py --valgrind PROGRAM --program constant_time --known known.txt      exit status 0 if nothing else is found
    run.py --self-test                                                       whether this program notices what it should

In known.txt each line has fields between bars:

    CASES | FUNCTION | COUNT | WHY       in these cases (names or patterns, separated by commas) exactly so many complaints
                                         come from this function, or from what the compiler put into it; 0-1: compilers
                                         differ; * is any but 0
    CASES | asserts of LIBRARY | * | WHY branches of this library that lead to __assert_fail or nowhere: looked up in its code

It is a failure, too, if what is known no longer occurs, or if a case does not end.
"""
import argparse
import collections
import fnmatch
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

SECONDS = 600
# Where a complaint comes from: the innermost frame of the code that runs, with what was inlined there on top of it.
Place = collections.namedtuple("Place", "kind function offset file")
FRAME = re.compile(r" +(?:at|by) 0x[0-9A-F]+: (?P<name>[^+ ]+)(?:\+(?P<offset>\d+))? \((?P<where>[^)]*)\)")


class Case:
    def __init__(self, name):
        self.name, self.total, self.is_done = name, None, False
        self.places = collections.Counter()
        self.stacks = {}


def read_log(lines):
    """The cases, by name. Each is a process, and lists what it found, and how often, when it ends."""
    by_pid = {}
    listed = {}
    for line in lines:
        match = re.match(r"(==|\*\*)(\d+)\1 ?(.*)", line.rstrip("\n"))
        if not match:
            continue
        pid, text = match[2], match[3]
        words = text.split()
        if words[:1] == ["CASE"]:
            by_pid[pid] = Case(words[1])
        elif words[:1] == ["DONE"]:
            by_pid[pid].is_done, by_pid[pid].total = True, int(words[2])
        elif pid in by_pid and re.match(r"\d+ errors in context ", text):
            listed[pid] = [int(words[0])]
        elif pid in listed:
            if text:
                listed[pid].append(text)
            else:
                add_stack(by_pid[pid], listed.pop(pid))
    return {case.name: case for case in by_pid.values()}


def add_stack(case, listed):
    count, kind, *frames = listed
    innermost = FRAME.match(frames[0])
    file = innermost["where"].removeprefix("in ")
    place = Place(kind, innermost["name"], int(innermost["offset"] or -1), file)
    case.places[place] += count
    case.stacks.setdefault(place, [kind] + frames)


@functools.lru_cache(None)
def code_of(library):
    """Its instructions: address, text; and where each function begins."""
    text = subprocess.run(["objdump", "--disassemble", "--no-show-raw-insn", library], stdout=subprocess.PIPE,
                          check=True, text=True).stdout
    begins, code = {}, {}
    for line in text.splitlines():
        if match := re.match(r"([0-9a-f]+) <([^@>]+)", line):
            begins[match[2]] = int(match[1], 16)
        elif match := re.match(r" *([0-9a-f]+):\t(.*)", line):
            code[int(match[1], 16)] = match[2].strip()
    return begins, code


def leads_to_assert(code, address):
    """Whether the code there only loads arguments (at most four instructions) and calls __assert_fail."""
    for text in [text for at, text in sorted((at, text) for at, text in code.items() if address <= at < address + 64)][:5]:
        if re.match(r"call .*<__assert_fail@plt>", text):
            return True
        if not re.match(r"(lea|mov|xor|nop|push|sub) ", text):
            return False
    return False


def is_assert(place, look_up=code_of):
    """Whether the branch there has a side that ends the process: that one was never taken, so the branch tells nothing."""
    begins, code = look_up(place.file)
    at = begins.get(place.function, -1) + place.offset
    jump = re.match(r"j[a-z]+ +([0-9a-f]+) ", code.get(at, ""))
    if not jump or code[at].startswith("jmp"):
        return False
    after = min(address for address in code if address > at)
    return leads_to_assert(code, int(jump[1], 16)) or leads_to_assert(code, after)


class Known:
    def __init__(self, line):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4 or not all(fields):
            raise SystemExit(f"known.txt: what is this? {line}")
        self.line = line
        self.cases = [name.strip() for name in fields[0].split(",")]
        self.what, self.count = fields[1], fields[2]

    def is_for(self, case):
        return any(fnmatch.fnmatchcase(case.name, pattern) for pattern in self.cases)

    def take(self, case, look_up):
        """Takes what it explains from the case. Whether it was as many as it says."""
        library = self.what.removeprefix("asserts of ")
        taken = 0
        for place in list(case.places):
            if library != self.what:
                is_it = library in pathlib.Path(place.file).name and is_assert(place, look_up)
            else:
                is_it = place.function == self.what
            if is_it:
                taken += case.places.pop(place)
        least, _, most = self.count.partition("-")
        return taken > 0 if self.count == "*" else int(least) <= taken <= int(most or least)


def judge(cases, known, look_up=code_of):
    """What is wrong, a line each."""
    wrong = []
    for case in cases.values():
        if not case.is_done or case.total != sum(case.places.values()):
            wrong.append(f"{case.name}: did not end, or its complaints are not listed")
        for entry in known:
            if entry.is_for(case) and not entry.take(case, look_up):
                wrong.append(f"{case.name}: not what is known: {entry.line}")
        for place, count in case.places.items():
            stack = "\n    ".join(case.stacks[place])
            wrong.append(f"{case.name}: {count} times:\n    {stack}")
    for entry in known:
        if not any(entry.is_for(case) for case in cases.values()):
            wrong.append(f"no such case: {entry.line}")
    if not any(name.startswith("control/") for name in cases):
        wrong.append("no control ran")
    return wrong


def self_test():
    log = """**7** CASE control/a
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x10: inner (a.c:1)
==7==
**7** DONE control/a 3
==7== ERROR SUMMARY: 3 errors from 2 contexts (suppressed: 0 from 0)
==7==
==7== 1 errors in context 1 of 2:
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x10: inner (a.c:1)
==7==    by 0x10: outer+9 (a.c:2)
==7==
==7==
==7== 2 errors in context 2 of 2:
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x20: check+4 (in /lib/libx.so.1)
==7==    by 0x10: outer+9 (a.c:2)
==7==
==7== ERROR SUMMARY: 3 errors from 2 contexts (suppressed: 0 from 0)
**8** CASE quiet
**8** DONE quiet 0
""".splitlines()
    asserting = ({"check": 0x100}, {0x104: "jne    110 <check+0x10>", 0x106: "ret",
                                    0x110: "lea    0x1(%rip),%rcx", 0x117: "call   90 <__assert_fail@plt>"})
    branching = ({"check": 0x100}, {0x104: "jne    110 <check+0x10>", 0x106: "ret", 0x110: "call   90 <free@plt>"})
    inner, asserts = "control/a | inner | 1 | why", "control/* | asserts of libx | * | why"
    table = [
        (log, [inner, asserts], asserting, 0),
        (log, [inner, asserts], branching, 2),  # not explained, and not what is known
        (log, [inner], asserting, 1),
        (log, [asserts], asserting, 1),
        (log, ["control/a | inner | 2 | why", asserts], asserting, 1),
        (log, ["control/a | inner | 0-1 | why", asserts], asserting, 0),
        (log, ["control/a | inner | 2-3 | why", asserts], asserting, 1),
        (log, [inner, asserts, "quiet | inner | 1 | why"], asserting, 1),
        (log, [inner, asserts, "none | inner | 1 | why"], asserting, 1),
        (log[:-1], [inner, asserts], asserting, 1),  # one does not end
        (log[-2:], [], asserting, 1),  # no control
    ]
    for lines, known, code, want in table:
        wrong = judge(read_log(lines), [Known(line) for line in known], lambda _library, code=code: code)
        if len(wrong) != want:
            raise SystemExit(f"self-test: {known}: wanted {want}, got {wrong}")
    print(f"self-test: {len(table)} cases")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--valgrind")
    parser.add_argument("--program")
    parser.add_argument("--known", type=pathlib.Path)
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    known = [Known(line) for line in args.known.read_text(encoding="utf-8").splitlines()
             if line.strip() and not line.startswith("#")]
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as log:
        done = subprocess.run([args.valgrind, "--quiet", "--show-error-list=yes", "--sym-offsets=yes",
                               "--error-limit=no", f"--log-file={log.name}", args.program],
                              timeout=SECONDS, check=False)
        lines = log.readlines()
    cases = read_log(lines)
    total = sum(case.total or 0 for case in cases.values())
    wrong = judge(cases, known)
    if done.returncode != 0:
        wrong.append(f"{args.program} ended with {done.returncode}:\n{''.join(lines[-10:])}")
    print(f"{len(cases)} cases, {total} complaints, {len(known)} lines of what is known")
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
