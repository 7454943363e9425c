"""What posts cost: how many small ones a second are durable, the CPU of a large upload, the page of a message board.

Each is measured beside the least that could do it: one fsync at a time, a plain copy that ends with an fsync, a pipe
through TLS into a file."""

import http.client
import os
import random
import re
import resource
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

from peers import LISTEN, BenchError, Postern, end_with_parent, free_ports
from processes import cpu_us

MIB = 1 << 20
CLIENTS = 64
MESSAGES = 50

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Accept"] = "application/json"
wrk.body = "name=Ann&message=" .. string.rep("x", 180)
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("bench %d %d %d\\n", summary.requests, summary.duration,
        e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Poster(Postern):
    """postern with a store, which lies on a disk beside the folder of the measurement."""

    def __init__(self, site, data):
        super().__init__(site)
        self.data = data

    def command(self, home):
        return [*super().command(home), "--data", self.data, "--box", "bench:files", "--board",
                *("--limit", "box_bytes=1099511627776", "--limit", "data_bytes=1099511627776")]


def children_cpu_us():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          preexec_fn=end_with_parent, **options)
    if done.returncode != 0:
        raise BenchError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


class Posts:
    def __init__(self, site, options, say):
        self.site, self.options, self.say = site, options, say
        # A disk, not the memory that a temporary folder may lie in.
        self.disk = Path(tempfile.mkdtemp(prefix="postern-bench-posts-", dir=options.disk))
        self.peer = Poster(site, self.disk / "data")

    def __enter__(self):
        self.peer.start()
        return self

    def __exit__(self, *_):
        self.peer.stop()
        shutil.rmtree(self.disk, ignore_errors=True)

    def rounds(self, key):
        for number in range(self.options.rounds):
            self.say(f"{key}: round {number + 1} of {self.options.rounds}")
            yield number

    # ---- small posts ----

    def fsyncs_a_second(self, seconds):
        """What one writer reaches that waits for the disk after each record."""
        record, count = b"x" * 200, 0
        with open(self.disk / "record", "ab", buffering=0) as file:
            begin = time.monotonic()
            while time.monotonic() - begin < seconds:
                file.write(record)
                os.fsync(file.fileno())
                count += 1
            return count / (time.monotonic() - begin)

    def posts_a_second(self, seconds):
        script = self.disk / "post.lua"
        script.write_text(LUA)
        before = cpu_us(self.peer.process.pid)
        output = run(["wrk", "-t", "1", "-c", CLIENTS, "-d", f"{seconds}s", "--timeout", "30s", "-s", script,
                      f"http://{LISTEN}:{self.peer.http}/post/bench"])
        requests, duration, errors = (int(word) for word in re.search(r"^bench (.*)$", output, re.MULTILINE)[1].split())
        if errors or not requests:
            raise BenchError(f"{errors} of {requests} posts failed")
        return requests / duration * 1e6, (cpu_us(self.peer.process.pid) - before) / requests

    def small(self):
        fsyncs, posts, cpu = [], [], []
        for _ in self.rounds("posts"):
            fsyncs.append(self.fsyncs_a_second(self.options.seconds))
            rate, cost = self.posts_a_second(self.options.seconds)
            posts.append(rate)
            cpu.append(cost)
        ratios = [p / f for p, f in zip(posts, fsyncs)]
        return f"Durable small posts, {CLIENTS} clients", [
            ["posts a second", posts, "{:.0f}"],
            ["one write and fsync at a time, a second", fsyncs, "{:.0f}"],
            ["ratio", ratios, "{:.1f}"],
            ["CPU µs/post", cpu, "{:.0f}"],
        ]

    # ---- large uploads ----

    def large_file(self):
        path = self.disk / "large"
        if not path.exists():
            block = random.Random(1).randbytes(MIB)
            with open(path, "wb") as file:
                for i in range(self.options.upload_mib):
                    file.write(i.to_bytes(8, "big") + block[8:])
                os.fsync(file.fileno())
        return path

    def upload_cpu(self, scheme):
        """Each with other first bytes: a file that is there already would be thrown away."""
        path = self.large_file()
        with open(path, "r+b") as file:
            file.write(os.urandom(8))
            os.fsync(file.fileno())
        port = self.peer.https if scheme == "https" else self.peer.http
        before = cpu_us(self.peer.process.pid)
        status = run(["curl", "-sS", "--cacert", self.site.ca, "-o", "/dev/null", "-w", "%{http_code}", "-F", f"file=@{path}",
                      f"{scheme}://localhost:{port}/post/bench"])
        if status != "201":
            raise BenchError(f"the upload over {scheme} was answered with {status}")
        return (cpu_us(self.peer.process.pid) - before) / 1e6

    def copy_cpu(self):
        before = children_cpu_us()
        run(["dd", f"if={self.large_file()}", f"of={self.disk}/copy", "bs=1M", "conv=fsync"])
        cpu = children_cpu_us() - before
        os.remove(self.disk / "copy")
        return cpu / 1e6

    def hash_cpu(self):
        """What naming files by their contents adds, by a tool made for it."""
        before = children_cpu_us()
        run(["openssl", "dgst", "-sha256", self.large_file()])
        return (children_cpu_us() - before) / 1e6

    def connect(self, port):
        """It accepts once only: whether it listens yet shows by trying."""
        context = ssl.create_default_context(cafile=str(self.site.ca))
        end = time.monotonic() + 10
        while True:
            try:
                return context.wrap_socket(socket.create_connection((LISTEN, port)), server_hostname="localhost")
            except ConnectionRefusedError as error:
                if time.monotonic() > end:
                    raise BenchError("openssl s_server does not listen") from error
                time.sleep(0.02)

    def pipe_cpu(self):
        """cat | TLS | file: the receiving side."""
        (port,) = free_ports(1)
        with open(self.disk / "copy", "wb") as copy, open(self.large_file(), "rb") as large:
            server = subprocess.Popen(["openssl", "s_server", "-quiet", "-naccept", "1", "-accept", f"{LISTEN}:{port}", "-cert",
                                       self.site.cert, "-key", self.site.key], stdin=subprocess.PIPE, stdout=copy,
                                      stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
            with self.connect(port) as client:
                while piece := large.read(1 << 16):
                    client.sendall(piece)
                client.unwrap().close() # reads what the server said: a reset would cost it what it has not read yet
            _, _, used = os.wait4(server.pid, 0)
            server.returncode = 0
            server.stdin.close()
        size = os.path.getsize(self.disk / "copy")
        os.remove(self.disk / "copy")
        if size != self.options.upload_mib * MIB:
            raise BenchError(f"the pipe through TLS carried {size} bytes")
        return used.ru_utime + used.ru_stime

    def uploads(self):
        http, https, copy, pipe, hashing = [], [], [], [], []
        for _ in self.rounds("upload"):
            copy.append(self.copy_cpu())
            http.append(self.upload_cpu("http"))
            pipe.append(self.pipe_cpu())
            https.append(self.upload_cpu("https"))
            hashing.append(self.hash_cpu())
        form = "{:.2f}"
        return f"An upload of {self.options.upload_mib} MiB", [
            ["http, CPU s", http, form],
            ["dd conv=fsync, CPU s", copy, form],
            ["http ÷ dd", [a / b for a, b in zip(http, copy)], form],
            ["http ÷ (dd and openssl dgst -sha256)", [a / (b + c) for a, b, c in zip(http, copy, hashing)], form],
            ["https, CPU s", https, form],
            ["openssl s_server into a file, CPU s", pipe, form],
            ["https ÷ s_server", [a / b for a, b in zip(https, pipe)], form],
        ]

    # ---- the board ----

    def ask(self, method, target, body=None, address=LISTEN):
        connection = http.client.HTTPConnection(LISTEN, self.peer.http, timeout=30, source_address=(address, 0))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json, text/html"} if body else {}
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def write(self, i):
        """The board lets one address write so much only: several do."""
        form = urllib.parse.urlencode({"name": f"Visitor {i}", "message": "What a day. " * (1 + i % 9)})
        status, said = self.ask("POST", "/board", form, f"127.0.1.{1 + i // 5}")
        if status not in (201, 303):
            raise BenchError(f"the board answered {status}: {said[:300]}")

    def board(self):
        for i in range(MESSAGES):
            self.write(i)
        status, page = self.ask("GET", "/board")
        if status != 200 or page.count("<time") < MESSAGES:
            raise BenchError(f"the board does not show all messages: {status}")
        cpu = []
        for _ in self.rounds("board"):
            before = cpu_us(self.peer.process.pid)
            output = run(["wrk", "-t", "1", "-c", "50", "-d", f"{self.options.seconds}s", f"http://{LISTEN}:{self.peer.http}/board"])
            if "Non-2xx" in output:
                raise BenchError("the board fails under load")
            cpu.append((cpu_us(self.peer.process.pid) - before) / int(re.search(r"(\d+) requests in", output)[1]))
        return f"A page of {MESSAGES} messages ({len(page)} bytes)", [["CPU µs/request, http, keep-alive", cpu, "{:.1f}"]]
