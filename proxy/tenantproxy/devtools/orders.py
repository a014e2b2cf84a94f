"""Customer orders as a tenant's OMS would hold them, generated from a seed.

Every documented field occurs, and `CO-1001` has them all. Beside them stand internal fields, as a real OMS
has them: a proxy must not let those out. Amounts are kept as JSON text, so that the notations an OMS may use
(`0.1`, `1e3`, twenty digits) leave here byte for byte.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

FIRST_NUMBER: Final = 1001
STATUSES: Final = ("CREATED", "IN_PROGRESS", "CANCELLED", "FULFILLED")

_ORDERS_PER_CUSTOMER: Final = 3
_ODD_AMOUNTS: Final = (b"0.1", b"1e3", b"1234567.123456789012345", b"12345678901234567890", b"100.00", b"0")
_ARTICLES: Final = ("hammer", "saw", "paint-white-10l", "screws-5x60", "plank-oak-2m", "drill-18v")


class Order(NamedTuple):
    """One order: its keys, and the JSON objects that the two read operations answer."""

    order_id: str
    customer_id: str
    document: msgspec.Raw
    summary: msgspec.Raw


def generate(count: int, *, seed: int) -> Iterator[Order]:
    """Yield `count` orders from `CO-1001` on; the same seed gives the same bytes."""
    for index in range(count):
        # One generator per order: an order stays the same when more are asked for.
        yield _order(index, Random(f"{seed}/{index}"))  # noqa: S311 - nothing here is a secret


def _order(index: int, random: Random) -> Order:
    keys: dict[str, Any] = {
        "customerOrderId": f"CO-{FIRST_NUMBER + index}",
        "customerId": str(111 + index // _ORDERS_PER_CUSTOMER),
        "status": STATUSES[index % len(STATUSES)],
    }
    internal = {"internalMargin": _amount(random, 99), "assignedWorker": f"worker-{random.randint(1, 9)}"}
    document = keys | _optional_fields(index, random) | internal
    document["items"] = [_item(line, index, random) for line in range(3 if index == 0 else random.randint(1, 5))]
    return Order(
        order_id=keys["customerOrderId"],
        customer_id=keys["customerId"],
        document=msgspec.Raw(msgspec.json.encode(document)),
        summary=msgspec.Raw(msgspec.json.encode(keys | internal)),
    )


def _optional_fields(index: int, random: Random) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if index % 2 == 0:
        fields["minimumDownPaymentAmount"] = _amount(random)
    if index % 3 == 0:
        fields["isLocked"] = random.random() < 0.2  # noqa: PLR2004 - one in five
    if index % 4 == 0:
        fields["invoicePaymentInstructions"] = _invoice(index, random)
    elif index % 4 == 1:
        # Many an OMS says "not set" with a null.
        fields["invoicePaymentInstructions"] = None
    return fields


def _invoice(index: int, random: Random) -> dict[str, Any]:
    invoice: dict[str, Any] = {
        "customerAccountId": f"account-{random.randint(100, 999)}",
        "invoicingAmount": _amount(random),
    }
    if index % 8 == 0:
        invoice["additionalInformation"] = [
            {
                "id": "requisition",
                "value": str(random.randint(100, 999)),
                "displayText": "Requisition number",
                "receiptLabel": "Requisition number",
            }
        ]
    return invoice


def _item(line: int, index: int, random: Random) -> dict[str, Any]:
    item: dict[str, Any] = {
        "itemId": random.choice(_ARTICLES),
        "quantityOrdered": random.randint(1, 20),
        # The first order shows one notation after the other.
        "unitPrice": msgspec.Raw(_ODD_AMOUNTS[line]) if index == 0 else _amount(random),
        "costPrice": _amount(random, 99),
    }
    if (line + index) % 3 == 0:
        item["contributedAmount"] = _amount(random, 9)
        item["discounts"] = [
            {
                "discountAmount": _amount(random, 9),
                "discountId": f"discount-{random.randint(1, 50)}",
                "discountText": "Spring sale",
                "rewardType": "GLOBAL_ABSOLUTE",
            }
        ]
    return item


def _amount(random: Random, most: int = 999) -> msgspec.Raw:
    if random.random() < 0.1:  # noqa: PLR2004 - one in ten is written in an unusual way
        return msgspec.Raw(random.choice(_ODD_AMOUNTS))
    return msgspec.Raw(b"%d.%02d" % (random.randint(1, most), random.randint(0, 99)))
