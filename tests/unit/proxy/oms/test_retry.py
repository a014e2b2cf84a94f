"""Whether a read is sent again, attempt by attempt, without a network."""

import pytest

from tenantproxy.oms.retry import RETRYABLE, Next, RetryPolicy
from tenantproxy.transport.base import UNREACHABLE, UpstreamError, UpstreamResponse

UNAUTHORIZED = UpstreamResponse(401, {}, b"")
OK = UpstreamResponse(200, {}, b"{}")


def after(*outcomes: UpstreamResponse | UpstreamError, retries: int = 1) -> list[Next]:
    """Return what the policy says after each of these attempts of one read."""
    policy = RetryPolicy(retries)
    return [policy.after(outcome) for outcome in outcomes]


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 409, 429, 500, 501])
def test_other_statuses_are_not_retried(status: int) -> None:
    """Only 502, 503 and 504 are worth another call; a 403 is mostly about one order."""
    assert after(UpstreamResponse(status, {}, b"")) == ["done"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_errors_are_retried_once(status: int) -> None:
    """`retries: 1` makes one more call, and takes the second answer."""
    assert after(UpstreamResponse(status, {}, b""), OK) == ["send again", "done"]
    assert after(*[UpstreamResponse(status, {}, b"")] * 2) == ["send again", "done"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_retry_after_forbids_the_retry(status: int) -> None:
    """An OMS that says when to come again is not asked at once."""
    assert after(UpstreamResponse(status, {"retry-after": "3"}, b"")) == ["done"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_has_a_meaning_is_not_retried(status: int) -> None:
    """An answer that the configuration gives a meaning is understood; it would only come again."""
    assert after(UpstreamResponse(status, {}, b"", meaning="order-not-found")) == ["done"]


@pytest.mark.parametrize("reason", sorted(RETRYABLE))
def test_connection_errors_are_retried(reason: str) -> None:
    """Where nothing of an answer came, the read is sent again."""
    assert after(UpstreamError(reason), OK) == ["send again", "done"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reason", sorted({"incomplete", "overloaded", "too-large", "http", *UNREACHABLE} - RETRYABLE)
)
def test_other_failures_are_not_retried(reason: str) -> None:
    """A broken answer, TLS failure or refused address would only come again."""
    assert after(UpstreamError(reason)) == ["done"]  # type: ignore[arg-type]


def test_retries_are_counted() -> None:
    """`retries: 0` makes none; `retries: 2` at most two."""
    error = UpstreamError("connect")
    assert after(error, retries=0) == ["done"]
    assert after(error, error, error, retries=2) == ["send again", "send again", "done"]


def test_401_is_retried_once_with_a_newer_credential() -> None:
    """A credential that was replaced meanwhile, or a newer token, gets one try; a second 401 is final."""
    assert after(UNAUTHORIZED, OK) == ["reauthenticate", "done"]
    assert after(UNAUTHORIZED, UNAUTHORIZED) == ["reauthenticate", "rejected"]


def test_a_401_takes_no_retry() -> None:
    """Both budgets are there for one read, in any order."""
    error = UpstreamError("disconnected")
    assert after(UNAUTHORIZED, error, OK) == ["reauthenticate", "send again", "done"]
    assert after(error, UNAUTHORIZED, OK) == ["send again", "reauthenticate", "done"]
    assert after(UNAUTHORIZED, OK, retries=0) == ["reauthenticate", "done"]
