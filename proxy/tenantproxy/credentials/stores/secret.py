"""A Secret as the API server sends it: our keys out of it, a credential into it, all else as it was."""

import base64
import binascii
from typing import Final

import msgspec

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.formats import merged, to_secret
from tenantproxy.credentials.kinds import credential_keys

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

    def replaced(self, credential: Credential) -> bytes | None:
        """Return the object with `credential` in it (see `formats.merged`); None: it is there already."""
        ours = {key: base64.b64encode(value.encode()).decode() for key, value in to_secret(credential).items()}
        data = merged(self._data, credential) | ours
        if data == self._data:
            return None
        return msgspec.json.encode({**self._fields, "data": msgspec.Raw(msgspec.json.encode(data))})


def _decoded(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="surrogateescape")
    except binascii.Error:
        raise SecretError(f"`{key}` is not in base64") from None
