"""The clients' side: how they are held to a TLS version, what a server agrees on, and single requests."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from peers import LISTEN, BenchError

REQUEST = "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Clients:
    """OpenSSL's own configuration, which wrk, openssl and resume.c all read. Clients offer groups of equal strength: of
    OpenSSL's own list some servers choose P-521, and their handshakes would not compare."""

    BOTH = "Groups = X25519:P-256\n"
    TLS12 = "MaxProtocol = TLSv1.2\nCipherString = ECDHE-ECDSA-AES128-GCM-SHA256\n"
    TLS13 = "MinProtocol = TLSv1.3\nCiphersuites = TLS_AES_128_GCM_SHA256\n"
    LIMITS = {
        "any": BOTH,
        "1.2": BOTH + TLS12,
        "1.3": BOTH + TLS13,
        "1.3-p256": "Groups = P-256\n" + TLS13,
        "1.3-x25519": "Groups = X25519\n" + TLS13,
        "1.3-chacha": BOTH + "MinProtocol = TLSv1.3\nCiphersuites = TLS_CHACHA20_POLY1305_SHA256\n",
    }

    def __init__(self, folder):
        self.folder = Path(folder)
        self.paths = {}
        for name, lines in self.LIMITS.items():
            self.paths[name] = self.folder / f"openssl-{name}.cnf"
            self.paths[name].write_text(
                "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n" + lines
            )
        self.resumer_path = None

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
        """Such as 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519'; '' where they do not agree. Where tickets are off resumption
        would make handshakes incomparable: it must be off."""
        session = self.folder / "session.pem"
        session.unlink(missing_ok=True)
        said = agreed_on(self.s_client(peer.https, tls, "-ign_eof", "-sess_out", str(session)))
        if said and not peer.tickets and session.exists():
            again = self.s_client(peer.https, tls, "-ign_eof", "-sess_in", str(session))
            if re.search(r"^Reused, ", again, re.MULTILINE):
                raise BenchError(f"{peer.name} resumes TLS sessions: its handshakes would not be full ones")
        return said

    def resumer(self):
        """The client that resumes sessions (resume.c), built when it is first needed."""
        if not self.resumer_path:
            path = self.folder / "resume"
            source = Path(__file__).with_name("resume.c")
            compiler = shutil.which(os.environ.get("CC", "cc"))
            if not compiler:
                raise BenchError("there is no C compiler to build tests/bench/resume.c")
            done = subprocess.run(
                [compiler, "-O2", "-o", path, source, "-lssl", "-lcrypto"], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise BenchError("tests/bench/resume.c was not built: it needs OpenSSL's headers (--install brings them)")
            self.resumer_path = path
        return self.resumer_path


def agreed_on(said):
    """What openssl s_client tells of version, suite and key exchange."""
    agreed = re.search(r"^New, (\S+), Cipher is (\S+)", said, re.MULTILINE)
    if not agreed or agreed.group(2) == "(NONE)":
        return ""
    version = re.search(r"^ *Protocol *: (TLSv\S+)", said, re.MULTILINE)
    group = re.search(r"^Server Temp Key: (?:ECDH, )?([^,\n]+)", said, re.MULTILINE)
    words = [version.group(1) if version else agreed.group(1), agreed.group(2)] + ([group.group(1)] if group else [])
    return " ".join(words).strip()


# ---- single requests ----


def tls_context(peer):
    context = ssl.create_default_context(cafile=str(peer.site.ca))
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect(peer, context=None):
    """Over https where there is a TLS context, over http otherwise."""
    s = socket.create_connection((LISTEN, peer.https if context else peer.http), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(s, server_hostname="localhost") if context else s


def get(s, name):
    """The status line and the body of one reply, read exactly to its end."""
    s.sendall(REQUEST.format(name).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(s)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?im)^content-length: *(\d+)", head).group(1))
    pieces, left = [body], length - len(body)
    while left > 0:
        pieces.append(receive(s))
        left -= len(pieces[-1])
    return head.split(b"\r\n", 1)[0].decode(), b"".join(pieces)


def receive(s):
    data = s.recv(65536)
    if not data:
        raise OSError("the server closed the connection")
    return data


def check(peer):
    """That both doors really serve the right bytes, twice over one connection."""
    for context in (None, tls_context(peer)):
        for name, data in peer.site.files.items():
            try:
                with connect(peer, context) as s:
                    replies = [get(s, name), get(s, name)]
            except (OSError, AttributeError) as error:
                raise BenchError(f"{peer.name}, {name}, secure {bool(context)}: {error}") from error
            for status, body in replies:
                if status != "HTTP/1.1 200 OK" or body != data:
                    raise BenchError(f"{peer.name}, {name}, secure {bool(context)}: wrong reply: {status}, {len(body)} bytes")
