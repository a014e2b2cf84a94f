"""Which operation a sample is taken for, where nobody says it."""

import json

import msgspec
import pytest

from support.proxy.orders import ORDER, SUMMARY
from tenantproxy import config
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy.orders.preview import preview_mapping

MAPPING = compile_mapping(
    config.Mapping(
        get_order=config.OperationMapping(root="/order"), search_orders=config.SearchMapping(root="/value")
    )
)


@pytest.mark.parametrize(
    ("sample", "operation", "pointers"),
    [
        ({"order": ORDER}, "getOrder", []),
        ({"value": [SUMMARY]}, "searchOrders", []),
        ({"order": {}}, "getOrder", ["/customerOrder/customerOrderId", "/customerOrder/customerId"]),
        ({"value": [{}]}, "searchOrders", ["/customerOrders/0/customerOrderId"]),
        ({"value": SUMMARY}, "searchOrders", ["/customerOrders"]),
        ({"order": [ORDER]}, "getOrder", ["/customerOrder"]),
        ({"value": []}, "searchOrders", []),
        ({"other": []}, "getOrder", ["/customerOrder"]),
    ],
)
def test_the_operation_that_fits_best(sample: object, operation: str, pointers: list[str]) -> None:
    """The one whose root is there; else the one that has something else there."""
    preview = preview_mapping(MAPPING, json.dumps(sample).encode())
    assert preview.operation.name == operation
    assert [violation.field for violation in preview.violations][: len(pointers)] == pointers
    assert bool(preview.violations) == bool(pointers)


def test_a_criterion_is_its_placeholder() -> None:
    """Nobody searches, so that there is no other value."""
    rules = {"searchOrders": {"fields": {"customerId": {"criterion": "customerId"}}}}
    mapping = compile_mapping(msgspec.convert(rules, config.Mapping))
    sample = json.dumps({"customerOrders": [SUMMARY]}).encode()
    preview = preview_mapping(mapping, sample, criteria=["customerId"])
    assert json.loads(preview.body)["customerOrders"][0]["customerId"] == "{criteria.customerId}"
