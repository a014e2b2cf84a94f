"""An OMS that is asked in its own way, through a running proxy: what it gets, and what it is spared."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from support.proxy.oms import (
    SEARCH_ANSWER,
    Play,
    RawServer,
    Received,
    answering,
    documented,
    dripping,
    held_until,
    http,
    order_answer,
)
from support.proxy.running import BASIC, SEARCH_PATH, RunningProxy, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN

UNIT = "/api/v1/business-units/BU-1/customer-orders"
CIRCUIT = 'tenantproxy_circuit_state{operation="%s"}'
GRAPHQL = "query($id: ID!) { order(id: $id) { id lines { sku } } }"
SEARCH_PAGES = [SEARCH_ANSWER, SEARCH_ANSWER.replace(b"CO-1", b"CO-2")]


def operations(**each: Mapping[str, Any]) -> dict[str, Any]:
    return {"operations": each}


# ---- what the OMS gets


async def test_one_order_by_a_query(oms: RawServer, tmp_path: Path) -> None:
    """Names with brackets and a value of signs come to the OMS as they are, and a fixed header with them."""
    endpoint = {
        "path": "/V1/orders",
        "query": {"criteria[0][field]": "number", "criteria[0][value]": "{customerOrderId}"},
        "headers": {"X-Api-Version": "2"},
        "idPattern": "#?[0-9&=]+",
    }
    oms.play = answering(order_answer("#1&=2"))
    async with running_proxy(
        proxy_config(oms.url + "/base", **operations(getOrder=endpoint)), tmp_path, BASIC
    ) as proxy:
        assert (await proxy.get(f"{UNIT}/%231&=2")).status == 200
        (received,) = oms.received
        parts = urlsplit(received.target)
        assert (received.method, parts.path, received.body) == ("GET", "/base/V1/orders", b"")
        assert parse_qsl(parts.query) == [("criteria[0][field]", "number"), ("criteria[0][value]", "#1&=2")]
        assert received.headers["x-api-version"] == "2"
        assert received.headers["tenant-id"] == "T-acme"
        assert "content-type" not in received.headers


async def test_graphql_for_both(oms: RawServer, tmp_path: Path) -> None:
    """A body of JSON goes out by POST, with the values as variables."""
    graphql = {"method": "POST", "path": "/graphql"}
    both = operations(
        getOrder={**graphql, "body": {"json": {"query": GRAPHQL, "variables": {"id": "{customerOrderId}"}}}},
        searchOrders={
            **graphql,
            "body": {"json": {"query": GRAPHQL, "variables": {"c": "{criteria.customerId}"}}},
        },
    )
    oms.play = answering(order_answer("CO-1"), SEARCH_ANSWER)
    async with running_proxy(proxy_config(oms.url, **both), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200
        assert (await proxy.search({"customerId": 'a"}\\ \u00e9'})).status == 200
        order, search = oms.received
        assert (order.method, order.target, order.headers["content-type"]) == (
            "POST",
            "/graphql",
            "application/json",
        )
        assert json.loads(order.body) == {"query": GRAPHQL, "variables": {"id": "CO-1"}}
        assert json.loads(search.body) == {"query": GRAPHQL, "variables": {"c": 'a"}\\ \u00e9'}}


async def test_a_search_by_get(oms: RawServer, tmp_path: Path) -> None:
    """A search can be a GET: without a body, its criteria quoted as the OMS's language has it."""
    endpoint = {
        "method": "GET",
        "path": "/orders",
        "query": {"where": 'customerId="{criteria.customerId|backslash}"', "mail": "{criteria.email}"},
        "criteria": {"email": {"trim": True, "lowerCase": True}},
    }
    oms.play = answering(SEARCH_ANSWER)
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.search({"customerId": 'C" or 1="'})).status == 200
        assert (await proxy.search({"email": " A+B@c.example "})).status == 200
        first, second = oms.received
        assert (first.method, first.body) == ("GET", b"")
        assert "content-type" not in first.headers
        assert parse_qsl(urlsplit(first.target).query) == [("where", 'customerId="C\\" or 1=\\""')]
        assert parse_qsl(urlsplit(second.target).query) == [("mail", "a+b@c.example")]


