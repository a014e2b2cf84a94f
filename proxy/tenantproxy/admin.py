"""The admin port: `/metrics`, `/healthz`, `/readyz`; for the cluster, never for clients."""

from collections.abc import Callable
from typing import Protocol

from aiohttp.web import BaseRequest

from tenantproxy.metrics import CONTENT_TYPE
from tenantproxy.problems import Problem
from tenantproxy.replies import Reply

_TEXT = "text/plain; charset=utf-8"


class Exposition(Protocol):
    """What can be scraped."""

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        ...


class Admin:
    """Answers probes and scrapes."""

    def __init__(
        self,
        metrics: Exposition,
        is_ready: Callable[[], bool],
        is_live: Callable[[], bool] = lambda: True,
    ) -> None:
        self._metrics = metrics
        self._is_ready = is_ready
        self._is_live = is_live

    async def handle(self, request: BaseRequest) -> Reply:
        """Return the answer to a request."""
        path, _, _ = request.raw_path.partition("?")
        if path not in ("/healthz", "/metrics", "/readyz"):
            return Reply(404, b"There are /healthz, /metrics and /readyz.\n", content_type=_TEXT)
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"GET only.\n", content_type=_TEXT, headers={"Allow": "GET, HEAD"})
        if path == "/metrics":
            return Reply(200, self._metrics.exposition(), content_type=CONTENT_TYPE)
        if path == "/readyz" and not self._is_ready():
            return Reply(503, b"not ready\n", content_type=_TEXT)
        if path == "/healthz" and not self._is_live():
            return Reply(503, b"not healthy; see the log\n", content_type=_TEXT)
        return Reply(200, b"ok\n", content_type=_TEXT)

    @staticmethod
    def unparsable(problem: Problem) -> Reply:
        """Return the answer to what was not a request."""
        return Reply(problem.status, content_type=_TEXT, close=True)
