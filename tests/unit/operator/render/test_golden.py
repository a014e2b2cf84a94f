"""Golden files: a manifest, the command that renders it (its first line), and all that comes out.

`pytest tests/unit/operator/render --regenerate` writes the outputs anew; the difference is then for you to judge.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.cli.main import main
from tenantproxy_operator.kube.kinds import CHILDREN

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())
_PROGRAM = "# tenantproxy-operator "
_NOT_SETTINGS = {"filename", "output", "help"}
_ANY = "*"


def _command(case: str) -> list[str]:
    first, _, _ = (GOLDEN / case / "input.yaml").read_text().partition("\n")
    assert first.startswith(_PROGRAM), f"{case}/input.yaml: its first line is the command that renders it"
    return shlex.split(first.removeprefix(_PROGRAM))


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rendered is what was agreed upon, to the byte."""
    monkeypatch.chdir(GOLDEN / case)
    result = CliRunner().invoke(main, _command(case))
    assert (result.exit_code, result.stderr) == (0, "")
    output = GOLDEN / case / "output.yaml"
    if request.config.getoption("--regenerate"):
        output.write_text(result.stdout)
    assert result.stdout == output.read_text()


def _properties(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from _properties(inner, (*path, name))
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from _properties(values, (*path, _ANY))


def _used(value: Any, path: tuple[str, ...], known: set[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Return the paths in a manifest, with `*` in the place of a map's keys."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        step = (*path, key) if (*path, key) in known else (*path, _ANY)
        yield step
        yield from _used(inner, step, known)


def test_every_field_has_a_case() -> None:
    """A new field of the spec brings its golden files along."""
    (version,) = build_crd()["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    fields = set(_properties(spec))
    used = {
        path
        for case in CASES
        for path in _used(yaml.safe_load((GOLDEN / case / "input.yaml").read_text())["spec"], (), fields)
    }
    assert sorted(fields - used) == []


def test_every_setting_has_a_case() -> None:
    """A new option of `render` brings its golden files along."""
    options = {
        name
        for parameter in main.commands["render"].params
        for name in parameter.opts
        if name.startswith("--") and name.removeprefix("--") not in _NOT_SETTINGS
    }
    used = {word for case in CASES for word in _command(case)}
    assert sorted(options - used) == []


def test_every_kind_has_a_case() -> None:
    """Each kind of child is in an output."""
    found = {
        (child["apiVersion"], child["kind"])
        for case in CASES
        for child in yaml.safe_load_all((GOLDEN / case / "output.yaml").read_text())
    }
    assert found == {(kind.api_version, kind.kind) for kind in CHILDREN}
