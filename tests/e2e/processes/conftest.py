"""A proxy as a process, with a Basic credential."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.oms import RawServer
from support.proxy.running import BASIC
from tenantproxy.credentials.stores.files import write_keys


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[ServeProcess]:
    """Run a proxy that asks for tokens."""
    write_keys(tmp_path / "credentials", BASIC)
    config = configuration(oms.url, access=tokens.access(tmp_path))
    async with serve(tmp_path, config, "--log-level", "warning") as running:
        yield running
