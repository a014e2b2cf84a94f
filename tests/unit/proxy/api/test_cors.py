"""Web pages of the origins that the platform team names may call the two reads, and no others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.proxy import tokens
from support.proxy.oms import RawServer
from support.proxy.running import (
    BASIC,
    GET_PATH,
    PUT_PATH,
    SEARCH_PATH,
    Answered,
    RunningProxy,
    proxy_config,
    running_proxy,
)

SHOP = "https://shop.example"


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    access = tokens.access(tmp_path, cors={"allowedOrigins": [SHOP, "http://127.0.0.1:3000"]})
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as running:
        yield running


async def _preflight(proxy: RunningProxy, path: str, method: str, origin: str = SHOP) -> Answered:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return await proxy.request("OPTIONS", path, headers={"Origin": origin, **asked})


@pytest.mark.parametrize(("path", "method"), [(GET_PATH, "GET"), (SEARCH_PATH, "POST")])
async def test_a_page_may_call_the_reads(proxy: RunningProxy, oms: RawServer, path: str, method: str) -> None:
    """A preflight needs no token, names what the call may have, and never reaches the OMS."""
    answer = await _preflight(proxy, path, method)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert answer.headers["Access-Control-Allow-Methods"] == method
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["Correlation-Id"]
    assert not oms.received


@pytest.mark.parametrize(("path", "method"), [(PUT_PATH, "PUT"), (GET_PATH, "DELETE"), ("/nowhere", "GET")])
async def test_nothing_else_can_be_called(proxy: RunningProxy, path: str, method: str) -> None:
    """Setting the credential is no page's business, and what does not exist stays a 405."""
    assert (await _preflight(proxy, path, method)).code == "method-not-allowed"


async def test_another_origin_is_refused(proxy: RunningProxy) -> None:
    """A page that nobody named may not call, and may not read why."""
    answer = await _preflight(proxy, GET_PATH, "GET", origin="https://shop.example.evil.example")
    assert answer.code == "origin-not-allowed"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("status", [200, 401])
async def test_pages_read_answers_and_refusals(proxy: RunningProxy, status: int) -> None:
    """An order and a problem both say that the page may read them, with the headers that a client needs."""
    token = tokens.bearer(tokens.machine_token()) if status == 200 else {}
    answer = await proxy.get(headers={"Origin": SHOP, **token})
    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Correlation-Id", "Incomplete-Results", "Retry-After"} <= set(exposed)


async def test_callers_of_no_page_are_served(proxy: RunningProxy) -> None:
    """Tills send no origin, and some client sends another one: they are answered, and no page may read it."""
    for other in ({}, {"Origin": "https://other.example"}, {"Origin": "null"}):
        answer = await proxy.get(headers=other | tokens.bearer(tokens.machine_token()))
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


async def test_options_is_no_method_elsewhere(proxy: RunningProxy) -> None:
    """An OPTIONS that no browser sends is what it always was."""
    assert (await proxy.request("OPTIONS", GET_PATH, headers={"Origin": SHOP})).code == "method-not-allowed"


async def test_off_by_default(oms: RawServer, tmp_path: Path) -> None:
    """Without `access.cors` there is no OPTIONS, and no header more."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as running:
        answer = await _preflight(running, GET_PATH, "GET")
        assert (answer.status, answer.code) == (405, "method-not-allowed")
        assert not [name for name in answer.headers if name.startswith("Access-Control") or name == "Vary"]
