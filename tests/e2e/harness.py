"""What the end-to-end tests share: the real program, its two doors, and certificates.

The program is found by POSTERN_BIN, the source tree by POSTERN_SOURCE_DIR. Servers listen on free ports, which the banner
tells; waiting is always for an output or an event, never for a time."""

import collections
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("POSTERN_BIN", "build/asan/postern")
SOURCE_DIR = os.environ.get("POSTERN_SOURCE_DIR", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
PATIENCE_S = 60  # for what happens at once on an idle machine; sanitizers on a busy one are slow


class Folder:
    """A temporary folder, removed at the end of the test or class that made it."""

    def __init__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="postern-e2e-"))

    def __call__(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, data=b""):
        full = self(name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        return full

    def remove(self):
        subprocess.run(["chmod", "-R", "u+rwx", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


def mkcert(folder, *options):
    """Runs scripts/mkcert.sh; returns the names of CA, certificate and key."""
    subprocess.run([os.path.join(SOURCE_DIR, "scripts/mkcert.sh"), "--dir", folder, *options], check=True,
                   stdout=subprocess.DEVNULL)
    return tuple(os.path.join(folder, name) for name in ("ca.pem", "localhost.pem", "localhost-key.pem"))


_shared = []


def shared_certs():
    """One CA and certificate for the whole test program."""
    if not _shared:
        folder = tempfile.mkdtemp(prefix="postern-e2e-certs-")
        import atexit
        atexit.register(shutil.rmtree, folder, True)
        _shared.append(mkcert(folder))
    return _shared[0]


class Stream(threading.Thread):
    """Collects the lines of a pipe; others can wait for one."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.lines, self.ended = pipe, [], False
        self.changed = threading.Condition()
        self.start()

    def run(self):
        for line in self.pipe:
            with self.changed:
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, pattern, count=1):
        """The first count lines that the pattern is found in, as match objects."""
        deadline = time.monotonic() + PATIENCE_S
        with self.changed:
            while True:
                found = [m for m in map(re.compile(pattern).search, self.lines) if m]
                if len(found) >= count:
                    return found[:count]
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(f"no {count} of /{pattern}/ in:\n" + "\n".join(self.lines))
                self.changed.wait(left)


class Server:
    """A running postern. Ended, by its pid, in stop(), which also looks for what sanitizers found."""

    def __init__(self, *args, doors=1, cwd=None, stdout=subprocess.PIPE, preexec_fn=None, user=None):
        # Requests of tests name these hosts, which no certificate has.
        hosts = ["--host", "test", "--host", "h"]
        self.process = subprocess.Popen([BIN, *hosts, *args], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout,
                                        stderr=subprocess.PIPE, preexec_fn=preexec_fn, user=user)
        self.err = Stream(self.process.stderr)
        self.out = Stream(self.process.stdout) if self.process.stdout else None
        try:
            if self.out:
                urls = self.out.wait_for(r"^  (https?)://(\S+):(\d+)/$", doors)
                self.doors = [Door(m[1], m[2].strip("[]"), int(m[3])) for m in urls]
        except AssertionError as e:
            self.process.kill()
            self.process.wait()
            self.err.join()
            raise AssertionError(f"{e}\n" + "\n".join(self.err.lines)) from None

    def door(self, scheme):
        return next(door for door in self.doors if door.scheme == scheme)

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, if a signal is given, and returns its exit status."""
        if number and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not end") from None
        for stream in filter(None, (self.out, self.err)):
            stream.join(PATIENCE_S)
            stream.pipe.close()
        text = "\n".join(self.err.lines)
        if re.search(r"Sanitizer|runtime error", text):
            raise AssertionError(text)
        return status


Reply = collections.namedtuple("Reply", "version status reason fields body")


class Door:
    """One listening address, spoken to over raw sockets: nothing is tidied up on the way."""

    def __init__(self, scheme, host, port):
        self.scheme, self.host, self.port = scheme, host, port

    def connect(self):
        s = socket.create_connection((self.host, self.port), timeout=PATIENCE_S)
        if self.scheme == "https":
            context = ssl.create_default_context(cafile=shared_certs()[0])
            s = context.wrap_socket(s, server_hostname=self.host)
        return s

    def send(self, data):
        """Sends data, then reads until the server closes; all that came."""
        with self.connect() as s:
            s.sendall(data)
            return read_all(s)

    def ask(self, target, method="GET", body=b"", **fields):
        """One request on a connection of its own. Field names are given with underscores."""
        lines = {"Host": "test", "Connection": "close"}
        lines.update({name.replace("_", "-"): value for name, value in fields.items()})
        if body:
            lines["Content-Length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(
            f"{name}: {v}\r\n" for name, value in lines.items() for v in (value if isinstance(value, list) else [value]))
        return parse(self.send(head.encode("latin-1") + b"\r\n" + body), method)


def read_all(s):
    parts = []
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def parse(data, method="GET"):
    """A reply, its framing checked. fields: name in lower case -> value; no name twice."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"no reply: {data[:200]!r}")
    first, *rest = head.decode("latin-1").split("\r\n")
    version, status, reason = first.split(" ", 2)
    fields = {}
    for line in rest:
        name, _, value = line.partition(":")
        if name.lower() in fields:
            raise AssertionError(f"twice: {name}")
        fields[name.lower()] = value.strip()
    length = fields.get("content-length")
    if method == "HEAD" or status in ("204", "304"):
        if body:
            raise AssertionError(f"a body behind {first}")
    elif length is not None and int(length) != len(body):
        raise AssertionError(f"Content-Length {length}, but {len(body)} bytes came")
    return Reply(version, int(status), reason, fields, body)


def run(*args, cwd=None, env=None):
    """The program with these arguments, which must end by itself: (status, stdout, stderr)."""
    done = subprocess.run([BIN, *args], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
                          env=env, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def main():
    import unittest
    unittest.main(verbosity=2, module=sys.modules["__main__"])
