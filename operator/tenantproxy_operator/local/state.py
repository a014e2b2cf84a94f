"""What `local` keeps between runs: per tenant the rendered configuration, and the credential store.

`<state>/<namespace>/<name>/` has `config.json`, `credentials/` (the file store, which a tenant's PUT changes, too)
and `seed`: the digest of the Secret manifest that was last put into the store.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tenantproxy.credentials import CREDENTIAL_KEYS
from tenantproxy.stores.files import read_keys, write_keys


class StateInUseError(Exception):
    """Another process works with the state directory."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the state directory for this process; the lock ends with it, however it ends.

    Raises:
        StateInUseError: Another process has it.
        OSError: The directory can't be made.

    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A dot, so that it can't be a namespace.
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateInUseError(str(directory)) from None
        yield
    finally:
        os.close(descriptor)


def must_seed(manifest: str, *, recorded: str | None, stored: bool) -> bool:
    """Decide whether a Secret manifest, given by its digest, replaces what is in the store.

    It seeds an empty store; else only a manifest that changed since it was last put there wins over what the
    tenant may have set.
    """
    return not stored or manifest != recorded


class TenantState:
    """One tenant's part of the state directory, which exists."""

    def __init__(self, state: Path, namespace: str, name: str) -> None:
        self._directory = directory = state / namespace / name
        self._seed = directory / "seed"
        self.config = directory / "config.json"
        self.credentials = directory / "credentials"

    def write_config(self, content: bytes) -> None:
        """Write the configuration that the next proxy starts with."""
        self._write(self.config, content)

    def seed(self, data: Mapping[str, str]) -> bool:
        """Put a Secret manifest's keys into the store, if `must_seed`; tell whether it was done."""
        if not CREDENTIAL_KEYS & data.keys():
            return False
        digest = hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()
        if not must_seed(digest, recorded=self._recorded(), stored=self.has_credential()):
            return False
        self._make()
        write_keys(self.credentials, data)
        self._write(self._seed, digest.encode())
        return True

    def has_credential(self) -> bool:
        """Tell whether the store holds any credential key."""
        return bool(CREDENTIAL_KEYS & read_keys(self.credentials).keys())

    def _recorded(self) -> str | None:
        try:
            return self._seed.read_text()
        except FileNotFoundError:
            return None

    def _make(self) -> None:
        for directory in (self._directory.parent, self._directory):  # `parents=True` would not apply the mode
            directory.mkdir(mode=0o700, exist_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        self._make()
        temporary = path.with_name(f".{path.name}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
