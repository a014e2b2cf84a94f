"""PosLogs of our own making, in the published shape (ARTS POSLog 6.0.0), to try a receiver with.

Where tills write the number of a customer order is not documented: these have it at the places that the published
schema has for it (docs/oms.md).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" xmlns:ext="urn:example:poslog-extension" \
MajorVersion="6" MinorVersion="0" FixVersion="0">
 <Transaction ext:CountryCode="SE" TrainingModeFlag="{training}" OfflineFlag="false">
  <BusinessUnit><UnitID Name={business_unit}/></BusinessUnit>
  <WorkstationID>3</WorkstationID>
  <SequenceNumber>{number}</SequenceNumber>
  <TransactionID>{transaction_id}</TransactionID>
  <OperatorID>12</OperatorID>
  <CurrencyCode>EUR</CurrencyCode>
  <ReceiptNumber>{number}</ReceiptNumber>
  <ReceiptImage>
   <ReceiptLine>   Example store          </ReceiptLine>
   <ReceiptLine>Lane 3              No {number}</ReceiptLine>
   <ReceiptLine>Total in &#8364;</ReceiptLine>
  </ReceiptImage>
"""
_TAIL: Final = """\
  <BeginDateTime>{begin}</BeginDateTime>
  <EndDateTime>{end}</EndDateTime>
 </Transaction>
</POSLog>
"""
_TOOK: Final = timedelta(seconds=40)


def _line(number: int, content: str, attributes: str = "") -> str:
    return f"""\
   <LineItem{attributes} EntryMethod="Scanned">
    {content}
    <SequenceNumber>{number}</SequenceNumber>
   </LineItem>
"""


def _item(kind: str, attributes: str, item: str, quantity: str, price: str, amount: str, more: str = "") -> str:
    return f"""\
<{kind} ItemType="Stock"{attributes}>
     <POSIdentity><POSItemID>{item}</POSItemID></POSIdentity>
     <ItemID>{item}</ItemID>
     <Description>Item {item}</Description>
     <RegularSalesUnitPrice>{price}</RegularSalesUnitPrice>
     <ActualSalesUnitPrice>{price}</ActualSalesUnitPrice>
     <ExtendedAmount>{amount}</ExtendedAmount>
     <Quantity Units="1" UnitOfMeasureCode="EA">{quantity}</Quantity>
     <ext:Property TypeCode="ItemCategory">SAMPLES</ext:Property>{more}
    </{kind}>"""


def _reserved(order: str) -> str:
    return f"\n     <InventoryReservationID>{order}</InventoryReservationID>"


def _link(business_unit: str, reason: str) -> str:
    return f"""
     <TransactionLink ReasonCode="{reason}">
      <BusinessUnit><UnitID Name={business_unit}/></BusinessUnit>
      <WorkstationID>3</WorkstationID>
      <SequenceNumber>1</SequenceNumber>
     </TransactionLink>"""


def _retail(*lines: str, total: str, status: str = "Finished", before: str = "", after: str = "") -> str:
    return (
        f'  <RetailTransaction TransactionStatus="{status}">\n{before}{"".join(lines)}'
        f'   <Total TotalType="TransactionGrandAmount">{total}</Total>{after}\n  </RetailTransaction>\n'
    )


def _tender(number: int, amount: str) -> str:
    return _line(number, f'<Tender TypeCode="Sale" TenderType="Cash"><Amount>{amount}</Amount></Tender>')


def _pickup(order: str, status: str = "Completed", quantity: str = "2", amount: str = "24.90") -> str:
    return _item(
        *("CustomerOrderForPickup", f' OrderStatus="{status}"', "40001", quantity, "12.45", amount),
        _reserved(order),
    )


def _sold() -> str:
    return _item("Sale", "", "40003", "1", "3.20", "3.20")


def _taken_back(order: str, business_unit: str) -> str:
    return _item(*("Return", "", "40002", "1", "8.00", "-8.00"), _reserved(order) + _link(business_unit, "Return"))


