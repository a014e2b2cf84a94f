"""The TenantProxies known from watch events, the Secrets they refer to, and which of them claim the same."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tenantproxy_operator.api.names import DEBUG_UNTIL, OWN_PREFIX
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.validation.claims import Claims, Rival, claim_of

CANARY: Final = f"{OWN_PREFIX}canary"
"""The label of a TenantProxy."""

_MOST_OF_A_TIME: Final = 64
"""Characters, of what may be none."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Tenant(msgspec.Struct, frozen=True):
    """A TenantProxy."""

    key: Key
    uid: str
    generation: int
    version: int
    deleting: bool
    canary: bool
    """Whether it comes first in a rollout of a change of the operator's own."""
    debug_until: str
    """The annotation's text."""
    spec: bytes
    """JSON, sorted."""
    spec_hash: str
    change_hash: str
    """Of the spec without `suspend`, which changes when a change is made, not what is made."""
    status: bytes
    """JSON."""


def tenant_from(body: Mapping[str, Any]) -> Tenant:
    """Return what is cached of a TenantProxy object."""
    metadata = body["metadata"]
    content = body.get("spec") or {}
    spec = _encode(content)
    if isinstance(content, Mapping):  # else it is refused later, in words
        content = {name: value for name, value in content.items() if name != "suspend"}
    return Tenant(
        key=Key(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        version=int(metadata["resourceVersion"]),
        deleting="deletionTimestamp" in metadata,
        canary=(metadata.get("labels") or {}).get(CANARY) == "true",
        debug_until=str((metadata.get("annotations") or {}).get(DEBUG_UNTIL, ""))[:_MOST_OF_A_TIME],
        spec=spec,
        spec_hash=_hash(spec),
        change_hash=_hash(_encode(content)),
        status=_encode(body.get("status") or {}),
    )


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


class Tenants:
    """All TenantProxies that the operator knows."""

    def __init__(self, affected: Callable[[Key], None] = lambda _: None) -> None:
        """Make an empty cache; `affected` is called for each one whose rivals another's event may have changed."""
        self._tenants: dict[Key, Tenant] = {}
        self._delivered: dict[Key, tuple[str, int]] = {}
        """Uid and resource version of the last event; lists and answers to our own writes don't count."""
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
        """Return those of which no event has arrived yet."""
        return [key for key in self._tenants if key not in self._delivered]

    def on_event(self, body: Mapping[str, Any]) -> bool:
        """Record a TenantProxy from a watch event; return whether that is news."""
        tenant = tenant_from(body)
        delivered = self._delivered.get(tenant.key)
        if delivered is None or delivered[1] < tenant.version:
            self._delivered[tenant.key] = tenant.uid, tenant.version
        return self._store(tenant, body)

    def on_list(self, body: Mapping[str, Any]) -> bool:
        """Record a TenantProxy from a list of our own, which is no event; return whether that is news.

        By another schema the API server shows the same version with another spec. It is taken from a list alone:
        events may still be of the schema before, while the answers to our writes are not.
        """
        tenant = tenant_from(body)
        known = self._tenants.get(tenant.key)
        if known is not None and known.version == tenant.version and known.spec_hash != tenant.spec_hash:
            del self._tenants[tenant.key]
        return self._store(tenant, body)

    def on_own_write(self, body: Mapping[str, Any]) -> bool:
        """Record the response to our own write, so that its event is no news; return whether this is news.

        Where the answer has another spec, too, it is left to the event to tell.
        """
        tenant = tenant_from(body)
        known = self._tenants.get(tenant.key)
        # It may come after the event of the deletion, which is not repeated.
        if known is None or (known.uid, known.generation) != (tenant.uid, tenant.generation):
            return False
        return self._store(tenant, body)

    def _store(self, tenant: Tenant, body: Mapping[str, Any]) -> bool:
        """Keep a TenantProxy, unless it is older than what is known; return whether it was kept."""
        known = self._tenants.get(tenant.key)
        if known is not None and known.version >= tenant.version:
            return False
        self._tenants[tenant.key] = tenant
        self._claims.put(claim_of(body))
        return True

    def remove(self, key: Key, uid: str | None = None) -> None:
        """Record that a TenantProxy was deleted; one that was recreated meanwhile (another uid) stays."""
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
        """Return the other TenantProxies that claim what this one claims, and only one should have."""
        return self._claims.rivals(key)
