"""All checks, in the order in which they run: what others need comes first."""

from typing import Final

from tenantproxy.conformance.check import Check
from tenantproxy.conformance.checks.auth import AUTH
from tenantproxy.conformance.checks.headers import HEADERS
from tenantproxy.conformance.checks.http import HTTP
from tenantproxy.conformance.checks.ids import IDS
from tenantproxy.conformance.checks.latency import LATENCY
from tenantproxy.conformance.checks.order import ORDER
from tenantproxy.conformance.checks.poslog import POSLOG
from tenantproxy.conformance.checks.search import SEARCH
from tenantproxy.conformance.checks.tls import TLS
from tenantproxy.conformance.checks.token import TOKEN

GROUPS: Final = (HTTP, TLS, TOKEN, AUTH, ORDER, SEARCH, IDS, HEADERS, LATENCY, POSLOG)


def _in_order() -> tuple[Check, ...]:
    """Return all checks, each behind those that it needs, with all that these need."""
    waiting = [check for group in GROUPS for check in group.checks]
    ordered: dict[str, Check] = {}
    while waiting:
        ready = [check for check in waiting if all(need in ordered for need in check.needs)]
        assert ready, [check.id for check in waiting]  # noqa: S101 - else they need each other, or what is not there
        needed = dict.fromkeys(each for need in ready[0].needs for each in (*ordered[need].needs, need))
        ordered[ready[0].id] = ready[0]._replace(needs=tuple(needed))
        waiting.remove(ready[0])
    return tuple(ordered.values())


CHECKS: Final = _in_order()
