"""docs/metrics.md, the names of our metrics in queries, and what a process exports."""

import re
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

Interface = dict[str, tuple[str, set[str]]]
"""The types and labels of metrics by name, beside the constant label `tenant`."""
OF_EVERY_PROCESS: Final[Interface] = {
    "tenantproxy_token_fetch_total": ("counter", {"outcome"}),
    "tenantproxy_token_expiry_timestamp_seconds": ("gauge", set()),
    "tenantproxy_expiry_timestamp_seconds": ("gauge", {"of"}),
    "tenantproxy_credentials_info": ("gauge", {"type"}),
    "tenantproxy_credentials_accepted": ("gauge", set()),
    "tenantproxy_config_changes_total": ("counter", {"outcome"}),
    "tenantproxy_circuit_state": ("gauge", {"operation"}),
    "tenantproxy_build_info": ("gauge", {"version", "tenant_id"}),
    "tenantproxy_trace_spans_total": ("counter", {"outcome"}),
}
"""What a proxy and a relay export alike."""


def interface_of(exposition: bytes) -> Interface:
    """Return what a process exports; each metric has a description, and each series its tenant."""
    exported = {}
    for family in text_string_to_metric_families(exposition.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert {sample.labels["tenant"] for sample in family.samples} == {"acme"}
        labels = {label for sample in family.samples for label in sample.labels} - {"tenant", "le"}
        exported[name] = (family.type, labels)
        assert family.documentation
    return exported


def documented() -> set[str]:
    """Return the names that the page has."""
    return set(re.findall(r"^\| `(tenantproxy_\w+)`", _PAGE.read_text(), re.MULTILINE))


def metric_of(series: str) -> str:
    """Return the metric, as the page has it, of a series' name: a histogram has several."""
    return re.sub(r"_(bucket|sum|count)$", "", series)


def metrics_in(query: str) -> set[str]:
    """Return our metrics in a query, as the page has them."""
    return {metric_of(name) for name in re.findall(r"(?<!:)\btenantproxy_\w+", query)}


def most_series() -> int:
    """Return how many series of a proxy the page says that there may be."""
    (number,) = re.findall(r"can be counted,\s+it has (\d+),", _PAGE.read_text())
    return int(number)
