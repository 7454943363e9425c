#!/usr/bin/env python3
"""The doors send to each other and turn strangers away: redirects from http to https, HSTS, the hosts that are served,
and clients of the wrong kind.

Run: python3 tests/e2e/test_doors.py [-v]"""

import re
import ssl
import subprocess
import unittest

import harness
import peers
from peers import each_door


def ask(client, target="/", host="localhost", *fields, method="GET", body=b""):
    return client.ask(peers.get(target, *fields, method=method, host=host, body=body))


class Redirect(peers.Case):
    """--redirect"""

    def test_location__keeps_host_path_and_query__and_maps_the_port(self):
        server = self.start("--redirect", "--host", "*")
        plain, secure = server.http.port, server.https.port
        for method, host, target, location in (
                ("GET", f"localhost:{plain}", "/", f"https://localhost:{secure}/"),
                ("GET", f"LocalHost.:{plain}", "/a%20b/../c?x=/%zz&y=?", f"https://LocalHost.:{secure}/a%20b/../c?x=/%zz&y=?"),
                ("POST", f"[::1]:{plain}", "//evil.example/", f"https://[::1]:{secure}//evil.example/"),
                ("PUT", "localhost", "/a?", "https://localhost/a?"),
                ("GET", "localhost:80", "/", "https://localhost/"),
                ("GET", "example.org:9", "/", f"https://example.org:{secure}/"),
                ("GET", f"localhost:{plain}", "http://example.org/x", "https://example.org/x"),
                ("OPTIONS", f"localhost:{plain}", "*", f"https://localhost:{secure}"),
                ("GET", f"localhost:{plain}", "/no/such/page", f"https://localhost:{secure}/no/such/page")):
            with self.subTest(host=host, target=target):
                client = self.client(server.http)
                reply = ask(client, target, host, method=method)
                self.assertEqual((reply.status, reply.field("Location")), (308, location))
                self.assertIsNone(reply.field("Strict-Transport-Security"))
                self.assertEqual(ask(client, "/", host).status, 308)  # the connection stays

    def test_several_doors__lead_to_the_one_at_their_place(self):
        server = self.start("--redirect", http=("127.0.0.1:0",) * 3, https=("127.0.0.1:0",) * 2)
        plain = [door for door in server.doors if not door.is_secure]
        secure = [door.port for door in server.doors if door.is_secure]
        for door, port in zip(plain, (secure[0], secure[1], secure[1])):
            reply = ask(self.client(door), "/", f"localhost:{door.port}")
            self.assertEqual(reply.field("Location"), f"https://localhost:{port}/")

    def test_without_host__is_400_that_says_where(self):
        server = self.start("--redirect")
        client = self.client(server.http)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        reply = client.response()
        self.assertEqual(reply.status, 400)
        self.assertIn(f"https://127.0.0.1:{server.https.port}/".encode(), reply.body)

    def test_acme_challenges__are_served(self):
        folder = self.folder()
        folder.write(".well-known/acme-challenge/token", b"proof")
        server = self.start("--redirect", root=folder.path)
        client = self.client(server.http)
        self.assertEqual(ask(client, "/.well-known/acme-challenge/token").body, b"proof")
        self.assertEqual(ask(client, "/.well-known/acme-challenge/../x").status, 308)

    def test_body__is_not_awaited(self):
        server = self.start("--redirect")
        client = self.client(server.http)
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.response().status, 308)

    def test_https_door__serves(self):
        server = self.start("--redirect")
        self.assertEqual(ask(self.client(server.https)).status, 200)

    @peers.need("curl")
    def test_curl__follows_with_its_post(self):
        server = self.start("--redirect")
        out = subprocess.run(["curl", "-sS", "-L", "--cacert", peers.certs()[0], "-d", "a=b", "-w", "%{url_effective}",
                              server.http.url + "/echo?x"], capture_output=True, check=True, timeout=peers.PATIENCE_S)
        self.assertTrue(out.stdout.decode().endswith(server.https.url + "/echo?x"), out.stdout)
        self.assertIn(b"POST", out.stdout)

    def test_no_https__is_refused_at_the_start(self):
        status, _, err = harness.run("--redirect", "--no-https", peers.SITE)
        self.assertNotEqual(status, 0)
        self.assertIn("--redirect", err)


