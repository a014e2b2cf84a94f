"""Follow manifests on disk: the desired tenants, by the last good version of each file.

Files are polled: it works the same on every file system, for in-place writes, atomic replacements and deletions.
A change counts once it has been the same for two polls, so that a file that is just being written is let finish.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import CA_KEYS, CLIENT_CERTIFICATE_KEYS, FORWARD_PROXY_KEYS
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.cross_checks import (
    Contradiction,
    check_unchanged,
    find_contradictions,
    find_notes,
    secret_key,
)
from tenantproxy_operator.local.manifests import (
    FoundFiles,
    LoadedFile,
    SecretManifest,
    find_files,
    load_file,
)
from tenantproxy_operator.manifests.problems import FileProblem, file_problem
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.debugging import debug_end

REMOVAL_POLLS: Final = 8
"""Polls for which a tenant's manifest must be gone before it counts as removed: a generator that writes its file
again, or an editor that moves the old one away first, does not stop a tenant."""

_Signature = tuple[int, ...]


@dataclass(frozen=True)
class DesiredTenant:
    """A tenant that is to run, with those of its Secrets of which there is a manifest."""

    resource: TenantProxy
    credential: SecretManifest | None
    ca: SecretManifest | None
    client_certificate: SecretManifest | None
    forward_proxy: SecretManifest | None

    def tls_files(self) -> dict[str, dict[str, str]]:
        """Return the files for the proxy's TLS directory, by subdirectory; none of a Secret without manifest."""
        found = {"ca": (self.ca, CA_KEYS), "client": (self.client_certificate, CLIENT_CERTIFICATE_KEYS)}
        return {
            subdirectory: {key: secret.data[key] for key in keys}
            for subdirectory, (secret, keys) in found.items()
            if secret is not None
        }

    def forward_proxy_files(self) -> dict[str, str] | None:
        """Return the files with the forward proxy's credential; None of a Secret without manifest."""
        if self.forward_proxy is None:
            return None
        data = self.forward_proxy.data
        return {key: data[key] for key in FORWARD_PROXY_KEYS if key in data}


Snapshot = Mapping[Key, DesiredTenant]


