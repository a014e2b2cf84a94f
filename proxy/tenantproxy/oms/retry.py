"""Whether a read of the OMS is sent again, decided from how the last attempt ended. Without I/O."""

from typing import Final, Literal

from tenantproxy.oms.outcomes import rejects_credential
from tenantproxy.transport.base import UpstreamError, UpstreamResponse

RETRYABLE: Final = frozenset(
    {
        *("connect", "connect-timeout", "disconnected", "dns"),
        *("forward-proxy-connect", "forward-proxy-gateway", "forward-proxy-timeout"),
    }
)
"""Failures of a call of which nothing of an answer had come."""
_RETRYABLE_STATUS: Final = frozenset({502, 503, 504})

Next = Literal["done", "reauthenticate", "rejected", "send again"]
"""`reauthenticate`: send again with a newer authorization, if one can be had; `rejected`: no other try."""


class RetryPolicy:
    """The budget of one idempotent read.

    It is sent again at most `retries` times after a connection error or a 502, 503 or 504 without `Retry-After`,
    and at most once after a 401. An answer that has a meaning by the configuration is what that says.
    """

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._may_reauthenticate = True

    def after(self, outcome: UpstreamResponse | UpstreamError) -> Next:
        """Return what to do after an attempt that ended so."""
        if isinstance(outcome, UpstreamResponse) and rejects_credential(outcome):
            if not self._may_reauthenticate:
                return "rejected"
            self._may_reauthenticate = False
            return "reauthenticate"
        if self._retries > 0 and _is_transient(outcome):
            self._retries -= 1
            return "send again"
        return "done"


def _is_transient(outcome: UpstreamResponse | UpstreamError) -> bool:
    if isinstance(outcome, UpstreamError):
        return outcome.reason in RETRYABLE
    if outcome.meaning is not None:
        return False
    return outcome.status in _RETRYABLE_STATUS and "retry-after" not in outcome.headers
