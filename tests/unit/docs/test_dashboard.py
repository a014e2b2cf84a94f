"""The dashboard is what its generator writes, and readable for someone who sees it for the first time."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hack.observability.colours import BAD, CALLER, GOOD
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
_OF_PROMETHEUS: Final = re.compile(r"/annotations/list/\d+/(step|textFormat|titleFormat): unknown")
"""What Prometheus' data source reads of an annotation; the schema has only what all data sources have."""
_RUNBOOKS_AT: Final = "https://github.com/OWNER/tenantproxy/blob/main/docs/runbooks/"
_WORDS: Final = {"and", "bool", "offset", "on", "or", "unless"}


def test_it_is_up_to_date() -> None:
    """What is committed is what the generator writes."""
    command = (sys.executable, "-m", "hack.observability.dashboard", "--check")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def _complaints(dashboard: dict[str, Any]) -> list[str]:
    """Return what the schema has against a dashboard."""
    from support.tools.grafana import complaints  # noqa: PLC0415 - slow to load, and every worker collects this file

    return [found for found in complaints(dashboard) if not _OF_PROMETHEUS.fullmatch(found)]


def test_schema() -> None:
    """Grafana's published schema knows each field, and permits each word."""
    assert _complaints(DASHBOARD) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("targets", 0, "format"), "tabel", id="a word that there is not"),
        pytest.param(("options", "showHeadr"), True, id="a misspelt field"),
        pytest.param(("fieldConfig", "defaults", "unit"), 5, id="another type"),
        pytest.param(("transformations", 0, "identifier"), "merge", id="where the SDK does not look"),
    ],
)
def test_schema_sees_mistakes(path: tuple[str | int, ...], value: object) -> None:
    """One mistake is one complaint."""
    (table,) = (copy.deepcopy(panel) for panel in PANELS if panel["type"] == "table")
    dashboard = {"title": "one table", "panels": [table]}
    place: Any = table
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert len(_complaints(dashboard)) == 1


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    """A plain title, a unit, what it shows, and what to do; each line has a name."""
    assert re.fullmatch(r"[A-Z][\w ,:'-]+", panel["title"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert re.search(r"\bIf \S.*: ", panel["description"])
    assert all(target["legendFormat"] for target in panel["targets"])
    assert panel["targets"]
    assert all(part["datasource"] == SOURCE for part in (panel, *panel["targets"]))
    named = re.findall(r"\bTenantProxy[A-Z]\w+", panel["description"])
    assert set(named) <= RUNBOOKS
    assert [link["url"] for link in panel["links"]] == [f"${{runbooks}}{name}.md" for name in named]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_red_says_what_to_do(panel: dict[str, Any]) -> None:
    """Where a value can be red, the description says what to do then."""
    defaults = panel["fieldConfig"]["defaults"]
    columns = [each for column in panel["fieldConfig"]["overrides"] for each in column["properties"]]
    steps = [
        *defaults["thresholds"]["steps"],
        *(step for each in columns if each["id"] == "thresholds" for step in each["value"]["steps"]),
    ]
    mapped = [mapping["options"] for mapping in defaults.get("mappings", [])]
    mapped += [mapping["options"] for each in columns if each["id"] == "mappings" for mapping in each["value"]]
    colours = {step["color"] for step in steps}
    colours |= {state["color"] for options in mapped for state in options.values()}
    assert colours <= {GOOD, CALLER, BAD}
    if BAD in colours:
        assert re.search(r"\bIf [\w' ]+ is red\b[^:.]*: ", panel["description"])


def test_colours_mean_the_same_everywhere() -> None:
    """A status has one colour, in whatever panel: 2xx, 4xx and 5xx, whoever counts them."""
    panels = [panel for panel in PANELS if panel["type"] == "timeseries"]
    named = [panel for panel in panels if any("{{" in target["legendFormat"] for target in panel["targets"])]
    assert len(named) > 10
    for panel in named:
        found = {
            each["matcher"]["options"]: each["properties"][0]["value"]["fixedColor"]
            for each in panel["fieldConfig"]["overrides"]
        }
        for legend, colour in (("getOrder 200", GOOD), ("404", CALLER), ("status-503", BAD), ("False", BAD)):
            matching = [name for expression, name in found.items() if re.search(expression.strip("/"), legend)]
            assert matching == [colour], (panel["title"], legend)


def test_table_of_tenants() -> None:
    """A row for each namespace and tenant, whose click chooses both; every query has just these labels."""
    (table,) = (panel for panel in PANELS if panel["type"] == "table")
    for target in table["targets"]:
        assert (target["format"], target["instant"], target["range"]) == ("table", True, False)
        assert set(re.findall(r"\bby \((?!le\b)(.*?)\)", target["expr"])) <= {"namespace, tenant"}
    renamed = table["transformations"][-1]["options"]["renameByName"]
    assert list(renamed) == [f"Value #{target['refId']}" for target in table["targets"]]
    links = {
        each["matcher"]["options"]: each["properties"][0]["value"][0]["url"]
        for each in table["fieldConfig"]["overrides"]
        if each["properties"][0]["id"] == "links"
    }
    assert links["tenant"].startswith(f"/d/{DASHBOARD['uid']}?")
    for variable, field in (("tenant_namespace", "namespace"), ("tenant", "tenant")):
        assert f"&var-{variable}=${{__data.fields.{field}}}" in links["tenant"]
        assert variable in {each["name"] for each in DASHBOARD["templating"]["list"]}


def test_what_is_over_is_seen() -> None:
    """The time until a moment falls below nothing after it, and so does the axis."""
    graphs = [panel for panel in PANELS if panel["type"] == "timeseries"]
    panels = [panel for panel in graphs if any("- time()" in target["expr"] for target in panel["targets"])]
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
    recorded = re.sub(r"\btenantproxy:[\w:]+\[\d+d\]", "", query)
    assert set(re.findall(r"\[[^]]*\]", recorded)) <= {"[$__rate_interval]"}, title
    assert not re.search(r"\bjob\b", query), title
    for name, labels in re.findall(r"\b(tenantproxy_\w+)(\{[^}]*\})?", query):
        if not name.startswith("tenantproxy_operator_"):  # which are of all tenants
            of_one = row.endswith("$tenant_namespace/$tenant")
            assert ('namespace=~"$namespace"' in labels) != of_one, title
            assert ('namespace="$tenant_namespace", tenant="$tenant"' in labels) == of_one, title


@pytest.mark.parametrize(("row", "title", "query"), list(_titles_and_queries()))
def test_tenants_of_one_name_are_told_apart(row: str, title: str, query: str) -> None:
    """Whatever is shown by tenant is shown by namespace, too; one tenant is chosen by both."""
    del row
    for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", query):
        assert "tenant" not in labels.split(", ") or "namespace" in labels.split(", "), title
    (panel,) = (panel for panel in PANELS if panel["title"] == title)
    legends = "".join(target["legendFormat"] for target in panel["targets"])
    assert legends.count("{{tenant}}") == legends.count("{{namespace}}/{{tenant}}")


def test_what_is_chosen_at_the_top() -> None:
    """Prometheus, namespaces and tenant; links to the dashboard stay good, and Grafana knows the format."""
    assert DASHBOARD["uid"] == "tenantproxy"
    assert DASHBOARD["schemaVersion"] >= 39
    source, *others, runbooks = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert [variable["name"] for variable in others] == ["namespace", "tenant", "tenant_namespace"]
    for variable in others:
        assert variable["datasource"] == SOURCE
        label = variable["name"].removeprefix("tenant_")
        assert re.fullmatch(rf"label_values\(tenantproxy_build_info(\{{.*\}})?, {label}\)", variable["query"])
    assert (runbooks["name"], runbooks["type"], runbooks["query"]) == ("runbooks", "constant", _RUNBOOKS_AT)


def test_rows() -> None:
    """From the whole to its parts."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    of_one = ["Tenant $tenant_namespace/$tenant", "Store events of $tenant_namespace/$tenant"]
    assert rows == ["Fleet", *of_one, "Operator"]


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
    rules = yaml.load((FILES / "alerts.yaml").read_text(), yaml.CSafeLoader)["groups"]
    recorded = {rule["record"] for group in rules for rule in group["rules"] if "record" in rule}
    assert {name for name in used if ":" in name} == recorded
    assert {metric_of(name) for name in used - recorded} - {"up"} == documented()
