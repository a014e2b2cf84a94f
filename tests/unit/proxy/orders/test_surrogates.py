"""Halves of surrogate pairs: no harm where they are not let out, a violation where they are."""

import codecs
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.orders import ORDER, changed
from tenantproxy import config
from tenantproxy.operations import GET_ORDER
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy.orders.preview import preview_mapping
from tenantproxy.orders.surrogates import converted
from tenantproxy.orders.transform import MAX_VIOLATIONS, ContractError, UnparsableError

CONVERT = compile_mapping(config.Mapping())[GET_ORDER.name]
RULES = {"status": config.Rule(from_="/state", values={"a": "CREATED"}, default="OTHER")}
MAPPED = compile_mapping(config.Mapping(get_order=config.OperationMapping(fields=RULES)))[GET_ORDER.name]
HALF = re.compile("[\ud800-\udfff]")


def order(customer: str, note: str, **more: object) -> bytes:
    order = {**ORDER, "customerId": customer, "note": note, **more}
    return json.dumps({"customerOrder": order}).encode()


_PARTS = ("\ud83d", "\ude00", "\U0001f600", "\\", r"\ud83d", '"', "\ufdd0", "a", "\n")
texts = st.lists(st.sampled_from(_PARTS), max_size=8).map(lambda parts: json.loads(json.dumps("".join(parts))))
"""Two halves side by side are a pair, as JSON reads them."""


@given(customer=texts, note=texts)
def test_only_what_is_let_out_matters(customer: str, note: str) -> None:
    """A text that is dropped may hold anything; half of a pair that is let out is a violation."""
    if HALF.search(customer):
        with pytest.raises(ContractError) as caught:
            converted(CONVERT, order(customer, note))
        assert [violation.field for violation in caught.value.violations] == ["/customerOrder/customerId"]
    else:
        outward = json.loads(converted(CONVERT, order(customer, note)))
        assert outward == {"customerOrder": {**ORDER, "customerId": customer}}


def test_each_is_pointed_at() -> None:
    """All texts that have one are named, in lists too; their values are not."""
    items = [{**ORDER["items"][0], "itemId": item} for item in ("I-1", "I\ud83d", "\ude00")]
    with pytest.raises(ContractError) as caught:
        converted(CONVERT, order("C-1", "", items=items))
    assert [violation.field for violation in caught.value.violations] == [
        "/customerOrder/items/1/itemId",
        "/customerOrder/items/2/itemId",
    ]


def test_violations_are_bounded() -> None:
    """An answer full of them has a hundred violations."""
    items = [{**ORDER["items"][0], "itemId": "\ud83d"}] * (MAX_VIOLATIONS + 10)
    with pytest.raises(ContractError) as caught:
        converted(CONVERT, order("C-1", "", items=items))
    assert len(caught.value.violations) == MAX_VIOLATIONS


def test_through_a_mapping() -> None:
    """A word that a rule replaces is not let out; half of a pair stands for no word."""
    outward = json.loads(converted(MAPPED, order("C-1", "", state="a\ud83d")))
    assert outward["customerOrder"]["status"] == "OTHER"


def test_in_a_name() -> None:
    """The name of a member that is dropped may have one, too."""
    body = json.dumps({"customerOrder": changed(ORDER, "\ud83d", "x")}).encode()
    assert json.loads(converted(CONVERT, body)) == {"customerOrder": ORDER}


def test_numbers_keep_their_digits() -> None:
    """However many a number has: Python's own integers end at 4,300."""
    digits = b"1" * 4301
    body = order("C-1", "cut \ud83d").replace(b'"unitPrice": 9.5', b'"unitPrice": ' + digits)
    assert b'"unitPrice":%b' % digits in converted(CONVERT, body)
    body = body.replace(b'"C-1"', b'"C\\ud83d"')
    with pytest.raises(ContractError) as caught:
        converted(CONVERT, body)
    assert [violation.field for violation in caught.value.violations] == ["/customerOrder/customerId"]


@pytest.mark.parametrize("body", [b"", b'{"\\ud83d', b'"\\ud8"', b"\\ud83d", b'{"customerOrder": "\xff"}', b"NaN"])
def test_what_is_not_json_stays_so(body: bytes) -> None:
    """Marks make no JSON of what is none."""
    with pytest.raises(UnparsableError):
        converted(CONVERT, body)


def test_a_preview_is_what_the_proxy_answers() -> None:
    """Offline a sample is read as an answer is, a byte order mark and halves of pairs included."""
    mapping = compile_mapping(config.Mapping())
    read = preview_mapping(mapping, codecs.BOM_UTF8 + order("C-1", "\ud83d"), GET_ORDER)
    assert (json.loads(read.body), read.violations) == ({"customerOrder": ORDER}, [])
    refused = preview_mapping(mapping, order("\ud83d", ""), GET_ORDER)
    assert [violation.field for violation in refused.violations] == ["/customerOrder/customerId"]
