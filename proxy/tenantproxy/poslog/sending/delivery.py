"""Deliver an event to a webhook as ExternalEvents does: what acknowledges it, and when it is tried again."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import aiohttp
import msgspec

from tenantproxy.poslog.sending.authorization import Authorize
from tenantproxy.poslog.sending.events import Event

ACKNOWLEDGED: Final = frozenset({200, 201, 202, 204})
TIMEOUT: Final = 5.0
"""Seconds for an answer."""
RETRIES: Final = (60.0, 120.0, 240.0, 480.0, 600.0)
"""Seconds before each further attempt; then the event is failed, and waits in the journal to be replayed."""
_READ: Final = 4096
"""Bytes of an answer's body that are looked at."""
_SHOWN: Final = 300
"""Characters of it that are told."""


def event_headers(correlation_id: str, authorizing: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a delivery; `authorizing` are those by which the receiver knows who sends."""
    return {
        "User-Agent": "Hii-Event-Gun/1.0",
        "Content-Type": "application/json",
        "Correlation-Id": correlation_id,
        **authorizing,
    }


class Answer(NamedTuple):
    """What came of an attempt: the answer's status or what went wrong, and why, if the receiver says so."""

    outcome: int | str
    why: str = ""


class Attempt(NamedTuple):
    """One attempt: its number, its answer, and seconds until the next; None: none."""

    number: int
    outcome: int | str
    seconds: float
    """That it took."""
    next_in: float | None
    why: str = ""

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
            outcome, why = await self.attempt(event, correlation_id)
            is_last = outcome in ACKNOWLEDGED
            report(Attempt(number, outcome, time.monotonic() - start, None if is_last else pause, why))
            if is_last or pause is None:
                return is_last
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt has no pause")

    async def attempt(self, event: Event, correlation_id: str) -> Answer:
        """Make one attempt."""
        headers = event_headers(correlation_id, {**self._authorize(), **self._sign(event)})
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.post(self._url, data=event.body, headers=headers, allow_redirects=False) as response,
            ):
                if response.status in ACKNOWLEDGED:
                    return Answer(response.status)
                return Answer(response.status, why_of(await response.content.read(_READ)))
        except TimeoutError:
            return Answer(f"no answer within {TIMEOUT:.0f} s")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(f"no answer: {error}")


class _Problem(msgspec.Struct):
    """The members of a problem (RFC 9457) that are told: a relay's has both."""

    code: str = ""
    detail: str = ""


def why_of(body: bytes) -> str:
    """Return what a body says of a failure: code and detail of a problem, else its beginning, on one line."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
        text = ": ".join(filter(None, (problem.code, problem.detail)))
    except msgspec.DecodeError:
        text = ""
    text = text or body.decode(errors="replace")
    return "".join(each if each.isprintable() else " " for each in text).strip()[:_SHOWN]
