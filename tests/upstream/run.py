#!/usr/bin/env python3
"""Runs Mbed TLS's own test suites, and compares what fails with what is expected to.

    run.py --suites FOLDER --state STATE --expected expected.txt      all of them; exit status 0 if nothing is unexplained
    run.py --self-test                                                whether this program notices what it should

STATE names how Mbed TLS is built or limited: accelerated, limited (the stock code behind our contexts) or stock; wide and
wide_stock: with more in its configuration. In expected.txt each line has fields between bars:

    fails | STATES | SUITE | CASE | WHY       this case fails, in these states (separated by commas): that is explained
    runs  | STATES | SUITE | COUNT            at least so many cases run: acceleration stands on them

It is a failure, too, if a case that should fail passes, if a suite ends without a verdict, or if too few cases run.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

SUITE_SECONDS = 600


class Outcome:
    """What one suite did: the cases in each of PASS, FAIL and SKIP, where they failed, and how it ended."""

    def __init__(self, suite, lines=(), status=0, tail=""):
        self.suite, self.status, self.tail = suite, status, tail
        self.cases = collections.defaultdict(list)
        self.where = {}
        for line in lines:
            _platform, _config, _suite, case, result, cause = line.rstrip("\n").split(";", 5)
            self.cases[result].append(case)
            self.where[case] = cause

    def ran(self):
        return len(self.cases["PASS"]) + len(self.cases["FAIL"])


def run_suite(program, state):
    """A suite writes a line a case into a file that the environment names."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as lines:
        env = dict(os.environ, MBEDTLS_TEST_OUTCOME_FILE=lines.name, POSTERN_TEST_ACCEL=state)
        try:
            done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=SUITE_SECONDS, check=False)
            status, text = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            status, text = f"no end in {SUITE_SECONDS} s", expired.stdout or b""
        return Outcome(program.name, lines.readlines(), status, text.decode("utf-8", "replace")[-2000:])


class Expected:
    def __init__(self, text, state):
        self.fails, self.runs = {}, {}
        for number, line in enumerate(text.splitlines(), 1):
            fields = [field.strip() for field in line.split("|")]
            if not line.strip() or line.startswith("#"):
                continue
            kind = (fields[0], len(fields))
            if kind not in (("fails", 5), ("runs", 4)) or not all(fields):
                raise SystemExit(f"expected failures, line {number}: what is this? {line}")
            if state not in [name.strip() for name in fields[1].split(",")]:
                continue
            if fields[0] == "fails":
                self.fails[fields[2], fields[3]] = fields[4]
            else:
                self.runs[fields[2]] = int(fields[3])


def judge(outcomes, expected):
    """What is wrong, a line each."""
    wrong = []
    by_name = {outcome.suite: outcome for outcome in outcomes}
    for outcome in outcomes:
        known = {case for suite, case in expected.fails if suite == outcome.suite}
        failed = set(outcome.cases["FAIL"])
        for case in outcome.cases["FAIL"]:
            if case not in known:
                wrong.append(f"{outcome.suite}: fails: {case}: {outcome.where[case]}")
        for case in sorted(known - failed):
            wrong.append(f"{outcome.suite}: was expected to fail, and does not: {case}")
        if outcome.status != (1 if failed else 0):
            wrong.append(f"{outcome.suite}: ended with {outcome.status}:\n{outcome.tail}")
        if not any(outcome.cases.values()):
            wrong.append(f"{outcome.suite}: has no case at all")
    for suite, case in expected.fails:
        if suite not in by_name:
            wrong.append(f"{suite}: is not there, though a case of it was expected to fail: {case}")
    for suite, least in expected.runs.items():
        ran = by_name[suite].ran() if suite in by_name else 0
        if ran < least:
            wrong.append(f"{suite}: {ran} cases ran, fewer than {least}")
    if sum(outcome.ran() for outcome in outcomes) == 0:
        wrong.append("no case ran")
    return wrong


def summary(outcomes, expected, state):
    total = collections.Counter()
    for outcome in outcomes:
        total.update({result: len(cases) for result, cases in outcome.cases.items()})
    idle = [outcome.suite.removeprefix("test_suite_") for outcome in outcomes if not outcome.ran()]
    print(f"Mbed TLS's own suites, {state}: {len(outcomes)} suites, {len(outcomes) - len(idle)} with cases that ran")
    print(f"cases: {total['PASS']} passed, {total['FAIL']} failed ({len(expected.fails)} expected to),"
          f" {total['SKIP']} skipped: what they test is not in this configuration")
    print("nothing to run in:", " ".join(idle) or "-")


def self_test():
    """Each way to be wrong is noticed, and what is right is not."""
    text = ("# a comment\n\nfails | a,b | s | bad | because\nfails | b | s | other | because\n"
            "runs | a | s | 2\nruns | b | s | 99\n")

    def line(case, result):
        return f"p;c;s;{case};{result};f.c:1:x;y\n"

    good, bad, skip = line("good", "PASS"), line("bad", "FAIL"), line("far", "SKIP")
    table = [
        ([Outcome("s", [good, bad, skip], 1)], None),
        ([Outcome("s", [good, bad, line("new", "FAIL")], 1)], "s: fails: new: f.c:1:x;y"),
        ([Outcome("s", [good, line("bad", "PASS")], 0)], "s: was expected to fail, and does not: bad"),
        ([Outcome("s", [good, good, line("bad", "SKIP")], 0)], "s: was expected to fail, and does not: bad"),
        ([Outcome("s", [good, bad], -11, "boom")], "s: ended with -11:\nboom"),
        ([Outcome("s", [good, bad], 0)], "s: ended with 0:\n"),
        ([Outcome("s", [bad, skip], 1)], "s: 1 cases ran, fewer than 2"),
        ([Outcome("s", [good, bad], 1), Outcome("t")], "t: has no case at all"),
        ([Outcome("t", [good, good])], "s: 0 cases ran, fewer than 2"),
        ([], "no case ran"),
        ([Outcome("s", [skip], 0)], "no case ran"),
    ]
    for outcomes, want in table:
        wrong = judge(outcomes, Expected(text, "a"))
        if (want not in wrong) if want else wrong:
            raise SystemExit(f"self-test: wanted {want!r}, got {wrong!r}")
    for bad_text in ("fails | a | s | case\n", "fails | a | s | case | \n", "nonsense\n"):
        try:
            Expected(bad_text, "a")
        except SystemExit:
            continue
        raise SystemExit(f"self-test: took {bad_text!r}")
    print(f"self-test: {len(table)} cases")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--suites", type=pathlib.Path)
    parser.add_argument("--state", choices=("accelerated", "limited", "stock", "wide", "wide_stock"))
    parser.add_argument("--expected", type=pathlib.Path)
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    expected = Expected(args.expected.read_text(encoding="utf-8"), args.state)
    # One that is listed and was not built is missed below; all that have a source should have been built.
    programs = [source.with_suffix("") for source in sorted(args.suites.glob("test_suite_*.c"))]
    unbuilt = [program.name for program in programs if not os.access(program, os.X_OK)]
    if unbuilt or not programs:
        raise SystemExit(f"not built: {' '.join(unbuilt) or 'anything'}: cmake --build FOLDER --target upstream")
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        outcomes = list(pool.map(lambda program: run_suite(program, args.state), programs))
    wrong = judge(outcomes, expected)
    summary(outcomes, expected, args.state)
    for (suite, case), why in expected.fails.items():
        print(f"expected to fail: {suite}: {case}: {why}")
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
