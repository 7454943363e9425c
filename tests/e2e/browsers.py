"""What tests with a real browser share. They run where node, chromium, certutil and tests/browser/node_modules are there
(scripts/test.sh --full brings them; by hand: npm ci in tests/browser). Screenshots go to the build folder."""

import json
import os
import shutil
import subprocess
import unittest

import harness
import peers

BROWSER_DIR = os.path.join(harness.SOURCE_DIR, "tests", "browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOTS_DIR = os.path.join(os.environ.get("POSTERN_BUILD_DIR") or os.path.join(harness.SOURCE_DIR, "build"),
                         "screenshots")

# A browser takes its time to start, more so beside other tests.
BROWSER_S = 240


def need_browser(case):
    """Skips a test case where something is missing."""
    case = unittest.skipUnless(os.path.isdir(os.path.join(BROWSER_DIR, "node_modules", "playwright-core")),
                               "not installed: playwright-core (npm ci in tests/browser)")(case)
    case = unittest.skipUnless(CHROMIUM, "not installed: chromium")(case)
    return peers.need("node", "certutil")(case)


class Case(peers.Case):
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

    def drive(self, script, home, **job):
        """Runs a script of tests/browser; what it has seen."""
        if job.get("shots"):
            os.makedirs(job["shots"], exist_ok=True)
        job = {"chromium": CHROMIUM, "home": home, **job}
        done = subprocess.run(["node", script, json.dumps(job)], cwd=BROWSER_DIR, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=BROWSER_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)
