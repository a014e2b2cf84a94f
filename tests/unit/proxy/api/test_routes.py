"""Rules 1, 3 and 5 of the decision table: what a raw method and target mean, and what an id may be."""

import contextlib
import posixpath
import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenantproxy.api.routes import _route, checked_ids, decode_id, match
from tenantproxy.config import Endpoint, Operations, OrderEndpoint
from tenantproxy.oms.requests.plan import RequestPlan
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS, Operation
from tenantproxy.problems import Problem

GET = "/api/v1/business-units/BU-1/customer-orders/CO-1"
SEARCH = "/api/v1/business-units/BU-1/customer-orders:search"
PUT = "/api/v1/proxy-config"


def plan(operation: Operation, endpoint: Endpoint | None = None) -> RequestPlan:
    return RequestPlan(operation, endpoint or Operations().of(operation))


ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}")
"""The pattern of the specification, written out a second time."""

KNOWN = {
    "order": ("GET", GET, ("getOrder", ("BU-1", "CO-1"))),
    "order with a query": ("GET", f"{GET}?a=b/c&d=/../x", ("getOrder", ("BU-1", "CO-1"))),
    "order with an empty query": ("GET", f"{GET}?", ("getOrder", ("BU-1", "CO-1"))),
    "query with a question mark": ("GET", f"{GET}??x?", ("getOrder", ("BU-1", "CO-1"))),
    "search": ("POST", SEARCH, ("searchOrders", ("BU-1",))),
    "search with %3A": ("POST", SEARCH.replace(":", "%3A"), ("searchOrders", ("BU-1",))),
    "search with %3a": ("POST", SEARCH.replace(":", "%3a"), ("searchOrders", ("BU-1",))),
    "search with a query": ("POST", f"{SEARCH}?take=10", ("searchOrders", ("BU-1",))),
    "search in a query": ("GET", f"{GET}?/customer-orders:search", ("getOrder", ("BU-1", "CO-1"))),
    "proxy-config": ("PUT", PUT, ("putProxyConfig", ())),
    "proxy-config with a query": ("PUT", f"{PUT}?validate=true", ("putProxyConfig", ())),
    "an id like a route": (
        "GET",
        "/api/v1/business-units/customer-orders/customer-orders/customer-orders:search",
        ("getOrder", ("customer-orders", "customer-orders:search")),
    ),
    # Ids are left as they were sent: rule 5 looks at them only after the token (rule 4).
    "encoded traversal as an id": (
        "GET",
        "/api/v1/business-units/BU-1/customer-orders/..%2F..%2Fadmin",
        ("getOrder", ("BU-1", "..%2F..%2Fadmin")),
    ),
    "dot segments as ids": ("GET", "/api/v1/business-units/../customer-orders/..", ("getOrder", ("..", ".."))),
    "fragment in an id": ("GET", f"{GET}#x", ("getOrder", ("BU-1", "CO-1#x"))),
    "NUL in an id": ("GET", f"{GET}%00", ("getOrder", ("BU-1", "CO-1%00"))),
    "backslash in an id": ("GET", f"{GET}\\..\\x", ("getOrder", ("BU-1", "CO-1\\..\\x"))),
}
UNKNOWN = {
    "root": "/",
    "base": "/api/v1",
    "base with a slash": "/api/v1/",
    "another version": GET.replace("v1", "v2"),
    "upper-case version": GET.replace("v1", "V1"),
    "upper-case path": GET.replace("customer-orders", "Customer-Orders"),
    "upper-case search": SEARCH.replace("search", "Search"),
    "list of orders": "/api/v1/business-units/BU-1/customer-orders",
    "list with a slash": "/api/v1/business-units/BU-1/customer-orders/",
    "no unit": "/api/v1/business-units//customer-orders/CO-1",
    "no unit in a search": "/api/v1/business-units//customer-orders:search",
    "order with a trailing slash": f"{GET}/",
    "search with a trailing slash": f"{SEARCH}/",
    "config with a trailing slash": f"{PUT}/",
    "below an order": f"{GET}/items",
    "below the config": f"{PUT}/x",
    "double slash in front": f"/{GET}",
    "double slash inside": GET.replace("/customer-orders", "//customer-orders"),
    "double slash before the config": PUT.replace("/proxy", "//proxy"),
    "dot segment": GET.replace("/customer-orders", "/./customer-orders"),
    "dot-dot to the config": "/api/v1/x/../proxy-config",
    "dot-dot behind the order": f"{GET}/../CO-2",
    "dot-dot in front": f"/..{GET}",
    "encoded dot-dot to the config": "/api/v1/x/%2e%2e/proxy-config",
    "encoded slash between segments": GET.replace("/customer-orders", "%2Fcustomer-orders"),
    "encoded slash in the config": "/api/v1%2fproxy-config",
    "encoded letter": GET.replace("customer", "%63ustomer"),
    "encoded hyphen": PUT.replace("-", "%2D"),
    "double-encoded colon": SEARCH.replace(":", "%253A"),
    "full-width colon": SEARCH.replace(":", "\uff1a"),
    "semicolon parameter": f"{PUT};v=1",
    "another custom method": SEARCH.replace("search", "export"),
    "nothing after the colon": SEARCH.replace("search", ""),
    "two colons": SEARCH.replace(":", "::"),
    "fragment behind the config": f"{PUT}#x",
    "NUL behind the config": f"{PUT}\0",
    "encoded NUL behind the config": f"{PUT}%00",
    "newline behind the config": f"{PUT}\n",
    "encoded question mark": f"{PUT}%3Fvalidate=true",
    "backslashes": PUT.replace("/", "\\").replace("\\", "/", 1),
    "admin port's metrics": "/metrics",
    "admin port's health": "/healthz",
    "admin port's readiness": "/readyz",
    "asterisk": "*",
    "only a query": "/?/api/v1/proxy-config",
}
NOT_ORIGIN_FORM = {
    "absolute-form": f"http://proxy.example{GET}",
    "absolute-form without a path": "http://proxy.example",
    "https absolute-form": f"https://proxy.example{PUT}",
    "another scheme": "file:///etc/passwd",
    "authority-form": "proxy.example:8080",
    "path without a slash": GET[1:],
    "backslash in front": GET.replace("/", "\\"),
    "nothing but a query": "?x",
    "encoded slash in front": f"%2F{GET[1:]}",
    "empty": "",
}
TOKENS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "DELETE", "PATCH", "QUERY", "PROPFIND")
ODD_METHODS = ("get", "Get", "pOST", "GET ", "", "GETT", "G\0T", "\u0262ET", "PRI")


