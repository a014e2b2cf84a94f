"""Spans of one process: which request is at hand, and what is done for it. Where it is not recorded, nothing is.

Names and attributes are those of OpenTelemetry's semantic conventions for HTTP, but nothing that a caller or a
server chooses is in them: no path, query, host or user agent of a request, no header, no body. The one exception
is the correlation id, which is checked, and in each log line as well.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.url_attributes import URL_SCHEME
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tenantproxy.problems import Problem
from tenantproxy.server.port import Handler
from tenantproxy.server.request import Request
from tenantproxy.server.response import Response
from tenantproxy.tracing.parts import RouteOf
from tenantproxy.transport.base import UpstreamError

CORRELATION_ID: Final = "tenantproxy.correlation_id"
CODE: Final = "tenantproxy.code"
"""That of the answer's problem."""
_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_OTHER: Final = "_OTHER"
_CANCELLED: Final = "cancelled"
"""The caller has gone, or the time was over: the status of the request's own span tells which."""
_TRACEPARENT: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_FAILED: Final = 500


class Trace:
    """Makes the spans of one process."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._request: ContextVar[Span | None] = ContextVar("request", default=None)

    def around(self, handle: Handler, route_of: RouteOf) -> Handler:
        """Return what answers requests as `handle` does, each in a span if its caller or the sampler wants it."""

        async def traced(request: Request) -> Response:
            span = self._begin(request)
            if not span.is_recording():
                return await handle(request)
            current = self._request.set(span)
            try:
                response = await handle(request)
                _tell_answer(span, response)
            except asyncio.CancelledError:
                span.set_attribute(ERROR_TYPE, _CANCELLED)
                raise
            finally:
                _tell_route(span, request, route_of)
                self._request.reset(current)
                span.end()
            return response

        return traced

    def _begin(self, request: Request) -> Span:
        given = request.headers.get(_TRACEPARENT)
        context = Context() if given is None else _PROPAGATOR.extract({_TRACEPARENT: given}, Context())
        method = request.method if request.method in _METHODS else _OTHER
        attributes = {HTTP_REQUEST_METHOD: method, URL_SCHEME: "http"}
        name = "HTTP" if method == _OTHER else method
        return self._tracer.start_span(name, context, SpanKind.SERVER, attributes)

    @property
    def is_recorded(self) -> bool:
        """Whether the request at hand is recorded; what it has begun and outlives it belongs to it no more."""
        span = self._request.get()
        return span is not None and span.is_recording()

    @contextlib.contextmanager
    def step(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, str | int] | None = None
    ) -> Iterator[Span]:
        """Give the span of something that is done for the request at hand, which is recorded."""
        parent = self._request.get()
        assert parent is not None  # noqa: S101 - who calls this has asked
        span = self._tracer.start_span(name, set_span_in_context(parent, Context()), kind, attributes)
        try:
            yield span
        except Problem as problem:
            if problem.status >= _FAILED:
                fail(span, problem.reason)
            raise
        except UpstreamError as error:
            fail(span, error.reason)
            raise
        except asyncio.CancelledError:
            span.set_attribute(ERROR_TYPE, _CANCELLED)
            raise
        finally:
            span.end()

    def exemplar(self) -> dict[str, str] | None:
        """Return what leads from a figure to the request at hand; None where that is not recorded."""
        span = self._request.get()
        if span is None:
            return None
        context = span.get_span_context()
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def traceparent(span: Span) -> str:
    """Return the header that makes a server's spans children of this one (W3C Trace Context)."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def fail(span: Span, kind: str) -> None:
    """Mark a span as failed, with a word out of a few."""
    span.set_attribute(ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR))


def _tell_route(span: Span, request: Request, route_of: RouteOf) -> None:
    if (route := route_of(request.method, request.raw_path)) is not None:
        span.set_attribute(HTTP_ROUTE, route)
        span.update_name(f"{request.method} {route}")


def _tell_answer(span: Span, response: Response) -> None:
    span.set_attribute(HTTP_RESPONSE_STATUS_CODE, response.status)
    if (correlation_id := response.header("Correlation-Id")) is not None:
        span.set_attribute(CORRELATION_ID, correlation_id)
    problem = response.problem
    if problem is not None:
        span.set_attribute(CODE, problem.code)
    if response.status >= _FAILED:
        fail(span, str(response.status) if problem is None else problem.reason)
