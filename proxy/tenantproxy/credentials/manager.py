"""The credential in use follows the store: read at start, when the store changes, and replaced by a PUT."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from tenantproxy.backoff import Backoff
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.checks import usable_credential
from tenantproxy.credentials.formats import CREDENTIAL_KEYS, Credential, CredentialError, merged
from tenantproxy.credentials.stores.base import CredentialStore, StoreError
from tenantproxy.errors import FieldProblem
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import Oms

_log = logging.getLogger(__name__)

_TURN_SECONDS: Final = 2.0
"""How long a replacement waits for the changes before it."""


class CredentialKeeper:
    """Brings the store's credential to the OMS client; one change after the other."""

    def __init__(
        self,
        config: ProxyConfig,
        store: CredentialStore,
        oms: Oms,
        metrics: Metrics,
        *,
        fallback: CredentialStore | None = None,
    ) -> None:
        """Prepare; `fallback` is where the credential is taken from until the store has been read once."""
        self._config = config
        self._store = store
        self._fallback = fallback
        self._oms = oms
        self._metrics = metrics
        self._changing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._known = False
        """Whether the store has ever been read."""
        self._behind = False
        """Whether the store may hold another credential, since the last attempt at using it failed."""
        self._complaint = ""

    async def load(self) -> None:
        """Use what the store holds now; if that fails, for whatever cause, the one in use, if any, stays."""
        async with self._changing:
            try:
                await self._use(self._usable(await self._read()))
            except StoreError as error:
                complaint = f"the credential's store can't be read; the credential in use stays: {error}"
                await self._go_on(complaint, "can't be read; see the proxy's log")
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the next try must come
                self._behind = True
                self._metrics.config_changed("unreadable")
                complaint = "the credential can't be used, for an unforeseen reason; the one in use stays"
                await self._go_on(complaint, "can't be used; see the proxy's log", error)
            else:
                if not self._behind:
                    self._complaint = ""

    async def follow(self) -> None:
        """Use what the store holds each time it has changed; try again what failed.

        It ends only where the store's watch does: `serve` begins it again, and the watch tells of its beginning.
        """
        backoff = Backoff()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_changes(), name="changes of the credential store")
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next() if self._behind else None):
                        await self._changed.wait()
                self._changed.clear()
                await self.load()
                if not self._behind:
                    backoff.reset()

    async def candidate(self, credential: Credential) -> Credential:
        """Return what the credential in use would be after `replace(credential)`.

        Raises:
            CredentialError: A key that only the platform sets can't be used.
            StoreError: The store can't be read now.

        """
        with self._storing():
            existing = await self._store.read()
        found = usable_credential(merged(existing, credential), self._config)
        assert found is not None  # noqa: S101 - the keys of `credential` are in it
        return found

    async def replace(self, credential: Credential) -> None:
        """Store a credential and use it at once; replacements take effect in the order of their calls.

        Raises:
            StoreError: Nothing was changed, or that can't be known.

        """
        with self._storing():
            async with self._turn():
                found = self._usable(await self._store.replace(credential))
                self._known, self._behind = True, False
                await self._oms.use(found)
                self._metrics.config_changed("success")

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def _note_changes(self) -> None:
        async with contextlib.aclosing(self._store.watch()) as changes:
            async for _ in changes:
                self._changed.set()

    async def _use(self, found: Credential | CredentialError | None) -> None:
        if await self._oms.use(found):
            self._note(found)

    async def _go_on(self, complaint: str, problem: str, error: Exception | None = None) -> None:
        """Go on with the credential in use; where there is none, callers are told the problem."""
        self._complain(complaint, error)
        if not self._oms.has_credential:
            await self._use(CredentialError([FieldProblem("Secret", problem)]))

    def _usable(self, keys: Mapping[str, str]) -> Credential | CredentialError | None:
        try:
            return usable_credential(keys, self._config)
        except CredentialError as error:
            return error

    async def _read(self) -> Mapping[str, str]:
        """Return the store's keys; until it has been read once, those of the fallback where it has any."""
        try:
            keys = await self._store.read()
        except StoreError as error:
            self._behind = True
            self._metrics.config_changed("unreadable")
            if self._known or self._fallback is None:
                raise
            keys = await self._fallback.read()
            if not CREDENTIAL_KEYS & keys.keys():
                raise
            self._complain(f"the mounted files serve until the credential's store can be read: {error}")
            return keys
        self._known, self._behind = True, False
        return keys

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._changing.acquire()
        except TimeoutError:
            raise StoreError("a change before this one is still being stored; try again") from None
        try:
            yield
        finally:
            self._changing.release()

    @contextlib.contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            _log.error("a credential can't be stored: %s", error)
            self._metrics.config_changed("failed")
            raise

    def _complain(self, complaint: str, error: Exception | None = None) -> None:
        """Write down what is wrong, once while it lasts."""
        if complaint != self._complaint:
            _log.warning("%s", complaint, exc_info=error)
        self._complaint = complaint

    def _note(self, found: Credential | CredentialError | None) -> None:
        if isinstance(found, CredentialError):
            _log.error("the Secret can't be used: %s", found)
            self._metrics.config_changed("invalid")
        else:
            self._metrics.config_changed("success")
