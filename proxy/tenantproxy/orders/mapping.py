"""Compile mapping rules, which bring the answers of an OMS of another shape to the documented one.

Compiled rules (`rules`) make a document of the documented shape out of the OMS's answer, which then passes the
same contract as an unmapped answer (`contract`): no rule can get around it.
"""

from collections.abc import Mapping

import msgspec

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders import pointers
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.orders.documents import document, nested
from tenantproxy.orders.rules.compile import RuleCompiler
from tenantproxy.orders.transform import MAX_VIOLATIONS, ContractError, Transform, outward_type
from tenantproxy.orders.weight import HeavyError, Outward, is_heavy


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
    compiled = {}
    for operation in OPERATIONS:
        contract = CONTRACTS[operation.name]
        make = _compile_operation(operation, mapping.of(operation), contract.document, errors)
        compiled[operation.name] = contract.outward if make is None else _mapped(make, contract.outward)
    if errors:
        raise MappingError(errors)
    return compiled


def _mapped(make: Transform, contract: Outward) -> Outward:
    """Return what makes the outward body by rules, and holds it to the contract."""

    def outward(body: bytes, *, at_once: bool = False) -> bytes:
        if at_once and is_heavy(body):
            raise HeavyError
        made, found = make(body)
        try:
            checked = contract(made)
        except ContractError as error:
            explained = {violation.field for violation in found}
            found += [violation for violation in error.violations if violation.field not in explained]
        if found:
            raise ContractError(found[:MAX_VIOLATIONS])
        return checked

    return outward


def _compile_operation(
    operation: Operation,
    mapping: config.OperationMapping,
    shape: type[msgspec.Struct],
    errors: list[FieldProblem],
) -> Transform | None:
    """Return what makes the outward document; its one member is made of what is at the root."""
    if mapping.root is None and not mapping.fields:
        return None
    root = operation.root if mapping.root is None else mapping.root
    tokens = pointers.parse(root, f"{operation.name}.root", errors)
    (field,) = msgspec.structs.fields(shape)
    kind, inner = outward_type(field.type)
    sources = RuleCompiler(errors).sources(mapping.fields, inner, f"{operation.name}.fields")
    return document(nested(field, kind, sources)._replace(tokens=tokens))
