"""The relay's keys: files of a directory, as the kubelet mounts a Secret, read again when they change.

Each may have several lines: the key that is in use, and the one that comes after it, while it is being changed.
"""

import base64
import binascii
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tenantproxy.config_poslog import Poslog
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.credentials.stores.files import FileStore
from tenantproxy.problems import Problem

_log = logging.getLogger(__name__)

SHARED_KEY: Final = "poslogSharedKey"
USERNAME: Final = "poslogUsername"
PASSWORD: Final = "poslogPassword"
SIGNING_KEY: Final = "poslogSigningKey"
SIGNING_PREFIX: Final = "whsec_"
SIGNING_BYTES: Final = range(24, 65)
"""How many a key of Standard Webhooks has."""
MOST_LINES: Final = 4
"""Of a file: each is one more that an event is compared with."""

Lines = tuple[bytes, ...]


class Secrets(NamedTuple):
    """What the files hold; `lacking` says for each one that is needed and can't be used what is wrong with it."""

    shared_keys: Lines = ()
    usernames: Lines = ()
    passwords: Lines = ()
    signing_keys: Lines = ()
    """Decoded."""
    lacking: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Secrets(***)"

    def check(self) -> None:
        """Check that all that is needed is there.

        Raises:
            Problem: `poslog-secret-missing`.

        """
        if self.lacking:
            told = "; ".join(f"`{name}` {what}" for name, what in self.lacking.items())
            raise Problem("poslog-secret-missing", f"In the tenant's Secret {told}.", reason="secret-missing")


def needed(config: Poslog) -> frozenset[str]:
    """Return the names of the files that a relay can't do without."""
    names = {
        SHARED_KEY: config.verification.shared_key,
        USERNAME: config.verification.basic,
        PASSWORD: config.verification.basic,
        SIGNING_KEY: config.delivery.signed,
    }
    return frozenset(name for name, is_needed in names.items() if is_needed)


def secrets_of(files: Mapping[str, str], names: Iterable[str]) -> Secrets:
    """Return what is in files by their names, of which those in `names` are needed."""
    lacking: dict[str, str] = {}
    found: dict[str, Lines] = {}
    for name in sorted(names):
        lines = tuple(filter(None, files.get(name, "").encode(errors="surrogateescape").splitlines()))
        if not lines:
            lacking[name] = "is missing"
        elif len(lines) > MOST_LINES:
            lacking[name] = f"has {len(lines)} lines; leave at most {MOST_LINES}"
        elif name != SIGNING_KEY:
            found[name] = lines
        elif None in (keys := tuple(map(_signing_key, lines))):
            lacking[name] = "is no key of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes"
        else:
            found[name] = tuple(filter(None, keys))
    return Secrets(
        shared_keys=found.get(SHARED_KEY, ()),
        usernames=found.get(USERNAME, ()),
        passwords=found.get(PASSWORD, ()),
        signing_keys=found.get(SIGNING_KEY, ()),
        lacking=lacking,
    )


def _signing_key(line: bytes) -> bytes | None:
    """Return the key in a line, with or without its prefix; None: there is none."""
    try:
        key = base64.b64decode(line.strip().removeprefix(SIGNING_PREFIX.encode()), validate=True)
    except binascii.Error:
        return None
    return key if len(key) in SIGNING_BYTES else None


class SecretFiles:
    """Keeps what the files of a directory hold; while they can't be read, what they held last."""

    def __init__(self, directory: Path, names: frozenset[str]) -> None:
        self._store = FileStore(directory)
        self._names = names
        self._told: Mapping[str, str] = {}
        self.current = secrets_of({}, names)

    async def load(self) -> None:
        """Read them now."""
        try:
            stored = await self._store.read()
        except StoreError as error:
            _log.warning("the relay's keys can't be read; keeping the current ones: %s", error)
            return
        self.current = secrets_of(stored.keys, self._names)
        if self.current.lacking != self._told:
            self._told = self.current.lacking
            for name, what in self._told.items():
                _log.warning("events are refused: %s %s", name, what)
            if not self._told:
                _log.warning("all keys that the relay needs are there")

    async def follow(self) -> None:
        """Read them each time they have changed."""
        async for _ in self._store.watch():
            await self.load()
