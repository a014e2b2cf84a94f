"""The credential in use follows the store: read at start, when the store changes, and replaced by a PUT."""

import asyncio
import logging
from collections.abc import Mapping

from tenantproxy.credentials import Credential, CredentialError, FieldError, from_secret, merged
from tenantproxy.metrics import Metrics
from tenantproxy.oms import Oms
from tenantproxy.stores import CredentialStore, StoreError

_log = logging.getLogger(__name__)


class CredentialKeeper:
    """Brings the store's credential to the OMS client; one change after the other."""

    def __init__(self, store: CredentialStore, oms: Oms, metrics: Metrics) -> None:
        self._store = store
        self._oms = oms
        self._metrics = metrics
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Use what the store holds now; if it can't be read, the credential in use, if any, stays."""
        async with self._changing:
            try:
                found = _usable(await self._store.read())
            except StoreError as error:
                _log.warning("the credential's store can't be read; the credential in use stays: %s", error)
                self._metrics.config_changed("unreadable")
                if self._oms.has_credential:
                    return
                found = CredentialError([FieldError("Secret", "can't be read; see the proxy's log")])
            if await self._oms.use(found):
                self._note(found)

    async def follow(self) -> None:
        """Use what the store holds each time it has changed, for ever."""
        async for _ in self._store.watch():
            await self.load()

    async def candidate(self, credential: Credential) -> Credential:
        """Return what the credential in use would be after `replace(credential)`.

        Raises:
            CredentialError: A key that only the platform sets can't be used.
            StoreError: The store can't be read now.

        """
        found = from_secret(merged(await self._store.read(), credential))
        assert found is not None  # noqa: S101 - the keys of `credential` are in it
        return found

    async def replace(self, credential: Credential) -> None:
        """Store a credential and use it at once; replacements take effect in the order of their calls.

        Raises:
            StoreError: Nothing was changed.

        """
        async with self._changing:
            try:
                found = _usable(await self._store.replace(credential))
            except StoreError:
                self._metrics.config_changed("failed")
                raise
            await self._oms.use(found)
            self._metrics.config_changed("success")

    def _note(self, found: Credential | CredentialError | None) -> None:
        if isinstance(found, CredentialError):
            _log.error("the Secret can't be used: %s", found)
            self._metrics.config_changed("invalid")
        else:
            self._metrics.config_changed("success")


def _usable(keys: Mapping[str, str]) -> Credential | CredentialError | None:
    try:
        return from_secret(keys)
    except CredentialError as error:
        return error
