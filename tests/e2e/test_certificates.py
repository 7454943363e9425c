"""Certificates of the real program: by name, in every format, replaced while it serves; session tickets."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

import harness
from harness import Folder, Server, run

PASSWORD = "two words"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    """A CA of this test's own, whose certificates are made in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.cert, self.key = folder("ca.pem"), folder("ca-key.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out",
                self.cert, "-days", "2", "-subj", "/CN=test CA")

    def issue(self, stem, names, kind="ec", out=None, subject=None, more=(), days="2"):
        """A certificate for names; returns its file and its key's."""
        cert, key = self.folder(stem + ".pem"), self.folder(stem + "-key.pem")
        made = ["-newkey", {"rsa": "rsa:2048"}.get(kind, kind)] if kind.startswith("rsa") else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        request = self.folder(stem + ".csr")
        openssl("req", *made, "-nodes", "-keyout", key, "-out", request, "-subj", subject or f"/CN={stem}")
        ext = self.folder.write(stem + ".ext", "\n".join(("subjectAltName=" + ",".join("DNS:" + n for n in names), *more)))
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", ext, "-out", out or cert)
        return out or cert, key


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Folder()
        cls.addClassCleanup(cls.made.remove)
        cls.ca = Authority(cls.made)

    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.folder.write("site/index.html", "<p>hello</p>")
        self.site = self.folder("site")

    def serve(self, *args, **kwargs):
        server = Server("--no-http", "--https", "127.0.0.1:0", *args, self.site, **kwargs)
        self.addCleanup(server.stop)
        server.port = server.doors[0].port
        return server

    @staticmethod
    def pair(files):
        return ("--cert", files[0], "--key", files[1])

    def context(self):
        context = ssl.create_default_context(cafile=self.ca.cert)
        context.check_hostname = False
        return context

    def connect(self, server, name, context=None):
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=harness.PATIENCE_S)
        s = (context or self.context()).wrap_socket(raw, server_hostname=name)
        self.addCleanup(s.close)
        return s

    def subject(self, server, name, context=None):
        """The common name of the certificate that a client gets which asks for name."""
        with self.connect(server, name, context) as s:
            return dict(part[0] for part in s.getpeercert()["subject"])["commonName"]

    @staticmethod
    def ask(s):
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return s.recv(65536)


class Names(Case):
    def test_sni__whole_names_then_wildcards_then_the_first(self):
        first = self.ca.issue("first", ["first.example"])
        second = self.ca.issue("second", ["second.example", "*.wild.example"])
        whole = self.ca.issue("whole", ["a.wild.example"])
        server = self.serve(*self.pair(first), *self.pair(second), *self.pair(whole))
        for name, subject in (("first.example", "first"), ("second.example", "second"), ("b.wild.example", "second"),
                              ("B.WILD.example", "second"), ("a.wild.example", "whole"), ("x.b.wild.example", "first"),
                              ("wild.example", "first"), ("unknown.example", "first"), (None, "first")):
            self.assertEqual(self.subject(server, name), subject, name)

    def test_two_kinds_of_keys__each_client_gets_one_that_it_takes(self):
        rsa = self.ca.issue("by-rsa", ["both.example"], "rsa")
        ec = self.ca.issue("by-ec", ["both.example"])
        server = self.serve(*self.pair(rsa), *self.pair(ec))
        self.assertEqual(len([line for line in server.out.lines if line.startswith("certificate ")]), 2)
        for ciphers, subject in (("ECDHE-ECDSA-AES128-GCM-SHA256", "by-ec"), ("ECDHE-RSA-AES128-GCM-SHA256", "by-rsa")):
            context = self.context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
            self.assertEqual(self.subject(server, "both.example", context), subject)
            self.assertEqual(self.subject(server, "unknown.example", context), subject)


