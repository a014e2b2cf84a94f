"""Chunked answers: sizes, extensions, line ends and trailers."""

from unit.proxy.vulnerabilities.answers import BODY, EXTRA, JSON, LINE, chunked
from unit.proxy.vulnerabilities.case import LAST_CHUNK, Case

_FAILED = ("upstream-error", "closed")
_KEPT = (200, "kept")
_CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n"

CHUNKS = (
    Case(
        "CVE-2025-22871",
        "Go",
        2025,
        "a size ended by a bare LF",
        chunked(_CHUNK.replace(b"\r\n", b"\n", 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2025-58056",
        "Netty",
        2025,
        "all chunks' lines ended by a bare LF",
        chunked((_CHUNK + LAST_CHUNK).replace(b"\r\n", b"\n") + EXTRA),
        _FAILED,
    ),
    Case(
        "CR in chunks",
        "several",
        2025,
        "a size ended by a bare CR",
        chunked(_CHUNK.replace(b"\r\n", b"\r", 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2025-43859",
        "h11",
        2025,
        "any two bytes in the place of the CRLF behind a chunk",
        chunked(_CHUNK[:-2] + b"XX" + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2025-66373",
        "Akamai",
        2025,
        "a chunk larger than its size",
        chunked(b"5\r\n" + BODY + b"\r\n" + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "TERM.EXT",
        "several",
        2025,
        "a bare LF ends an extension for one parser",
        chunked(_CHUNK.replace(b"\r\n", b";\nx\r\n", 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2024-52304",
        "aiohttp",
        2024,
        "a bare LF inside an extension's value",
        chunked(_CHUNK.replace(b"\r\n", b";x=\ny\r\n", 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2026-33870",
        "Netty",
        2026,
        "a line end inside a quoted value",
        chunked(_CHUNK.replace(b"\r\n", b';x="\r\n"\r\n', 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2022-24761",
        "waitress",
        2022,
        "control characters in an extension",
        chunked(_CHUNK.replace(b"\r\n", b";\x00\r\n", 1) + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2023-38697",
        "protocol-http1",
        2023,
        "a size with 0x",
        chunked(b"0x" + _CHUNK + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "chunk size", "several", 2019, "a size with a sign", chunked(b"+" + _CHUNK + LAST_CHUNK + EXTRA), _FAILED
    ),
    Case(
        "chunk size",
        "several",
        2019,
        "a size that is not there",
        chunked(b"\r\n" + _CHUNK + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "chunk size",
        "several",
        2019,
        "a size beyond 64 bits",
        chunked(b"1" + b"0" * 16 + _CHUNK + LAST_CHUNK + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2023-39326",
        "Go",
        2023,
        "bytes in chunks of one byte, each with an extension",
        chunked(b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in BODY) + LAST_CHUNK),
        _KEPT,
    ),
    Case(
        "CVE-2025-47905",
        "Varnish",
        2025,
        "the last chunk's CRLF is left out, and the connection ends",
        chunked(_CHUNK + b"0\r\n"),
        _FAILED,
        closes=True,
    ),
    Case(
        "CVE-2025-47905",
        "Varnish",
        2025,
        "the last chunk's CRLF is left out, and an answer follows",
        chunked(_CHUNK + b"0\r\n" + EXTRA),
        _FAILED,
    ),
)

TRAILERS = (
    Case(
        "CVE-2025-12642",
        "lighttpd",
        2025,
        "a trailer that is no header of ours",
        chunked(_CHUNK + b"0\r\nX: MARKED\r\n\r\n"),
        _KEPT,
    ),
    Case(
        "trailers",
        "several",
        2025,
        "a trailer that would frame the body anew",
        chunked(_CHUNK + b"0\r\nContent-Length: 9\r\n\r\n" + EXTRA),
        _FAILED,
    ),
    Case(
        "trailers",
        "several",
        2025,
        "a trailer that would end the connection",
        chunked(_CHUNK + b"0\r\nConnection: close\r\n\r\n" + EXTRA),
        (200, "closed"),
    ),
    Case(
        "CVE-2025-59822",
        "http4s",
        2025,
        "a trailer without a colon",
        chunked(_CHUNK + b"0\r\nx\r\n" + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2023-45648",
        "Tomcat",
        2023,
        "a control character in a trailer's name",
        chunked(_CHUNK + b"0\r\nX\x01: y\r\n\r\n" + EXTRA),
        _FAILED,
    ),
    Case(
        "CVE-2025-58068",
        "eventlet",
        2025,
        "trailers in the place of the next answer",
        chunked(_CHUNK + b"0\r\nX: y\r\n\r\n" + EXTRA),
        (200, "closed"),
    ),
)

HEADERS_BY_TRAILERS = (
    Case(
        "CVE-2025-12642",
        "lighttpd",
        2025,
        "a trailer with another type",
        chunked(_CHUNK + b"0\r\nContent-Type: text/html\r\n\r\n"),
        _KEPT,
    ),
    Case(
        "CVE-2025-12642",
        "lighttpd",
        2025,
        "a trailer with an encoding",
        chunked(_CHUNK + b"0\r\nContent-Encoding: gzip\r\n\r\n"),
        _KEPT,
    ),
    Case(
        *("CVE-2025-12642", "lighttpd", 2025),
        "a trailer with the right type",
        LINE
        + b"Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
        + _CHUNK
        + b"0\r\n"
        + JSON
        + b"\r\n",
        ("upstream-error", "either"),
    ),
)

CASES = (*CHUNKS, *TRAILERS, *HEADERS_BY_TRAILERS)
