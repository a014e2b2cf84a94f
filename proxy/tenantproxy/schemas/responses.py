"""Find the schema of an operation's response in an OpenAPI file, by how the configuration asks for it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from tenantproxy import config
from tenantproxy.operations import Operation
from tenantproxy.schemas.places import shown
from tenantproxy.schemas.reader import SchemaError
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.shapes import Node

_SAY_WHICH: Final = "say which schema the response has with `--schema`, such as #/components/schemas/Order"
_PLACEHOLDER: Final = re.compile(r"\{\{(.*?)\}\}|\{[^{}]*\}")
"""Of a configuration; what is in double braces is the text itself, in single ones."""
_VALUE: Final = "\0"
"""Stands for a value in a path, whatever its name."""
_JSON: Final = re.compile(
    r"(?:application|text)/(?:[^;\s]+\+)?json(?:\s*;.*)?|application/\*|\*/\*", re.IGNORECASE
)
_MOST_BASES: Final = 16
_SHOWN: Final = 3


class _Fit(NamedTuple):
    """How well a path of the file fits: how many steps are the same, and how much of these is text."""

    is_whole: bool
    steps: int
    literals: int


def is_openapi(document: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    """Return whether it has paths; if not, it is a JSON Schema."""
    return isinstance(document, dict) and ("openapi" in document or "swagger" in document)


def response_of(schemas: Schemas, upstream: config.Upstream, operation: Operation) -> Node:
    """Return the schema of what an OMS answers to an operation.

    Raises:
        SchemaError: The file has none, or several that fit alike.

    """
    endpoint = upstream.operations.of(operation)
    wanted, bases = _asked(upstream, endpoint), _bases(schemas)
    fits: dict[str, _Fit] = {}
    operations: dict[str, Node] = {}
    for path, served in _served(schemas, endpoint.method):
        fit = max(filter(None, (_fit(wanted, _steps(base + path)) for base in bases)), default=None)
        if fit is not None:
            fits[path], operations[path] = fit, served
    best = [path for path, fit in fits.items() if fit == max(fits.values())]
    asked = f"{endpoint.method} {shown(endpoint.path)}"
    if not best:
        raise SchemaError(f"has no path that fits {asked} of {operation.name}; {_SAY_WHICH}")
    if len(best) > 1:
        several = ", ".join(map(shown, best[:_SHOWN]))
        raise SchemaError(f"has {len(best)} paths that fit {asked} of {operation.name}: {several}; {_SAY_WHICH}")
    accept = next((value for name, value in endpoint.headers.items() if name.lower() == "accept"), "")
    found = _response(schemas, operations[best[0]], accept)
    if found is None:
        raise SchemaError(f"has no schema of a JSON response to {asked} of {operation.name}; {_SAY_WHICH}")
    return found


def _served(schemas: Schemas, method: str) -> Iterator[tuple[str, Node]]:
    """Yield the paths that are served by a method, with what the file says of that."""
    for path, node in _members(Node(schemas.document, "#"), "paths"):
        item = schemas.target(node)
        for name, operation in _members(item):
            if name.lower() == method.lower():
                yield path, operation


def _bases(schemas: Schemas) -> list[str]:
    """Return the paths below which all others may be.

    The last one is empty, since an installation may be below another one than the file has.
    """
    document = schemas.document
    if isinstance(base := document.get("basePath"), str):
        return [base.rstrip("/"), ""]
    bases = []
    for server in servers if isinstance(servers := document.get("servers"), list) else []:
        if isinstance(server, dict) and isinstance(url := server.get("url"), str):
            bases.append(re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/]*|^//[^/]*", "", url).rstrip("/"))
    return [*list(dict.fromkeys(bases))[:_MOST_BASES], ""]


def _asked(upstream: config.Upstream, endpoint: config.Endpoint) -> list[str]:
    """Return the steps of the path that an OMS is asked for."""
    path = urlsplit(upstream.url).path.rstrip("/") + endpoint.path
    return _PLACEHOLDER.sub(lambda found: f"{{{found[1]}}}" if found[1] is not None else _VALUE, path).split("/")[
        1:
    ]


def _steps(path: str) -> list[str]:
    return re.sub(r"\{[^{}]*\}", _VALUE, path).strip("/").split("/")


def _fit(wanted: Sequence[str], steps: Sequence[str]) -> _Fit | None:
    """Return how well the steps of a path of the file fit those that are wanted; None: they don't.

    Bases differ, where gateways stand before an OMS: then the end of the longer one has to fit the shorter one.
    """
    pairs = list(zip(reversed(wanted), reversed(steps), strict=False))
    if not all(_same_step(one, other) for one, other in pairs):
        return None
    literals = sum(len(step.replace(_VALUE, "")) for _, step in pairs)
    is_whole = len(wanted) == len(steps)
    return _Fit(is_whole, len(pairs), literals) if is_whole or literals else None


def _same_step(asked: str, step: str) -> bool:
    """Return whether a step of the file, with values in it, can be what is asked."""
    first, *others = step.split(_VALUE)
    if not others:
        return asked == step
    *between, last = others
    at = len(first) + 1
    for part in between:
        at = asked.find(part, at) + len(part) + 1
        if at <= len(part):
            return False
    return asked.startswith(first) and asked.endswith(last) and at <= len(asked) - len(last)


def _response(schemas: Schemas, operation: Node, accept: str) -> Node | None:
    """Return the schema of the JSON response that says that all is well."""
    responses = dict(_members(operation, "responses"))
    statuses = sorted(status for status in responses if re.fullmatch(r"2[0-9][0-9]", status))
    for status in [*statuses, "2XX", "2xx", "default"]:
        if status not in responses:
            continue
        response = schemas.target(responses[status])
        contents = {name: content for name, content in _members(response, "content") if _JSON.fullmatch(name)}
        for name in sorted(contents, key=lambda name: name.lower() not in accept.lower()):
            content = schemas.target(contents[name])
            if isinstance(content.schema, dict) and "schema" in content.schema:
                return content.child("schema")
        if isinstance(response.schema, dict) and "schema" in response.schema:  # OpenAPI 2.0
            return response.child("schema")
    return None


def _members(node: Node, *names: str) -> Iterator[tuple[str, Node]]:
    """Yield the members of an object below these names; where there is none, it has none.

    Raises:
        SchemaError: There is something else.

    """
    for name in names:
        if not isinstance(node.schema, dict):
            break
        if name not in node.schema:
            return
        node = node.child(name)
    given: Mapping[str, Any] = node.schema
    if not isinstance(given, dict):
        raise SchemaError(f"{node.location}: is not an object; correct it")
    for name in given:
        yield name, node.child(name)