class Reload(Case):
    def start(self, *args):
        self.cert, self.key = self.folder("live.pem"), self.folder("live-key.pem")
        self.put(self.ca.issue("before", ["localhost"]))
        return self.serve("--workers", "2", "--cert", self.cert, "--key", self.key, *args)

    def put(self, files):
        for source, target in zip(files, (self.cert, self.key)):
            shutil.copy(source, target + ".new")
            os.rename(target + ".new", target)

    def test_renamed_over__taken_up_and_old_connections_go_on(self):
        server = self.start()
        old = self.connect(server, "localhost")
        self.assertIn(b"200 OK", self.ask(old))
        self.put(self.ca.issue("after", ["localhost"]))
        server.out.wait_for("a file has changed: the certificates were read anew")
        self.assertEqual({self.subject(server, "localhost") for _ in range(8)}, {"after"})
        self.assertIn(b"200 OK", self.ask(old))

    def test_hangup__taken_up(self):
        server = self.start()
        server.process.send_signal(signal.SIGHUP)
        server.out.wait_for("SIGHUP: the certificates were read anew")
        self.assertEqual(self.subject(server, "localhost"), "before")

    def test_hangup_without_https__says_so(self):
        server = Server("--http", "127.0.0.1:0", "--no-https", self.site)
        self.addCleanup(server.stop)
        server.process.send_signal(signal.SIGHUP)
        server.out.wait_for("SIGHUP: there are no certificates to read anew")

    def test_link_put_anew__taken_up(self):
        releases = [self.ca.issue(stem, ["localhost"]) for stem in ("one", "two")]
        for file, name in zip(releases[0], ("cert", "key")):
            os.symlink(file, self.folder(name))
        server = self.serve("--cert", self.folder("cert"), "--key", self.folder("key"))
        self.assertEqual(self.subject(server, "localhost"), "one")
        for file, name in zip(releases[1], ("cert", "key")):
            os.symlink(file, self.folder("link"))
            os.rename(self.folder("link"), self.folder(name))
        server.out.wait_for("a file has changed: the certificates were read anew")
        self.assertEqual(self.subject(server, "localhost"), "two")

    def test_bad_file__the_old_ones_stay_and_it_is_said_why(self):
        server = self.start()
        other = self.ca.issue("other", ["localhost"])
        shutil.copy(other[0], self.cert + ".new")
        os.rename(self.cert + ".new", self.cert)
        server.out.wait_for("a file has changed: the certificates that are in use stay: .*the private key does not belong to")
        self.assertEqual(self.subject(server, "localhost"), "before")
        shutil.copy(other[1], self.key)
        server.out.wait_for("the certificates were read anew")
        self.assertEqual(self.subject(server, "localhost"), "other")

    def test_without_log__standard_error_has_it(self):
        server = self.start("--no-log")
        self.folder.write("live.pem", "nothing")
        server.err.wait_for("postern: a file has changed: the certificates that are in use stay: .*no certificate in this file")


