"""What a tenant was brought to when it was last reconciled, and what of that survives a restart. Pure.

A digest of three parts is in the status: the inputs (spec, settings, code), the children as they were after the
last write, the referenced Secrets. A part that still fits after a restart needs no check of what it stands for.
Behind dots follow the hash of the revision that the pods were last released with, and of the spec that was last
applied.
"""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final, Self

import msgspec

from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.children import Child, ChildName
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Manifest
from tenantproxy_operator.settings import Settings

_OPTIONAL: Final = frozenset(kind.plural for kind in kinds.CHILDREN if kind.optional)
_PACKAGES: Final = ("tenantproxy", "tenantproxy_operator")

SecretStates = Mapping[Key, SecretVersion | None]


class AppliedState(msgspec.Struct, frozen=True):
    """What a tenant consisted of when it was last reconciled."""

    inputs: str = ""
    """See `inputs_digest`; the spec's part alone while something is left to do; empty: not known."""
    children: Mapping[ChildName, bytes] | None = None
    """What we owned of each child after our last write (`Child.owned_fields_digest`); None: not known."""
    secrets: SecretStates = {}
    revision: str = ""
    """Which ControllerRevision the pods were last released with, by its content's hash; empty: none is stored."""
    change: str = ""
    """The spec that the children were last brought to, or are held back with (`Tenant.change_hash`)."""
    secret_missing_since: float | None = None
    """Seconds of the monotonic clock; None while the credential's Secret is there."""
    fingerprint: bytes = b""
    """Of the credential, if it was read by this process."""

    @classmethod
    def restore(
        cls, digest: str | None, children: Mapping[ChildName, Child], secrets: SecretStates, *, own: str = ""
    ) -> Self:
        """Return what a status' digest still vouches for, after a restart.

        `own` is the present inputs' part about the tenant's own spec, where the status is of its generation.
        """
        parts = (digest or "").split("-")
        if len(parts) != 3:  # noqa: PLR2004 - as `digest` makes it
            return cls()
        secrets_part, revision, change = (*parts[2].split("."), "", "")[:3]
        inputs = parts[0]
        if own and inputs and not revision:
            # From before revisions were stored: that part was of the spec's content, which can't be compared.
            inputs = own + inputs[len(spec_part(inputs)) :]
        return cls(
            inputs=inputs,
            children=_restored_children(parts[1], _owned(children)),
            secrets=dict(secrets) if secrets_part == _secrets_digest(secrets) else {},
            revision=revision,
            change=change,
        )

    def matches(self, inputs: str, children: Mapping[ChildName, Child], secrets: SecretStates) -> bool:
        """Tell whether all is still as it was."""
        return self.inputs == inputs and self.secrets == secrets and self.holds(children)

    def holds(self, children: Mapping[ChildName, Child]) -> bool:
        """Tell whether the children are as they were after our last write."""
        return self.children == _owned(children)

    def has_spec(self, inputs: str, change: str) -> bool:
        """Tell whether the tenant's own spec is as it was, whatever else has changed.

        It is of the same generation, or has been suspended and resumed meanwhile.
        """
        return spec_part(self.inputs) == spec_part(inputs) or self.change == change

    def digest(self) -> str:
        """Return the digest for the status."""
        known = f"{self.inputs}-{_children_digest(self.children or {})}-{_secrets_digest(self.secrets)}"
        return known + self._released()

    def unfinished_digest(self) -> str | None:
        """Return the digest for the status while something is left to do: it vouches for the own spec alone.

        What the pods were last released with stays known, and by what spec.
        """
        spec, released = spec_part(self.inputs), self._released()
        return f"{spec}--{released}" if spec or released else None

    def _released(self) -> str:
        return f".{self.revision}.{self.change}" if self.revision or self.change else ""


def inputs_digest(tenant: Tenant, common: str) -> str:
    """Return a digest of all that a tenant's children are rendered from; `common` is of what all tenants share.

    Its first part is about what the tenant's users have written. That is the generation, not the spec: another
    CustomResourceDefinition changes the specs of all tenants (defaults come and go), which is none of their own.
    """
    own = _digest([str(tenant.generation).encode(), tenant.uid.encode()])
    return f"{own}.{_digest([tenant.spec_hash.encode(), common.encode()])}"


def spec_part(inputs: str) -> str:
    """Return the part of an inputs digest that is about the tenant's own spec."""
    return inputs.partition(".")[0]


def common_digest(settings: Settings, optional_kinds: frozenset[str], schema: ServedSchema) -> str:
    """Return a digest of what all tenants share: settings, kinds, fields that are ignored, and our own code."""
    shared = [settings, sorted(optional_kinds), schema.added_fields()]
    relevant = msgspec.json.encode(shared, enc_hook=str, order="sorted")
    return _digest([relevant, _CODE.encode()])


def _code_digest() -> str:
    """Return a digest of our own code, so that no change of what is rendered goes unnoticed."""
    digest = hashlib.blake2b(digest_size=8)
    for package in _PACKAGES:
        for file in sorted(files(package).rglob("*.py"), key=str):  # type: ignore[attr-defined]
            digest.update(file.read_bytes())
    return digest.hexdigest()


def manifest_hash(manifest: Manifest) -> str:
    """Return a hash of a manifest's content."""
    content = msgspec.json.encode(manifest, order="sorted")
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _owned(children: Mapping[ChildName, Child]) -> dict[ChildName, bytes]:
    return {name: child.owned_fields_digest for name, child in children.items()}


def _restored_children(digest: str, owned: Mapping[ChildName, bytes]) -> Mapping[ChildName, bytes] | None:
    """Return the children that a digest vouches for: all, those of the kinds that are always there, or None."""
    required = {name: digest for name, digest in owned.items() if name[0] not in _OPTIONAL}
    if digest == _children_digest(owned):
        return owned
    return required if digest.partition(".")[0] == _children_digest(required).partition(".")[0] else None


def _children_digest(owned: Mapping[ChildName, bytes]) -> str:
    # Apart from each other: an optional kind that was switched off is no longer compared.
    parts: list[list[bytes]] = [[], []]
    for (plural, name), digest in sorted(owned.items()):
        parts[plural in _OPTIONAL] += (plural.encode(), name.encode(), digest)
    return ".".join(map(_digest, parts))


def _secrets_digest(states: SecretStates) -> str:
    return _digest(
        f"{key} {state.uid} {state.version}".encode() if state else f"{key}".encode()
        for key, state in sorted(states.items())
    )


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.hexdigest()


_CODE: Final = _code_digest()
