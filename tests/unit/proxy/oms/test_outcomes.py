"""What an answer means: compiled from the configuration, read from the top."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy import config
from tenantproxy.oms.outcomes import (
    MAX_CONDITIONS,
    MAX_OUTCOMES,
    MAX_STATUSES,
    NO_ORDERS_FOUND,
    OutcomeError,
    compile_outcomes,
    rejects_credential,
)
from tenantproxy.operations import GET_ORDER, Operation
from tenantproxy.orders.weight import LIGHT_BYTES
from tenantproxy.transport.base import UpstreamResponse

NOT_FOUND = {"status": [404], "means": "order-not-found"}


def outcomes(*given: dict[str, Any]) -> tuple[config.Outcome, ...]:
    return msgspec.convert(given, tuple[config.Outcome, ...])


def meaning(status: int, body: bytes, *given: dict[str, Any], operation: Operation = GET_ORDER) -> str | None:
    compiled = compile_outcomes(operation, outcomes(*given))
    assert compiled is not None
    return compiled(UpstreamResponse(status, {}, body))


def when(pointer: str, *words: str, absent: bool | None = None) -> dict[str, Any]:
    condition = {"from": pointer, **({"in": words} if words else {"absent": absent})}
    return {"status": [200, 400], "when": [condition], "means": "order-not-found"}


FITS: dict[str, tuple[dict[str, Any], bytes]] = {
    "null": (when("", absent=True), b"null"),
    "nothing": (when("", absent=True), b""),
    "an empty object": (when("/orderId", absent=True), b"{}"),
    "null at a pointer": (when("/data/order", absent=True), b'{"data": {"order": null}}'),
    "null above a pointer": (when("/data/order", absent=True), b'{"data": null, "errors": []}'),
    "an error object": (when("/error", absent=False), b'{"error": {"code": 5}}'),
    "a word": (
        when("/errors/0/type", "UnknownIdentifierError"),
        b'{"errors": [{"type": "UnknownIdentifierError"}]}',
    ),
    "a word in a list": (when("/0/errorCode", "QUERY_TIMEOUT"), b'[{"errorCode": "QUERY_TIMEOUT"}]'),
    "a number": (when("/code", "5"), b'{"code": 5.0}'),
    "an empty list": (when("/items/0", absent=True), b'{"items": []}'),
    "half of a surrogate pair elsewhere": (when("/code", "5"), b'{"code": 5, "message": "cut \\ud83d"}'),
    "half of one in a name": (when("/code", "5"), b'{"\\ude00": 0, "code": 5}'),
    "a large body": (when("/code", "5"), b'{"a": "%s", "code": 5}' % (b"x" * LIGHT_BYTES)),
    "many values": (when("/code", absent=True), b"[%s0]" % (b"0," * 3000)),
    "space around it": (when("/code", "5"), b'\r\n {"code": 5} \n'),
}
FITS_NOT: dict[str, tuple[dict[str, Any], bytes]] = {
    "an order": (when("/data/order", absent=True), b'{"data": {"order": {}}}'),
    "another word": (when("/errors/0/type", "A"), b'{"errors": [{"type": "B"}]}'),
    "a word of another type": (when("/code", "a"), b'{"code": ["a"]}'),
    "HTML": (when("/code", absent=True), b"<html>"),
    "half of a surrogate pair": (when("/code", "a"), b'{"code": "\\ud83d"}'),
    "half of one and no JSON": (when("/code", "5"), b'{"code": 5, "message": "\\ud83d"'),
    "no UTF-8": (when("/code", "a"), b'{"code": "\xff"}'),
    "a cut text": (when("/code", absent=True), b'{"a": 1'),
    "nested too deeply": (when("/code", absent=True), b"[" * 50_000 + b"]" * 50_000),
    "more values than orders can have": (when("/code", absent=True), b"[%s0]" % (b"0," * LIGHT_BYTES)),
}


@pytest.mark.parametrize("name", FITS)
def test_fits(name: str) -> None:
    """Conditions are about a body's JSON; an empty body is null."""
    outcome, body = FITS[name]
    assert meaning(200, body, outcome) == "order-not-found"
    assert meaning(404, body, outcome) is None, "another status"


