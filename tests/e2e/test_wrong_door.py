#!/usr/bin/env python3
"""Who speaks the wrong language, or nothing sensible, or never listens: the connection ends soon, its cause is in the
log, the server does not spin, and an early answer reaches a client that is still sending.

Run: python3 tests/e2e/test_wrong_door.py [-v]"""

import os
import threading
import time
import unittest

import peers
from peers import LONG_MS, both_doors, each_door

FAR = {name: LONG_MS for name in ("handshake_ms", "head_ms", "body_idle_ms", "idle_ms", "write_stall_ms",
                                  "rate_grace_ms")}


def parse_alert(data):
    """The TLS alert's number, where the bytes are one record with a plain alert in it."""
    return data[6] if len(data) == 7 and data[0] == 21 and data[5] == 2 else None


class Sender(threading.Thread):
    """Sends without end, in the background, until the connection breaks."""

    def __init__(self, client, piece):
        super().__init__(daemon=True)
        self.client, self.piece, self.sent = client, piece, 0
        self.start()

    def run(self):
        try:
            while True:
                self.client.send(self.piece)
                self.sent += len(self.piece)
        except OSError:
            pass


class TlsDoor(peers.Case):
    """What is no TLS comes to the TLS door."""

    def setUp(self):
        self.server = self.start(limits=FAR)

    def assert_closed(self, data, cause):
        client = self.tcp(self.server.https)
        client.send(data)
        said = client.rest()
        self.assertIn(client.ended, ("fin", "reset"))
        client.close()
        self.server.out.wait_for(cause + "$")
        return said

    def test_plain_http__is_answered__closed__and_named(self):
        for status, request in (
                (308, peers.get("/")), (400, b"HEAD / HTTP/1.0\r\n\r\n"), (308, b"HEAD / HTTP/1.0\r\nHost: h\r\n\r\n"),
                (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")):
            with self.subTest(request=request):
                said = self.assert_closed(request, "plain HTTP sent to the TLS port")
                self.assertTrue(said.startswith(b"HTTP/1.1 %d " % status), said[:80])
                self.assertIn(b"\r\nConnection: close\r\n", said)
        self.assert_idle(self.server)

    def test_plain_http__that_goes_on_for_long__is_answered(self):
        client = self.tcp(self.server.https)
        client.push(peers.get("/", "Content-Length: 52428800", method="POST") + b"x" * 65536, 800)
        self.assertEqual(client.response().status, 308)
        self.server.out.wait_for("plain HTTP sent to the TLS port$")
        self.assert_idle(self.server)

    def test_plain_http__that_never_ends_its_head__is_closed_at_the_handshake_deadline(self):
        server = self.start(limits={**FAR, "handshake_ms": 300})
        for begin in (b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            client = self.tcp(server.https)
            client.send(begin)
            self.assertEqual(client.rest(), b"")
        server.out.wait_for("handshake deadline$", 2)

    def test_garbage__is_closed_and_named(self):
        for data in (b"\0", b"\x80\x2e\x01\x03\x01" + bytes(41), b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 100000,
                     b"\r\n" * 9):
            with self.subTest(data=data[:10]):
                self.assert_closed(data, "client does not speak TLS")

    def test_what_begins_like_tls__gets_an_alert(self):
        for name, data, alert in (
                ("not a ClientHello", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", None),
                ("ClientHello of noise", b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c" + os.urandom(60), None),
                ("record of another version", b"\x16\x09\x01\x00\x04\x01\x00\x00\x00", None),
                ("oversize record", b"\x16\x03\x01\xff\xff" + bytes(65535), 22),  # RFC 8446 5.1 record_overflow
                ("empty hello", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", 50)):  # decode_error
            with self.subTest(data=name):
                client = self.tcp(self.server.https)
                client.send(data)
                said = client.rest()
                if client.ended == "fin" or said:
                    self.assertIsNotNone(parse_alert(said), said)
                    if alert:
                        self.assertEqual(parse_alert(said), alert)
        self.assert_idle(self.server)

    def test_one_byte_then_silence__waits_without_spinning(self):
        clients = [self.tcp(self.server.https) for _ in range(20)]
        for i, client in enumerate(clients):
            client.send(peers.client_hello()[:1 + i % 7])
        self.assert_idle(self.server)
        with self.client(self.server.https) as other:
            self.assertEqual(other.ask(peers.get("/")).status, 200)

    def test_application_data_before_the_handshake__is_refused(self):
        self.assert_closed(b"\x17\x03\x03\x00\x05hello", "client does not speak TLS")

    def test_garbage_after_the_handshake__ends_with_an_alert__and_is_named(self):
        client = self.client(self.server.https)
        self.assertEqual(client.ask(peers.get("/")).status, 200)
        raw = client.sock
        os.write(raw.fileno(), b"\x17\x03\x03\x00\x40" + os.urandom(64))
        with self.assertRaisesRegex(OSError, "BAD_RECORD_MAC|bad record mac"):
            raw.recv(1)
        self.server.out.wait_for(r"TLS record failed authentication$")

    def test_reset_in_the_handshake__is_survived(self):
        hello = peers.client_hello()
        for size in (1, 100, len(hello)):
            client = self.tcp(self.server.https)
            client.sock.setsockopt(peers.socket.SOL_SOCKET, peers.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.send(hello[:size])
            client.close()
        with self.client(self.server.https) as other:
            self.assertEqual(other.ask(peers.get("/")).status, 200)


class PlainDoor(peers.Case):
    """What is no HTTP comes to the plain door; most of it also inside TLS."""

    def refuse(self, server, scheme, data):
        client = self.client(server.door(scheme))
        client.send(data)
        reply = client.response()
        self.assertEqual((reply.status, reply.field("Connection")), (400, "close"))
        self.assertEqual(client.end(), client.door.orderly)

    def test_tls_client_hello__gets_an_alert__and_is_named(self):
        server = self.start(limits=FAR)
        hello = peers.client_hello()
        for size in (1, 5, len(hello)):
            client = self.tcp(server.http)
            client.send(hello[:size])
            self.assertEqual(parse_alert(client.rest()), 40)  # handshake_failure
            self.assertEqual(client.ended, "fin")
        server.out.wait_for("TLS sent to the plain port$", 3)

    def test_tls_client_hello__inside_tls__gets_400_and_close(self):
        server = self.start(limits=FAR)
        self.refuse(server, "https", peers.client_hello())
        server.out.wait_for(r'"-" 400 \d+ .* bad request$')

    @each_door
    def test_garbage__gets_400_and_close(self, scheme):
        server = self.start(limits=FAR)
        for data in (b"\0", b"\xff\xfe", b"\x80\x2e\x01\x03\x01", b"\r\n\r\n\r\n\r\n\r\n\r\n",
                     b" GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x90" + os.urandom(64)):
            with self.subTest(data=data):
                client = self.client(server.door(scheme))
                client.send(data)
                self.assertIn(client.response().status, (400, 501, 505))
                self.assertEqual(client.end(), client.door.orderly)

    @each_door
    def test_one_byte_then_silence__waits_without_spinning(self, scheme):
        server = self.start(limits=FAR)
        for byte in b"GP\r":
            self.client(server.door(scheme)).send(bytes([byte]))
        self.assert_idle(server)
        with self.client(server.door(scheme)) as other:
            self.assertEqual(other.ask(peers.get("/")).status, 200)

    def test_tls_client__at_the_plain_door__fails_at_once(self):
        server = self.start(limits=FAR)
        sock = server.http.tcp()
        self.addCleanup(sock.close)
        with self.assertRaises(peers.ssl.SSLError):
            peers.tls_context().wrap_socket(sock, server_hostname="localhost")


class EarlyAnswers(peers.Case):
    """The client is still sending megabytes when the answer comes: it must be able to read it (docs/closing.md)."""

    PIECE = b"x" * 65536
    PIECES_50_MB, PIECES_3_MB = 800, 48

    def assert_answered(self, client, status, begin, piece, count):
        """The reader sees answer and orderly end, whatever becomes of what it sends."""
        client.send(begin)
        client.push(piece or self.PIECE, count)
        reply = client.response()
        self.assertEqual((reply.status, reply.field("Connection")), (status, "close"))
        self.assertEqual(client.end(), client.door.orderly)
        client.close()

    CASES = (
        (413, b"POST /echo/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52428800\r\n\r\n", None),
        (413, b"POST /echo/body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
         b"10000\r\n" + PIECE + b"\r\n"),
        (405, b"POST /index.html HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52428800\r\n\r\n", None),
        (414, b"GET /", None),
        (431, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", None),
        (431, b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 10000),
        (400, b"GET / HTTP/1.1\r\nHost: local host\r\n\r\n", None),
        (400, b"POST /echo/body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", None),
        (501, b"BREW /pot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52428800\r\n\r\n", None),
        (505, b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", None),
    )

    @each_door
    def test_client_that_reads_while_it_sends__reads_the_answer(self, scheme):
        server = self.start(limits=FAR)
        for i, (status, begin, piece) in enumerate(self.CASES):
            with self.subTest(status=status, begin=begin[:40]):
                count = self.PIECES_3_MB if i else self.PIECES_50_MB
                self.assert_answered(self.client(server.door(scheme)), status, begin, piece, count)

    @each_door
    def test_client_that_reads_only_when_it_has_sent_all__reads_the_answer(self, scheme):
        # Within linger_bytes: all is read and thrown away, so that no reset overtakes the answer.
        server = self.start(limits={**FAR, "linger_bytes": 64 << 20, "linger_ms": 60000})
        for i, (status, begin, piece) in enumerate(self.CASES):
            with self.subTest(status=status, begin=begin[:40]):
                client = self.client(server.door(scheme))
                client.send(begin)
                for _ in range(self.PIECES_3_MB if i else self.PIECES_50_MB):
                    client.send(piece or self.PIECE)
                self.assertEqual(client.response().status, status)
                self.assertEqual(client.end(), client.door.orderly)
                client.close()

    @each_door
    def test_client_that_sends_on_for_ever__is_cut_at_linger_bytes(self, scheme):
        server = self.start(limits={**FAR, "linger_bytes": 1 << 20, "linger_ms": 60000})
        client = self.client(server.door(scheme))
        client.send(self.CASES[0][1])
        # What the buffers on the way hold comes on top.
        self.assertLess(client.push(self.PIECE, 1 << 20), 32 << 20)
        self.assertEqual(client.response().status, 413)

    @both_doors
    def test_client_that_does_not_close__is_cut_at_linger_ms(self, scheme):
        server = self.start(limits={**FAR, "linger_ms": 1000})
        client = self.client(server.door(scheme))
        begun_s = time.monotonic()
        self.assertEqual(client.ask(peers.get("/", "Connection: close")).status, 200)
        self.assertEqual(client.end(), client.door.orderly)
        # Nothing tells it but the refusal of what is sent then.
        with self.assertRaises(OSError):
            while True:
                client.send(b"x")
                time.sleep(0.05)
        self.assertGreaterEqual(time.monotonic() - begun_s, 0.7)

    @each_door
    def test_small_unwanted_body__keeps_the_connection(self, scheme):
        server = self.start(limits=FAR)
        client = self.client(server.door(scheme))
        for _ in range(3):
            reply = client.ask(peers.get("/index.html", method="POST", body=b"x" * 60000))
            self.assertEqual((reply.status, reply.field("Connection")), (405, None))
        self.assertEqual(client.ask(peers.get("/index.html")).status, 200)


class NeverReads(peers.Case):
    """Asks and asks and takes no answer: the server stops reading, keeps little, and ends it at the write deadline."""

    def attack(self, scheme, request):
        folder = self.folder()
        peers.large_file(folder)
        folder.write("page.html", b"x" * 30000)
        server = self.start(root=folder.path, limits={**FAR, "write_stall_ms": 2000})
        before = server.rss_bytes()
        clients = [self.client(server.door(scheme), rcvbuf=16384) for _ in range(5)]
        senders = [Sender(client, request * 100) for client in clients]
        server.out.wait_for(r" write deadline$", len(clients))
        self.assertLess(server.rss_bytes() - before, (256 if peers.IS_SANITIZED else 16) << 20)
        for sender in senders:
            sender.join(peers.PATIENCE_S)
            self.assertFalse(sender.is_alive())
            self.assertLess(sender.sent, 32 << 20)

    @both_doors
    def test_pipelined_pages(self, scheme):
        self.attack(scheme, peers.get("/page.html"))

    @both_doors
    def test_pipelined_large_files(self, scheme):
        self.attack(scheme, peers.get("/large.bin"))

    @both_doors
    def test_pipelined_posts(self, scheme):
        self.attack(scheme, peers.get("/echo/body", method="POST", body=b"x" * 20000))

    @each_door
    def test_waiting_for_a_reader__does_not_spin(self, scheme):
        folder = self.folder()
        peers.large_file(folder)
        server = self.start(root=folder.path, limits=FAR)
        client = self.client(server.door(scheme), rcvbuf=16384)
        client.send(peers.get("/large.bin") * 100)
        client.fill()
        self.assert_idle(server)


if __name__ == "__main__":
    unittest.main()
