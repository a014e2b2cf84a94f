"""Answers that mean something else than their status: through the whole proxy, in shapes of real systems."""

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from support.proxy.oms import ORDER_ANSWER, SEARCH_ANSWER, RawServer, answering, http, raw_server
from support.proxy.running import BASIC, RunningProxy, proxy_config, running_proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")


def outcome(
    status: int, means: str, pointer: str | None = None, *words: str, absent: bool = True
) -> dict[str, Any]:
    if pointer is None:
        return {"status": [status], "means": means}
    condition = {"from": pointer, "in": words} if words else {"from": pointer, "absent": absent}
    return {"status": [status], "when": [condition], "means": means}


ORDER = (
    outcome(400, "order-not-found", "/errors/0/type", "UnknownIdentifierError"),  # SAP Commerce
    outcome(410, "order-not-found"),
    outcome(204, "order-not-found"),
    outcome(200, "upstream-rate-limited", "/errors/0/extensions/code", "THROTTLED"),  # Shopify, by GraphQL
    outcome(200, "upstream-rejected-credentials", "/errors/0/extensions/code", "UNAUTHENTICATED"),
    outcome(200, "upstream-error", "/errors/0", absent=False),
    outcome(200, "order-not-found", "/customerOrder"),  # null, {}, and {"customerOrder": null}
    outcome(400, "upstream-timeout", "/0/errorCode", "QUERY_TIMEOUT"),  # Salesforce
    outcome(403, "upstream-rate-limited", "/0/errorCode", "REQUEST_LIMIT_EXCEEDED"),
    outcome(401, "upstream-forbidden", "/parameters/resources", "Magento_Sales::actions_view"),
    outcome(430, "upstream-rate-limited"),  # Shopify
)
SEARCH = (
    outcome(404, "no-orders-found"),
    outcome(204, "no-orders-found"),
    outcome(200, "search-rejected", "/errors/0/code", "INVALID_FILTER"),
    outcome(200, "no-orders-found", "/customerOrders"),
)


class Row(NamedTuple):
    """What an OMS answers, and what its caller gets."""

    answer: bytes
    status: int
    code: str
    retry_after: str | None = None


def body(status: int, document: Any, **headers: str) -> bytes:
    return http(status, json.dumps(document).encode(), **headers)


