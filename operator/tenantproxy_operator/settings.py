"""What the operator is told for all tenants together."""

from dataclasses import dataclass, field
from pathlib import Path

from tenantproxy import config
from tenantproxy_operator.issuers import DEFAULT_ISSUERS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all tenants have in common."""

    issuers: tuple[config.Issuer, ...] = DEFAULT_ISSUERS
    """Whose tokens the proxies accept."""
    issuers_file: Path | None = None
    """Where that is written, if anywhere."""
    egress: config.Egress = field(default_factory=config.Egress)
    """Where proxies may connect to, and where not, whatever a TenantProxy says."""

    def own_files(self) -> frozenset[Path]:
        """Return the files that these settings came from: no manifests, wherever they lie."""
        files = [self.issuers_file, *(Path(issuer.jwks_file) for issuer in self.issuers if issuer.jwks_file)]
        return frozenset(file.absolute() for file in files if file is not None)
