"""What is asked of the OMS, from what the platform team says: compiled once, refused before use if it can't be."""

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.oms.requests.compiler import RequestError
from tenantproxy.oms.requests.plan import RequestPlan, compile_requests
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.problems import Problem

IDS = {"businessUnitId": "B:1", "customerOrderId": "CO-1"}


def get_order(**endpoint: Any) -> RequestPlan:
    return RequestPlan(GET_ORDER, msgspec.convert(endpoint, config.OrderEndpoint))


def search(**endpoint: Any) -> RequestPlan:
    return RequestPlan(SEARCH_ORDERS, msgspec.convert(endpoint, config.SearchEndpoint))


def sent(plan: RequestPlan, criteria: Mapping[str, str] | None = None, **ids: str) -> OmsRequest:
    (request,) = plan.requests({**IDS, **ids}, criteria, {})
    return request


def errors(**operations: Any) -> dict[str, str]:
    upstream = {"url": "https://oms.example", "maxConnections": 10, "operations": operations}
    with pytest.raises(RequestError) as caught:
        compile_requests(msgspec.convert(upstream, config.Upstream))
    return dict(caught.value.errors)


# ---- the documented requests


def test_the_documented_requests() -> None:
    """Where nothing is said, the OMS is asked as the contract has it."""
    request = sent(get_order())
    assert request == ("getOrder", "GET", "/business-units/B:1/customer-orders/CO-1", {}, None, None, None)
    plan = search()
    request = sent(plan, {"customerId": "C \u00e9"})
    assert (request.method, request.path) == ("POST", "/business-units/B:1/customer-orders:search")
    assert json.loads(request.body or b"") == {"customerId": "C \u00e9"}
    assert plan.headers == {"Accept": "application/json", "Content-Type": "application/json"}


def test_other_criteria_go_into_the_documented_body() -> None:
    """An OMS that takes the documented search takes further criteria beside the customer's id."""
    plan = search(path="/find", criteria={"email": {}})
    assert json.loads(sent(plan, {"email": "E"}).body or b"") == {"email": "E"}


# ---- paths

GOOD_TEMPLATES = {
    "documented": GET_ORDER.path,
    "only the order": "/orders/{customerOrderId}",
    "within a segment": "/orders/id-{customerOrderId}.json",
    "beside each other": "/orders/{businessUnitId}:{customerOrderId}",
    "twice": "/{customerOrderId}/orders/{customerOrderId}",
    "OData": "/Orders('{customerOrderId|doubled}')",
    "trailing slash": "/orders/{customerOrderId}/",
}
BAD_TEMPLATES = {
    "empty": "",
    "no slash in front": "orders/{customerOrderId}",
    "a URL": "https://evil.example/{customerOrderId}",
    "query": "/orders?id={customerOrderId}",
    "fragment": "/orders/{customerOrderId}#x",
    "percent": "/orders%2f{customerOrderId}",
    "space": "/orders/ {customerOrderId}",
    "newline": "/orders/{customerOrderId}\n",
    "backslash": "/orders\\{customerOrderId}",
    "umlaut": "/auftr\u00e4ge/{customerOrderId}",
    "a host": "//evil.example/{customerOrderId}",
    "dot segment": "/orders/./{customerOrderId}",
    "dot-dot segment": "/orders/../{customerOrderId}",
    "dot-dot at the end": "/orders/{customerOrderId}/..",
    "unknown placeholder": "/orders/{customerOrderId}/{tenantId}",
    "misspelt placeholder": "/orders/{customerOrderID}",
    "empty placeholder": "/orders/{}/{customerOrderId}",
    "format placeholder": "/orders/{customerOrderId!r}",
    "attribute placeholder": "/orders/{customerOrderId.__class__}",
    "open brace": "/orders/{customerOrderId",
    "nested braces": "/orders/{{customerOrderId}}",
    "OData, not quoted": "/Orders('{customerOrderId}')",
    "a criterion": "/orders/{customerOrderId}/{criteria.customerId}",
    "no order id": "/orders",
    "only the unit": "/business-units/{businessUnitId}/orders",
}


@pytest.mark.parametrize("template", GOOD_TEMPLATES.values(), ids=GOOD_TEMPLATES)
def test_good_path(template: str) -> None:
    """An OMS may serve an order at any plain path that holds the order's id."""
    path = sent(get_order(path=template)).path
    assert "{" not in path
    assert "CO-1" in path


