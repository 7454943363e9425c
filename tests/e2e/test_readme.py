#!/usr/bin/env python3
"""The README tells the truth: its C program compiles and serves, its tables are those of the program."""

import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.request

SOURCE = pathlib.Path(os.environ.get("POSTERN_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD_DIR", SOURCE / "build" / "release"))
POSTERN = os.environ.get("POSTERN_BIN", str(BUILD / "postern"))
README = (SOURCE / "README.md").read_text(encoding="utf-8")


def help_text():
    return subprocess.run([POSTERN, "--help"], check=True, capture_output=True, text=True).stdout


def table(header):
    """The rows below the table's header, each a list of cells."""
    lines = README.split(header, 1)[1].splitlines()[1:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


class Tables(unittest.TestCase):
    def test_options__are_those_of_help(self):
        shown = re.findall(r"^  (--\S+)(?: (\S+))?\s{2,}(.+)$", help_text(), re.M)
        wanted = [["`" + " ".join(filter(None, (o, v))) + "`", t] for o, v, t in shown]
        self.assertGreater(len(wanted), 10)
        self.assertEqual(wanted, table("| option | what it does |\n"))

    def test_limits__are_those_of_help(self):
        shown = re.findall(r"^  ([a-z_]+) +(\d+)  (.+)$", help_text(), re.M)
        wanted = [["`" + n + "`", d, t] for n, d, t in shown]
        self.assertGreater(len(wanted), 10)
        self.assertEqual(wanted, table("| limit | default | what it bounds |\n"))

    def test_links__lead_to_files(self):
        for target in re.findall(r"\]\(([^)#]+)\)", README):
            if not target.startswith("http"):
                self.assertTrue((SOURCE / target).exists(), target)

    def test_scripts__exist(self):
        for name in set(re.findall(r"scripts/[a-z_]+(?:\.sh)?", README)):
            self.assertTrue((SOURCE / name).exists(), name)


class Program(unittest.TestCase):
    """The README's C program, taken from it, compiled against the built library and used over both doors."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-readme-"))
        self.addCleanup(shutil.rmtree, self.dir)
        code = re.search(r"```c\n(.*?)```", README, re.S).group(1)
        (self.dir / "hello.c").write_text(code, encoding="utf-8")

    def compile(self):
        cache = (BUILD / "CMakeCache.txt").read_text(encoding="utf-8")
        compiler = re.search(r"^CMAKE_C_COMPILER:\w+=(.+)$", cache, re.M).group(1)
        sanitizers = re.search(r"^POSTERN_SANITIZE:\w+=(.*)$", cache, re.M).group(1)
        flags = [f"-fsanitize={sanitizers}"] if sanitizers else []
        command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", *flags, f"-I{SOURCE / 'include'}", "hello.c",
                   f"-L{BUILD}", "-lpostern", f"-Wl,-rpath,{BUILD}", "-o", "hello"]
        subprocess.run(command, check=True, cwd=self.dir)

    def serve(self):
        subprocess.run([str(SOURCE / "scripts" / "mkcert.sh"), "--dir", str(self.dir)], check=True,
                       stdout=subprocess.DEVNULL)
        server = subprocess.Popen(["./hello", "localhost.pem", "localhost-key.pem", "localhost:0", "localhost:0"],
                                  cwd=self.dir, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server, server.stdout.readline().strip(), server.stdout.readline().strip()

    def test_program__compiled_as_it_stands__serves_both_doors(self):
        self.compile()
        server, https, http = self.serve()
        context = ssl.create_default_context(cafile=str(self.dir / "ca.pem"))
        for url, scheme in ((https, "https"), (http, "http")):
            self.assertTrue(url.startswith(scheme + "://localhost:"), url)
            keep = context if scheme == "https" else None
            with urllib.request.urlopen(url, context=keep, timeout=60) as reply:
                self.assertEqual(reply.read(), f"Hello over {scheme}!\n".encode())
            with urllib.request.urlopen(url, data=b"abcde", context=keep, timeout=60) as reply:
                self.assertEqual(reply.read(), b"You posted 5 bytes.\n")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])
