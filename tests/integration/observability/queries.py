"""The queries of the dashboard and of the alerts, and what a test has to put into them."""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[3]
_FILES: Final = ROOT / "charts" / "tenantproxy" / "files"
_WINDOW: Final = "15s"
"""In place of minutes and hours: the test's traffic is no older."""


class Place(NamedTuple):
    """Where a row or a panel is: in Grafana's grid, which has 24 columns."""

    x: int
    y: int
    w: int
    h: int


class Panel(NamedTuple):
    """A panel of the dashboard."""

    kind: str
    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    """Each with its legend."""
    steps: tuple[tuple[float | None, str], ...]
    """From where on it has which colour; None: from the beginning."""
    place: Place

    def is_red(self, value: float) -> bool:
        """Return whether a value is red."""
        return [colour for begin, colour in self.steps if begin is None or value >= begin][-1] == "red"

    @property
    def bounds(self) -> list[float]:
        """Where red begins or ends."""
        return [begin for begin, _ in self.steps if begin is not None]


class Alert(NamedTuple):
    """An alert, by its name."""

    name: str
    query: str


def rows() -> list[tuple[str, Place]]:
    """Return all rows, each with its title and place."""
    found = (panel for panel in _dashboard()["panels"] if panel["type"] == "row")
    return [(row["title"], Place(**row["gridPos"])) for row in found]


def panels() -> list[Panel]:
    """Return all panels that have queries."""
    return [_panel(panel) for panel in _dashboard()["panels"] if panel["type"] != "row"]


def _panel(panel: dict[str, Any]) -> Panel:
    defaults = panel["fieldConfig"]["defaults"]
    return Panel(
        kind=panel["type"],
        title=panel["title"],
        unit=defaults["unit"],
        queries=tuple((target["expr"], target["legendFormat"]) for target in panel["targets"]),
        steps=tuple((step["value"], step["color"]) for step in defaults["thresholds"]["steps"]),
        place=Place(**panel["gridPos"]),
    )


def variables() -> list[str]:
    """Return the queries of the dashboard's variables."""
    return [each["query"] for each in _dashboard()["templating"]["list"] if each["type"] == "query"]


def alerts() -> list[Alert]:
    """Return all alerts."""
    document = yaml.safe_load((_FILES / "alerts.yaml").read_text())
    rules = (rule for group in document["groups"] for rule in group["rules"])
    return [Alert(rule["alert"], rule["expr"]) for rule in rules if "alert" in rule]


def filled(query: str) -> str:
    """Return a query as the test asks it: any namespace and tenant, and short windows."""
    query = re.sub(r"\$\{?(__rate_interval|__range|__interval)\}?", _WINDOW, query)
    query = re.sub(r'=~?"\$(tenant|namespace)"', '=~".*"', query)
    query = re.sub(r"\[\d+[smhdw](?=[\]:])", f"[{_WINDOW}", query)
    query = re.sub(r"offset \d+[smhdw]", f"offset {_WINDOW}", query)
    assert "$" not in query, query
    return query


def relabelling() -> list[Any]:
    """Return what docs/observability.md gives for a Prometheus without prometheus-operator."""
    page = (ROOT / "docs" / "observability.md").read_text()
    (block,) = re.findall(r"^```yaml\n(scrape_configs:.*?)^```", page, re.MULTILINE | re.DOTALL)
    (job,) = yaml.safe_load(block)["scrape_configs"]
    return list(job["relabel_configs"])


def exported(exposition: str) -> set[str]:
    """Return the names in what a process exports."""
    return set(re.findall(r"^# TYPE (\S+) ", exposition, re.MULTILINE))


def _dashboard() -> dict[str, Any]:
    return dict(json.loads((_FILES / "dashboard.json").read_text()))
