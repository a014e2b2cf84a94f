"""The tenant's OMS, as the routes see it: drives `exchange`, and protects the OMS and the caller.

It owns what outlives one request: the credential in use, the hold after a rejection, the circuit breaker, and the
limit on what is in flight.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from tenantproxy.authorizer import Authorizer, BasicAuthorizer, SupersededError, TokenAuthorizer
from tenantproxy.circuit import CircuitBreaker
from tenantproxy.config import Upstream as UpstreamConfig
from tenantproxy.credentials import Basic, Credential, CredentialError, OAuth2, credential_type, digest
from tenantproxy.exchange import Authorize, RejectedError, Renew, Reply, Send, exchange
from tenantproxy.metrics import Metrics
from tenantproxy.outbound import Outbound
from tenantproxy.problems import Problem, retry_after
from tenantproxy.rejections import HOLD, Hold
from tenantproxy.upstream import UNREACHABLE, Answer, UpstreamError

QUEUE_FACTOR: Final = 2
"""Requests in flight per connection: as many again as are being answered may wait for a connection."""
_SERVER_ERROR: Final = 500


class Oms:
    """Reads from the tenant's OMS."""

    def __init__(
        self,
        config: UpstreamConfig,
        outbound: Outbound,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._outbound = outbound
        self._upstream = outbound.oms()
        self._metrics = metrics
        self._clock = clock
        self._circuit = CircuitBreaker()
        self._hold = Hold()
        self._probe_ended = asyncio.Event()
        self._in_flight = 0
        self._limit = config.max_connections * QUEUE_FACTOR
        self._digest = _digest(None)
        self._authorizer: Authorizer | None = None
        self._lacking = _NOT_CONFIGURED
        self._accepted: bool | None = None
        self._metrics.circuit("closed")

    @property
    def has_credential(self) -> bool:
        """Whether there is a usable credential."""
        return self._authorizer is not None

    async def use(self, credential: Credential | CredentialError | None) -> bool:
        """Take a credential (None: there is none) from now on; return whether it is another one.

        What is in flight goes on with the credential that it began with.
        """
        new = _digest(credential)
        if new == self._digest:
            return False
        old, self._authorizer = self._authorizer, None
        self._digest = new
        self._accepted = None
        if isinstance(credential, Basic):
            self._authorizer = BasicAuthorizer(credential)
        elif isinstance(credential, OAuth2):
            self._authorizer = TokenAuthorizer(self._outbound.token_endpoint(credential), self._metrics)
        elif credential is None:
            self._lacking = _NOT_CONFIGURED
        else:
            self._lacking = ("credentials-invalid", f"The Secret can't be used: {credential}.")
        known = credential if isinstance(credential, Basic | OAuth2) else None
        self._metrics.credential_changed(credential_type(known) if known else None)
        if old is not None:
            await old.close()
        return True

    async def settle(self) -> None:
        """Wait until the first attempt at a token has ended, where the credential needs one."""
        while isinstance(authorizer := self._authorizer, TokenAuthorizer):
            await authorizer.attempted.wait()
            if authorizer is self._authorizer:
                return

    async def read(
        self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make one read and return the OMS's answer, whatever its status but 401.

        Raises:
            Problem: There is no answer, or the OMS may not be asked now.

        """
        if self._in_flight >= self._limit:
            raise Problem("overloaded", "The proxy has too many requests in flight.", headers=retry_after(1))
        circuit = self._circuit.admit(self._clock())
        if circuit == "refuse":
            pause = retry_after(self._circuit.remaining(self._clock()))
            raise Problem("circuit-open", "The OMS failed too often.", headers=pause)
        self._in_flight += 1
        try:
            return await self._within_timeout(operation, method, path, headers, body)
        finally:
            self._in_flight -= 1
            if circuit == "probe":
                self._circuit.release()
            self._metrics.circuit(self._circuit.state)

    async def _within_timeout(
        self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        call = _Call(self, operation, method, path, headers, body)
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                return await call.run(retries=self._config.retries)
        except TimeoutError:
            if call.asked:
                self._circuit.failed(self._clock())
                raise Problem("upstream-timeout", "The OMS did not answer in time.") from None
            if isinstance(self._authorizer, TokenAuthorizer):
                detail = "The token endpoint did not answer in time."
                raise Problem("token-unavailable", detail, headers=retry_after(1)) from None
            raise _rejected(HOLD) from None  # waited for another request to try the credential
        except UpstreamError as error:
            raise _unanswered(error) from None
        except RejectedError:
            raise _rejected(HOLD) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._authorizer is not None:
            await self._authorizer.close()
        await self._upstream.close()

    # ---- what a call asks for

    async def authorization(self) -> tuple[str, bool]:
        """Return the `Authorization` to use, and whether the request with it is the probe after a rejection."""
        while True:
            if self._authorizer is None:
                raise Problem(*self._lacking)
            try:
                value = await self._authorizer.authorization()
            except SupersededError:
                continue
            admission = self._hold.admit(self._clock(), value)
            if admission == "refuse":
                raise _rejected(self._hold.remaining(self._clock()))
            if admission != "wait":
                return value, admission == "probe"
            await self._probe_ended.wait()

    async def renewed(self, rejected: str) -> str | None:
        """Return another `Authorization` than the rejected one, or None."""
        while self._authorizer is not None:
            try:
                return await self._authorizer.renewed(rejected)
            except SupersededError:
                continue
        return None

    async def send(
        self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer | UpstreamError:
        """Make one call and take note of how it went."""
        start = self._clock()
        try:
            answer = await self._upstream.request(method, path, headers, body)
        except UpstreamError as error:
            self._circuit.failed(self._clock())
            return error
        finally:
            self._metrics.upstream_called(operation, self._clock() - start)
        if answer.status >= _SERVER_ERROR:
            self._circuit.failed(self._clock())
        else:
            self._circuit.succeeded()
        return answer

    def accepted(self, *, probe: bool) -> None:
        """Take note that the OMS took the credential; the probe's success ends the hold."""
        if probe:
            self._hold.accepted()
        self._show(accepted=True)

    def rejected(self, authorization: str) -> None:
        """Hold requests with this `Authorization`."""
        self._hold.rejected(self._clock(), authorization)
        self._show(accepted=False)

    def _show(self, *, accepted: bool) -> None:
        if accepted is not self._accepted:
            self._accepted = accepted
            self._metrics.credential_accepted(accepted)

    def probe_ended(self) -> None:
        """Let those go on who wait for the probe."""
        self._hold.release()
        self._probe_ended.set()
        self._probe_ended = asyncio.Event()


class _Call:
    """One run of `exchange`: answers its steps."""

    def __init__(
        self,
        oms: Oms,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> None:
        self._oms = oms
        self._request = (operation, method, path)
        self._headers = headers
        self._body = body
        self._probing = False
        self.asked = False
        """Whether the OMS has been asked at all."""

    async def run(self, *, retries: int) -> Answer:
        steps = exchange(retries=retries)
        reply: Reply = None
        try:
            while True:
                reply = await self._take(steps.send(reply))
        except StopIteration as end:
            answer: Answer = end.value
            if answer.status < _SERVER_ERROR:
                self._oms.accepted(probe=self._probing)
            return answer
        except RejectedError as error:
            self._oms.rejected(error.authorization)
            raise
        finally:
            if self._probing:
                self._oms.probe_ended()

    async def _take(self, step: Authorize | Renew | Send) -> Reply:
        if isinstance(step, Send):
            self.asked = True
            headers = {**self._headers, "Authorization": step.authorization}
            return await self._oms.send(*self._request, headers, self._body)
        if isinstance(step, Renew):
            return await self._oms.renewed(step.rejected)
        authorization, self._probing = await self._oms.authorization()
        return authorization


def _digest(credential: Credential | CredentialError | None) -> str:
    return digest(credential) if isinstance(credential, Basic | OAuth2) else str(credential)


_NOT_CONFIGURED: Final = (
    "credentials-not-configured",
    "An admin of the tenant sets it with PUT /api/v1/proxy-config.",
)


def _rejected(seconds: float) -> Problem:
    detail = "The OMS rejected the configured credential."
    return Problem("upstream-rejected-credentials", detail, headers=retry_after(seconds))


def _unanswered(error: UpstreamError) -> Problem:
    if error.reason in UNREACHABLE:
        return Problem("upstream-unreachable", f"No connection to the OMS ({error.reason}).", reason=error.reason)
    return Problem("upstream-error", f"The OMS gave no whole answer ({error.reason}).", reason=error.reason)
