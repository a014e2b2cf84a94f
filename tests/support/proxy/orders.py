"""Answers of an OMS in the documented shape, and changes of them."""

import copy
import json
from typing import Any

ORDER: dict[str, Any] = {
    "customerOrderId": "CO-1",
    "customerId": "C-1",
    "status": "CREATED",
    "items": [
        {
            "itemId": "I-1",
            "quantityOrdered": 2,
            "unitPrice": 9.5,
            "contributedAmount": 1,
            "discounts": [
                {
                    "discountAmount": 1.5,
                    "discountId": "D-1",
                    "discountText": "Summer",
                    "rewardType": "GLOBAL_ABSOLUTE",
                }
            ],
        }
    ],
    "minimumDownPaymentAmount": 100,
    "isLocked": False,
    "invoicePaymentInstructions": {
        "customerAccountId": "A-1",
        "invoicingAmount": 100,
        "additionalInformation": [
            {"id": "requisition", "value": "111", "displayText": "Requisition number", "receiptLabel": "Req. no."}
        ],
    },
}
"""An order with every documented field."""

SUMMARY: dict[str, Any] = {"customerOrderId": "CO-1", "customerId": "C-1", "status": "CREATED"}

REQUIRED = (
    "customerOrderId",
    "customerId",
    "status",
    "items",
    "items/0/itemId",
    "items/0/quantityOrdered",
    "items/0/unitPrice",
    "invoicePaymentInstructions/customerAccountId",
    "invoicePaymentInstructions/invoicingAmount",
    "invoicePaymentInstructions/additionalInformation/0/id",
    "invoicePaymentInstructions/additionalInformation/0/value",
    "invoicePaymentInstructions/additionalInformation/0/displayText",
    "invoicePaymentInstructions/additionalInformation/0/receiptLabel",
)
OPTIONAL = (
    "minimumDownPaymentAmount",
    "isLocked",
    "invoicePaymentInstructions",
    "invoicePaymentInstructions/additionalInformation",
    "items/0/contributedAmount",
    "items/0/discounts",
    "items/0/discounts/0/discountAmount",
    "items/0/discounts/0/discountId",
    "items/0/discounts/0/discountText",
    "items/0/discounts/0/rewardType",
)
AMOUNTS = (
    "minimumDownPaymentAmount",
    "invoicePaymentInstructions/invoicingAmount",
    "items/0/quantityOrdered",
    "items/0/unitPrice",
    "items/0/contributedAmount",
    "items/0/discounts/0/discountAmount",
)
STRINGS = (
    *("customerOrderId", "customerId", "status", "items/0/itemId"),
    *(f"items/0/discounts/0/{name}" for name in ("discountId", "discountText", "rewardType")),
    *(f"invoicePaymentInstructions/{name}" for name in ("customerAccountId",)),
    *(
        f"invoicePaymentInstructions/additionalInformation/0/{name}"
        for name in ("id", "value", "displayText", "receiptLabel")
    ),
)
LISTS = ("items", "items/0/discounts", "invoicePaymentInstructions/additionalInformation")
OBJECTS = (
    "",
    "invoicePaymentInstructions",
    "items/0",
    "items/0/discounts/0",
    "invoicePaymentInstructions/additionalInformation/0",
)
_MARK = '"@@"'


def changed(document: Any, pointer: str, value: Any) -> Any:
    """Return a copy with another value at a pointer without the leading slash; `...` removes what is there."""
    if not pointer:
        return value
    result = copy.deepcopy(document)
    *above, last = pointer.split("/")
    place = result
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return result


def order_body(order: Any = None) -> bytes:
    """Return the body of an answer to a GET."""
    return json.dumps({"customerOrder": ORDER if order is None else order}).encode()


def search_body(*summaries: Any) -> bytes:
    """Return the body of an answer to a search."""
    return json.dumps({"customerOrders": list(summaries)}).encode()


def with_token(pointer: str, token: bytes) -> bytes:
    """Return the body of a GET with raw bytes in the place of a value of the order."""
    return order_body(changed(ORDER, pointer, "@@")).replace(_MARK.encode(), token)
