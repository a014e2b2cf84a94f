"""Preview a mapping offline, on a sample of an OMS's answer."""

import codecs
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.surrogates import converted
from tenantproxy.orders.transform import NO_CRITERIA, ContractError, Criteria, UnparsableError, must_be
from tenantproxy.orders.weight import TOO_DENSE, is_too_dense

_OTHER_KIND: Final = (must_be("object"), must_be("list"))
"""What is said of a root that is there, but is something else."""


class MappingPreview(NamedTuple):
    """What the proxy would answer: the body, or the violations that make it a 502."""

    operation: Operation
    body: bytes
    violations: list[FieldProblem]
    criteria: Criteria = NO_CRITERIA
    """What was asked for."""


def preview_mapping(
    mapping: CompiledMapping, sample: bytes, operation: Operation | None = None, *, criteria: Iterable[str] = ()
) -> MappingPreview:
    """Return what the proxy would answer where the OMS answers `sample`.

    Without `operation` it is the one that fits best: its root is there, or at least something where it should be,
    then it has the fewest violations. Nobody searches, so that the value of each of the `criteria` is its
    placeholder.
    """
    asked = {name: f"{{criteria.{name}}}" for name in criteria}
    if operation is not None:
        return _preview(mapping, sample, operation, asked)
    return min((_preview(mapping, sample, candidate, asked) for candidate in OPERATIONS), key=_misfit)


def _misfit(preview: MappingPreview) -> tuple[bool, bool, int]:
    roots = ("", preview.operation.root)
    of_root = [violation.detail for violation in preview.violations if violation.field in roots]
    return bool(of_root), any(detail not in _OTHER_KIND for detail in of_root), len(preview.violations)


def _preview(mapping: CompiledMapping, sample: bytes, operation: Operation, asked: Criteria) -> MappingPreview:
    sample = sample.removeprefix(codecs.BOM_UTF8)
    if is_too_dense(sample):
        return MappingPreview(operation, b"", [FieldProblem("", TOO_DENSE)], asked)
    try:
        outward = converted(mapping[operation.name], sample, criteria=asked)
        return MappingPreview(operation, msgspec.json.format(outward, indent=2), [], asked)
    except ContractError as error:
        return MappingPreview(operation, b"", error.violations, asked)
    except UnparsableError:
        return MappingPreview(operation, b"", [FieldProblem("", "is not valid JSON")], asked)