def _cancelled(order: str) -> str:
    return f'<PreviousCustomerOrder Action="Cancelled">{_reserved(order)}\n    </PreviousCustomerOrder>'


def _paid(order: str) -> str:
    return _retail(
        _line(1, "<Deposit><ReferenceNumber>1</ReferenceNumber><Amount>10.00</Amount></Deposit>"),
        _tender(2, "10.00"),
        total="10.00",
        before=f"   <SpecialOrderNumber>{order}</SpecialOrderNumber>\n",
    )


def _control(event: str) -> str:
    return f"  <ControlTransaction>{event}</ControlTransaction>\n"


class _Sample(NamedTuple):
    content: Callable[[str, str], str]
    """By the order's number and the store, both as XML has them."""
    training: bool = False


_SAMPLES: Final = {
    "pickup": _Sample(
        lambda order, _: _retail(_line(1, _pickup(order)), _line(2, _sold()), _tender(3, "28.10"), total="28.10")
    ),
    "partial-pickup": _Sample(
        lambda order, _: _retail(
            _line(1, _pickup(order, "Partial", "1", "12.45")), _tender(2, "12.45"), total="12.45"
        )
    ),
    "cancel": _Sample(lambda order, _: _retail(_line(1, _cancelled(order)), total="0.00")),
    "return": _Sample(lambda order, store: _retail(_line(1, _taken_back(order, store)), total="-8.00")),
    "exchange": _Sample(
        lambda order, store: _retail(
            *(_line(1, _taken_back(order, store)), _line(2, _pickup(order, "Completed", "1", "12.45"))),
            total="4.45",
        )
    ),
    "prepayment": _Sample(lambda order, _: _paid(order)),
    "several-orders": _Sample(
        lambda order, _: _retail(_line(1, _pickup(order)), _line(2, _pickup(f"{order}-2")), total="49.80")
    ),
    "undone-pickup": _Sample(
        lambda order, store: _retail(
            _line(1, _pickup(order)), total="24.90", status="PostVoided", after=_link(store, "Void")
        )
    ),
    "training": _Sample(lambda order, _: _retail(_line(1, _pickup(order)), total="24.90"), training=True),
    "suspended": _Sample(lambda order, _: _retail(_line(1, _pickup(order)), total="24.90", status="Suspended")),
    "void-line": _Sample(
        lambda order, _: _retail(
            *(_line(1, _pickup(order), ' CancelFlag="true"'), _line(2, _sold()), _tender(3, "3.20")), total="3.20"
        )
    ),
    "sale": _Sample(lambda *_: _retail(_line(1, _sold()), _tender(2, "3.20"), total="3.20")),
    "login": _Sample(lambda *_: _control("<SignOn/>")),
    "drawer": _Sample(lambda *_: _control("<ApplicationEvent>CashDrawerOpen</ApplicationEvent>")),
}
NAMES: Final = tuple(_SAMPLES)
ABOUT_AN_ORDER: Final = NAMES[: NAMES.index("training")]
"""Something happened to a customer order."""
WITH_ITS_NUMBER: Final = NAMES[: NAMES.index("sale")]
"""A customer order's number is in them; in some of these nothing happened to it."""


def sample(name: str, *, order: str, business_unit: str, number: int, end: datetime) -> bytes:
    """Return the PosLog of one of `NAMES`; `order` is the number of the customer order.

    No two have the same `number`, of the transaction and of the receipt, or the same `end`, with a time zone. The
    second order of `several-orders` has `-2` at its number's end.
    """
    chosen = _SAMPLES[name]
    store = quoteattr(business_unit)
    values = {
        "training": "true" if chosen.training else "false",
        "business_unit": store,
        "number": number,
        "transaction_id": escape(f"{business_unit};3;{number};{end:%Y-%m-%dT%H:%M:%S};{number}"),
    }
    times = {
        "begin": (end - _TOOK).isoformat(timespec="seconds"),
        "end": end.isoformat(timespec="seconds"),
    }
    return (_HEAD.format(**values) + chosen.content(escape(order), store) + _TAIL.format(**times)).encode()
