#!/usr/bin/env python3
"""Tests of what the bench makes of its figures: ratios within rounds, the best server, targets, tables, JSON.

Run: python3 tests/bench/test_report.py [-v]"""

import json
import tempfile
import unittest
from pathlib import Path

from report import row_text, spread, targets_table
from results import Cell, Row, Run, load, ratios
from targets import is_reached, verdicts

ABOUT = {"date": "2026-01-31", "servers": {"postern": "1"}, "kernel": "6.1", "cpu": "some", "cpus": 2, "rounds": 3, "seconds": 1,
         "together": False}


def work(key, **values):
    return Row(key, f"Row {key}", "load", "CPU µs/request", [Cell(name, v, rates=[1000.0] * len(v)) for name, v in values.items()])


def verdict_of(row, what):
    return next((v for v in verdicts(Run(ABOUT, [row])) if v.what == what), None)


class Results(unittest.TestCase):
    def test_ratios__are_taken_round_by_round(self):
        # The machine was three times slower in the second round: the ratio does not tell.
        self.assertEqual([0.5, 0.5], ratios(Cell("a", [1.0, 3.0]), Cell("b", [2.0, 6.0])))

    def test_ratios__without_either__are_none(self):
        self.assertEqual([], ratios(None, Cell("b", [1.0])))
        self.assertEqual([], ratios(Cell("a", [1.0]), None))
        self.assertEqual([], ratios(Cell("a", [1.0]), Cell("b", [0.0])))

    def test_best__lowest_median_of_those_named(self):
        row = work("x", postern=[1, 1, 1], nginx=[4, 4, 1], h2o=[3, 3, 9], caddy=[0.5, 0.5, 0.5])
        self.assertEqual("h2o", row.best(("nginx", "h2o", "lighttpd")))
        self.assertIsNone(row.best(("lighttpd",)))

    def test_load__of_what_was_saved__is_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.json"
            run = Run(ABOUT, [work("http-1k", postern=[1.5, 2.5])])
            run.rows[0].absent["h2o"] = "failed"
            run.save(path)
            self.assertEqual(run, load(path))

    def test_load__of_something_else__is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.json"
            for data in ({}, [], {"format": 0}, {"format": 1, "about": {}}, {"format": 1, "about": {}, "rows": [{"key": "x"}]}):
                path.write_text(json.dumps(data))
                with self.subTest(data=data), self.assertRaises(ValueError):
                    load(path)


class Targets(unittest.TestCase):
    def test_against__the_best_by_median__in_its_own_rounds(self):
        row = work("http-1k", postern=[1.6, 8.0, 1.7], nginx=[1.0, 9.0, 9.0], h2o=[2.0, 10.0, 2.0])
        found = verdict_of(row, "http, 1 KiB")
        self.assertEqual(("h2o", [0.8, 0.8, 0.85]), (found.against, found.values))
        self.assertTrue(is_reached(found))

    def test_is_reached__just_over__is_not(self):
        self.assertFalse(is_reached(verdict_of(work("http-1k", postern=[0.851], nginx=[1.0]), "http, 1 KiB")))
        self.assertTrue(is_reached(verdict_of(work("http-1k", postern=[0.85], nginx=[1.0]), "http, 1 KiB")))

    def test_verdicts__rows_not_measured__are_left_out(self):
        self.assertEqual([], verdicts(Run(ABOUT, [])))
        self.assertEqual([], verdicts(Run(ABOUT, [work("http-1k", nginx=[1.0], h2o=[1.0])])))
        self.assertEqual([], verdicts(Run(ABOUT, [work("http-1k", postern=[1.0], caddy=[1.0])])))

    def test_flat__many_connections_beside_fifty(self):
        row = Row("flat", "", "flat", "CPU µs/request", [Cell("postern", [10.0], "50"), Cell("postern", [13.0], "10,000")])
        found = verdicts(Run(ABOUT, [row]))
        self.assertEqual([("http, 1 KiB, 10,000 connections", [1.3])], [(v.what, v.values) for v in found])

    def test_amount__a_figure_to_be_turned_round(self):
        row = Row("posts", "", "facts", "", [Cell("postern", [25.0], "ratio")])
        self.assertEqual([0.04], verdict_of(row, "one durable post").values)


class Tables(unittest.TestCase):
    def test_spread__median_with_least_and_most(self):
        self.assertEqual("2.00 (1.00–9.00)", spread([9, 1, 2]))
        self.assertEqual("2.00", spread([2.001, 2.0]))
        self.assertEqual("", spread([]))

    def test_load_table__servers_with_ratios_and_those_left_out(self):
        row = work("http-1k", postern=[10.0], nginx=[20.0])
        row.absent["h2o"] = "failed"
        lines = row_text(row, 2).splitlines()
        self.assertEqual("### Row http-1k", lines[0])
        self.assertEqual("| nginx | 20.00 | 2.00 | 50000 | 1000 |", lines[5])
        self.assertEqual("| h2o | failed |  |  |  |", lines[6])

    def test_row_text__nothing_measured__says_so(self):
        self.assertIn("Not measured", row_text(Row("x", "X", "load", "CPU µs/request"), 2))

    def test_workers_table__says_what_limits(self):
        cells = [Cell("postern", [10.0], f"http, {n}", [rate], [15.0]) for n, rate in (("1 worker", 30000.0), ("2 workers", 60000.0))]
        text = row_text(Row("workers", "W", "workers", "CPU µs/request", cells), 2)
        self.assertIn("| postern, http, 2 workers | 10.00 | 60000 | 2.00 | 15.00 | 1.50 of 2 |", text)
        self.assertIn("takes 60% of the CPU time", text)
        self.assertIn("80000 requests/s at the most; 75%", text)

    def test_targets_table__yes_and_no(self):
        text = targets_table(Run(ABOUT, [work("http-1k", postern=[1.0], nginx=[1.0]), work("http-64k", postern=[1.0], nginx=[1.0])]))
        self.assertIn("| http, 1 KiB | nginx | 1.00 | 0.85 | **no** |", text)
        self.assertIn("| http, 64 KiB | nginx | 1.00 | 1.00 | yes |", text)


if __name__ == "__main__":
    unittest.main()
