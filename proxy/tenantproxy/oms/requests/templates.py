"""Templates: texts with placeholders for checked values, taken apart once.

A value can't leave its place: it is encoded for it, and within quotes of the OMS's own query language it is quoted
as that language has it. Outside of quotes, beside other text, only what the platform team's pattern takes can
stand, or a number.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from tenantproxy.oms.requests.quotes import QUOTING, TemplateError, open_quotes

CRITERIA: Final = "criteria."
"""What the name of a placeholder for a search's criterion begins with."""
PAGE_OFFSET: Final = "page.offset"
PAGE_NUMBER: Final = "page.number"
PAGE_CURSOR: Final = "page.cursor"
"""Names of placeholders for where a page of a search is; the first page has no cursor."""

_PLACEHOLDER: Final = re.compile(
    r"\{\{(?P<literal>[A-Za-z][A-Za-z0-9_.]*(?:\|\w*)?)\}\}"
    r"|\{(?P<name>[A-Za-z][A-Za-z0-9_.]*)(?:\|(?P<quoting>\w*))?\}",
    re.ASCII,
)

Encode = Callable[[str], str]
"""Encodes a value for its place.

Raises:
    ValueError: It can't stand there; the message says what it must be.

"""


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


class _Unquoted(NamedTuple):
    """What a value must be where it stands outside of quotes, beside other text."""

    form: re.Pattern[str]
    detail: str


_WORD: Final = _Unquoted(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:@+-]*"),
    "must start with a letter or digit and have only these and . _ ~ : @ + -",
)
"""No space, quote, bracket or wildcard. It may still be a keyword or a field's name, such as NOT or null: in a
query language a pattern has to say which words there are."""
_WORD_OF_SEGMENT: Final = _Unquoted(
    re.compile(r"[A-Za-z0-9#][A-Za-z0-9._~:@+#/-]*"),
    "must start with a letter, digit or # and have only these and . _ ~ : @ + / -",
)
"""The same where a segment of a path delimits it: `#1001` and `A/17` are ids, and are encoded there."""
_NUMBER: Final = _Unquoted(re.compile(r"[0-9]+"), "must have only digits")
"""What is a value in every query language, and nothing else."""


_NUMBERS: Final = frozenset({PAGE_NUMBER, PAGE_OFFSET})


class _Slot(NamedTuple):
    """A placeholder, and the text after it."""

    name: str
    unquoted: _Unquoted | None
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
        self.optional = tuple(
            name for name in sorted(self.names) if name.startswith(CRITERIA) or name == PAGE_CURSOR
        )
        """Those that there may be no value for."""
        self.is_number = not before and [(slot.name in _NUMBERS, slot.after) for slot in slots] == [(True, "")]
        """Whether it is nothing but a number of ours, which JSON has as such."""

    def is_wanted(self, values: Mapping[str, str]) -> bool:
        """Return whether there is a value for what is optional; where there is none, it is left out.

        Raises:
            UnfitError: There is one for some, and not for others.

        """
        missing = [name for name in self.optional if name not in values]
        if missing and len(missing) < len(self.optional):
            raise UnfitError(missing[0], "is needed beside the other criteria")
        return not missing

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its values.

        Raises:
            UnfitError: A value is missing, or can't stand in its place.

        """
        parts = [self._before]
        for name, unquoted, quoting, mark, after in self._slots:
            value = values.get(name)
            if value is None:
                raise UnfitError(name, "is needed for a search of this order management system")
            if unquoted is not None and not unquoted.form.fullmatch(value):
                raise UnfitError(name, unquoted.detail)
            try:
                parts += (self._encode(value if quoting is None else quoting(value, mark)), after)
            except ValueError as error:
                raise UnfitError(name, str(error)) from None
        return "".join(parts)


def compile_template(
    text: str,
    known: frozenset[str],
    encode: Encode,
    *,
    checked: frozenset[str] = frozenset(),
    of_segment: frozenset[str] = frozenset(),
    around: Encode | None = None,
) -> Template:
    """Take a template apart.

    The values of `checked` names can stand outside of quotes, beside other text: their pattern says what they are,
    or the place delimits them, as a path does. Those of `of_segment` are checked by a pattern and delimited by a
    path, both. `around` encodes what is around the placeholders, if not as values
    are.

    Raises:
        TemplateError: It has something that looks like a placeholder and is none of the `known` ones, or a
            placeholder whose value could end the text in which it stands, or be read as something else.

    """
    encode_literal = around or encode
    pieces = split(text, known)
    names, literals = pieces[1::3], pieces[::3]
    alone = len(names) == 1 and not any(literals)
    marks = [""] if alone else open_quotes(literals) if names else []
    slots = []
    for name, quoting, mark, after in zip(names, pieces[2::3], marks, literals[1:], strict=True):
        _check_quoting(name, quoting, mark)
        slots.append(
            _Slot(
                name,
                unquoted=None if mark or alone else _unquoted(name, checked, of_segment),
                quoting=QUOTING[quoting] if quoting else None,
                mark=mark,
                after=encode_literal(after),
            )
        )
    return Template(encode_literal(literals[0]), tuple(slots), encode)


def _unquoted(name: str, checked: frozenset[str], of_segment: frozenset[str]) -> _Unquoted:
    if name in of_segment:
        return _WORD_OF_SEGMENT
    if name in checked:
        return _WORD
    if name == PAGE_CURSOR:
        raise TemplateError(
            f"has {{{name}}} beside other text, where the OMS's word could mean something else; let it stand "
            f"alone, or put it into quotes, as {_choice(name)}"
        )
    if name.startswith(CRITERIA):
        raise TemplateError(
            f"has {{{name}}} beside other text, where a caller's word could mean something else; put it into "
            f"quotes, as {_choice(name)}, or give the criterion a pattern, such as [0-9]+"
        )
    return _NUMBER


def _choice(name: str) -> str:
    return " or ".join(f"{{{name}|{each}}}" for each in sorted(QUOTING))


def _check_quoting(name: str, quoting: str, mark: str) -> None:
    choice = _choice(name)
    if quoting and quoting not in QUOTING:
        raise TemplateError(f"has the unknown |{quoting}; write {choice}")
    if mark and not quoting:
        raise TemplateError(f"has {{{name}}} within quotes; write {choice}, as the OMS's query language has it")
    if quoting and not mark:
        raise TemplateError(f"has {{{name}|{quoting}}} outside of quotes; put it into quotes, or write {{{name}}}")


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