class Clients(Case):
    """Both versions of TLS; what the server says of each client is in its log."""

    def start(self, *args):
        return self.serve(*self.pair(self.ca.issue("server", ["localhost"])), "--client-ca", self.ca.cert, *args)

    def versions(self, files=None):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            if files:
                context.set_ciphers("DEFAULT:@SECLEVEL=0")  # lets a weak key go out
                context.load_cert_chain(*files)
            yield context

    def assert_let_in(self, server, files, name):
        for i, context in enumerate(self.versions(files)):
            with self.connect(server, "localhost", context) as s:
                self.assertIn(b"200 OK", self.ask(s))
                session = s.session
            self.assertFalse(session.has_ticket)
            server.out.wait_for(rf'^127\.0\.0\.1 - {name} \[.*"GET / HTTP/1.1" 200 ', i + 1)

    def assert_refused(self, server, files, cause, alert):
        for i, context in enumerate(self.versions(files)):
            # In TLS 1.3 the client has done its part before it hears.
            with self.assertRaisesRegex(ssl.SSLError, alert):
                with self.connect(server, "localhost", context) as s:
                    self.ask(s)
            server.out.wait_for(cause, i + 1)

    def test_required(self):
        server = self.start()
        self.assert_let_in(server, self.ca.issue("ada", ["x.example"]), "ada")
        self.assert_refused(server, None, "client showed no certificate", "(?i)certificate.required|handshake.failure")

    def test_optional(self):
        server = self.start("--client-cert", "optional")
        self.assert_let_in(server, self.ca.issue("ada", ["x.example"]), "ada")
        self.assert_let_in(server, None, "-")
        other = Authority(self.folder).issue("eve", ["x.example"])
        self.assert_refused(server, other, "client certificate is not from our client CA", "(?i)unknown.ca")

    def test_names(self):
        server = self.start()
        self.assert_let_in(server, self.ca.issue("spaces", ["x.example"], subject="/CN=Ada Lovelace"), r"Ada\\x20Lovelace")
        self.assert_let_in(server, self.ca.issue("nameless", ["ada.example"], subject="/O=Engines"), r"ada\.example")

    def test_bad_ones__each_with_its_cause(self):
        for args in ((), ("--client-cert", "optional")):
            server = self.start(*args)
            other = Authority(self.folder).issue("eve", ["x.example"])
            self.assert_refused(server, other, "client certificate is not from our client CA", "(?i)unknown.ca")
            usage = self.ca.issue("usage", ["x.example"], more=("extendedKeyUsage=serverAuth",))
            self.assert_refused(server, usage, "client certificate is for another use", "(?i)unsupported.certificate")
            ended = self.ca.issue("ended", ["x.example"], days="-1")
            self.assert_refused(server, ended, "client certificate has ended", "(?i)certificate.expired")
            weak = self.ca.issue("weak", ["x.example"], "rsa:1024")
            self.assert_refused(server, weak, "client certificate's key or signature is too weak",
                                "(?i)unsupported.certificate|bad.certificate|too small")

    def test_reload__another_ca(self):
        file = self.folder("clients.pem")
        shutil.copy(self.ca.cert, file)
        server = self.serve(*self.pair(self.ca.issue("server", ["localhost"])), "--client-ca", file)
        ada = self.ca.issue("ada", ["x.example"])
        self.assert_let_in(server, ada, "ada")
        os.mkdir(self.folder("other"))
        other = Folder()
        self.addCleanup(other.remove)
        shutil.copy(Authority(other).cert, file + ".new")
        os.rename(file + ".new", file)
        server.out.wait_for("a file has changed: the certificates were read anew")
        self.assert_refused(server, ada, "client certificate is not from our client CA", "(?i)unknown.ca")

    def test_ca_files__refused_in_words(self):
        cert, key = self.ca.issue("leaf", ["localhost"], more=("basicConstraints=CA:FALSE",))
        for file, says in ((self.folder("none"), "the client CA .* is not there"), (cert, "this is no CA's certificate"),
                           (key, "cannot be read")):
            status, _, err = run("--check", *self.pair((cert, key)), "--client-ca", file, self.site)
            self.assertEqual(status, 2)
            self.assertRegex(err, says)


