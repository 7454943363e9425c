#!/usr/bin/env python3
"""End-to-end tests of scripts/mkcert.sh: what it makes, as openssl and Python's TLS client judge it, and what it leaves
behind when something goes wrong. Python's standard library and openssl only; everything happens in temporary folders.

Run: python3 tests/e2e/test_mkcert.py [-v] (POSTERN_SOURCE_DIR names the source tree; default: two levels up)."""

import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time
import unittest

SOURCE_DIR = os.path.abspath(
    os.environ.get("POSTERN_SOURCE_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SCRIPT = os.path.join(SOURCE_DIR, "scripts", "mkcert.sh")

DAY_S = 86400
FILES = ["ca-key.pem", "ca.pem", "localhost-key.pem", "localhost.pem"]
PAIR = ["localhost-key.pem", "localhost.pem"]

# Every shell that is there: the script promises POSIX sh.
SHELLS = [shell for shell in (["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["mksh"], ["yash"], ["ksh"])
          if shutil.which(shell[0])] or [["sh"]]

GOOD_NAMES = [  # what is typed, how openssl prints it in the certificate
    ("dev.example", "DNS:dev.example"),
    ("DEV2.Example", "DNS:dev2.example"),
    ("*.dev.example", "DNS:*.dev.example"),
    ("xn--bcher-kva.example", "DNS:xn--bcher-kva.example"),
    ("9to5.example", "DNS:9to5.example"),
    ("a" * 63 + ".example", "DNS:" + "a" * 63 + ".example"),
    ("192.0.2.7", "IP Address:192.0.2.7"),
    ("0.0.0.0", "IP Address:0.0.0.0"),
    ("255.255.255.255", "IP Address:255.255.255.255"),
    ("2001:DB8::7", "IP Address:2001:DB8:0:0:0:0:0:7"),
    ("1:2:3:4:5:6:7:8", "IP Address:1:2:3:4:5:6:7:8"),
    ("1:2:3:4:5:6:7::", "IP Address:1:2:3:4:5:6:7:0"),
    ("::", "IP Address:0:0:0:0:0:0:0:0"),
    ("::ffff:192.0.2.7", "IP Address:0:0:0:0:0:FFFF:C000:207"),
]

BAD_NAMES = [
    "", " ", "a b", "a.example ", "a..example", ".example", "example.", "-a.example", "a-.example", "a.-b",
    "a_b.example", "a.example/", "https://a.example", "a.example:8443", "büro.example",
    "a\nb", "a.example\n", "a\tb", "a,b", "a;b", "$(id)",
    "`id`", "$HOME", "a\\b", "@names", "DNS:a.example", "a" * 64 + ".example", ".".join(["a" * 60] * 5),
    "*", "*.", "*.localhost", "*.*.example", "a.*.example", "*a.dev.example", "*.192.0.2.7", "**.dev.example",
    "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.0x4", "a.0xff", "a.0x", "1.2.3.",
    "12345", "a.123", "1.2.3.4/24",
    ":", ":1", "1:", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "g::1",
    "fe80::1%eth0", "[::1]", "::1.2.3", "::1.2.3.256", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::1/64",
]


def run_script(*arguments, shell=None, path_first=None, **options):
    """Runs the script in a process group of its own, with the folder path_first in front of PATH."""
    environment = dict(os.environ, **options.pop("env", {}))
    if path_first:
        environment["PATH"] = path_first + os.pathsep + environment["PATH"]
    command = (shell or ["sh"]) + [options.pop("script", SCRIPT)] + [os.fspath(word) for word in arguments]
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, start_new_session=True, check=False,
                          **options)


def openssl(*arguments, **options):
    return subprocess.run(("openssl",) + arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=options.pop("check", True), **options).stdout


def make_key(path, *options):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path, *options)


def snapshot(folder):
    """Everything in the folder, hidden files too: names, modes and bytes."""
    found = {}
    for base, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.join(base, name)] = "folder"
        for name in files:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                found[path] = (stat.S_IMODE(os.lstat(path).st_mode), file.read())
    return found


def contents(path):
    with open(path, "rb") as file:
        return file.read()


class Certificate:
    """One certificate, as openssl reads it."""

    def __init__(self, path):
        self.text = openssl("x509", "-in", path, "-noout", "-text")
        lines = dict(line.split("=", 1) for line in openssl(
            "x509", "-in", path, "-noout", "-serial", "-startdate", "-enddate", "-subject", "-issuer",
            "-nameopt", "RFC2253").splitlines())
        self.serial = int(lines["serial"], 16)
        self.start_s = ssl.cert_time_to_seconds(lines["notBefore"])
        self.end_s = ssl.cert_time_to_seconds(lines["notAfter"])
        self.subject = lines["subject"].strip()
        self.issuer = lines["issuer"].strip()

    def extension(self, title):
        """The extension's (is critical, value), or None."""
        found = re.search(r"X509v3 %s: ?(critical)?\s*\n\s+(.*?)\s*\n" % re.escape(title), self.text)
        return found and (found.group(1) == "critical", found.group(2))

    def key_id(self, title):
        found = self.extension(title)
        return found and found[1].removeprefix("keyid:")

    def names(self):
        return [name.strip() for name in self.extension("Subject Alternative Name")[1].split(", ")]


class MkcertCase(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="postern-mkcert-")
        self.addCleanup(temporary.cleanup)
        self.root = temporary.name
        self.dir = os.path.join(self.root, "certs")

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, *arguments, **options):
        done = run_script("--dir", self.dir, *arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def refuse(self, *arguments, status=1, **options):
        """Runs what must fail with one clear line and leave everything as it was; returns the line."""
        before = snapshot(self.root)
        done = run_script("--dir", self.dir, *arguments, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Amkcert\.sh: [^\n]+\n\Z")
        self.assertEqual(snapshot(self.root), before)
        return done.stderr

    def tool(self, name, text):
        """A program that stands in front of the real one of that name; returns the folder for PATH."""
        folder = os.path.join(self.root, "tools")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nreal=%s\n%s" % (shutil.which(name), text))
        os.chmod(path, 0o755)
        return folder

    def assert_pair_matches(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("localhost.pem"), self.path("localhost-key.pem"))

    def assert_files(self, names):
        self.assertEqual(sorted(os.listdir(self.dir)), names)

    def assert_verified(self, trusted):
        said = openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", self.path(trusted),
                       self.path("localhost.pem"))
        self.assertEqual(said, self.path("localhost.pem") + ": OK\n")

    def make_ca(self, start_s, end_s):
        """A CA as the script makes them, but with any dates: `openssl ca` sets them."""
        os.makedirs(self.dir, exist_ok=True)
        moment = lambda seconds: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))
        with tempfile.TemporaryDirectory() as work:
            with open(os.path.join(work, "cnf"), "w", encoding="utf-8") as file:
                file.write("[req]\ndistinguished_name=d\n[d]\n[ca]\ndefault_ca=c\n[c]\ndatabase=i\nserial=s\n"
                           "new_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\n"
                           "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                           "subjectKeyIdentifier=hash\n")
            open(os.path.join(work, "i"), "w").close()
            make_key(self.path("ca-key.pem"))
            openssl("req", "-new", "-config", "cnf", "-key", self.path("ca-key.pem"), "-subj", "/CN=old CA",
                    "-out", "r", cwd=work)
            openssl("ca", "-batch", "-notext", "-config", "cnf", "-selfsign", "-extensions", "x", "-create_serial",
                    "-keyfile", self.path("ca-key.pem"), "-in", "r", "-out", self.path("ca.pem"),
                    "-startdate", moment(start_s), "-enddate", moment(end_s), cwd=work)


class WhatIsMade(MkcertCase):
    def test_mkcert__first_run__makes_four_files_and_nothing_else(self):
        self.make()
        self.assert_files(FILES)

    def test_mkcert__any_umask__keys_are_private_and_certificates_readable(self):
        for umask in (0o000, 0o022, 0o077):
            with self.subTest(umask=oct(umask)):
                self.make("--new-ca", umask=umask)
                modes = {name: stat.S_IMODE(os.stat(self.path(name)).st_mode) for name in FILES}
                self.assertEqual(modes, {"ca-key.pem": 0o600, "ca.pem": 0o644,
                                         "localhost-key.pem": 0o600, "localhost.pem": 0o644})

    def test_mkcert__leaf__has_the_profile_of_a_server_certificate(self):
        before_s = time.time()
        self.make()
        leaf, ca = Certificate(self.path("localhost.pem")), Certificate(self.path("ca.pem"))
        self.assertIn("Version: 3 (0x2)", leaf.text)
        self.assertIn("NIST CURVE: P-256", leaf.text)
        self.assertIn("Signature Algorithm: ecdsa-with-SHA256", leaf.text)
        self.assertEqual(leaf.subject, "CN=localhost,O=postern")
        self.assertEqual(leaf.issuer, ca.subject)
        self.assertEqual(leaf.extension("Basic Constraints"), (True, "CA:FALSE"))
        self.assertEqual(leaf.extension("Key Usage"), (True, "Digital Signature"))
        self.assertEqual(leaf.extension("Extended Key Usage"), (False, "TLS Web Server Authentication"))
        self.assertEqual(leaf.key_id("Authority Key Identifier"), ca.key_id("Subject Key Identifier"))
        self.assertRegex(leaf.key_id("Subject Key Identifier"), r"\A([0-9A-F]{2}:){19}[0-9A-F]{2}\Z")
        # Both ends belong to the validity (RFC 5280 4.1.2.5).
        self.assertLessEqual(leaf.end_s - leaf.start_s + 1, 397 * DAY_S)
        self.assertGreater(leaf.end_s - leaf.start_s + 1, 396 * DAY_S)
        self.assertAlmostEqual(leaf.start_s, before_s - 3600, delta=30)
        self.assertEqual(contents(self.path("localhost.pem")).count(b"BEGIN CERTIFICATE"), 1)

    def test_mkcert__ca__has_the_profile_of_a_ca(self):
        before_s = time.time()
        self.make()
        ca = Certificate(self.path("ca.pem"))
        self.assertIn("NIST CURVE: P-256", ca.text)
        self.assertEqual(ca.extension("Basic Constraints"), (True, "CA:TRUE, pathlen:0"))
        self.assertEqual(ca.extension("Key Usage"), (True, "Certificate Sign, CRL Sign"))
        self.assertRegex(ca.key_id("Subject Key Identifier"), r"\A([0-9A-F]{2}:){19}[0-9A-F]{2}\Z")
        self.assertIsNone(ca.extension("Extended Key Usage"))
        self.assertEqual(ca.issuer, ca.subject)
        self.assertAlmostEqual(ca.start_s, before_s - 3600, delta=30)
        self.assertAlmostEqual(ca.end_s, before_s + 3650 * DAY_S, delta=30)

    def test_mkcert__serials__are_positive_random_and_at_most_20_octets(self):
        # RFC 5280 4.1.2.2 Serial Number
        serials = set()
        for _ in range(3):
            self.make("--new-ca")
            serials.add(Certificate(self.path("ca.pem")).serial)
            serials.add(Certificate(self.path("localhost.pem")).serial)
        self.assertEqual(len(serials), 6)
        for serial in serials:
            self.assertGreater(serial, 1 << 112)
            self.assertLess(serial, 1 << 127)

    def test_mkcert__every_shell__makes_the_same(self):
        for shell in SHELLS:
            with self.subTest(shell=shell):
                self.assertEqual(subprocess.run(shell + ["-n", SCRIPT], check=False,
                                                stderr=subprocess.DEVNULL).returncode, 0)
                shutil.rmtree(self.dir, ignore_errors=True)
                self.make("*.dev.example", "192.0.2.7", "2001:db8::7", "--", "other.example", shell=shell)
                self.assert_files(FILES)
                self.assert_verified("ca.pem")
                leaf = Certificate(self.path("localhost.pem"))
                self.assertEqual(leaf.names()[-4:], ["DNS:*.dev.example", "IP Address:192.0.2.7",
                                                     "IP Address:2001:DB8:0:0:0:0:0:7", "DNS:other.example"])
                self.assertGreater(leaf.end_s - leaf.start_s, 396 * DAY_S)
                self.assertLess(leaf.end_s - leaf.start_s, 397 * DAY_S)
                self.refuse("1.2.3.256", status=2, shell=shell)

    def test_mkcert__rsa__makes_rsa_keys_for_ca_and_leaf(self):
        self.make("--rsa")
        leaf, ca = Certificate(self.path("localhost.pem")), Certificate(self.path("ca.pem"))
        self.assertIn("Public-Key: (3072 bit)", ca.text)
        self.assertIn("Public-Key: (2048 bit)", leaf.text)
        self.assertIn("Signature Algorithm: sha256WithRSAEncryption", leaf.text)
        self.assertEqual(leaf.extension("Key Usage"), (True, "Digital Signature, Key Encipherment"))
        self.assert_verified("ca.pem")
        self.assert_pair_matches()

    def test_mkcert__other_kind_than_the_ca__is_fine(self):
        for first, second, bits in (([], ["--rsa"], "2048 bit"), (["--rsa", "--new-ca"], [], "256 bit")):
            with self.subTest(first=first, second=second):
                self.make(*first)
                ca = contents(self.path("ca.pem"))
                self.make(*second)
                self.assertEqual(contents(self.path("ca.pem")), ca)
                self.assertIn("Public-Key: (%s)" % bits, Certificate(self.path("localhost.pem")).text)
                self.assert_verified("ca.pem")

    def test_mkcert__self_signed__makes_one_certificate_and_no_ca(self):
        for kind in ([], ["--rsa"]):
            with self.subTest(kind=kind):
                said = self.make("--self-signed", "dev.example", *kind)
                self.assert_files(PAIR)
                self.assert_verified("localhost.pem")
                self.assert_pair_matches()
                made = Certificate(self.path("localhost.pem"))
                self.assertEqual(made.issuer, made.subject)
                self.assertEqual(made.extension("Basic Constraints"), (True, "CA:FALSE"))
                self.assertEqual(made.extension("Extended Key Usage"), (False, "TLS Web Server Authentication"))
                self.assertEqual(made.key_id("Authority Key Identifier"), made.key_id("Subject Key Identifier"))
                self.assertIn("DNS:dev.example", made.names())
                self.assertIn("--cacert " + self.path("localhost.pem"), said)

    def test_mkcert__self_signed_beside_a_ca__leaves_the_ca_alone(self):
        self.make()
        before = {name: contents(self.path(name)) for name in ("ca.pem", "ca-key.pem")}
        self.assertIn("left alone", self.make("--self-signed"))
        self.assertEqual({name: contents(self.path(name)) for name in before}, before)
        self.make()
        self.assertEqual({name: contents(self.path(name)) for name in before}, before)
        self.assert_verified("ca.pem")

    def test_mkcert__rerun__keeps_the_ca_and_renews_the_leaf(self):
        self.make("first.example")
        ca, ca_key = contents(self.path("ca.pem")), contents(self.path("ca-key.pem"))
        first, first_key = Certificate(self.path("localhost.pem")), contents(self.path("localhost-key.pem"))
        said = self.make("second.example")
        self.assertIn("kept", said)
        self.assertEqual((contents(self.path("ca.pem")), contents(self.path("ca-key.pem"))), (ca, ca_key))
        second = Certificate(self.path("localhost.pem"))
        self.assertNotEqual(first.serial, second.serial)
        self.assertNotEqual(first_key, contents(self.path("localhost-key.pem")))
        self.assertIn("DNS:second.example", second.names())
        self.assertNotIn("DNS:first.example", second.names())
        self.assertIn("not kept", said)
        self.assert_verified("ca.pem")

    def test_mkcert__new_ca__replaces_it(self):
        self.make()
        ca = contents(self.path("ca.pem"))
        self.assertIn("remove it from the browsers", self.make("--new-ca"))
        self.assertNotEqual(contents(self.path("ca.pem")), ca)
        self.assert_verified("ca.pem")
        self.assert_files(FILES)

    def test_mkcert__days__sets_the_end(self):
        for days in (1, 30, 396, 397):
            for form in (["--days", str(days)], ["--days=%d" % days]):
                with self.subTest(form=form):
                    before_s = time.time()
                    self.make(*form)
                    leaf = Certificate(self.path("localhost.pem"))
                    self.assertLessEqual(leaf.end_s - leaf.start_s + 1, 397 * DAY_S)
                    self.assertAlmostEqual(leaf.end_s, before_s + days * DAY_S, delta=3600 + 30)

    def test_mkcert__output__says_what_until_when_and_how_to_trust(self):
        said = self.make("dev.example", "--days", "30")
        leaf, ca = Certificate(self.path("localhost.pem")), Certificate(self.path("ca.pem"))
        day = lambda seconds: time.strftime("%Y-%m-%d", time.gmtime(seconds))
        self.assertIn("until " + day(leaf.end_s), said)
        self.assertIn("until " + day(ca.end_s), said)
        self.assertRegex(said, r"It is for: localhost 127\.0\.0\.1 ::1 .*\bdev\.example\n")
        self.assertIn("curl --cacert %s https://localhost:8443/" % self.path("ca.pem"), said)
        self.assertIn("Firefox", said)
        self.assertIn("Chromium", said)

    def test_mkcert__openssl_settings_of_the_user__are_ignored(self):
        bad = os.path.join(self.root, "bad.cnf")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("this is [no config\n")
        self.make(env={"OPENSSL_CONF": bad})
        self.assert_verified("ca.pem")


class Names(MkcertCase):
    def test_mkcert__good_names__are_in_the_certificate_once(self):
        typed = [name for name, _ in GOOD_NAMES]
        said = self.make(*typed, *typed, "localhost", "127.0.0.1", "::1")
        names = Certificate(self.path("localhost.pem")).names()
        self.assertEqual(names[:3], ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"])
        self.assertEqual([name for name in names[3:] if name in dict((b, a) for a, b in GOOD_NAMES)],
                         [printed for _, printed in GOOD_NAMES])
        self.assertEqual(len(set(names)), len(names))
        for name in typed:
            self.assertIn(" " + name.lower(), said)

    def test_mkcert__bad_name__one_line_and_nothing_changed(self):
        self.make()
        for name in BAD_NAMES:
            with self.subTest(name=name):
                line = self.refuse("good.example", "--", name, status=2)
                self.assertIn("bad name", line)
                self.assertTrue(line[:-1].isprintable(), line)

    def test_mkcert__bad_name_and_no_folder__makes_no_folder(self):
        self.refuse("a_b", status=2)
        self.assertFalse(os.path.exists(self.dir))

    def test_mkcert__too_many_names__refused(self):
        names = ["n%d.example" % number for number in range(60)]
        self.assertIn("too many", self.refuse(*names, status=2))
        self.make(*names[:46])
        self.assertLess(os.path.getsize(self.path("localhost.pem")), 16 * 1024)

    def test_mkcert__name_that_is_a_file_pattern__is_not_expanded(self):
        os.makedirs(os.path.join(self.root, "here"))
        open(os.path.join(self.root, "here", "*.dev.example"), "w").close()
        open(os.path.join(self.root, "here", "x.dev.example"), "w").close()
        self.make("*.dev.example", cwd=os.path.join(self.root, "here"))
        self.assertIn("DNS:*.dev.example", Certificate(self.path("localhost.pem")).names())
        self.assertNotIn("DNS:x.dev.example", Certificate(self.path("localhost.pem")).names())

    def test_mkcert__host_name__is_taken_if_it_is_a_dns_name(self):
        for host, printed in (("desk", "DNS:desk"), ("Desk-7.Lan", "DNS:desk-7.lan"), ("my_host", None), ("", None),
                              ("10.0.0.9", None), ("fe80::1", None), ("*.dev.example", None), ("a b", None),
                              ("localhost", "DNS:localhost"), ("x" * 70, None), ("$(id)", None)):
            with self.subTest(host=host):
                said = self.make("--new-ca", path_first=self.tool("uname", "printf '%%s\\n' '%s'\n" % host))
                names = Certificate(self.path("localhost.pem")).names()
                self.assertEqual(names[3:], [printed] if printed and host != "localhost" else [])
                self.assertEqual("is no valid DNS name" in said, printed is None)

    def test_mkcert__ca_subject__names_user_and_host_within_64_characters(self):
        # RFC 5280 A.1: ub-common-name 64
        for user, host, expected in (("ann", "desk", "postern local CA ann@desk"),
                                     ("a/CN=evil+b", "d", "postern local CA a-CN-evil-b@d"),
                                     ("u" * 40, "h" * 40, "postern local CA " + "u" * 40 + "@" + "h" * 6)):
            with self.subTest(user=user, host=host):
                tools = self.tool("uname", "echo '%s'\n" % host)
                self.tool("id", "echo '%s'\n" % user)
                self.assertIn('"%s"' % expected, self.make("--new-ca", path_first=tools))
                self.assertEqual(Certificate(self.path("ca.pem")).subject, "CN=%s,O=postern" % expected)


class Handshakes(MkcertCase):
    def serve(self):
        """A TLS server in a thread on a loopback port, one byte for each connection; returns the ports by family."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("localhost.pem"), self.path("localhost-key.pem"))
        ports = {}
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                listener = socket.create_server((address, 0), family=family)
            except OSError:
                continue

            def answer(listener=listener):
                while True:
                    try:
                        peer, _ = listener.accept()
                    except OSError:
                        return
                    peer.settimeout(20)
                    try:
                        with context.wrap_socket(peer, server_side=True) as secure:
                            secure.sendall(b"!")
                            secure.recv(1)
                    except OSError:
                        peer.close()

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()

            def stop(listener=listener, thread=thread):
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
                thread.join(20)

            self.addCleanup(stop)
            ports[family] = (address, listener.getsockname()[1])
        return ports

    def shake(self, place, name, trusted):
        context = ssl.create_default_context(cafile=self.path(trusted))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with socket.create_connection(place, timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname=name) as secure:
                self.assertEqual(secure.recv(1), b"!")

    def check_names(self, trusted):
        ports = self.serve()
        for name in ("localhost", "127.0.0.1", "::1", "dev.example", "a.dev.example", "192.0.2.7", "2001:db8::7"):
            with self.subTest(name=name):
                self.shake(ports[socket.AF_INET], name, trusted)
        for name in ("other.example", "a.b.dev.example", "127.0.0.2", "::2"):
            with self.subTest(name=name):
                with self.assertRaises(ssl.SSLCertVerificationError):
                    self.shake(ports[socket.AF_INET], name, trusted)
        if socket.AF_INET6 in ports:
            self.shake(ports[socket.AF_INET6], "::1", trusted)
            self.shake(ports[socket.AF_INET6], "localhost", trusted)

    def test_mkcert__python_client_strict__accepts_every_kind(self):
        for options in ([], ["--rsa", "--new-ca"], ["--days", "1"], ["--self-signed"], ["--self-signed", "--rsa"]):
            with self.subTest(options=options):
                self.make(*options, "dev.example", "*.dev.example", "192.0.2.7", "2001:db8::7")
                self.check_names("localhost.pem" if "--self-signed" in options else "ca.pem")

    def test_mkcert__another_ca__is_not_accepted(self):
        self.make()
        ports = self.serve()
        self.make("--new-ca")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.shake(ports[socket.AF_INET], "localhost", "ca.pem")


class CommandLine(MkcertCase):
    def test_mkcert__help__explains_and_makes_nothing(self):
        for option in ("--help", "-h"):
            done = run_script("--dir", self.dir, option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for word in ("--dir", "--days", "--rsa", "--self-signed", "--new-ca", "NAME", "Exit status"):
                self.assertIn(word, done.stdout)
            self.assertLess(max(map(len, done.stdout.splitlines())), 121)
        self.assertFalse(os.path.exists(self.dir))

    def test_mkcert__bad_option__one_line_and_status_2(self):
        self.make()
        for words in (["--frob"], ["-x"], ["--rsa=yes"], ["--days"], ["--dir"], ["--dir="], ["--dir", ""],
                      ["--self-signed", "--new-ca"], ["-"]):
            with self.subTest(words=words):
                self.refuse(*words, status=2)

    def test_mkcert__bad_days__one_line_and_status_2(self):
        self.make()
        for days in ("0", "398", "-1", "+5", "1.5", "", "ten", "05", "0x10", "99999999999999999999", "1 ", "1\n2"):
            with self.subTest(days=days):
                self.assertIn("from 1 to 397", self.refuse("--days", days, status=2))
                self.assertIn("from 1 to 397", self.refuse("--days=" + days, status=2))

    def test_mkcert__strange_folder_names__work(self):
        for name in ("with space", "a'b", 'a"b', "a$HOME", "a#b;c", "a\\b", "-dash", "*", "ünï", "a%b",
                     "deep/er/still"):
            with self.subTest(name=name):
                self.dir = os.path.join(self.root, name)
                said = self.make()
                self.assert_files(FILES)
                self.assert_verified("ca.pem")
                command = re.search(r"curl --cacert (.*) https://", said).group(1)
                path = subprocess.run(["sh", "-c", "printf %s " + command], capture_output=True, text=True, check=True)
                self.assertEqual(path.stdout, os.path.realpath(self.path("ca.pem")))

    def test_mkcert__relative_folder__is_meant_from_where_one_stands(self):
        for name in ("sub", "-sub"):
            done = run_script("--dir", name, cwd=self.root, env={"CDPATH": "/tmp:/"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(sorted(os.listdir(os.path.join(self.root, name))), FILES)

    def test_mkcert__no_folder_given__writes_into_certs_beside_the_script(self):
        scripts = os.path.join(self.root, "a tree", "scripts")
        os.makedirs(scripts)
        copy = shutil.copy(SCRIPT, scripts)
        done = run_script(script=copy)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(os.listdir(os.path.join(self.root, "a tree", "certs"))), FILES)


class WhenThingsGoWrong(MkcertCase):
    def test_mkcert__ca_ends_before_the_leaf_would__leaf_is_capped_and_says_so(self):
        now_s = int(time.time())
        self.make_ca(now_s - DAY_S, now_s + 30 * DAY_S)
        said = self.make()
        self.assertIn("--new-ca", said)
        self.assertEqual(Certificate(self.path("localhost.pem")).end_s, now_s + 30 * DAY_S)
        self.assert_verified("ca.pem")
        self.assertNotIn("ends early", self.make("--days", "29"))
        self.assertAlmostEqual(Certificate(self.path("localhost.pem")).end_s, now_s + 29 * DAY_S, delta=30)

    def test_mkcert__ca_expired_or_about_to__says_new_ca(self):
        now_s = int(time.time())
        for start_s, end_s, word in ((now_s - 9 * DAY_S, now_s - DAY_S, "has expired"),
                                     (now_s - 9 * DAY_S, now_s + DAY_S // 2, "within a day")):
            with self.subTest(word=word):
                self.make_ca(start_s, end_s)
                line = self.refuse()
                self.assertIn(word, line)
                self.assertIn("--new-ca", line)
                self.make("--new-ca")
                self.assert_verified("ca.pem")

    def test_mkcert__ca_half_there_or_broken__says_what_to_do(self):
        def lose(name):
            os.remove(self.path(name))

        def garble(name):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("garbage\n")

        def other_key():
            make_key(self.path("ca-key.pem"))

        def locked_key():
            make_key(self.path("ca-key.pem"), "-aes128", "-pass", "pass:secret")

        def no_ca():
            for name in ("", "-key"):
                shutil.copy(self.path("localhost%s.pem" % name), self.path("ca%s.pem" % name))

        for what, word in ((lambda: lose("ca.pem"), "ca.pem is not"), (lambda: lose("ca-key.pem"), "ca-key.pem is not"),
                           (lambda: garble("ca.pem"), "cannot read ca.pem"),
                           (lambda: garble("ca-key.pem"), "cannot read ca-key.pem"),
                           (other_key, "is not the key"), (locked_key, "without a password"),
                           (no_ca, "does not pass")):
            with self.subTest(word=word):
                self.make("--new-ca")
                what()
                line = self.refuse()
                self.assertIn(word, line)
                if what is not no_ca:
                    self.assertIn("--new-ca", line)

    def test_mkcert__folder_cannot_be_made_or_written__one_line(self):
        file = os.path.join(self.root, "file")
        open(file, "w").close()
        for folder in (file, os.path.join(file, "sub")):
            self.dir = folder
            self.refuse()

        # A folder that is only for reading stops root only if root steps down.
        os.chmod(self.root, 0o755)
        os.makedirs(os.path.join(self.root, "locked"))
        script = shutil.copy(SCRIPT, self.root)
        os.chmod(script, 0o755)
        step_down = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(os.path.join(self.root, "locked"), 0o555)
        for folder, word in (("locked", "cannot write"), ("locked/sub", "cannot make")):
            self.dir = os.path.join(self.root, folder)
            self.assertIn(word, self.refuse(script=script, cwd="/", **step_down))

    def test_mkcert__place_of_a_file_taken_by_a_folder__one_line(self):
        for name in ("localhost.pem", "localhost-key.pem"):
            os.makedirs(self.path(name))
            self.assertIn("is not a file", self.refuse())
            os.rmdir(self.path(name))

    def test_mkcert__no_openssl__says_what_to_install(self):
        tools = os.path.join(self.root, "bare")
        os.makedirs(tools)
        for name in ("uname", "tr", "cut", "sh"):
            os.symlink(shutil.which(name), os.path.join(tools, name))
        self.assertIn("install", self.refuse(env={"PATH": tools}, shell=[shutil.which("sh")]))

    def interrupted(self, body, options, expect_status):
        """Lets openssl go wrong at its first, second... call until the script gets through; returns how often."""
        count = os.path.join(self.root, "count")
        tools = self.tool("openssl", 'n=$(($(cat "$COUNT") + 1))\necho "$n" >"$COUNT"\n'
                                     'if [ "$n" -eq "$NTH" ]; then\n%s\nfi\nexec "$real" "$@"\n' % body)
        for nth in range(1, 40):
            with open(count, "w", encoding="utf-8") as file:
                file.write("0\n")
            before = snapshot(self.root)
            done = run_script("--dir", self.dir, *options, path_first=tools, env={"NTH": str(nth), "COUNT": count})
            os.remove(count)
            after = snapshot(self.root)
            if done.returncode == 0:
                self.assert_pair_matches()
                return nth - 1
            with self.subTest(nth=nth):
                self.assertIn(done.returncode, expect_status)
                before.pop(count)
                if -9 in expect_status:  # who is killed outright cannot clean up, but only the work folder may stay
                    before, after = ({path: what for path, what in found.items() if "/.mkcert" not in path}
                                     for found in (before, after))
                self.assertEqual(after, before)
                if 1 in expect_status:
                    self.assertRegex(done.stderr, r"\Amkcert\.sh: [^\n]+\n\Z")
                if os.path.isdir(self.dir) and os.path.exists(self.path("localhost.pem")):
                    self.assert_pair_matches()
        return self.fail("it never got through")

    CASES = (("first", [], False), ("new CA", ["--new-ca"], True),  # these make every call
             ("renewal", [], True), ("self-signed", ["--self-signed"], True))

    def test_mkcert__openssl_fails_at_any_call__old_files_stay(self):
        for title, options, prepared in self.CASES:
            with self.subTest(title=title):
                shutil.rmtree(self.dir, ignore_errors=True)
                if prepared:
                    self.make()
                self.assertGreater(self.interrupted("echo boom >&2; exit 1", options, [1]), 3)

    def test_mkcert__terminated_at_any_call__old_files_stay(self):
        for title, options, prepared in self.CASES[:2]:
            with self.subTest(title=title):
                shutil.rmtree(self.dir, ignore_errors=True)
                if prepared:
                    self.make()
                self.assertGreater(self.interrupted("kill -TERM 0; sleep 5", options, [143, -15]), 3)

    def test_mkcert__killed_at_any_call__old_files_stay_and_the_next_run_goes_on(self):
        for title, options, prepared in self.CASES[:2]:
            with self.subTest(title=title):
                shutil.rmtree(self.dir, ignore_errors=True)
                os.makedirs(self.dir)
                if prepared:
                    self.make()
                self.assertGreater(self.interrupted("kill -KILL 0", options, [-9]), 3)
                self.assert_files(FILES)

    def test_mkcert__rename_fails_half_way__old_files_are_put_back(self):
        tools = self.tool("mv", 'case "$*" in\n*new/localhost.pem*) "$real" -f new/localhost-key.pem ..\n'
                                'echo "mv: boom" >&2\nexit 1 ;;\nesac\nexec "$real" "$@"\n')
        self.assertIn("put back: mv: boom", self.refuse(path_first=tools))
        self.make()
        for options in ([], ["--new-ca"], ["--self-signed"]):
            self.assertIn("put back: mv: boom", self.refuse(*options, path_first=tools))
            self.assert_pair_matches()

    def test_mkcert__several_at_once__all_succeed_and_the_pair_matches(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(run_script("--dir", self.dir))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual([(done.returncode, done.stderr) for done in results], [(0, "")] * 3)
        self.assert_files(FILES)
        self.assert_pair_matches()
        self.assert_verified("ca.pem")


if __name__ == "__main__":
    unittest.main()
