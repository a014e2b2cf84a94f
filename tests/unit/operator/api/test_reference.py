"""The generated reference."""

import re
from pathlib import Path

from tenantproxy_operator.api.reference import reference_markdown

COMMITTED = Path(__file__).parents[4] / "docs" / "reference.md"


def test_committed_file_is_up_to_date() -> None:
    """docs/reference.md is what the models generate."""
    assert COMMITTED.read_text() == reference_markdown(), (
        "docs/reference.md is stale: run `make crd` and commit it"
    )


def test_has_every_field() -> None:
    """Fields of objects, of maps' values and of lists' elements, of spec and status."""
    reference = reference_markdown()
    for path in (
        "tenantId",
        "operations.getOrder.path",
        "getOrder.fields.<name>.fields.<name>.fields.<name>.const",
        "limits.ephemeral-storage",
        "hostnames",
        "[].lastTransitionTime",
        "updatedAt",
    ):
        assert f"| `{path}` |" in reference, path


def test_row() -> None:
    """A row says type, default, bounds and meaning."""
    rows = reference_markdown().splitlines()
    assert "| `minReplicas` | integer | `2` | 1 to 100 | Minimum number of proxies. |" in rows
    assert "| `maxReplicas` | integer | required | 1 to 100 | Maximum number of proxies. |" in rows


def test_tables_are_whole() -> None:
    """No bar inside a cell ends it: every row has five cells."""
    rows = [line for line in reference_markdown().splitlines() if line.startswith("|")]
    assert len(rows) > 60
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_rules() -> None:
    """What CEL checks is there, in the words of the error."""
    rule = "- `replicas`: can't be combined with autoscaling, which sets it; remove one of the two."
    assert rule in reference_markdown().splitlines()
