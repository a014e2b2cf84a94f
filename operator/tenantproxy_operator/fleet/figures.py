"""A tenant's figures: what its proxies have done between two looks, and how they stand. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tenantproxy.operations import OPERATIONS
from tenantproxy_operator.fleet.samples import Samples, growth

Credential = Literal["accepted", "rejected", "untried", "none"]
Circuit = Literal["closed", "half-open", "open"]

_READS: Final = frozenset(operation.name for operation in OPERATIONS)
_CIRCUITS: Final[Sequence[Circuit]] = ("closed", "half-open", "open")
"""By the value of their metric."""
_P99: Final = 0.99


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All None where no proxy could be looked at; those that need two looks also after the first one."""

    requests: float | None = None
    """Reads answered per second."""
    errors: float | None = None
    """The share of them that got a status of 500 or more, 0 to 1; None where there were no reads."""
    p99: float | None = None
    """Seconds within which 99 of 100 reads were answered; infinity beyond the last bucket."""
    oms: float | None = None
    """The OMS's share of the time that reads took, 0 to 1."""
    credential: Credential | None = None
    circuit: Circuit | None = None
    """Of the operation and the proxy where it is worst."""


def figures(before: Mapping[str, Samples], now: Mapping[str, Samples], seconds: float) -> Figures:
    """Return the figures of the proxies of one tenant, by the replicas' names; `seconds` lie between the looks."""
    grown = growth(before, now)
    state = Figures(credential=credential_of(now.values()), circuit=circuit_of(now.values()))
    if not grown or seconds <= 0:
        return state
    answered = _reads(grown, "tenantproxy_requests_total")
    total = sum(value for _, value in answered)
    failed = sum(value for labels, value in answered if labels.get("code", "").startswith("5"))
    took = sum(value for _, value in _reads(grown, "tenantproxy_request_duration_seconds_sum"))
    of_oms = sum(
        value
        for samples in grown
        for _, value in samples.select("tenantproxy_upstream_request_duration_seconds_sum")
    )
    return Figures(
        requests=total / seconds,
        errors=failed / total if total else None,
        p99=_quantile(_P99, _reads(grown, "tenantproxy_request_duration_seconds_bucket")),
        # What a cancelled request waited for the OMS is in no request's duration.
        oms=min(1.0, of_oms / took) if took else None,
        credential=state.credential,
        circuit=state.circuit,
    )


def _reads(grown: Iterable[Samples], name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (labels, value)
        for samples in grown
        for labels, value in samples.select(name)
        if labels.get("route") in _READS
    ]


def _quantile(share: float, buckets: Iterable[tuple[dict[str, str], float]]) -> float | None:
    """Return a quantile as PromQL's `histogram_quantile` does: evenly spread within a bucket; None of nothing."""
    by_bound: dict[float, float] = {}
    for labels, value in buckets:
        try:
            bound = float(labels.get("le", ""))
        except ValueError:
            continue
        by_bound[bound] = by_bound.get(bound, 0.0) + value
    if not (total := by_bound.get(math.inf)):
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for bound, upto in sorted(by_bound.items()):
        if upto >= rank:
            # In the last bucket there is no telling how long it took.
            return bound if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (upto - below)
        lower, below = bound, upto
    return None


def credential_of(replicas: Iterable[Samples]) -> Credential | None:
    """Return how the credential stands. What one replica has found out, all show, a moment later."""
    looked, accepted, configured = False, set[float](), False
    for samples in replicas:
        looked = True
        accepted |= {value for _, value in samples.select("tenantproxy_credentials_accepted")}
        configured |= any(value for _, value in samples.select("tenantproxy_credentials_info"))
    if not looked:
        return None
    if not configured:
        return "none"
    if not accepted:
        return "untried"
    return "rejected" if 0.0 in accepted else "accepted"


def circuit_of(replicas: Iterable[Samples]) -> Circuit | None:
    """Return how the circuit stands, of the operation and the replica where it is worst."""
    states = [int(value) for samples in replicas for _, value in samples.select("tenantproxy_circuit_state")]
    return _CIRCUITS[min(max(states), len(_CIRCUITS) - 1)] if states else None
