#!/usr/bin/env python3
"""Real clients over both doors: curl, openssl s_client, gnutls-cli and Python's http.client.

Run: python3 tests/e2e/test_clients.py [-v]"""

import http.client
import json
import os
import re
import ssl
import subprocess
import tempfile
import unittest

import harness
import peers
from harness import PATIENCE_S
from peers import SITE, each_door, need

FILES = sorted(os.listdir(SITE))
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def contents(name):
    with open(os.path.join(SITE, name), "rb") as file:
        return file.read()


def run(*command, data=b"", status=0):
    """A client, run to its end: its standard output and error."""
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                          check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: %d\n%r\n%r" % (" ".join(command), done.returncode, done.stdout, done.stderr))
    return done


class ClientsCase(peers.Case):
    """One server for the whole class, with curves or with RSA."""

    kind = "ecdsa"

    @classmethod
    def setUpClass(cls):
        cls.server = peers.Server(kind=cls.kind)
        cls.addClassCleanup(cls.end)
        cls.ca = peers.certs(cls.kind)[0]

    @classmethod
    def end(cls):
        status = cls.server.stop()
        if (status, cls.server.err.lines) != (0, []):
            raise AssertionError("%d\n%s" % (status, "\n".join(cls.server.err.lines)))



# ---- curl -----------------------------------------------------------------------------------------------------------


