"""What the fake OMS returns: the documented format, and the same orders in another one (for a mapped tenant)."""

import json
from typing import Any, Final

UNIT: Final = "store-17"
ORDER: Final = "66ABC00000000012345"
TENANT: Final = "CIR7nQwtS0rA6t0S6ejd"
ITEMS: Final = 5
ORDERS: Final = 50
CRITERIA: Final = b'{"customerId": "C-100200"}'

GET_PATH: Final = f"/business-units/{UNIT}/customer-orders/{ORDER}"
SEARCH_PATH: Final = f"/business-units/{UNIT}/customer-orders:search"
MAPPED_GET_PATH: Final = f"/rest/stores/{UNIT}/orders/{ORDER}"
MAPPED_SEARCH_PATH: Final = f"/rest/stores/{UNIT}/orders/query"


def _item(index: int) -> dict[str, Any]:
    return {
        "itemId": f"73500531{index:05}",
        "quantityOrdered": index + 1,
        "unitPrice": 249.9,
        "contributedAmount": 12.5 * (index + 1),
        "discounts": [
            {
                "discountAmount": 25.25,
                "discountId": f"SPRING-{index}",
                "discountText": "Spring sale, a quarter off",
                "rewardType": "GLOBAL_ABSOLUTE",
            }
        ],
    }


def _reference(name: str) -> dict[str, str]:
    return {"id": name, "value": f"{name}-111", "displayText": f"{name} number", "receiptLabel": f"{name} no."}


def order() -> dict[str, Any]:
    """Return the documented answer to a GET, with all optional fields, and fields that nobody documents."""
    return {
        "customerOrder": {
            "customerOrderId": ORDER,
            "customerId": "C-100200",
            "status": "CREATED",
            "minimumDownPaymentAmount": 100,
            "isLocked": False,
            "invoicePaymentInstructions": {
                "customerAccountId": "A-700",
                "invoicingAmount": 3748.5,
                "additionalInformation": [_reference("requisition"), _reference("project")],
            },
            "items": [_item(index) for index in range(ITEMS)],
            "createdAt": "2026-03-14T09:26:53.589Z",
            "channel": "WEB",
            "delivery": {"kind": "PICKUP", "name": "Ada Lovelace", "street": "Storgatan 1", "city": "Västerås"},
        }
    }


def _summary(index: int) -> dict[str, Any]:
    return {
        "customerOrderId": str(661_000_000 + index),
        "customerId": ("C-100200", "C-100201")[index % 2],
        "status": ("CREATED", "IN_PROGRESS", "FULFILLED")[index % 3],
        "createdAt": "2026-03-14T09:26:53.589Z",
        "channel": "WEB",
        "storeId": UNIT,
        "currency": "SEK",
        "totalAmount": 3748.5 + index,
        "paidAmount": 100,
        "isLocked": False,
        "itemCount": 5,
        "delivery": {"kind": "PICKUP", "name": "Ada Lovelace", "street": "Storgatan 1", "city": "Västerås"},
        "tags": ["loyalty", "gift"],
    }


def search() -> dict[str, Any]:
    """Return an answer to a search, each order with many fields that the contract has not, as an OMS sends it."""
    return {"customerOrders": [_summary(index) for index in range(ORDERS)]}


# ---- the same orders, as an OMS of another shape sends them

_STATES: Final = {"CREATED": ("open", "due"), "IN_PROGRESS": ("picking", "paid"), "FULFILLED": ("done", "paid")}
_ACCOUNTS: Final = {"C-100200": "north", "C-100201": "south"}
PLACES: Final = 2
"""Of the OMS's amounts: they are in cents."""


def _cents(amount: float) -> int:
    return round(amount * 10**PLACES)


