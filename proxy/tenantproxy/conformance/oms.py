"""The tenant's OMS, asked as the proxy asks it: by the same requests, connections, mapping and outcomes.

But each read is made once, by who wants to know how it goes: nothing is tried again, paused or kept from the OMS.
"""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from uuid import uuid4

import msgspec

from tenantproxy import __version__
from tenantproxy.admission import Admission
from tenantproxy.config import ProxyConfig, Upstream
from tenantproxy.conformance.exchange import Exchange, Mask, recorded
from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.decoding import Decoder
from tenantproxy.oms.outcomes import Meaning, compile_outcomes, rejects_credential
from tenantproxy.oms.requests.plan import RequestPlan, compile_requests
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.operations import OPERATIONS, ORDER_ID, Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UNREACHABLE, FailureReason, UpstreamError, UpstreamResponse

_ONE_CALLER: Final = None
_MOST_READS: Final = 1000
"""In flight; the kit's own bounds are far below."""
_REJECTED: Final = Problem("upstream-rejected-credentials", "The OMS rejected the credential.")


class Reading(NamedTuple):
    """One read: what was sent and came, and what a till would get of it."""

    exchange: Exchange
    """The last one, where an order was looked up by several forms of its id."""
    response: UpstreamResponse | None
    """None: there was no answer."""
    body: bytes
    """Our 200; empty where there is a problem."""
    problem: Problem | None

    @property
    def code(self) -> str:
        """The code of the problem; empty where there is none."""
        return self.problem.code if self.problem is not None else ""

    @property
    def answer(self) -> str:
        """What came, in a few words."""
        status = self.exchange.status
        if status is None:
            return f"no answer ({self.exchange.failure})"
        meaning = self.response.meaning if self.response is not None else None
        return f"{status}" if meaning is None else f"{status}, which `outcomes` gives the meaning {meaning}"

    @property
    def outcome(self) -> str:
        """The same as the beginning of a sentence."""
        return f"There was {self.answer}" if self.exchange.status is None else f"The OMS answered {self.answer}"


class Oms:
    """One tenant's OMS."""

    def __init__(self, config: ProxyConfig, mapping: CompiledMapping, clients: ClientFactory, mask: Mask) -> None:
        upstream = config.upstream
        self._url = upstream.url.rstrip("/")
        self._timeout = upstream.timeout_seconds
        self._timeouts = {each.name: upstream.operations.of(each).timeout_seconds for each in OPERATIONS}
        self._transport = clients.oms()
        self._mask = mask
        self._decoder = Decoder(upstream.max_response_bytes)
        self._converter = Converter(_of_any_type(upstream), mapping)
        self._admission = Admission(_MOST_READS, upstream.max_response_bytes)
        self.plans: Final[Mapping[str, RequestPlan]] = compile_requests(upstream)
        self._meanings: Mapping[str, Meaning | None] = {
            each.name: compile_outcomes(each, upstream.operations.of(each).outcomes) for each in OPERATIONS
        }
        self._headers = {
            "Accept-Encoding": "identity",
            "Tenant-Id": config.tenant.id,
            "User-Agent": f"TenantProxy/{__version__}",
        }

    def timeout(self, operation: Operation) -> float:
        """Return the seconds for which a proxy waits for an operation."""
        return self._timeouts[operation.name] or self._timeout

    def requests(
        self,
        operation: Operation,
        ids: Mapping[str, str],
        *,
        criteria: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] = MappingProxyType({}),
    ) -> tuple[OmsRequest, ...]:
        """Return the requests of a read, without their authorization; see `read`."""
        plan = self.plans[operation.name]
        given = {**plan.headers, **self._headers, "Correlation-Id": str(uuid4()), **headers}
        return plan.requests(ids, criteria, {name: text for name, text in given.items() if text is not None})

    async def read(
        self,
        operation: Operation,
        ids: Mapping[str, str],
        authorization: Authorization,
        *,
        criteria: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> Reading:
        """Make a read; `headers` (None: without it) and `body` replace what a proxy would send.

        Raises:
            Problem: A proxy would not send it: a value can't stand where the OMS wants it.

        """
        for request in self.requests(operation, ids, criteria=criteria, headers=headers):
            changed = request if body is None else request._replace(body=body)
            reading = await self._one(operation, changed, ids.get(ORDER_ID), authorization)
            if reading.code != "order-not-found":
                break
        return reading

    async def _one(
        self, operation: Operation, request: OmsRequest, order_id: str | None, authorization: Authorization
    ) -> Reading:
        outcome, exchange = await self._sent(operation, request, authorization)
        if isinstance(outcome, str):
            return Reading(exchange, None, b"", _unanswered(outcome))
        response = outcome
        ticket = self._admission.admit(_ONE_CALLER)
        try:
            response = await self._decoder.decoded(outcome, ticket)
            if (meaning := self._meanings[operation.name]) is not None:
                response = response._replace(meaning=meaning(response))
            if rejects_credential(response):
                return Reading(exchange, response, b"", _REJECTED)
            body = await self._converter.outward(operation, response, order_id, form=request.order_id)
        except Problem as problem:
            return Reading(exchange, response, b"", problem)
        except UpstreamError as error:
            return Reading(exchange, response, b"", _unanswered(error.reason))
        finally:
            ticket.release()
        return Reading(exchange, response, body, None)

    async def _sent(
        self, operation: Operation, request: OmsRequest, authorization: Authorization
    ) -> tuple[UpstreamResponse | FailureReason | Literal["timeout"], Exchange]:
        """Send a request; return its answer, or why there is none."""
        headers = {**request.headers, **authorization.headers}
        ticket = self._admission.admit(_ONE_CALLER)
        outcome: UpstreamResponse | FailureReason | Literal["timeout"]
        start = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout(operation)):
                outcome = await self._transport.request(
                    request.method, request.path, headers, request.body, ticket=ticket
                )
        except TimeoutError:
            outcome = "timeout"
        except UpstreamError as error:
            outcome = error.reason
        finally:
            ticket.release()
        seconds = time.monotonic() - start
        url = self._url + request.path
        return outcome, recorded(request.method, url, headers, request.body, outcome, seconds, self._mask)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


def _unanswered(reason: str) -> Problem:
    if reason == "timeout":
        return Problem("upstream-timeout", "The OMS did not answer in time.", reason=reason)
    code = "upstream-unreachable" if reason in UNREACHABLE else "upstream-error"
    return Problem(code, f"The OMS sent no complete response ({reason}).", reason=reason)


def _of_any_type(upstream: Upstream) -> Upstream:
    """Return it with every content type allowed: whether the type is right, another check says."""
    return msgspec.structs.replace(upstream, content_type="any")
