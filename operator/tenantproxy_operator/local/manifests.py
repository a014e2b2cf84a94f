"""Read TenantProxy and Secret manifests from files, and report all problems.

`find_files` goes from paths to files, `load_file` from one file to its objects, or to its problems. What only
shows across files is found by `cross_checks`.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import ConfigDict, ValidationError

from tenantproxy.credentials.kinds import credential_keys
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.fields import Model
from tenantproxy_operator.api.names import API_VERSION, GROUP, KIND, Namespace, SecretName
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import TLS_KEYS
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.manifests.problems import FileProblem, field_errors, file_problem
from tenantproxy_operator.manifests.reader import Document, read_documents
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import resource as admission
from tenantproxy_operator.validation.beside import find_errors_beside

SUFFIXES: Final = (".json", ".yaml", ".yml")
_METADATA: Final = frozenset(
    {
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""All of an object's metadata fields, so that a misspelt `namespace` does not go unnoticed."""

_KINDS: Final = {KIND: API_VERSION, "Secret": "v1"}
_SKIPPED: Final = FieldProblem("kind", "is neither TenantProxy nor Secret; skipped")
_NO_OBJECT: Final = FieldProblem("", "is no object of Kubernetes; skipped")

_SECRET_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""As the API server has it; a key becomes the name of a file."""


@dataclass(frozen=True)
class Origin:
    """Where an object was written."""

    document: Document
    kind: str
    key: Key

    @property
    def path(self) -> Path:
        """The file."""
        return self.document.path

    def problem(self, error: FieldProblem) -> FileProblem:
        """Return the problem `error` of this object."""
        return self.document.problem(error, f"{self.kind} {self.key}")


@dataclass(frozen=True)
class TenantManifest:
    """A TenantProxy manifest."""

    origin: Origin
    resource: TenantProxy


@dataclass(frozen=True)
class SecretManifest:
    """A Secret manifest, decoded. Its `repr` shows no value."""

    origin: Origin
    data: dict[str, str]

    def __repr__(self) -> str:
        return f"SecretManifest({self.origin.key}, {sorted(self.data)})"


@dataclass(frozen=True)
class LoadedFile:
    """What one file holds."""

    tenants: tuple[TenantManifest, ...] = ()
    secrets: tuple[SecretManifest, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    others: tuple[FileProblem, ...] = ()
    """Which objects are of another kind, where that is no mistake."""


class _SecretMetadata(Model):
    model_config = ConfigDict(extra="ignore")

    name: SecretName
    namespace: Namespace = "default"


class _SecretModel(Model):
    api_version: Literal["v1"]
    kind: Literal["Secret"]
    metadata: _SecretMetadata
    type: str = "Opaque"
    immutable: bool = False
    data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None


class FoundFiles(NamedTuple):
    """The files that some paths mean; `missing` has a problem for each path that doesn't exist."""

    files: list[Path]
    in_folders: frozenset[Path]
    """Those of them that no path names."""
    missing: list[FileProblem]
    problems: list[FileProblem]


def find_files(paths: Iterable[Path], *, besides: frozenset[Path] = frozenset()) -> FoundFiles:
    """Return the files that `paths` mean, each once.

    A directory means its own *.yaml, *.yml and *.json files, sorted by name; not hidden ones (editors leave such
    behind), not those of its subdirectories, and not those in `besides` (absolute).
    """
    files: dict[Path, Path] = {}
    named: set[Path] = set()
    missing, problems = [], []
    for path in paths:
        try:
            if path.is_dir():
                for inside in _inside(path):
                    if inside.absolute() not in besides:
                        files.setdefault(inside.absolute(), inside)
            elif path.exists():
                named.add(files.setdefault(path.absolute(), path))
            else:
                missing.append(file_problem(path, "does not exist; correct the path"))
        except OSError as error:
            problems.append(file_problem(path, f"can't be read: {error.strerror or error}"))
    found = list(files.values())
    return FoundFiles(found, frozenset(found) - named, missing, problems)


def _inside(directory: Path) -> list[Path]:
    return sorted(
        entry
        for entry in directory.iterdir()
        if entry.suffix in SUFFIXES and not entry.name.startswith(".") and not entry.is_dir()
    )


def load_file(path: Path, settings: Settings, *, in_folder: bool = False) -> LoadedFile:
    """Return what the file at `path` holds, with all problems that show without looking at other files.

    `in_folder`: no path names the file, so that objects of other kinds may be in it, too.
    """
    documents, unreadable = read_documents(path)
    tenants: list[TenantManifest] = []
    secrets: list[SecretManifest] = []
    problems: list[FileProblem] = []
    others: list[FileProblem] = []
    for document in documents:
        for each in _objects(document):
            if in_folder and (skipped := _foreign(each)):
                if each.problems:  # such as a `kind` twice: what is it?
                    problems.extend(each.problems)
                else:
                    others.append(each.problem(skipped, _subject(each)))
                continue
            match found := _load(each, settings):
                case TenantManifest():
                    tenants.append(found)
                case SecretManifest():
                    secrets.append(found)
                case _:
                    problems.extend(found)
    if unreadable:
        problems.append(unreadable)
    return LoadedFile(tuple(tenants), tuple(secrets), tuple(problems), tuple(others))


