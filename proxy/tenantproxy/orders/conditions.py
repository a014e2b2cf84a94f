"""Compile conditions about what is at pointers, such as which elements of a list count."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import pointers
from tenantproxy.orders.json_members import reader, unless_null
from tenantproxy.orders.words import look_up, repeated

Holds = Callable[[Raw], bool]
"""Tells whether something is so of a value."""
_Test = Callable[[Raw | None], bool]


def compile_conditions(conditions: Sequence[config.Condition], path: str, errors: list[FieldProblem]) -> Holds:
    """Return what tells whether all conditions hold; those with `same_as` are left out, as `pick` has them.

    What is wrong with one is added to `errors`, under `path`.
    """
    tokens: list[list[str]] = []
    tests: list[_Test] = []
    for index, condition in enumerate(conditions):
        where = f"{path}[{index}]"
        given = [condition.in_ is not None, condition.absent is not None, condition.same_as is not None]
        if sum(given) != 1:
            errors.append(FieldProblem(where, "needs one of `in`, `absent` and `sameAs`"))
        elif condition.same_as is None:
            if condition.in_ is not None:
                errors += _word_errors(condition.in_, f"{where}.in")
            tokens.append(pointers.parse(condition.from_, f"{where}.from", errors))
            tests.append(_test(condition))
    read = reader(tokens)

    def hold(raw: Raw) -> bool:
        return all(test(value) for test, value in zip(tests, read(raw), strict=True))

    return hold


def _word_errors(words: Sequence[str], path: str) -> Iterator[FieldProblem]:
    if not words:
        yield FieldProblem(path, "lists no word; add one")
    for word, first in repeated(words):
        yield FieldProblem(path, f"has `{word}` beside `{first}`, which is the same; keep one")


def _test(condition: config.Condition) -> _Test:
    if condition.in_ is None:
        absent = bool(condition.absent)
        return lambda value: (unless_null(value) is None) == absent
    find = look_up(dict.fromkeys(condition.in_, True))
    return lambda value: value is not None and find(value) is not UNSET
