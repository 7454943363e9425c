#!/usr/bin/env python3
"""postern trust: the CA in the stores of system and browsers, in a home folder and a system root of the test's own. The
real certutil and the real update-ca-certificates, where they are installed; and Chromium, which then shows the page.

Run: python3 tests/e2e/test_trust.py [-v]"""

import glob
import os
import shutil
import subprocess
import unittest

import browsers
import harness
import peers

ANCHORS = "usr/local/share/ca-certificates"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def has_debian_tool():
    return any(os.path.exists(os.path.join(d, "update-ca-certificates")) for d in ("/usr/sbin", "/sbin"))


class Place:
    """A home folder with browsers' databases, and a system root."""

    def __init__(self, folder, profiles=()):
        self.folder, self.home, self.root = folder, folder("home"), folder("root")
        os.makedirs(self.home)
        for name in (ANCHORS, "etc/ssl/certs", "etc/ca-certificates/update.d", "usr/share/ca-certificates", "proc"):
            os.makedirs(os.path.join(self.root, name))
        with open(os.path.join(self.root, "etc/ca-certificates.conf"), "w", encoding="utf-8") as conf:
            conf.write("other.crt\n")
        # The tool leaves its bundle as it was when no authority at all is left: another is always there.
        other = harness.mkcert(folder("other"), "--new-ca")[0]
        shutil.copy(other, os.path.join(self.root, "usr/share/ca-certificates/other.crt"))
        for profile in profiles:
            path = os.path.join(self.home, profile)
            os.makedirs(path)
            subprocess.run(["certutil", "-N", "-d", "sql:" + path, "--empty-password"], check=True,
                           stdin=subprocess.DEVNULL, timeout=harness.PATIENCE_S)

    def run(self, *args, **env):
        done = subprocess.run([harness.BIN, *args, "--home", self.home, "--root", self.root],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=harness.PATIENCE_S, check=False, text=True,
                              env={**os.environ, "HOME": self.home, **env})
        if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            raise AssertionError(done.stderr)
        return done.returncode, done.stdout, done.stderr

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)


PROFILES = (".mozilla/firefox/ab12.default", "snap/firefox/common/.mozilla/firefox/cd34.default",
            ".var/app/org.mozilla.firefox/.mozilla/firefox/ef56.default-release", ".pki/nssdb")


