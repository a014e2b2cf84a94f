"""Which TenantProxies claim the same: a tenant's id, or a Secret that should be one tenant's alone. Pure.

A tenant's id is wanted by one TenantProxy. The Secret with its credential is mounted whole into its proxies, and
replaced by them: it is no other tenant's, neither as a credential nor as a CA or client certificate. TenantProxies
of one tenant may share it.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from tenantproxy_operator.api.names import default_secret_name
from tenantproxy_operator.kube.kinds import Key


class Claim(msgspec.Struct, frozen=True, order=True):
    """What a TenantProxy claims; of two that claim the same, the lesser one was first."""

    newcomer: bool
    """Whether its proxies don't use the Secret that its spec names, or don't exist yet."""
    created: str
    key: Key
    tenant_id: str = ""
    """Empty where its spec has none that could be used."""
    credential: Key | None = None
    """The Secret with its credential."""
    certificates: frozenset[Key] = frozenset()
    """The other Secrets that its spec names: its CA, its client certificate, its forward proxy's credential."""

    @property
    def secrets(self) -> frozenset[Key]:
        """All Secrets that it refers to."""
        return self.certificates if self.credential is None else self.certificates | {self.credential}


def claim_of(body: Mapping[str, Any]) -> Claim:
    """Return the claim of a TenantProxy object, however broken its spec is otherwise."""
    metadata, spec = body["metadata"], body.get("spec")
    key = Key(metadata["namespace"], metadata["name"])
    tenant_id = _member(spec, "tenantId")
    own = _member(spec, "auth", "secretRef", "name") or default_secret_name(key.name)
    credential = next(iter(_secrets(key, [own])), None)
    others = [
        _member(spec, "upstream", *path, "name")
        for path in (
            ("tls", "caSecretRef"),
            ("tls", "clientCertificateSecretRef"),
            ("forwardProxy", "secretRef"),
        )
    ]
    return Claim(
        newcomer=credential is None or _member(body, "status", "secretName") != credential.name,
        created=str(metadata.get("creationTimestamp", "")),
        key=key,
        tenant_id=tenant_id if isinstance(tenant_id, str) else "",
        credential=credential,
        certificates=frozenset(_secrets(key, others)),
    )


def _secrets(key: Key, names: Iterable[Any]) -> tuple[Key, ...]:
    return tuple(Key(key.namespace, name) for name in names if isinstance(name, str) and name)


def _member(value: Any, *path: str) -> Any:  # noqa: ANN401 - JSON of any shape
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


class Rival(NamedTuple):
    """Another TenantProxy that claims the same."""

    key: Key
    secret: Key | None
    """The Secret that both claim; None: the tenant's id."""
    first: bool
    """Whether it had it first."""


