"""The way of spans out of the process: a bounded queue, a thread that empties it, one warning per state change.

No request waits for any of it. What does not fit into the queue, or can't be sent, is counted and gone.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from tenantproxy.process_metrics import ProcessMetrics

_log = logging.getLogger(__name__)

MAX_QUEUE: Final = 2048
"""Spans that wait, some 3 KB each: OpenTelemetry's default."""
MAX_BATCH: Final = 128
"""Spans at a time: to encode one takes some 15 us, during which nothing else of the process runs for long."""
FLUSH_SECONDS: Final = 3.0
"""For what is left when the process ends."""
_SAID_BY_US: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "urllib3")
"""Loggers that would write a line for each batch."""


class _Session(requests.Session):
    """Keeps why the last request failed; never its text, which may quote the URL or a response."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a variable such as HTTPS_PROXY must not decide where we connect to
        self.failure = ""

    def request(self, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - its base's
        try:
            response = super().request(*arguments, **options)
        except requests.RequestException as error:
            self.failure = type(error).__name__
            raise
        self.failure = "" if response.ok else f"status {response.status_code}"
        return response


class _Reporting(SpanExporter):
    """Sends, counts what came of it, and says once that it fails, and once that it does no more."""

    def __init__(self, endpoint: str, metrics: ProcessMetrics) -> None:
        self._session = _Session()
        self._exporter = OTLPSpanExporter(endpoint, session=self._session)
        self._to = urlsplit(endpoint).netloc
        self._metrics = metrics
        self._fails = False
        self.taken = 0
        """Spans, whatever came of them; the exporting thread alone writes it."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        self._metrics.spans("failed" if fails else "exported", len(spans))
        if fails and not self._fails:
            why = self._session.failure or "no response"
            _log.warning("spans can't be sent to %s (%s); they are lost until it works again", self._to, why)
        elif self._fails and not fails:
            _log.warning("spans are sent to %s again", self._to)
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class SpanQueue(BatchSpanProcessor):
    """The SDK's queue, under a bound of ours that counts what it drops."""

    def __init__(self, endpoint: str, metrics: ProcessMetrics) -> None:
        self._most = _number(OTEL_BSP_MAX_QUEUE_SIZE, MAX_QUEUE)
        self._exporter = _Reporting(endpoint, metrics)
        self._metrics = metrics
        self._put = 0
        super().__init__(
            self._exporter,
            max_queue_size=self._most,
            max_export_batch_size=min(_number(OTEL_BSP_MAX_EXPORT_BATCH_SIZE, MAX_BATCH), self._most),
        )
        for name in _SAID_BY_US:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span in, on the event loop's thread; or drop it."""
        if self._put - self._exporter.taken >= self._most:
            self._metrics.spans("dropped", 1)
            return
        self._put += 1
        super().on_end(span)

    async def close(self) -> None:
        """Send what is left, for `FLUSH_SECONDS` at most."""
        if not await _in_thread(self.shutdown, FLUSH_SECONDS):
            self._exporter.shutdown()  # which ends its pauses between attempts
            _log.warning("some spans were not sent: it took longer than %.0f s", FLUSH_SECONDS)


def _number(variable: str, default: int) -> int:
    """Return a positive number in a variable; the default where there is none."""
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) else default


async def _in_thread(work: Callable[[], None], seconds: float) -> bool:
    """Return whether `work` ended in time; a thread that has not does not keep the process."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop is closed
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="last spans", daemon=True).start()
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        return False
    return True
