"""The cooldown after the OMS rejected a credential: it gets no request with it for a while.

A wrong password at 100 requests a second would lock the tenant's account at the OMS. Without I/O; the clock is
the caller's.
"""

from typing import Final, Literal

from tenantproxy.credentials.authorizer import Authorization

COOLDOWN: Final = 2.0
"""Seconds."""

Admission = Literal["go", "probe", "wait", "refuse"]


class CredentialCooldown:
    """Lasts for `COOLDOWN` seconds or until the credential changes; then one probe goes first."""

    def __init__(self) -> None:
        self._rejected: Authorization | None = None
        self._until = 0.0
        self._probing = False

    def __repr__(self) -> str:
        return "CredentialCooldown(***)"

    def admit(self, now: float, authorization: Authorization) -> Admission:
        """Return what a request with this authorization may do.

        `probe` is a `go` whose end must be reported: by `accepted`, `rejected` or `release`. `wait`: ask
        again when the probe has ended.
        """
        if self._rejected is None:
            return "go"
        if authorization == self._rejected and now < self._until:
            return "refuse"
        if self._probing:
            return "wait"
        self._probing = True
        return "probe"

    def rejected(self, now: float, authorization: Authorization) -> None:
        """Take the OMS's rejection of `authorization`."""
        self._rejected = authorization
        self._until = now + COOLDOWN
        self._probing = False

    def accepted(self) -> None:
        """Take an answer to the probe that is not a rejection."""
        self._rejected = None
        self._probing = False

    def release(self) -> None:
        """Take back the probe: it ended without an answer; the next request is the probe."""
        self._probing = False

    def remaining(self, now: float) -> float:
        """Return the seconds that remain of the cooldown."""
        return max(0.0, self._until - now)
