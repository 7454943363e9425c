#!/usr/bin/env python3
"""Tests of the bench's pictures and of the page that figures are written into.

Run: python3 tests/bench/test_plot.py [-v]"""

import unittest
import xml.etree.ElementTree as xml

import docs
import flame
import plot
from results import Cell, Row, Run

ABOUT = {"date": "2026-01-31", "servers": {"postern": "1"}, "kernel": "6.1", "cpu": "some", "cpus": 2, "rounds": 2, "seconds": 1,
         "together": False}
SVG = "{http://www.w3.org/2000/svg}"


def row(label="http, 1 KiB", **values):
    return Row("http-1k", "1 KiB", "load", "CPU µs/request", [Cell(name, v) for name, v in values.items()], label=label)


def words(tree):
    return [node.text for node in tree.iter(f"{SVG}text")]


class Panels(unittest.TestCase):
    def test_panel__medians_of_the_rounds_ratios(self):
        panel = plot.panel_of(row(postern=[10.0, 20.0, 10.0], nginx=[20.0, 20.0, 30.0]))
        self.assertEqual(plot.Bar("nginx", 2.0, 1.0, 3.0), panel.bars[1])
        self.assertEqual(10.0, panel.amount)

    def test_panel__nothing_to_compare_with__is_none(self):
        self.assertIsNone(plot.panel_of(row(postern=[1.0])))
        self.assertIsNone(plot.panel_of(row(nginx=[1.0], h2o=[1.0])))
        self.assertIsNone(plot.panel_of(row(label="", postern=[1.0], nginx=[1.0])))

    def test_columns__read_downwards__and_none_is_lost(self):
        self.assertEqual([[1, 2, 3], [4, 5, 6], [7]], plot.columns_of(list(range(1, 8)), 3))
        self.assertEqual([], plot.columns_of([], 3))

    def test_length__in_scale__and_torn_beyond_it(self):
        self.assertEqual((100.0, False), plot.length(plot.MOST / 2, 200))
        self.assertEqual((200.0, True), plot.length(plot.MOST * 2, 200))


class Pictures(unittest.TestCase):
    def test_draw__is_xml_with_a_bar_for_each_server(self):
        tree = xml.fromstring(plot.draw(Run(ABOUT, [row(postern=[10.0, 10.0], nginx=[20.0, 22.0], caddy=[900.0, 900.0])])))
        self.assertEqual(1, len([r for r in tree.iter(f"{SVG}rect") if r.get("class") == "ours"]))
        others = [r for r in tree.iter(f"{SVG}rect") if r.get("class") == "other"]
        self.assertEqual(2, len(others))
        ours = next(r for r in tree.iter(f"{SVG}rect") if r.get("class") == "ours")
        self.assertAlmostEqual(2.1, float(others[0].get("width")) / float(ours.get("width")), places=2)
        self.assertEqual(1, len(list(tree.iter(f"{SVG}polygon")))) # caddy's bar is torn
        self.assertIn("90×", words(tree))
        self.assertIn("10.0 µs", words(tree))

    def test_draw__what_servers_say_of_themselves__is_escaped(self):
        about = {**ABOUT, "servers": {"postern": "<script>&\"'"}}
        tree = xml.fromstring(plot.draw(Run(about, [row(label="a < b & c", postern=[1.0], nginx=[2.0])])))
        self.assertIn("a < b & c", words(tree))
        self.assertIn("postern <script>&\"'", words(tree))

    def test_draw__figures_are_in_words_too(self):
        tree = xml.fromstring(plot.draw(Run(ABOUT, [row(postern=[10.0], nginx=[20.0])])))
        self.assertEqual("http, 1 KiB: postern 10.0 µs, nginx 2.00×.", tree.find(f"{SVG}desc").text)

    def test_draw__a_server_left_out__says_why(self):
        some = row(postern=[1.0], nginx=[2.0])
        other = row("more", postern=[1.0], h2o=[2.0])
        other.absent["nginx"] = "failed"
        tree = xml.fromstring(plot.draw(Run(ABOUT, [some, other])))
        self.assertIn("failed", words(tree))
        self.assertIn("not measured", words(tree)) # h2o in the first

    def test_draw__nothing__is_refused(self):
        with self.assertRaises(ValueError):
            plot.draw(Run(ABOUT, []))


class Pages(unittest.TestCase):
    def test_between__replaces_what_is_between_the_markers_only(self):
        page = f"before\n{docs.BEGIN}\nold\n{docs.END}\nafter\n"
        once = docs.between(page, "new\n")
        self.assertEqual(f"before\n{docs.BEGIN}\n\nnew\n\n{docs.END}\nafter\n", once)
        self.assertEqual(once, docs.between(once, "new\n"))

    def test_between__markers_missing_twice_or_turned__is_refused(self):
        for page in ("", docs.BEGIN, docs.END + docs.BEGIN, 2 * (docs.BEGIN + docs.END)):
            with self.subTest(page=page), self.assertRaises(ValueError):
                docs.between(page, "new")

    def test_figures__targets_and_all_rows(self):
        text = docs.figures(Run(ABOUT, [row(postern=[10.0, 10.0], nginx=[20.0, 20.0])]))
        self.assertIn("| http, 1 KiB | nginx | 0.50 | 0.85 | yes |", text)
        self.assertIn("| 1 KiB | CPU µs/request | 10.00 | 2.00 |", text)


PERF = """
     7f0000000010 tcp_sendmsg+0x12 ([kernel.kallsyms])
     7f0000000020 __send+0x4c (/usr/lib/x86_64-linux-gnu/libc.so.6)
     560000000030 tcp_writev.lto_priv.0+0x1 (/somewhere/postern)
     560000000040 main+0x9 (/somewhere/postern)

     560000000050 mbedtls_ssl_write+0x9 (/somewhere/postern)
     560000000040 main+0x2 (/somewhere/postern)

"""


class Flames(unittest.TestCase):
    def test_stacks__outermost_first__with_plain_names(self):
        first, second = flame.stacks_of(PERF.splitlines())
        self.assertEqual([("main", "program"), ("tcp_writev", "program"), ("__send", "libc"), ("tcp_sendmsg", "kernel")], first)
        self.assertEqual([("main", "program"), ("mbedtls_ssl_write", "tls")], second)

    def test_fold__samples_of_all_that_was_called(self):
        root = flame.fold(flame.stacks_of(PERF.splitlines()))
        (main,) = root.children.values()
        self.assertEqual((2, 2, 5), (root.samples, main.samples, root.depth()))
        self.assertEqual([1, 1], [child.samples for child in main.children.values()])

    def test_draw__frames_are_as_wide_as_their_share(self):
        tree = xml.fromstring(flame.draw(flame.fold(flame.stacks_of(PERF.splitlines())), "a & b", "note"))
        frames = {g.find(f"{SVG}title").text: g.find(f"{SVG}rect") for g in tree.iter(f"{SVG}g")}
        whole, half = frames["main: 2 samples, 100.0%"], frames["tcp_writev: 1 samples, 50.0%"]
        self.assertAlmostEqual(float(whole.get("width")), 2 * float(half.get("width")), places=1)
        self.assertEqual(float(whole.get("y")) - flame.FRAME_H, float(half.get("y")))

    def test_fitting__a_name_that_has_no_room__is_cut(self):
        self.assertEqual("", flame.fitting("tcp_writev", 10))
        self.assertEqual("tcp_writev", flame.fitting("tcp_writev", 200))
        self.assertTrue(flame.fitting("tcp_writev", 50).endswith("…"))


if __name__ == "__main__":
    unittest.main()
