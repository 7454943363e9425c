#!/usr/bin/env python3
"""Addresses and ports: who may share them, what is refused, and what is printed to open.

Run: python3 tests/e2e/test_ports.py [-v]"""

import socket
import unittest

import harness
import peers
from peers import SITE

NEEDS_IPV6 = unittest.skipUnless(peers.has_ipv6(), "this machine has no IPv6")


class PortsCase(peers.Case):
    def assert_serves(self, door, *hosts):
        for host in hosts or (None,):
            with door.client(host=host) as client:
                reply = client.ask(peers.get("/echo/body", "Connection: close", method="POST", body=b"there"))
                self.assertEqual(reply.body, b"there")
                self.assertEqual(client.end(), door.orderly)

    def assert_not_there(self, host, port):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
            self.assertRaises(ConnectionRefusedError, sock.connect, (host, port))

    def refuse(self, *options):
        """A start that must fail by one line; the line."""
        ca, cert, key = peers.certs()
        status, out, err = harness.run("--cert", cert, "--key", key, *options, SITE)
        self.assertEqual((status, out), (2, ""), err)
        self.assertRegex(err, r"\Apostern: [^\n]+\n\Z")
        return err


class Taken(PortsCase):
    """A second server of the same user, which SO_REUSEPORT by itself would let in to take half the visitors."""

    def each_way(self, first, others, workers):
        for scheme in ("http", "https"):
            named = {"http": (), "https": ()}
            named[scheme] = (first + ":0",)
            server = self.start(workers=workers, **named)
            door = server.doors[0]
            for other in others:
                for other_scheme in ("http", "https"):
                    with self.subTest(first=scheme + " " + first, second=other_scheme + " " + other):
                        line = self.refuse("--no-http" if other_scheme == "https" else "--no-https",
                                           "--" + other_scheme, "%s:%d" % (other, door.port),
                                           "--workers", str(workers))
                        self.assertIn("port %d is in use" % door.port, line)
                        self.assertIn("--" + other_scheme, line)
            for _ in range(10):
                self.assert_serves(door)
            self.assertEqual(server.stop(), 0)

    def test_one_worker(self):
        self.each_way("127.0.0.1", ("127.0.0.1", "localhost", "*"), 1)

    def test_two_workers(self):
        self.each_way("127.0.0.1", ("127.0.0.1", "localhost", "*"), 2)

    @NEEDS_IPV6
    def test_both_families_of_localhost(self):
        self.each_way("localhost", ("127.0.0.1", "[::1]", "localhost", "*"), 2)

    @NEEDS_IPV6
    def test_ipv6(self):
        self.each_way("[::1]", ("[::1]", "localhost", "*"), 2)

    def test_all_addresses(self):
        self.each_way("*", ("127.0.0.1", "localhost", "*"), 2)

    def test_by_another_program__which_allows_sharing(self):
        for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with self.subTest(option=option), socket.socket() as other:
                if option:
                    other.setsockopt(socket.SOL_SOCKET, option, 1)
                other.bind(("127.0.0.1", 0))
                other.listen()
                line = self.refuse("--no-https", "--http", "127.0.0.1:%d" % other.getsockname()[1], "--workers", "2")
                self.assertIn("is in use", line)

    def test_twice_in_one_command(self):
        server = self.start(https=())
        port = server.http.port
        self.assertEqual(server.stop(), 0)
        for second in ("--http", "--https"):
            line = self.refuse("--http", "127.0.0.1:%d" % port, second, "127.0.0.1:%d" % port, "--workers", "2")
            self.assertIn("is in use", line)

    def test_second_of_several_doors_taken__the_first_is_not_left_open(self):
        server = self.start(https=())
        other = self.start(http=("127.0.0.9:0",), https=())
        free = other.http.port
        self.assertEqual(other.stop(), 0)
        self.refuse("--no-https", "--http", "127.0.0.9:%d" % free, "--http", "127.0.0.1:%d" % server.http.port)
        self.assert_not_there("127.0.0.9", free)

    def test_the_same_port_on_another_address__is_another_door(self):
        server = self.start(https=())
        other = self.start(http=("127.0.0.2:%d" % server.http.port,), https=())
        self.assert_serves(server.http)
        self.assert_serves(other.http)
        self.assertEqual(other.http.host, "127.0.0.2")


class Addresses(PortsCase):
    @NEEDS_IPV6
    def test_localhost__is_both_families(self):
        for named in ("localhost:0", "0"):
            with self.subTest(address=named):
                server = self.start(http=(named,), https=(named,), workers=2)
                for door in server.doors:
                    self.assertEqual(door.host, "localhost")
                    self.assert_serves(door, "127.0.0.1", "::1")
                    # Not beyond: another address of this machine.
                    self.assert_not_there("127.0.0.2", door.port)

    @NEEDS_IPV6
    def test_one_family__is_only_that(self):
        server = self.start(http=("127.0.0.1:0", "[::1]:0"), https=("127.0.0.1:0", "[::1]:0"))
        for door in server.doors:
            self.assert_serves(door)
            self.assert_not_there("::1" if door.host == "127.0.0.1" else "127.0.0.1", door.port)

    @NEEDS_IPV6
    def test_ipv6_literal__is_printed_in_brackets_and_logged_without(self):
        server = self.start(http=("[::1]:0",), https=("[::1]:0",))
        self.assertEqual([door.host for door in server.doors], ["::1", "::1"])
        for door in server.doors:
            self.assertIn("  %s://[::1]:%d/" % (door.scheme, door.port), server.out.lines)
            self.assert_serves(door)
        server.out.wait_for(r'^::1 - - \[.*"POST /echo/body HTTP/1.1" 200 ', 2)

    def test_several_of_each_kind__all_answer(self):
        many = ("127.0.0.1:0",) * 5
        for workers in (1, 2):
            with self.subTest(workers=workers):
                server = self.start(http=many, https=many, workers=workers)
                self.assertEqual([door.scheme for door in server.doors], ["http"] * 5 + ["https"] * 5)
                self.assertEqual(len({door.port for door in server.doors}), 10)
                for door in server.doors:
                    self.assert_serves(door)

    def test_only_http__and_only_https(self):
        for named in ({"https": ()}, {"http": ()}):
            server = self.start(**named)
            self.assertEqual(len(server.doors), 1)
            self.assert_serves(server.doors[0])

    def test_public__answers_on_every_address(self):
        server = self.start("--public", http=("0",), https=("0",), workers=2)
        hosts = ["127.0.0.1", "127.0.0.2"] + (["::1"] if peers.has_ipv6() else [])
        for door in server.doors:
            for host in hosts:
                self.assert_serves(door, host)

    def test_public__leaves_addresses_that_are_given_alone(self):
        server = self.start("--public", https=())
        self.assert_serves(server.http)
        self.assert_not_there("127.0.0.2", server.http.port)

    def test_address_of_another_machine__is_refused(self):
        line = self.refuse("--no-https", "--http", "192.0.2.1:0")
        self.assertIn("192.0.2.1", line)

    def test_many_workers__every_one_answers(self):
        server = self.start(workers=8)
        for door in server.doors:
            for _ in range(40):
                self.assert_serves(door)


if __name__ == "__main__":
    unittest.main()
