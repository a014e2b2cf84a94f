"""What is told: to people in plain words, to programs as JSON. Pure."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from tenantproxy_operator.doctor import trial
from tenantproxy_operator.doctor.credential import MISSING, is_rejected, lacks
from tenantproxy_operator.doctor.finding import Finding, Severity, rfc3339, seconds
from tenantproxy_operator.doctor.view import TenantView, View

WIDTH: Final = 100
_FEW: Final = 20
"""Up to so many tenants there is a line for each, whatever is wrong."""
_COLOURS: Final = {Severity.DOWN: "red", Severity.FAILING: "red", Severity.WARNING: "yellow", Severity.NOTE: None}
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def to_text(view: View, findings: Sequence[Finding], *, width: int = WIDTH) -> str:
    """Return the findings, the worst first, and what could not be looked at; with colours, for `click.echo`."""
    blocks = ["\n".join(_told(each, view.now, width)) for each in findings]
    wrong = sum(each.severity < Severity.NOTE for each in findings)
    looked = f"Looked at {_counted(len(view.tenants), 'tenant')}"
    proxies = sum(process.now is not None for tenant in view.tenants for process in tenant.processes)
    verdict = f"{looked}, and at the metrics of {_counted(proxies, 'proxy', 'proxies')}: "
    verdict += f"{_counted(wrong, 'thing')} wrong." if wrong else "nothing is wrong."
    blocks.append("\n".join([click.style(verdict, bold=True), *_credentials(view, width)]))
    if unseen := [*view.unseen, *_no_trials(view)]:
        lines = (_wrapped(f"- {each}", width, "  ") for each in unseen)
        blocks.append("\n".join(["Not looked at:", *lines]))
    return "\n\n".join(blocks) + "\n"


def to_json(view: View, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "at": rfc3339(view.now),
        "findings": [_as_json(each) for each in findings],
        "tenants": [_tenant(tenant) for tenant in view.tenants],
        "unseen": [*view.unseen, *_no_trials(view)],
    }


def _told(finding: Finding, now: float, width: int) -> Iterator[str]:
    level = click.style(finding.severity.name, fg=_COLOURS[finding.severity], bold=True)
    yield f"{level}  {click.style(finding.subject, bold=True)}  {finding.id}"
    yield _wrapped(f"  {finding.says}", width, "  ")
    if finding.since:
        yield f"  since: {_plain(finding.since)} ({_ago(finding.since, now)})"
    yield f"  turn:  {finding.turn}"
    if finding.next:
        yield f"  next:  {finding.next}"  # not wrapped: it is to be copied
    yield f"  see:   {finding.link}"


def _no_trials(view: View) -> list[str]:
    """Return why no credential was tried, where that is so for all alike."""
    skipped = {tenant.dry_run.skipped for tenant in view.tenants}
    return [trial.NO_TOKEN] if trial.NO_TOKEN in skipped else []


def _credentials(view: View, width: int) -> Iterator[str]:
    """Yield what is known of each tenant's credential; of many how many there are of a kind."""
    if len(view.tenants) > _FEW:
        counts = Counter(_state(tenant) for tenant in view.tenants)
        yield from (f"- of {_counted(number, 'tenant')} {state}" for state, number in counts.most_common())
        return
    for tenant in view.tenants:
        text = f"- {tenant.key}: {_known(tenant)}"
        yield _wrapped(text, width, "  ")


def _known(tenant: TenantView) -> str:
    made = tenant.dry_run
    if made.outcome:
        return f"the credential was tried just now: {made.outcome}" + (f" ({made.detail})" if made.detail else "")
    known, proof = _state(tenant), tenant.proof
    if known == _WELL and proof is not None and proof.accepted_at is not None:
        known = f"the credential was accepted at {rfc3339(proof.accepted_at)}"
    return f"{known}; {made.skipped}" if made.skipped not in ("", trial.NO_TOKEN) else known


def _state(tenant: TenantView) -> str:
    """Return how a credential stands, as what is kept of it and the metrics show."""
    if is_rejected(tenant):
        return "the credential was rejected"
    if (tenant.proof is not None and tenant.proof.accepted_at is not None) or any(
        True for process in tenant.processes if process.now for _ in process.now.select(_ACCEPTED)
    ):
        return _WELL
    if lacks(tenant) == MISSING:
        return "no credential is set"
    return "nothing is known of the credential"


_WELL: Final = "the credential was accepted the last time"
_ACCEPTED: Final = "tenantproxy_credentials_accepted"


def _as_json(finding: Finding) -> dict[str, Any]:
    told = finding._asdict() | {"severity": finding.severity.name.lower(), "see": finding.link}
    del told["anchor"]
    return {name: value for name, value in told.items() if value != ""}


def _tenant(tenant: TenantView) -> dict[str, Any]:
    return {
        "namespace": tenant.key.namespace,
        "name": tenant.key.name,
        "proxies": len(tenant.processes),
        "ready": int(bool(tenant.serves)) if tenant.is_local else sum(pod.ready for pod in tenant.pods),
        "credential": _known(tenant),
    }


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _ago(time: str, now: float) -> str:
    """Return how long ago a time was, in its largest unit."""
    began = seconds(time)
    if began is None:
        return "?"
    passed = max(0.0, now - began)
    size, unit = next((each for each in _UNITS if passed >= each[0]), _UNITS[-1])
    return f"{passed // size:.0f} {unit} ago"


def _wrapped(text: str, width: int, indent: str) -> str:
    return textwrap.fill(
        _plain(text), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _plain(text: str) -> str:
    """Return a text without what a terminal would obey: messages are also those of servers and webhooks."""
    return _CONTROLS.sub("?", text)
