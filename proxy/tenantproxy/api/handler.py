"""Handle the requests of the API port: check, authenticate, ask the OMS, convert its response."""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, NamedTuple

from tenantproxy.admission import Admission, Bulkhead, Ticket
from tenantproxy.api import framing, put_options, routes, search_criteria
from tenantproxy.api.audit import audited, host_of
from tenantproxy.api.correlation_ids import CorrelationIds, correlated
from tenantproxy.api.cors import CorsPolicy, is_preflight
from tenantproxy.api.proxy_config import ProxyConfigEndpoint
from tenantproxy.api.request_log import RequestLog
from tenantproxy.auth.authenticator import Authenticator
from tenantproxy.config import ProxyConfig
from tenantproxy.logs import fields
from tenantproxy.metrics import Metrics
from tenantproxy.observation import Observation
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.reads import Reader
from tenantproxy.oms.requests.fixed_headers import of_the_proxy
from tenantproxy.oms.requests.plan import RequestPlan, compile_requests
from tenantproxy.oms.responses import is_json
from tenantproxy.operations import ORDER_ID
from tenantproxy.orders import raw_json
from tenantproxy.problems import Problem
from tenantproxy.server.request import Request, read_body
from tenantproxy.server.response import JSON, Response

_log = logging.getLogger(__name__)

MAX_SEARCH_BYTES: Final = 64 * 1024
MAX_PROXY_CONFIG_BYTES: Final = 16 * 1024
_OTHER: Final = "other"
"""The route, in metrics and logs, of a request that matched none."""
_PREFLIGHT: Final = "preflight"
"""That of a browser's question whether a page may make a call."""


class _Read(NamedTuple):
    """What is the same in all reads of an operation."""

    plan: RequestPlan
    upstream_headers: Mapping[str, str]
    bulkhead: Bulkhead | None


