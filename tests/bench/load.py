"""Load on a server, and what it costs the server: by wrk, or by a client that resumes TLS sessions (resume.c)."""

import re
import signal
import subprocess
import time
from collections import namedtuple

from peers import LISTEN, BenchError, end_with_parent
from processes import cpu_us, open_files

# Each thread of wrk says every so many requests how far it is; and the sums at the end itself, so that no unit has to be guessed.
LUA = """
local threads, count, every, text = 0, 0, 256, nil
function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end
function init(arguments)
    every = tonumber(arguments[1])
    text = wrk.format()
end
function request()
    count = count + 1
    if count % every == 0 then
        io.write("at " .. number .. " " .. count .. "\\n")
        io.flush()
    end
    return text
end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("bench %d %d %d %d %d %d %d\\n", summary.requests, summary.bytes,
        e.connect, e.read, e.write, e.status, e.timeout))
end
"""
ERRORS = ("connect", "read", "write", "status", "timeout")

WARM_UP_S = 0.3
# While requests are counted but connections may still be made; in requests of each connection.
WARM_UP_REQUESTS = 4
# When a run is given up that has not reached its length: thousands of TLS connections take their time to be made.
LONGEST_S = 90

Point = namedtuple("Point", "count server_us client_us time")
# CPU of the server and of the client for a request, and requests a second.
Sample = namedtuple("Sample", "cpu_us rate client_us")


class Load:
    """What wrk asks of a server: a file, over so many connections."""

    def __init__(self, name, secure=False, connections=50, tls="any", close=False, threads=1):
        self.name, self.secure, self.connections = name, secure, connections
        self.tls, self.close, self.threads = tls, close, threads

    def url(self, peer):
        scheme, port = ("https", peer.https) if self.secure else ("http", peer.http)
        return f"{scheme}://{LISTEN}:{port}/{self.name}"

    def report_every(self):
        """Requests between two reports: some milliseconds."""
        return {"64k.txt": 16, "1m.txt": 2}.get(self.name, 16 if self.close else 256)

    def command(self, peer, clients):
        script = clients.folder / "wrk.lua"
        script.write_text(LUA)
        command = ["wrk", "-t", str(self.threads), "-c", str(self.connections), "-d", f"{LONGEST_S}s"]
        command += ["--timeout", f"{LONGEST_S}s", "-s", str(script)] + (["-H", "Connection: close"] if self.close else [])
        return [*command, self.url(peer), str(self.report_every())]

    def judge(self, peer, output):
        """Whether all replies were there, by what the client says at its end."""
        where = f"{peer.name} ({self.url(peer)})"
        report = re.search(r"^bench ([\d ]+)$", output, re.MULTILINE)
        if not report:
            raise BenchError(f"the client failed against {where}: {output}")
        requests, size, *errors = (int(word) for word in report.group(1).split())
        if any(errors):
            raise BenchError(f"{where}: errors: " + ", ".join(f"{k} {n}" for k, n in zip(ERRORS, errors)))
        if requests == 0 or size < requests * len(peer.site.files[self.name]):
            raise BenchError(f"{where}: {requests} replies with {size} bytes: too few")

    def run(self, peer, clients, seconds):
        """One sample: from when all connections are made to the end, so that connecting is in none of them."""
        points, output = self.watch(peer, clients, seconds)
        self.judge(peer, output)
        if len(points) < 2:
            raise BenchError(f"{peer.name} ({self.url(peer)}): too slow to be measured within {LONGEST_S} s")
        return sample_of(points)

    def is_warm(self, peer, begin, count):
        if time.monotonic() - begin < WARM_UP_S:
            return False
        if self.close: # each request has a connection of its own
            return count >= self.connections
        return count >= WARM_UP_REQUESTS * self.connections and open_files(peer.process.pid) >= self.connections

    def watch(self, peer, clients, seconds):
        """Runs the client until so many seconds are measured. The first point, the last, and the client's output."""
        points, output, counts = [], [], {}
        pid, begin, is_over = peer.process.pid, time.monotonic(), False
        with subprocess.Popen(
            self.command(peer, clients),
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
                _, thread, count = line.split()
                counts[thread] = int(count)
                count, now = sum(counts.values()), time.monotonic()
                if is_over or (points and now - points[-1].time < 0.05) or not (points or self.is_warm(peer, begin, count)):
                    continue
                points[1:] = []
                points.append(Point(count, cpu_us(pid), cpu_us(process.pid), now))
                if now - points[0].time >= seconds:
                    process.send_signal(signal.SIGINT) # both clients then say what they have done
                    is_over = True
        return points, "".join(output)


def sample_of(points):
    first, last = points[0], points[-1]
    requests = last.count - first.count
    return Sample(
        (last.server_us - first.server_us) / requests,
        requests / (last.time - first.time),
        (last.client_us - first.client_us) / requests,
    )


class Resumption(Load):
    """Connections that each resume the TLS session of one before, and ask for one file."""

    def __init__(self, name, tls):
        super().__init__(name, secure=True, tls=tls, close=True)

    def command(self, peer, clients):
        words = (LISTEN, peer.https, f"/{self.name}", self.connections, LONGEST_S, self.report_every())
        return [str(clients.resumer()), *(str(word) for word in words)]

    def judge(self, peer, output):
        """Counted are resumed sessions only, but the CPU of others is in the sums: there must be next to none."""
        report = re.search(r"^resumed (\d+) full (\d+) bytes (\d+)$", output, re.MULTILINE)
        if not report:
            raise BenchError(f"{peer.name}: the client that resumes sessions failed: {output.strip()}")
        resumed, full, size = (int(word) for word in report.groups())
        if full > resumed / 100:
            raise BenchError(f"{peer.name} resumed {resumed} TLS sessions only, and made {full} anew")
        if size < resumed * len(peer.site.files[self.name]):
            raise BenchError(f"{peer.name}: {resumed} replies with {size} bytes: too few")
