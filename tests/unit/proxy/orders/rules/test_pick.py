"""One element of a list is picked by what its members are, of the object's own lists or of the whole answer's."""

import json
from typing import Any

import pytest

from support.proxy.mappings import calls, compiled, made, mapped, violations, wrong

ORDER: dict[str, Any] = {"customerOrderId": "1", "customerId": "2", "status": "3"}
ROLES = b"""
    "roles": [{"party": "Shop", "role": "VENDOR"}, null, {"party": "Ada", "role": "CUSTOMER", "no": 5.0},
              {"party": "Bob", "role": "CUSTOMER"}]
"""


def picking(*where: dict[str, Any], each: str = "/roles", **rule: Any) -> dict[str, Any]:
    return {"pick": {"each": each, "where": where}, "from": "/party", **rule}


@pytest.mark.parametrize(
    ("where", "party"),
    [
        ([{"from": "/role", "in": ["CUSTOMER"]}], b'"Ada"'),
        ([{"from": "/role", "in": ["X", "VENDOR"]}], b'"Shop"'),
        ([{"from": "/role", "in": ["CUSTOMER"]}, {"from": "/no", "absent": True}], b'"Bob"'),
        ([{"from": "/no", "in": ["5"]}], b'"Ada"'),
    ],
)
def test_the_first_that_holds_all_conditions(where: list[dict[str, Any]], party: bytes) -> None:
    """Wherever in the list it is."""
    assert made("customerId", picking(*where), ROLES) == party


@pytest.mark.parametrize("members", [ROLES, b'"roles": []', b'"roles": null', b'"roles": "x"', b'"x": 1'])
def test_nothing_is_picked(members: bytes) -> None:
    """Then there is nothing, for which a default stands in."""
    rule = picking({"from": "/role", "in": ["OTHER"]})
    assert wrong("customerId", rule, members) == "is missing"
    assert made("customerId", {**rule, "default": "guest"}, members) == b'"guest"'


def test_what_the_element_lacks() -> None:
    """The first that holds is meant, even where another one would have the value."""
    members = b'"roles": [{"role": "C"}, {"role": "C", "party": "Ada"}]'
    assert wrong("customerId", picking({"from": "/role", "in": ["C"]}), members) == "is missing"


def test_lists_of_other_forms() -> None:
    """Nested lists, an object's members, and one object alone."""
    where = {"from": "/role", "in": ["C"]}
    nested = b'"g": [{"roles": [{"role": "V"}]}, {"roles": [{"role": "C", "party": "Ada"}]}]'
    assert made("customerId", picking(where, each="/g/*/roles"), nested) == b'"Ada"'
    keyed = b'"roles": {"2": {"role": "C", "party": "Bob"}, "1": {"role": "C", "party": "Ada"}}'
    assert made("customerId", picking(where, each="/roles/*"), keyed) == b'"Ada"'
    assert made("customerId", picking(where), b'"roles": {"role": "C", "party": "Ada"}') == b'"Ada"'


def test_an_element_that_is_a_single_value() -> None:
    """The empty pointer is the element itself."""
    rule = {"pick": {"each": "/ids", "where": [{"from": "", "in": ["B", "C"]}]}, "from": ""}
    assert made("customerId", rule, b'"ids": ["A", "B", "C"]') == b'"B"'