class Policy(Case):
    def test_modern__tls_1_3_alone(self):
        pair = self.pair(self.ca.issue("policy", ["localhost"]))
        for args in (("--tls", "modern"), ("--tls-min", "1.3")):
            server = self.serve(*pair, *args)
            context = self.context()
            with self.connect(server, "localhost", context) as s:
                self.assertEqual(s.version(), "TLSv1.3")
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with self.assertRaises(ssl.SSLError):
                self.connect(server, "localhost", context)
            server.out.wait_for("no TLS version in common")

    def client(self, server, *args):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", self.ca.cert, *args],
                              input=b"", capture_output=True, timeout=harness.PATIENCE_S)
        return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")

    def test_what_is_not_spoken(self):
        server = self.serve(*self.pair(self.ca.issue("rsa", ["localhost"], "rsa")),
                            *self.pair(self.ca.issue("ecdsa", ["localhost"])))
        lowest = "DEFAULT:@SECLEVEL=0"
        for args in (("-tls1_1", "-cipher", lowest), ("-tls1", "-cipher", lowest),
                     ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA:"
                      "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=0"),
                     ("-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"), ("-tls1_2", "-cipher", "kDHE:@SECLEVEL=0"),
                     ("-tls1_2", "-cipher", "AESCCM:@SECLEVEL=0"), ("-groups", "P-521"),
                     ("-tls1_2", "-sigalgs", "ECDSA+SHA1:RSA+SHA1", "-cipher", lowest)):
            with self.subTest(args=args):
                said = self.client(server, *args)
                self.assertRegex(said, r"Cipher is \(NONE\)")
                self.assertRegex(said, "alert|no protocols available|unsupported protocol")
        for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"):
            self.assertIn(f"Cipher is {suite}", self.client(server, "-tls1_2", "-cipher", suite))
        said = self.client(server, "-tls1_2")
        self.assertIn("Compression: NONE", said)
        self.assertIn("Extended master secret: yes", said)

    def test_alpn__unknown_is_an_alert(self):
        server = self.serve(*self.pair(self.ca.issue("alpn", ["localhost"])))
        for version in ("-tls1_2", "-tls1_3"):
            self.assertRegex(self.client(server, version, "-alpn", "spdy/1"), "(?i)no application protocol")
            self.assertIn("ALPN protocol: http/1.1", self.client(server, version, "-alpn", "spdy/1,http/1.1"))
            self.assertIn("No ALPN negotiated", self.client(server, version))
        server.out.wait_for("no application protocol in common", 2)

    def test_no_early_data(self):
        server = self.serve(*self.pair(self.ca.issue("early", ["localhost"])))
        context = self.context()
        with self.connect(server, "localhost", context) as s:
            self.ask(s)
            self.assertTrue(s.session.has_ticket)
        self.assertIn("Early data was not sent", self.client(server, "-tls1_3"))

    def test_renegotiation__refused_and_the_connection_goes_on(self):
        server = self.serve(*self.pair(self.ca.issue("renegotiate", ["localhost"])))
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-CAfile",
                               self.ca.cert], input=b"R\n", capture_output=True, timeout=harness.PATIENCE_S)
        self.assertRegex(done.stderr.decode("utf-8", "replace"), "(?i)no renegotiation")

    def test_key_update__closed_and_named(self):
        server = self.serve(*self.pair(self.ca.issue("update", ["localhost"])))
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_3", "-CAfile",
                               self.ca.cert], input=b"k\n", capture_output=True, timeout=harness.PATIENCE_S)
        server.out.wait_for("client asked for a TLS key update, which Mbed TLS cannot do")
        self.assertIn("KEYUPDATE", done.stderr.decode() + done.stdout.decode())


