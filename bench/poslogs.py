"""PosLogs as a store's tills write them all day, to measure with: made up, by a seed, in the published shape.

A line of a receipt takes 1.4 KiB: prices, quantities, taxes, and properties of the vendor's.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Final

LINES: Final = (5, 40)
"""Of a sale."""
_BEGIN: Final = datetime(2026, 11, 30, 8, tzinfo=UTC)
_HEAD: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:Ext="http://schemas.example.com/poslog/" MajorVersion="6" MinorVersion="0" FixVersion="0">
  <Transaction Ext:PosType="POS" Ext:CountryCode="SE" Ext:PosVersion="7.21.3" TrainingModeFlag="false" \
OfflineFlag="false">
    <BusinessUnit>
      <UnitID Name="{unit}" TypeCode="RetailStore">{unit}</UnitID>
    </BusinessUnit>
    <WorkstationID TypeCode="POS">{till}</WorkstationID>
    <SequenceNumber>{number}</SequenceNumber>
    <TransactionID>{unit};{till};{number};{time};{number}</TransactionID>
    <OperatorID OperatorType="Cashier">{operator}</OperatorID>
    <CurrencyCode>SEK</CurrencyCode>
    <ReceiptNumber>{number}</ReceiptNumber>
"""
_TAIL: Final = """\
    <BeginDateTime>{time}</BeginDateTime>
    <EndDateTime>{time}</EndDateTime>
  </Transaction>
</POSLog>
"""
_LINE: Final = """\
      <LineItem EntryMethod="Scanned" CancelFlag="false" VoidFlag="false">
        <Sale ItemType="Stock" TaxableFlag="true" ItemNotOnFileFlag="false">
          <ItemID Type="GTIN">{item}</ItemID>
          <POSIdentity POSIDType="EAN13"><POSItemID>{item}</POSItemID></POSIdentity>
          <MerchandiseHierarchy Level="Department">{department}</MerchandiseHierarchy>
          <Description Culture="sv-SE">{description}</Description>
          <UnitCostPrice>{cost}</UnitCostPrice>
          <RegularSalesUnitPrice>{price}</RegularSalesUnitPrice>
          <ActualSalesUnitPrice>{price}</ActualSalesUnitPrice>
          <ExtendedAmount>{amount}</ExtendedAmount>
          <Quantity Units="{quantity}" UnitOfMeasureCode="EA">{quantity}</Quantity>
          <Tax TaxType="VAT" TypeCode="Sale">
            <TaxAuthority>SE</TaxAuthority>
            <TaxableAmount TaxIncludedInTaxableAmountFlag="true">{amount}</TaxableAmount>
            <Amount>{tax}</Amount>
            <Percent>25.00</Percent>
            <TaxGroupID>1</TaxGroupID>
          </Tax>
          <Ext:Property TypeCode="PRICE_SOURCE">PriceFile</Ext:Property>
          <Ext:Property TypeCode="ITEM_GROUP">{department}</Ext:Property>
          <Ext:Property TypeCode="SCAN_TIME">{time}</Ext:Property>
        </Sale>
        <SequenceNumber>{sequence}</SequenceNumber>
        <DateTime>{time}</DateTime>
      </LineItem>
"""
_PICKUP: Final = """\
      <LineItem EntryMethod="Scanned" CancelFlag="false" VoidFlag="false">
        <CustomerOrderForPickup OrderStatus="Completed" ItemType="Stock">
          <ItemID Type="GTIN">7300000000001</ItemID>
          <Quantity Units="1" UnitOfMeasureCode="EA">1</Quantity>
          <InventoryReservationID>CO-{order}</InventoryReservationID>
        </CustomerOrderForPickup>
        <SequenceNumber>0</SequenceNumber>
      </LineItem>
"""
_PAYMENT: Final = """\
      <LineItem EntryMethod="Keyed">
        <Tender TenderType="CreditDebit" TypeCode="Sale" Ext:InternalTenderId="CARD">
          <Amount>{total}</Amount>
          <Authorization ForceOnline="false" ElectronicSignatureFlag="false">
            <RequestedAmount>{total}</RequestedAmount>
            <AuthorizationCode>{code}</AuthorizationCode>
            <AuthorizationDateTime>{time}</AuthorizationDateTime>
          </Authorization>
        </Tender>
        <SequenceNumber>{sequence}</SequenceNumber>
        <DateTime>{time}</DateTime>
      </LineItem>
      <Total TotalType="TransactionGrandAmount">{total}</Total>
      <Total TotalType="TransactionTaxAmount">{tax}</Total>
      <RoundedTotal>{total}</RoundedTotal>
    </RetailTransaction>
"""
_CONTROL: Final = """\
    <ControlTransaction>
      <ApplicationEvent>{event}</ApplicationEvent>
      <Reason>{reason}</Reason>
    </ControlTransaction>
"""
_WORDS: Final = (
    "Milk",
    "Bread",
    "Paint",
    "Screw",
    "Jacket",
    "Lamp",
    "Coffee",
    "Shelf",
    "Battery",
    "Rope",
    "Tea",
    "Soap",
)
_CONTROLS: Final = ("OperatorSignOn", "OperatorSignOff", "CashDrawerOpen", "CashDrawerClose", "PriceCheck")


