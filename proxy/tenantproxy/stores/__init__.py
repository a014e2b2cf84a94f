"""Where a credential lives: the interface that the file store and, later, the Kubernetes store implement."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from tenantproxy.credentials import Credential


class StoreError(Exception):
    """The store can't be read or written now; nothing was changed."""


class CredentialStore(Protocol):
    """The flat keys of one tenant's Secret."""

    async def read(self) -> Mapping[str, str]:
        """Return all keys; empty where there is no Secret yet. Raises StoreError."""
        ...

    async def replace(self, credential: Credential) -> Mapping[str, str]:
        """Put `credential` in the place of the stored one and return all keys (see `credentials.merged`).

        Raises StoreError: nothing was changed.
        """
        ...

    def watch(self) -> AsyncIterator[None]:
        """Yield each time the keys have changed, whoever changed them: time to read them again."""
        ...
