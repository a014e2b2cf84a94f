"""Of each rule where it matches in a PosLog, or why it does not. For people: the relay itself never runs it."""

from itertools import islice
from typing import Final

import msgspec

from tenantproxy.config_poslog import Kind
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.compile import Filter, Match, transactions_of
from tenantproxy.poslog.rules.document import Transaction, transaction_of
from tenantproxy.poslog.rules.matching import KnownIds, Rule, places
from tenantproxy.poslog.rules.paths import PathWriter

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
    writer = PathWriter(root)
    return [
        TransactionExplanation(
            transaction=transaction_of(transaction, _status(transaction), None),
            rules=_rules(compiled, transaction, writer),
            why_not=compiled.why_not(transaction),
        )
        for transaction in transactions_of(root)
    ]


def _status(transaction: Element) -> str | None:
    statuses = (each.attributes.get("TransactionStatus") for each in transaction.children)
    return next(filter(None, statuses), None)


def _rules(compiled: Filter, transaction: Element, writer: PathWriter) -> list[RuleExplanation]:
    known: KnownIds = {}
    taken: set[str] = set()
    """Paths of elements at which a rule has matched: later ones are not asked there."""
    return [_rule(rule, transaction, known, taken, writer) for rule in compiled.rules]


def _rule(
    rule: Rule, transaction: Element, known: KnownIds, taken: set[str], writer: PathWriter
) -> RuleExplanation:
    matched: list[Matched] = []
    missed: dict[str, Missed] = {}
    asked = there = False
    for chain in places(transaction, {rule.names[-1]}):
        there, path = True, writer.write(chain)
        if path in taken:
            continue
        asked = True
        found = rule.judge(chain, known)
        if isinstance(found, str):
            before = missed.get(found)
            missed[found] = Missed(found, before.path if before else path, before.times + 1 if before else 1)
            continue
        taken.add(path)
        where = writer.write(found.chain, found.attribute)
        matched.append(Matched(where, found.text, Match(rule, chain, found).kind))
    return RuleExplanation(
        rule.name,
        "/".join(rule.names),
        matched[:MAX_PLACES],
        list(missed.values())[:MAX_PLACES],
        not_asked=there and not asked,
    )


def find(root: Element, text: str) -> list[Place]:
    """Return at most `MAX_PLACES` places of a text, of elements and of attributes."""
    writer = PathWriter(root)
    every = {each.name for each in root.descendants()}
    found = (
        Place(writer.write(chain, attribute), value[:MAX_VALUE], chain[-1].attributes.get("TypeCode"))
        for transaction in transactions_of(root)
        for chain in places(transaction, every)
        for attribute, value in (("", chain[-1].text), *chain[-1].attributes.items())
        if text in value
    )
    return list(islice(found, MAX_PLACES))
