#!/usr/bin/env python3
"""Clients that take their time: each deadline ends what it is for, with a reply where one is possible and a cause in
the log, and leaves alone who is merely slow.

Run: python3 tests/e2e/test_slow.py [-v]"""

import time
import unittest

import peers
from peers import LONG_MS, both_doors

# What a test waits for. Not shorter: the other deadlines have to be well above it.
DEADLINE_MS = 2000
# Between two pieces of a slow client's.
PAUSE_S = 0.1


class SlowCase(peers.Case):
    def start_with(self, **limits):
        """All deadlines far away, but for those given."""
        far = {name: LONG_MS for name in ("handshake_ms", "head_ms", "body_idle_ms", "idle_ms", "write_stall_ms",
                                          "rate_grace_ms")}
        return self.start(limits={**far, **limits}, **self.options)

    options = {}

    def drip(self, client, data):
        """Sends byte by byte until the data is used up or the server answers; the bytes sent. data may be endless."""
        client.sock.settimeout(PAUSE_S)
        sent = 0
        for byte in data:
            try:
                client.send(bytes([byte]))
                sent += 1
                if not client.fill():
                    break
            except TimeoutError:
                continue
            except OSError:
                client.ended = "reset"
                break
            else:
                break
        client.sock.settimeout(peers.PATIENCE_S)
        return sent

    def assert_took(self, begun_s, least_ms=DEADLINE_MS):
        """Not early, give or take the turn of the server's loop that it counts from. How late is the machine's
        affair, within the time-outs of the client."""
        self.assertGreaterEqual(time.monotonic() - begun_s, least_ms * 0.7 / 1000)


def endless(begin, then):
    yield from begin
    while True:
        yield from then


