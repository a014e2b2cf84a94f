"""PosLogs of our own making, in the published shape (ARTS POSLog 6.0.0), to try a receiver with.

Where tills write the number of a customer order is not documented: these have it at the places that the published
schema has for it (docs/oms.md).
"""

from datetime import datetime, timedelta
from typing import Final
from xml.sax.saxutils import escape

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" MajorVersion="6" MinorVersion="0" FixVersion="0">
 <Transaction TrainingModeFlag="{training}" OfflineFlag="false">
  <BusinessUnit><UnitID>{business_unit}</UnitID></BusinessUnit>
  <WorkstationID>3</WorkstationID>
  <SequenceNumber>{number}</SequenceNumber>
  <TransactionID>{business_unit};3;{number};{local};{number}</TransactionID>
  <OperatorID>12</OperatorID>
  <ReceiptNumber>{number}</ReceiptNumber>
"""
_TAIL: Final = """\
  <BeginDateTime>{begin}</BeginDateTime>
  <EndDateTime>{end}</EndDateTime>
 </Transaction>
</POSLog>
"""
_SALE: Final = """\
  <RetailTransaction TransactionStatus="Finished">
   <LineItem>
    <Sale ItemType="Stock">
     <ItemID>40001</ItemID>
     <ActualSalesUnitPrice>12.45</ActualSalesUnitPrice>
     <ExtendedAmount>24.90</ExtendedAmount>
     <Quantity>2</Quantity>
    </Sale>
    <SequenceNumber>1</SequenceNumber>
   </LineItem>
   <LineItem><Tender TenderType="Cash"><Amount>24.90</Amount></Tender><SequenceNumber>2</SequenceNumber></LineItem>
   <Total TotalType="TransactionGrandAmount">24.90</Total>
  </RetailTransaction>
"""
_PICKUP: Final = """\
  <RetailTransaction TransactionStatus="Finished">
   <LineItem>
    <CustomerOrderForPickup OrderStatus="Completed">
     <ItemID>40001</ItemID>
     <Quantity>2</Quantity>
     <InventoryReservationID>{order}</InventoryReservationID>
    </CustomerOrderForPickup>
    <SequenceNumber>1</SequenceNumber>
   </LineItem>
   <Total TotalType="TransactionGrandAmount">0.00</Total>
  </RetailTransaction>
"""
_CANCEL: Final = """\
  <RetailTransaction TransactionStatus="Finished">
   <LineItem>
    <PreviousCustomerOrder Action="Cancelled">
     <InventoryReservationID>{order}</InventoryReservationID>
    </PreviousCustomerOrder>
    <SequenceNumber>1</SequenceNumber>
   </LineItem>
   <Total TotalType="TransactionGrandAmount">0.00</Total>
  </RetailTransaction>
"""
_LOGIN: Final = """\
  <ControlTransaction><SignOn/></ControlTransaction>
"""
_KINDS: Final = {
    "pickup": (_PICKUP, "false"),
    "cancel": (_CANCEL, "false"),
    "training": (_PICKUP, "true"),
    "sale": (_SALE, "false"),
    "login": (_LOGIN, "false"),
}
_TOOK: Final = timedelta(seconds=40)
NAMES: Final = tuple(_KINDS)
"""The first three are about a customer order, of which the third is a cashier's training."""


def sample(name: str, *, order: str, business_unit: str, number: int, end: datetime) -> bytes:
    """Return the PosLog of one of `NAMES`; `order` is the number of the customer order.

    No two have the same `number`, of the transaction and of the receipt, or the same `end`, with a time zone.
    """
    body, training = _KINDS[name]
    values = {
        "training": training,
        "order": escape(order),
        "business_unit": escape(business_unit),
        "number": number,
        "begin": (end - _TOOK).isoformat(timespec="seconds"),
        "end": end.isoformat(timespec="seconds"),
        "local": f"{end:%Y-%m-%dT%H:%M:%S}",
    }
    return (_HEAD + body + _TAIL).format(**values).encode()
