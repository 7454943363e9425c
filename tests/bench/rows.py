"""The rows: what is measured. How each kind is measured is with the kind: runner.py, idle.py, start.py, posts.py."""

from dataclasses import dataclass

from load import Load, Resumption
from posts import Posts

# Of thousands of connections only those that a reader compares: the others would double the time.
FEW = ("postern", "base", "nginx", "h2o", "lighttpd")
OURS = ("postern", "base")


@dataclass
class Work:
    """A load, or several for servers to be compared with themselves."""

    key: str
    title: str
    loads: list
    unit: str = "request"
    tickets: bool = False
    only: tuple = ()
    kind: str = "load"
    workers: tuple = (1,)


@dataclass
class Idle:
    key: str
    title: str
    secure: bool
    connections: int = 1000
    only: tuple = ()


@dataclass
class Start:
    key: str
    title: str


@dataclass
class Posting:
    key: str
    title: str
    measure: object


def http(name, connections=50, **more):
    return Load(name, connections=connections, **more)


def https(name, tls="any", connections=50, **more):
    return Load(name, secure=True, tls=tls, connections=connections, **more)


def full(key, title, tls):
    return Work(key, f"{title} (each with one request)", [https("1k.txt", tls, close=True)], "handshake")


def resumed(key, title, tls):
    return Work(key, f"{title} (each with one request)", [Resumption("1k.txt", tls)], "resumption", tickets=True)


COUNTS = (50, 1000, 10000)
COUNTED = "50, 1,000 and 10,000 connections"

ROWS = (
    Work("http-1k", "1 KiB over http, keep-alive", [http("1k.txt")]),
    Work("https-1k", "1 KiB over https, keep-alive, TLS as each likes it", [https("1k.txt")]),
    Work("https12-1k", "1 KiB over https, keep-alive, TLS 1.2 with AES-128-GCM", [https("1k.txt", "1.2")]),
    Work("https13-1k", "1 KiB over https, keep-alive, TLS 1.3 with AES-128-GCM", [https("1k.txt", "1.3")]),
    Work("http-64k", "64 KiB over http, keep-alive", [http("64k.txt")]),
    Work("https-64k", "64 KiB over https, keep-alive, TLS as each likes it", [https("64k.txt")]),
    Work("http-1m", "1 MiB over http, keep-alive", [http("1m.txt")]),
    Work("https-1m", "1 MiB over https, keep-alive, TLS as each likes it", [https("1m.txt")]),
    Work("https-1m-chacha", "1 MiB over https, keep-alive, TLS 1.3 with ChaCha20-Poly1305", [https("1m.txt", "1.3-chacha")]),
    full("handshake13-p256", "Full TLS 1.3 handshakes, key exchange by P-256", "1.3-p256"),
    full("handshake13-x25519", "Full TLS 1.3 handshakes, key exchange by X25519", "1.3-x25519"),
    full("handshake12", "Full TLS 1.2 handshakes", "1.2"),
    resumed("resume13", "TLS 1.3 resumptions with a ticket and a fresh key exchange", "1.3"),
    resumed("resume12", "TLS 1.2 resumptions with a ticket", "1.2"),
    Work("flat", f"1 KiB over http with {COUNTED}", [http("1k.txt", n) for n in COUNTS], kind="flat", only=FEW),
    Work("flat-https", f"1 KiB over https with {COUNTED}", [https("1k.txt", "1.3", n) for n in COUNTS], kind="flat", only=FEW),
    Work("workers", "Two workers beside one, 1 KiB over http and over https", [http("1k.txt", threads=2), https("1k.txt", threads=2)],
         kind="workers", workers=(1, 2), only=OURS),
    Idle("idle-http", "Memory of an idle http connection", False),
    Idle("idle-https", "Memory of an idle https connection", True),
    Idle("idle-10000", "Memory of an idle https connection, 10,000 of them", True, 10000, OURS),
    Start("start", "From exec to the first byte of a reply over https"),
    Posting("posts", "Durable small posts, 64 clients", Posts.small),
    Posting("upload", "A large upload", Posts.uploads),
    Posting("board", "A page of the message board", Posts.board),
)
