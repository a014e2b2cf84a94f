"""A separate API server for these tests, since they break it; and the fault proxy in front of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from support.apiserver.fault_proxy import Between
from support.apiserver.fragile import FragileApiServer
from support.operator.process import OperatorProcess
from support.operator.rights import lacking

from ..conftest import USER, Run  # noqa: TID252 - tests are no package

ROOT = Path(__file__).parents[5]
CRD = ROOT / "crds/tenantproxies.yaml"
NAME = "tenantproxies.proxy.hiiretail.com"
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before a tenant is looked at again, at least."""
NEWS = 2
"""How often it may be looked at besides: an event about a write that comes before the write's answer is news."""


def most_tries(seconds: float) -> int:
    """Return how often a tenant may be looked at within so long."""
    return 1 + sum(pauses <= seconds for pauses in itertools.accumulate(PAUSES))


@pytest.fixture(scope="session")
def api_server(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FragileApiServer]:
    """Run an API server that knows TenantProxies, and may break."""
    server = FragileApiServer(binaries, tmp_path_factory.mktemp("fragile"))
    try:
        server.install_crd(CRD, NAME)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session", autouse=True)
def _rights(api_server: FragileApiServer) -> Iterator[None]:
    """Hold what the operator did against its rights, whatever broke."""
    yield
    missing = lacking(api_server.audit(), USER, api_server.starts)
    assert not missing, "the operator has no right to:\n" + "\n".join(sorted(set(missing)))


@pytest.fixture
async def between(api_server: FragileApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between the operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


@pytest.fixture
async def operator_behind(
    launch: Callable[..., OperatorProcess], between: Between
) -> AsyncIterator[OperatorProcess]:
    """Run an operator that talks to what is in between."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    yield operator
    await asyncio.to_thread(operator.stop)


@pytest.fixture
def at_rest(run: Run) -> Callable[[], Awaitable[None]]:
    """Return what sees that the operator goes round, and writes nothing."""
    return run.at_rest
