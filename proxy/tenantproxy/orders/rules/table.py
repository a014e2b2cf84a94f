"""Make a value of several values together, by a table that has a row, or a default, for each combination."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders.json_members import Values, unless_null
from tenantproxy.orders.words import are_texts, look_up, same_numbers

ANY: Final = "*"
"""In a row, any other word, or none."""
MAX_ROWS: Final = 64
"""Each is compared with each."""
COLUMNS: Final = (2, 3)
_OTHER: Final = object()
"""Stands for a word that no row names."""

When = tuple[str | None, ...]
"""The words of a row; None: there is nothing, or null."""


class Rows(dict[When, Any]):
    """The values of a table's rows, by the words of each; of other words, the value of the row that fits them.

    A word that no row names is any word, and so is None, for nothing, where no row names null. What no row fits
    becomes the default.
    """

    def __init__(self, table: config.Table, default: Any = UNSET) -> None:  # noqa: ANN401 - the rule's value
        width = len(table.from_)
        super().__init__({row.when: row.value for row in table.rows if len(row.when) == width})
        self.columns = _words(list(self), width)
        # Where several rows fit, the one that names most of the words is the first that is tried.
        self._forms = sorted({tuple(word != ANY for word in when) for when in self}, reverse=True)
        self._default = default

    def __missing__(self, words: Sequence[str | None]) -> Any:  # noqa: ANN401 - the table's value
        for form in self._forms:
            when: Any = tuple(word if named else ANY for word, named in zip(words, form, strict=True))
            if when in self:
                return self[when]
        return self._default


def finder(rows: Rows) -> Callable[[Values], Any]:
    """Return what finds the value of the row that fits what is at the table's pointers."""
    columns = [_word_reader(words) for words in rows.columns]

    def find(values: Values) -> Any:  # noqa: ANN401 - the table's value
        return rows[tuple(word_at(value) for word_at, value in zip(columns, values, strict=True))]

    return find


class _Column(dict[str | None, Any]):
    """What follows each word of a column, another column or the table's value; of any other word, `others`."""

    others: Any = None

    def __missing__(self, _word: str | None) -> Any:  # noqa: ANN401 - the table's value
        return self.others


def plain_rows(rows: Rows) -> Mapping[str | None, Any] | None:
    """Return what leads to a value word by word, if each word of the rows stands for a text alone.

    That takes less than half of the work of looking up several words at once.
    """
    return _behind(rows, ()) if all(map(are_texts, rows.columns)) else None


def _behind(rows: Rows, before: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a column, or the table's value
    """Return what follows these words of the first columns."""
    place = len(before)
    if place == len(rows.columns):
        return rows[before]
    fitting = [when for when in rows if all(named in (ANY, word) for named, word in zip(when, before))]  # noqa: B905
    words = dict.fromkeys(when[place] for when in fitting if when[place] != ANY)
    column = _Column({word: _behind(rows, (*before, word)) for word in words})
    column.others = _behind(rows, (*before, _OTHER))
    return column


def _word_reader(words: Sequence[str]) -> Callable[[Raw | None], str | None]:
    find = look_up({word: word for word in words})

    def word_at(value: Raw | None) -> str | None:
        if value is None or unless_null(value) is None:
            return None
        word = find(value)
        return ANY if word is UNSET else word

    return word_at


def problems(table: config.Table, *, has_default: bool) -> Iterator[FieldProblem]:
    """Yield what is wrong with a table; the field is the path below it."""
    least, most = COLUMNS
    width = len(table.from_)
    if not least <= width <= most:
        yield FieldProblem(".from", f"has {width} pointers; name {least} or {most}, or use `values` for one")
        return
    if not 1 <= len(table.rows) <= MAX_ROWS:
        yield FieldProblem(".rows", f"has {len(table.rows)} rows; write 1 to {MAX_ROWS}")
        return
    unfit = [index for index, row in enumerate(table.rows) if len(row.when) != width]
    for index in unfit:
        yield FieldProblem(f".rows[{index}].when", f"needs {width} words, one for each pointer of `from`")
    if unfit:
        return
    rows = [row.when for row in table.rows]
    columns = _words(rows, width)
    for column, words in enumerate(columns):
        if all(when[column] == ANY for when in rows):
            yield FieldProblem(f".from[{column}]", f"is `{ANY}` in all rows; remove it, or name its words")
        for word, first in same_numbers(words):
            if _outcomes(table.rows, column, word) != _outcomes(table.rows, column, first):
                problem = f"has `{word}` and `{first}`, which are one number, in rows that differ; make them alike"
                yield FieldProblem(".rows", problem)
    yield from _overlaps(rows)
    if not has_default and (rest := (ANY,) * width) not in rows:
        yield FieldProblem(".rows", f"has none for {_shown(rest)}, words that no row names; add one, or `default`")


def _outcomes(rows: Sequence[config.TableRow], column: int, word: str) -> dict[When, Any]:
    """Return what the rows with a word in a column become, by their other words."""
    return {row.when[:column] + row.when[column + 1 :]: row.value for row in rows if row.when[column] == word}


def _words(rows: Sequence[When], width: int) -> list[list[str]]:
    """Return the words of each column."""
    columns = [dict.fromkeys(when[column] for when in rows) for column in range(width)]
    return [[word for word in words if word is not None and word != ANY] for words in columns]


def _overlaps(rows: Sequence[When]) -> Iterator[FieldProblem]:
    """Yield which rows are there twice, and which fit one combination without either being the more exact one."""
    known = set(rows)
    missing: set[When] = set()
    for (first, one), (second, two) in itertools.combinations(enumerate(rows), 2):
        path = f".rows[{second}]"
        if one == two:
            yield FieldProblem(path, f"is for the same words as rows[{first}]; keep one")
        elif all(ANY in pair or len(set(pair)) == 1 for pair in zip(one, two, strict=True)):
            both = tuple(two[column] if word == ANY else word for column, word in enumerate(one))
            if both not in known | missing:
                missing.add(both)
                yield FieldProblem(
                    path, f"and rows[{first}] both fit {_shown(both)}; add a row for it, which then counts"
                )


def _shown(when: When) -> str:
    return f"[{', '.join('null' if word is None else word for word in when)}]"
