"""The failure table: which error a response of the OMS becomes."""

import contextlib
import json
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.orders import ORDER, SUMMARY, changed, order_body, search_body
from tenantproxy import config
from tenantproxy.oms.responses import Asked, check, is_json
from tenantproxy.oms.responses import outward_body as convert
from tenantproxy.operations import GET_ORDER, OPERATIONS, SEARCH_ORDERS, Operation
from tenantproxy.orders.mapping import CompiledMapping, compile_mapping
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamResponse

UNMAPPED = compile_mapping(config.Mapping())
JSON = {"content-type": "application/json"}
BODIES = {GET_ORDER: order_body(), SEARCH_ORDERS: search_body(SUMMARY)}


def outward_body(
    operation: Operation, answer: UpstreamResponse, mapping: CompiledMapping, asked: Asked | None = None
) -> bytes:
    check(operation, answer)
    return convert(operation, answer, mapping, asked)


def refused(operation: Operation, answer: UpstreamResponse) -> Problem:
    with pytest.raises(Problem) as caught:
        outward_body(operation, answer, UNMAPPED)
    problem = caught.value
    assert b"MARKED" not in problem.body("c")
    return problem


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_success(operation: Operation) -> None:
    """A 200 that holds the contract is passed on."""
    outward = outward_body(operation, UpstreamResponse(200, JSON, BODIES[operation]), UNMAPPED)
    assert json.loads(outward) == json.loads(BODIES[operation])


STATUSES: dict[int, tuple[str, str]] = {
    201: ("upstream-contract", "upstream-contract"),
    202: ("upstream-contract", "upstream-contract"),
    204: ("upstream-contract", "upstream-contract"),
    206: ("upstream-contract", "upstream-contract"),
    300: ("upstream-contract", "upstream-contract"),
    301: ("upstream-contract", "upstream-contract"),
    302: ("upstream-contract", "upstream-contract"),
    304: ("upstream-contract", "upstream-contract"),
    307: ("upstream-contract", "upstream-contract"),
    308: ("upstream-contract", "upstream-contract"),
    400: ("upstream-contract", "search-rejected"),
    402: ("upstream-contract", "upstream-contract"),
    403: ("upstream-forbidden", "upstream-forbidden"),
    404: ("order-not-found", "upstream-contract"),
    405: ("upstream-contract", "upstream-contract"),
    409: ("upstream-contract", "upstream-contract"),
    410: ("upstream-contract", "upstream-contract"),
    418: ("upstream-contract", "upstream-contract"),
    422: ("upstream-contract", "upstream-contract"),
    429: ("upstream-rate-limited", "upstream-rate-limited"),
    500: ("upstream-error", "upstream-error"),
    501: ("upstream-error", "upstream-error"),
    502: ("upstream-error", "upstream-error"),
    503: ("upstream-error", "upstream-error"),
    504: ("upstream-error", "upstream-error"),
    599: ("upstream-error", "upstream-error"),
    999: ("upstream-error", "upstream-error"),
}
"""What each status means on a GET and on a search."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("status", STATUSES)
def test_status(status: int, operation: Operation) -> None:
    """Each status of the OMS has one meaning, whatever else is in the answer."""
    headers = {**JSON, "location": "https://MARKED.example", "www-authenticate": "MARKED"}
    problem = refused(operation, UpstreamResponse(status, headers, BODIES[operation]))
    assert problem.code == STATUSES[status][OPERATIONS.index(operation)]
    assert "location" not in {name.lower() for name in problem.headers}


@given(
    status=st.integers(100, 999).filter(lambda status: status != 200),
    operation=st.sampled_from(OPERATIONS),
    headers=st.dictionaries(st.sampled_from(["content-type", "retry-after", "content-length"]), st.text()),
    body=st.binary(max_size=20),
)
def test_only_200_is_a_success(status: int, operation: Operation, headers: Mapping[str, str], body: bytes) -> None:
    """No other status, whatever comes with it, is ever passed on or makes the proxy fail by itself."""
    outward = refused(operation, UpstreamResponse(status, headers, body)).status
    assert outward in (400, 404, 502, 503)


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("17", "17"),
        ("0", "1"),
        ("007", "7"),
        ("86400", "86400"),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "59"),
        ("Fri, 31 Dec 1999 23:59:00 GMT", "1"),
        ("Fri, 31 Dec 1999 01:00:00 GMT", "1"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "999999"),
        ("Fri, 32 Dec 1999 23:59:59 GMT", "1"),
        ("Fri, 31 Dec 1999", "1"),
        (None, "1"),
        ("", "1"),
        ("-1", "1"),
        ("2.0", "2"),
        ("1.5", "2"),
        ("0.2", "1"),
        ("soon", "1"),
        ("12345678901234567890", "999999"),
        ("5\r\nSet-Cookie: MARKED", "1"),
        ("\u0661", "1"),
    ],
)
def test_rate_limit_is_passed_on(given: str | None, passed_on: str) -> None:
    """A 429 is our 503 with the OMS's own `Retry-After`, in seconds, or one second where that says nothing."""
    headers = {**JSON, "date": "Fri, 31 Dec 1999 23:59:00 GMT"}
    if given is not None:
        headers["retry-after"] = given
    problem = refused(GET_ORDER, UpstreamResponse(429, headers, b""))
    assert (problem.status, problem.headers) == (503, {"Retry-After": passed_on})


