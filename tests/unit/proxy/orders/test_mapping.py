"""An OMS with a different format: rules, compiled once, from its response to the documented one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.mappings import compiled, listed, mapped, rule_errors, violations
from support.proxy.orders import ORDER, SUMMARY, changed, order_body, search_body
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import LIGHT_BYTES

GET_ORDER = CONTRACTS["getOrder"].outward
SEARCH_ORDERS = CONTRACTS["searchOrders"].outward
SMALL = {"customerOrderId": "CO-1", "customerId": "C-1", "status": "CREATED", "items": []}


# ---- the design's example

EXAMPLE: dict[str, Any] = {
    "getOrder": {
        "root": "/data/order",
        "fields": {
            "customerOrderId": {"from": "/id"},
            "status": {
                "from": "/state",
                "values": {"open": "CREATED", "done": "FULFILLED"},
                "default": "IN_PROGRESS",
            },
            "customerId": {"const": "unknown"},
            "items": {
                "each": "/lines",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "quantityOrdered": {"from": "/qty"},
                    "unitPrice": {"from": "/price/amount"},
                },
            },
        },
    },
    "searchOrders": {
        "root": "/hits",
        "fields": {
            "customerOrderId": {"from": "/id"},
            "status": {"from": "/state"},
            "customerId": {"from": "/who"},
        },
    },
}


def test_example_of_the_design() -> None:
    """The documented mapping brings the OMS's order to the documented shape, amounts as they were sent."""
    body = b"""{"data": {"order": {"id": "4711", "state": "done", "customerId": "hidden", "isLocked": true,
        "lines": [{"sku": "A", "qty": 2.0, "price": {"amount": 1e2, "currency": "SEK"}},
                  {"sku": "B", "qty": 1, "price": {"amount": 12345678901234567890.10}}]}}, "meta": {}}"""
    assert compiled(**EXAMPLE)["getOrder"](body) == (
        b'{"customerOrder":{"customerOrderId":"4711","customerId":"unknown","status":"FULFILLED","isLocked":true,'
        b'"items":[{"itemId":"A","quantityOrdered":2.0,"unitPrice":1e2},'
        b'{"itemId":"B","quantityOrdered":1,"unitPrice":12345678901234567890.10}]}}'
    )


@pytest.mark.parametrize(
    ("state", "status"),
    [("open", "CREATED"), ("done", "FULFILLED"), ("shipped", "IN_PROGRESS"), (None, "IN_PROGRESS")],
)
def test_words_of_the_example(state: str | None, status: str) -> None:
    """Known words are translated, an unknown one and none at all take the default."""
    document: dict[str, Any] = {"data": {"order": {"id": "1", "state": state, "lines": []}}}
    assert mapped(document, **EXAMPLE["getOrder"])["status"] == status


def test_example_of_the_design_on_a_search() -> None:
    """Rules of a search are for each element of the list at its root."""
    hits = [{"id": "1", "state": "open", "who": "C"}, {"id": "2", "state": "done", "who": "D"}]
    assert listed({"hits": hits}, **EXAMPLE["searchOrders"]) == [
        {"customerOrderId": "1", "customerId": "C", "status": "open"},
        {"customerOrderId": "2", "customerId": "D", "status": "done"},
    ]


def test_no_mapping_is_the_contract() -> None:
    """Without rules an answer is only checked; an empty mapping and none are the same."""
    every: list[dict[str, Any]] = [{}, {"getOrder": {}}, {"getOrder": {"fields": {}}, "searchOrders": {}}]
    for operations in every:
        mapping = compiled(**operations)
        assert mapping["getOrder"] is GET_ORDER
        assert mapping["searchOrders"] is SEARCH_ORDERS


def test_one_operation_alone() -> None:
    """Rules of one operation leave the other as it is."""
    assert compiled(getOrder={"root": ""})["searchOrders"] is SEARCH_ORDERS
    assert compiled(searchOrders={"root": ""})["getOrder"] is GET_ORDER


@pytest.mark.parametrize("fields", [{}, {"status": {"from": "/status"}}], ids=["none", "one"])
def test_fields_without_a_rule(fields: dict[str, Any]) -> None:
    """An outward field without a rule is taken from the same name, with all that is in it."""
    assert mapped(ORDER, root="", fields=fields) == ORDER
    assert listed([SUMMARY], root="", fields=fields) == [SUMMARY]


# ---- roots

