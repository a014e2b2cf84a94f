"""The dashboard's panels, variables and annotations, and what a test has to put into their queries."""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[3]
_DASHBOARD: Final = ROOT / "charts" / "tenantproxy" / "files" / "dashboard.json"
WINDOW: Final = "15s"
"""In place of minutes, hours and days: the test's traffic is no older."""


class Place(NamedTuple):
    """Where a row or a panel is: in Grafana's grid, which has 24 columns."""

    x: int
    y: int
    w: int
    h: int


class Field(NamedTuple):
    """How values are shown: unit, thresholds, words."""

    unit: str
    steps: tuple[tuple[float | None, str], ...]
    """From where on it has which colour; None: from the beginning."""
    states: dict[float, tuple[str, str]]
    """A value's word and colour."""

    def colour(self, value: float) -> str:
        """Return a value's colour."""
        if value in self.states:
            return self.states[value][1]
        return [colour for begin, colour in self.steps if begin is None or value >= begin][-1]

    @property
    def colours(self) -> set[str]:
        """All colours that a value may have."""
        return {colour for _, colour in self.steps} | {colour for _, colour in self.states.values()}

    @property
    def bounds(self) -> list[float]:
        """Where one colour ends and the next begins."""
        return [begin for begin, _ in self.steps if begin is not None]


class Panel(NamedTuple):
    """A panel of the dashboard."""

    kind: str
    title: str
    field: Field
    columns: dict[str, Field]
    """Of a table, by title."""
    colours: tuple[tuple[str, str], ...]
    """For legends that match, which colour they have."""
    queries: tuple[tuple[str, str], ...]
    """Each with its legend."""
    place: Place


def rows() -> list[tuple[str, Place]]:
    """Return all rows, each with its title and place."""
    found = (panel for panel in _dashboard()["panels"] if panel["type"] == "row")
    return [(row["title"], Place(**row["gridPos"])) for row in found]


def panels() -> list[Panel]:
    """Return all panels that have queries."""
    return [_panel(panel) for panel in _dashboard()["panels"] if panel["type"] != "row"]


def _panel(panel: dict[str, Any]) -> Panel:
    overrides = [
        (each["matcher"], {prop["id"]: prop["value"] for prop in each["properties"]})
        for each in panel["fieldConfig"]["overrides"]
    ]
    return Panel(
        kind=panel["type"],
        title=panel["title"],
        field=_field(panel["fieldConfig"]["defaults"]),
        columns={matcher["options"]: _field(found) for matcher, found in overrides if "unit" in found},
        colours=tuple(
            (matcher["options"].strip("/"), found["color"]["fixedColor"])
            for matcher, found in overrides
            if matcher["id"] == "byRegexp"
        ),
        queries=tuple((target["expr"], target["legendFormat"]) for target in panel["targets"]),
        place=Place(**panel["gridPos"]),
    )


def _field(found: dict[str, Any]) -> Field:
    states = {
        float(value): (state["text"], state["color"])
        for mapping in found.get("mappings", [])
        for value, state in mapping["options"].items()
    }
    steps = tuple((step["value"], step["color"]) for step in found["thresholds"]["steps"])
    return Field(found["unit"], steps, states)


def variables() -> list[str]:
    """Return the queries of the dashboard's variables."""
    return [each["query"] for each in _dashboard()["templating"]["list"] if each["type"] == "query"]


def annotations() -> dict[str, str]:
    """Return the queries of what is marked on the time axes, by name."""
    return {each["name"]: each["expr"] for each in _dashboard()["annotations"]["list"]}


def filled(query: str) -> str:
    """Return a query of the dashboard as the test asks it: any namespace and tenant, and short windows."""
    query = re.sub(r"\$\{?(__rate_interval|__range|__interval)\}?", WINDOW, query)
    query = re.sub(r'=~?"\$(tenant|namespace|tenant_namespace)"', '=~".*"', query)
    query = shortened(query)
    assert "$" not in query.replace('"$1"', ""), query
    return query


def shortened(query: str) -> str:
    """Return a query with short windows."""
    query = re.sub(r"\[\d+[smhdw](?=[\]:])", f"[{WINDOW}", query)
    return re.sub(r"offset \d+[smhdw]", f"offset {WINDOW}", query)


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
    return dict(json.loads(_DASHBOARD.read_text()))
