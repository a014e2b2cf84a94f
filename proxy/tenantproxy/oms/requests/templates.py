"""Templates: texts with placeholders for checked values, taken apart once.

A value can't leave its place: it is encoded for it, and within quotes of the OMS's own query language it is quoted
as that language has it. Outside of quotes, beside other text, only a plain word can stand.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

CRITERIA: Final = "criteria."
"""What the name of a placeholder for a search's criterion begins with."""

_PLACEHOLDER: Final = re.compile(
    r"\{\{(?P<literal>[A-Za-z][A-Za-z0-9_.]*(?:\|\w*)?)\}\}"
    r"|\{(?P<name>[A-Za-z][A-Za-z0-9_.]*)(?:\|(?P<quoting>\w*))?\}",
    re.ASCII,
)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:@+-]*")
"""What is one word in every query language that was looked at: no space, quote, bracket, wildcard or operator."""
_BLOCK_QUOTES: Final = ('"""', "'''")

Encode = Callable[[str], str]
"""Encodes a value for its place.

Raises:
    ValueError: It can't stand there; the message says what it must be.

"""


class TemplateError(ValueError):
    """It can't be used; the message is read after the field's name, and says the fix."""


class UnfitError(Exception):
    """A value can't stand in its place: the placeholder's `name`, and what the value must be."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(name, detail)
        self.name = name
        self.detail = detail


# ---- places


def as_it_is(text: str) -> str:
    """Return a text for a place that is encoded later, as a string of JSON is."""
    return text


def url_encoded(text: str) -> str:
    """Return a text for the query of a URL or a form, where only unreserved characters stand for themselves."""
    return quote(text, safe="")


def is_one_segment(text: str) -> bool:
    """Return whether a text stays in its segment of a path, also where a server decodes early, or cuts `;` off."""
    return "%" not in text and not any(part in ("", ".", "..") for part in re.split(r"[/\\;]", text))


def path_encoded(text: str) -> str:
    """Return a text for a segment of a path.

    Raises:
        ValueError: It could leave it.

    """
    if not is_one_segment(text):
        raise ValueError("must have no %, and no empty part, `.` or `..` between the signs / \\ ;")
    return quote(text, safe=":")


# ---- quoting within the OMS's own query language


def _doubled(value: str, mark: str) -> str:
    return value.replace(mark, mark + mark)


def _backslash(value: str, mark: str) -> str:
    return value.replace("\\", "\\\\").replace(mark, "\\" + mark)


QUOTING: Final[Mapping[str, Callable[[str, str], str]]] = {"backslash": _backslash, "doubled": _doubled}
"""How a value is written within quotes, by the name that a placeholder gives: `{NAME|backslash}` puts a backslash
before the quotes' own mark and before a backslash, `{NAME|doubled}` writes the mark twice."""


class _Slot(NamedTuple):
    """A placeholder, and the text after it."""

    name: str
    is_word: bool
    quoting: Callable[[str, str], str] | None
    mark: str
    after: str


