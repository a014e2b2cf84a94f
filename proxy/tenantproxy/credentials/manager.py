"""Keeps the credential in use in step with the store: at start, when the store changes, and on a PUT.

`sync_state` says which steps there are; here they are taken.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from tenantproxy.backoff import Backoff
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.checks import usable_credential
from tenantproxy.credentials.formats import completed
from tenantproxy.credentials.kinds import credential_keys
from tenantproxy.credentials.proof import Known, Tried
from tenantproxy.credentials.stores.base import (
    CredentialStore,
    ForeignSecretError,
    NewNote,
    Stored,
    StoreError,
)
from tenantproxy.credentials.sync_state import SyncEvent, SyncState, next_state
from tenantproxy.errors import FieldProblem
from tenantproxy.process_metrics import ProcessMetrics

_log = logging.getLogger(__name__)

_MOST_OF_A_NAME: Final = 200
"""Characters."""
_TURN_SECONDS: Final = 2.0
"""How long a replacement waits for the changes before it."""


class CredentialUser(Protocol):
    """What uses the credential: `active.ActiveCredential`."""

    @property
    def is_usable(self) -> bool:
        """Whether there is a credential in use."""
        ...

    async def use(self, credential: Credential | CredentialError | None, stored: Stored | None) -> bool:
        """Use this credential, read from there, from now on; return whether it is another one than before."""
        ...

    async def note(self, credential: Credential, stored: Stored, set_by: str, tried: Tried | None) -> NewNote:
        """Return what makes the store's note of a credential that is set now."""
        ...

    def known_of(self, credential: Credential) -> Known | None:
        """Return what may be shown of what is known of this credential; None: another one is in use."""
        ...

    def tried(self, credential: Credential, tried: Tried) -> None:
        """Take the result of an attempt beside the requests."""
        ...


class Candidate(NamedTuple):
    """A credential that is to replace the stored one."""

    given: Credential
    effective: Credential
    """What would be in use: with what only the platform sets."""
    stored: Stored


