"""The generated CustomResourceDefinition."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tenantproxy_operator.api.crd import build_crd, crd_yaml

COMMITTED = Path(__file__).parents[4] / "crds" / "tenantproxies.yaml"
_STRUCTURAL = {
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "not",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


@functools.cache
def _version() -> dict[str, Any]:
    (version,) = build_crd()["spec"]["versions"]
    assert isinstance(version, dict)
    return version


def _schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _schemas(inner, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if part in schema:
            yield from _schemas(schema[part], f"{path}[]")


@functools.cache
def _all() -> list[tuple[str, dict[str, Any]]]:
    root = _version()["schema"]["openAPIV3Schema"]["properties"]
    return [*_schemas(root["spec"], "spec"), *_schemas(root["status"], "status")]


def test_committed_file_is_up_to_date() -> None:
    """crds/tenantproxies.yaml is what the models generate."""
    assert COMMITTED.read_text() == crd_yaml(), "crds/tenantproxies.yaml is stale: run `make crd` and commit it"


def test_it_parses() -> None:
    """What is written is what was built; that it always is the same bytes, the committed file shows."""
    assert yaml.load(COMMITTED.read_text(), yaml.CSafeLoader) == build_crd()


def test_schema_is_structural() -> None:
    """Nothing of pydantic's own vocabulary is left, and each value has one type."""
    for path, schema in _all():
        assert schema.keys() <= _STRUCTURAL, path
        typed = {"type", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"} & schema.keys()
        assert typed, path


def test_every_field_is_described() -> None:
    """`kubectl explain` has a sentence for every field."""
    for path, schema in _all():
        for name, field in schema.get("properties", {}).items():
            assert field.get("description", "").endswith("."), f"{path}.{name}"


def test_everything_is_bounded() -> None:
    """Strings, lists and maps have a largest size, without which CEL rules are refused as too expensive.

    What is Kubernetes' own and passed on as it is has none.
    """
    bounds = {"string": ("maxLength", "enum", "format"), "array": ("maxItems",)}
    for path, schema in _all():
        for bound in (bounds.get(schema.get("type", "")),):
            assert bound is None or any(name in schema for name in bound) or path == "status.endpoint", path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path


def test_defaults_are_never_null() -> None:
    """A field without a default has none, instead of null."""
    assert [path for path, schema in _all() if schema.get("default", "") is None] == []


def test_only_fields_that_work() -> None:
    """The spec has the first release's capabilities and no promise beside them."""
    spec = _version()["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert sorted(spec["properties"]) == [
        "access",
        "auth",
        "autoscaling",
        "mapping",
        "podTemplate",
        "poslog",
        "replicas",
        "resources",
        "route",
        "suspend",
        "tenantId",
        "tracing",
        "upstream",
    ]


def test_replicas_have_no_default() -> None:
    """A default would stand beside `autoscaling` in every object, and so refuse it."""
    spec = _version()["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert "default" not in spec["properties"]["replicas"]
    (rule,) = (each for each in spec["x-kubernetes-validations"] if each["fieldPath"] == ".replicas")
    assert rule["rule"] == "!(has(self.replicas) && has(self.autoscaling))"


def test_what_no_operator_has_seen() -> None:
    """It has an observed generation that no generation equals, so that kstatus does not call it current."""
    status = _version()["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    assert status["properties"]["observedGeneration"]["minimum"] == -1


def test_tls_needs_https() -> None:
    """The API server refuses what `admission` does."""
    upstream = _version()["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["upstream"]
    rules = {rule["fieldPath"]: rule["rule"] for rule in upstream["x-kubernetes-validations"]}
    assert rules[".tls"] == "!has(self.tls) || self.url.startsWith('https://')"


def test_rules_say_the_fix() -> None:
    """Every CEL rule has a message."""
    root = _version()["schema"]["openAPIV3Schema"]
    rules = [rule for _, schema in [("", root), *_all()] for rule in schema.get("x-kubernetes-validations", ())]
    assert len(rules) > 5
    assert all(len(rule["message"]) > 20 for rule in rules)


def test_columns_and_names() -> None:
    """`kubectl get tp` shows the documented columns."""
    columns = {column["name"]: column.get("priority", 0) for column in _version()["additionalPrinterColumns"]}
    assert [name for name, priority in columns.items() if not priority] == [
        *("Tenant", "URL", "Ready", "Reason", "Credentials", "Age")
    ]
    assert [name for name, priority in columns.items() if priority] == ["Replicas", "Message"]
    assert build_crd()["spec"]["names"]["shortNames"] == ["tp"]
    assert _version()["subresources"] == {"status": {}}
