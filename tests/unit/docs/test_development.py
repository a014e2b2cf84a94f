"""docs/development.md and docs/security.md name layers, modules and tests that there are."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/development.md").read_text()
SECURITY: Final = (ROOT / "docs/security.md").read_text()
LINTER: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
SOURCES: Final = ("proxy/tenantproxy", "operator/tenantproxy_operator")


@pytest.mark.parametrize("package", ["tenantproxy", "tenantproxy_operator"])
def test_layers(package: str) -> None:
    """The page shows the layers that import-linter holds."""
    (layers,) = (each["layers"] for each in LINTER["contracts"] if each.get("containers") == [package])
    assert "\n".join(f"    {layer}" for layer in layers) in PAGE


@pytest.mark.parametrize("page", [PAGE, SECURITY], ids=["development", "security"])
def test_tests_exist(page: str) -> None:
    """Each test and helper that is named, with its folder below tests/, is there."""
    names = set(re.findall(r"`((?:unit|integration|e2e|support|apiserver)/[\w/*]+(?:\.\w+)?)`", page))
    assert len(names) > 10
    assert [name for name in names if not any((ROOT / "tests").glob(f"**/{name}"))] == []


def test_modules_exist() -> None:
    """Each module that is named by its folder is there, in one of the packages."""
    names = set(
        re.findall(r"`((?:api|auth|oms|credentials|orders|server|transport|controller|cache|kube)/\w+)`", PAGE)
    )
    assert len(names) > 15
    assert [
        name for name in names if not any((ROOT / source / f"{name}.py").is_file() for source in SOURCES)
    ] == []
