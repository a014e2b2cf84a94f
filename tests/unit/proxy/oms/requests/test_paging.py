"""How a configuration says that pages are followed: checked before use, then told by each answer."""

from typing import Any

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.oms.requests.compiler import RequestError
from tenantproxy.oms.requests.paging import MAX_CURSOR, PageError, Paging
from tenantproxy.oms.requests.plan import RequestPlan
from tenantproxy.oms.requests.request import Next, OmsRequest, Position
from tenantproxy.operations import SEARCH_ORDERS
from tenantproxy.transport.base import UpstreamResponse

BASE = "https://oms.example/api"
CUSTOMER = "{criteria.customerId}"
GET = {"method": "GET", "path": "/orders"}


def plan(pages: dict[str, Any] | None, **endpoint: Any) -> RequestPlan:
    given = msgspec.convert({**endpoint, "pages": pages}, config.SearchEndpoint)
    return RequestPlan(SEARCH_ORDERS, given, BASE)


def first(made: RequestPlan) -> OmsRequest:
    (request,) = made.requests({"businessUnitId": "B"}, {"customerId": "C"}, {})
    return request


def at(request: OmsRequest, here: Position) -> OmsRequest:
    assert request.at is not None
    return request.at(here)


def paging(**pages: Any) -> Paging:
    """Return pages as they come to `after`, whatever the way is in the request."""
    errors: list[Any] = []
    made = Paging(msgspec.convert(pages, config.Pages), BASE, errors)
    assert not errors
    return made


def answer(body: bytes, **headers: str) -> UpstreamResponse:
    return UpstreamResponse(200, headers, body)


# ---- what is sent


def test_numbers_in_a_query() -> None:
    """Number and offset of the page stand where the templates say, also beside other text."""
    made = plan({"first": 0, "size": 2}, **GET, query={"c": CUSTOMER, "p": '{{"viewIndex":{page.number}}}'})
    request = first(made)
    assert request.path == "/orders?c=C&p=%7B%7B%22viewIndex%22%3A0%7D%7D"
    assert at(at(request, Position(1, 2)), Position(2, 4)).path.endswith("3A2%7D%7D")
    made = plan({"total": "/total"}, **GET, query={"c": CUSTOMER, "o": "{page.offset}"})
    assert first(made).path == "/orders?c=C&o=0"
    assert at(first(made), Position(2, 100)).path == "/orders?c=C&o=100"


def test_numbers_in_json() -> None:
    """A text that is nothing else is a number there, as an OMS with types wants it."""
    body = {"json": {"start": "{page.offset}", "text": "from {page.offset}", "c": [CUSTOMER]}}
    request = at(first(plan({"size": 2}, body=body)), Position(3, 200))
    assert request.body == b'{"start":200,"text":"from 200","c":["C"]}'


def test_a_cursor() -> None:
    """The first page has none, and its parameter or member is left out; later ones are encoded for their place."""
    made = plan({"cursor": "/next"}, body={"json": {"variables": {"c": CUSTOMER, "after": "{page.cursor}"}}})
    assert first(made).body == b'{"variables":{"c":"C"}}'
    assert at(first(made), Position(2, 1, cursor='a"\\')).body == b'{"variables":{"c":"C","after":"a\\"\\\\"}}'
    made = plan({"cursor": "/next"}, **GET, query={"c": CUSTOMER, "q": 'after:"{page.cursor|backslash}"'})
    assert first(made).path == "/orders?c=C"
    assert at(first(made), Position(2, 1, cursor='a"&x=1')).path == "/orders?c=C&q=after%3A%22a%5C%22%26x%3D1%22"


def test_a_link() -> None:
    """The first request is as the templates have it, further ones as the OMS says."""
    made = plan({"link": True}, **GET, query={"c": CUSTOMER})
    assert first(made).path == "/orders?c=C"
    assert at(first(made), Position(2, 1, target="/orders?page=2")).path == "/orders?page=2"


def test_without_pages() -> None:
    """Nothing leads on."""
    assert first(plan(None, **GET, query={"c": CUSTOMER})).at is None
    assert plan(None).paging is None


# ---- what can't be meant

NUMBER = {"c": CUSTOMER, "p": "{page.number}"}
CURSOR = {"c": CUSTOMER, "p": "{page.cursor}"}


