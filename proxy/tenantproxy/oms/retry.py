"""One exchange with the OMS, as a generator without I/O: which credential, which call, whether again.

The driver (`oms`) sends back what each step asked for. For `Authorize()` an `Authorization` value (or it raises
the Problem that there is none); for `Renew(rejected)` one other than `rejected`, or None where nothing newer
can be had; for `Send(authorization)` the OMS's `UpstreamResponse`, or the `UpstreamError`.
"""

from collections.abc import Generator
from typing import Final, NamedTuple

from tenantproxy.transport.base import RETRYABLE, UpstreamError, UpstreamResponse

_UNAUTHORIZED: Final = 401
_RETRYABLE_STATUS: Final = frozenset({502, 503, 504})


class Authorize(NamedTuple):
    """Asks which `Authorization` to use."""


class Renew(NamedTuple):
    """Asks for another `Authorization` than this one, which the OMS rejected."""

    rejected: str

    def __repr__(self) -> str:
        return "Renew(***)"


class Send(NamedTuple):
    """Make the call with this `Authorization`."""

    authorization: str

    def __repr__(self) -> str:
        return "Send(***)"


Step = Authorize | Renew | Send
Reply = str | None | UpstreamResponse | UpstreamError


class RejectedError(Exception):
    """The OMS rejected the `Authorization`, and there is nothing newer."""

    def __init__(self, authorization: str) -> None:
        super().__init__()
        self.authorization = authorization


def exchange(*, retries: int) -> Generator[Step, Reply, UpstreamResponse]:
    """Carry out one idempotent read.

    It is sent again at most `retries` times after a connection error or a 502, 503 or 504 without `Retry-After`,
    and at most once after a 401, if another credential or token than the one it used is at hand.

    Raises:
        RejectedError: 401, and nothing newer.
        UpstreamError: No answer.

    """
    authorization = yield Authorize()
    assert isinstance(authorization, str)  # noqa: S101 - the driver's part of the protocol
    renewed = False
    while True:
        outcome = yield Send(authorization)
        if isinstance(outcome, UpstreamResponse) and outcome.status == _UNAUTHORIZED:
            newer = None if renewed else (yield Renew(authorization))
            if not isinstance(newer, str):
                raise RejectedError(authorization)
            authorization = newer
            renewed = True
        elif retries > 0 and _is_worth_a_retry(outcome):
            retries -= 1
        elif isinstance(outcome, UpstreamResponse):
            return outcome
        else:
            assert isinstance(outcome, UpstreamError)  # noqa: S101 - the driver's part of the protocol
            raise outcome


def _is_worth_a_retry(outcome: Reply) -> bool:
    if isinstance(outcome, UpstreamError):
        return outcome.reason in RETRYABLE
    return (
        isinstance(outcome, UpstreamResponse)
        and outcome.status in _RETRYABLE_STATUS
        and "retry-after" not in outcome.headers
    )
