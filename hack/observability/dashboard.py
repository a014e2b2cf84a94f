"""Write the Grafana dashboard, charts/tenantproxy/files/dashboard.json; with --check, say whether it is stale.

What it shows is in the files of the rows; here is how Grafana wants it: https://grafana.com/docs/grafana/latest/dashboards/
build-dashboards/view-dashboard-json-model/.
"""

import argparse
import json
import sys
from typing import Any, Final

from hack import ROOT
from hack.observability import fleet_row, operator_row, tenant_row
from hack.observability.panel import Panel

FILE: Final = ROOT / "charts" / "tenantproxy" / "files" / "dashboard.json"
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS: Final = 24
_ROW_HEIGHT: Final = 1
_RED: Final = "red"
ROWS: Final = (
    ("Fleet", fleet_row.PANELS),
    ("Tenant $tenant", tenant_row.PANELS),
    ("Operator", operator_row.PANELS),
)


def main() -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the Grafana dashboard.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether it is stale")
    text = json.dumps(dashboard(), indent=2, sort_keys=True) + "\n"
    if not parser.parse_args().check:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        print(f"{FILE.name} is stale: run `make crd` and commit it")
        return 1
    return 0


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return {
        "uid": "tenantproxy",
        "title": "TenantProxy",
        "description": "The fleet, one tenant, and the operator. Each panel says what to do when it is red.",
        "tags": ["tenantproxy"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "panels": list(_laid_out()),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        _variable("namespace", "Namespace", "label_values(tenantproxy_build_info, namespace)", everything=True),
        _variable("tenant", "Tenant", 'label_values(tenantproxy_build_info{namespace=~"$namespace"}, tenant)'),
    ]


def _variable(name: str, label: str, query: str, *, everything: bool = False) -> dict[str, Any]:
    variable: dict[str, Any] = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": query,
        "refresh": 2,  # with the time range
        "sort": 1,
    }
    if everything:
        variable |= {
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }
    return variable


def _laid_out() -> list[dict[str, Any]]:
    """Return all rows and panels, each with its place: from left to right, then in the next line."""
    found: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS:
        row = {"type": "row", "title": title, "collapsed": False, "panels": []}
        found.append(row | {"gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": _ROW_HEIGHT}})
        top += _ROW_HEIGHT
        left = height = 0
        for panel in panels:
            if left + panel.width > _COLUMNS:
                left, top, height = 0, top + height, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            found.append(_rendered(panel) | {"gridPos": place})
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return [panel | {"id": number} for number, panel in enumerate(found, start=1)]


def _rendered(panel: Panel) -> dict[str, Any]:
    """Return a panel as Grafana has it."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": _RED, "value": panel.red_from})
    if panel.red_below is not None:
        steps = [{"color": _RED, "value": None}, {"color": "green", "value": panel.red_below}]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.least is not None:
        defaults["min"] = panel.least
    if panel.words:
        options = {value: {"text": text} for value, text in panel.words.items()}
        defaults["mappings"] = [{"type": "value", "options": options}]
    shown: dict[str, Any] = {"tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "stat":
        shown = {"colorMode": "background", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
    elif len(steps) > 1:
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": shown,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
                "range": True,
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
