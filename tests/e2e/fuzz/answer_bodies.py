"""What is in a hostile answer: orders, searches and tokens, right, wrong, mutated, or no JSON at all."""

import json
from collections.abc import Sequence
from random import Random
from typing import Literal

Kind = Literal["getOrder", "mapped", "searchOrders", "token"]

_TOKENS = (b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b'"', b"\r\n\r\n", b"HTTP/1.1 ", *b": , ; 0 { ]".split(), b" ")
_NUMBERS = (
    *b'0 -0 1e400 -1E-400 1e999999999999 NaN 01 +1 1. .5 0x1 null true "1" [] {} 18446744073709551616'.split(),
    *(b"9" * 400, b"0." + b"1" * 400, b"-9223372036854775809"),
)
_BROKEN = (
    *(
        b"",
        b" " * 999,
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{}",
        b"[" * 3000,
        b'{"a":' * 2000,
        b"\xff\xfe{\x00}\x00",
    ),
    *(
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\x00"}',
        b"<html>",
        b"{}{}",
        b"\x1f\x8b\x08",
        b"nul",
    ),
    *(b"[" + b"1," * 2000 + b"1]", b'{"a":' + b"9" * 3000 + b"}", b'{"a":1,}', b"[1 2]", b'{"customerOrder":{}}'),
)


_WRONG = (b"null", b"1", b"[]", b'"\\ud800"', b'"' + b"x" * 2000 + b'"', b"{}", b"true")


def body(random: Random, kind: Kind, name: str) -> bytes:
    """Return a body that carries a name, most often."""
    right = document(kind, name)
    match random.choice(("right", "right", "broken", "numbers", "cut", "encoding", "unknown", "wrong", "mutated")):
        case "broken":
            changed = random.choice(_BROKEN)
        case "numbers":
            changed = right.replace(b"9.5", random.choice(_NUMBERS)).replace(b"3600", random.choice(_NUMBERS))
        case "cut":
            changed = right[: random.randrange(len(right))]
        case "encoding":
            changed = right.decode().encode(random.choice(("utf-16", "utf-32", "utf-8-sig")))
        case "unknown":
            changed = right.replace(b'"status":', b'"unknown":' + random.choice(_BROKEN[2:]) + b',"status":')
        case "wrong":
            changed = right.replace(b'"CREATED"', random.choice(_WRONG))
        case "mutated":
            changed = mutated(random, right)
        case _:
            changed = right
    return changed


def document(kind: Kind, name: str) -> bytes:
    """Return the body that is right."""
    if kind == "token":
        return b'{"access_token":"%s","token_type":"Bearer","expires_in":3600}' % name.encode()
    if kind == "searchOrders":
        orders = [{"customerOrderId": name, "customerId": str(number), "status": "CREATED"} for number in range(3)]
        return json.dumps({"customerOrders": orders}, separators=(",", ":")).encode()
    fields = (
        b'"customerId":"C-1","status":"CREATED","items":[{"itemId":"I-1","quantityOrdered":2,"unitPrice":9.5}]'
    )
    if kind == "mapped":
        return b'{"data":{"id":"%s",%s}}' % (name.encode(), fields)
    return b'{"customerOrder":{"customerOrderId":"%s",%s}}' % (name.encode(), fields)


def mutated(random: Random, data: bytes, lines: Sequence[bytes] = ()) -> bytes:
    """Return bytes with a few things changed, or with one of these lines in them."""
    mutant = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(mutant) + 1)
        match random.randrange(5 if lines else 4):
            case 0:
                mutant[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                mutant[at:at] = random.choice(_TOKENS)
            case 2:
                del mutant[at : at + random.randint(1, 8)]
            case 3:
                mutant[at:at] = mutant[at : at + random.randint(1, 40)]
            case 4:
                mutant[at:at] = random.choice(lines) + b"\r\n"
    return bytes(mutant)
