"""The table of operations: what follows from a row, and that every place has one for each."""

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import OPERATIONS, ORDER_ID, Operation
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
    """Where nothing is configured, the OMS is asked at the documented path, by the documented method."""
    endpoint = config.Operations().of(operation)
    assert (endpoint.method, endpoint.path) == (operation.method, operation.path)


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
