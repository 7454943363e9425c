#!/usr/bin/env python3
"""postern doctor against files, against postern itself and other servers, and against what is no server at all.

Run: python3 tests/e2e/test_doctor.py [-v]"""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

import harness
import peers

CLEAN = {name: "" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                               "NO_PROXY")}


class Peer:
    """A listening socket; each connection is given to talk(), in turn."""

    def __init__(self, case, talk):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.talk = talk
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.talk(connection)
                except OSError:
                    pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(harness.PATIENCE_S)


class Doctor(peers.Case):
    def setUp(self):
        super().setUp()
        self.place = self.folder()
        os.makedirs(self.place("home"))
        os.makedirs(self.place("root/etc/ssl/certs"))
        os.makedirs(self.place("root/usr/local/share/ca-certificates"))

    def trust(self, ca):
        """The system's store, in which this CA is one that was added here."""
        shutil.copy(ca, self.place("root/etc/ssl/certs/ca-certificates.crt"))
        shutil.copy(ca, self.place("root/usr/local/share/ca-certificates/own.crt"))

    def doctor(self, *args, cwd=None, **env):
        done = subprocess.run([harness.BIN, "doctor", *args, "--home", self.place("home"), "--root",
                               self.place("root")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.PATIENCE_S, check=False, text=True, cwd=cwd,
                              env={**os.environ, **CLEAN, **env})
        if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            raise AssertionError(done.stderr)
        return done.returncode, done.stdout, done.stderr


class Files(Doctor):
    def test_good_file__no_problem(self):
        ca, cert, _ = peers.certs()
        self.trust(ca)
        code, out, _ = self.doctor(cert)
        self.assertEqual(code, 0, out)
        self.assertIn("ok       the private key belongs to the certificate", out)
        self.assertIn("ok       trusted by the system's store", out)
        code, out, _ = self.doctor(ca)
        self.assertEqual(code, 0, out)
        self.assertIn("the certificate of a CA", out)

    def test_other_name__is_a_problem(self):
        ca, cert, _ = peers.certs()
        self.trust(ca)
        code, out, _ = self.doctor(cert, "--name", "other.example")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"problem  it is not for other\.example: .*Do this: .*postern cert other\.example")

    def test_nobody_trusts_it__is_a_problem(self):
        code, out, _ = self.doctor(peers.certs()[1])
        self.assertEqual(code, 1)
        self.assertIn("nobody on this machine trusts it", out)

    def test_keys__mismatch_and_mode(self):
        ca, cert, key = peers.certs()
        self.trust(ca)
        other = self.place("other-key.pem")
        shutil.copy(os.path.join(os.path.dirname(ca), "ca-key.pem"), other)
        os.chmod(other, 0o644)
        code, out, _ = self.doctor(cert, "--key", other)
        self.assertEqual(code, 1)
        self.assertIn("problem  the private key does not belong to the certificate", out)
        self.assertIn(f"Do this: chmod 600 {other}", out)
        code, out, _ = self.doctor(cert, "--key", "/nowhere")
        self.assertEqual(code, 1)
        self.assertIn("cannot read the key /nowhere", out)
        self.assertEqual(self.doctor(cert, "--key", key)[0], 0)

    def test_no_certificate__is_explained(self):
        with open(self.place("text"), "w", encoding="utf-8") as file:
            file.write("hello")
        for name, words in ((self.place("text"), "there is no certificate"), (self.place("none"), "cannot read"),
                            (self.place("home"), "cannot read"), (peers.certs()[2], "private key")):
            code, out, _ = self.doctor(name)
            self.assertEqual(code, 1, out)
            self.assertIn(words, out)
            self.assertIn("Do this:", out)

    @peers.need("openssl")
    def test_sha1__is_named(self):
        name = self.place("sha1.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha1", "-subj",
                               "/CN=localhost", "-keyout", self.place("sha1-key.pem"), "-out", name],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if made.returncode:
            self.skipTest("this openssl makes no SHA-1")
        code, out, _ = self.doctor(name)
        self.assertEqual(code, 1)
        self.assertIn("signed with SHA-1", out)

    def test_command_line__is_checked(self):
        for args, words in ((("a", "b"), "one thing at a time"), (("--nam=x",), "did you mean --name"),
                            (("--key", "x"), "--key belongs to a certificate")):
            code, _, err = self.doctor(*args)
            self.assertEqual(code, 2)
            self.assertIn(words, err)


