"""The parts of a proxy or a relay, with spans around a request, its credential, each call, the conversion."""

import functools
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.trace import SpanKind

from tenantproxy import __version__
from tenantproxy.config import ProxyConfig, Upstream
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.base import TokenClients
from tenantproxy.credentials.grant import Grant
from tenantproxy.credentials.stores.base import CredentialStore
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.pages import Following, Pages
from tenantproxy.oms.requests.request import Next
from tenantproxy.operations import Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.transform import NO_CRITERIA, Criteria
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.server.port import Handler
from tenantproxy.tracing.export import SpanQueue
from tenantproxy.tracing.log_lines import TraceIds
from tenantproxy.tracing.parts import Parts, RouteOf
from tenantproxy.tracing.spans import Trace, fail, traceparent
from tenantproxy.transport.base import HttpTransport, PooledTransport, UpstreamResponse
from tenantproxy.transport.forward_proxy import ForwardProxy, authority
from tenantproxy.transport.tls import TlsFiles

_CLIENT_ERROR: Final = 400
_PEER: Final = "service.peer.name"
"""Not yet one of the stable conventions."""


class TracedParts(Parts):
    """Makes the parts of a process that sends spans to `endpoint`."""

    def __init__(self, config: ProxyConfig, endpoint: str, metrics: ProcessMetrics) -> None:
        ratio = config.tracing.sampling_ratio if config.tracing else None
        # None: that of OTEL_TRACES_SAMPLER; by default it takes all that the caller does not decide.
        sampler: Sampler | None = None if ratio is None else ParentBased(TraceIdRatioBased(ratio))
        provider = TracerProvider(sampler, _resource(config), shutdown_on_exit=False)
        self._queue = SpanQueue(endpoint, metrics)
        provider.add_span_processor(self._queue)
        self._trace = Trace(provider.get_tracer("tenantproxy", __version__))
        metrics.exemplify(self._trace.exemplar)
        self._log_lines = TraceIds(self._trace.exemplar)
        self._log_lines.begin()
        self.clients = functools.partial(_Clients, self._trace)
        self.credential = functools.partial(_Credential, self._trace)
        self.converter = functools.partial(_Converter, self._trace)

    def handler(self, handle: Handler, route_of: RouteOf) -> Handler:
        """Return what answers the requests."""
        return self._trace.around(handle, route_of)

    async def close(self) -> None:
        """Send what has not been sent."""
        self._log_lines.end()
        await self._queue.close()


def _resource(config: ProxyConfig) -> Resource:
    """Return what all spans say of their process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first."""
    tenant = config.tenant
    ours = {
        "service.name": "tenantproxy-poslog" if config.poslog else "tenantproxy",
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
        "k8s.namespace.name": tenant.namespace,
        "hiiretail.tenant.id": tenant.id,
        "tenantproxy.name": tenant.name,
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


class _Clients(ClientFactory):
    """Its clients make a span of each call."""

    def __init__(
        self, trace: Trace, config: ProxyConfig, tls: TlsFiles, forward_proxy: ForwardProxy | None
    ) -> None:
        super().__init__(config, tls, forward_proxy)
        self._trace = trace

    def oms(self, *, trial: bool = False) -> PooledTransport:
        return _OmsTransport(self._trace, super().oms(trial=trial), self._config.url)

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        inner = super().token_endpoint(url, trial=trial)
        return _Transport(self._trace, inner, url, "token-endpoint", joins=False)


class _Transport:
    """An `HttpTransport`; the server `joins` the trace if it is told of it."""

    def __init__(self, trace: Trace, inner: HttpTransport, url: str, service: str, *, joins: bool) -> None:
        host, port = authority(url)
        self._trace = trace
        self._inner = inner
        self._joins = joins
        self._server: Mapping[str, str | int] = {
            _PEER: service,
            SERVER_ADDRESS: host,
            SERVER_PORT: port,
        }

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *arguments: Any,  # noqa: ANN401 - the other one's
        **options: Any,  # noqa: ANN401 - the other one's
    ) -> UpstreamResponse:
        """Make one request; see `HttpTransport`."""
        if not self._trace.is_recorded:
            return await self._inner.request(method, path, headers, *arguments, **options)
        with self._trace.step(method, SpanKind.CLIENT, {HTTP_REQUEST_METHOD: method, **self._server}) as span:
            if self._joins:
                headers = {**headers, "traceparent": traceparent(span)}
            response = await self._inner.request(method, path, headers, *arguments, **options)
            span.set_attribute(HTTP_RESPONSE_STATUS_CODE, response.status)
            if response.status >= _CLIENT_ERROR:
                fail(span, str(response.status))
        return response

    async def close(self) -> None:
        """Close all connections."""
        await self._inner.close()


class _OmsTransport(_Transport):
    """A `PooledTransport`."""

    def __init__(self, trace: Trace, inner: PooledTransport, url: str) -> None:
        super().__init__(trace, inner, url, "oms", joins=True)
        self.warm_up = inner.warm_up
        self.room = inner.room


class _Credential(ActiveCredential):
    """It makes a span of the wait for an authorization."""

    def __init__(
        self, trace: Trace, clients: TokenClients, metrics: ProcessMetrics, store: CredentialStore | None = None
    ) -> None:
        super().__init__(clients, metrics, store)
        self._trace = trace

    def at_hand(self) -> Grant | None:
        return None if self._trace.is_recorded else super().at_hand()

    async def authorize(self, seconds: float) -> Grant:
        if not self._trace.is_recorded:
            return await super().authorize(seconds)
        with self._trace.step("credential"):
            return await super().authorize(seconds)


class _Converter(Converter):
    """It makes a span of each conversion, with the wait for a turn where it is a heavy one."""

    def __init__(self, trace: Trace, upstream: Upstream, mapping: CompiledMapping) -> None:
        super().__init__(upstream, mapping)
        self._trace = trace

    def outward_at_once(
        self,
        operation: Operation,
        response: UpstreamResponse,
        order_id: str | None,
        form: str | None = None,
        criteria: Criteria = NO_CRITERIA,
    ) -> bytes | None:
        if self._trace.is_recorded:
            return None
        return super().outward_at_once(operation, response, order_id, form, criteria)

    async def outward(
        self,
        operation: Operation,
        response: UpstreamResponse,
        order_id: str | None,
        caller: str | None = None,
        *,
        form: str | None = None,
        criteria: Criteria = NO_CRITERIA,
    ) -> bytes:
        with self._step():
            return await super().outward(operation, response, order_id, caller, form=form, criteria=criteria)

    async def page(
        self,
        operation: Operation,
        response: UpstreamResponse,
        caller: str | None,
        following: Following,
        pages: Pages,
        *,
        criteria: Criteria = NO_CRITERIA,
    ) -> Next:
        with self._step():
            return await super().page(operation, response, caller, following, pages, criteria=criteria)

    def _step(self) -> AbstractContextManager[object]:
        return self._trace.step("mapping") if self._trace.is_recorded else nullcontext()
