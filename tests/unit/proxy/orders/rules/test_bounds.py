"""Whatever an OMS answers, the work that rules cause grows with the answer's size, and not faster."""

from collections.abc import Callable
from typing import Any

import pytest

from support.proxy.mappings import calls

ORDER: dict[str, Any] = {"customerOrderId": "1", "customerId": "2", "status": "3"}
CONSTANTS: dict[str, Any] = {"itemId": {"const": "I"}, "quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}


def items(each: str, fields: dict[str, Any] | None = None, **rule: Any) -> dict[str, Any]:
    return {"items": {"each": each, "fields": {**CONSTANTS, **(fields or {})}, **rule}}


def relating(within: str) -> dict[str, Any]:
    return {"pick": {"each": "/p", "within": within, "where": [{"from": "/id", "sameAs": "/id"}]}, "from": "/id"}


RELATED = {
    "each": "/p",
    "within": "document",
    "where": [{"from": "/id", "sameAs": "/id"}],
    "fields": {"discountId": {"from": "/id"}},
}
ROWS = [{"when": when, "value": "A"} for when in (["*", "*", "*"], ["1", "2", "3"], ["1", "*", "*"])]
NUMBER = {"from": "/a", "as": "number", "scaleFrom": "/b", "negate": True}

WORK: dict[str, tuple[dict[str, Any], Callable[[int], Any]]] = {
    "elements": (items("/l/*"), lambda size: {"l": [{"a": 1}] * size}),
    "members": (items("/l/*"), lambda size: {"l": {str(index): {"a": index} for index in range(size)}}),
    "nested lists": (items("/l/*/*"), lambda size: {"l": [[{"a": 1}, {"a": 2}]] * size}),
    "nested objects": (items("/l/*/a/*/b"), lambda size: {"l": [{"a": {"x": {"b": [{"c": 1}]}}}] * size}),
    "lists of nothing": (items("/l/*/a/*"), lambda size: {"l": [{"a": []}] * size}),
    "conditions": (items("/l", where=[{"from": "/a", "in": ["2"]}]), lambda size: {"l": [{"a": 1}] * size}),
    "related elements": (
        items("/l", {"itemId": relating("document")}),
        lambda size: {name: [{"id": str(index)} for index in range(size)] for name in "lp"},
    ),
    "one related element": (
        items("/l", {"itemId": relating("document")}),
        lambda size: {"l": [{"id": "1"}] * size, "p": [{"id": "1"}] * size},
    ),
    "relations to nothing": (
        items("/l", {"itemId": {**relating("document"), "default": "x"}}),
        lambda size: {"l": [{"id": str(index)} for index in range(size)], "p": [{"id": "x"}] * size},
    ),
    "related elements within": (
        items("/l", {"itemId": {**relating("object"), "default": "x"}}),
        lambda size: {"l": [{"id": 7, "p": [{"id": 1}, {"id": 7}]}] * size},
    ),
    "a list to pick from": (
        {"customerId": {**relating("object"), "default": "x"}, "items": {"const": []}},
        lambda size: {"id": 1, "p": [{"id": 2}] * size},
    ),
    "several lists": (
        items("/l", andEach=["/m"]),
        lambda size: {name: [{"a": 1}] * size for name in "lm"},
    ),
    "elements of each object": (
        items("/l", {"discounts": RELATED}),
        lambda size: {name: [{"id": str(index)} for index in range(size)] for name in "lp"},
    ),
    "elements of no object": (
        items("/l", {"discounts": RELATED}),
        lambda size: {"l": [{"id": str(index)} for index in range(size)], "p": [{"id": "x"}] * size},
    ),
    "tables": (
        items("/l", {"itemId": {"table": {"from": ["/a", "/b", "/c"], "rows": ROWS}}}),
        lambda size: {"l": [{"a": 1, "b": 2, "c": 3}] * size},
    ),
    "joins": (
        items("/l", {"itemId": {"join": {"from": ["/a"] * 8}, "as": "string", "part": {"before": "1"}}}),
        lambda size: {"l": [{"a": 1}] * size},
    ),
    "numbers": (items("/l", {"unitPrice": NUMBER}), lambda size: {"l": [{"a": "1245", "b": 2}] * size}),
}


@pytest.mark.parametrize(("fields", "members"), WORK.values(), ids=WORK)
def test_work_grows_with_size_only(fields: dict[str, Any], members: Callable[[int], Any]) -> None:
    """Counted in calls: twice as much of everything is twice the work."""
    once, twice = (calls(fields, {**ORDER, **members(size)}) for size in (100, 200))
    assert 100 < once < twice < 2.1 * once