ROOTS: dict[str, tuple[str, Any]] = {
    "the document": ("", {**SMALL}),
    "one level": ("/order", {"order": SMALL}),
    "nested": ("/data/order", {"data": {"order": SMALL, "x": 1}}),
    "in a list": ("/0", [SMALL]),
    "second of a list": ("/results/1", {"results": [{}, SMALL]}),
    "list in a list": ("/0/1", [[{}, SMALL]]),
    "numeric name": ("/0", {"0": SMALL}),
    "leading zero as a name": ("/00", {"00": SMALL}),
    "empty name": ("/", {"": SMALL}),
    "two empty names": ("//", {"": {"": SMALL}}),
    "name with a slash": ("/a~1b", {"a/b": SMALL}),
    "name with a tilde": ("/a~0b", {"a~b": SMALL}),
    "tilde one as a name": ("/a~01b", {"a~1b": SMALL}),
    "both escapes": ("/~1~0~1", {"/~/": SMALL}),
    "percent": ("/a%2Fb", {"a%2Fb": SMALL}),
    "name with a space": ("/a b", {"a b": SMALL}),
    "non-ASCII name": ("/auftr\u00e4ge", {"auftr\u00e4ge": SMALL}),
    "quote in a name": ('/a"b\\', {'a"b\\': SMALL}),
    "dash as a name": ("/-", {"-": SMALL}),
}


@pytest.mark.parametrize(("root", "document"), ROOTS.values(), ids=ROOTS)
def test_root(root: str, document: Any) -> None:
    """A root is an RFC 6901 pointer: into objects by name, into lists by index, with its two escapes."""
    assert mapped(document, root=root) == SMALL


@pytest.mark.parametrize(
    ("root", "document"),
    [("", [SUMMARY]), ("/hits/hits", {"hits": {"hits": [SUMMARY]}}), ("/1", [0, [SUMMARY]])],
    ids=["the document", "nested", "in a list"],
)
def test_root_of_a_search(root: str, document: Any) -> None:
    """A search's root points at the list."""
    assert listed(document, root=root) == [SUMMARY]


def test_default_roots() -> None:
    """Without a root, rules are for the documented places."""
    fields = {"status": {"const": "X"}}
    assert mapped({"customerOrder": SMALL}, fields=fields) == {**SMALL, "status": "X"}
    assert listed({"customerOrders": [SUMMARY]}, fields=fields) == [{**SUMMARY, "status": "X"}]


ABSENT: dict[str, tuple[str, Any]] = {
    "no such name": ("/order", {"orders": SMALL}),
    "null on the way": ("/data/order", {"data": None}),
    "a string on the way": ("/data/order", {"data": "MARKED"}),
    "a number on the way": ("/data/order", {"data": 5}),
    "a list on the way": ("/data/order", {"data": [SMALL]}),
    "beyond the list": ("/1", [SMALL]),
    "index of nothing": ("/0", []),
    "dash": ("/-", [SMALL]),
    "negative index": ("/-1", [SMALL]),
    "leading zero": ("/00", [SMALL]),
    "Arabic digit": ("/\u0660", [SMALL]),
    "plus": ("/+0", [SMALL]),
    "20-digit index": ("/" + "9" * 20, [SMALL]),
    "5000-digit index": ("/" + "9" * 5000, [SMALL]),
}


@pytest.mark.parametrize(("root", "document"), ABSENT.values(), ids=ABSENT)
def test_absent_root(root: str, document: Any) -> None:
    """Where there is nothing at the root, the order is missing: a violation, whatever stood on the way."""
    assert violations(document, getOrder={"root": root}) == {"/customerOrder": "is missing"}
    assert violations(document, searchOrders={"root": root}) == {"/customerOrders": "is missing"}


@pytest.mark.parametrize(("root", "document"), [("", None), ("/order", {"order": None})])
def test_null_at_the_root(root: str, document: Any) -> None:
    """So it is where there is null, which is then said."""
    assert violations(document, getOrder={"root": root}) == {"/customerOrder": "must not be null"}
    assert violations(document, searchOrders={"root": root}) == {"/customerOrders": "must not be null"}


@pytest.mark.parametrize("value", ["MARKED", 5, True, ["MARKED"]], ids=repr)
def test_root_of_another_type(value: Any) -> None:
    """An order is an object."""
    assert violations({"x": value}, getOrder={"root": "/x"}) == {"/customerOrder": "must be an object"}


@pytest.mark.parametrize("value", ["MARKED", 5, True, {"MARKED": 1}], ids=repr)
def test_root_of_a_search_of_another_type(value: Any) -> None:
    """A search's answer is a list."""
    assert violations({"x": value}, searchOrders={"root": "/x"}) == {"/customerOrders": "must be a list"}


# ---- from


