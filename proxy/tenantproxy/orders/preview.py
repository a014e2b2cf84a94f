"""Try a mapping offline, on a sample of an OMS's answer."""

from typing import NamedTuple

import msgspec

from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import TOO_DENSE, is_too_dense


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
    return min((_try(mapping, sample, candidate) for candidate in OPERATIONS), key=_misfit)


def _misfit(outcome: Outcome) -> tuple[bool, int]:
    missing = ("", outcome.operation.root)
    return any(violation.field in missing for violation in outcome.violations), len(outcome.violations)


def _try(mapping: CompiledMapping, sample: bytes, operation: Operation) -> Outcome:
    if is_too_dense(sample):
        return Outcome(operation, b"", [FieldProblem("", TOO_DENSE)])
    try:
        return Outcome(operation, msgspec.json.format(mapping[operation.name](sample), indent=2), [])
    except ContractError as error:
        return Outcome(operation, b"", error.violations)
    except UnparsableError:
        return Outcome(operation, b"", [FieldProblem("", "is not valid JSON")])
