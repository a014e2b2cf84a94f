"""Amounts that are taken as they are from what looks like minor units are suspected, by names alone."""

import json
from typing import Any

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.orders.contract import CustomerOrder
from tenantproxy.orders.minor_units import AMOUNTS, is_minor, suspects, suspects_in
from tenantproxy.orders.transform import outward_type

MINOR = [
    "cents",
    "centAmount",
    "cent_amount",
    "CentAmount",
    "priceInCents",
    "PRICE_CENTS",
    "priceCents",
    "price_cents",
    "price-in-cents",
    "totalcents",
    "amountincents",
    "centamount",
    "minorUnits",
    "minor_units",
    "minorunits",
    "amountMinor",
    "amount_minor",
    "valueInMinorUnit",
    "unitPricePence",
    "price_amount_micros",
    "subunits",
]
MAJOR = [
    "amount",
    "price",
    "percent",
    "percents",
    "perCent",
    "per_cent",
    "discountPercent",
    "center",
    "costCenter",
    "centre",
    "accents",
    "recent",
    "century",
    "centimeters",
    "incentive",
    "minority",
    "innocent",
    "",
    "0",
    "*",
]


@pytest.mark.parametrize("name", MINOR)
def test_a_name_of_minor_units(name: str) -> None:
    """However the system writes its names."""
    assert is_minor(name)


@pytest.mark.parametrize("name", MAJOR)
def test_another_name(name: str) -> None:
    """What only contains such a word is no alarm."""
    assert not is_minor(name)


def rules(**fields: Any) -> config.Mapping:
    """Return the mapping of an order with one list of items."""
    return msgspec.convert(
        {"getOrder": {"root": "", "fields": {"items": {"each": "/lines", "fields": fields}}}}, config.Mapping
    )


ITEM = "getOrder.fields.items.fields"


@pytest.mark.parametrize(
    "rule",
    [
        {"from": "/price/centAmount"},
        {"from": "/centAmount/value"},
        {"from": "/price", "orFrom": ["/priceCents"]},
        {"from": "/priceInCents", "as": "number"},
        {"from": "/priceInCents", "negate": True, "default": 0},
        {"pick": {"each": "/prices", "where": [{"from": "/a", "absent": True}]}, "from": "/cents"},
    ],
)
def test_an_amount_that_is_suspected(rule: dict[str, Any]) -> None:
    """The rule is named by its path, with what to write."""
    ((field, detail),) = suspects(rules(unitPrice=rule))
    assert field == f"{ITEM}.unitPrice"
    assert "looks like minor units; add `scale: 2`, or" in detail


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"unitPrice": {"from": "/price"}},
        {"unitPrice": {"from": "/priceCents", "scale": 2}},
        {"unitPrice": {"from": "/priceCents", "scale": 0}},
        {"unitPrice": {"from": "/price/centAmount", "scaleFrom": "/price/fractionDigits"}},
        {"unitPrice": {"from": "/priceCents", "values": {"100": 1}}},
        {"unitPrice": {"const": 5}},
        {"quantityOrdered": {"from": "/cents"}},
        {"itemId": {"from": "/cents"}},
        {"discounts": {"each": "/cents", "fields": {"discountAmount": {"from": "/percent"}}}},
    ],
)
def test_what_is_not_suspected(fields: dict[str, Any]) -> None:
    """What is scaled, or said to need no scale, or is no amount."""
    assert suspects(rules(**fields)) == []


def test_every_amount_is_looked_at() -> None:
    """Wherever in the order it is."""
    cents = {"from": "/cents"}
    fields = {
        "minimumDownPaymentAmount": cents,
        "invoicePaymentInstructions": {"from": "", "fields": {"invoicingAmount": cents}},
        "items": {
            "each": "/l",
            "fields": {
                "unitPrice": cents,
                "contributedAmount": cents,
                "discounts": {"each": "/d", "fields": {"discountAmount": cents}},
            },
        },
    }
    found = suspects(msgspec.convert({"getOrder": {"fields": fields}}, config.Mapping))
    assert {field.removeprefix("getOrder.fields.") for field, _ in found} == {
        "minimumDownPaymentAmount",
        "invoicePaymentInstructions.fields.invoicingAmount",
        "items.fields.unitPrice",
        "items.fields.contributedAmount",
        "items.fields.discounts.fields.discountAmount",
    }


def test_the_amounts_are_those_of_the_contract() -> None:
    """All its numbers but the quantity."""

    def numbers(shape: Any) -> set[str]:
        found = set()
        for field in msgspec.structs.fields(shape):
            kind, inner = outward_type(field.type)
            found |= numbers(inner) if inner else {field.name} if kind == "number" else set()
        return found

    assert numbers(CustomerOrder) - {"quantityOrdered"} == AMOUNTS


# ---- by an answer


