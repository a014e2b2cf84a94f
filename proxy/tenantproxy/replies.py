"""An answer to a client, written to the connection as it is: the end of the hot path.

aiohttp's own Response costs several times as much, and says which server it is.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11
from aiohttp.web import BaseRequest

from tenantproxy.problems import CONTENT_TYPE as PROBLEM_TYPE
from tenantproxy.problems import Problem

JSON: Final = "application/json"
_WRITE_TIMEOUT: Final = 30.0
"""Seconds for a client to take the rest of an answer that did not fit into the socket's buffer."""
_BUFFERED: Final = 64 * 1024
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n"
    for status in HTTPStatus
    if status.value >= 200  # noqa: PLR2004
}


class Reply:
    """What aiohttp's server needs of a response: `prepare`, `write_eof`, `keep_alive`, `status`.

    `release` is called once, when the answer is out or can't be sent.
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
        self.keep_alive = not close
        self._body = body
        self._content_type = content_type
        self._headers = headers or {}
        self._release = release
        self._request: BaseRequest | None = None

    @classmethod
    def of_problem(cls, problem: Problem, correlation_id: str, *, close: bool = False) -> "Reply":
        """Return the answer for a problem."""
        return cls(
            problem.status,
            problem.body(correlation_id),
            content_type=PROBLEM_TYPE,
            headers={**problem.headers, "Correlation-Id": correlation_id},
            close=close,
        )

    async def prepare(self, request: BaseRequest) -> None:
        """Write the whole answer.

        Raises:
            ConnectionResetError: The client is gone.

        """
        transport = request.transport
        if transport is None:
            self._let_go()
            raise ConnectionResetError
        self._request = request
        if request.version != HttpVersion11 or not request.keep_alive:
            self.keep_alive = False
        transport.write(self.encode(with_body=request.method != "HEAD"))

    def encode(self, *, with_body: bool = True) -> bytes:
        """Return the answer as it is on the wire; without its body it still says how long that would be."""
        lines = [_STATUS_LINES[self.status], "Date: ", rfc822_formatted_time(), "\r\n"]
        if self._content_type is not None:
            lines += ("Content-Type: ", self._content_type, "\r\n")
        if self.status != HTTPStatus.NO_CONTENT:
            lines += ("Content-Length: ", str(len(self._body)), "\r\n")
        for name, value in self._headers.items():
            lines += (name, ": ", value, "\r\n")
        lines.append("Cache-Control: no-store\r\n\r\n" if self.keep_alive else _LAST_LINES)
        head = "".join(lines).encode("ascii")
        return head + self._body if with_body else head

    async def write_eof(self) -> None:
        """Wait until the client has taken enough of the answer for the next one."""
        request = self._request
        try:
            if request is None or request.transport is None:
                return
            if request.transport.get_write_buffer_size() > _BUFFERED:
                try:
                    async with asyncio.timeout(_WRITE_TIMEOUT):
                        await request.writer.drain()
                except TimeoutError:
                    request.transport.abort()
                    raise ConnectionResetError from None
        finally:
            self._let_go()

    def _let_go(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()


_LAST_LINES: Final = "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