def test_from() -> None:
    """A field may come from any place below the root: from another name, an object, a list."""
    document = {"a": {"b": [{"c": "X"}]}, "customerId": "C-1", "n~o/": "CO-1", "lines": []}
    fields = {
        "status": {"from": "/a/b/0/c"},
        "customerOrderId": {"from": "/n~0o~1"},
        "items": {"from": "/lines"},
    }
    expected = {"customerOrderId": "CO-1", "customerId": "C-1", "status": "X", "items": []}
    assert mapped(document, root="", fields=fields) == expected


def test_from_is_relative_to_the_root() -> None:
    """A rule can't reach above its root, nor an element's rule out of its element."""
    document = {"status": "OUTER", "order": {**SMALL, "state": "INNER"}}
    assert mapped(document, root="/order", fields={"status": {"from": "/state"}})["status"] == "INNER"
    assert violations(document, getOrder={"root": "/order", "fields": {"status": {"from": "/order/state"}}}) == {
        "/customerOrder/status": "is missing"
    }


def test_one_source_twice() -> None:
    """Two outward fields may come from one place."""
    outward = mapped(SMALL, root="", fields={"customerId": {"from": "/customerOrderId"}})
    assert outward["customerId"] == outward["customerOrderId"] == "CO-1"


def test_names_may_be_swapped() -> None:
    """Rules read the OMS's answer only, not each other's results."""
    fields = {"customerId": {"from": "/status"}, "status": {"from": "/customerId"}}
    outward = mapped(SMALL, root="", fields=fields)
    assert (outward["customerId"], outward["status"]) == ("CREATED", "C-1")


def test_from_the_whole() -> None:
    """An outward object may be made of the root's own members."""
    document = {**SMALL, "account": "A-1", "amount": 1.50}
    instructions = {
        "from": "",
        "fields": {"customerAccountId": {"from": "/account"}, "invoicingAmount": {"from": "/amount"}},
    }
    outward = mapped(document, root="", fields={"invoicePaymentInstructions": instructions})
    assert outward["invoicePaymentInstructions"] == {"customerAccountId": "A-1", "invoicingAmount": 1.5}


@pytest.mark.parametrize("token", [b"0.1", b"1e3", b"-0", b"1E+3", b"9" * 400, b"1e400", b"1.500"], ids=repr)
@pytest.mark.parametrize("default", [{}, {"default": 7}], ids=["plain", "with a default"])
def test_amounts_byte_for_byte(token: bytes, default: dict[str, Any]) -> None:
    """An amount leaves as the bytes that the OMS sent, through `from`, `each` and objects."""
    rules = {
        "root": "/o",
        "fields": {
            "minimumDownPaymentAmount": {"from": "/min", **default},
            "items": {"each": "/l", "fields": {"unitPrice": {"from": "/p/0", **default}}},
            "invoicePaymentInstructions": {"from": "/i", "fields": {"invoicingAmount": {"from": "/x", **default}}},
        },
    }
    body = (
        b'{"o": {"customerOrderId": "a", "customerId": "b", "status": "c", "min": %s,'
        b'"l": [{"itemId": "i", "quantityOrdered": %s, "p": [ %s ]}], "i": {"customerAccountId": "a", "x": %s}}}'
    )
    outward = compiled(getOrder=rules)["getOrder"](body.replace(b"%s", token))
    for name in (b"minimumDownPaymentAmount", b"quantityOrdered", b"unitPrice", b"invoicingAmount"):
        assert b'"%s":%s' % (name, token) in outward


def test_amount_in_quotes() -> None:
    """A mapping does not turn a string into a number."""
    found = violations(
        {**SMALL, "min": "1.5"}, getOrder={"root": "", "fields": {"minimumDownPaymentAmount": {"from": "/min"}}}
    )
    assert found == {"/customerOrder/minimumDownPaymentAmount": "must be a number"}


# ---- const, default, values


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customerId", "unknown"),
        ("customerId", ""),
        ("isLocked", True),
        ("isLocked", False),
        ("minimumDownPaymentAmount", 0),
        ("minimumDownPaymentAmount", -5),
        ("minimumDownPaymentAmount", 0.1),
        ("minimumDownPaymentAmount", 2**53),
        ("items", []),
    ],
)
@pytest.mark.parametrize("part", ["const", "default"])
def test_supplied_value(part: str, field: str, value: Any) -> None:
    """A rule may supply a value of the outward field's type, always or where the OMS has none."""
    document = changed(SMALL, field, ...) if field in SMALL else SMALL
    assert mapped(document, root="", fields={field: {part: value}})[field] == value
    assert mapped({**document, field: None}, root="", fields={field: {part: value}})[field] == value


def test_const_hides_what_was_sent() -> None:
    """A constant stands whatever the OMS sends, also something that would break the contract."""
    document = {**SMALL, "status": ["MARKED"]}
    assert mapped(document, root="", fields={"status": {"const": "CREATED"}})["status"] == "CREATED"


