"""A server that is measured, what it serves, and how it is started and stopped; postern itself. servers.py has the others."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 10
SETTLED_S = 3
STOP_S = 5
LISTEN = "127.0.0.1"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class BenchError(Exception):
    """What stops the measurement: one line for whoever runs it."""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind((LISTEN, 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Site:
    """What all servers serve, and where their configurations go."""

    def __init__(self, folder, scripts):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.root = self.folder / "site"
        self.root.mkdir()
        self.files = {}
        for name, size in (("1k.txt", 1 << 10), ("64k.txt", 1 << 16), ("1m.txt", 1 << 20)):
            line = b"%07d of a file whose bytes are checked, not only counted\n"
            data = b"".join(line % i for i in range(size // 60 + 1))[:size]
            (self.root / name).write_bytes(data)
            self.files[name] = data
        self.made = time.monotonic()
        subprocess.run(
            [scripts / "mkcert.sh", "--dir", self.folder / "certs"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.cert = self.folder / "certs" / "localhost.pem"
        self.key = self.folder / "certs" / "localhost-key.pem"
        self.ca = self.folder / "certs" / "ca.pem"

    def settle(self):
        """A file that was changed just now may change again unseen, so that who is careful does not keep it yet."""
        time.sleep(max(0.0, self.made + SETTLED_S - time.monotonic()))


class Peer:
    """A server: missing() says whether it is installed, command() writes its configuration and says how to run it, with
    one worker and, if there are to be tickets, resumption of TLS sessions."""

    name = ""
    program = ""
    needs = ()

    def __init__(self, site):
        self.site = site
        self.home = None
        self.process = None
        self.http = self.https = 0
        self.tickets = False
        self.workers = 1 # postern alone takes more

    @classmethod
    def path(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    @classmethod
    def missing(cls):
        """What is not there; '' where it can be measured."""
        if not cls.path():
            return cls.program or cls.name
        return next((need for need in cls.needs if not Path(need).exists()), "")

    def version(self):
        raise NotImplementedError

    def command(self, home):
        raise NotImplementedError

    def ask_version(self, option):
        done = subprocess.run([self.path(), option], capture_output=True, text=True, check=False)
        words = (done.stdout + done.stderr).replace("/", " ").replace(",", " ").split()
        return next((w for w in words if w[:1].isdigit()), "?")

    def environment(self, home):
        """What it needs to be told that way."""
        del home
        return {}

    def spawn(self, before_exec=end_with_parent):
        """Starts it, without waiting until it listens."""
        self.home = self.site.folder / self.name
        self.home.mkdir(exist_ok=True)
        self.http, self.https = free_ports(2)
        command = [str(word) for word in self.command(self.home)]
        with open(self.home / "output", "wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.home,
                env={**os.environ, **self.environment(self.home)},
                close_fds=False, # closing what is not open would count as start-up time; Python's own are closed anyway
                preexec_fn=before_exec,
            )

    def start(self, tickets=False, workers=1):
        self.tickets, self.workers = tickets, workers
        self.spawn()
        for port in (self.http, self.https):
            self.wait_for(lambda: self.answers(port), 0.02)

    def wait_for(self, is_there, pause_s):
        end = time.monotonic() + START_S
        while not is_there():
            if self.process.poll() is not None or time.monotonic() > end:
                said = (self.home / "output").read_text(errors="replace")[-2000:]
                self.stop()
                raise BenchError(f"{self.name} did not start:\n{said}")
            time.sleep(pause_s)

    @staticmethod
    def answers(port):
        try:
            socket.create_connection((LISTEN, port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Postern(Peer):
    name = "postern"
    binary = ""
    help = ""

    @classmethod
    def path(cls):
        return cls.binary if os.access(cls.binary, os.X_OK) else ""

    def version(self):
        return self.ask_version("--version")

    def knows(self, word):
        """An option or a limit: an older build, to compare with, may not know it."""
        if not self.help:
            self.help = subprocess.run([self.path(), "--help"], capture_output=True, text=True, check=False).stdout
        return word in self.help

    # What would keep a test out that makes thousands of connections at once, from one address, on a busy machine.
    LIMITS = {"idle_ms": 60000, "handshake_ms": 60000, "head_ms": 60000, "connections": 20000, "handshakes": 20000, "handshakes_each": 8000}

    def command(self, home):
        limits = [word for name, value in self.LIMITS.items() if self.knows(name) for word in ("--limit", f"{name}={value}")]
        return [
            self.binary,
            *(["--no-tickets"] if not self.tickets and self.knows("--no-tickets") else []),
            *("--http", f"{LISTEN}:{self.http}", "--https", f"{LISTEN}:{self.https}"),
            *("--cert", self.site.cert, "--key", self.site.key),
            *("--workers", str(self.workers), "--no-log", *limits, self.site.root),
        ]


class Base(Postern):
    """Another build of postern, to see what a change did."""

    name = "base"
