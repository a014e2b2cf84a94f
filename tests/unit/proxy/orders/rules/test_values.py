"""Single values: a number as text, a number in a text, minor units, the sign, a part, several places."""

from typing import Any

import pytest

from support.proxy.mappings import made, violations, wrong

AMOUNT = "minimumDownPaymentAmount"
NO_NUMBER = "must be a number, or a text of at most 100 characters that is one in JSON"


# ---- as: string


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"7310000000000000019", b'"7310000000000000019"'),
        (b"61", b'"61"'),
        (b"-1.50e2", b'"-1.50e2"'),
        (b"true", b'"true"'),
        (b"false", b'"false"'),
        (b'"a\\"b"', b'"a\\"b"'),
        (b'""', b'""'),
    ],
)
def test_as_string(sent: bytes, text: bytes) -> None:
    """A number is the text that was sent, to the last digit; a text stays one."""
    assert made("customerId", {"from": "/x", "as": "string"}, b'"x": %b' % sent) == text


@pytest.mark.parametrize("sent", [b"[]", b"{}", b"[1]"])
def test_what_is_no_text(sent: bytes) -> None:
    """A list and an object are none."""
    assert wrong("customerId", {"from": "/x", "as": "string"}, b'"x": %b' % sent) == "must be a string"


def test_a_number_is_no_text_without_a_word_for_it() -> None:
    """As before."""
    assert wrong("customerId", {"from": "/x"}, b'"x": 5') == "must be a string"


# ---- as: number


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (b'"149.50"', b"149.50"),
        (b'"3.00"', b"3.00"),
        (b'"-1"', b"-1"),
        (b'"1e2"', b"1e2"),
        (b'"0"', b"0"),
        (b'"\\u0031\\u0030"', b"10"),
        (b"23.9", b"23.9"),
        (b'"%b"' % (b"9" * 100), b"9" * 100),
        (b'"%b"' % (b"\\u0031" * 100), b"1" * 100),
    ],
)
def test_as_number(sent: bytes, number: bytes) -> None:
    """A text that is a number is that, digit by digit; a number stays one."""
    assert made(AMOUNT, {"from": "/x", "as": "number"}, b'"x": %b' % sent) == number


@pytest.mark.parametrize(
    "sent",
    [
        *(
            b'"%b"' % text
            for text in (b"", b" 1", b"1 ", b"1,50", b"05", b"+5", b"1.", b".5", b"0x1", b"NaN", b"EUR 5")
        ),
        b'"%b"' % (b"9" * 101),
        b'"%b"' % (b"9" * 100_000),
        b'"\xc2\xb2"',
        b"true",
        b"[]",
        b"{}",
    ],
)
@pytest.mark.parametrize("default", [{}, {"default": 7}])
def test_what_is_no_number(sent: bytes, default: dict[str, Any]) -> None:
    """Nothing but JSON's numbers; and a default never stands in for an amount that can't be read."""
    assert wrong(AMOUNT, {"from": "/x", "as": "number", **default}, b'"x": %b' % sent) == NO_NUMBER


@pytest.mark.parametrize("sent", [b'"x": null', b'"y": 1'])
def test_the_default_of_an_amount(sent: bytes) -> None:
    """It stands in where there is nothing, and is not scaled."""
    assert made(AMOUNT, {"from": "/x", "as": "number", "scale": 2, "default": 700}, sent) == b"700"
    assert made(AMOUNT, {"from": "/x", "as": "number", "negate": True}, sent) is None


# ---- scale, scaleFrom, negate


@pytest.mark.parametrize(
    ("rule", "sent", "number"),
    [
        ({"scale": 2}, b"1245", b"12.45"),
        ({"scale": 2}, b"5", b"0.05"),
        ({"scale": 0}, b"5", b"5"),
        ({"scale": 9}, b"5", b"0.000000005"),
        ({"scale": 2, "negate": True}, b"-500", b"5.00"),
        ({"negate": True}, b"-15.00", b"15.00"),
        ({"negate": True}, b"15.00", b"-15.00"),
        ({"negate": True}, b"0.00", b"0.00"),
        ({"scale": 2, "as": "number"}, b'"-1245"', b"-12.45"),
        ({"negate": True, "as": "number"}, b'"-1"', b"1"),
    ],
)
def test_an_amount_that_is_changed(rule: dict[str, Any], sent: bytes, number: bytes) -> None:
    """By its text: first read, then scaled, then its sign is turned."""
    assert made(AMOUNT, {"from": "/x", **rule}, b'"x": %b' % sent) == number


