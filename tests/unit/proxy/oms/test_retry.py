"""One exchange, step by step, without a network."""

import pytest

from tenantproxy.oms.retry import Authorize, RejectedError, Renew, Send, exchange
from tenantproxy.transport.base import RETRYABLE, UNREACHABLE, UpstreamError, UpstreamResponse

OK = UpstreamResponse(200, {}, b"{}")
UNAUTHORIZED = UpstreamResponse(401, {}, b"")


def run(*replies: object, retries: int = 1) -> tuple[list[object], UpstreamResponse | Exception]:
    """Play an exchange; return its steps and its end."""
    steps = exchange(retries=retries)
    taken = [next(steps)]
    try:
        for reply in replies:
            taken.append(steps.send(reply))  # noqa: PERF401 - those before the end are wanted
    except StopIteration as end:
        return taken, end.value
    except (RejectedError, UpstreamError) as error:
        return taken, error
    raise AssertionError(f"the exchange wants more: {taken[-1]}")


def test_an_answer_ends_the_exchange() -> None:
    """Credential, call, answer."""
    assert run("a", OK) == ([Authorize(), Send("a")], OK)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 409, 429, 500, 501])
def test_other_statuses_are_not_retried(status: int) -> None:
    """Only 502, 503 and 504 are worth another call; a 403 is mostly about one order."""
    steps, end = run("a", UpstreamResponse(status, {}, b""))
    assert end == UpstreamResponse(status, {}, b"")
    assert len(steps) == 2


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_errors_are_retried_once(status: int) -> None:
    """`retries: 1` makes one more call, and gives the second answer."""
    steps, end = run("a", UpstreamResponse(status, {}, b""), OK)
    assert steps == [Authorize(), Send("a"), Send("a")]
    assert end == OK


@pytest.mark.parametrize("status", [502, 503, 504])
def test_retry_after_forbids_the_retry(status: int) -> None:
    """An OMS that says when to come again is not asked at once."""
    answer = UpstreamResponse(status, {"retry-after": "3"}, b"")
    assert run("a", answer) == ([Authorize(), Send("a")], answer)


@pytest.mark.parametrize("reason", sorted(RETRYABLE))
def test_connection_errors_are_retried(reason: str) -> None:
    """Where nothing of an answer came, the read is sent again."""
    assert run("a", UpstreamError(reason), OK)[1] == OK  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reason", sorted({"incomplete", "overloaded", "too-large", "http", *UNREACHABLE} - RETRYABLE)
)
def test_other_failures_are_not_retried(reason: str) -> None:
    """A broken answer, TLS failure or refused address would only come again."""
    error = UpstreamError(reason)  # type: ignore[arg-type]
    assert run("a", error) == ([Authorize(), Send("a")], error)


def test_retries_are_counted() -> None:
    """`retries: 0` makes none; `retries: 2` at most two."""
    error = UpstreamError("connect")
    assert run("a", error, retries=0) == ([Authorize(), Send("a")], error)
    assert len(run("a", error, error, error, retries=2)[0]) == 4


def test_401_with_nothing_newer_is_a_rejection() -> None:
    """A rejected credential is reported with the value that was rejected."""
    steps, end = run("a", UNAUTHORIZED, None)
    assert steps == [Authorize(), Send("a"), Renew("a")]
    assert isinstance(end, RejectedError)
    assert end.authorization == "a"


def test_401_is_retried_once_with_a_newer_credential() -> None:
    """A credential that was replaced meanwhile, or a newer token, gets one try."""
    assert run("a", UNAUTHORIZED, "b", OK) == ([Authorize(), Send("a"), Renew("a"), Send("b")], OK)


def test_second_401_is_final() -> None:
    """There is no third try."""
    steps, end = run("a", UNAUTHORIZED, "b", UNAUTHORIZED)
    assert len(steps) == 4
    assert isinstance(end, RejectedError)
    assert end.authorization == "b"


def test_steps_show_no_secret() -> None:
    """Whatever is logged of a step shows no credential."""
    assert "MARKED" not in repr((Send("MARKED"), Renew("MARKED")))
