"""What the tests of posts share: forms as bytes, a client that posts many at once, and a look at what a store holds."""

import asyncio
import hashlib
import json
import os
import sqlite3
import ssl

import harness


def multipart(fields, files=(), boundary=b"----postern-e2e-boundary"):
    """(Content-Type, body). files: (name, file name, type, bytes)."""
    parts = []
    for name, value in fields:
        parts.append(b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (name.encode(), value.encode()))
    for name, file_name, kind, data in files:
        parts.append(b'Content-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: %s\r\n\r\n' %
                     (name.encode(), file_name.encode(), kind.encode()) + data)
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    return "multipart/form-data; boundary=" + boundary.decode(), body


class PostServer(harness.Server):
    """A server with a store in folder, on both doors."""

    def __init__(self, site, folder, *options):
        _, cert, key = harness.shared_certs()
        super().__init__(site, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert", cert, "--key", key,
                         "--data", folder, "--no-log", *options, doors=2)

    def ask_json(self, target, scheme="http", **fields):
        """What a GET for JSON gives, decoded."""
        reply = self.door(scheme).ask(target, Host=f"localhost:{self.door(scheme).port}", Accept="application/json",
                                      **fields)
        if reply.status != 200:
            raise AssertionError(f"{target}: {reply.status} {reply.body[:300]!r}")
        return json.loads(unchunked(reply))

    def all_posts(self, box):
        """Every post of a box, newest first."""
        target, posts = f"/post/{box}?limit=200", []
        while target:
            page = self.ask_json(target)
            posts += page["posts"]
            target = page.get("next")
        return posts


def unchunked(reply):
    """The body, whatever its framing."""
    if reply.fields.get("transfer-encoding") != "chunked":
        return reply.body
    data, rest = b"", reply.body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        size = int(size.split(b";")[0], 16)
        if size == 0:
            return data
        data, rest = data + rest[:size], rest[size + 2:]


# ---- many posts at once ----


async def connect(door):
    if door.scheme == "http":
        return await asyncio.open_connection(door.host, door.port)
    context = ssl.create_default_context(cafile=harness.shared_certs()[0])
    return await asyncio.open_connection(door.host, door.port, ssl=context, ssl_handshake_timeout=harness.PATIENCE_S)


async def post(reader, writer, target, kind, body, *fields):
    """One post on a connection that stays: (status, fields, body)."""
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: {kind}\r\n"
    head += "".join(field + "\r\n" for field in fields) + f"Content-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    lines = answer.decode("latin-1").split("\r\n")
    found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    length = int(found.get("content-length", 0))
    return int(lines[0].split()[1]), found, await reader.readexactly(length)


# ---- what is in the folder ----


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def inspect(folder):
    """(names and true hashes of the stored files, names in tmp, SQLite's integrity_check). The server has ended."""
    files = {name: sha256_of(os.path.join(folder, "files", name)) for name in os.listdir(os.path.join(folder, "files"))}
    left = os.listdir(os.path.join(folder, "tmp"))
    with sqlite3.connect(f"file:{os.path.join(folder, 'posts.db')}?mode=ro", uri=True) as db:
        verdict = db.execute("PRAGMA integrity_check").fetchall()
    db.close()
    return files, left, verdict
