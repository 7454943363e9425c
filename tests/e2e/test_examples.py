#!/usr/bin/env python3
"""The embedding examples do what they say: the guestbook keeps entries, tells of them as they come, and shows them as a page
and as JSON. (The README's program is in test_readme.py.)"""

import json
import os
import re
import signal
import subprocess
import unittest
import urllib.parse

import harness
from harness import Door, Folder, Stream

BUILD = os.environ.get("POSTERN_BUILD_DIR", os.path.join(harness.SOURCE_DIR, "build/asan"))
GUESTBOOK = os.path.join(BUILD, "examples", "guestbook")


class Guestbook(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.start()

    def start(self):
        self.process = subprocess.Popen([GUESTBOOK, "127.0.0.1:0", self.folder("data")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = Stream(self.process.stdout), Stream(self.process.stderr)
        self.addCleanup(self.stop)
        url = self.out.wait_for(r"^http://127\.0\.0\.1:(\d+)/guestbook$")[0]
        self.door = Door("http", "127.0.0.1", int(url[1]))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(harness.PATIENCE_S)
        for stream in (self.out, self.err):
            stream.join(harness.PATIENCE_S)
            stream.pipe.close()
        self.assertEqual((status, self.err.lines), (0, []))

    def write(self, **fields):
        return self.door.ask("/guestbook", method="POST", body=urllib.parse.urlencode(fields).encode(),
                             Content_Type="application/x-www-form-urlencoded")

    def entries(self):
        reply = self.door.ask("/guestbook.json")
        self.assertEqual((reply.status, reply.fields["content-type"]), (200, "application/json"))
        return [(entry["id"], entry["name"], entry["text"]) for entry in json.loads(reply.body)]

    def test_entries__kept_and_shown(self):
        self.assertEqual(self.entries(), [])
        reply = self.write(name="Ada <b>", text='says "hello" & more\n')
        self.assertEqual((reply.status, reply.fields["location"]), (303, "/guestbook"))
        self.assertEqual(self.write(name="Zoë", text="me too").status, 303)
        self.assertEqual(self.entries(), [(2, "Zoë", "me too"), (1, "Ada <b>", 'says "hello" & more\n')])
        page = self.door.ask("/guestbook")
        self.assertEqual(page.fields["content-type"], "text/html; charset=utf-8")
        self.assertRegex(page.body.decode(), r"<li>Zoë: me too</li>\n<li>Ada &lt;b&gt;: says &quot;hello&quot; &amp; more")
        self.stop()
        self.start()
        self.assertEqual([entry[0] for entry in self.entries()], [2, 1])

    def test_guestbook__post_from_another_sites_page__refused(self):
        for origin in ("https://elsewhere.example", "null"):
            reply = self.door.ask("/guestbook", method="POST", body=b"name=Mallory&text=hi", Origin=origin,
                                  Content_Type="application/x-www-form-urlencoded")
            self.assertEqual(reply.status, 403)
        self.assertNotIn(b"Mallory", self.door.ask("/guestbook").body)

    def test_bad_posts__said_why_and_not_kept(self):
        for body, kind, status in ((b"name=Ada", "application/x-www-form-urlencoded", 422),
                                   (b"name=&text=x", "application/x-www-form-urlencoded", 422),
                                   (b"--x", "multipart/form-data; boundary=x", 400),
                                   (b"{}", "application/json", 415)):
            reply = self.door.ask("/guestbook", method="POST", body=body, Content_Type=kind)
            self.assertEqual(reply.status, status, reply)
            self.assertTrue(json.loads(reply.body)["reason"])
        self.assertEqual(self.entries(), [])

    def test_events__one_for_each_entry_and_no_hindrance_at_the_end(self):
        with self.door.connect() as s:
            s.sendall(b"GET /guestbook/events HTTP/1.1\r\nHost: test\r\n\r\n")
            stream = s.makefile("rb")
            self.assertIn(b"200", stream.readline())
            head = b"".join(iter(stream.readline, b"\r\n"))
            self.assertRegex(head, rb"(?i)content-type: text/event-stream")
            self.assertEqual(self.write(name="Ada", text="hello").status, 303)
            self.assertTrue(any(line == b"data: new\n" for line in stream))
            # By the handlers that come with postern, too, and removing as well.
            reply = self.door.ask("/post/guestbook", method="POST", body=b"name=Zoe&text=hi", Accept="application/json",
                                  Content_Type="application/x-www-form-urlencoded", Host="localhost")
            self.assertEqual(reply.status, 201)
            self.assertTrue(any(line == b"data: new\n" for line in stream))
            self.assertEqual(self.door.ask("/post/guestbook/1", method="DELETE", Host="localhost").status // 100, 2)
            self.assertTrue(any(line == b"data: gone\n" for line in stream))
            self.assertEqual(self.entries(), [(2, "Zoe", "hi")])
            self.stop()  # with a reader whose reply has no end of its own

    def test_box__read_by_everybody(self):
        self.assertEqual(self.write(name="Ada", text="hello").status, 303)
        reply = self.door.ask("/post/guestbook?format=ndjson")
        self.assertEqual(json.loads(reply.body)["fields"], {"name": "Ada", "text": "hello"})


class Usage(unittest.TestCase):
    def test_guestbook__wrong__said(self):
        done = subprocess.run([GUESTBOOK], capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (2, b"usage: guestbook ADDRESS FOLDER\n"))
        done = subprocess.run([GUESTBOOK, "127.0.0.1:0", "/proc/nowhere"], capture_output=True, timeout=harness.PATIENCE_S,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(re.search(rb"\Aguestbook: [^\n]+\n\Z", done.stderr), done.stderr)


if __name__ == "__main__":
    harness.main()
