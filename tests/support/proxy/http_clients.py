"""The proxy's own HTTP client, connected to a server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver

from tenantproxy.admission import Admission, Bulkhead, Ticket
from tenantproxy.config import Tls
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.keeping import LONG, Keeping
from tenantproxy.transport.tls import TlsFiles


@contextlib.asynccontextmanager
async def client(
    url: str,
    *,
    connections: int = 10,
    max_response_bytes: int = 1000,
    resolver: AbstractResolver | None = None,
    tls: TlsFiles | None = None,
    policy: Policy | None = None,
    forward_proxy: ForwardProxy | None = None,
    keeping: Keeping = LONG,
) -> AsyncIterator[HttpClient]:
    """Run a client until the block ends."""
    running = HttpClient(
        url,
        max_connections=connections,
        max_response_bytes=max_response_bytes,
        policy=policy or Policy(allow_private_networks=True),
        tls=(tls or TlsFiles(Tls(), Path("/none"))).oms,
        resolver=resolver,
        forward_proxy=forward_proxy,
        keeping=keeping,
    )
    try:
        yield running
    finally:
        await running.close()


def ticket(caller: str | None, bulkhead: Bulkhead | None = None) -> Ticket:
    """Return the ticket of a read that nothing else is going on beside."""
    return Admission(1, 0).admit(caller, bulkhead)


async def get(
    running: HttpClient, path: str = "/x", *, caller: str | None = None, seconds: float | None = None
) -> bytes:
    """Return the body of an answer; `seconds` are those that the server has for it."""
    return (await running.request("GET", path, {}, ticket=ticket(caller), drain_seconds=seconds)).body


async def cancel(*reading: asyncio.Task[Any]) -> None:
    """Cancel reads, as happens when their clients go away."""
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
