"""The tenant's OMS, as the routes see it: drives `exchange`, and protects the OMS and the caller.

It owns what outlives one request: the credential in use, the hold after a rejection, and the circuit breaker.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from tenantproxy.admission import Ticket, overloaded
from tenantproxy.config import Upstream as UpstreamConfig
from tenantproxy.credentials.cooldown import HOLD, Hold
from tenantproxy.credentials.formats import Basic, Credential, CredentialError, OAuth2, credential_type, digest
from tenantproxy.credentials.oauth2.authorizer import Authorizer, BasicAuthorizer, SupersededError, TokenAuthorizer
from tenantproxy.metrics import Metrics
from tenantproxy.oms.circuit_breaker import CircuitBreaker
from tenantproxy.oms.clients import Outbound
from tenantproxy.oms.retry import Authorize, RejectedError, Renew, Reply, Send, exchange
from tenantproxy.problems import Problem, retry_after
from tenantproxy.transport.base import UNREACHABLE, UpstreamError, UpstreamResponse

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
        authorizer: Authorizer | None = None
        if isinstance(credential, Basic):
            authorizer = BasicAuthorizer(credential)
        elif isinstance(credential, OAuth2):
            authorizer = TokenAuthorizer(self._outbound.token_endpoint(credential), self._metrics)
        elif credential is None:
            self._lacking = _NOT_CONFIGURED
        else:
            self._lacking = ("credentials-invalid", f"The Secret can't be used: {credential}.")
        # Only now, so that what fails above leaves the old one in use.
        old, self._authorizer = self._authorizer, authorizer
        self._digest = new
        self._accepted = None
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
        self,
        ticket: Ticket,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> UpstreamResponse:
        """Make one read and return the OMS's answer, whatever its status but 401; it is counted on the ticket.

        Raises:
            Problem: There is no answer, or the OMS may not be asked now.

        """
        circuit = self._circuit.admit(self._clock())
        if circuit == "refuse":
            pause = retry_after(self._circuit.remaining(self._clock()))
            raise Problem("circuit-open", "The OMS failed too often.", headers=pause)
        call = _Call(self, ticket, operation, method, path, headers, body)
        try:
            return await self._within_timeout(call, probing=circuit == "probe")
        finally:
            if circuit == "probe":
                self._circuit.release()
            self._metrics.circuit(self._circuit.state)

    async def _within_timeout(self, call: "_Call", *, probing: bool) -> UpstreamResponse:
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                return await call.run(retries=self._config.retries)
        except TimeoutError:
            if call.asked:
                if probing:  # of any other call `_judge_late` is told, once the OMS has had its time
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
        self,
        ticket: Ticket,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> UpstreamResponse | UpstreamError:
        """Make one call and take note of how it went, also where its caller has gone before it ended."""
        start = self._clock()
        if ticket.held:
            ticket.hold(0)  # what came of an earlier call is of no use any more
        try:
            answer = await self._upstream.request(
                *(method, path, headers, body),
                ticket=ticket,
                patience=self._config.timeout_seconds,
                late=self._judge_late,
            )
        except UpstreamError as error:
            if error.reason not in ("overloaded", "too-large"):  # the OMS is at work all the same
                self._judge(None)
            return error
        finally:
            self._metrics.upstream_called(operation, self._clock() - start)
        self._judge(answer.status)
        return answer

    def _judge(self, status: int | None) -> None:
        """Tell the circuit breaker how a call went; None: no answer."""
        if status is None or status >= _SERVER_ERROR:
            self._circuit.failed(self._clock())
        else:
            self._circuit.succeeded()

    def _judge_late(self, status: int | None) -> None:
        """Take the end of a call whose caller had gone."""
        self._judge(status)
        self._metrics.circuit(self._circuit.state)

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
        ticket: Ticket,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> None:
        self._oms = oms
        self._ticket = ticket
        self._request = (operation, method, path)
        self._headers = headers
        self._body = body
        self._probing = False
        self.asked = False
        """Whether the OMS has been asked at all."""

    async def run(self, *, retries: int) -> UpstreamResponse:
        steps = exchange(retries=retries)
        reply: Reply = None
        try:
            while True:
                reply = await self._take(steps.send(reply))
        except StopIteration as end:
            answer: UpstreamResponse = end.value
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
            return await self._oms.send(self._ticket, *self._request, headers, self._body)
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
    if error.reason == "overloaded":
        return overloaded("The proxy has too many answers under way.")
    if error.reason in UNREACHABLE:
        return Problem("upstream-unreachable", f"No connection to the OMS ({error.reason}).", reason=error.reason)
    return Problem("upstream-error", f"The OMS gave no whole answer ({error.reason}).", reason=error.reason)
