"""The criteria of a search: which are taken, as what, and what is said of the others."""

import json
from typing import Any

import msgspec
import pytest

from tenantproxy.api.search_criteria import parse
from tenantproxy.config import Criterion
from tenantproxy.oms.requests.criteria import MAX_ERRORS, MAX_LENGTH, Criteria
from tenantproxy.patterns import PatternError
from tenantproxy.problems import Problem

GIVEN = {
    "email": Criterion(pattern=r"[^@ ]+@[^@ ]+", trim=True, lower_case=True),
    "phone": Criterion(pattern=r"\+?[0-9]{4,15}"),
}


def check(sent: Any, given: dict[str, Criterion] = GIVEN) -> dict[str, str]:
    return Criteria(given).check(parse(json.dumps(sent).encode()))


def refused(sent: Any) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as caught:
        check(sent)
    assert (caught.value.code, caught.value.status) == ("invalid-request", 400)
    return [(error.field, error.detail) for error in caught.value.errors]


def test_what_is_taken() -> None:
    """The customer's id always, others as the platform team says, trimmed and in lower case first."""
    assert check({"customerId": " C \u00e9"}, {}) == {"customerId": " C \u00e9"}
    assert check({"email": "  A@B.Example\t"}) == {"email": "a@b.example"}
    assert check({"phone": "+4670123", "customerId": "C"}) == {"phone": "+4670123", "customerId": "C"}


@pytest.mark.parametrize(
    ("sent", "pointer", "words"),
    [
        ({}, "", "has no criterion; there are customerId, email, phone"),
        (
            {"customerId": "C", "other": "x"},
            "/other",
            "is not a criterion of this search; there are customerId, email,",
        ),
        ({"a/b": "x"}, "", "is not a criterion"),
        ({"x" * 65: "x"}, "", "is not a criterion"),
        ({"customerId": 1}, "/customerId", "must be a string"),
        ({"customerId": None}, "/customerId", "must be a string"),
        ({"customerId": ["C"]}, "/customerId", "must be a string"),
        ({"customerId": ""}, "/customerId", "must have 1 to 256 characters"),
        ({"customerId": "x" * (MAX_LENGTH + 1)}, "/customerId", "must have 1 to 256 characters"),
        ({"customerId": "a\nb"}, "/customerId", "no control characters"),
        ({"customerId": "a\u0085b"}, "/customerId", "no control characters"),
        ({"email": "\u0130" * (MAX_LENGTH // 2 + 1) + "@b"}, "/email", "must have 1 to 256 characters"),
        ({"email": "   "}, "/email", "must have 1 to 256 characters"),
        ({"email": "a b@c"}, "/email", "must match [^@ ]+@[^@ ]+"),
        ({"phone": " 12345"}, "/phone", "must match"),
    ],
)
def test_what_is_not_taken(sent: dict[str, Any], pointer: str, words: str) -> None:
    """Each field that is wrong is pointed at, with what it must be; none is dropped."""
    ((field, detail),) = refused(sent)
    assert field == pointer
    assert detail.startswith(words) or words in detail


def test_what_no_search_goes_without() -> None:
    """Where the OMS needs a criterion, a search without it is refused, whatever else it has."""
    criteria = Criteria({"customerId": Criterion(required=True), "email": Criterion()})
    for sent, pointers in {
        '{"email":"a@b"}': ["/customerId"],
        "{}": ["/customerId"],
        '{"customerId":"C"}': [],
    }.items():
        found = []
        try:
            criteria.check(msgspec.json.decode(sent, type=dict[str, msgspec.Raw]))
        except Problem as problem:
            found = [error.field for error in problem.errors]
        assert found == pointers


def test_all_errors_at_once_up_to_a_bound() -> None:
    """A caller learns of several errors at once, and can't have us write a long answer."""
    assert [field for field, _ in refused({"a": "1", "customerId": 1})] == ["/a", "/customerId"]
    assert len(refused({f"a{number}": "x" for number in range(1000)})) == MAX_ERRORS


def test_values_are_not_made_in_vain() -> None:
    """Of what is no string, nothing is decoded."""
    sent = {"customerId": msgspec.Raw(b"[" + b"1," * 30_000 + b"1]")}
    with pytest.raises(Problem):
        Criteria({}).check(sent)


def test_a_bad_pattern() -> None:
    """A pattern that can't be used is refused before any search."""
    with pytest.raises(PatternError):
        Criteria({"a": Criterion(pattern="(a")})