def test_const_of_null_leaves_out() -> None:
    """An optional field can be left out by a constant of null."""
    assert "isLocked" not in mapped(ORDER, root="", fields={"isLocked": {"const": None}})


def test_a_criterion_of_the_search() -> None:
    """What was searched for is in every order that was found; without it, the default, or nothing."""
    fields = {"customerOrderId": {"from": "/id"}, "status": {"const": "S"}, "customerId": {"criterion": "email"}}
    body = b'{"customerOrders": [{"id": "1"}, {"id": "2", "customerId": "X"}]}'
    search = compiled(searchOrders={"fields": fields})["searchOrders"]
    for sent in (body, body + b" " * LIGHT_BYTES):
        found = json.loads(search(sent, criteria={"email": 'a"@\u00e4', "customerId": "C"}))["customerOrders"]
        assert [order["customerId"] for order in found] == ['a"@\u00e4'] * 2
        with pytest.raises(ContractError) as caught:
            search(sent, criteria={"customerId": "C"})
        assert {violation.field: violation.detail for violation in caught.value.violations} == {
            "/customerOrders/0/customerId": "is missing",
            "/customerOrders/1/customerId": "is missing",
        }
    fields["customerId"]["default"] = "guest"
    search = compiled(searchOrders={"fields": fields})["searchOrders"]
    for sent in (body, body + b" " * LIGHT_BYTES):
        assert json.loads(search(sent))["customerOrders"][1]["customerId"] == "guest"
        assert json.loads(search(sent, criteria={"email": "E"}))["customerOrders"][1]["customerId"] == "E"


def test_default_only_for_nothing() -> None:
    """A default stands in for an absent value and for null, not for a false, empty or wrong one."""
    fields = {"isLocked": {"from": "/locked", "default": True}, "status": {"default": "X"}}
    assert mapped({**SMALL, "locked": False, "status": ""}, root="", fields=fields)["isLocked"] is False
    assert mapped({**SMALL, "locked": False, "status": ""}, root="", fields=fields)["status"] == ""
    found = violations({**SMALL, "locked": "MARKED"}, getOrder={"root": "", "fields": fields})
    assert found == {"/customerOrder/isLocked": "must be a boolean"}


def test_default_where_the_way_ends() -> None:
    """A default stands in where the pointer leads nowhere, however far it came."""
    fields = {"status": {"from": "/a/b/0", "default": "X"}}
    ends: list[dict[str, Any]] = [
        {},
        {"a": None},
        {"a": 5},
        *({"a": {"b": end}} for end in ([], [None], {"1": "Y"})),
    ]
    for start in ends:
        assert mapped({**SMALL, **start}, root="", fields=fields)["status"] == "X"


@pytest.mark.parametrize("default", [{}, {"default": None}], ids=["none", "null"])
def test_optional_field_from_nowhere(default: dict[str, Any]) -> None:
    """An optional field that is not there is absent outwards."""
    assert "isLocked" not in mapped(SMALL, root="", fields={"isLocked": {"from": "/locked", **default}})


def test_required_field_from_nowhere() -> None:
    """A required field that is not there is a violation at the outward field."""
    fields = {"customerId": {"from": "/who"}, "status": {"values": {"a": "A"}}}
    document = changed(SMALL, "status", ...)
    assert violations(document, getOrder={"root": "", "fields": fields}) == {
        "/customerOrder/customerId": "is missing",
        "/customerOrder/status": "is missing",
    }


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b'"open"', "open"),
        (b'"\\u006fpen"', "open"),
        (b"1", "1"),
        (b"  1 ", "1"),
        (b'"1"', "1"),
        (b"1.0", "1.0"),
        (b"-1", "-1"),
        (b"1e2", "1e2"),
        (b"true", "true"),
        (b'""', ""),
        (b'"\xc3\xa4"', "\u00e4"),
    ],
    ids=repr,
)
def test_words(raw: bytes, word: str) -> None:
    """A word to be translated may be text, a number or a boolean."""
    body = order_body(SMALL).replace(b'"CREATED"', raw)
    rules = {"fields": {"status": {"values": {word: "FOUND", "other": "WRONG"}}}}
    assert json.loads(compiled(getOrder=rules)["getOrder"](body))["customerOrder"]["status"] == "FOUND"


