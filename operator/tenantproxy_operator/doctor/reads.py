"""Why reads, and PUTs, fail: by what the proxies have counted."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tenantproxy_operator.doctor.codes import CODES, FINER, PUT_ONLY, TOKENS, WAY, token_trouble
from tenantproxy_operator.doctor.commands import AUTH_URL
from tenantproxy_operator.doctor.conditions import finding
from tenantproxy_operator.doctor.finding import Finding, Row, Severity
from tenantproxy_operator.doctor.state_lines import began
from tenantproxy_operator.doctor.view import Process, TenantView
from tenantproxy_operator.fleet.samples import Samples

MOST: Final = 0.5
"""The share of requests from which on it does not matter whether there was one a moment ago."""
NOTABLE: Final = 0.01
"""The share of requests from which on a failure is told as something wrong, even if it has stopped: all proxies
have seen some."""

_STATUS: Final = re.compile(r"status-(\d{3})")
_BY_REASON: Final[Mapping[str, str]] = {
    **dict.fromkeys(("contract", "pages", "wrong-order"), "upstream-contract"),
    **dict.fromkeys(
        ("content-encoding", "content-type", "disconnected", "http", "incomplete", "malformed-json", "too-large"),
        "upstream-error",
    ),
    **dict.fromkeys(("no-token", "invalid-token"), "unauthenticated"),
    **dict.fromkeys(("caller-share", "operation-share"), "overloaded"),
    "pause": "circuit-open",
    "token-rejected": "upstream-rejected-credentials",
    "status-403": "upstream-forbidden",
    "status-429": "upstream-rate-limited",
}
"""The error code of a reason that is none itself."""
_TOKEN_CODES: Final = frozenset({"token-unavailable"})
"""Codes that say less than why there is no token."""
_DIRECT: Final = frozenset({"dns", "connect", "connect-timeout", "tls"})
_TOKEN_WAY: Final = f"{AUTH_URL}; authUrl in the Secret {{secret}}: its scheme, host and port, its firewall"
"""What to do where a token endpoint can't be reached so."""
OF_CIRCUITS: Final = frozenset({"upstream-error", "upstream-timeout", *WAY})
"""What opens a circuit."""
_EXPECTED: Final = 500


class Count(NamedTuple):
    """How often something has been counted."""

    total: float = 0.0
    grown: float = 0.0
    """Of these, between two readings."""

    def __add__(self, other: object) -> "Count":
        """Return both."""
        assert isinstance(other, Count)  # noqa: S101 - of our own
        return Count(self.total + other.total, self.grown + other.grown)


def of_the_way(view: TenantView) -> Iterator[Finding]:
    """Yield why the OMS can't be reached, where `local` has tried that: no read needs to fail for it."""
    if view.serves and view.reason in WAY:
        row, since = WAY[view.reason], view.problem_since
        yield finding(view, view.reason, row, says=view.problem, since=since, severity=Severity.DOWN)


def of_reads(view: TenantView) -> Iterator[Finding]:
    """Yield what requests have met, by the proxies' metrics."""
    processes = [process for process in view.processes if process.now is not None]
    if not processes:
        return
    started = min((process.since for process in processes if process.since), default="")
    since = began(process.log for process in processes)
    yield from _circuits(view, processes, since.get("circuit-open", ""))
    reads = _requests(processes, put=False)
    puts = _requests(processes, put=True)
    met: dict[str, Count] = {}
    words: dict[str, set[str]] = {}
    for reason, count in (*_counted(processes, "upstream_errors"), *_counted(processes, "rejected_requests")):
        code = code_of(reason)
        met[code] = met.get(code, Count()) + count
        words.setdefault(code, set()).add(reason)
    met |= {code: count for code, count in _not_counted(processes, met) if count.total}
    fetched = _counted(processes, "token_fetch", "outcome")
    tokens = {outcome: count for outcome, count in fetched if outcome != "success" and count.total}
    paused = met.get("circuit-open", Count())
    tried = Count(reads.total - paused.total, reads.grown - paused.grown)
    for id_, count in met.items():
        if count.total and not (id_ in _TOKEN_CODES and tokens):
            told = f" ({', '.join(sorted(words[id_] - {id_}))})" if words.get(id_, set()) - {id_} else ""
            # Requests that were refused while the circuit was open say nothing of what opened it.
            of = puts if id_ in PUT_ONLY else tried if id_ in OF_CIRCUITS else reads
            told += _pointers(id_, processes)
            yield _counted_finding(view, id_, row_of(id_), count, of, since.get(id_, started), told)
    fetches = sum((count for _, count in fetched), Count())
    for outcome, count in tokens.items():
        yield _token_finding(view, outcome, count, fetches, since.get("token-unavailable", started))


