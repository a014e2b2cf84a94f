"""What can be wrong with a filter's rules. Each check is here only; the operator's models repeat the patterns."""

import re
from collections.abc import Iterator
from typing import Final

from tenantproxy.config_poslog import PoslogFilter, PoslogRule
from tenantproxy.errors import FieldProblem
from tenantproxy.patterns import Pattern, PatternError
from tenantproxy.poslog.rules import paths

MAX_RULES: Final = 32
MAX_PATHS: Final = 4
"""Of an order's id in one rule."""
MAX_ATTRIBUTES: Final = 8
MAX_VALUES: Final = 32
"""Of an attribute or property in one rule."""
MAX_VALUE_LENGTH: Final = 128
RULE_NAME: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

_RULE_NAME: Final = re.compile(RULE_NAME)
_ELEMENT: Final = re.compile(paths.ELEMENT)
_ID: Final = re.compile(paths.ID)
_ATTRIBUTE: Final = re.compile(paths.NAME)
_TYPE_CODE: Final = re.compile(paths.TYPE_CODE)


def find_problems(given: PoslogFilter, path: str) -> list[FieldProblem]:
    """Return what is wrong with a filter; `path` is its own, such as `poslog.filter`."""
    problems = []
    if given.order_id_pattern is not None:
        try:
            Pattern(given.order_id_pattern)
        except PatternError as error:
            problems.append(FieldProblem(f"{path}.orderIdPattern", str(error)))
    if len(given.rules) > MAX_RULES:
        problems.append(FieldProblem(f"{path}.rules", f"has {len(given.rules)} rules; leave at most {MAX_RULES}"))
    seen: set[str] = set()
    for number, rule in enumerate(given.rules[:MAX_RULES]):
        at = f"{path}.rules[{number}]"
        problems += _of_rule(rule, at)
        if rule.name in seen:
            problems.append(FieldProblem(f"{at}.name", "is another rule's name; give each rule its own"))
        seen.add(rule.name)
    return problems


def _of_rule(rule: PoslogRule, at: str) -> Iterator[FieldProblem]:
    if not _RULE_NAME.fullmatch(rule.name):
        yield FieldProblem(
            f"{at}.name", "is not a name; use at most 63 of a-z, 0-9 and -, with a letter or digit at both ends"
        )
    if not _ELEMENT.fullmatch(rule.element):
        yield FieldProblem(
            f"{at}.element",
            "is not an element; write its name without a prefix, such as Sale, or the last names of its path, "
            "such as LineItem/Sale",
        )
    if not 0 < len(rule.order_id) <= MAX_PATHS:
        yield FieldProblem(f"{at}.orderId", f"has {len(rule.order_id)} paths; give one to {MAX_PATHS}")
    for number, each in enumerate(rule.order_id[:MAX_PATHS]):
        if len(each) > paths.MAX_LENGTH or not _ID.fullmatch(each):
            yield FieldProblem(
                f"{at}.orderId[{number}]",
                "is not a path; write names from the element down, such as InventoryReservationID, @Name, "
                "Property[CODE] or . (its own text); with / in front they begin at the transaction",
            )
    yield from _of_attributes(rule, at)
    if rule.property is not None:
        if not _TYPE_CODE.fullmatch(rule.property.type_code):
            yield FieldProblem(
                f"{at}.property.typeCode",
                "is not a TypeCode; use at most 64 letters, digits and . _ : -, with a letter or digit in front",
            )
        yield from _of_values(rule.property.values, f"{at}.property.values")


def _of_attributes(rule: PoslogRule, at: str) -> Iterator[FieldProblem]:
    if len(rule.attributes) > MAX_ATTRIBUTES:
        yield FieldProblem(
            f"{at}.attributes", f"has {len(rule.attributes)} attributes; leave at most {MAX_ATTRIBUTES}"
        )
    for name, values in list(rule.attributes.items())[:MAX_ATTRIBUTES]:
        if not _ATTRIBUTE.fullmatch(name):
            yield FieldProblem(
                f"{at}.attributes", "has a key that is not an attribute's name; write it without a prefix"
            )
            continue
        if not values:
            yield FieldProblem(f"{at}.attributes.{name}", "has no values; list those that the attribute may have")
        yield from _of_values(values, f"{at}.attributes.{name}")


def _of_values(values: tuple[str, ...], at: str) -> Iterator[FieldProblem]:
    if len(values) > MAX_VALUES:
        yield FieldProblem(at, f"has {len(values)} values; leave at most {MAX_VALUES}")
    if any(not 0 < len(value) <= MAX_VALUE_LENGTH for value in values[:MAX_VALUES]):
        yield FieldProblem(at, f"has a value that is empty or longer than {MAX_VALUE_LENGTH} characters")
