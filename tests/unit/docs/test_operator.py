"""docs/operator.md lists every option of `run`, with its environment variable and default."""

import re
from pathlib import Path

import click
import pytest

from tenantproxy_operator.cli.run import run

PAGE = (Path(__file__).parents[3] / "docs" / "operator.md").read_text()
ROWS = dict(re.findall(r"^\| `(--[a-z-]+)` \| (.+)$", PAGE, re.MULTILINE))
OPTIONS = {parameter.opts[-1]: parameter for parameter in run.params if isinstance(parameter, click.Option)}


def columns(option: str) -> list[str]:
    return [column.strip() for column in ROWS[option].split("|")]


def test_all_options() -> None:
    """No option is left out, none is invented."""
    assert ROWS.keys() == OPTIONS.keys()


@pytest.mark.parametrize("option", OPTIONS)
def test_environment_variable(option: str) -> None:
    """Each has the one that click reads."""
    found = OPTIONS[option].envvar or []
    variables = [found] if isinstance(found, str) else found
    assert columns(option)[0] == ", ".join(f"`{variable}`" for variable in variables)


@pytest.mark.parametrize("option", ["--workers", "--check-interval", "--admin", "--log-level", "--dns-port"])
def test_default(option: str) -> None:
    """Defaults are click's."""
    default = OPTIONS[option].default
    said = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    assert columns(option)[1] == said


@pytest.mark.parametrize("option", OPTIONS)
def test_repeatable(option: str) -> None:
    """What may be given several times says so."""
    assert ("repeatable" in columns(option)[2]) == OPTIONS[option].multiple
