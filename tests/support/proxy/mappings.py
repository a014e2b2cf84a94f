"""Mappings as a manifest has them, and what they make of an OMS's documents."""

import contextlib
import json
import sys
from typing import Any

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.orders.mapping import CompiledMapping, MappingError, compile_mapping
from tenantproxy.orders.transform import ContractError
from tenantproxy.orders.weight import LIGHT_BYTES, Outward


def compiled(**operations: Any) -> CompiledMapping:
    """Compile what a manifest would have below `mapping`."""
    return compile_mapping(msgspec.convert(operations, config.Mapping))


def both_ways(outward: Outward, body: bytes) -> bytes:
    """Return what a mapping makes of an answer: directly, if it can, and the same in the way of large answers.

    Raises:
        ContractError: It breaks the contract.

    """
    outcomes: list[Any] = []
    for sent in (body, body + b" " * LIGHT_BYTES):
        try:
            outcomes.append(outward(sent))
        except ContractError as error:
            outcomes.append(error)
    made, other = (each.violations if isinstance(each, ContractError) else each for each in outcomes)
    assert made == other or "4 times" in str(made), "that depends on the answer's size"
    if isinstance(outcomes[0], ContractError):
        raise outcomes[0]
    return outcomes[0]  # type: ignore[no-any-return]


def mapped(document: Any, **operation: Any) -> Any:
    """Return what a GET's mapping makes of the OMS's document: the order."""
    answer = both_ways(compiled(getOrder=operation)["getOrder"], json.dumps(document).encode())
    return json.loads(answer)["customerOrder"]


def listed(document: Any, **operation: Any) -> Any:
    """Return what a search's mapping makes of the OMS's document: the orders."""
    answer = both_ways(compiled(searchOrders=operation)["searchOrders"], json.dumps(document).encode())
    return json.loads(answer)["customerOrders"]


def violations(body: Any, **operations: Any) -> dict[str, str]:
    """Return the violations, by pointer, in an answer to the one operation that has rules."""
    mapping = compiled(**operations)
    check = mapping["getOrder"] if "getOrder" in operations else mapping["searchOrders"]
    with pytest.raises(ContractError) as caught:
        both_ways(check, body if isinstance(body, bytes) else json.dumps(body).encode())
    found = caught.value.violations
    assert "MARKED" not in str(found)
    assert len({violation.field for violation in found}) == len(found)
    return dict(found)


def rule_errors(**operations: Any) -> dict[str, str]:
    """Return why a mapping can't be used, by path."""
    with pytest.raises(MappingError) as caught:
        compiled(**operations)
    assert str(caught.value).startswith("`")
    return dict(caught.value.errors)


def made(name: str, rule: dict[str, Any], members: bytes) -> bytes | None:
    """Return the bytes that a rule for a field of an order makes of an OMS's members; None: there is none."""
    body = b'{"customerOrderId": "1", "customerId": "2", "status": "3", "items": [], %b}' % members
    outward = both_ways(compiled(getOrder={"root": "", "fields": {name: rule}})["getOrder"], body)
    value = msgspec.json.decode(outward, type=dict[str, dict[str, msgspec.Raw]])["customerOrder"].get(name)
    return None if value is None else bytes(value)


def wrong(name: str, rule: dict[str, Any], members: bytes) -> str:
    """Return the violation at a field of an order, which is the only one."""
    with pytest.raises(ContractError) as caught:
        made(name, rule, members)
    ((field, detail),) = caught.value.violations
    assert field == f"/customerOrder/{name}"
    return detail


def calls(fields: dict[str, Any], members: dict[str, Any], *, only: str = "") -> int:
    """Return how many functions a mapping calls, of Python and of C, or those of one name."""
    outward = compiled(getOrder={"root": "", "fields": fields})["getOrder"]
    body = json.dumps(members, separators=(",", ":")).encode()
    count = 0

    def seen(_frame: object, event: str, function: object) -> None:
        nonlocal count
        count += event in ("call", "c_call") and (not only or getattr(function, "__name__", "") == only)

    with contextlib.suppress(ContractError):
        sys.setprofile(seen)
        try:
            outward(body)
        finally:
            sys.setprofile(None)
    return count