async def test_a_search_by_form(oms: RawServer, tmp_path: Path) -> None:
    """A form goes out as one."""
    endpoint = {"path": "/find", "body": {"form": {"customer": "{criteria.customerId}", "take": "50"}}}
    oms.play = answering(SEARCH_ANSWER)
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.search({"customerId": "a&take=1"})).status == 200
        (received,) = oms.received
        assert received.headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qsl(received.body.decode()) == [("customer", "a&take=1"), ("take", "50")]


# ---- what it doesn't get


@pytest.mark.parametrize(
    ("criteria", "pointer"),
    [
        ({}, ""),
        ({"customerId": "C", "status": "open"}, "/status"),
        ({"customerId": "../../admin"}, "/customerId"),
        ({"customerId": "x" * 257}, "/customerId"),
        ({"email": "a@b.example"}, "/customerId"),
        ({"customerId": "C", "email": "not one"}, "/email"),
    ],
)
async def test_criteria_that_are_refused(
    oms: RawServer, tmp_path: Path, criteria: Mapping[str, str], pointer: str
) -> None:
    """What is not allowed, missing or could leave its place is 400 with a pointer, and no request of the OMS."""
    endpoint = {
        "path": "/users/{criteria.customerId}/orders",
        "criteria": {"email": {"pattern": "[^@ ]+@[^@ ]+"}},
    }
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        answer = await proxy.request("POST", SEARCH_PATH, json=criteria)
        assert (answer.status, answer.code) == (400, "invalid-request")
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
        assert not oms.received
        series = 'tenantproxy_rejected_requests_total{reason="invalid-request"}'
        assert await proxy.metric(series) == 1


async def test_a_search_that_is_not_supported(oms: RawServer, tmp_path: Path) -> None:
    """Where the OMS has no search, callers are told so at once, and orders are read as ever."""
    oms.play = documented
    endpoint = {"unsupported": True}
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        answer = await proxy.search()
        assert (answer.status, answer.code) == (501, "search-not-supported")
        assert not oms.received
        assert (await proxy.get()).status == 200


# ---- ids


def knowing(*known: str) -> Play:
    """Return an OMS that knows these orders."""

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        order_id = request.target.rpartition("/")[2]
        writer.write(order_answer(order_id) if order_id in known else http(404))

    return play


FORMS = {
    "path": "/o/{customerOrderId}",
    "ids": ["{customerOrderId}", "{customerOrderId|upper}", "00{customerOrderId}"],
}


async def test_forms_are_tried_in_order(oms: RawServer, tmp_path: Path) -> None:
    """The first form that the OMS knows is the order; each is a call; none is tried after another failure."""
    async with running_proxy(
        proxy_config(oms.url, retries=0, **operations(getOrder=FORMS)), tmp_path, BASIC
    ) as proxy:
        for known, asked, outcome in (
            ("a1", ["a1"], "a1"),
            ("A1", ["a1", "A1"], "A1"),
            ("00a1", ["a1", "A1", "00a1"], "00a1"),
            ("b", ["a1", "A1", "00a1"], "order-not-found"),
        ):
            oms.play = knowing(known)
            oms.received.clear()
            answer = await proxy.get(f"{UNIT}/a1")
            assert [request.target for request in oms.received] == [f"/o/{each}" for each in asked]
            assert (answer.code or answer.json["customerOrder"]["customerOrderId"]) == outcome
        calls = 'tenantproxy_upstream_request_duration_seconds_count{operation="getOrder"}'
        assert await proxy.metric(calls) == 9
        oms.play = answering(http(500))
        oms.received.clear()
        assert (await proxy.get(f"{UNIT}/a1")).code == "upstream-error"
        assert len(oms.received) == 1