def found_in(answer: Any, **fields: Any) -> dict[str, str]:
    return dict(suspects_in(rules(**fields), GET_ORDER, json.dumps(answer).encode()))


MONEY = {"amount": 1245, "fractionDigits": 2}


@pytest.mark.parametrize(
    ("line", "rule", "pointer"),
    [
        ({"price": MONEY}, {"from": "/price/amount"}, "/price/fractionDigits"),
        (
            {"price": {**MONEY, "amount": "1245"}},
            {"from": "/price/amount", "as": "number"},
            "/price/fractionDigits",
        ),
        ({"unitPrice": 1245, "fraction_digits": 2}, {}, "/fraction_digits"),
        ({"price": {"amount": 1, "minorUnit": 2}}, {"from": "/price/amount"}, "/price/minorUnit"),
        ({"price": {"amount": 1, "numberOfDecimals": 2}}, {"from": "/price/amount"}, "/price/numberOfDecimals"),
        ({"price": {"amount": 1, "scale": 2}}, {"from": "/price/amount"}, "/price/scale"),
        ({"price": {"amount": -1, "precision": 3}}, {"from": "/price/amount"}, "/price/precision"),
        ({"price": {"amount": 1, "currencyExponent": 2}}, {"from": "/price/amount"}, "/price/currencyExponent"),
        (
            {"price": {"amount": 1, "decimal_places": 2}},
            {"from": "/x", "orFrom": ["/price/amount"]},
            "/price/deci",
        ),
        (
            {"prices": [{"x": 1}, MONEY]},
            {"pick": {"each": "/prices", "where": [{"from": "/x", "absent": True}]}, "from": "/amount"},
            "/fractionDigits",
        ),
    ],
)
def test_an_amount_beside_decimal_places(line: Any, rule: dict[str, Any], pointer: str) -> None:
    """The rule is named, with the pointer that `scaleFrom` needs."""
    found = found_in({"lines": [{}, None, line]}, unitPrice=rule)
    assert list(found) == [f"{ITEM}.unitPrice"]
    assert f"add `scaleFrom: {pointer}" in found[f"{ITEM}.unitPrice"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ({"price": {**MONEY, "amount": 12.45}}, {"from": "/price/amount"}),
        ({"price": {**MONEY, "amount": 0}}, {"from": "/price/amount"}),
        ({"price": {**MONEY, "fractionDigits": 0}}, {"from": "/price/amount"}),
        ({"price": {**MONEY, "fractionDigits": "two"}}, {"from": "/price/amount"}),
        ({"price": {"amount": 1245}, "fractionDigits": 2}, {"from": "/price/amount"}),
        ({"price": MONEY}, {"from": "/price/amount", "scaleFrom": "/price/fractionDigits"}),
        ({"price": MONEY}, {"from": "/price/amount", "scale": 0}),
        ({"price": [1245, 2]}, {"from": "/price/0"}),
        ({"unitPrice": 1245, "fractionDigits": 2}, {"const": 5}),
        ({"price": {"value": "20", "precision": 20}}, {"from": "/price/value", "as": "number"}),
    ],
)
def test_an_amount_beside_none(line: Any, rule: dict[str, Any]) -> None:
    """What has decimal places itself, or is scaled, or stands beside a number of none."""
    assert found_in({"lines": [line]}, unitPrice=rule) == {}


@pytest.mark.parametrize("answer", [None, [], "x", {"lines": "x"}, {"lines": {"a": MONEY}}, {"lines": [[MONEY]]}])
def test_an_answer_of_another_shape(answer: Any) -> None:
    """Nothing is suspected where nothing is found."""
    assert found_in(answer, unitPrice={"from": "/amount"}) == {}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_json(body: bytes) -> None:
    """Nor there; that it is none is said elsewhere."""
    assert suspects_in(config.Mapping(), GET_ORDER, body) == []


def test_an_answer_without_a_mapping() -> None:
    """The documented shape is looked at, too; a search has no amounts."""
    line = {"unitPrice": 1245, "fractionDigits": 2}
    body = json.dumps({"customerOrder": {"items": [line]}, "customerOrders": [line]}).encode()
    assert [field for field, _ in suspects_in(config.Mapping(), GET_ORDER, body)] == [f"{ITEM}.unitPrice"]
    assert suspects_in(config.Mapping(), SEARCH_ORDERS, body) == []


def test_lists_that_are_spread() -> None:
    """Nested lists, and members of an object, are gone through as the mapping does."""
    mapping = msgspec.convert(
        {"getOrder": {"root": "", "fields": {"items": {"each": "/a/*/b", "fields": {}}}}}, config.Mapping
    )
    body = json.dumps({"a": {"1": {"b": [{"unitPrice": 5, "decimals": 2}]}}}).encode()
    assert [field for field, _ in suspects_in(mapping, GET_ORDER, body)] == [f"{ITEM}.unitPrice"]
