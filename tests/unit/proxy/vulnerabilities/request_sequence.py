"""What follows on a connection: bodies that nobody reads, expectations, other protocols, further requests."""

from unit.proxy.vulnerabilities.case import (
    AFTER,
    BODY,
    CHUNKED,
    FIRST,
    HEAD,
    LAST,
    LAST_CHUNK,
    MARKED,
    REFUSED,
    SEARCH,
    SMUGGLED,
    UNIT,
    Case,
    length,
    read,
    search,
)

_READ = read(FIRST)
_TARGET = UNIT + b"/customer-orders/CO-1"


def _line(line: bytes) -> bytes:
    """Return a request with this first line."""
    return line + b"\r\nHost: x\r\n\r\n"


UNREAD_BODIES = (
    Case(
        *("CL.0", "several", 2022),
        "a body of a request that takes none",
        read(FIRST, b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        (FIRST, ..., AFTER),
    ),
    Case(
        *("CVE-2025-4366", "Pingora", 2025),
        "a body that nobody reads, since the answer did not need it",
        b"POST /none HTTP/1.1\r\nHost: x\r\n" + length(len(SMUGGLED)) + b"\r\n" + SMUGGLED,
        (405, ..., AFTER),
    ),
    Case(
        *("0.CL", "several", 2025),
        "an early refusal of chunks that hold a request",
        b"DELETE "
        + UNIT
        + b"/customer-orders/CO-1 HTTP/1.1\r\nHost: x\r\n"
        + CHUNKED
        + b"\r\n%x\r\n" % len(SMUGGLED)
        + SMUGGLED
        + b"\r\n"
        + LAST_CHUNK,
        (405, ..., AFTER),
    ),
    Case(
        *("0.CL", "several", 2025),
        "an early refusal by the media type",
        search(b"Content-Encoding: gzip", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
        (415, ..., AFTER),
    ),
    Case(
        "CL",
        "several",
        2005,
        "a length that ends before the body does",
        search(b"Content-Length: 18", body=b'{"customerId":"1"}' + SMUGGLED),
        (SEARCH, MARKED, AFTER),
    ),
)

METHODS = (
    Case(
        "TRACE", "several", 2003, "a method that echoes", _line(b"TRACE " + _TARGET + b" HTTP/1.1"), (405, AFTER)
    ),
    Case(
        "method override",
        "several",
        2011,
        "a header that would change the method",
        read(FIRST, b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: PUT"),
        (FIRST, AFTER),
    ),
    Case("method", "several", 2019, "a method in small letters", _line(b"get " + _TARGET + b" HTTP/1.1"), (405,)),
    Case("method", "several", 2019, "NUL in the method", _line(b"GE\x00T " + _TARGET + b" HTTP/1.1"), (405,)),
)

OTHER_PROTOCOLS = (
    Case(
        "CVE-2026-2833",
        "Pingora",
        2026,
        "an upgrade, and a request behind it",
        read(FIRST, b"Connection: Upgrade", b"Upgrade: foo") + SMUGGLED,
        (FIRST,),
    ),
    Case(
        "CVE-2026-58055",
        "nghttpx",
        2026,
        "an upgrade with a length",
        read(FIRST, b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: %d" % len(SMUGGLED))
        + SMUGGLED,
        (FIRST,),
    ),
    Case(
        "h2c",
        "several",
        2020,
        "an upgrade to HTTP/2 without TLS",
        read(FIRST, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
        + SMUGGLED,
        (FIRST,),
    ),
    Case(
        "websocket",
        "several",
        2019,
        "a WebSocket of no version",
        read(
            FIRST,
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 777",
            b"Sec-WebSocket-Key: eA==",
        )
        + SMUGGLED,
        (FIRST,),
    ),
    Case(
        "h2c",
        "several",
        2020,
        "HTTP/2 from the first byte",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        REFUSED,
    ),
    Case(
        "CVE-2025-64763",
        "Envoy",
        2025,
        "CONNECT, and a request before it was accepted",
        _line(b"CONNECT x:443 HTTP/1.1") + SMUGGLED,
        (405,),
    ),
    Case(
        "CONNECT",
        "several",
        2015,
        "CONNECT with a path",
        _line(b"CONNECT " + _TARGET + b" HTTP/1.1") + SMUGGLED,
        (405,),
    ),
    Case(
        "TLS",
        "several",
        2018,
        "TLS from the first byte",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(32),
        (405,),
    ),
)

EXPECTATIONS = (
    Case(
        "Expect",
        "several",
        2025,
        "an expectation before a body",
        search(b"Expect: 100-continue", b"Content-Length: 20", body=BODY),
        (100, SEARCH, AFTER),
    ),
    Case(
        "Expect",
        "several",
        2025,
        "an expectation before chunks and a length",
        search(
            b"Expect: 100-continue",
            b"Content-Length: 2",
            b"Transfer-Encoding: chunked",
            body=b"0\r\n\r\n" + SMUGGLED,
        ),
        REFUSED,
    ),
    Case(
        "Expect",
        "several",
        2025,
        "an expectation of a request that is refused before its body",
        HEAD.replace(b":search", b"") + b"Expect: 100-continue\r\n" + length(len(SMUGGLED)) + b"\r\n" + SMUGGLED,
        (405, ..., AFTER),
    ),
    Case(
        "Expect",
        "several",
        2025,
        "an expectation of a read with a body",
        read(FIRST, b"Expect: 100-continue", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        (FIRST, ..., AFTER),
    ),
    Case(
        "Expect",
        "several",
        2025,
        "an expectation with something before it",
        search(b"Expect: y 100-continue", b"Content-Length: 20", body=BODY),
        (SEARCH, AFTER),
    ),
    Case(
        "Expect",
        "several",
        2025,
        "an expectation twice",
        search(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 20", body=BODY),
        (100, SEARCH, AFTER),
    ),
)

PIPELINED = (
    Case(
        "CVE-2024-49768",
        "waitress",
        2024,
        "a request behind one that can't be parsed",
        b"G\x01T / HTTP/1.1\r\n\r\n" + SMUGGLED,
        (405,),
    ),
    Case("CVE-2024-49768", "waitress", 2024, "a request behind the last one", LAST + SMUGGLED, REFUSED),
    Case("pipelining", "several", 2005, "several requests at once", _READ * 3, (FIRST, FIRST, FIRST, AFTER)),
)

CASES = (*UNREAD_BODIES, *METHODS, *OTHER_PROTOCOLS, *EXPECTATIONS, *PIPELINED)
