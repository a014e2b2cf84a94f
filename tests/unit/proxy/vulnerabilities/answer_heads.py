"""Heads of answers: status lines and headers."""

from unit.proxy.vulnerabilities.answers import BODY, EXTRA, GOOD, JSON, LINE, whole
from unit.proxy.vulnerabilities.case import Case

_FAILED = ("upstream-error", "closed")
_KEPT = (200, "kept")


def _status(line: bytes) -> bytes:
    """Return the good answer with another status line, and what nobody asked for behind it."""
    return GOOD.replace(b"HTTP/1.1 200 OK", line) + EXTRA


def _header(line: bytes) -> bytes:
    """Return the good answer with one more header, and what nobody asked for behind it."""
    return whole(BODY, line) + EXTRA


STATUS_LINES = (
    Case("status", "several", 2014, "no reason", GOOD.replace(b"200 OK", b"200"), _KEPT),
    Case("status", "several", 2014, "no reason, but its space", GOOD.replace(b"200 OK", b"200 "), _KEPT),
    Case(
        "VSV00009", "Varnish", 2022, "a reason of spaces and signs", GOOD.replace(b"OK", b"\t  \xff\xfe ~"), _KEPT
    ),
    Case("CVE-2026-34519", "aiohttp", 2026, "a line end in the reason", _status(b"HTTP/1.1 200 O\nX: K"), _FAILED),
    Case(
        "status", "several", 2014, "a reason without an end", GOOD.replace(b"OK", b"O" * 600_000 + b"K"), _FAILED
    ),
    Case("status", "several", 2014, "a status of two digits", _status(b"HTTP/1.1 20 OK"), _FAILED),
    Case("status", "several", 2014, "a status of four digits", _status(b"HTTP/1.1 2000 OK"), _FAILED),
    Case("status", "several", 2014, "a negative status", _status(b"HTTP/1.1 -200 OK"), _FAILED),
    Case("status", "several", 2014, "a status that is no number", _status(b"HTTP/1.1 2x0 OK"), _FAILED),
    Case(
        "status",
        "several",
        2014,
        "a status in digits that are none in ASCII",
        _status("HTTP/1.1 \u0662\u0660\u0660 OK".encode()),
        _FAILED,
    ),
    Case("status", "several", 2014, "status 0", _status(b"HTTP/1.1 000 OK"), _FAILED),
    Case(
        "status", "several", 2014, "status 999", GOOD.replace(b"200 OK", b"999 OK"), ("upstream-error", "either")
    ),
    Case("version", "several", 2014, "version 2.0", _status(b"HTTP/2.0 200 OK"), (200, "closed")),
    Case("version", "several", 2014, "version 1.2", _status(b"HTTP/1.2 200 OK"), _FAILED),
    Case("version", "several", 2014, "another protocol", _status(b"ICY 200 OK"), _FAILED),
    Case("HTTP/0.9", "several", 2014, "a body without a head", BODY, _FAILED, closes=True),
    Case(
        "CVE-2026-50020",
        "Netty",
        2026,
        "control characters before the status line",
        b"\x00\x01" + GOOD + EXTRA,
        _FAILED,
    ),
    Case(
        "TLS",
        "several",
        2018,
        "TLS from the first byte where none was asked for",
        b"\x15\x03\x01\x00\x02\x02\x28",
        _FAILED,
        closes=True,
    ),
)

HEADERS = (
    Case("CVE-2022-32214", "llhttp", 2022, "all lines end with LF", GOOD.replace(b"\r\n", b"\n") + EXTRA, _FAILED),
    Case(
        "CVE-2022-32214",
        "llhttp",
        2022,
        "the head ends with LF LF",
        GOOD.replace(b"\r\n\r\n", b"\n\n") + EXTRA,
        _FAILED,
    ),
    Case(
        "CVE-2026-28367",
        "Undertow",
        2026,
        "the head ends with CR CR CR",
        GOOD.replace(b"\r\n\r\n", b"\r\r\r") + EXTRA,
        _FAILED,
    ),
    Case(
        "CVE-2026-28369",
        "Undertow",
        2026,
        "the first header begins with a space",
        GOOD.replace(b"\r\nContent-Type", b"\r\n Content-Type") + EXTRA,
        _FAILED,
    ),
    Case(
        "obs-fold", "several", 2014, "a header goes on in the next line", _header(b"X: a\r\n b"), (200, "closed")
    ),
    Case(
        "obs-fold",
        "several",
        2014,
        "a length goes on in the next line",
        GOOD.replace(b"Content-Length: ", b"Content-Length: 1\r\n ") + EXTRA,
        _FAILED,
    ),
    Case("obs-fold", "several", 2014, "NUL in the next line", _header(b"X: a\r\n \x00b"), _FAILED),
    Case("CVE-2023-30589", "llhttp", 2023, "a bare CR in a value", _header(b"X: a\rContent-Length: 2"), _FAILED),
    Case("CVE-2026-34520", "aiohttp", 2026, "NUL in a value", _header(b"X: a\x00b"), _FAILED),
    Case("CVE-2026-34520", "aiohttp", 2026, "a control character in a value", _header(b"X: a\x07b"), _FAILED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a header without a colon", _header(b"no colon"), _FAILED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a header without a name", _header(b": x"), _FAILED),
    Case("CVE-2024-23829", "aiohttp", 2024, "a name with a space", _header(b"a b: x"), _FAILED),
    Case(
        "CVE-2026-22815",
        "aiohttp",
        2026,
        "more headers than a head may have",
        LINE + JSON + b"X: y\r\n" * 100_000 + b"Content-Length: 0\r\n\r\n",
        _FAILED,
    ),
    Case(
        "CVE-2026-22036",
        "undici",
        2026,
        "a chain of encodings",
        whole(BODY, b"Content-Encoding: " + b"gzip, " * 500 + b"br"),
        _KEPT,
    ),
    Case(
        "CVE-2025-69223",
        "aiohttp",
        2025,
        "a body that would be huge when unpacked",
        whole(b"\x1f\x8b" + bytes(500), b"Content-Encoding: gzip"),
        ("upstream-error", "either"),
    ),
    Case(
        "CVE-2024-23326",
        "Envoy",
        2024,
        "an upgrade by a 200",
        whole(BODY, b"Connection: Upgrade", b"Upgrade: x"),
        _KEPT,
    ),
    Case(
        "CVE-2024-23326",
        "Envoy",
        2024,
        "an upgrade by a 200, and bytes of another protocol",
        _header(b"Connection: Upgrade\r\nUpgrade: x"),
        (200, "closed"),
    ),
    Case(
        "redirect",
        "several",
        2014,
        "another place to ask",
        b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/MARKED\r\nContent-Length: 0\r\n\r\n",
        ("upstream-contract", "either"),
    ),
)

CASES = (*STATUS_LINES, *HEADERS)