class Template:
    """A template that has been taken apart."""

    def __init__(self, before: str, slots: tuple[_Slot, ...], encode: Encode) -> None:
        self._before = before
        self._slots = slots
        self._encode = encode
        self.names = frozenset(slot.name for slot in slots)
        """Of its placeholders."""
        self._criteria = tuple(name for name in sorted(self.names) if name.startswith(CRITERIA))

    def is_wanted(self, values: Mapping[str, str]) -> bool:
        """Return whether its criteria were given; what none was given for is left out.

        Raises:
            UnfitError: Some were, and others not.

        """
        missing = [name for name in self._criteria if name not in values]
        if missing and len(missing) < len(self._criteria):
            raise UnfitError(missing[0], "is needed beside the other criteria")
        return not missing

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its values.

        Raises:
            UnfitError: A value is missing, or can't stand in its place.

        """
        parts = [self._before]
        for name, is_word, quoting, mark, after in self._slots:
            value = values.get(name)
            if value is None:
                raise UnfitError(name, "is needed for a search of this order management system")
            if is_word and not _WORD.fullmatch(value):
                raise UnfitError(name, "must start with a letter or digit and have only these and . _ ~ : @ + -")
            try:
                parts += (self._encode(value if quoting is None else quoting(value, mark)), after)
            except ValueError as error:
                raise UnfitError(name, str(error)) from None
        return "".join(parts)


def compile_template(
    text: str, known: frozenset[str], encode: Encode, *, around: Encode | None = None
) -> Template:
    """Take a template apart; `around` encodes what is around the placeholders, if not as values are.

    Raises:
        TemplateError: It has something that looks like a placeholder and is none of the `known` ones, or a
            placeholder that is not quoted as its quotes need it.

    """
    encode_literal = around or encode
    pieces = split(text, known)
    quotes = _Quotes()
    before = quotes.read(pieces[0])
    slots = []
    for name, quoting, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        mark = quotes.mark
        _check_quoting(text, name, quoting, mark)
        alone = len(pieces) == 4 and not before and not after  # noqa: PLR2004 - one placeholder, nothing around it
        slots.append(
            _Slot(
                name,
                is_word=not mark and not alone,
                quoting=QUOTING[quoting] if quoting else None,
                mark=mark,
                after=encode_literal(quotes.read(after)),
            )
        )
    if slots and quotes.mark:
        raise TemplateError(f"has a {quotes.mark} that is not closed; close it, or leave it out")
    return Template(encode_literal(before), tuple(slots), encode)


def _check_quoting(text: str, name: str, quoting: str, mark: str) -> None:
    choice = " or ".join(f"{{{name}|{each}}}" for each in sorted(QUOTING))
    if quoting and quoting not in QUOTING:
        raise TemplateError(f"has the unknown |{quoting}; write {choice}")
    if mark and not quoting:
        raise TemplateError(f"has {{{name}}} within quotes; write {choice}, as the OMS's query language has it")
    if quoting and not mark:
        raise TemplateError(f"has {{{name}|{quoting}}} outside of quotes; put it into quotes, or write {{{name}}}")
    if mark and any(marks in text for marks in _BLOCK_QUOTES):
        raise TemplateError("has a placeholder beside threefold quotes; use single ones, or a variable of GraphQL")


def split(text: str, known: frozenset[str]) -> list[str]:
    """Return a template's literal texts, with the name and the quoting of each placeholder in between.

    Raises:
        TemplateError: It has something that looks like a placeholder and is none of the `known` ones.

    """
    pieces, at = [""], 0
    for found in _PLACEHOLDER.finditer(text):
        pieces[-1] += text[at : found.start()]
        at = found.end()
        if found["literal"] is not None:
            pieces[-1] += found[0][1:-1]
        elif found["name"] in known:
            pieces += (found["name"], found["quoting"] or "", "")
        else:
            names = ", ".join(f"{{{name}}}" for name in sorted(known)) or "none"
            raise TemplateError(
                f"has the unknown placeholder {found[0]}; it may hold {names}; the text itself is {{{found[0]}}}"
            )
    pieces[-1] += text[at:]
    return pieces


def literal(text: str) -> str:
    """Return a text that may hold no placeholder, such as a name.

    Raises:
        TemplateError: It has something that looks like one.

    """
    return split(text, frozenset())[0]


class _Quotes:
    """Which quotes are open after what has been read of a template."""

    def __init__(self) -> None:
        self.mark = ""
        """The mark of the quotes that are open, empty where none are."""

    def read(self, text: str) -> str:
        """Go on; return the text."""
        characters = iter(text)
        for character in characters:
            if self.mark:
                if character == "\\":
                    next(characters, None)
                elif character == self.mark:
                    self.mark = ""
            elif character in ("'", '"'):
                self.mark = character
        return text
