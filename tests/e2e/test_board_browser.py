#!/usr/bin/env python3
"""The message board as people meet it: several windows of Chromium over both doors, with and without scripts. Runs
where a browser is: see browsers.py. Screenshots go to the build folder: look at them.

Run: python3 tests/e2e/test_board_browser.py [-v]"""

import os
import random
import struct
import unittest
import urllib.parse
import zlib

import browsers
import peers
from peers import each_door

OLDER = 60  # messages there at the beginning: more than one page


def png(width, height, pixels):
    """A picture; pixels: RGB, row by row."""
    rows = b"".join(b"\0" + pixels[y * width * 3:(y + 1) * width * 3] for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def sunset(width, height, noise=0):
    """A picture worth looking at; noise makes it large."""
    generator = random.Random(1)
    pixels = bytearray()
    for y in range(height):
        at = y / height
        colour = (int(250 - 120 * at), int(200 - 150 * at), int(120 + 40 * at))
        if at > 0.7:
            colour = (60, 50 + int(30 * at), 40)
        if not noise:
            pixels += bytes(colour) * width
            continue
        row = generator.randbytes(width * 3)
        pixels += bytes(max(0, min(255, colour[i % 3] + row[i] % noise - noise // 2)) for i in range(width * 3))
    return png(width, height, bytes(pixels))


@browsers.need_browser
class BoardBrowser(browsers.Case):
    maxDiff = None

    @each_door
    def test_message_board__used_by_several_people(self, scheme):
        folder = self.folder()
        foreign_site = self.folder()
        server = self.start("--board", "--box", "board", "--data", folder("data"), http=("localhost:0",),
                            https=("localhost:0",))
        door = server.door(scheme)
        # Through a box of the same name, which has no rate.
        for i in range(OLDER):
            fields = urllib.parse.urlencode({"name": f"Guest {i % 7}", "message": f"Message number {i} of before"})
            reply = door.ask("/post/board", "POST", fields.encode(), Content_Type="application/x-www-form-urlencoded",
                             Host="localhost")
            self.assertEqual(reply.status, 201, reply)
        foreign_site.write("prize.html", f"""<!DOCTYPE html><title>Prizes</title><link rel="icon" href="data:,">
            <form method="post" action="{door.url}/board"><input type="hidden" name="name" value="Ida">
            <input type="hidden" name="message" value="I was made to"><button>Win a prize</button></form>""")
        other = self.start(root=foreign_site.path, http=("localhost:0",), https=("localhost:0",))

        seen = self.drive("board.mjs", self.home(peers.certs()[0]), url=door.url + "/board",
                          foreign=other.door(scheme).url + "/prize.html",
                          shots=os.path.join(browsers.SHOTS_DIR, "board-" + scheme),
                          picture=folder.write("small.png", sunset(640, 360)),
                          large=folder.write("large.png", sunset(1500, 1000, 90)))
        self.assertNotIn("error", seen, (seen.get("steps"), seen["problems"]))
        self.assertEqual(seen["problems"], [])
        self.judge(seen, door)

    def judge(self, seen, door):
        self.assertIn("default-src 'none'", seen["policy"])
        self.assertNotIn("unsafe", seen["policy"])
        self.assertEqual(seen["shown"], 50)
        self.assertNotEqual(seen["styled"], "0px")

        live = seen["live"]
        self.assertEqual(live["first"].split(), "I Ida just now The lamp is lit. Come in! Remove the message by Ida".split())
        self.assertIn("lit.\nCome", live["first"])
        self.assertEqual(live["announced"], "New message by Ida")
        self.assertTrue(live["isSamePage"])
        self.assertEqual((live["typed"], live["focus"]), ("half a mess", "message"))
        self.assertLess(live["moved"], 2)
        self.assertEqual((live["cleared"], live["name"], live["copies"]), ("", "Ida", 1))
        self.assertEqual(live["count"], str(OLDER + 1))

        markup = seen["markup"]
        self.assertEqual(markup["name"], """"><img src=x onerror="document.title='name'">""")
        self.assertEqual(markup["text"],
                         "<script>document.title='message'</script>\n</p><b onmouseover=alert(1)>bold</b> &amp;")
        self.assertEqual(markup["again"], markup["text"])
        self.assertEqual(markup["elements"], 0)
        self.assertEqual(markup["titles"] + [markup["title"]], ["Message board"] * 3)

        picture = seen["picture"]
        self.assertGreater(len({round(value, 2) for value in picture["values"]}), 5, picture["values"])
        self.assertEqual(picture["values"][1:], sorted(picture["values"][1:]))
        self.assertEqual((picture["width"], picture["alt"]), (1500, "Picture by Ida"))
        self.assertEqual((picture["isHidden"], picture["chosen"]), (True, ""))
        self.assertEqual(seen["cancelled"], [True, "never mind"])
        self.assertEqual(seen["noPicture"],
                         "Your message was not posted: only PNG, JPEG, GIF and WebP pictures are taken.")

        keyboard = seen["keyboard"]
        self.assertEqual(keyboard["order"],
                         ["Skip to the messages", "Message board", "name", "message", "picture", "Post"])
        self.assertEqual((seen["outline"], keyboard["focus"]), ("solid", "Post"))

        self.assertEqual((seen["isHiddenLive"], seen["missed"], seen["caughtUp"]), (False, 0, 1))
        removed = seen["removed"]
        self.assertEqual(removed["counts"], [removed["counted"] - 2] * 2)
        self.assertTrue(removed["isSamePage"])
        self.assertEqual(seen["sideways"], [False, False])

        self.assertEqual((seen["foreign"]["status"], seen["foreign"]["posted"]), (403, 0))
        self.assertIn("not posted", seen["foreign"]["text"])

        old = seen["old"]
        self.assertEqual(old["url"], door.url + "/board#" + old["id"])
        self.assertRegex(old["first"], r"(?s)^O\nOtto\n\d+ \w+ \d{4}, \d\d:\d\d UTC\n+No scripts here\n")
        self.assertRegex(old["image"], r"^/board/%s/picture\?v=[0-9a-f]{16}$" % old["id"][1:])
        self.assertEqual(old["error"], "Your message was not posted: it has neither a message nor a picture.")
        self.assertEqual(old["kept"], "Otto <again>")
        ids = [number for page in old["ids"] for number in page]
        self.assertEqual([len(page) for page in old["ids"]], [50, len(ids) - 50])
        self.assertEqual(ids, sorted(set(ids), reverse=True))
        self.assertEqual(ids[-1], 1)
        self.assertEqual(old["newer"], old["ids"][0])

        self.assertRegex(seen["tooMany"]["error"], r"^Your message was not posted: .*; try again in \d+ seconds?\.$")
        self.assertRegex(seen["tooMany"]["typed"], r"^again \d+$")


if __name__ == "__main__":
    unittest.main()
