"""Whether the OMS accepts the credential: by what the proxies know of it, and by a trial where one was made.

A trial is a login, and order systems lock an account after some wrong ones: it is made only where it can't be
one too many.
"""

from collections.abc import Iterator
from typing import Final

from tenantproxy.credentials.proof import LONG_PAUSE
from tenantproxy_operator.doctor.codes import CODES, TOKENS, token_trouble
from tenantproxy_operator.doctor.commands import TRY
from tenantproxy_operator.doctor.conditions import finding
from tenantproxy_operator.doctor.finding import Finding, Row, Severity, rfc3339
from tenantproxy_operator.doctor.view import TenantView

REJECTED: Final = "upstream-rejected-credentials"
MISSING: Final = "credentials-not-configured"
INVALID: Final = "credentials-invalid"
_READS: Final = "ready-but-reads-fail"
UNTRIED: Final = Row(
    Severity.NOTE,
    "nobody, it passes by itself",
    f"{TRY}; or wait for the first read, which tries it",
    "the-credential",
    "nobody knows yet whether the OMS accepts the credential",
)


_TRIED: Final = (
    ("failed", "credential-rejected", Severity.DOWN),
    ("inconclusive", "validation-inconclusive", Severity.FAILING),
)
"""How a trial ended, and what that is."""


def of_credential(view: TenantView) -> Iterator[Finding]:
    """Yield what is wrong with the credential in the OMS's eyes."""
    outcome, detail = view.dry_run.outcome, view.dry_run.detail
    if outcome == "accepted":
        return
    for ended, code, severity in _TRIED:
        if outcome == ended:
            yield finding(view, code, CODES[code], says=f"tried just now: {detail}", severity=severity)
    if outcome in CODES:
        yield finding(view, outcome, CODES[outcome], says=f"a trial was refused: {detail}")
    proof = view.proof
    if (id_ := lacks(view)) is not None:
        yield finding(view, id_, CODES[id_], severity=Severity.DOWN)
    if is_rejected(view):
        since = rfc3339(proof.rejected_at) if proof is not None else ""
        says = CODES[REJECTED].says
        if proof is not None and proof.set_by:
            says += f"; it was set by {proof.set_by}"
        yield finding(view, REJECTED, CODES[REJECTED], says=says, since=since, severity=Severity.DOWN)
        if proof is not None and (word := proof.rejection):
            id_ = token_trouble(word)
            row = TOKENS.get(id_, CODES[REJECTED])
            says = f"no access token: the token endpoint: {row.says} ({word})"
            yield finding(view, id_, row, says=says, since=since, severity=Severity.DOWN)
    elif proof is not None and proof.state == "untried" and proof.claim is None:
        yield finding(view, "untried", UNTRIED, since=rfc3339(proof.set_at))


def is_rejected(view: TenantView) -> bool:
    """Tell whether the OMS, or the token endpoint, rejected the credential the last time."""
    if view.proof is not None and view.proof.state != "untried":
        return view.proof.state == "rejected"
    return 0.0 in _accepted(view)


def why_no_trial(view: TenantView, now: float) -> str:
    """Return why a trial of the stored credential might lock the account, or tells nothing new; empty: neither."""
    if is_rejected(view):
        return "the OMS rejected the credential the last time, and another wrong login could lock the account"
    proof = view.proof
    if proof is not None and any(at > now - LONG_PAUSE for at in (*proof.wrong_logins, *proof.earlier)):
        return "there was a wrong login within the last half hour, and another one could lock the account"
    if proof is None and 1.0 not in _accepted(view):
        return "it is not known whether the account has had wrong logins of late, and one more could lock it"
    return ""


def lacks(view: TenantView) -> str | None:
    """Return why the proxies have no credential: they show no type, or nothing where there has never been any."""
    if not any(process.now for process in view.processes) or any(_shown(view, "tenantproxy_credentials_info")):
        return None
    return INVALID if any(_shown(view, "tenantproxy_config_changes_total", outcome="invalid")) else MISSING


def _accepted(view: TenantView) -> list[float]:
    """Return what the proxies show of it: 1 or 0."""
    return _shown(view, "tenantproxy_credentials_accepted")


def _shown(view: TenantView, metric: str, **labels: str) -> list[float]:
    return [
        value
        for process in view.processes
        if process.now is not None
        for _, value in process.now.select(metric, **labels)
    ]
