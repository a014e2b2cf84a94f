"""Preview a mapping offline, on a sample of an OMS's answer."""

import codecs
from typing import NamedTuple

import msgspec

from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.surrogates import converted
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import TOO_DENSE, is_too_dense


class MappingPreview(NamedTuple):
    """What the proxy would answer: the body, or the violations that make it a 502."""

    operation: Operation
    body: bytes
    violations: list[FieldProblem]


def preview_mapping(mapping: CompiledMapping, sample: bytes, operation: Operation | None = None) -> MappingPreview:
    """Return what the proxy would answer where the OMS answers `sample`.

    Without `operation` it is the one that fits best: its root is there, then it has the fewest violations.
    """
    if operation is not None:
        return _preview(mapping, sample, operation)
    return min((_preview(mapping, sample, candidate) for candidate in OPERATIONS), key=_misfit)


def _misfit(preview: MappingPreview) -> tuple[bool, int]:
    missing = ("", preview.operation.root)
    return any(violation.field in missing for violation in preview.violations), len(preview.violations)


def _preview(mapping: CompiledMapping, sample: bytes, operation: Operation) -> MappingPreview:
    sample = sample.removeprefix(codecs.BOM_UTF8)
    if is_too_dense(sample):
        return MappingPreview(operation, b"", [FieldProblem("", TOO_DENSE)])
    try:
        outward = converted(mapping[operation.name], sample)
        return MappingPreview(operation, msgspec.json.format(outward, indent=2), [])
    except ContractError as error:
        return MappingPreview(operation, b"", error.violations)
    except UnparsableError:
        return MappingPreview(operation, b"", [FieldProblem("", "is not valid JSON")])
