#!/usr/bin/env python3
"""A flood of TLS handshakes that are never finished: clients that are there do not notice much, memory stays within a bound,
and a newcomer from another address is let in.

What a request may take longer under the flood is measured in handshakes, on the same server before: between two looks at
its connections the server begins one, and goes on with one. So the test says the same on a slow machine as on a fast one.

Run: python3 tests/e2e/test_flood.py [-v]"""

import errno
import multiprocessing
import os
import select
import socket
import statistics
import time
import unittest

import peers

ADDRESSES = 20  # of 127.0.0.0/8: each may have 512 handshakes
WANTED = 10000
HANDSHAKES = 512  # the limit's default
# Of one worker: what a connection that was not let in takes, and one that was (TLS state, buffers).
OUTSIDE_BYTES, INSIDE_BYTES = 4096, 98304


def flood(port, count, hello, filled, stop):
    """Holds so many connections, each with these bytes sent, and opens another for each that is closed."""
    poll, open_now, opened, full = select.epoll(), {}, 0, False

    def add():
        nonlocal opened
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        try:
            sock.bind(("127.0.1.%d" % (opened % ADDRESSES + 1), 0))
            if sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
                raise OSError
        except OSError:
            sock.close()
            return
        opened += 1
        open_now[sock.fileno()] = sock
        poll.register(sock, select.EPOLLOUT | select.EPOLLRDHUP)

    while not stop.is_set():
        for _ in range(min(200, count - len(open_now))):
            add()
        for fd, events in poll.poll(0.02):
            sock = open_now[fd]
            try:
                if events & (select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
                    raise OSError
                if hello:
                    sock.send(hello)
                poll.modify(fd, select.EPOLLRDHUP)
            except OSError:
                poll.unregister(fd)
                open_now.pop(fd).close()
        if not full and len(open_now) >= count * 0.95:
            full = True
            filled.set()
    for sock in open_now.values():
        sock.close()


def took_ms(function):
    begun = time.perf_counter()
    function()
    return (time.perf_counter() - begun) * 1000


class Flood(peers.Case):
    def setUp(self):
        limit = peers.raise_file_limit()
        # Both ends are on this machine, each in a process of its own; some are for the server's files.
        self.count = min(WANTED, limit - 200)
        self.report = []

    def attack(self, hello):
        server = self.start(limits={"connections": 20000, "idle_ms": peers.LONG_MS})
        clients = [self.client(server.https), self.client(server.http)]

        def newcomer():
            server.https.client().close()

        def measure(rounds):
            return [statistics.median(took_ms(lambda c=client: self.assertEqual(
                c.ask(peers.get("/index.html")).status, 200)) for _ in range(rounds)) for client in clients]

        handshake = statistics.median(took_ms(newcomer) for _ in range(15))
        before, rss = measure(100), server.rss_bytes()
        context = multiprocessing.get_context("fork")
        filled, stop = context.Event(), context.Event()
        process = context.Process(target=flood, args=(server.https.port, self.count, hello, filled, stop), daemon=True)
        process.start()
        try:
            self.assertTrue(filled.wait(peers.PATIENCE_S))
            during, grown = measure(200), server.rss_bytes() - rss
            first = took_ms(newcomer)
            grown = max(grown, server.rss_bytes() - rss)
        finally:
            stop.set()
            process.join(peers.PATIENCE_S)
        self.assertFalse(process.is_alive())
        print("\n  %d connections, %d bytes each: https %.2f -> %.2f ms, http %.2f -> %.2f ms, a handshake %.2f -> %.0f ms, "
              "memory +%.1f MiB" % (self.count, len(hello), before[0], during[0], before[1], during[1], handshake, first,
                                    grown / 2**20), flush=True)
        for one, other in zip(before, during):
            self.assertLess(other, one * 3 + handshake * 6)
        bound = self.count * OUTSIDE_BYTES + HANDSHAKES * INSIDE_BYTES
        self.assertLess(grown, bound * (4 if peers.IS_SANITIZED else 1))
        self.assertEqual(clients[0].ask(peers.get("/index.html")).status, 200)

    def test_silent_clients(self):
        self.attack(b"")

    def test_half_of_a_client_hello(self):
        self.attack(peers.client_hello()[:100])

    def test_whole_client_hello_and_no_more(self):
        self.attack(peers.client_hello())


class Each(peers.Case):
    """The limits of one address, and of all."""

    def test_over_the_limit_of_an_address__is_closed_at_once(self):
        server = self.start(limits={"handshakes_each": 2, "handshake_ms": peers.LONG_MS})  # 16 from this machine
        held = [self.tcp(server.https) for _ in range(16)]
        for client in held[:8]:
            client.send(peers.client_hello()[:50])
        over = self.tcp(server.https)
        over.rest()
        self.assertIn(over.ended, ("fin", "reset"))
        # The plain door has no handshakes, and one that ends makes room.
        self.assertEqual(self.client(server.http).ask(peers.get("/")).status, 200)
        held[0].close()
        held[15].close()

        def is_let_in():
            try:
                with self.client(server.https) as client:
                    return client.ask(peers.get("/")).status == 200
            except OSError:
                return False
        self.wait_until(is_let_in, "let in")

    def test_over_the_limit_of_all__waits_and_then_goes_on(self):
        server = self.start(limits={"handshakes": 4, "handshake_ms": peers.LONG_MS})
        held = [self.tcp(server.https) for _ in range(4)]
        for client in held:
            client.send(peers.client_hello()[:50])
        self.assertEqual(self.client(server.http).ask(peers.get("/")).status, 200)  # they have been let in
        waiting = self.tcp(server.https)
        waiting.send(peers.client_hello())
        waiting.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            waiting.sock.recv(1)
        waiting.sock.settimeout(peers.PATIENCE_S)
        held[2].close()
        self.assertEqual(waiting.take(1), b"\x16")
        self.assert_idle(server)

    def test_slow_one__gives_way_to_one_that_waits(self):
        server = self.start(limits={"handshakes": 1, "handshake_ms": 4000})
        slow = self.tcp(server.https)
        slow.send(peers.client_hello()[:50])
        self.assertEqual(self.client(server.http).ask(peers.get("/")).status, 200)
        with self.client(server.https) as client:
            self.assertEqual(client.ask(peers.get("/")).status, 200)
        slow.rest()
        server.out.wait_for("TLS handshake stalled while others waited$")


if __name__ == "__main__":
    unittest.main()
