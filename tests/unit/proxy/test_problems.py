"""The one table of errors, and its form on the wire."""

import json
import re
from http import HTTPStatus

import pytest

from tenantproxy import problems
from tenantproxy.errors import FieldProblem
from tenantproxy.problems import PROBLEM_TYPES, Problem, retry_after

SPECIFIED = {
    "malformed-request": 400,
    "malformed-json": 400,
    "method-not-allowed": 405,
    "target-too-long": 414,
    "headers-too-large": 431,
    "payload-too-large": 413,
    "unsupported-media-type": 415,
    "order-not-found": 404,
    "upstream-rejected-credentials": 502,
    "upstream-forbidden": 502,
    "upstream-contract": 502,
    "upstream-error": 502,
    "upstream-unreachable": 502,
    "credentials-not-configured": 503,
    "token-unavailable": 503,
}
"""The codes and statuses that the design names."""


@pytest.mark.parametrize(("code", "status"), SPECIFIED.items())
def test_specified_code(code: str, status: int) -> None:
    """The codes that the design names have the statuses that it names."""
    assert PROBLEM_TYPES[code].status == status


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_kind_is_sane(code: str) -> None:
    """Each code is kebab-case, an HTTP error, and has a title that reads as a phrase."""
    status, title, _, _ = PROBLEM_TYPES[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert HTTPStatus(status).value >= 400
    assert re.fullmatch(r"[A-Z][^\n]{8,78}[^.\s]", title)


def test_each_code_is_counted_once() -> None:
    """A failed call of the OMS, or of what is on the way, is counted as such; the OMS's own no is no failure.

    What only a relay answers is counted by its own metric.
    """
    counted = {code: kind.counted_as for code, kind in PROBLEM_TYPES.items()}
    failed = {code for code, metric in counted.items() if metric == "upstream"}
    on_the_way = {"forward-proxy-error", "token-unavailable"}
    assert failed == {code for code in counted if code.startswith("upstream-")} | on_the_way
    assert {code for code, metric in counted.items() if metric is None} == {"order-not-found", "search-rejected"}


def test_titles_tell_the_codes_apart() -> None:
    """No two codes share a title, so that the title alone says what happened."""
    titles = [kind.title for kind in PROBLEM_TYPES.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_body_is_rfc_9457(code: str) -> None:
    """The body has RFC 9457's members and our two, and no `errors` where no field is wrong."""
    assert problems.CONTENT_TYPE == "application/problem+json"
    assert json.loads(Problem(code, "What happened.").body("c-1")) == {
        "type": "about:blank",
        "title": PROBLEM_TYPES[code].title,
        "status": PROBLEM_TYPES[code].status,
        "detail": "What happened.",
        "code": code,
        "correlationId": "c-1",
    }


def test_body_lists_wrong_fields() -> None:
    """Each wrong field is a pointer and what is wrong with it, in the order found."""
    errors = [FieldProblem("/config/authUrl", "is missing"), FieldProblem("/a~1b", "is unknown")]
    body = json.loads(Problem("invalid-request", "Two fields.", errors=errors).body("c"))
    assert body["errors"] == [
        {"pointer": "/config/authUrl", "detail": "is missing"},
        {"pointer": "/a~1b", "detail": "is unknown"},
    ]


def test_body_keeps_headers_and_reason_to_itself() -> None:
    """The finer cause that metrics count, and the headers, are not in the body."""
    problem = Problem("upstream-error", "Failed.", headers={"Retry-After": "77"}, reason="INTERNAL")
    assert not re.search(rb"77|INTERNAL|Retry", problem.body("c"))
    assert (problem.reason, problem.headers, problem.status) == ("INTERNAL", {"Retry-After": "77"}, 502)


def test_reason_is_the_code_unless_finer() -> None:
    """Without a finer cause, metrics count the code."""
    assert Problem("overloaded", "Busy.").reason == "overloaded"


def test_unknown_code_is_a_bug() -> None:
    """A code that the table lacks can't reach a client with a made-up status."""
    with pytest.raises(KeyError):
        Problem("no-such-code", "").body("c")


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(0, "1"), (-3, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (2.0, "2"), (29.5, "30"), (30, "30")],
)
def test_retry_after(seconds: float, value: str) -> None:
    """`Retry-After` is whole seconds, rounded up and never zero, so that nobody comes back early."""
    assert retry_after(seconds) == {"Retry-After": value}
