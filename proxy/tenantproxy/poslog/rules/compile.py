"""Compile a filter's rules, and find which customer orders a PosLog concerns."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, get_args

from tenantproxy.config_poslog import Kind, PoslogFilter
from tenantproxy.patterns import Pattern
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.checks import find_problems
from tenantproxy.poslog.rules.defaults import DEFAULT_RULES
from tenantproxy.poslog.rules.matching import (
    LINE,
    Rule,
    Search,
    has_item,
    is_true,
    is_void,
    line_of,
    places,
    status_of,
)
from tenantproxy.poslog.rules.paths import Chain, FoundText, Needed, PathWriter

MAX_ORDERS: Final = 100
"""That one event may concern."""
MAX_LINES: Final = 5000
"""Of all orders that one event concerns; a line counts for each order that it is told with."""

_TOO_MANY_LINES: Final = f"concerns more than {MAX_LINES} lines of customer orders"
_RANKS: Final[dict[Kind, int]] = {kind: rank for rank, kind in enumerate(get_args(Kind))}
_UNDONE: Final = "PostVoided"
"""The status of a transaction that was, or is, undone after it was finished."""


class TooLargeError(ValueError):
    """A PosLog concerns more orders or lines than one event may; the message says how many it may."""


class FilterError(ValueError):
    """A filter can't be used; the message names the fields, what is wrong with them, and the fixes."""


class Line(NamedTuple):
    """A line of an order: its element `LineItem`, and what happened to it."""

    item: Element
    kind: Kind


class Entry(NamedTuple):
    """An order that a transaction concerns."""

    transaction: Element
    status: str | None
    """`TransactionStatus`, as the part of the transaction in which the order was found has it."""
    order_id: str
    kind: Kind
    """The first in the order of `Kind` that one of the matches has."""
    rule: str
    """The name of the rule that says so."""
    path: str
    """Where this rule found the order's id."""
    lines: tuple[Line, ...]
    """Those in which the order was found; where it was only found outside of lines, all that have an item."""


class Match(NamedTuple):
    """A rule that matches at an element, and the order's id that it finds."""

    rule: Rule
    chain: Chain
    found: FoundText

    @property
    def kind(self) -> Kind:
        """What happened to the order there."""
        return "voided" if status_of(self.chain) == _UNDONE else self.rule.kind


class Filter:
    """A compiled filter."""

    def __init__(self, given: PoslogFilter) -> None:
        """Compile.

        Raises:
            FilterError: A rule or the pattern can't be used.

        """
        if problems := find_problems(given, "filter"):
            raise FilterError("; ".join(f"{each.field} {each.detail}" for each in problems))
        self._training = given.training
        self._pattern = Pattern(given.order_id_pattern) if given.order_id_pattern is not None else None
        self.rules: Final = tuple(map(Rule, given.rules or DEFAULT_RULES))
        self._by_element: dict[str, list[Rule]] = {}
        for rule in self.rules:
            self._by_element.setdefault(rule.names[-1], []).append(rule)
        self.needed: Final = _least(needed for rule in self.rules for needed in rule.needed)
        """A document that concerns an order has all of at least one of these."""

    def search(self, steps: float = math.inf) -> Search:
        """Return what a search through one PosLog begins with; `steps` are those of matching ids."""
        return Search(self._pattern, steps)

    def entries(self, root: Element, steps: float = math.inf) -> tuple[Entry, ...]:
        """Return the orders that a PosLog concerns, each once for a transaction, in the document's order.

        Raises:
            TooLargeError: It concerns too many.
            TooMuchWorkError: Matching its ids takes more than so many `steps`.

        """
        search = self.search(steps)
        orders: list[_Order] = []
        for transaction in transactions_of(root):
            if self.why_not(transaction) is None:
                orders += self._orders(transaction, search, MAX_ORDERS - len(orders))
        writer = PathWriter(root, (order.best.found.chain for order in orders))
        entries: list[Entry] = []
        lines = 0
        for order in orders:
            entries.append(order.entry(writer))
            lines += len(entries[-1].lines)
            if lines > MAX_LINES:
                raise TooLargeError(_TOO_MANY_LINES)
        return tuple(entries)

    def why_not(self, transaction: Element) -> str | None:
        """Return why a transaction concerns no order, whatever is in it; None: it may concern one."""
        if not self._training and is_true(transaction.attributes.get("TrainingModeFlag")):
            return "the till is in training mode (TrainingModeFlag)"
        if is_true(transaction.attributes.get("CancelFlag")):
            return "the whole transaction was taken back (CancelFlag)"
        return None

    def _orders(self, transaction: Element, search: Search, most: int) -> "Iterable[_Order]":
        orders: dict[str, _Order] = {}
        for match in self._matches(transaction, search):
            order = orders.get(match.found.text)
            if order is None:
                if len(orders) >= most:
                    raise TooLargeError(f"concerns more than {MAX_ORDERS} customer orders")
                order = orders[match.found.text] = _Order(match)
            order.add(match)
        return orders.values()

    def _matches(self, transaction: Element, search: Search) -> Iterator[Match]:
        search.begin()
        for chain in places(transaction, self._by_element):
            for rule in self._by_element[chain[-1].name]:
                found = rule.judge(chain, search)
                if not isinstance(found, str):
                    yield Match(rule, chain, found)
                    break


def _least(given: Iterable[Needed]) -> tuple[Needed, ...]:
    """Return those that have no other one in them."""
    least: list[Needed] = []
    for each in sorted(given, key=lambda each: len(each.names) + len(each.codes)):
        if not any(other.is_in(each) for other in least):
            least.append(each)
    return tuple(least)


def transactions_of(root: Element) -> tuple[Element, ...]:
    """Return a PosLog's transactions."""
    return tuple(each for each in root.children if each.name == "Transaction")


class _Order:
    """The matches that found one order in one transaction."""

    def __init__(self, first: Match) -> None:
        self.best = first
        self._lines: dict[int, Line] = {}
        self._part = first.chain[:2]
        """Where its lines are if none of the matches is in a line."""

    def add(self, match: Match) -> None:
        if _RANKS[match.kind] < _RANKS[self.best.kind]:
            self.best = match
        item = line_of(match.chain)
        if item is None:
            return
        known = self._lines.get(id(item))
        if known is None or _RANKS[match.kind] < _RANKS[known.kind]:
            self._lines[id(item)] = Line(item, match.kind)
        if len(self._lines) > MAX_LINES:
            raise TooLargeError(_TOO_MANY_LINES)

    def entry(self, writer: PathWriter) -> Entry:
        best = self.best
        chain = best.chain
        return Entry(
            transaction=chain[0],
            status=status_of(chain),
            order_id=best.found.text,
            kind=best.kind,
            rule=best.rule.name,
            path=writer.write(best.found.chain, best.found.attribute),
            lines=tuple(self._lines.values()) or tuple(islice(self._all_lines(), MAX_LINES + 1)),
        )

    def _all_lines(self) -> Iterator[Line]:
        parts = self._part[1:] or self._part[0].children
        for part in parts:
            for each in part.children:
                if each.name == LINE and has_item(each) and not is_void(each):
                    yield Line(each, self.best.kind)