def mapped_order() -> dict[str, Any]:
    """Return `order()` in another shape."""
    outer = order()["customerOrder"]
    invoice = outer["invoicePaymentInstructions"]
    state, payment = _STATES[outer["status"]]
    lines = [
        {
            "sku": item["itemId"],
            "qty": item["quantityOrdered"],
            "price": {"cents": _cents(item["unitPrice"])},
            "part": _cents(item["contributedAmount"]),
            "rebates": [
                {
                    "off": _cents(discount["discountAmount"]),
                    "code": discount["discountId"],
                    "name": discount["discountText"],
                    "kind": discount["rewardType"],
                }
                for discount in item["discounts"]
            ],
        }
        for item in outer["items"]
    ]
    return {
        "data": {
            "order": {
                "id": outer["customerOrderId"],
                "customer": {"number": outer["customerId"]},
                "state": state,
                "locked": "yes" if outer["isLocked"] else "no",
                "payment": {
                    "state": payment,
                    "deposit": _cents(outer["minimumDownPaymentAmount"]),
                    "invoice": {
                        "account": invoice["customerAccountId"],
                        "amount": _cents(invoice["invoicingAmount"]),
                        "references": invoice["additionalInformation"],
                    },
                },
                "lines": lines,
                **{name: outer[name] for name in ("createdAt", "channel", "delivery")},
            }
        }
    }


def mapped_search() -> dict[str, Any]:
    """Return `search()` in another shape."""
    hits = []
    for summary in search()["customerOrders"]:
        state, payment = _STATES[summary.pop("status")]
        identity = {
            "number": int(summary.pop("customerOrderId")),
            "account": _ACCOUNTS[summary.pop("customerId")],
            "state": state,
            "payment": {"state": payment},
        }
        hits.append({**identity, **summary})
    return {"hits": hits}


MAPPED_OPERATIONS: Final[dict[str, Any]] = {
    "getOrder": {"path": "/rest/stores/{businessUnitId}/orders/{customerOrderId}"},
    "searchOrders": {"path": "/rest/stores/{businessUnitId}/orders/query"},
}
_STATUS: Final = {
    "table": {
        "from": ["/state", "/payment/state"],
        "rows": [{"when": words, "value": status} for status, words in _STATES.items()],
    },
    "default": "UNKNOWN",
}


def _amount(pointer: str) -> dict[str, Any]:
    return {"from": pointer, "scale": PLACES}


MAPPING: Final[dict[str, Any]] = {
    "getOrder": {
        "root": "/data/order",
        "fields": {
            "customerOrderId": {"from": "/id"},
            "customerId": {"from": "/customer/number"},
            "status": _STATUS,
            "isLocked": {"from": "/locked", "values": {"yes": True, "no": False}},
            "minimumDownPaymentAmount": _amount("/payment/deposit"),
            "invoicePaymentInstructions": {
                "from": "/payment/invoice",
                "fields": {
                    "customerAccountId": {"from": "/account"},
                    "invoicingAmount": _amount("/amount"),
                    "additionalInformation": {"from": "/references"},
                },
            },
            "items": {
                "each": "/lines",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "quantityOrdered": {"from": "/qty"},
                    "unitPrice": _amount("/price/cents"),
                    "contributedAmount": _amount("/part"),
                    "discounts": {
                        "each": "/rebates",
                        "fields": {
                            "discountAmount": _amount("/off"),
                            "discountId": {"from": "/code"},
                            "discountText": {"from": "/name"},
                            "rewardType": {"from": "/kind"},
                        },
                    },
                },
            },
        },
    },
    "searchOrders": {
        "root": "/hits",
        "fields": {
            "customerOrderId": {"from": "/number", "as": "string"},
            "customerId": {"from": "/account", "values": {word: number for number, word in _ACCOUNTS.items()}},
            "status": _STATUS,
        },
    },
}
"""The search has two tables, and a text of a number for a scale: its orders have no amount to be scaled."""


def encoded(document: dict[str, Any]) -> bytes:
    """Return a document as JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False).encode()
