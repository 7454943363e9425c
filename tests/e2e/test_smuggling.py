#!/usr/bin/env python3
"""Requests that two parsers might read differently, raw over both doors: one refusal and an orderly end, and what
follows them is never taken for a request.

Run: python3 tests/e2e/test_smuggling.py [-v]"""

import unittest

import peers
from peers import LONG_MS, each_door

# What a smuggler wants answered. Its target is looked for in the log.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

POST = b"POST /echo/body HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def post(*fields, body=b"0\r\n\r\n"):
    return POST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def request(line, *fields):
    return line + b"\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


REFUSED = {
    # RFC 9112 6.1, 6.3 Message Body Length
    "length and coding": post(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "coding and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "length and coding, spelt oddly": post(b"content-LENGTH: 5", b"TRANSFER-encoding: Chunked"),
    "two lengths": post(b"Content-Length: 5", b"Content-Length: 0"),
    "two equal lengths": post(b"Content-Length: 5", b"Content-Length: 5"),
    "lengths in a list": post(b"Content-Length: 5, 5"),
    "different lengths in a list": post(b"Content-Length: 5, 0"),
    "empty length": post(b"Content-Length:"),
    "length with a sign": post(b"Content-Length: +5"),
    "negative length": post(b"Content-Length: -5"),
    "length in hex": post(b"Content-Length: 0x5"),
    "length with a fraction": post(b"Content-Length: 5.0"),
    "length with an exponent": post(b"Content-Length: 5e0"),
    "length with a blank within": post(b"Content-Length: 5 0"),
    "length with an underscore": post(b"Content-Length: 1_0"),
    "length in quotes": post(b'Content-Length: "5"'),
    "length in other digits": post("Content-Length: ٥".encode()),
    "length and a NUL": post(b"Content-Length: 5\0"),
    "length and a vertical tab": post(b"Content-Length: \x0b5"),
    "length and a form feed": post(b"Content-Length: 5\x0c"),
    "coding in HTTP/1.0": request(b"POST /echo/body HTTP/1.0", b"Host: h", b"Transfer-Encoding: chunked"),
    "coding in HTTP/1.0 that is kept": request(b"POST /echo/body HTTP/1.0", b"Host: h", b"Connection: keep-alive",
                                               b"Transfer-Encoding: chunked"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked"),
    "two codings": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunked, then identity": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "identity": post(b"Transfer-Encoding: identity"),
    "chunked is not the last": post(b"Transfer-Encoding: chunked, gzip"),
    "empty coding": post(b"Transfer-Encoding:"),
    "coding with a comma before": post(b"Transfer-Encoding: ,chunked"),
    "coding with a comma behind": post(b"Transfer-Encoding: chunked,"),
    "coding with a parameter": post(b"Transfer-Encoding: chunked;q=1"),
    "coding in quotes": post(b'Transfer-Encoding: "chunked"'),
    "coding misspelt": post(b"Transfer-Encoding: xchunked"),
    "coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked"),
    "coding with a NUL": post(b"Transfer-Encoding: chunked\0"),
    "coding with a CR": post(b"Transfer-Encoding: chunked\r"),
    "coding behind a bare LF": post(b"X: y\nTransfer-Encoding: chunked"),
    "coding behind a bare CR": post(b"X: y\rTransfer-Encoding: chunked"),
    # RFC 9112 5 Field Syntax
    "coding with a blank before its colon": post(b"Transfer-Encoding : chunked"),
    "coding with a tab before its colon": post(b"Transfer-Encoding\t: chunked"),
    "coding with a blank at the line's begin": post(b" Transfer-Encoding: chunked"),
    "coding folded": post(b"Transfer-Encoding:", b" chunked"),
    "length folded": post(b"Content-Length:", b"\t5"),
    "field folded": post(b"Content-Length: 5", b"X: y", b" z"),
    "fold right behind the request line": request(b"GET / HTTP/1.1", b" Host: h"),
    "no colon": post(b"Content-Length 5"),
    "no name": post(b": 5"),
    "blank in a name": post(b"Content Length: 5"),
    "NUL in a name": post(b"Content-Length\0: 5"),
    "umlaut in a name": post("Länge: 5".encode()),
    "parenthesis in a name": post(b"(Content-Length): 5"),
    "control character in a value": post(b"X: \x01"),
    "line ends of LF alone": (POST + b"Content-Length: 5\r\n\r\n").replace(b"\r\n", b"\n"),
    "empty line of LF alone": POST + b"Content-Length: 5\r\n\n",
    "CR CR LF": POST + b"Content-Length: 5\r\r\n\r\n",
    # RFC 9112 3 Request Line
    "two blanks": request(b"GET  / HTTP/1.1", b"Host: h"),
    "tab in the line": request(b"GET\t/ HTTP/1.1", b"Host: h"),
    "blank in the target": request(b"GET /a b HTTP/1.1", b"Host: h"),
    "blank at the line's end": request(b"GET / HTTP/1.1 ", b"Host: h"),
    "no version": request(b"GET /", b"Host: h"),
    "lower-case version": request(b"GET / http/1.1", b"Host: h"),
    "version of two digits": request(b"GET / HTTP/1.10", b"Host: h"),
    "CR in the target": request(b"GET /\rX HTTP/1.1", b"Host: h"),
    "NUL in the target": request(b"GET /\0 HTTP/1.1", b"Host: h"),
    "encoded NUL in the target": request(b"GET /%00 HTTP/1.1", b"Host: h"),
    "fragment in the target": request(b"GET /#x HTTP/1.1", b"Host: h"),
    "broken percent": request(b"GET /%zz HTTP/1.1", b"Host: h"),
    "above the root": request(b"GET /../x HTTP/1.1", b"Host: h"),
    "above the root, encoded": request(b"GET /%2e%2e/x HTTP/1.1", b"Host: h"),
    "relative target": request(b"GET index.html HTTP/1.1", b"Host: h"),
    "a line of SMTP": b"HELO example.org\r\n\r\n",
    # RFC 9112 3.2 Request Target
    "no Host": request(b"GET / HTTP/1.1"),
    "two Hosts": request(b"GET / HTTP/1.1", b"Host: h", b"Host: i"),
    "two equal Hosts": request(b"GET / HTTP/1.1", b"Host: h", b"host: h"),
    "Hosts in a list": request(b"GET / HTTP/1.1", b"Host: h, i"),
    "Host with a path": request(b"GET / HTTP/1.1", b"Host: h/x"),
    "Host with a user": request(b"GET / HTTP/1.1", b"Host: u@h"),
    "Host with a blank": request(b"GET / HTTP/1.1", b"Host: h i"),
    "Host with a bad port": request(b"GET / HTTP/1.1", b"Host: h:80x"),
    "absolute target with a user": request(b"GET http://u@h/ HTTP/1.1", b"Host: h"),
    # RFC 9112 7.1 Chunked Transfer Coding
    "no chunk size": CHUNKED + b"\r\n\r\n",
    "blank before a chunk size": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "blank behind a chunk size": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "chunk size with a sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-1\r\n",
    "chunk size with 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size that overflows": CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk size with an underscore": CHUNKED + b"1_0\r\n",
    "chunk size and a NUL": CHUNKED + b"5\0\r\nhello\r\n0\r\n\r\n",
    "chunk size ended by LF": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "chunk size ended by CR": CHUNKED + b"5\rhello\r\n0\r\n\r\n",
    "chunk ended by LF": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"5\r\nhello!!\r\n0\r\n\r\n",
    "chunk shorter than its size": CHUNKED + b"7\r\nhello\r\n0\r\n\r\n",
    "LF in an extension": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "CR in an extension": CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "endless extension": CHUNKED + b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
    "last chunk ended by LF": CHUNKED + b"0\n\r\n",
    "end ended by LF": CHUNKED + b"0\r\n\n",
    "trailer with a blank before its colon": CHUNKED + b"0\r\nX : y\r\n\r\n",
    "trailer folded": CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer without a colon": CHUNKED + b"0\r\nX\r\n\r\n",
    "trailer ended by LF": CHUNKED + b"0\r\nX: y\n\r\n",
    "request in place of the trailer": CHUNKED + b"0\r\n",
}

# What is refused for another reason, but after which nothing can be trusted any more either.
OTHERS = {
    "length beyond all numbers": (413, post(b"Content-Length: 99999999999999999999999")),
    "unknown coding": (501, post(b"Transfer-Encoding: gzip, chunked")),
    "HTTP/2.0": (505, request(b"GET / HTTP/2.0", b"Host: h")),
    "HTTP/0.9": (505, request(b"GET / HTTP/0.9", b"Host: h")),
    "unknown expectation": (417, post(b"Content-Length: 5", b"Expect: 200-ok", body=b"hello")),
    "endless trailer": (431, CHUNKED + b"0\r\n" + b"X: y\r\n" * 10000),
    "endless request line": (414, b"GET /" + b"x" * 70000),
    "endless field": (431, b"GET / HTTP/1.1\r\nX: " + b"y" * 70000),
}

# Where one reading is the only one: what follows is a request of its own, and answered.
TAKEN = {
    "length with zeros before": post(b"Content-Length: 0005", body=b"hello"),
    "chunk size with zeros before": CHUNKED + b"00005\r\nhello\r\n000\r\n\r\n",
    "chunk size in either case": CHUNKED + b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "extension": CHUNKED + b'5;name=value;other="quoted"\r\nhello\r\n0;last\r\n\r\n',
    "trailer": CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 100\r\nHost: evil\r\n\r\n",
    "coding in other letters": post(b"tRANSFER-eNCODING: cHUNKED"),
    "blanks around a value": post(b"Content-Length: \t5 \t", body=b"hello"),
    "no blank before a value": post(b"Content-Length:5", body=b"hello"),
    "empty line before": b"\r\n" + post(b"Content-Length: 5", body=b"hello"),
    "body of GET": b"GET /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "body that looks like a request": post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    "body of a refused method": b"POST /index.html HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) +
                                SMUGGLED,
    "body of an unknown method": b"BREW / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "length of a HEAD": b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
}