def refusal(method: str, target: str) -> Problem:
    try:
        found = match(method, target)
    except Problem as problem:
        return problem
    pytest.fail(f"{method!r} {target!r} is taken for {found}")


@pytest.mark.parametrize(("method", "target", "expected"), KNOWN.values(), ids=KNOWN)
def test_known_path(method: str, target: str, expected: tuple[str, tuple[str, ...]]) -> None:
    """A path of the interface is recognised as it was sent; its query is ignored and its ids are left alone."""
    found = match(method, target)
    assert (found.route.name, found.ids) == expected


@pytest.mark.parametrize("target", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_path(target: str) -> None:
    """Nothing is normalised: every other spelling is an unknown path, 405 with an empty `Allow`."""
    for method in ("GET", "POST", "PUT", "OPTIONS", "get"):
        problem = refusal(method, target)
        assert (problem.status, problem.headers, problem.code) == (405, {"Allow": ""}, "method-not-allowed"), (
            method
        )
        assert problem.detail == "This path does not exist in proxy mode; orders are changed in the OMS itself."


@pytest.mark.parametrize("target", NOT_ORIGIN_FORM.values(), ids=NOT_ORIGIN_FORM)
def test_target_that_is_not_a_path(target: str) -> None:
    """A target in absolute-form, or none at all, is a malformed request, whatever path it holds."""
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        problem = refusal(method, target)
        assert (problem.code, problem.status) == ("malformed-request", 400), method
        assert problem.detail == "The request target must be a path."


@pytest.mark.parametrize("target", ["oms.example:443", "127.0.0.1:22", "[::1]:443", "*", "/"])
def test_connect_opens_no_tunnel(target: str) -> None:
    """CONNECT is no method of any path: 405 with an empty `Allow`, in its own authority-form too."""
    problem = refusal("CONNECT", target)
    assert (problem.status, problem.headers) == (405, {"Allow": ""})


@pytest.mark.parametrize(
    ("target", "allowed"),
    [(GET, "GET"), (f"{GET}?x", "GET"), (SEARCH, "POST"), (SEARCH.replace(":", "%3a"), "POST"), (PUT, "PUT")],
    ids=["order", "order with a query", "search", "encoded search", "proxy-config"],
)
def test_wrong_method(target: str, allowed: str) -> None:
    """A known path takes its one method, spelled exactly; all others, HEAD and OPTIONS too, are told which."""
    assert match(allowed, target)
    for method in {*TOKENS, *ODD_METHODS} - {allowed}:
        problem = refusal(method, target)
        told = ("method-not-allowed", 405, {"Allow": allowed})
        assert (problem.code, problem.status, problem.headers) == told, method
        assert problem.detail == f"This path accepts {allowed} only."


@pytest.mark.parametrize("target", [*UNKNOWN.values(), *NOT_ORIGIN_FORM.values(), f"{GET}/MARKED", "MARKED"])
def test_refusal_echoes_nothing(target: str) -> None:
    """Nothing that the caller sent comes back in the answer."""
    answer = refusal("MARKED", target).body("c").decode()
    assert "MARKED" not in answer
    assert len(target) < 4 or target not in answer


def test_route_of_a_path() -> None:
    """A route matches its path literally below the prefix, but for ids, and for colons that may be encoded."""
    route = _route("doIt", "POST", "/a.b/{first}/c:{second}:do", GET_ORDER)
    assert (route.name, route.method, route.operation) == ("doIt", "POST", GET_ORDER)
    for colon in (":", "%3A", "%3a"):
        found = route.path.fullmatch(f"/api/v1/a.b/1:2/c{colon}3.4{colon}do")
        assert found is not None
        assert found.groups() == ("1:2", "3.4")
    for path in ("/a.b/1/c:2:do", "/api/v1/axb/1/c:2:do", "/api/v1/a.b/1/x/c:2:do", "/api/v1/a.b//c:2:do"):
        assert not route.path.fullmatch(path)
    assert _route("x", "GET", "/x").operation is None


@given(method=st.text(max_size=10), target=st.text(max_size=80))
def test_any_request_is_matched_or_refused(method: str, target: str) -> None:
    """Whatever comes as method and target is one of the three operations or a 400 or 405, never a failure."""
    outcome: object = None
    try:
        outcome = match(method, target).route.name
    except Problem as problem:
        outcome = problem.status
    assert outcome in ("getOrder", "searchOrders", "putProxyConfig", 400, 405)


GOOD_IDS = {
    "one letter": ("a", "a"),
    "one digit": ("0", "0"),
    "all characters": ("aZ09._~:-", "aZ09._~:-"),
    "a UUID": ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    "128 characters": ("x" * 128, "x" * 128),
    "128 encoded characters": ("%78" * 128, "x" * 128),
    "encoded colon": ("A%3A1", "A:1"),
    "encoded colon, lower case": ("A%3a1", "A:1"),
    "encoded letters": ("%43%4f-1", "CO-1"),
    "encoded dots inside": ("a%2e%2E", "a.."),
    "encoded tilde": ("a%7e", "a~"),
    "underscore inside": ("a_b", "a_b"),
    "dots inside": ("a..b", "a..b"),
    "ends in dots": ("a..", "a.."),
}
BAD_IDS = {
    "dot": ".",
    "dot-dot": "..",
    "encoded dot": "%2e",
    "encoded dot-dot": "%2e%2E",
    "half-encoded dot-dot": ".%2e",
    "traversal": "..%2F..%2Fadmin",
    "traversal, lower case": "..%2f..%2fadmin",
    "traversal inside": "CO-1%2F..%2FCO-2",
    "backslash": "CO\\1",
    "encoded backslash": "..%5c..%5cadmin",
    "encoded slash": "CO%2F1",
    "overlong slash": "CO%c0%af1",
    "overlong dot": "%c0%ae%c0%ae",
    "double-encoded": "%252e%252e",
    "double-encoded letter": "%2541",
    "NUL": "CO-1%00",
    "raw NUL": "CO-1\0",
    "newline": "CO-1%0a",
    "raw newline": "CO-1\n",
    "CR LF": "CO-1%0d%0aX-Header:%201",
    "space": "CO%201",
    "plus": "CO+1",
    "question mark": "CO-1%3Fx=1",
    "fragment": "CO-1%23x",
    "raw fragment": "CO-1#x",
    "semicolon": "CO-1;x",
    "encoded semicolon": "CO-1%3Bx",
    "at sign": "a@b",
    "comma": "a,b",
    "braces": "{customerOrderId}",
    "percent": "100%",
    "percent with one digit": "a%4",
    "percent with no hexadecimal": "a%zz",
    "starts with a hyphen": "-a",
    "starts with an underscore": "_a",
    "starts with a colon": ":a",
    "starts with a tilde": "~a",
    "129 characters": "x" * 129,
    "129 encoded characters": "%78" * 129,
    "umlaut": "\u00e4",
    "encoded umlaut": "%C3%A4",
    "full-width letter": "\uff21",
    "Arabic digit": "\u0661",
    "lone surrogate": "a\udcff",
    "encoded 0xFF": "a%ff",
    "empty": "",
    "encoded nothing": "%",
}


@pytest.mark.parametrize(("segment", "expected"), GOOD_IDS.values(), ids=GOOD_IDS)
def test_good_id(segment: str, expected: str) -> None:
    """An id is decoded once and taken as it then is."""
    assert decode_id(segment, "customerOrderId") == expected


@pytest.mark.parametrize("segment", BAD_IDS.values(), ids=BAD_IDS)
def test_bad_id(segment: str) -> None:
    """What is no id once decoded is a 400 that names the parameter and does not repeat the value."""
    with pytest.raises(Problem) as caught:
        decode_id(segment, "customerOrderId")
    problem = caught.value
    assert (problem.code, problem.status) == ("invalid-id", 400)
    (error,) = problem.errors
    assert error.field == "/path/customerOrderId"
    assert error.detail == "must start with a letter or digit and have at most 128 of: letters, digits, . _ ~ : -"
    assert problem.detail == f"`customerOrderId` {error.detail}."
    assert len(segment) < 6 or segment.encode("utf-8", "replace") not in problem.body("c")


def test_ids_of_an_operation() -> None:
    """Each segment is the id of its placeholder, decoded; a bad one is named by its own."""
    assert checked_ids(GET_ORDER, ("B%3A1", "CO-1"), plan(GET_ORDER)) == {
        "businessUnitId": "B:1",
        "customerOrderId": "CO-1",
    }
    assert checked_ids(SEARCH_ORDERS, ("B",), plan(SEARCH_ORDERS)) == {"businessUnitId": "B"}
    for segments, name in (((".", "CO-1"), "businessUnitId"), (("B", "."), "customerOrderId")):
        with pytest.raises(Problem) as caught:
            checked_ids(GET_ORDER, segments, plan(GET_ORDER))
        assert [error.field for error in caught.value.errors] == [f"/path/{name}"]
    with pytest.raises(ValueError, match="argument"):
        checked_ids(GET_ORDER, ("B",), plan(GET_ORDER))


@given(segment=st.text() | st.text("ABCabc019._~:-%2eEfF/\\5c\0 \n", max_size=12))
@example("..%2f..%2fadmin")
@example("A%3a%2e%2e")
def test_an_id_can_not_leave_its_segment(segment: str) -> None:
    """Whatever segment comes, an accepted id fills exactly its place in the OMS's path and means nothing there."""
    with contextlib.suppress(Problem):
        found = decode_id(segment, "customerOrderId")
        assert ID.fullmatch(found)
        ids = {"businessUnitId": found, "customerOrderId": found}
        (request,) = plan(GET_ORDER).requests(ids, None, {})
        path = request.path
        assert path == f"/business-units/{found}/customer-orders/{found}"
        assert path.split("/") == ["", "business-units", found, "customer-orders", found]
        assert posixpath.normpath(path) == path
        parts = urlsplit(f"https://oms.example{path}")
        assert (parts.netloc, parts.path, parts.query, parts.fragment) == ("oms.example", path, "", "")


@given(
    wanted=st.from_regex(ID, fullmatch=True),
    encoded=st.lists(st.sampled_from(["as it is", "upper", "lower"]), min_size=128, max_size=128),
)
def test_encoding_does_not_change_an_id(wanted: str, encoded: list[str]) -> None:
    """An id is the same however a client percent-encodes its characters."""
    forms = {"as it is": "{}", "upper": "%{:02X}", "lower": "%{:02x}"}
    segment = "".join(
        forms[how].format(char if how == "as it is" else ord(char))
        for char, how in zip(wanted, encoded, strict=False)
    )
    assert decode_id(segment, "businessUnitId") == wanted


# ---- where the platform team says what ids are

ANYTHING = OrderEndpoint(id_pattern=".*", path="/orders/{customerOrderId}/lines")
_bytes = st.sampled_from(
    [*"aZ0.~:-_/\\;%?#& '\"+=@<>{}|^`", "%2e", "%2E", "%2f", "%5C", "%00", "%25", "%23", "%252e", "%"]
)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [("%231001", "#1001"), ("A%2F17", "A/17"), ("A%2f17", "A/17"), ("CO-1", "CO-1"), ("a%20b", "a b")],
)
def test_wider_ids(segment: str, expected: str) -> None:
    """An id may have what the platform team allows, percent-encoded in the path."""
    segments = ("B", segment)
    assert checked_ids(GET_ORDER, segments, plan(GET_ORDER, ANYTHING))["customerOrderId"] == expected
    narrower = OrderEndpoint(id_pattern="[0-9]+")
    with pytest.raises(Problem, match="must match"):
        checked_ids(GET_ORDER, segments, plan(GET_ORDER, narrower))


