#!/usr/bin/env python3
"""Posts at the command line: what a server is told to take, where that is kept, and reading and removing it beside the
running server."""

import csv
import fcntl
import hashlib
import html.parser
import io
import json
import os
import pty
import re
import sqlite3
import stat
import struct
import subprocess
import termios
import unittest
import unittest.mock
import urllib.parse

import harness
from harness import Folder, Server, run

README = os.path.join(harness.SOURCE_DIR, "README.md")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
FORM = "application/x-www-form-urlencoded"


def multipart(fields=(), files=()):
    """A body and its Content-Type. files: (name, file name, bytes)."""
    boundary = "----postern-test-boundary"
    parts = [f'Content-Disposition: form-data; name="{n}"\r\n\r\n'.encode() + v.encode() for n, v in fields]
    parts += [f'Content-Disposition: form-data; name="{n}"; filename="{f}"\r\nContent-Type: image/png\r\n\r\n'.encode() + data
              for n, f, data in files]
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return body + b"--" + boundary.encode() + b"--\r\n", "multipart/form-data; boundary=" + boundary


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.folder.write("site/index.html", "<p>hello</p>")
        self.site, self.data = self.folder("site"), self.folder("data")

    def start(self, *args, **kwargs):
        server = Server("--http", "127.0.0.1:0", *args, self.site, **kwargs)
        self.addCleanup(server.stop)
        return server

    def post(self, server, box, body, kind=FORM, accept="application/json", **fields):
        body = body.encode() if isinstance(body, str) else body
        return server.doors[0].ask(f"/post/{box}", method="POST", body=body, Content_Type=kind, Accept=accept,
                                   **{"Host": "localhost", **fields})

    def posts(self, *args, status=0, err=""):
        """What postern posts prints."""
        got, out, errors = run("posts", *args, "--data", self.data)
        self.assertEqual((got, errors if err is not None else None), (status, err), out)
        return out

    def refused(self, pattern, *args):
        status, out, err = run(*args)
        self.assertEqual((status, out), (2, ""), err)
        self.assertRegex(err, r"\Apostern: [^\n]+\n\Z")
        self.assertRegex(err, pattern)

    def read(self, name):
        with open(name, "rb") as f:
            return f.read()

    def modes(self, folder):
        return {stat.S_IMODE(os.lstat(os.path.join(top, name)).st_mode) for top, folders, _ in os.walk(folder)
                for name in folders} | {stat.S_IMODE(os.lstat(folder).st_mode)}


