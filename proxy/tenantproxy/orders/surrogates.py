r"""Halves of surrogate pairs (`\ud83d` alone): JSON's grammar has them, but no text does (RFC 8259 section 8.2).

A text that was cut in the middle of an emoji has one, which does no harm where that text is not let out. So a body
that can't be decoded for one is decoded with a mark in its place, and what came out is searched for the mark.
"""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tenantproxy.errors import FieldProblem
from tenantproxy.orders import raw_json
from tenantproxy.orders.transform import MAX_VIOLATIONS, NO_CRITERIA, ContractError, Criteria, UnparsableError
from tenantproxy.orders.weight import Outward

_MARK: Final = "\ufdd0\ufdef\ufdd0"
"""Noncharacters, which no text may be interchanged with (Unicode, section 23.7)."""
_WRITTEN: Final = json.dumps(_MARK)[1:-1].encode()
_SURROGATE: Final = re.compile(
    rb"\\(?:"  # in front of all, so that text without it is skipped at once
    rb"(?!u[dD][89a-fA-F]).[^\\]*+(?:\\(?!u[dD][89a-fA-F]).[^\\]*+)*+"  # other escapes, many at once
    rb"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))",
    re.DOTALL,
)
_DETAIL: Final = "has half of a surrogate pair, which is no text"


def converted(convert: Outward, body: bytes, *, criteria: Criteria = NO_CRITERIA) -> bytes:
    """Return what `convert` makes of a body, which may have halves of pairs where nothing is taken from.

    Raises:
        ContractError, UnparsableError: See `mended`, and `Outward`.

    """
    try:
        return convert(body, criteria=criteria)
    except UnparsableError:
        return mended(convert, body, criteria=criteria)


def mended(convert: Outward, body: bytes, *, at_once: bool = False, criteria: Criteria = NO_CRITERIA) -> bytes:
    """Return what `convert` makes of a body that it can't parse, if that is for halves of pairs.

    Raises:
        ContractError: One is in a text that would be let out; or see `Outward`.
        HeavyError: See `Outward`.
        UnparsableError: There are none, or it can't be parsed without them, either.

    """
    if (without := marked(body)) is None:
        raise UnparsableError
    outward = convert(without, at_once=at_once, criteria=criteria)
    if pointers := list(itertools.islice(_marks(raw_json.parse(outward), ""), MAX_VIOLATIONS)):
        raise ContractError([FieldProblem(pointer, _DETAIL) for pointer in pointers])
    return outward


def marked(body: bytes) -> bytes | None:
    """Return a JSON text with a mark in the place of each half of a pair; None: it has none."""
    made = _SURROGATE.sub(lambda found: found[0] if found[1] is None else _WRITTEN, body)
    return made if made != body else None


def _marks(value: Any, pointer: str) -> Iterator[str]:  # noqa: ANN401 - parsed JSON
    match value:
        case str() if _MARK in value:
            yield pointer
        case dict():
            for name, member in value.items():
                yield from _marks(member, f"{pointer}/{name}")
        case list():
            for index, element in enumerate(value):
                yield from _marks(element, f"{pointer}/{index}")
