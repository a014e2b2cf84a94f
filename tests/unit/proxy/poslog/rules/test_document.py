"""What the OMS is told of an event: docs/poslog-document.schema.json."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from support.proxy.poslogs import parsed
from tenantproxy.config_poslog import PoslogFilter
from tenantproxy.poslog.rules.compile import Filter
from tenantproxy.poslog.rules.document import MAX_LINKS, document, number
from tenantproxy.poslog.sending import samples

DOCS: Final = Path(__file__).parents[5] / "docs"
SCHEMA: Final = jsonschema_rs.Draft202012Validator(
    json.loads((DOCS / "poslog-document.schema.json").read_bytes()), validate_formats=True
)
DAY: Final = date(2026, 11, 29)
END: Final = datetime(2026, 11, 30, 11, 15, tzinfo=UTC)


def _told(xml: str | bytes, *, training: bool = False, business_day: date | None = DAY) -> Any:
    entries = Filter(PoslogFilter(training=training)).entries(parsed(xml))
    text = document(entries, event_id="42", event_time=END, business_day=business_day)
    told = json.loads(text, parse_float=Decimal)
    SCHEMA.validate(json.loads(text))
    assert (told["eventId"], told["eventTime"]) == ("42", "2026-11-30T11:15:00Z")
    return told["orders"]


def _sample(name: str) -> Any:
    return _told(samples.sample(name, order="CO-1", business_unit="store-1", number=7, end=END))


PATH: Final = "/POSLog/Transaction/RetailTransaction/LineItem[1]/CustomerOrderForPickup/InventoryReservationID"


def test_a_pickup() -> None:
    """All that is known of it, and nothing that is not."""
    assert _sample("pickup") == [
        {
            "orderId": "CO-1",
            "kind": "picked-up",
            "rule": "pickup-completed",
            "path": PATH,
            "transaction": {
                "businessUnitId": "store-1",
                "workstationId": "3",
                "operatorId": "12",
                "receiptNumber": "7",
                "transactionId": "store-1;3;7;2026-11-30T11:15:00;7",
                "sequenceNumber": "7",
                "businessDay": "2026-11-29",
                "beginDateTime": "2026-11-30T11:14:20+00:00",
                "endDateTime": "2026-11-30T11:15:00+00:00",
                "currency": "EUR",
                "status": "Finished",
            },
            "lines": [
                {
                    "kind": "picked-up",
                    "type": "CustomerOrderForPickup",
                    "sequenceNumber": "1",
                    "itemId": "40001",
                    "quantity": 2,
                    "unit": "EA",
                    "unitPrice": Decimal("12.45"),
                    "amount": Decimal("24.90"),
                }
            ],
        }
    ]


KINDS: Final = {
    "pickup": "picked-up",
    "partial-pickup": "picked-up",
    "cancel": "cancelled",
    "return": "returned",
    "exchange": "picked-up",
    "prepayment": "paid",
    "several-orders": "picked-up",
    "undone-pickup": "voided",
}


@pytest.mark.parametrize("name", samples.ABOUT_AN_ORDER)
def test_samples_about_an_order(name: str) -> None:
    """Each is told as what it is, by the default rules."""
    orders = _sample(name)
    assert [order["orderId"] for order in orders] == ["CO-1", "CO-1-2"][: 1 + (name == "several-orders")]
    assert {order["kind"] for order in orders} == {KINDS[name]}


@pytest.mark.parametrize("name", [name for name in samples.NAMES if name not in samples.ABOUT_AN_ORDER])
def test_samples_about_none(name: str) -> None:
    """Concern none by the default rules, whatever is in them."""
    xml = samples.sample(name, order="CO-1", business_unit="store-1", number=7, end=END)
    assert Filter(PoslogFilter()).entries(parsed(xml)) == ()


def test_an_exchange_and_its_link() -> None:
    """Each line says what happened to it; the till's link to the earlier transaction comes with the order."""
    [order] = _sample("exchange")
    assert [(line["kind"], line["type"]) for line in order["lines"]] == [
        ("returned", "Return"),
        ("picked-up", "CustomerOrderForPickup"),
    ]
    assert order["lines"][0]["amount"] == Decimal("-8.00")
    assert order["links"] == [
        {"reason": "Return", "businessUnitId": "store-1", "workstationId": "3", "sequenceNumber": "1"}
    ]


LINE: Final = """<BusinessUnit><UnitID>text</UnitID></BusinessUnit><BusinessDayDate>2026-11-28</BusinessDayDate>
    <ReceiptNumber>{long}</ReceiptNumber>
    <RetailTransaction><LineItem><Property TypeCode="a"><b/></Property>
    <Sale><SpecialOrderNumber>7</SpecialOrderNumber><RegularSalesUnitPrice>2.10</RegularSalesUnitPrice>
    <ActualSalesUnitPrice>{price}</ActualSalesUnitPrice><ExtendedAmount>{amount}</ExtendedAmount></Sale>
    {links}</LineItem></RetailTransaction>"""


def test_what_is_missing_or_unusable_is_left_out() -> None:
    """The order is told all the same."""
    [order] = _told(LINE.format(long="1" * 257, price="n/a", amount="2,10", links=""), business_day=None)
    assert order["transaction"] == {"businessUnitId": "text", "businessDay": "2026-11-28"}
    assert order["lines"] == [{"kind": "picked-up", "type": "Sale", "unitPrice": Decimal("2.10")}]
    assert "links" not in order


def test_many_links() -> None:
    """Up to a number are looked at, and told once each."""
    link = "<TransactionLink><TransactionID>{}</TransactionID></TransactionLink>"
    links = "<X>" + "".join(link.format(number // 2) for number in range(200)) + "</X>"
    [order] = _told(LINE.format(long="", price="", amount="", links=links))
    assert [each["transactionId"] for each in order["links"]] == [f"{at}" for at in range(MAX_LINKS // 2)]


def test_training_is_told() -> None:
    """Where it counts at all."""
    xml = samples.sample("training", order="CO-1", business_unit="store-1", number=7, end=END)
    [order] = _told(xml, training=True)
    assert order["transaction"]["training"] is True


_DIGITS: Final = st.text("0123456789", max_size=30)


@given(sign=st.sampled_from(["", "+", "-"]), whole=_DIGITS, places=st.none() | _DIGITS)
def test_numbers_are_exact(sign: str, whole: str, places: str | None) -> None:
    """Each decimal of XML Schema is one in JSON, of the same value and with the same places."""
    assume(whole or places)
    text = f"{sign}{whole}" if places is None else f"{sign}{whole}.{places}"
    found = number(text)
    assert isinstance(found, Raw)
    written = bytes(found).decode()
    read = json.loads(written, parse_float=Decimal, parse_int=Decimal)
    assert read == Decimal(text)
    assert written.partition(".")[2] == text.partition(".")[2]


@pytest.mark.parametrize("text", ["", "+", "-", ".", "1e5", "NaN", "INF", "1,5", "0x1", "\u0661", "1 0", "9" * 41])
def test_what_is_no_number(text: str) -> None:
    """And a number that is longer than any amount."""
    assert number(text) is UNSET
