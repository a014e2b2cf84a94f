"""The CustomResourceDefinition stays compatible: what a released version accepts and does goes on."""

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest
import yaml

from hack.release.kept import CRD, RELEASES
from support.operator.crds import incompatibilities, next_crd, previous_crd, schema_of
from support.operator.releases import kept
from tenantproxy_operator.api.crd import build_crd

Fields = dict[str, Any]
NOW: Final = build_crd()


def test_releases() -> None:
    """No field is gone, newly required, narrower, or has another default, whichever release is updated."""
    for version in kept():
        released = yaml.load((RELEASES / version / CRD).read_text(), yaml.CSafeLoader)
        assert incompatibilities(released, NOW) == [], version


def test_compatible_changes() -> None:
    """New fields are, and what was required and need no longer be."""
    assert incompatibilities(NOW, NOW) == []
    assert incompatibilities(NOW, next_crd()) == []


def test_going_back_is_not() -> None:
    """What the previous version lacks is gone."""
    found = incompatibilities(NOW, previous_crd())
    assert sorted(found) == [
        "spec.suspend: gone",
        "spec.upstream.operations.getOrder.idMatch: gone",
        "status.conditions[].observedGeneration: gone",
        "status.secretName: gone",
    ]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda spec: spec["upstream"].update(required=["url", "timeout"]), "spec.upstream.timeout: required"),
        (
            lambda spec: _in(spec, "upstream", "timeout").update(default="4s"),
            "spec.upstream.timeout: another default",
        ),
        (lambda spec: _in(spec, "upstream", "timeout").pop("default"), "spec.upstream.timeout: another default"),
        (lambda spec: _in(spec, "upstream", "url").update(type="object"), "spec.upstream.url: another type"),
        (lambda spec: _in(spec, "upstream", "url").update(pattern="x"), "spec.upstream.url: another pattern"),
        (lambda spec: spec["suspend"].update(pattern="x"), "spec.suspend: a pattern"),
        (lambda spec: _in(spec, "upstream", "url").update(maxLength=9), "spec.upstream.url: a narrower maxLength"),
        (lambda spec: _in(spec, "upstream", "url").update(minLength=9), "spec.upstream.url: a narrower minLength"),
        (lambda spec: spec["replicas"].update(maximum=5), "spec.replicas: a narrower maximum"),
        (lambda spec: spec["replicas"].update(minimum=2), "spec.replicas: a narrower minimum"),
        (lambda spec: _in(spec, "access", "mode").update(enum=["jwt"]), "spec.access.mode: fewer values"),
        (lambda spec: _in(spec, "upstream", "url").update(enum=["a"]), "spec.upstream.url: fewer values"),
        (
            lambda spec: _in(spec, "access", "admins", "emails")["items"].update(maxLength=9),
            "spec.access.admins.emails[]: a narrower maxLength",
        ),
        (
            lambda spec: _in(spec, "mapping", "getOrder", "fields")["additionalProperties"]["properties"].pop(
                "from"
            ),
            "spec.mapping.getOrder.fields.*.from: gone",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_incompatible_changes(change: Callable[[Fields], object], found: str) -> None:
    """Each is found, anywhere in the schema."""
    crd = copy.deepcopy(NOW)
    change(schema_of(crd)["properties"]["spec"]["properties"])
    assert incompatibilities(NOW, crd) == [found]


def _in(spec: Fields, first: str, *steps: str) -> Fields:
    """Return the schema of a field by its path."""
    field: Fields = spec[first]
    for step in steps:
        field = field["properties"][step]
    return field
