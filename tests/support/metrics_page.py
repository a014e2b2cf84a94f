"""docs/metrics.md, and the names of our metrics in queries."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


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
