"""What is seen of one request on its way through the proxy. Without I/O.

It goes with the request from its head to its answer; who handles a part of it adds what came of that.
"""


class Observation:
    """One request; nothing in it is a secret, or says who asked for what."""

    __slots__ = (
        "calls",
        "connection_reused",
        "correlation_id",
        "cut_by",
        "pages",
        "upstream_seconds",
        "upstream_status",
    )

    def __init__(self, correlation_id: str = "") -> None:
        self.correlation_id = correlation_id
        self.calls = 0
        """Of the OMS, with those that were repeated, and those for another page or another form of an id."""
        self.upstream_seconds = 0.0
        """That they took, in all."""
        self.upstream_status: int | None = None
        """Of the last one's answer; None: none came."""
        self.connection_reused: bool | None = None
        """Whether the last one's connection had been used before; None: it got none."""
        self.cut_by: str | None = None
        """Why a search's answer is not whole, after so many pages."""
        self.pages = 0

    def called(self, status: int | None, seconds: float) -> None:
        """Take note of a call of the OMS; `status` is None where no whole answer came."""
        self.calls += 1
        self.upstream_status = status
        self.upstream_seconds += seconds

    def cut(self, by: str, pages: int) -> None:
        """Take note that a search's answer is not whole."""
        self.cut_by = by
        self.pages = pages
