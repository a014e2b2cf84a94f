"""Answers of an OMS of about a given size, each as much work as it can be: hostile, mistaken, or just large."""

from collections.abc import Callable
from typing import Any, Final

SIZE: Final = 1024 * 1024 - 1024
"""Of an answer; the default bound leaves room for the head."""

ITEM: Final = b'{"itemId":"4711","quantityOrdered":1,"unitPrice":9.5}'
SUMMARY: Final = b'{"customerOrderId":"CO-%06d","customerId":"C-1","status":"CREATED"}'
LINE: Final = b'{"sku":"4711","qty":1,"price":{"amount":9.5,"currency":"SEK"},"off":[{"v":1}]}'
HIT: Final = b'{"id":"CO-123456","who":{"number":"C-1"},"state":"open","total":249.90,"store":"S-17"}'

MAPPING: Final[dict[str, Any]] = {
    "getOrder": {
        "root": "/data/order",
        "fields": {
            **{
                name: {"from": f"/head/{name}"} for name in ("customerOrderId", "customerId", "status", "isLocked")
            },
            "minimumDownPaymentAmount": {"from": "/head/deposit", "default": 0},
            "items": {
                "each": "/lines",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "quantityOrdered": {"from": "/qty"},
                    "unitPrice": {"from": "/price/amount"},
                    "discounts": {"each": "/off", "fields": {"discountAmount": {"from": "/v"}}},
                },
            },
        },
    },
    "searchOrders": {
        "root": "/hits",
        "fields": {
            "customerOrderId": {"from": "/id"},
            "customerId": {"from": "/who/number"},
            "status": {"from": "/state", "values": {"open": "CREATED", "done": "FULFILLED"}},
        },
    },
}
"""A mapping with all that costs: nested pointers, some through one object, lists in lists, words, a default."""

_Unit = bytes | Callable[[int], bytes]


def _order(order_id: str, members: bytes, *, mapped: bool) -> bytes:
    """Return an order whose last members are these."""
    identity = b'"customerOrderId":"%s","customerId":"C-1","status":"CREATED"' % order_id.encode()
    if mapped:
        return b'{"data":{"order":{"head":{%s},%s}}}' % (identity, members)
    return b'{"customerOrder":{%s,%s}}' % (identity, members)


def _filled(template: bytes, unit: _Unit, size: int, separator: bytes = b",") -> bytes:
    """Return a template whose `%` is replaced by as many units as fit."""
    if b"%" not in template:
        return template
    make = unit if callable(unit) else lambda _index: unit
    count = (size - len(template) + 1) // (len(make(0)) + len(separator))
    return template.replace(b"%", separator.join(make(index) for index in range(count)))


def order(name: str, order_id: str, *, mapped: bool = False, size: int = SIZE) -> bytes:
    """Return the answer to a GET of this name."""
    template, unit, separator = (MAPPED_ORDERS if mapped else ORDERS)[name]
    room = size - len(_order(order_id, b"", mapped=mapped))
    return _order(order_id, _filled(template, unit, room, separator), mapped=mapped)


_ONE_ITEM: Final = ITEM[:-1] + b',"discounts":[%]}'
_ONE_LINE: Final = LINE[: LINE.index(b'"off"')] + b'"off":[%]}'
_DEEP: Final = b'"x":' + b"[" * (SIZE // 2 - 400) + b"]" * (SIZE // 2 - 400)

ORDERS: Final[dict[str, tuple[bytes, _Unit, bytes]]] = {
    "right": (b'"items":[%]', ITEM, b","),
    "right-discounts": (b'"items":[' + _ONE_ITEM + b"]", b'{"discountAmount":1}', b","),
    "null-amounts": (b'"items":[' + _ONE_ITEM + b"]", b'{"discountAmount":null}', b","),
    "dense-discounts": (b'"items":[' + _ONE_ITEM + b"]", b"{}", b","),
    "padded-discounts": (b'"items":[' + _ONE_ITEM + b"]", b"{}   ", b","),
    "dense-numbers": (b'"items":[%]', b"1", b","),
    "numbers-for-an-amount": (b'"items":[],"minimumDownPaymentAmount":[%]', b"1", b","),
    "empty-items": (b'"items":[%]', b"{}", b","),
    "items-of-another-type": (b'"items":[%]', ITEM.replace(b'"4711"', b"4711"), b","),
    "amounts-of-another-type": (b'"items":[%]', ITEM.replace(b"9.5", b'"9"'), b","),
    "same-name": (b'"items":[],%', b'"status":1', b","),
    "same-name-then-right": (b'"items":[' + _ONE_ITEM + b'],"status":5,"status":"x"', b"{}    ", b","),
    "many-names": (b'"items":[],%', lambda index: b'"%x":1' % (index + 0x10000), b","),
    "long-name": (b'"items":[],"%":1', b"n", b""),
    "giant-text": (b'"items":[],"isLocked":null,"customerId":"%"', b"x", b""),
    "giant-escaped-text": (b'"items":[],"customerId":"%"', b'\\n\\u0001\\"', b""),
    "nested": (_DEEP, b"", b""),
    "nested-lists": (b'"items":[],"x":[%]', b"[[]]", b","),
}
MAPPED_ORDERS: Final[dict[str, tuple[bytes, _Unit, bytes]]] = {
    "right": (b'"lines":[%]', LINE, b","),
    "right-discounts": (b'"lines":[' + _ONE_LINE + b"]", b'{"v":1}', b","),
    "null-amounts": (b'"lines":[' + _ONE_LINE + b"]", b'{"v":null}', b","),
    "dense-discounts": (b'"lines":[' + _ONE_LINE + b"]", b"{}", b","),
    "padded-discounts": (b'"lines":[' + _ONE_LINE + b"]", b"{}   ", b","),
    "dense-numbers": (b'"lines":[%]', b"1", b","),
    "numbers-for-an-amount": (b'"lines":[],"head":{"deposit":[%]}', b"1", b","),
    "empty-items": (b'"lines":[%]', b"{}", b","),
    "items-of-another-type": (b'"lines":[%]', LINE.replace(b'"4711"', b"4711"), b","),
    "amounts-of-another-type": (b'"lines":[%]', LINE.replace(b"9.5", b'"9"'), b","),
    "same-name": (b'"lines":[],%', b'"head":1', b","),
    "many-names": (b'"lines":[],%', lambda index: b'"%x":1' % (index + 0x10000), b","),
    "long-name": (b'"lines":[],"%":1', b"n", b""),
    "giant-head": (b'"lines":[],"head":{%}', lambda index: b'"%x":1' % (index + 0x10000), b","),
    "nested": (_DEEP, b"", b""),
}


def search(name: str, *, mapped: bool = False, size: int = SIZE) -> bytes:
    """Return the answer to a search of this name."""
    unit = (MAPPED_SEARCHES if mapped else SEARCHES)[name]
    return _filled(b'{"hits":[%]}' if mapped else b'{"customerOrders":[%]}', unit, size)


SEARCHES: Final[dict[str, _Unit]] = {
    "right": lambda index: SUMMARY % index,
    "another-type": SUMMARY.replace(b'"CREATED"', b"1").replace(b"%06d", b"1"),
    "null": b"null",
    "empty": b"{}",
}
MAPPED_SEARCHES: Final[dict[str, _Unit]] = {
    "right": HIT,
    "unknown-word": HIT.replace(b"open", b"gone"),
    "null": b"null",
    "empty": b"{}",
}
