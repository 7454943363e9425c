#!/usr/bin/env python3
"""End-to-end tests of `postern cert`: what it makes, as OpenSSL, GnuTLS, curl, Python and Java judge it; that it and
scripts/mkcert.sh make the same and go on with each other's CA; what it leaves behind when something goes wrong."""

import fcntl
import os
import re
import shutil
import socket
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time
import unittest

import test_mkcert as mk
from harness import BIN, Folder, Server, main, mkcert, run

DAY_S = mk.DAY_S
JAVA = """
import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;
public class Shake {
    public static void main(String[] a) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(a[0])));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        for (int i = 2; i < a.length; i++) {
            java.net.Socket plain = new java.net.Socket(InetAddress.getByName("127.0.0.1"), Integer.parseInt(a[1]));
            try (SSLSocket s = (SSLSocket) context.getSocketFactory().createSocket(plain, a[i], 443, true)) {
                SSLParameters parameters = s.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                s.setSSLParameters(parameters);
                s.startHandshake();
                System.out.println(a[i] + " accepted");
            } catch (SSLException e) {
                System.out.println(a[i] + " refused");
            }
        }
    }
}
"""


class CertCase(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.dir = self.folder("certs")

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, *arguments):
        status, out, err = run("cert", "--dir", self.dir, *arguments)
        self.assertEqual((status, err), (0, ""), out)
        return out

    def refuse(self, *arguments, status=1):
        before = mk.snapshot(self.folder.path)
        got, out, err = run("cert", "--dir", self.dir, *arguments)
        self.assertEqual((got, out), (status, ""), err)
        self.assertRegex(err, r"\Apostern: [^\n]+\n\Z")
        self.assertEqual(mk.snapshot(self.folder.path), before)
        return err

    def both(self):
        """Each way to make certificates, in a folder of its own."""
        for maker in ("postern", "mkcert.sh"):
            self.dir = self.folder(maker)
            with self.subTest(maker=maker):
                yield lambda *options: self.make(*options) if maker == "postern" else mkcert(self.dir, *options)

    def verify(self):
        return mk.openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", self.path("ca.pem"),
                          self.path("localhost.pem"), check=False)


