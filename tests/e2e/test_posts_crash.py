#!/usr/bin/env python3
"""A post acknowledged is a post on disk: the server is killed (SIGKILL) in the middle of many concurrent posts with
files, again and again on the same store. Whatever was acknowledged must be there whole, what was not must be there
whole or not at all, and nothing may lie about that no post has.

POSTERN_CRASH_POSTS is the number of posts of one round (all of them are on their way when the killing begins),
POSTERN_CRASH_ROUNDS that of the rounds.

Run: python3 tests/e2e/test_posts_crash.py [-v]"""

import asyncio
import json
import os
import random
import unittest

import harness
import posting

POSTS = int(os.environ.get("POSTERN_CRASH_POSTS", "500"))
ROUNDS = int(os.environ.get("POSTERN_CRASH_ROUNDS", "20"))
CONNECTIONS = 64
# A few files come again and again, so that what two posts share is created, and linked, under fire as well.
COMMON = [random.Random(n).randbytes(n * 7919) for n in range(4)]


class Round:
    """One server's life: posts until it is killed."""

    def __init__(self, number, server, chance):
        self.number, self.server, self.chance = number, server, chance
        self.kill_at = chance.randrange(1, POSTS)  # acknowledgements
        self.next, self.acknowledged = 0, {}

    def make(self):
        token = f"{self.number}-{self.next}"
        self.next += 1
        if self.chance.random() < 0.2:
            data = self.chance.choice(COMMON)
        else:
            data = self.chance.randbytes(self.chance.choice((1, 100, 5000, 40000, 200000)))
        files = [("file", "../../" + token + ".bin", "application/octet-stream", data)] if self.chance.random() < 0.9 else []
        return token, data if files else None, posting.multipart([("token", token), ("text", "x" * self.chance.randrange(500))], files)

    async def work(self, i):
        """Posts one after the other, until the server has gone."""
        writer = None
        try:
            reader, writer = await posting.connect(self.server.doors[i % 2])
            while self.next < POSTS:
                token, data, (kind, body) = self.make()
                status, _, answer = await posting.post(reader, writer, "/post/crash", kind, body)
                if status != 201:
                    raise AssertionError(f"{status} {answer[:300]!r}")
                self.acknowledged[token] = (json.loads(answer)["id"], data)
                if len(self.acknowledged) == self.kill_at:
                    self.server.process.kill()
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass # killed
        finally:
            if writer:
                writer.transport.abort()

    async def run(self):
        await asyncio.gather(*(self.work(i) for i in range(CONNECTIONS)))


class Crash(unittest.TestCase):
    def setUp(self):
        self.folder = harness.Folder()
        self.addCleanup(self.folder.remove)
        self.site = self.folder.write("site/index.html", "hello")
        self.data = self.folder("data")

    def start(self):
        server = posting.PostServer(os.path.dirname(self.site), self.data, "--boxes", "auto")
        self.addCleanup(lambda: server.process.poll() is None and server.process.kill())
        return server

    def check_store(self, acknowledged):
        """The server is started, which cleans up, asked for everything, and ended in good order."""
        server = self.start()
        posts = {post["fields"]["token"]: post for post in server.all_posts("crash")} if acknowledged else {}
        self.assertEqual(server.stop(), 0)
        files, left, verdict = posting.inspect(self.data)
        self.assertEqual(verdict, [("ok",)])
        self.assertEqual(left, [])
        for name, digest in files.items():
            self.assertEqual(name, digest, "a stored file is not what its name says")
        # No orphan, and nothing missing.
        self.assertEqual(set(files), {file["sha256"] for post in posts.values() for file in post["files"]})
        for token, (number, data) in acknowledged.items():
            self.assertIn(token, posts, "an acknowledged post is lost")
            self.assertEqual(posts[token]["id"], number)
            kept = posts[token]["files"]
            if data is None:
                self.assertEqual(kept, [])
            else:
                self.assertEqual([(file["size"], file["sha256"]) for file in kept],
                                 [(len(data), posting.hashlib.sha256(data).hexdigest())])
        return posts

    def test_posts__server_killed_again_and_again__nothing_acknowledged_is_lost_and_nothing_half_is_kept(self):
        chance = random.Random(20261122)
        acknowledged, kept = {}, 0
        for number in range(ROUNDS):
            server = self.start()
            this = Round(number, server, chance)
            asyncio.run(this.run())
            self.assertEqual(server.stop(None), -9)
            self.assertGreaterEqual(len(this.acknowledged), this.kill_at)
            acknowledged.update(this.acknowledged)
            kept = len(self.check_store(acknowledged))
        print(f"\n{ROUNDS} kills: {len(acknowledged)} posts acknowledged, all of them kept; {kept - len(acknowledged)} more "
              "were whole on disk when the answer was lost")


if __name__ == "__main__":
    harness.main()
