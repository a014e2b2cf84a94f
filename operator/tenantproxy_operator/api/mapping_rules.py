"""CEL rules about the mapping of an operation, from the shape of its order: what `compile_mapping` refuses, too.

The API server sees which fields there are, and which parts a rule has. It can't see `const`, `default` and
`values`, which may be of any type: `constant_rules` is about these.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from pydantic import BaseModel

from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.transform import outward_type
from tenantproxy_operator.api.fields import Schema, cel


def mapping_rules(operation: str, rule: type[BaseModel]) -> dict[str, Any]:
    """Return a schema that checks the mapping of an operation, whose `fields` has rules of the model `rule`."""
    _, shape = outward_type(SHAPES[operation])
    return {"x-kubernetes-validations": list(_rules(shape, rule, "self", "", "!has(self.fields)"))}


def _rules(
    shape: type[msgspec.Struct], rule: type[BaseModel], above: str, path: str, absent: str
) -> Iterator[Schema]:
    """Return the rules for the `fields` of what is `above`, at a path, unless they are `absent`; and so on below.

    An index lets the API server see how large what is there may be, which the cost of a rule depends on.
    """
    fields, one = f"{above}.fields", f"{above}.fields[name]"
    inner = {field.name: outward_type(field.type) for field in msgspec.structs.fields(shape)}
    lists = [name for name, (kind, _) in inner.items() if kind == "list"]
    nested = [name for name, (kind, _) in inner.items() if kind in ("list", "object")]

    def every(condition: str, message: str) -> Schema:
        return cel(f"{absent} || {fields}.all(name, {condition})", message, path=f"{path}.fields")

    known = ", ".join(inner)
    yield every(f"name in {list(inner)}", f"has a rule for what is not an output field; there are {known}")
    if "each" not in rule.model_fields:
        return
    lists_only = f"has each in a rule for another field than {' or '.join(lists) or 'a list'}; use from"
    yield every(f"name in {lists} || !has({one}.each)", lists_only)
    nested_only = f"has fields in a rule for another field than {' or '.join(nested) or 'a list'}; remove them"
    yield every(f"name in {nested} || !has({one}.fields)", nested_only)
    if lists:
        condition = f"!(name in {lists}) || !has({one}.fields) || !has({one}.from)"
        yield every(condition, f"has from with fields in the rule for {' or '.join(lists)}; use each")
    for name in nested:
        there = f"{fields}['{name}']"
        missing = f"{absent} || !has({fields}.{name}) || !has({there}.fields)"
        yield from _rules(inner[name][1], _inner_model(rule), there, f"{path}.fields.{name}", missing)


def _inner_model(rule: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the rules in `fields` of a rule, which are a `dict[str, Model] | None`."""
    annotation: Any = rule.model_fields["fields"].annotation
    (mapping,) = (choice for choice in annotation.__args__ if choice is not type(None))
    model: type[BaseModel] = mapping.__args__[1]
    return model
