"""What a response of the OMS says: decoded, and with the meaning that the configuration gives it."""

import functools
from typing import Final

from tenantproxy.admission import Ticket
from tenantproxy.oms.decoding import Decoder
from tenantproxy.oms.outcomes import Meaning
from tenantproxy.oms.worker import Worker
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError, UpstreamResponse

_OK: Final = 200


class Interpreter:
    """Interprets responses of at most `max_bytes`, decoded: what takes long in a thread."""

    def __init__(self, max_bytes: int) -> None:
        self._worker = Worker("decoding")
        self._decoder = Decoder(max_bytes, self._worker)

    async def interpreted(
        self, response: UpstreamResponse, meaning: Meaning | None, ticket: Ticket
    ) -> UpstreamResponse:
        """Return a response with its body decoded, and what it means by `meaning`.

        Raises:
            Problem, UpstreamError: Its body, which is needed, can't be decoded.

        """
        if response.status == _OK or meaning is not None:
            try:
                response = await self._decoder.decoded(response, ticket)
            except (Problem, UpstreamError):
                if response.status == _OK:
                    raise  # of any other response the status says enough
        if meaning is None:
            return response
        if meaning.takes_long(response):
            told = await self._worker.run(ticket.caller, functools.partial(meaning, response))
        else:
            told = meaning(response)
        return response._replace(meaning=told)
