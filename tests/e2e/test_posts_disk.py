#!/usr/bin/env python3
"""A disk that is full, and limits of what may be stored: the answer arrives, nothing half is kept, service goes on.

The disk is a small tmpfs, which only root can mount; without that these tests are skipped.

Run: python3 tests/e2e/test_posts_disk.py [-v]"""

import os
import random
import subprocess
import unittest

import harness
import posting

MIB = 1 << 20
DISK_BYTES = 16 * MIB


class Base(unittest.TestCase):
    options = ()

    def start(self, data):
        self.server = posting.PostServer(os.path.dirname(self.site), data, "--boxes", "auto", *self.options)
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.process.kill())

    def setUp(self):
        self.folder = harness.Folder()
        self.addCleanup(self.folder.remove)
        self.site = self.folder.write("site/index.html", "hello")

    def post(self, scheme, text, size=0, target="/post/box"):
        data = random.Random(size).randbytes(size)
        kind, body = posting.multipart([("text", text)], [("file", "big.bin", "", data)] if size else [])
        return self.server.door(scheme).ask(target, "POST", body, Content_Type=kind, Accept="application/json",
                                            Host="localhost")

    def texts(self):
        return [post["fields"]["text"] for post in self.server.all_posts("box")]


@unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
class FullDisk(Base):
    def setUp(self):
        super().setUp()
        self.disk = self.folder("disk")
        os.mkdir(self.disk, 0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", self.disk],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("cannot mount a small disk here: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.data = os.path.join(self.disk, "data")

    def tearDown(self):
        self.assertEqual(self.server.stop(), 0)
        files, left, verdict = posting.inspect(self.data)
        self.assertEqual((left, verdict), ([], [("ok",)]))
        for name, digest in files.items():
            self.assertEqual(name, digest)

    def used(self):
        stat = os.statvfs(self.disk)
        return (stat.f_blocks - stat.f_bfree) * stat.f_frsize

    def test_upload__disk_fills_up_meanwhile__507_and_later_posts_work(self):
        self.options = ("--limit", "spare_bytes=0")
        self.start(self.data)
        self.assertEqual(self.post("http", "before").status, 201)
        before = self.used()
        for scheme in ("http", "https"):
            reply = self.post(scheme, "too big", 2 * DISK_BYTES)
            self.assertEqual(reply.status, 507, reply.body)
            self.assertEqual(self.post(scheme, "after " + scheme, 1000).status, 201)
        self.assertEqual(self.texts(), ["after https", "after http", "before"])
        self.assertLess(self.used() - before, MIB) # nothing of the big ones was kept

    def test_small_post__not_one_byte_left__507_then_room_again_and_it_works(self):
        self.options = ("--limit", "spare_bytes=0")
        self.start(self.data)
        self.assertEqual(self.post("http", "before").status, 201)
        ballast = os.path.join(self.disk, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        statuses = [self.post("https", f"full {i} " + "x" * 60000).status for i in range(8)]
        # A few may still fit in pages that the database has; then no more.
        self.assertEqual(statuses[-1], 507, statuses)
        self.assertEqual(self.server.door("http").ask("/").status, 200)
        os.remove(ballast)
        self.assertEqual(self.post("http", "after").status, 201)
        texts = self.texts()
        self.assertEqual((texts[0], texts[-1], len(texts)), ("after", "before", 2 + statuses.count(201)))

    def test_spare_bytes__disk_nearly_full__507_before_it_is(self):
        self.options = ("--limit", f"spare_bytes={8 * MIB}")
        self.start(self.data)
        self.assertEqual(self.post("http", "small", 2 * MIB).status, 201)
        self.assertEqual(self.post("http", "large", 7 * MIB).status, 507)
        self.assertLess(self.used(), DISK_BYTES - 8 * MIB + MIB)
        self.assertEqual(self.post("http", "small again", MIB).status, 201)


class Limits(Base):
    def check(self, options, good, bad, status):
        self.options = [word for option in options for word in ("--limit", option)]
        self.start(self.folder("data"))
        for scheme in ("http", "https"):
            reply = self.post(scheme, "good", good)
            self.assertEqual(reply.status, 201, reply.body)
            reply = self.post(scheme, "bad", bad)
            self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(self.texts(), ["good", "good"])
        self.assertEqual(self.server.stop(), 0)
        _, left, _ = posting.inspect(self.folder("data"))
        self.assertEqual(left, [])

    def test_form_file_bytes__over__413(self):
        self.check(["form_file_bytes=100000"], 100000, 100001, 413)

    def test_stream_bytes__over__413_though_much_is_still_to_come(self):
        self.check(["stream_bytes=200000"], 100000, 8 * MIB, 413)

    def test_box_bytes__over__507(self):
        self.check(["box_bytes=300000"], 100000, 200000, 507)

    def test_data_bytes__over__507(self):
        self.check(["data_bytes=300000"], 100000, 200000, 507)

    def test_boxes__over__507(self):
        self.options = ("--limit", "boxes=2")
        self.start(self.folder("data"))
        statuses = [self.post("http", "text", target=f"/post/{name}").status for name in ("a", "b", "c", "a")]
        self.assertEqual(statuses, [201, 201, 507, 201])
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    harness.main()
