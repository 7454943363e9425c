"""How long a server takes from its exec to the first byte of a reply over https."""

import os
import ssl
import struct
import time

from clients import REQUEST, connect, tls_context
from peers import BenchError, end_with_parent

POLL_S = 0.0002


def first_byte_ms(peer):
    """Counted from the moment before exec: what this program does to get there is not the server's."""
    context = tls_context(peer)
    peer.tickets, peer.workers = False, 1
    reading, writing = os.pipe()

    def before_exec():
        end_with_parent()
        os.write(writing, struct.pack("d", time.monotonic()))

    try:
        peer.spawn(before_exec)
        (begin,) = struct.unpack("d", os.read(reading, 8))
        sockets = []
        peer.wait_for(lambda: try_connect(peer, context, sockets), POLL_S)
        with sockets[0] as s:
            s.sendall(REQUEST.format("1k.txt").encode())
            first = s.recv(65536)
            end = time.monotonic()
        if not first.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"{peer.name} answers its first request with {first[:40]}")
        return (end - begin) * 1000
    except (OSError, ssl.SSLError) as error:
        raise BenchError(f"{peer.name}, just started: {error}") from error
    finally:
        os.close(reading)
        os.close(writing)
        peer.stop()


def try_connect(peer, context, ret_sockets):
    try:
        ret_sockets.append(connect(peer, context))
        return True
    except ConnectionRefusedError:
        return False
