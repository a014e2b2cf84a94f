"""What receives spans: OTLP over HTTP, decoded by OpenTelemetry's own messages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from support.proxy.oms import RawServer, Received, http, raw_server

_KINDS = {1: "internal", 2: "server", 3: "client"}


class Spanned(NamedTuple):
    """A span as it was received; ids in hexadecimal, an empty parent for a root."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    failed: bool
    begin: int
    end: int


class Collector:
    """Keeps all spans that it is sent."""

    def __init__(self, server: RawServer) -> None:
        self.server = server

    @property
    def endpoint(self) -> str:
        return self.server.url

    @property
    def spans(self) -> list[Spanned]:
        """What has been received, in the order of the beginnings."""
        found = [span for request in self.server.received for span in _decoded(request.body)]
        return sorted(found, key=lambda span: span.begin)

    def named(self, *names: str) -> list[Spanned]:
        return [span for span in self.spans if span.name in names]


@contextlib.asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """Run a server that takes spans."""
    async with raw_server(_accepts) as server:
        yield Collector(server)


async def _accepts(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(http(200, b"", content_type="application/x-protobuf"))


def _decoded(body: bytes) -> list[Spanned]:
    return [
        Spanned(
            span.name,
            _KINDS[span.kind],
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            _values(span.attributes),
            _values(resource.resource.attributes),
            span.status.code == span.status.STATUS_CODE_ERROR,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {given.key: _value(given) for given in attributes}


def _value(given: KeyValue) -> Any:
    kind = given.value.WhichOneof("value")
    return None if kind is None else getattr(given.value, kind)
