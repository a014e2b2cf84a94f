"""Check the rules of a mapping, and the fields without one, against the schema of an OMS's response."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec import UNSET
from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.operations import Operation
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.transform import outward_type
from tenantproxy.schemas import elements, singles
from tenantproxy.schemas.findings import Finding
from tenantproxy.schemas.look import OBJECT, Look, tokens_of
from tenantproxy.schemas.places import Walk, shown
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.shapes import Node, Shape


def check_mapping(
    schemas: Schemas,
    response: Node,
    mapping: config.OperationMapping,
    operation: Operation,
    told: Collection[str] = (),
) -> list[Finding]:
    """Return what is wrong, or may be, with the mapping of an operation, whose response has a schema.

    `told` are the paths of rules whose amounts are known to look like minor units.

    Raises:
        SchemaError: What the mapping needs of the schema is broken.

    """
    walk = Walk(schemas)
    look = Look(walk, walk.place((response,)).shapes, told)
    _document(look, mapping, operation)
    return look.findings.all


def _document(look: Look, mapping: config.OperationMapping, operation: Operation) -> None:
    """Check all of an operation's rules.

    Whether the root may be absent is not looked at: what that means is for the operation's `outcomes` to say.
    """
    path = f"mapping.{operation.name}"
    rule = mapping.rule(operation)
    kind, inner = outward_type(SHAPES[operation.name])
    root = rule.each or rule.from_ or ""
    place = look.walk.follow(look.document, tokens_of(root), single=rule.as_ == "single")
    if place.missing is not None:
        look.findings.missing(f"{path}.root", root, place.missing)
        return
    if kind == "list":
        place = elements.of_lists(look, rule, path, [(f"{path}.root", root, place)], look.document)
        if place.types and not place.objects:
            return
    elif not look.is_of(place, OBJECT, f"{path}.root", root, "the order must be an object; correct the pointer"):
        return
    if place.shapes and not any(each.members or each.others or each.is_closed for each in place.objects):
        detail = f"{shown(root)} leads to what the schema says nothing about, so nothing was checked"
        look.findings.warning(f"{path}.root", detail, place.location)
    _fields(look, mapping.fields, inner, f"{path}.fields", place.objects)


def _fields(
    look: Look,
    rules: Mapping[str, config.Rule],
    shape: type[msgspec.Struct],
    path: str,
    objects: Sequence[Shape],
) -> None:
    """Check the rules for the fields of an outward object, of what the OMS's object may be."""
    for field in msgspec.structs.fields(shape):
        rule = rules.get(field.name)
        if rule is None:
            _same_field(look, field, f"{path}.{field.name}", objects)
        elif rule.const is UNSET and rule.criterion is None:
            _field(look, rule, field, f"{path}.{field.name}", objects)


def _same_field(look: Look, field: FieldInfo, path: str, objects: Sequence[Shape]) -> None:
    """Check a field without a rule: it need not be there if it is optional."""
    place = look.walk.follow(objects, [field.name])
    if place.missing is None:
        _field(look, config.Rule(), field, path, objects)
    elif field.required:
        told = place.missing._replace(detail=f"{place.missing.detail}, and the output field has no rule")
        look.findings.missing(path, f"/{field.name}", told)


def _field(look: Look, rule: config.Rule, field: FieldInfo, path: str, objects: Sequence[Shape]) -> None:
    kind, inner = outward_type(field.type)
    start = objects
    if rule.pick is not None:
        picked = elements.picked(look, rule.pick, f"{path}.pick", objects)
        if picked is None:
            return
        start = picked.shapes
    if rule.table is not None:
        singles.check_table(look, rule.table, f"{path}.table", start)
    elif rule.join is not None:
        singles.check_joined(look, rule, rule.join, field, path, start)
    elif inner is None:
        singles.check_single(look, rule, field, path, start)
    elif kind == "list":
        if of_lists := elements.of_rule(look, rule, field, path, start):
            _fields(look, rule.fields or {}, inner, f"{path}.fields", of_lists)
    else:
        pointer = f"/{field.name}" if rule.from_ is None else rule.from_
        place = look.at(start, f"{path}.from", pointer)
        if place is not None:
            look.tell_absent(rule, field, path, [place])
            fix = "the output field is an object, too; point at one"
            if look.is_of(place, OBJECT, path, pointer, fix):
                _fields(look, rule.fields or {}, inner, f"{path}.fields", place.objects)