class Folders(Case):
    def test_nothing_takes_posts__no_folder(self):
        with unittest.mock.patch.dict(os.environ, XDG_DATA_HOME=self.folder("xdg")):
            server = self.start()
            self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(self.folder("xdg")))
        self.assertFalse([line for line in server.out.lines if "posts" in line])

    def test_default_folder__by_xdg__this_user_only(self):
        with unittest.mock.patch.dict(os.environ, XDG_DATA_HOME=self.folder("xdg/data")):
            server = self.start("--box", "contact", "--box", "files:files,public", "--board")
            self.assertEqual(self.post(server, "contact", "name=Ada").status, 201)
            self.assertEqual(server.stop(), 0)
            status, out, _ = run("posts", "list")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^contact +1 ")
        self.assertEqual(self.modes(self.folder("xdg")), {0o700})
        at = server.out.lines.index("posts are kept in " + self.folder("xdg/data/postern"))
        self.assertEqual(server.out.lines[at + 1:at + 4], ["  box contact at /post/contact", "  box files at /post/files",
                                                           "  message board at /board"])

    def test_boxes_auto__on_this_machine__any_box(self):
        server = self.start("--boxes", "auto", "--data", self.data)
        server.out.wait_for("^  any box at /post/NAME, made by its first post$")
        self.assertEqual(self.post(server, "anything", "a=1").status, 201)
        self.assertEqual(self.post(server, "Bad%20name", "a=1").status, 404)
        self.refused("--boxes auto and --public do not go together", "--boxes", "auto", "--public", self.site)
        self.refused(r"for this machine only, and \*:0 is not", "--boxes", "auto", "--http", "*:0", self.site)

    def test_boxes_auto__limit(self):
        server = self.start("--boxes", "auto", "--limit", "boxes=2", "--data", self.data)
        self.assertEqual([self.post(server, f"box{i}", "a=1").status for i in range(4)], [201, 201, 507, 507])
        self.assertEqual(self.post(server, "box0", "a=2").status, 201)

    def test_undeclared_box__is_not_there(self):
        server = self.start("--box", "contact", "--data", self.data)
        self.assertEqual(self.post(server, "other", "a=1").status, 404)
        self.assertEqual(server.doors[0].ask("/").body, b"<p>hello</p>")

    def test_box_wrong__one_line_and_nothing_is_made(self):
        for pattern, spec in (("--box Contact: .", "Contact"), ("--box contact:fils: .", "contact:fils"),
                              ("--box a:max-file=1X: .", "a:max-file=1X")):
            self.refused(pattern, "--no-https", "--data", self.data, "--box", spec, self.site)
        self.refused("--box a: .", "--no-https", "--data", self.data, "--box", "a:public", "--box", "a", self.site)
        self.assertFalse(os.path.exists(self.data))

    def test_folder_in_the_site__refused(self):
        for data in (self.folder("site/data"), self.site, self.folder("site/../site/data"), self.folder("site/data/")):
            self.refused("where every visitor could fetch them: keep them elsewhere with --data DIR", "--no-https", "--board",
                         "--data", data, self.site)
        os.makedirs(self.folder("data/files"))
        self.refused("where every visitor could fetch them", "--no-https", "--board", "--data", self.data,
                     self.folder("data/files"))
        self.assertEqual(os.listdir(self.site), ["index.html"])
        self.start("--board", "--data", self.folder("site/.data"))  # hidden, so not served

    def test_folder_in_use__by_another_server__refused(self):
        self.start("--board", "--data", self.data)
        self.refused(re.escape(self.data), "--http", "127.0.0.1:0", "--board", "--data", self.data, self.site)

    def test_folder_unfit__refused_and_left_alone(self):
        self.start("--board", "--data", self.data).stop()
        name = self.folder("data/posts.db")
        with sqlite3.connect(name) as db:
            db.execute("PRAGMA user_version = 999")
        db.close()
        before = self.read(name)
        for args in (("--no-https", "--board", self.site), ("posts", "list")):
            self.refused("newer postern", *args, "--data", self.data)
        self.assertEqual(self.read(name), before)
        self.folder.write("data/posts.db", b"no database at all" * 1000)
        for args in (("--no-https", "--board", self.site), ("posts", "list")):
            self.refused(".", *args, "--data", self.data)
        self.assertEqual(self.read(name), b"no database at all" * 1000)

    def test_check__looks_and_makes_nothing(self):
        args = ("--check", "--no-https", "--board", "--box", "a", "--data", self.data, self.site)
        self.assertEqual(run(*args), (0, "ok\n", ""))
        self.assertFalse(os.path.exists(self.data))
        self.start("--board", "--data", self.data)
        self.assertEqual(run(*args), (0, "ok\n", ""))  # beside a server
        self.refused("--box a:nonsense", *args, "--box", "a:nonsense")

    def test_log__a_line_like_any(self):
        server = self.start("--box", "contact", "--data", self.data)
        self.post(server, "contact", "name=Ada")
        server.out.wait_for(r'^127\.0\.0\.1 - - \[.+\] "POST /post/contact HTTP/1\.1" 201 \d+ "-" "-" http/1\.1 - - \d+us ok$')


