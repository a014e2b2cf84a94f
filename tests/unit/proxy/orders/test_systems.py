"""Orders in the shapes of real order systems, with the rules that bring them to the documented one."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy.orders.minor_units import suspects

CASES: Final = Path(__file__).parents[3] / "cases" / "mapping"

NUMBER: Final = {"as": "number"}
RULES: Final[dict[str, dict[str, Any]]] = {
    "commercetools": {
        "root": "",
        "fields": {
            "customerOrderId": {"from": "/orderNumber"},
            "customerId": {"from": "/customerId", "default": "guest"},
            "status": {"from": "/orderState", "values": {"Open": "CREATED", "Complete": "FULFILLED"}},
            "items": {
                "each": "/lineItems",
                "fields": {
                    "itemId": {"from": "/variant/sku"},
                    "quantityOrdered": {"from": "/quantity"},
                    "unitPrice": {
                        "from": "/price/value/preciseAmount",
                        "orFrom": ["/price/value/centAmount"],
                        "scaleFrom": "/price/value/fractionDigits",
                    },
                },
            },
        },
    },
    "ofbiz": {
        "root": "/data",
        "fields": {
            "customerOrderId": {"from": "/orderHeader/orderId"},
            "customerId": {
                "pick": {"each": "/orderRoles", "where": [{"from": "/roleTypeId", "in": ["PLACING_CUSTOMER"]}]},
                "from": "/partyId",
            },
            "status": {"from": "/orderHeader/statusId", "values": {"ORDER_APPROVED": "IN_PROGRESS"}},
            "items": {
                "each": "/orderItems",
                "fields": {"itemId": {"from": "/productId"}, "quantityOrdered": {"from": "/quantity"}},
            },
        },
    },
    "sfcc-ocapi": {
        "root": "",
        "fields": {
            "customerOrderId": {"from": "/order_no"},
            "customerId": {"from": "/customer_info/customer_no", "default": "guest"},
            "status": {"from": "/status", "values": {"created": "CREATED", "new": "CREATED"}},
            "items": {
                "each": "/product_items",
                "fields": {
                    "itemId": {"from": "/product_id"},
                    "quantityOrdered": {"from": "/quantity"},
                    "unitPrice": {"from": "/base_price"},
                    "discounts": {
                        "each": "/price_adjustments",
                        "fields": {
                            "discountAmount": {"from": "/price", "negate": True},
                            "discountId": {"from": "/promotion_id"},
                            "discountText": {"from": "/item_text"},
                            "rewardType": {"const": "GLOBAL_ABSOLUTE"},
                        },
                    },
                },
            },
        },
    },
    "shopify": {
        "root": "/order",
        "fields": {
            "customerOrderId": {"from": "/id", "as": "string"},
            "customerId": {"from": "/customer/id", "as": "string", "default": "guest"},
            "status": {
                "from": "/fulfillment_status",
                "values": {"partial": "IN_PROGRESS", "fulfilled": "FULFILLED"},
                "default": "CREATED",
            },
            "items": {
                "each": "/line_items",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "quantityOrdered": {"from": "/quantity"},
                    "unitPrice": {"from": "/price", **NUMBER},
                    "discounts": {
                        "each": "/discount_allocations",
                        "fields": {"discountAmount": {"from": "/amount", **NUMBER}},
                    },
                },
            },
        },
    },
    "sterling": {
        "root": "",
        "fields": {
            "customerOrderId": {"from": "/OrderNo"},
            "customerId": {"from": "/BillToID", "default": "guest"},
            "status": {"from": "/MaxOrderStatus", "values": {"1100": "CREATED"}, "default": "IN_PROGRESS"},
            "items": {
                "each": "/OrderLines/OrderLine",
                "as": "single",
                "fields": {
                    "itemId": {"from": "/Item/ItemID"},
                    "quantityOrdered": {"from": "/OrderedQty", **NUMBER},
                    "unitPrice": {"from": "/LinePriceInfo/UnitPrice", **NUMBER},
                },
            },
        },
    },
    "vtex": {
        "root": "",
        "fields": {
            "customerOrderId": {"from": "/orderId"},
            "customerId": {"from": "/clientProfileData/userProfileId", "default": "guest"},
            "status": {"from": "/status", "values": {"payment-pending": "CREATED"}, "default": "IN_PROGRESS"},
            "items": {
                "each": "/items",
                "fields": {
                    "itemId": {"from": "/id"},
                    "quantityOrdered": {"from": "/quantity"},
                    "unitPrice": {"from": "/sellingPrice", "scale": 2},
                },
            },
        },
    },
    "woocommerce": {
        "root": "",
        "fields": {
            "customerOrderId": {"from": "/number"},
            "customerId": {"from": "/customer_id", "as": "string"},
            "status": {"from": "/status", "values": {"pending": "CREATED", "processing": "IN_PROGRESS"}},
            "items": {
                "each": "/line_items",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "quantityOrdered": {"from": "/quantity"},
                    "unitPrice": {"from": "/price"},
                },
            },
        },
    },
}


def exact(body: bytes) -> Any:
    """Return JSON with its numbers as exact decimals."""
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


@pytest.mark.parametrize("system", [case.name for case in sorted(CASES.iterdir())])
def test_an_order_of_a_system(system: str) -> None:
    """It becomes the documented order, and every amount the number that is meant."""
    case = CASES / system
    mapping = msgspec.convert({"getOrder": RULES[system]}, config.Mapping)
    outward = compile_mapping(mapping)["getOrder"]((case / "answer.json").read_bytes())
    assert exact(outward) == exact((case / "expected.json").read_bytes())
    assert not suspects(mapping)
