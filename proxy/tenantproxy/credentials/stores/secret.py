"""A Secret as the API server sends it: our keys out of it, a credential into it, all else as it was.

The operator creates it empty, owned by the TenantProxy, so that it goes with it. Once there is a credential in it,
it is the tenant's: the write that sets the credential also gives up that owner, and says whose it is.
"""

import base64
import binascii
from typing import Any, Final

import msgspec

from tenantproxy.config import Tenant
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.formats import merged, to_secret
from tenantproxy.credentials.kinds import credential_keys

_GROUP: Final = "proxy.hiiretail.com"
_OWNER_KIND: Final = "TenantProxy"
TENANT_ID: Final = f"{_GROUP}/tenant-id"
"""The annotation of a Secret that outlives its TenantProxy: for which tenant the credential in it was set."""
NOTE: Final = f"{_GROUP}/credential-state"
"""The annotation by which the proxies of a tenant tell each other what they know of the credential."""
KEPT_FOR: Final = f"{_GROUP}/tenant-proxy"
"""The label of such a Secret: the name of the TenantProxy that it was made for."""
_INSTANCE: Final = "app.kubernetes.io/instance"
"""The label that it no longer has: tools such as Argo CD take what has it, and no owner, for theirs to prune."""

_NOTHING: Final = msgspec.Raw(b"null")


class SecretError(ValueError):
    """What came is no Secret; the message says where, without a value."""


class Secret:
    """One version of a Secret; of the parts that are not ours every byte is kept."""

    def __init__(self, document: bytes) -> None:
        """Parse an object of the API server.

        Raises:
            SecretError: It is none.

        """
        try:
            self._fields = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
            data = msgspec.json.decode(self._fields.get("data", _NOTHING), type=dict[str, str] | None)
            self.immutable = msgspec.json.decode(self._fields.get("immutable", _NOTHING), type=bool | None) is True
            self._metadata = _decoded_map(self._fields.get("metadata", _NOTHING))
            annotations = _decoded_map(self._metadata.get("annotations", _NOTHING))
            self.tenant_id = msgspec.json.decode(annotations.get(TENANT_ID, _NOTHING), type=str | None)
            """For which tenant the credential in it was set; None: nobody has said."""
            self.note = msgspec.json.decode(annotations.get(NOTE, _NOTHING), type=str | None)
            self.uid = msgspec.json.decode(self._metadata.get("uid", _NOTHING), type=str | None) or ""
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SecretError(f"it can't be read: {error}") from None
        self._data = data or {}
        """Base64."""

    def keys(self) -> dict[str, str]:
        """Return our keys (see `base.CredentialStore`).

        Raises:
            SecretError: One of them is not in base64.

        """
        ours = credential_keys()
        return {key: _decoded(key, value) for key, value in self._data.items() if key in ours}

    def annotated(self, note: str) -> bytes:
        """Return the object with another note."""
        return msgspec.json.encode(self._fields | {"metadata": _noted(self._metadata, note)})

    def replaced(
        self, credential: Credential, keeper: Tenant | None = None, note: str | None = None
    ) -> bytes | None:
        """Return the object with a credential and a note in it (see `formats.merged`); None: both are there.

        It is kept for `keeper` from then on, where it was the operator's for that TenantProxy.
        """
        ours = {key: base64.b64encode(value.encode()).decode() for key, value in to_secret(credential).items()}
        data = merged(self._data, credential) | ours
        metadata = self._metadata if keeper is None else self._kept_for(keeper)
        if note is not None and note != self.note:
            metadata = _noted(metadata, note)
        if data == self._data and metadata is self._metadata:
            return None
        changed: dict[str, Any] = (
            {"data": data} if metadata is self._metadata else {"data": data, "metadata": metadata}
        )
        return msgspec.json.encode(self._fields | changed)

    def _kept_for(self, keeper: Tenant) -> dict[str, msgspec.Raw]:
        """Return the metadata without the TenantProxy as the owner; the same where it is not."""
        owners = msgspec.json.decode(self._metadata.get("ownerReferences", _NOTHING), type=list[Any] | None) or []
        others = [owner for owner in owners if not _is(owner, keeper.name)]
        if len(others) == len(owners):
            return self._metadata
        labels = _decoded_map(self._metadata.get("labels", _NOTHING))
        labels.pop(_INSTANCE, None)
        annotations = _decoded_map(self._metadata.get("annotations", _NOTHING))
        changed = {
            "ownerReferences": others,
            "labels": labels | {KEPT_FOR: _encoded(keeper.name)},
            "annotations": annotations | {TENANT_ID: _encoded(keeper.id)},
        }
        return self._metadata | {key: _encoded(value) for key, value in changed.items()}


def _noted(metadata: dict[str, msgspec.Raw], note: str) -> dict[str, msgspec.Raw]:
    annotations = _decoded_map(metadata.get("annotations", _NOTHING))
    return metadata | {"annotations": _encoded(annotations | {NOTE: _encoded(note)})}


def _is(owner: Any, name: str) -> bool:  # noqa: ANN401 - JSON of any shape
    """Tell whether an owner reference is to the TenantProxy of that name, and controls."""
    return (
        isinstance(owner, dict)
        and str(owner.get("apiVersion")).partition("/")[0] == _GROUP
        and (owner.get("kind"), owner.get("name"), owner.get("controller")) == (_OWNER_KIND, name, True)
    )


def _decoded_map(value: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(value, type=dict[str, msgspec.Raw] | None) or {}


def _encoded(value: Any) -> msgspec.Raw:  # noqa: ANN401 - JSON of any shape
    return msgspec.Raw(msgspec.json.encode(value))


def _decoded(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="surrogateescape")
    except binascii.Error:
        raise SecretError(f"`{key}` is not in base64") from None