class Hsts(peers.Case):
    """--hsts"""

    NAMES = ("--host", "example.org", "--host", "*.example.org")

    def test_named_host__inside_tls__is_told(self):
        server = self.start("--hsts", "300,includeSubDomains", *self.NAMES)
        for target in ("/", "/no/such/page"):
            reply = ask(self.client(server.https), target, "example.org")
            self.assertEqual(reply.field("Strict-Transport-Security"), "max-age=300; includeSubDomains")

    def test_nobody_else_is(self):
        server = self.start("--hsts", "300", *self.NAMES)
        for host in ("localhost", "LOCALHOST:1", "a.localhost", "localhost.", "127.0.0.1", "127.9.9.9", "[::1]:5"):
            with self.subTest(host=host):
                # One after another on one connection: what was found out for the last host must not stick.
                client = self.client(server.https)
                self.assertIsNotNone(ask(client, "/", "www.example.org").field("Strict-Transport-Security"))
                self.assertIsNone(ask(client, "/", host).field("Strict-Transport-Security"))
        self.assertIsNone(ask(self.client(server.http), "/", "example.org").field("Strict-Transport-Security"))

    def test_without_the_option__there_is_none(self):
        server = self.start(*self.NAMES)
        self.assertIsNone(ask(self.client(server.https), "/", "example.org").field("Strict-Transport-Security"))

    def test_what_browsers_would_not_take__is_refused_at_the_start(self):
        for value in ("", "x", "-1", "300,", "300,preload", "31536000,preload", "300,includeSubDomains,preload",
                      "300;includeSubDomains"):
            with self.subTest(value=value):
                status, _, err = harness.run("--hsts", value, "--check", peers.SITE)
                self.assertNotEqual(status, 0)
                self.assertIn("--hsts", err)


class Hosts(peers.Case):
    """DNS rebinding: a page of another site reaches this machine by the site's own name."""

    @each_door
    def test_strange_name__is_421__and_the_page_says_how_to_add_it(self, scheme):
        server = self.start()
        client = self.client(server.door(scheme))
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "notlocalhost", "10.0.0.1", "[::2]",
                     "%6cocalhost", "127.0.0.1.evil.example", "2130706433"):
            with self.subTest(host=host):
                for _ in range(2):  # a refusal must not be what is remembered
                    reply = ask(client, "/", host)
                    self.assertEqual(reply.status, 421)
                    self.assertIn(b"<code>--host " + re.sub(r":\d+$", "", host).encode() + b"</code>", reply.body)
                self.assertEqual(ask(client).status, 200)

    @each_door
    def test_own_names__are_served(self, scheme):
        server = self.start("--host", "Example.org", "--host", "*.example.net")
        client = self.client(server.door(scheme))
        for host in ("localhost", "LocalHost:1", "localhost.", "a.b.localhost", "127.0.0.1:5", "127.3.2.1", "[::1]",
                     "[0:0:0:0:0:0:0:1]:1", "EXAMPLE.ORG", "example.org.", "a.example.net"):
            with self.subTest(host=host):
                self.assertEqual(ask(client, "/", host).status, 200)
        for host in ("example.net", "a.b.example.net", "a.example.org"):
            with self.subTest(host=host):
                self.assertEqual(ask(client, "/", host).status, 421)

    @each_door
    def test_names_of_the_certificate__are_served(self, scheme):
        folder = self.folder()
        _, cert, key = harness.mkcert(folder.path, "printer.test", "10.1.2.3")
        server = harness.Server("--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert", cert, "--key", key,
                                peers.SITE, doors=2)
        self.addCleanup(server.stop)
        for host, status in (("printer.test", 200), ("10.1.2.3", 200), ("10.1.2.4", 421), ("x.printer.test", 421)):
            with self.subTest(host=host):
                door = server.door(scheme)
                sock = peers.Door("http", door.host, door.port).tcp()
                if scheme == "https":
                    context = ssl.create_default_context(cafile=folder("ca.pem"))
                    sock = context.wrap_socket(sock, server_hostname="printer.test")
                with peers.Client(sock, peers.Door(scheme, door.host, door.port)) as client:
                    self.assertEqual(ask(client, "/", host).status, status)

    def test_http_1_0_without_host__is_served(self):
        client = self.client(self.start().http)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(client.response().status, 200)

    def test_any_host__is_served__where_asked_for(self):
        client = self.client(self.start("--host", "*").http)
        self.assertEqual(ask(client, "/", "evil.example").status, 200)

    def test_wrong_door__does_not_send_to_a_stranger(self):
        server = self.start()
        client = self.tcp(server.https)
        reply = ask(client, "/", "evil.example")
        self.assertEqual((reply.status, reply.field("Location"), reply.field("Connection")), (421, None, "close"))

    def test_what_is_no_host__is_refused_at_the_start(self):
        for name in ("", "a b", "example.org:80", "http://example.org", "a*.example.org", "*.*"):
            with self.subTest(name=name):
                status, _, err = harness.run("--host", name, "--no-https", "--check", peers.SITE)
                self.assertNotEqual(status, 0)
                self.assertIn("host", err)


