"""The operator's settings for all tenants."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tenantproxy import __version__, config
from tenantproxy_operator.api.peers import Peer
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import ForwardProxy
from tenantproxy_operator.issuers import DEFAULT_ISSUERS

DEFAULT_IMAGE: Final = f"tenantproxy:{__version__}"
DEFAULT_DNS_PORTS: Final = (53, 5353)


JITTER: Final = 1.2
"""The longest pause between two tries to get a Lease, in retry periods."""


LEASE_NAME: Final = "tenantproxy-operator"
"""The same for all operators: two that don't know of each other would undo each other's work."""


@dataclass(frozen=True, kw_only=True)
class LeaderElection:
    """The Leases by which operators take turns, and seconds, as kube-controller-manager's `--leader-elect-…`."""

    resource_namespace: str = "kube-system"
    """That of the one Lease of an operator that watches all namespaces; else there is one in each of them."""
    lease_duration: int = 15
    """After which a Lease that is not renewed may be taken."""
    renew_deadline: float = 10.0
    """For which the leader writes without a renewal; the rest of the duration is for writes under way."""
    retry_period: float = 2.0
    """Between two tries to get a Lease, or to renew it."""

    def problem(self) -> str | None:
        """Return what is wrong with them; None where nothing is."""
        if self.lease_duration <= self.renew_deadline:
            return (
                f"--leader-elect-lease-duration ({self.lease_duration}) must be greater than "
                f"--leader-elect-renew-deadline ({self.renew_deadline:g})"
            )
        if self.renew_deadline <= self.retry_period * JITTER:
            return (
                f"--leader-elect-renew-deadline ({self.renew_deadline:g}) must be greater than {JITTER:g} times "
                f"--leader-elect-retry-period ({self.retry_period:g})"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that all tenants share."""

    issuers: tuple[config.Issuer, ...] = DEFAULT_ISSUERS
    """Whose tokens the proxies accept."""
    issuers_file: Path | None = None
    """The file that they were read from, if any."""
    egress: config.Egress = field(default_factory=config.Egress)
    """Where proxies may connect to, and where not, whatever a TenantProxy says."""
    forward_proxy: ForwardProxy | None = None
    """That of every tenant whose TenantProxy names none; its Secret is in the tenant's namespace."""
    tracing: config.Tracing | None = None
    """Where spans go to, and which share of the traces is recorded; None: there are none."""
    refuse_shared_secrets: bool = False
    """Whether a TenantProxy is refused that uses the Secret of another tenant's, which had it first."""
    refuse_duplicate_tenants: bool = False
    """Whether a TenantProxy is refused that has the tenant id of another one, which had it first."""

    # What follows matters in a cluster only.
    proxy_image: str = DEFAULT_IMAGE
    """The image that the proxies run."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets, in each tenant's namespace, that let the image be pulled."""
    dns_ports: tuple[int, ...] = DEFAULT_DNS_PORTS
    """Where the DNS *pods* listen: a NetworkPolicy sees a packet after the Service's address was replaced."""
    api_server_cidrs: tuple[str, ...] = ()
    """Where the API server is; empty: anywhere."""
    metrics_from: tuple[Peer, ...] = ()
    """Who may connect to the proxies' port of metrics and probes; empty: anybody."""
    pod_metadata_prefixes: tuple[str, ...] = ()
    """Permitted prefixes of keys in `podTemplate.labels` and `annotations`; empty: any."""
    optional_kinds: frozenset[str] = frozenset()
    """Which kinds of `kinds.OPTIONAL`, by name, are switched on: written where the API server serves them."""

    def forward_proxy_of(self, resource: TenantProxy) -> ForwardProxy | None:
        """Return the forward proxy that a tenant's proxies use; None: they connect directly."""
        chosen = resource.spec.upstream.forward_proxy or self.forward_proxy
        return chosen if chosen is not None and chosen.is_used else None

    def forward_proxy_secret_of(self, resource: TenantProxy) -> str | None:
        """Return the name of the Secret with the credential for it, if it needs one."""
        forward_proxy = self.forward_proxy_of(resource)
        return forward_proxy.secret_ref.name if forward_proxy and forward_proxy.secret_ref else None

    def tracing_of(self, resource: TenantProxy) -> config.Tracing | None:
        """Return where a tenant's spans go to, and which share of traces is recorded; None: nothing is said."""
        own = resource.spec.tracing.sampling_ratio if resource.spec.tracing else None
        if self.tracing is None:
            return None if own is None else config.Tracing(sampling_ratio=own)
        return self.tracing if own is None else msgspec.structs.replace(self.tracing, sampling_ratio=own)

    def own_files(self) -> frozenset[Path]:
        """Return the files that these settings came from: no manifests, wherever they lie."""
        files = [self.issuers_file, *(Path(issuer.jwks_file) for issuer in self.issuers if issuer.jwks_file)]
        return frozenset(file.absolute() for file in files if file is not None)