@pytest.mark.parametrize("raw", [b"1.1", b"01", b"10", b'"1 "', b'" 1"', b"true", b"[1]", b'{"1": 1}'], ids=repr)
def test_words_are_exact(raw: bytes) -> None:
    """No other value is the same word."""
    body = order_body(SMALL).replace(b'"CREATED"', raw)
    rules = {"fields": {"status": {"values": {"1": "WRONG"}}}}
    with pytest.raises((ContractError, UnparsableError)):
        compiled(getOrder=rules)["getOrder"](body)


@pytest.mark.parametrize("value", ["MARKED", "", "OPEN", "open ", 5, False, ["open"], {"open": 1}], ids=repr)
def test_unknown_word(value: Any) -> None:
    """A word that is not listed is a violation without a default, and the default with one."""
    rule = {"from": "/state", "values": {"open": "CREATED"}}
    document = {**SMALL, "state": value}
    assert violations(document, getOrder={"root": "", "fields": {"status": rule}}) == {
        "/customerOrder/status": "has a value that the mapping's `values` don't list"
    }
    assert mapped(document, root="", fields={"status": {**rule, "default": "X"}})["status"] == "X"


def test_unknown_word_of_an_optional_field() -> None:
    """An unknown word is a violation also where the field is optional: nothing is silently lost."""
    rule = {"from": "/locked", "values": {"Y": True, "N": False}}
    document = {**SMALL, "locked": "MARKED"}
    found = violations(document, getOrder={"root": "", "fields": {"isLocked": rule}})
    assert list(found) == ["/customerOrder/isLocked"]
    assert "isLocked" not in mapped(document, root="", fields={"isLocked": {**rule, "default": None}})


def test_words_of_other_types() -> None:
    """Words become booleans and numbers where the outward field is one, and null leaves an optional one out."""
    locked = {"from": "/l", "values": {"Y": True, "N": False, "?": None}}
    for word, value in (("Y", True), ("N", False), ("?", None)):
        assert mapped({**SMALL, "l": word}, root="", fields={"isLocked": locked}).get("isLocked") is value
    amount = {"from": "/p", "values": {"half": 0.5, "none": 0}}
    assert mapped({**SMALL, "p": "half"}, root="", fields={"minimumDownPaymentAmount": amount})[
        "minimumDownPaymentAmount"
    ] == pytest.approx(0.5)


# ---- each


def test_each_within_each() -> None:
    """Lists of lists are mapped, every part from its own element."""
    rules = {
        "root": "",
        "fields": {
            "items": {
                "each": "/lines",
                "fields": {
                    "itemId": {"from": "/sku"},
                    "discounts": {"each": "/off", "fields": {"discountAmount": {"from": "/v"}}},
                },
            }
        },
    }
    lines = [
        {"sku": "A", "quantityOrdered": 1, "unitPrice": 2, "off": [{"v": 1}, {"v": 2, "discountId": "D"}]},
        {"sku": "B", "quantityOrdered": 3, "unitPrice": 4},
    ]
    assert mapped({**SMALL, "lines": lines}, **rules)["items"] == [
        {
            "itemId": "A",
            "quantityOrdered": 1,
            "unitPrice": 2,
            "discounts": [{"discountAmount": 1}, {"discountAmount": 2, "discountId": "D"}],
        },
        {"itemId": "B", "quantityOrdered": 3, "unitPrice": 4},
    ]


@pytest.mark.parametrize("bad", [None, "MARKED", 5, True, ["MARKED"]], ids=repr)
def test_bad_elements_keep_indexes(bad: Any) -> None:
    """An element that is no object is pointed at, and the pointers to the others stay those of the OMS's list."""
    rules = {"root": "", "fields": {"items": {"each": "/lines", "fields": {"itemId": {"from": "/sku"}}}}}
    good = {"sku": "A", "quantityOrdered": 1, "unitPrice": 2}
    lines = [good, bad, good, {**good, "unitPrice": "MARKED"}, bad, {"sku": "A"}]
    assert violations({**SMALL, "lines": lines}, getOrder=rules) == {
        "/customerOrder/items/1": "must be an object",
        "/customerOrder/items/3/unitPrice": "must be a number",
        "/customerOrder/items/4": "must be an object",
        "/customerOrder/items/5/quantityOrdered": "is missing",
        "/customerOrder/items/5/unitPrice": "is missing",
    }


@pytest.mark.parametrize("bad", [None, "MARKED", 5, ["MARKED"]], ids=repr)
def test_bad_hits_keep_indexes(bad: Any) -> None:
    """So it is in a search."""
    rules = {"root": "/hits", "fields": {"status": {"from": "/state", "values": {"open": "CREATED"}}}}
    hit = {"customerOrderId": "1", "customerId": "C", "state": "open"}
    found = violations(
        {"hits": [hit, bad, {**hit, "state": "MARKED"}, {**hit, "customerId": 5}]}, searchOrders=rules
    )
    assert found == {
        "/customerOrders/1": "must be an object",
        "/customerOrders/2/status": "has a value that the mapping's `values` don't list",
        "/customerOrders/3/customerId": "must be a string",
    }


