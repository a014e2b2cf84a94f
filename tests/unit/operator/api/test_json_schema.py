"""The JSON Schema by which editors know a manifest. A real language server: tests/integration/editor."""

from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from support.operator.manifests import changed, minimal
from support.operator.mappings import EVERY_WORD
from support.operator.mistakes import MISTAKES, Mistake
from tenantproxy_operator.api.json_schema import build_json_schema, json_schema_text

ROOT: Final = Path(__file__).parents[4]
COMMITTED: Final = ROOT / "crds/tenantproxy.schema.json"
VALIDATOR: Final = jsonschema_rs.Draft7Validator(build_json_schema())
MANIFESTS: Final = [
    pytest.param(manifest, id=f"{path.parent.name}/{path.stem}")
    for folder in ("examples", "tests/unit/operator/render/golden", "tests/cases")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    for manifest in yaml.load_all(path.read_text(), yaml.CSafeLoader)
    if isinstance(manifest, dict) and manifest.get("kind") == "TenantProxy"
]


def test_committed_file_is_up_to_date() -> None:
    """crds/tenantproxy.schema.json is what the models generate."""
    assert COMMITTED.read_text() == json_schema_text(), f"{COMMITTED} is stale: run `make crd` and commit it"


def test_it_is_a_schema() -> None:
    """An editor can read it, and nothing in it is known to Kubernetes alone."""
    jsonschema_rs.meta.validate(build_json_schema())
    assert "x-kubernetes" not in json_schema_text()


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_right_manifests(manifest: dict[str, Any]) -> None:
    """Whatever the project shows is right to it."""
    assert [error.message for error in VALIDATOR.iter_errors(manifest)] == []


def test_every_word() -> None:
    """It knows every word of the mapping."""
    assert VALIDATOR.is_valid(changed(minimal(), "spec.mapping", EVERY_WORD))


_UNSEEN: Final = (
    "another length than",
    "`values` without any",
    "says nothing",
    "says two",
    "delimiter",
    "`after",
    "`null` for",
    "does not take",
    "an object's members",
    "are counted",
)
"""An editor's message for it would be hard to read."""


@pytest.mark.parametrize(
    "mistake",
    [
        each
        for each in MISTAKES
        if "spec.mapping" in each.path and each.told != "status" and not any(said in each.what for said in _UNSEEN)
    ],
    ids=lambda mistake: mistake.what,
)
def test_mistakes(mistake: Mistake) -> None:
    """It says without an API server what is wrong with a rule, all but what follows from the content of words."""
    assert not VALIDATOR.is_valid(mistake.manifest)
