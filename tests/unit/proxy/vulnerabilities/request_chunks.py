"""Chunked requests: sizes, extensions, line ends and trailers."""

from unit.proxy.vulnerabilities.case import (
    AFTER,
    AS_CHUNK,
    BODY,
    LAST_CHUNK,
    REFUSED,
    SEARCH,
    SMUGGLED,
    Case,
    search,
)


def _chunks(body: bytes) -> bytes:
    return search(b"Transfer-Encoding: chunked", body=body)


def _size(size: bytes) -> bytes:
    """Return a search whose one chunk has this for its size."""
    return _chunks(size + b"\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED)


def _trailers(*lines: bytes) -> bytes:
    return _chunks(AS_CHUNK + b"0\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")


LINE_ENDS = (
    Case(
        "CVE-2025-22871",
        "Go",
        2025,
        "a size ended by a bare LF",
        _chunks(b"14\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-58056",
        "Netty",
        2025,
        "all chunks' lines ended by a bare LF",
        _chunks(b"14\n" + BODY + b"\n0\n\n" + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2024-53868",
        "Traffic Server",
        2025,
        "a chunk's data ended by a bare LF",
        _chunks(b"14\r\n" + BODY + b"\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CR in chunks",
        "several",
        2025,
        "a size ended by a bare CR",
        _chunks(b"14\r" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-43859",
        "h11",
        2025,
        "any two bytes in the place of the CRLF behind a chunk",
        _chunks(b"14\r\n" + BODY + b"XX" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-66373",
        "Akamai",
        2025,
        "a chunk larger than its size",
        _chunks(b"13\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-66373",
        "Akamai",
        2025,
        "a chunk smaller than its size",
        _chunks(b"16\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-47905",
        "Varnish",
        2025,
        "the last chunk's CRLF is left out",
        _chunks(AS_CHUNK + b"0\r\n" + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-47905",
        "Varnish",
        2025,
        "the body's end is a bare LF",
        _chunks(AS_CHUNK + b"0\r\n\n" + SMUGGLED),
        REFUSED,
    ),
)

EXTENSIONS = (
    Case(
        "TERM.EXT",
        "several",
        2025,
        "a bare LF ends an extension for one parser",
        _chunks(b"14;\nx\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-55315",
        "Kestrel",
        2025,
        "a bare CR inside an extension",
        _chunks(b"14;\rx\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2024-52304",
        "aiohttp",
        2024,
        "a bare LF inside an extension's value",
        _chunks(b"14;x=\ny\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2026-33870",
        "Netty",
        2026,
        "a line end inside a quoted value",
        _chunks(b'14;x="\r\n' + BODY + b'"\r\n' + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2026-24880",
        "Tomcat",
        2026,
        "an extension without a name",
        _chunks(b"14;=x\r\n" + BODY + b"\r\n" + LAST_CHUNK),
        (SEARCH, ..., AFTER),
    ),
    Case(
        "CVE-2022-24761",
        "waitress",
        2022,
        "control characters in an extension",
        _chunks(b"14;\x00\x01\r\n" + BODY + b"\r\n" + LAST_CHUNK + SMUGGLED),
        REFUSED,
    ),
    Case(
        "EXT.TERM",
        "several",
        2025,
        "an extension that looks like the end of the head",
        _chunks(b"14;GET=\r\n" + BODY + b"\r\n" + LAST_CHUNK),
        (SEARCH, ..., AFTER),
    ),
)

SIZES = (
    Case("CVE-2023-38697", "protocol-http1", 2023, "a size with 0x", _size(b"0x14"), REFUSED),
    Case("CVE-2023-38697", "protocol-http1", 2023, "a size with a plus sign", _size(b"+14"), REFUSED),
    Case("CVE-2023-47627", "aiohttp", 2023, "a size with an underscore", _size(b"1_4"), REFUSED),
    Case("chunk size", "several", 2019, "a negative size", _size(b"-1"), REFUSED),
    Case("chunk size", "several", 2019, "a space before a size", _size(b" 14"), REFUSED),
    Case("chunk size", "several", 2019, "a space behind a size", _size(b"14 "), REFUSED),
    Case("chunk size", "several", 2019, "a size that is not there", _size(b""), REFUSED),
    Case("chunk size", "several", 2019, "an extension without a size", _size(b";14"), REFUSED),
    Case("chunk size", "several", 2019, "a size beyond 64 bits", _size(b"10000000000000014"), REFUSED),
    Case(
        "chunk size",
        "several",
        2019,
        "a size in letters that are none in ASCII",
        _size("\uff11\uff14".encode()),
        REFUSED,
    ),
    Case(
        "chunk size",
        "several",
        2019,
        "a last chunk of several zeros",
        _chunks(AS_CHUNK + b"000\r\n\r\n"),
        (SEARCH, ..., AFTER),
    ),
)

TRAILERS = (
    Case(
        *("CVE-2025-12642", "lighttpd", 2025),
        "trailers that would replace headers",
        _trailers(b"Host: oms", b"Authorization: Bearer stolen", b"Tenant-Id: other", b"Correlation-Id: MARKED"),
        REFUSED,
    ),
    Case(
        "trailers",
        "several",
        2025,
        "trailers that would frame the body anew",
        _trailers(b"Transfer-Encoding: x", b"Content-Length: 9"),
        REFUSED,
    ),
    Case(
        *("CVE-2025-12642", "lighttpd", 2025),
        "a trailer that becomes a header of the next request",
        _trailers(b"Tenant-Id: other"),
        (SEARCH, ..., AFTER),
    ),
    Case(
        "CVE-2025-53643",
        "aiohttp",
        2025,
        "a request among the trailers",
        _trailers(b"X: y", *SMUGGLED.split(b"\r\n")[:2]),
        REFUSED,
    ),
    Case(
        "CVE-2025-59822",
        "http4s",
        2025,
        "a trailer without a colon",
        _chunks(AS_CHUNK + b"0\r\nx\r\n" + SMUGGLED),
        REFUSED,
    ),
    Case(
        "CVE-2025-58068",
        "eventlet",
        2025,
        "trailers in the place of the next request",
        _chunks(AS_CHUNK + b"0\r\nX: y\r\n\r\n" + SMUGGLED),
        (SEARCH, ..., "MARKED", AFTER),
    ),
    Case(
        "CVE-2023-45648",
        "Tomcat",
        2023,
        "a control character in a trailer's name",
        _trailers(b"X\x01: y"),
        REFUSED,
    ),
)


CASES = (*LINE_ENDS, *EXTENSIONS, *SIZES, *TRAILERS)
