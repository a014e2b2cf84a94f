"""A panel in Grafana's words: its JSON model, which the schema of Grafana's Foundation SDK describes."""

import re
from typing import Any, Final

from hack.observability.colours import BAD, BY_MEANING, GOOD
from hack.observability.panel import Column, Panel, Shown

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
UID: Final = "tenantproxy"
_TENANT_LINK: Final = (
    f"/d/{UID}?${{__url_time_range}}&${{datasource:queryparam}}&${{namespace:queryparam}}"
    "&var-tenant_namespace=${__data.fields.namespace}&var-tenant=${__data.fields.tenant}"
)


def rendered(panel: Panel) -> dict[str, Any]:
    """Return a panel as Grafana has it, without its place."""
    found: dict[str, Any] = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "links": [_runbook(name) for name in re.findall(r"\bTenantProxy[A-Z]\w+", panel.description)],
        "fieldConfig": {"defaults": _shown(panel), "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            _target(index, query, legend, range=True) for index, (query, legend) in enumerate(panel.queries)
        ],
    }
    if panel.least is not None and panel.kind != "table":
        found["fieldConfig"]["defaults"]["min"] = panel.least
    return found | _BY_KIND[panel.kind](panel, found)


def _runbook(name: str) -> dict[str, Any]:
    return {
        "type": "link",
        "title": f"Runbook {name}",
        "url": f"${{runbooks}}{name}.md",
        "targetBlank": True,
    }


def _target(index: int, query: str, legend: str, **more: bool | str) -> dict[str, Any]:
    reference = {"refId": chr(ord("A") + index), "datasource": SOURCE}
    return reference | {"expr": query, "legendFormat": legend} | more


def _shown(shown: Shown) -> dict[str, Any]:
    """Return what a field says of its values: unit, thresholds, words."""
    steps: list[dict[str, Any]] = [{"color": GOOD, "value": None}]
    if shown.red_from is not None:
        steps.append({"color": BAD, "value": shown.red_from})
    if shown.red_below is not None:
        steps = [{"color": BAD, "value": None}, {"color": GOOD, "value": shown.red_below}]
    found: dict[str, Any] = {"unit": shown.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if shown.states:
        options = {
            str(value): {"text": text, "color": colour, "index": index}
            for index, (value, (text, colour)) in enumerate(shown.states.items())
        }
        found["mappings"] = [{"type": "value", "options": options}]
    return found


def _timeseries(panel: Panel, found: dict[str, Any]) -> dict[str, Any]:
    """Lines, in the colours of what they mean, else of their names; where it is red begins is a line, too."""
    defaults = found["fieldConfig"]["defaults"]
    defaults["color"] = {"mode": "palette-classic-by-name"}
    if len(defaults["thresholds"]["steps"]) > 1:
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    if any("{{" in legend for _, legend in panel.queries):
        found["fieldConfig"]["overrides"] = [
            {
                "matcher": {"id": "byRegexp", "options": expression},
                # Shades: several lines may mean the same.
                "properties": [{"id": "color", "value": {"mode": "shades", "fixedColor": colour}}],
            }
            for expression, colour in BY_MEANING
        ]
    return {}


def _stat(panel: Panel, found: dict[str, Any]) -> dict[str, Any]:
    del panel, found
    return {
        "options": {"colorMode": "background", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
    }


def _state_timeline(panel: Panel, found: dict[str, Any]) -> dict[str, Any]:
    del panel
    defaults = found["fieldConfig"]["defaults"]
    defaults["custom"] = {"lineWidth": 0, "fillOpacity": 85}
    del defaults["min"]
    return {
        "options": {
            "mergeValues": True,
            "rowHeight": 0.9,
            "showValue": "auto",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        }
    }


def _heatmap(panel: Panel, found: dict[str, Any]) -> dict[str, Any]:
    """Prometheus' buckets, one line of cells for each."""
    found["targets"] = [target | {"format": "heatmap", "exemplar": True} for target in found["targets"]]
    return {
        "options": {
            "calculate": False,
            "color": {
                "mode": "scheme",
                "scheme": "Blues",
                "scale": "exponential",
                "exponent": 0.5,
                "fill": "dark-blue",
                "steps": 64,
                "reverse": False,
            },
            "cellGap": 1,
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "unit": panel.unit},
        }
    }


def _table(panel: Panel, found: dict[str, Any]) -> dict[str, Any]:
    """Return a table: Grafana joins the results of its queries by their labels, namespace and tenant."""
    labels = ("namespace", "tenant")
    values = [f"Value #{chr(ord('A') + index)}" for index in range(len(panel.columns))]
    found["fieldConfig"]["defaults"]["custom"] = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": True,
        "inspect": False,
    }
    link = {"title": "Choose this tenant", "url": _TENANT_LINK}
    found["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": "tenant"}, "properties": [{"id": "links", "value": [link]}]},
        *(_column(column) for column in panel.columns),
    ]
    return {
        "options": {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": "OMS errors", "desc": True}],
        },
        "targets": [
            _target(index, column.query, column.title, range=False, instant=True, format="table")
            for index, column in enumerate(panel.columns)
        ],
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: index for index, name in enumerate([*labels, *values])},
                    "renameByName": dict(zip(values, (column.title for column in panel.columns), strict=True)),
                },
            },
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    shown = _shown(column)
    properties: list[dict[str, Any]] = [{"id": name, "value": value} for name, value in shown.items()]
    if column.states or column.red_from is not None or column.red_below is not None:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


_BY_KIND: Final = {
    "timeseries": _timeseries,
    "stat": _stat,
    "state-timeline": _state_timeline,
    "heatmap": _heatmap,
    "table": _table,
}