class Api:
    """Answers the requests of one tenant's clients."""

    def __init__(
        self,
        config: ProxyConfig,
        *,
        admission: Admission,
        authenticator: Authenticator,
        metrics: Metrics,
        oms: OmsClient,
        proxy_config: ProxyConfigEndpoint,
        reader: Reader,
    ) -> None:
        self._admission = admission
        self._authenticator = authenticator
        self._metrics = metrics
        self._proxy_config = proxy_config
        self._reader = reader
        self._oms_host = host_of(config.upstream.url)
        self._own_headers = of_the_proxy(config.tenant.id)
        self._reads = {
            name: _Read(plan, {**plan.headers, **self._own_headers}, oms.bulkhead(name))
            for name, plan in compile_requests(config.upstream).items()
        }
        self._cors = CorsPolicy(config.access.cors) if config.access.cors else None
        self._correlation_ids = CorrelationIds()
        self._log = RequestLog()

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request, whatever happens."""
        start = time.perf_counter() - request.waited
        self._metrics.in_flight += 1
        correlation_id = self._correlation_ids.of(request.headers.get("Correlation-Id"))
        observation = Observation(correlation_id)
        route = _OTHER
        try:
            framing.check(request)
            if self._cors is not None and is_preflight(request):
                route = _PREFLIGHT
                headers = {**self._cors.preflight(request), "Correlation-Id": correlation_id}
                response = Response(204, headers=headers)
            else:
                match = routes.match(request.method, request.raw_path)
                route = match.route.name
                response = await self._answer(match, request, observation)
        except Problem as problem:
            self._count(problem)
            response = Response.of_problem(problem, correlation_id)
        except Exception:  # noqa: BLE001 - a client always gets an answer
            _log.exception("a request failed unexpectedly", extra=fields(correlationId=correlation_id))
            unexpected = Problem("internal-error", "The request failed unexpectedly.")
            response = Response.of_problem(unexpected, correlation_id, close=True)
        except asyncio.CancelledError:
            self._metrics.cancelled(route)
            self._log.ended(
                observation, None, method=request.method, route=route, begun=start, now=time.perf_counter()
            )
            raise
        finally:
            self._metrics.in_flight -= 1
        if self._cors is not None:
            response.add(self._cors.headers(request))
        now = time.perf_counter()
        self._metrics.answered(route, response.status, now - start)
        self._log.ended(observation, response, method=request.method, route=route, begun=start, now=now)
        return response

    def caller_of(self, request: Request) -> Hashable:
        """Return whose turn a request takes where many wait: a known caller's, else that of all from its address.

        Whoever is not known must gain nothing by ever other tokens. What sets a credential, or asks for a web page
        whether it may call, waits for no reads.
        """
        caller = self._authenticator.known(request.headers)
        if caller is not None:
            return caller.key
        return request.peer, request.method if request.method in ("OPTIONS", "PUT") else None

    def gone(self, request: Request) -> None:
        """Take note of a request whose caller was gone before it began."""
        self._metrics.cancelled(_OTHER)
        observation = Observation(self._correlation_ids.of(request.headers.get("Correlation-Id")))
        now = time.perf_counter()
        self._log.ended(observation, None, method=request.method, route=_OTHER, begun=now, now=now)

    def unparsable(self, problem: Problem) -> Response:
        """Return the answer to what was not a request."""
        self._count(problem)
        self._metrics.answered(_OTHER, problem.status, 0.0)
        observation = Observation(self._correlation_ids.new())
        response = Response.of_problem(problem, observation.correlation_id, close=True)
        now = time.perf_counter()
        self._log.ended(observation, response, method=None, route=_OTHER, begun=now, now=now)
        return response

    async def _answer(self, match: routes.Match, request: Request, observation: Observation) -> Response:
        correlation_id = observation.correlation_id
        operation = match.route.operation
        if operation is None:
            return await self._put(request, observation)
        caller = await self._authenticator.authenticate(request.headers)
        plan, upstream_headers, bulkhead = self._reads[operation.name]
        if not plan.is_supported:
            raise Problem("search-not-supported", "This order management system has no search.")
        headers = correlated(upstream_headers, request, correlation_id)
        ids = routes.checked_ids(operation, match.ids, plan, are_plain=match.are_plain)
        criteria = None
        if plan.criteria is not None:
            criteria = plan.criteria.check(search_criteria.parse(await _read(request, MAX_SEARCH_BYTES)))
        requests = plan.requests(ids, criteria, headers)
        ticket = self._admission.admit(caller.key if caller is not None else None, bulkhead, observation)
        try:
            answer = await self._reader.read(
                operation, requests, ids.get(ORDER_ID), ticket, plan.paging, criteria=criteria or {}
            )
        except BaseException:
            ticket.release()
            raise
        outward = {"Correlation-Id": correlation_id}
        if answer.cut_by is not None:
            outward["Incomplete-Results"] = answer.cut_by
        return Response(200, answer.body, content_type=JSON, headers=outward, release=self._keep_in_flight(ticket))

    def _keep_in_flight(self, ticket: Ticket) -> Callable[[], None]:
        """Count a read beyond its handler; return what is to be called when its answer is out."""
        self._metrics.in_flight += 1

        def release() -> None:
            self._metrics.in_flight -= 1
            ticket.release()

        return release

    async def _put(self, request: Request, observation: Observation) -> Response:
        correlation_id = observation.correlation_id
        options = put_options.parse(request.raw_path.partition("?")[2])
        with audited(correlation_id, self._oms_host, options) as record:
            record.caller = await self._authenticator.identify(request.headers)
            self._authenticator.check_admin(record.caller, request.headers)
            options.check()
            self._proxy_config.check_managed_here(options)
            body = await _read_json(request, MAX_PROXY_CONFIG_BYTES)
            headers = correlated(self._own_headers, request, correlation_id)
            tested = await self._proxy_config.put(body, options, record, headers, observation)
        if tested is None:
            return Response(204, headers={"Correlation-Id": correlation_id})
        return Response(200, tested, content_type=JSON, headers={"Correlation-Id": correlation_id})

    def _count(self, problem: Problem) -> None:
        match problem.type.counted_as:
            case "upstream":
                self._metrics.upstream_failed(problem.reason)
                self._metrics.contract_violated(problem.errors)
            case "rejected":
                self._metrics.rejected(problem.reason)


async def _read_json(request: Request, limit: int) -> Any:  # noqa: ANN401 - parsed JSON
    body = await _read(request, limit)
    try:
        return raw_json.parse(body)
    except (ValueError, RecursionError):
        raise Problem("malformed-json", "The body can't be parsed as JSON.") from None


async def _read(request: Request, limit: int) -> bytes:
    """Return a body that is said to be JSON."""
    if request.content_length <= limit and (
        not is_json(request.headers.get("Content-Type", ""))
        or request.headers.get("Content-Encoding", "identity").lower() != "identity"
    ):
        raise Problem("unsupported-media-type", "Send uncompressed application/json in UTF-8.")
    return await read_body(request, limit)
