"""All findings, the worst first."""

from collections.abc import Iterable, Mapping
from typing import Final

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.doctor.codes import TOKENS
from tenantproxy_operator.doctor.conditions import of_conditions
from tenantproxy_operator.doctor.credential import INVALID, MISSING, of_credential
from tenantproxy_operator.doctor.events import of_events
from tenantproxy_operator.doctor.finding import Finding, Severity
from tenantproxy_operator.doctor.operators import of_operator
from tenantproxy_operator.doctor.pods import ROWS as OF_PODS
from tenantproxy_operator.doctor.pods import of_deletion, of_pods
from tenantproxy_operator.doctor.reads import OF_CIRCUITS, of_reads, of_the_way
from tenantproxy_operator.doctor.view import TenantView, View

_OF_THE_CREDENTIAL: Final = frozenset(
    {Reason.CREDENTIALS_MISSING, Reason.CREDENTIALS_INVALID, Reason.SECRET_MISSING}
)
_EXPLAINED: Final[Mapping[str, frozenset[str]]] = {
    # That no proxy serves, by why its pods don't run.
    Reason.PROXIES_NOT_READY: frozenset(OF_PODS),
    Reason.RELAYS_NOT_READY: frozenset(OF_PODS),
    Reason.ROLLOUT_STUCK: frozenset(OF_PODS),
    # What is open, by what opened it; why there is no token, by what the token endpoint said.
    "circuit-open": OF_CIRCUITS,
    "upstream-rejected-credentials": frozenset(TOKENS),
}
"""What is told behind its cause where that is found, too, and is as bad."""
_SAID_BY_THE_STATUS: Final = frozenset({MISSING, INVALID})
"""What the proxies show of the Secret; the status says it better."""


def findings(view: View) -> list[Finding]:
    """Return what is wrong, the worst first; each thing once for each tenant."""
    found = list(of_operator(view))
    for tenant in view.tenants:
        found += _of_tenant(tenant, view.now)
    told: dict[str, set[str]] = {}
    for each in found:
        told.setdefault(each.subject, set()).add(each.id)

    def place(finding: Finding) -> tuple[Severity, bool, str]:
        is_explained = not told[finding.subject].isdisjoint(_EXPLAINED.get(finding.id, ()))
        return finding.severity, is_explained, finding.subject

    return sorted(found, key=place)


def is_wrong(found: Iterable[Finding]) -> bool:
    """Tell whether anything is."""
    return any(each.severity < Severity.NOTE for each in found)


def _of_tenant(tenant: TenantView, now: float) -> list[Finding]:
    told: dict[str, Finding] = {}
    for source in (
        of_deletion(tenant, now),
        of_conditions(tenant),
        of_pods(tenant, now),
        of_credential(tenant),
        of_the_way(tenant),
        of_reads(tenant),
        of_events(tenant),
    ):
        for each in source:
            before = told.get(each.id)
            if before is None:
                told[each.id] = each
            else:  # the first one says it best; the worst one how bad it is
                told[each.id] = before._replace(severity=min(before.severity, each.severity))
    for effect, causes in _EXPLAINED.items():
        # Of two names of one trouble the cause has the command that helps: it is as bad as what it causes.
        if effect in told:
            for cause in causes & told.keys():
                if told[cause].severity is Severity.FAILING:
                    told[cause] = told[cause]._replace(
                        severity=min(Severity.FAILING, told[effect].severity),
                        since=told[cause].since or told[effect].since,
                    )
    if told.keys() & _OF_THE_CREDENTIAL:
        told = {id_: each for id_, each in told.items() if id_ not in _SAID_BY_THE_STATUS}
    return list(told.values())