class CredentialManager:
    """Brings the store's credential into use; one change after the other."""

    def __init__(
        self,
        config: ProxyConfig,
        store: CredentialStore,
        user: CredentialUser,
        metrics: ProcessMetrics,
        *,
        fallback: CredentialStore | None = None,
    ) -> None:
        """Prepare; `fallback` is where the credential is taken from until the store has been read once."""
        self._config = config
        self._store = store
        self._fallback = fallback
        self._user = user
        self._metrics = metrics
        self._state = SyncState.STARTING
        self._changing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._complaint = ""

    async def load(self) -> None:
        """Use what the store holds now; if that fails, for whatever cause, the one in use, if any, stays."""
        async with self._changing:
            try:
                await self._use(*await self._find())
            except StoreError as error:
                complaint = f"the credential's store can't be read; keeping the current credential: {error}"
                await self._go_on(complaint, "can't be read; see the proxy's log")
            except Exception as error:  # noqa: BLE001 - whatever went wrong, it must be retried
                self._advance(SyncEvent.FAILED)
                self._metrics.config_changed("unreadable")
                complaint = "the credential can't be used because of an unexpected error; keeping the current one"
                await self._go_on(complaint, "can't be used; see the proxy's log", error)
            else:
                if self._state is SyncState.CURRENT:
                    self._complaint = ""

    async def follow(self) -> None:
        """Use what the store holds each time it has changed; retry what failed.

        It ends only where the store's watch does: `app` starts it again, and the watch reports its start.
        """
        backoff = Backoff()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_changes(), name="changes of the credential store")
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next() if self._state.retries else None):
                        await self._changed.wait()
                self._changed.clear()
                await self.load()
                if not self._state.retries:
                    backoff.reset()

    async def candidate(self, credential: Credential) -> Candidate:
        """Return what `replace` needs, and what the credential in use would be after it.

        Raises:
            CredentialError: A key that only the platform sets can't be used.
            StoreError: The store can't be read now.

        """
        with self._storing():
            stored = await self._store.read()
        return Candidate(credential, completed(credential, stored.keys), stored)

    async def stored(self) -> Credential | None:
        """Return the credential that the store holds now, which is in use from now on; None: it holds none.

        Raises:
            CredentialError: It can't be used.
            StoreError: The store can't be read now.

        """
        async with self._turn():
            try:
                found, stored = await self._find()
            except StoreError as error:
                _log.warning("the stored credential can't be read: %s", error)
                self._changed.set()  # for `follow` to try again
                raise
            await self._use(found, stored)
        if isinstance(found, CredentialError):
            raise found
        return found

    async def replace(self, candidate: Candidate, *, set_by: str = "", tried: Tried | None = None) -> None:
        """Store a credential and use it at once; replacements take effect in the order of their calls.

        `set_by` says who sets it, to those who may see the Secret's annotations; `tried`: what came of it
        just now; if the OMS has taken it, nobody needs to try it.

        Raises:
            StoreError: Nothing was changed, or that can't be known.

        """
        with self._storing():
            async with self._turn():
                name = set_by[:_MOST_OF_A_NAME]
                note = await self._user.note(candidate.effective, candidate.stored, name, tried)
                stored = await self._store.replace(candidate.stored, candidate.given, note)
                self._advance(SyncEvent.STORE_READ)
                await self._user.use(_completed(candidate.given, stored.keys), stored)
                self._metrics.config_changed("success")

    def known_of(self, credential: Credential) -> Known | None:
        """Return what may be shown of what is known of this credential; None: another one is in use."""
        return self._user.known_of(credential)

    def tried(self, credential: Credential, tried: Tried) -> None:
        """Take the result of an attempt beside the requests, with the credential in use or with another one.

        That the OMS took the one in use ends a pause; that it did not begins one.
        With another credential it is counted only: it may be the same account.
        """
        self._user.tried(credential, tried)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    def _advance(self, event: SyncEvent) -> None:
        self._state = next_state(self._state, event)

    async def _note_changes(self) -> None:
        async with contextlib.aclosing(self._store.watch()) as changes:
            async for _ in changes:
                self._changed.set()

    async def _find(self) -> tuple[Credential | CredentialError | None, Stored | None]:
        """Return what the store, or the fallback, holds. Raises StoreError."""
        stored = None
        try:
            stored = await self._read()
            return usable_credential(stored.keys, self._config), stored
        except CredentialError as error:
            return error, stored
        except ForeignSecretError as error:
            return CredentialError([FieldProblem("Secret", str(error))]), None

    async def _read(self) -> Stored:
        """Return what the store holds, or the fallback as long as it may serve and has anything."""
        try:
            stored = await self._store.read()
        except ForeignSecretError:
            self._advance(SyncEvent.STORE_READ)
            raise
        except StoreError as error:
            self._advance(SyncEvent.FAILED)
            self._metrics.config_changed("unreadable")
            if self._fallback is None or not self._state.may_fall_back:
                raise
            stored = await self._fallback.read()
            if not credential_keys() & stored.keys.keys():
                raise
            self._advance(SyncEvent.FALLBACK_READ)
            self._complain(f"using the mounted files until the credential's store can be read: {error}")
        else:
            self._advance(SyncEvent.STORE_READ)
        return stored

    async def _use(self, found: Credential | CredentialError | None, stored: Stored | None = None) -> None:
        if not await self._user.use(found, stored):
            return
        if isinstance(found, CredentialError):
            _log.error("the Secret can't be used: %s", found)
            self._metrics.config_changed("invalid")
        else:
            self._metrics.config_changed("success")

    async def _go_on(self, complaint: str, problem: str, error: Exception | None = None) -> None:
        """Keep the credential in use; where there is none, callers get the problem."""
        self._complain(complaint, error)
        if not self._user.is_usable:
            await self._use(CredentialError([FieldProblem("Secret", problem)]))

    def _complain(self, complaint: str, error: Exception | None = None) -> None:
        """Write down what is wrong, once while it lasts."""
        if complaint != self._complaint:
            _log.warning("%s", complaint, exc_info=error)
        self._complaint = complaint

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._changing.acquire()
        except TimeoutError:
            raise StoreError("a previous change is still being stored; retry") from None
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


def _completed(credential: Credential, keys: Mapping[str, str]) -> Credential | CredentialError:
    try:
        return completed(credential, keys)
    except CredentialError as error:
        return error
