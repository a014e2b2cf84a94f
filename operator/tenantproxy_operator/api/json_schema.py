"""Generate the JSON Schema of a TenantProxy manifest, by which editors complete and check it.

It is the CustomResourceDefinition's, in the words of JSON Schema (draft 7, which editors know best), and knows two
things more: a field that nobody knows is an error, and a rule of a mapping has the words of its output field.
"""

import copy
import json
from collections.abc import Collection
from typing import Any, Final

import msgspec

from tenantproxy.operations import OPERATIONS
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.rule_words import AS, EXCLUDES, KINDS, NEEDS
from tenantproxy.orders.transform import outward_type
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.fields import Schema
from tenantproxy_operator.api.names import API_VERSION, KIND

_TYPES: Final = {"string": "string", "number": "number", "boolean": "boolean", "list": "array", "object": "object"}
"""What JSON Schema calls a kind of output field."""
_OF_KUBERNETES: Final = "x-kubernetes-"


def build_json_schema() -> Schema:
    """Return the JSON Schema of a manifest."""
    (version,) = build_crd()["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    properties = root["properties"]
    spec = _plain(properties["spec"])
    rules = spec["properties"]["mapping"]["properties"]
    definitions: dict[str, Schema] = {}
    for operation in OPERATIONS:
        fields = rules[operation.name]["properties"]["fields"]
        _, shape = outward_type(SHAPES[operation.name])
        rules[operation.name]["properties"]["fields"] = _of_shape(shape, fields, definitions)
    name = {"type": "string", "description": "The TenantProxy's name, which its proxy's objects begin with."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": KIND,
        "description": root["description"],
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": properties["apiVersion"]["description"]},
            "kind": {"const": KIND, "description": properties["kind"]["description"]},
            "metadata": {
                "type": "object",
                "description": "Name, namespace, labels and annotations.",
                "required": ["name"],
                "properties": {"name": name},
            },
            "spec": spec,
        },
        "additionalProperties": False,
        "definitions": definitions,
    }


def json_schema_text() -> str:
    """Return the JSON Schema as text; the same models give the same bytes."""
    return json.dumps(build_json_schema(), indent=1, ensure_ascii=False) + "\n"


def _plain(schema: Schema) -> Schema:
    """Return a structural schema without what only Kubernetes knows; fields that are not listed are errors."""
    plain = {key: value for key, value in schema.items() if not key.startswith(_OF_KUBERNETES)}
    if plain.pop("nullable", False) and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    if "x-kubernetes-int-or-string" in schema:
        plain["type"] = ["string", "integer"]
    if "properties" in schema:
        plain["properties"] = {name: _plain(field) for name, field in schema["properties"].items()}
        plain["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(key), dict):
            plain[key] = _plain(inner)
    return plain


def _of_shape(shape: type[msgspec.Struct], fields: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of the rules for a shape's fields, each with its own words; `fields` has one for all."""
    rules = {}
    for field in msgspec.structs.fields(shape):
        kind, inner = outward_type(field.type)
        rule = _of_kind(kind, fields["additionalProperties"])
        if inner is not None:
            rule["properties"]["fields"] = _of_shape(inner, rule["properties"]["fields"], definitions)
            rules[field.name] = rule
        else:
            name = kind if definitions.setdefault(kind, rule) == rule else f"found-{kind}"
            definitions[name] = rule  # a search's rules have a word of their own
            rules[field.name] = {"$ref": f"#/definitions/{name}"}
    return {
        "type": "object",
        "description": fields["description"],
        "properties": rules,
        "additionalProperties": False,
    }


def _of_kind(kind: str, rule: Schema) -> Schema:
    """Return the schema of a rule with the words for a kind of output field alone."""
    words: dict[str, Any] = {word: field for word, field in rule["properties"].items() if kind in KINDS[word]}
    constant = {"type": [_TYPES[kind], "null"]}
    for word in ("const", "default"):
        words[word] = words[word] | constant
    if kind in AS:
        words["as"] = words["as"] | {"enum": list(AS[kind])}
    if "values" in words:
        words["values"] = words["values"] | {"additionalProperties": constant}
    if "table" in words:
        words["table"] = copy.deepcopy(words["table"])
        row = words["table"]["properties"]["rows"]["items"]
        row["properties"]["value"] |= constant
    excluded = {word: [other for other in others if other in words] for word, others in EXCLUDES.items()}
    alone = [_alone(word, excluded[word], words) for word in words if excluded.get(word)]
    if kind == "list":
        alone.append(_dependent("from", ["fields"], "does not go with `from` in the rule for a list; use `each`"))
    return {name: part for name, part in rule.items() if name != "not"} | {
        "properties": words,
        "allOf": alone,
        "dependencies": {word: [needed] for word, needed in NEEDS.items() if word in words},
    }


def _alone(word: str, others: list[str], words: Collection[str]) -> Schema:
    """Return a schema that refuses other words beside one, at the words that are refused."""
    is_constant = len(others) == len(words) - 1
    why = f"`{word}`, which stands alone; keep one" if is_constant else f"`{word}`; keep one"
    return _dependent(word, others, f"does not go with {why}")


def _dependent(word: str, others: list[str], problem: str) -> Schema:
    """Return a schema by which others are a problem where a word is; `errorMessage` is what editors show.

    Of `not` they would show that a schema is matched which is not allowed.
    """
    refused = {"properties": dict.fromkeys(others, False), "errorMessage": f"This {problem}."}
    return {"dependencies": {word: refused}}
