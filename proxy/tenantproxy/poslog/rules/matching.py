"""Whether one rule matches at one element, and if not, why."""

from collections.abc import Callable, Collection, Iterator
from typing import Final

from tenantproxy.config_poslog import PoslogRule, PropertyCondition
from tenantproxy.patterns import Pattern
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.paths import Chain, FoundText, IdPath, Needed, parse_id_path

MAX_ID: Final = 256
"""Characters of an order's id; a longer text is none."""
LINE: Final = "LineItem"

_TRUE: Final = frozenset({"true", "1"})
_VOID_FLAGS: Final = ("VoidFlag", "CancelFlag", "DeleteFlag")
_NOT_DONE: Final = frozenset(
    {"Canceled", "Cancelled", "Failed", "InProcess", "Suspended", "SuspendedDeleted", "Totaled", "Voided"}
)
"""What `TransactionStatus` says of a transaction in which nothing has happened (yet)."""


def is_true(flag: str | None) -> bool:
    """Return whether a flag is set (XML Schema's boolean, which may have white space around it)."""
    return flag is not None and flag.strip() in _TRUE


def status_of(chain: Chain) -> str | None:
    """Return the `TransactionStatus` of the part of a transaction that an element is in."""
    status = chain[1].attributes.get("TransactionStatus") if len(chain) > 1 else None
    return status.strip() if status is not None else None


def is_void(line: Element) -> bool:
    """Return whether a line was taken back within its transaction."""
    return any(is_true(line.attributes.get(flag)) for flag in _VOID_FLAGS)


def line_of(chain: Chain) -> Element | None:
    """Return the line that an element is in, or is."""
    return next((each for each in reversed(chain) if each.name == LINE), None)


def has_item(line: Element) -> bool:
    """Return whether a line is of an item, other than a payment, a tax or a text."""
    return any(each.child("ItemID") is not None for each in line.children)


def places(transaction: Element, names: Collection[str]) -> Iterator[Chain]:
    """Yield the elements of these names, the transaction's own among them, in the document's order."""
    chain: list[Element] = []

    def walk(element: Element) -> Iterator[Chain]:
        chain.append(element)
        if element.name in names:
            yield tuple(chain)
        for child in element.children:
            if child.children or child.name in names:
                yield from walk(child)
        chain.pop()

    return walk(transaction)


def why_nothing_happened(chain: Chain) -> str | None:
    """Return why what an element says did not happen; None: it did."""
    status = status_of(chain)
    if status in _NOT_DONE:
        return f"the transaction is not finished (TransactionStatus {status})"
    if any(each.name == LINE and is_void(each) for each in chain):
        return f"the line was taken back ({', '.join(_VOID_FLAGS)})"
    return None


class TooMuchWorkError(ValueError):
    """To match the texts of a PosLog with the pattern of ids takes more steps than it may."""


class Search:
    """What is found out about ids while one PosLog is searched, each thing once."""

    def __init__(self, pattern: Pattern | None, steps: float) -> None:
        """Begin; there may be so many steps of matching (see `Pattern.steps`)."""
        self._pattern = pattern
        self._steps = steps
        self._ids: dict[str, bool] = {}
        self.known: dict[IdPath, FoundText | str] = {}
        """What paths from the present transaction lead to: else many lines would each look through all others."""

    def begin(self) -> None:
        """Go on to another transaction."""
        self.known = {}

    def is_id(self, text: str) -> bool:
        """Return whether a text is as the pattern says.

        Raises:
            TooMuchWorkError: Finding out takes too long.

        """
        if self._pattern is None:
            return True
        if (known := self._ids.get(text)) is not None:
            return known
        self._steps -= self._pattern.steps * len(text)
        if self._steps < 0:
            raise TooMuchWorkError
        found = self._ids[text] = self._pattern.matches(text)
        return found


class Rule:
    """A compiled rule."""

    def __init__(self, rule: PoslogRule) -> None:
        """Compile what `checks` has found nothing wrong with."""
        self.name: Final = rule.name
        self.kind: Final = rule.kind
        self.names: Final = tuple(rule.element.split("/"))
        self._ids = tuple(parse_id_path(path) for path in rule.order_id)
        self._conditions = tuple(_conditions(rule, self.names))
        self._no_id = f"no order id at {' or '.join(rule.order_id)}"
        self.needed: Final = tuple(self._needed(rule).with_(path.needs) for path in self._ids)
        """For each path of the id what a document must have for the rule to match by it."""

    def _needed(self, rule: PoslogRule) -> Needed:
        names = frozenset((*self.names, *rule.attributes))
        if rule.property is None:
            return Needed(names, frozenset())
        return Needed(names | {"Property", "TypeCode"}, frozenset({rule.property.type_code}))

    def judge(self, chain: Chain, search: Search) -> FoundText | str:
        """Return the order's id that the rule finds for the last element of a chain, or why it does not match.

        Raises:
            TooMuchWorkError: Finding out takes too long.

        """
        for condition in self._conditions:
            if (reason := condition(chain)) is not None:
                return reason
        refused = ""
        for path in self._ids:
            found = self._id(path, chain, search)
            if isinstance(found, FoundText):
                return why_nothing_happened(chain) or found
            refused = found or refused
        return f"{self._no_id}: {refused}" if refused else self._no_id

    def _id(self, path: IdPath, chain: Chain, search: Search) -> FoundText | str:
        if not path.from_transaction:
            return self._first(path, chain, search)
        if (found := search.known.get(path)) is None:
            found = search.known[path] = self._first(path, chain, search)
        return found

    def _first(self, path: IdPath, chain: Chain, search: Search) -> FoundText | str:
        """Return the first id that a path leads to, or why what is there is none; empty: there is nothing."""
        refused = ""
        for found in path.texts(chain):
            if len(found.text) > MAX_ID:
                refused = f"what is there is longer than {MAX_ID} characters"
            elif not search.is_id(found.text):
                refused = "what is there is not as orderIdPattern says"
            else:
                return found
        return refused


_Condition = Callable[[Chain], str | None]
"""Returns why an element is not as a rule says; None: it is."""


def _conditions(rule: PoslogRule, names: tuple[str, ...]) -> Iterator[_Condition]:
    if len(names) > 1:
        yield _is_in(names)
    for attribute, values in rule.attributes.items():
        yield _has_attribute(attribute, frozenset(values))
    if rule.property is not None:
        yield _has_property(rule.property)


def _is_in(names: tuple[str, ...]) -> _Condition:
    def condition(chain: Chain) -> str | None:
        if tuple(each.name for each in chain[-len(names) :]) == names:
            return None
        return f"the element is not in {'/'.join(names[:-1])}"

    return condition


def _has_attribute(name: str, values: frozenset[str]) -> _Condition:
    wanted = ", ".join(sorted(values))

    def condition(chain: Chain) -> str | None:
        value = chain[-1].attributes.get(name)
        if value in values:
            return None
        return f"it has no @{name}" if value is None else f"@{name} is none of {wanted}"

    return condition


def _has_property(given: PropertyCondition) -> _Condition:
    values = frozenset(given.values)

    def condition(chain: Chain) -> str | None:
        texts = [
            child.text
            for child in chain[-1].children
            if child.name == "Property" and child.attributes.get("TypeCode") == given.type_code
        ]
        if not texts:
            return f"it has no Property[{given.type_code}]"
        if values and values.isdisjoint(texts):
            return f"Property[{given.type_code}] is none of {', '.join(sorted(values))}"
        return None

    return condition
