"""The table of verdicts: what comes of a trial, by what the token endpoint or the OMS answered."""

import pytest

from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.token_answer import REASONS
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.verdict import Outcome, of_order, of_problem, of_token
from tenantproxy.problems import PROBLEM_TYPES, Problem

READS: dict[tuple[str, str | None], tuple[Outcome, str]] = {
    ("order-not-found", None): ("accepted", "order-not-found"),
    ("upstream-rejected-credentials", "status-401"): ("failed", "rejected"),
    ("upstream-forbidden", "status-403"): ("failed", "forbidden"),
    ("upstream-contract", "contract"): ("failed", "contract"),
    ("upstream-contract", "wrong-order"): ("failed", "contract"),
    ("upstream-contract", "status-302"): ("failed", "contract"),
    ("upstream-error", "content-type"): ("failed", "contract"),
    ("upstream-error", "malformed-json"): ("failed", "contract"),
    ("upstream-error", "content-encoding"): ("failed", "contract"),
    ("upstream-error", "status-500"): ("inconclusive", "status-500"),
    ("upstream-error", "disconnected"): ("inconclusive", "disconnected"),
    ("upstream-error", "incomplete"): ("inconclusive", "incomplete"),
    ("upstream-error", "http"): ("failed", "contract"),
    ("upstream-error", "too-large"): ("failed", "contract"),
    ("upstream-unreachable", "tls"): ("failed", "tls"),
    ("upstream-unreachable", "dns"): ("failed", "dns"),
    ("upstream-unreachable", "egress"): ("failed", "egress"),
    ("upstream-unreachable", "connect-timeout"): ("failed", "connect-timeout"),
    ("upstream-unreachable", "connect"): ("inconclusive", "connect"),
    ("upstream-unreachable", "forward-proxy-timeout"): ("failed", "forward-proxy-timeout"),
    ("upstream-unreachable", "forward-proxy-gateway"): ("inconclusive", "forward-proxy-gateway"),
    ("upstream-timeout", None): ("failed", "upstream-timeout"),
    ("upstream-timeout", "status-503"): ("inconclusive", "status-503"),
    ("upstream-rate-limited", "status-429"): ("inconclusive", "status-429"),
    ("forward-proxy-error", "forward-proxy-denied"): ("failed", "forward-proxy-denied"),
    ("forward-proxy-error", "forward-proxy-auth"): ("failed", "forward-proxy-auth"),
    ("forward-proxy-error", "forward-proxy-connect"): ("inconclusive", "forward-proxy-connect"),
    ("overloaded", None): ("inconclusive", "overloaded"),
}


@pytest.mark.parametrize(("code", "reason"), READS)
def test_what_a_read_says(code: str, reason: str | None) -> None:
    """What another try won't mend has failed, and the way to the OMS with it; one that is down says nothing."""
    verdict = of_problem(Problem(code, "The detail.", reason=reason))
    assert (verdict.outcome, verdict.reason) == READS[code, reason]
    assert verdict.outcome == "accepted" or verdict.detail.startswith("The detail.")


def test_every_problem_of_a_read_has_a_row() -> None:
    """What a call of the OMS can come to is in the table above."""
    of_calls = {code for code, kind in PROBLEM_TYPES.items() if kind.counted_as == "upstream"}
    assert of_calls - {code for code, _ in READS} == {"token-unavailable"}


@pytest.mark.parametrize(("code", "reason"), READS)
def test_how_many_wrong_logins_a_read_was(code: str, reason: str | None) -> None:
    """One, where the OMS rejected it; none, where the login was at the token endpoint."""
    problem = Problem(code, "", reason=reason)
    rejected = code == "upstream-rejected-credentials"
    assert of_problem(problem).wrong_logins == (1 if rejected else None)
    assert of_problem(problem, by_token=True).wrong_logins is None


@pytest.mark.parametrize(
    ("failure", "logins"),
    [
        (Failure(rejected=True, reason="invalid_client", status=401), 1),
        (Failure(rejected=True, reason="invalid_client", status=401, logins=2), 2),
        (Failure(rejected=False, reason="status-500", status=500), None),
        (Failure(rejected=False, reason="timeout"), None),
    ],
)
def test_how_many_wrong_logins_a_token_was(failure: Failure, logins: int | None) -> None:
    """As many as the token endpoint has rejected."""
    assert of_token(failure).wrong_logins == logins


def test_what_the_admin_is_told_beside() -> None:
    """The fields that break the contract, and when the OMS may be asked again."""
    broken = of_problem(
        Problem("upstream-contract", "Broken.", errors=[FieldProblem("/customerOrder", "is missing")])
    )
    assert broken.errors == [FieldProblem("/customerOrder", "is missing")]
    limited = of_problem(Problem("upstream-rate-limited", "Slowly.", headers={"Retry-After": "7"}))
    assert limited.headers == {"Retry-After": "7"}
    assert of_order(found=True).outcome == of_order(found=False).outcome == "accepted"
    assert of_order(found=True).detail != of_order(found=False).detail


@pytest.mark.parametrize(
    ("failure", "outcome", "told"),
    [
        (Failure(rejected=True, reason="invalid_client", status=401), "failed", "(401 invalid_client)"),
        (Failure(rejected=True, reason="invalid_scope", status=400), "failed", "(400 invalid_scope)"),
        (Failure(rejected=True, reason="status-404", status=404), "failed", "no token endpoint at this URL (404)"),
        (Failure(rejected=False, reason="redirect", status=302), "failed", "(302 redirect)"),
        (Failure(rejected=False, reason="not-json", status=200), "failed", "(200 not-json)"),
        (Failure(rejected=False, reason="status-503", status=503), "inconclusive", "(503)"),
        (Failure(rejected=False, reason="status-429", status=429), "inconclusive", "(429)"),
        *(
            (Failure(rejected=False, reason=reason), "failed", "(unreachable)")
            for reason in ("dns", "egress", "connect", "connect-timeout", "tls", "http", "timeout")
        ),
    ],
)
def test_what_a_token_endpoint_says(failure: Failure, outcome: Outcome, told: str) -> None:
    """Its URL is the admin's: what does not answer has failed, and finer words could explore our network."""
    verdict = of_token(failure)
    assert (verdict.outcome, verdict.reason) == (outcome, failure.reason)
    assert told in verdict.detail


@pytest.mark.parametrize("reason", REASONS)
def test_an_answer_without_a_token_condemns(reason: str) -> None:
    """Whatever its reason: such an answer can be mended by another credential only."""
    assert of_token(Failure(rejected=reason.startswith("invalid"), reason=reason, status=200)).outcome == "failed"
