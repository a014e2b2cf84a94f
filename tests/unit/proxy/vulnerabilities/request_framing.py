"""Requests whose length can be read in two ways."""

from unit.proxy.vulnerabilities.case import (
    AFTER,
    AS_CHUNK,
    BODY,
    CHUNKED,
    HEAD,
    LAST_CHUNK,
    REFUSED,
    SEARCH,
    SMUGGLED,
    Case,
    length,
    search,
)

_WHOLE = AS_CHUNK + LAST_CHUNK
_TE = b"Transfer-Encoding: chunked"


def _te(value: bytes, *more: bytes) -> bytes:
    """Return a chunked search with this `Transfer-Encoding`, and a length that ends before the smuggled read."""
    return search(b"Transfer-Encoding: " + value, *more, body=_WHOLE + SMUGGLED)


def _cl(value: bytes, *more: bytes) -> bytes:
    """Return a search with this `Content-Length`."""
    return search(b"Content-Length: " + value, *more, body=BODY + SMUGGLED)


LENGTH_AND_CHUNKS = (
    Case(
        *("GHSA-xhj4-vrgc-hr34", "actix-http", 2026),
        "a length beside chunks, where the length covers a second request",
        HEAD + length(len(_WHOLE) + len(SMUGGLED)) + CHUNKED + b"\r\n" + _WHOLE + SMUGGLED,
        REFUSED,
    ),
    Case(
        *("CVE-2026-40561", "Starlet", 2026),
        "a length beside chunks, where the length ends inside the first chunk",
        HEAD + CHUNKED + length(4) + b"\r\n" + b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST_CHUNK,
        REFUSED,
    ),
    Case(
        *("CVE-2026-2835", "Pingora", 2026),
        "chunks in HTTP/1.0, which has none: the body would end with the connection",
        _te(b"chunked").replace(b"HTTP/1.1\r\nHost: x\r\nContent-Type", b"HTTP/1.0\r\nHost: x\r\nContent-Type"),
        REFUSED,
    ),
    Case(
        *("CVE-2026-42581", "Netty", 2026),
        "chunks and a length in HTTP/1.0, where the length was left standing",
        _te(b"chunked", b"Content-Length: 3").replace(
            b"HTTP/1.1\r\nHost: x\r\nContent", b"HTTP/1.0\r\nHost: x\r\nContent"
        ),
        REFUSED,
    ),
    Case(
        *("CVE-2026-26365", "Akamai", 2026),
        "`Connection` names the header that frames the body, so that a proxy drops it",
        search(b"Connection: keep-alive, Transfer-Encoding", _TE, body=_WHOLE),
        (SEARCH, ..., AFTER),
    ),
    Case(
        *("CVE-2026-1760", "libsoup", 2026),
        "chunks and `Connection: keep-alive` beside a length: the connection was not closed behind it",
        _te(b"chunked", b"Connection: keep-alive", b"Content-Length: 20"),
        REFUSED,
    ),
)

