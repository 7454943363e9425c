"""What tests of connections need beyond harness.py: servers with options for certificates, limits and descriptors, a
client that sees how a connection ends, and a look at the server's use of the machine."""

import atexit
import concurrent.futures
import functools
import os
import re
import resource
import select
import shutil
import socket
import ssl
import time
import unittest

import harness
from harness import BIN, PATIENCE_S, SOURCE_DIR

SITE = os.path.join(SOURCE_DIR, "examples", "site")

# A deadline that no test reaches by accident.
LONG_MS = 3600000


def _is_sanitized():
    with open(BIN, "rb") as file:
        text = file.read()
    return b"__asan_init" in text or b"__tsan_init" in text


IS_SANITIZED = os.path.exists(BIN) and _is_sanitized()


def raise_file_limit():
    """For tests that open many connections: the most that this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def need(*programs):
    """Skips a test or class where a client is not installed."""
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


# ---- certificates ---------------------------------------------------------------------------------------------------

_rsa = []


def certs(kind="ecdsa"):
    """CA, certificate and key; each kind ("ecdsa", "rsa") is made once."""
    if kind == "ecdsa":
        return harness.shared_certs()
    if not _rsa:
        folder = harness.Folder()
        atexit.register(folder.remove)
        _rsa.append(harness.mkcert(folder.path, "--rsa"))
    return _rsa[0]


def tls_context(kind="ecdsa", version=None, alpn=None):
    """A client that trusts the test CA and checks names."""
    context = ssl.create_default_context(cafile=certs(kind)[0])
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def certified(host):
    """The name to check the certificate for: it has these addresses, but not all of 127/8."""
    return host if host in ("127.0.0.1", "::1") else "localhost"


def client_hello():
    """The bytes that a TLS client begins with."""
    outgoing = ssl.MemoryBIO()
    tls = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


# ---- the program ----------------------------------------------------------------------------------------------------


class Door(harness.Door):
    """A listening address, and the ways to connect to it."""

    def __init__(self, scheme, host, port, kind="ecdsa"):
        super().__init__(scheme, host, port)
        self.kind = kind
        self.is_secure = scheme == "https"
        # How a connection ends in good order.
        self.orderly = "close_notify" if self.is_secure else "fin"

    @property
    def url(self):
        return "%s://%s:%d" % (self.scheme, "[%s]" % self.host if ":" in self.host else self.host, self.port)

    def tcp(self, rcvbuf=None, host=None):
        """A bare TCP connection."""
        host = host or ("127.0.0.1" if self.host == "localhost" else self.host)
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(PATIENCE_S)
            if rcvbuf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect((host, self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def client(self, context=None, rcvbuf=None, host=None):
        """A Client, with TLS where the door has it."""
        sock = self.tcp(rcvbuf, host)
        if self.is_secure:
            try:
                context = context or tls_context(self.kind)
                sock = context.wrap_socket(sock, server_hostname=certified(host or self.host),
                                           suppress_ragged_eofs=False)
            except OSError:
                sock.close()
                raise
        return Client(sock, self)

    def is_refused(self):
        try:
            self.tcp().close()
        except ConnectionRefusedError:
            return True
        return False


class Server(harness.Server):
    """The program, running; http and https are the first door of each kind."""

    def __init__(self, *options, root=SITE, http=("127.0.0.1:0",), https=("127.0.0.1:0",), kind="ecdsa", echo=True,
                 limits=None, workers=1, nofile=None):
        args = []
        for address in http:
            args += ["--http", address]
        for address in https:
            args += ["--https", address]
        args += ["--cert", certs(kind)[1], "--key", certs(kind)[2]] if https else ["--no-https"]
        args += ["--no-http"] if not http else []
        args += ["--workers", str(workers)] + (["--echo"] if echo else [])
        for name, value in (limits or {}).items():
            args += ["--limit", "%s=%d" % (name, value)]

        def set_limits():
            resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        super().__init__(*args, *options, root, doors=len(http) + len(https),
                         preexec_fn=set_limits if nofile else None)
        self.pid = self.process.pid
        self.doors = [Door(door.scheme, door.host, door.port, kind) for door in self.doors]
        self.http = next((door for door in self.doors if not door.is_secure), None)
        self.https = next((door for door in self.doors if door.is_secure), None)

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        """The exit status, once it has ended without being asked to."""
        status = self.process.wait(PATIENCE_S)
        self.stop()
        return status

    def cpu_s(self):
        """Processor time used so far, of all threads."""
        with open("/proc/%d/stat" % self.pid, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_during(self, seconds):
        """Processor time used within a span of time."""
        before = self.cpu_s()
        time.sleep(seconds)
        return self.cpu_s() - before

    def rss_bytes(self):
        with open("/proc/%d/status" % self.pid, encoding="ascii", errors="replace") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


# ---- a client -------------------------------------------------------------------------------------------------------


class Response:
    def __init__(self, version, status, reason, fields, body):
        self.version, self.status, self.reason, self.fields, self.body = version, status, reason, fields, body

    def field(self, name):
        """The value of a field, None without it; several make a failure."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None

    def __repr__(self):
        return "<Response %d %r %d bytes>" % (self.status, self.fields, len(self.body))


