"""Orders in the shapes of real order systems: a manifest alone brings each to the documented one."""

import functools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import yaml
from click.testing import CliRunner

from support.proxy.explaining import explained
from tenantproxy.cli.main import main as proxy
from tenantproxy.config import Mapping
from tenantproxy.operations import OPERATIONS
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.cli.main import main as operator
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLES: Final = Path(__file__).parents[4] / "examples" / "systems"
CASES: Final = Path(__file__).parents[3] / "cases" / "mapping"
SYSTEMS: Final = sorted(path.name for path in CASES.iterdir())


@pytest.mark.parametrize("system", SYSTEMS)
def test_system(system: str, tmp_path: Path) -> None:
    """`render --output config` and `map` make the expected order, to the last digit, without a warning."""
    case, config = CASES / system, tmp_path / "config.json"
    rendered = CliRunner().invoke(operator, ["render", "-f", f"{case}/manifest.yaml", "--output", "config"])
    assert (rendered.exit_code, rendered.stderr) == (0, "")
    config.write_text(rendered.stdout)
    mapped = CliRunner().invoke(proxy, ["map", "--config", str(config), f"{case}/answer.json"])
    assert (mapped.exit_code, mapped.stderr) == (0, "")
    expected = (case / "expected.json").read_text()
    assert json.loads(mapped.stdout, parse_float=Decimal) == json.loads(expected, parse_float=Decimal)


def answers() -> Iterator[tuple[Path, Path]]:
    """Return all manifests of systems, each with an answer of its OMS."""
    for path in (*CASES.glob("*/answer.json"), *EXAMPLES.glob("*/answers/*.json")):
        (manifest,) = (
            folder / "manifest.yaml" for folder in path.parents[:2] if (folder / "manifest.yaml").exists()
        )
        yield manifest, path


@functools.cache
def mapping_of(manifest: Path) -> Mapping:
    """Return the mapping of a manifest, of which most have several answers."""
    spec, *_ = yaml.load_all(manifest.read_text(), yaml.CSafeLoader)
    return render_config(TenantProxy.model_validate(spec), Settings()).mapping


@pytest.mark.parametrize(
    ("manifest", "path"), [pytest.param(*each, id="/".join(each[1].parts[-3:])) for each in answers()]
)
def test_explanation(manifest: Path, path: Path) -> None:
    """What `map --explain` says of these answers is so, whichever operation they are taken for."""
    for operation in OPERATIONS:
        explained(operation, mapping_of(manifest), path.read_bytes())


def test_there_are_systems() -> None:
    """None is left out by mistake."""
    assert len(SYSTEMS) >= 7
    assert len([*answers()]) > 50