class Smuggling(peers.Case):
    def setUp(self):
        self.server = self.start(limits={name: LONG_MS for name in ("head_ms", "idle_ms", "body_idle_ms",
                                                                    "rate_grace_ms")})

    def tearDown(self):
        self.assertEqual([line for line in self.server.out.lines if "smuggled" in line], [])

    def refuse(self, scheme, name, status, data, *pieces):
        with self.subTest(request=name), self.client(self.server.door(scheme)) as client:
            for piece in pieces or (data,):
                client.send(piece)
            reply = client.response()
            self.assertEqual((reply.status, reply.field("Connection")), (status, "close"))
            self.assertEqual(client.end(), client.door.orderly)

    @each_door
    def test_ambiguous_requests__one_400_and_close(self, scheme):
        for name, data in REFUSED.items():
            self.refuse(scheme, name, 400, data + SMUGGLED)

    @each_door
    def test_ambiguous_requests__in_pieces__one_400_and_close(self, scheme):
        for name, data in REFUSED.items():
            half = len(data) // 2
            self.refuse(scheme, name, 400, b"", data[:half], data[half:], SMUGGLED)

    @each_door
    def test_ambiguous_requests__behind_a_good_one__one_400_and_close(self, scheme):
        good = peers.get("/echo/body", method="POST", body=b"good")
        for name, data in REFUSED.items():
            with self.subTest(request=name), self.client(self.server.door(scheme)) as client:
                client.send(good + data + SMUGGLED)
                self.assertEqual(client.response().body, b"good")
                self.assertEqual(client.response().status, 400)
                self.assertEqual(client.end(), client.door.orderly)

    @each_door
    def test_other_refusals__one_answer_and_close(self, scheme):
        for name, (status, data) in OTHERS.items():
            self.refuse(scheme, name, status, data + SMUGGLED)

    @each_door
    def test_sound_requests__are_taken__and_the_next_is_answered(self, scheme):
        following = peers.get("/echo/body", "Connection: close", method="POST", body=b"next")
        for name, data in TAKEN.items():
            with self.subTest(request=name), self.client(self.server.door(scheme)) as client:
                client.send(data + following)
                reply = client.response("HEAD" if data.startswith(b"HEAD") else "POST")
                self.assertIn(reply.status, (200, 405, 501))
                self.assertEqual(reply.field("Connection"), None)
                self.assertEqual(client.response().body, b"next")
                self.assertEqual(client.end(), client.door.orderly)


if __name__ == "__main__":
    unittest.main()
