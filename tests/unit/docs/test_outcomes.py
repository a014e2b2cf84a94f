"""docs/outcomes.md: its examples can be used, and its table has every meaning."""

import re
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest
import yaml

from tenantproxy import config
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND, compile_outcomes
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.problems import PROBLEM_TYPES

PAGE: Final = (Path(__file__).parents[3] / "docs/outcomes.md").read_text()
EXAMPLES: Final = [
    yaml.load(block, yaml.CSafeLoader) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]


def _outcomes(example: dict[str, Any]) -> dict[str, Any]:
    """Return the outcomes of an example, by operation; a bare list is of reading one order."""
    if "outcomes" in example:
        return {GET_ORDER.name: example["outcomes"]}
    operations = example["spec"]["upstream"]["operations"]
    return {name: endpoint["outcomes"] for name, endpoint in operations.items()}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: dict[str, Any]) -> None:
    """Each is accepted by the proxy."""
    outcomes = _outcomes(example)
    assert outcomes
    for operation in (GET_ORDER, SEARCH_ORDERS):
        compile_outcomes(operation, msgspec.convert(outcomes.get(operation.name, []), tuple[config.Outcome, ...]))


def test_meanings() -> None:
    """The table has every meaning, with the status that the caller gets."""
    rows = dict(re.findall(r"^\| `([a-z-]+)`[^|]*\| (\d{3})", PAGE, re.MULTILINE))
    meanings = get_args(config.Outcome.__annotations__["means"])
    assert rows == {
        means: "200" if means == NO_ORDERS_FOUND else str(PROBLEM_TYPES[means].status) for means in meanings
    }
