#!/usr/bin/env python3
"""How the server ends: asked to, it finishes what is in flight and closes the rest in good order; killed, it can be
started again at once.

Run: python3 tests/e2e/test_drain.py [-v]"""

import signal
import ssl
import time
import unittest

import peers
from peers import LONG_MS, SITE, both_doors

FAR = {name: LONG_MS for name in ("handshake_ms", "head_ms", "body_idle_ms", "idle_ms", "write_stall_ms",
                                  "rate_grace_ms", "drain_ms")}
BODY = b"0123456789" * 10000


class Drain(peers.Case):
    def setUp(self):
        folder = self.folder()
        self.size = peers.large_file(folder, size=12 << 20)
        with open(SITE + "/index.html", "rb") as file:
            folder.write("index.html", file.read())
        self.root = folder.path

    def begin_upload(self, door):
        client = self.client(door)
        client.send(peers.get("/echo/body", "Content-Length: %d" % len(BODY), "Expect: 100-continue", method="POST"))
        self.assertEqual(client.response().status, 100)  # so the server is in the midst of it
        client.send(BODY[:50000])
        return client

    def begin_download(self, door):
        client = self.client(door, rcvbuf=32768)
        client.send(peers.get("/large.bin"))
        self.assertTrue(client.fill())
        return client

    def begin_idle(self, door):
        client = self.client(door)
        self.assertEqual(client.ask(peers.get("/")).status, 200)
        return client

    def begin_fresh(self, door):
        """Nothing was asked yet. In TLS 1.3 a client is done with the handshake before the server is, which may be asked
        to stop in between; in TLS 1.2 the server is the first."""
        return self.client(door, peers.tls_context(door.kind, ssl.TLSVersion.TLSv1_2) if door.is_secure else None)

    def begin_head(self, door):
        client = self.client(door)
        client.send(b"POST /echo/body HTTP/1.1\r\nHost: local")
        return client

    def drain(self, number, workers):
        server = self.start(root=self.root, workers=workers, limits=FAR)
        doors = server.doors
        uploads = [self.begin_upload(door) for door in doors for _ in range(3)]
        downloads = [self.begin_download(door) for door in doors for _ in range(2)]
        idle = [self.begin_idle(door) for door in doors for _ in range(3)]
        fresh = [self.begin_fresh(door) for door in doors for _ in range(3)]
        hello = peers.client_hello()
        unborn = [self.tcp(server.https) for _ in range(3)]
        for client, size in zip(unborn, (0, 1, len(hello) // 2)):
            client.send(hello[:size])

        server.process.send_signal(number)
        # What waits for a request, or has not even shaken hands, is told at once.
        for client in idle + fresh:
            self.assertEqual(client.end(), client.door.orderly)
        for client in unborn:
            self.assertIn(client.end(), ("fin", "reset"))
        for door in doors:
            self.wait_until(door.is_refused, "refused: a new connection")
        self.assertTrue(server.is_running())
        # What is in flight takes its time.
        for client in uploads:
            client.send(BODY[50000:])
            reply = client.response()
            self.assertEqual((reply.status, reply.field("Connection"), reply.body), (200, "close", BODY))
            self.assertEqual(client.end(), client.door.orderly)
        self.assertTrue(server.is_running())
        for client in downloads:
            self.assertEqual(len(client.response().body), self.size)
            self.assertEqual(client.end(), client.door.orderly)
            client.close()
        for client in uploads + idle + fresh + unborn:
            client.close()
        self.assertEqual(server.wait(), 0)
        self.assertEqual(len([line for line in server.out.lines if line.endswith(" ok")]), 8 * len(doors))

    def test_sigterm__in_flight_is_finished__the_rest_closed(self):
        self.drain(signal.SIGTERM, 1)

    def test_sigint__in_flight_is_finished__the_rest_closed(self):
        self.drain(signal.SIGINT, 1)

    def test_sigterm__with_two_workers(self):
        self.drain(signal.SIGTERM, 2)

    @both_doors
    def test_head_in_flight__is_completed_and_answered(self, scheme):
        server = self.start(root=self.root, limits=FAR)
        client = self.begin_head(server.door(scheme))
        canary = self.begin_idle(server.door(scheme))
        server.process.send_signal(signal.SIGTERM)
        canary.end()
        client.send(b"host\r\nContent-Length: 4\r\n\r\nlast")
        reply = client.response()
        self.assertEqual((reply.field("Connection"), reply.body), ("close", b"last"))
        self.assertEqual(client.end(), client.door.orderly)
        client.close()
        canary.close()
        self.assertEqual(server.wait(), 0)

    @both_doors
    def test_pipelined_behind_a_reply_under_way__is_not_begun(self, scheme):
        # RFC 9112 9.6: after the reply that the close is told with, further requests are not processed.
        server = self.start(root=self.root, limits=FAR)
        client = self.begin_upload(server.door(scheme))
        canary = self.begin_idle(server.door(scheme))
        server.process.send_signal(signal.SIGTERM)
        canary.end()
        client.send(BODY[50000:] + peers.get("/index.html?second"))
        self.assertEqual(client.response().field("Connection"), "close")
        self.assertEqual(client.end(), client.door.orderly)
        client.close()
        canary.close()
        self.assertEqual(server.wait(), 0)
        self.assertFalse([line for line in server.out.lines if "second" in line])

    @both_doors
    def test_what_does_not_finish__is_cut_at_the_drain_deadline(self, scheme):
        server = self.start(root=self.root, limits={**FAR, "drain_ms": 1000})
        clients = [self.begin_upload(server.door(scheme)), self.begin_download(server.door(scheme))]
        begun_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        self.assertGreaterEqual(time.monotonic() - begun_s, 0.7)
        self.assertEqual(len([line for line in server.out.lines if line.endswith(" server stopped")]), 2)
        for client in clients:
            client.rest()
            self.assertIn(client.ended, ("cut" if client.door.is_secure else "fin", "reset"))

    @both_doors
    def test_second_signal__cuts_what_is_left(self, scheme):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                              (signal.SIGTERM, signal.SIGINT)):
            server = self.start(root=self.root, limits=FAR, workers=2)
            client = self.begin_upload(server.door(scheme))
            canary = self.begin_idle(server.door(scheme))
            server.process.send_signal(first)
            canary.end()
            self.assertTrue(server.is_running())
            server.process.send_signal(second)
            self.assertEqual(server.wait(), 0)
            self.assertTrue(server.out.lines[-2].endswith(" server stopped"), server.out.lines[-2:])
            client.close()
            canary.close()

    def test_nothing_in_flight__ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for workers in (1, 2, 5):
                with self.subTest(signal=number, workers=workers):
                    server = self.start(workers=workers, limits=FAR)
                    self.assertEqual(server.stop(number), 0)

    def test_connected_right_before_the_end__is_closed_not_forgotten(self):
        """Many that have just connected, some not yet accepted: each sees an end, and none holds up the server."""
        server = self.start(root=self.root, limits=FAR, workers=2)
        clients = [self.tcp(door) for door in server.doors for _ in range(100)]
        self.assertEqual(server.stop(), 0)
        for client in clients:
            self.assertIn(client.end(), ("fin", "reset"))


class StartedAgain(peers.Case):
    # An address of its own: nobody's outgoing connections take the ports while the server is away.
    ADDRESS = "127.0.0.77"

    def start_first(self, **named):
        server = self.start(http=(self.ADDRESS + ":0",), https=(self.ADDRESS + ":0",), **named)
        return server, ["%s:%d" % (self.ADDRESS, door.port) for door in server.doors]

    def test_kill_9__and_started_again_on_the_same_ports_at_once(self):
        server, ports = self.start_first(workers=2)
        for _ in range(3):
            clients = [self.client(door) for door in server.doors]
            for client in clients:
                self.assertEqual(client.ask(peers.get("/")).status, 200)
            server.process.kill()
            server.wait()
            for client in clients:
                self.assertIn(client.end(), ("fin", "cut", "reset"))
            server = self.start(http=ports[:1], https=ports[1:], workers=2)
        for door in server.doors:
            with self.client(door) as client:
                self.assertEqual(client.ask(peers.get("/")).status, 200)

    def test_stopped__and_started_again_on_the_same_ports_at_once(self):
        server, ports = self.start_first()
        # Closed first by the server: its side of the connection stays in TIME_WAIT.
        for door in server.doors:
            with self.client(door) as client:
                self.assertEqual(client.ask(peers.get("/", "Connection: close")).status, 200)
                self.assertEqual(client.end(), door.orderly)
        self.assertEqual(server.stop(), 0)
        server = self.start(http=ports[:1], https=ports[1:])
        for door in server.doors:
            with self.client(door) as client:
                self.assertEqual(client.ask(peers.get("/")).status, 200)


if __name__ == "__main__":
    unittest.main()
