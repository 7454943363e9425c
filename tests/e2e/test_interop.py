#!/usr/bin/env python3
"""Other people's TLS against ours: each client, in both versions, with both kinds of certificate, with full handshakes,
resumed sessions and client certificates, sends bodies around the size of a record and gets them back, byte by byte.

A table is printed at the end. Run: python3 tests/e2e/test_interop.py [-v]"""

import atexit
import os
import random
import re
import ssl
import subprocess
import sys
import time
import unittest

import harness
import peers
from harness import PATIENCE_S

# RFC 8446 5.1 Record Layer: a record holds up to 16384 bytes; Mbed TLS's own records of TLS 1.3 one less.
SIZES = (0, 1, 16383, 16384, 16385, 1 << 20)
VERSIONS = ("1.2", "1.3")
KINDS = ("ecdsa", "rsa")
MODES = ("full", "resumed", "client cert")
CASES = [(version, kind, mode) for kind in KINDS for version in VERSIONS for mode in MODES]

folder = harness.Folder()
atexit.register(folder.remove)
bodies = [random.Random(size).randbytes(size) for size in SIZES]
body_files = [folder.write("body-%d" % size, body) for size, body in zip(SIZES, bodies)]
table = {}  # client -> case -> what came of it
started = time.monotonic()
servers = {}
client_certs = []


def can_check_clients():
    return "--client-ca" in harness.run("--help")[1]


HAS_CLIENT_CERTS = can_check_clients()


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, timeout=PATIENCE_S)


def client_cert():
    """CA, certificate, key and all of it as PKCS #12, for clients to show."""
    if not client_certs:
        ca, ca_key, cert, key, request, store = (folder("client-" + name) for name in (
            "ca.pem", "ca-key.pem", "cert.pem", "key.pem", "request.pem", "store.p12"))
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *new, "-keyout", ca_key, "-out", ca, "-subj", "/CN=interop client CA", "-days", "2")
        openssl("req", *new, "-keyout", key, "-out", request, "-subj", "/CN=interop client")
        extensions = folder.write("client.ext", "extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\n"
                                  "basicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert,
                "-days", "1", "-extfile", extensions)
        openssl("pkcs12", "-export", "-in", cert, "-inkey", key, "-out", store, "-passout", "pass:interop")
        client_certs.append((ca, cert, key, store))
    return client_certs[0]


def server(kind, mode):
    """One for all cases with this certificate, and one that wants to see the clients'."""
    key = (kind, mode == "client cert")
    if key not in servers:
        options = ["--client-ca", client_cert()[0]] if key[1] else []
        servers[key] = peers.Server(*options, kind=kind, http=())
    return servers[key]


def posts():
    """One after the other, for clients that send what they are given. The large one is the last: while it is sent
    nobody waits for anyone."""
    fields = ["Content-Type: application/octet-stream"]
    data = b""
    for body in bodies:
        last = ["Connection: close"] if body is bodies[-1] else []
        data += peers.get("/echo/body", *fields, *last, "Content-Length: %d" % len(body), method="POST") + body
    return data


def replies(data):
    """The bodies of the replies in what such a client prints, behind what it says itself."""
    found = []
    at = data.find(b"HTTP/1.1 ")
    while len(found) < len(bodies):
        end = data.find(b"\r\n\r\n", at)
        head = data[at:end].decode("latin-1")
        length = re.search(r"\r\nContent-Length: (\d+)", head)
        if at < 0 or end < 0 or not head.startswith("HTTP/1.1 200 ") or not length:
            raise AssertionError("%d replies, then %r" % (len(found), data[at:at + 200] if at >= 0 else data[:200]))
        at = end + 4 + int(length[1])
        found.append(data[end + 4:at])
    return found


