"""Requests that nobody sends by accident: built from a grammar of bad ideas, and mutated from valid ones."""

from random import Random

_UNIT = b"/api/v1/business-units/BU-1"
_GET = _UNIT + b"/customer-orders/CO-1"
_SEARCH = _UNIT + b"/customer-orders:search"

METHODS = (
    *(b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"CONNECT", b"PROPFIND"),
    *(b"get", b"Post", b"G\x00T", b"GET ", b"", b"PRI", b"BREW", b"\x16\x03\x01"),
)
SEGMENTS = (
    *(b"api", b"v1", b"business-units", b"customer-orders", b"customer-orders:search", b"proxy-config"),
    *(b"customer-orders%3Asearch", b"customer-orders%253Asearch", b"BU-1", b"CO-1", b"..", b".", b"%2e%2e"),
    *(b"..%2F..%2Fadmin", b"%2F", b"%5c", b"%00", b"%0d%0aHost:%20evil", b"%", b"%zz", b"%c0%ae", b"", b"\xff"),
    *(b"a" * 128, b"a" * 129, b"~", b";a=b", b"@evil", b"?x=y", b"#f", b"%3F", b" ", b"\t", b"{}", b"admin"),
)
TARGETS = (
    *(_GET, _SEARCH, b"/api/v1/proxy-config", b"*", b"/", b"//", b"/metrics", b"http://evil.example" + _GET),
    *(b"evil.example:443", b"//evil.example" + _GET, b"/" + _GET, _GET + b"/", _GET + b"?" + b"x" * 9000),
)
VERSIONS = (
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/0.9",
    b"HTTP/2.0",
    b"HTTP/1.",
    b"",
    b"http/1.1",
)
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\x00\r\n")
HEADERS = (
    *(b"Host: a", b"Host: a", b"Host: a", b"Host: b", b"Host:", b"host : a", b"Content-Type: application/json"),
    *(b"Content-Type: text/plain", b"Content-Length: 0", b"Content-Length: 2", b"Content-Length: 18"),
    *(
        b"Content-Length: -1",
        b"Content-Length: 2, 3",
        b"Content-Length: 0x2",
        b"Content-Length: 99999999999999999999",
    ),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: xchunked"),
    *(b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked"),
    *(b"Content-Encoding: gzip", b"Expect: 100-continue", b"Expect: tea", b"Connection: close", b"Connection: x"),
    *(
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AA",
        b"Sec-WebSocket-Key: x",
    ),
    *(b"Authorization: Bearer x", b"Authorization: Basic x", b"Tenant-Id: T-acme", b"Tenant-Id: other"),
    *(b"Correlation-Id: c", b"Correlation-Id: \xff", b"Correlation-Id: a\rb", b"traceparent: x", b"Cookie: a=b"),
    *(
        b"X-Forwarded-For: 1",
        b" folded",
        b"\tfolded",
        b"no colon",
        b": empty",
        b"X: " + b"y" * 9000,
        b"\xff: \xff",
    ),
)
BODIES = (
    *(b"", b"{}", b'{"customerId":"1"}', b'{"customerId":1}', b"[]", b"null", b"{", b"[" * 2000, b'{"a":NaN}'),
    *(
        b"0\r\n\r\n",
        b"2\r\n{}\r\n0\r\n\r\n",
        b"2;x=y\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"zz\r\n{}\r\n0\r\n\r\n",
    ),
    *(b"2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", b"fffffffffffffffff\r\n{}", b"-1\r\n{}\r\n0\r\n\r\n", b'"\xff"'),
    *(b"\x1f\x8b\x08", b"{}" + b" " * 70000, b'{"type":"basic","config":{"username":"a","password":"b"}}'),
)
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b":",
    b" ",
    b"/",
    b"%2f",
    b"..",
    b"%",
    b",",
    b";",
    b"\xff",
    b"0",
    b"chunked",
    b"\r\n\r\n",
)
VALID = (
    b"GET " + _GET + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST "
    + _SEARCH
    + b' HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"customerId":"1"}',
    b"POST "
    + _SEARCH
    + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\n\r\n",
    b"PUT /api/v1/proxy-config HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
)


def message(random: Random) -> bytes:
    """Return one message: valid, mutated, built, or several of them in one piece."""
    kind = random.random()
    if kind < 0.1:
        return random.choice(VALID)
    if kind < 0.5:
        return _mutated(random, random.choice(VALID))
    if kind < 0.9:
        return _built(random)
    return b"".join(_mutated(random, _built(random)) for _ in range(random.randint(2, 4)))


def _built(random: Random) -> bytes:
    end = random.choice(ENDS) if random.random() < 0.1 else b"\r\n"
    head = b" ".join((random.choice(METHODS), _target(random), random.choice(VERSIONS)))
    headers = random.choices(HEADERS, k=random.randint(0, 6))
    if random.random() < 0.7:
        headers.insert(0, b"Host: a")
    if random.random() < 0.02:
        headers += [b"X-%d: y" % number for number in range(200)]
    return end.join((head, *headers)) + end * 2 + random.choice(BODIES)


def _target(random: Random) -> bytes:
    if random.random() < 0.5:
        return random.choice(TARGETS)
    if random.random() < 0.5:
        segments = [
            b"",
            b"api",
            b"v1",
            b"business-units",
            random.choice(SEGMENTS),
            b"customer-orders",
            random.choice(SEGMENTS),
        ]
        return b"/".join(segments)
    return b"/" + b"/".join(random.choices(SEGMENTS, k=random.randint(1, 8)))


def _mutated(random: Random, data: bytes) -> bytes:
    mutant = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(mutant) + 1)
        match random.randrange(5):
            case 0:
                mutant[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                mutant[at:at] = random.choice(TOKENS)
            case 2:
                del mutant[at : at + random.randint(1, 8)]
            case 3:
                mutant[at:at] = mutant[at : at + random.randint(1, 40)]
            case 4:
                mutant[at:at] = random.choice(HEADERS) + b"\r\n"
    return bytes(mutant)