@pytest.mark.parametrize("rule", [{"scale": 0}, {"scale": 2}, {"negate": True}])
@pytest.mark.parametrize("sent", [b'"5"', b"true", b"[5]"])
def test_an_amount_that_is_none(rule: dict[str, Any], sent: bytes) -> None:
    """A text is not read unless a rule says so."""
    assert wrong(AMOUNT, {"from": "/x", **rule}, b'"x": %b' % sent) == "must be a number"


def test_an_exponent_without_end() -> None:
    """It is a number, which can't be scaled."""
    members = b'"x": 1e%b' % (b"9" * 5000)
    assert made(AMOUNT, {"from": "/x"}, members) == members.removeprefix(b'"x": ')
    assert wrong(AMOUNT, {"from": "/x", "scale": 2}, members).startswith("has an exponent that is too long")


@pytest.mark.parametrize(
    ("places", "number"),
    [
        (b"2", b"12.45"),
        (b"0", b"1245"),
        (b"2.0", b"12.45"),
        (b'"3"', b"1.245"),
        (b"20", b"0." + b"0" * 16 + b"1245"),
    ],
)
def test_places_beside_an_amount(places: bytes, number: bytes) -> None:
    """They are read with each amount."""
    rule = {"from": "/x/centAmount", "scaleFrom": "/x/fractionDigits"}
    assert made(AMOUNT, rule, b'"x": {"centAmount": 1245, "fractionDigits": %b}' % places) == number


@pytest.mark.parametrize("places", [b"-1", b"21", b"2.5", b'"two"', b"null", b"[2]", b"true", b"1e1000"])
def test_places_that_can_not_be_used(places: bytes) -> None:
    """Without them the amount is not known, and a default is none either."""
    rule = {"from": "/x/centAmount", "scaleFrom": "/x/fractionDigits", "default": 7}
    members = b'"x": {"centAmount": 1245, "fractionDigits": %b}'
    assert wrong(AMOUNT, rule, members % places).startswith("needs a whole number from 0 to 20")
    assert wrong(AMOUNT, rule, b'"x": {"centAmount": 1}').startswith("needs a whole number from 0 to 20")
    assert made(AMOUNT, rule, b'"x": {"fractionDigits": %b}' % places) == b"7"


def test_the_finer_of_two_amounts() -> None:
    """Money of high precision has a member of its own, beside which the places stand, too."""
    rule = {"from": "/preciseAmount", "orFrom": ["/centAmount"], "scaleFrom": "/fractionDigits"}
    assert made(AMOUNT, rule, b'"preciseAmount": 123456, "centAmount": 12, "fractionDigits": 4') == b"12.3456"
    assert made(AMOUNT, rule, b'"centAmount": 1235, "fractionDigits": 2') == b"12.35"


# ---- part


@pytest.mark.parametrize(
    ("part", "sent", "text"),
    [
        ({"afterLast": "/"}, b'"/api/v2/customers/42"', b'"42"'),
        ({"after": "gid://shop/Order/"}, b'"gid://shop/Order/7"', b'"7"'),
        ({"after": "/", "before": "/"}, b'"a/b/c"', b'"b"'),
        ({"afterLast": ":", "before": "-"}, b'"x:y:z-1-2"', b'"z"'),
        ({"before": "@"}, b'"ada@example.com"', b'"ada"'),
        ({"after": "/"}, b'"a/"', b'""'),
        ({"after": "\u00e9"}, b'"caf\\u00e9\\"x\\n"', b'"\\"x\\n"'),
    ],
)
def test_a_part_of_a_text(part: dict[str, str], sent: bytes, text: bytes) -> None:
    """What is between delimiters."""
    assert made("customerId", {"from": "/x", "part": part}, b'"x": %b' % sent) == text


