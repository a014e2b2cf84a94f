"""The hold after the OMS rejected a credential: it is not asked again with it for a while.

A wrong password at 100 requests a second would lock the tenant's account at the OMS. Without I/O; the clock is
the caller's.
"""

from typing import Final, Literal

HOLD: Final = 2.0
"""Seconds."""

Admission = Literal["go", "probe", "wait", "refuse"]


class Hold:
    """Held for `HOLD` seconds or until the credential changes; then one probe goes first."""

    def __init__(self) -> None:
        self._rejected: str | None = None
        self._until = 0.0
        self._probing = False

    def __repr__(self) -> str:
        return "Hold(***)"

    def admit(self, now: float, authorization: str) -> Admission:
        """Return what a request with this `Authorization` may do.

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

    def rejected(self, now: float, authorization: str) -> None:
        """Take the OMS's rejection of `authorization`."""
        self._rejected = authorization
        self._until = now + HOLD
        self._probing = False

    def accepted(self) -> None:
        """Take an answer to the probe that is not a rejection."""
        self._rejected = None
        self._probing = False

    def release(self) -> None:
        """Take back the probe: it ended without an answer; the next request is the probe."""
        self._probing = False

    def remaining(self, now: float) -> float:
        """Return the seconds for which the hold goes on."""
        return max(0.0, self._until - now)
