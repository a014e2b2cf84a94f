"""What an OMS is told of an event by `format: json`: one document (docs/poslog-document.schema.json).

Texts and numbers are as the till wrote them; numbers are never read as floating point. What is no number where one
should be, and a text that is too long to be an id or a time, is left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Annotated, Final, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from tenantproxy.config_poslog import Kind
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.compile import Entry, Line
from tenantproxy.poslog.rules.matching import is_true

MAX_TEXT: Final = 256
"""Characters of a text."""
MAX_LINKS: Final = 20
"""Of an order."""

_DECIMAL: Final = re.compile(r"([+-]?)0*([0-9]{0,40})(?:\.([0-9]{0,40}))?")
"""XML Schema's decimal."""
_LINE_OF_ITSELF: Final = frozenset({"SequenceNumber", "Property", "Reason"})
"""Children of a line that don't say what it is."""

_KIND: Final = f"What happened; where several things did, the first of {', '.join(get_args(Kind))}."

Number = Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
"""As it was written, digit by digit."""
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class _Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What is not known is left out."""


class Link(_Model, frozen=True, kw_only=True):
    """An earlier transaction that the till links to (`TransactionLink`)."""

    reason: Annotated[Text | UnsetType, Meta(description="`ReasonCode`, such as Return or Void.")] = UNSET
    transaction_id: Text | UnsetType = UNSET
    business_unit_id: Text | UnsetType = UNSET
    workstation_id: Text | UnsetType = UNSET
    sequence_number: Text | UnsetType = UNSET
    business_day: Text | UnsetType = UNSET
    begin_date_time: Text | UnsetType = UNSET


class OrderLine(_Model, frozen=True, kw_only=True):
    """A line of the transaction that is about the order; lines that were taken back are not told."""

    kind: Annotated[Kind, Meta(description="What happened to this line.")]
    type: Annotated[
        Text | UnsetType, Meta(description="The element's name, such as CustomerOrderForPickup, Sale or Return.")
    ] = UNSET
    sequence_number: Text | UnsetType = UNSET
    item_id: Text | UnsetType = UNSET
    quantity: Number | UnsetType = UNSET
    unit: Annotated[Text | UnsetType, Meta(description="`UnitOfMeasureCode` of the quantity.")] = UNSET
    unit_price: Annotated[
        Number | UnsetType, Meta(description="`ActualSalesUnitPrice`, else `RegularSalesUnitPrice`.")
    ] = UNSET
    amount: Annotated[
        Number | UnsetType, Meta(description="`ExtendedAmount` of an item, `Amount` of a payment.")
    ] = UNSET


class Transaction(_Model, frozen=True, kw_only=True):
    """Where and when it happened."""

    business_unit_id: Text | UnsetType = UNSET
    workstation_id: Text | UnsetType = UNSET
    operator_id: Text | UnsetType = UNSET
    receipt_number: Text | UnsetType = UNSET
    transaction_id: Text | UnsetType = UNSET
    sequence_number: Text | UnsetType = UNSET
    business_day: Annotated[Text | UnsetType, Meta(description="The event's, else `BusinessDayDate`.")] = UNSET
    begin_date_time: Annotated[Text | UnsetType, Meta(description="As written; a zone may be missing.")] = UNSET
    end_date_time: Annotated[Text | UnsetType, Meta(description="As written; a zone may be missing.")] = UNSET
    currency: Annotated[Text | UnsetType, Meta(description="`CurrencyCode`.")] = UNSET
    status: Annotated[Text | UnsetType, Meta(description="`TransactionStatus`, such as Finished.")] = UNSET
    training: Annotated[
        bool, Meta(description="Only where `filter.training` is set, and a till in training mode wrote it.")
    ] = False


class Order(_Model, frozen=True, kw_only=True):
    """A customer order that a transaction concerns."""

    order_id: Text
    kind: Annotated[
        Kind,
        Meta(description=_KIND),
    ]
    rule: Annotated[str, Meta(description="The name of the rule that matched.")]
    path: Annotated[str, Meta(description="Where it found the order's id.")]
    transaction: Transaction
    lines: list[OrderLine]
    links: Annotated[
        list[Link], Meta(description=f"Of the transaction and the order's lines; at most {MAX_LINKS}.")
    ] = []


class Document(_Model, frozen=True, kw_only=True):
    """A store event that concerns customer orders."""

    event_id: Annotated[str, Meta(description="The same each time the event comes, and in `Idempotency-Key`.")]
    event_time: Annotated[datetime, Meta(description="When the event was published.")] | UnsetType = UNSET
    orders: Annotated[list[Order], Meta(min_length=1)]
    """Nearly always one."""


def document(
    entries: Sequence[Entry], *, event_id: str, event_time: datetime | None, business_day: date | None
) -> bytes:
    """Return the document of an event's entries, JSON."""
    orders = [_order(entry, business_day) for entry in entries]
    return msgspec.json.encode(Document(event_id=event_id, event_time=event_time or UNSET, orders=orders))


