"""The contract of an order: required fields, exact types, amounts byte for byte, and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.proxy.orders import (
    AMOUNTS,
    LISTS,
    OBJECTS,
    OPTIONAL,
    ORDER,
    REQUIRED,
    STRINGS,
    SUMMARY,
    changed,
    order_body,
    search_body,
    with_token,
)
from tenantproxy.operations import GET_ORDER
from tenantproxy.orders.contract import (
    ABSENT,
    CONTRACTS,
    Amount,
    CustomerOrder,
    Discount,
    Item,
    OrderSummary,
    compile_contract,
    is_of,
)
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import LIGHT_BYTES, HeavyError

MARKED = "MARKED"


def get_order(body: bytes, *, at_once: bool = False) -> bytes:
    return CONTRACTS["getOrder"].outward(body, at_once=at_once)


def search_orders(body: bytes) -> bytes:
    return CONTRACTS["searchOrders"].outward(body)


CHECKS: dict[str, Callable[[bytes], bytes]] = {"get": get_order, "search": search_orders}


def violations(check: Callable[[bytes], bytes], body: bytes) -> dict[str, str]:
    """Return what is wrong with an answer, by pointer; each field is named once, and no value of it."""
    with pytest.raises(ContractError) as caught:
        check(body)
    found = caught.value.violations
    assert MARKED not in f"{found} {caught.value}"
    assert len({violation.field for violation in found}) == len(found)
    return dict(found)


def order_violations(order: Any) -> dict[str, str]:
    return violations(get_order, order_body(order))


# ---- what passes


def test_documented_order() -> None:
    """An order with every documented field comes through whole."""
    assert json.loads(get_order(order_body())) == {"customerOrder": ORDER}


def test_smallest_order() -> None:
    """An order of only the required fields comes through, and gets no others."""
    smallest = {name: ORDER[name] for name in ("customerOrderId", "customerId", "status")} | {"items": []}
    assert json.loads(get_order(order_body(smallest))) == {"customerOrder": smallest}


@pytest.mark.parametrize("count", [0, 1, 50])
def test_documented_search(count: int) -> None:
    """A search's list comes through whole and in its order, an empty one too."""
    summaries = [{**SUMMARY, "customerOrderId": f"CO-{index}"} for index in range(count)]
    assert json.loads(search_orders(search_body(*summaries))) == {"customerOrders": summaries}


@pytest.mark.parametrize("status", ["CREATED", "IN_PROGRESS", "CANCELLED", "FULFILLED", "SOMETHING_ELSE", ""])
def test_status_is_any_text(status: str) -> None:
    """The documents list no statuses for this shape: any text is one."""
    assert json.loads(get_order(order_body(changed(ORDER, "status", status))))["customerOrder"]["status"] == status


@pytest.mark.parametrize(
    "text",
    ["\u00e4\U0001f511", "\0", '"', "\\", "\u2028", "</script>", "a" * 100_000],
    ids=["letters", "NUL", "quote", "backslash", "separator", "markup", "long"],
)
def test_text_comes_through(text: str) -> None:
    """Any Unicode text comes through as the same text."""
    body = get_order(order_body(changed(ORDER, "customerId", text)))
    assert json.loads(body)["customerOrder"]["customerId"] == text


@pytest.mark.parametrize("where", OBJECTS)
def test_unknown_fields_are_dropped(where: str) -> None:
    """What the contract doesn't name is dropped, at every level, whatever it holds."""
    place: Any = ORDER
    for step in where.split("/") if where else ():
        place = place[int(step)] if isinstance(place, list) else place[step]
    extended = changed(ORDER, where, {"first": {"a": [1]}, **place, "CustomerOrderId": 1, "x": None})
    assert get_order(order_body(extended)) == get_order(order_body())


