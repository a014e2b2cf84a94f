"""The Kubernetes API in memory, at the seam of `KubeClient`: keeps objects, applies, refuses, and records calls.

Server-side apply is as far here as the operator relies on it: who owns which field, what is taken over by force,
what goes when it is applied no more, and that nothing changes where nothing differs. No schema, no defaults.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy.kube.client import KubeClient

Thing = dict[str, Any]
"""An object as the API has it."""
Path = tuple[str, ...]
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


class Ref(NamedTuple):
    """An object's place."""

    plural: str
    namespace: str
    name: str


class Change(NamedTuple):
    """What a watch tells."""

    ref: Ref
    thing: Thing
    gone: bool


class FakeKubernetes(KubeClient):
    """An API server in memory; `fault` may return an error to answer a call with, instead of doing it."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Thing] = {}
        """None is ever changed in place."""
        self.calls: list[str] = []
        """Method, plural, name and subresource of each."""
        self.fault: Callable[[str], KubeError | None] = lambda _: None
        self.done: Callable[[str], None] = lambda _: None
        """Is told of each call that was done, before it is answered."""
        self.changes: list[Change] = []
        """What watches have still to tell."""
        self._owned: dict[Ref, dict[str, set[Path]]] = {}
        self._versions = itertools.count(2)  # below are those that no object has
        self._names = itertools.count(1)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        **_: Any,
    ) -> bytes:
        """Answer a call."""
        place = path.partition("/namespaces/")[2]
        namespace, plural, name, subresource = (*place.split("/"), "", "")[:4]
        call = " ".join(filter(None, (method, plural, name, subresource)))
        self.calls.append(call)
        if error := self.fault(call):
            raise error
        content, query = json.loads(body or "{}"), query or {}
        ref = Ref(plural, namespace, name or content.get("metadata", {}).get("name", ""))
        if method == "GET" and not name:
            answer = self._listed(ref, query.get("fieldSelector", ""), query.get("labelSelector", ""))
        elif method == "POST":
            answer = self.create(ref, content, manager=query.get("fieldManager", ""))
        elif method == "PATCH" and subresource:
            answer = self.set_status(ref, content["status"])
        elif method == "PATCH" and content_type.startswith("application/json-patch"):
            answer = self._manage(ref, *content)
        elif method == "PATCH":
            change = self._apply if content_type.startswith("application/apply-patch") else self._merge
            answer = change(ref, content, query["fieldManager"])
        elif method == "DELETE":
            _agree(self._existing(ref), content["preconditions"])
            answer = self.delete(ref)
        else:
            answer = self._existing(ref)
        self.done(call)
        return json.dumps(answer).encode()

    def create(self, ref: Ref, content: Thing, *, manager: str = "kubectl") -> Thing:
        """Create an object."""
        if ref in self.objects:
            raise StatusError(409, "AlreadyExists", f'{ref.plural} "{ref.name}" already exists')
        return self.write(ref, content, manager=manager, operation="Update")

    def write(
        self,
        ref: Ref,
        content: Thing,
        *,
        manager: str = "kubectl",
        operation: str = "Update",
        gone: AbstractSet[Path] = frozenset(),
    ) -> Thing:
        """Have a manager set fields, which it owns from then on; what is `gone`, or applied no more, goes."""
        before = self.objects.get(ref)
        if before and before.get("immutable") and content.get("data", before["data"]) != before["data"]:
            raise StatusError(422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set")
        thing = _copied(before) if before else self._new(ref)
        owned = self._owned.setdefault(ref, {})
        fields = dict(_leaves({key: value for key, value in content.items() if key != "status"}))
        for path in owned.get(manager, set()) - fields.keys() if operation == "Apply" else ():
            if not any(path in paths for other, paths in owned.items() if other != manager):
                _set(thing, path, ...)
        for path in gone:
            _set(thing, path, ...)
            for paths in owned.values():
                paths.discard(path)
        mine = owned.setdefault(manager, set())
        managers = {name: set(paths) for name, paths in owned.items()}
        for path, value in fields.items():
            if _set(thing, path, value):
                for paths in owned.values():
                    paths.discard(path)
            mine.add(path)
        owned[manager] = mine & fields.keys() if operation == "Apply" else mine
        if before is None or _bare(thing) != _bare(before) or managers != owned:
            self._keep(ref, thing, manager, operation)
        return self.objects[ref]

    def set_status(self, ref: Ref, status: Thing) -> Thing:
        """Replace an object's status."""
        thing = self._existing(ref) | {"status": status}
        if thing != self.objects[ref]:
            thing["metadata"] = thing["metadata"] | {"resourceVersion": str(next(self._versions))}
            self._tell(ref, thing)
        return thing

    def show(self, ref: Ref, spec: Thing) -> None:
        """Show an object with another spec, as by another schema: it is the same version, and no watch tells."""
        self.objects[ref] = self._existing(ref) | {"spec": spec}

    def delete(self, ref: Ref) -> Thing:
        """Delete an object."""
        thing = self.objects.pop(ref)
        del self._owned[ref]
        thing = thing | {"metadata": thing["metadata"] | {"resourceVersion": str(next(self._versions))}}
        self.changes.append(Change(ref, thing, gone=True))
        return thing

    def _apply(self, ref: Ref, manifest: Thing, manager: str) -> Thing:
        _agree(self.objects.get(ref), manifest["metadata"])
        return self.write(ref, manifest, manager=manager, operation="Apply")

    def _merge(self, ref: Ref, change: Thing, manager: str) -> Thing:
        """Merge a change into an object, strategically: null removes, and one owner is taken from the others."""
        metadata = change["metadata"]
        _agree(self._existing(ref), metadata)
        taken = {owner["uid"] for owner in metadata.pop("ownerReferences", [])}
        owners = self.objects[ref]["metadata"].get("ownerReferences", [])
        metadata["ownerReferences"] = [owner for owner in owners if owner["uid"] not in taken]
        fields = dict(_leaves(change))
        gone = {path for path, value in fields.items() if value is None or value == []}
        return self.write(ref, _nested(fields.keys() - gone, fields), manager=manager, gone=gone)

    def _manage(self, ref: Ref, fields: Thing, version: Thing) -> Thing:
        """Replace an object's managed fields, if it still has that version."""
        thing = _copied(self._existing(ref))
        _agree(thing, {"resourceVersion": version["value"]})
        entries = fields["value"]
        self._owned[ref] = {entry["manager"]: set(_paths(entry["fieldsV1"])) for entry in entries}
        thing["metadata"] |= {"managedFields": entries, "resourceVersion": str(next(self._versions))}
        self._tell(ref, thing)
        return thing

    def replace(self, ref: Ref, thing: Thing, *, manager: str) -> Thing:
        """Have a manager put a whole object in the place of the one that it has read."""
        before = self._existing(ref)
        _agree(before, thing["metadata"])
        return self.write(
            ref, thing, manager=manager, gone=dict(_leaves(before)).keys() - dict(_leaves(thing)).keys()
        )

    def _existing(self, ref: Ref) -> Thing:
        if ref not in self.objects:
            raise StatusError(404, "NotFound", f'{ref.plural} "{ref.name}" not found')
        return self.objects[ref]

    def _listed(self, place: Ref, field_selector: str, label_selector: str) -> Thing:
        name = field_selector.removeprefix("metadata.name=")
        labels = dict(each.split("=") for each in label_selector.split(",") if each)
        items = [
            thing
            for ref, thing in self.objects.items()
            if ref[:2] == place[:2] and (not field_selector or ref.name == name)
            if labels.items() <= thing["metadata"].get("labels", {}).items()
        ]
        return {"metadata": {}, "items": items}

    def _new(self, ref: Ref) -> Thing:
        number = next(self._names)
        created = f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
        identity = {"namespace": ref.namespace, "name": ref.name, "uid": f"uid-{number}"}
        return {"metadata": identity | {"creationTimestamp": created, "generation": 0, "managedFields": []}}

    def _keep(self, ref: Ref, thing: Thing, manager: str, operation: str) -> None:
        version = str(next(self._versions))
        metadata, before = thing["metadata"], self.objects.get(ref, {})
        entries = {entry["manager"]: entry for entry in metadata["managedFields"]}
        entry = {"manager": manager, "operation": operation, "apiVersion": "v1", "time": version}
        entries[manager] = entry
        metadata["managedFields"] = [
            entry | {"fieldsV1": _fields(self._owned[ref][name])}
            for name, entry in entries.items()
            if self._owned[ref][name]
        ]
        metadata["generation"] += thing.get("spec") != before.get("spec")
        metadata["resourceVersion"] = version
        self._tell(ref, thing)

    def _tell(self, ref: Ref, thing: Thing) -> None:
        self.objects[ref] = thing
        self.changes.append(Change(ref, thing, gone=False))