def test_a_503_with_retry_after_is_a_rate_limit() -> None:
    """An OMS that says when to come again is not failing."""
    problem = refused(GET_ORDER, UpstreamResponse(503, {"retry-after": "17"}, b""))
    assert (problem.code, problem.status, problem.headers) == ("upstream-rate-limited", 503, {"Retry-After": "17"})


@pytest.mark.parametrize(("date", "passed_on"), [("Fri, 31 Dec 1999 23:59:00", "59"), (None, "999999")])
def test_rate_limit_until_a_date(date: str | None, passed_on: str) -> None:
    """A date is read against that of the answer; without one against our own clock, and bounded."""
    until = "Fri, 31 Dec 1999 23:59:59 GMT" if date else "Fri Dec 31 23:59:59 9999"
    headers = {"retry-after": until} | ({} if date is None else {"date": date})
    assert refused(GET_ORDER, UpstreamResponse(429, headers, b"")).headers == {"Retry-After": passed_on}


def test_a_503_until_a_date_is_a_pause() -> None:
    """An OMS that says when to come again needs no clock of its own in the answer."""
    problem = refused(GET_ORDER, UpstreamResponse(503, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b""))
    assert (problem.code, problem.headers) == ("upstream-rate-limited", {"Retry-After": "999999"})


CONTENT_TYPES: dict[str, bool] = {
    "application/json": True,
    "application/json; charset=utf-8": True,
    "application/json;charset=UTF-8": True,
    'application/json; charset="utf-8"': True,
    "application/json; charset=us-ascii": True,
    "application/json ; profile=x": True,
    "Application/JSON": True,
    "application/hal+json": True,
    "application/vnd.oms.v2+json; charset=utf-8": True,
    "": False,
    "text/html": False,
    "text/json": False,
    "text/plain; x=application/json": False,
    "application/jsonp": False,
    "application/json5": False,
    "application/json, text/html": False,
    "application/x-ndjson": False,
    "application/json-seq": False,
    "application/xml": False,
    "application/octet-stream": False,
    "multipart/form-data; boundary=application/json": False,
    "application/json; charset=iso-8859-1": False,
    "application/json; charset=utf-16": False,
    "application/json; profile=x; charset=latin1": False,
    "json": False,
}


@pytest.mark.parametrize(("content_type", "accepted"), CONTENT_TYPES.items())
def test_content_type(content_type: str, accepted: bool) -> None:  # noqa: FBT001 - a table
    """Only a content type that says JSON, in UTF-8, is JSON; ours and the OMS's alike."""
    assert is_json(content_type) is accepted
    if not accepted:
        problem = refused(GET_ORDER, UpstreamResponse(200, {"content-type": content_type}, order_body()))
        assert (problem.code, problem.reason) == ("upstream-error", "content-type")


def test_no_content_type() -> None:
    """An answer that doesn't say what it is, is not taken."""
    assert refused(GET_ORDER, UpstreamResponse(200, {}, order_body())).reason == "content-type"


@pytest.mark.parametrize("encoding", ["br", "BR", "identity, zstd", "gzip,br", "compress"])
def test_compressed(encoding: str) -> None:
    """An answer in a compression that can't be read is refused by that name."""
    problem = refused(GET_ORDER, UpstreamResponse(200, {**JSON, "content-encoding": encoding}, b"[MARKED"))
    assert (problem.code, problem.reason) == ("upstream-error", "content-encoding")
    assert re.search(r"\((br|zstd|compress)\)", problem.detail)


@pytest.mark.parametrize(
    "encoding", ["identity", "Identity", "identity, identity", "", "UTF-8", "none", "gzip", "br", "zstd"]
)
def test_not_compressed(encoding: str) -> None:
    """Whatever else an OMS says of how it compressed, the body is what counts."""
    assert outward_body(
        GET_ORDER, UpstreamResponse(200, {**JSON, "content-encoding": encoding}, order_body()), UNMAPPED
    )


@pytest.mark.parametrize("content_type", ["", "text/html", "application/json; charset=latin1"])
def test_any_type(content_type: str) -> None:
    """Where any type is permitted, none is looked at."""
    check(GET_ORDER, UpstreamResponse(200, {"content-type": content_type}, order_body()), any_type=True)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("body", [b"", b"MARKED", b'{"MARKED', b"\xff", b"\x1f\x8b", b"NaN"])
