"""Compile conditions about what is at pointers, such as which elements of a list count."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import pointers
from tenantproxy.orders.implications import contradictions
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
        given = (condition.in_, condition.not_in, condition.absent, condition.same_as)
        if sum(word is not None for word in given) != 1:
            errors.append(FieldProblem(where, "needs one of `in`, `notIn`, `absent` and `sameAs`"))
        elif condition.same_as is None:
            for name, words in (("in", condition.in_), ("notIn", condition.not_in)):
                errors += () if words is None else _word_errors(words, f"{where}.{name}")
            tokens.append(pointers.parse(condition.from_, f"{where}.from", errors))
            tests.append(_test(condition))
    errors += [
        FieldProblem(f"{path}[{place}]", f"never holds where [{before}] does; change or remove one of them")
        for place, before in contradictions(conditions)
    ]
    if not tests:
        return always
    read = reader(tokens)

    def hold(raw: Raw) -> bool:
        return all(test(value) for test, value in zip(tests, read(raw), strict=True))

    return hold


def always(_raw: Raw) -> bool:
    """Hold of anything, as no conditions do."""
    return True


def _word_errors(words: Sequence[str], path: str) -> Iterator[FieldProblem]:
    if not words:
        yield FieldProblem(path, "lists no word; add one")
    for word in repeated(words):
        yield FieldProblem(path, f"has `{word}` twice; keep one")


def _test(condition: config.Condition) -> _Test:
    if condition.absent is not None:
        absent = condition.absent
        return lambda value: (unless_null(value) is None) == absent
    find = look_up(dict.fromkeys(condition.in_ or condition.not_in or (), True))
    if condition.in_ is None:
        return lambda value: value is None or find(value) is UNSET
    return lambda value: value is not None and find(value) is not UNSET
