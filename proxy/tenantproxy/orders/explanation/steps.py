"""What a rule does to a value, in the words of the rule."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.orders.explanation.located import Located
from tenantproxy.orders.words import look_up


def single_steps(
    rule: config.Rule, reads: Sequence[Located], *, places: Located | None, looked_up: Raw | None
) -> Iterator[str]:
    """Yield what a rule does to what it has read, to make one value.

    `places` is where `scaleFrom` points, `looked_up` what `values` are asked for, or the number of a table's row.
    """
    if rule.table is not None:
        row = None if looked_up is None else rule.table.rows[int(bytes(looked_up))]
        yield "default" if row is None else f"table row [{_when(row)}]"
        return
    enough = all if rule.join is not None else any
    if enough(not read.is_nothing for read in reads):
        yield from _conversions(rule, places, looked_up)
    elif rule.default is not UNSET:
        yield "default"


def _conversions(rule: config.Rule, places: Located | None, looked_up: Raw | None) -> Iterator[str]:
    if rule.join is not None:
        yield f'joined with "{rule.join.with_}"'
    if rule.part is not None:
        yield f"part {_part(rule.part)}"
    if rule.values is not None:
        word = UNSET if looked_up is None else look_up({word: word for word in rule.values})(looked_up)
        if word is not UNSET or rule.default is not UNSET:
            yield "default" if word is UNSET else f"values `{word}`"
    if rule.as_ is not None:
        yield f"as {rule.as_}"
    if rule.scale is not None:
        yield f"scale {rule.scale}"
    if places is not None and places.raw is not None:
        yield f"scale {bytes(places.raw).decode(errors='replace')}"
    if rule.negate:
        yield "negate"


def in_words(conditions: Sequence[config.Condition]) -> str:
    """Return conditions in words."""
    return " and ".join(f"{condition.from_} {_test(condition)}" for condition in conditions)


def _test(condition: config.Condition) -> str:
    if condition.same_as is not None:
        return f"is that at {condition.same_as}"
    if condition.absent is not None:
        return "is absent" if condition.absent else "is there"
    if condition.in_ is not None:
        return f"is {' or '.join(condition.in_)}"
    return f"is not {' or '.join(condition.not_in or ())}"


def _part(part: config.Part) -> str:
    delimiters = (("after", part.after), ("after the last", part.after_last), ("before", part.before))
    return ", ".join(f'{name} "{delimiter}"' for name, delimiter in delimiters if delimiter is not None)


def _when(row: config.TableRow) -> str:
    return ", ".join("null" if word is None else word for word in row.when)
