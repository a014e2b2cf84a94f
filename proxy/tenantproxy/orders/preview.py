"""Try a mapping offline, on a sample of an OMS's answer."""

from typing import Final, NamedTuple

import msgspec

from tenantproxy.api.routes import Operation
from tenantproxy.errors import FieldProblem
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.shaping import ContractError, UnparsableError
from tenantproxy.orders.weight import TOO_DENSE, is_too_dense

_ROOTS: Final[dict[Operation, str]] = {"getOrder": "/customerOrder", "searchOrders": "/customerOrders"}


class Outcome(NamedTuple):
    """What the proxy would answer: the body, or the violations that make it a 502."""

    operation: Operation
    body: bytes
    violations: list[FieldProblem]


def try_mapping(mapping: CompiledMapping, sample: bytes, operation: Operation | None = None) -> Outcome:
    """Return what the proxy would answer where the OMS answers `sample`.

    Without `operation` it is the one that fits best: its root is there, then it has the fewest violations.
    """
    if operation is not None:
        return _try(mapping, sample, operation)
    return min((_try(mapping, sample, candidate) for candidate in _ROOTS), key=_misfit)


def _misfit(outcome: Outcome) -> tuple[bool, int]:
    missing = ("", _ROOTS[outcome.operation])
    return any(violation.field in missing for violation in outcome.violations), len(outcome.violations)


def _try(mapping: CompiledMapping, sample: bytes, operation: Operation) -> Outcome:
    if is_too_dense(sample):
        return Outcome(operation, b"", [FieldProblem("", TOO_DENSE)])
    convert = mapping.get_order if operation == "getOrder" else mapping.search_orders
    try:
        return Outcome(operation, msgspec.json.format(convert(sample), indent=2), [])
    except ContractError as error:
        return Outcome(operation, b"", error.violations)
    except UnparsableError:
        return Outcome(operation, b"", [FieldProblem("", "is not valid JSON")])
