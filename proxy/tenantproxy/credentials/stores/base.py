"""The interface of a credential store, which the file store and the Kubernetes store implement."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import NamedTuple, Protocol

from tenantproxy.credentials.base import Credential


class StoreError(Exception):
    """The store can't be read or written now; the message says why, names the fix, and holds no value.

    Nothing was changed; where that can't be known, the message says so.
    """


class ForeignSecretError(StoreError):
    """The store says that what it holds is another tenant's: it must not be used, wherever it is read from."""


NewNote = Callable[[str | None], str]
"""Makes a note out of the one that was there."""


class Stored(NamedTuple):
    """What a store held when it was read; printing it shows no value."""

    keys: Mapping[str, str]
    version: object
    """The store's own: lets it see whether it holds something else by now. None: it can't be told."""
    uid: str = ""
    """Of the object that notes can be kept on; empty: the store keeps none."""
    note: str | None = None
    """What the replicas of a tenant tell each other of the credential (see `proof`)."""
    note_is_private: bool = False
    """Whether nobody can read it but who can read the keys."""

    def __repr__(self) -> str:
        return "Stored(***)"


class CredentialStore(Protocol):
    """The flat keys of one tenant's Secret.

    A value that is not UTF-8 has surrogate escapes in it: fatal where it is part of the credential (see
    `formats.from_secret`), and left alone where it belongs to others.
    """

    async def read(self) -> Stored:
        """Return the keys, at least `kinds.credential_keys()`; none without a Secret.

        Raises:
            ForeignSecretError: It is another tenant's.
            StoreError: It can't be read now.

        """
        ...

    async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
        """Put `credential` in the place of the stored one and return what is stored then (see `formats.merged`).

        `stored` is what was read before; where the store has changed since, it is read again. `note` makes the
        note out of the one that is there, also more than once. Raises StoreError: nothing was changed, or the
        message says that this can't be known.
        """
        ...

    async def annotate(self, note: Callable[[Stored], str | None]) -> Stored:
        """Replace the note by what `note` makes of what is stored now, and return what is stored then.

        It is asked again where the store has changed meanwhile; None: nothing is written.

        Raises:
            StoreError: Nothing was changed, or that can't be known; also where the store keeps no notes.

        """
        ...

    def watch(self) -> AsyncGenerator[None, None]:
        """Yield when the watch begins and each time the keys may have changed: time to read them again."""
        ...

    async def close(self) -> None:
        """Give up what the store holds open."""
        ...