class ManifestSource:
    """The manifests at `paths`; `complete`: see `cross_checks.find_contradictions`."""

    def __init__(self, paths: Iterable[Path], settings: Settings, *, complete: bool) -> None:
        self._paths = tuple(paths)
        self._settings = settings
        self._complete = complete
        self._fresh: dict[Path, LoadedFile] = {}
        self._good: dict[Path, LoadedFile] = {}
        self._known: dict[Path, _Signature] = {}
        self._seen: dict[Path, _Signature] = {}
        self._unlisted: list[FileProblem] = []
        self._patience = REMOVAL_POLLS

    def load(self) -> tuple[Snapshot, list[FileProblem]]:
        """Read the manifests for the first time."""
        found = find_files(self._paths, besides=self._settings.own_files())
        self._known = self._seen = _signatures(found.files)
        self._fresh = {path: self._load(path, found) for path in self._known}
        self._good, problems = self._choose(self._fresh, {})
        problems = [*found.problems, *found.missing, *problems]
        snapshot = self._snapshot(self._good)
        if not snapshot and not problems:
            places = ", ".join(map(str, self._paths))
            problems.append(file_problem(places, "holds no TenantProxy; write one"))
        return snapshot, problems

    def poll(self) -> tuple[Snapshot, list[FileProblem]] | None:
        """Return what is wanted now, with what is wrong; None while nothing changed (or a change isn't over)."""
        found = find_files(self._paths, besides=self._settings.own_files())
        if found.problems:
            # What can't be listed says nothing about what is wanted.
            news = found.problems != self._unlisted
            self._unlisted = found.problems
            return (self._snapshot(self._good), found.problems) if news else None
        self._unlisted = []
        signatures = _signatures(found.files)
        settled = signatures == self._seen
        self._seen = signatures
        if not settled or signatures == self._known:
            self._patience = REMOVAL_POLLS
            return None
        fresh = {
            path: self._fresh[path] if signature == self._known.get(path) else self._load(path, found)
            for path, signature in signatures.items()
        }
        good, problems = self._choose(fresh, self._good)
        snapshot = self._snapshot(good)
        if self._patience and self._snapshot(self._good).keys() - snapshot.keys():
            self._patience -= 1
            return None
        self._patience = REMOVAL_POLLS
        self._known, self._fresh, self._good = signatures, fresh, good
        return snapshot, problems

    def notes(self) -> list[str]:
        """Say what is no mistake by itself, but may not be meant: of the files that are in use."""
        tenants = (tenant for loaded in self._good.values() for tenant in loaded.tenants)
        ends = [(tenant.origin, debug_end(tenant.resource.debug_until, time.time())) for tenant in tenants]
        refused = [str(origin.problem(end)) for origin, end in ends if isinstance(end, FieldProblem)]
        return find_notes(self._good.values(), self._settings) + refused

    def _load(self, path: Path, found: FoundFiles) -> LoadedFile:
        return load_file(path, self._settings, in_folder=path in found.in_folders)

    def _choose(
        self, fresh: Mapping[Path, LoadedFile], good: Mapping[Path, LoadedFile]
    ) -> tuple[dict[Path, LoadedFile], list[FileProblem]]:
        def check(files: Iterable[LoadedFile]) -> list[Contradiction]:
            loaded = list(files)
            together = find_contradictions(loaded, self._settings, complete=self._complete)
            return together + check_unchanged(loaded, good.values())

        return choose(fresh, good, check)

    def _snapshot(self, files: Mapping[Path, LoadedFile]) -> Snapshot:
        secrets = {secret.origin.key: secret for loaded in files.values() for secret in loaded.secrets}
        tenants = sorted(
            (tenant for loaded in files.values() for tenant in loaded.tenants),
            key=lambda tenant: tenant.origin.key,
        )
        return {tenant.origin.key: self._wanted(tenant.resource, secrets) for tenant in tenants}

    def _wanted(self, resource: TenantProxy, secrets: Mapping[Key, SecretManifest]) -> DesiredTenant:
        def find(name: str | None) -> SecretManifest | None:
            return None if name is None else secrets.get(secret_key(resource, name))

        return DesiredTenant(
            resource,
            credential=find(resource.secret_name),
            ca=find(resource.ca_secret_name),
            client_certificate=find(resource.client_certificate_secret_name),
            forward_proxy=find(self._settings.forward_proxy_secret_of(resource)),
        )


def choose(
    fresh: Mapping[Path, LoadedFile],
    good: Mapping[Path, LoadedFile],
    check: Callable[[Iterable[LoadedFile]], list[Contradiction]],
) -> tuple[dict[Path, LoadedFile], list[FileProblem]]:
    """Return what to use of each file, and all problems: what is `fresh` if it is usable, else the last `good`.

    Where files contradict each other, those that changed fall back, until what is left fits together, or only
    misses the Secret of a file that is gone: its content is still in the state directory.
    """
    chosen = {path: good.get(path, LoadedFile()) if loaded.problems else loaded for path, loaded in fresh.items()}
    problems = [problem for loaded in fresh.values() for problem in loaded.problems]
    while together := check(chosen.values()):
        problems += [problem for problem, _ in together if problem not in problems]
        involved = {path for _, paths in together for path in paths}
        back = {path: good.get(path, LoadedFile()) for path in involved}
        if all(chosen[path] == loaded for path, loaded in back.items()):
            break
        chosen |= back
    return chosen, problems


def _signatures(files: Iterable[Path]) -> dict[Path, _Signature]:
    """Return what changes whenever a file's content does."""
    signatures: dict[Path, _Signature] = {}
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            signatures[path] = ()  # read all the same: that says what is wrong with it
        else:
            signatures[path] = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return signatures
