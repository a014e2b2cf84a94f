"""What `local` keeps between runs: per tenant the rendered configuration, and the credential store.

`<state>/<namespace>/<name>/` has

- `config.json`: what the next proxy starts with; `poslog.json`: what the next relay does;
- `credentials/`: the file store, which a tenant's PUT changes, too;
- `seed`: the digest of the Secret manifest that was last put into the store;
- `forward-proxy/`: the credential for the forward proxy, if it needs one;
- `debug-until`: the time until which the proxy writes debug lines, if there is one;
- `troubles.log`: what has begun to be wrong, and when it was over, since the proxy was started;
  `poslog-troubles.log`: the same of the relay;
- `poslog/`: the relay's keys;
- `tls/ca/` and `tls/client/`: the files of the Secrets that `spec.upstream.tls` names.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tenantproxy.credentials.kinds import credential_keys
from tenantproxy.credentials.stores.files import read_keys, write_keys
from tenantproxy_operator.api.names import POSLOG, PROXY, Component

_DRAIN_SECONDS: Final = 20.0
"""How long proxies whose supervisor was killed may need to end; they drain for 10 s at most."""


class StateInUseError(Exception):
    """Other processes work with the state directory; the message says which."""


@contextmanager
def locked(directory: Path) -> Iterator[int]:
    """Hold the state directory for this process; the lock ends with it, however it ends.

    Yields a descriptor for proxies to inherit: it is a lock, too, which ends with the last of them. So a new
    `local` can tell, and wait for, the proxies that a killed one left to drain: they still hold its ports.

    Raises:
        StateInUseError: Another `local` has the directory, or proxies of a killed one don't end.
        OSError: The directory can't be made.

    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Names with a dot can't be namespaces.
        own = _open(directory / ".lock", stack)
        proxies = _open(directory / ".proxies", stack)
        if not _try_lock(own):
            raise StateInUseError(f"another `local` uses {directory}")
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not _try_lock(proxies):
            if time.monotonic() > deadline:
                raise StateInUseError(f"proxies of a killed `local` still use {directory}")
            time.sleep(0.05)
        yield proxies


def _open(path: Path, stack: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, descriptor)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def must_seed(manifest: str, *, recorded: str | None, stored: bool) -> bool:
    """Decide whether a Secret manifest, given by its digest, replaces what is in the store.

    It seeds an empty store; else only a manifest that changed since it was last put there wins over what the
    tenant may have set.
    """
    return not stored or manifest != recorded


class TenantState:
    """One tenant's part of the state directory, which exists."""

    def __init__(self, state: Path, namespace: str, name: str, component: Component = PROXY) -> None:
        self._directory = directory = state / namespace / name
        of_relay = component == POSLOG
        self._seed = directory / "seed"
        self.config = directory / ("poslog.json" if of_relay else "config.json")
        self.credentials = directory / "credentials"
        self.debug_until = directory / "debug-until"
        self.forward_proxy = directory / "forward-proxy"
        self.tls = directory / "tls"
        self.troubles = directory / ("poslog-troubles.log" if of_relay else "troubles.log")
        self.poslog = directory / "poslog"

    def write_config(self, content: bytes) -> None:
        """Write the configuration that the next proxy starts with."""
        self._write(self.config, content)

    def write_debug_until(self, time: str) -> None:
        """Write the time until which the proxy writes debug lines; empty: there is none."""
        if time:
            self._write(self.debug_until, time.encode())
        else:
            self.debug_until.unlink(missing_ok=True)

    def seed(self, data: Mapping[str, str]) -> bool:
        """Put a Secret manifest's keys into the store, if `must_seed`; return whether it was done."""
        if not credential_keys() & data.keys():
            return False
        digest = hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()
        if not must_seed(digest, recorded=self._recorded(), stored=self.has_credential()):
            return False
        self._make()
        write_keys(self.credentials, data)
        self._write(self._seed, digest.encode())
        return True

    def write_tls(self, files: Mapping[str, Mapping[str, str]]) -> bool:
        """Write the files for TLS, given by subdirectory, where they differ; return whether any did.

        A subdirectory that is not given stays: a proxy that has still the configuration before may need it.
        """
        changed = {name: keys for name, keys in files.items() if read_keys(self.tls / name) != keys}
        for name, keys in changed.items():
            self._make(self.tls)
            write_keys(self.tls / name, keys)
        return bool(changed)

    def drop_tls(self, *, besides: Collection[str]) -> None:
        """Remove what `write_tls` once wrote to other subdirectories; no proxy may run."""
        for name in {"ca", "client"} - set(besides):
            shutil.rmtree(self.tls / name, ignore_errors=True)

    def write_forward_proxy(self, files: Mapping[str, str] | None) -> None:
        """Write the files of the forward proxy's credential, where they differ; None: leave what is there."""
        if files is not None and read_keys(self.forward_proxy) != files:
            self._make()
            write_keys(self.forward_proxy, files)

    def write_poslog_keys(self, keys: Mapping[str, str] | None) -> None:
        """Write the relay's keys, where they differ; None: leave what is there."""
        if keys is not None and read_keys(self.poslog) != keys:
            self._make()
            write_keys(self.poslog, keys)

    def poslog_keys(self) -> list[str]:
        """Return which keys the relay has."""
        return list(read_keys(self.poslog))

    def drop_forward_proxy(self) -> None:
        """Remove what `write_forward_proxy` once wrote; no proxy may run."""
        shutil.rmtree(self.forward_proxy, ignore_errors=True)

    def has_credential(self) -> bool:
        """Tell whether the store holds any credential key."""
        return bool(credential_keys() & read_keys(self.credentials).keys())

    def _recorded(self) -> str | None:
        try:
            return self._seed.read_text()
        except FileNotFoundError:
            return None

    def _make(self, *inside: Path) -> None:
        for directory in (
            self._directory.parent,
            self._directory,
            *inside,
        ):  # `parents=True` would not apply the mode
            directory.mkdir(mode=0o700, exist_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        self._make()
        temporary = path.with_name(f".{path.name}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