async def test_forms_share_one_timeout(oms: RawServer, tmp_path: Path) -> None:
    """Trying several forms takes a caller no longer than one would."""

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(http(404))

    oms.play = slow
    endpoint = {**FORMS, "timeoutSeconds": 0.6}
    async with running_proxy(proxy_config(oms.url, **operations(getOrder=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.get(f"{UNIT}/a1")).code == "upstream-timeout"
        assert len(oms.received) == 2


async def test_another_order_is_refused_in_any_form(oms: RawServer, tmp_path: Path) -> None:
    """An order that is neither the caller's nor the one that was looked up goes out to nobody."""
    oms.play = answering(order_answer("00b1"))
    async with running_proxy(proxy_config(oms.url, **operations(getOrder=FORMS)), tmp_path, BASIC) as proxy:
        assert (await proxy.get(f"{UNIT}/b1")).code == "upstream-contract"


@pytest.mark.parametrize(("id_match", "code"), [("exact", "upstream-contract"), ("ignoreCase", ""), ("off", "")])
async def test_id_match(oms: RawServer, tmp_path: Path, id_match: str, code: str) -> None:
    """Whether an order whose id differs in case is the right one, the platform team says."""
    oms.play = answering(order_answer("co-1"))
    endpoint = {"idMatch": id_match}
    async with running_proxy(proxy_config(oms.url, **operations(getOrder=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).code == code


@pytest.mark.parametrize("order_id", ["#1001", "A/17"])
async def test_wider_ids(oms: RawServer, tmp_path: Path, order_id: str) -> None:
    """An id that the platform team allows is read back from one segment; what could leave it is 400."""
    oms.play = answering(order_answer(order_id))
    endpoint = {"path": "/o/{customerOrderId}/x", "idPattern": "#?[A-Z./0-9%]+"}
    async with running_proxy(proxy_config(oms.url, **operations(getOrder=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.get(f"{UNIT}/{quote(order_id, safe='')}")).status == 200
        assert oms.received[0].target == f"/o/{quote(order_id, safe='')}/x"
        for bad in (b"..%2F..%2Fadmin", b"%252E%252E", b"A%2F..", b"%2E%2E"):
            answer = await proxy.raw(
                b"GET %b/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (UNIT.encode(), bad)
            )
            assert b'"code":"invalid-id"' in answer
            assert b'"pointer":"/path/customerOrderId"' in answer
        assert len(oms.received) == 1


# ---- one operation spares another


def only_searches(play: Play) -> Play:
    """Return a play of searches; orders are read as documented."""

    async def plays(request: Received, writer: asyncio.StreamWriter) -> None:
        await (play if request.method == "POST" else documented)(request, writer)

    return plays


async def searching(proxy: RunningProxy, count: int) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(proxy.search()) for _ in range(count)]


async def test_failing_searches_leave_reads_alone(oms: RawServer, tmp_path: Path) -> None:
    """Searches that time out open their own circuit; reads by id go on, and the other way round."""
    oms.play = only_searches(dripping(SEARCH_ANSWER, after=0, pause=30))
    endpoint = {"timeoutSeconds": 0.2}
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200  # the first one goes alone

        async def circuit() -> float | None:
            answers = await asyncio.gather(*await searching(proxy, FAILURES_TO_OPEN))
            assert {answer.code for answer in answers} <= {"upstream-timeout", "circuit-open"}
            return await proxy.metric(CIRCUIT % "searchOrders")

        # Once more where a slow machine has let one's time pass before it was sent: that is no failure of the OMS.
        await eventually(circuit, lambda state: state == 2)
        assert (await proxy.search()).code == "circuit-open"
        assert await proxy.metric(CIRCUIT % "getOrder") == 0
        assert (await proxy.get()).status == 200


@pytest.mark.parametrize("most", [None, 2], ids=["by default", "maxConnections: 2"])
async def test_slow_searches_leave_connections(oms: RawServer, tmp_path: Path, most: int | None) -> None:
    """Searches have a part of the connections and of the places; what is beyond is refused, reads are answered."""
    release = asyncio.Event()
    oms.play = only_searches(held_until(release, answering(SEARCH_ANSWER)))
    endpoint = {} if most is None else {"maxConnections": most}
    config = proxy_config(oms.url, maxConnections=4, timeoutSeconds=60, **operations(searchOrders=endpoint))
    places = most or 3
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200  # the first one goes alone
        slow = await searching(proxy, 20)
        refused = 20 - 2 * places
        await proxy.becomes('tenantproxy_rejected_requests_total{reason="operation-share"}', refused)
        await oms.reached(places)
        for _ in range(5):
            assert (await proxy.get()).status == 200
        assert oms.most_concurrent == places + 1
        release.set()
        codes = [answer.code or "ok" for answer in await asyncio.gather(*slow)]
        assert (codes.count("ok"), codes.count("overloaded")) == (2 * places, refused)
        assert oms.most_concurrent == places + 1


async def test_searches_that_nobody_waits_for_keep_their_part(oms: RawServer, tmp_path: Path) -> None:
    """Clients that go away can't have searches use more connections than they may."""
    release = asyncio.Event()
    oms.play = only_searches(held_until(release, answering(SEARCH_ANSWER)))
    config = proxy_config(oms.url, maxConnections=4, timeoutSeconds=60)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200  # the first one goes alone
        for _ in range(3):
            slow = await searching(proxy, 4)
            await oms.reached(3)
            for each in slow:
                each.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            await proxy.becomes("tenantproxy_requests_in_flight", 0)
        assert (await proxy.get()).status == 200
        assert oms.most_concurrent == 4
        release.set()


async def test_timeout_and_retries_of_an_operation(oms: RawServer, tmp_path: Path) -> None:
    """Each operation may have its own."""
    oms.play = answering(http(503))
    both = operations(getOrder={"retries": 2}, searchOrders={"retries": 0})
    async with running_proxy(proxy_config(oms.url, retries=1, **both), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).code == "upstream-error"
        assert len(oms.received) == 3
        assert (await proxy.search()).code == "upstream-error"
        assert len(oms.received) == 4


# ---- pages


async def test_pages(oms: RawServer, tmp_path: Path) -> None:
    """They come to the caller as one answer; amounts of links and lines of the header don't matter."""
    link = f"</x>; rel=self\r\nLink: <{oms.url}/base/orders?page=2>; rel=next\r\nLINK: </y>; rel=last"
    pages = [SEARCH_PAGES[0].replace(b"\r\n", f"\r\nLink: {link}\r\n".encode(), 1), SEARCH_PAGES[1]]
    endpoint = {
        "method": "GET",
        "path": "/orders",
        "query": {"c": "{criteria.customerId}"},
        "pages": {"link": True},
    }
    oms.play = answering(*pages)
    async with running_proxy(
        proxy_config(oms.url + "/base", **operations(searchOrders=endpoint)), tmp_path, BASIC
    ) as proxy:
        answer = await proxy.search()
        assert [order["customerOrderId"] for order in answer.json["customerOrders"]] == ["CO-1", "CO-2"]
        assert "incomplete-results" not in answer.headers
        assert [each.target for each in oms.received] == ["/base/orders?c=C-1", "/base/orders?page=2"]
        first, second = (each.headers for each in oms.received)
        assert first == second


async def test_large_pages(oms: RawServer, tmp_path: Path) -> None:
    """Pages that are converted in a thread; each as large as the next one, and together less than the bound."""

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        begin = int(dict(parse_qsl(urlsplit(request.target).query))["o"])
        orders = [
            {"customerOrderId": f"CO-{number}", "customerId": "C-1", "status": "CREATED"}
            for number in range(begin, begin + 2000)
        ]
        writer.write(http(200, json.dumps({"total": 6000, "customerOrders": orders}).encode()))

    oms.play = play
    endpoint = {"query": {"o": "{page.offset}"}, "pages": {"total": "/total"}}
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        answer = await proxy.search()
        found = [order["customerOrderId"] for order in answer.json["customerOrders"]]
        assert found == [f"CO-{number}" for number in range(6000)]
        assert "incomplete-results" not in answer.headers


async def test_more_pages_than_are_read(oms: RawServer, tmp_path: Path) -> None:
    """The answer says that it had to be cut, and the log and the metrics do."""
    endpoint = {"query": {"page": "{page.number}"}, "pages": {"size": 1, "max": 2}}
    oms.play = answering(*SEARCH_PAGES)
    async with running_proxy(proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC) as proxy:
        answer = await proxy.search()
        assert [order["customerOrderId"] for order in answer.json["customerOrders"]] == ["CO-1", "CO-2"]
        assert answer.headers["incomplete-results"] == "pages"
        assert await proxy.metric('tenantproxy_incomplete_searches_total{reason="pages"}') == 1


async def test_a_link_to_another_host(oms: RawServer, tmp_path: Path) -> None:
    """Our credential goes nowhere else."""
    async with RawServer(answering(SEARCH_ANSWER)) as other:
        endpoint = {
            "method": "GET",
            "path": "/o",
            "query": {"c": "{criteria.customerId}"},
            "pages": {"link": True},
        }
        link = f"\r\nLink: <{other.url}/o>; rel=next\r\n".encode()
        oms.play = answering(SEARCH_ANSWER.replace(b"\r\n", link, 1))
        async with running_proxy(
            proxy_config(oms.url, **operations(searchOrders=endpoint)), tmp_path, BASIC
        ) as proxy:
            answer = await proxy.search()
            assert (answer.status, answer.json["code"]) == (502, "upstream-contract")
            assert "another origin" in answer.json["detail"]
            assert (len(oms.received), other.connections) == (1, 0)