TRANSFER_ENCODING = (
    Case(
        *("CVE-2024-1135", "gunicorn", 2024),
        "`Transfer-Encoding` twice, the last one not chunked",
        _te(b"chunked", b"Transfer-Encoding: identity"),
        REFUSED,
    ),
    Case(
        *("CVE-2024-6827", "gunicorn", 2024),
        "an unknown coding, for which a parser falls back to the length",
        _te(b"xchunked", b"Content-Length: 3"),
        REFUSED,
    ),
    Case("TE.TE", "several", 2019, "an unknown coding without a length", _te(b"x"), REFUSED),
    Case("TE.TE", "several", 2019, "chunked is not the last coding", _te(b"chunked, identity"), REFUSED),
    Case(
        *("CVE-2026-2835", "Pingora", 2026),
        "chunked is the last of several codings, of which a parser looked at the first",
        _te(b"identity, chunked"),
        REFUSED,
    ),
    Case("TE.TE", "several", 2019, "chunked twice in one list", _te(b"chunked, chunked"), REFUSED),
    Case("TE.TE", "several", 2019, "an empty element before chunked", _te(b", chunked"), REFUSED),
    Case("TE.TE", "several", 2019, "a parameter of chunked", _te(b"chunked;q=1", b"Content-Length: 3"), REFUSED),
    Case("TE.TE", "several", 2019, "chunked in quotes", _te(b'"chunked"', b"Content-Length: 3"), REFUSED),
    Case(
        *("CVE-2026-23527", "h3", 2026),
        "chunked with a capital letter, which a parser did not know again",
        search(b"Transfer-Encoding: cHunkeD", body=b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST_CHUNK),
        (400, ..., AFTER),
    ),
    Case(
        *("CVE-2025-69224", "aiohttp", 2025),
        "chunked with a character that becomes an ASCII letter when it is lowered",
        _te("chun\u212aed".encode(), b"Content-Length: 3"),
        REFUSED,
    ),
    Case(
        "TE.TE",
        "several",
        2019,
        "a space before the colon",
        _te(b"x").replace(b"ing: x", b"ing : chunked"),
        REFUSED,
    ),
    Case(
        "TE.TE",
        "several",
        2019,
        "a tab before chunked, and a length",
        _te(b"\tchunked", b"Content-Length: 3"),
        REFUSED,
    ),
    Case(
        "TE.TE",
        "several",
        2019,
        "a vertical tab before chunked",
        _te(b"\x0bchunked", b"Content-Length: 3"),
        REFUSED,
    ),
    Case(
        "TE.TE", "several", 2019, "chunked on a folded line", _te(b"\r\n chunked", b"Content-Length: 3"), REFUSED
    ),
    Case(
        *("TE.TE", "several", 2019),
        "an empty value before a length",
        search(b"Transfer-Encoding: ", b"Content-Length: 20", body=BODY + SMUGGLED),
        REFUSED,
    ),
    Case("TE.TE", "several", 2019, "NUL behind chunked", _te(b"chunked\x00", b"Content-Length: 3"), REFUSED),
    Case(
        *("CVE-2026-28368", "Undertow", 2026),
        "a byte in the header's name that one parser drops",
        search(b"Transfer-Encoding\x00: chunked", b"Content-Length: 3", body=_WHOLE + SMUGGLED),
        REFUSED,
    ),
    Case(
        *("CVE-2023-30589", "llhttp", 2023),
        "a bare CR before the header, taken for the end of a line",
        search(b"X: y\rTransfer-Encoding: chunked", b"Content-Length: 3", body=_WHOLE + SMUGGLED),
        REFUSED,
    ),
    Case(
        *("CVE-2022-32214", "llhttp", 2022),
        "a bare LF before the header",
        search(b"X: y\nTransfer-Encoding: chunked", b"Content-Length: 3", body=_WHOLE + SMUGGLED),
        REFUSED,
    ),
)

CONTENT_LENGTH = (
    Case(
        "CVE-2026-23941",
        "Erlang",
        2026,
        "two lengths, of which the first counted",
        _cl(b"2", b"Content-Length: 20"),
        REFUSED,
    ),
    Case(
        "CVE-2026-1525",
        "undici",
        2026,
        "two lengths, their names in other letters",
        _cl(b"20", b"content-length: 2"),
        REFUSED,
    ),
    Case("CL.CL", "several", 2005, "the same length twice", _cl(b"20", b"Content-Length: 20"), REFUSED),
    Case("CL.CL", "several", 2005, "a list of lengths", _cl(b"2, 20"), REFUSED),
    Case("CVE-2023-40225", "HAProxy", 2023, "an empty length", _cl(b""), REFUSED),
    Case(
        "CVE-2023-40225", "HAProxy", 2023, "an empty length before one", _cl(b"", b"Content-Length: 20"), REFUSED
    ),
    Case("CVE-2021-32715", "hyper", 2021, "a length with a plus sign", _cl(b"+20"), REFUSED),
    Case("CVE-2023-38697", "protocol-http1", 2023, "a hexadecimal length", _cl(b"0x14"), REFUSED),
    Case(
        "CVE-2023-47627",
        "aiohttp",
        2023,
        "a length with an underscore, as Python reads numbers",
        _cl(b"2_0"),
        REFUSED,
    ),
    Case(
        "CVE-2025-69225", "aiohttp", 2025, "digits that are none in ASCII", _cl("\u0662\u0660".encode()), REFUSED
    ),
    Case("CL", "several", 2005, "a negative length", _cl(b"-20"), REFUSED),
    Case("CL", "several", 2005, "a length beyond 64 bits", _cl(b"18446744073709551636"), REFUSED),
    Case("CL", "several", 2005, "a space inside the length", _cl(b"2 0"), REFUSED),
    Case("CL", "several", 2005, "letters behind the length", _cl(b"20a"), REFUSED),
    Case(
        "CL",
        "several",
        2005,
        "zeros before the length",
        search(b"Content-Length: 00020", body=BODY),
        (SEARCH, AFTER),
    ),
    Case(
        *("CVE-2021-22959", "llhttp", 2021),
        "a space between the name and the colon",
        search(b"Content-Length : 20", body=BODY + SMUGGLED),
        REFUSED,
    ),
    Case(
        *("CVE-2024-27982", "Node", 2024),
        "a space before the name, by which the line continues the one above",
        search(b" Content-Length: 20", body=BODY + SMUGGLED),
        REFUSED,
    ),
)

CASES = (*LENGTH_AND_CHUNKS, *TRANSFER_ENCODING, *CONTENT_LENGTH)
