"""Deliver an event to a webhook as ExternalEvents does: what acknowledges it, and when it is tried again."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import aiohttp

from tenantproxy.poslog.sending.authorization import Authorize
from tenantproxy.poslog.sending.events import Event

ACKNOWLEDGED: Final = frozenset({200, 201, 202, 204})
TIMEOUT: Final = 5.0
"""Seconds for an answer."""
RETRIES: Final = (60.0, 120.0, 240.0, 480.0, 600.0)
"""Seconds before each further attempt; then the event is failed, and waits in the journal to be replayed."""


def event_headers(correlation_id: str, authorizing: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a delivery; `authorizing` are those by which the receiver knows who sends."""
    return {
        "User-Agent": "Hii-Event-Gun/1.0",
        "Content-Type": "application/json",
        "Correlation-Id": correlation_id,
        **authorizing,
    }


class Attempt(NamedTuple):
    """One attempt: its number, the answer's status or what went wrong, and seconds until the next; None: none."""

    number: int
    outcome: int | str
    seconds: float
    """That it took."""
    next_in: float | None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the event is delivered."""
        return self.outcome in ACKNOWLEDGED


class Sender:
    """Delivers events to one webhook."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        authorize: Authorize,
        sign: Callable[[Event], Mapping[str, str]],
        *,
        speed: float = 1.0,
    ) -> None:
        """Prepare; `speed` divides the time between attempts, as in a test nobody waits for minutes."""
        self._session = session
        self._url = url
        self._authorize = authorize
        self._sign = sign
        self._retries = [seconds / speed for seconds in RETRIES]

    async def deliver(self, event: Event, report: Callable[[Attempt], None]) -> bool:
        """Deliver an event, with each attempt reported; return whether it was acknowledged in the end."""
        correlation_id = str(uuid.uuid4())
        for number, pause in enumerate((*self._retries, None), start=1):
            start = time.monotonic()
            outcome = await self.attempt(event, correlation_id)
            is_last = outcome in ACKNOWLEDGED
            report(Attempt(number, outcome, time.monotonic() - start, None if is_last else pause))
            if is_last or pause is None:
                return is_last
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt has no pause")

    async def attempt(self, event: Event, correlation_id: str) -> int | str:
        """Make one attempt; return the answer's status, or what went wrong."""
        headers = event_headers(correlation_id, {**self._authorize(), **self._sign(event)})
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.post(self._url, data=event.body, headers=headers, allow_redirects=False) as response,
            ):
                return response.status
        except TimeoutError:
            return f"no answer within {TIMEOUT:.0f} s"
        except (aiohttp.ClientError, OSError) as error:
            return f"no answer: {error}"
