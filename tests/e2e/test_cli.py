"""The command line: every failure one clear line, the banner, the log, the trace, and the end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import harness
from harness import Folder, Server, run

BIG = os.urandom(3_000_000)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.folder.write("site/index.html", "<p>hello</p>")
        self.folder.write("site/big.bin", BIG)
        self.site = self.folder("site")
        self.ca, self.cert, self.key = harness.shared_certs()

    def start(self, *args, **kwargs):
        server = Server(*args, self.site, **kwargs)
        self.addCleanup(server.stop)
        return server

    def both(self, *args):
        return self.start("--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert", self.cert, "--key", self.key, *args,
                          doors=2)

    def refused(self, pattern, *args, cwd=None, env=None):
        """One line on standard error that says what to do, nothing else, status 2."""
        status, out, err = run(*args, cwd=cwd, env=env)
        self.assertEqual((status, out), (2, ""), err)
        self.assertRegex(err, r"\Apostern: [^\n]+\n\Z")
        self.assertRegex(err, pattern)


class Refusals(Case):
    def test_options(self):
        for pattern, *args in (
                ("there is no option --htps: did you mean --https", "--htps", "8443"),
                ("there is no option --nonsense; --help lists them", "--nonsense"),
                ("there is no option -q", "-q"),
                ("--http needs a value: --http .ADDR:.PORT", "--http"),
                ('--http "http://localhost" is no address: write a port', "--http", "http://localhost"),
                ("--https \"65536\" is no address", "--https", "65536"),
                ("--check takes no value", "--check=now"),
                ('--workers "0x2" is no number from 1 to 256', "--workers", "0x2"),
                ("there is no limit \"idle\"", "--limit", "idle=1"),
                ("--limit idle_ms=1: give a number from 10 to 3600000", "--limit", "idle_ms=1"),
                ("--cert needs --key too", "--cert", self.cert),
                ("contradict each other", "--no-http", "--http", "0"),
                ("nothing to listen on", "--no-http", "--no-https"),
                ("only one folder", self.site, "second"),
                (r"did you mean --list", "--lis\nt")):  # whatever was typed, it is one line
            self.refused(pattern, *args)

    def test_root(self):
        self.folder.write("file", "no folder")
        self.refused('there is no folder "nowhere": name the folder to serve', "--no-https", "nowhere")
        self.refused('"file" is no folder', "--no-https", "file", cwd=self.folder.path)

    def test_certificate__missing(self):
        self.refused(r"https needs a certificate, and there is no certs/localhost\.pem: make one with scripts/mkcert\.sh, name "
                     r"one with --cert FILE --key FILE, or serve http only with --no-https", cwd=self.site)
        self.refused(r"nowhere\.pem", "--https", "0", "--cert", "nowhere.pem", "--key", self.key, self.site)
        self.refused(r"nowhere-key\.pem", "--https", "0", "--cert", self.cert, "--key", "nowhere-key.pem", self.site)

    def test_certificate__not_one(self):
        text = self.folder.write("text.pem", "no certificate")
        self.refused(r"text\.pem", "--https", "0", "--cert", text, "--key", self.key, self.site)
        self.refused(r"text\.pem", "--https", "0", "--cert", self.cert, "--key", text, self.site)

    def test_certificate__of_another_key(self):
        other = harness.mkcert(self.folder("other"))
        self.refused(r"does not belong to|does not match|another key", "--https", "0", "--cert", self.cert, "--key", other[2],
                     self.site)

    def make_dated(self, start, end):
        """A self-signed certificate for other dates than mkcert.sh would write."""
        self.folder.write("ca.cnf", "\n".join((
            "[ca]", "default_ca = d", "[d]", f"database = {self.folder('index.txt')}", f"new_certs_dir = {self.folder.path}",
            "default_md = sha256", "policy = p", "rand_serial = yes", "x509_extensions = x", "[p]", "commonName = supplied",
            "[x]", "subjectAltName = DNS:localhost", "[req]", "distinguished_name = dn", "[dn]", "")))
        self.folder.write("index.txt")

        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.folder.path)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out",
                "r.pem", "-subj", "/CN=dated", "-config", "ca.cnf")
        openssl("ca", "-batch", "-notext", "-selfsign", "-config", "ca.cnf", "-keyfile", "k.pem", "-in", "r.pem", "-out",
                "c.pem", "-startdate", start, "-enddate", end)
        return ("--https", "0", "--cert", self.folder("c.pem"), "--key", self.folder("k.pem"), self.site)

    def test_certificate__expired_or_not_yet_valid(self):
        self.refused("ended on 2020-02-01; make a new one", *self.make_dated("20200101000000Z", "20200201000000Z"))
        self.refused("2099-01-01", *self.make_dated("20990101000000Z", "20990201000000Z"))

    def test_certificate__chain_too_large(self):
        chain = self.folder("chain.pem")
        with open(chain, "wb") as out:
            for name in (self.cert, *[self.ca] * 60):
                with open(name, "rb") as f:
                    shutil.copyfileobj(f, out)
        self.refused(r"chain", "--https", "0", "--cert", chain, "--key", self.key, self.site)

    def test_key_in_the_folder_that_is_served(self):
        shutil.copy(self.cert, self.folder.write("site/certs/localhost.pem"))
        shutil.copy(self.key, self.folder.write("site/certs/localhost-key.pem"))
        message = r'the private key certs/localhost-key\.pem is inside the folder "\."'
        self.refused(message, cwd=self.site)
        self.refused(message, "--no-https", cwd=self.site)
        os.rename(self.folder("site/certs"), self.folder("site/.certs"))  # hidden, so not served
        status, out, err = run("--check", "--cert", ".certs/localhost.pem", "--key", ".certs/localhost-key.pem",
                               cwd=self.site)
        self.assertEqual((status, out, err), (0, "ok\n", ""))

    def test_port_in_use(self):
        server = self.start("--http", "127.0.0.1:0")
        port = server.doors[0].port
        self.refused(rf"port {port} is in use by another program: .*--http N", "--http", f"127.0.0.1:{port}", self.site)
        self.refused(rf"port {port} is in use", "--http", f"*:{port}", self.site)
        self.refused(rf"port {port} is in use.*--https N", "--https", f"127.0.0.1:{port}", "--cert", self.cert, "--key",
                     self.key, self.site)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.refused(rf"port {port} is in use", "--http", f"127.0.0.1:{port}", self.site)
        self.assertEqual(server.doors[0].ask("/").status, 200)

    def test_address_of_another_machine(self):
        self.refused(r"cannot listen on 192\.0\.2\.1:8080", "--http", "192.0.2.1:8080", self.site)

    def test_log_file(self):
        self.refused(r'cannot open the log file "/nonexistent/log" \(No such file or directory\): name another', "--http", "0",
                     "--log", "/nonexistent/log", self.site)


class Answers(Case):
    def test_version(self):
        status, out, err = run("--version")
        self.assertEqual((status, err), (0, ""))
        hook = r"(AES-GCM|ChaCha20-Poly1305|P-256|X25519|SHA-256) by (intel-ipsec-mb|nettle|libsodium) \d+\.\d+[0-9.]*( \(SHA instructions\))?"
        self.assertRegex(out, rf"\Apostern \d+\.\d+\.\d+, Mbed TLS 3\.\d+\.\d+, (not accelerated|{hook}(, {hook})*)\n\Z")

    def test_help__every_option_of_the_table(self):
        status, out, err = run("--help")
        self.assertEqual((status, err), (0, ""))
        with open(os.path.join(harness.SOURCE_DIR, "src/server/options.def"), encoding="utf-8") as f:
            names = re.findall(r'^X\(\w+, \w+, "([a-z-]+)"', f.read(), re.M)
        self.assertGreaterEqual(len(names), 17)
        for name in names:
            self.assertRegex(out, rf"(?m)^  --{name}\b")
        self.assertIn("body_bytes", out)
        self.assertLess(max(map(len, out.splitlines())), 130)

    def test_help__the_readme_has_the_same_tables(self):
        readme = os.path.join(harness.SOURCE_DIR, "README.md")
        status, out, _ = run("--help=markdown")
        self.assertEqual(status, 0)
        with open(readme, encoding="utf-8") as f:
            text = f.read()
        for line in out.splitlines():
            if line.startswith("| `"):
                self.assertIn(line, text, "put the output of postern --help=markdown into README.md")

    def test_check(self):
        self.assertEqual(run("--check", "--no-https", self.site), (0, "ok\n", ""))
        self.assertEqual(run("--check", "--cert", self.cert, "--key", self.key, self.site), (0, "ok\n", ""))
        self.refused("nowhere", "--check", "--no-https", "nowhere")

    def test_value_behind_equals_sign(self):
        server = self.start("--http=127.0.0.1:0", "--workers=2", "--limit=body_bytes=10", "--echo")
        door = server.doors[0]
        self.assertEqual(door.ask("/echo", method="POST", body=b"0123456789").status, 200)
        self.assertEqual(door.ask("/echo", method="POST", body=b"0123456789a").status, 413)

    def test_echo_and_listing__off_unless_asked_for(self):
        self.folder.write("site/sub/file", "")
        door = self.start("--http", "127.0.0.1:0").doors[0]
        self.assertEqual([door.ask(target).status for target in ("/echo", "/sub/")], [404, 404])


class Banner(Case):
    def test_banner__addresses_and_certificate(self):
        server = self.both("--http", "localhost:0")
        lines = server.out.lines
        self.assertRegex(lines[0], rf"^postern \S+ serves {re.escape(self.site)} at$")
        urls = [line for line in lines if "://" in line]
        self.assertRegex("\n".join(urls), r"\A  http://127\.0\.0\.1:\d+/\n  https://127\.0\.0\.1:\d+/\n  http://localhost:\d+/\Z")
        server.out.wait_for(r"^certificate \S+localhost\.pem \(P-256\) for localhost, 127\.0\.0\.1, ::1")
        server.out.wait_for(r"^  issued by postern local CA .*valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC, which ends in 39\d days$")
        self.assertFalse([line for line in lines if "WARNING" in line])

    def test_banner__short_lived_certificate__warned_of(self):
        _, cert, key = harness.mkcert(self.folder("certs"), "--days", "10")
        server = self.start("--https", "127.0.0.1:0", "--cert", cert, "--key", key)
        server.out.wait_for(r"WARNING: the certificate expires in (9|10) days: renew it")

    def test_public__bare_ports_listen_on_all_addresses(self):
        port = self.start("--public", "--http", "0").doors[0].port
        for host in ("127.0.0.1", "127.0.0.2", "::1"):  # 127.0.0.2 is ours too, and not localhost
            self.assertEqual(harness.Door("http", host, port).ask("/").status, 200)
        port = self.start("--http", "0").doors[0].port
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(harness.Door("http", host, port).ask("/").status, 200)
        with self.assertRaises(ConnectionRefusedError):
            harness.Door("http", "127.0.0.2", port).connect()

    def test_banner__plain_only__no_word_of_certificates(self):
        server = self.start("--http", "127.0.0.1:0")
        server.doors[0].ask("/")
        server.out.wait_for('"GET / ')
        self.assertFalse([line for line in server.out.lines if "certificate" in line])


LINE = re.compile(r'^(?P<host>\S+) - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(?P<request>(?:[^"\\]|\\.)*)" '
                  r'(?P<status>\d{3}|-) (?P<bytes>\d+) "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)" '
                  r'(?P<protocol>\S+) (?P<security>\S+) (?P<cipher>\S+) (?P<took>\d+us|-) (?P<end>.+)$')


class Log(Case):
    def lines(self, server, count):
        return [LINE.match(m[0]) for m in server.out.wait_for(r"^\S+ - - .*", count)]

    def test_log__combined_with_details(self):
        server = self.both()
        server.door("http").ask("/?q=1", Referer="http://r/", User_Agent="tester/1.0")
        server.door("https").ask("/absent", method="HEAD")
        first, second = self.lines(server, 2)
        self.assertEqual(first["request"], "GET /?q=1 HTTP/1.1")
        self.assertEqual((first["host"], first["status"], first["bytes"]), ("127.0.0.1", "200", "12"))
        self.assertEqual((first["referer"], first["agent"]), ("http://r/", "tester/1.0"))
        self.assertEqual((first["protocol"], first["security"], first["cipher"], first["end"]), ("http/1.1", "-", "-", "ok"))
        self.assertEqual((second["status"], second["bytes"], second["agent"]), ("404", "0", "-"))
        self.assertEqual((second["security"], second["cipher"][:7]), ("TLSv1.3", "TLS1-3-"))

    def test_log__what_peers_send__cannot_break_a_line(self):
        server = self.both()
        for door in server.doors:
            door.ask("/", User_Agent='a"b\\c\xe9\xff', Referer="x" * 2000)
        for line in self.lines(server, 2):
            self.assertEqual(line["agent"], r'a\"b\\c\xe9\xff')
            self.assertEqual(line["referer"], "x" * 512 + "...")

    def test_log__refused_requests_and_failed_connections__named(self):
        server = self.both()
        server.door("http").send(b"NONSENSE\r\n\r\n")
        self.assertEqual(self.lines(server, 1)[0]["status"], "400")
        with socket.create_connection(("127.0.0.1", server.door("https").port)) as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            harness.read_all(s)
        second = self.lines(server, 2)[1]
        self.assertEqual((second["request"], second["status"]), ("-", "-"))
        self.assertRegex(second["end"], "TLS|tls")

    def test_log__file__appended_and_standard_output_quiet(self):
        log = self.folder.write("log", "before\n")
        server = self.start("--http", "127.0.0.1:0", "--log", log)
        server.doors[0].ask("/")
        self.assertEqual(server.stop(), 0)
        with open(log, encoding="ascii") as f:
            self.assertRegex(f.read(), r'\Abefore\n127\.0\.0\.1 .* ok\n- - - .* up .*\n\Z')
        self.assertFalse([line for line in server.out.lines if "GET" in line])

    def test_log__many_workers__whole_lines(self):
        log = self.folder("log")
        server = self.start("--http", "127.0.0.1:0", "--workers", "4", "--log", log)
        for _ in range(10):
            sockets = [server.doors[0].connect() for _ in range(20)]
            for s in sockets:
                s.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 5 + b"GET /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            for s in sockets:
                harness.read_all(s)
                s.close()
        self.assertEqual(server.stop(), 0)
        with open(log, encoding="ascii") as f:
            lines = f.read().splitlines()
        self.assertIn(" up ", lines.pop())  # the run's numbers
        self.assertEqual(len(lines), 10 * 20 * 6)
        self.assertTrue(all(map(LINE.match, lines)))

    def test_no_log(self):
        server = self.start("--http", "127.0.0.1:0", "--no-log")
        server.doors[0].ask("/")
        self.assertEqual(server.stop(), 0)
        self.assertFalse([line for line in server.out.lines if "GET" in line])

    def test_log__disk_full__said_once_and_served_on(self):
        server = self.start("--http", "127.0.0.1:0", "--workers", "2", "--log", "/dev/full")
        for _ in range(5):
            self.assertEqual(server.doors[0].ask("/").status, 200)
        server.err.wait_for(r"^postern: cannot write to /dev/full \(No space left on device\): going on without$")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(server.err.lines), 1)

    def test_log__reader_of_standard_output_gone__served_on(self):
        read_end, write_end = os.pipe()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = Server("--http", f"127.0.0.1:{port}", self.site, stdout=write_end)
        self.addCleanup(server.stop)
        os.close(write_end)
        with os.fdopen(read_end) as out:
            while "://" not in out.readline():
                pass
        door = harness.Door("http", "127.0.0.1", port)
        for _ in range(3):
            self.assertEqual(door.ask("/").status, 200)
        server.err.wait_for(r"cannot write to standard output")
        self.assertEqual(server.stop(), 0)


class Trace(Case):
    REQUEST = (b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nX: a\tb\\\xe9\r\nContent-Length: 6\r\n"
               b"Connection: close\r\n\r\nbo\x00\x1bdy")

    def traced(self, server, door, request):
        """The trace of one connection, its number and date taken out, and its first line apart."""
        before = len(server.out.lines)
        door.send(request)
        server.out.wait_for(r'^\S+ - - ', len([line for line in server.out.lines[:before] if " - - " in line]) + 1)
        lines = [line for line in server.out.lines[before:] if line.startswith("#")]
        number = lines[0].split(" ")[0] + " "
        self.assertTrue(all(line.startswith(number) for line in lines))
        lines = [re.sub(r"^< Date: .*GMT", "< Date: now", line[len(number):]) for line in lines]
        return lines[0], lines[1:]

    def test_trace__same_over_both_doors(self):
        server = self.both("--trace", "--echo", "--workers", "1")
        for request in (self.REQUEST, b"GET /big.bin HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /absent HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"):
            plain_first, plain = self.traced(server, server.door("http"), request)
            secure_first, secure = self.traced(server, server.door("https"), request)
            self.assertRegex(plain_first, r"^127\.0\.0\.1:\d+ plain$")
            self.assertRegex(secure_first, r"^127\.0\.0\.1:\d+ TLSv1\.3 TLS1-3-\S+$")
            self.assertEqual(plain, secure)

    def test_trace__readable_and_bounded(self):
        server = self.start("--http", "127.0.0.1:0", "--trace", "--echo", "--workers", "1")
        _, lines = self.traced(server, server.doors[0], self.REQUEST)
        self.assertEqual(lines[:9], [
            r"> POST /echo HTTP/1.1\r\n", r"> Host: test\r\n", r"> Content-Type: text/plain\r\n", r"> X: a\tb\\\xe9\r\n",
            r"> Content-Length: 6\r\n", r"> Connection: close\r\n", r"> \r\n", r"> bo\x00\x1bdy", r"< HTTP/1.1 200 OK\r\n"])
        _, lines = self.traced(server, server.doors[0], b"GET /big.bin HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        self.assertRegex(lines[-1], r"^< \.\.\. 29\d{5} more bytes$")
        self.assertLess(len("".join(lines)), 4 * 2048 + 1000)

    def test_trace__request_broken_off__shown_as_far_as_it_came(self):
        for options in ((), ("--no-log",)):
            server = self.start("--http", "127.0.0.1:0", "--trace", *options)
            with server.doors[0].connect() as s:
                s.sendall(b"GET /half HTT")
            server.out.wait_for(r"^#\d+ > GET /half HTT$")

    def test_trace__log_elsewhere(self):
        server = self.start("--http", "127.0.0.1:0", "--trace", "--no-log")
        server.doors[0].ask("/")
        server.out.wait_for(r"^#\d+ < <p>hello</p>$")


class Endings(Case):
    def test_signals__exit_0(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = self.both("--workers", "2")
            for door in server.doors:
                self.assertEqual(door.ask("/").status, 200)
            self.assertEqual(server.stop(number), 0)
            self.assertEqual(server.err.lines, [])

    def test_reply_in_flight__finished_first(self):
        server = self.both("--workers", "1")
        sockets = []
        for door in server.doors:
            s = door.connect()
            self.addCleanup(s.close)
            s.sendall(b"GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n")
            sockets.append((s, s.recv(100)))
        server.process.send_signal(signal.SIGTERM)
        for s, first in sockets:
            reply = harness.parse(first + harness.read_all(s))
            self.assertEqual(reply.body, BIG)
        self.assertEqual(server.stop(number=None), 0)

    def test_asked_twice__what_is_in_flight_is_cut(self):
        server = self.start("--http", "127.0.0.1:0", "--limit", "drain_ms=3600000")
        os.truncate(self.folder("site/big.bin"), 1_000_000_000)
        with server.doors[0].connect() as s:
            s.sendall(b"GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n")
            self.assertTrue(s.recv(100))
            server.process.send_signal(signal.SIGINT)
            # It listens no more: the first signal was seen.
            while True:
                try:
                    server.doors[0].connect().close()
                except OSError:
                    break
            self.assertEqual(server.stop(signal.SIGINT), 0)

    def test_banner_cannot_be_written__serves_all_the_same(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with open("/dev/full", "wb") as full:
            server = Server("--http", f"127.0.0.1:{port}", "--no-log", self.site, stdout=full)
        self.addCleanup(server.stop)
        door = harness.Door("http", "127.0.0.1", port)
        for attempt in range(10_000):
            try:
                self.assertEqual(door.ask("/").status, 200)
                break
            except ConnectionRefusedError:
                self.assertIsNone(server.process.poll())
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    harness.main()
