"""An HTTP answer that is read as it comes, and may go on for as long as its connection: one that watches."""

import asyncio
import ssl
from http import HTTPStatus

from tenantproxy.transport.base import UpstreamResponse
from tenantproxy.transport.connection import HttpConnection


class HttpStream(HttpConnection):
    """A connection for one request. The body of a 200 is handed on, any other answer is kept as a whole."""

    def __init__(self, max_body_bytes: int, context: ssl.SSLContext | None) -> None:
        """`max_body_bytes`: of an answer that is no 200, and of one whose length is said before."""
        super().__init__(max_body_bytes, context)
        self.answer: UpstreamResponse | None = None
        """The answer, if it is no 200."""
        self._came = asyncio.Event()
        self._streams = False
        self._pieces: list[bytes] = []
        """What has come in a turn of the event loop: `piece` waits for it."""
        self._whole: asyncio.Future[UpstreamResponse] | None = None

    async def begin(self, request: bytes) -> None:
        """Send a request; return when a 200 has begun, or any other answer ended.

        Raises:
            UpstreamError: None did.

        """
        self._whole = self.exchange(request)
        self._whole.add_done_callback(self._on_end)
        await self._came.wait()
        if not self._streams:
            self.answer = await self._whole

    async def piece(self, silence: float) -> bytes:
        """Return what has come of the body since the last piece, or comes next; nothing at its end.

        Raises:
            UpstreamError: It breaks off.
            TimeoutError: No byte came for `silence` seconds.

        """
        whole = self._whole
        while whole is not None:
            if self._pieces:
                piece = b"".join(self._pieces)
                self._pieces.clear()
                return piece
            if whole.done():
                await whole
                break
            self._came.clear()
            async with asyncio.timeout(silence):
                await self._came.wait()
        return b""

    def on_headers_complete(self) -> None:
        """Begin to hand on the body of a 200."""
        super().on_headers_complete()
        if self._status == HTTPStatus.OK and not self._complete:
            self._streams = True
            self._came.set()

    def on_body(self, data: bytes) -> None:
        """Hand on a piece."""
        if self._complete or not self._streams:
            super().on_body(data)
            return
        self._body_bytes += len(data)  # by which the bytes of the framing are bounded
        self._pieces.append(data)
        self._came.set()

    def _on_end(self, whole: asyncio.Future[UpstreamResponse]) -> None:
        if not whole.cancelled():
            whole.exception()  # seen, also where nobody reads to the end
        self._came.set()