@pytest.mark.parametrize("name", FITS_NOT)
def test_fits_not(name: str) -> None:
    """What is no JSON is no answer that conditions are about."""
    outcome, body = FITS_NOT[name]
    assert meaning(200, body, outcome) is None


def test_what_takes_long() -> None:
    """A large body, if it has to be looked into for its status."""
    outcome = when("/code", "5")
    compiled = compile_outcomes(GET_ORDER, outcomes(outcome, NOT_FOUND))
    assert compiled is not None
    large = b" " * (LIGHT_BYTES + 1)
    long = [status for status in (200, 400, 404, 500) if compiled.takes_long(UpstreamResponse(status, {}, large))]
    assert long == [200, 400]
    assert not compiled.takes_long(UpstreamResponse(200, {}, b"{}"))


def test_the_first_that_fits() -> None:
    """Outcomes are read from the top; without `when` one fits whatever the body is."""
    limited = {
        "status": [403],
        "when": [{"from": "/0/errorCode", "in": ["LIMIT"]}],
        "means": "upstream-rate-limited",
    }
    given = (limited, {"status": [400, 403], "means": "upstream-rejected-credentials"})
    assert meaning(403, b'[{"errorCode": "LIMIT"}]', *given) == "upstream-rate-limited"
    assert meaning(403, b'[{"errorCode": "OTHER"}]', *given) == "upstream-rejected-credentials"
    assert meaning(403, b"<html>", *given) == meaning(400, b"", *given) == "upstream-rejected-credentials"
    assert meaning(404, b"", *given) is None


def test_all_conditions() -> None:
    """An outcome fits where all of its conditions hold."""
    both = {**NOT_FOUND, "when": [{"from": "/a", "in": ["1"]}, {"from": "/b", "absent": True}]}
    assert meaning(404, b'{"a": 1}', both) == "order-not-found"
    assert meaning(404, b'{"a": 1, "b": 2}', both) is meaning(404, b'{"a": 2}', both) is None


def test_none() -> None:
    """Where nothing is configured there is nothing to do for an answer."""
    assert compile_outcomes(GET_ORDER, ()) is None


def case(pointer: str, *words: str, absent: bool | None = None) -> dict[str, Any]:
    return {**when(pointer, *words, absent=absent), "status": [400]}


def both(*cases: dict[str, Any]) -> dict[str, Any]:
    return {**cases[0], "when": [condition for case in cases for condition in case["when"]]}


