"""Of each rule where it matches in a PosLog, or why it does not. For people: the relay itself never runs it."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from tenantproxy.config_poslog import Kind
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.compile import Filter, Match, transactions_of
from tenantproxy.poslog.rules.document import Transaction, transaction_of
from tenantproxy.poslog.rules.matching import Rule, Search, places
from tenantproxy.poslog.rules.paths import Chain, PathWriter

MAX_PLACES: Final = 20
"""That are told of a rule in a transaction, or of a text."""
MAX_VALUE: Final = 128
"""Characters of a text that are told."""


class _Model(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What there is nothing to say of is left out."""


class Matched(_Model, frozen=True):
    """A place at which a rule matches."""

    path: str
    """Of the order's id."""
    order_id: str
    kind: Kind


class Missed(_Model, frozen=True):
    """Places at which a rule does not match, for one reason."""

    why: str
    path: str
    """Of the first element."""
    times: int = 1


class Place(_Model, frozen=True):
    """A place in a PosLog at which a text is, alone or in a longer one."""

    path: str
    value: str
    """The whole text, if it is not too long."""
    type_code: str | None = None
    """Of a `Property`, whose path does not tell it from others."""


class RuleExplanation(_Model, frozen=True):
    """What came of a rule; where it has neither of the two lists, its element is not there."""

    rule: str
    element: str
    matched: list[Matched] = []
    missed: list[Missed] = []
    not_asked: bool = False
    """Whether an earlier rule matches at each of its places."""


class TransactionExplanation(_Model, frozen=True):
    """What came of the rules in a transaction."""

    transaction: Transaction
    rules: list[RuleExplanation]
    why_not: str | None = None
    """Why it concerns no order, whatever its rules say."""


def explain(compiled: Filter, root: Element) -> list[TransactionExplanation]:
    """Return what came of each rule of a filter in each transaction of a PosLog."""
    return [
        TransactionExplanation(
            transaction=transaction_of(transaction, _status(transaction), None),
            rules=_rules(compiled, root, transaction),
            why_not=compiled.why_not(transaction),
        )
        for transaction in transactions_of(root)
    ]


def _status(transaction: Element) -> str | None:
    statuses = (each.attributes.get("TransactionStatus") for each in transaction.children)
    return next(filter(None, statuses), None)


def _rules(compiled: Filter, root: Element, transaction: Element) -> list[RuleExplanation]:
    search = compiled.search()
    taken: set[int] = set()
    looks = [_look(rule, transaction, search, taken) for rule in compiled.rules]
    writer = PathWriter(root, (chain for look in looks for chain in look.chains))
    return [look.explanation(writer) for look in looks]


class _Look:
    """What is seen of one rule in a transaction."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.matches: list[Match] = []
        self.misses: dict[str, tuple[Chain, int]] = {}
        """By reason the first place, and the number of places."""
        self.passed_by = False
        """Whether it was not asked somewhere, as an earlier rule matches there."""

    @property
    def chains(self) -> Iterator[Chain]:
        """All of which the path will be told."""
        yield from (match.found.chain for match in self.matches)
        yield from (chain for chain, _ in self.misses.values())

    def explanation(self, writer: PathWriter) -> RuleExplanation:
        return RuleExplanation(
            self._rule.name,
            "/".join(self._rule.names),
            [
                Matched(writer.write(found.chain, found.attribute), found.text, match.kind)
                for match in self.matches
                for found in (match.found,)
            ],
            [Missed(why, writer.write(chain), times) for why, (chain, times) in self.misses.items()],
            not_asked=self.passed_by and not self.matches and not self.misses,
        )


def _look(rule: Rule, transaction: Element, search: Search, taken: set[int]) -> _Look:
    """Return what is seen of a rule; `taken` are the elements at which an earlier one matches."""
    look = _Look(rule)
    for chain in places(transaction, {rule.names[-1]}):
        if id(chain[-1]) in taken:
            look.passed_by = True
            continue
        found = rule.judge(chain, search)
        if isinstance(found, str):
            first, times = look.misses.get(found, (chain, 0))
            look.misses[found] = (first, times + 1)
        else:
            taken.add(id(chain[-1]))
            if len(look.matches) < MAX_PLACES:
                look.matches.append(Match(rule, chain, found))
    return look


def find(root: Element, text: str) -> list[Place]:
    """Return at most `MAX_PLACES` places of a text, of elements and of attributes."""
    every = {each.name for each in root.descendants()}
    found = [
        *islice(
            (
                (chain, attribute, value)
                for transaction in transactions_of(root)
                for chain in places(transaction, every)
                for attribute, value in (("", chain[-1].text), *chain[-1].attributes.items())
                if text in value
            ),
            MAX_PLACES,
        )
    ]
    writer = PathWriter(root, (chain for chain, _, _ in found))
    return [
        Place(writer.write(chain, attribute), value[:MAX_VALUE], chain[-1].attributes.get("TypeCode"))
        for chain, attribute, value in found
    ]
