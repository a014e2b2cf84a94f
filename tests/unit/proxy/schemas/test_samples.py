"""The manifests of examples/systems against schemas derived from the answers beside them: no false alarm."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tenantproxy.operations import GET_ORDER, OPERATIONS, Operation
from tenantproxy.schemas.checks import check_config
from tenantproxy.schemas.shapes import type_of
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLES: Final = Path(__file__).parents[4] / "examples" / "systems"
SYSTEMS: Final = sorted(path.parent.name for path in EXAMPLES.glob("*/manifest.yaml"))


def derived(values: Sequence[Any]) -> dict[str, Any]:
    """Return a schema of all of these values: their types, members and elements, of which none is required."""
    schema: dict[str, Any] = {"type": sorted({type_of(value) for value in values})}
    names = dict.fromkeys(name for value in values if isinstance(value, dict) for name in value)
    if names:
        objects = [value for value in values if isinstance(value, dict)]
        schema["properties"] = {name: derived([each[name] for each in objects if name in each]) for name in names}
    if elements := [element for value in values if isinstance(value, list) for element in value]:
        schema["items"] = derived(elements)
    return schema


def answers(folder: Path, operation: Operation) -> list[Any]:
    """Return what a system answers with 200 to an operation, all pages of it."""
    documented = yaml.load((folder / "requests.yaml").read_text(), yaml.CSafeLoader)[operation.name]
    cases: Iterable[str] = documented["ids" if operation is GET_ORDER else "customers"]
    status: Mapping[str, int] = documented.get("status", {})
    paths = [path for case in cases if case not in status for path in (folder / "answers").glob(f"{case}.*json")]
    return [json.loads(path.read_bytes()) for path in sorted(paths)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_answers_of_systems(system: str) -> None:
    """Rules that make orders of these answers have no error by a schema of the same answers."""
    spec, *_ = yaml.load_all((EXAMPLES / system / "manifest.yaml").read_text(), yaml.CSafeLoader)
    config = render_config(TenantProxy.model_validate(spec), Settings())
    for operation in OPERATIONS:
        schema = derived(answers(EXAMPLES / system, operation))
        found = check_config(schema, config, operation)
        assert [str(finding) for finding in found if finding.is_error] == []
        assert not any("nothing was checked" in finding.detail for finding in found)
