"""The contract of an order: the documented shape, checked and re-encoded.

What an OMS answers is decoded into these structs: required fields must be there, types must be exact, unknown
fields are dropped, `null` for an optional field means absent. Amounts stay the bytes that were sent. The names
and shapes are those of Hii Retail's "External Service Configuration" page.
"""

import json
import types
from collections.abc import Iterator
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from msgspec import Raw

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


def get_order(body: bytes) -> bytes:
    """Return the outward body for an OMS's answer to a GET.

    Raises:
        ContractError: The answer breaks the contract.
        UnparsableError: The answer is not JSON.

    """
    try:
        answer = _decode_order(body)
        if not _amounts_hold(answer.customerOrder):
            raise ContractError(_violations(body, OrderAnswer))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explained(body, OrderAnswer, error) from None
    return _encode(answer)


def search_orders(body: bytes) -> bytes:
    """Return the outward body for an OMS's answer to a search; raises as `get_order`."""
    try:
        return _encode(_decode_search(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explained(body, SearchAnswer, error) from None


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


def _explained(body: bytes, shape: type[_Shape], error: Exception) -> Exception:
    """Return the error to raise for an answer that msgspec, which stops at the first problem, refused."""
    if isinstance(error, RecursionError):
        return ContractError([Detail("", "is nested too deeply")])
    if not isinstance(error, msgspec.ValidationError):
        return UnparsableError()
    return ContractError(_violations(body, shape))


def _violations(body: bytes, shape: type[_Shape]) -> list[Detail]:
    """Return all violations in an answer, up to a bound: the slow pass, taken only when the fast one failed.

    Raises:
        UnparsableError: The answer is not JSON, in a place that the fast pass did not reach or look at.

    """
    try:
        # The standard library's parser can be told to leave numbers alone, however large.
        document = json.loads(body.decode(), parse_int=_zero, parse_float=_zero, parse_constant=_refuse)
    except ValueError:
        raise UnparsableError from None
    except RecursionError:
        return [Detail("", "is nested too deeply")]
    found = []
    for violation in _check(document, shape, ""):
        found.append(violation)
        if len(found) == MAX_VIOLATIONS:
            break
    # Of a name that comes twice, the fast pass looks at each value and this one only at the last.
    return found or [Detail("", "has a name twice, of which one value breaks the contract")]


def _zero(_number: str) -> int:
    return 0


def _refuse(name: str) -> int:
    raise ValueError(name)


def _check(value: Any, expected: Any, pointer: str) -> Iterator[Detail]:  # noqa: ANN401 - JSON and types
    kind, inner = outward_type(expected)
    if not _IS_KIND[kind](value):
        yield Detail(pointer, f"must be {_KIND_NAMES[kind]}")
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


_KIND_NAMES: Final = {
    "string": "a string",
    "boolean": "a boolean",
    "number": "a number",
    "list": "a list",
    "object": "an object",
}
_IS_KIND: Final = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