class WrongDoor(peers.Case):
    """Plain HTTP at the TLS door, TLS at the plain one, by the clients that people use; see also test_wrong_door.py."""

    def test_location__is_the_same_address_with_https(self):
        server = self.start()
        port = server.https.port
        for method, host, target, location in (
                ("GET", f"localhost:{port}", "/a?b", f"https://localhost:{port}/a?b"),
                ("DELETE", f"[::1]:{port}", "/%41", f"https://[::1]:{port}/%41"),
                ("GET", "localhost", "/", "https://localhost/"),
                ("OPTIONS", f"127.0.0.1:{port}", "*", f"https://127.0.0.1:{port}")):
            with self.subTest(target=target):
                client = self.tcp(server.https)
                reply = ask(client, target, host, method=method)
                self.assertEqual((reply.status, reply.field("Location"), reply.field("Connection")),
                                 (308, location, "close"))
                self.assertEqual(client.end(), "fin")

    def test_byte_by_byte__is_the_same(self):
        client = self.tcp(self.start().https)
        for byte in peers.get("/x"):
            client.send(bytes([byte]))
        self.assertEqual(client.response().field("Location"), "https://localhost/x")
        self.assertEqual(client.end(), "fin")

    def test_over_the_limits__is_refused_with_the_reason(self):
        server = self.start()
        for status, head in ((431, b"GET / HTTP/1.1\r\nX: " + b"x" * 20000), (414, b"GET /" + b"x" * 20000)):
            client = self.tcp(server.https)
            client.push(head, 1)
            reply = client.response()
            self.assertEqual(reply.status, status)
            self.assertIn(b"speaks https", reply.body)
            self.assertIn(f"https://127.0.0.1:{server.https.port}/".encode(), reply.body)

    @peers.need("curl")
    def test_curl__follows_from_http_to_https_on_one_port(self):
        server = self.start()
        out = subprocess.run(["curl", "-sS", "-L", "--cacert", peers.certs()[0], "-w", "%{http_code} %{url_effective}",
                              "-o", "/dev/null", "http://127.0.0.1:%d/" % server.https.port], capture_output=True,
                             check=True, timeout=peers.PATIENCE_S)
        self.assertEqual(out.stdout.decode(), "200 " + server.https.url + "/")

    @peers.need("curl")
    def test_curl__https_at_the_plain_port__names_the_alert(self):
        server = self.start()
        out = subprocess.run(["curl", "-sS", "https://127.0.0.1:%d/" % server.http.port], capture_output=True,
                             check=False, timeout=peers.PATIENCE_S)
        self.assertEqual(out.returncode, 35)
        server.out.wait_for("TLS sent to the plain port$")

    @peers.need("openssl")
    def test_openssl__at_the_plain_port__reads_the_alert(self):
        server = self.start()
        for version in ("-tls1_2", "-tls1_3"):
            out = subprocess.run(["openssl", "s_client", version, "-connect", "127.0.0.1:%d" % server.http.port],
                                 stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=peers.PATIENCE_S)
            self.assertRegex(out.stderr.decode(), "handshake failure")


if __name__ == "__main__":
    unittest.main()
