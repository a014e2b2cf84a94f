"""Quotes within the OMS's own query language: which ones a placeholder stands in, and how a value is written.

No language is parsed. A text is taken only if its quotes can be read in one way: an apostrophe of a comment or of
a word, or an inch sign, would turn inside and outside around.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

_MARKS: Final = ("'", '"')
_PLACEHOLDER: Final = "{}"
"""Stands for a placeholder among characters."""
_AFTER_CLOSING: Final = frozenset(" \t\r\n)]},;:^~=<>!&|+")
"""What can follow a quoted value; `'b` is a beginning."""


class TemplateError(ValueError):
    """It can't be used; the message is read after the field's name, and says the fix."""


def _doubled(value: str, mark: str) -> str:
    return value.replace(mark, mark + mark)


def _backslash(value: str, mark: str) -> str:
    return value.replace("\\", "\\\\").replace(mark, "\\" + mark)


QUOTING: Final[Mapping[str, Callable[[str, str], str]]] = {"backslash": _backslash, "doubled": _doubled}
"""How a value is written within quotes, by the name that a placeholder gives: `{NAME|backslash}` puts a backslash
before the quotes' own mark and before a backslash, `{NAME|doubled}` writes the mark twice. The other mark stays as
it is: JSON and GraphQL know no `\\'`."""


def open_quotes(literals: Sequence[str]) -> list[str]:
    """Return the mark of the quotes in which each placeholder between some literal texts stands, or an empty text.

    Raises:
        TemplateError: A mark can be read in more than one way.

    """
    text = ["", *literals[0]]
    for each in literals[1:]:
        text += (_PLACEHOLDER, *each)
    opened: list[str] = []
    mark = ""
    for before, character, after in zip(text, text[1:], [*text[2:], ""], strict=False):
        if character == _PLACEHOLDER:
            opened.append(mark)
        elif mark and character == mark:
            if after and after not in _AFTER_CLOSING:
                raise _unclear(character)
            mark = ""
        elif mark and (character in _MARKS or character == "\\"):
            raise TemplateError(f"has a {character} within {mark}; leave it out, or send the value by itself")
        elif character in _MARKS:
            if not _can_open(before, after):
                raise _unclear(character)
            mark = character
    if mark:
        raise TemplateError(f"has a {mark} that is not closed; close it, or leave it out")
    return opened


def _can_open(before: str, after: str) -> bool:
    """Return whether a mark begins a value: `guid'…` and `datetime'2…` do, `customer's` and `5"` don't."""
    if before.isalpha():
        return after == _PLACEHOLDER or after.isdigit()
    return not before.isdigit() and before not in ("_", "\\", _PLACEHOLDER)


def _unclear(mark: str) -> TemplateError:
    return TemplateError(
        f"has a {mark} of which it is not clear whether it opens or closes quotes, beside a placeholder; leave it "
        "out, or send the value by itself, as a variable of GraphQL"
    )