def test_unknown_fields_of_the_answer_are_dropped() -> None:
    """What stands beside the order, or the list, is dropped too."""
    document = {"page": {"take": 1}, "customerOrder": ORDER, "customerOrders": [{**SUMMARY, "x": 1}], "x": []}
    assert json.loads(get_order(json.dumps(document).encode())) == {"customerOrder": ORDER}
    assert json.loads(search_orders(json.dumps(document).encode())) == {"customerOrders": [SUMMARY]}


@pytest.mark.parametrize("value", [None, ...], ids=["null", "absent"])
@pytest.mark.parametrize("pointer", OPTIONAL)
def test_optional_field(pointer: str, value: Any) -> None:
    """An optional field that is null or absent is absent outwards."""
    outward = json.loads(get_order(order_body(changed(ORDER, pointer, value))))
    assert outward == {"customerOrder": changed(ORDER, pointer, ...)}


# ---- what is added to a struct is checked


class Line(Item):
    """An item with one more amount."""

    weightAmount: Amount = ABSENT  # noqa: N815 - JSON's name


class ExtendedOrder(CustomerOrder, kw_only=True):
    """An order with amounts that the documents don't have, at two levels."""

    totalAmount: Amount  # noqa: N815
    bonusAmount: Amount = ABSENT  # noqa: N815
    items: list[Line]  # type: ignore[assignment] # msgspec reads it, nobody writes to it


class ExtendedSummary(OrderSummary):
    """A search's order with an amount."""

    bonusAmount: Amount = ABSENT  # noqa: N815


EXTENDED = changed({**ORDER, "totalAmount": 1, "bonusAmount": 2}, "items/0/weightAmount", 3)
EXTENDED_SHAPES: dict[str, tuple[str, Any, Any]] = {
    "order": ("/customerOrder", ExtendedOrder, EXTENDED),
    "list": ("/customerOrders", list[ExtendedSummary], [{**SUMMARY, "bonusAmount": 2}]),
}
ADDED = [
    ("order", "bonusAmount", False),
    ("order", "totalAmount", True),
    ("order", "items/0/weightAmount", False),
    ("list", "0/bonusAmount", False),
]


def extended(name: str, *change: Any) -> tuple[bytes, dict[str, str]]:
    """Return what the extended contract makes of an answer with one change: a body, or violations."""
    root, shape, value = EXTENDED_SHAPES[name]
    body = json.dumps({root[1:]: changed(value, *change) if change else value}, separators=(",", ":")).encode()
    try:
        return compile_contract(root, shape).outward(body), {}
    except ContractError as error:
        return b"", dict(error.violations)


@pytest.mark.parametrize(("name", "pointer", "required"), ADDED)
@pytest.mark.parametrize("value", ["5", '5"', True, [], {}, None])
def test_an_added_amount_is_checked(name: str, pointer: str, required: bool, value: Any) -> None:  # noqa: FBT001
    """An amount that is added to a struct is checked without a word elsewhere, at each level, optional or not."""
    outward, found = extended(name, pointer, value)
    if value is None and not required:
        assert (outward, found) == extended(name, pointer, ...)
        assert outward
    else:
        assert found == {
            f"{EXTENDED_SHAPES[name][0]}/{pointer}": "must not be null" if value is None else "must be a number"
        }


@pytest.mark.parametrize(
    ("sent", "left"),
    [('{"discountAmount":null}', "{}"), ('{"discountAmount":null,"discountId":"D"}', '{"discountId":"D"}')],
    ids=["alone", "first"],
)
def test_null_amount_is_left_out(sent: str, left: str) -> None:
    """Wherever it stands among an object's members, what is left is the rest of them."""
    contract = compile_contract("/parts", list[Discount])
    assert contract.outward(f'{{"parts":[{sent}]}}'.encode()) == f'{{"parts":[{left}]}}'.encode()


def test_document_of_a_contract() -> None:
    """It has one member, and is nothing for the garbage collector to look at."""
    document = compile_contract("/parts", list[Discount]).document
    assert [field.name for field in msgspec.structs.fields(document)] == ["parts"]
    assert not document.__struct_config__.gc