@pytest.mark.parametrize(
    ("pages", "endpoint", "field", "words"),
    [
        ({"size": 1}, {}, "pages", "says no way"),
        ({"size": 1, "link": True}, {"query": NUMBER}, "pages", "has {page.number} and link"),
        ({"cursor": "/n"}, {"query": NUMBER | {"o": "{page.cursor}"}}, "pages", "{page.cursor} and {page.number}"),
        ({}, {"query": NUMBER}, "pages", "doesn't say which page is the last"),
        ({}, {"query": {"c": CUSTOMER, "p": "{page.offset}"}}, "pages", "doesn't say which page is the last"),
        ({"size": 1, "total": "/t"}, {"query": NUMBER}, "pages.total", "stands beside size"),
        ({"size": 1, "more": [{"from": "/m", "absent": False}]}, {"query": NUMBER}, "pages.more", "beside size"),
        ({"link": True, "size": 1}, {}, "pages.size", "goes with no link"),
        ({"link": True}, {"method": "POST"}, "pages.link", "is followed by GET"),
        ({"link": True, "cursor": "/n"}, {}, "pages.cursor", "has no place"),
        ({}, {"query": CURSOR}, "pages.cursor", "is missing"),
        ({"first": 0, "cursor": "/n"}, {"query": CURSOR}, "pages.first", "is for {page.number} only"),
        ({"total": "t"}, {"query": NUMBER}, "pages.total", "is not an RFC 6901 pointer"),
        ({"cursor": "/*"}, {"query": CURSOR}, "pages.cursor", "has the step"),
        ({"more": [{"from": "/m"}]}, {"query": NUMBER}, "pages.more[0]", "needs one of"),
        ({"more": [{"from": "/m", "sameAs": "/n"}]}, {"query": NUMBER}, "pages.more[0].sameAs", "for `pick` only"),
        (
            {"more": [{"from": f"/{n}", "in": ["1"]} for n in range(9)]},
            {"query": NUMBER},
            "pages.more",
            "at most 8",
        ),
        ({"cursor": "/n"}, {"query": {"c": CUSTOMER, "p": "a:{page.cursor}"}}, "query[p]", "let it stand alone"),
        (
            {"cursor": "/n"},
            {"query": {"p": "a:'{page.cursor|doubled}' b:'{criteria.customerId|doubled}'"}},
            "pages.cursor",
            "the first page has none",
        ),
        ({"size": 1}, {"path": "/orders/{page.number}", "query": NUMBER}, "path", "unknown placeholder"),
        (None, {"query": NUMBER}, "query[p]", "unknown placeholder {page.number}"),
    ],
)
def test_mistakes(pages: dict[str, Any] | None, endpoint: dict[str, Any], field: str, words: str) -> None:
    """Each is told with its field before use."""
    with pytest.raises(RequestError) as caught:
        plan(pages, **(GET | {"query": {"c": CUSTOMER}} | endpoint))
    assert {error.field: error.detail for error in caught.value.errors}[f"searchOrders.{field}"].find(words) >= 0


def test_a_cursor_beside_a_criterion_in_a_list() -> None:
    """The first page would lose the criterion with the cursor."""
    body = {"json": {"filters": [{"c": CUSTOMER, "after": "{page.cursor}"}]}}
    with pytest.raises(RequestError, match="the first page has none"):
        plan({"cursor": "/n"}, body=body)


