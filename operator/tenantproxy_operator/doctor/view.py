"""What is known of tenants and their operator at one time: all that findings are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenantproxy.credentials.proof import Proof
from tenantproxy_operator.fleet.objects import Deployment, Event, Lease, Pod, TenantProxy
from tenantproxy_operator.fleet.samples import Samples
from tenantproxy_operator.kube.kinds import Key


@dataclass(frozen=True, kw_only=True)
class Process:
    """One proxy or operator that runs: what it says of itself."""

    name: str
    """Its pod's, or under `local` its own."""
    before: Samples | None = None
    """An earlier reading of its metrics than `now`; None: they can't be read."""
    now: Samples | None = None
    since: str = ""
    """When it started to count, RFC 3339."""
    metrics: bytes = b""
    """`now`, as it came."""
    log: str = ""
    """The end of its log; what an earlier run of it said last, where it starts again and again."""


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """A trial of the stored credential, or why there was none."""

    skipped: str = ""
    outcome: str = ""
    """`accepted`, `failed` or `inconclusive`; else the code of the error."""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class TenantView:
    """One tenant. Under `local` there is neither a status nor anything of a cluster."""

    proxy: TenantProxy
    deployment: Deployment | None = None
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    """About the TenantProxy and what belongs to it; the newest last."""
    processes: tuple[Process, ...] = ()
    relay_pods: tuple[Pod, ...] = ()
    relays: tuple[Process, ...] = ()
    """Its PosLog relays."""
    proof: Proof | None = None
    """What the proxies have written down of the credential in use."""
    dry_run: DryRun = field(default_factory=DryRun)
    is_local: bool = False
    serves: bool | None = None
    """Under `local`: whether its proxy is ready."""
    problem: str = ""
    """Why no read can succeed, as `local` says."""
    reason: str = ""
    """The same in a word."""
    problem_since: str = ""
    """Since when, RFC 3339."""
    local_api: str = ""
    """Under `local`: where its proxy serves."""
    objects: Mapping[str, Any] = field(default_factory=dict)
    """As they came, by a file's name."""

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return self.proxy.metadata.key

    @property
    def api(self) -> str:
        """The URL at which its proxies serve."""
        namespace, name = self.key
        return self.local_api or self.proxy.status.endpoint or f"http://{name}-proxy.{namespace}.svc:8080"

    @property
    def oms(self) -> str:
        """The URL of its OMS; empty: that is not known."""
        upstream = self.proxy.spec.get("upstream")
        url = upstream.get("url") if isinstance(upstream, dict) else None
        return url if isinstance(url, str) else ""


@dataclass(frozen=True, kw_only=True)
class OperatorView:
    """The operator; who may not see it knows nothing of it."""

    namespace: str
    is_seen: bool = True
    deployments: tuple[Deployment, ...] = ()
    pods: tuple[Pod, ...] = ()
    processes: tuple[Process, ...] = ()
    leases: Mapping[str, Lease] = field(default_factory=dict)
    """By the namespace that the holder acts in; `*`: in all."""
    are_leases_seen: bool = True
    objects: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class View:
    """All that was looked at."""

    now: float
    """Unix seconds."""
    tenants: tuple[TenantView, ...] = ()
    operator: OperatorView | None = None
    """None: under `local` there is none."""
    is_crd_missing: bool = False
    unseen: tuple[str, ...] = ()
    """What could not be looked at, and why."""
