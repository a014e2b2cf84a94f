"""What a credential of any kind gives a request: the headers that authorize it."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from tenantproxy.problems import Problem

_TOLD: Final = frozenset({"internal", "too-large"})
"""Reasons for a failure without an answer that are not about the way to the token endpoint."""


class Authorization(NamedTuple):
    """The headers that authorize a request; printing it shows no value."""

    headers: Mapping[str, str]

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


class Authorizer(Protocol):
    """Authorizes requests with one credential."""

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

    async def first_attempt(self) -> None:
        """Wait until the first attempt at an authorization has ended, however it ended, or has taken too long."""
        ...

    def timed_out(self) -> Problem | None:
        """Return the answer to a request whose deadline passed while it waited here; None: nothing waits here."""
        ...

    async def close(self) -> None:
        """Stop all that it does; whoever waits gets SupersededError."""
        ...


class StaticAuthorizer:
    """The headers never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._authorization = Authorization(headers)

    async def authorization(self) -> Authorization:
        """Return the headers."""
        return self._authorization

    async def reauthenticate(self, rejected: Authorization) -> Authorization | None:
        """Return the headers where the rejected ones were another credential's."""
        return self._authorization if self._authorization != rejected else None

    async def first_attempt(self) -> None:
        """Return at once."""

    def timed_out(self) -> Problem | None:
        """Return None: nothing is waited for."""
        return None

    async def close(self) -> None:
        """Do nothing."""
