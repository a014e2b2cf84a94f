"""Fixtures that the tests of both packages share."""

from collections.abc import AsyncIterator

import pytest

from support.proxy.oms import RawServer, documented, raw_server

pytest_plugins = ("support.operator.rights_report",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take --regenerate: write golden files anew instead of comparing with them."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew")


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that speaks the documented contract, until a test gives it another play."""
    async with raw_server(documented) as server:
        yield server
