"""Which elements of a list belong to an object: by conditions, and by words that are the same in both."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import pointers
from tenantproxy.orders.conditions import Holds, compile_conditions
from tenantproxy.orders.json_members import Values, reader
from tenantproxy.orders.words import Word, word_of

MAX_ELEMENTS: Final = 10_000
"""Of lists anywhere in the answer: an entry of an index takes much more memory than its element."""

Key = tuple[Word | None, ...]
"""What has to be the same; an object that lacks any of it has no elements."""


class Relation(NamedTuple):
    """What is so of the elements that belong to an object."""

    holds: Holds
    inner: Callable[[Raw], Key]
    """What has to be the same of an element ..."""
    outer: Sequence[Sequence[str]]
    """... and the pointers to it in the object that the rules are for."""


def compile_relation(conditions: Sequence[config.Condition], path: str, errors: list[FieldProblem]) -> Relation:
    """Return what conditions say; what is wrong with one is added to `errors`, under `path`."""
    inner, outer = [], []
    for index, condition in enumerate(conditions):
        if condition.same_as is not None:
            inner.append(pointers.parse(condition.from_, f"{path}[{index}].from", errors))
            outer.append(pointers.parse(condition.same_as, f"{path}[{index}].sameAs", errors))
    read = reader(inner)
    return Relation(compile_conditions(conditions, path, errors), lambda raw: key_of(read(raw)), outer)


def key_of(values: Values) -> Key:
    """Return the words of what is at pointers."""
    return tuple(None if value is None else word_of(value) for value in values)