class Clients:
    """The cases as tests; who inherits says how its client does one, and what the table calls it if not "ok"."""

    client = None

    def each(self, version, kind, mode):
        raise NotImplementedError

    def check(self, version, kind, mode):
        if mode == "client cert" and not HAS_CLIENT_CERTS:
            self.skipTest("no client certificates in this build")
        row = table.setdefault(self.client, {})
        row[version, kind, mode] = "FAILED"
        row[version, kind, mode] = self.each(version, kind, mode) or "ok"

    def assert_bodies(self, got):
        for size, expected, body in zip(SIZES, bodies, got):
            self.assertTrue(body == expected, "%d bytes came back for the %d that were sent" % (len(body), size))
        self.assertEqual(len(got), len(bodies))

    def run_client(self, *command, data=b""):
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                              check=False)
        self.assertEqual(done.returncode, 0, (command, done.stderr[-2000:], done.stdout[-500:]))
        return done


def add_tests(case):
    for version, kind, mode in CASES:
        def test(self, version=version, kind=kind, mode=mode):
            self.check(version, kind, mode)
        setattr(case, "test_tls_%s__%s__%s" % (version.replace(".", "_"), kind, mode.replace(" ", "_")), test)
    return case


@add_tests
class Python(Clients, unittest.TestCase):
    client = "Python ssl"

    def connect(self, door, context, session=None):
        tls = context.wrap_socket(door.tcp(), server_hostname="localhost", session=session, suppress_ragged_eofs=False)
        client = peers.Client(tls, door)
        self.addCleanup(client.close)
        return client

    def each(self, version, kind, mode):
        door = server(kind, mode).https
        context = peers.tls_context(kind, getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_")))
        if mode == "client cert":
            context.load_cert_chain(*client_cert()[1:3])
        session = None
        if mode == "resumed":
            first = self.connect(door, context)
            first.ask(peers.get("/", "Connection: close"))
            self.assertEqual(first.end(), "close_notify")
            session = first.sock.session
        client = self.connect(door, context, session)
        self.assertEqual(client.sock.session_reused, mode == "resumed")
        self.assertEqual(client.sock.version(), "TLSv" + version)
        got = []
        for body in bodies:
            reply = client.ask(peers.get("/echo/body", "Content-Length: %d" % len(body), method="POST") + body)
            self.assertEqual(reply.status, 200)
            got.append(reply.body)
        self.assert_bodies(got)


@peers.need("openssl")
@add_tests
class Openssl(Clients, unittest.TestCase):
    client = "openssl s_client"

    def each(self, version, kind, mode):
        messages, session = folder("messages"), folder("session")
        command = ["openssl", "s_client", "-quiet", "-msg", "-msgfile", messages, "-connect",
                   "127.0.0.1:%d" % server(kind, mode).https.port, "-servername", "localhost", "-CAfile",
                   peers.certs(kind)[0], "-verify_return_error", "-tls" + version.replace(".", "_")]
        if mode == "client cert":
            command += ["-cert", client_cert()[1], "-key", client_cert()[2]]
        if mode == "resumed":
            self.run_client(*command, "-sess_out", session, data=peers.get("/", "Connection: close"))
            command += ["-sess_in", session]
        done = self.run_client(*command, data=posts())
        self.assert_bodies(replies(done.stdout))
        with open(messages, encoding="latin-1") as file:
            came = re.findall(r"<<< TLS ([\d.]+), Handshake \[.*\], (\w+)", file.read())
        self.assertEqual((version, "Certificate") in came, mode != "resumed")
        self.assertIn((version, "Finished"), came)


@peers.need("gnutls-cli")
@add_tests
class Gnutls(Clients, unittest.TestCase):
    client = "gnutls-cli"

    def each(self, version, kind, mode):
        command = ["gnutls-cli", "--x509cafile", peers.certs(kind)[0], "--port", str(server(kind, mode).https.port),
                   "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version]
        if mode == "client cert":
            command += ["--x509certfile", client_cert()[1], "--x509keyfile", client_cert()[2]]
        if mode == "resumed":
            command += ["--resume", "--waitresumption"] if version == "1.3" else ["--resume"]
        done = self.run_client(*command, "localhost", data=posts())
        self.assert_bodies(replies(done.stdout))
        self.assertIn(b"- Description: (TLS%s" % version.encode(), done.stdout)
        self.assertEqual(b"*** This is a resumed session" in done.stdout, mode == "resumed")


@peers.need("curl")
@add_tests
class Curl(Clients, unittest.TestCase):
    client = "curl"

    def each(self, version, kind, mode):
        door = server(kind, mode).https
        common = ["--cacert", peers.certs(kind)[0], "--tlsv" + version, "--tls-max", version, "--noproxy", "*"]
        if mode == "client cert":
            common += ["--cert", client_cert()[1], "--key", client_cert()[2]]
        outputs = [folder("curl-%d" % size) for size in SIZES]
        words = []
        if mode == "resumed":
            words += [*common, "-H", "Connection: close", "-o", "/dev/null", door.url + "/", "--next"]
        for file, output in zip(body_files, outputs):
            words += [*common, "--data-binary", "@" + file, "-H", "Content-Type: application/octet-stream", "-H",
                      "Expect:", "-o", output, door.url + "/echo/body", "--next"]
        said = self.run_client("curl", "-q", "-sS", "-v", "--fail", *words[:-1]).stderr.decode("latin-1")
        got = []
        for output in outputs:
            # No byte came, no file: that is how curl takes an empty body.
            data = b""
            if os.path.exists(output):
                with open(output, "rb") as file:
                    data = file.read()
                os.remove(output)
            got.append(data)
        self.assert_bodies(got)
        self.assertEqual(len(re.findall("SSL connection using TLSv" + re.escape(version), said)),
                         2 if mode == "resumed" else 1)
        # A resumed session shows no certificate. With TLS 1.2 curl on OpenSSL takes no tickets, but shows the number of
        # the session it had (RFC 5246 7.3); this server keeps no sessions, so that is a full handshake.
        is_full = (version, mode) == ("1.2", "resumed") and "Newsession Ticket" not in said
        self.assertEqual(len(re.findall(r"\(IN\), TLS handshake, Certificate \(11\)", said)), 2 if is_full else 1)
        return "ok, full" if is_full else None


@peers.need("java")
@add_tests
class Java(Clients, unittest.TestCase):
    """One virtual machine for all cases: it takes its time to start."""

    client = "Java HttpsURLConnection"

    @classmethod
    def setUpClass(cls):
        cls.results = {}
        cases = [case for case in CASES if HAS_CLIENT_CERTS or case[2] != "client cert"]
        lines = [" ".join(("%s/echo/body" % server(kind, mode).https.url, version, mode.replace(" ", "-"),
                           peers.certs(kind)[0], client_cert()[3] if mode == "client cert" else "-"))
                 for version, kind, mode in cases]
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "InteropClient.java")
        done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", source, *body_files],
                              input="".join(line + "\n" for line in lines).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=2 * PATIENCE_S, check=False)
        said = done.stdout.decode().splitlines()
        if "compiler" in done.stderr.decode() and not said:
            raise unittest.SkipTest("not installed: a JDK")
        if len(said) != len(cases):
            raise AssertionError((said, done.stderr))
        cls.results = dict(zip(cases, said))

    def each(self, version, kind, mode):
        self.assertEqual(self.results[version, kind, mode], "ok")


def show_table():
    if not table:
        return
    lines = ["", "bodies of %s bytes there and back:" % ", ".join(map(str, SIZES)), ""]
    heads = ["TLS %s %s %s" % case for case in CASES]
    lines.append("| client | " + " | ".join(heads) + " |")
    lines.append("| --- |" + " --- |" * len(heads))
    for client, row in table.items():
        lines.append("| %s | %s |" % (client, " | ".join(row.get(case, "-") for case in CASES)))
    print("\n".join(lines) + "\n\nin %.0f s" % (time.monotonic() - started), file=sys.stderr)


def tearDownModule():
    show_table()
    for one in servers.values():
        status = one.stop()
        if (status, one.err.lines) != (0, []):
            raise AssertionError("%d\n%s" % (status, "\n".join(one.err.lines)))


if __name__ == "__main__":
    unittest.main()
