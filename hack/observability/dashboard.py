"""Write the Grafana dashboard, charts/tenantproxy/files/dashboard.json; with --check, say whether it is stale.

What it shows is in the files of the rows; here is how Grafana wants it: https://grafana.com/docs/grafana/latest/dashboards/
build-dashboards/view-dashboard-json-model/.
"""

import argparse
import json
import sys
from typing import Any, Final

from hack import ROOT
from hack.observability import events_row, fleet_row, operator_row, tenant_row
from hack.observability.colours import CALLER, GOOD, OTHER
from hack.observability.grafana import SOURCE, UID, rendered
from hack.observability.panel import FLEET, ONE, WINDOW

FILE: Final = ROOT / "charts" / "tenantproxy" / "files" / "dashboard.json"
_COLUMNS: Final = 24
_ROW_HEIGHT: Final = 1
_RUNBOOKS: Final = "https://github.com/OWNER/tenantproxy/blob/main/docs/runbooks/"
"""As in alerts.yaml; the chart replaces both by `prometheusRule.runbookUrl`."""
ROWS: Final = (
    ("Fleet", fleet_row.PANELS),
    ("Tenant $tenant_namespace/$tenant", tenant_row.PANELS),
    ("Store events of $tenant_namespace/$tenant", events_row.PANELS),
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
        "uid": UID,
        "title": "TenantProxy",
        "description": "Fleet, tenant, its store events, operator. Each panel says what to do when it is red.",
        "tags": ["tenantproxy"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": _annotations()},
        "links": [{"type": "link", "title": "Runbooks", "url": "${runbooks}README.md", "targetBlank": True}],
        "panels": list(_laid_out()),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        _variable("namespace", "Namespace", "label_values(tenantproxy_build_info, namespace)", everything=True),
        _variable("tenant", "Tenant", 'label_values(tenantproxy_build_info{namespace=~"$namespace"}, tenant)'),
        # Two namespaces may have a tenant of one name.
        _variable(
            "tenant_namespace",
            "Its namespace",
            'label_values(tenantproxy_build_info{namespace=~"$namespace", tenant="$tenant"}, namespace)',
        ),
        {
            "name": "runbooks",
            "type": "constant",
            "hide": 2,  # the variable
            "query": _RUNBOOKS,
            "current": {"text": _RUNBOOKS, "value": _RUNBOOKS},
        },
    ]


def _annotations() -> list[dict[str, Any]]:
    """Return what is marked on all time axes: what changes, by whom it is changed."""
    return [
        _annotation(
            "Rollouts of an image or setting",
            OTHER,
            "max by (namespace) (tenantproxy_operator_rollout_pending) > 0",
            "Tenants wait for their turn in a rollout of an image or setting",
        ),
        _annotation(
            "New pods of the tenant",
            GOOD,
            f"count by (namespace, tenant, version) (tenantproxy_build_info{{{ONE}}}"
            f" unless on (namespace, pod) (tenantproxy_build_info{{{ONE}}} offset 2m))",
            "New pods of {{namespace}}/{{tenant}}, version {{version}}",
        ),
        _annotation(
            "Changes of credentials",
            CALLER,
            f'sum by (namespace, tenant) (increase(tenantproxy_config_changes_total{{{FLEET}, outcome="success"}}'
            f"{WINDOW})) > 0",
            "Another credential for {{namespace}}/{{tenant}}",
        ),
    ]


def _annotation(name: str, colour: str, query: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": query,
        "step": "60s",
        "titleFormat": name,
        "textFormat": text,
    }


def _variable(name: str, label: str, query: str, *, everything: bool = False) -> dict[str, Any]:
    variable: dict[str, Any] = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
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
            found.append(rendered(panel) | {"gridPos": place})
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return [panel | {"id": number} for number, panel in enumerate(found, start=1)]


if __name__ == "__main__":
    sys.exit(main())
