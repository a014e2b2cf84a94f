"""The admin port: `/metrics`, `/healthz`, `/readyz`; for the cluster, never for clients."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from tenantproxy.exposition import CONTENT_TYPE, OPEN_CONTENT_TYPE, OPEN_METRICS
from tenantproxy.problems import Problem
from tenantproxy.server.request import Request
from tenantproxy.server.response import Response

_TEXT = "text/plain; charset=utf-8"

RENDER_SHARE: Final = 0.05
"""Of the event loop's time that rendering metrics may take."""
RENDER_BURST: Final = 0.25
"""Seconds of rendering that may accumulate, so that an occasional scrape always gets fresh metrics."""


class Exposition(Protocol):
    """What can be scraped."""

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        ...


class Allowance:
    """A budget of seconds that refills at `RENDER_SHARE`, up to `RENDER_BURST`."""

    def __init__(self, now: float) -> None:
        self._left = RENDER_BURST
        self._last = now

    def has_some(self, now: float) -> bool:
        """Return whether some of the budget is left; what is then spent may exceed it."""
        self._left = min(RENDER_BURST, self._left + (now - self._last) * RENDER_SHARE)
        self._last = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        """Note what was spent."""
        self._left -= seconds


class Admin:
    """Answers probes and scrapes."""

    def __init__(
        self,
        metrics: Exposition,
        is_ready: Callable[[], bool],
        is_live: Callable[[], bool] = lambda: True,
        *,
        open_metrics: Callable[[], bytes] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`open_metrics` is the same in OpenMetrics' format, for who asks for that; None: it says nothing more."""
        self._formats = {CONTENT_TYPE: metrics.exposition}
        if open_metrics is not None:
            self._formats[OPEN_CONTENT_TYPE] = open_metrics
        self._is_ready = is_ready
        self._is_live = is_live
        self._clock = clock
        self._allowance = Allowance(clock())
        self._rendered: dict[str, bytes] = {}

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request."""
        path, _, _ = request.raw_path.partition("?")
        if path not in ("/healthz", "/metrics", "/readyz"):
            return Response(404, b"There are /healthz, /metrics and /readyz.\n", content_type=_TEXT)
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"GET only.\n", content_type=_TEXT, headers={"Allow": "GET, HEAD"})
        if path == "/metrics":
            wanted = OPEN_CONTENT_TYPE if OPEN_METRICS in request.headers.get("Accept", "") else CONTENT_TYPE
            content_type = wanted if wanted in self._formats else CONTENT_TYPE
            return Response(200, self.exposition(content_type), content_type=content_type)
        if path == "/readyz" and not self._is_ready():
            return Response(503, b"not ready\n", content_type=_TEXT)
        if path == "/healthz" and not self._is_live():
            return Response(503, b"not healthy; see the log\n", content_type=_TEXT)
        return Response(200, b"ok\n", content_type=_TEXT)

    def exposition(self, content_type: str = CONTENT_TYPE) -> bytes:
        """Return the current metrics; where they are scraped too often, those rendered last."""
        start = self._clock()
        if self._allowance.has_some(start) or content_type not in self._rendered:
            self._rendered[content_type] = self._formats[content_type]()
            self._allowance.spend(self._clock() - start)
        return self._rendered[content_type]

    @staticmethod
    def unparsable(problem: Problem) -> Response:
        """Return the response to input that is not a request."""
        return Response(problem.status, content_type=_TEXT, close=True)
