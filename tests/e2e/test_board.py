#!/usr/bin/env python3
"""The message board of the real program over both doors: what curl posts, what many readers are told, what is still there
after a restart. What people see of it is in test_board_browser.py.

Run: python3 tests/e2e/test_board.py [-v]"""

import concurrent.futures
import json
import re
import subprocess
import unittest

import harness
import peers
from peers import each_door, get, need

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400
READERS = 24
MESSAGES = 10


class Events:
    """A reader of the board's events, over a connection of its own."""

    def __init__(self, client, target, last=None):
        self.client, self.text = client, ""
        client.send(get(target, *([f"Last-Event-ID: {last}"] if last else [])))
        assert client.line() == "HTTP/1.1 200 OK"
        fields = {}
        while line := client.line():
            name, _, value = line.partition(": ")
            fields[name] = value
        assert fields["Content-Type"] == "text/event-stream", fields
        assert fields["Transfer-Encoding"] == "chunked", fields

    def more(self):
        """Reads one chunk; False at the orderly end of the stream."""
        size = int(self.client.line(), 16)
        self.text += self.client.take(size).decode()
        assert self.client.take(2) == b"\r\n"
        return size > 0

    def all(self):
        """The whole events so far: (name, position, data)."""
        found = []
        for block in self.text.split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "data" in lines:
                found.append((lines.get("event", "message"), lines["id"], json.loads(lines["data"])))
        return found

    def wait_for(self, count):
        while len(self.all()) < count:
            assert self.more(), self.text
        return self.all()


class Board(peers.Case):
    def board(self, data, *options, **named):
        return self.start("--board", "--data", data, *options, **named)

    def curl(self, door, *arguments):
        done = subprocess.run(["curl", "--silent", "--show-error", "--cacert", peers.certs()[0], *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ids(self, page):
        return [int(found) for found in re.findall(r'<li class="message" id="m(\d+)">', page)]

    def remove(self, door, number):
        return door.ask(f"/board/{number}/remove", "POST", Host="localhost", Accept="text/html").status

    @need("curl")
    @each_door
    def test_curl__posts_a_picture__comes_back_as_it_was(self, scheme):
        folder = self.folder()
        picture = folder.write("it is.png", PNG)
        server = self.board(folder("data"))
        door = server.door(scheme)
        told = json.loads(self.curl(door, "-F", "name=Zoë", "-F", "message=look <b>& see", "-F",
                                    f"picture=@{picture};type=text/html", door.url + "/board"))
        self.assertEqual(told["id"], 1)
        page = self.curl(door, door.url + "/board").decode()
        self.assertIn("<bdi>Zoë</bdi>", page)
        address = re.search(r'<img src="(/board/1/picture\?v=[0-9a-f]{16})"', page).group(1)
        reply = door.ask(address)
        self.assertEqual((reply.status, reply.fields["content-type"], reply.body), (200, "image/png", PNG))
        self.assertEqual(reply.fields["content-security-policy"], "default-src 'none'; sandbox")
        self.assertEqual(door.ask(address, If_None_Match=reply.fields["etag"]).status, 304)
        self.assertEqual(door.ask("/board", "HEAD").status, 200)

    @each_door
    def test_readers_on_all_workers__each_is_told_everything(self, scheme):
        server = self.board(self.folder()("data"), "--box", "board", workers=3)
        door = server.door(scheme)
        readers = [Events(self.client(door), "/board/events") for _ in range(READERS)]
        for i in range(MESSAGES):
            body = f"name=n{i}&message=m{i}".encode()
            # By a box of the same name, which has no rate.
            reply = server.doors[i % 2].ask("/post/board", "POST", body,
                                            Content_Type="application/x-www-form-urlencoded")
            self.assertEqual(reply.status, 201)
        self.assertEqual(self.remove(door, 3), 303)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            heard = list(threads.map(lambda reader: reader.wait_for(MESSAGES + 1), readers))
        for events in heard:
            self.assertEqual(events, heard[0])
        self.assertEqual([data["id"] for _, _, data in heard[0]], list(range(1, MESSAGES + 1)) + [3])
        self.assertEqual({name for name, _, _ in heard[0][:-1]}, {"message"})
        self.assertEqual(heard[0][-1][0], "removed")
        self.assertIn("<bdi>n4</bdi>", heard[0][4][2]["html"])

        # Connecting again goes on where it was.
        again = Events(self.client(door), "/board/events?since=x", heard[0][6][1])
        self.assertEqual(again.wait_for(4), heard[0][7:])

        # Open streams do not hold up the end: each is ended in order.
        server.process.terminate()
        for reader in readers + [again]:
            while reader.more():
                pass
            self.assertEqual(reader.client.end(), door.orderly)
            reader.client.close()
        self.assertEqual(server.wait(), 0)

    def test_restart__messages_are_there__streams_begin_anew(self):
        data = self.folder()("data")
        server = self.board(data)
        body = b"name=Ida&message=stays"
        reply = server.http.ask("/board", "POST", body, Content_Type="application/x-www-form-urlencoded",
                                Accept="text/html")
        self.assertEqual((reply.status, reply.fields["location"]), (303, "/board#m1"))
        page = server.http.ask("/board").body.decode()
        position = re.search(r'data-position="([^"]+)"', page).group(1)
        self.assertEqual(server.stop(), 0)
        server = self.board(data)
        page = server.http.ask("/board").body.decode()
        self.assertEqual(self.ids(page), [1])
        self.assertNotIn(position, page)
        events = Events(self.client(server.http), f"/board/events?since={position}").wait_for(1)
        self.assertEqual([name for name, _, _ in events], ["reload"])

    def test_foreign_page__changes_nothing(self):
        server = self.board(self.folder()("data"))
        form = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        for fields in ({"Origin": "https://elsewhere.example"}, {"Sec_Fetch_Site": "cross-site"},
                       {"Sec_Fetch_Site": "same-site"}, {"Referer": "http://elsewhere.example/page"}):
            reply = server.http.ask("/board", "POST", b"name=a&message=b", **form, **fields)
            self.assertEqual(reply.status, 403, fields)
            self.assertIn(b"not posted", reply.body)
        self.assertEqual(self.ids(server.http.ask("/board").body.decode()), [])
        self.assertEqual(server.http.ask("/board", "POST", b"name=a&message=b", **form).status, 303)
        # The test's own name for the host is not this machine's.
        self.assertEqual(server.http.ask("/board/1/remove", "POST").status, 403)
        self.assertEqual(server.http.ask("/board/1/remove", "POST", Host="localhost",
                                         Origin="http://elsewhere.example").status, 403)
        self.assertEqual(self.ids(server.http.ask("/board").body.decode()), [1])
        self.assertEqual(self.remove(server.http, 1), 303)
        self.assertEqual(self.ids(server.http.ask("/board").body.decode()), [])


if __name__ == "__main__":
    unittest.main()
