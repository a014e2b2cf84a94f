"""Golden files: a manifest, the command that renders it (its first line), and all that comes out.

`minimal` has the whole output, each other case what differs from that (support/golden.py).
`pytest tests/unit/operator/render --regenerate` writes the outputs anew; what changed is then for you to judge.
"""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from support.golden import CHILDREN as GOLDEN
from support.golden import HunkError, difference, patched
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.cli.main import main
from tenantproxy_operator.kube.kinds import RENDERED

_PROGRAM = "# tenantproxy-operator "
_NOT_SETTINGS = {"filename", "output", "help"}
_ANY = "*"


def _command(case: str) -> list[str]:
    first, _, _ = (GOLDEN.folder / case / "input.yaml").read_text().partition("\n")
    assert first.startswith(_PROGRAM), f"{case}/input.yaml: its first line is the command that renders it"
    return shlex.split(first.removeprefix(_PROGRAM))


def _rendered(case: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(GOLDEN.folder / case)
    result = CliRunner().invoke(main, _command(case))
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_golden(case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rendered is what was agreed upon, to the byte."""
    output = _rendered(case, monkeypatch)
    if request.config.getoption("--regenerate"):
        GOLDEN.write(case, output, _rendered(GOLDEN.base, monkeypatch))
    assert output == GOLDEN.read(case)


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
        for case in GOLDEN.cases
        for path in _used(
            yaml.load((GOLDEN.folder / case / "input.yaml").read_text(), yaml.CSafeLoader)["spec"], (), fields
        )
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
    used = {word for case in GOLDEN.cases for word in _command(case)}
    assert sorted(options - used) == []


def test_every_kind_has_a_case() -> None:
    """Each kind of child is in an output."""
    found = {
        (child["apiVersion"], child["kind"])
        for case in GOLDEN.cases
        for child in yaml.load_all(GOLDEN.read(case), yaml.CSafeLoader)
    }
    assert found == {(kind.api_version, kind.kind) for kind in RENDERED}


def test_differences() -> None:
    """A hunk says where it is, and has the context that tells its place from another one that looks the same."""
    base = "kind: A\nspec:\n- {}\n- x: 1\n  y: 2\n---\nkind: B\nspec:\n- {}\n- x: 1\n  y: 2\n"
    head, _, tail = base.rpartition("y: 2")
    text = f"{head}y: 3{tail}"
    changes = difference(base, text)
    assert changes.splitlines()[0] == "@@ B: spec @@"
    assert patched(base, changes) == text
    assert difference(base, base) == ""
    with pytest.raises(HunkError, match="B: spec"):
        patched(base.replace("kind: B", "kind: C"), changes)