@pytest.mark.parametrize("value", ["MARKED", 5, {"0": {}}], ids=repr)
def test_each_of_no_list(value: Any) -> None:
    """`each` needs a list."""
    rules = {"root": "", "fields": {"items": {"each": "/lines", "fields": {}}}}
    assert violations({**SMALL, "lines": value}, getOrder=rules) == {"/customerOrder/items": "must be a list"}


def test_optional_list_from_nowhere() -> None:
    """An optional list that is not there is absent, a required one is missing or its default."""
    each = {"each": "/lines", "fields": {}}
    item = {"itemId": "A", "quantityOrdered": 1, "unitPrice": 2}
    rules = {
        "root": "",
        "fields": {"items": {"each": "/lines", "fields": {"discounts": {"each": "/off", "fields": {}}}}},
    }
    assert mapped({**SMALL, "lines": [item]}, **rules)["items"] == [item]
    assert violations(SMALL, getOrder={"root": "", "fields": {"items": each}}) == {
        "/customerOrder/items": "is missing"
    }
    assert mapped(SMALL, root="", fields={"items": {**each, "default": []}})["items"] == []


@pytest.mark.parametrize("value", ["MARKED", 5, [{}]], ids=repr)
def test_object_of_another_type(value: Any) -> None:
    """An outward object is made of an object only."""
    rule = {"from": "/i", "fields": {"customerAccountId": {"from": "/a"}}}
    found = violations(
        {**SMALL, "i": value}, getOrder={"root": "", "fields": {"invoicePaymentInstructions": rule}}
    )
    assert found == {"/customerOrder/invoicePaymentInstructions": "must be an object"}


# ---- broken answers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"data": MARKED}',
        b"\xff",
        b'{"x": NaN}',
        b'{"data": {"order": {"id": "\xff"}}}',
        b"\xef\xbb\xbf{}",
    ],
    ids=repr,
)
def test_not_json(body: bytes) -> None:
    """What is no JSON is unparsable, through a mapping as without one."""
    with pytest.raises(UnparsableError):
        compiled(**EXAMPLE)["getOrder"](body)


@pytest.mark.parametrize("root", ["", "/a", "/a/a/a", "/0/0"])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_deep_nesting(root: str, opening: bytes, closing: bytes) -> None:
    """Deep nesting is a violation of the contract, wherever the rules lead."""
    deep = opening * 100_000 + b"1" + closing * 100_000
    assert violations(deep, getOrder={"root": root, "fields": {"status": {"from": "/a"}}})
    assert violations(deep, searchOrders={"root": root, "fields": {"status": {"from": "/a"}}})


def test_duplicate_keys() -> None:
    """Of a name that comes twice the last value counts, for rules too."""
    body = order_body({**SMALL, "state": "first"}).replace(
        b'"state": "first"', b'"state": "first", "state": "last"'
    )
    outward = compiled(getOrder={"fields": {"status": {"from": "/state"}}})["getOrder"](body)
    assert json.loads(outward)["customerOrder"]["status"] == "last"


@pytest.mark.parametrize("value", ["MARKED", None], ids=["unknown word", "no object"])
def test_violations_are_bounded(value: Any) -> None:
    """At most a hundred violations are listed, as without a mapping."""
    rules = {"root": "", "fields": {"status": {"values": {"open": "CREATED"}}}}
    hit = {**SUMMARY, "status": value} if value else None
    assert len(violations([hit] * 5000, searchOrders=rules)) == 100


def test_deterministic() -> None:
    """The order of fields outwards is the contract's, not that of the rules or of the OMS."""
    body = order_body(dict(reversed(ORDER.items())))
    fields = {"status": {"from": "/status"}, "customerId": {"from": "/customerId"}}
    one = compiled(getOrder={"fields": fields})["getOrder"](body)
    two = compiled(getOrder={"fields": dict(reversed(fields.items()))})["getOrder"](order_body())
    assert one == two == GET_ORDER(order_body())


def test_growth_is_bounded() -> None:
    """What rules add to each element of a list may make an answer larger, but not many times."""
    text = "x" * 1000
    rules = {"root": "", "fields": {"customerId": {"const": text}}}
    hit = {"customerOrderId": "1", "status": "s"}
    assert len(listed([hit] * 60, **rules)) == 60
    assert violations([hit] * 200, searchOrders=rules) == {
        "/customerOrders": "is more than 4 times the OMS's response, because of what the mapping adds"
    }
    padded = [{**hit, "x": text}] * 200
    assert len(listed(padded, **rules)) == 200
    five = {
        "root": "",
        "fields": {name: {"from": "/text"} for name in ("customerOrderId", "customerId", "status")},
    }
    assert listed([{"text": "y" * 100_000}], **five)


