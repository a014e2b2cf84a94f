"""What the mock OMS has seen: never a value of a header, only digests."""

import hashlib
from collections import Counter, defaultdict
from typing import Any


class Counts:
    """Requests by route and status, tokens, distinct credentials, concurrency."""

    def __init__(self) -> None:
        self.tokens_issued = 0
        self._requests: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._authorizations: set[str] = set()
        self._running = 0
        self._max_concurrency = 0

    def begin(self, authorization: str | None) -> None:
        """Note a request that has arrived."""
        self._running += 1
        self._max_concurrency = max(self._max_concurrency, self._running)
        if authorization is not None:
            self._authorizations.add(
                hashlib.sha256(authorization.encode("utf-8", "surrogateescape")).hexdigest()[:12]
            )

    def end(self, route: str, status: int | None) -> None:
        """Note how a request ended; a status of None is a client that went away."""
        self._running -= 1
        self._requests[route]["gone" if status is None else str(status)] += 1

    def snapshot(self) -> dict[str, Any]:
        """Return all counts, for JSON."""
        return {
            "requests": {
                route: dict(sorted(counter.items())) for route, counter in sorted(self._requests.items())
            },
            "tokensIssued": self.tokens_issued,
            "authorizations": sorted(self._authorizations),
            "maxConcurrency": self._max_concurrency,
        }
