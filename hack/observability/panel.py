"""A panel, as the rows of the dashboard state it; and what their queries have in common.

Prometheus gives each series of a pod the labels `namespace` and `pod`; `tenant` is the proxies' own.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from tenantproxy.operations import OPERATIONS

FLEET: Final = 'namespace=~"$namespace"'
ONE: Final = 'namespace=~"$namespace", tenant="$tenant"'
WINDOW: Final = "[$__rate_interval]"
READS: Final = f'route=~"{"|".join(operation.name for operation in OPERATIONS)}"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel: a question that it answers, in a title, and how to read the answer."""

    title: str
    unit: str
    """Grafana's name of it."""
    description: str
    """What is shown, and what to do when it is red."""
    queries: tuple[tuple[str, str], ...]
    """PromQL, each with its legend."""
    kind: Literal["timeseries", "stat"] = "timeseries"
    red_from: float | None = None
    red_below: float | None = None
    least: float | None = 0
    """Where its axis begins; None: with the data, which may be negative."""
    words: dict[str, str] = field(default_factory=dict)
    """For values that stand for a word."""
    width: int = 8
    height: int = 8


def stat(title: str, unit: str, query: str, description: str, *, red_from: float | None = None) -> Panel:
    """Return a number, with its colour as the background."""
    return Panel(
        title=title,
        unit=unit,
        description=description,
        queries=((query, "now"),),
        kind="stat",
        width=4,
        height=5,
        red_from=red_from,
    )


def percentile(share: float, metric: str, labels: str, by: str = "") -> str:
    """Return the query of a percentile of a histogram, by the labels `by`."""
    inner = f"sum by ({f'le, {by}' if by else 'le'}) (rate({metric}_bucket{{{labels}}}{WINDOW}))"
    return f"histogram_quantile({share}, {inner})"


def rates(metric: str, by: str, where: str = "") -> str:
    """Return the query of how fast a counter grows, by the labels `by`, of the series `where`."""
    return f"sum by ({by}) (rate({metric}{f'{{{where}}}' if where else ''}{WINDOW}))"
