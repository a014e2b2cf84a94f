"""Identity, version and tenant of each Secret in the watched namespaces; no contents."""

import msgspec

from tenantproxy.credentials.proof import from_note
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import Metadata


class SecretVersion(msgspec.Struct, frozen=True, gc=False):
    """A Secret's identity and version, without contents."""

    uid: str
    version: int
    tenant_id: str = ""
    """For which tenant the credential in it was set; empty where nobody has said."""
    last_put: tuple[float, str] | None = None
    """When a PUT has last set the credential, in Unix seconds, and who; None: nobody knows of one."""
    data_written_at: str = ""
    """When the data was written last, where the proxies write notes beside it; empty: not known."""


class SecretVersions:
    """All Secrets of the watched namespaces."""

    def __init__(self) -> None:
        self._versions: dict[Key, SecretVersion] = {}

    def __getitem__(self, key: Key) -> SecretVersion | None:
        """Return the version of a Secret; None where there is none."""
        return self._versions.get(key)

    def keys_in(self, namespace: str | None) -> list[Key]:
        """Return the Secrets of a namespace, or all."""
        return [key for key in self._versions if namespace in (None, key.namespace)]

    def put(self, metadata: Metadata) -> bool:
        """Record a Secret; return whether that is news."""
        known = self._versions.get(metadata.key)
        if known is not None and metadata.version <= known.version:
            return False
        annotations = metadata.annotations
        self._versions[metadata.key] = SecretVersion(
            metadata.uid,
            metadata.version,
            annotations.tenant_id,
            _last_put(annotations.credential_state),
            "" if annotations.credential_state is None else metadata.data_written_at,
        )
        return True

    def remove(self, metadata: Metadata) -> bool:
        """Record that a Secret was deleted, at its resource version; return whether that is news."""
        known = self._versions.get(metadata.key)
        if known is None or known.version > metadata.version:
            return False
        del self._versions[metadata.key]
        return True

    def drop(self, key: Key) -> None:
        """Forget a Secret."""
        self._versions.pop(key, None)


def _last_put(note: str | None) -> tuple[float, str] | None:
    """Return what the proxies' note on a Secret says of the last PUT."""
    proof = from_note(note)
    return None if proof is None or proof.set_at is None else (proof.set_at, proof.set_by)
