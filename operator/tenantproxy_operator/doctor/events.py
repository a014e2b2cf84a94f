"""Why events don't reach the OMS: by what a tenant's PosLog relays have counted."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tenantproxy_operator.doctor.commands import KEYS, LOGS, change, spec
from tenantproxy_operator.doctor.conditions import finding
from tenantproxy_operator.doctor.finding import Finding, Row, Severity, Turn
from tenantproxy_operator.doctor.reads import Count, code_of, row_of, severity_of
from tenantproxy_operator.doctor.view import Process, TenantView

_EVENTS: Final = "tenantproxy_poslog_events_total"
_KEY_MISSING: Final = "tenantproxy_poslog_key_missing"
_PAGE: Final = "store-events"
_EXTERNAL: Final[Turn] = "who sets up ExternalEvents"


def _row(turn: Turn, next_: str, says: str, severity: Severity = Severity.FAILING) -> Row:
    return Row(severity, turn, next_, _PAGE, says)


ROWS: Final[Mapping[str, Row]] = {
    "poslog-stopped": _row(
        "OMS developers",
        "kubectl rollout restart deployment/{name}-poslog -n {namespace}; before that have the OMS take events",
        "the OMS has answered 410: it is sent nothing until relays are restarted",
    ),
    "poslog-paused": _row(
        "nobody, it passes by itself",
        f"{LOGS}; they say until when",
        "the OMS has asked for a pause",
        Severity.NOTE,
    ),
    "event-refused": _row(
        "OMS developers",
        f"{LOGS} | grep event-refused; look for the correlation id in the OMS's log",
        "the OMS refuses them",
    ),
    "poslog-secret-missing": _row(
        "who fills the Secret",
        f"{KEYS}; set the key in the Secret as docs/pickups.md says",
        "a key is missing or unusable",
    ),
    "event-unauthorized": _row(
        _EXTERNAL,
        f"{spec('poslog', 'verification')}; compare the webhook with spec.poslog and the Secret",
        "the relay does not take them for ExternalEvents'",
    ),
    "malformed-event": _row(
        _EXTERNAL, "tenantproxy poslog inspect FILE; FILE has one from the journal", "they can't be read"
    ),
    "unsupported-event-type": _row(
        _EXTERNAL,
        f"{LOGS} | grep unsupported-event-type; take other sources out of the webhook",
        "of another source",
    ),
    "not-found": _row(
        _EXTERNAL,
        "kubectl get tp/{name} -n {namespace} -o jsonpath='{{.status.poslogEndpoint}}'; the webhook's path",
        "they are sent to another path than the relay's",
    ),
    "event-too-large": _row(
        "platform team",
        change("poslog.limits.maxPoslogBytes", '"MORE"'),
        "they are larger than spec.poslog.limits",
    ),
}
"""By the error code, or by what relays show beside their counts."""
_BY_REASON: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("no-signature", "wrong-signature", "wrong-login", "no-token", "invalid-token"),
        "event-unauthorized",
    ),
    "secret-missing": "poslog-secret-missing",
}
"""The error code of a reason that says more."""
_REFUSED: Final = re.compile(r"status-[34]\d\d")
"""Statuses of the OMS that are about the event; those about the credential, or about how many, are as of reads."""
_AS_OF_READS: Final = frozenset({"status-401", "status-403", "status-429"})


def of_events(view: TenantView) -> Iterator[Finding]:
    """Yield what events have met, by the relays' metrics."""
    processes = view.relays
    for id_, metric in (
        ("poslog-stopped", "tenantproxy_poslog_stopped"),
        ("poslog-paused", "tenantproxy_poslog_paused"),
    ):
        if any(value for process in processes if process.now for _, value in process.now.select(metric)):
            yield finding(view, id_, ROWS[id_])
    keys = _missing_keys(processes)
    if keys:
        row = ROWS["poslog-secret-missing"]
        says = f"every event is refused; missing in the Secret, or unusable: {', '.join(keys)}"
        yield finding(view, "poslog-secret-missing", row, says=says)
    counts = [*_counts(processes)]
    all_events = sum((count for _, _, count in counts), Count())
    met: dict[str, Count] = {}
    words: dict[str, set[str]] = {}
    for outcome, reason, count in counts:
        if outcome in ("failed", "refused") and count.total:
            id_ = _code_of(reason)
            met[id_] = met.get(id_, Count()) + count
            words.setdefault(id_, set()).add(reason)
    for id_, count in met.items():
        if keys and id_ == "poslog-secret-missing":
            continue
        row = ROWS.get(id_) or row_of(id_)
        finer = f" ({', '.join(sorted(words[id_] - {id_}))})" if words[id_] - {id_} else ""
        says = f"{count.total:.0f} of {all_events.total:.0f} events: {row.says}{finer}"
        since = min((process.since for process in processes if process.since), default="")
        yield finding(view, id_, row, says=says, since=since, severity=severity_of(row, count, all_events))


def _missing_keys(processes: Iterable[Process]) -> list[str]:
    """Return which keys relays lack, whether events have come or not."""
    shown = (process.now.select(_KEY_MISSING) for process in processes if process.now)
    return sorted({dict(labels)["key"] for each in shown for labels, value in each if value})


def _code_of(reason: str) -> str:
    if reason in ROWS:
        return reason
    if _REFUSED.fullmatch(reason) and reason not in _AS_OF_READS:
        return "event-refused"
    return _BY_REASON.get(reason) or code_of(reason)


def _counts(processes: Iterable[Process]) -> Iterator[tuple[str, str, Count]]:
    """Yield how often there was which outcome, for which reason."""
    for process in processes:
        if process.now is None:
            continue
        grown = process.now.since(process.before) if process.before else None
        for labels, total in process.now.select(_EVENTS):
            since = dict.fromkeys(("outcome", "reason"), "") | labels
            more = sum(value for _, value in grown.select(_EVENTS, **labels)) if grown else 0.0
            yield since["outcome"], since["reason"], Count(total, more)
