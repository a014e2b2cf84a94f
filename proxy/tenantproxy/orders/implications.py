"""What conditions say of each other: which follow from which, and which can't hold together.

It is told for what is cheap to tell; of other conditions nothing is said to follow.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tenantproxy import config
from tenantproxy.orders.words import Word, number

_IN, _NOT_IN, _ABSENT, _PRESENT = "in", "notIn", "absent", "present"
_OPPOSITE: Final = {_IN: _NOT_IN, _NOT_IN: _IN, _ABSENT: _PRESENT, _PRESENT: _ABSENT}


class Fact(NamedTuple):
    """What a condition says of the value at a pointer."""

    pointer: str
    kind: str
    words: frozenset[Word] = frozenset()

    def implies(self, other: "Fact") -> bool:
        """Return whether the other one holds wherever this one does."""
        if other.kind == _PRESENT:
            return self.kind in (_IN, _PRESENT) and _is_within(self.pointer, other.pointer)
        if self.kind == _ABSENT:
            return other.kind in (_ABSENT, _NOT_IN) and _is_within(other.pointer, self.pointer)
        if self.pointer != other.pointer:
            return False
        if self.kind == _IN and other.kind != _ABSENT:
            return self.words <= other.words if other.kind == _IN else self.words.isdisjoint(other.words)
        return self.kind == other.kind == _NOT_IN and self.words >= other.words

    def excludes(self, other: "Fact") -> bool:
        """Return whether the two never hold together."""
        return self.implies(other.opposite) or other.implies(self.opposite)

    @property
    def opposite(self) -> "Fact":
        """What holds wherever this does not."""
        return self._replace(kind=_OPPOSITE[self.kind])


def fact(condition: config.Condition) -> Fact | None:
    """Return what a condition says; None: it compares two values, or is none."""
    given = (condition.in_, condition.not_in, condition.absent, condition.same_as)
    if sum(word is not None for word in given) != 1 or condition.same_as is not None:
        return None
    if condition.absent is not None:
        return Fact(condition.from_, _ABSENT if condition.absent else _PRESENT)
    words = condition.in_ or condition.not_in or ()
    # As `words.look_up` has them: a text stands for itself, and for its number.
    known = frozenset(key for word in words for key in (word, number(word.encode())) if key is not None)
    return Fact(condition.from_, _NOT_IN if condition.in_ is None else _IN, known)


def contradictions(conditions: Sequence[config.Condition]) -> Iterator[tuple[int, int]]:
    """Yield the places of conditions that exclude an earlier one, with that one's."""
    facts = [fact(condition) for condition in conditions]
    for place, one in enumerate(facts):
        for before, other in enumerate(facts[:place]):
            if one is not None and other is not None and one.excludes(other):
                yield place, before
                break


def follow(conditions: Sequence[config.Condition], others: Sequence[config.Condition]) -> bool:
    """Return whether all `conditions` hold wherever all the others do."""
    known = [known for other in others if (known := fact(other)) is not None]
    return all(
        (wanted := fact(condition)) is not None and any(each.implies(wanted) for each in known)
        for condition in conditions
    )


def _is_within(pointer: str, above: str) -> bool:
    return pointer == above or pointer.startswith(f"{above}/")
