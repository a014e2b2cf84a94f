"""One call of a server, made once and timed; what comes of it can be shown in a report."""

import asyncio
import time
from collections.abc import Mapping
from typing import Literal, NamedTuple

from tenantproxy.admission import Ticket
from tenantproxy.conformance.exchange import Exchange, Mask, recorded
from tenantproxy.transport.base import FailureReason, HttpTransport, UpstreamError, UpstreamResponse


class Call(NamedTuple):
    """What is sent: `path` is what a transport adds to its own URL, `url` the whole, for reports."""

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


class Ended(NamedTuple):
    """A call, and what came of it."""

    call: Call
    outcome: UpstreamResponse | FailureReason | Literal["timeout"]
    """The answer, or why there is none."""
    seconds: float

    def shown(self, mask: Mask) -> Exchange:
        """Return it as a report may show it."""
        method, url, _, headers, body = self.call
        return recorded(method, url, headers, body, self.outcome, self.seconds, mask)


async def made(call: Call, transport: HttpTransport, *, until: float, ticket: Ticket | None = None) -> Ended:
    """Make a call, which must have ended `until` then, in the loop's time."""
    start = time.monotonic()
    outcome: UpstreamResponse | FailureReason | Literal["timeout"]
    try:
        async with asyncio.timeout_at(until):
            outcome = await transport.request(call.method, call.path, call.headers, call.body, ticket=ticket)
    except TimeoutError:
        outcome = "timeout"
    except UpstreamError as error:
        outcome = error.reason
    return Ended(call, outcome, time.monotonic() - start)


async def made_within(seconds: float, call: Call, transport: HttpTransport) -> Ended:
    """Make a call, which has so many seconds."""
    return await made(call, transport, until=asyncio.get_running_loop().time() + seconds)
