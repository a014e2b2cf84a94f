"""Fixtures that the tests of both packages share."""

from collections.abc import AsyncIterator

import pytest

from support.oms import RawServer, documented, raw_server


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that speaks the documented contract, until a test gives it another play."""
    async with raw_server(documented) as server:
        yield server
