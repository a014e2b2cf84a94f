"""The TenantProxies as kopf's events brought them, which Secrets they refer to, and who wants the same."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tenantproxy_operator.api.names import OWN_PREFIX
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.validation.claims import Claims, Rival, claim_of

CANARY: Final = f"{OWN_PREFIX}canary"
"""The label of a TenantProxy."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Tenant(msgspec.Struct, frozen=True):
    """A TenantProxy."""

    key: Key
    uid: str
    generation: int
    version: int
    deleting: bool
    canary: bool
    """Whether it goes first where a change of the operator's own reaches all tenants."""
    spec: bytes
    """JSON, sorted."""
    spec_hash: str
    status: bytes
    """JSON."""


def tenant_from(body: Mapping[str, Any]) -> Tenant:
    """Return what is kept of a TenantProxy as the API has it."""
    metadata = body["metadata"]
    spec = _encode(body.get("spec") or {})
    return Tenant(
        key=Key(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        version=int(metadata["resourceVersion"]),
        deleting="deletionTimestamp" in metadata,
        canary=(metadata.get("labels") or {}).get(CANARY) == "true",
        spec=spec,
        spec_hash=hashlib.blake2b(spec, digest_size=8).hexdigest(),
        status=_encode(body.get("status") or {}),
    )


class Tenants:
    """All TenantProxies that the operator was told of."""

    def __init__(self, affected: Callable[[Key], None] = lambda _: None) -> None:
        """Know none yet; `affected` is told of each whose rivals another one's event may have changed."""
        self._tenants: dict[Key, Tenant] = {}
        self._delivered: dict[Key, tuple[str, int]] = {}
        """Uid and resource version of the last event, beside which there are answers to our own writes."""
        self._claims = Claims(affected)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._tenants)

    def __iter__(self) -> Iterator[Key]:
        """Iterate over a copy of the keys."""
        return iter(list(self._tenants))

    def get(self, key: Key) -> Tenant | None:
        """Return a TenantProxy; None where there is none."""
        return self._tenants.get(key)

    @property
    def delivered(self) -> Mapping[Key, tuple[str, int]]:
        """Uid and resource version of each TenantProxy as the last event about it had them."""
        return self._delivered

    def undelivered(self) -> list[Key]:
        """Return those that no event has told of yet."""
        return [key for key in self._tenants if key not in self._delivered]

    def put(self, body: Mapping[str, Any], *, own: bool = False, listed: bool = False) -> bool:
        """Take note of a TenantProxy, unless a newer version is known; tell whether that is news.

        `listed`: no event has told of it, but a list of ours. `own`: the answer to a write of ours, so that the
        event of that write is no news. Where the answer shows another spec, too, it is left to the events to tell.
        """
        tenant = tenant_from(body)
        key = tenant.key
        known = self._tenants.get(key)
        if own:
            # It may come after the event of the deletion, of which nobody tells twice.
            if known is None or (known.uid, known.generation) != (tenant.uid, tenant.generation):
                return False
        elif listed:
            pass
        elif key not in self._delivered or self._delivered[key][1] < tenant.version:
            self._delivered[key] = tenant.uid, tenant.version
        if known is not None and known.version >= tenant.version:
            return False
        self._tenants[key] = tenant
        self._claims.put(claim_of(body))
        return True

    def remove(self, key: Key, uid: str | None = None) -> None:
        """Take note that a TenantProxy is gone; one that has come again meanwhile (another uid) stays."""
        known = self._tenants.get(key)
        if known is not None and uid in (None, known.uid):
            del self._tenants[key]
            self._delivered.pop(key, None)
            self._claims.remove(key)

    def referring_to(self, secret: Key) -> frozenset[Key]:
        """Return the TenantProxies that refer to a Secret."""
        return self._claims.referring_to(secret)

    def secrets_of(self, key: Key) -> frozenset[Key]:
        """Return the Secrets that a TenantProxy refers to."""
        return self._claims.secrets_of(key)

    def rivals(self, key: Key) -> list[Rival]:
        """Return which others want what a TenantProxy wants, and only one should have."""
        return self._claims.rivals(key)
