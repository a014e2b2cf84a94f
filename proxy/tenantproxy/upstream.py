"""The seam to an HTTP server that the proxy calls: one call, its answer bounded, its failures classified.

`http_client` implements it.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

FailureReason = Literal[
    "connect", "connect-timeout", "disconnected", "dns", "egress", "http", "incomplete", "tls", "too-large"
]
UNREACHABLE: Final = frozenset({"connect", "connect-timeout", "dns", "egress", "tls"})
"""No connection was made."""
RETRYABLE: Final = frozenset({"connect", "connect-timeout", "disconnected", "dns"})
"""Nothing of an answer had come: a read may be sent again."""


class Answer(NamedTuple):
    """An HTTP answer, whole: status, headers (names in lower case), body (undecoded)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UpstreamError(Exception):
    """No whole answer came."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Upstream(Protocol):
    """One HTTP server, named by a base URL."""

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make one request, never following a redirect, and return the whole answer.

        `path` is added to the base URL as it is; without one the base URL itself is requested. Cancelling the
        call closes its connection.

        Raises:
            UpstreamError: No whole answer came.

        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
