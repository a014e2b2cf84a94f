"""The table of operations: what follows from a row, and that every place has one for each."""

import contextlib
import re

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import GET_ORDER, OPERATIONS, ORDER_ID, SEARCH_ORDERS, Operation, fill
from tenantproxy.orders.contract import CONTRACTS, SHAPES

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


# ---- what an added operation needs


@pytest.mark.parametrize("model", [config.Operations, config.Mapping], ids=lambda model: model.__name__)
def test_the_configuration_has_each(model: type[msgspec.Struct]) -> None:
    """The configuration has a path and rules for each operation, and for nothing else."""
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(model)}
    assert fields == {operation.attribute: operation.name for operation in OPERATIONS}


def test_the_contract_has_each() -> None:
    """Each operation's answer has a shape, and no shape is left over."""
    assert set(SHAPES) == set(CONTRACTS) == {operation.name for operation in OPERATIONS}


@each_operation
def test_default_path(operation: Operation) -> None:
    """Where nothing is configured, the OMS is asked at the documented path, which is a good one."""
    path = config.Operations().of(operation).path
    assert path == operation.path
    operation.check_path(path)


@each_operation
def test_the_answer_is_at_the_root(operation: Operation) -> None:
    """The outward document has one member, which the root points at; what is read by an id begins with it."""
    (field,) = msgspec.structs.fields(CONTRACTS[operation.name].document)
    assert operation.root == f"/{field.name}"
    if operation.reads_one_order:
        assert msgspec.structs.fields(field.type)[0].name == ORDER_ID


@each_operation
def test_names_are_used_once(operation: Operation) -> None:
    """No two operations share a name, a root, or a way to be called."""
    for column in ("name", "root", "attribute"):
        assert [getattr(other, column) for other in OPERATIONS].count(getattr(operation, column)) == 1
    assert [(other.method, other.path) for other in OPERATIONS].count((operation.method, operation.path)) == 1


# ---- where an OMS serves an operation

GOOD_TEMPLATES = {
    "documented": GET_ORDER.path,
    "only the order": "/orders/{customerOrderId}",
    "within a segment": "/orders/id-{customerOrderId}.json",
    "beside each other": "/orders/{businessUnitId}:{customerOrderId}",
    "twice": "/{customerOrderId}/orders/{customerOrderId}",
    "OData": "/Orders('{customerOrderId}')",
    "trailing slash": "/orders/{customerOrderId}/",
}
BAD_TEMPLATES = {
    "empty": "",
    "no slash in front": "orders/{customerOrderId}",
    "a URL": "https://evil.example/{customerOrderId}",
    "query": "/orders?id={customerOrderId}",
    "fragment": "/orders/{customerOrderId}#x",
    "percent": "/orders%2f{customerOrderId}",
    "space": "/orders/ {customerOrderId}",
    "newline": "/orders/{customerOrderId}\n",
    "backslash": "/orders\\{customerOrderId}",
    "umlaut": "/auftr\u00e4ge/{customerOrderId}",
    "dot segment": "/orders/./{customerOrderId}",
    "dot-dot segment": "/orders/../{customerOrderId}",
    "dot-dot at the end": "/orders/{customerOrderId}/..",
    "unknown placeholder": "/orders/{customerOrderId}/{tenantId}",
    "misspelt placeholder": "/orders/{customerOrderID}",
    "empty placeholder": "/orders/{}/{customerOrderId}",
    "format placeholder": "/orders/{customerOrderId!r}",
    "attribute placeholder": "/orders/{customerOrderId.__class__}",
    "open brace": "/orders/{customerOrderId",
    "nested braces": "/orders/{{customerOrderId}}",
    "no order id": "/orders",
    "only the unit": "/business-units/{businessUnitId}/orders",
}


@pytest.mark.parametrize("template", GOOD_TEMPLATES.values(), ids=GOOD_TEMPLATES)
def test_good_operation_path(template: str) -> None:
    """An OMS may serve an order at any plain path that holds the order's id."""
    GET_ORDER.check_path(template)
    assert "{" not in fill(template, {"businessUnitId": "B", "customerOrderId": "C"})


@pytest.mark.parametrize("template", BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_bad_operation_path(template: str) -> None:
    """A path that is none, or that asks for the same thing whatever the order's id, is refused with the fix."""
    with pytest.raises(ValueError, match=r"^(is|has) .*; .*"):
        GET_ORDER.check_path(template)


@pytest.mark.parametrize(
    ("template", "good"),
    [
        (SEARCH_ORDERS.path, True),
        ("/orders/query", True),
        ("/orders/{customerOrderId}", False),
        ("/stores/{businessUnitId}/../x", False),
    ],
)
def test_search_path(template: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A search knows no order id, and need not know the business unit."""
    with contextlib.nullcontext() if good else pytest.raises(ValueError, match=";"):
        SEARCH_ORDERS.check_path(template)


def test_ids_are_not_filled_twice() -> None:
    """An id is put in as it is, even where it would look like another placeholder."""
    assert fill("/{a}/{b}", {"a": "{b}", "b": "x"}) == "/{b}/x"


def test_words_of_a_bad_path() -> None:
    """The message names every placeholder that the path may hold."""
    names = "{businessUnitId}, {customerOrderId}"
    for template, words in {
        "orders": f"is not a path; it starts with / and may hold {names}, but no query, % or space",
        "/{tenantId}": f"has the unknown placeholder {{tenantId}}; it may hold {names}",
    }.items():
        with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
            GET_ORDER.check_path(template)