def test_business_units_are_not_wider() -> None:
    """Only the ids of orders are what the platform team says."""
    with pytest.raises(Problem, match="businessUnitId"):
        checked_ids(GET_ORDER, ("%231", "CO-1"), plan(GET_ORDER, ANYTHING))


@pytest.mark.parametrize(
    "segment",
    [
        *("..", ".", "%2e%2e", "%2E.", "..%2F..%2Fadmin", "a%2F..", "a%2F..%2Fb", "%2Fa", "a%2F", "a%2F%2Fb"),
        *("..%5C..", "a%5C..", "..%3Bx", "..;x", "%252e%252e", "a%2525", "%25", "%00", "%0D%0A", "a%7F", "%C3%A4"),
        *("%20a", "a%20", "", "x" * 129, "%"),
    ],
)
def test_no_pattern_lets_an_id_out_of_its_segment(segment: str) -> None:
    """Whatever the pattern says: no dot segment in any encoding, no control character, no second encoding."""
    with pytest.raises(Problem, match="customerOrderId"):
        checked_ids(GET_ORDER, ("B", segment), plan(GET_ORDER, ANYTHING))


@given(st.lists(_bytes, min_size=1, max_size=12).map("".join))
def test_a_wider_id_stays_in_its_segment(segment: str) -> None:
    """What is sent is the template's segments, of which one, decoded once, is the id that was decoded once."""
    prepared = plan(GET_ORDER, ANYTHING)
    with contextlib.suppress(Problem):
        ids = checked_ids(GET_ORDER, ("B", segment), prepared)
        order_id = ids["customerOrderId"]
        assert order_id == unquote(segment)
        (request,) = prepared.requests(ids, None, {})
        parts = urlsplit(f"https://oms.example{request.path}")
        assert (parts.netloc, parts.path, parts.query, parts.fragment) == ("oms.example", request.path, "", "")
        assert [unquote(part) for part in parts.path.split("/")] == ["", "orders", order_id, "lines"]
        # Nor do servers that decode early, twice, or cut parameters off, get anywhere else.
        early = unquote(unquote(request.path)).replace("\\", "/")
        cut = "/".join(part.partition(";")[0] for part in early.split("/"))
        assert all(posixpath.normpath(path).startswith("/orders/") for path in (early, cut))
        assert posixpath.normpath(early) == early
