"""The contract of an order: the documented shape, checked and re-encoded.

What an OMS answers is decoded into these structs: required fields must be there, types must be exact, unknown
fields are dropped, `null` for an optional field means absent. Amounts stay the bytes that were sent. The names
and shapes are those of Hii Retail's "External Service Configuration" page.

What is checked follows from the structs' types, once at import: a field is added to a struct, and nowhere else.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import FieldInfo

from tenantproxy.operations import GET_ORDER, OPERATIONS, ORDER_ID, SEARCH_ORDERS, Operation
from tenantproxy.orders import documents, transform
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import LIGHT_BYTES, HeavyError, Outward, is_heavy

Amount = Raw
"""A number, as the bytes that the OMS sent. msgspec takes any value for it, so the contract checks each."""
ABSENT: Final = Raw(b"")
"""The default of an optional amount."""


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
    invoicingAmount: Amount  # noqa: N815
    additionalInformation: list[AdditionalInformation] | None = None  # noqa: N815


class Discount(_Shape):
    """A discount on one item."""

    discountAmount: Amount = ABSENT  # noqa: N815
    discountId: str | None = None  # noqa: N815
    discountText: str | None = None  # noqa: N815
    rewardType: str | None = None  # noqa: N815


class Item(_Shape):
    """One line of an order."""

    itemId: str  # noqa: N815
    quantityOrdered: Amount  # noqa: N815
    unitPrice: Amount  # noqa: N815
    contributedAmount: Amount = ABSENT  # noqa: N815
    discounts: list[Discount] | None = None


class CustomerOrder(_Shape, kw_only=True):
    """An order, as `GET …/customer-orders/{customerOrderId}` answers it."""

    customerOrderId: str  # noqa: N815
    customerId: str  # noqa: N815
    status: str
    minimumDownPaymentAmount: Amount = ABSENT  # noqa: N815
    isLocked: bool | None = None  # noqa: N815
    invoicePaymentInstructions: InvoicePaymentInstructions | None = None  # noqa: N815
    items: list[Item]


class OrderSummary(_Shape):
    """An order, as a search lists it."""

    customerOrderId: str  # noqa: N815
    customerId: str  # noqa: N815
    status: str


SHAPES: Final[Mapping[str, Any]] = {
    GET_ORDER.name: CustomerOrder,
    SEARCH_ORDERS.name: list[OrderSummary],
}
"""What is at the root of the answer to each operation."""


class Contract(NamedTuple):
    """The contract of an operation's answer."""

    document: type[msgspec.Struct]
    """The whole outward document: its one member is the root."""
    outward: Outward
    encode: Callable[[Any], bytes]
    """Return the outward body of a whole outward document; raises ValidationError where an amount is no number."""


def compile_contract(root: str, shape: Any) -> Contract:  # noqa: ANN401 - a type expression
    """Return the contract of documents that have a shape at their root, a pointer of one step.

    Raises:
        TypeError: A field is of a type that the contract can't hold exactly.

    """
    document = msgspec.defstruct("Document", [(root.removeprefix("/"), shape)], bases=(_Shape,))
    (field,) = msgspec.structs.fields(document)
    decode = msgspec.json.Decoder(document).decode
    settle = _amounts_settler(field)

    @functools.cache
    def slow() -> transform.Transform:
        return documents.document(documents.checked(field), kind="object")

    def outward(
        body: bytes,
        *,
        at_once: bool = False,
        criteria: transform.Criteria = transform.NO_CRITERIA,  # noqa: ARG001 - an `Outward`
    ) -> bytes:
        """Return the outward body. The fast pass stops at the first problem; then a slow one finds them all.

        Where the slow pass finds none, a name came twice, and only the last one, which counts, has the right
        type.
        """
        if at_once and len(body) > LIGHT_BYTES:
            raise HeavyError
        try:
            return settle(_encode(decode(body)))
        except (msgspec.ValidationError, RecursionError):
            if at_once and is_heavy(body):
                raise HeavyError from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None
        try:
            body.decode()  # text that is skipped may be any bytes to msgspec
            settled, violations = slow()(body, transform.NO_CRITERIA)
            if violations:
                raise ContractError(violations)
            return settle(_encode(decode(settled)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None

    return Contract(document, outward, lambda made: settle(_encode(made)))


def is_of(operation: Operation, outward: bytes, order_id: str, *, ignore_case: bool = False) -> bool:
    """Return whether an operation's outward body is of the order with this id: the first field of an order.

    `ignore_case`: of letters of ASCII.
    """
    start = _ID_PREFIXES[operation.name] + _encode(order_id) + b","
    if ignore_case:
        return outward[: len(start)].lower() == start.lower()
    return outward.startswith(start)


def has_amounts(field: FieldInfo) -> bool:
    """Return whether a field is an amount, or has one in it."""
    required, optional, _ = _names(field)
    return bool(required or optional)


def _amounts_settler(field: FieldInfo) -> Callable[[bytes], bytes]:
    """Return what leaves out optional amounts that are null, and raises ValidationError for what is no number."""
    required, optional, others = _names(field)
    if not required | optional:
        return lambda outward: outward
    if ambiguous := others & (required | optional):
        raise TypeError(f"{sorted(ambiguous)} are amounts in one struct and not in another; rename one")
    search = re.compile(_no_number(sorted(required | optional)), re.DOTALL).search
    nulls = [
        form % name.encode()
        for name in sorted(optional - required)
        for form in (b',"%s":null', b'"%s":null,', b'"%s":null')
    ]

    def settle(outward: bytes) -> bytes:
        if search(outward):
            for null in nulls:
                outward = outward.replace(null, b"")
            if search(outward):
                raise msgspec.ValidationError("an amount is not a number")
        return outward

    return settle


def _no_number(names: Sequence[str]) -> bytes:
    """Return the pattern of a member with one of these names that is no number, in what the encoder wrote.

    There `"name":` is only ever a member: within a text, a quote follows a backslash. It begins at the colons, as
    there are few, and most of these are dropped by the end of the name before them: that halves the cost.
    """
    end = min(3, *map(len, names))
    ends = "|".join(sorted({name[-end:] for name in names}))
    whole = "|".join(f'(?<="{name}":.)' for name in names)
    return f':[^-0-9](?<=(?:{ends})":.)(?:{whole})'.encode()


def _names(field: FieldInfo) -> tuple[set[str], set[str], set[str]]:
    """Return the names of a field's required amounts, optional amounts and other fields, at all levels."""
    required: set[str] = set()
    optional: set[str] = set()
    others: set[str] = set()
    waiting = [field]
    while waiting:
        field = waiting.pop()
        kind, inner = transform.outward_type(field.type)
        if kind != "number":
            others.add(field.name)
        elif field.required:
            required.add(field.name)
        else:
            optional.add(field.name)
        if kind in ("list", "object"):
            waiting += msgspec.structs.fields(inner)
    return required, optional, others


_encode: Final = msgspec.json.Encoder().encode
CONTRACTS: Final[Mapping[str, Contract]] = {
    operation.name: compile_contract(operation.root, SHAPES[operation.name]) for operation in OPERATIONS
}
_ID_PREFIXES: Final = {
    operation.name: f'{{"{operation.root.removeprefix("/")}":{{"{ORDER_ID}":'.encode()
    for operation in OPERATIONS
    if operation.reads_one_order
}
