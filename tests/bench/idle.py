"""What connections cost that only wait."""

import time

from clients import connect, get, tls_context
from peers import BenchError
from processes import pss_kib

# Some servers give memory back only after a while.
WAIT_S = 3


def idle_kib(peer, secure, count):
    """Memory of one idle connection, by a server that is started for it: one that has worked before has free memory
    to hide connections in."""
    peer.start()
    context = tls_context(peer) if secure else None
    held = []
    try:
        for _ in range(20): # its code and its caches are there, and are no connection's
            with connect(peer, context) as s:
                get(s, "1k.txt")
        time.sleep(1)
        before = pss_kib(peer.process.pid)
        for _ in range(count):
            s = connect(peer, context)
            held.append(s)
            status, _ = get(s, "1k.txt")
            if status != "HTTP/1.1 200 OK":
                raise BenchError(f"{peer.name}: {status}")
        time.sleep(WAIT_S)
        after = pss_kib(peer.process.pid)
        for s in (held[0], held[-1]): # they are really still there
            get(s, "1k.txt")
        return (after - before) / count
    except OSError as error:
        raise BenchError(f"{peer.name}, {len(held)} idle connections: {error}") from error
    finally:
        for s in held:
            s.close()
        peer.stop()
