"""Check the rules of a mapping, and the fields without one, against the schema of an OMS's response."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.operations import Operation
from tenantproxy.orders import minor_units, pointers
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.rules.table import ANY
from tenantproxy.orders.transform import KIND_NAMES, outward_type
from tenantproxy.schemas.conditions import NUMBERS, SINGLE, check_single, check_words, kept
from tenantproxy.schemas.findings import Finding, Findings
from tenantproxy.schemas.listed import check_listed
from tenantproxy.schemas.places import Place, Walk, pointer_of, shown, shown_types
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.shapes import Node, Shape

_KINDS: Final = {"string": frozenset(("string",)), "number": NUMBERS, "boolean": frozenset(("boolean",))}
_OBJECT: Final = frozenset(("object",))


def check_mapping(
    schemas: Schemas, response: Node, mapping: config.OperationMapping, operation: Operation
) -> list[Finding]:
    """Return what is wrong, or may be, with the mapping of an operation, whose response has a schema.

    Raises:
        SchemaError: What the mapping needs of the schema is broken.

    """
    check = _Check(Walk(schemas))
    check.document(response, mapping, operation)
    return check.findings.all


class _Check:
    """One pass over the rules of an operation."""

    def __init__(self, walk: Walk) -> None:
        self.findings = Findings()
        self._walk = walk
        self._document: Sequence[Shape] = ()

    def document(self, response: Node, mapping: config.OperationMapping, operation: Operation) -> None:
        """Check all of an operation's rules.

        Whether the root may be absent is not looked at: what that means is for the operation's `outcomes` to say.
        """
        path = f"mapping.{operation.name}"
        self._document = self._walk.place((response,)).shapes
        root = operation.root if mapping.root is None else mapping.root
        place = self._walk.follow(self._document, _tokens(root))
        if place.missing is not None:
            self.findings.missing(f"{path}.root", root, place.missing)
            return
        kind, inner = outward_type(SHAPES[operation.name])
        if kind == "list":
            place = self._elements(place, f"{path}.root", root)
        if not self._is_of(
            place, _OBJECT, f"{path}.root", root, "the order must be an object; correct the pointer"
        ):
            return
        if place.shapes and not any(each.members or each.others or each.is_closed for each in place.objects):
            detail = f"{shown(root)} leads to what the schema says nothing about, so nothing was checked"
            self.findings.warning(f"{path}.root", detail, place.location)
        self._fields(mapping.fields, inner, f"{path}.fields", place.objects)

    def _fields(
        self, rules: Mapping[str, config.Rule], shape: type[msgspec.Struct], path: str, objects: Sequence[Shape]
    ) -> None:
        """Check the rules for the fields of an outward object, of what the OMS's object may be."""
        for field in msgspec.structs.fields(shape):
            rule = rules.get(field.name)
            if rule is None:
                self._same_field(field, f"{path}.{field.name}", objects)
            elif rule.const is UNSET:
                self._field(rule, field, f"{path}.{field.name}", objects)

    def _same_field(self, field: FieldInfo, path: str, objects: Sequence[Shape]) -> None:
        """Check a field without a rule: it need not be there if it is optional."""
        place = self._walk.follow(objects, [field.name])
        if place.missing is None:
            self._field(config.Rule(), field, path, objects)
        elif field.required:
            told = place.missing._replace(detail=f"{place.missing.detail}, and the output field has no rule")
            self.findings.missing(path, f"/{field.name}", told)

    def _field(self, rule: config.Rule, field: FieldInfo, path: str, objects: Sequence[Shape]) -> None:
        kind, inner = outward_type(field.type)
        start = objects
        if rule.pick is not None:
            elements = self._picked(rule.pick, f"{path}.pick", objects)
            if elements is None:
                return
            start = elements.shapes
        if rule.table is not None:
            self._table(rule.table, f"{path}.table", start)
        elif rule.join is not None:
            self._joined(rule, rule.join, field, path, start)
        elif inner is None:
            self._single(rule, field, path, start)
        elif kind == "list":
            self._list(rule, field, path, start)
        else:
            pointer = f"/{field.name}" if rule.from_ is None else rule.from_
            place = self._at(start, f"{path}.from", pointer)
            if place is not None:
                self._tell_absent(rule, field, path, [place])
                fix = "the output field is an object, too; point at one"
                if self._is_of(place, _OBJECT, path, pointer, fix):
                    self._fields(rule.fields or {}, inner, f"{path}.fields", place.objects)

    # ---- single values

    def _single(self, rule: config.Rule, field: FieldInfo, path: str, start: Sequence[Shape]) -> None:
        kind, _ = outward_type(field.type)
        given = [(path, f"/{field.name}") if rule.from_ is None else (f"{path}.from", rule.from_)]
        given += [(f"{path}.orFrom[{index}]", pointer) for index, pointer in enumerate(rule.or_from)]
        places = []
        for where, pointer in given:
            place = self._walk.follow(start, _tokens(pointer))
            places.append(place)
            if place.missing is not None:
                self.findings.missing(where, pointer, place.missing)
                continue
            fix = f"the output field is {KIND_NAMES[kind]}; {_fix(rule, kind, place)}"
            if self._is_of(place, _accepted(rule, kind), where, pointer, fix):
                check_listed(self.findings, rule, path, place)
            if field.name in minor_units.AMOUNTS and minor_units.is_unscaled(rule):
                self._minor_units(where, _tokens(pointer), place, start)
        check_words(self.findings, f"{path}.values", rule.values if rule.values and not rule.part else (), places)
        if rule.scale_from is not None:
            self._scale(f"{path}.scaleFrom", rule.scale_from, start)
        self._tell_absent(rule, field, path, places)

    def _scale(self, path: str, pointer: str, start: Sequence[Shape]) -> None:
        place = self._at(start, path, pointer)
        if place is not None:
            fix = "the number of decimal places must be a number, or a text that is one"
            self._is_of(place, NUMBERS | {"string"}, path, pointer, fix)
            *above, name = _tokens(pointer)
            if self._walk.follow(self._walk.follow(start, above).shapes, [name]).absent:
                detail = (
                    f"{shown(pointer)} may be absent or null, which an amount does not bear; have the OMS send it"
                )
                self.findings.warning(path, detail, place.location)

    def _minor_units(self, path: str, tokens: Sequence[str], place: Place, start: Sequence[Shape]) -> None:
        """Tell of an amount that is taken as it is, and looks like minor units by more than its name."""
        *above, name = tokens
        beside = self._walk.follow(start, above)
        places = [each for shape in beside.shapes for each in shape.members if minor_units.tells_places(each)]
        places = [each for each in places if each != name]
        if places:
            pointer = shown(pointer_of([*above, places[0]]))
            detail = f"takes an amount as it is, beside {pointer}, which looks like its number of decimal places; "
            detail += "add `scaleFrom` with that pointer, or `scale: 0` if it is in major units"
            self.findings.warning(path, detail, place.location)
        elif place.types == {"integer"} and not any(map(minor_units.is_minor, tokens)):
            detail = "takes an amount as it is from an integer, which looks like minor units; add `scale: 2`, or "
            self.findings.warning(path, f"{detail}`scale: 0` if it is none", place.location)

    def _joined(
        self, rule: config.Rule, join: config.Join, field: FieldInfo, path: str, start: Sequence[Shape]
    ) -> None:
        accepted = SINGLE if rule.as_ == "string" else _KINDS["string"]
        for index, pointer in enumerate(join.from_):
            where = f"{path}.join.from[{index}]"
            place = self._at(start, where, pointer)
            if place is not None:
                fix = f"`join` makes texts; {_fix(rule, 'string', place)}"
                self._is_of(place, accepted, where, pointer, fix)
                self._tell_absent(rule, field, where, [place])

    def _table(self, table: config.Table, path: str, start: Sequence[Shape]) -> None:
        """Check a table, which always has a value for what no row names."""
        for column, pointer in enumerate(table.from_):
            place = self._at(start, f"{path}.from[{column}]", pointer)
            if place is not None:
                check_single(self.findings, f"{path}.from[{column}]", pointer, place)
                words = dict.fromkeys(word for row in table.rows if (word := row.when[column]) not in (ANY, None))
                check_words(self.findings, f"{path}.rows", words, [place])

    # ---- lists

    def _list(self, rule: config.Rule, field: FieldInfo, path: str, start: Sequence[Shape]) -> None:
        _, inner = outward_type(field.type)
        where = path if rule.each is rule.from_ is None else f"{path}.{'from' if rule.each is None else 'each'}"
        pointer = next(at for at in (rule.each, rule.from_, f"/{field.name}") if at is not None)
        single = rule.as_ == "single"
        place = self._at(start, where, pointer, single=single)
        if place is None:
            return
        self._tell_absent(rule, field, path, [place])
        if _tokens(pointer)[-1:] != [pointers.EVERY]:
            place = self._elements(place, where, pointer, single=single)
        place = kept(self._walk, self.findings, rule.where, f"{path}.where", place, ())
        if _tokens(pointer)[-1:] != [pointers.EVERY]:
            pointer += f"/{pointers.EVERY}"
        if self._is_of(place, _OBJECT, where, pointer, "the elements must be objects; correct the pointer"):
            self._fields(rule.fields or {}, inner, f"{path}.fields", place.objects)

    def _picked(self, pick: config.Pick, path: str, objects: Sequence[Shape]) -> Place | None:
        """Return what the picked element may be; None: the schema has no such list."""
        start = self._document if pick.within == "document" else objects
        place = self._at(start, f"{path}.each", pick.each)
        if place is None:
            return None
        if pointers.EVERY not in (tokens := _tokens(pick.each)):
            place = self._elements(place, f"{path}.each", pick.each, single=True)
        elif tokens[-1] != pointers.EVERY:
            place = self._elements(place, f"{path}.each", pick.each)
        return kept(self._walk, self.findings, pick.where, f"{path}.where", place, objects)

    def _elements(self, place: Place, path: str, pointer: str, *, single: bool = False) -> Place:
        """Return what the elements of a list may be; what is none is told."""
        lists = place.types & ({"array", "object"} if single else {"array"})
        fix = "a list must be there"
        if place.types == _OBJECT and not single:
            fix += "; correct the pointer, or add `as: single` if it is a list of one"
        if not self._is_of(place, lists or frozenset(("array",)), path, pointer, fix):
            return Place()
        return self._walk.elements(place, single=single)

    # ---- what all have

    def _at(self, start: Sequence[Shape], path: str, pointer: str, *, single: bool = False) -> Place | None:
        """Return what is at a pointer; that there is nothing is told."""
        place = self._walk.follow(start, _tokens(pointer), single=single)
        if place.missing is not None:
            self.findings.missing(path, pointer, place.missing)
            return None
        return place

    def _is_of(self, place: Place, types: Iterable[str], path: str, pointer: str, fix: str) -> bool:
        """Return whether what is at a pointer may be of some types; what may be of others is told."""
        unfit = place.types - set(types)
        fits = not unfit or unfit != place.types
        if unfit:
            verb = "may be" if fits else "is"
            told = self.findings.warning if fits else self.findings.error
            told(path, f"{shown(pointer)} {verb} {shown_types(unfit)} in the schema; {fix}", place.location)
        return fits

    def _tell_absent(self, rule: config.Rule, field: FieldInfo, path: str, places: Sequence[Place]) -> None:
        """Tell of a required field that comes from what may be absent or null, everywhere."""
        there = [place for place in places if place.missing is None]
        if field.required and rule.default is UNSET and there and all(place.absent for place in there):
            detail = "is required, and what it is taken from may be absent or null; add `default`, or `orFrom`"
            self.findings.warning(path, detail, there[0].absent)


def _tokens(pointer: str) -> list[str]:
    return pointers.parse(pointer, "", [], is_list=True)


def _accepted(rule: config.Rule, kind: str) -> frozenset[str]:
    """Return the types that a rule makes a single value of some kind of."""
    if rule.part is not None and rule.as_ != "string":
        return _KINDS["string"]
    if rule.values is not None or rule.as_ == "string":
        return SINGLE
    return _KINDS[kind] | (_KINDS["string"] if rule.as_ == "number" else frozenset())


def _fix(rule: config.Rule, kind: str, place: Place) -> str:
    if not place.types & SINGLE:
        return "pick one of its elements" if place.types == {"array"} else "point at a member of it"
    if rule.part is not None or kind == "string":
        return "add `as: string`"
    return "add `as: number`" if kind == "number" and place.types & {"string"} else "add `values`"
