"""The credential as a directory with a file per key, as the kubelet mounts a Secret.

A change replaces all keys at once, in the kubelet's own way: the files are symbolic links through `..data`,
a link to a directory that holds one version, and a change is one rename of that link.

Where the proxy may write, as that of `local`, the note on the credential is a file beside them.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.formats import merged
from tenantproxy.credentials.stores.base import NewNote, Stored, StoreError

_DATA: Final = "..data"
_NOTE: Final = "..note"
"""No key: the kubelet's names begin so, too."""
_MAX_KEY_BYTES: Final = 1024 * 1024
"""Of one file: Kubernetes' own limit for a whole Secret."""
_POLL_SECONDS: Final = 0.5

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def read_keys(directory: Path) -> dict[str, str]:
    """Return the keys in `directory`; empty where it doesn't exist. What is not UTF-8 is surrogate-escaped.

    Raises:
        StoreError: A file can't be read, or is too large.

    """
    while True:
        version = _version(directory)
        try:
            keys = {name: _read(directory / name) for name in _names(directory)}
        except OSError as error:
            if version != _version(directory):
                continue  # replaced while being read
            raise StoreError(f"{directory}: {error.strerror}") from None
        if version == _version(directory):
            return keys


def read_note(directory: Path) -> str | None:
    """Return the note on the credential in `directory`; None where none is kept that can be read."""
    try:
        return _read(directory / _NOTE)
    except (OSError, StoreError):
        return None


def write_keys(directory: Path, keys: Mapping[str, str]) -> None:
    """Make `keys` the only ones in `directory`: all at once, files with mode 0600, the directory 0700.

    Raises:
        StoreError: They can't be written; what was there is untouched.

    """
    import shutil  # noqa: PLC0415 - these two import half a MiB; hardly any proxy writes files
    import tempfile  # noqa: PLC0415

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        version = Path(tempfile.mkdtemp(prefix="..version-", dir=directory))
        try:
            for name, value in keys.items():
                _write(version / name, value)
            _sync(version)
            old = _version(directory)
            _link(directory, _DATA, version.name)
        except OSError:
            shutil.rmtree(version, ignore_errors=True)
            raise
        for name in keys:
            if _version_of_link(directory / name) != f"{_DATA}/{name}":
                _link(directory, name, f"{_DATA}/{name}")
        for name in set(_names(directory)) - keys.keys():
            (directory / name).unlink()
        _sync(directory)
        if old:
            shutil.rmtree(directory / old, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}") from None


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir() if not path.name.startswith(".."))
    except FileNotFoundError:
        return []


def _version(directory: Path) -> str | None:
    return _version_of_link(directory / _DATA)


def _version_of_link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_KEY_BYTES + 1)
    if len(content) > _MAX_KEY_BYTES:
        raise StoreError(f"{path} is larger than a Secret can be")
    return content.decode(errors="surrogateescape")


def _write(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value.encode(errors="surrogateescape"))
        file.flush()
        os.fsync(descriptor)


def _write_note(directory: Path, text: str) -> None:
    new = directory / f"{_NOTE}-new"
    try:
        new.unlink(missing_ok=True)
        _write(new, text)
        new.replace(directory / _NOTE)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}") from None


def _link(directory: Path, name: str, target: str) -> None:
    """Make `name` a symbolic link to `target`, replacing what is there by one rename."""
    temporary = directory / f"..link-{name}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(directory / name)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileStore:
    """A `CredentialStore` on a directory; also follows what the kubelet or `local` change in it."""

    def __init__(self, directory: Path, *, keeps_notes: bool = False) -> None:
        """Be about a directory; `keeps_notes` needs one that can be written, and no other proxy on it for long."""
        self._directory = directory
        self._uid = str(directory.resolve()) if keeps_notes else ""
        self._writing = asyncio.Lock()

    async def read(self) -> Stored:
        """Return all keys."""
        return await self._in_thread(self._read)

    async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
        """Put `credential` in the place of the stored one, after those whose turn was earlier."""
        async with self._writing:
            # In a thread of its own that outlives a cancelled caller: a write is done whole or not at all.
            keys = await asyncio.shield(self._in_thread(self._replace, stored, credential))
            if note is None:
                return Stored(keys, None, self._uid)
            text = note(await self._in_thread(self._note))
            with contextlib.suppress(StoreError):  # the credential is stored; the next news are written with it
                await self._write_note(text)
            return Stored(keys, None, self._uid, text, note_is_private=True)

    async def annotate(self, note: Callable[[Stored], str | None]) -> Stored:
        """Replace the note, where one can be kept."""
        async with self._writing:
            stored = await self._in_thread(self._read)
            text = note(stored)
            if text is None:
                return stored
            await self._write_note(text)
            return stored._replace(note=text)

    async def _write_note(self, text: str) -> None:
        if not self._uid:
            raise StoreError(f"{self._directory}: no notes are kept here")
        await asyncio.shield(self._in_thread(_write_note, self._directory, text))

    def _read(self) -> Stored:
        signature = self._signature()  # first: what changes while the keys are read is another version
        return Stored(read_keys(self._directory), signature, self._uid, self._note(), note_is_private=True)

    def _note(self) -> str | None:
        return read_note(self._directory) if self._uid else None

    def _replace(self, stored: Stored, credential: Credential) -> Mapping[str, str]:
        if stored.version != self._signature():
            stored = self._read()
        keys = merged(stored.keys, credential)
        write_keys(self._directory, keys)
        return keys

    async def watch(self) -> AsyncGenerator[None, None]:
        """Yield at the beginning and each time the files have changed; a stat of each every half a second."""
        seen: tuple[object, ...] | None = None
        while True:
            signature = self._signature()
            if signature != seen:
                seen = signature
                yield
            await asyncio.sleep(_POLL_SECONDS)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    async def _in_thread(
        self, call: Callable[_Arguments, _Result], *arguments: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        try:
            return await asyncio.to_thread(call, *arguments, **options)
        except RuntimeError:
            # It was queued all the same, for a thread that becomes free.
            raise StoreError(
                f"{self._directory}: no thread can be started; the next read shows whether it was done"
            ) from None

    def _signature(self) -> tuple[object, ...]:
        """Return what differs between two states of the files; that they can't be read is one, too."""
        parts: list[object] = [_version(self._directory)]
        try:
            names = _names(self._directory)
        except OSError as error:
            return (*parts, error.errno)
        # The note, too: where another proxy takes over, the two may be on the directory for a moment.
        for name in (*names, _NOTE) if self._uid else names:
            with contextlib.suppress(OSError):
                stat = (self._directory / name).stat()
                parts += (name, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        return tuple(parts)