class Metrics(Case):
    def test_line__on_a_signal_and_at_the_end(self):
        server = Server("--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--workers", "2",
                        *self.pair(self.ca.issue("metrics", ["localhost"])), self.site, doors=2)
        self.addCleanup(server.stop)
        server.port = server.door("https").port
        context = self.context()
        with self.connect(server, "localhost", context) as s:
            self.assertIn(b"200 OK", self.ask(s))
            session = s.session
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=harness.PATIENCE_S)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as s:
            self.assertIn(b"200 OK", self.ask(s))
        with self.assertRaises(ssl.SSLError):  # knows no CA of ours
            self.connect(server, "localhost", ssl.create_default_context())
        socket.create_connection(("127.0.0.1", server.port)).close()  # begins no handshake
        plain = server.door("http")
        with socket.create_connection(("127.0.0.1", plain.port), timeout=harness.PATIENCE_S) as s:
            s.sendall(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 404 ", s.recv(65536))
            server.out.wait_for("client rejected our certificate")
            server.out.wait_for('"GET .* (200|404) ', 3)
            server.process.send_signal(signal.SIGUSR1)
            line = server.out.wait_for(r"up \d+\.\d s; connections \d+ \(http 1, https \d, open \d+\); .*")[0][0]
            self.assertIn("requests 3 (1xx 0, 2xx 2, 3xx 0, 4xx 1, 5xx 0, none 0)", line)
            self.assertIn("TLS handshakes full 1, resumed 1 (50.0%), failed 1, stalled 0", line)
            self.assertRegex(line, r"bytes in [0-9]{3}, out [1-9][0-9]{2,}")
        server.stop()
        self.assertRegex(server.out.lines[-1], r"connections 5 \(http 1, https 4, open 0\).*failed 1, stalled 0, refused 0$")

    def test_stalled_handshake__is_counted(self):
        server = self.serve(*self.pair(self.ca.issue("stall", ["localhost"])), "--limit", "handshake_ms=50")
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"\x16\x03\x01")
            self.assertEqual(s.recv(1), b"")
        server.stop()
        self.assertRegex(server.out.lines[-1], "failed 0, stalled 1, refused 0$")

    def test_no_log__no_line(self):
        server = self.serve(*self.pair(self.ca.issue("quiet", ["localhost"])), "--no-log")
        server.process.send_signal(signal.SIGUSR1)
        server.err.wait_for("postern: up .* TLS handshakes full 0, resumed 0 .-., failed 0")
        server.stop()
        self.assertFalse([line for line in server.out.lines if "handshakes" in line])


class Formats(Case):
    def subject_of(self, *args):
        server = self.serve(*args)
        subject = self.subject(server, "localhost")
        server.stop()
        return subject

    def test_keys__of_every_form(self):
        password = self.folder.write("password", PASSWORD + "\nsecond line\n")
        for kind, traditional in (("ec", "ec"), ("rsa", "rsa")):
            cert, key = self.ca.issue("form-" + kind, ["localhost"], kind)
            der = self.folder(kind + ".der")
            openssl("x509", "-in", cert, "-outform", "DER", "-out", der)
            forms = {"pkcs8": ["pkey"], "traditional": [traditional], "pkcs8 DER": ["pkey", "-outform", "DER"],
                     "traditional DER": [traditional, "-outform", "DER"]}
            for name, command in forms.items():
                with self.subTest(kind=kind, form=name):
                    out = self.folder("key-of-" + name.replace(" ", "-"))
                    legacy = ["-traditional"] if command[0] == "rsa" else []
                    openssl(*command, *legacy, "-in", key, "-out", out)
                    self.assertEqual(self.subject_of("--cert", der, "--key", out), "form-" + kind)
            with self.subTest(kind=kind, form="encrypted"):
                out = self.folder("encrypted-" + kind)
                openssl("pkcs8", "-topk8", "-in", key, "-out", out, "-passout", "pass:" + PASSWORD)
                self.assertEqual(self.subject_of("--cert", cert, "--key", out, "--key-password", password), "form-" + kind)

    def test_password__missing_or_wrong__refused_in_words(self):
        cert, key = self.ca.issue("locked", ["localhost"])
        out = self.folder("locked")
        openssl("pkcs8", "-topk8", "-in", key, "-out", out, "-passout", "pass:" + PASSWORD)
        wrong = self.folder.write("wrong", "guess")
        inside = self.folder.write("site/password", PASSWORD)
        for says, *args in (("protected by a password", ), ("the password does not open", "--key-password", wrong),
                            ("the password file .* is not there", "--key-password", self.folder("none")),
                            ("the password .* is inside the folder", "--key-password", inside)):
            status, _, err = run("--check", "--cert", cert, "--key", out, *args, self.site)
            self.assertEqual(status, 2)
            self.assertRegex(err, says)


