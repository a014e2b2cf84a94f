"""What a credential of any kind gives a request: the headers that authorize it."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

from tenantproxy.problems import Problem, retry_after

FoundStyle = Literal["client_secret_basic", "client_secret_post"]
"""The style of client authentication at a token endpoint that was found out, where `clientAuth` is `auto`."""

_TOLD: Final = frozenset({"internal", "too-large"})
"""Reasons for a failure without an answer that are not about the way to the token endpoint."""


class Authorization(NamedTuple):
    """The headers that authorize a request; printing it shows no value."""

    headers: Mapping[str, str]
    found: FoundStyle | None = None
    """How a trial got it, where that had to be found out."""

    def __repr__(self) -> str:
        return "Authorization(***)"


class Failure(NamedTuple):
    """Why no token was had: `rejected` where the token endpoint says no, which a retry won't mend."""

    rejected: bool
    reason: str
    """One of a bounded number of words, as metrics count it."""
    retry_after: float = 0.0
    status: int | None = None
    """Of the answer, if there was one."""
    logins: int = 1
    """How many attempts to log in were rejected, if any was."""

    @property
    def in_full(self) -> str:
        """The reason with the status, for our own log."""
        if self.status is None:
            return self.reason
        return f"{self.status}" if self.reason == f"status-{self.status}" else f"{self.status} {self.reason}"

    @property
    def told(self) -> str:
        """The reason in the words for callers.

        One word for all that brought no answer: by the finer ones, a tenant's admin could explore our network.
        """
        return self.in_full if self.status is not None or self.reason in _TOLD else "unreachable"


class SupersededError(Exception):
    """The credential was replaced while a request waited for its authorization: ask the new one."""


def token_rejected(told: str, seconds: float) -> Problem:
    """Return the answer to a request while a login that the token endpoint rejected is not repeated."""
    return Problem(
        "upstream-rejected-credentials",
        f"The token endpoint rejected the request for a token ({told}).",
        headers=retry_after(seconds),
        reason="token-rejected",
    )


class Logins(Protocol):
    """What stands before a secret that is sent to a token endpoint: it may not be, once it was rejected."""

    def may_log_in(self) -> bool:
        """Tell whether a refresh may log in now; a request asks elsewhere, before it asks for an authorization."""
        ...

    def rejected(self, logins: int, reason: str) -> None:
        """Take note that it was rejected, so many times, and in which word."""
        ...

    def found(self) -> FoundStyle | None:
        """Return the style that has brought a token before, here or elsewhere; None: none is known."""
        ...

    def has_found(self, style: FoundStyle) -> None:
        """Take note of the style that brought a token, for others to begin with it."""
        ...


class Authorizer(Protocol):
    """Authorizes requests with one credential."""

    @property
    def logs_in(self) -> bool:
        """Whether it logs in to get an authorization; otherwise each request is a login."""
        ...

    def at_hand(self) -> Authorization | None:
        """Return the headers to use now, or None where they have to be waited for."""
        ...

    async def authorization(self) -> Authorization:
        """Return the headers to use now.

        Raises:
            Problem: There are none now.
            SupersededError: The credential was replaced meanwhile.

        """
        ...

    async def reauthenticate(self, rejected: Authorization) -> Authorization | None:
        """Return other headers than the rejected ones, or None where nothing newer can be had.

        Raises:
            SupersededError: The credential was replaced meanwhile.

        """
        ...

    def held(self) -> Authorization | None:
        """Return the headers that can be used without a login, if there are any."""
        ...

    def rejection(self, seconds: float) -> Problem | None:
        """Return the answer to a request while a rejected login is not repeated; None: there was none here."""
        ...

    def timed_out(self) -> Problem | None:
        """Return the answer to a request whose deadline passed while it waited here; None: nothing waits here."""
        ...

    async def close(self) -> None:
        """Stop all that it does; whoever waits gets SupersededError."""
        ...


class StaticAuthorizer:
    """The headers never change."""

    logs_in = False

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._authorization = Authorization(headers)

    def at_hand(self) -> Authorization:
        """Return the headers."""
        return self._authorization

    async def authorization(self) -> Authorization:
        """Return the headers."""
        return self._authorization

    async def reauthenticate(self, rejected: Authorization) -> Authorization | None:
        """Return the headers where the rejected ones were another credential's."""
        return self._authorization if self._authorization != rejected else None

    def held(self) -> None:
        """Return None: each request is a login."""

    def rejection(self, seconds: float) -> None:
        """Return None: it is the OMS that rejects."""

    def timed_out(self) -> Problem | None:
        """Return None: nothing is waited for."""
        return None

    async def close(self) -> None:
        """Do nothing."""
