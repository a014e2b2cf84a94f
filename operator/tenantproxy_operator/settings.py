"""What the operator is told for all tenants together."""

from dataclasses import dataclass, field

from tenantproxy import config
from tenantproxy_operator.issuers import DEFAULT_ISSUERS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all tenants have in common."""

    issuers: tuple[config.Issuer, ...] = DEFAULT_ISSUERS
    """Whose tokens the proxies accept."""
    egress: config.Egress = field(default_factory=config.Egress)
    """Where proxies may connect to, and where not, whatever a TenantProxy says."""
