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
    label: str = "" # a few words for the plot


@dataclass
class Idle:
    key: str
    title: str
    secure: bool
    connections: int = 1000
    only: tuple = ()
    label: str = ""


@dataclass
class Start:
    key: str
    title: str
    label: str


@dataclass
class Posting:
    key: str
    title: str
    measure: object


def http(name, connections=50, **more):
    return Load(name, connections=connections, **more)


def https(name, tls="any", connections=50, **more):
    return Load(name, secure=True, tls=tls, connections=connections, **more)


def served(key, title, load, label=""):
    return Work(key, f"{title}, keep-alive", [load], label=label)


def full(key, title, tls, label):
    return Work(key, f"{title} (each with one request)", [https("1k.txt", tls, close=True)], "handshake", label=label)


def resumed(key, title, tls, label):
    return Work(key, f"{title} (each with one request)", [Resumption("1k.txt", tls)], "resumption", tickets=True, label=label)


COUNTS = (50, 1000, 10000)
COUNTED = "50, 1,000 and 10,000 connections"

ROWS = (
    served("http-1k", "1 KiB over http", http("1k.txt"), "http, 1 KiB"),
    served("https-1k", "1 KiB over https, TLS as each likes it", https("1k.txt")),
    served("https12-1k", "1 KiB over https, TLS 1.2 with AES-128-GCM", https("1k.txt", "1.2")),
    served("https13-1k", "1 KiB over https, TLS 1.3 with AES-128-GCM", https("1k.txt", "1.3"), "https, 1 KiB, TLS 1.3"),
    served("http-64k", "64 KiB over http", http("64k.txt"), "http, 64 KiB"),
    served("https-64k", "64 KiB over https, TLS as each likes it", https("64k.txt"), "https, 64 KiB"),
    served("http-1m", "1 MiB over http", http("1m.txt"), "http, 1 MiB"),
    served("https-1m", "1 MiB over https, TLS as each likes it", https("1m.txt"), "https, 1 MiB"),
    served("https-1m-chacha", "1 MiB over https, TLS 1.3 with ChaCha20-Poly1305", https("1m.txt", "1.3-chacha"),
           "https, 1 MiB, ChaCha20-Poly1305"),
    full("handshake13-p256", "Full TLS 1.3 handshakes, key exchange by P-256", "1.3-p256", "TLS 1.3 handshake, P-256"),
    full("handshake13-x25519", "Full TLS 1.3 handshakes, key exchange by X25519", "1.3-x25519", "TLS 1.3 handshake, X25519"),
    full("handshake12", "Full TLS 1.2 handshakes", "1.2", "TLS 1.2 handshake"),
    resumed("resume13", "TLS 1.3 resumptions with a ticket and a fresh key exchange", "1.3", "TLS 1.3 resumption"),
    resumed("resume12", "TLS 1.2 resumptions with a ticket", "1.2", "TLS 1.2 resumption"),
    Work("flat", f"1 KiB over http with {COUNTED}", [http("1k.txt", n) for n in COUNTS], kind="flat", only=FEW),
    Work("flat-https", f"1 KiB over https with {COUNTED}", [https("1k.txt", "1.3", n) for n in COUNTS], kind="flat", only=FEW),
    Work("workers", "Two workers beside one, 1 KiB over http and over https", [http("1k.txt", threads=2), https("1k.txt", threads=2)],
         kind="workers", workers=(1, 2), only=OURS),
    Idle("idle-http", "Memory of an idle http connection", False, label="memory of an idle http connection"),
    Idle("idle-https", "Memory of an idle https connection", True, label="memory of an idle https connection"),
    Idle("idle-10000", "Memory of an idle https connection, 10,000 of them", True, 10000, OURS),
    Start("start", "From exec to the first byte of a reply over https", "from exec to the first https byte"),
    Posting("posts", "Durable small posts, 64 clients", Posts.small),
    Posting("upload", "A large upload", Posts.uploads),
    Posting("board", "A page of the message board", Posts.board),
)
