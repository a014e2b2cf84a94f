"""Compile the rules for the fields of an outward object into where each comes from."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import Operation
from tenantproxy.orders import pointers
from tenantproxy.orders.documents import a_list, an_object, list_writer
from tenantproxy.orders.numbers import MAX_PLACES
from tenantproxy.orders.rules import combine, elements
from tenantproxy.orders.rules.checks import find_problems, find_root_problems
from tenantproxy.orders.rules.conflicts import find_conflicts
from tenantproxy.orders.rules.pick import compile_picker
from tenantproxy.orders.rules.relation import compile_relation
from tenantproxy.orders.rules.table import Rows, plain_rows
from tenantproxy.orders.rules.values import converter, decoded_converter, plain_words
from tenantproxy.orders.transform import FieldSource, Picker, fields_of, outward_type, same_field

_FIX_STEP: Final = "name the member, or pick an element with `pick`"


class RuleCompiler:
    """Compiles the rules of one operation; what is wrong with them is added to `errors`, each with its path."""

    def __init__(self, operation: Operation, errors: list[FieldProblem]) -> None:
        self._operation = operation
        self._errors = errors
        self._pickers: dict[config.Pick, Picker] = {}
        """What is picked alike is looked for once."""

    def whole(self, rule: config.Rule, field: FieldInfo) -> FieldSource:
        """Return where the outward document's one member comes from, by the whole of an operation's rules."""
        name = self._operation.name
        kind, inner = outward_type(field.type)
        self._errors += find_root_problems(rule, name)
        source, members = same_field(field), self.sources(rule.fields or {}, inner, f"{name}.fields")
        if kind == "list":
            return self._list(rule, source, members, name, each="root")
        tokens = pointers.parse(rule.from_ or "", f"{name}.root", self._errors)
        return source._replace(tokens=tokens, kind=kind, convert=an_object(members), members=members)

    def sources(self, rules: dict[str, config.Rule], shape: type[msgspec.Struct], path: str) -> list[FieldSource]:
        """Return where the fields of an outward object come from."""
        fields = {field.name: field for field in fields_of(shape)}
        for name in rules:
            if name not in fields:
                known = ", ".join(f"`{field}`" for field in fields)
                self._errors.append(FieldProblem(f"{path}.{name}", f"is not an output field; there are {known}"))
        sources = [
            self._source(rules[name], field, f"{path}.{name}") if name in rules else same_field(field)
            for name, field in fields.items()
        ]
        self._errors += find_conflicts(rules, fields, path)
        return sources

    def _source(self, rule: config.Rule, field: FieldInfo, path: str) -> FieldSource:
        """Return where a field comes from; of a rule with errors, anything."""
        kind, inner = outward_type(field.type)
        self._errors += find_problems(rule, kind, path, self._operation, required=field.required)
        source = same_field(field)._replace(default=rule.default, const=rule.const, criterion=rule.criterion)
        if rule.from_ is not None:
            source = source._replace(tokens=self._parse(rule.from_, f"{path}.from"))
        if rule.pick is not None:
            picker = compile_picker(rule.pick, f"{path}.pick", self._errors)
            source = source._replace(picker=self._pickers.setdefault(rule.pick, picker))
        if rule.fields is None or inner is None:
            source = source._replace(
                convert=converter(rule), words=plain_words(rule), convert_decoded=decoded_converter(rule)
            )
        else:
            members = self.sources(rule.fields, inner, f"{path}.fields")
            if kind == "list":
                return self._list(rule, source, members, path)
            source = source._replace(kind=kind, convert=an_object(members), members=members)
        return self._combined(rule, source, path)

    def _list(
        self,
        rule: config.Rule,
        source: FieldSource,
        members: Sequence[FieldSource],
        path: str,
        *,
        each: str = "each",
    ) -> FieldSource:
        """Return the source of a list of objects; `each` is what the manifest calls the rule's."""
        tokens = source.tokens if rule.each is None else self._parse(rule.each, f"{path}.{each}", is_list=True)
        others = self._parse_all(rule.and_each, f"{path}.andEach", is_list=True) if rule.and_each else []
        is_plain = rule.as_ is None and not rule.where and not others and rule.within == "object"
        if is_plain and pointers.EVERY not in tokens:
            return source._replace(tokens=tokens, kind="list", convert=a_list(members), members=members)
        lists = elements.Lists((tokens, *others), single=rule.as_ == "single")
        relation = compile_relation(rule.where, f"{path}.where", self._errors)
        write = list_writer(members)
        if rule.within == "document":
            made = elements.in_document(source, lists, relation, write)
            first, *others = relation.outer or [[]]
        else:
            made = elements.in_object(source, lists, relation, write)
            first, *others = [*lists.ways, *relation.outer]
        return source._replace(tokens=first, others=others, combine=made)

    def _combined(self, rule: config.Rule, source: FieldSource, path: str) -> FieldSource:
        """Return a source whose value is made of what several pointers lead to, if that is so."""
        if rule.table is not None:
            first, *others = self._parse_all(rule.table.from_, f"{path}.table.from")
            rows = Rows(rule.table, rule.default)
            return source._replace(
                tokens=first, others=others, combine=combine.by_table(rows), words=plain_rows(rows)
            )
        if rule.join is not None:
            first, *others = self._parse_all(rule.join.from_, f"{path}.join.from")
            made = combine.by_join(source, rule.join, of_any=rule.as_ == "string")
            return source._replace(tokens=first, others=others, combine=made)
        is_null = combine.null_test(rule.null_if)
        others = self._parse_all(rule.or_from, f"{path}.orFrom") if rule.or_from else []
        if rule.scale_from is not None:
            name = pointers.beside(rule.scale_from)
            if name is None:
                others.append(self._parse(rule.scale_from, f"{path}.scaleFrom"))
            else:
                others += [[*tokens[:-1], name] for tokens in (source.tokens, *others)]
            scaled = [converter(msgspec.structs.replace(rule, scale=places)) for places in range(MAX_PLACES + 1)]
            return source._replace(
                others=others, combine=combine.by_scale(source, scaled, is_null, beside=name is not None)
            )
        if others or rule.null_if:
            return source._replace(others=others, combine=combine.by_first(source, is_null))
        return source

    def _parse(self, pointer: str, path: str, *, is_list: bool = False) -> Sequence[str]:
        return pointers.parse(pointer, path, self._errors, is_list=is_list, fix=_FIX_STEP)

    def _parse_all(self, given: Sequence[str], path: str, *, is_list: bool = False) -> list[Sequence[str]]:
        """Return the tokens of several pointers, of which a rule with errors may have none."""
        return [
            self._parse(pointer, f"{path}[{index}]", is_list=is_list) for index, pointer in enumerate(given)
        ] or [[]]
