"""What a look showed, as JSON: for `top --json`. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from tenantproxy_operator.fleet.table import Row


def document(rows: Sequence[Row], problems: Sequence[str], seconds: float | None) -> dict[str, Any]:
    """Return one document; `seconds` lie between the two looks that rates are from."""
    return {
        "seconds": None if seconds is None else round(seconds, 3),
        "tenants": [_tenant(each) for each in rows],
        "problems": list(problems),
    }


def _relay(each: Row) -> dict[str, Any] | None:
    relays, events = each.view.relays, each.events
    if relays is None or events is None:
        return None
    return {
        "readyReplicas": sum(relay.ready for relay in relays),
        "replicas": len(relays),
        "eventsPerSecond": events.events,
        "failedShare": events.failed,
    }


def _tenant(each: Row) -> dict[str, Any]:
    view, figures = each.view, each.figures
    return {
        "tenant": view.key.name,
        "namespace": view.key.namespace,
        "tenantId": view.tenant_id,
        "level": each.level.name.lower(),
        "troubles": [trouble.text for trouble in each.troubles],
        "suspended": view.suspended,
        "readyReplicas": sum(replica.ready for replica in view.replicas),
        "replicas": len(view.replicas),
        "credential": figures.credential,
        "circuit": figures.circuit,
        "readsPerSecond": figures.requests,
        "errorShare": figures.errors,
        # JSON has no infinity; this is how Prometheus writes it.
        "p99Seconds": "+Inf" if figures.p99 is not None and math.isinf(figures.p99) else figures.p99,
        "omsShare": figures.oms,
        "relay": _relay(each),
    }