@need("curl")
class Curl(ClientsCase):
    def curl(self, *options, data=b"", status=0):
        return run("curl", "-sS", "-q", "--noproxy", "*", "--max-time", str(PATIENCE_S), "--cacert", self.ca, *options,
                   data=data, status=status)

    def get(self, door, path, *options, **named):
        return self.curl(*options, door.url + path, **named).stdout

    @each_door
    def test_every_file__over_both_doors__is_what_is_on_disk(self, scheme):
        door = self.server.door(scheme)
        for name in FILES:
            self.assertEqual(self.get(door, "/" + name), contents(name), name)
        self.assertEqual(self.get(door, "/"), contents("index.html"))

    def test_get__over_both_doors__gives_the_same_fields(self):
        heads = []
        for door in self.server.doors:
            head = self.get(door, "/style.css", "-i").partition(b"\r\n\r\n")[0]
            heads.append(re.sub(rb"\r\nDate: [^\r]+", b"", head))
        self.assertIn(b"ETag:", heads[0])
        self.assertEqual(heads[0], heads[1])

    def test_unknown_ca__is_refused_and_named_in_the_log(self):
        other_ca = peers.certs("rsa" if self.kind == "ecdsa" else "ecdsa")[0]
        done = run("curl", "-sS", "-q", "--noproxy", "*", "--cacert", other_ca, "--capath", "/nonexistent",
                   self.server.https.url + "/", status=60)
        self.assertIn(b"certificate", done.stderr)
        self.server.out.wait_for(r"client rejected our certificate \(unknown CA\)$")

    @each_door
    def test_form__posted_to_echo__comes_back_decoded(self, scheme):
        door = self.server.door(scheme)
        said = json.loads(self.get(door, "/echo", "-H", "Accept: application/json", "--data-urlencode",
                                   "name=Zoë & the night watch", "--data-urlencode", "x=1+1=2"))
        self.assertEqual(said["form"], [{"name": "name", "value": "Zoë & the night watch"},
                                        {"name": "x", "value": "1+1=2"}])

    @each_door
    def test_large_body__waits_for_100_continue__and_comes_back(self, scheme):
        # RFC 9110 10.1.1 Expect
        body = os.urandom(1000000)
        path = self.folder().write("body", body)
        door = self.server.door(scheme)
        done = self.curl("-v", "--expect100-timeout", str(PATIENCE_S), "-H", "Expect: 100-continue", "-H",
                         "Content-Type: application/octet-stream", "--data-binary", "@" + path,
                         door.url + "/echo/body")
        self.assertEqual(done.stdout, body)
        self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)

    @each_door
    def test_body_too_large__is_refused_before_it_is_sent(self, scheme):
        path = self.folder().write("body", bytes(2000000))
        door = self.server.door(scheme)
        done = self.curl("-v", "--expect100-timeout", str(PATIENCE_S), "-H", "Expect: 100-continue",
                         "--data-binary", "@" + path, "-o", "/dev/null", "-w", "%{http_code} %{size_upload}",
                         door.url + "/echo/body")
        self.assertEqual(done.stdout, b"413 0")
        self.assertNotIn(b"100 Continue", done.stderr)

    @each_door
    def test_chunked_upload__from_a_pipe__comes_back(self, scheme):
        body = os.urandom(300000)
        door = self.server.door(scheme)
        done = self.curl("-v", "-X", "POST", "-T", "-", door.url + "/echo/body", data=body)
        self.assertEqual(done.stdout, body)
        self.assertIn(b"> Transfer-Encoding: chunked", done.stderr)

    @each_door
    def test_head__gives_the_fields_of_get(self, scheme):
        door = self.server.door(scheme)
        head = self.get(door, "/style.css", "-I").decode()
        self.assertIn("HTTP/1.1 200 OK\r\n", head)
        self.assertIn("Content-Length: %d\r\n" % len(contents("style.css")), head)

    @each_door
    def test_ranges__give_the_pieces(self, scheme):
        whole = contents("style.css")
        door = self.server.door(scheme)
        for wanted, piece in (("0-99", whole[:100]), ("100-", whole[100:]), ("-50", whole[-50:])):
            done = self.get(door, "/style.css", "-r", wanted, "-w", "%{http_code}")
            self.assertEqual(done, piece + b"206", wanted)
        self.assertEqual(self.get(door, "/style.css", "-r", "999999-", "-o", "/dev/null", "-w", "%{http_code}"),
                         b"416")

    @each_door
    def test_many_files__take_one_connection(self, scheme):
        door = self.server.door(scheme)
        words = [word for name in FILES for word in ("-o", "/dev/null", door.url + "/" + name)]
        said = self.curl("-w", "%{num_connects} %{http_code}\n", *words).stdout.decode().splitlines()
        self.assertEqual(said, ["1 200"] + ["0 200"] * (len(FILES) - 1))

    @each_door
    def test_http_1_0__ends_the_connection_unless_asked_to_keep_it(self, scheme):
        door = self.server.door(scheme)
        done = self.curl("-v", "--http1.0", door.url + "/", door.url + "/")
        self.assertEqual(done.stdout, contents("index.html") * 2)
        self.assertIn(b"< Connection: close", done.stderr)
        kept = self.curl("-v", "--http1.0", "-H", "Connection: keep-alive", door.url + "/", door.url + "/")
        self.assertEqual(kept.stdout, contents("index.html") * 2)
        self.assertIn(b"< Connection: keep-alive", kept.stderr)
        self.assertIn(b"Re-using existing connection", kept.stderr)

    def test_tls_versions__each_forced__give_the_file(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                done = self.curl("-v", "--tlsv" + version, "--tls-max", version, self.server.https.url + "/index.html")
                self.assertEqual(done.stdout, contents("index.html"))
                self.assertIn(b"SSL connection using TLSv" + version.encode(), done.stderr)

    @each_door
    def test_parallel_transfers__all_give_the_file(self, scheme):
        folder = self.folder()
        door = self.server.door(scheme)
        words = [word for i in range(40) for word in (door.url + "/style.css", "-o", folder("%d" % i))]
        self.curl("--no-progress-meter", "-Z", "--parallel-immediate", *words)
        for i in range(40):
            with open(folder("%d" % i), "rb") as file:
                self.assertEqual(file.read(), contents("style.css"))


class CurlWithRsa(Curl):
    """All of it once more with an RSA key."""

    kind = "rsa"


# ---- openssl s_client -----------------------------------------------------------------------------------------------


@need("openssl")
class Openssl(ClientsCase):
    def command(self, *options):
        return ["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.https.port, "-servername", "localhost",
                "-CAfile", self.ca, "-verify_return_error", *options]

    def s_client(self, *options, data=b"", status=0):
        return run(*self.command(*options), data=data, status=status)

    def test_each_version__verifies_and_answers__and_ends_with_close_notify(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                # The messages in a file of their own: the page comes in several records.
                with tempfile.NamedTemporaryFile() as file:
                    done = self.s_client("-tls" + version.replace(".", "_"), "-msg", "-msgfile", file.name, "-ign_eof",
                                         data=peers.get("/index.html", "Connection: close"))
                    messages = file.read()
                self.assertIn(b"Verify return code: 0 (ok)", done.stdout)
                self.assertIn(b"Protocol  : TLSv" + version.encode() if version == "1.2"
                              else b"New, TLSv1.3, Cipher is", done.stdout)
                self.assertIn(contents("index.html"), done.stdout)
                # RFC 8446 6.1 Closure Alerts. "<<<" is what came; the session's tickets come in between.
                alerts = re.findall(rb"<<< TLS 1\.[23], Alert \[length 0002\], (\w+ \w+)", messages)
                self.assertEqual(alerts, [b"warning close_notify"])

    def test_old_versions__are_refused_by_a_protocol_version_alert(self):
        for version in ("-tls1", "-tls1_1"):
            with self.subTest(version=version):
                done = self.s_client(version, "-cipher", "ALL:@SECLEVEL=0", status=None)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"alert protocol version", done.stderr)
        self.server.out.wait_for(r"no TLS version in common$", 2)

    def test_cipher_suites_without_forward_secrecy_or_aead__are_refused(self):
        for suites in ("AES128-SHA:AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"):
            with self.subTest(suites=suites):
                done = self.s_client("-tls1_2", "-cipher", suites + ":@SECLEVEL=0", status=None)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"alert handshake failure", done.stderr)

    def test_alpn__http_1_1__is_agreed_on(self):
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version):
                done = self.s_client(version, "-alpn", "http/1.1", data=b"")
                self.assertIn(b"ALPN protocol: http/1.1", done.stdout)

    def test_alpn__several__one_is_agreed_on(self):
        done = self.s_client("-alpn", "acme/9,http/1.1")
        self.assertIn(b"ALPN protocol: http/1.1", done.stdout)

    def test_alpn__nothing_in_common__is_refused_by_no_application_protocol(self):
        # RFC 7301 3.2 Protocol Selection
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version):
                done = self.s_client(version, "-alpn", "acme/9", status=None)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"alert no application protocol", done.stderr)
        self.server.out.wait_for(r"no application protocol in common$", 2)

    def test_no_alpn__gets_http_1_1(self):
        done = self.s_client("-quiet", data=peers.get("/index.html", "Connection: close"))
        self.assertIn(b"HTTP/1.1 200 OK", done.stdout)

    def test_wrong_name__is_the_client_s_to_refuse(self):
        done = self.s_client("-verify_hostname", "elsewhere.example", status=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"hostname mismatch", done.stderr + done.stdout)

    def test_key_update__ends_the_connection_with_an_alert__and_is_named_in_the_log(self):
        # RFC 8446 4.6.3: Mbed TLS 3.6 cannot (its issue 10881); docs/closing.md says what happens.
        client = subprocess.Popen(self.command("-tls1_3", "-msg"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        try:
            lines = harness.Stream(client.stdout)
            lines.wait_for(r"Verify return code: 0 \(ok\)")
            client.stdin.write(b"K\n")
            client.stdin.flush()
            lines.wait_for(r"<<< TLS 1\.3, Alert \[length 0002\], fatal unexpected_message")
            self.server.out.wait_for(r"client asked for a TLS key update, which Mbed TLS cannot do$")
            client.stdin.close()
            client.wait(PATIENCE_S)
        finally:
            client.kill()
            client.wait()
            lines.join(PATIENCE_S)
            client.stdout.close()

    def test_renegotiation__of_tls_1_2__is_refused(self):
        client = subprocess.Popen(self.command("-tls1_2"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        try:
            lines = harness.Stream(client.stdout)
            lines.wait_for(r"^---$", 4)
            client.stdin.write(b"R\n")
            client.stdin.flush()
            lines.wait_for(r"no renegotiation|alert")
            client.stdin.close()
            client.wait(PATIENCE_S)
        finally:
            client.kill()
            client.wait()
            lines.join(PATIENCE_S)
            client.stdout.close()


class OpensslWithRsa(Openssl):
    kind = "rsa"


# ---- gnutls-cli -----------------------------------------------------------------------------------------------------


@need("gnutls-cli")
class Gnutls(ClientsCase):
    def cli(self, *options, data=b"", status=0):
        return run("gnutls-cli", "--x509cafile", self.ca, "--port", str(self.server.https.port), *options, "localhost",
                   data=data, status=status)

    def test_each_version__half_closes_after_its_request__and_still_gets_the_whole_answer(self):
        # At the end of its input gnutls-cli sends close_notify and reads on: TLS half-closed.
        for version in VERSIONS:
            with self.subTest(version=version):
                done = self.cli("--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
                                data=peers.get("/style.css", "Connection: close"))
                self.assertIn(b"- Status: The certificate is trusted.", done.stdout)
                self.assertIn(b"- Description: (TLS%s-" % version.encode(), done.stdout)
                self.assertIn(contents("style.css"), done.stdout)

    def test_alpn__http_1_1__is_agreed_on(self):
        done = self.cli("--alpn", "http/1.1", data=peers.get("/", "Connection: close"))
        self.assertIn(b"- Application protocol: http/1.1", done.stdout)

    def test_post__comes_back(self):
        body = os.urandom(20000)
        done = self.cli(data=peers.get("/echo/body", "Connection: close", method="POST", body=body))
        self.assertIn(body, done.stdout)


class GnutlsWithRsa(Gnutls):
    kind = "rsa"


# ---- Python ---------------------------------------------------------------------------------------------------------


class Python(ClientsCase):
    def http(self, door, context=None):
        if door.is_secure:
            client = http.client.HTTPSConnection(door.host, door.port, timeout=PATIENCE_S,
                                                 context=context or peers.tls_context(self.kind))
        else:
            client = http.client.HTTPConnection(door.host, door.port, timeout=PATIENCE_S)
        self.addCleanup(client.close)
        return client

    @each_door
    def test_requests__on_one_connection__are_answered_in_turn(self, scheme):
        door = self.server.door(scheme)
        client = self.http(door)
        for _ in range(3):
            for name in FILES:
                client.request("GET", "/" + name)
                reply = client.getresponse()
                self.assertEqual((reply.status, reply.read()), (200, contents(name)))
        client.request("POST", "/echo/body", body=b"posted")
        self.assertEqual(client.getresponse().read(), b"posted")
        client.request("POST", "/echo/body", body=iter([b"in ", b"chunks"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
        self.assertEqual(client.getresponse().read(), b"in chunks")

    def test_tls_versions__each_forced__are_shown_in_the_mirror_and_the_log(self):
        for name, version in VERSIONS.items():
            with self.subTest(version=name):
                client = self.http(self.server.https, peers.tls_context(self.kind, version))
                client.request("GET", "/echo?transport=1&v=" + name, headers={"Accept": "application/json"})
                self.assertIn('"TLSv%s"' % name, client.getresponse().read().decode())
                self.server.out.wait_for(r"v=%s HTTP/1.1.* TLSv%s \S+ \d+us ok$" % (name, name))

    @each_door
    def test_pipelined_requests__are_answered_in_order(self, scheme):
        door = self.server.door(scheme)
        client = self.client(door)
        names = FILES * 5
        client.send(b"".join(peers.get("/" + name) for name in names))
        for name in names:
            self.assertEqual(client.response().body, contents(name))

    def test_half_closed_tcp__still_gets_the_answer(self):
        client = self.client(self.server.http)
        client.send(peers.get("/style.css"))
        client.sock.shutdown(1)
        self.assertEqual(client.response().body, contents("style.css"))
        self.assertEqual(client.end(), "fin")

    @each_door
    def test_connection_close__ends_in_good_order(self, scheme):
        door = self.server.door(scheme)
        client = self.client(door)
        reply = client.ask(peers.get("/", "Connection: close"))
        self.assertEqual(reply.field("Connection"), "close")
        self.assertEqual(client.end(), door.orderly)

    @each_door
    def test_request_in_single_bytes__is_answered(self, scheme):
        door = self.server.door(scheme)
        client = self.client(door)
        for byte in peers.get("/echo/body", method="POST", body=b"0123456789"):
            client.send(bytes([byte]))
        self.assertEqual(client.response().body, b"0123456789")


class PythonWithRsa(Python):
    kind = "rsa"


if __name__ == "__main__":
    unittest.main()