@pytest.mark.parametrize("template", BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_bad_path(template: str) -> None:
    """A path that is none, or that asks for the same thing whatever the order's id, is refused with the fix."""
    with pytest.raises(RequestError, match=r"^getOrder\.path: (is|has) .*; .*"):
        get_order(path=template)


@pytest.mark.parametrize(
    ("template", "good"),
    [
        (SEARCH_ORDERS.path, True),
        ("/orders/query", True),
        ("/users/{criteria.customerId}/orders", True),
        ("/orders/{customerOrderId}", False),
        ("/stores/{businessUnitId}/../x", False),
    ],
)
def test_search_path(template: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A search knows no order id, and need not know the business unit."""
    with contextlib.nullcontext() if good else pytest.raises(RequestError, match=";"):
        search(path=template)


def test_ids_are_not_filled_twice() -> None:
    """An id is put in as it is, even where it would look like another placeholder."""
    plan = get_order(path="/{customerOrderId}/{businessUnitId}", idPattern=".*")
    assert sent(plan, customerOrderId="{businessUnitId}").path == "/%7BbusinessUnitId%7D/B:1"


def test_words_of_a_bad_path() -> None:
    """The message names every placeholder that the path may hold."""
    names = "{businessUnitId}, {customerOrderId}"
    for template, words in {
        "orders": f"is not a path; it starts with / and may hold {names}, but no query, % or space",
        "/{tenantId}": f"has the unknown placeholder {{tenantId}}; it may hold {names}",
        "/'{customerOrderId}'": "has {customerOrderId} within quotes; write {customerOrderId|backslash} or "
        "{customerOrderId|doubled}, as the OMS's query language has it",
    }.items():
        with pytest.raises(RequestError, match=f"^getOrder.path: {re.escape(words)}$"):
            get_order(path=template)


# ---- other systems

SYSTEMS: dict[str, tuple[RequestPlan, Mapping[str, str] | None, str, object]] = {
    "commercetools, search by a predicate": (
        search(method="GET", path="/orders", query={"where": 'customerId="{criteria.customerId|backslash}"'}),
        {"customerId": 'C"1'},
        "/orders?where=customerId%3D%22C%5C%221%22",
        None,
    ),
    "Magento, names with brackets": (
        get_order(
            path="/V1/orders",
            query={
                "searchCriteria[filter_groups][0][filters][0][field]": "increment_id",
                "searchCriteria[filter_groups][0][filters][0][value]": "{customerOrderId}",
            },
        ),
        None,
        (
            "/V1/orders?searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=increment_id"
            "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=CO-1"
        ),
        None,
    ),
    "OData": (
        search(
            method="GET", path="/SalesOrders", query={"$filter": "Customer eq '{criteria.customerId|doubled}'"}
        ),
        {"customerId": "O'C"},
        "/SalesOrders?%24filter=Customer%20eq%20%27O%27%27C%27",
        None,
    ),
    "SAP Commerce, a criterion in the path": (
        search(method="GET", path="/users/{criteria.customerId}/orders", query={"fields": "FULL"}),
        {"customerId": "a@b.example"},
        "/users/a%40b.example/orders?fields=FULL",
        None,
    ),
    "OCAPI, a body of another shape": (
        search(
            path="/order_search",
            body={
                "json": {"query": {"term_query": {"fields": ["customer_no"], "values": ["{criteria.customerId}"]}}}
            },
        ),
        {"customerId": "C"},
        "/order_search",
        {"query": {"term_query": {"fields": ["customer_no"], "values": ["C"]}}},
    ),
    "GraphQL, one order": (
        get_order(
            method="POST",
            path="/graphql",
            body={
                "json": {
                    "query": "query($n: String!) { order(number: $n) { number lines { sku } } }",
                    "variables": {"n": "{customerOrderId}"},
                }
            },
        ),
        None,
        "/graphql",
        {
            "query": "query($n: String!) { order(number: $n) { number lines { sku } } }",
            "variables": {"n": "CO-1"},
        },
    ),
}


@pytest.mark.parametrize(("plan", "criteria", "target", "body"), SYSTEMS.values(), ids=SYSTEMS)
def test_systems(plan: RequestPlan, criteria: Mapping[str, str] | None, target: str, body: object) -> None:
    """What a system of others documents can be asked for."""
    request = sent(plan, criteria)
    assert request.path == target
    assert (None if request.body is None else json.loads(request.body)) == body


def test_forms() -> None:
    """A form of the web is one, too; what it names no criterion for is left out."""
    plan = search(
        path="/find",
        body={"form": {"customer": "{criteria.customerId}", "mail": "{criteria.email}", "n": "50"}},
        criteria={"email": {}},
    )
    assert sent(plan, {"email": "a+b@c d&e"}).body == b"mail=a%2Bb%40c%20d%26e&n=50"
    assert plan.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_post_without_a_body() -> None:
    """It says that it has none."""
    plan = get_order(method="POST", path="/read/{customerOrderId}")
    assert (sent(plan).body, plan.headers) == (b"", {"Accept": "application/json"})


@pytest.mark.parametrize(
    ("plan", "criteria", "pointer"),
    [
        (
            search(method="GET", path="/users/{criteria.customerId}/{criteria.site}", criteria={"site": {}}),
            {"site": "s"},
            "/customerId",
        ),
        (search(path="/users/{criteria.customerId}/orders"), {"customerId": "../admin"}, "/customerId"),
        (
            search(
                path="/x",
                body={"json": {"q": "id:{criteria.customerId}"}},
                criteria={"customerId": {"pattern": ".*"}},
            ),
            {"customerId": "a OR b"},
            "/customerId",
        ),
    ],
)
def test_criteria_that_cannot_stand_there(plan: RequestPlan, criteria: Mapping[str, str], pointer: str) -> None:
    """A criterion that the path needs, or that could leave its place, is 400 with a pointer."""
    with pytest.raises(Problem) as caught:
        sent(plan, criteria)
    assert caught.value.code == "invalid-request"
    assert [error.field for error in caught.value.errors] == [pointer]


def test_an_id_that_cannot_stand_there() -> None:
    """So is an id, where the platform team allows more than its templates take."""
    plan = get_order(path="/x", query={"q": "id:{customerOrderId}"}, idPattern=".*")
    with pytest.raises(Problem) as caught:
        sent(plan, customerOrderId="#1 OR 2")
    assert caught.value.code == "invalid-id"
    assert [error.field for error in caught.value.errors] == ["/path/customerOrderId"]


@pytest.mark.parametrize(("pattern", "order"), [("#[0-9]{1,10}", "#1001"), ("[A-Z]/[0-9]+", "A/17")])
def test_an_id_beside_other_text_of_a_path(pattern: str, order: str) -> None:
    """A segment delimits what a pattern has checked; elsewhere such ids can't stand beside other text."""
    named = "/orders/order-number={customerOrderId}"
    assert sent(get_order(path=named, idPattern=pattern), customerOrderId=order).path.endswith(
        f"={quote(order, '')}"
    )
    elsewhere = {"path": "/o", "query": {"q": "id:{customerOrderId}"}}
    found = errors(getOrder={**elsewhere, "idPattern": "#[0-9]{1,10}"})
    assert "let {customerOrderId} stand alone or in quotes" in found.pop("getOrder.idPattern")
    assert not found
    assert (
        "makes ids that can't be sent"
        in errors(getOrder={**elsewhere, "ids": ["#{customerOrderId}"]})["getOrder.ids"]
    )
    assert get_order(**elsewhere, idPattern="#?[0-9]+").probe["customerOrderId"] == "0"


def test_a_unit_that_cannot_stand_there() -> None:
    """Nor can a business unit that is no number, where it is not quoted; alone it can."""
    plan = get_order(path="/o/{customerOrderId}", query={"q": "unit eq {businessUnitId}", "u": "{businessUnitId}"})
    assert sent(plan, businessUnitId="17").path == "/o/CO-1?q=unit%20eq%2017&u=17"
    with pytest.raises(Problem) as caught:
        sent(plan, businessUnitId="unit")
    assert caught.value.code == "invalid-id"
    assert [error.field for error in caught.value.errors] == ["/path/businessUnitId"]


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_a_criterion_needs_quotes_or_a_pattern(place: str) -> None:
    """A caller's word could be the field's own name: `CustomerId eq CustomerId` is every order."""
    said = {"q": "CustomerId eq {criteria.customerId}"}
    endpoint = {"path": "/x", **({"query": said} if place == "query" else {"body": {place: said}})}
    (problem,) = errors(searchOrders=endpoint).values()
    assert "put it into quotes" in problem
    assert "give the criterion a pattern" in problem
    assert search(**endpoint, criteria={"customerId": {"pattern": "[0-9]+"}}).is_supported


def test_forms_of_the_id() -> None:
    """An order is looked up by each form in turn, by none twice."""
    plan = get_order(
        ids=["{customerOrderId}", "{customerOrderId|upper}", "0{customerOrderId}"], path="/o/{customerOrderId}"
    )
    for given, forms in {"a1": ["a1", "A1", "0a1"], "A1": ["A1", "0A1"]}.items():
        requests = plan.requests({**IDS, "customerOrderId": given}, None, {})
        assert [request.order_id for request in requests] == forms
        assert [request.path for request in requests] == [f"/o/{form}" for form in forms]


# ---- what is refused before use


def test_all_errors_at_once() -> None:
    """Each field that is wrong is named, of both operations, with the fix."""
    assert errors(
        getOrder={
            "path": "/x?y",
            "query": {"a": "{nope}", "{customerOrderId}": "b"},
            "headers": {"Authorization": "x", "X-A": "1", "x-a": "2"},
            "body": {"json": {"a": 1}},
            "ids": ["x", *["{customerOrderId}"] * 4],
            "idPattern": "(",
            "maxConnections": 11,
        },
        searchOrders={"criteria": {"a b": {}, "c": {"pattern": "["}}},
    ).keys() == {
        "getOrder.path",
        "getOrder.query[a]",
        "getOrder.query[{customerOrderId}]",
        "getOrder.headers",
        "getOrder.headers[Authorization]",
        "getOrder.body",
        "getOrder.ids",
        "getOrder.ids[0]",
        "getOrder.idPattern",
        "getOrder.maxConnections",
        "searchOrders.criteria.a b",
        "searchOrders.criteria.c.pattern",
    }


@pytest.mark.parametrize(
    ("endpoint", "field", "words"),
    [
        (
            {"method": "GET"},
            "searchOrders",
            "has no {criteria.customerId} in path, query or body; the criterion would",
        ),
        ({"path": "/x", "body": {"json": {}}}, "searchOrders", "has no {criteria.customerId}"),
        (
            {"path": "/{criteria.customerId}", "method": "GET", "criteria": {"email": {}}},
            "searchOrders",
            "has no {criteria.email}",
        ),
        ({"body": {}}, "searchOrders.body", "needs one of json and form"),
        ({"body": {"json": {}, "form": {}}}, "searchOrders.body", "needs one of json and form"),
        ({"unsupported": True, "path": "/x"}, "searchOrders.unsupported", "remove the fields beside it"),
    ],
)
def test_a_search_that_cannot_be(endpoint: dict[str, Any], field: str, words: str) -> None:
    """No criterion is lost on its way, and nothing is said that has no effect."""
    found = errors(searchOrders=endpoint)
    assert found.keys() == {field}
    assert words in found[field]


def test_an_order_without_its_id() -> None:
    """Every order would be the same one, wherever else something is asked for."""
    query = {"path": "/x", "query": {"unit": "{businessUnitId}"}}
    assert errors(getOrder=query) == {"getOrder": "has no {customerOrderId}; every order would be the same one"}


def test_a_search_that_is_not_there() -> None:
    """An OMS may have no search."""
    assert not search(unsupported=True).is_supported
    assert search().is_supported


# ---- the order that credentials are tried with


@pytest.mark.parametrize(
    ("endpoint", "unit", "order"),
    [
        ({}, "0", "0"),
        ({"probe": {}}, "0", "0"),
        ({"probe": {"businessUnitId": "BU-1"}}, "BU-1", "0"),
        ({"probe": {"customerOrderId": "CO-1"}}, "0", "CO-1"),
        ({"idPattern": "[A-Z]/[0-9]{3}"}, "0", "A/000"),
        ({"idPattern": "[A-Z]/[0-9]{3}", "probe": {"customerOrderId": "B/123"}}, "0", "B/123"),
    ],
)
def test_the_probe(endpoint: dict[str, Any], unit: str, order: str) -> None:
    """What the platform team names, else what the ids' rule allows and no order is likely to have."""
    plan = get_order(**endpoint)
    assert plan.probe == {"businessUnitId": unit, "customerOrderId": order}
    assert plan.order_ids.holds(order)


def test_a_search_has_none() -> None:
    """A credential is tried by reading one order."""
    assert search().probe == {}


@pytest.mark.parametrize(
    ("endpoint", "field", "words"),
    [
        ({"probe": {"businessUnitId": "B/1"}}, "businessUnitId", "must start with a letter or digit"),
        ({"probe": {"customerOrderId": "#1"}}, "customerOrderId", "must start with a letter or digit"),
        ({"idPattern": "[0-9]+", "probe": {"customerOrderId": "A"}}, "customerOrderId", "must match [0-9]+"),
        ({"idPattern": "[/]+"}, "customerOrderId", "is missing"),
        ({"idPattern": "[0-9]{129}"}, "customerOrderId", "is missing"),
        (
            {
                "path": "/o",
                "query": {"q": "id:{customerOrderId}"},
                "idPattern": "#[0-9]+",
                "probe": {"customerOrderId": "#1"},
            },
            "customerOrderId",
            "name another id",
        ),
    ],
)
def test_a_probe_that_cannot_be(endpoint: dict[str, Any], field: str, words: str) -> None:
    """It must be an id that a caller could send, and the OMS be asked for."""
    found = errors(getOrder=endpoint)
    assert found.keys() == {f"getOrder.probe.{field}"}
    assert words in found[f"getOrder.probe.{field}"]
