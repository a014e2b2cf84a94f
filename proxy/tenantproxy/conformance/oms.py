"""The tenant's OMS, asked as the proxy asks it: by the same requests, connections, outcomes, mapping and pages.

But each call is made once, by who wants to know how it goes: nothing is tried again, paused or kept from the OMS.
"""

import asyncio
import codecs
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import uuid4

import msgspec

from tenantproxy.admission import Admission, Ticket
from tenantproxy.config import ProxyConfig
from tenantproxy.conformance.call import Call, made
from tenantproxy.conformance.exchange import Exchange, Mask
from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.metrics import Metrics
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.decoding import Decoder
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND, REJECTED, compile_outcomes, rejects_credential
from tenantproxy.oms.reads import Reader
from tenantproxy.oms.requests.fixed_headers import of_the_proxy
from tenantproxy.oms.requests.plan import RequestPlan, compile_requests
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.oms.responses import timed_out, unanswered
from tenantproxy.oms.worker import Worker
from tenantproxy.operations import OPERATIONS, ORDER_ID, Operation
from tenantproxy.orders import raw_json
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError, UpstreamResponse

_ONE_CALLER: Final = None
_MOST_READS: Final = 1000
"""In flight; the kit's own bounds are far below."""
_REJECTED: Final = Problem(REJECTED, "The OMS rejected the credential.")
FORBIDDEN: Final = "upstream-forbidden"
_OK: Final = 200
_OF_DATA: Final = frozenset({"order-not-found", NO_ORDERS_FOUND, "search-rejected"})
"""Meanings that an OMS can only know by having looked, or read what was asked."""


class Reading(NamedTuple):
    """One read: what was sent and came, and what a till would get of it."""

    exchange: Exchange
    """The last one, where an order was looked up by several forms of its id."""
    response: UpstreamResponse | None
    """None: there was no answer."""
    headers: Mapping[str, str]
    """As they came: a body that was compressed has still its coding."""
    body: bytes
    """Our 200; empty where there is a problem."""
    problem: Problem | None

    @property
    def code(self) -> str:
        """The code of the problem; empty where there is none."""
        return self.problem.code if self.problem is not None else ""

    @property
    def rejects(self) -> bool:
        """Whether it is a no to the credential; whether to the account or to the order, a 403 does not tell."""
        return self.code in (REJECTED, FORBIDDEN)

    @property
    def accepts(self) -> bool:
        """Whether it came of a credential that was accepted: a page of a login is 200, and any path can be 404."""
        if self.response is None:
            return False
        if self.response.meaning is not None:
            return self.response.meaning in _OF_DATA
        return self.response.status == _OK and _is_json(self.response.body)

    @property
    def answer(self) -> str:
        """What came, in a few words."""
        status = self.exchange.status
        if status is None:
            is_slow = self.exchange.failure == "timeout"
            return f"no answer ({f'timeout: {self.exchange.seconds:.1f} s' if is_slow else self.exchange.failure})"
        meaning = self.response.meaning if self.response is not None else None
        return f"{status}" if meaning is None else f"{status}, which `outcomes` gives the meaning {meaning}"

    @property
    def outcome(self) -> str:
        """The same as the beginning of a sentence."""
        return f"There was {self.answer}" if self.exchange.status is None else f"The OMS answered {self.answer}"


class Oms:
    """One tenant's OMS."""

    def __init__(
        self, config: ProxyConfig, mapping: CompiledMapping, clients: ClientFactory, mask: Mask, metrics: Metrics
    ) -> None:
        self._upstream = config.upstream
        self._mapping = mapping
        self._metrics = metrics
        self.transport: Final = clients.oms()
        self.decoder: Final = Decoder(config.upstream.max_response_bytes, Worker("decoding"))
        self.url: Final = config.upstream.url.rstrip("/")
        self.mask: Final = mask
        self.plans: Final[Mapping[str, RequestPlan]] = compile_requests(config.upstream)
        self.meanings: Final = {
            each.name: compile_outcomes(each, config.upstream.operations.of(each).outcomes) for each in OPERATIONS
        }
        self._admission = Admission(_MOST_READS, config.upstream.max_response_bytes)
        self._headers = of_the_proxy(config.tenant.id)

    def timeout(self, operation: Operation) -> float:
        """Return the seconds for which a proxy waits for an operation."""
        return self._upstream.timeout_of(operation)

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
        requests = self.requests(operation, ids, criteria=criteria, headers=headers)
        if body is not None:
            requests = tuple(request._replace(body=body) for request in requests)
        calls = _Calls(self, operation, authorization)
        # Whether the content type is right, a check of its own says.
        upstream = msgspec.structs.replace(self._upstream, content_type="any")
        reader = Reader(upstream, Converter(upstream, self._mapping), calls, self._metrics)
        ticket = self._admission.admit(_ONE_CALLER)
        try:
            paging = self.plans[operation.name].paging
            answer = await reader.read(
                operation, requests, ids.get(ORDER_ID), ticket, paging, criteria=criteria or {}
            )
        except Problem as problem:
            return Reading(calls.exchange, calls.response, calls.headers, b"", problem)
        finally:
            ticket.release()
        return Reading(calls.exchange, calls.response, calls.headers, answer.body, None)

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.close()


class _Calls:
    """The calls of one read, each made once and recorded: in the place of the proxy's `OmsClient`."""

    def __init__(self, oms: Oms, operation: Operation, authorization: Authorization) -> None:
        self._oms = oms
        self._operation = operation
        self._authorization = authorization
        self.response: UpstreamResponse | None = None
        self.headers: Mapping[str, str] = {}
        self._exchange: Exchange | None = None

    @property
    def exchange(self) -> Exchange:
        """The last one."""
        assert self._exchange is not None  # noqa: S101 - a read makes a call
        return self._exchange

    def deadline(self, operation: str) -> float:  # noqa: ARG002 - there is one
        """Return when a read that begins now must have ended, in the loop's time."""
        return asyncio.get_running_loop().time() + self._oms.timeout(self._operation)

    def is_over(self, deadline: float) -> bool:
        """Return whether a deadline has passed."""
        return deadline <= asyncio.get_running_loop().time()

    async def read(self, ticket: Ticket, request: OmsRequest, deadline: float | None = None) -> UpstreamResponse:
        """Make one call, and return what came.

        Raises:
            Problem: There is no answer, or the credential was rejected.

        """
        self.response, self.headers = None, {}
        response = await self._sent(ticket, request, deadline or self.deadline(request.operation))
        try:
            self.response = response = await self._oms.decoder.decoded(response, ticket)
        except UpstreamError as error:
            raise unanswered(error.reason) from None
        if (meaning := self._oms.meanings[request.operation]) is not None:
            self.response = response = response._replace(meaning=meaning(response))
        if rejects_credential(response):
            raise _REJECTED
        return response

    async def _sent(self, ticket: Ticket, request: OmsRequest, deadline: float) -> UpstreamResponse:
        headers = {**request.headers, **self._authorization.headers}
        oms = self._oms
        call = Call(request.method, oms.url + request.path, request.path, headers, request.body)
        ended = await made(call, oms.transport, until=deadline, ticket=ticket)
        outcome, self._exchange = ended.outcome, ended.shown(oms.mask)
        if outcome == "timeout":
            raise timed_out()
        if isinstance(outcome, str):
            raise unanswered(outcome)
        self.response, self.headers = outcome, outcome.headers
        return outcome


def _is_json(body: bytes) -> bool:
    try:
        raw_json.parse(body.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        return False
    return True