def _copied(thing: Thing) -> Thing:
    copied: Thing = json.loads(json.dumps(thing))  # many times faster than `copy.deepcopy`
    return copied


def _agree(thing: Thing | None, preconditions: Mapping[str, Any]) -> None:
    """Refuse a write that is meant for another object, or for none."""
    metadata = {"resourceVersion": "1"} if thing is None else thing["metadata"]
    for name in ("uid", "resourceVersion"):
        if preconditions.get(name) not in (None, metadata.get(name)):
            raise StatusError(409, "Conflict", f"Precondition failed: {name}")


def _leaves(value: Thing, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the fields of a manifest; a list is one."""
    for key, inner in value.items():
        if above == ("metadata",) and key in _IDENTITY:
            continue
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*above, key))
        else:
            yield (*above, key), inner


def _nested(paths: Iterable[Path], fields: Mapping[Path, Any]) -> Thing:
    """Return these fields as a manifest."""
    manifest: Thing = {}
    for path in paths:
        _set(manifest, path, fields[path])
    return manifest


def _set(thing: Thing, path: Path, value: Any) -> bool:
    """Give a field a value, or `...` for none; tell whether it had another one."""
    first, *below = path
    if below:
        inner = thing.setdefault(first, {})
        differed = _set(inner, tuple(below), value)
        if value is ... and not inner:
            del thing[first]
        return differed
    before = thing.get(first, ...)
    if value is ...:
        thing.pop(first, None)
    else:
        thing[first] = value
    return bool(before != value)


def _bare(thing: Thing) -> Thing:
    metadata = {key: value for key, value in thing["metadata"].items() if key not in _IDENTITY}
    return thing | {"metadata": metadata}


def _paths(fields: Thing, above: Path = ()) -> Iterator[Path]:
    """Yield what `_fields` was made of."""
    for key, below in fields.items():
        path = (*above, key.removeprefix("f:"))
        if below:
            yield from _paths(below, path)
        else:
            yield path


def _fields(paths: set[Path]) -> Thing:
    """Return paths as `fieldsV1` has them."""
    found: Thing = {}
    for path in sorted(paths):
        place = found
        for step in path:
            place = place.setdefault(f"f:{step}", {})
    return found
