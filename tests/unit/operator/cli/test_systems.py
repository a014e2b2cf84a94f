"""Orders in the shapes of real order systems: a manifest alone brings each to the documented one."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from tenantproxy.cli.main import main as proxy
from tenantproxy_operator.cli.main import main as operator

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


def test_there_are_systems() -> None:
    """None is left out by mistake."""
    assert len(SYSTEMS) >= 7