def test_not_json(body: bytes, operation: Operation) -> None:
    """What doesn't parse is the OMS's failure."""
    problem = refused(operation, UpstreamResponse(200, JSON, body))
    assert (problem.code, problem.status, problem.reason) == ("upstream-error", 502, "malformed-json")


def test_contract_violation() -> None:
    """A broken contract is a 502 that points at the fields and shows none of their values."""
    body = order_body(changed(changed(ORDER, "status", ["MARKED"]), "items/0/unitPrice", "MARKED"))
    problem = refused(GET_ORDER, UpstreamResponse(200, JSON, body))
    assert (problem.code, problem.status, problem.reason) == ("upstream-contract", 502, "contract")
    assert {error.field for error in problem.errors} == {
        "/customerOrder/status",
        "/customerOrder/items/0/unitPrice",
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_operation_has_its_mapping(operation: Operation) -> None:
    """The answer to a GET goes through the GET's rules, that to a search through the search's."""
    mapping = compile_mapping(
        config.Mapping(
            get_order=config.OperationMapping(fields={"status": config.Rule(const="getOrder")}),
            search_orders=config.SearchMapping(fields={"status": config.Rule(const="searchOrders")}),
        )
    )
    outward = outward_body(operation, UpstreamResponse(200, JSON, BODIES[operation]), mapping)
    assert re.findall(rb'"status":"(\w+)"', outward) == [operation.name.encode()]


@pytest.mark.parametrize("status", [s for s in STATUSES if s >= 300])
def test_reasons_are_bounded(status: int) -> None:
    """What metrics count is the code or the status: no words of the OMS."""
    assert re.fullmatch(r"status-\d{3}|[a-z-]+", refused(GET_ORDER, UpstreamResponse(status, JSON, b"")).reason)


# ---- the order that was asked for


MAPPED = compile_mapping(
    config.Mapping(get_order=config.OperationMapping(fields={"status": config.Rule(const="X")}))
)


@pytest.mark.parametrize("mapping", [UNMAPPED, MAPPED], ids=["unmapped", "mapped"])
@pytest.mark.parametrize(
    "other", ["CO-2", "CO-12", "CO-", "", "co-1", " CO-1", "CO-1 ", "0CO-1", "CO-1\0", "CO-\uff11", 'CO-1","x":"']
)
def test_another_order(other: str, mapping: CompiledMapping) -> None:
    """An order that was not asked for never goes out, and its id is not in the problem."""
    body = order_body(changed(ORDER, "customerOrderId", other))
    assert outward_body(GET_ORDER, UpstreamResponse(200, JSON, body), mapping)
    with pytest.raises(Problem) as caught:
        outward_body(GET_ORDER, UpstreamResponse(200, JSON, body), mapping, Asked("CO-1"))
    problem = caught.value
    assert (problem.code, problem.reason, problem.status) == ("upstream-contract", "wrong-order", 502)
    ((pointer, detail),) = problem.errors
    assert pointer == "/customerOrder/customerOrderId"
    assert detail.startswith("is not the requested id")
    assert "CO-1" not in problem.body("c").decode()


@pytest.mark.parametrize("order_id", ["CO-1", "1", "A.b_c~d:e-f", "x" * 128])
def test_the_order_that_was_asked_for(order_id: str) -> None:
    """Any id that can be asked for is found in the answer, in whatever way it is written there."""
    body = order_body(changed(ORDER, "customerOrderId", order_id)).replace(b"x", b"\\u0078")
    assert outward_body(GET_ORDER, UpstreamResponse(200, JSON, body), UNMAPPED, Asked(order_id))
    reversed_order = json.dumps(
        {"x": 1, "customerOrder": dict(reversed({**ORDER, "customerOrderId": order_id}.items()))}
    )
    assert outward_body(GET_ORDER, UpstreamResponse(200, JSON, reversed_order.encode()), UNMAPPED, Asked(order_id))


@pytest.mark.parametrize(
    ("asked", "answered", "good"),
    [
        (Asked("co-1"), "CO-1", False),
        (Asked("co-1", ignore_case=True), "CO-1", True),
        (Asked("CO-1", ignore_case=True), "co-12", False),
        (Asked("CO-1", ignore_case=True), "CO-", False),
        (Asked("17", "00017"), "00017", True),
        (Asked("17", "00017"), "17", True),
        (Asked("17", "00017"), "0017", False),
        (Asked("a", "X-a", ignore_case=True), "x-A", True),
    ],
)
def test_another_form_of_the_id(asked: Asked, answered: str, good: bool) -> None:  # noqa: FBT001 - a table
    """The answer is the caller's order, or that which was looked up for it; case matters unless it is said."""
    answer = UpstreamResponse(200, JSON, order_body(changed(ORDER, "customerOrderId", answered)))
    with contextlib.nullcontext() if good else pytest.raises(Problem, match="another order"):
        assert outward_body(GET_ORDER, answer, UNMAPPED, asked)
