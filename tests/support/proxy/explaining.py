"""Hold an explanation of a mapping against what the mapping makes."""

import functools
import json
from typing import Any

import msgspec
from msgspec import Raw

from tenantproxy import config
from tenantproxy.operations import Operation
from tenantproxy.orders.explanation.origins import Explanation, Origin, explain
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy.orders.transform import NO_CRITERIA, ContractError, Criteria

OTHER = "MARKED other value"


def explained(
    operation: Operation, mapping: config.Mapping, answer: bytes, criteria: Criteria = NO_CRITERIA
) -> Explanation:
    """Return the explanation of an answer, of which all has been shown to be true.

    The values that it tells make the outward document, byte for byte; where there are violations, it has an origin
    for each. Whatever else is where it says that something is dropped, the outcome is the same.
    """
    outward = functools.partial(compile_mapping(mapping)[operation.name], criteria=criteria)
    explanation = explain(operation, mapping.of(operation), answer, criteria)
    outcome = _outcome(outward, answer)
    if isinstance(outcome, bytes):
        assert _document(explanation.origins) == outcome
    else:
        known = {origin.pointer for origin in explanation.origins}
        assert set(outcome) - {""} <= known
    for leaves_only in (True, False):
        other = json.loads(answer)
        for place in explanation.dropped:
            _replace(other, place.pointer, leaves_only=leaves_only)
        changed = _outcome(outward, json.dumps(other).encode())
        assert changed == _outcome(outward, json.dumps(json.loads(answer)).encode())
    return explanation


def _outcome(outward: Any, answer: bytes) -> bytes | dict[str, str]:
    try:
        made: bytes = outward(answer)
    except ContractError as error:
        return dict(error.violations)
    return made


def _document(origins: list[Origin]) -> bytes:
    """Return the document of the values that are told."""
    document: Any = {}
    for origin in origins:
        if origin.after is None:
            continue
        value: Any = {"object": dict, "list": list}.get(origin.kind, lambda raw=origin.after: Raw(bytes(raw)))()
        *way, last = origin.pointer.split("/")[1:]
        inner = document
        for token in way:
            inner = inner[int(token) if isinstance(inner, list) else token]
        if isinstance(inner, list):
            assert len(inner) == int(last)
            inner.append(value)
        else:
            inner[last] = value
    return msgspec.json.encode(document)


def _replace(document: Any, pointer: str, *, leaves_only: bool) -> None:
    *way, last = (token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])
    for token in way:
        document = document[int(token) if isinstance(document, list) else token]
    key: Any = int(last) if isinstance(document, list) else last
    document[key] = _marked(document[key]) if leaves_only else OTHER


def _marked(value: Any) -> Any:
    """Return a value with others in the place of its leaves."""
    if isinstance(value, dict) and value:
        return {name: _marked(member) for name, member in value.items()}
    if isinstance(value, list) and value:
        return [_marked(element) for element in value]
    return OTHER