@pytest.mark.parametrize("name", EXTENDED_SHAPES)
def test_an_added_amount_comes_through(name: str) -> None:
    """A number does."""
    root, _, value = EXTENDED_SHAPES[name]
    outward, _ = extended(name)
    assert json.loads(outward) == {root[1:]: value}


class Rounded(OrderSummary):
    """A shape that would not keep an amount's digits."""

    bonusAmount: float = 0.0  # noqa: N815


class Twofold(OrderSummary):
    """A shape with a name that is an amount here and a text there."""

    status: Amount  # type: ignore[assignment]
    parts: list[OrderSummary]


@pytest.mark.parametrize("shape", [Rounded, Twofold, list[str], list[Amount], dict[str, str]])
def test_shapes_that_can_not_be_held(shape: Any) -> None:
    """A type that can't be checked exactly is refused when the contract is made, not when an answer comes."""
    with pytest.raises(TypeError, match=r"; (use|rename) "):
        compile_contract("/customerOrder", shape)


# ---- amounts

TOKENS = {
    "fraction": b"0.1",
    "integer": b"100",
    "zero": b"0",
    "minus zero": b"-0",
    "minus zero point zero": b"-0.0",
    "negative": b"-12.50",
    "trailing zeros": b"1.500",
    "exponent": b"1e3",
    "exponent with a plus": b"1E+3",
    "exponent with a minus": b"1e-3",
    "exponent with zeros": b"1e007",
    "20 digits": b"12345678901234567890",
    "beyond 64 bits": b"18446744073709551617",
    "20 fraction digits": b"0.12345678901234567891",
    "400 digits": b"9" * 400,
    "5000 digits": b"9" * 5000,
    "beyond a double": b"1e400",
    "below a double": b"1e-400",
    "beyond any": b"1e99999999999999999999",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("pointer", AMOUNTS)
def test_amount_byte_for_byte(pointer: str, token: bytes) -> None:
    """Every amount leaves as the bytes that the OMS sent, however many digits it has."""
    compact = json.dumps({"customerOrder": ORDER}, separators=(",", ":")).encode()
    assert len(get_order(order_body())) == len(compact)
    outward = get_order(with_token(pointer, token))
    assert b":" + token + b"," in outward.replace(b"}", b",")
    assert outward == get_order(with_token(pointer, b" \n\t" + token + b"\r "))


WRONG_AMOUNTS = {
    "text": b'"1.5"',
    "empty text": b'""',
    "marked text": b'"MARKED"',
    "true": b"true",
    "false": b"false",
    "list": b"[1]",
    "empty list": b"[]",
    "object": b'{"value":1,"MARKED":2}',
    "empty object": b"{}",
}


@pytest.mark.parametrize("token", WRONG_AMOUNTS.values(), ids=WRONG_AMOUNTS)
@pytest.mark.parametrize("pointer", AMOUNTS)
def test_amount_of_another_type(pointer: str, token: bytes) -> None:
    """An amount is a number; a number in quotes is not one."""
    found = violations(get_order, with_token(pointer, token))
    assert found == {f"/customerOrder/{pointer}": "must be a number"}


NOT_NUMBERS = [
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"01", b"-01", b"1.", b".5", b"+1", b"--1", b"-", b"1e", b"1e+"),
    *(
        b"0x10",
        b"1_000",
        b"1,5",
        b"1 000",
        b"1.2.3",
        b"\xd9\xa1",
        b"1\x00",
        b"'1'",
        b"undefined",
        b"",
        b"\xef\xbb\xbf1",
    ),
]