class WhatIsMade(CertCase):
    def test_cert__either_maker__the_same_files_and_profiles(self):
        texts = []
        for make in self.both():
            make("dev.example", "*.dev.example", "shop.company.com", "192.0.2.7", "2001:db8::7")
            modes = {name: stat.S_IMODE(os.stat(self.path(name)).st_mode) for name in os.listdir(self.dir)}
            self.assertEqual(modes, {"ca-key.pem": 0o600, "ca.pem": 0o644,
                                     "localhost-key.pem": 0o600, "localhost.pem": 0o644})
            ca, leaf = mk.Certificate(self.path("ca.pem")), mk.Certificate(self.path("localhost.pem"))
            profile = [re.findall(r"X509v3 [^\n]*", one.text) for one in (ca, leaf)]
            profile += [ca.subject, leaf.subject, leaf.issuer, sorted(leaf.names()),
                        sorted(re.findall(r"^ +((?:DNS|IP):\S+)$", ca.text, re.M)),
                        [one.extension(name) for one in (ca, leaf) for name in
                         ("Basic Constraints", "Key Usage", "Extended Key Usage")]]
            for one in (ca, leaf):
                self.assertIn("Signature Algorithm: ecdsa-with-SHA256", one.text)
                self.assertEqual(one.serial >> 124, 5)
                self.assertAlmostEqual(one.start_s, time.time() - 3600, delta=60)
            self.assertLessEqual(leaf.end_s - leaf.start_s + 1, 397 * DAY_S)
            self.assertAlmostEqual(ca.end_s, time.time() + 3650 * DAY_S, delta=60)
            self.assertEqual(leaf.key_id("Authority Key Identifier"), ca.key_id("Subject Key Identifier"))
            texts.append(profile)
            for name in ("ca-key.pem", "localhost-key.pem"):
                self.assertIn(b"-----BEGIN PRIVATE KEY-----", mk.contents(self.path(name)))
                self.assertIn("Key is valid", mk.openssl("pkey", "-in", self.path(name), "-noout", "-check"))
        self.maxDiff = None
        self.assertEqual(*texts)
        self.assertIn((False, "TLS Web Server Authentication"), texts[0][-1])

    def test_cert__output__is_that_of_mkcert(self):
        said = []
        for make in self.both():
            del make
            command = [BIN, "cert"] if self.dir.endswith("postern") else [mk.SCRIPT]
            done = subprocess.run(command + ["--dir", self.dir, "dev.example", "--ca-days", "90"], capture_output=True,
                                  text=True, check=True)
            said.append(done.stdout.replace(self.dir, "DIR"))
        key = lambda text: sorted(re.sub(r"(It is for: ).*", r"\1", text).splitlines())
        self.assertEqual(key(said[0]), key(said[1]))
        self.assertIn("It ends early", said[0])

    def test_cert__openssl_and_gnutls__verify_it_strictly(self):
        self.make("dev.example", "192.0.2.7")
        self.assertEqual(self.verify(), self.path("localhost.pem") + ": OK\n")
        if shutil.which("certtool"):
            done = subprocess.run(["certtool", "--verify", "--verify-profile", "medium", "--load-ca-certificate",
                                   self.path("ca.pem"), "--infile", self.path("localhost.pem"), "--verify-hostname",
                                   "dev.example"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_cert__again__keeps_the_ca_and_makes_another_leaf(self):
        self.make("first.example")
        ca = [mk.contents(self.path(name)) for name in ("ca.pem", "ca-key.pem")]
        first = mk.Certificate(self.path("localhost.pem"))
        said = self.make("second.example", "--days", "7")
        second = mk.Certificate(self.path("localhost.pem"))
        self.assertIn("kept", said)
        self.assertEqual([mk.contents(self.path(name)) for name in ("ca.pem", "ca-key.pem")], ca)
        self.assertNotEqual(first.serial, second.serial)
        self.assertIn("DNS:second.example", second.names())
        self.assertNotIn("DNS:first.example", second.names())
        self.assertAlmostEqual(second.end_s, time.time() + 7 * DAY_S, delta=60)
        self.assertEqual(sorted(os.listdir(self.dir)), mk.FILES)
        self.assertIn("remove it from the browsers", self.make("--new-ca"))
        self.assertNotEqual(mk.contents(self.path("ca.pem")), ca[0])

    def test_cert__throw_away_ca_key__it_is_nowhere_and_nothing_can_be_signed(self):
        for make in self.both():
            make("--throw-away-ca-key")
            self.assertEqual(sorted(os.listdir(self.dir)), ["ca.pem", *mk.PAIR])
            self.assertIn(": OK\n", self.verify())
            self.assertIn("thrown away", self.refuse())
            self.make("--new-ca")
            make("--throw-away-ca-key")  # one that was kept until now
            self.assertEqual(sorted(os.listdir(self.dir)), ["ca.pem", *mk.PAIR])
            self.make("--new-ca")
            make("--throw-away-ca-key", "--new-ca")
            self.assertEqual(sorted(os.listdir(self.dir)), ["ca.pem", *mk.PAIR])

    def test_cert__ca_of_the_other_maker__is_gone_on_with(self):
        for kind in ([], ["--rsa"]):
            with self.subTest(kind=kind):
                mkcert(self.dir, "--new-ca", *kind)
                ca = mk.contents(self.path("ca.pem"))
                self.assertIn("kept", self.make("a.example"))
                self.assertIn(": OK\n", self.verify())
                self.assertEqual(mk.contents(self.path("ca.pem")), ca)
        self.make("--new-ca")
        ca = mk.contents(self.path("ca.pem"))
        mkcert(self.dir, "b.example")
        self.assertIn(": OK\n", self.verify())
        self.assertEqual(mk.contents(self.path("ca.pem")), ca)


class Constraints(CertCase):
    def sign(self, name):
        """What somebody could do who has got hold of the CA's key."""
        with open(self.folder("ext"), "w", encoding="utf-8") as file:
            file.write("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n"
                       "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n" % name)
        mk.make_key(self.path("localhost-key.pem"))
        mk.openssl("req", "-new", "-key", self.path("localhost-key.pem"), "-subj", "/O=thief", "-out",
                   self.folder("csr"))
        mk.openssl("x509", "-req", "-in", self.folder("csr"), "-CA", self.path("ca.pem"), "-CAkey",
                   self.path("ca-key.pem"), "-days", "30", "-extfile", self.folder("ext"), "-out",
                   self.path("localhost.pem"), "-CAserial", self.folder("serial"), "-CAcreateserial")

    def gnutls(self):
        return subprocess.run(["certtool", "--verify", "--load-ca-certificate", self.path("ca.pem"), "--infile",
                               self.path("localhost.pem")], capture_output=True, check=False).returncode == 0

    def test_ca__key_in_other_hands__cannot_pass_for_a_bank(self):
        for make in self.both():
            make("shop.company.com")
            for name, is_fine in (("DNS:nas.local", True), ("DNS:a.shop.company.com", True), ("IP:192.168.7.7", True),
                                  ("DNS:bank.com", False), ("DNS:company.com", False), ("DNS:localhost.com", False),
                                  ("IP:8.8.8.8", False), ("IP:2001:4860::1", False)):
                with self.subTest(name=name):
                    self.sign(name)
                    self.assertEqual(": OK\n" in self.verify(), is_fine)
                    if shutil.which("certtool"):
                        self.assertEqual(self.gnutls(), is_fine)

    def test_cert__name_beyond_the_ca__refused_with_the_way_out(self):
        for make in self.both():
            make()
            self.assertIn("--new-ca", self.refuse("bank.com"))
            self.assertIn("not for 192.0.2.7", self.refuse("a.example", "192.0.2.7"))
            done = mk.run_script("--dir", self.dir, "bank.com")
            self.assertEqual(done.returncode, 1)
            self.assertIn("may sign only for local names", done.stderr)
            self.make("--new-ca", "bank.com")
            self.make("www.bank.com")


class Clients(CertCase):
    NAMES = ("localhost", "127.0.0.1", "::1", "dev.example", "a.dev.example", "192.0.2.7", "2001:db8::7")

    def shake(self, port, name):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
            with context.wrap_socket(plain, server_hostname=name):
                pass

    def test_cert__curl_python_gnutls_java__accept_its_names_and_no_other(self):
        self.make("dev.example", "*.dev.example", "192.0.2.7", "2001:db8::7")
        port = self.serve()
        for name in self.NAMES:
            with self.subTest(client="python", name=name):
                self.shake(port, name)
        for name in ("other.example", "a.b.dev.example", "127.0.0.2"):
            with self.subTest(client="python", name=name), self.assertRaises(ssl.SSLCertVerificationError):
                self.shake(port, name)
        for name, is_fine in (("localhost", True), ("dev.example", True), ("other.example", False)):
            with self.subTest(client="curl", name=name):
                done = subprocess.run(["curl", "-sS", "--cacert", self.path("ca.pem"), "--resolve",
                                       "%s:%d:127.0.0.1" % (name, port), "-o", "/dev/null",
                                       "https://%s:%d/" % (name, port)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0 if is_fine else 60, done.stderr)
            if not shutil.which("gnutls-cli"):
                continue
            with self.subTest(client="gnutls", name=name):
                done = subprocess.run(["gnutls-cli", "--x509cafile", self.path("ca.pem"), "--verify-hostname", name,
                                       "-p", str(port), "127.0.0.1"], stdin=subprocess.DEVNULL, capture_output=True,
                                      check=False)
                self.assertEqual(b"certificate is trusted" in done.stdout, is_fine, done.stdout)

    def serve(self):
        os.makedirs(self.folder("site"))
        server = Server("--https", "127.0.0.1:0", "--no-http", "--no-log", "--cert", self.path("localhost.pem"), "--key",
                        self.path("localhost-key.pem"), self.folder("site"))
        self.addCleanup(server.stop)
        return server.door("https").port

    @unittest.skipUnless(shutil.which("javac"), "needs Java")
    def test_cert__java__accepts_its_names_and_no_other(self):
        self.make("dev.example")
        port = self.serve()
        self.folder.write("Shake.java", JAVA)
        done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", self.folder("Shake.java"), self.path("ca.pem"),
                               str(port), "localhost", "dev.example", "other.example"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.stdout.splitlines(), ["localhost accepted", "dev.example accepted",
                                                    "other.example refused"], done.stderr)


class WhileServing(CertCase):
    def make_old(self, maker, days_gone, days_left):
        """A CA, and a certificate as its maker would have signed it that many days ago."""
        self.make() if maker == "postern" else mkcert(self.dir)
        work = self.folder("work-" + maker)
        os.makedirs(work)
        moment = lambda days: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * DAY_S))
        with open(os.path.join(work, "cnf"), "w", encoding="utf-8") as file:
            file.write("[req]\ndistinguished_name=d\n[d]\n[ca]\ndefault_ca=c\n[c]\ndatabase=i\nserial=s\n"
                       "new_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\norganizationName=optional\n"
                       "commonName=supplied\n[x]\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
                       "authorityKeyIdentifier=keyid\nsubjectAltName=DNS:localhost,DNS:kept.example,IP:127.0.0.1\n")
        open(os.path.join(work, "i"), "w").close()
        mk.openssl("req", "-new", "-config", "cnf", "-key", self.path("localhost-key.pem"), "-subj",
                   "/O=postern/CN=localhost", "-out", "r", cwd=work)
        mk.openssl("ca", "-batch", "-notext", "-config", "cnf", "-extensions", "x", "-create_serial", "-keyfile",
                   self.path("ca-key.pem"), "-cert", self.path("ca.pem"), "-in", "r", "-out", "leaf", "-startdate",
                   moment(-days_gone), "-enddate", moment(days_left), cwd=work)
        shutil.copy(os.path.join(work, "leaf"), self.path("localhost.pem"))

    def start(self, *options):
        os.makedirs(self.folder("site"), exist_ok=True)
        server = Server("--https", "0", "--no-http", "--cert", self.path("localhost.pem"), "--key",
                        self.path("localhost-key.pem"), *options, self.folder("site"))
        self.addCleanup(server.stop)
        return server

    def served(self, server):
        door = server.door("https")
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        with socket.create_connection((door.host, door.port), timeout=60) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert()

    def test_serve__certificate_about_to_end_or_ended__is_made_anew_first(self):
        for maker, gone, left in (("postern", 380, 10), ("mkcert.sh", 400, -3)):
            with self.subTest(maker=maker):
                self.dir = self.folder(maker)
                self.make_old(maker, gone, left)
                key, ca = mk.contents(self.path("localhost-key.pem")), mk.contents(self.path("ca.pem"))
                server = self.start()
                server.out.wait_for("was made anew before its end")
                cert = self.served(server)
                self.assertGreater(ssl.cert_time_to_seconds(cert["notAfter"]), time.time() + 300 * DAY_S)
                self.assertIn(("DNS", "kept.example"), cert["subjectAltName"])
                self.assertIn(": OK\n", self.verify())
                self.assertEqual((mk.contents(self.path("localhost-key.pem")), mk.contents(self.path("ca.pem"))),
                                 (key, ca))

    def test_serve__only_checking_or_without_the_ca_key__nothing_is_touched(self):
        self.make_old("postern", 380, 10)
        before = mk.snapshot(self.dir)
        os.makedirs(self.folder("site"))
        status, out, err = run("--check", "--cert", self.path("localhost.pem"), "--key", self.path("localhost-key.pem"),
                               self.folder("site"))
        self.assertEqual((status, out), (0, "ok\n"), err)
        self.assertEqual(mk.snapshot(self.dir), before)
        os.remove(self.path("ca-key.pem"))
        before = mk.snapshot(self.dir)
        self.served(self.start())
        self.assertEqual(mk.snapshot(self.dir), before)

    def test_serve__public_with_addresses_the_certificate_lacks__they_are_added(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing
            except OSError:
                self.skipTest("this machine has no address but its own")
            address = probe.getsockname()[0]
        self.make(address)  # so that the CA may sign for it, even if it is no private one
        self.make()
        self.assertNotIn("IP Address:" + address, mk.Certificate(self.path("localhost.pem")).names())
        server = self.start("--public")
        server.out.wait_for("for this machine's addresses")
        server.out.wait_for("certificates were read anew")
        self.assertIn(("IP Address", address), self.served(server)["subjectAltName"])
        self.assertIn(": OK\n", self.verify())

    def test_serve__public_and_another_address_meanwhile__it_is_added(self):
        if not os.environ.get("POSTERN_OWN_NETWORK"):  # once more, where addresses are ours to change
            try:
                done = subprocess.run(["unshare", "-n", sys.executable, __file__, "WhileServing." + self._testMethodName],
                                      env=dict(os.environ, POSTERN_OWN_NETWORK="1"), capture_output=True, text=True,
                                      check=False)
            except OSError:
                self.skipTest("needs the program unshare")
            if "unshare failed" in done.stderr or "skipped" in done.stderr:
                self.skipTest("needs the right to make a network of its own")
            self.assertEqual(done.returncode, 0, done.stderr)
            return
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(control.close)
        request = lambda name, rest: struct.pack("16s24s", name, rest)
        up = lambda name: fcntl.ioctl(control, 0x8914, request(name, struct.pack("h", 0x41)))  # SIOCSIFFLAGS
        try:
            tun = open("/dev/net/tun", "r+b", buffering=0)
        except OSError:
            self.skipTest("needs /dev/net/tun")
        self.addCleanup(tun.close)
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sh14x", b"lan0", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
        up(b"lo")
        self.make()
        server = self.start("--public")
        self.assertNotIn(("IP Address", "192.168.77.5"), self.served(server)["subjectAltName"])
        address = struct.pack("hH4s8x", socket.AF_INET, 0, socket.inet_aton("192.168.77.5"))
        fcntl.ioctl(control, 0x8916, request(b"lan0", address))  # SIOCSIFADDR
        up(b"lan0")
        server.out.wait_for("for this machine's addresses")
        server.out.wait_for("certificates were read anew")
        self.assertIn(("IP Address", "192.168.77.5"), self.served(server)["subjectAltName"])


class WhenThingsGoWrong(CertCase):
    def test_cert__command_line_wrong__status_2_and_nothing_is_made(self):
        for words in (["--frob"], ["--days"], ["--days", "0"], ["--days", "398"], ["--days", "x"], ["--ca-days", "0"],
                      ["--ca-days", "7301"], ["a_b"], ["*.localhost"], [""], ["1.2.3"],
                      ["n%d.example" % number for number in range(60)]):
            with self.subTest(words=words):
                self.refuse(*words, status=2)
        self.assertFalse(os.path.exists(self.dir))
        self.make(*["n%d.example" % number for number in range(46)])
        self.assertLess(os.path.getsize(self.path("localhost.pem")), 16384)

    def test_cert__ca_ends_before_the_leaf_would__leaf_is_capped_and_says_so(self):
        self.assertIn("ends early", self.make("--ca-days", "30"))
        ca, leaf = mk.Certificate(self.path("ca.pem")), mk.Certificate(self.path("localhost.pem"))
        self.assertEqual(ca.end_s, leaf.end_s)
        self.assertIn("within a day", self.make("--ca-days", "1", "--new-ca") and self.refuse())

    def test_cert__ca_half_there_or_broken__says_what_to_do(self):
        for name, text, word in (("ca.pem", None, "ca.pem is not"), ("ca-key.pem", None, "ca-key.pem is not"),
                                 ("ca.pem", "garbage", "cannot read ca.pem"),
                                 ("ca-key.pem", "garbage", "cannot read ca-key.pem"),
                                 ("ca-key.pem", "other", "is not the key"), ("ca.pem", "leaf", "cannot read ca.pem")):
            with self.subTest(name=name, text=text):
                self.make("--new-ca")
                if text == "other":
                    mk.make_key(self.path(name))
                elif text == "leaf":
                    shutil.copy(self.path("localhost.pem"), self.path(name))
                elif text:
                    self.folder.write("certs/" + name, text)
                else:
                    os.remove(self.path(name))
                line = self.refuse()
                self.assertIn(word, line)
                self.assertIn("--new-ca", line)

    def test_cert__place_of_a_file_taken_by_a_folder__old_files_stay(self):
        for name in ("localhost.pem", "localhost-key.pem"):
            os.makedirs(self.path(name))
            self.assertIn("is not a file", self.refuse())
            os.rmdir(self.path(name))

    def test_cert__folder_cannot_be_made__one_line(self):
        self.folder.write("file")
        for name in ("file", "file/sub"):
            self.dir = self.folder(name)
            self.refuse()

    def test_cert__lock_of_one_that_was_killed__is_taken_over(self):
        done = subprocess.Popen(["true"])
        done.wait()
        self.make()
        for names in ([], ["new/ca.pem", "old/ca.pem", "5ABC.pem", "index.txt"]):
            self.folder.write("certs/.mkcert/pid", "%d\n" % done.pid)
            for name in names:
                self.folder.write("certs/.mkcert/" + name, "left")
            self.make()
            self.assertEqual(sorted(os.listdir(self.dir)), mk.FILES)

    def test_cert__several_at_once__all_succeed_and_the_pair_matches(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(run("cert", "--dir", self.dir)[0])) for _ in range(3)]
        threads.append(threading.Thread(target=lambda: results.append(mk.run_script("--dir", self.dir).returncode)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [0] * 4)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("localhost.pem"), self.path("localhost-key.pem"))
        self.assertIn(": OK\n", self.verify())
        self.assertEqual(sorted(os.listdir(self.dir)), mk.FILES)

    def test_cert__help__explains_and_makes_nothing(self):
        status, out, err = run("cert", "--dir", self.dir, "--help")
        self.assertEqual((status, err), (0, ""))
        for word in ("--dir", "--days", "--ca-days", "--new-ca", "--throw-away-ca-key", "NAME", "Exit status"):
            self.assertIn(word, out)
        self.assertFalse(os.path.exists(self.dir))


if __name__ == "__main__":
    main()
