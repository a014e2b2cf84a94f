"""A proxy under attack, as a process of its own; the bounds are those of docs/security.md."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK
from support.proxy.oms import RawServer
from support.proxy.running import BASIC
from tenantproxy.credentials.stores.files import write_keys


@pytest.fixture
def upstream() -> dict[str, object]:
    """Return what a module wants to have otherwise in `upstream`."""
    return {}


@pytest.fixture
def mapping() -> dict[str, object]:
    """Return the rules for an OMS of another shape, where a test has one."""
    return {}


@pytest.fixture
async def proxy(
    oms: RawServer, tmp_path: Path, upstream: dict[str, object], mapping: dict[str, object]
) -> AsyncIterator[ServeProcess]:
    """Run a proxy that asks for tokens, with a Basic credential."""
    write_keys(tmp_path / "credentials", BASIC)
    access = tokens.access(tmp_path)
    config = configuration(oms.url, upstream=upstream, mapping=mapping, auth=ON_LOOPBACK, access=access)
    async with serve(tmp_path, config, "--log-level", "warning") as running:
        yield running