@pytest.mark.parametrize(
    "part", [{"after": "/"}, {"afterLast": "/"}, {"before": "/"}, {"after": "a", "before": "/"}]
)
@pytest.mark.parametrize("default", [{}, {"default": "X"}])
def test_a_text_without_the_delimiters(part: dict[str, str], default: dict[str, str]) -> None:
    """It is not of the form that the rule says."""
    rule = {"from": "/x", "part": part, **default}
    assert wrong("customerId", rule, b'"x": "abc"') == "has a text without the delimiters of the mapping's `part`"
    assert wrong("customerId", rule, b'"x": 5') == "must be a string"


def test_a_part_that_is_used() -> None:
    """As a number, as a word; and of a number, where that is a text."""
    assert (
        made(AMOUNT, {"from": "/x", "part": {"after": " "}, "as": "number", "scale": 2}, b'"x": "EUR 1245"')
        == b"12.45"
    )
    values = {"from": "/x", "part": {"afterLast": "/"}, "values": {"locked": True, "open": False}}
    assert made("isLocked", values, b'"x": "states/locked"') == b"true"
    assert (
        wrong("isLocked", values, b'"x": "states/other"') == "has a value that the mapping's `values` don't list"
    )
    assert made("customerId", {"from": "/x", "part": {"before": "."}, "as": "string"}, b'"x": 12.50') == b'"12"'


# ---- join, orFrom


def test_joined_texts() -> None:
    """With something between them, or nothing."""
    members = b'"a": "DE", "b": {"c": "7\\u0022"}, "n": 5, "t": true, "z": null'
    join = {"from": ["/a", "/b/c"], "with": "-"}
    assert made("customerId", {"join": join}, members) == b'"DE-7\\""'
    assert made("customerId", {"join": {"from": ["/a", "/a", "/b/c"]}}, members) == b'"DEDE7\\""'
    assert made("customerId", {"join": {"from": ["/a", "/n", "/t"]}, "as": "string"}, members) == b'"DE5true"'
    assert made("customerId", {"join": join, "part": {"after": "E"}}, members) == b'"-7\\""'
    assert made("customerId", {"join": join, "values": {'DE-7"': "K"}}, members) == b'"K"'


@pytest.mark.parametrize("other", ["/z", "/nothing"])
def test_a_joined_text_that_is_not_there(other: str) -> None:
    """Then neither is the whole, which has a default."""
    members = b'"a": "DE", "z": null'
    rule = {"join": {"from": ["/a", other]}}
    assert wrong("customerId", rule, members) in ("is missing", "must not be null")
    assert made("customerId", {**rule, "default": "X"}, members) == b'"X"'


def test_joined_values_that_are_no_texts() -> None:
    """Numbers are only where a rule says so, lists never."""
    assert wrong("customerId", {"join": {"from": ["/a", "/b"]}}, b'"a": "x", "b": 5').startswith(
        "must be made of str"
    )
    rule = {"join": {"from": ["/a", "/b"]}, "as": "string"}
    assert wrong("customerId", rule, b'"a": "x", "b": []') == "must be a string"


def test_what_is_joined_may_grow_as_little_as_anything() -> None:
    """The same long text, eight times, is refused before it is made."""
    rule = {"join": {"from": [f"/{name}" for name in "abcdefgh"]}}
    members = b'"a": "%b"' % (b"x" * 100_000)
    for name in b"bcdefgh":
        members += b', "%c": "y"' % name
    assert made("customerId", rule, members)
    repeated = {"join": {"from": ["/a"] * 8}}
    assert wrong("customerId", repeated, members) == (
        "is more than 4 times the OMS's response, because of what the mapping adds"
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (b'"a": "A", "b": "B"', b'"A"'),
        (b'"a": null, "b": "B"', b'"B"'),
        (b'"a": null, "b": null, "c": {"d": "D"}', b'"D"'),
        (b'"a": "", "b": "B"', b'""'),
        (b'"c": 5', b'"X"'),
    ],
)
def test_the_first_that_is_there(members: bytes, expected: bytes) -> None:
    """Not null; else the default."""
    rule = {"from": "/a", "orFrom": ["/b", "/c/d"], "default": "X"}
    assert made("customerId", rule, members) == expected


