"""The rules where a tenant has none of its own.

Where tills write the number of a customer order is not documented: these are the places that the published schema
of ARTS POSLog 6.0.0 has for it. The first rule that matches at an element counts.
"""

from typing import Final

from tenantproxy.config_poslog import Kind, PoslogRule

_ITEM: Final = ("InventoryReservationID", "SpecialOrderNumber")
"""Of an item: the reservation that an order's line is, and the number of an order that was placed for it."""
_ORDER_LINE: Final = (*_ITEM, "/RetailTransaction/SpecialOrderNumber")
_TRANSACTION: Final = ("SpecialOrderNumber",)


def _rule(
    name: str,
    element: str,
    kind: Kind,
    order_id: tuple[str, ...],
    attribute: str | None = None,
    values: tuple[str, ...] = (),
) -> PoslogRule:
    attributes = {attribute: values} if attribute is not None else {}
    return PoslogRule(name=name, element=element, order_id=order_id, attributes=attributes, kind=kind)


def _order_lines(name: str, element: str, completed: Kind) -> tuple[PoslogRule, ...]:
    """Return the rules for a line that is of a customer order, by its `OrderStatus`."""
    return (
        _rule(f"{name}-completed", element, completed, _ORDER_LINE, "OrderStatus", ("Completed", "Partial")),
        _rule(f"{name}-returned", element, "returned", _ORDER_LINE, "OrderStatus", ("Return",)),
        _rule(f"{name}-cancelled", element, "cancelled", _ORDER_LINE, "OrderStatus", ("Canceled", "Cancelled")),
        _rule(f"{name}-voided", element, "voided", _ORDER_LINE, "OrderStatus", ("Voided",)),
        _rule(f"{name}-other", element, "other", _ORDER_LINE),
    )


DEFAULT_RULES: Final[tuple[PoslogRule, ...]] = (
    *_order_lines("pickup", "CustomerOrderForPickup", "picked-up"),
    *_order_lines("delivery", "CustomerOrderForDelivery", "delivered"),
    _rule("earlier-completed", "PreviousCustomerOrder", "picked-up", _ORDER_LINE, "Action", ("Completed",)),
    _rule(
        "earlier-cancelled",
        "PreviousCustomerOrder",
        "cancelled",
        _ORDER_LINE,
        "Action",
        ("Cancelled", "Canceled"),
    ),
    _rule("sale", "LineItem/Sale", "picked-up", _ITEM),
    _rule("sale-for-pickup", "LineItem/SaleForPickup", "paid", _ITEM),
    _rule("sale-for-delivery", "LineItem/SaleForDelivery", "paid", _ITEM),
    _rule("return", "LineItem/Return", "returned", _ITEM),
    _rule("deposit", "LineItem/Deposit", "paid", ("/RetailTransaction/SpecialOrderNumber",)),
    _rule("payment", "LineItem/PaymentOnAccount", "paid", ("/RetailTransaction/SpecialOrderNumber",)),
    _rule("special-order", "RetailTransaction", "other", _TRANSACTION),
    _rule("customer-order", "CustomerOrderTransaction", "other", _TRANSACTION),
)