class Heads(SlowCase):
    @both_doors
    def test_a_byte_now_and_then__gets_408_at_the_head_deadline(self, scheme):
        server = self.start_with(head_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        begun_s = time.monotonic()
        sent = self.drip(client, endless(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"))
        self.assert_took(begun_s)
        self.assertGreater(sent, 1)
        reply = client.response()
        self.assertEqual((reply.status, reply.field("Connection")), (408, "close"))
        self.assertEqual(client.end(), client.door.orderly)
        client.close()
        server.out.wait_for(r' 408 \d+ .* head deadline$')

    @both_doors
    def test_silence_in_the_head__gets_408(self, scheme):
        server = self.start_with(head_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        begun_s = time.monotonic()
        client.send(b"GET / HTTP/1.1\r\nHo")
        self.assertEqual(client.response().status, 408)
        self.assert_took(begun_s)
        self.assertEqual(client.end(), client.door.orderly)
        client.close()
        server.out.wait_for(r' 408 \d+ .* head deadline$')

    @both_doors
    def test_silence_from_the_begin__is_closed_at_the_head_deadline(self, scheme):
        server = self.start_with(head_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        begun_s = time.monotonic()
        self.assertEqual(client.end(), client.door.orderly)
        self.assert_took(begun_s)

    @both_doors
    def test_the_second_request__has_its_own_head_deadline(self, scheme):
        server = self.start_with(head_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        self.assertEqual(client.ask(peers.get("/")).status, 200)
        time.sleep(DEADLINE_MS * 1.3 / 1000)  # idle, which has a deadline of its own
        begun_s = time.monotonic()
        client.send(b"GET")
        self.assertEqual(client.response().status, 408)
        self.assert_took(begun_s)

    @both_doors
    def test_a_slow_head_within_the_deadline__is_answered(self, scheme):
        server = self.start_with()
        client = self.client(server.door(scheme))
        self.drip(client, peers.get("/echo/body", method="POST", body=b"slow"))
        self.assertEqual(client.response().body, b"slow")

    @both_doors
    def test_idle_connection__is_closed_at_the_idle_deadline__in_good_order(self, scheme):
        server = self.start_with(idle_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        self.assertEqual(client.ask(peers.get("/")).status, 200)
        begun_s = time.monotonic()
        self.assertEqual(client.end(), client.door.orderly)
        self.assert_took(begun_s)


class Bodies(SlowCase):
    HEAD = b"POST /echo/body HTTP/1.1\r\nHost: localhost\r\n"

    @both_doors
    def test_silence_in_the_body__gets_408(self, scheme):
        server = self.start_with(body_idle_ms=DEADLINE_MS)
        for framing in (b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhalf"):
            client = self.client(server.door(scheme))
            begun_s = time.monotonic()
            client.send(self.HEAD + framing)
            reply = client.response()
            self.assert_took(begun_s)
            self.assertEqual((reply.status, reply.field("Connection")), (408, "close"))
            self.assertEqual(client.end(), client.door.orderly)
            client.close()
        server.out.wait_for(r' 408 \d+ .* body deadline$', 2)

    @both_doors
    def test_a_byte_now_and_then__is_too_slow_after_the_grace(self, scheme):
        server = self.start_with(body_rate_bytes=1000, rate_grace_ms=DEADLINE_MS)
        client = self.client(server.door(scheme))
        begun_s = time.monotonic()
        client.send(self.HEAD + b"Content-Length: 1000\r\n\r\n")
        sent = self.drip(client, endless(b"", b"x"))
        self.assert_took(begun_s)
        self.assertGreater(sent, 1)
        self.assertEqual(client.response().status, 408)
        self.assertEqual(client.end(), client.door.orderly)
        client.close()
        server.out.wait_for(r' 408 \d+ .* body deadline$')

    @both_doors
    def test_a_slow_body_within_the_deadlines__is_answered(self, scheme):
        # Longer on the way than the time between two pieces may be, and than the grace.
        server = self.start_with(body_idle_ms=10 * DEADLINE_MS, rate_grace_ms=DEADLINE_MS, body_rate_bytes=1)
        client = self.client(server.door(scheme))
        body = b"0123456789" * 3
        client.send(self.HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        self.drip(client, body)
        self.assertEqual(client.response().body, body)


class Readers(SlowCase):
    def setUp(self):
        folder = self.folder()
        self.size = peers.large_file(folder)
        self.options = {"root": folder.path}

    def begin(self, server, scheme):
        """Has asked for a file that no buffer holds, and read only its begin."""
        client = self.client(server.door(scheme), rcvbuf=32768)
        client.send(peers.get("/large.bin"))
        client.fill()
        return client

    def assert_cut(self, server, client):
        server.out.wait_for(r'"GET /large.bin HTTP/1.1" 200 \d+ .* write deadline$')
        self.assertLess(len(client.rest()), self.size)
        self.assertIn(client.ended, ("cut" if client.door.is_secure else "fin", "reset"))

    @both_doors
    def test_reading_nothing__is_cut_at_the_write_deadline(self, scheme):
        server = self.start_with(write_stall_ms=DEADLINE_MS)
        begun_s = time.monotonic()
        client = self.begin(server, scheme)
        self.assert_cut(server, client)
        self.assert_took(begun_s)

    @both_doors
    def test_reading_too_slowly__is_cut_after_the_grace(self, scheme):
        server = self.start_with(write_rate_bytes=500 << 20, rate_grace_ms=DEADLINE_MS)
        begun_s = time.monotonic()
        client = self.begin(server, scheme)
        while not server.out.ended and not any("write deadline" in line for line in list(server.out.lines)):
            if not client.fill():
                break
            time.sleep(PAUSE_S)
        self.assert_took(begun_s)
        self.assert_cut(server, client)

    @both_doors
    def test_reading_in_pieces__with_pauses__gets_all(self, scheme):
        server = self.start_with(write_stall_ms=20 * DEADLINE_MS, rate_grace_ms=DEADLINE_MS)
        client = self.begin(server, scheme)
        for _ in range(20):
            client.fill()
            time.sleep(PAUSE_S)
        self.assertEqual(len(client.response().body), self.size)


class Handshakes(SlowCase):
    def test_silent_tls_client__ends_at_the_handshake_deadline(self):
        server = self.start_with(handshake_ms=DEADLINE_MS)
        hello = peers.client_hello()
        clients = []
        for begin in (b"", hello[:1], hello[:len(hello) // 2], hello):
            clients.append((self.tcp(server.https), time.monotonic()))
            clients[-1][0].send(begin)
        for client, begun_s in clients:
            client.rest()
            self.assert_took(begun_s)
            self.assertIn(client.ended, ("fin", "reset"))
        server.out.wait_for(r" handshake deadline$", 4)

    def test_hello_byte_by_byte__ends_at_the_handshake_deadline(self):
        server = self.start_with(handshake_ms=DEADLINE_MS)
        client = self.tcp(server.https)
        begun_s = time.monotonic()
        sent = self.drip(client, peers.client_hello())
        self.assert_took(begun_s)
        self.assertGreater(sent, 1)
        client.rest()
        server.out.wait_for(r" handshake deadline$")

    def test_client_that_leaves_in_the_handshake__is_named(self):
        server = self.start_with()
        client = self.tcp(server.https)
        client.send(peers.client_hello()[:100])
        client.close()
        server.out.wait_for(r" client closed during TLS handshake$")


if __name__ == "__main__":
    unittest.main()