class Claims:
    """The claims of all TenantProxies.

    `affected` is called for each whose rivals may have changed, except for the one that is being put or removed.
    """

    def __init__(self, affected: Callable[[Key], None]) -> None:
        self._affected = affected
        self._claims: dict[Key, Claim] = {}
        self._by_id: _Groups[str] = _Groups(_ids, attrgetter("key"))
        self._by_credential: _Groups[Key] = _Groups(_credentials, attrgetter("tenant_id"))
        self._by_certificate: defaultdict[Key, set[Key]] = defaultdict(set)
        """Who refers to a Secret as a CA or client certificate; that alone is no conflict."""

    def put(self, claim: Claim) -> None:
        """Take note of what a TenantProxy claims now."""
        known = self._claims.get(claim.key)
        if known == claim:
            return
        self._claims[claim.key] = claim
        self._replace(known, claim)

    def remove(self, key: Key) -> None:
        """Take note that a TenantProxy claims nothing any more."""
        if known := self._claims.pop(key, None):
            self._replace(known, None)

    def secrets_of(self, key: Key) -> frozenset[Key]:
        """Return the Secrets that a TenantProxy refers to."""
        claim = self._claims.get(key)
        return claim.secrets if claim else frozenset()

    def referring_to(self, secret: Key) -> frozenset[Key]:
        """Return the TenantProxies that refer to a Secret."""
        return self._by_credential.members(secret).union(self._by_certificate.get(secret, ()))

    def rivals(self, key: Key) -> list[Rival]:
        """Return the rivals of a TenantProxy: for each thing that it claims, the first other claimant."""
        claim = self._claims.get(key)
        if claim is None:
            return []
        found: list[tuple[Key | None, Claim | None]] = [
            (secret, self._rival(secret, claim)) for secret in sorted(claim.secrets)
        ]
        found += [(None, self._by_id.rival(tenant_id, claim)) for tenant_id in _ids(claim)]
        return [Rival(rival.key, secret, first=rival < claim) for secret, rival in found if rival]

    def _rival(self, secret: Key, claim: Claim) -> Claim | None:
        rival = self._by_credential.rival(secret, claim)
        if secret != claim.credential:
            return rival
        others = (self._claims[key] for key in self._by_certificate.get(secret, ()))
        return min(
            (other for other in (rival, *others) if other and other.tenant_id != claim.tenant_id), default=None
        )

    def _replace(self, old: Claim | None, new: Claim | None) -> None:
        affected: set[Key] = set()
        for tenant_id in self._by_id.replace(old, new):
            affected |= self._by_id.members(tenant_id)
        for secret in self._by_credential.replace(old, new):
            affected |= self.referring_to(secret)
        for claim in (old, new):
            for secret in claim.certificates if claim else ():
                affected |= self._by_credential.members(secret)
        self._refer(old, new)
        affected -= {claim.key for claim in (old, new) if claim}
        for key in affected:
            self._affected(key)

    def _refer(self, old: Claim | None, new: Claim | None) -> None:
        if old:
            for secret in old.certificates:
                self._by_certificate[secret].discard(old.key)
                if not self._by_certificate[secret]:
                    del self._by_certificate[secret]
        if new:
            for secret in new.certificates:
                self._by_certificate[secret].add(new.key)


def _ids(claim: Claim) -> tuple[str, ...]:
    return (claim.tenant_id,) if claim.tenant_id else ()


def _credentials(claim: Claim) -> tuple[Key, ...]:
    return (claim.credential,) if claim.credential else ()


_Thing = TypeVar("_Thing", bound=Hashable)


class _Groups(Generic[_Thing]):
    """The claimants of each thing, in order; claims of one party don't conflict."""

    def __init__(self, things: Callable[[Claim], Iterable[_Thing]], party: Callable[[Claim], Hashable]) -> None:
        self._things = things
        self._party = party
        self._groups: dict[_Thing, list[Claim]] = {}

    def members(self, thing: _Thing) -> frozenset[Key]:
        """Return who claims a thing."""
        return frozenset(claim.key for claim in self._groups.get(thing, ()))

    def rival(self, thing: _Thing, claim: Claim) -> Claim | None:
        """Return the first of another party that claims a thing."""
        party = self._party(claim)
        return next((other for other in self._groups.get(thing, ()) if self._party(other) != party), None)

    def replace(self, old: Claim | None, new: Claim | None) -> list[_Thing]:
        """Replace a claim, where each may be none; return the things that others come first for now."""
        before = set(self._things(old)) if old else set()
        after = set(self._things(new)) if new else set()
        changed = []
        for thing in before | after:
            group = self._groups.setdefault(thing, [])
            leaders = self._leaders(thing)
            if old and thing in before:
                del group[bisect_left(group, old)]
            if new and thing in after:
                insort(group, new)
            if self._leaders(thing) != leaders:
                changed.append(thing)
            if not group:
                del self._groups[thing]
        return changed

    def _leaders(self, thing: _Thing) -> tuple[Claim, Claim | None] | None:
        """Return the first, who is the rival of all of other parties, and its own rival."""
        group = self._groups[thing]
        return (group[0], self.rival(thing, group[0])) if group else None
