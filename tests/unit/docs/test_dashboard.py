"""The dashboard is what its generator writes, and readable for someone who sees it for the first time."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from support.metrics_page import documented, metric_of

ROOT: Final = Path(__file__).parents[3]
FILES: Final = ROOT / "charts/tenantproxy/files"
DASHBOARD: Final[dict[str, Any]] = json.loads((FILES / "dashboard.json").read_text())
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RUNBOOKS: Final = {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_NO_NAMES: Final = re.compile(
    r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring|group_left|group_right) *\([^)]*\)'
)
"""Of PromQL, what has labels and windows, but no metric."""
_WORDS: Final = {"and", "bool", "offset", "on", "or", "unless"}


def test_it_is_up_to_date() -> None:
    """What is committed is what the generator writes."""
    command = (sys.executable, "-m", "hack.observability.dashboard", "--check")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    """A plain title, a unit, what it shows, and what to do; each line has a name."""
    assert re.fullmatch(r"[A-Z][\w ,:'-]+", panel["title"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert re.search(r"\bIf \S.*: ", panel["description"])
    assert all(target["legendFormat"] for target in panel["targets"])
    assert panel["targets"]
    assert all(part["datasource"] == SOURCE for part in (panel, *panel["targets"]))
    assert set(re.findall(r"\bTenantProxy[A-Z]\w+", panel["description"])) <= RUNBOOKS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_red_says_what_to_do(panel: dict[str, Any]) -> None:
    """Where a value can be red, the description says what to do then."""
    if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1:
        assert re.search(r"\bIf [\w' ]+ is red\b[^:.]*: ", panel["description"])


def test_what_is_over_is_seen() -> None:
    """The time until a moment falls below nothing after it, and so does the axis."""
    panels = [panel for panel in PANELS if any("- time()" in target["expr"] for target in panel["targets"])]
    assert panels
    assert all("min" not in panel["fieldConfig"]["defaults"] for panel in panels)


def _titles_and_queries() -> Iterator[tuple[str, str, str]]:
    """Yield each query with the titles of its row and panel."""
    row = ""
    for panel in DASHBOARD["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        for target in panel.get("targets", []):
            yield row, panel["title"], target["expr"]


@pytest.mark.parametrize(("row", "title", "query"), list(_titles_and_queries()))
def test_query(row: str, title: str, query: str) -> None:
    """It asks for what is chosen at the top, over a window that fits the zoom, whatever the job is called."""
    assert set(re.findall(r"\[[^]]*\]", query)) <= {"[$__rate_interval]"}, title
    assert not re.search(r"\bjob\b", query), title
    for name, labels in re.findall(r"\b(tenantproxy_\w+)(\{[^}]*\})?", query):
        if not name.startswith("tenantproxy_operator_"):  # which are of all tenants
            assert 'namespace=~"$namespace"' in labels, title
            assert ('tenant="$tenant"' in labels) == (row == "Tenant $tenant"), title


def test_what_is_chosen_at_the_top() -> None:
    """Prometheus, namespaces and tenant; links to the dashboard stay good, and Grafana knows the format."""
    assert DASHBOARD["uid"] == "tenantproxy"
    assert DASHBOARD["schemaVersion"] >= 39
    source, *others = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert [variable["name"] for variable in others] == ["namespace", "tenant"]
    for variable in others:
        assert variable["datasource"] == SOURCE
        query = rf"label_values\(tenantproxy_build_info(\{{.*\}})?, {variable['name']}\)"
        assert re.fullmatch(query, variable["query"])


def test_rows() -> None:
    """From the whole to its parts."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Fleet", "Tenant $tenant", "Operator"]


def test_no_two_panels_in_one_place() -> None:
    """Each has a number and a place of its own, within Grafana's 24 columns."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_all_metrics_are_shown() -> None:
    """Each metric that is documented is in a panel, and no other but Prometheus' own `up`."""
    used: set[str] = set()
    for _, _, query in _titles_and_queries():
        used |= set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?! *\()", _NO_NAMES.sub(" ", query))) - _WORDS
    assert {metric_of(name) for name in used} - {"up"} == documented()
