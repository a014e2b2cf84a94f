"""What is seen of a fleet at one moment. The readers make it: `cluster`, and `local.fleet` where there is none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenantproxy_operator.kube.kinds import Key


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of a TenantProxy's status."""

    type: str
    status: str
    reason: str
    message: str = ""
    since: str = ""
    """When its status last changed, RFC 3339."""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One process, a proxy or a relay: a pod, or a child of `local`."""

    name: str
    ready: bool
    metrics: bytes | None = None
    """The text of its `/metrics`; None where it could not be read."""
    problem: str | None = None
    """Why it could not be read."""


@dataclass(frozen=True, kw_only=True)
class TenantView:
    """One tenant."""

    key: Key
    tenant_id: str
    suspended: bool = False
    conditions: tuple[Condition, ...] = ()
    """Empty under `local`, and where no operator has seen the TenantProxy yet."""
    replicas: tuple[Replica, ...] = ()
    """Its proxies."""
    relays: tuple[Replica, ...] | None = None
    """Its relays of store events; None: it asks for none."""
    api: str | None = None
    """The port of this machine at which it serves, such as `:8600`; None in a cluster."""
    problem: str | None = None
    """Why no read can succeed, as far as whoever runs it knows from elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All tenants that could be seen, sorted by key."""

    tenants: tuple[TenantView, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be seen, why, and what would help; about all tenants or many."""


Reader = Callable[[], Awaitable[Fleet]]
"""Looks at a fleet once, in bounded time."""
