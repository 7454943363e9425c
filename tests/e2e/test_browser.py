#!/usr/bin/env python3
"""A real browser over both doors: Chromium, which trusts the test CA through its own certificate store, looks at the
demo site, follows its links and sends its forms. Runs where node, chromium, certutil and tests/browser/node_modules are
there: see browsers.py.

Run: python3 tests/e2e/test_browser.py [-v]"""

import os
import unittest

import browsers
import peers
from browsers import SHOTS_DIR
from peers import SITE, each_door

# As the page shows it: HTML makes one line end of CR LF.
POSTED = [["name", 'Zoë <b>bold</b> & "quoted"'], ["message", "first line\n100% & = + ü 門"],
          ["gate", "over-the-wall"], ["carry", "lantern"], ["carry", "cat"]]


@browsers.need_browser
class Browser(browsers.Case):
    def visit(self, door, home, shots=None):
        return self.drive("visit.mjs", home, url=door.url + "/", shots=shots)

    @each_door
    def test_demo_site__looked_at_and_used(self, scheme):
        server = self.start(http=("localhost:0",), https=("localhost:0",))
        door = server.door(scheme)
        seen = self.visit(door, self.home(peers.certs()[0]), os.path.join(SHOTS_DIR, scheme))
        self.assertNotIn("error", seen)
        self.assertEqual(seen["problems"], [])
        self.assertEqual(seen["status"], 200)
        if scheme == "https":
            self.assertEqual((seen["security"]["protocol"], seen["security"]["subjectName"]), ("TLS 1.3", "localhost"))
        else:
            self.assertFalse(seen["security"])
        self.assertIn({"https": "the TLS door (https)", "http": "the plain door (http)"}[scheme], seen["through"])
        self.assertTrue(seen["images"])
        self.assertEqual([image for image in seen["images"] if not image[1]], [])
        self.assertNotIn("Times", seen["style"])
        self.assertFalse(seen["sideways"])

        pages = seen["pages"]
        self.assertEqual([pages[name]["heading"] for name in ("home", "Two doors", "Forms", "Bytes", "Home")],
                         ["The small door is open", "The two doors", "Send a form", "See the bytes",
                          "The small door is open"])
        for page in pages.values():
            self.assertTrue(page["url"].startswith(door.url + "/"), page["url"])

        self.assertEqual(pages["post form"]["url"], door.url + "/echo")
        self.assertEqual(seen["posted"]["form"], POSTED)
        self.assertEqual(seen["posted"]["bold"], 0)
        self.assertEqual(seen["posted"]["shown"], POSTED[1][1])  # in two lines
        self.assertIn(["method", "POST"], seen["posted"]["request"])
        self.assertEqual(seen["asked"]["query"], [["q", "a & b=c"], ["count", "7"]])
        self.assertIn(["target", "/echo?q=a+%26+b%3Dc&count=7"], seen["asked"]["request"])
        style_bytes = os.path.getsize(os.path.join(SITE, "style.css"))
        self.assertEqual(seen["fetched"], [[200, style_bytes if i % 4 else 500000] for i in range(40)])
        server.out.wait_for(r'"POST /echo HTTP/1.1" 200 \d+ "%s/forms.html" "Mozilla/.*Chrome/.* ok$' % door.url)

    def test_untrusted_authority__is_not_visited(self):
        """The test above is worth something: without the CA the browser refuses."""
        server = self.start(http=(), https=("localhost:0",))
        seen = self.visit(server.https, self.home())
        self.assertIn("ERR_CERT_AUTHORITY_INVALID", seen["error"])
        server.out.wait_for(r"client rejected our certificate")


if __name__ == "__main__":
    unittest.main()
