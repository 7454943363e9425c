"""What is measured, and how: CPU time and memory of a server's processes, load by wrk, idle connections."""

import os
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

from peers import LISTEN, BenchError, end_with_parent

# wrk says every so many requests how far it is; and the sums at the end itself, so that no unit has to be guessed.
LUA = """
local count, text = 0, nil
function init(arguments)
    text = wrk.format()
end
function request()
    count = count + 1
    if count % EVERY == 0 then
        io.write("at " .. count .. "\\n")
        io.flush()
    end
    return text
end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("bench %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration, summary.bytes,
        e.connect, e.read, e.write, e.status, e.timeout))
end
"""
REQUEST = "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n"


# ---- the server's processes ----


def processes(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


def cpu_us(pid):
    """User and system time of all threads of all processes so far, as the scheduler counts it."""
    total = 0
    try:
        for process in processes(pid):
            for task in Path(f"/proc/{process}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
    except OSError as error:
        raise BenchError(f"a server, or one of its threads, ended while it was measured: {error}") from error
    return total / 1000


def pss_kib(pid):
    total = 0
    for process in processes(pid):
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE).group(1))
    return total


# ---- TLS of the clients ----


class Clients:
    """How clients are held to a TLS version: OpenSSL's own configuration, which wrk and openssl both read. They offer
    two groups of equal strength: of OpenSSL's own list some servers choose P-521, and their handshakes would not
    compare."""

    GROUPS = "Groups = X25519:P-256\n"
    LIMITS = {
        "any": "",
        "1.2": "MaxProtocol = TLSv1.2\nCipherString = ECDHE-ECDSA-AES128-GCM-SHA256\n",
        "1.3": "MinProtocol = TLSv1.3\nCiphersuites = TLS_AES_128_GCM_SHA256\n",
    }

    def __init__(self, folder):
        self.paths = {}
        for name, lines in self.LIMITS.items():
            path = Path(folder) / f"openssl-{name}.cnf"
            path.write_text(
                "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n" + self.GROUPS + lines
            )
            self.paths[name] = path
        self.folder = Path(folder)
        self.scripts = {}
        for every in (16, 256):
            self.scripts[every] = self.folder / f"report-{every}.lua"
            self.scripts[every].write_text(LUA.replace("EVERY", str(every)))

    def env(self, tls):
        return {**os.environ, "OPENSSL_CONF": str(self.paths[tls])}

    def s_client(self, port, tls, *options):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"{LISTEN}:{port}", "-servername", "localhost", *options],
            input=REQUEST.format("1k.txt").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
            env=self.env(tls),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout

    def negotiated(self, peer, tls):
        """Such as 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519'; '' where they do not agree. Resumption would make
        handshakes incomparable: it must be off."""
        session = self.folder / "session.pem"
        session.unlink(missing_ok=True)
        said = self.s_client(peer.https, tls, "-ign_eof", "-sess_out", str(session))
        agreed = re.search(r"^New, (\S+), Cipher is (\S+)", said, re.MULTILINE)
        if not agreed or agreed.group(2) == "(NONE)":
            return ""
        version = re.search(r"^ *Protocol *: (TLSv\S+)", said, re.MULTILINE)
        group = re.search(r"^Server Temp Key: (?:ECDH, )?([^,\n]+)", said, re.MULTILINE)
        if session.exists():
            again = self.s_client(peer.https, tls, "-ign_eof", "-sess_in", str(session))
            if re.search(r"^Reused, ", again, re.MULTILINE):
                raise BenchError(f"{peer.name} resumes TLS sessions: its handshakes would not be full ones")
        words = [version.group(1) if version else agreed.group(1), agreed.group(2)] + ([group.group(1)] if group else [])
        return " ".join(words).strip()


# ---- load ----


WARM_UP_S = 0.3
# While requests are counted but connections may still be made; in requests of each connection.
WARM_UP_REQUESTS = 4