def _counted_finding(
    view: TenantView, id_: str, row: Row, count: Count, of: Count, since: str, told: str
) -> Finding:
    says = f"{count.total:.0f} of {max(of.total, count.total):.0f} requests: {row.says}{told}"
    return finding(view, id_, row, says=says, since=since, severity=severity_of(row, count, of))


def _token_finding(view: TenantView, outcome: str, count: Count, of: Count, since: str) -> Finding:
    id_ = token_trouble(outcome)
    row = TOKENS.get(id_) or row_of(id_)
    if id_ in _DIRECT:
        row = row._replace(turn="tenant admin", next=_TOKEN_WAY)
    says = (
        f"no access token, {count.total:.0f} of {of.total:.0f} times: the token endpoint: {row.says} ({outcome})"
    )
    return finding(view, id_, row, says=says, since=since, severity=severity_of(row, count, of))


def severity_of(row: Row, count: Count, of: Count) -> Severity:
    """Return how bad it is that something has been counted: now, often, or once upon a time."""
    if count.grown or count.total >= MOST * of.total:
        return row.severity
    return Severity.WARNING if count.total >= NOTABLE * of.total else Severity.NOTE


def _circuits(view: TenantView, processes: list[Process], since: str) -> Iterator[Finding]:
    """Yield the operations whose circuit is not closed."""
    states: dict[str, float] = {}
    for process in processes:
        for labels, value in _of(process.now, "tenantproxy_circuit_state"):
            operation = labels.get("operation", "")
            states[operation] = max(value, states.get(operation, 0.0))
    if not_closed := sorted(operation for operation, state in states.items() if state):
        row = CODES["circuit-open"]
        says = f"the circuit of {', '.join(not_closed)} is open: {row.says}"
        yield finding(view, "circuit-open", row, says=says, since=since)


def row_of(id_: str) -> Row:
    """Return what is said of a diagnosis of the way to the OMS."""
    return CODES.get(id_) or WAY.get(id_) or FINER.get(id_) or CODES["upstream-error"]


def code_of(reason: str) -> str:
    """Return the diagnosis of a reason."""
    if reason in CODES or reason in WAY or reason in FINER:
        return reason
    if (code := _BY_REASON.get(reason)) is not None:
        return code
    status = _STATUS.fullmatch(reason)
    return "upstream-contract" if status and int(status[1]) < _EXPECTED else "upstream-error"


def _not_counted(processes: list[Process], met: Mapping[str, Count]) -> Iterator[tuple[str, Count]]:
    """Yield what only the responses' statuses tell."""
    found = _answered(processes, "200", "getOrder")
    missing = _answered(processes, "404", "getOrder")
    if missing.total and not found.total:
        yield "order-not-found", missing
    yield "internal-error", _answered(processes, "500")
    bad = _answered(processes, "400", "searchOrders")
    ours = met.get("invalid-request", Count()).total + met.get("malformed-json", Count()).total
    if bad.total > ours:
        yield "search-rejected", Count(bad.total - ours, bad.grown)


def _pointers(id_: str, processes: list[Process]) -> str:
    """Return the fields that broke the contract most often."""
    if id_ != "upstream-contract":
        return ""
    counts: dict[str, float] = {}
    for process in processes:
        for labels, value in _of(process.now, "tenantproxy_mapping_violations_total"):
            counts[labels.get("pointer", "")] = counts.get(labels.get("pointer", ""), 0.0) + value
    worst = sorted(counts, key=lambda pointer: -counts[pointer])[:3]
    return f": {', '.join(worst)}" if worst else ""


def _requests(processes: list[Process], *, put: bool) -> Count:
    counts = _counted(processes, "requests", "route")
    return sum((count for route, count in counts if (route == "putProxyConfig") == put), Count())


def _answered(processes: list[Process], code: str, *routes: str) -> Count:
    """Return how often there was such a response; `routes`: of these only."""
    counts = (
        _counted(processes, "requests", "code", code=code, **({"route": route} if route else {}))
        for route in routes or ("",)
    )
    return sum((count for each in counts for _, count in each), Count())


def _counted(processes: list[Process], name: str, label: str = "reason", **labels: str) -> list[tuple[str, Count]]:
    """Return a counter of all processes, by a label."""
    counts: dict[str, Count] = {}
    for process in processes:
        grown = process.now.since(process.before) if process.now and process.before else None
        for samples, is_growth in ((process.now, False), (grown, True)):
            for found, value in _of(samples, f"tenantproxy_{name}_total", **labels):
                key = found.get(label, "")
                more = Count(grown=value) if is_growth else Count(total=value)
                counts[key] = counts.get(key, Count()) + more
    return list(counts.items())


def _of(samples: Samples | None, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
    return iter(()) if samples is None else samples.select(name, **labels)
