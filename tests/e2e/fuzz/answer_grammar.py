"""Answers that nobody should give: built from a grammar of bad ideas, and mutated from good ones.

Each carries the name of what was asked for, so that bytes of one answer in another can be told.
"""

from random import Random
from typing import Literal, NamedTuple

from e2e.fuzz.answer_bodies import Kind, body, document, mutated

End = Literal["keep", "close", "reset"]

_STATUS_LINES = (
    *(b"HTTP/1.1 200 OK",) * 12,
    *(b"HTTP/1.1 %d X" % status for status in (201, 204, 205, 206, 299, 301, 304, 400, 401, 403, 404, 408, 409)),
    *(b"HTTP/1.1 %d X" % status for status in (413, 418, 429, 431, 500, 502, 503, 504, 511, 599, 600, 999)),
    *(
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 ",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/0.9 200 X",
    ),
    *(b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 -200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 2x0 OK"),
    *(b"http/1.1 200 OK", b"ICY 200 OK", b"", b"HTTP/1.1", b"HTTP/1.1 200 \xff\x00", b"HTTP/1.1 101 X"),
    *(b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00", b"HTTP/1.1 200 " + b"O" * 5000, b"PRI * HTTP/2.0"),
)
_HEADERS = (
    *(b"Content-Type: application/json",) * 6,
    *(
        b"Content-Type: application/json; charset=utf-8",
        b"Content-Type: text/html",
        b"content-type:application/x+json",
    ),
    *(
        b"Content-Type: application/json; charset=utf-16",
        b"Content-Type:",
        b"Content-Type: application/json;" + b";" * 999,
    ),
    *(b"Content-Encoding: gzip", b"Content-Encoding: identity", b"Content-Encoding: " + b"br, " * 200 + b"br"),
    *(
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Keep-Alive: timeout=0",
    ),
    *(
        b"Retry-After: 1",
        b"Retry-After: -1",
        b"Retry-After: 9999999999",
        b"Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    *(
        b"Retry-After: Thu, 01 Jan 9999 00:00:00 +9999",
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
        b"Date: \xff",
        b"Trailer: X",
    ),
    *(
        b"Location: http://127.0.0.1:1/",
        b"WWW-Authenticate: Basic",
        b"Set-Cookie: a=b",
        b"Warning: 199",
        b"Via: x",
    ),
    *(
        b" folded",
        b"\tfolded",
        b"no colon",
        b": empty",
        b"X : y",
        b"X: a\x00b",
        b"X: a\rb",
        b"X: a\nb",
        b"\xff: \xff",
    ),
    *(b"X: " + b"y" * 5000, b"Content-Length: 2", b"Content-Length: 2", b"Transfer-Encoding: chunked"),
)
_LENGTHS = (
    *(b"%d" % number for number in (0, 1, 2, 10**6, 2**31, 2**32, 2**63 - 1, 2**64 - 1, 2**64 + 9)),
    *(b"-1", b"+2", b"0x2", b"2_0", b"2, 2", b"", b"2 2", b"00000000000000000002", b"\xd9\xa2", b"NaN", b"2.0"),
)
_CODINGS = (
    *(b"identity", b"gzip", b"chunked, gzip", b"gzip, chunked", b"xchunked", b"Chunked", b"chunked, chunked", b""),
    *(b"\x0bchunked", b"chunked;q=1", b'"chunked"', b"chunked\x00", b"\r\n chunked"),
)
_SIZES = (*b"0x2 +2 -2 2_0 g fffffffffffffffff 7fffffffffffffff".split(), b" 2", b"2 ", b"", b"\xff", b"2\n")
_EXTENSIONS = (
    *b"; ;x ;x=y".split(),
    *(b";x=\ny", b";\n", b';x="\r\n"', b";\x00", b" ;x", b";" + b"x" * 300, b";x=" + b"y" * 5000),
)
_TRAILERS = (
    *(
        b"X: y\r\n",
        b"Content-Type: text/html\r\n",
        b"Content-Length: 2\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"x\r\n",
    ),
    *(
        b"Connection: close\r\n",
        b"X: y\r\n" * 300,
        b"Content-Encoding: gzip\r\n",
        b" x\r\n",
        b"X\x01: y\r\n",
        b"X: y\n",
    ),
)
_INTERIM = (
    *(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\n",
        b"HTTP/1.1 102 X\r\nContent-Length: 9\r\n\r\n",
    ),
    *(
        b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 199 X\r\n\r\n",
        b"HTTP/1.1 103 X\r\n\r\n" * 30,
    ),
    *(b"\r\n\r\n", b"\x00", b"HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
)


class Plan(NamedTuple):
    """What a server does when it is asked: it sends these pieces, and then what `end` says."""

    pieces: list[bytes]
    end: End


def plan(random: Random, kind: Kind, name: str, *, late: bool) -> Plan:
    """Return what comes when `name` is asked for.

    Unless `late`, what nobody asked for comes in one piece with the end of the answer.
    """
    choice = random.random()
    if choice < 0.15:
        data = good(kind, name)
    elif choice < 0.55:
        data = _framed(body(random, kind, name))
    elif choice < 0.7:
        data = mutated(random, good(kind, name), _HEADERS)
    else:
        data = _built(random, kind, name)
    unasked = (good(kind, name + "-extra"), b"HTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n", b"x", b"\r\n")
    extras = random.choice(unasked) if random.random() < 0.05 else b""
    if extras and late and random.random() < 0.5:
        pieces = [data, extras]
    else:
        splittable = data.find(b"\r\n\r\n") if extras else len(data)
        pieces = _pieces(random, data + extras, max(1, splittable))
    end: End = random.choices(("keep", "close", "reset"), (0.92, 0.05, 0.03))[0]
    return Plan(pieces, end)


def good(kind: Kind, name: str) -> bytes:
    """Return the answer that is right."""
    return _framed(document(kind, name))


def _framed(content: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    )


def _pieces(random: Random, data: bytes, splittable: int) -> list[bytes]:
    if random.random() < 0.7:
        return [data]
    cuts = sorted({random.randrange(splittable + 1) for _ in range(random.choice((1, 1, 1, 3, 12)))})
    return [piece for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if (piece := data[start:end])]


def _built(random: Random, kind: Kind, name: str) -> bytes:
    content = body(random, kind, name)
    lines = [random.choice(_STATUS_LINES), b"Content-Type: application/json"]
    lines += random.choices(_HEADERS, k=random.choice((0, 0, 0, 1, 1, 2, 5)))
    framing = random.random()
    if framing < 0.4:
        lines.append(b"Content-Length: %d" % max(0, len(content) + random.choice((0, 0, 0, 0, 1, -1, 500))))
    elif framing < 0.75:
        lines.append(b"Transfer-Encoding: chunked")
        content = _chunked(random, content)
    elif framing < 0.85:
        lines.append(b"Content-Length: " + random.choice(_LENGTHS))
    elif framing < 0.95:
        lines.append(b"Transfer-Encoding: " + random.choice(_CODINGS))
        content = random.choice((content, _chunked(random, content)))
    if random.random() < 0.01:
        lines += [b"X-%d: y" % number for number in range(500)]
    end = random.choice((b"\n", b"\r", b"\r\r\n", b"\r\n ")) if random.random() < 0.03 else b"\r\n"
    interim = random.choice(_INTERIM) if random.random() < 0.08 else b""
    return interim + end.join(lines) + end * 2 + content


def _chunked(random: Random, content: bytes) -> bytes:
    size = random.choice((1, 7, 64, 1000, 10**6))
    strange = random.random() < 0.3
    data = bytearray()
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        data += random.choice(_SIZES) if strange and random.random() < 0.1 else b"%x" % len(piece)
        data += random.choice(_EXTENSIONS) if strange and random.random() < 0.1 else b""
        end = random.choice((b"\n", b"", b"XX")) if strange and random.random() < 0.05 else b"\r\n"
        data += b"\r\n" + piece + end
    last = random.choice((b"0\r\n", b"0\r\n", b"000\r\n", b"0;x\r\n", b"0\n", b"")) if strange else b"0\r\n"
    trailers = random.choice(_TRAILERS) if random.random() < 0.1 else b""
    return bytes(data) + last + trailers + (b"" if strange and random.random() < 0.2 else b"\r\n")
