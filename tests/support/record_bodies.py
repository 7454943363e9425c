#!/usr/bin/env python3
"""Record what clients really post: starts a server on the loopback address, has each client post to it, and writes each
body, behind its Content-Type field, to tests/data/bodies/NAME.http. tests/unit/http/test_form_recorded.c replays them.

Run: python3 tests/support/record_bodies.py [FOLDER]     (clients that are not installed are left out, and said so)

What a body means is written by hand, in NAME.account beside it: look at both after a recording."""

import email.encoders
import email.mime.application
import email.mime.multipart
import email.mime.text
import email.policy
import http.client
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "data", "bodies")
CLIENT_S = 60

# Pages that post themselves: NAME -> (charset of the page, attributes of the form, script that fills it in).
# field(name, value) and file(name, [file name, type, content]...) add inputs; file(name) alone is one left empty.
PAGES = {
    "chromium-text": ("utf-8", 'enctype="multipart/form-data"', r"""
        field("plain", "1"); field("empty", ""); field("lines", "a\nb\r\nc"); field("grüße", "Zoë 門 🚪");"""),
    "chromium-names": ("utf-8", 'enctype="multipart/form-data"', r"""
        field('say "hi"', "1"); field("two\r\nlines", "2"); field("100%22", "3"); field("back\\slash", "4");
        field("semi;colon=", "5");"""),
    "chromium-files": ("utf-8", 'enctype="multipart/form-data"', r"""
        file("one", ["a.txt", "text/plain", "text\r\n--\r\n"]);
        file("two", ['quo"te.bin', "application/x-thing", "\x00\xff\r\n"], ["grüße 門.txt", "text/plain", ""]);
        file("path", ["C:\\dir\\a.txt", "", "x"]); file("none"); field("after", "1");"""),
    "chromium-windows-1252": ("windows-1252", 'enctype="multipart/form-data"', r"""
        field("_charset_", ""); field("gr\u00fc\u00dfe", "\u20ac 5 \u2013 \u95e8");
        file("file", ["gr\u00fc\u00dfe.txt", "text/plain", "x"]);"""),
    "chromium-shift-jis": ("shift_jis", 'enctype="multipart/form-data"', r"""
        field("\u65e5\u672c", "\u8868"); field("_charset_", "");"""),
    "chromium-nothing": ("utf-8", 'enctype="multipart/form-data"', ""),
    "chromium-urlencoded": ("utf-8", "", r"""
        field("a b", "1+1=2 & more"); field("grüße", "Zoë\n門"); field("empty", ""); field("*-._~", "*-._~");"""),
    "chromium-urlencoded-windows-1252": ("windows-1252", "", r"""
        field("_charset_", ""); field("gr\u00fc\u00dfe", "\u20ac \u95e8");"""),
}
PAGE = r"""<!DOCTYPE html><title>x</title><form method="post" action="/%s" %s accept-charset="%s"></form><script>
const form = document.forms[0];
const input = (type, name) => {
  const e = form.appendChild(document.createElement("input")); e.type = type; e.name = name; return e;
};
const field = (name, value) => {
  if (name === "_charset_") { input("hidden", name).value = value; return; }
  const e = form.appendChild(document.createElement("textarea")); e.name = name; e.value = value;
};
const file = (name, ...files) => {
  const e = input("file", name), list = new DataTransfer(); e.multiple = true;
  for (const [file_name, type, content] of files)
    list.items.add(new File([Uint8Array.from(content, (c) => c.charCodeAt(0))], file_name, {type}));
  e.files = list.files;
};
%s
form.submit();
</script>"""

