"""A flame graph of a server under load: where its CPU time goes.

perf takes samples of the stack; here they are folded into a tree and drawn. Each frame is as wide as its share of the
samples, its callers below it. What the kernel does for the server stands on top of the call that asked for it."""

import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from peers import BenchError, end_with_parent
from processes import processes
from svg import FONT, document, element, text

HERTZ = 997 # no multiple of a timer's frequency
WIDTH, FRAME_H, MARGIN, HEAD = 1200, 18, 12, 66
LEAST_SHARE = 0.0005 # narrower frames are drawn by nobody's eye
LETTER_W = 6.6

STYLE = f"""
text {{ {FONT}; font-size: 12px; fill: #1c1f26 }}
.ground {{ fill: #ffffff }}
.title {{ font-size: 18px; font-weight: 650; fill: #14181f }}
.small {{ fill: #69717e }}
rect.frame {{ stroke: #ffffff; stroke-width: 0.6 }}
.program {{ fill: #7cc8b8 }}
.tls {{ fill: #f2b872 }}
.libc {{ fill: #c9d1da }}
.kernel {{ fill: #9db8e8 }}
@media (prefers-color-scheme: dark) {{
    .ground {{ fill: #0d1117 }}
    .title {{ fill: #f0f3f6 }}
    text.small {{ fill: #8b949e }}
    rect.frame {{ stroke: #0d1117 }}
}}
"""
KINDS = (("program", "the server"), ("tls", "TLS and its libraries"), ("libc", "the C library"), ("kernel", "the kernel"))


@dataclass
class Frame:
    name: str
    kind: str = "program"
    samples: int = 0
    children: dict = field(default_factory=dict)

    def child(self, name, kind):
        return self.children.setdefault((name, kind), Frame(name, kind))

    def depth(self):
        return 1 + max((child.depth() for child in self.children.values()), default=0)


# ---- folding ----


def kind_of(name, place):
    """By the file that the code lies in, and for postern, which holds Mbed TLS itself, by the name."""
    if place in ("[kernel.kallsyms]", "[unknown]") or place.startswith("[guest.kernel") or place.endswith(".ko"):
        return "kernel" if place != "[unknown]" else "program"
    if re.match(r"(mbedtls|psa|ecp|nettle|_nettle|crypto_|sodium|imb|aes_gcm|pst_accel|gcm|ssl_|SSL_|EVP_|tls_)", name):
        return "tls"
    file = place.rsplit("/", maxsplit=1)[-1]
    if re.match(r"lib(ssl|crypto|nettle|hogweed|sodium|IPSec|gmp|mbed)", file):
        return "tls"
    return "libc" if re.match(r"(libc|libpthread|ld-linux)\b", file) else "program"


def name_of(word):
    """Without the offset, and without what a compiler appends to parts and copies of a function."""
    name = re.sub(r"\+0x[0-9a-f]+$", "", word)
    return re.sub(r"\.(constprop|isra|part|cold|lto_priv)\b.*$", "", name) or "?"


def stacks_of(lines):
    """Of perf script's text, the stack of each sample: (name, kind) from the outermost caller inwards."""
    stack = []
    for line in lines:
        found = re.match(r"^\s+[0-9a-f]+ (.*) \((.*)\)$", line)
        if found:
            name = name_of(found.group(1))
            stack.append((name if name != "[unknown]" else "?", kind_of(name, found.group(2))))
        elif not line.strip() and stack:
            yield stack[::-1]
            stack = []
    if stack:
        yield stack[::-1]


def fold(stacks):
    """One tree of all; a frame counts the samples of all that it called, too."""
    root = Frame("all")
    for stack in stacks:
        root.samples += 1
        frame = root
        for name, kind in stack:
            frame = frame.child(name, kind)
            frame.samples += 1
    return root


# ---- drawing ----


def fitting(name, width):
    """As much of a name as there is room for."""
    room = int((width - 6) / LETTER_W)
    if room < 3:
        return ""
    return name if len(name) <= room else name[: room - 1] + "…"


def draw_frame(frame, total, x, y, width, body):
    """This frame and, above it, all that it called, the widest first."""
    share = f"{frame.name}: {frame.samples} samples, {frame.samples / total:.1%}"
    label = fitting(frame.name, width)
    inside = [element("title", escape(share))]
    inside.append(element("rect", x=x, y=y, width=width, height=FRAME_H - 1, rx=1.5, class_=f"frame {frame.kind}"))
    if label:
        inside.append(text(label, x=x + 4, y=y + 13))
    body.append(element("g", "".join(inside)))
    for child in sorted(frame.children.values(), key=lambda c: (-c.samples, c.name)):
        child_w = width * child.samples / frame.samples
        if child.samples >= LEAST_SHARE * total:
            draw_frame(child, total, x, y - FRAME_H, child_w, body)
        x += child_w


def draw(root, title, note):
    height = HEAD + FRAME_H * root.depth() + MARGIN
    body = [element("rect", width=WIDTH, height=height, rx=8, class_="ground")]
    body += [text(title, x=MARGIN, y=28, class_="title"), text(note, x=MARGIN, y=48, class_="small")]
    x = WIDTH - MARGIN - 520
    for kind, words in KINDS:
        body.append(element("rect", x=x, y=18, width=12, height=12, rx=2, class_=kind))
        body.append(text(words, x=x + 17, y=28, class_="small"))
        x += 40 + len(words) * LETTER_W
    draw_frame(root, root.samples, float(MARGIN), height - MARGIN - FRAME_H, float(WIDTH - 2 * MARGIN), body)
    return document(WIDTH, height, title, note, STYLE, body)


# ---- sampling ----


def record(peer, load, clients, seconds, data):
    """The server's samples while it is under load, in a file of perf's. What perf says where it may not."""
    perf = shutil.which("perf")
    if not perf:
        raise BenchError("a flame graph needs perf, which is not installed (Debian: linux-perf)")
    command = [perf, "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "--call-graph", "dwarf,16384", "-o", data]
    failures = []

    def work():
        try:
            load.run(peer, clients, seconds + 1)
        except BenchError as error:
            failures.append(error)

    loading = threading.Thread(target=work)
    loading.start()
    try:
        command += ["-p", ",".join(map(str, processes(peer.process.pid))), "--", "sleep", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=end_with_parent)
    finally:
        loading.join()
    if failures:
        raise failures[0]
    if done.returncode != 0:
        raise BenchError(f"perf may not look at the server here (kernel.perf_event_paranoid?): {done.stderr.strip()[:500]}")


def graph(peer, load, clients, seconds, title):
    """The SVG. The server runs already."""
    data = clients.folder / "perf.data"
    record(peer, load, clients, seconds, data)
    command = ["perf", "script", "-i", data, "-F", "ip,sym,dso", "--no-inline"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    root = fold(stacks_of(done.stdout.splitlines()))
    if root.samples == 0:
        raise BenchError(f"perf took no samples: {done.stderr.strip()[:500]}")
    return draw(root, title, f"{root.samples} samples of {peer.name} {peer.version()}, {HERTZ} a second of CPU time; width is time")
