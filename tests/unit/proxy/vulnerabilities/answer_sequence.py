"""What comes before, behind and instead of an answer: interim answers, second ones, none."""

from unit.proxy.vulnerabilities.answers import BODY, EXTRA, GOOD, JSON, LINE, chunked, whole
from unit.proxy.vulnerabilities.case import LAST_CHUNK, Case

_FAILED = ("upstream-error", "closed")
_KEPT = (200, "kept")
_CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n"

QUEUE = (
    Case("CVE-2026-48931", "Node", 2026, "a second answer at once", GOOD + EXTRA, (200, "closed")),
    Case(
        "CVE-2026-48931", "Node", 2026, "bytes behind the answer that are none", GOOD + b"MARKED", (200, "closed")
    ),
    Case(
        "CVE-2026-48931",
        "Node",
        2026,
        "a second answer behind chunks",
        chunked(_CHUNK + LAST_CHUNK) + EXTRA,
        (200, "closed"),
    ),
    Case(
        "close",
        "several",
        2014,
        "a second answer behind one that ends the connection",
        whole(BODY, b"Connection: close") + EXTRA,
        (200, "closed"),
    ),
    Case(
        "close",
        "several",
        2014,
        "`close` among other words",
        whole(BODY, b"Connection: keep-alive, close") + EXTRA,
        (200, "closed"),
    ),
    Case(
        "HTTP/1.0",
        "several",
        2014,
        "HTTP/1.0 that would be kept alive, and a second answer",
        GOOD.replace(b"HTTP/1.1", b"HTTP/1.0").replace(JSON, JSON + b"Connection: keep-alive\r\n") + EXTRA,
        (200, "closed"),
    ),
    Case(
        "until close",
        "several",
        2005,
        "no length: the second answer is the body's end",
        LINE + JSON + b"\r\n" + BODY + EXTRA,
        _FAILED,
        closes=True,
    ),
    Case(
        "until close",
        "several",
        2005,
        "no length, and the right body",
        LINE + JSON + b"\r\n" + BODY,
        (200, "closed"),
        closes=True,
    ),
    Case(
        "408",
        "several",
        2010,
        "the end of an idle connection is announced by an answer",
        GOOD + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        (200, "closed"),
        closes=True,
    ),
)

INTERIM = (
    Case(
        "CVE-2026-42584",
        "Netty",
        2026,
        "an interim answer, taken for the answer",
        b"HTTP/1.1 103 X\r\nLink: </MARKED>\r\n\r\n" + GOOD,
        _KEPT,
    ),
    Case(
        "CVE-2026-42584",
        "Netty",
        2026,
        "an interim answer, and two more",
        b"HTTP/1.1 103 X\r\n\r\n" + GOOD + EXTRA,
        (200, "closed"),
    ),
    Case(
        "CVE-2024-24791",
        "Go",
        2024,
        "an interim answer that nobody waits for",
        b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
        _KEPT,
    ),
    Case(
        "interim",
        "several",
        2019,
        "an interim answer with a length and a body",
        b"HTTP/1.1 103 X\r\nContent-Length: 6\r\n\r\nMARKED" + GOOD,
        _FAILED,
    ),
    Case("interim", "several", 2019, "interim answers without an end", b"HTTP/1.1 102 X\r\n\r\n" * 200, _FAILED),
    Case(
        "interim",
        "several",
        2019,
        "an interim answer behind the answer",
        GOOD + b"HTTP/1.1 100 X\r\n\r\n",
        (200, "closed"),
    ),
    Case(
        "interim",
        "several",
        2019,
        "an interim answer, and the end of the connection",
        b"HTTP/1.1 103 X\r\n\r\n",
        _FAILED,
        closes=True,
    ),
    Case(
        "CVE-2026-2833",
        "Pingora",
        2026,
        "another protocol that nobody asked for",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + EXTRA,
        _FAILED,
    ),
    Case(
        "CVE-2026-2833", "Pingora", 2026, "101 without saying what to", b"HTTP/1.1 101 X\r\n\r\n" + EXTRA, _FAILED
    ),
)

BODILESS = (
    Case(
        "HEAD",
        "several",
        2019,
        "204 with a length and a body",
        b"HTTP/1.1 204 X\r\nContent-Length: 6\r\n\r\nMARKED",
        ("upstream-contract", "closed"),
    ),
    Case(
        "HEAD",
        "several",
        2019,
        "204 with chunks",
        b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n" + EXTRA,
        ("upstream-contract", "closed"),
    ),
    Case(
        "HEAD",
        "several",
        2019,
        "304 with a length and a body",
        b"HTTP/1.1 304 X\r\nContent-Length: 6\r\n\r\nMARKED",
        ("upstream-contract", "closed"),
    ),
    Case(
        "HEAD",
        "several",
        2019,
        "304 with a length and none",
        b"HTTP/1.1 304 X\r\nContent-Length: 900\r\n\r\n",
        ("upstream-contract", "either"),
    ),
    Case(
        "HEAD",
        "several",
        2019,
        "205 with a body",
        b"HTTP/1.1 205 X\r\nContent-Length: 6\r\n\r\nMARKED",
        ("upstream-contract", "either"),
    ),
    Case(
        "HEAD",
        "several",
        2019,
        "an empty body where an order was asked for",
        LINE + JSON + b"Content-Length: 0\r\n\r\n" + EXTRA,
        _FAILED,
    ),
)

CASES = (*QUEUE, *INTERIM, *BODILESS)
