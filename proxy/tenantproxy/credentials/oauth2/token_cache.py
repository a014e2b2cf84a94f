"""The cache of one credential's access token, with single flight and a fetch budget: a state machine without I/O.

The clock is the caller's: every `now` is in seconds of one monotonic clock. Another credential gets another cache.
"""

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from tenantproxy import backoff
from tenantproxy.credentials.authorizer import Failure

REFRESH_SHARE: Final = (0.75, 0.85)
"""A token is refreshed at a random point between these shares of its lifetime: replicas don't come together."""
MIN_PROACTIVE_LIFETIME: Final = 2.0
"""Seconds; a token that lives shorter is fetched on demand only."""
REJECTION_PAUSE: Final = 5.0
"""Seconds for which a 4xx of the token endpoint stands, and between two fetches that a 401 of the OMS causes."""
BACKOFF: Final = (0.5, 30.0)
"""Seconds before another try after a failure: doubling from the first to the second, plus jitter."""


class Token(NamedTuple):
    """An access token; `lifetime` in seconds from when it was asked for, None where the answer gave none."""

    value: str
    lifetime: float | None

    def __repr__(self) -> str:
        return "Token(***)"


class Use(NamedTuple):
    """Use this token's value."""

    value: str

    def __repr__(self) -> str:
        return "Use(***)"


class Fetch(NamedTuple):
    """Fetch a token, report the end of the fetch, and ask again. The cache counts it as in flight already."""


class Wait(NamedTuple):
    """A fetch is in flight: ask again when it has ended."""


class Unavailable(NamedTuple):
    """There is no usable token, and none may be fetched for `retry_after` seconds."""

    failure: Failure
    retry_after: float


Decision = Use | Fetch | Wait | Unavailable


class TokenCache:
    """The token of one credential: at most one fetch in flight, and never more than the budget allows."""

    def __init__(self, *, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._token: Token | None = None
        self._expires_at: float | None = None
        self._refresh_at: float | None = None
        self._asked_at: float | None = None
        self._failures = 0
        self._failure: Failure | None = None
        self._demand_at = 0.0
        self._reauthenticated_at: float | None = None

    def __repr__(self) -> str:
        return "TokenCache(***)"

    @property
    def fetching(self) -> bool:
        """Whether a fetch is in flight."""
        return self._asked_at is not None

    def acquire(self, now: float) -> Decision:
        """Return a token for a request, or what it has to do first."""
        token = self._valid_token(now)
        if token is not None:
            return Use(token.value)
        return self._fetch_on_demand(now)

    def reauthenticate(self, now: float, rejected: str) -> Decision | None:
        """Return another token than the one that the OMS rejected, or what to do first; None: none can be had."""
        token = self._valid_token(now)
        if token is not None and token.value != rejected:
            return Use(token.value)
        if self.fetching:
            return Wait()
        if self._reauthenticated_at is not None and now < self._reauthenticated_at + REJECTION_PAUSE:
            return None
        decision = self._fetch_on_demand(now)
        if isinstance(decision, Unavailable):
            return None
        self._reauthenticated_at = now
        return decision

    def begin_refresh(self, now: float) -> bool:
        """Return whether a proactive refresh is due; if so, its fetch counts as in flight."""
        due = self._refresh_at
        if self.fetching or due is None or now < due:
            return False
        self._asked_at = now
        return True

    def refresh_at(self) -> float | None:
        """Return when to call `begin_refresh` again; None: not before something else happens."""
        return None if self.fetching else self._refresh_at

    def put_off(self, now: float) -> None:
        """Take note that no refresh is allowed now: ask again after a while."""
        if self._refresh_at is not None:
            self._refresh_at = max(self._refresh_at, now + BACKOFF[1])

    def held(self, now: float) -> str | None:
        """Return a token's value without fetching any; None: there is none that has not expired."""
        token = self._valid_token(now)
        return None if token is None else token.value

    def succeeded(self, now: float, token: Token) -> None:
        """Take a token that has come; its lifetime counts from when it was asked for."""
        asked_at = now if self._asked_at is None else self._asked_at
        self._asked_at = None
        self._failures = 0
        self._failure = None
        self._demand_at = 0.0
        self._token = token
        self._expires_at = self._refresh_at = None
        if token.lifetime is not None:
            self._expires_at = asked_at + token.lifetime
            if token.lifetime >= MIN_PROACTIVE_LIFETIME:
                first, last = REFRESH_SHARE
                self._refresh_at = asked_at + token.lifetime * (first + (last - first) * self._jitter())

    def failed(self, now: float, failure: Failure) -> None:
        """Take a failure: the current token, if any, stays usable until it expires."""
        self._asked_at = None
        self._failures += 1
        self._failure = failure
        first, longest = BACKOFF
        delay = backoff.delay(self._failures, first, longest) * (1 + 0.2 * self._jitter())
        delay = max(delay, min(failure.retry_after, longest))
        if failure.rejected:
            self._demand_at = now + REJECTION_PAUSE
            delay = max(delay, REJECTION_PAUSE)
        else:
            self._demand_at = now + delay
        # With a current token the refresh is retried in time; without one, when a request needs it.
        has_future = self._expires_at is not None and self._expires_at > now + delay
        self._refresh_at = now + delay if has_future else None

    def expires_at(self) -> float | None:
        """Return when the current token expires; None where there is none or it does not expire."""
        return self._expires_at

    def _valid_token(self, now: float) -> Token | None:
        if self._token is not None and (self._expires_at is None or now < self._expires_at):
            return self._token
        return None

    def _fetch_on_demand(self, now: float) -> Decision:
        if self.fetching:
            return Wait()
        if self._failure is not None and now < self._demand_at:
            return Unavailable(self._failure, self._demand_at - now)
        self._asked_at = now
        return Fetch()
