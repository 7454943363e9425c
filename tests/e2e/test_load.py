#!/usr/bin/env python3
"""Many connections at once: the silent and the half-hearted do not hold up the others, and a server that has used up
its descriptors waits without spinning.

Run: python3 tests/e2e/test_load.py [-v]"""

import asyncio
import os
import time
import unittest

import peers
from harness import PATIENCE_S
from peers import LONG_MS, SITE, each_door

SILENT, SERVED = 500, 500
REQUESTS = 3

# For all that is served. On an idle machine it takes about a second.
PROMPT_S = 90
# What 1,000 connections may cost. Sanitizers keep shadows and freed memory.
RSS_MOST_BYTES = (1536 << 20) if peers.IS_SANITIZED else (64 << 20)


def contents(name):
    with open(os.path.join(SITE, name), "rb") as file:
        return file.read()


async def reply(reader):
    """The next reply's status line and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    return head.split(b"\r\n")[0], await reader.readexactly(length)


class Gathering:
    """Where a number of coroutines wait for each other. asyncio has it from Python 3.11 on."""

    def __init__(self, count):
        self.missing, self.complete = count, asyncio.Event()

    async def wait(self):
        self.missing -= 1
        if self.missing == 0:
            self.complete.set()
        await self.complete.wait()


class Load(peers.Case):
    def open_silent(self, server):
        """Connections that never get to a request: nothing, half a ClientHello, half a request head."""
        hello, request = peers.client_hello(), peers.get("/")
        begins = [(server.https, b""), (server.https, hello[:len(hello) // 2]), (server.http, b""),
                  (server.http, request[:len(request) // 2])]
        silent = []
        for i in range(SILENT):
            door, begin = begins[i % len(begins)]
            client = self.tcp(door)
            client.send(begin)
            silent.append(client)
        return silent

    async def serve(self, server, context, wanted):
        """All of them are connected before the first asks, and stay until the last has been answered."""
        connected, answered = Gathering(SERVED), Gathering(SERVED)

        async def one(i):
            door = server.doors[i % 2]
            reader, writer = await asyncio.open_connection(door.host, door.port,
                                                           ssl=context if door.is_secure else None,
                                                           ssl_handshake_timeout=PROMPT_S if door.is_secure else None)
            await connected.wait()
            for k in range(REQUESTS):
                name = sorted(wanted)[(i + k) % len(wanted)]
                writer.write(peers.get("/" + name))
                status, body = await reply(reader)
                self.assertEqual(status, b"HTTP/1.1 200 OK")
                self.assertEqual(body, wanted[name])
            posted = os.urandom(64).hex().encode()
            writer.write(peers.get("/echo/body", method="POST", body=posted))
            self.assertEqual(await reply(reader), (b"HTTP/1.1 200 OK", posted))
            await answered.wait()
            writer.transport.abort()

        await asyncio.wait_for(asyncio.gather(*(one(i) for i in range(SERVED))), PROMPT_S)

    def load(self, workers):
        if peers.raise_file_limit() < SILENT + SERVED + 100:
            self.skipTest("the limit of open files is too low for %d connections" % (SILENT + SERVED))
        server = self.start(workers=workers, limits={"handshake_ms": LONG_MS, "head_ms": LONG_MS, "idle_ms": LONG_MS,
                                                     "drain_ms": 1000})
        silent = self.open_silent(server)
        wanted = {name: contents(name) for name in os.listdir(SITE)}
        begun_s = time.monotonic()
        asyncio.run(self.serve(server, peers.tls_context(), wanted))
        self.assertLess(time.monotonic() - begun_s, PROMPT_S)
        self.assertLess(server.rss_bytes(), RSS_MOST_BYTES)
        # The others are still there: nothing was answered, nothing closed.
        for client in silent:
            client.sock.setblocking(False)
            with self.assertRaises(BlockingIOError):
                client.sock.recv(1)
            client.sock.settimeout(PATIENCE_S)
        # One of each kind wakes up, and is served.
        hello = peers.client_hello()
        silent[3].send(peers.get("/")[len(peers.get("/")) // 2:])
        self.assertEqual(silent[3].response().body, wanted["index.html"])
        silent[1].send(hello[len(hello) // 2:])
        self.assertTrue(silent[1].fill())
        # None of them holds up the end, not even those in the midst of a head, beyond drain_ms.
        self.assertEqual(server.stop(), 0)
        for client in silent[4:]:
            self.assertIn(client.end(), ("fin", "reset"))

    def test_half_of_1000_are_silent__the_others_are_served_promptly__one_worker(self):
        self.load(1)

    def test_half_of_1000_are_silent__the_others_are_served_promptly__two_workers(self):
        self.load(2)


class Descriptors(peers.Case):
    """Accepting again and again what cannot be accepted would take all of the processor's time."""

    LIMIT = 48
    CLIENTS = 80

    def fill_up(self, scheme, workers):
        """A server without one free descriptor, and its clients; those beyond wait in the kernel's queue."""
        server = self.start(nofile=self.LIMIT, workers=workers,
                            limits={name: LONG_MS for name in ("handshake_ms", "head_ms", "idle_ms")})
        clients = [self.tcp(server.door(scheme)) for _ in range(self.CLIENTS)]
        self.wait_until(lambda: len(os.listdir("/proc/%d/fd" % server.pid)) >= self.LIMIT - 2, "full")
        return server, clients

    def answer(self, client):
        """Asks, reads, and closes."""
        if client.door.is_secure:
            client.sock = peers.tls_context().wrap_socket(client.sock, server_hostname="127.0.0.1",
                                                          suppress_ragged_eofs=False)
        self.assertEqual(client.ask(peers.get("/echo/body", method="POST", body=b"there")).body, b"there")
        client.close()

    def run_out(self, scheme, workers):
        server, clients = self.fill_up(scheme, workers)
        self.assert_idle(server)
        # Those who got in are served, and each that leaves lets another in.
        if workers == 1:
            for client in clients:
                self.answer(client)
        else:
            # Who waits in which worker's queue is the kernel's affair: all leave, some without being served.
            for client in clients[:self.LIMIT]:
                client.close()
            for client in clients[self.LIMIT:]:
                self.answer(client)
        with self.client(server.door(scheme)) as client:
            self.assertEqual(client.ask(peers.get("/index.html")).body, contents("index.html"))
        self.assert_idle(server)

    @each_door
    def test_no_descriptors_left__does_not_spin__and_serves_again(self, scheme):
        self.run_out(scheme, workers=1)

    @each_door
    def test_no_descriptors_left__with_two_workers__serves_again(self, scheme):
        self.run_out(scheme, workers=2)

    @each_door
    def test_no_descriptors_left__stops_all_the_same(self, scheme):
        server, _ = self.fill_up(scheme, 1)
        self.assertEqual(server.stop(), 0)

    @each_door
    def test_limit_of_connections__further_ones_wait(self, scheme):
        server = self.start(limits={"connections": 5, "head_ms": LONG_MS, "handshake_ms": LONG_MS})
        clients = [self.tcp(server.door(scheme)) for _ in range(12)]
        self.assert_idle(server)
        for client in clients:
            self.answer(client)


if __name__ == "__main__":
    unittest.main()