# ---- rules that are refused

ITEM = "getOrder.fields.items"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "unknown field": ({"orderId": {"from": "/id"}}, {"getOrder.fields.orderId": "is not an output field"}),
    "wrapper as a field": ({"customerOrder": {}}, {"getOrder.fields.customerOrder": "is not an output field"}),
    "unknown field of an item": (
        {"items": {"each": "/l", "fields": {"sku": {"from": "/sku"}}}},
        {f"{ITEM}.fields.sku": "is not an output field"},
    ),
    "unknown field of an object": (
        {"invoicePaymentInstructions": {"fields": {"x": {}}}},
        {"getOrder.fields.invoicePaymentInstructions.fields.x": "is not an output field"},
    ),
    "pointer without a slash": ({"status": {"from": "state"}}, {"getOrder.fields.status.from": "RFC 6901"}),
    "pointer with a bad escape": ({"status": {"from": "/a~2b"}}, {"getOrder.fields.status.from": "RFC 6901"}),
    "pointer ending in a tilde": ({"status": {"from": "/a~"}}, {"getOrder.fields.status.from": "RFC 6901"}),
    "pointer as a fragment": ({"status": {"from": "#/state"}}, {"getOrder.fields.status.from": "RFC 6901"}),
    "pointer of 17 steps": (
        {"status": {"from": "/a" * 17}},
        {"getOrder.fields.status.from": "has 17 steps; shorten it to at most 16"},
    ),
    "JSONPath": ({"status": {"from": "$.state"}}, {"getOrder.fields.status.from": "RFC 6901"}),
    "bad pointer of a list": ({"items": {"each": "lines", "fields": {}}}, {f"{ITEM}.each": "RFC 6901"}),
    "from and const": (
        {"status": {"from": "/s", "const": "X"}},
        {"getOrder.fields.status": "has `const` together with `from`"},
    ),
    "from and each": (
        {"items": {"from": "/a", "each": "/b", "fields": {}}},
        {ITEM: "has both `each` and `from`", f"{ITEM}.from": ""},
    ),
    "const and each": ({"items": {"const": [], "each": "/b", "fields": {}}}, {ITEM: "`const`"}),
    "const and values": (
        {"status": {"const": "X", "values": {"a": "A"}}},
        {"getOrder.fields.status": "has `const` together with"},
    ),
    "const and fields": ({"items": {"const": [], "fields": {}}}, {ITEM: "has `const` together with"}),
    "each on a string": (
        {"status": {"each": "/s", "fields": {}}},
        {"getOrder.fields.status.each": "is for lists", "getOrder.fields.status.fields": "is for lists"},
    ),
    "each on an object": (
        {"invoicePaymentInstructions": {"each": "/i", "fields": {}}},
        {"getOrder.fields.invoicePaymentInstructions.each": "is for lists"},
    ),
    "each without fields": ({"items": {"each": "/l"}}, {f"{ITEM}.each": "needs `fields`"}),
    "fields on a string": (
        {"status": {"fields": {}}},
        {"getOrder.fields.status.fields": "is for lists and objects"},
    ),
    "fields and from on a list": ({"items": {"from": "/l", "fields": {}}}, {f"{ITEM}.from": "use `each`"}),
    "values on a list": ({"items": {"values": {"a": []}}}, {f"{ITEM}.values": "is for single values"}),
    "values on an object": (
        {"invoicePaymentInstructions": {"values": {}}},
        {"getOrder.fields.invoicePaymentInstructions.values": ""},
    ),
    "const is a number": ({"status": {"const": 5}}, {"getOrder.fields.status.const": "must be a string"}),
    "const is a boolean": ({"status": {"const": True}}, {"getOrder.fields.status.const": "must be a string"}),
    "const is text for a flag": ({"isLocked": {"const": "true"}}, {"getOrder.fields.isLocked.const": "a boolean"}),
    "const is a number for a flag": ({"isLocked": {"const": 1}}, {"getOrder.fields.isLocked.const": "a boolean"}),
    "const is text for an amount": (
        {"minimumDownPaymentAmount": {"const": "1.5"}},
        {"getOrder.fields.minimumDownPaymentAmount.const": "must be a number"},
    ),
    "const is a boolean for an amount": (
        {"minimumDownPaymentAmount": {"const": True}},
        {"getOrder.fields.minimumDownPaymentAmount.const": "must be a number"},
    ),
    "const is infinite": (
        {"minimumDownPaymentAmount": {"const": float("inf")}},
        {"getOrder.fields.minimumDownPaymentAmount.const": "must be a number"},
    ),
    "const is not a number": (
        {"minimumDownPaymentAmount": {"default": float("nan")}},
        {"getOrder.fields.minimumDownPaymentAmount.default": "must be a number"},
    ),
    "const is a filled list": ({"items": {"const": [{}]}}, {f"{ITEM}.const": "must be a list"}),
    "const is an object": (
        {"invoicePaymentInstructions": {"const": {}}},
        {"getOrder.fields.invoicePaymentInstructions.const": "must be an object"},
    ),
    "const of null, required": ({"status": {"const": None}}, {"getOrder.fields.status.const": "is null"}),
    "default of null, required": ({"status": {"default": None}}, {"getOrder.fields.status.default": "is null"}),
    "default of another type": (
        {"status": {"default": 5}},
        {"getOrder.fields.status.default": "must be a string"},
    ),
    "word of another type": (
        {"status": {"values": {"a": "A", "b": 5}}},
        {"getOrder.fields.status.values.b": "must be a string"},
    ),
    "word of null, required": (
        {"status": {"values": {"a": None}}},
        {"getOrder.fields.status.values.a": "is null"},
    ),
    "no words": ({"status": {"values": {}}}, {"getOrder.fields.status.values": "lists no value"}),
    "deep inside": (
        {"items": {"each": "/l", "fields": {"discounts": {"each": "/d", "fields": {"discountId": {"const": 5}}}}}},
        {f"{ITEM}.fields.discounts.fields.discountId.const": "must be a string"},
    ),
    "several": (
        {"status": {"const": 5}, "x": {}, "isLocked": {"from": "y"}},
        {
            "getOrder.fields.status.const": "must be a string",
            "getOrder.fields.x": "is not an output field",
            "getOrder.fields.isLocked.from": "RFC 6901",
        },
    ),
}


