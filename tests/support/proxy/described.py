"""A proxy in front of the mock OMS, both processes: what descriptions of the API are held against."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from support.commands import BIN, ServeProcess, free_ports, serve
from support.proxy import tokens
from tenantproxy.credentials.stores.files import write_keys


@contextlib.asynccontextmanager
async def mock_oms(*options: str) -> AsyncIterator[str]:
    """Run the mock OMS; yield its base URL."""
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        BIN / "tenantproxy", "mock-oms", "--port", str(port), "--basic", "user:right", *options,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def described_proxy(directory: Path, oms: str, **config: Any) -> AsyncIterator[ServeProcess]:
    """Run a proxy that asks callers for tokens; `access` in `config` is added to that."""
    write_keys(directory / "credentials", {"username": "user", "password": "right"})
    upstream = {"url": f"{oms}/api/v1", "allowInsecure": True, "allowPrivateNetworks": True}
    own = {"version": 1, "tenant": {"id": tokens.TENANT, "name": "acme"}, "upstream": upstream}
    own["access"] = tokens.access(directory, **config.pop("access", {}))
    async with serve(directory, own | config, "--log-level", "warning") as running:
        yield running
