"""Compile mapping rules, which bring the answers of an OMS of another shape to the documented one.

Compiled rules (`rules`) make a document of the documented shape out of the OMS's answer, which then passes the
same contract as an unmapped answer (`contract`): no rule can get around it.
"""

from collections.abc import Mapping

import msgspec

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders.contract import CONTRACTS, Contract
from tenantproxy.orders.direct import compile_direct
from tenantproxy.orders.documents import document
from tenantproxy.orders.transform import (
    MAX_VIOLATIONS,
    NO_CRITERIA,
    ContractError,
    Criteria,
    FieldSource,
    NotDirectError,
    allowed_bytes,
)
from tenantproxy.orders.weight import LIGHT_BYTES, HeavyError, Outward, is_heavy


class MappingError(ValueError):
    """Rules can't be used; `errors` name each rule by its path below `mapping`."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


CompiledMapping = Mapping[str, Outward]
"""The function that makes the outward body of the OMS's answer, by the operation's name."""


def compile_mapping(mapping: config.Mapping) -> CompiledMapping:
    """Compile the rules into functions that convert the OMS's answers to the outward shape.

    Raises:
        MappingError: A rule is contradictory, names no output field, or can't yield what its field needs.

    """
    errors: list[FieldProblem] = []
    sources = {
        operation.name: _compile_operation(
            operation, mapping.of(operation), CONTRACTS[operation.name].document, errors
        )
        for operation in OPERATIONS
    }
    if errors:
        raise MappingError(errors)
    return {
        name: CONTRACTS[name].outward if source is None else _mapped(source, CONTRACTS[name])
        for name, source in sources.items()
    }


def _mapped(source: FieldSource, contract: Contract) -> Outward:
    """Return what makes the outward body by rules, and holds it to the contract."""
    make = document(source)
    direct = compile_direct(contract, source)

    def outward(body: bytes, *, at_once: bool = False, criteria: Criteria = NO_CRITERIA) -> bytes:
        # Of a small answer alone: the growth of the other ones is counted while they are made.
        if direct is not None and len(body) <= LIGHT_BYTES:
            try:
                made = direct(body, at_once, criteria)
                if len(made) <= allowed_bytes(len(body)):
                    return made
            except (NotDirectError, msgspec.DecodeError, ValueError, RecursionError):
                pass  # whatever it is, the other way tells
        if at_once and is_heavy(body):
            raise HeavyError
        return explained(body, criteria)

    def explained(body: bytes, criteria: Criteria) -> bytes:
        made, found = make(body, criteria)
        try:
            checked = contract.outward(made)
        except ContractError as error:
            known = {violation.field for violation in found}
            found += [violation for violation in error.violations if violation.field not in known]
        if found:
            raise ContractError(found[:MAX_VIOLATIONS])
        return checked

    return outward


def _compile_operation(
    operation: Operation,
    mapping: config.OperationMapping,
    shape: type[msgspec.Struct],
    errors: list[FieldProblem],
) -> FieldSource | None:
    """Return where the outward document's one member comes from; None: there are no rules."""
    if mapping == type(mapping)():
        return None
    from tenantproxy.orders.rules.compile import RuleCompiler  # noqa: PLC0415 - 0.3 MiB, for tenants with rules

    (field,) = msgspec.structs.fields(shape)
    return RuleCompiler(operation, errors).whole(mapping.rule(operation), field)
