"""Fixtures that the tests of both packages share."""

from collections.abc import AsyncIterator

import pytest

from support.proxy.oms import RawServer, documented, raw_server


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take --regenerate: write golden files anew instead of comparing with them; and --watch."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew")
    parser.addoption(
        "--watch",
        choices=("namespaced", "cluster"),
        default="namespaced",
        help="what the operator of tests/integration/apiserver/operator watches: the tests' namespaces, or all",
    )


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that speaks the documented contract, until a test gives it another play."""
    async with raw_server(documented) as server:
        yield server
