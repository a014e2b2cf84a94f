"""The JSON text in an OMS's answer: decompressed where it is compressed, and without a byte order mark."""

import codecs
import functools
from typing import Final

from tenantproxy.admission import Ticket
from tenantproxy.oms.worker import Worker
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.content_coding import LIGHT_BYTES, coding_of, decompressed

_PLAIN: Final = (b"{", b"[", b"")


def is_plain(body: bytes) -> bool:
    """Return whether a body begins as JSON does, so that nothing is to be decoded."""
    return body[:1] in _PLAIN


class Decoder:
    """Decodes bodies of at most `limit` bytes: small ones at once, large ones one after another by the worker."""

    def __init__(self, limit: int, worker: Worker) -> None:
        self._limit = limit
        self._worker = worker

    async def decoded(self, response: UpstreamResponse, ticket: Ticket) -> UpstreamResponse:
        """Return a response with its body decoded, counted on `ticket`.

        Raises:
            Problem: It can't be decompressed.
            UpstreamError: It is too large, or there is no room for it.

        """
        body = response.body
        if is_plain(body):
            return response
        headers = response.headers
        if coding := coding_of(body, headers.get("content-encoding", "")):
            try:
                body = await self._decompressed(body, coding, ticket)
            except ValueError:
                response.discard_connection()  # it may be that this is not where the answer began
                raise Problem(
                    "upstream-error", "The OMS's answer can't be decompressed.", reason="content-encoding"
                ) from None
            headers = {name: value for name, value in headers.items() if name != "content-encoding"}
        return response._replace(headers=headers, body=body.removeprefix(codecs.BOM_UTF8))

    async def _decompressed(self, body: bytes, coding: str, ticket: Ticket) -> bytes:
        plain = decompressed(body, coding, min(self._limit, LIGHT_BYTES))
        if plain is None and self._limit > LIGHT_BYTES:
            work = functools.partial(decompressed, body, coding, self._limit)
            plain = await self._worker.run(ticket.caller, work)
        if plain is None:
            raise UpstreamError("too-large")
        if not ticket.hold(len(plain)):
            raise UpstreamError("overloaded")
        return plain