def graphql(code: str) -> bytes:
    return body(200, {"errors": [{"extensions": {"code": code}}], "customerOrder": None})


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
READS = {
    "SAP Commerce: unknown": Row(
        body(400, {"errors": [{"type": "UnknownIdentifierError"}]}), 404, "order-not-found"
    ),
    "SAP Commerce: another 400": Row(
        body(400, {"errors": [{"type": "ValidationError"}]}), 502, "upstream-contract"
    ),
    "410": Row(http(410, b"<html>", content_type="text/html"), 404, "order-not-found"),
    "204": Row(NO_CONTENT, 404, "order-not-found"),
    "200 and null": Row(body(200, None), 404, "order-not-found"),
    "200 and nothing": Row(http(200), 404, "order-not-found"),
    "200 and nothing, without a type": Row(http(200, content_type=""), 404, "order-not-found"),
    "200 and {}": Row(body(200, {}), 404, "order-not-found"),
    "GraphQL: null": Row(body(200, {"customerOrder": None}), 404, "order-not-found"),
    "GraphQL: errors": Row(graphql("INTERNAL"), 502, "upstream-error"),
    "GraphQL: throttled": Row(graphql("THROTTLED"), 503, "upstream-rate-limited", "1"),
    "Salesforce: limit": Row(
        body(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]), 503, "upstream-rate-limited", "1"
    ),
    "Salesforce: another 403": Row(body(403, [{"errorCode": "INSUFFICIENT_ACCESS"}]), 502, "upstream-forbidden"),
    "Salesforce: timeout": Row(body(400, [{"errorCode": "QUERY_TIMEOUT"}]), 504, "upstream-timeout"),
    "Magento: no access": Row(
        body(401, {"parameters": {"resources": "Magento_Sales::actions_view"}}), 502, "upstream-forbidden"
    ),
    "Shopify: 430": Row(http(430, retry_after="2.0"), 503, "upstream-rate-limited", "2"),
    "BigCommerce: 429": Row(http(429, x_rate_limit_time_reset_ms="14500"), 503, "upstream-rate-limited", "15"),
    "a date": Row(
        http(429, retry_after="Fri, 31 Dec 1999 23:59:59 GMT", date="Fri, 31 Dec 1999 23:59:00 GMT"),
        503,
        "upstream-rate-limited",
        "59",
    ),
    "an order": Row(ORDER_ANSWER, 200, ""),
}
SEARCHES = {
    "404": Row(http(404, b"<html>", content_type="text/html"), 200, ""),
    "204": Row(NO_CONTENT, 200, ""),
    "null": Row(body(200, None), 200, ""),
    "rejected": Row(body(200, {"errors": [{"code": "INVALID_FILTER"}]}), 400, "search-rejected"),
    "400": Row(http(400), 400, "search-rejected"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def oms() -> AsyncIterator[RawServer]:
    async with raw_server(answering(b"")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(oms: RawServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningProxy]:
    """Run a proxy that knows what these answers mean."""
    operations = {
        "getOrder": {"outcomes": ORDER},
        "searchOrders": {"path": "/search", "outcomes": SEARCH},
    }
    configuration = proxy_config(oms.url, operations=operations)
    async with running_proxy(configuration, tmp_path_factory.mktemp("outcomes"), BASIC) as running:
        yield running


@pytest.mark.parametrize("name", READS)
async def test_read(oms: RawServer, proxy: RunningProxy, name: str) -> None:
    """Each answer gets the code that was given to it, once, and what is not listed keeps its own."""
    row = READS[name]
    oms.play, before = answering(row.answer), len(oms.received)
    got = await proxy.get()
    assert (got.status, got.code) == (row.status, row.code)
    assert got.headers.get("Retry-After") == row.retry_after
    assert len(oms.received) == before + 1


async def test_a_large_answer_is_judged_in_a_thread(oms: RawServer, tmp_path: Path) -> None:
    """One with an error beside an order, as GraphQL has it, too; a small one is judged at once."""

    def threads() -> set[str]:
        return {f"{thread.ident}" for thread in threading.enumerate() if thread.name.startswith("decoding")}

    operations = {"getOrder": {"outcomes": ORDER}}
    async with running_proxy(proxy_config(oms.url, operations=operations), tmp_path, BASIC) as proxy:
        before = threads()
        oms.play = answering(ORDER_ANSWER)
        assert (await proxy.get()).status == 200
        assert threads() == before
        order = json.loads(ORDER_ANSWER.partition(b"\r\n\r\n")[2])
        order["customerOrder"]["more"] = "x" * 200_000
        oms.play = answering(body(200, order))
        assert (await proxy.get()).status == 200
        assert len(threads() - before) == 1
        oms.play = answering(body(200, {**order, "errors": [{"extensions": {"code": "INTERNAL"}}]}))
        assert (await proxy.get()).code == "upstream-error"
        oms.play = answering(body(400, {"errors": [{"type": "UnknownIdentifierError"}], "more": "x" * 200_000}))
        assert (await proxy.get()).code == "order-not-found"


async def test_an_unknown_order_costs_no_connection(oms: RawServer, proxy: RunningProxy) -> None:
    """A 200 that says that there is no order is an answer, after which the connection is used again."""
    oms.play = answering(body(200, None))
    assert (await proxy.get()).status == 404
    before = oms.connections
    assert [(await proxy.get()).status for _ in range(3)] == [404] * 3
    assert oms.connections == before


@pytest.mark.parametrize("name", SEARCHES)
async def test_search(oms: RawServer, proxy: RunningProxy, name: str) -> None:
    """A search that finds nothing is an empty list."""
    row = SEARCHES[name]
    oms.play = answering(row.answer)
    got = await proxy.search()
    assert (got.status, got.code) == (row.status, row.code)
    assert row.code or got.json == {"customerOrders": []}


async def test_found(oms: RawServer, proxy: RunningProxy) -> None:
    """What is found is passed on."""
    oms.play = answering(SEARCH_ANSWER)
    assert len((await proxy.search()).json["customerOrders"]) == 1


@pytest.mark.parametrize("status", [200, 403])
async def test_a_rejected_credential_causes_no_storm(oms: RawServer, tmp_path: Path, status: int) -> None:
    """An OMS that hides its 401 sees a wrong password once, however often a till asks; the right one at once."""
    operations = {
        "getOrder": {"outcomes": [outcome(status, "upstream-rejected-credentials", "/error", "bad key")]}
    }
    async with running_proxy(proxy_config(oms.url, operations=operations), tmp_path, BASIC) as proxy:
        oms.play, before = answering(body(status, {"error": "bad key"})), len(oms.received)
        codes = {(await proxy.get()).code for _ in range(20)}
        assert codes == {"upstream-rejected-credentials"}
        assert len(oms.received) == before + 1
        oms.play = answering(ORDER_ANSWER)
        await proxy.change_keys({"username": "user", "password": "new"})
        assert (await proxy.get()).status == 200


async def test_a_503_with_retry_after_pauses(oms: RawServer, tmp_path: Path) -> None:
    """For the time that an OMS names nobody asks it, for an order or a search, and callers are told so."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        oms.play, before = answering(http(503, retry_after="30")), len(oms.received)
        first = await proxy.get()
        assert (first.status, first.code, first.headers["Retry-After"]) == (503, "upstream-rate-limited", "30")
        for paused in (await proxy.get(), await proxy.search()):
            assert (paused.status, paused.code) == (503, "circuit-open")
            assert paused.json["detail"] == "The OMS asked for a pause."
            assert 25 <= int(paused.headers["Retry-After"]) <= 30
        assert len(oms.received) == before + 1
        assert await proxy.metric('tenantproxy_rejected_requests_total{reason="pause"}') == 2


async def test_the_next_form_of_an_id_is_looked_up(oms: RawServer, tmp_path: Path) -> None:
    """An answer that means an unknown order is one where an order has several forms of its id, too."""
    unknown = body(400, {"error": "UNKNOWN"})
    operations = {
        "getOrder": {
            "ids": ["000{customerOrderId}", "{customerOrderId}"],
            "outcomes": [outcome(400, "order-not-found", "/error", "UNKNOWN")],
        }
    }
    async with running_proxy(proxy_config(oms.url, operations=operations), tmp_path, BASIC) as proxy:
        oms.play, before = answering(unknown, ORDER_ANSWER), len(oms.received)
        assert (await proxy.get()).status == 200
        assert [request.target.rpartition("/")[2] for request in oms.received[before:]] == ["000CO-1", "CO-1"]
