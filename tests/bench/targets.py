"""What is to be reached, and whether a run reaches it. Ratios are of one round each; where several servers are there to
compare with, it is the best of them, by its median in this row."""

import statistics
from collections import namedtuple

from results import ratios
from servers import RIVALS

# What was asked for and found: values has one of each round, against is whom it was compared with.
Verdict = namedtuple("Verdict", "what against values most")


def is_reached(verdict):
    return statistics.median(verdict.values) <= verdict.most


class Against:
    """postern's cost, as a share of the best server's of these."""

    def __init__(self, what, key, most, peers=RIVALS):
        self.what, self.key, self.most, self.peers = what, key, most, peers

    def judge(self, run):
        row = run.row(self.key)
        best = row.best(self.peers) if row else None
        values = ratios(row.cell("postern"), row.cell(best)) if best else []
        return Verdict(self.what, best, values, self.most) if values else None


class Flat:
    """postern's cost with many connections, as a share of its own with few."""

    def __init__(self, what, key, variant, most):
        self.what, self.key, self.variant, self.most = what, key, variant, most

    def judge(self, run):
        row = run.row(self.key)
        values = ratios(row.cell("postern", self.variant), row.cell("postern", "50")) if row else []
        return Verdict(self.what, "itself", values, self.most) if values else None


class Amount:
    """A figure of postern's by itself: of the row, or of one of its facts."""

    def __init__(self, what, key, most, variant=None, against="", invert=False):
        self.what, self.key, self.most, self.variant = what, key, most, variant
        self.against, self.invert = against, invert

    def judge(self, run):
        row = run.row(self.key)
        cell = row.cell("postern", self.variant) if row else None
        if not cell or not cell.values:
            return None
        values = [1 / value for value in cell.values] if self.invert else cell.values
        return Verdict(self.what, self.against, values, self.most)


TARGETS = (
    Against("http, 1 KiB", "http-1k", 0.85),
    Against("https, 1 KiB, TLS 1.3 AES-128-GCM", "https13-1k", 0.85),
    Against("http, 64 KiB", "http-64k", 1.0),
    Against("https, 64 KiB", "https-64k", 0.6),
    Against("https, 1 MiB", "https-1m", 0.6),
    Against("https, 1 MiB, ChaCha20-Poly1305", "https-1m-chacha", 1.0),
    Against("TLS 1.3 full handshake, P-256", "handshake13-p256", 0.8),
    Against("TLS 1.3 full handshake, X25519", "handshake13-x25519", 0.8),
    Against("TLS 1.2 full handshake", "handshake12", 0.8),
    Against("TLS 1.3 resumption", "resume13", 0.9),
    Against("TLS 1.2 resumption", "resume12", 0.9),
    Amount("idle TLS connection, KiB", "idle-https", 8.0),
    Amount("idle TLS connection of 10,000, KiB", "idle-10000", 8.0),
    Amount("idle plain connection, KiB", "idle-http", 1.0),
    Amount("exec to first https byte, ms", "start", 20.0),
    Flat("http, 1 KiB, 1,000 connections", "flat", "1,000", 1.2),
    Flat("http, 1 KiB, 10,000 connections", "flat", "10,000", 1.2),
    Flat("https, 1 KiB, 1,000 connections", "flat-https", "1,000", 1.2),
    Flat("https, 1 KiB, 10,000 connections", "flat-https", "10,000", 1.2),
    Against("https, 1 KiB, beside stock Mbed TLS", "https-1k", 0.77, ("lighttpd-mbedtls",)),
    Amount("one durable post", "posts", 0.05, "ratio", "one fsync at a time", invert=True),
    Amount("upload over http", "upload", 1.5, "http ÷ dd", "dd conv=fsync"),
    Amount("upload over https", "upload", 1.3, "https ÷ s_server", "openssl s_server"),
    Amount("a page of the board, CPU µs", "board", 100.0, "CPU µs/request, http, keep-alive"),
)


def verdicts(run):
    return [verdict for verdict in (target.judge(run) for target in TARGETS) if verdict]
