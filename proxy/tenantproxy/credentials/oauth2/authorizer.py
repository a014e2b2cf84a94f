"""Authorizes requests with access tokens: the driver of `token_cache`, which fetches from `token_endpoint`."""

import asyncio
import logging
import time
from collections.abc import Callable

from tenantproxy.credentials.authorizer import Authorization, Failure, Logins, SupersededError, token_rejected
from tenantproxy.credentials.oauth2.token_cache import Fetch, Token, TokenCache, Unavailable, Use, Wait
from tenantproxy.credentials.oauth2.token_endpoint import TokenEndpoint
from tenantproxy.credentials.oauth2.token_header import TokenHeader
from tenantproxy.problems import Problem, retry_after
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.troubles import Trouble

_log = logging.getLogger(__name__)


class TokenAuthorizer:
    """Fetches in a task of its own, so that no request's end can end a fetch."""

    logs_in = True

    def __init__(
        self,
        endpoint: TokenEndpoint,
        metrics: ProcessMetrics,
        logins: Logins,
        *,
        header: TokenHeader,
        timeout: float,
        cache: TokenCache | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Begin; `timeout` is in seconds, for one fetch."""
        self._endpoint = endpoint
        self._metrics = metrics
        self._logins = logins
        self._header = header
        self._made = ("", Authorization({}))
        """The token in use, and the headers with it: made once for all requests."""
        self._timeout = timeout
        self._cache = cache or TokenCache()
        self._clock = clock or asyncio.get_running_loop().time
        self._closed = False
        self._fetching: asyncio.Task[None] | None = None
        self._rejection: Failure | None = None
        self._trouble = Trouble(
            "token-unavailable", "no access token can be fetched", "an access token was fetched again"
        )
        self._changed = asyncio.Event()
        self._refreshing = asyncio.create_task(self._keep_fresh(), name="token refresh")

    async def authorization(self) -> Authorization:
        """Return a token that has not expired, in its header."""
        while True:
            match self._cache.acquire(self._clock()):
                case Use(value):
                    return self._authorization(value)
                case Unavailable(failure, seconds):
                    raise _problem(failure, seconds)
                case Fetch():
                    await self._wait(self._start_fetch())
                case Wait():
                    await self._wait(self._fetching)

    async def reauthenticate(self, rejected: Authorization) -> Authorization | None:
        """Return a token other than the rejected one, in its header, fetching one if the budget allows."""
        token = self._header.token(rejected)
        while True:
            match self._cache.reauthenticate(self._clock(), token):
                case Use(value):
                    return self._authorization(value)
                case Fetch():
                    await self._wait(self._start_fetch())
                case Wait():
                    await self._wait(self._fetching)
                case _:
                    return None

    def at_hand(self) -> Authorization | None:
        """Return the token, as long as it has not expired, in its header."""
        token = self._cache.held(self._clock())
        return None if token is None else self._authorization(token)

    held = at_hand

    def rejection(self, seconds: float) -> Problem | None:
        """Return what the token endpoint said."""
        return None if self._rejection is None else _problem(self._rejection, seconds)

    def timed_out(self) -> Problem | None:
        """Return `token-unavailable`."""
        detail = "The token endpoint did not answer in time."
        return Problem("token-unavailable", detail, headers=retry_after(1))

    async def close(self) -> None:
        """End the refresh and a fetch in progress; who waits for it gets SupersededError."""
        self._closed = True
        tasks = [task for task in (self._refreshing, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._endpoint.close()

    def _authorization(self, token: str) -> Authorization:
        if token is not self._made[0]:
            self._made = (token, self._header.authorization(token))
        return self._made[1]

    def _start_fetch(self) -> asyncio.Task[None]:
        self._fetching = asyncio.create_task(self._fetch(), name="token fetch")
        return self._fetching

    async def _wait(self, fetch: asyncio.Task[None] | None) -> None:
        if fetch is not None:
            await asyncio.wait([fetch])
        if self._closed:
            raise SupersededError

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._endpoint.fetch(self._logins.found())
        except TimeoutError:
            result = Failure(rejected=False, reason="timeout")
        except Exception:  # noqa: BLE001 - whatever went wrong, the next try must come
            _log.exception("fetching a token failed unexpectedly")
            result = Failure(rejected=False, reason="internal")
        now = self._clock()
        if isinstance(result, Token):
            self._cache.succeeded(now, result)
            self._rejection = None
            if (found := self._endpoint.found) is not None:
                self._logins.has_found(found)
            self._trouble.ends()
            self._metrics.token_fetched("success")
            expires_at = self._cache.expires_at()
            self._metrics.token_expires(None if expires_at is None else time.time() + expires_at - now)
        else:
            self._cache.failed(now, result)
            self._trouble.begins(result.reason, upstreamStatus=result.status)
            if result.rejected:
                self._rejection = result
                self._logins.rejected(result.logins, result.reason)
            self._metrics.token_fetched(result.reason)
        self._changed.set()

    async def _keep_fresh(self) -> None:
        while True:
            refresh_at = self._cache.refresh_at()
            self._changed.clear()
            try:
                delay = None if refresh_at is None else max(0.0, refresh_at - self._clock())
                async with asyncio.timeout(delay):
                    await self._changed.wait()
            except TimeoutError:
                if not self._logins.may_log_in():
                    self._cache.put_off(self._clock())
                elif self._cache.begin_refresh(self._clock()):
                    self._start_fetch()


def _problem(failure: Failure, seconds: float) -> Problem:
    if failure.rejected:
        return token_rejected(failure.told, seconds)
    return Problem(
        "token-unavailable",
        f"The token endpoint returned no token ({failure.told}).",
        headers=retry_after(seconds),
    )
