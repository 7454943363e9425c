#!/usr/bin/env python3
"""A real browser over both doors: Chromium, which trusts the test CA through its own certificate store, looks at the
demo site, follows its links and sends its forms. Runs where node, chromium, certutil and tests/browser/node_modules are
there (scripts/test.sh --full brings them; by hand: npm ci in tests/browser). Screenshots go to the build folder.

Run: python3 tests/e2e/test_browser.py [-v]"""

import json
import os
import shutil
import subprocess
import unittest

import harness
import peers
from peers import SITE, each_door, need

BROWSER_DIR = os.path.join(harness.SOURCE_DIR, "tests", "browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOTS_DIR = os.path.join(os.environ.get("POSTERN_BUILD_DIR") or os.path.join(harness.SOURCE_DIR, "build"),
                         "screenshots")

# A browser takes its time to start, more so beside other tests.
BROWSER_S = 240

# As the page shows it: HTML makes one line end of CR LF.
POSTED = [["name", 'Zoë <b>bold</b> & "quoted"'], ["message", "first line\n100% & = + ü 門"],
          ["gate", "over-the-wall"], ["carry", "lantern"], ["carry", "cat"]]


@need("node", "certutil")
@unittest.skipUnless(CHROMIUM, "not installed: chromium")
@unittest.skipUnless(os.path.isdir(os.path.join(BROWSER_DIR, "node_modules", "playwright-core")),
                     "not installed: playwright-core (npm ci in tests/browser)")
class Browser(peers.Case):
    def home(self, ca=None):
        """A home folder for the browser, whose certificate store trusts this CA."""
        folder = self.folder()
        store = folder(".pki", "nssdb")
        os.makedirs(store)
        commands = [["-N", "--empty-password"]]
        if ca:
            commands.append(["-A", "-n", "postern test CA", "-t", "C,,", "-i", ca])
        for command in commands:
            subprocess.run(["certutil", "-d", "sql:" + store] + command, check=True, stdin=subprocess.DEVNULL,
                           timeout=harness.PATIENCE_S)
        return folder.path

    def visit(self, door, home, shots=None):
        if shots:
            os.makedirs(shots, exist_ok=True)
        job = {"chromium": CHROMIUM, "url": door.url + "/", "home": home, "shots": shots}
        done = subprocess.run(["node", "visit.mjs", json.dumps(job)], cwd=BROWSER_DIR, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=BROWSER_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

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