CONDITION = {"from": "/a", "absent": True}
REFUSED: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "no status": ([{**NOT_FOUND, "status": []}], "outcomes[0].status", "is empty"),
    "a status twice": ([{**NOT_FOUND, "status": [404, 404]}], "outcomes[0].status", "names a status twice"),
    "200 for everything": ([{**NOT_FOUND, "status": [200]}], "outcomes[0].when", "no order would ever be read"),
    "a meaning of a search": (
        [{**NOT_FOUND, "means": NO_ORDERS_FOUND}],
        "outcomes[0].means",
        "there is order-not-f",
    ),
    "no word": ([{**NOT_FOUND, "when": [{"from": "/a"}]}], "outcomes[0].when[0]", "needs one of"),
    "a bad pointer": (
        [{**NOT_FOUND, "when": [{**CONDITION, "from": "a"}]}],
        "outcomes[0].when[0].from",
        "RFC 6901",
    ),
    "too many outcomes": (
        [{**NOT_FOUND, "status": [400 + index]} for index in range(MAX_OUTCOMES + 1)],
        "outcomes",
        "has 17 elements; shorten it to at most 16",
    ),
    "too many statuses": (
        [{**NOT_FOUND, "status": [*range(400, 401 + MAX_STATUSES)]}],
        "outcomes[0].status",
        "at most 8",
    ),
    "too many conditions": (
        [{**NOT_FOUND, "when": [CONDITION] * (MAX_CONDITIONS + 1)}],
        "outcomes[0].when",
        "at most 8",
    ),
    "sameAs": (
        [{**NOT_FOUND, "when": [{"from": "/a", "sameAs": "/b"}]}],
        "outcomes[0].when[0].sameAs",
        "is for `pick` only",
    ),
    "behind one for every body": (
        [NOT_FOUND, {**NOT_FOUND, "when": [CONDITION]}],
        "outcomes[1]",
        "can't be reached",
    ),
    "behind the same": ([{**NOT_FOUND, "when": [CONDITION]}] * 2, "outcomes[1]", "can't be reached"),
    "behind other words": ([case("/a", "x", "y"), case("/a", "y", "x")], "outcomes[1]", "can't be reached"),
    "behind more words": ([case("/a", "x", "5"), case("/a", "5")], "outcomes[1]", "can't be reached"),
    "behind fewer conditions": (
        [case("/a", "x"), both(case("/b", "y"), case("/a", "x"))],
        "outcomes[1]",
        "can't be reached",
    ),
    "behind other order": (
        [both(case("/b", "y"), case("/a", "x")), both(case("/a", "x"), case("/b", "y"))],
        "outcomes[1]",
        "can't be reached",
    ),
    "behind what is above": (
        [case("/errors", absent=False), case("/errors/0/code", "x")],
        "outcomes[1]",
        "can't be reached",
    ),
    "behind one for each status": (
        [
            {**case("/a", absent=False), "status": [400]},
            {**case("/a", "x", "y"), "status": [410]},
            {**case("/a", "x"), "status": [400, 410]},
        ],
        "outcomes[2]",
        "can't be reached",
    ),
    "conditions that contradict themselves": (
        [both(case("/a", "x"), case("/a", absent=True))],
        "outcomes[0].when[1]",
        "never holds where [0] does; change or remove one of them",
    ),
    "200 with any body": ([when("", absent=False)], "outcomes[0].when", "no order would ever be read"),
    "behind two": (
        [NOT_FOUND, {**NOT_FOUND, "status": [410]}, {**NOT_FOUND, "status": [404, 410]}],
        "outcomes[2]",
        "can't be reached",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What can't be meant is refused, by its path, with the fix."""
    given, path, words = REFUSED[name]
    with pytest.raises(OutcomeError) as caught:
        compile_outcomes(GET_ORDER, outcomes(*given))
    ((field, detail),) = caught.value.errors
    assert field == path
    assert words in detail


@pytest.mark.parametrize(
    "given",
    [
        [case("/a", "x"), case("/a", "x", "y")],
        [case("/a", "x"), case("/b", "x")],
        [case("/a/b", absent=False), case("/a", absent=False)],
        [both(case("/a", "x"), case("/b", "y")), case("/a", "x")],
        [case("/ab", absent=False), case("/a/b", "x")],
        [{**case("/a", "x"), "status": [400]}, {**case("/a", "x"), "status": [400, 410]}],
        [case("/errors/0/code", "x"), case("/errors/0", absent=False), case("/order", absent=True)],
    ],
)
def test_each_can_be_reached(given: list[dict[str, Any]]) -> None:
    """The more exact one stands above."""
    assert compile_outcomes(GET_ORDER, outcomes(*given)) is not None


def test_reached_by_one_of_its_statuses() -> None:
    """An outcome of which one status is new can be reached."""
    assert meaning(410, b"", NOT_FOUND, {"status": [404, 410], "means": "upstream-error"}) == "upstream-error"


@pytest.mark.parametrize(
    ("status", "means", "rejected"),
    [
        (401, None, True),
        (403, None, False),
        (200, "upstream-rejected-credentials", True),
        (401, "upstream-forbidden", False),
    ],
)
def test_rejected_credential(status: int, means: str | None, rejected: bool) -> None:  # noqa: FBT001 - a table
    """A meaning counts more than a status."""
    assert rejects_credential(UpstreamResponse(status, {}, b"", meaning=means)) is rejected


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(body=st.binary() | documents.map(lambda document: json.dumps(document).encode()))
def test_any_body(body: bytes) -> None:
    """Whatever a body is, it has a meaning or none."""
    conditions = [{"from": "/a/0", "in": ["x", "1"]}, {"from": "", "absent": False}]
    for condition in conditions:
        assert meaning(404, body, {**NOT_FOUND, "when": [condition]}) in (None, "order-not-found")
