#!/usr/bin/env python3
"""Tests of how the bench reads what clients say: wrk, resume.c, openssl s_client.

Run: python3 tests/bench/test_load.py [-v]"""

import types
import unittest

from clients import agreed_on
from load import Load, Point, Resumption, sample_of
from peers import BenchError
from runner import rotated

PEER = types.SimpleNamespace(name="some", http=80, https=443, site=types.SimpleNamespace(files={"1k.txt": b"x" * 1024}))

TLS13 = """
Server Temp Key: X25519, 253 bits
New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256
"""
TLS12 = """
Server Temp Key: ECDH, prime256v1, 256 bits
New, TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256
SSL-Session:
    Protocol  : TLSv1.2
"""
NEITHER = """
New, (NONE), Cipher is (NONE)
"""


class Samples(unittest.TestCase):
    def test_sample__first_and_last_point__are_divided_by_the_requests_between(self):
        sample = sample_of([Point(100, 1000.0, 500.0, 1.0), Point(300, 3000.0, 4500.0, 3.0)])
        self.assertEqual((10.0, 100.0, 20.0), tuple(sample))

    def test_rotated__each_round__begins_with_the_next(self):
        self.assertEqual([["a", "b", "c"], ["b", "c", "a"], ["a", "b", "c"]], [rotated(["a", "b", "c"], n) for n in (0, 1, 3)])
        self.assertEqual([], rotated([], 2))


class WhatWrkSays(unittest.TestCase):
    def test_judge__all_replies_whole__passes(self):
        Load("1k.txt").judge(PEER, "Running\nbench 2 2500 0 0 0 0 0\n")

    def test_judge__errors_or_too_little__is_refused(self):
        for said, why in (
            ("bench 2 2500 0 3 0 0 0", "read 3"),
            ("bench 2 2500 0 0 0 1 0", "status 1"),
            ("bench 2 2047 0 0 0 0 0", "too few"),
            ("bench 0 0 0 0 0 0 0", "too few"),
            ("unable to connect", "unable to connect"),
        ):
            with self.subTest(said=said), self.assertRaisesRegex(BenchError, why):
                Load("1k.txt").judge(PEER, said + "\n")


class WhatTheResumerSays(unittest.TestCase):
    load = Resumption("1k.txt", "1.3")

    def test_judge__next_to_all_resumed__passes(self):
        self.load.judge(PEER, "at 1 16\nresumed 100 full 1 bytes 110000\n")

    def test_judge__sessions_not_resumed_or_too_little__is_refused(self):
        for said, why in (
            ("resumed 100 full 2 bytes 110000", "made 2 anew"),
            ("resumed 0 full 1 bytes 0", "made 1 anew"),
            ("resumed 100 full 0 bytes 1000", "too few"),
            ("TLS handshake: closed", "TLS handshake: closed"),
        ):
            with self.subTest(said=said), self.assertRaisesRegex(BenchError, why):
                self.load.judge(PEER, said + "\n")


class WhatOpensslSays(unittest.TestCase):
    def test_agreed_on__version_suite_and_group(self):
        self.assertEqual("TLSv1.3 TLS_AES_128_GCM_SHA256 X25519", agreed_on(TLS13))
        self.assertEqual("TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 prime256v1", agreed_on(TLS12))

    def test_agreed_on__no_handshake__is_empty(self):
        self.assertEqual("", agreed_on(NEITHER))
        self.assertEqual("", agreed_on("connect:errno=111"))


if __name__ == "__main__":
    unittest.main()