def test_the_first_object_that_is_there() -> None:
    """It must be one."""
    fields = {"customerAccountId": {"from": "/k"}, "invoicingAmount": {"const": 1}}
    rule = {"from": "/a", "orFrom": ["/b"], "fields": fields}
    outward = made("invoicePaymentInstructions", rule, b'"b": {"k": "K"}')
    assert outward == b'{"customerAccountId":"K","invoicingAmount":1}'
    assert made("invoicePaymentInstructions", rule, b'"x": 1') is None
    assert wrong("invoicePaymentInstructions", rule, b'"b": "MARKED"') == "must be an object"


def test_none_is_there() -> None:
    """A required field is missing, or null."""
    rule = {"from": "/a", "orFrom": ["/b"]}
    assert wrong("customerId", rule, b'"a": null') == "is missing"
    assert wrong("customerId", rule, b'"b": null') == "must not be null"
    assert violations({"a": []}, getOrder={"root": "", "fields": {"customerId": rule}})[
        "/customerOrder/customerId"
    ]


# ---- scaleFrom beside the amount


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (b'"a": {"precise": 12345, "cent": 1, "d": 6}', b"0.012345"),
        (b'"a": {"precise": null, "cent": 1245, "d": 2}, "b": {"cent": 5, "d": 0}', b"12.45"),
        (b'"a": null, "b": {"cent": 5, "d": 0}', b"5"),
        (b'"b": {"cent": 5, "d": "1"}', b"0.5"),
    ],
)
def test_places_beside_the_amount(members: bytes, expected: bytes) -> None:
    """Each amount has its own."""
    rule = {"from": "/a/precise", "orFrom": ["/a/cent", "/b/cent"], "scaleFrom": "1/d"}
    assert made(AMOUNT, rule, members) == expected


def test_no_places_beside_the_amount() -> None:
    """Those of another amount don't count."""
    rule = {"from": "/a/cent", "orFrom": ["/b/cent"], "scaleFrom": "1/d"}
    assert "needs a whole number" in wrong(AMOUNT, rule, b'"a": {"cent": 1}, "b": {"cent": 2, "d": 2}')
    assert made(AMOUNT, {"from": "/x~1y", "scaleFrom": "1/d~0e"}, b'"x/y": 5, "d~e": 1') == b"0.5"


# ---- nullIf


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (b'"sku": "A", "id": 5', b'"A"'),
        (b'"sku": "", "id": 5', b'"5"'),
        (b'"sku": "", "id": 0', b'"none"'),
        (b'"sku": null, "id": "0"', b'"none"'),
        (b'"id": 0.0e1', b'"none"'),
        (b'"sku": " "', b'" "'),
        (b'"sku": "00"', b'"00"'),
    ],
)
def test_what_is_as_good_as_null(members: bytes, expected: bytes) -> None:
    """The next place is looked at, and where there is none, the default stands in."""
    rule = {"from": "/sku", "orFrom": ["/id"], "nullIf": ["", "0"], "as": "string", "default": "none"}
    assert made("customerId", rule, members) == expected


def test_nothing_is_null_unasked() -> None:
    """An empty text is a text, and a rule that does not say otherwise takes it as it is."""
    assert made("customerId", {"from": "/sku", "orFrom": ["/id"]}, b'"sku": "", "id": "5"') == b'""'


def test_what_is_as_good_as_null_and_required() -> None:
    """Then it is a violation, as null would be."""
    assert wrong("customerId", {"from": "/sku", "nullIf": [""]}, b'"sku": ""') == "must not be null"
    assert made(AMOUNT, {"from": "/sum", "as": "number", "nullIf": [""]}, b'"sum": ""') is None


def test_an_amount_that_is_as_good_as_null() -> None:
    """Of several amounts, too, each of which the places are for."""
    rule = {"from": "/a", "orFrom": ["/b"], "scaleFrom": "/d", "nullIf": ["0"]}
    assert made(AMOUNT, rule, b'"a": 0, "b": 1245, "d": 2') == b"12.45"
    assert made(AMOUNT, rule, b'"a": 0.00, "b": null, "d": 2') is None
