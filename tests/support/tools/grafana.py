"""Grafana's published schema of dashboards, as the types of its Foundation SDK, which are generated from it."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, get_args, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from pydantic import ConfigDict, TypeAdapter, ValidationError

_ANY_CLASS: Final = ConfigDict(arbitrary_types_allowed=True)


def complaints(dashboard: dict[str, Any]) -> list[str]:
    """Return what the schema does not know of a dashboard, as paths, and what it does not permit."""
    register_default_plugins()  # each kind of panel and query has a schema of its own
    known = Dashboard.from_json(dashboard)
    return [*_lost(dashboard, _json(known), ""), *_wrong(known, "")]


def _json(known: Any) -> Any:
    return json.loads(json.dumps(known, cls=JSONEncoder))


def _lost(given: Any, known: Any, at: str) -> Iterator[str]:
    """Yield what is not in a dashboard that has gone through the types: they drop what they don't know."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name in known:
                yield from _lost(value, known[name], f"{at}/{name}")
            elif value is not None:
                yield f"{at}/{name}: unknown"
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for index, (value, other) in enumerate(zip(given, known, strict=True)):
            yield from _lost(value, other, f"{at}/{index}")
    elif given != known:
        yield f"{at}: {given!r} became {known!r}"


def _wrong(value: Any, at: str) -> Iterator[str]:
    """Yield what has another type than the schema says, such as a word that is none of an enumeration's."""
    if isinstance(value, list | dict):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _wrong(each, f"{at}/{name}")
    elif type(value).__module__.startswith("grafana_foundation_sdk.models.") and not isinstance(value, Enum):
        hints = get_type_hints(type(value))
        for name, each in vars(value).items():
            if (kind := _left_out(each, hints[name])) is not None:
                decoded = [kind.from_json(given) for given in each]
                yield from _lost(each, _json(decoded), f"{at}/{name}")
                each = decoded  # noqa: PLW2901 - as the SDK should have done
            try:
                TypeAdapter(hints[name], config=_ANY_CLASS).validate_python(each)
            except ValidationError as error:
                yield f"{at}/{name}: {error.errors()[0]['msg']}"
            yield from _wrong(each, f"{at}/{name}")


def _left_out(value: Any, hint: Any) -> Any:
    """Return the class of a list's elements where the SDK leaves them undecoded, as a panel's links."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        arguments = [inner for outer in (hint, *get_args(hint)) for inner in get_args(outer)]
        return next((kind for kind in arguments if hasattr(kind, "from_json")), None)
    return None