def _objects(document: Document) -> Iterator[Document]:
    """Yield the items of a `kind: List`, as `kubectl get -o yaml` writes them; else the document itself."""
    match document.content:
        case {"kind": "List", "apiVersion": "v1", "items": [*items]}:
            for index, item in enumerate(items):
                # What is badly written is told once, and with the items at whose lines it is.
                problems = document.problems if index == 0 else ()
                lines = document.lines.at("items", index)
                yield replace(document, content=item, lines=lines, item=index, problems=problems)
        case _:
            yield document


def _foreign(document: Document) -> FieldProblem | None:
    """Return why it may stand in a folder beside manifests: it is neither of our kinds, nor meant to be."""
    match document.content:
        case {"kind": str(kind), **rest}:
            is_ours = _like(kind) or str(rest.get("apiVersion")).partition("/")[0] == GROUP
            return None if is_ours else _SKIPPED
        case {**fields} if not fields.keys() & {"kind", "apiVersion", "metadata", "spec"}:
            return _NO_OBJECT  # such as a kustomization without its kind, or values of a chart
        case [*_]:
            return _NO_OBJECT  # such as a JSON patch
    return None


def _like(kind: str) -> str | None:
    """Return the one of our kinds that is meant."""
    return next(iter(get_close_matches(kind, _KINDS, n=1, cutoff=0.8)), None)


def _load(document: Document, settings: Settings) -> TenantManifest | SecretManifest | list[FileProblem]:
    content = document.content
    if not isinstance(content, dict):
        error = FieldProblem("", "is not a manifest; write apiVersion, kind, metadata, …")
        return document.with_problems([error])
    kind, version = content.get("kind"), content.get("apiVersion")
    if (kind, version) not in list(_KINDS.items()):  # a list: what was not validated may have no hash
        return document.with_problems([_not_ours(content)])
    errors = _unknown_metadata(content.get("metadata"))
    result = _tenant(document, settings) if kind == KIND else _secret(document)
    if isinstance(result, list):
        errors += result
    if isinstance(result, list) or errors or document.problems:
        return document.with_problems(errors, _subject(document))
    return result


def _not_ours(content: dict[str, Any]) -> FieldProblem:
    """Say what is wrong with an object's kind or its version."""
    kind = content.get("kind")
    if isinstance(kind, str) and kind in _KINDS:
        word = "is not accepted" if "apiVersion" in content else "is missing"
        return FieldProblem("apiVersion", f"{word}; write `apiVersion: {_KINDS[kind]}`")
    if isinstance(kind, str) and (meant := _like(kind)):
        return FieldProblem("kind", f"is not accepted; did you mean `{meant}`?")
    word = "is not accepted" if "kind" in content else "is missing"
    both = f"kind {KIND} (apiVersion {API_VERSION}) or kind Secret (apiVersion v1)"
    return FieldProblem("kind", f"{word}; use {both}")


def _subject(document: Document) -> str:
    """Return the kind, and what of the object's name can be shown."""
    if not isinstance(document.content, dict) or "kind" not in document.content:
        return ""
    return f"{document.content.get('kind')}{_name(document.content.get('metadata'))}"


def _name(metadata: Any) -> str:  # noqa: ANN401 - not validated yet
    """Return what of the object's name can be shown."""
    if not isinstance(metadata, dict):
        return ""
    name, namespace = metadata.get("name"), metadata.get("namespace", "default")
    return f" {namespace}/{name}" if isinstance(name, str) and isinstance(namespace, str) else ""


def _unknown_metadata(metadata: Any) -> list[FieldProblem]:  # noqa: ANN401 - not validated yet
    names = sorted(metadata.keys() - _METADATA) if isinstance(metadata, dict) else []
    return [FieldProblem(f"metadata.{name}", "is unknown; remove it") for name in names]


def _tenant(document: Document, settings: Settings) -> TenantManifest | list[FieldProblem]:
    # A status, as `kubectl get -o yaml` shows it, says nothing about what is wanted.
    content = {key: value for key, value in document.content.items() if key != "status"}
    try:
        resource = TenantProxy.model_validate(content)
    except ValidationError as error:
        return [*field_errors(error, TenantProxy), *find_errors_beside(content, error, settings)]
    if errors := admission.check_resource(resource, settings):
        return errors
    metadata = resource.metadata
    return TenantManifest(Origin(document, KIND, Key(metadata.namespace, metadata.name)), resource)


def _secret(document: Document) -> SecretManifest | list[FieldProblem]:
    try:
        manifest = _SecretModel.model_validate(document.content)
    except ValidationError as error:
        return field_errors(error, _SecretModel)
    data: dict[str, str] = {}
    given = {
        **dict.fromkeys(manifest.data or {}, "data"),
        **dict.fromkeys(manifest.string_data or {}, "stringData"),
    }
    errors = [
        FieldProblem(f"{place}.{key}", "is not a Secret's key; use letters, digits, -, _ and . only")
        for key, place in given.items()
        if not _SECRET_KEY.fullmatch(key) or key.startswith("..")
    ]
    for key, encoded in (manifest.data or {}).items():
        try:
            data[key] = base64.b64decode("".join(encoded.split()), validate=True).decode()
        except UnicodeDecodeError:
            if key in credential_keys() | TLS_KEYS:
                errors.append(FieldProblem(f"data.{key}", "is not text in UTF-8 after decoding; set it again"))
        except ValueError:
            errors.append(FieldProblem(f"data.{key}", "is not base64; encode it, or write it under stringData"))
    data.update(manifest.string_data or {})
    if errors:
        return errors
    where = Key(manifest.metadata.namespace, manifest.metadata.name)
    return SecretManifest(Origin(document, "Secret", where), data)
