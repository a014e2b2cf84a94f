"""The seam to an HTTP server that the proxy calls: one call, its answer bounded, its failures classified.

`client.HttpClient` implements it.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, Protocol

from tenantproxy.admission import Ticket

FailureReason = Literal[
    "connect",
    "connect-timeout",
    "disconnected",
    "dns",
    "egress",
    "forward-proxy-auth",
    "forward-proxy-connect",
    "forward-proxy-denied",
    "forward-proxy-gateway",
    "forward-proxy-invalid",
    "forward-proxy-timeout",
    "http",
    "incomplete",
    "overloaded",
    "tls",
    "too-large",
]
FORWARD_PROXY_FAILED: Final = frozenset(
    {"forward-proxy-auth", "forward-proxy-connect", "forward-proxy-denied", "forward-proxy-invalid"}
)
"""The forward proxy was not reached, or would not make a connection; what is behind it was never asked."""
UNREACHABLE: Final = frozenset(
    {"connect", "connect-timeout", "dns", "egress", "forward-proxy-gateway", "forward-proxy-timeout", "tls"}
)
"""No connection was made, neither by us nor (`forward-proxy-…`) by the forward proxy."""


class UpstreamResponse(NamedTuple):
    """An HTTP answer, whole: status, headers (names in lower case), body (undecoded)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    discard_connection: Callable[[], None] = lambda: None
    """To be called where this can't be the response to the request: its connection is not used again."""
    meaning: str | None = None
    """What it means, where a configuration says so (see `oms.outcomes`); no matter of the transport's."""


class UpstreamError(Exception):
    """No whole answer came."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


class HttpTransport(Protocol):
    """One HTTP server, named by a base URL."""

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ticket: Ticket | None = None,
        drain_seconds: float | None = None,
        on_drained: Callable[[int | None], None] | None = None,
        before: Callable[[], None] | None = None,
    ) -> UpstreamResponse:
        """Make one request, never following a redirect, and return the whole answer.

        `path` is added to the base URL as it is; without one the base URL itself is requested. What comes is
        counted on `ticket`, and must have room there.

        A call that is cancelled, or timed out, keeps its place until its response has been drained, or
        `drain_seconds` have passed since the request was sent; then `on_drained` gets the status, or None where
        none came. A call without `drain_seconds` ends at once.

        `before` is called when the request has its place, before a byte is sent; what it raises ends the call.

        Raises:
            UpstreamError: No whole answer came.

        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class PooledTransport(HttpTransport, Protocol):
    """One that keeps connections: it can have one before there is a request."""

    def room(self) -> int:
        """Return how many more requests would have a connection soon; none, or fewer: they would wait for one."""
        ...

    async def warm_up(self) -> None:
        """Have a connection ready, made with the present TLS files, if that was not tried before.

        Nothing is sent on it.

        Raises:
            UpstreamError: There is none to be had.

        """
        ...
