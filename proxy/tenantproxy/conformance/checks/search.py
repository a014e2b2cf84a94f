"""Searching a customer's orders."""

from typing import Any, Final

import msgspec

from tenantproxy.conformance.check import Group, NotTriedError, expect
from tenantproxy.conformance.checks.order import must_be_200, must_hold_contract
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.oms import Reading
from tenantproxy.operations import ORDER_ID, SEARCH_ORDERS

SEARCH: Final = Group("search")

NOBODY: Final = "conformance-no-such-customer-0"
_CONTRACT: Final = "docs/oms.md#what-it-serves"
_READ: Final = ("search.read",)
_SERVER_ERROR: Final = 500


def need_search(kit: Kit) -> None:
    """Raise NotTriedError where the OMS has no search."""
    if not kit.oms.plans[SEARCH_ORDERS.name].is_supported:
        raise NotTriedError("the manifest says that this OMS has no search (`searchOrders.unsupported`)")


@SEARCH.check(
    "read",
    rule="A search for a customer's orders is answered with 200.",
    source=_CONTRACT,
    fix="Serve POST …/business-units/{businessUnitId}/customer-orders:search, or say in `upstream.operations` how "
    "your OMS is asked (docs/requests.md). Many frameworks take a colon in a path only if it is escaped in the "
    "route.",
    needs=("auth.accepted",),
)
async def _read(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search()
    must_be_200(reading)
    return f"{reading.exchange.seconds * 1000:.0f} ms"


@SEARCH.check(
    "contract",
    rule="Each order that is found has each required field, with the right type, after mapping.",
    source="docs/mapping.md#what-goes-together",
    fix="Send the named fields, or map what you send to them (docs/mapping.md). A pointer is into what a till "
    "gets.",
    needs=_READ,
)
async def _contract(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search()
    must_hold_contract(SEARCH_ORDERS, reading)
    return f"{len(found_orders(reading))} orders"


@SEARCH.check(
    "customer",
    rule="Each order that is found is of the customer who was searched for.",
    source=_CONTRACT,
    fix="Filter by the criterion. If customerId in an order has another form than the one in a search, ignore "
    "this.",
    level="warning",
    needs=("search.contract",),
)
async def _customer(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search()
    others = [order for order in found_orders(reading) if order.get("customerId") != kit.data.customer]
    expect(not others, f"{len(others)} orders have another customerId than {kit.data.customer}.", reading.exchange)
    return ""


@SEARCH.check(
    "finds-order",
    rule="The order is found by its customer.",
    source=_CONTRACT,
    fix="Check that --customer is the customer of --order. If the search answers one page, see whether the "
    "order is on another one: a till gets no other.",
    level="warning",
    needs=("search.contract",),
)
async def _finds_order(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search()
    found = [order.get(ORDER_ID) for order in found_orders(reading)]
    expect(kit.data.order in found, f"{kit.data.order} is not among the {len(found)} orders.", reading.exchange)
    return ""


@SEARCH.check(
    "empty",
    rule="A search that finds nothing is answered with 200 and an empty list.",
    source=_CONTRACT,
    fix='Answer {"customerOrders": []}. If your OMS answers 404 or 204, say in `outcomes` that it means '
    "no-orders-found (docs/outcomes.md). If orders came, the criterion is ignored: that shows orders to anyone.",
    needs=_READ,
)
async def _empty(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search(NOBODY)
    expect(
        reading.problem is None,
        f"{reading.outcome}: a till gets {reading.code}.",
        reading.exchange,
    )
    count = len(found_orders(reading))
    expect(not count, f"{count} orders were found for a customer that does not exist.", reading.exchange)
    return ""


@SEARCH.check(
    "unsupported",
    rule="A criterion that the OMS does not know is answered with 400, or finds nothing.",
    source=_CONTRACT,
    fix="Refuse criteria that you don't know: an ignored one makes the search answer everybody's orders. A "
    "proxy sends only those of the manifest, so this is about other callers, and about a manifest with a mistake.",
    level="warning",
    needs=_READ,
)
async def _unsupported(kit: Kit) -> str:
    reading = await _sent_as_it_is(kit, b'{"noSuchCriterion":"conformance"}')
    _must_refuse_or_find_nothing(reading)
    return ""


@SEARCH.check(
    "malformed",
    rule="A search that is not JSON is answered with 400.",
    source=_CONTRACT,
    fix="Answer 400 to what can't be parsed. A proxy sends only JSON, so this is about other callers.",
    level="warning",
    needs=_READ,
)
async def _malformed(kit: Kit) -> str:
    reading = await _sent_as_it_is(kit, b'{"customerId":')
    expect(
        reading.code == "search-rejected",
        f"{reading.outcome}; a malformed search is 400.",
        reading.exchange,
    )
    return ""


def found_orders(reading: Reading) -> list[dict[str, Any]]:
    """Return the orders that a till gets; none where there was a problem."""
    if not reading.body:
        return []
    orders: list[dict[str, Any]] = msgspec.json.decode(reading.body)[SEARCH_ORDERS.root.removeprefix("/")]
    return orders


async def _sent_as_it_is(kit: Kit, body: bytes) -> Reading:
    """Send a body that no proxy would send: it shows what the OMS does with the mistakes of others."""
    need_search(kit)
    endpoint = kit.config.upstream.operations.search_orders
    if endpoint.method != "POST" or endpoint.body is not None:
        raise NotTriedError("the manifest says what is sent: not the documented body")
    return await kit.search(body=body)


def _must_refuse_or_find_nothing(reading: Reading) -> None:
    if reading.problem is not None:
        status = reading.exchange.status
        is_refused = reading.code == "search-rejected" or (status is not None and 400 <= status < _SERVER_ERROR)  # noqa: PLR2004
        expect(is_refused, f"{reading.outcome}; an unknown criterion is 400.", reading.exchange)
        return
    count = len(found_orders(reading))
    expect(not count, f"{count} orders were found by a criterion that does not exist.", reading.exchange)
