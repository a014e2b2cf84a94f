"""Pages put together: whatever the pages, the same orders, byte for byte."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.oms.pages import Page, Pages, page_of
from tenantproxy.oms.responses import EMPTY_SEARCH
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.problems import Problem

SEARCH = CONTRACTS["searchOrders"]
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=6)


def outward(orders: list[dict[str, str]]) -> bytes:
    return SEARCH.outward(json.dumps({"customerOrders": orders}).encode())


def page(orders: list[dict[str, str]]) -> Page:
    return page_of(outward(orders), lambda _: None)


def order(order_id: str, status: str = "CREATED") -> dict[str, str]:
    return {"customerOrderId": order_id, "customerId": 'C"]}', "status": status}


@given(st.lists(texts, unique=True, max_size=12), texts, st.lists(st.integers(0, 12), max_size=4))
def test_any_partition(ids: list[str], status: str, cuts: list[int]) -> None:
    """Cut into pages anywhere, also empty ones, a list is the answer that it is in one piece."""
    orders = [order(order_id, status) for order_id in ids]
    pages = Pages()
    bounds = [0, *sorted(cuts), len(orders)]
    for begin, end in itertools.pairwise(bounds):
        pages.add(page(orders[begin:end]))
    assert pages.body() == outward(orders)


@given(st.lists(texts, unique=True, min_size=2, max_size=12), st.data())
def test_a_list_that_moves(ids: list[str], data: st.DataObject) -> None:
    """What comes again on a later page, as new orders came in front, is there once, as it was first."""
    cut = data.draw(st.integers(1, len(ids) - 1))
    again = data.draw(st.integers(0, cut))
    pages = Pages()
    pages.add(page([order(each) for each in ids[:cut]]))
    pages.add(page([order(each, "CHANGED") for each in ids[again:cut]] + [order(each) for each in ids[cut:]]))
    assert pages.body() == outward([order(each) for each in ids])


def test_what_is_twice_on_one_page_stays() -> None:
    """As in an answer without pages: that is the OMS's own matter."""
    pages = Pages()
    pages.add(page([order("1"), order("1")]))
    assert pages.body() == outward([order("1"), order("1")])


def test_the_same_again() -> None:
    """A page without any new order leads nowhere, and is no end either."""
    pages = Pages()
    pages.add(page([order("1"), order("2")]))
    with pytest.raises(Problem, match="only orders of those before it") as caught:
        pages.add(page([order("2")]))
    assert (caught.value.code, caught.value.reason) == ("upstream-contract", "pages")
    pages.add(page([]))


def test_no_orders() -> None:
    """An empty list is as the contract has it."""
    assert Pages().body() == EMPTY_SEARCH


def test_bytes_that_are_held() -> None:
    """All that pages hold is counted: their orders, and what tells one that comes again."""
    pages = Pages()
    pages.add(page([order("1")]))
    pages.add(page([order("2")]))
    assert len(outward([order("1"), order("2")])) < pages.size < 1000
    before = pages.size
    pages.add(page([]))
    assert pages.size == before
