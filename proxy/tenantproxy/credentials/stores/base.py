"""Where a credential lives: the interface that the file store and the Kubernetes store implement."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from tenantproxy.credentials.formats import Credential


class StoreError(Exception):
    """The store can't be read or written now; the message says why, names the fix, and holds no value.

    Nothing was changed; where that can't be known, the message says so.
    """


class CredentialStore(Protocol):
    """The flat keys of one tenant's Secret.

    A value that is not UTF-8 has surrogate escapes in it: fatal where it is part of the credential (see
    `credentials.from_secret`), and nobody's business where it belongs to somebody else.
    """

    async def read(self) -> Mapping[str, str]:
        """Return the keys, at least those of `CREDENTIAL_KEYS`; none without a Secret. Raises StoreError."""
        ...

    async def replace(self, credential: Credential) -> Mapping[str, str]:
        """Put `credential` in the place of the stored one and return what `read` would (see `credentials.merged`).

        Raises StoreError: nothing was changed, or the message says that this can't be known.
        """
        ...

    def watch(self) -> AsyncGenerator[None, None]:
        """Yield when the watch begins and each time the keys may have changed: time to read them again."""
        ...

    async def close(self) -> None:
        """Give up what the store holds open."""
        ...
