"""A response to a client, as it is on the wire: the end of the hot path.

aiohttp's own Response costs several times as much, and says which server it is.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp.helpers import rfc822_formatted_time

from tenantproxy.problems import CONTENT_TYPE as PROBLEM_TYPE
from tenantproxy.problems import Problem

JSON: Final = "application/json"
_NO_CONTENT: Final = HTTPStatus.NO_CONTENT.value
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n"
    for status in HTTPStatus
    if status.value >= 200  # noqa: PLR2004
}


class Response:
    """A response; `problem` is what it says to have gone wrong, if anything.

    `release` is called once, when nothing of it is held any more: when the kernel has taken all of it, or the
    connection was lost.
    """

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        close: bool = False,
        release: Callable[[], None] | None = None,
    ) -> None:
        self.status = status
        self.problem: Problem | None = None
        self.keep_alive = not close
        self._body = body
        self._content_type = content_type
        self._headers = headers or {}
        self._release = release

    @classmethod
    def of_problem(cls, problem: Problem, correlation_id: str, *, close: bool = False) -> "Response":
        """Return the response for a problem, of which nothing is kept but what it says.

        Its traceback holds the frames that it came through, with an OMS's answer, and so the response itself: all
        of that would stay in memory until the garbage collector's next full turn.
        """
        problem.__traceback__ = problem.__context__ = problem.__cause__ = None
        response = cls(
            problem.status,
            problem.body(correlation_id),
            content_type=PROBLEM_TYPE,
            headers={**problem.headers, "Correlation-Id": correlation_id},
            close=close,
        )
        response.problem = problem
        return response

    def add(self, headers: Mapping[str, str]) -> None:
        """Add headers."""
        self._headers = {**self._headers, **headers}

    def header(self, name: str) -> str | None:
        """Return one of the headers that were given to it, named as it was."""
        return self._headers.get(name)

    def encode(self, *, with_body: bool = True) -> bytes:
        """Return the response as it is on the wire; without its body it still has its `Content-Length`."""
        kind = "" if self._content_type is None else f"Content-Type: {self._content_type}\r\n"
        length = "" if self.status == _NO_CONTENT else f"Content-Length: {len(self._body)}\r\n"
        others = "".join([f"{name}: {value}\r\n" for name, value in self._headers.items()])
        last = "" if self.keep_alive else "Connection: close\r\n"
        lines = f"{_STATUS_LINES[self.status]}Date: {rfc822_formatted_time()}\r\n{kind}{length}{others}"
        head = f"{lines}Cache-Control: no-store\r\n{last}\r\n".encode("ascii")
        return head + self._body if with_body else head

    def release(self) -> None:
        """Report that nothing of the response is held any more."""
        release, self._release = self._release, None
        self._body = b""
        if release is not None:
            release()