class Load:
    """What wrk asks of a server: a file, over so many connections."""

    def __init__(self, name, secure=False, connections=50, tls="any", close=False):
        self.name, self.secure, self.connections, self.tls, self.close = name, secure, connections, tls, close

    def url(self, peer):
        scheme, port = ("https", peer.https) if self.secure else ("http", peer.http)
        return f"{scheme}://{LISTEN}:{port}/{self.name}"

    def command(self, peer, clients, seconds):
        every = 16 if self.close or self.name == "64k.txt" else 256
        command = ["wrk", "-t", "1", "-c", str(self.connections), "-d", f"{seconds}s", "--timeout", "10s"]
        command += ["-s", str(clients.scripts[every])] + (["-H", "Connection: close"] if self.close else [])
        return [*command, self.url(peer)]

    def run(self, peer, clients, seconds):
        """CPU microseconds a request, and requests a second: from when all connections are made to the end, so that
        connecting is in none of them."""
        points, output = self.watch(peer, clients, seconds + 1)
        if len(points) < 2: # a slow server on a busy machine
            points, output = self.watch(peer, clients, 4 * (seconds + 1))
        where = f"{peer.name} ({self.url(peer)})"
        report = re.search(r"^bench (.*)$", output, re.MULTILINE)
        if not report:
            raise BenchError(f"wrk failed against {where}: {output}")
        requests, _, size, *errors = (int(word) for word in report.group(1).split())
        if any(errors):
            kinds = ("connect", "read", "write", "status", "timeout")
            raise BenchError(f"{where}: errors: " + ", ".join(f"{k} {n}" for k, n in zip(kinds, errors)))
        if requests == 0 or size < requests * len(peer.site.files[self.name]):
            raise BenchError(f"{where}: {requests} replies with {size} bytes: too few")
        if len(points) < 2:
            raise BenchError(f"{where}: only {requests} requests in {seconds} s: run longer (--seconds)")
        (count0, cpu0, time0), (count1, cpu1, time1) = points[0], points[-1]
        return (cpu1 - cpu0) / (count1 - count0), (count1 - count0) / (time1 - time0)

    def watch(self, peer, clients, seconds):
        """Runs wrk. (requests so far, CPU microseconds of the server so far, time) at some moments, and its output."""
        points, output = [], []
        pid, begin = peer.process.pid, time.monotonic()
        with subprocess.Popen(
            self.command(peer, clients, seconds),
            env=clients.env(self.tls),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=end_with_parent,
        ) as process:
            for line in process.stdout:
                if not line.startswith("at "):
                    output.append(line)
                    continue
                count, now = int(line[3:]), time.monotonic()
                is_warm = now - begin >= WARM_UP_S and (self.close or count >= WARM_UP_REQUESTS * self.connections)
                if is_warm and (not points or now - points[-1][2] >= 0.05):
                    points.append((count, cpu_us(pid), now))
        return points, "".join(output)


# ---- single requests ----


def connect(peer, secure):
    s = socket.create_connection((LISTEN, peer.https if secure else peer.http), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not secure:
        return s
    context = ssl.create_default_context(cafile=str(peer.site.ca))
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(s, server_hostname="localhost")


def get(s, name):
    """The status line and the body of one reply, read exactly to its end."""
    s.sendall(REQUEST.format(name).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(s)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?im)^content-length: *(\d+)", head).group(1))
    while len(body) < length:
        body += receive(s)
    return head.split(b"\r\n", 1)[0].decode(), body


def receive(s):
    data = s.recv(65536)
    if not data:
        raise OSError("the server closed the connection")
    return data


def check(peer):
    """That both doors really serve the right bytes, twice over one connection."""
    for secure in (False, True):
        for name, data in peer.site.files.items():
            try:
                with connect(peer, secure) as s:
                    replies = [get(s, name), get(s, name)]
            except (OSError, AttributeError) as error:
                raise BenchError(f"{peer.name}, {name}, secure {secure}: {error}") from error
            for status, body in replies:
                if status != "HTTP/1.1 200 OK" or body != data:
                    raise BenchError(f"{peer.name}, {name}, secure {secure}: wrong reply: {status}, {len(body)} bytes")


def idle_kib(peer, secure, count, wait_s):
    """Memory of one idle connection, by a server that is started for it: one that has worked before has free memory
    to hide connections in."""
    peer.start()
    held = []
    try:
        for _ in range(20): # its code and its caches are there, and are no connection's
            with connect(peer, secure) as s:
                get(s, "1k.txt")
        time.sleep(1)
        before = pss_kib(peer.process.pid)
        for _ in range(count):
            s = connect(peer, secure)
            held.append(s)
            status, _ = get(s, "1k.txt")
            if status != "HTTP/1.1 200 OK":
                raise BenchError(f"{peer.name}: {status}")
        time.sleep(wait_s)
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
