"""PosLogs of our own making, in the published shape (ARTS POSLog 6.0.0), to try a receiver with.

Where tills write the number of a customer order is not documented: these have it at the places that the published
schema has for it (docs/oms.md).
"""

from typing import Final
from xml.sax.saxutils import escape

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" MajorVersion="6" MinorVersion="0" FixVersion="0">
 <Transaction TrainingModeFlag="{training}" OfflineFlag="false">
  <BusinessUnit><UnitID>{business_unit}</UnitID></BusinessUnit>
  <WorkstationID>3</WorkstationID>
  <SequenceNumber>1042</SequenceNumber>
  <TransactionID>{business_unit};3;1042;2026-11-30T10:15:00;17</TransactionID>
  <OperatorID>12</OperatorID>
  <ReceiptNumber>17</ReceiptNumber>
"""
_TAIL: Final = """\
  <BeginDateTime>2026-11-30T10:14:20+01:00</BeginDateTime>
  <EndDateTime>2026-11-30T10:15:00+01:00</EndDateTime>
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
NAMES: Final = tuple(_KINDS)
"""The first three are about a customer order, of which the third is a cashier's training."""


def sample(name: str, *, order: str, business_unit: str) -> bytes:
    """Return the PosLog of one of `NAMES`; `order` is the number of the customer order."""
    body, training = _KINDS[name]
    text = _HEAD + body + _TAIL
    values = {"training": training, "order": escape(order), "business_unit": escape(business_unit)}
    return text.format(**values).encode()
