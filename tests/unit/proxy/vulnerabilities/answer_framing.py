"""Answers whose length can be read in two ways."""

from unit.proxy.vulnerabilities.answers import BODY, EXTRA, JSON, LINE, chunked
from unit.proxy.vulnerabilities.case import LAST_CHUNK, Case

_FAILED = ("upstream-error", "closed")
_KEPT = (200, "kept")
_CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n"


def _framed(*framing: bytes, body: bytes = BODY + EXTRA) -> bytes:
    """Return an answer framed by these header lines, without their ends."""
    return LINE + JSON + b"".join(line + b"\r\n" for line in framing) + b"\r\n" + body


def _te(value: bytes, *more: bytes) -> bytes:
    return _framed(b"Transfer-Encoding: " + value, *more, body=_CHUNK + LAST_CHUNK + EXTRA)


def _cl(value: bytes, *more: bytes) -> bytes:
    return _framed(b"Content-Length: " + value, *more)


LENGTHS = (
    Case("RFC 9112", "several", 2005, "two lengths", _cl(b"%d" % len(BODY), b"Content-Length: 2"), _FAILED),
    Case(
        "RFC 9112",
        "several",
        2005,
        "the same length twice",
        _cl(b"%d" % len(BODY), b"Content-Length: %d" % len(BODY)),
        _FAILED,
    ),
    Case("RFC 9112", "several", 2005, "a list of lengths", _cl(b"%d, 2" % len(BODY)), _FAILED),
    Case("CVE-2023-40225", "HAProxy", 2023, "an empty length", _cl(b""), _FAILED),
    Case("CVE-2021-32715", "hyper", 2021, "a length with a plus sign", _cl(b"+%d" % len(BODY)), _FAILED),
    Case("CVE-2023-38697", "protocol-http1", 2023, "a hexadecimal length", _cl(b"0x%x" % len(BODY)), _FAILED),
    Case("CVE-2023-47627", "aiohttp", 2023, "a length with an underscore", _cl(b"1_0"), _FAILED),
    Case("CVE-2025-69225", "aiohttp", 2025, "digits that are none in ASCII", _cl("\u0662".encode()), _FAILED),
    Case("CL", "several", 2005, "a negative length", _cl(b"-1"), _FAILED),
    Case("CL", "several", 2005, "a length beyond 64 bits", _cl(b"18446744073709551636"), _FAILED),
    Case("CL", "several", 2005, "the largest length of 64 bits", _cl(b"18446744073709551615"), _FAILED),
    Case(
        "CL",
        "several",
        2005,
        "a length that is larger than the body, so that the next answer fills it",
        _cl(b"%d" % (len(BODY) + len(EXTRA))),
        ("upstream-error", "either"),
    ),
    Case(
        "CL",
        "several",
        2005,
        "a length that the connection's end cuts short",
        _framed(b"Content-Length: 900", body=BODY),
        _FAILED,
        closes=True,
    ),
    Case(
        "CVE-2021-22959",
        "llhttp",
        2021,
        "a space between the name and the colon",
        _framed(b"Content-Length : %d" % len(BODY)),
        _FAILED,
    ),
)

LENGTH_AND_CHUNKS = (
    Case(
        "CVE-2026-2835", "Pingora", 2026, "a length beside chunks", _te(b"chunked", b"Content-Length: 3"), _FAILED
    ),
    Case(
        "CVE-2026-40561",
        "Starlet",
        2026,
        "chunks behind a length",
        _framed(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked"),
        _FAILED,
    ),
    Case(
        "CVE-2024-1135",
        "gunicorn",
        2024,
        "two codings, the last one not chunked",
        _te(b"chunked", b"Transfer-Encoding: identity"),
        _FAILED,
        closes=True,
    ),
    Case(
        "CVE-2024-6827",
        "gunicorn",
        2024,
        "an unknown coding, and a length",
        _te(b"xchunked", b"Content-Length: %d" % len(BODY)),
        _FAILED,
        closes=True,
    ),
    Case("TE.TE", "several", 2019, "chunked is not the last coding", _te(b"chunked, gzip"), _FAILED, closes=True),
    Case(
        "TE.TE",
        "several",
        2019,
        "a space between the name and the colon",
        _te(b"x").replace(b"ing: x", b"ing : chunked"),
        _FAILED,
    ),
    Case("TE.TE", "several", 2019, "a coding on a folded line", _te(b"\r\n chunked"), (200, "closed")),
    Case(
        "CVE-2026-23527",
        "h3",
        2026,
        "chunked with a capital letter",
        chunked(_CHUNK + LAST_CHUNK).replace(b": chunked", b": Chunked"),
        _KEPT,
    ),
)

CASES = (*LENGTHS, *LENGTH_AND_CHUNKS)
