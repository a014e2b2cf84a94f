"""The cooldown after the OMS rejected an access token: it gets no request with it for a while.

That is no wrong login, which is the token endpoint's matter (see `login_gate`): it spares an OMS that rejects all
tokens. Without I/O; the clock is the caller's.
"""

from typing import Final

from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.proof import Admission

COOLDOWN: Final = (2.0, 60.0)
"""Seconds after the first rejection in a row, and at most: it doubles."""


class TokenCooldown:
    """Lasts until its time is over, or the token is another one; then one request goes first."""

    def __init__(self) -> None:
        self._rejected: Authorization | None = None
        self._seconds = 0.0
        self._until = 0.0
        self._trying = False
        self.is_over = True
        """Whether the OMS takes the tokens, as far as is known."""

    def __repr__(self) -> str:
        return "TokenCooldown(***)"

    def admit(self, now: float, authorization: Authorization) -> Admission:
        """Return what a request with this authorization may do; the end of a `TRY` must be reported."""
        if self.is_over:
            return Admission.GO
        if self.holds(now, authorization):
            return Admission.REFUSE
        if self._trying:
            return Admission.WAIT
        self._trying = True
        return Admission.TRY

    def holds(self, now: float, authorization: Authorization) -> bool:
        """Tell whether nothing may be sent with it now."""
        return authorization == self._rejected and now < self._until

    def rejected(self, now: float, authorization: Authorization) -> None:
        """Take the OMS's rejection of a token; those of requests that were in flight together are one."""
        if self._rejected is None or now >= self._until:
            first, longest = COOLDOWN
            self._seconds = min(2 * self._seconds, longest) if self._rejected is not None else first
        self._rejected = authorization
        self.is_over = False
        self._until = now + self._seconds
        self._trying = False

    def accepted(self) -> None:
        """Take an answer to the request that went first which is not a rejection."""
        self._rejected = None
        self.is_over = True
        self._trying = False

    def released(self) -> None:
        """Let the next request go first: the last one ended without an answer that says anything."""
        self._trying = False

    def remaining(self, now: float) -> float:
        """Return the seconds that remain."""
        return max(0.0, self._until - now)