@pytest.mark.parametrize("pages", [{"max": 1}, {"max": 21}, {"first": 2}, {"size": 0}])
def test_out_of_bounds(pages: dict[str, Any]) -> None:
    """A configuration bounds what one search may ask for."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(pages, config.Pages)


# ---- where the next one is

HERE = Position(2, 100)
NEXT = Position(3, 150)
LINK = "<https://oms.example/api/orders?page=3>; rel=next"


@pytest.mark.parametrize(
    ("pages", "response", "count", "following"),
    [
        ({"size": 50}, answer(b"[]"), 50, NEXT),
        ({"size": 50}, answer(b"[]"), 60, Position(3, 160)),
        ({"size": 50}, answer(b"[]"), 49, None),
        ({"total": "/total"}, answer(b'{"total":151}'), 50, NEXT),
        ({"total": "/total"}, answer(b'{"total":"151"}'), 50, NEXT),
        ({"total": "/total"}, answer(b'{"total":150}'), 50, None),
        ({"total": "/total"}, answer(b'{"total":100}'), 0, None),
        ({"total": "/total"}, answer(b'{"total":101}'), 0, "oms"),
        ({"total": "/total"}, answer(b'{"total":"all"}'), 0, None),
        ({"total": "/total"}, answer(b"{}"), 0, None),
        ({"more": [{"from": "/m", "in": ["true"]}]}, answer(b'{"m":true}'), 50, NEXT),
        ({"more": [{"from": "/m", "in": ["true"]}]}, answer(b'{"m":false}'), 50, None),
        ({"more": [{"from": "/m", "in": ["true"]}]}, answer(b"{}"), 50, None),
        ({"more": [{"from": "/m", "in": ["true"]}]}, answer(b"{}"), 0, None),
        ({"more": [{"from": "/m", "in": ["true"]}]}, answer(b'{"m":true}'), 0, "oms"),
        ({"cursor": "/n"}, answer(b'{"n":"x"}'), 50, NEXT._replace(cursor="x")),
        ({"cursor": "/n"}, answer(b'{"n":"x"}'), 0, Position(3, 100, cursor="x")),
        ({"cursor": "/n"}, answer(b'{"n":17}'), 50, NEXT._replace(cursor="17")),
        ({"cursor": "/n"}, answer(b'{"n":null}'), 50, None),
        ({"cursor": "/n"}, answer(b'{"n":""}'), 50, None),
        ({"cursor": "/n"}, answer(b"{}"), 50, None),
        ({"cursor": "/n", "size": 50}, answer(b'{"n":"x"}'), 49, None),
        ({"cursor": "/n", "total": "/t"}, answer(b'{"n":"x","t":150}'), 50, None),
        ({"cursor": "/n", "total": "/t"}, answer(b'{"n":"x","t":151}'), 0, Position(3, 100, cursor="x")),
        ({"cursor": "/n", "total": "/t"}, answer(b'{"t":150}'), 50, None),
        ({"cursor": "/n", "total": "/t"}, answer(b'{"t":151}'), 50, "oms"),
        ({"cursor": "/n", "more": [{"from": "/m", "in": ["true"]}]}, answer(b'{"m":true}'), 50, "oms"),
        ({"cursor": "/n"}, answer(b'{"a":"\\ud83d","n":"x"}'), 50, NEXT._replace(cursor="x")),
        ({"link": True}, answer(b"[]", link=LINK), 50, NEXT._replace(target="/orders?page=3")),
        ({"link": True}, answer(b"[]", link=LINK), 0, Position(3, 100, target="/orders?page=3")),
        ({"link": True}, answer(b"[]"), 50, None),
    ],
)  # fmt: skip
def test_after(pages: dict[str, Any], response: UpstreamResponse, count: int, following: Next) -> None:
    """By what came, by how much there is in all, by a flag, by a cursor or by a link.

    Where the OMS says that there is more, and gives nothing, that is told, too.
    """
    assert paging(**pages).after(HERE, "/orders", response, count) == following


@pytest.mark.parametrize(
    ("pages", "here", "response", "words"),
    [
        ({"total": "/total"}, HERE, answer(b"{}"), "no number of elements"),
        ({"total": "/total"}, HERE, answer(b'{"total":-1}'), "no number of elements"),
        ({"total": "/total"}, HERE, answer(b'{"total":1.5}'), "no number of elements"),
        ({"total": "/total"}, HERE, answer(b'{"total":' + b"9" * 99 + b"}"), "no number of elements"),
        ({"total": "/total"}, HERE, answer(b'{"total":{}}'), "no number of elements"),
        ({"cursor": "/n"}, HERE, answer(b'{"n":["x"]}'), "no text"),
        ({"cursor": "/n"}, HERE, answer(b'{"n":true}'), "no text"),
        ({"cursor": "/n"}, HERE, answer(b'{"n":"%b"}' % (b"x" * (MAX_CURSOR + 1))), "no text"),
        ({"cursor": "/n"}, HERE, answer(b'{"n":"\xff"}'), "that is none"),
        ({"cursor": "/n"}, HERE._replace(cursor="x"), answer(b'{"n":"x"}'), "as its own next one"),
        ({"link": True}, HERE._replace(target="/orders?page=3"), answer(b"[]", link=LINK), "as its own next one"),
        ({"link": True}, HERE, answer(b"[]", link="<https://evil.example/>; rel=next"), "another origin"),
    ],
)
def test_what_can_not_be_followed(
    pages: dict[str, Any], here: Position, response: UpstreamResponse, words: str
) -> None:
    """An answer that doesn't say it, or leads in a circle, is told; nothing of its values is."""
    with pytest.raises(PageError, match=words):
        paging(**pages).after(here, "/orders", response, 50)