class Store:
    """A store's tills; the same seed, the same PosLogs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data
        self._number = 0

    def sale(self, lines: int | None = None) -> bytes:
        """Return the PosLog of a sale."""
        chosen = self._random
        lines = lines or chosen.randint(*LINES)
        values = self._values()
        body = ['    <RetailTransaction TransactionStatus="Finished">\n']
        cents = 0
        for sequence in range(1, lines + 1):
            price, quantity = chosen.randint(100, 99_999), chosen.randint(1, 4)
            cents += price * quantity
            body.append(
                _LINE.format(
                    item=chosen.randint(10**12, 10**13 - 1),
                    department=chosen.randint(100, 999),
                    description=" ".join(chosen.choices(_WORDS, k=3)),
                    cost=_amount(price * 6 // 10),
                    price=_amount(price),
                    amount=_amount(price * quantity),
                    tax=_amount(price * quantity // 5),
                    quantity=quantity,
                    sequence=sequence,
                    time=values["time"],
                )
            )
        more = {"sequence": lines + 1, "total": _amount(cents), "tax": _amount(cents // 5)}
        body.append(_PAYMENT.format(**more, code=chosen.randint(10**5, 10**6), **values))
        return (_HEAD.format(**values) + "".join(body) + _TAIL.format(**values)).encode()

    def control(self) -> bytes:
        """Return the PosLog of a login, a drawer that was opened, and the like."""
        values = self._values()
        event = _CONTROL.format(event=self._random.choice(_CONTROLS), reason=self._random.choice(_WORDS))
        return (_HEAD.format(**values) + event + _TAIL.format(**values)).encode()

    def pickup(self, lines: int | None = None) -> bytes:
        """Return the PosLog of a sale, in which a customer's order was picked up, too."""
        line = _PICKUP.format(order=self._random.randint(1000, 9999)).encode()
        return self.sale(lines).replace(b"      <LineItem", line + b"      <LineItem", 1)

    def day(self, count: int, relevant: float) -> list[bytes]:
        """Return the PosLogs of a day, a share of them relevant, and a third of the others without any lines."""
        chosen = self._random
        return [
            self.pickup()
            if chosen.random() < relevant
            else self.sale()
            if chosen.random() < 2 / 3
            else self.control()
            for _ in range(count)
        ]

    def _values(self) -> dict[str, object]:
        self._number += 1
        return {
            "unit": f"{self._random.randint(1, 40):03}",
            "till": self._random.randint(1, 9),
            "number": self._number,
            "operator": self._random.randint(1, 99),
            "time": (_BEGIN + timedelta(seconds=self._number)).isoformat(),
        }


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
