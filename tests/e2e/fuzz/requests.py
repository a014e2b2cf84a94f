"""The first side: hostile requests against a real proxy in a process of its own.

What must hold: the OMS only ever sees the two reads, well-formed, with our credential, for ids that match the
pattern; every answer is one of ours and none is a 5xx; nothing hangs, nothing is logged as unforeseen, and the
proxy's memory does not grow.
"""

import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import cast

from e2e.fuzz.outcome import Memory, Result, unforeseen
from e2e.fuzz.request_grammar import VALID, message
from support.commands import ServeProcess, serve
from tenantproxy.credentials.stores.files import write_keys

CONNECTIONS = 24
SILENCE = 0.03
"""Seconds after which a message that got no answer is taken to be incomplete."""
ALLOWED = frozenset({200, 204, 100, 400, 401, 403, 405, 408, 411, 413, 414, 415, 431})
MAX_GROWTH_MIB = 12.0
"""Of what is resident, from the first fifth of the campaign to its end."""

_ID = rb"[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}"
_GET = re.compile(rb"GET /base/business-units/" + _ID + rb"/customer-orders/(" + _ID + rb") HTTP/1\.1\Z")
_SEARCH = re.compile(rb"POST /base/business-units/" + _ID + rb"/customer-orders:search HTTP/1\.1\Z")
_HEADERS = frozenset(
    b"host accept accept-encoding authorization content-length content-type correlation-id tenant-id traceparent "
    b"user-agent".split()
)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_ORDER = b'{"customerOrder":{"customerOrderId":"%s","customerId":"1","status":"CREATED","items":[]}}'
_ORDERS = b'{"customerOrders":[]}'


class Oms(asyncio.Protocol):
    """An OMS that looks at every byte it gets."""

    seen = 0
    violations: list[str] = []  # noqa: RUF012 - of the whole campaign, whichever connection saw it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._next()) is not None:
            Oms.seen += 1
            head, body = request
            if problem := _problem(head, body):
                Oms.violations.append(f"the OMS got {problem}: {head!r} {body!r}")
            order = _GET.match(head.partition(b"\r\n")[0])
            answer = _ORDER % order[1] if order else _ORDERS
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
                + answer
            )

    def _next(self) -> tuple[bytes, bytes] | None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        found = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        length = int(found[1]) if found else 0
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return head, rest[:length]


def _problem(head: bytes, body: bytes) -> str | None:
    """Return what is wrong with a request to the OMS."""
    first, *lines = head.split(b"\r\n")
    names = [line.partition(b":")[0].lower() for line in lines]
    if len(set(names)) != len(names) or not set(names) <= _HEADERS:
        return "headers that are not ours"
    if b"Authorization: Basic dXNlcjpyaWdodA==" not in lines or b"Tenant-Id: T-acme" not in lines:
        return "another credential or tenant"
    if _GET.match(first):
        return "a GET with a body" if body else None
    if not _SEARCH.match(first):
        return "another operation"
    try:
        return None if isinstance(json.loads(body), dict) else "a search without an object"
    except ValueError:
        return "a search that is not JSON"


class Attacker(asyncio.Protocol):
    """One connection; says when it got an answer or was closed."""

    def __init__(self) -> None:
        self.received = b""
        self.closed = False
        self.progress = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.progress.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.closed = True
        self.progress.set()


async def campaign(*, requests: int, seconds: float, seed: int) -> Result:
    """Send up to `requests` messages for up to `seconds`, and return how it went."""
    Oms.seen, Oms.violations = 0, []
    loop = asyncio.get_running_loop()
    oms = await loop.create_server(Oms, "127.0.0.1", 0)
    port = oms.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_keys(directory / "credentials", {"username": "user", "password": "right"})
        config = {
            "version": 1,
            "tenant": {"id": "T-acme", "name": "acme"},
            "upstream": {
                "url": f"http://127.0.0.1:{port}/base",
                "allowInsecure": True,
                "allowPrivateNetworks": True,
            },
            "access": {"mode": "trusted"},
        }
        async with serve(directory, config, "--log-level", "warning") as proxy:
            result = await _attack(proxy, requests=requests, seconds=seconds, seed=seed)
    oms.close()
    return result


async def _attack(proxy: ServeProcess, *, requests: int, seconds: float, seed: int) -> Result:
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    start = time.monotonic()
    end = start + seconds
    sent = 0
    baseline = 0.0
    memory = Memory(proxy.process.pid)

    async def attack(number: int) -> None:
        nonlocal sent, baseline
        random = Random(f"{seed}-{number}")  # noqa: S311 - reproducible on purpose
        while sent < requests and time.monotonic() < end:
            connection = await _connect(proxy)
            for _ in range(50):
                data = message(random)
                sent += 1
                if sent == requests // 5:
                    baseline = memory.rss_mib
                answer = await _exchange(connection, data)
                found = [int(status) for status in _STATUS.findall(answer)]
                outcomes.update([str(status) for status in found] or ["silence"])
                if bad := set(found) - ALLOWED:
                    violations.append(f"status {bad} for {data!r}: {answer[:2000]!r}")
                if connection.closed or not found or b"Connection: close" in answer:
                    break
            connection.transport.close()

    await asyncio.gather(*(attack(number) for number in range(CONNECTIONS)))
    took = time.monotonic() - start
    growth = memory.rss_mib - (baseline or memory.rss_mib)
    if growth > MAX_GROWTH_MIB:
        violations.append(f"memory grew by {growth:.1f} MiB")
    if b"HTTP/1.1 200 " not in await _exchange(await _connect(proxy), VALID[0], patience=5.0):
        violations.append("a valid request gets no answer any more")
    violations += memory.problems() + unforeseen(proxy) + Oms.violations
    return Result("requests", sent, took, outcomes, Oms.seen, memory.rest_mib, memory.peak_mib, violations[:20])


async def _connect(proxy: ServeProcess) -> Attacker:
    port = int(proxy.api.rpartition(":")[2])
    _, protocol = await asyncio.get_running_loop().create_connection(Attacker, "127.0.0.1", port)
    return protocol


async def _exchange(connection: Attacker, data: bytes, *, patience: float = SILENCE) -> bytes:
    """Send a message; return what comes until the proxy is silent or closes."""
    connection.received = b""
    connection.transport.write(data)
    while not connection.closed and not _whole(connection.received):
        connection.progress.clear()
        try:
            async with asyncio.timeout(patience):
                await connection.progress.wait()
        except TimeoutError:
            break
    return connection.received


def _whole(received: bytes) -> bool:
    head, end, body = received.rpartition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)(?!.*Content-Length)", head, re.DOTALL)
    return bool(end) and (found is None or len(body) >= int(found[1]))
