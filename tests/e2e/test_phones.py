#!/usr/bin/env python3
"""End-to-end tests of /.postern/: where phones get the CA, through both doors; when it is there and when not; what the
start prints on a terminal."""

import hashlib
import os
import plistlib
import pty
import re
import ssl
import subprocess
import unittest

from harness import BIN, Door, Folder, Server, main, mkcert, run

MARGIN = 4


class PhonesCase(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.folder.write("site/index.html", "home")
        status, _, err = run("cert", "--dir", self.folder("certs"))
        self.assertEqual(status, 0, err)

    def pair(self):
        return "--cert", self.folder("certs/localhost.pem"), "--key", self.folder("certs/localhost-key.pem")

    def start(self, *options):
        server = Server("--http", "0", "--https", "0", *self.pair(), *options, self.folder("site"), doors=2)
        self.addCleanup(server.stop)
        return server

    def ca(self):
        with open(self.folder("certs/ca.pem"), encoding="ascii") as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def ask(self, server, scheme, target, **fields):
        door = server.door(scheme)
        if scheme == "http":
            return door.ask(target, **fields)
        folder = self.folder

        class Trusting(Door):
            def connect(self):
                import socket
                context = ssl.create_default_context(cafile=folder("certs/ca.pem"))
                return context.wrap_socket(socket.create_connection((self.host, self.port), timeout=60),
                                           server_hostname="localhost")

        return Trusting(scheme, door.host, door.port).ask(target, **fields)


class Offer(PhonesCase):
    def test_phones__both_doors__give_the_ca_in_every_form_and_the_page(self):
        server = self.start("--public")
        der = self.ca()
        digest = hashlib.sha256(der).hexdigest().upper()
        fingerprint = ":".join(digest[i:i + 2] for i in range(0, 64, 2))
        for scheme in ("http", "https"):
            with self.subTest(scheme=scheme):
                page = self.ask(server, scheme, "/.postern/")
                self.assertEqual((page.status, page.fields["content-type"]), (200, "text/html; charset=utf-8"))
                for word in (fingerprint, "iPhone", "Android", "Windows", "macOS", "Linux", "ca.crt", "ca.pem",
                             "ca.mobileconfig", "postern local CA"):
                    self.assertIn(word, page.body.decode())
                found = self.ask(server, scheme, "/.postern/ca.crt")
                self.assertEqual((found.body, found.fields["content-type"]), (der, "application/x-x509-ca-cert"))
                found = self.ask(server, scheme, "/.postern/ca.pem")
                self.assertEqual(ssl.PEM_cert_to_DER_cert(found.body.decode()), der)
                found = self.ask(server, scheme, "/.postern/ca.mobileconfig")
                self.assertEqual(found.fields["content-type"], "application/x-apple-aspen-config")
                self.check_profile(found.body, der)
                bare = self.ask(server, scheme, "/.postern")
                self.assertEqual((bare.status, bare.fields["location"]), (308, "/.postern/"))
                self.assertEqual(self.ask(server, scheme, "/").body, b"home")

    def check_profile(self, body, der):
        profile = plistlib.loads(body)
        self.assertEqual((profile["PayloadType"], profile["PayloadVersion"]), ("Configuration", 1))
        inner, = profile["PayloadContent"]
        self.assertEqual((inner["PayloadType"], inner["PayloadContent"]), ("com.apple.security.root", der))
        uuids = {profile["PayloadUUID"], inner["PayloadUUID"]}
        self.assertEqual(len(uuids), 2)
        for uuid in uuids:  # RFC 9562 5.8: version and variant 8
            self.assertRegex(uuid, r"\A[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}\Z")
        self.assertNotEqual(profile["PayloadIdentifier"], inner["PayloadIdentifier"])

    def test_phones__anything_else_below__is_not_there_and_no_key_ever(self):
        server = self.start("--public")
        for name in ("ca-key.pem", "localhost-key.pem", "localhost.pem", "x", "../certs/ca-key.pem", "%2e%2e/x", "ca.crt/"):
            with self.subTest(name=name):
                found = self.ask(server, "http", "/.postern/" + name)
                self.assertEqual(found.status, 404)
                self.assertNotIn(b"PRIVATE", found.body)
        self.assertEqual(server.door("http").ask("/.postern/ca.crt", method="POST", body=b"x").status, 405)

    def test_phones__redirect__does_not_hide_it(self):
        server = self.start("--public", "--redirect")
        self.assertEqual(self.ask(server, "http", "/.postern/ca.crt").body, self.ca())
        self.assertEqual(self.ask(server, "http", "/").status, 308)

    def test_phones__not_public_or_no_ca_of_ours__is_not_there(self):
        self.assertEqual(self.ask(self.start(), "http", "/.postern/").status, 404)
        mkcert(self.folder("other"))
        os.replace(self.folder("other/ca.pem"), self.folder("certs/ca.pem"))  # it did not sign the certificate
        self.assertEqual(self.start("--public").door("http").ask("/.postern/").status, 404)
        os.remove(self.folder("certs/ca.pem"))
        self.assertEqual(self.start("--public").door("http").ask("/.postern/").status, 404)

    def test_phones__ca_without_its_key_or_made_by_mkcert__is_offered(self):
        os.remove(self.folder("certs/ca-key.pem"))
        self.assertEqual(self.start("--public").door("http").ask("/.postern/ca.crt").body, self.ca())
        mkcert(self.folder("certs"), "--new-ca", "--rsa")
        self.assertEqual(self.start("--public").door("http").ask("/.postern/ca.crt").body, self.ca())


class Banner(PhonesCase):
    def has_address(self):
        server = self.start("--public")
        self.ask(server, "http", "/.postern/")  # it serves: all is printed
        server.stop()
        return any("in this network:" in line for line in server.out.lines), server.out.lines

    def test_banner__no_terminal__tells_the_url_and_draws_nothing(self):
        has_address, lines = self.has_address()
        if not has_address:
            self.skipTest("this machine has no address but its own")
        text = "\n".join(lines)
        self.assertRegex(text, r"learn to trust it at http://\S+:\d+/\.postern/\n  fingerprint of its authority: (\w\w:){31}")
        self.assertNotIn("\x1b", text)
        self.assertNotIn("in this network", "\n".join(self.start().out.lines))

    def test_banner__terminal__draws_a_qr_code(self):
        if not self.has_address()[0]:
            self.skipTest("this machine has no address but its own")
        leader, follower = pty.openpty()
        process = subprocess.Popen([BIN, "--http", "0", "--https", "0", "--no-log", "--public", *self.pair(),
                                    self.folder("site")], stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
        os.close(follower)
        data = b""
        with open(leader, "rb", buffering=0) as terminal:
            try:
                while data.count(b"\x1b[0m") < 1 + (2 * MARGIN + 21) // 2 or not data.endswith(b"\n"):
                    data += terminal.read(4096)
            finally:
                process.terminate()
                try:
                    while True:
                        data += terminal.read(4096)  # until all is written: ends in EIO
                except OSError:
                    pass
                process.wait()
        rows = []
        for line in re.findall(r"\x1b\[97;40m(.*?)\x1b\[0m", data.decode()):
            rows.append([block in "▀█" for block in line])
            rows.append([block in "▄█" for block in line])
        if not rows:
            self.skipTest("built without libqrencode")
        width = len(rows[0]) - 2 * MARGIN
        self.assertEqual(width % 4, 1)  # 17 + 4 x version
        dark = lambda row, column: not rows[row + MARGIN][column + MARGIN]
        ring = lambda i, j: max(abs(i - 3), abs(j - 3)) != 2
        for top, left in ((0, 0), (0, width - 7), (width - 7, 0)):  # the three finders
            for i in range(7):
                for j in range(7):
                    self.assertEqual(dark(top + i, left + j), ring(i, j), (top, left, i, j))
        for i in range(8, width - 8):  # the timing patterns
            self.assertEqual((dark(6, i), dark(i, 6)), (i % 2 == 0, i % 2 == 0))


if __name__ == "__main__":
    main()
