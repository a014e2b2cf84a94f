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
    "http",
    "incomplete",
    "overloaded",
    "tls",
    "too-large",
]
UNREACHABLE: Final = frozenset({"connect", "connect-timeout", "dns", "egress", "tls"})
"""No connection was made."""


class UpstreamResponse(NamedTuple):
    """An HTTP answer, whole: status, headers (names in lower case), body (undecoded)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    distrust: Callable[[], None] = lambda: None
    """Says that this can't be the answer to the request: the connection that brought it is used no more."""


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
        patience: float | None = None,
        late: Callable[[int | None], None] | None = None,
    ) -> UpstreamResponse:
        """Make one request, never following a redirect, and return the whole answer.

        `path` is added to the base URL as it is; without one the base URL itself is requested. What comes is
        counted on `ticket`, and must have room there.

        A call that is cancelled, or timed out, keeps its place until the server has answered, or has had
        `patience` seconds for it since it was asked; then `late` gets the status, or None where none came. What
        comes is thrown away. A call without `patience` ends at once.

        Raises:
            UpstreamError: No whole answer came.

        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