class Client:
    """A connection of ours: sends what it is told, reads replies by their framing, and sees how it ends."""

    def __init__(self, sock, door):
        self.sock, self.door = sock, door
        self.buffer = bytearray()
        self.ended = None  # once nothing more comes: "fin", "close_notify", "cut" (FIN without close_notify), "reset"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        """Reads some more; False at the end."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(65536)
        except ssl.SSLEOFError:
            self.ended = "cut"
        except ssl.SSLError as error:
            # OpenSSL 3 reports a missing close_notify by this reason as well.
            if "UNEXPECTED_EOF" not in str(error):
                raise
            self.ended = "cut"
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
        else:
            self.buffer += data
            if data:
                return True
            self.ended = "close_notify" if isinstance(self.sock, ssl.SSLSocket) else "fin"
        return False

    def push(self, piece, count):
        """Sends the piece so many times, and reads at the same time whatever comes. Returns how many bytes were sent
        before the connection broke. In one thread, for OpenSSL's connections are not for two."""
        self.sock.settimeout(0)
        total, sent = len(piece) * count, 0
        wants_write = True
        try:
            while sent < total:
                select.select([] if self.ended else [self.sock], [self.sock] if wants_write else [], [], PATIENCE_S)
                try:
                    while self.fill():
                        pass
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass
                at = sent % len(piece)
                try:
                    sent += self.sock.send(piece[at:])
                    wants_write = True
                except (BlockingIOError, ssl.SSLWantWriteError):
                    wants_write = True
                except ssl.SSLWantReadError:
                    wants_write = False
        except OSError:
            pass
        self.sock.settimeout(PATIENCE_S)
        return sent

    def take(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise AssertionError("ended (%s) after %d of %d bytes: %r" %
                                     (self.ended, len(self.buffer), size, self.buffer[:200]))
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def line(self):
        while (at := self.buffer.find(b"\r\n")) < 0:
            if not self.fill():
                raise AssertionError("ended (%s) in a line: %r" % (self.ended, self.buffer[:200]))
        return self.take(at + 2)[:-2].decode("latin-1")

    def rest(self):
        """All that comes until the end."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def end(self):
        """How it ends, if nothing more is sent to us before."""
        rest = self.rest()
        assert not rest, rest[:200]
        return self.ended

    def _chunked(self):
        pieces = []
        while size := int(self.line(), 16):
            pieces.append(self.take(size))
            assert self.take(2) == b"\r\n"
        assert self.line() == "", "a trailer field"
        return b"".join(pieces)

    def response(self, method="GET"):
        """The next reply, interim ones too."""
        version, status, reason = self.line().split(" ", 2)
        fields = []
        while line := self.line():
            name, _, value = line.partition(":")
            fields.append((name, value.strip(" \t")))
        reply = Response(version, int(status), reason, fields, b"")
        length, coding = reply.field("Content-Length"), reply.field("Transfer-Encoding")
        assert not (length and coding), fields
        if method == "HEAD" or reply.status < 200 or reply.status in (204, 304):
            pass
        elif coding:
            assert coding == "chunked", coding
            reply.body = self._chunked()
        elif length is not None:
            reply.body = self.take(int(length))
        else:
            reply.body = self.rest()
        return reply

    def ask(self, request, method=None):
        """Sends the bytes of one request and reads its reply."""
        self.send(request)
        return self.response(method or request.split(b" ", 1)[0].decode("ascii", "replace"))


def get(target="/", *fields, method="GET", host="localhost", body=b""):
    """The bytes of a request."""
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host] + list(fields)
    if body:
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + body


# ---- test cases -----------------------------------------------------------------------------------------------------


def each_door(test):
    """For the promise that both doors serve the same: the test runs twice, given "http" and "https"."""

    @functools.wraps(test)
    def run(self):
        for scheme in ("http", "https"):
            with self.subTest(door=scheme):
                test(self, scheme)

    return run


def both_doors(test):
    """Like each_door, for tests that mostly wait: both at the same time, in threads (so without subtests)."""

    @functools.wraps(test)
    def run(self):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            runs = [(scheme, threads.submit(test, self, scheme)) for scheme in ("http", "https")]
        for scheme, one in runs:
            with self.subTest(door=scheme):
                one.result()

    return run


class Case(unittest.TestCase):
    def start(self, *options, **named):
        """A running server, which must end well at the end of the test if it has not by then."""
        server = Server(*options, **named)
        self.addCleanup(self._finish, server)
        return server

    def _finish(self, server):
        was_running = server.is_running()
        status = server.stop()
        self.assertEqual(server.err.lines, [])
        if was_running:
            self.assertEqual(status, 0)

    def client(self, door, *arguments, **named):
        client = door.client(*arguments, **named)
        self.addCleanup(client.close)
        return client

    def tcp(self, door, *arguments, **named):
        """A bare TCP connection, for those who do not speak what the door does."""
        client = Client(door.tcp(*arguments, **named), door)
        self.addCleanup(client.close)
        return client

    def folder(self):
        folder = harness.Folder()
        self.addCleanup(folder.remove)
        return folder

    def wait_until(self, is_true, what):
        """For what no line and no byte announces."""
        end = time.monotonic() + PATIENCE_S
        while not is_true():
            if time.monotonic() > end:
                self.fail("still not: " + what)
            time.sleep(0.01)

    def assert_idle(self, server):
        """A server that spins uses all of a second, and of the next."""
        self.wait_until(lambda: server.cpu_during(1) < 0.4, "idle")


def large_file(folder, name="large.bin", size=32 << 20):
    """A file that no socket buffer holds; sparse, so it costs nothing. Returns its size."""
    with open(folder.write(name), "wb") as file:
        file.truncate(size)
    return size
