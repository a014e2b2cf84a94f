"""How many series a proxy has: docs/metrics.md prints it, and nobody outside can make more."""

import re
from pathlib import Path
from typing import Final

from support.metrics_page import most_series
from tenantproxy.config import Tenant
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.errors import FieldProblem
from tenantproxy.metrics import Metrics
from tenantproxy.operations import OPERATIONS
from tenantproxy.problems import PROBLEM_TYPES

PAGE: Final = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
READS: Final = [operation.name for operation in OPERATIONS]
ROUTES: Final = [*READS, "putProxyConfig", "preflight", "other"]
_CONNECTION: Final = ("connect", "disconnected", "dns", "egress", "forward-proxy", "http", "tls")
STATUSES: Final = range(100, 1000)
"""What HTTP/1.1 can say: three digits."""


def metrics() -> Metrics:
    """Return those of a proxy that has just begun, with a credential."""
    found = Metrics(Tenant(id="CIR7nQwtS0rA6t0S6ejd", name="acme", namespace="tenants"))
    found.credential_changed("oauth2", among=KINDS)
    for read in READS:
        found.show_circuit(read, lambda: "closed")
    return found


def series(found: Metrics) -> int:
    """Return how many lines a scrape has."""
    return sum(not line.startswith("#") for line in found.exposition().decode().splitlines())


def words(metric: str) -> list[str]:
    """Return what the page says that a metric's last label may be, but for statuses."""
    (row,) = re.findall(rf"^\| `tenantproxy_{metric}` \| `\w+` \| (.*) \|$", PAGE, re.MULTILINE)
    return [word for word in re.findall(r"`([a-z_-]+)`", row) if not word.startswith("status-")]


def printed(pattern: str) -> int:
    """Return a number on the page."""
    (number,) = re.findall(pattern, PAGE)
    return int(number.replace(",", ""))


def test_healthy() -> None:
    """Reads and searches that are answered, and orders that there are not."""
    found = metrics()
    found.credential_accepted(accepted=True)
    for read in READS:
        found.answered(read, 200, 0.1)
        found.upstream_called(read, 0.1)
    found.answered("getOrder", 404, 0.1)
    assert series(found) == printed(r"200 and 404 has (\d+) series")


def test_most() -> None:
    """All that can be counted: each route with each status, each reason, and servers that say what they like."""
    found = metrics()
    found.credential_accepted(accepted=True)
    found.token_expires(1_800_000_000.0)
    found.credential_changed("bearer", among=KINDS, expires_at=1_800_000_000.0)
    found.token_expires(1_800_000_000.0)
    found.credential_accepted(accepted=True)
    found.show_expiries(lambda: {"ca": 1.0, "client-certificate": 1.0})
    for route in ROUTES:
        for status in {200, 204, *(kind.status for kind in PROBLEM_TYPES.values())}:
            found.answered(route, status, 0.1)
        found.cancelled(route)
    for read in READS:
        found.upstream_called(read, 0.1)
    for reason in [*words("upstream_errors_total"), *(f"status-{status}" for status in STATUSES)]:
        found.upstream_failed(reason)
    rejected = [code for code, kind in PROBLEM_TYPES.items() if kind.counted_as == "rejected"]
    for reason in {*rejected, "no-token", "invalid-token", "pause", "caller-share", "late", "operation-share"}:
        found.rejected(reason)
    for reason in words("incomplete_searches_total"):
        found.search_cut(reason)
    no_connection = [word for word in words("upstream_errors_total") if word.startswith(_CONNECTION)]
    for outcome in [*words("token_fetch_total"), *no_connection, *(f"status-{status}" for status in STATUSES)]:
        found.token_fetched(outcome)
    for outcome in words("config_changes_total"):
        found.config_changed(outcome)
    found.contract_violated([FieldProblem(f"/field{number}", "is unknown") for number in range(1000)])
    most = most_series()
    assert series(found) == most
    assert printed(r"replicas have ([\d,]+) series") == 2000 * printed(r"200 and 404 has (\d+) series")
    assert printed(r"more than ([\d,]+)\.") == 2000 * most