@pytest.mark.parametrize(("fields", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused_rule(fields: dict[str, Any], expected: dict[str, str]) -> None:
    """A rule that can't be right is refused before it is rolled out, with its path."""
    errors = rule_errors(getOrder={"fields": fields})
    assert errors.keys() == expected.keys()
    assert all(words in errors[path] for path, words in expected.items())


@pytest.mark.parametrize("operation", ["getOrder", "searchOrders"])
@pytest.mark.parametrize("root", ["data", "#/data", "/a~", "/a~2", "$", ".data"])
def test_refused_root(operation: str, root: str) -> None:
    """A root that is no pointer is refused."""
    assert list(rule_errors(**{operation: {"root": root}})) == [f"{operation}.root"]


@pytest.mark.parametrize("field", ["items", "isLocked", "minimumDownPaymentAmount", "invoicePaymentInstructions"])
def test_a_search_lists_summaries(field: str) -> None:
    """A search's orders have three fields; a rule for another one is refused and says which there are."""
    errors = rule_errors(searchOrders={"fields": {field: {}}})
    assert list(errors) == [f"searchOrders.fields.{field}"]
    assert "`customerOrderId`, `customerId`, `status`" in errors[f"searchOrders.fields.{field}"]


def test_errors_of_both_operations() -> None:
    """Everything that is wrong with a mapping is said at once."""
    bad = {"fields": {"x": {}}, "root": "y"}
    assert set(rule_errors(getOrder=bad, searchOrders=bad)) == {
        "getOrder.root",
        "getOrder.fields.x",
        "searchOrders.root",
        "searchOrders.fields.x",
    }


# ---- properties

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["open", "x", "", "CREATED", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SMALL, "itemId", "unitPrice", "a", "0"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(document=_values, default=st.none() | st.just("K"))
def test_same_names_are_the_contract(document: Any, default: str | None) -> None:
    """Rules that say what holds anyway change nothing: the same answers pass, in the same bytes."""
    same = {name: {"from": f"/{name}"} for name in SMALL}
    if default:
        same["isLocked"] = {"default": None}  # type: ignore[dict-item]
    body = json.dumps({"customerOrder": document}).encode()
    results = []
    for check in (compiled(getOrder={"fields": same})["getOrder"], GET_ORDER):
        try:
            results.append(check(body))
        except ContractError as error:
            results.append(repr(sorted(violation.field for violation in error.violations)).encode())
    assert results[0] == results[1] or b"/customerOrder']" in results[1]


def test_good_search_body() -> None:
    """The helper's body is what a documented OMS sends."""
    assert json.loads(SEARCH_ORDERS(search_body(SUMMARY))) == {"customerOrders": [SUMMARY]}
