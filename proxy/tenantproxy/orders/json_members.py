"""Read selected members of JSON objects, as the bytes that were sent, at the speed of C.

No Python object is made of anything else, however much of it an answer holds.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

Values = Sequence[Raw | None]
"""What was found, in the order in which it was asked for."""
Read = Callable[[Raw], Values]

NULL, OBJECT, LIST, STRING = b'n{["'
"""What a value begins with: a Raw's first byte tells its type, as msgspec has checked the rest of its grammar."""

INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
"""The step to an element of a list."""
_UNSUITABLE: Final = re.compile(r'["\\\x00-\x1f]')
"""What msgspec takes in no field's name."""

whole: Final = msgspec.json.Decoder(Raw).decode
"""Return a JSON text without the space around it, its grammar checked."""
elements: Final = msgspec.json.Decoder(list[Raw]).decode
text: Final = msgspec.json.Decoder(str).decode


def unless_null(value: Raw | None) -> Raw | None:
    """Return a value, if there is one and it is not null."""
    return None if value is None or memoryview(value)[0] == NULL else value


def reader(pointers: Sequence[Sequence[str]]) -> Read:
    """Return what follows pointers, given by their tokens, into a value; what several go through is read once."""
    if pointers and all(len(tokens) == 1 for tokens in pointers):
        return _children([token for (token,) in pointers])
    fill = _filler(list(enumerate(pointers)))

    def read(raw: Raw) -> Values:
        values: list[Raw | None] = [None] * len(pointers)
        fill(raw, values)
        return values

    return read


def _filler(pointers: list[tuple[int, Sequence[str]]]) -> Callable[[Raw, list[Raw | None]], None]:
    """Return what puts the value at the end of each pointer into its place."""
    here = [place for place, tokens in pointers if not tokens]
    below: dict[str, list[tuple[int, Sequence[str]]]] = {}
    for place, (token, *rest) in ((place, tokens) for place, tokens in pointers if tokens):
        below.setdefault(token, []).append((place, rest))
    children = _children(list(below))
    fillers = [_filler(rest) for rest in below.values()]

    def fill(raw: Raw, values: list[Raw | None]) -> None:
        for place in here:
            values[place] = raw
        if fillers:
            for child, fill_child in zip(children(raw), fillers, strict=True):
                if child is not None:
                    fill_child(child, values)

    return fill


def _children(tokens: list[str]) -> Read:
    """Return what reads the members of an object that have these names, or a list's elements at these indexes."""
    decode, pick = _members(tokens)
    indexes = [int(token) if INDEX.fullmatch(token) else None for token in tokens]
    has_index = any(index is not None for index in indexes)
    nothing: Values = (None,) * len(tokens)

    def children(raw: Raw) -> Values:
        first = memoryview(raw)[0]
        if first == OBJECT:
            return pick(decode(raw))
        if first == LIST and has_index:
            found = elements(raw)
            return [found[index] if index is not None and index < len(found) else None for index in indexes]
        return nothing

    return children


def _members(names: list[str]) -> tuple[Callable[[Raw], Any], Callable[[Any], Values]]:
    """Return what decodes an object, and what picks the values of these names from that."""
    if len(set(names)) < len(names) or any(map(_UNSUITABLE.search, names)):
        return msgspec.json.Decoder(dict[str, Raw]).decode, lambda members: [*map(members.get, names)]
    fields = {f"member{place}": name for place, name in enumerate(names)}
    members = msgspec.defstruct("Members", [(field, Raw, None) for field in fields], rename=fields, gc=False)
    return msgspec.json.Decoder(members).decode, msgspec.structs.astuple
