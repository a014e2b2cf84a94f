"""The contract of an order: the documented shape, checked and re-encoded.

What an OMS answers is decoded into these structs: required fields must be there, types must be exact, unknown
fields are dropped, `null` for an optional field means absent. Amounts stay the bytes that were sent. The names
and shapes are those of Hii Retail's "External Service Configuration" page.
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from tenantproxy.orders import shaping
from tenantproxy.orders.shaping import ContractError, UnparsableError
from tenantproxy.orders.weight import LIGHT_BYTES, HeavyError, is_heavy

_ABSENT: Final = Raw(b"")


class _Shape(msgspec.Struct, omit_defaults=True, gc=False):
    """Part of an order; optional fields that are absent or null are left out when encoded.

    It refers to nothing that refers back to it, so that the garbage collector need not look at it.
    """


class AdditionalInformation(_Shape):
    """One line of an invoice's references."""

    id: str
    value: str
    displayText: str  # noqa: N815 - JSON's name, as everywhere in this module
    receiptLabel: str  # noqa: N815


class InvoicePaymentInstructions(_Shape):
    """How an order is invoiced."""

    customerAccountId: str  # noqa: N815
    invoicingAmount: Raw  # noqa: N815
    additionalInformation: list[AdditionalInformation] | None = None  # noqa: N815


class Discount(_Shape):
    """A discount on one item."""

    discountAmount: Raw = _ABSENT  # noqa: N815
    discountId: str | None = None  # noqa: N815
    discountText: str | None = None  # noqa: N815
    rewardType: str | None = None  # noqa: N815


class Item(_Shape):
    """One line of an order."""

    itemId: str  # noqa: N815
    quantityOrdered: Raw  # noqa: N815
    unitPrice: Raw  # noqa: N815
    contributedAmount: Raw = _ABSENT  # noqa: N815
    discounts: list[Discount] | None = None


class CustomerOrder(_Shape, kw_only=True):
    """An order, as `GET …/customer-orders/{customerOrderId}` answers it."""

    customerOrderId: str  # noqa: N815
    customerId: str  # noqa: N815
    status: str
    minimumDownPaymentAmount: Raw = _ABSENT  # noqa: N815
    isLocked: bool | None = None  # noqa: N815
    invoicePaymentInstructions: InvoicePaymentInstructions | None = None  # noqa: N815
    items: list[Item]


class OrderSummary(_Shape):
    """An order, as a search lists it."""

    customerOrderId: str  # noqa: N815
    customerId: str  # noqa: N815
    status: str


class OrderAnswer(_Shape):
    """The body of a GET."""

    customerOrder: CustomerOrder  # noqa: N815


class SearchAnswer(_Shape):
    """The body of a search."""

    customerOrders: list[OrderSummary]  # noqa: N815


_encode: Final = msgspec.json.Encoder().encode
_decode_order: Final = msgspec.json.Decoder(OrderAnswer).decode
_decode_search: Final = msgspec.json.Decoder(SearchAnswer).decode


def get_order(body: bytes, *, at_once: bool = False) -> bytes:
    """Return the outward body for an OMS's answer to a GET; see `weight.Outward`."""
    return _checked(body, _order, OrderAnswer, at_once)


def search_orders(body: bytes, *, at_once: bool = False) -> bytes:
    """Return the outward body for an OMS's answer to a search; see `weight.Outward`."""
    return _checked(body, _search, SearchAnswer, at_once)


def is_of(outward: bytes, order_id: str) -> bool:
    """Return whether an outward body, as `get_order` returns it, is of the order with this id."""
    return outward.startswith(b'{"customerOrder":{"customerOrderId":' + _encode(order_id) + b",")


def _order(body: bytes) -> bytes:
    answer = _decode_order(body)
    outward = _encode(answer)
    if _NOT_A_NUMBER.search(outward):
        for null in _NULLS:
            outward = outward.replace(null, b"")
        if _NOT_A_NUMBER.search(outward):
            raise msgspec.ValidationError("an amount is not a number")
    return outward


def _search(body: bytes) -> bytes:
    return _encode(_decode_search(body))


def _checked(
    body: bytes,
    fast: Callable[[bytes], bytes],
    shape: type[_Shape],
    at_once: bool,  # noqa: FBT001 - passed on
) -> bytes:
    """Return what the fast pass makes of an answer. It stops at the first problem, and a slow one finds them all.

    Where the slow pass finds none, a name came twice, and only the last one, which counts, has the right type.
    """
    if at_once and len(body) > LIGHT_BYTES:
        raise HeavyError
    try:
        return fast(body)
    except (msgspec.ValidationError, RecursionError):
        if at_once and is_heavy(body):
            raise HeavyError from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnparsableError from None
    try:
        body.decode()  # text that is skipped may be any bytes to msgspec
        settled, violations = _slow_pass(shape)(body)
        if violations:
            raise ContractError(violations)
        return fast(settled)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnparsableError from None


@functools.cache
def _slow_pass(shape: type[_Shape]) -> shaping.Make:
    (field,) = msgspec.structs.fields(shape)
    return shaping.document(shaping.checked(field), kind="object")


def _amounts(shape: Any, *, required: bool) -> Iterator[str]:  # noqa: ANN401 - a struct's type
    """Yield the names of a shape's amounts, at all levels."""
    for field in msgspec.structs.fields(shape):
        kind, inner = shaping.outward_type(field.type)
        if kind == "number" and field.required is required:
            yield field.name
        elif kind in ("list", "object"):
            yield from _amounts(inner, required=required)


_REQUIRED: Final = frozenset(_amounts(OrderAnswer, required=True))
_OPTIONAL: Final = frozenset(_amounts(OrderAnswer, required=False)) - _REQUIRED
# In what the encoder wrote, `"name":` is only ever a member's name: within a text, a quote follows a backslash.
_NOT_A_NUMBER: Final = re.compile(rf'"(?:{"|".join(sorted(_REQUIRED | _OPTIONAL))})":[^-0-9]'.encode())
_NULLS: Final = tuple(
    form % name.encode() for name in sorted(_OPTIONAL) for form in (b',"%s":null', b'"%s":null,', b'"%s":null')
)
