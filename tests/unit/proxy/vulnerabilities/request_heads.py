"""Heads of requests: lines, names, hosts, targets, versions."""

from unit.proxy.vulnerabilities.case import (
    AFTER,
    FIRST,
    REFUSED,
    SMUGGLED,
    UNIT,
    Case,
    read,
)

_READ = read(FIRST)
_TARGET = UNIT + b"/customer-orders/CO-1"


def _line(line: bytes) -> bytes:
    """Return a request with this first line."""
    return line + b"\r\nHost: x\r\n\r\n"


LINES = (
    Case(
        "CVE-2026-28369",
        "Undertow",
        2026,
        "the first header begins with a space",
        _READ.replace(b"\r\nHost", b"\r\n Host"),
        REFUSED,
    ),
    Case(
        "CVE-2026-28367",
        "Undertow",
        2026,
        "the head ends with CR CR LF",
        _READ[:-2] + b"\r\r\n" + SMUGGLED,
        REFUSED,
    ),
    Case(
        "CVE-2026-28367",
        "Undertow",
        2026,
        "the head ends with CR CR CR",
        _READ[:-4] + b"\r\r\r" + SMUGGLED,
        REFUSED,
    ),
    Case("CVE-2022-32214", "llhttp", 2022, "the head ends with LF LF", _READ[:-4] + b"\n\n" + SMUGGLED, REFUSED),
    Case("CVE-2022-32214", "llhttp", 2022, "all lines end with LF", _READ.replace(b"\r\n", b"\n"), REFUSED),
    Case(
        "CVE-2026-50020",
        "Netty",
        2026,
        "control characters before the first line",
        b"\x00\x01\x7f" + _READ,
        (405,),
    ),
    Case(
        "CVE-2026-50020", "Netty", 2026, "empty lines before the first line", b"\r\n\r\n" + _READ, (FIRST, AFTER)
    ),
    Case("obs-fold", "several", 2014, "a header goes on in the next line", read(FIRST, b"X: a\r\n b"), REFUSED),
    Case(
        "CVE-2025-32094",
        "Akamai",
        2025,
        "OPTIONS with an expectation on a folded line",
        _line(b"OPTIONS " + _TARGET + b" HTTP/1.1").replace(
            b"\r\n\r\n", b"\r\nExpect:\r\n 100-continue\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
        )
        + SMUGGLED,
        REFUSED,
    ),
    Case("CVE-2024-23829", "aiohttp", 2024, "a header without a colon", read(FIRST, b"no colon"), REFUSED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a header without a name", read(FIRST, b": x"), REFUSED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a name that is no token", read(FIRST, b"a b: x"), REFUSED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a name with a high byte", read(FIRST, b"a\xe9: x"), REFUSED),
    Case("CVE-2026-34520", "aiohttp", 2026, "NUL in a value", read(FIRST, b"X: a\x00b"), REFUSED),
    Case("CVE-2023-30589", "llhttp", 2023, "a bare CR in a value", read(FIRST, b"X: a\rb"), REFUSED),
    Case("CVE-2026-21710", "Node", 2026, "the name of a prototype", read(FIRST, b"__proto__: x"), (FIRST, AFTER)),
    Case(
        "GHSA-63hw-fmq6-xxg2",
        "aiohttp",
        2026,
        "a header larger than one may be",
        read(FIRST, b"X: " + b"y" * 9000),
        (431,),
    ),
    Case(
        "several headers",
        "several",
        2018,
        "more headers than there may be",
        read(FIRST, *(b"X: y" for _ in range(100))),
        (431,),
    ),
)

HOSTS = (
    Case("CVE-2026-34525", "aiohttp", 2026, "two hosts", read(FIRST, b"Host: y"), REFUSED),
    Case(
        *("repeated header", "several", 2013),
        "two tenants, in another case",
        read(FIRST, b"Tenant-Id: x", b"tenant-id: y"),
        (400, AFTER),
    ),
    Case(
        "CVE-2026-48710",
        "Starlette",
        2026,
        "a host with a path",
        _READ.replace(b"Host: x", b"Host: x/api?"),
        (400, AFTER),
    ),
    Case(
        "host header", "several", 2013, "a host with a user", _READ.replace(b"Host: x", b"Host: a@x"), (400, AFTER)
    ),
    Case("host header", "several", 2013, "an empty host", _READ.replace(b"Host: x", b"Host:"), (400, AFTER)),
    Case("host header", "several", 2013, "no host", _READ.replace(b"Host: x\r\n", b""), REFUSED),
)

TARGETS = (
    Case(
        "CVE-2023-45539",
        "HAProxy",
        2023,
        "a fragment in the target",
        _line(b"GET " + _TARGET + b"#/../x HTTP/1.1"),
        (405, AFTER),
    ),
    Case(
        "VSV00018",
        "Varnish",
        2026,
        "an absolute target without a path",
        _line(b"GET http://x HTTP/1.1"),
        (400, AFTER),
    ),
    Case(
        "absolute target",
        "several",
        2015,
        "an absolute target that names another host",
        _line(b"GET http://y" + _TARGET + b" HTTP/1.1"),
        (400, AFTER),
    ),
    Case(
        "absolute target",
        "several",
        2015,
        "two slashes, taken for a host",
        _line(b"GET //y" + _TARGET + b" HTTP/1.1"),
        (405, AFTER),
    ),
    Case(
        "CVE-2025-67735",
        "Netty",
        2025,
        "a line end, encoded, in the path",
        _line(b"GET " + _TARGET + b"%20HTTP/1.1%0d%0aX:%20y%0d%0a%0d%0aGET%20/MARKED HTTP/1.1"),
        (405, AFTER),
    ),
    Case(
        "CVE-2023-25690",
        "httpd",
        2023,
        "a space, not encoded, in the path",
        _line(b"GET " + _TARGET + b" x HTTP/1.1"),
        REFUSED,
    ),
    Case(
        "path confusion",
        "several",
        2018,
        "a control character in the path",
        _line(b"GET " + _TARGET + b"\x01 HTTP/1.1"),
        REFUSED,
    ),
    Case(
        "path confusion",
        "several",
        2018,
        "a high byte in the path",
        _line(b"GET " + _TARGET + b"\xff HTTP/1.1"),
        REFUSED,
    ),
)

VERSIONS = (
    Case("HTTP/0.9", "several", 2018, "no version and no headers", b"GET " + _TARGET + b"\r\n", REFUSED),
    Case("HTTP/0.9", "several", 2018, "version 0.9", _READ.replace(b"HTTP/1.1", b"HTTP/0.9"), REFUSED),
    Case("version", "several", 2019, "version 1.2", _READ.replace(b"HTTP/1.1", b"HTTP/1.2"), REFUSED),
    Case("version", "several", 2019, "version 1.10", _READ.replace(b"HTTP/1.1", b"HTTP/1.10"), REFUSED),
    Case("version", "several", 2019, "version 2.0", _READ.replace(b"HTTP/1.1", b"HTTP/2.0"), REFUSED),
    Case(
        "version",
        "several",
        2019,
        "the version in small letters",
        _READ.replace(b"HTTP/1.1", b"http/1.1"),
        REFUSED,
    ),
    Case("version", "several", 2019, "another protocol's name", _READ.replace(b"HTTP/1.1", b"ICE/1.1"), REFUSED),
    Case(
        "CVE-2025-69225",
        "aiohttp",
        2025,
        "a version's digit that is none in ASCII",
        _READ.replace(b"HTTP/1.1", "HTTP/1.\u0661".encode()),
        REFUSED,
    ),
    Case(
        "CVE-2016-8743",
        "httpd",
        2016,
        "tabs between the parts of the first line",
        _READ.replace(b" /api", b"\t/api"),
        (405,),
    ),
    Case(
        "CVE-2016-8743",
        "httpd",
        2016,
        "a vertical tab behind the target",
        _READ.replace(b" HTTP", b"\x0bHTTP"),
        REFUSED,
    ),
    Case(
        "CVE-2016-8743",
        "httpd",
        2016,
        "something behind the version",
        _READ.replace(b"HTTP/1.1", b"HTTP/1.1 x"),
        REFUSED,
    ),
    Case(
        "HTTP/1.0",
        "several",
        2019,
        "HTTP/1.0 that would be kept alive",
        read(FIRST, b"Connection: keep-alive", version=b"HTTP/1.0") + SMUGGLED,
        (FIRST,),
    ),
)

CASES = (*LINES, *HOSTS, *TARGETS, *VERSIONS)
