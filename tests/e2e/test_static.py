"""Files of a folder, over both doors: what is served, what is not, conditions, ranges, freshness."""

import base64
import hashlib
import html
import os
import re
import resource
import socket
import time
import unittest
from email.utils import formatdate, parsedate_to_datetime

import harness
from harness import Folder, Server

BIG = os.urandom(300_000)


def make_site(folder):
    folder.write("secret.txt", "secret")
    folder.write("outside/index.html", "outside")
    folder.write("site/index.html", "<p>root</p>")
    folder.write("site/a.txt", "0123456789")
    folder.write("site/a b+c%&é.txt", "odd name")
    folder.write("site/a%2Fb", "a name with %2F")
    folder.write("site/empty.css", "")
    folder.write("site/big.bin", BIG)
    folder.write("site/just.bin", BIG[:65536])
    folder.write("site/over.bin", BIG[:65537])
    folder.write("site/sub/index.html", "<p>sub</p>")
    folder.write("site/sub/deep/b.txt", "b")
    folder.write("site/.git/config", "hidden")
    folder.write("site/.htpasswd", "hidden")
    folder.write("site/.well-known/security.txt", "Contact: mailto:a@example.org")
    folder.write("site/noindex/file.txt", "file")
    folder.write("site/noindex/.hidden", "hidden")
    folder.write("site/noindex/<b>&\"'.txt", "markup")
    folder.write("site/noindex/javascript:alert(1)", "scheme")
    folder.write("site/noindex/Zfolder/x", "x")
    folder.write("site/evil.example/index.html", "<p>evil</p>")
    folder.write("site/\\evil.example/index.html", "<p>backslash</p>")
    folder.write("site/index/index.html/x", "a folder that is called index.html")
    for name, to in (("in.txt", "sub/deep/b.txt"), ("out.txt", "../secret.txt"), ("absolute.txt", folder("secret.txt")),
                     ("loop", "loop"), ("outfolder", "../outside"), ("infolder", "sub"), ("root", "/"),
                     ("proc", "/proc/self/root"), ("dangling", "nothing"), ("noindex/out", "../../secret.txt"),
                     ("noindex/in", "file.txt")):
        os.symlink(to, folder("site", name))
    os.mkfifo(folder("site/fifo"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(folder("site/socket"))


class Case(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.addClassCleanup(cls.folder.remove)
        make_site(cls.folder)
        _, cert, key = harness.shared_certs()
        cls.server = Server("--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert", cert, "--key", key,
                            *cls.options, cls.folder("site"), doors=2)
        cls.addClassCleanup(cls.server.stop)

    def doors(self):
        return self.server.doors

    def check(self, target, status, body=None, **fields):
        for door in self.doors():
            reply = door.ask(target, **fields)
            self.assertEqual(reply.status, status, (door.scheme, target, fields))
            if body is not None:
                self.assertEqual(reply.body, body.encode() if isinstance(body, str) else body, (door.scheme, target))
        return reply


class Files(Case):
    def test_files__content_and_fields(self):
        for target, body, media_type in (
                ("/", b"<p>root</p>", "text/html; charset=utf-8"),
                ("/index.html", b"<p>root</p>", "text/html; charset=utf-8"),
                ("/a.txt", b"0123456789", "text/plain; charset=utf-8"),
                ("/a%20b+c%25%26%C3%A9.txt?query=1", b"odd name", "text/plain; charset=utf-8"),
                ("/%61.txt", b"0123456789", "text/plain; charset=utf-8"),
                ("/a%252Fb", b"a name with %2F", "application/octet-stream"),
                ("/empty.css", b"", "text/css; charset=utf-8"),
                ("/just.bin", BIG[:65536], "application/octet-stream"),
                ("/over.bin", BIG[:65537], "application/octet-stream"),
                ("/big.bin", BIG, "application/octet-stream"),
                ("/sub/", b"<p>sub</p>", "text/html; charset=utf-8"),
                ("/sub/./deep/../deep/b.txt", b"b", "text/plain; charset=utf-8"),
                ("/in.txt", b"b", "text/plain; charset=utf-8"),
                ("/infolder/deep/b.txt", b"b", "text/plain; charset=utf-8"),
                ("/.well-known/security.txt", b"Contact: mailto:a@example.org", "text/plain; charset=utf-8")):
            fields = self.check(target, 200, body).fields
            self.assertEqual(fields["content-type"], media_type, target)
            self.assertEqual(fields["x-content-type-options"], "nosniff")
            self.assertEqual(fields["cache-control"], "no-cache")
            self.assertEqual(fields["accept-ranges"], "bytes")
            self.assertRegex(fields["etag"], r'^"[0-9a-f]+-[0-9a-f]+-[0-9a-f]+"$')

    def test_last_modified__is_the_files(self):
        stamp = 784111777
        os.utime(self.folder("site/a.txt"), (stamp, stamp))
        self.assertEqual(self.check("/a.txt", 200).fields["last-modified"], "Sun, 06 Nov 1994 08:49:37 GMT")

    def test_last_modified__in_the_future__left_out(self):  # RFC 9110 8.8.2.1
        self.folder.write("site/future.txt", "future")
        os.utime(self.folder("site/future.txt"), (4102444800, 4102444800))
        self.assertNotIn("last-modified", self.check("/future.txt", 200, "future").fields)

    def test_head__as_get_without_body(self):
        for target in ("/a.txt", "/big.bin", "/", "/sub", "/absent"):
            for door in self.doors():
                get, head = door.ask(target), door.ask(target, method="HEAD")
                for reply in (get, head):
                    reply.fields.pop("date")
                self.assertEqual(get.status, head.status)
                self.assertEqual(get.fields, head.fields)

    def test_other_methods__405(self):
        for method in ("POST", "PUT", "DELETE"):
            for door in self.doors():
                reply = door.ask("/a.txt", method=method, Content_Length="0")
                self.assertEqual(reply.status, 405)
                self.assertIn("GET", reply.fields["allow"])

    def test_absent_and_forbidden__all_the_same_404(self):
        plain = None
        for target in (
                "/absent", "/absent/", "/a.txt/", "/a.txt/b", "/sub/absent.html",
                # hidden
                "/.git/config", "/.git/", "/.git", "/.htpasswd", "/%2egit/config", "/noindex/.hidden", "/sub/.well-known/x",
                "/.well-known2/x",
                # links that lead out, loop or lead nowhere
                "/out.txt", "/absolute.txt", "/loop", "/outfolder", "/outfolder/", "/outfolder/index.html", "/root/etc/passwd",
                "/proc/etc/passwd", "/proc/", "/dangling",
                # no regular files
                "/fifo", "/socket",
                # folders without an index: not even a redirect tells of them
                "/noindex", "/noindex/", "/index", "/index/",
                # empty segments, encoded slashes, names that are too long
                "//a.txt", "/sub//index.html", "/sub//", "//", "/sub%2Findex.html", "/sub%2findex.html", "/a%2Fb",
                "/" + "a" * 256, "/" + "a/" * 2500 + "b",
                # out of the root, as browsers never send it
                "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/sub/..%2f..%2fsecret.txt",
                "/%2e%2e/secret.txt", "/../secret.txt", "/sub/../../secret.txt", "/sub/%2E%2e/%2e%2E/secret.txt",
                "/%252e%252e/secret.txt", "/..;/secret.txt", "/.../secret.txt"):
            for door in self.doors():
                # Whether a target is refused by the parser or not found: nothing gets out.
                reply = door.ask(target)
                self.assertIn(reply.status, (400, 404), target)
                self.assertNotIn(b"secret", reply.body)
                if reply.status == 404:
                    reply.fields.pop("date")
                    answer = (reply.fields, reply.body)
                    plain = plain or answer
                    self.assertEqual(answer, plain, target)

    def test_nul_and_broken_encodings__400(self):
        for target in ("/a.txt%00", "/%00", "/a.txt%", "/%4", "/%zz"):
            self.check(target, 400)


class Redirects(Case):
    def test_folder_without_slash__301_to_the_slash_form(self):
        for target, location in (("/sub", "/sub/"), ("/sub?a=1&b=%20", "/sub/?a=1&b=%20"), ("/sub?", "/sub/?"),
                                 ("/s%75b", "/sub/"), ("/infolder", "/infolder/"), ("/x/../sub", "/sub/")):
            reply = self.check(target, 301)
            self.assertEqual(reply.fields["location"], location)
            self.assertEqual(reply.fields["cache-control"], "no-cache")

    def test_no_location_ever_names_another_host(self):
        for target in ("//evil.example", "//evil.example/..", "/%2Fevil.example", "//evil.example/%2e%2e",
                       "/%5Cevil.example", "/\\evil.example", "/%09/evil.example", "/.//evil.example", "/x/..//evil.example",
                       "http://evil.example/sub", "http://evil.example//evil.example"):
            for door in self.doors():
                reply = door.ask(target)
                location = reply.fields.get("location")
                if location is not None:
                    self.assertRegex(location, r"^/[A-Za-z0-9%.~_-]+/$", target)
        self.assertEqual(self.check("/%5Cevil.example", 301).fields["location"], "/%5Cevil.example/")


class Conditions(Case):
    def setUp(self):
        os.utime(self.folder("site/a.txt"), (1_000_000_000, 1_000_000_000))
        first = self.check("/a.txt", 200)
        self.etag, self.date = first.fields["etag"], first.fields["last-modified"]
        self.before = formatdate(1_000_000_000 - 1, usegmt=True)
        self.after = formatdate(1_000_000_000 + 1, usegmt=True)

    def test_table(self):  # RFC 9110 13.2.2
        etag, date, before, after, other = self.etag, self.date, self.before, self.after, '"other"'
        for status, fields in (
                (304, {"If_None_Match": etag}),
                (304, {"If_None_Match": "W/" + etag}),
                (304, {"If_None_Match": f'{other}, {etag}'}),
                (304, {"If_None_Match": [other, etag]}),
                (304, {"If_None_Match": "*"}),
                (200, {"If_None_Match": other}),
                (200, {"If_None_Match": etag.strip('"')}),
                (304, {"If_Modified_Since": date}),
                (304, {"If_Modified_Since": after}),
                (200, {"If_Modified_Since": before}),
                (304, {"If_Modified_Since": "Sunday, 09-Sep-01 01:46:40 GMT"}),
                (304, {"If_Modified_Since": "Sun Sep  9 01:46:40 2001"}),
                (200, {"If_Modified_Since": "yesterday"}),
                (200, {"If_Modified_Since": [after, after]}),
                (200, {"If_None_Match": other, "If_Modified_Since": after}),  # the tag decides
                (304, {"If_None_Match": etag, "If_Modified_Since": before}),
                (200, {"If_Match": etag}),
                (200, {"If_Match": "*"}),
                (412, {"If_Match": other}),
                (412, {"If_Match": "W/" + etag}),  # strong comparison
                (200, {"If_Match": [other, etag]}),
                (200, {"If_Unmodified_Since": date}),
                (412, {"If_Unmodified_Since": before}),
                (200, {"If_Unmodified_Since": "nonsense"}),
                (200, {"If_Match": etag, "If_Unmodified_Since": before}),
                (412, {"If_Match": other, "If_None_Match": etag}),
                (304, {"If_Match": etag, "If_None_Match": etag}),
                (304, {"If_None_Match": etag, "Range": "bytes=0-1"})):
            reply = self.check("/a.txt", status, b"0123456789" if status == 200 else None, **fields)
            if status == 304:
                self.assertEqual(reply.fields["etag"], etag, fields)
                self.assertEqual(reply.fields["cache-control"], "no-cache")
                self.assertNotIn("content-type", reply.fields)

    def test_head__conditions_count_too(self):
        for door in self.doors():
            self.assertEqual(door.ask("/a.txt", method="HEAD", If_None_Match=self.etag).status, 304)


class Ranges(Case):
    def test_ranges(self):  # RFC 9110 14
        for target, data in (("/a.txt", b"0123456789"), ("/big.bin", BIG)):
            size = len(data)
            for value, first, last in (("bytes=0-0", 0, 0), ("bytes=0-", 0, size - 1), ("bytes=2-5", 2, 5),
                                       ("bytes=-3", size - 3, size - 1), (f"bytes=4-{size * 2}", 4, size - 1),
                                       (f"bytes=-{size * 2}", 0, size - 1), ("Bytes=1-2", 1, 2)):
                reply = self.check(target, 206, data[first:last + 1], Range=value)
                self.assertEqual(reply.fields["content-range"], f"bytes {first}-{last}/{size}")
                self.assertIn("etag", reply.fields)
            for value in (f"bytes={size}-", "bytes=999999999999-", "bytes=-0"):
                reply = self.check(target, 416, Range=value)
                self.assertEqual(reply.fields["content-range"], f"bytes */{size}", value)
            for value in ("bytes=0-1,3-4", "bytes=5-2", "lines=0-1", "bytes=a-b", "bytes", "bytes=--1"):
                self.check(target, 200, data, Range=value)
            self.check(target, 200, data, Range=["bytes=0-1", "bytes=0-1"])

    def test_head__ignores_ranges(self):  # RFC 9110 14.2
        for door in self.doors():
            reply = door.ask("/a.txt", method="HEAD", Range="bytes=0-1")
            self.assertEqual((reply.status, reply.fields["content-length"]), (200, "10"))

    def test_if_range(self):  # RFC 9110 13.1.5
        os.utime(self.folder("site/a.txt"), (1_000_000_000, 1_000_000_000))
        fields = self.check("/a.txt", 200).fields
        etag, date = fields["etag"], fields["last-modified"]
        for status, value in ((206, etag), (206, date), (200, "W/" + etag), (200, '"other"'),
                              (200, formatdate(1_000_000_001, usegmt=True)), (200, "nonsense"), (200, [etag, etag])):
            self.check("/a.txt", status, Range="bytes=0-1", If_Range=value)


class Listings(Case):
    options = ("--list",)

    def test_listing__names_escaped_and_usable(self):
        page = self.check("/noindex/", 200).body.decode()
        rows = re.findall(r'<a href="([^"]*)">([^<]*)</a></td><td class="number">([^<]*)</td>', page)
        names = [html.unescape(text) for _, text, _ in rows]
        self.assertEqual(names, ["Zfolder/", "<b>&\"'.txt", "file.txt", "in", "javascript:alert(1)"])
        for (href, text, size) in rows:
            target = "/noindex/" + href
            reply = self.check(target, 200)
            self.assertTrue(size == "" or size == f"{len(reply.body)} B", (text, size))
        self.assertNotIn("<b>", page)
        self.assertIn('href="../"', page)

    def test_listing__nothing_hidden_or_outside(self):
        page = self.check("/evil.example/../noindex/", 200).body.decode()
        self.assertNotIn("hidden", page)
        self.assertNotIn("out", re.findall(r"<a href=[^>]*>([^<]*)", page))
        self.check("/.git/", 404)
        self.check("/outfolder/", 404)
        self.check("/a.txt/", 404)
        self.check("/absent/", 404)

    def test_listing__index_wins_and_redirects_lead_there(self):
        self.check("/sub/", 200, "<p>sub</p>")
        self.assertEqual(self.check("/noindex", 301).fields["location"], "/noindex/")
        self.assertIn(b"index.html/", self.check("/index/", 200).body)

    def test_listing__policy_allows_its_own_style_only(self):
        reply = self.check("/noindex/", 200)
        style = re.search(rb"<style>(.*?)</style>", reply.body, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
        policy = reply.fields["content-security-policy"]
        self.assertIn(f"style-src 'sha256-{digest}'", policy)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn(b"style=", reply.body)

    def test_listing__many_names__bounded(self):
        os.mkdir(self.folder("site/many"))
        for i in range(10_005):
            os.close(os.open(self.folder(f"site/many/{i}"), os.O_CREAT | os.O_WRONLY))
        page = self.check("/many/", 200).body
        self.assertEqual(page.count(b"<tr><td>"), 10_000)
        self.assertIn(b"more than these 10000 names", page)

    def test_listing__empty_folder(self):
        os.mkdir(self.folder("site/void"))
        self.assertIn(b"This folder is empty", self.check("/void/", 200).body)


class Freshness(Case):
    def settle(self, *names):
        """Waits until the files are old enough to be kept in memory, and has them be: the very thing under test."""
        for name in names:
            while time.time() < os.stat(self.folder("site", name)).st_ctime + 4:
                time.sleep(0.1)
        for name in names:
            for door in self.server.doors:
                for _ in range(3):
                    door.ask("/" + name)

    def test_changes__seen_at_once(self):
        names = ["in_place.txt", "replaced.txt", "same_times.txt", "gone.txt"]
        for name in names:
            self.folder.write("site/" + name, "old old")
        self.folder.write("site/moved/page.txt", "old old")
        self.settle(*names, "moved/page.txt")

        self.folder.write("site/in_place.txt", "new new")
        self.check("/in_place.txt", 200, "new new")

        before = self.check("/replaced.txt", 200, "old old").fields["etag"]
        self.folder.write("site/tmp", "new new")
        os.rename(self.folder("site/tmp"), self.folder("site/replaced.txt"))
        after = self.check("/replaced.txt", 200, "new new", If_None_Match=before).fields["etag"]
        self.assertNotEqual(before, after)

        path = self.folder("site/same_times.txt")
        stamp = os.stat(path)
        self.folder.write("site/same_times.txt", "new new")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as tools that keep times do
        self.check("/same_times.txt", 200, "new new")

        os.unlink(self.folder("site/gone.txt"))
        self.check("/gone.txt", 404)

        # The very same file, but the way to it leads out of the root now.
        os.rename(self.folder("site/moved"), self.folder("moved"))
        os.symlink("../moved", self.folder("site/moved"))
        self.check("/moved/page.txt", 404)

    def test_many_changes_in_place__each_seen(self):
        for i in range(100):
            self.folder.write("site/often.txt", f"{i:06d}")
            for door in self.doors():
                self.assertEqual(door.ask("/often.txt").body, f"{i:06d}".encode())

    def test_file_shrinks_while_sent__connection_cut(self):
        for door in self.doors():
            path = self.folder.write("site/shrink.bin")
            os.truncate(path, 200_000_000)
            with door.connect() as s:
                s.sendall(b"GET /shrink.bin HTTP/1.1\r\nHost: test\r\n\r\n")
                first = s.recv(1000)
                os.truncate(path, 1000)
                try:
                    rest = harness.read_all(s)
                except OSError:  # over TLS: the end without close_notify
                    rest = b""
            self.assertIn(b"Content-Length: 200000000", first)
            self.assertLess(len(first) + len(rest), 200_000_000)
        self.check("/a.txt", 200, "0123456789")

    def test_root_is_renamed__goes_on(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        folder.write("one/page.txt", "page")
        server = Server("--http", "127.0.0.1:0", folder("one"))
        self.addCleanup(server.stop)
        os.rename(folder("one"), folder("two"))
        self.assertEqual(server.doors[0].ask("/page.txt").body, b"page")


class Permissions(unittest.TestCase):
    def test_what_the_server_may_not_read__403(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        os.chmod(folder.path, 0o755)
        folder.write("open.txt", "open")
        folder.write("closed.txt", "closed")
        folder.write("closing.txt", "closing")
        folder.write("shut/page.txt", "page")
        os.chmod(folder("closed.txt"), 0)
        os.chmod(folder("shut"), 0)
        # To root nothing is closed, so root has somebody else run the server.
        user = 65534 if os.geteuid() == 0 else None
        server = Server("--http", "127.0.0.1:0", folder.path, user=user)
        self.addCleanup(server.stop)
        door = server.doors[0]
        self.assertEqual(door.ask("/open.txt").status, 200)
        self.assertEqual(door.ask("/closed.txt").status, 403)
        self.assertEqual(door.ask("/shut/page.txt").status, 403)
        self.assertEqual(door.ask("/shut/absent.txt").status, 403)
        # Also for what is in memory already.
        while time.time() < os.stat(folder("closing.txt")).st_ctime + 4:
            time.sleep(0.1)
        self.assertEqual(door.ask("/closing.txt").status, 200)
        os.chmod(folder("closing.txt"), 0)
        self.assertEqual(door.ask("/closing.txt").status, 403)


class OutOfDescriptors(unittest.TestCase):
    def test_no_descriptor_for_a_file__503_and_recovers(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        folder.write("big.bin", BIG)
        server = Server("--http", "127.0.0.1:0", "--workers", "1", folder.path,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
        self.addCleanup(server.stop)
        door = server.doors[0]
        request = b"GET /big.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=0-0\r\n\r\n"
        with door.connect() as s:
            fillers = []
            try:
                deadline = time.monotonic() + harness.PATIENCE_S
                while time.monotonic() < deadline:
                    s.sendall(request)
                    reply = s.recv(4096)
                    if b" 503 " in reply.split(b"\r\n")[0]:
                        break
                    if len(fillers) < 24:
                        fillers.append(door.connect())
                self.assertIn(b"Retry-After: 1\r\n", reply)
            finally:
                for filler in fillers:
                    filler.close()
        # The server sees the others close in its own time.
        reply = door.ask("/big.bin")
        while reply.status == 503 and time.monotonic() < deadline:
            reply = door.ask("/big.bin")
        self.assertEqual(reply.body, BIG)


class Echo(Case):
    options = ("--echo",)

    def ask_both(self, target, **kwargs):
        replies = [door.ask(target, **kwargs) for door in self.server.doors]
        for reply in replies:
            reply.fields.pop("date")
        self.assertEqual(replies[0], replies[1])  # the promise: the door makes no difference
        return replies[0]

    def test_get__every_part_in_every_format(self):
        for accept, media_type in (("text/html", "text/html; charset=utf-8"), ("text/plain", "text/plain; charset=utf-8"),
                                   ("application/json", "application/json"), ("*/*", "text/plain; charset=utf-8"),
                                   ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
                                   ("image/png", "text/plain; charset=utf-8")):
            reply = self.ask_both("/echo/a%20b?x=%3Cb%3E&y=&x=2", Accept=accept, X_Odd='<i>"&')
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.fields["content-type"], media_type)
            self.assertEqual(reply.fields["vary"], "Accept")
            self.assertEqual(reply.fields["cache-control"], "no-store")
            self.assertEqual(reply.fields["x-content-type-options"], "nosniff")
            text = reply.body.decode()
            for part in ("GET", "/echo/a b", "HTTP/1.1", "X-Odd"):
                self.assertIn(part, text)
            if "html" in media_type:
                self.assertIn("&lt;i&gt;&quot;&amp;", text)
                self.assertNotIn("<i>", text)
                self.assertNotIn("<b>", text)

    def test_json__is_json(self):
        import json
        body = "name=Ann&text=%C3%A9%0A+x&name=Bob&&bad=%zz&raw=%ff".encode()
        reply = self.ask_both("/echo?q=1", method="POST", body=body, Accept="application/json",
                              Content_Type="application/x-www-form-urlencoded")
        data = json.loads(reply.body)
        self.assertEqual(data["request"]["method"], "POST")
        self.assertEqual(data["request"]["target"], "/echo?q=1")
        self.assertEqual(data["query"], [{"name": "q", "value": "1"}])
        self.assertEqual(data["body"]["length"], len(body))
        self.assertEqual([(f["name"], f["value"]) for f in data["form"]],
                         [("name", "Ann"), ("text", "é\n x"), ("name", "Bob"), ("bad", "%zz"), ("raw", "\ufffd")])
        self.assertEqual(data["text"], body.decode())

    def test_bodies__text_bounded_binary_not_shown(self):
        reply = self.ask_both("/echo", method="POST", body=b"x" * 5000, Content_Type="text/plain")
        self.assertIn(b"bytes not shown: 904", reply.body)
        reply = self.ask_both("/echo", method="POST", body=b"\x00\x01binary", Content_Type="image/png")
        self.assertNotIn(b"binary", reply.body)
        self.assertIn(b"length: 8", reply.body)
        reply = self.ask_both("/echo", method="POST", body=b"&".join([b"a=1"] * 1500),
                              Content_Type="application/x-www-form-urlencoded")
        self.assertIn(b"fields not shown: 500", reply.body)

    def test_transport__only_when_asked_for(self):
        plain = self.server.door("http").ask("/echo?transport=1").body.decode()
        secure = self.server.door("https").ask("/echo?transport=1").body.decode()
        self.assertIn("scheme: http\n", plain)
        self.assertIn("scheme: https\n", secure)
        self.assertIn("security: TLSv1.3\n", secure)
        self.assertIn("cipher: TLS1-3-", secure)
        self.assertNotIn("scheme", self.ask_both("/echo").body.decode())

    def test_body__comes_back_as_it_was(self):
        for sent, media_type in (("text/html; charset=latin-1", "text/plain; charset=utf-8"),
                                 ("TEXT/Markdown", "text/plain; charset=utf-8"), ("image/svg+xml", "application/octet-stream"),
                                 ("nonsense", "application/octet-stream")):
            reply = self.ask_both("/echo/body", method="POST", body=BIG, Content_Type=sent)
            self.assertEqual(reply.body, BIG)
            self.assertEqual(reply.fields["content-type"], media_type)
            self.assertEqual(reply.fields["x-content-type-options"], "nosniff")
        self.assertEqual(self.ask_both("/echo/body", method="POST", Content_Length="0").body, b"")

    def test_page__policy_allows_its_own_style_only(self):
        reply = self.ask_both("/echo", Accept="text/html")
        style = re.search(rb"<style>(.*?)</style>", reply.body, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
        self.assertIn(f"style-src 'sha256-{digest}'", reply.fields["content-security-policy"])

    def test_head__has_a_date_that_is_now(self):
        date = parsedate_to_datetime(self.server.doors[0].ask("/echo", method="HEAD").fields["date"])
        self.assertLess(abs(date.timestamp() - time.time()), 60)


if __name__ == "__main__":
    harness.main()