@peers.need("certutil", "openssl")
@unittest.skipUnless(has_debian_tool(), "not installed: update-ca-certificates")
class Stores(peers.Case):
    def setUp(self):
        super().setUp()
        self.ca, self.cert, self.key = peers.certs()

    def test_install_status_uninstall__each_store_is_told(self):
        place = Place(self.folder(), PROFILES)
        code, out, _ = place.run("trust", "status", self.ca)
        self.assertEqual((code, out.count("problem")), (1, 5), out)
        code, out, _ = place.run("trust", "install", self.ca)
        self.assertEqual((code, out.count("\nok"), out.count("problem")), (0, 5, 0), out)
        for who in ("system:", "Firefox:", "Firefox (snap):", "Firefox (flatpak):", "Chromium and Chrome:"):
            self.assertIn("ok       " + who, out)
        for profile in PROFILES:
            listed = subprocess.run(["certutil", "-L", "-d", "sql:" + os.path.join(place.home, profile)], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout
            self.assertRegex(listed, r"postern-[0-9a-f]{16} +C,,")
        # OpenSSL, as other programs would, by the bundle alone.
        verify = ["openssl", "verify", "-no-CApath", "-CAfile", os.path.join(place.root, BUNDLE), self.cert]
        self.assertEqual(subprocess.run(verify, stdout=subprocess.DEVNULL, check=False).returncode, 0)
        code, out, _ = place.run("trust", "install", self.ca)
        self.assertEqual((code, out.count("already")), (0, 5), out)
        self.assertEqual(place.run("trust", "status", self.ca)[0], 0)
        code, out, _ = place.run("doctor", self.cert)
        self.assertEqual((code, out.count("ok       trusted by")), (0, 5), out)

        code, out, _ = place.run("trust", "uninstall", self.ca)
        self.assertEqual((code, out.count("no more")), (0, 5), out)
        self.assertEqual(os.listdir(os.path.join(place.root, ANCHORS)), [])
        self.assertNotEqual(subprocess.run(verify, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                           check=False).returncode, 0)
        code, out, _ = place.run("trust", "uninstall", self.ca)
        self.assertEqual((code, out.count("is not in its store")), (0, 5), out)
        self.assertEqual(place.run("trust", "status", self.ca)[0], 1)

    def test_no_key__is_ever_copied(self):
        """The CA's file with its key in it: only the certificate goes anywhere."""
        place = Place(self.folder())
        both = place.folder("both.pem")
        with open(both, "w", encoding="utf-8") as out:
            for name in ("ca-key.pem", "ca.pem"):
                with open(os.path.join(os.path.dirname(self.ca), name), encoding="utf-8") as part:
                    out.write(part.read())
        self.assertEqual(place.run("trust", "install", both)[0], 0)
        files = [f for f in glob.glob(place.root + "/**", recursive=True) if os.path.isfile(f)]
        self.assertIn(os.path.join(place.root, BUNDLE), files)
        for name in files:
            with open(name, encoding="utf-8") as file:
                self.assertNotIn("PRIVATE", file.read(), name)

    def test_browser_that_never_ran__finds_its_database(self):
        place = Place(self.folder())
        code, out, _ = place.run("trust", "install", self.ca)
        self.assertEqual(code, 0, out)
        self.assertTrue(os.path.exists(os.path.join(place.home, ".pki/nssdb/cert9.db")))

    def test_store_of_root__says_how(self):
        place = Place(self.folder())
        anchors = os.path.join(place.root, ANCHORS)
        os.rmdir(anchors)
        os.symlink("/proc/sys", anchors)  # takes no file, not even root's
        code, out, _ = place.run("trust", "install", self.ca)
        self.assertEqual(code, 1)
        self.assertRegex(out, r"problem  system: .*")

    def test_wsl__says_what_to_type(self):
        place = Place(self.folder())
        place.write("proc/version", "Linux version 5.15.90.1-microsoft-standard-WSL2\n")
        code, out, _ = place.run("trust", "install", self.ca)
        self.assertEqual(code, 0, out)
        self.assertIn(f"certutil.exe -user -addstore Root \"$(wslpath -w '{self.ca}')\"", out)

    def test_certutil_missing__is_said(self):
        place = Place(self.folder())
        tools = place.folder("tools")
        os.makedirs(tools)
        code, out, _ = place.run("trust", "status", self.ca, PATH=tools)
        self.assertEqual(code, 1)
        self.assertIn("apt install libnss3-tools", out)

    def test_what_is_no_ca__is_refused(self):
        place = Place(self.folder())
        place.write("empty", "")
        for name, words in ((self.cert, "not the certificate of a CA"), (self.key, "private key"),
                            (os.path.join(place.root, "empty"), "empty"), ("/nowhere.pem", "cannot read"),
                            (place.root, "cannot read")):
            code, out, err = place.run("trust", "install", name)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn(words, err)
        for args, words in (((), "needs a command"), (("instal",), "did you mean trust install?"),
                            (("install", "a", "b"), "one CA at a time"), (("--rot",), "did you mean --root")):
            code, _, err = place.run("trust", *args)
            self.assertEqual(code, 2, err)
            self.assertIn(words, err)


@browsers.need_browser
class Browser(browsers.Case):
    def test_chromium__after_install_shows_the_page__and_after_uninstall_not(self):
        place = Place(self.folder())
        ca = peers.certs()[0]
        server = self.start(http=(), https=("localhost:0",))
        place.run("trust", "install", ca)
        seen = self.drive("visit.mjs", place.home, url=server.https.url + "/",
                          shots=os.path.join(browsers.SHOTS_DIR, "trust"))
        self.assertNotIn("error", seen)
        self.assertEqual((seen["status"], seen["problems"]), (200, []))
        self.assertEqual(seen["security"]["subjectName"], "localhost")
        self.assertEqual(place.run("trust", "uninstall", ca)[0], 0 if has_debian_tool() else 1)
        seen = self.drive("visit.mjs", place.home, url=server.https.url + "/")
        self.assertIn("ERR_CERT_AUTHORITY_INVALID", seen["error"])


if __name__ == "__main__":
    unittest.main()
