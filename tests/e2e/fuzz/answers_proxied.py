"""Hostile answers of an OMS through a whole proxy, in a process of its own: a smaller share of the second side."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from e2e.fuzz.answer_bodies import Kind
from e2e.fuzz.answer_grammar import Plan, good
from e2e.fuzz.answers import Asked
from e2e.fuzz.hostile_server import HostileServer
from e2e.fuzz.outcome import Memory, Result, unforeseen
from support.commands import ServeProcess, serve
from support.proxy.configuration import configuration
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.problems import PROBLEM_TYPES

ASKED: tuple[Kind, ...] = ("getOrder", "getOrder", "searchOrders")
WORKERS = 16
PATIENCE = 10.0
"""Seconds for any answer of the proxy; the OMS has one."""


async def campaign(*, requests: int, seconds: float, seed: int) -> Result:
    """Have up to `requests` reads answered by a hostile OMS for up to `seconds`, and return how it went."""
    asked = Asked(seed)

    def accepted(kind: Kind, name: str) -> Plan | None:
        """Return the plan, but for one that rejects the credential: the proxy would hold all reads then."""
        made = asked.plan(kind, name)
        return Plan([good(kind, name)], "keep") if made and b"401" in b"".join(made.pieces) else made

    server = HostileServer(accepted)
    url = await server.start()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_keys(directory / "credentials", {"username": "user", "password": "right"})
        operations = {
            "getOrder": {"path": "/getOrder/{customerOrderId}"},
            "searchOrders": {"path": "/searchOrders/{businessUnitId}"},
        }
        config = configuration(url, upstream={"timeoutSeconds": 1, "operations": operations})
        async with serve(directory, config, "--log-level", "warning") as proxy:
            result = await _read(proxy, asked, server, requests=requests, seconds=seconds)
    await server.close()
    return result


async def _read(
    proxy: ServeProcess, asked: Asked, server: HostileServer, *, requests: int, seconds: float
) -> Result:
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    start = time.monotonic()
    memory = Memory(proxy.process.pid)
    limits = aiohttp.ClientTimeout(total=PATIENCE)
    connector = aiohttp.TCPConnector(limit=WORKERS)
    async with aiohttp.ClientSession(proxy.api, timeout=limits, connector=connector) as session:

        async def work() -> None:
            while asked.count < requests and time.monotonic() - start < seconds and len(violations) < 20:
                number, kind, name = asked.next(ASKED)
                try:
                    outcome, problem = await _ask(session, asked, kind, name)
                except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                    outcome, problem = "none", repr(error)
                outcomes[outcome] += 1
                if problem:
                    violations.append(f"{name} of {kind}, {number}: {problem}")

        await asyncio.gather(*(work() for _ in range(WORKERS)))
        took = time.monotonic() - start
        server.answer_well()
        violations += await _serves(session, asked)
    violations += memory.problems() + unforeseen(proxy)
    return Result(
        "answers, proxied",
        asked.count,
        took,
        outcomes,
        outcomes["200"],
        memory.rest_mib,
        memory.peak_mib,
        violations[:20],
    )


async def _ask(session: aiohttp.ClientSession, asked: Asked, kind: Kind, name: str) -> tuple[str, str]:
    """Read what has a name; return the outcome, and what is to be said against it."""
    if kind == "searchOrders":
        request = session.post(f"/api/v1/business-units/{name}/customer-orders:search", json={"customerId": name})
    else:
        request = session.get(f"/api/v1/business-units/BU-1/customer-orders/{name}")
    async with request as answer:
        body = await answer.read()
    if foreign := asked.foreign(body, name):
        return "foreign", f"got bytes of {foreign}"
    if answer.status == 200:
        return "200", ""
    code = json.loads(body)["code"]
    return code, "" if PROBLEM_TYPES[code].status == answer.status else f"{code} with {answer.status}"


async def _serves(session: aiohttp.ClientSession, asked: Asked) -> list[str]:
    """Return what is wrong with right reads, at the latest when a pause has ended."""
    outcome = ""
    async with asyncio.timeout(15):
        while outcome != "200":
            _, kind, name = asked.next(ASKED)
            outcome, problem = await _ask(session, asked, kind, name)
            if problem or outcome not in ("200", "circuit-open"):
                return [f"a right answer is not taken any more: {outcome} {problem}"]
            await asyncio.sleep(0.1)
    return []