bodies = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, content_type, body):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name not in PAGES:
            self.reply("text/plain", b"")
            return
        charset, attributes, script = PAGES[name]
        page = PAGE % (name, attributes, charset, script)
        self.reply("text/html; charset=" + charset, page.encode(charset, "xmlcharrefreplace"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bodies[self.path.rpartition("/")[2]] = (self.headers["Content-Type"], body)
        self.reply("text/plain", b"thanks")

    def log_message(self, *args):
        pass


def run(*command, **more):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=CLIENT_S, **more)


def record_curl(url):
    with tempfile.TemporaryDirectory() as folder:
        files = {"a.txt": b"text\r\n", "empty.bin": b"", 'quo"te.txt': b"q", "grüße 門.png": b"\x89PNG\r\n\x1a\n\x00",
                 "back\\slash.txt": b"b"}
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)

        def curl(name, *arguments):
            run("curl", "-sS", "--noproxy", "*", "-H", "Expect:", *arguments, url + "curl-" + name, cwd=folder)

        curl("fields", "-F", "plain=1", "-F", "empty=", "-F", "grüße=Zoë 門", "-F", "html=a<b>;type=text/html")
        curl("files", "-F", "one=@a.txt", "-F", "none=@empty.bin", "-F", "picture=@grüße 門.png;type=image/png",
             "-F", "renamed=@a.txt;filename=\"b;c.txt\"")
        curl("quotes", "-F", 'say "hi"=1', "-F", 'file=@quo"te.txt', "-F", "back=@back\\slash.txt")
        curl("quotes-escaped", "--form-escape", "-F", 'say "hi"=1', "-F", 'file=@"quo\\"te.txt"',
             "-F", 'back=@"back\\\\slash.txt"')
        curl("several", "-F", "files=@a.txt,empty.bin", "-F", "after=1")
        curl("urlencoded", "--data-urlencode", "a b=1+1=2 & more", "--data-urlencode", "name=Zoë 門", "-d", "raw=a%zz+b")


def post_message(url, name, message):
    """As one finds it done with the standard library: the e-mail package writes the body."""
    text = message.as_bytes(policy=email.policy.HTTP)
    head, _, body = text.partition(b"\r\n\r\n")
    field = [line for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
             if line.lower().startswith(b"content-type:")][0]
    request = urllib.request.Request(url + name, body, {"Content-Type": field.split(b":", 1)[1].decode().strip()})
    urllib.request.urlopen(request, timeout=CLIENT_S).read()


def record_python(url):
    message = email.mime.multipart.MIMEMultipart("form-data")
    part = email.mime.text.MIMEText("hello", "plain", "us-ascii")
    part.add_header("Content-Disposition", "form-data", name="text")
    message.attach(part)
    part = email.mime.application.MIMEApplication(b"a,b\r\n1,2\r\n", "csv", email.encoders.encode_7or8bit)
    part.add_header("Content-Disposition", "form-data", name="file", filename="grüße.csv")
    message.attach(part)
    post_message(url, "python-email", message)

    message = email.mime.multipart.MIMEMultipart("form-data")
    part = email.mime.text.MIMEText("Zoë", "plain", "utf-8")
    part.add_header("Content-Disposition", "form-data", name="text")
    message.attach(part)
    post_message(url, "python-email-base64", message)

    body = urllib.parse.urlencode([("a b", "1+1=2 & more"), ("grüße", "Zoë\r\n門"), ("empty", "")]).encode()
    urllib.request.urlopen(url + "python-urlencoded", body, timeout=CLIENT_S).read()

    boundary = "=_a'b(c)+d,e-f./:=? g"
    body = ("--%s\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--%s--\r\n" % (boundary, boundary)).encode()
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=CLIENT_S)
    connection.request("POST", "/python-odd-boundary", body,
                       {"Content-Type": 'multipart/form-data; boundary="%s"' % boundary})
    connection.getresponse().read()
    connection.close()


def record_chromium(url, chromium):
    for name in PAGES:
        with tempfile.TemporaryDirectory() as home:
            run(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--user-data-dir=" + home,
                "--virtual-time-budget=5000", "--dump-dom", url + "page/" + name)
        if name not in bodies:
            print("record_bodies: chromium did not post " + name, file=sys.stderr)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/" % server.server_port
    record_python(url)
    if shutil.which("curl"):
        record_curl(url)
    else:
        print("record_bodies: left out, not installed: curl", file=sys.stderr)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium:
        record_chromium(url, chromium)
    else:
        print("record_bodies: left out, not installed: chromium", file=sys.stderr)
    server.shutdown()
    for name, (content_type, body) in sorted(bodies.items()):
        with open(os.path.join(folder, name + ".http"), "wb") as file:
            file.write(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    print("record_bodies: %d bodies in %s" % (len(bodies), os.path.relpath(folder)))


if __name__ == "__main__":
    main()