class Commands(Case):
    """Beside a running server."""

    def setUp(self):
        super().setUp()
        self.server = self.start("--boxes", "auto", "--board", "--data", self.data)

    def fill(self, count=3):
        for i in range(count):
            self.assertEqual(self.post(self.server, "contact", f"name=Ada+{i}&message=line+one%0D%0Aline+two").status, 201)

    def test_list__boxes_and_posts(self):
        self.assertEqual(self.posts("list", err=None), "")
        self.fill()
        self.assertRegex(self.posts("list"), r"\ABOX +POSTS +SIZE +NEWEST\ncontact +3 +\d+ B  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n\Z")
        lines = self.posts("list", "contact").splitlines()
        self.assertEqual([re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", line) for line in lines],
                         [f"{i + 1}  TIME  name: Ada {i}  message: line one line two" for i in (2, 1, 0)])
        self.assertEqual(self.posts("list", "contact", "--count", "1", err="2 older: --count 0 lists all\n").count("\n"), 1)
        boxes = json.loads(self.posts("list", "--format", "json"))
        self.assertEqual([(box["name"], box["count"]) for box in boxes], [("contact", 3)])

    def test_list__more_than_a_page__all_in_order(self):
        with self.server.doors[0].connect() as s:
            for i in range(150):
                body = f"n={i}"
                end = "close" if i == 149 else "keep-alive"
                s.sendall(f"POST /post/many HTTP/1.1\r\nHost: localhost\r\nConnection: {end}\r\nContent-Type: {FORM}\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            harness.read_all(s)
        ids = [post["id"] for post in json.loads(self.posts("list", "many", "--count", "0", "--format", "json"))]
        self.assertEqual(ids, list(range(150, 0, -1)))
        ids = [json.loads(line)["id"] for line in self.posts("export", "many").splitlines()]
        self.assertEqual(ids, list(range(1, 151)))
        lines = self.posts("list", "many", err="100 older: --count 0 lists all\n").splitlines()
        self.assertEqual(len(lines), 50)

    def test_show(self):
        self.fill(2)
        out = self.posts("show", "contact", "2")
        self.assertRegex(out, r"\Apost 2 of contact, .* from 127\.0\.0\.1, application/x-www-form-urlencoded\n"
                              r"name: Ada 1\nmessage:\n    line one\n    line two\n\Z")
        post = json.loads(self.posts("show", "contact", "2", "--format", "json"))
        self.assertEqual((post["id"], post["fields"]["name"], post["address"]), (2, "Ada 1", "127.0.0.1"))
        both = json.loads(self.posts("show", "contact", "1", "2", "--format", "json"))
        self.assertEqual([post["id"] for post in both], [1, 2])

    def test_export__formats(self):
        self.fill(2)
        kind = "application/json"
        self.assertEqual(self.post(self.server, "contact", '{"deep": [1, {"a": null}],\n "b": "\\u0007"}', kind).status, 201)
        self.assertEqual(self.post(self.server, "contact", "just text", "text/plain").status, 201)
        lines = [json.loads(line) for line in self.posts("export", "contact").splitlines()]
        self.assertEqual([post["id"] for post in lines], [1, 2, 3, 4])
        self.assertEqual(lines[0]["fields"], {"name": "Ada 0", "message": "line one\r\nline two"})
        self.assertEqual(lines[2]["body"], {"deep": [1, {"a": None}], "b": "\a"})
        self.assertEqual(lines[3]["body"], "just text")
        self.assertEqual(json.loads(self.posts("export", "contact", "--format", "json")), lines)
        rows = list(csv.reader(io.StringIO(self.posts("export", "contact", "--format", "csv"), newline="")))
        self.assertEqual(rows[0][:4], ["id", "time", "name", "message"])
        self.assertEqual(rows[2][2:4], ["Ada 1", "line one\r\nline two"])
        self.assertEqual(len(rows), 5)

    def test_export__files__safe_names_whole_contents(self):
        names = ["cat.png", "../../evil.png", "/etc/passwd", ".."]
        for name in names:
            body, kind = multipart([("name", "Ada")], [("picture", name, PNG + name.encode())])
            self.assertEqual(self.post(self.server, "pics", body, kind).status, 201)
        out = self.folder("out")
        err = f"4 files are in {out}\n"
        self.posts("export", "pics", "--files", out, err=err)
        wanted = {"pics-1-1-cat.png": 0, "pics-2-1-evil.png": 1, "pics-3-1-passwd": 2, "pics-4-1-..": 3}
        self.assertEqual(sorted(os.listdir(out)), sorted(wanted))
        lines = [json.loads(line) for line in self.posts("export", "pics", "--files", out, err=err).splitlines()]  # again
        for name, i in wanted.items():
            with open(os.path.join(out, name), "rb") as f:
                contents = f.read()
            self.assertEqual(contents, PNG + names[i].encode())
            self.assertEqual(lines[i]["files"][0]["sha256"], hashlib.sha256(contents).hexdigest())
        self.assertEqual({stat.S_IMODE(os.stat(os.path.join(out, name)).st_mode) for name in wanted}, {0o600})
        self.folder.write("file", "no folder")
        self.assertRegex(self.refusal("export", "pics", "--files", self.folder("file")), "cannot write to the folder")
        self.assertIn("cat.png, image/png", self.posts("show", "pics", "1"))

    def refusal(self, *args):
        status, out, err = run("posts", *args, "--data", self.data)
        self.assertEqual((status, out), (1, ""), err)
        self.assertRegex(err, r"\Apostern: [^\n]+\n\Z")
        return err

    def test_delete__gone_for_the_server_too(self):
        self.fill(3)
        self.assertEqual(self.posts("delete", "contact", "1", "3"), "removed post 1 of box contact\nremoved post 3 of box contact\n")
        self.assertEqual([json.loads(line)["id"] for line in self.posts("export", "contact").splitlines()], [2])
        self.assertEqual(self.server.doors[0].ask("/post/contact/1", Host="localhost").status, 404)
        self.assertEqual(self.server.doors[0].ask("/post/contact/2", Host="localhost").status, 200)
        self.assertIn("there is no post 3 in box contact", self.refusal("delete", "contact", "3"))
        self.fill(1)  # numbers are not used again
        self.assertEqual([json.loads(line)["id"] for line in self.posts("export", "contact").splitlines()], [2, 4])

    def test_delete__last_use_of_a_file__vanishes_from_the_disk(self):
        body, kind = multipart([("name", "Ada")], [("picture", "cat.png", PNG)])
        for _ in range(2):
            self.assertEqual(self.post(self.server, "pics", body, kind).status, 201)
        self.assertEqual(len(os.listdir(self.folder("data/files"))), 1)
        self.posts("delete", "pics", "1")
        self.assertEqual(len(os.listdir(self.folder("data/files"))), 1)
        self.posts("delete", "pics", "2")
        self.assertEqual(os.listdir(self.folder("data/files")), [])

    def test_vacuum(self):
        self.fill(2)
        self.assertRegex(self.posts("vacuum"), rf"\A{re.escape(self.data)} is sound; \d+ bytes were given back\n\Z")
        self.posts("vacuum", "contact")

    def test_not_there__status_1_and_one_line(self):
        self.fill(1)
        self.assertIn(f"there is no box contcat in {self.data}: did you mean contact?", self.refusal("list", "contcat"))
        self.assertIn("there is no box contcat", self.refusal("export", "contcat"))
        self.assertIn("there is no box contcat", self.refusal("show", "contcat", "1"))
        self.assertIn("there is no box contcat", self.refusal("delete", "contcat", "1"))
        self.assertIn("there is no box zzz in", self.refusal("vacuum", "zzz"))
        self.assertIn("there is no post 9 in box contact", self.refusal("show", "contact", "9"))
        status, out, err = run("posts", "show", "contact", "9", "1", "--data", self.data)
        self.assertEqual((status, out[:6]), (1, "post 1"), err)

    def test_usage__status_2_and_one_line(self):
        self.refused("say what to do with the posts: list, show", "posts")
        self.refused("did you mean posts list", "posts", "lst")
        self.refused("posts show needs the ID of a post", "posts", "show", "contact")
        self.refused("--format \"xml\" is none of text", "posts", "list", "--format", "xml")
        self.refused(re.escape(self.folder("nowhere")), "posts", "list", "--data", self.folder("nowhere"))
        self.refused('no folder and no command "post": did you mean postern posts', "post", "list")

    def test_help(self):
        status, out, err = run("posts", "--help")
        self.assertEqual((status, err), (0, ""))
        with open(README, encoding="utf-8") as f:
            self.assertIn("```text\n" + out + "```", f.read(), "put the output of postern posts --help into README.md")
        self.assertIn("postern posts COMMAND", run("--help")[1])

    def test_disk_full__said(self):
        self.fill(1)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.BIN, "posts", "export", "contact", "--data", self.data], stdout=full,
                                  stderr=subprocess.PIPE, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, b"postern: cannot write to standard output: No space left on device\n"))

    def on_terminal(self, *args, columns=60):
        """What appears on a terminal of so many columns."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        process = subprocess.Popen([harness.BIN, "posts", *args, "--data", self.data], stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=subprocess.PIPE)
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:
            pass  # a terminal whose other end was closed
        os.close(ours)
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual((process.wait(harness.PATIENCE_S), err), (0, b""))
        return b"".join(parts).replace(b"\r\n", b"\n")

    def test_terminal__what_visitors_wrote_commands_nothing(self):
        evil = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp.exe\x7f" + "x" * 100
        body = urllib.parse.urlencode({"name": evil, evil: "y"})
        self.assertEqual(self.post(self.server, "contact", body).status, 201)
        self.assertEqual(self.post(self.server, "contact", evil, "text/plain;charset=utf-8").status, 201)
        self.assertEqual(self.post(self.server, "contact", json.dumps({"a": evil}, ensure_ascii=False)
                                   .replace("\x1b", "\\u001b").replace("\x07", "\\u0007"), "application/json").status, 201)
        for args in (("list", "contact"), ("show", "contact", "1", "2", "3"), *(
                ("export", "contact", "--format", name) for name in ("text", "json", "ndjson", "csv"))):
            shown = self.on_terminal(*args).decode().replace("\r\n", "\n")  # those of CSV
            self.assertFalse(set(shown) & set("\x1b\x07\x7f\x9b\u202e\r"), (args, shown))
            self.assertIn("title", shown)
        for line in self.on_terminal("list", "contact").decode().splitlines():
            self.assertLessEqual(len(line), 60)
        # For a program it is what it was.
        posts = json.loads(self.posts("export", "contact", "--format", "json"))
        self.assertEqual(posts[0]["fields"]["name"], evil)
        self.assertEqual(json.loads(self.on_terminal("export", "contact", "--format", "json")), posts)


class Form(html.parser.HTMLParser):
    """The first form of a page: method, action, and its fields' names."""

    def __init__(self, text):
        super().__init__()
        self.form, self.names, self.hidden, self.depth = None, [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.form = attrs
        elif tag == "p":
            self.depth = "hidden" in attrs
        elif tag in ("input", "textarea") and "name" in attrs:
            (self.hidden if self.depth else self.names).append(attrs["name"])


class Readme(Case):
    """The three steps, as the README has them."""

    def setUp(self):
        super().setUp()
        with open(README, encoding="utf-8") as f:
            self.text = f.read().split("\n## Posts\n")[1].split("\n## ")[0]

    def test_three_steps(self):
        page = re.search(r"```html\n(.*?)```", self.text, re.S)[1]
        form = Form(page)
        self.assertEqual((form.form["method"], form.form["action"]), ("post", "/post/contact"))
        self.folder.write("site/contact.html", page)
        command = re.search(r"```sh\npostern (--box \S+) ~/my-site\n```", self.text)[1].split()
        server = self.start(*command, "--data", self.data)

        body = urllib.parse.urlencode({**{name: f"my {name}" for name in form.names}, **{name: "" for name in form.hidden}})
        page_type = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        reply = self.post(server, "contact", body, accept=page_type)
        self.assertEqual(reply.status, 303, reply.body)
        self.assertEqual(server.doors[0].ask(reply.fields["location"], Accept=page_type).status, 200)
        spam = urllib.parse.urlencode({**{name: "x" for name in form.names}, **{name: "x" for name in form.hidden}})
        self.assertEqual(self.post(server, "contact", spam, accept=page_type).status, 303)
        self.assertEqual(self.post(server, "contact", "name=only").status, 422)

        commands = [line.split("#")[0].split(">")[0].split() for line in self.text.splitlines()
                    if line.startswith("postern posts ")]
        self.assertEqual([words[2] for words in commands], ["list", "show", "export"])
        outputs = [self.posts(*words[2:]) for words in commands]
        for output in outputs:
            for name in form.names:
                self.assertIn(f"my {name}", output)
        self.assertEqual(outputs[0].count("\n"), 1)
        reply = server.doors[0].ask("/post/contact", Host="localhost", Accept=page_type)
        self.assertEqual(reply.status, 200)
        self.assertIn(b"my message", reply.body)

    def test_box_options__are_taken(self):
        rows = re.findall(r"^\| `([a-z-]+)(=[^`]+)?` \|", self.text, re.M)
        examples = {"=N": "=3", "=SIZE": "=20M", "=a+b!+c": "=a+b!+c", "=NAME": "=website", "=/PATH": "=/thanks.html",
                    "=ORIGIN": "=https://example.com"}
        self.assertGreater(len(rows), 9)
        spec = "contact:" + ",".join(name + (examples[value] if value else "") for name, value in rows)
        self.assertEqual(run("--check", "--no-https", "--box", spec, "--data", self.data, self.site), (0, "ok\n", ""))
        with open(os.path.join(harness.SOURCE_DIR, "src/handlers/box.h"), encoding="utf-8") as f:
            known = re.findall(r"^ \*   ([a-z-]+)(?:=\S+)? ", f.read(), re.M)
        self.assertEqual([name for name, _ in rows], known)


if __name__ == "__main__":
    harness.main()
