"""Lay out JSON for reading: one line where it fits, numbers exactly as they were sent."""

import json
from itertools import chain
from typing import Any


class _Number(str):
    """A number's text: `float` would turn `1e3` into `1000.0`."""

    __slots__ = ()


def layout(text: str, width: int) -> list[str]:
    """Return the lines of a JSON document, of which each object or list that fits into `width` is one.

    Raises:
        ValueError: It is not JSON.

    """
    return _lines(json.loads(text, parse_float=_Number, parse_int=_Number), width)


def _lines(value: Any, width: int, indent: str = "", key: str = "") -> list[str]:  # noqa: ANN401 - parsed JSON
    """Return the lines of a value, the first of which begins with `indent` and `key`."""
    flat = indent + key + _flat(value)
    if not isinstance(value, dict | list) or len(flat) < width:
        return [flat]
    if isinstance(value, dict):
        brackets = "{}"
        entries = [_lines(each, width, indent + "  ", f"{json.dumps(name)}: ") for name, each in value.items()]
    else:
        brackets = "[]"
        entries = [_lines(each, width, indent + "  ") for each in value]
    for entry in entries[:-1]:
        entry[-1] += ","
    return [indent + key + brackets[0], *chain.from_iterable(entries), indent + brackets[1]]


def _flat(value: Any) -> str:  # noqa: ANN401 - parsed JSON
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {_flat(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flat, value)) + "]"
        case _Number():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
