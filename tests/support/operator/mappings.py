"""A mapping that has every word of the vocabulary."""

from typing import Any, Final

EVERY_WORD: Final[dict[str, Any]] = {
    "getOrder": {
        "root": "/data",
        "fields": {
            "customerOrderId": {"join": {"from": ["/store", "/number"], "with": "-"}},
            "customerId": {
                "pick": {"each": "/roles", "where": [{"from": "/type", "in": ["CUSTOMER"]}], "within": "object"},
                "from": "/id",
                "orFrom": ["/party/id", "/email"],
                "nullIf": ["", "0"],
                "as": "string",
                "part": {"afterLast": "/", "before": ":"},
                "default": "guest",
            },
            "status": {
                "table": {
                    "from": ["/paid", "/shipped"],
                    "rows": [
                        {"when": ["true", "5"], "value": "FULFILLED"},
                        {"when": [None, "5"], "value": "CANCELLED"},
                        {"when": ["*", "*"], "value": "CREATED"},
                    ],
                },
                "default": "CREATED",
            },
            "minimumDownPaymentAmount": {"from": "/deposit", "as": "number", "scale": 2, "negate": True},
            "isLocked": {"from": "/locked", "values": {"1": True, "0": None}, "default": None},
            "invoicePaymentInstructions": {
                "from": "/invoice",
                "fields": {
                    "invoicingAmount": {"from": "/cents", "scaleFrom": "1/digits"},
                    "additionalInformation": {
                        "each": "/references/*",
                        "fields": {
                            "id": {
                                "pick": {
                                    "each": "/included",
                                    "within": "document",
                                    "where": [
                                        {"from": "/id", "sameAs": "/reference"},
                                        {"from": "/deleted", "absent": True},
                                    ],
                                },
                                "from": "/code",
                            },
                            "value": {"from": "/text", "part": {"after": "ref:"}},
                        },
                    },
                },
            },
            "items": {
                "each": "/shipments/*/items",
                "andEach": ["/pickups/*/items"],
                "within": "object",
                "as": "single",
                "where": [
                    {"from": "/parent", "absent": True},
                    {"from": "/type", "in": ["product", "7"]},
                    {"from": "/state", "notIn": ["canceled"]},
                ],
                "fields": {
                    "contributedAmount": {"const": 0},
                    "discounts": {
                        "each": "/adjustments",
                        "within": "document",
                        "where": [{"from": "/amount", "absent": False}, {"from": "/line", "sameAs": "/number"}],
                        "fields": {
                            "discountAmount": {"from": "/amount", "negate": True, "scale": 0},
                            "rewardType": {"const": None},
                        },
                    },
                },
            },
        },
    },
    "searchOrders": {
        "root": "",
        "as": "single",
        "where": [{"from": "/draft", "absent": True}, {"from": "/state", "notIn": ["7"]}],
        "fields": {
            "customerOrderId": {"from": "/id", "as": "string"},
            "customerId": {"criterion": "customerId", "default": "unknown"},
        },
    },
}
