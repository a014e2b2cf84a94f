"""The condition Unique, and refusals, where TenantProxies claim the same: pure, for `local` and the cluster."""

from collections.abc import Sequence
from typing import Final

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.conditions import ConditionValue
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.claims import Rival

_UNIQUE: Final = ConditionValue(
    "True",
    Reason.UNIQUE,
    "no other TenantProxy has this spec.tenantId, and no other tenant's uses the credential's Secret",
)


def judge(key: Key, rivals: Sequence[Rival]) -> ConditionValue:
    """Return the condition Unique of a TenantProxy."""
    if not rivals:
        return _UNIQUE
    shared = any(rival.secret for rival in rivals)
    reason = Reason.SECRET_SHARED if shared else Reason.DUPLICATE_TENANT
    return ConditionValue("False", reason, "; ".join(describe(key, rival) for rival in rivals))


def describe(key: Key, rival: Rival) -> str:
    """Say what two TenantProxies both claim, and the fix."""
    both = f"TenantProxies {key} and {rival.key}"
    if rival.secret is None:
        return f"{both} have the same spec.tenantId; delete one of them, unless both are intended"
    return (
        f"{both} are of different tenants and use the same Secret {rival.secret.name}: each one's proxies can "
        "read and replace the other's credential; give each a Secret of its own"
    )


def refuse(key: Key, rivals: Sequence[Rival], settings: Settings) -> str | None:
    """Say why a TenantProxy is refused; None where the platform permits it, or it was there before its rivals."""
    refused = [
        f"{describe(key, rival)}; {rival.key} was first, and {_option(rival)} is set"
        for rival in rivals
        if rival.first and (settings.refuse_shared_secrets if rival.secret else settings.refuse_duplicate_tenants)
    ]
    return "; ".join(refused) or None


def _option(rival: Rival) -> str:
    return "--refuse-shared-secrets" if rival.secret else "--refuse-duplicate-tenants"
