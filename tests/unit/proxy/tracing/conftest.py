"""What the tests of spans share."""

import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from support.proxy.otlp import Collector, collector
from support.waiting import until


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Leave no thread behind that still tries to send: other tests share its process, and its random numbers."""
    yield
    until(lambda: not any(thread.name.startswith(("OtelBatch", "last spans")) for thread in threading.enumerate()))


@pytest.fixture(name="otlp")
async def receiver() -> AsyncIterator[Collector]:
    """Run a server that takes spans."""
    async with collector() as running:
        yield running
