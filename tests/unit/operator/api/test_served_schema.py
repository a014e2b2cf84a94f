"""What is made of a spec and of a status where the CustomResourceDefinition is not this version's."""

import copy
from typing import Any

import pytest

from support.operator.crds import ADDED, REMOVED, next_crd, previous_crd, schema_of
from support.operator.manifests import changed, minimal
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.served_schema import ServedSchema, _known, own_schema, unreadable_schema

NEXT = ServedSchema.of(schema_of(next_crd()))
PREVIOUS = ServedSchema.of(schema_of(previous_crd()))
ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
MAPPING = {"spec.mapping": {"getOrder": {"root": "/", "fields": {"/a": {"from": "/b"}}}}}
DEFAULTS: dict[str, Any] = {
    "spec.later": {"ttl": "5s"},
    "spec.peers": [{"name": "a", "weight": 1}],
    "spec.upstream.mode": "fast",
}
"""What the API server sets by the next version's schema."""


def spec_with(*changes: dict[str, Any]) -> dict[str, Any]:
    manifest = minimal()
    for path, value in (item for each in changes for item in each.items()):
        manifest = changed(manifest, path, value)
    spec: dict[str, Any] = manifest["spec"]
    return spec


def with_unit(value: str) -> dict[str, Any]:
    """Return the mapping with the next version's field of a rule, whose name has dots and slashes in its path."""
    mapping: dict[str, Any] = copy.deepcopy(MAPPING["spec.mapping"])
    mapping["getOrder"]["fields"]["/a"]["unit"] = value
    return {"spec.mapping": mapping}


def test_the_differences() -> None:
    """The fields of the next version, by the outermost unknown one; and those that the previous version lacks."""
    own = own_schema()
    assert (own.added_fields(), own.missing_fields()) == ({}, [])
    assert sorted(NEXT.added_fields()) == sorted(path for path in ADDED if path.startswith("spec."))
    assert NEXT.missing_fields() == []
    assert PREVIOUS.added_fields() == {}
    assert sorted(PREVIOUS.missing_fields()) == sorted(REMOVED)


def test_what_is_passed_on_as_it_is() -> None:
    """A field is not unknown where this version takes anything; but it is lacking where only this one does."""
    crd = build_crd()
    template = schema_of(crd)["properties"]["spec"]["properties"]["podTemplate"]["properties"]
    template["affinity"] = {"type": "object", "properties": {"nodeAffinity": {"type": "object"}}}
    served = ServedSchema.of(schema_of(crd))
    assert served.added_fields() == {}
    assert served.missing_fields() == ["spec.podTemplate.affinity.*"]
    spec = spec_with({"spec.podTemplate": {"affinity": {"podAffinity": {"a": [1]}}}})
    assert served.known_spec(spec) == (spec, [])


def test_a_schema_that_takes_anything() -> None:
    """It lacks nothing, and what it lets pass is the user's: an unknown field stays, and is an error."""
    served = ServedSchema.of({"properties": {"spec": ANYTHING, "status": ANYTHING}})
    assert served.missing_fields() == []
    assert list(served.added_fields()) == ["spec.*"]
    for path in ("spec.typo", "spec.upstream.typo", "spec.access.admins.typo"):
        spec = spec_with({path: 1})
        assert served.known_spec(spec) == (spec, [])
    assert served.known_status({"a": [{"b": 1}]}) == {"a": [{"b": 1}]}


def test_defaults_of_unknown_fields_are_no_news() -> None:
    """The API server sets them for everybody."""
    assert NEXT.known_spec(spec_with(DEFAULTS)) == (spec_with(), [])
    assert NEXT.known_spec(spec_with(with_unit("none"))) == (spec_with(MAPPING), [])
    assert NEXT.known_spec(spec_with()) == (spec_with(), [])


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"spec.later": {"ttl": "6s"}}, "spec.later"),
        ({"spec.later": {"ttl": "5s", "size": 1}}, "spec.later"),
        ({"spec.peers": []}, "spec.peers"),
        ({"spec.peers": [{"name": "a", "weight": 2}]}, "spec.peers"),
        ({"spec.upstream.mode": "slow"}, "spec.upstream.mode"),
        ({"spec.upstream.hint": ""}, "spec.upstream.hint"),
        (with_unit("kg"), "spec.mapping.getOrder.fields./a.unit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_fields_in_use(changes: dict[str, Any], path: str) -> None:
    """They are ignored, and named."""
    known, used = NEXT.known_spec(spec_with(MAPPING, changes))
    assert known == spec_with(MAPPING)
    assert used == [path]


def test_items_of_a_list() -> None:
    """A field of an item is named with the item's place; an item of a list that takes anything is the user's."""
    own: dict[str, Any] = {"items": {"properties": {"name": {}}}}
    served: dict[str, Any] = {"items": {"properties": {"name": {}, "weight": {"default": 1}}}}
    value = [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]
    used: list[str] = []
    assert _known(value, own, served, "spec.x", used) == [{"name": "a"}, {"name": "b"}]
    assert used == ["spec.x[1].weight"]
    assert _known(value, own, ANYTHING, "spec.x", used) == value
    assert used == ["spec.x[1].weight"]


def test_a_schema_that_is_older_than_the_spec() -> None:
    """What it does not have comes from a newer one, which will be read soon: nothing is said until then.

    Nor is a field taken for one of the same name that is somewhere else.
    """
    assert own_schema().known_spec(spec_with(DEFAULTS, {"spec.upstream.hint": "x"})) == (spec_with(), [])
    crd = next_crd()
    del schema_of(crd)["properties"]["spec"]["properties"]["access"]
    served = ServedSchema.of(schema_of(crd))
    assert served.known_spec(spec_with({"spec.access.later": {"ttl": "6s"}})) == (
        spec_with({"spec.access": {}}),
        [],
    )


def test_a_schema_that_can_not_be_read() -> None:
    """Every unknown field is ignored, and named; nothing is said to be lacking."""
    served = unreadable_schema()
    assert (served.added_fields(), served.missing_fields()) == ({}, [])
    assert served.known_spec(spec_with(DEFAULTS)) == (
        spec_with(),
        ["spec.upstream.mode", "spec.later", "spec.peers"],
    )
    assert served.known_status({"later": 1}) == {"later": 1}


@pytest.mark.parametrize("spec", ["text", 1, None, [1], {"upstream": "text", "access": [1], "suspend": {"a": 1}}])
def test_values_of_other_types(spec: Any) -> None:
    """They are left to the models, which say what is wrong with them."""
    assert NEXT.known_spec(spec) == (spec, [])


def test_statuses_by_an_older_schema() -> None:
    """The API server refuses to apply what it doesn't know; the rest is written."""
    condition = {"type": "Ready", "status": "True", "observedGeneration": 1}
    status = {"secretName": "s", "replicas": 2, "conditions": [condition]}
    kept = {"replicas": 2, "conditions": [{"type": "Ready", "status": "True"}]}
    assert PREVIOUS.known_status(status) == kept
    assert own_schema().known_status(status) == status
    assert ServedSchema.of({}).known_status(status) == {}