def test_objects_and_lists_of_what_is_picked() -> None:
    """All pointers of the rule begin there."""
    pick = {"each": "/parts", "where": [{"from": "/kind", "in": ["main"]}]}
    item = {"itemId": {"from": "/id"}, "quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}
    instructions = {"customerAccountId": {"from": "/account"}, "invoicingAmount": {"from": "/sum"}}
    document = {
        **ORDER,
        "parts": [
            {"kind": "gift", "l": []},
            {"kind": "main", "l": [{"id": "A"}], "i": {"account": "K", "sum": 5}},
        ],
    }
    outward = mapped(
        document,
        root="",
        fields={
            "items": {"pick": pick, "each": "/l", "fields": item},
            "invoicePaymentInstructions": {"pick": pick, "from": "/i", "fields": instructions},
        },
    )
    assert [item["itemId"] for item in outward["items"]] == ["A"]
    assert outward["invoicePaymentInstructions"] == {"customerAccountId": "K", "invoicingAmount": 5}


# ---- by relation: JSON:API's `included`

RELATED = {
    "data": {
        "id": "1",
        "relationships": {"customer": {"data": {"type": "customers", "id": "7"}}},
        "attributes": {},
    },
    "included": [
        {"type": "products", "id": "7", "attributes": {"sku": "WRONG"}},
        {"type": "customers", "id": "7", "attributes": {"number": "C-7"}},
        {"type": "customers", "id": "8", "attributes": {"number": "C-8"}},
        {"type": "products", "id": "9", "attributes": {"sku": "SHOE", "price": 5.0}},
        {"type": "products", "id": "9", "attributes": {"sku": "SECOND"}},
        *(
            {"type": "lines", "id": str(line), "product": product}
            for line, product in enumerate([9, "9", "7", None])
        ),
    ],
}
LINE_PRODUCT = {
    "each": "/included",
    "within": "document",
    "where": [{"from": "/id", "sameAs": "/product"}, {"from": "/type", "in": ["products"]}],
}


def test_what_a_pointer_relates_to() -> None:
    """It is looked up in the whole answer, by the type and the id."""
    pick = {
        "each": "/included",
        "within": "document",
        "where": [
            {"from": "/type", "sameAs": "/relationships/customer/data/type"},
            {"from": "/id", "sameAs": "/relationships/customer/data/id"},
        ],
    }
    fields: dict[str, Any] = {
        "customerOrderId": {"from": "/id"},
        "customerId": {"pick": pick, "from": "/attributes/number"},
        "status": {"const": "S"},
        "items": {"const": []},
    }
    assert mapped(RELATED, root="/data", fields=fields)["customerId"] == "C-7"
    related_to_none = json.dumps(RELATED).replace('"customers", "id": "7"}}', '"customers", "id": null}}')
    fields["customerId"]["default"] = "guest"
    assert mapped(json.loads(related_to_none), root="/data", fields=fields)["customerId"] == "guest"


def test_each_line_by_its_own_relation() -> None:
    """The first of two with one id counts; a number is no text, and null relates to nothing."""
    fields = {
        "customerOrderId": {"from": "/data/id"},
        "customerId": {"const": "C"},
        "status": {"const": "S"},
        "items": {
            "each": "/included",
            "where": [{"from": "/type", "in": ["lines"]}],
            "fields": {
                "itemId": {"pick": LINE_PRODUCT, "from": "/attributes/sku", "default": "none"},
                "unitPrice": {"pick": LINE_PRODUCT, "from": "/attributes/price", "default": 0},
                "quantityOrdered": {"const": 1},
            },
        },
    }
    items = mapped(RELATED, root="", fields=fields)["items"]
    assert [(item["itemId"], item["unitPrice"]) for item in items] == [
        ("none", 0),
        ("SHOE", 5),
        ("WRONG", 0),
        ("none", 0),
    ]


def test_a_relation_within_the_object() -> None:
    """The main address is the one whose number the order names."""
    pick = {"each": "/addresses", "where": [{"from": "/no", "sameAs": "/main"}]}
    members = (
        b'"main": 2, "addresses": [{"no": 1, "name": "A"}, {"no": 2.0, "name": "B"}, {"no": "2", "name": "C"}]'
    )
    assert made("customerId", {"pick": pick, "from": "/name"}, members) == b'"B"'


def test_what_relates_to_nothing() -> None:
    """An element without the member, and an object without it, are not the same in that."""
    for within in ({}, {"within": "document"}):
        pick = {"each": "/l", "where": [{"from": "/no", "sameAs": "/main"}], **within}
        for members in (b'"l": [{"name": "A"}]', b'"main": null, "l": [{"no": null, "name": "A"}]'):
            assert made("customerId", {"pick": pick, "from": "/name", "default": "X"}, members) == b'"X"'


def test_answers_do_not_share_what_was_found() -> None:
    """Nothing of one answer is looked up in the next one."""
    pick = {"each": "/l", "within": "document", "where": [{"from": "/id", "sameAs": "/customer"}]}
    fields = {"customerId": {"pick": pick, "from": "/name"}}
    outward = compiled(getOrder={"root": "/o", "fields": fields})["getOrder"]
    for name in ("Ada", "Bob"):
        order = {"customerOrderId": "1", "status": "S", "items": [], "customer": "7"}
        body = json.dumps({"o": order, "l": [{"id": "7", "name": name}]}).encode()
        assert json.loads(outward(body))["customerOrder"]["customerId"] == name


# ---- bounds

ITEMS: dict[str, Any] = {
    "each": "/lines",
    "fields": {
        "itemId": {
            "pick": {"each": "/products", "within": "document", "where": [{"from": "/id", "sameAs": "/p"}]},
            "from": "/sku",
        },
        "quantityOrdered": {"const": 1},
        "unitPrice": {"const": 1},
    },
}


def test_what_is_picked_is_read_once() -> None:
    """For all fields of an object that are picked alike, and for all lines that relate to it."""
    pick = ITEMS["fields"]["itemId"]["pick"]
    products = [{"id": 1, "sku": "S", "price": 5, "a": {"b": {"c": "S"}}}]

    def reads(lines: int, **fields: str) -> int:
        rules = {name: {"pick": pick, "from": pointer} for name, pointer in fields.items()}
        items = {**ITEMS, "fields": {**ITEMS["fields"], **rules}}
        return calls({"items": items}, {**ORDER, "lines": [{"p": 1}] * lines, "products": products}, only="decode")

    assert reads(10, itemId="/sku", unitPrice="/price") == reads(10, itemId="/sku")
    assert [reads(lines, itemId="/a/b/c") - reads(lines, itemId="/sku") for lines in (10, 20)] == [2, 2]


def test_a_list_that_is_looked_up_has_a_longest_length() -> None:
    """Each element is an entry of an index."""
    document = {**ORDER, "lines": [{"p": 1}], "products": [{"id": 1, "sku": "S"}] * 10_000}
    assert mapped(document, root="", fields={"items": ITEMS})["items"][0]["itemId"] == "S"
    document["products"] *= 2
    assert violations(document, getOrder={"root": "", "fields": {"items": ITEMS}}) == {
        "/customerOrder/items/0": "is picked from a list of more than 10000 elements"
    }


def test_a_large_element_is_not_handed_out_without_end() -> None:
    """Thousands of lines with one product whose name is as large as all of them, of which little is used."""
    name = {**ITEMS["fields"]["itemId"], "part": {"before": "x"}}
    items = {**ITEMS, "fields": {**ITEMS["fields"], "itemId": name}}
    document = {**ORDER, "lines": [{"p": 1}] * 2000, "products": [{"id": 1, "sku": "Sx" + "S" * 100_000}]}
    ((_, detail),) = violations(document, getOrder={"root": "", "fields": {"items": items}}).items()
    assert detail == "is picked so often that it is more than 4 times the OMS's response"
    document["lines"] = document["lines"][:4]
    assert mapped(document, root="", fields={"items": items})["items"][3]["itemId"] == "S"
