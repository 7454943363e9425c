#!/usr/bin/env python3
"""A large file over both doors: it arrives whole, and the server's memory stays where it was.

POSTERN_UPLOAD_MIB is its size.

Run: python3 tests/e2e/test_posts_upload.py [-v]"""

import os
import random
import re
import subprocess
import unittest

import harness
import peers
import posting

MIB = 1 << 20
SIZE_MIB = int(os.environ.get("POSTERN_UPLOAD_MIB", "128"))
# The buffers of one upload and of one connection, with room for the allocator. Sanitizers keep freed memory.
GROWTH_MOST_BYTES = (64 if peers.IS_SANITIZED else 4) * MIB


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024


class Upload(unittest.TestCase):
    def setUp(self):
        self.folder = harness.Folder()
        self.addCleanup(self.folder.remove)
        site = os.path.dirname(self.folder.write("site/index.html", "hello"))
        self.data = self.folder("data")
        self.server = posting.PostServer(site, self.data, "--boxes", "auto", "--limit", f"box_bytes={4 * (SIZE_MIB + 8) * MIB}")
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.process.kill())

    def curl(self, scheme, path):
        """Posts the file as a form, the name made to look like a path; the status."""
        door = self.server.door(scheme)
        done = subprocess.run(["curl", "-sS", "--cacert", harness.shared_certs()[0], "-o", "/dev/null", "-w", "%{http_code}",
                               "-F", "text=large", "-F", f"file=@{path};filename=../../etc/large.bin",
                               f"{scheme}://localhost:{door.port}/post/large",
                               "--connect-to", f"localhost:{door.port}:{door.host}:{door.port}"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def make(self, name, mib):
        block = random.Random(name).randbytes(MIB)
        path = self.folder(name)
        with open(path, "wb") as file:
            for i in range(mib):
                file.write(i.to_bytes(8, "big") + block[8:])
        return path

    def test_upload__large_file__whole_and_in_flat_memory(self):
        pid = self.server.process.pid
        for scheme in ("http", "https"):
            self.assertEqual(self.curl(scheme, self.make("warm-" + scheme, 8)), "201")
        digests = {}
        for scheme in ("http", "https"):
            path = self.make("large-" + scheme, SIZE_MIB)
            digests[posting.sha256_of(path)] = scheme
            before = peak_bytes(pid)
            self.assertEqual(self.curl(scheme, path), "201")
            growth = peak_bytes(pid) - before
            self.assertLess(growth, GROWTH_MOST_BYTES, scheme)
            print(f"\n{scheme}: {SIZE_MIB} MiB, memory grew by {growth // 1024} KiB")
            os.remove(path)
        posts = self.server.all_posts("large")
        self.assertEqual([post["files"][0]["file_name"] for post in posts], ["../../etc/large.bin"] * 4)
        for post in posts[:2]:
            self.assertEqual(post["files"][0]["size"], SIZE_MIB * MIB)
            self.assertIn(post["files"][0]["sha256"], digests)
        self.assertEqual(self.server.stop(), 0)
        files, left, _ = posting.inspect(self.data)
        self.assertEqual(left, [])
        for name, digest in files.items():
            self.assertEqual(name, digest)
        self.assertFalse(os.path.exists(self.folder("etc")))


if __name__ == "__main__":
    harness.main()
