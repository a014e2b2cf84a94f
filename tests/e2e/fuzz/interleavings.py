"""The third side: clients that connect, send and read at random, slowly, in parts, several at once, and go away.

What must hold: answers are documented and in the order asked, the OMS never works on more requests than the proxy
may have connections, health is answered within a second, memory is bounded, and soon after it all nothing is left.
"""

import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from e2e.fuzz.health import Health
from e2e.fuzz.outcome import Memory, Result, unforeseen
from e2e.fuzz.restless import Client, Names
from e2e.fuzz.working_oms import WorkingOms
from support.bounds.observation import BACK_SECONDS, MAX_HEALTH_SECONDS, back_to_rest
from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from tenantproxy.credentials.stores.files import write_keys

CLIENTS = 100
"""At once."""
MAX_CONNECTIONS = 8
"""Of the proxy to the OMS."""
ALLOWED = frozenset({200, 400, 401, 403, 405, 408, 413, 414, 415, 431, 502, 503, 504})
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_ORDER = re.compile(rb'"customerOrderId":"(CO-\d+)"')


async def campaign(*, requests: int, seconds: float, seed: int) -> Result:
    """Let up to `requests` clients come and go for up to `seconds`, and return how it went."""
    oms = WorkingOms(seed)
    url = await oms.start()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_keys(directory / "credentials", {"username": "user", "password": "right"})
        upstream = {"timeoutSeconds": 2, "maxConnections": MAX_CONNECTIONS}
        config = configuration(url, upstream=upstream, access=tokens.access(directory))
        async with serve(directory, config, "--log-level", "warning") as proxy:
            result = await _run(proxy, oms, requests=requests, seconds=seconds, seed=seed)
    await oms.close()
    return result


async def _run(proxy: ServeProcess, oms: WorkingOms, *, requests: int, seconds: float, seed: int) -> Result:
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    names = Names()
    authorizations = [tokens.bearer(tokens.machine_token(sub=f"client-{number}")) for number in range(5)]
    port = int(proxy.api.rpartition(":")[2])
    start = time.monotonic()
    come = 0

    async def clients() -> None:
        nonlocal come
        while come < requests and time.monotonic() - start < seconds and len(violations) < 20:
            come += 1
            random = Random(seed << 40 | come)  # noqa: S311 - reproducible on purpose
            client = Client(random, names, random.choice(authorizations)["Authorization"])
            await client.live(port)
            violations.extend(_judged(client, outcomes))

    assert await _serves(port, names, authorizations[0]["Authorization"])  # and what the first request costs
    memory = Memory(proxy.process.pid)
    with Health(f"{proxy.admin}/healthz") as health:
        await asyncio.gather(*(clients() for _ in range(CLIENTS)))
        took = time.monotonic() - start
    try:
        await back_to_rest(proxy)
    except TimeoutError:
        violations.append(f"something is left after {BACK_SECONDS} s")
    if not await _serves(port, names, authorizations[0]["Authorization"]):
        violations.append("a right read gets no answer any more")
    if health.slowest > MAX_HEALTH_SECONDS:
        violations.append(f"/healthz took {health.slowest:.1f} s")
    if oms.most_at_once > MAX_CONNECTIONS:
        violations.append(f"the OMS worked on {oms.most_at_once} requests at once")
    violations += memory.problems() + unforeseen(proxy)
    outcomes["OMS: most at once"] = oms.most_at_once
    return Result(
        "interleavings",
        come,
        took,
        outcomes,
        outcomes["200"],
        memory.rest_mib,
        memory.peak_mib,
        violations[:20],
    )


def _judged(client: Client, outcomes: Counter[str]) -> list[str]:
    """Return what is to be said against the answers that a client got."""
    statuses = [int(status) for status in _STATUS.findall(client.received)]
    outcomes.update(str(status) for status in statuses)
    if not statuses:
        outcomes["nothing read"] += 1
    problems = [f"status {status} for {client.sent[:500]!r}" for status in statuses if status not in ALLOWED]
    orders = [order.decode() for order in _ORDER.findall(client.received)]
    asked = iter(client.asked)
    if not all(order in asked for order in orders):
        problems.append(f"asked for {client.asked}, got {orders}")
    return problems


async def _serves(port: int, names: Names, authorization: str) -> bool:
    """Return whether a well-behaved client gets its order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    name = names.next()
    head = f"GET /api/v1/business-units/BU-1/customer-orders/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    writer.write(f"{head}Authorization: {authorization}\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return " 200 " in head and json.loads(body)["customerOrder"]["customerOrderId"] == name