class Tickets(Case):
    def resumes(self, server, session, context, times=1):
        """How many of so many connections that show session are resumed."""
        count = 0
        for _ in range(times):
            raw = socket.create_connection(("127.0.0.1", server.port), timeout=harness.PATIENCE_S)
            with context.wrap_socket(raw, server_hostname="localhost", session=session) as s:
                self.assertIn(b"200 OK", self.ask(s))
                count += s.session_reused
        return count

    def session(self, server, context):
        with self.connect(server, "localhost", context) as s:
            self.assertIn(b"200 OK", self.ask(s))
            return s.session

    def contexts(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            yield context

    def secret(self, name):
        path = self.folder.write(name, os.urandom(48))
        os.chmod(path, 0o600)
        return path

    def test_all_workers_open_each_others_tickets(self):
        server = self.serve("--workers", "3", *self.pair(self.ca.issue("tickets", ["localhost"])))
        for context in self.contexts():
            self.assertEqual(self.resumes(server, self.session(server, context), context, 12), 12)

    def test_no_tickets__none(self):
        server = self.serve("--no-tickets", *self.pair(self.ca.issue("none", ["localhost"])))
        for context in self.contexts():
            self.assertFalse(self.session(server, context).has_ticket)

    def test_after_a_restart__only_with_keys_from_files(self):
        pair = self.pair(self.ca.issue("restart", ["localhost"]))
        for args, resumed in ((("--ticket-keys", self.secret("key")), 1), ((), 0)):
            for context in self.contexts():
                server = self.serve(*pair, *args)
                session = self.session(server, context)
                server.stop()
                self.assertEqual(self.resumes(self.serve(*pair, *args), session, context), resumed, args)

    def test_other_certificate__full_handshake(self):
        cert, key = self.folder("c.pem"), self.folder("k.pem")
        for source, target in zip(self.ca.issue("old", ["localhost"]), (cert, key)):
            shutil.copy(source, target)
        server = self.serve("--cert", cert, "--key", key, "--ticket-keys", self.secret("key"))
        sessions = [(self.session(server, context), context) for context in self.contexts()]
        for source, target in zip(self.ca.issue("new", ["localhost"]), (cert, key)):
            shutil.copy(source, target)
        server.process.send_signal(signal.SIGHUP)
        server.out.wait_for("SIGHUP: the certificates were read anew")
        for session, context in sessions:
            self.assertEqual(self.resumes(server, session, context), 0)

    def test_folder_of_keys__the_last_seals_and_the_one_before_opens(self):
        self.secret("keys/1")
        server = self.serve("--ticket-keys", self.folder("keys"), *self.pair(self.ca.issue("folder", ["localhost"])))
        sessions = [(self.session(server, context), context) for context in self.contexts()]
        for newer, resumed in (("2", 1), ("3", 0)):
            self.secret("keys/" + newer)
            server.process.send_signal(signal.SIGHUP)
            server.out.wait_for("SIGHUP: the certificates were read anew", int(newer) - 1)
            for session, context in sessions:
                self.assertEqual(self.resumes(server, session, context), resumed, newer)

    def test_keys__that_cannot_be_used__refused(self):
        pair = self.pair(self.ca.issue("refused", ["localhost"]))
        short = self.folder.write("short", "x" * 47)
        os.chmod(short, 0o600)
        shared = self.folder.write("shared", "x" * 48)
        os.chmod(shared, 0o644)
        os.mkdir(self.folder("empty"))
        inside = self.secret("site/key")
        for path, says in ((self.folder("none"), "cannot be read"), (short, "holds no ticket key"),
                           (shared, "others may read"), (self.folder("empty"), "there is no ticket key in"),
                           (inside, "the ticket key .* is inside the folder")):
            status, _, err = run("--check", *pair, "--ticket-keys", path, self.site)
            self.assertEqual(status, 2, path)
            self.assertRegex(err, says)


if __name__ == "__main__":
    unittest.main(verbosity=2)