class Doors(Doctor):
    def test_postern__no_problem(self):
        self.trust(peers.certs()[0])
        door = self.start(http=(), https=("localhost:0",)).https
        code, out, _ = self.doctor(f"localhost:{door.port}")
        self.assertEqual(code, 0, out)
        for words in ("ok       TLS 1.3, ", "by ALPN http/1.1", "ok       it is for localhost", "ok       trusted by",
                      "ok       TLS 1.3 with ", "ok       TLS 1.2 with ", "ok       TLS 1.0, TLS 1.1 and key exchange"):
            self.assertIn(words, out)
        self.assertNotIn("CBC", out)
        self.assertEqual(self.doctor(f"https://localhost:{door.port}/x?y")[0], 0)
        code, out, _ = self.doctor(f"127.0.0.1:{door.port}", "--name", "other.example")
        self.assertEqual(code, 1)
        self.assertIn("it is not for other.example", out)

    def test_plain_door__is_told(self):
        port = Peer(self, lambda c: c.recv(4096) and c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")).port
        code, out, _ = self.doctor(f"127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertIn(f"plain HTTP is spoken on port {port}", out)
        self.assertIn(f"Do this: open http://127.0.0.1:{port}/", out)

    def test_postern_plain_door__is_told(self):
        door = self.start(http=("localhost:0",), https=()).door("http")
        code, out, _ = self.doctor(f"localhost:{door.port}")
        self.assertEqual(code, 1)
        self.assertIn("plain HTTP is spoken", out)

    def test_no_tls_at_all__is_told(self):
        port = Peer(self, lambda c: c.sendall(b"220 mail ready\r\n")).port
        code, out, _ = self.doctor(f"127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertIn("no TLS handshake", out)

    def test_closed_at_once__is_told(self):
        port = Peer(self, lambda c: None).port
        code, out, _ = self.doctor(f"127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertIn("no TLS handshake", out)

    def test_nobody_listens__is_told(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))  # bound, and deaf
            code, out, _ = self.doctor(f"127.0.0.1:{s.getsockname()[1]}")
        self.assertEqual(code, 1)
        self.assertIn("nothing listens there", out)

    def test_old_suites__are_told(self):
        """Another server, with CBC and static RSA."""
        ca, cert, key = peers.certs("rsa")
        self.trust(ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-SHA256:AES128-SHA:AES128-GCM-SHA256:@SECLEVEL=0")

        def talk(connection):
            with context.wrap_socket(connection, server_side=True) as s:
                s.recv(1)

        port = Peer(self, talk).port
        code, out, _ = self.doctor(f"localhost:{port}")
        self.assertEqual(code, 1, out)
        self.assertIn("TLS 1.3 is not spoken", out)
        self.assertIn("CBC suites are outdated", out)
        self.assertIn("static RSA is accepted", out)


class Proxies(Doctor):
    def test_proxy_in_the_way__is_told(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            door = f"127.0.0.1:{deaf.getsockname()[1]}"
            asked = []

            def refuse(connection):
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")

            proxy = Peer(self, refuse).port
            url = f"http://user:secret@127.0.0.1:{proxy}/"
            _, out, _ = self.doctor(door, https_proxy=url)
            self.assertIn("opens no tunnel there (HTTP/1.1 403 No)", out)
            self.assertNotIn("secret", out)
            self.assertTrue(asked[0].startswith(b"CONNECT " + door.encode() + b" HTTP/1.1\r\n"))
            self.assertNotIn(b"secret", asked[0])
            for left_out in ("127.0.0.1", "*", "x.example, 127.0.0.1"):
                _, out, _ = self.doctor(door, https_proxy=url, no_proxy=left_out)
                self.assertIn("no_proxy leaves 127.0.0.1 out", out)
            self.assertEqual(len(asked), 1)
            _, out, _ = self.doctor(door, https_proxy=f"http://{door}")
            self.assertIn("which cannot be reached", out)


class Machine(Doctor):
    def test_no_arguments__looks_around(self):
        ca, cert, _ = peers.certs()
        self.trust(ca)
        shutil.copytree(os.path.dirname(cert), self.place("here/certs"))
        code, out, _ = self.doctor(cwd=self.place("here"), HOME=self.place("home"), XDG_DATA_HOME="")
        self.assertEqual(code, 0, out)
        for words in ("openat2", "files and connections", "the clock says", self.place("home/.local/share/postern"),
                      "port 8080 ", "port 8443 ", "names no proxy", "certs/localhost.pem:", "certs/ca.pem:"):
            self.assertIn(words, out)


if __name__ == "__main__":
    unittest.main()
