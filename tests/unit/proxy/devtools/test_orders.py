"""The generated orders: what a tenant's OMS would hold."""

import json
from typing import Any

import msgspec
import pytest

from tenantproxy.devtools.orders import STATUSES, Order, generate
from tenantproxy.orders.contract import CONTRACTS

COUNT = 300


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    """Generate as many orders as the command does."""
    return list(generate(COUNT, seed=1))


def _parsed(order: Order) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(bytes(order.document))
    return parsed


def test_every_order_keeps_the_contract(orders: list[Order]) -> None:
    """The proxy's own check lets every order and every summary through."""
    for order in orders:
        CONTRACTS["getOrder"].outward(msgspec.json.encode({"customerOrder": order.document}))
        CONTRACTS["searchOrders"].outward(msgspec.json.encode({"customerOrders": [order.summary]}))


def test_the_first_order_has_every_documented_field(orders: list[Order]) -> None:
    """`CO-1001` shows the whole documented shape, so that one request is enough to see it."""
    order = _parsed(orders[0])
    assert order["customerOrderId"] == "CO-1001"
    assert {"isLocked", "minimumDownPaymentAmount", "invoicePaymentInstructions", "items"} <= order.keys()
    assert order["invoicePaymentInstructions"].keys() == {
        "customerAccountId",
        "invoicingAmount",
        "additionalInformation",
    }
    assert order["invoicePaymentInstructions"]["additionalInformation"][0].keys() == {
        "id",
        "value",
        "displayText",
        "receiptLabel",
    }
    documented = {"itemId", "quantityOrdered", "unitPrice", "contributedAmount", "discounts"}
    assert documented <= order["items"][0].keys()
    assert order["items"][0]["discounts"][0].keys() == {
        "discountAmount",
        "discountId",
        "discountText",
        "rewardType",
    }


def test_internal_fields_stand_beside_documented_ones(orders: list[Order]) -> None:
    """Every order and every summary has something that a proxy must not let out."""
    assert all("internalMargin" in _parsed(order) for order in orders)
    assert all(b"internalMargin" in bytes(order.summary) for order in orders)
    assert all("costPrice" in item for order in orders for item in _parsed(order)["items"])


def test_every_status_and_unusual_amount_occurs(orders: list[Order]) -> None:
    """Amounts are in every notation that JSON allows, statuses are all of the documented ones."""
    assert {_parsed(order)["status"] for order in orders} == set(STATUSES)
    text = b"".join(bytes(order.document) for order in orders)
    for amount in (b":0.1,", b":1e3,", b":1234567.123456789012345,", b":12345678901234567890,", b":100.00,"):
        assert amount in text


def test_a_customer_has_a_few_orders(orders: list[Order]) -> None:
    """A search by customer is worth it: it finds more than one order, and not all."""
    assert [order.order_id for order in orders if order.customer_id == "111"] == ["CO-1001", "CO-1002", "CO-1003"]


def test_the_same_seed_makes_the_same_orders(orders: list[Order]) -> None:
    """An order depends on the seed and its number alone, not on how many there are."""
    assert [bytes(order.document) for order in generate(10, seed=1)] == [
        bytes(order.document) for order in orders[:10]
    ]
    assert bytes(next(generate(1, seed=2)).document) != bytes(orders[0].document)