@pytest.mark.parametrize("token", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("pointer", ["items/0/unitPrice", "minimumDownPaymentAmount"])
def test_not_json_in_an_amount(pointer: str, token: bytes) -> None:
    """What JSON's grammar has no number for makes the whole answer unparsable."""
    with pytest.raises(UnparsableError):
        get_order(with_token(pointer, token))


# ---- violations


@pytest.mark.parametrize("pointer", REQUIRED)
def test_required_field(pointer: str) -> None:
    """A required field that is absent or null is a violation that says which of the two."""
    where = f"/customerOrder/{pointer}"
    assert order_violations(changed(ORDER, pointer, ...)) == {where: "is missing"}
    assert order_violations(changed(ORDER, pointer, None)) == {where: "must not be null"}


@pytest.mark.parametrize("field", SUMMARY)
def test_required_field_of_a_summary(field: str) -> None:
    """All three fields of a search's orders are required, and each bad order is pointed at."""
    body = search_body(SUMMARY, changed(SUMMARY, field, ...), SUMMARY, changed(SUMMARY, field, None))
    assert violations(search_orders, body) == {
        f"/customerOrders/1/{field}": "is missing",
        f"/customerOrders/3/{field}": "must not be null",
    }


VALUES: dict[str, Any] = {
    "a string": MARKED,
    "a number": 5,
    "a boolean": True,
    "a list": [MARKED],
    "an object": {MARKED: MARKED},
}
TYPED = {
    **dict.fromkeys(STRINGS, "a string"),
    **dict.fromkeys(LISTS, "a list"),
    **dict.fromkeys(filter(None, OBJECTS), "an object"),
    "isLocked": "a boolean",
}


@pytest.mark.parametrize(("pointer", "kind"), TYPED.items())
def test_exact_types(pointer: str, kind: str) -> None:
    """A value of another JSON type is a violation: nothing is converted."""
    for other, value in VALUES.items():
        if other == kind:
            continue
        found = order_violations(changed(ORDER, pointer, value))
        assert found == {f"/customerOrder/{pointer}": f"must be {kind}"}


@pytest.mark.parametrize("value", [0, 1, "true", "false", ""], ids=repr)
def test_flag_is_exact(value: Any) -> None:
    """`isLocked` is a JSON boolean and nothing that looks like one."""
    assert order_violations(changed(ORDER, "isLocked", value)) == {"/customerOrder/isLocked": "must be a boolean"}


@pytest.mark.parametrize("pointer", [pointer for pointer in OBJECTS if pointer.endswith("0")])
def test_null_in_a_list(pointer: str) -> None:
    """A list has no holes: null is no element of it."""
    assert order_violations(changed(ORDER, pointer, None)) == {f"/customerOrder/{pointer}": "must be an object"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "/{}: is missing"),
        ({"order": ORDER}, "/{}: is missing"),
        ({"{}": None}, "/{}: must not be null"),
        ({"{}": 5}, "/{}: must be"),
        ([], ": must be an object"),
        ([ORDER], ": must be an object"),
        (None, ": must be an object"),
        ("MARKED", ": must be an object"),
        (5, ": must be an object"),
        (ORDER, "/{}: is missing"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", CHECKS)
def test_wrapper(name: str, document: Any, expected: str) -> None:
    """The order is in `customerOrder`, the list in `customerOrders`; anything else is pointed at."""
    field = {"get": "customerOrder", "search": "customerOrders"}[name]
    body = json.dumps(document).replace("{}", field) if document != {} else "{}"
    ((pointer, detail),) = violations(CHECKS[name], body.encode()).items()
    assert f"{pointer}: {detail}".startswith(expected.replace("{}", field))


def test_all_violations_at_once() -> None:
    """Everything that is wrong is said in one answer."""
    order = {
        "customerId": None,
        "status": [MARKED],
        "items": [{"itemId": 1, "quantityOrdered": MARKED}, MARKED, {**ORDER["items"][0], "discounts": [1, {}]}],
        "isLocked": MARKED,
        "minimumDownPaymentAmount": MARKED,
        "invoicePaymentInstructions": {"additionalInformation": [{"id": 5}]},
    }
    invoice = "/customerOrder/invoicePaymentInstructions"
    assert order_violations(order) == {
        "/customerOrder/customerOrderId": "is missing",
        "/customerOrder/customerId": "must not be null",
        "/customerOrder/status": "must be a string",
        "/customerOrder/items/0/itemId": "must be a string",
        "/customerOrder/items/0/quantityOrdered": "must be a number",
        "/customerOrder/items/0/unitPrice": "is missing",
        "/customerOrder/items/1": "must be an object",
        "/customerOrder/items/2/discounts/0": "must be an object",
        "/customerOrder/isLocked": "must be a boolean",
        "/customerOrder/minimumDownPaymentAmount": "must be a number",
        f"{invoice}/customerAccountId": "is missing",
        f"{invoice}/invoicingAmount": "is missing",
        f"{invoice}/additionalInformation/0/id": "must be a string",
        f"{invoice}/additionalInformation/0/value": "is missing",
        f"{invoice}/additionalInformation/0/displayText": "is missing",
        f"{invoice}/additionalInformation/0/receiptLabel": "is missing",
    }


def test_amounts_beside_other_violations() -> None:
    """A huge number does not keep the other violations from being found."""
    body = with_token("items/0/unitPrice", b"9" * 5000).replace(b'"isLocked": false', b'"isLocked": 1')
    assert violations(get_order, body) == {"/customerOrder/isLocked": "must be a boolean"}


@pytest.mark.parametrize("count", [99, 100, 101, 5000])
def test_violations_are_bounded(count: int) -> None:
    """At most a hundred violations are listed, the first ones."""
    found = violations(search_orders, search_body(*({"customerOrderId": MARKED, "status": "x"},) * count))
    assert list(found) == [f"/customerOrders/{index}/customerId" for index in range(min(count, 100))]


# ---- duplicate keys, nesting, encodings


def test_duplicate_keys() -> None:
    """Of a name that comes twice the last value counts, and it goes out once."""
    body = order_body().replace(b'"status": "CREATED"', b'"status": "A", "status": "B"')
    outward = get_order(body)
    assert outward.count(b'"status"') == 1
    assert json.loads(outward)["customerOrder"]["status"] == "B"
    bad = order_body().replace(b'"status": "CREATED"', b'"status": "MARKED", "status": 5')
    assert violations(get_order, bad) == {"/customerOrder/status": "must be a string"}


def test_duplicate_key_of_another_type() -> None:
    """The last value counts also where one before it is of another type; amounts stay as they were sent."""
    body = order_body().replace(b'"status": "CREATED"', b'"status": ["MARKED"], "status": "A", "x": 1e400')
    body = body.replace(b'"unitPrice": 9.5', b'"unitPrice": null, "unitPrice": 1E+3')
    outward = get_order(body)
    assert b'"status":"A"' in outward
    assert b'"unitPrice":1E+3' in outward
    assert b"MARKED" not in outward


def test_duplicate_amounts() -> None:
    """The last of two amounts counts, as sent."""
    body = order_body().replace(b'"unitPrice": 9.5', b'"unitPrice": "MARKED", "unitPrice": 1e2')
    assert b'"unitPrice":1e2,' in get_order(body)
    body = order_body().replace(b'"unitPrice": 9.5', b'"unitPrice": 1, "unitPrice": "MARKED"')
    assert violations(get_order, body) == {"/customerOrder/items/0/unitPrice": "must be a number"}


def test_duplicate_wrapper() -> None:
    """A second order in one answer replaces the first whole: nothing of the two is mixed."""
    other = {"customerOrderId": "CO-2", "customerId": "C-2", "status": "X", "items": []}
    body = b'{"customerOrder": %s, "customerOrder": %s}' % (json.dumps(ORDER).encode(), json.dumps(other).encode())
    assert json.loads(get_order(body)) == {"customerOrder": other}


@pytest.mark.parametrize("depth", [2_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
@pytest.mark.parametrize(
    "place",
    [b"%s", b'{"x": %s}', b'{"customerOrder": %s, "customerOrders": %s}'],
    ids=["whole", "unknown", "wrapper"],
)
@pytest.mark.parametrize("name", CHECKS)
def test_deep_nesting(name: str, place: bytes, opening: bytes, closing: bytes, depth: int) -> None:
    """Deep nesting is a violation of the contract, not a failure of the proxy."""
    deep = opening * depth + b"1" + closing * depth
    violations(CHECKS[name], place.replace(b"%s", deep))


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b" ",
            b"\0",
            b"{",
            b'{"customerOrder"',
            b"{}{}",
            b"{} x",
            b"nul",
            b"'x'",
            b"<html>",
            b"\x1f\x8b\x08",
        ),
        *(b"\xff\xfe{\0}\0", b'{"a": 1,}', b"// x\n{}", b"[" * 10, b'{"customerOrder": NaN}', b'{"x": Infinity}'),
        *(
            b"\xef\xbb\xbf" + order_body(),
            order_body()[:-1],
            order_body() + b"}",
            order_body().decode().encode("utf-16"),
        ),
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("name", CHECKS)
def test_not_json(name: str, body: bytes) -> None:
    """What is not one JSON text, in UTF-8 without a BOM, is unparsable."""
    with pytest.raises(UnparsableError):
        CHECKS[name](body)


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\x41",
        b"\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("pointer", ["customerOrderId", "items/0/itemId", "items/0/discounts/0/discountText"])
def test_not_unicode(pointer: str, text: bytes) -> None:
    """Text that is not UTF-8, or has half characters or raw controls, is unparsable: it never goes out."""
    with pytest.raises(UnparsableError):
        get_order(with_token(pointer, b'"' + text + b'"'))


def test_violations_in_what_is_not_json() -> None:
    """An answer that is not JSON in UTF-8 is unparsable whatever else is wrong with it."""
    for rest in (b"NaN", b"-Infinity", b"01", b"[}", b"", b"\x00"):
        with pytest.raises(UnparsableError):
            get_order(b'{"customerOrder": {"customerOrderId": 5}, "x": ' + rest + b"}")
    with pytest.raises(UnparsableError):
        get_order(b'{"customerOrder": {"customerOrderId": 5, "status": "\xff"}}')
    with pytest.raises(UnparsableError):
        get_order(with_token("minimumDownPaymentAmount", b'"MARKED"')[:-1] + b', "x": "\xff"}')


# ---- what is done at once


def test_a_large_answer_is_not_converted_at_once() -> None:
    """One that is larger than what is light is left for later, good or not."""
    light = order_body() + b" " * (LIGHT_BYTES - len(order_body()))
    assert get_order(light, at_once=True) == get_order(order_body())
    for body in (light + b" ", light.replace(b'"CREATED"', b"[1111111]") + b" "):
        with pytest.raises(HeavyError):
            get_order(body, at_once=True)
    assert get_order(light + b" ") == get_order(order_body())


def test_a_dense_answer_is_not_searched_for_problems_at_once() -> None:
    """The slow pass over many values is left for later; a few bad ones are found at once."""
    dense = json.dumps({"customerOrder": {**ORDER, "status": 5, "x": [0] * 3000}}).encode()
    with pytest.raises(HeavyError):
        get_order(dense, at_once=True)
    for body, at_once in ((dense, False), (order_body({**ORDER, "status": 5}), True)):
        with pytest.raises(ContractError):
            get_order(body, at_once=at_once)
    with pytest.raises(UnparsableError):
        get_order(b"{", at_once=True)


def test_whose_order_it_is() -> None:
    """An outward body is of the one order whose id it begins with."""
    outward = get_order(order_body({**ORDER, "customerOrderId": 'C"1'}))
    assert is_of(GET_ORDER, outward, 'C"1')
    for other in ("C", 'C"', 'C"12', "", ORDER["customerId"]):
        assert not is_of(GET_ORDER, outward, other)
    assert not is_of(GET_ORDER, b" " + outward, 'C"1')


# ---- properties

_text = st.text(st.characters(codec="utf-8"), max_size=8)
_amounts = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,5})?", fullmatch=True)


class Token(str):
    """A number as it is to be written."""

    __slots__ = ()


def written(value: Any) -> str:
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


_number = st.builds(Token, _amounts)
_any = st.recursive(
    st.none() | st.booleans() | _number | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=6,
)


def _shape(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    given = {name: st.none() | kind for name, kind in optional.items()}
    return st.fixed_dictionaries(required, optional={**given, "unknown": _any})


_information = _shape(dict.fromkeys(("id", "value", "displayText", "receiptLabel"), _text), {})
_discounts = _shape(
    {}, {"discountAmount": _number, **dict.fromkeys(("discountId", "discountText", "rewardType"), _text)}
)
_items = _shape(
    {"itemId": _text, "quantityOrdered": _number, "unitPrice": _number},
    {"contributedAmount": _number, "discounts": st.lists(_discounts, max_size=2)},
)
_orders = _shape(
    {**dict.fromkeys(("customerOrderId", "customerId", "status"), _text), "items": st.lists(_items, max_size=2)},
    {
        "minimumDownPaymentAmount": _number,
        "isLocked": st.booleans(),
        "invoicePaymentInstructions": _shape(
            {"customerAccountId": _text, "invoicingAmount": _number},
            {"additionalInformation": st.lists(_information, max_size=2)},
        ),
    },
)
_summaries = _shape(dict.fromkeys(("customerOrderId", "customerId", "status"), _text), {})


def known(value: Any, sample: Any) -> Any:
    """Return what of a document the contract names, without nulls."""
    if isinstance(sample, dict):
        return {
            name: known(value[name], sample[name]) for name in value if name in sample and value[name] is not None
        }
    if isinstance(sample, list):
        return [known(element, sample[0]) for element in value]
    return value


def tokens_of(body: bytes) -> Any:
    """Return a document with its numbers as they are written."""
    return json.loads(body, parse_int=Token, parse_float=Token)


@given(order=_orders)
@settings(max_examples=25)
def test_any_order_comes_through_as_it_is(order: dict[str, Any]) -> None:
    """Any order of the contract comes out with its own values, numbers as written, and without the rest."""
    outward = get_order(written({"customerOrder": order}).encode())
    assert tokens_of(outward) == {"customerOrder": known(order, ORDER)}
    assert get_order(outward) == outward


@given(summaries=st.lists(_summaries, max_size=4))
def test_any_search_comes_through_as_it_is(summaries: list[dict[str, Any]]) -> None:
    """So does any list of a search."""
    outward = search_orders(written({"customerOrders": summaries}).encode())
    assert tokens_of(outward) == {"customerOrders": [known(summary, SUMMARY) for summary in summaries]}
    assert search_orders(outward) == outward


@given(order=_orders, pointer=st.sampled_from(sorted({*REQUIRED, *OPTIONAL, *OBJECTS})), value=_any)
@settings(max_examples=40)
def test_what_passes_passes_again(order: dict[str, Any], pointer: str, value: Any) -> None:
    """Whatever stands in an order, it is refused, or comes out as what passes again unchanged."""
    try:
        document = changed(order, pointer, value)
    except (KeyError, IndexError, TypeError):
        document = value
    body = written({"customerOrder": document}).encode()
    try:
        outward = get_order(body)
    except ContractError as error:
        refusal: ContractError | None = error
    else:
        refusal = None
        assert get_order(outward) == outward
    if refusal is not None:
        assert refusal.violations
        assert all(violation.field.startswith("/customerOrder") for violation in refusal.violations)


@given(body=st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | _any.map(written).map(str.encode))
def test_any_bytes(body: bytes) -> None:
    """Whatever bytes come, there is an answer that holds the contract or one of the two refusals."""
    for check in CHECKS.values():
        outcome: object
        try:
            outcome = check(body)
        except (ContractError, UnparsableError) as error:
            outcome = error
        assert outcome
