"""The contract of an order: the documented shape, checked and re-encoded.

What an OMS answers is decoded into these structs: required fields must be there, types must be exact, unknown
fields are dropped, `null` for an optional field means absent. Amounts stay the bytes that were sent. The names
and shapes are those of Hii Retail's "External Service Configuration" page.
"""

import itertools
import types
from collections.abc import Iterator
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from msgspec import Raw

from tenantproxy import lossless
from tenantproxy.problems import Detail

_ABSENT: Final = Raw(b"")
MAX_VIOLATIONS: Final = 100
"""Of one answer; an OMS with a wrong list would otherwise produce thousands."""


class ContractError(Exception):
    """An answer breaks the contract; `violations` point at where, without any value."""

    def __init__(self, violations: list[Detail]) -> None:
        super().__init__(f"{len(violations)} contract violations")
        self.violations = violations


class UnparsableError(Exception):
    """An answer is not JSON."""


class _Shape(msgspec.Struct, omit_defaults=True):
    """Part of an order; optional fields that are absent or null are left out when encoded."""


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
_REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def get_order(body: bytes) -> bytes:
    """Return the outward body for an OMS's answer to a GET.

    Raises:
        ContractError: The answer breaks the contract.
        UnparsableError: The answer is not JSON.

    """
    try:
        return _order(body)
    except _REFUSED as error:
        return _order(_settled(body, OrderAnswer, error))


def search_orders(body: bytes) -> bytes:
    """Return the outward body for an OMS's answer to a search; raises as `get_order`."""
    try:
        return _encode(_decode_search(body))
    except _REFUSED as error:
        return _encode(_decode_search(_settled(body, SearchAnswer, error)))


def _order(body: bytes) -> bytes:
    answer = _decode_order(body)
    if not _amounts_hold(answer.customerOrder):
        raise msgspec.ValidationError("an amount is not a number")
    return _encode(answer)


def is_number(raw: Raw) -> bool:
    """Return whether a JSON value is a number; msgspec has checked its grammar."""
    return memoryview(raw)[0] in b"-0123456789"


def _amounts_hold(order: CustomerOrder) -> bool:
    """Return whether each amount is a number; an optional one that is null becomes absent."""
    if not _optional_number(order, "minimumDownPaymentAmount"):
        return False
    invoice = order.invoicePaymentInstructions
    if invoice is not None and not is_number(invoice.invoicingAmount):
        return False
    for item in order.items:
        if not (is_number(item.quantityOrdered) and is_number(item.unitPrice)):
            return False
        if not _optional_number(item, "contributedAmount"):
            return False
        for discount in item.discounts or ():
            if not _optional_number(discount, "discountAmount"):
                return False
    return True


def _optional_number(shape: _Shape, field: str) -> bool:
    raw = getattr(shape, field)
    if raw is _ABSENT:
        return True
    if bytes(raw) == b"null":
        setattr(shape, field, _ABSENT)
        return True
    return is_number(raw)


def _settled(body: bytes, shape: type[_Shape], error: Exception) -> bytes:
    """Return an answer with each name once, where that is all that the fast pass disliked: the last one counts.

    The slow pass, taken only when the fast one, which stops at the first problem, refused the answer.

    Raises:
        ContractError: With all violations, up to a bound.
        UnparsableError: The answer is not JSON.

    """
    if not isinstance(error, msgspec.ValidationError | RecursionError):
        raise UnparsableError from None
    try:
        document = lossless.parse(body)
        if found := list(itertools.islice(_check(document, shape, ""), MAX_VIOLATIONS)):
            raise ContractError(found)
        return _encode(document)
    except ValueError:
        raise UnparsableError from None
    except RecursionError:
        raise ContractError([Detail("", "is nested too deeply")]) from None


def _check(value: Any, expected: Any, pointer: str) -> Iterator[Detail]:  # noqa: ANN401 - JSON and types
    kind, inner = outward_type(expected)
    if not _IS_KIND[kind](value):
        yield Detail(pointer, f"must be {KIND_NAMES[kind]}")
    elif kind == "list":
        for index, element in enumerate(value):
            yield from _check(element, inner, f"{pointer}/{index}")
    elif kind == "object":
        for field in msgspec.structs.fields(inner):
            member = value.get(field.name)
            if member is not None:
                yield from _check(member, field.type, f"{pointer}/{field.name}")
            elif field.required:
                missing = "must not be null" if field.name in value else "is missing"
                yield Detail(f"{pointer}/{field.name}", missing)


def outward_type(expected: Any) -> tuple[str, Any]:  # noqa: ANN401 - a type expression, as msgspec gives it
    """Return what a field's type means in JSON: its kind, and the struct of an object or of a list's elements.

    The kind is one of `string`, `boolean`, `number`, `list`, `object`.
    """
    if get_origin(expected) in (Union, types.UnionType):
        (expected,) = (choice for choice in get_args(expected) if choice is not type(None))
    if get_origin(expected) is list:
        return "list", get_args(expected)[0]
    if expected is Raw:
        return "number", None
    if expected is str:
        return "string", None
    if expected is bool:
        return "boolean", None
    return "object", expected


KIND_NAMES: Final = {
    "string": "a string",
    "boolean": "a boolean",
    "number": "a number",
    "list": "a list",
    "object": "an object",
}
_IS_KIND: Final = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, Raw),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
