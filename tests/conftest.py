"""Fixtures that the tests of both packages share."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Generator, Mapping

import pytest
from hypothesis import HealthCheck, Phase, settings

from support.proxy.oms import RawServer, documented, raw_server
from support.virtual_time import VirtualTimeLoop

# How long an example takes says something of the machine's load, and nothing of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make check` is to take a minute; `make test`, and who runs pytest by hand, look at more examples.
settings.register_profile("check", settings.get_profile("unhurried"), max_examples=30)
# `make mutants` runs the tests hundreds of times, and does not look at the example that fails.
settings.register_profile(
    "mutants",
    settings.get_profile("unhurried"),
    max_examples=20,
    stateful_step_count=20,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("unhurried")

# The operator takes these as options, wherever the tests run.
for variable in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
    os.environ.pop(variable, None)
# Proxies would send spans, wherever the tests run.
for variable in [name for name in os.environ if name.startswith("OTEL_")]:
    del os.environ[variable]

pytest_plugins = ("support.operator.rights_report",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take --regenerate: write golden files anew instead of comparing with them."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector of cycles from what collection makes, then and later: all of it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests that are marked `virtual_time` in it."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that speaks the documented contract, until a test gives it another play."""
    async with raw_server(documented) as server:
        yield server
