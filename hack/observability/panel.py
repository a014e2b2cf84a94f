"""A panel, as the rows of the dashboard state it; and what their queries have in common.

Prometheus gives each series of a pod the labels `namespace` and `pod`; `tenant` is the proxies' own. Two
namespaces may have a tenant of one name: both labels together say which.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from hack.observability.colours import States
from tenantproxy.operations import OPERATIONS

FLEET: Final = 'namespace=~"$namespace"'
ONE: Final = 'namespace="$tenant_namespace", tenant="$tenant"'
EACH: Final = "namespace, tenant"
WINDOW: Final = "[$__rate_interval]"
READS: Final = f'route=~"{"|".join(operation.name for operation in OPERATIONS)}"'


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How values are shown."""

    unit: str = "none"
    """Grafana's name of it."""
    red_from: float | None = None
    red_below: float | None = None
    states: States = field(default_factory=dict)
    """Where a value stands for a word."""


@dataclass(frozen=True, kw_only=True)
class Column(Shown):
    """A column of a table: its title, and a query with a result for each namespace and tenant."""

    title: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Panel(Shown):
    """A panel: a question that it answers, in a title, and how to read the answer."""

    title: str
    description: str
    """What is shown, and what to do when it is red; its links lead to the runbooks that this names."""
    queries: tuple[tuple[str, str], ...] = ()
    """PromQL, each with its legend."""
    columns: tuple[Column, ...] = ()
    """In place of `queries`, of a table."""
    kind: Literal["timeseries", "stat", "state-timeline", "heatmap", "table"] = "timeseries"
    least: float | None = 0
    """Where its axis begins; None: with the data, which may be negative."""
    width: int = 8
    height: int = 8


def stat(
    title: str,
    unit: str,
    query: str,
    description: str,
    *,
    red_from: float | None = None,
    red_below: float | None = None,
) -> Panel:
    """Return a number, with its colour as the background."""
    return Panel(
        title=title,
        unit=unit,
        description=description,
        queries=((query, "now"),),
        kind="stat",
        width=6,
        height=4,
        red_from=red_from,
        red_below=red_below,
    )


def percentile(share: float, metric: str, labels: str, by: str = "") -> str:
    """Return the query of a percentile of a histogram, by the labels `by`."""
    inner = f"sum by ({f'le, {by}' if by else 'le'}) (rate({metric}_bucket{{{labels}}}{WINDOW}))"
    return f"histogram_quantile({share}, {inner})"


def rates(metric: str, by: str, where: str = "") -> str:
    """Return the query of how fast a counter grows, by the labels `by`, of the series `where`."""
    return f"sum by ({by}) (rate({metric}{f'{{{where}}}' if where else ''}{WINDOW}))"