def number(text: str) -> Raw | UnsetType:
    """Return a decimal as JSON has it, with all its digits behind the point; UNSET: it is none."""
    found = _DECIMAL.fullmatch(text)
    if found is None or not (found[2] or found[3] or "0" in text):
        return UNSET
    sign = "-" if found[1] == "-" else ""
    return Raw(f"{sign}{found[2] or '0'}{'.' + found[3] if found[3] else ''}".encode())


def _order(entry: Entry, business_day: date | None) -> Order:
    return Order(
        order_id=entry.order_id,
        kind=entry.kind,
        rule=entry.rule,
        path=entry.path,
        transaction=transaction_of(entry.transaction, entry.status, business_day),
        lines=[_line(line) for line in entry.lines],
        links=_links(entry),
    )


def transaction_of(given: Element, status: str | None, business_day: date | None) -> Transaction:
    """Return where and when a transaction happened; `status` and the business day are known from around it."""
    return Transaction(
        business_unit_id=_business_unit(given),
        workstation_id=_text(given, "WorkstationID"),
        operator_id=_text(given, "OperatorID"),
        receipt_number=_text(given, "ReceiptNumber"),
        transaction_id=_text(given, "TransactionID"),
        sequence_number=_text(given, "SequenceNumber"),
        business_day=business_day.isoformat() if business_day else _text(given, "BusinessDayDate"),
        begin_date_time=_text(given, "BeginDateTime"),
        end_date_time=_text(given, "EndDateTime"),
        currency=_text(given, "CurrencyCode"),
        status=_fitting(status),
        training=is_true(given.attributes.get("TrainingModeFlag")),
    )


def _line(line: Line) -> OrderLine:
    item = _what(line.item)
    quantity = item.child("Quantity") if item is not None else None
    return OrderLine(
        kind=line.kind,
        type=_fitting(item.name) if item is not None else UNSET,
        sequence_number=_text(line.item, "SequenceNumber"),
        item_id=_text(item, "ItemID"),
        quantity=_number(item, "Quantity"),
        unit=_fitting(quantity.attributes.get("UnitOfMeasureCode")) if quantity is not None else UNSET,
        unit_price=_number(item, "ActualSalesUnitPrice", "RegularSalesUnitPrice"),
        amount=_number(item, "ExtendedAmount", "Amount"),
    )


def _what(line: Element) -> Element | None:
    """Return the child that says what a line is: the one with an item, else the first."""
    children = [each for each in line.children if each.children and each.name not in _LINE_OF_ITSELF]
    return next((each for each in children if each.child("ItemID") is not None), next(iter(children), None))


def _links(entry: Entry) -> list[Link]:
    elements = _linking(entry)
    return list(dict.fromkeys(islice((_link(each) for each in elements), MAX_LINKS)))


def _linking(entry: Entry) -> Iterator[Element]:
    """Yield the links of a transaction, of its parts, and of the order's lines."""
    parts: Iterable[Element] = (entry.transaction, *entry.transaction.children)
    for each in (*parts, *(item for line in entry.lines for item in line.item.children)):
        yield from (child for child in each.children if child.name == "TransactionLink")


def _link(given: Element) -> Link:
    return Link(
        reason=_fitting(given.attributes.get("ReasonCode")),
        transaction_id=_text(given, "TransactionID"),
        business_unit_id=_business_unit(given),
        workstation_id=_text(given, "WorkstationID"),
        sequence_number=_text(given, "SequenceNumber"),
        business_day=_text(given, "BusinessDayDate"),
        begin_date_time=_text(given, "BeginDateTime"),
    )


def _business_unit(given: Element) -> str | UnsetType:
    """Return the `UnitID`: tills write it as text, or in `Name`."""
    unit = given.child("BusinessUnit")
    identified = unit.child("UnitID") if unit is not None else None
    if identified is None:
        return UNSET
    return _fitting(identified.text or identified.attributes.get("Name"))


def _text(given: Element | None, name: str) -> str | UnsetType:
    return _fitting(given.text_of(name)) if given is not None else UNSET


def _fitting(text: str | None) -> str | UnsetType:
    return text if text and len(text) <= MAX_TEXT else UNSET


def _number(given: Element | None, *names: str) -> Raw | UnsetType:
    """Return the first of these children that is a number."""
    texts = (given.text_of(name) or "" for name in names) if given is not None else ()
    return next((found for text in texts if (found := number(text)) is not UNSET), UNSET)
