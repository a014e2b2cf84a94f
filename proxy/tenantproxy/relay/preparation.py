"""An event, from the body that came to the request that the OMS gets: verified, read, written, signed. No I/O."""

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Final, NamedTuple

from msgspec import Raw
from msgspec.structs import replace
from multidict import CIMultiDictProxy

from tenantproxy.config import Tenant
from tenantproxy.config_poslog import Poslog
from tenantproxy.poslog.intake.envelope import event_of
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.intake.reader import EventReader, Irrelevant, Relevant, TestEvent
from tenantproxy.problems import Problem
from tenantproxy.relay.requests import Outgoing, RequestWriter
from tenantproxy.relay.secrets import SecretFiles
from tenantproxy.relay.signing import signature_headers
from tenantproxy.relay.verification import SignedOver, Verifier

LIGHT_BYTES: Final = 64 * 1024
"""Of an event's body that is looked at on the event loop: verifying it takes some tenths of a millisecond."""


_NOTHING: Final = Raw()


class Prepared(NamedTuple):
    """An event that is verified and read."""

    signed_over: SignedOver | None
    what: Outgoing | Irrelevant | TestEvent


class UnreadableEvent(Problem):
    """A verified event that can't be read, or is beyond a bound; with its id, if it has one, for the log."""

    def __init__(self, error: EventError, event_id: str | None) -> None:
        super().__init__(error.code, f"{error.detail[:1].upper()}{error.detail[1:]}.")
        self.event_id = event_id


class Preparation:
    """Prepares the events of one relay; in any thread."""

    def __init__(
        self,
        tenant: Tenant,
        config: Poslog,
        verifier: Verifier,
        secrets: SecretFiles,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._secrets = secrets
        self._now = now
        self._is_signed = config.delivery.signed
        self._reader = EventReader(config)
        self._writer = RequestWriter(tenant, config.delivery)

    def at_once(self, headers: CIMultiDictProxy[str], body: bytes) -> Prepared | None:
        """Return the event, if that takes no longer than the event loop can wait; else None.

        Raises:
            Problem: See `prepared`.

        """
        return None if len(body) > LIGHT_BYTES else self._prepared(headers, body, at_once=True)

    def prepared(self, headers: CIMultiDictProxy[str], body: bytes) -> Prepared:
        """Return the event.

        Raises:
            Problem: It does not show that it comes from ExternalEvents; or, an `UnreadableEvent`, can't be read.

        """
        prepared = self._prepared(headers, body, at_once=False)
        assert prepared is not None  # noqa: S101 - it may take its time
        return prepared

    def _prepared(self, headers: CIMultiDictProxy[str], body: bytes, *, at_once: bool) -> Prepared | None:
        decoded = cache(partial(event_of, body))  # once, though the signature may be over a part of it
        signed_over = self._verifier.signed_over(headers, body, decoded)
        event = None
        try:
            event = decoded()
            reading = self._reader.read_light(event) if at_once else self._reader.read(event)
        except EventError as error:
            raise UnreadableEvent(error, None if event is None else event.id) from None
        if isinstance(reading, Relevant):
            outgoing = self._signed(self._writer.outgoing(reading, body))
            # Without its data: else all of the body would be held as long as the OMS takes.
            return Prepared(signed_over, outgoing._replace(event=replace(event, data=_NOTHING)))
        return None if reading is None else Prepared(signed_over, reading)

    def _signed(self, outgoing: Outgoing) -> Outgoing:
        if not self._is_signed:
            return outgoing
        keys, event = self._secrets.current.signing_keys, outgoing.event
        signatures = signature_headers(keys, event.id, int(self._now()), outgoing.body)
        return outgoing._replace(headers={**outgoing.headers, **signatures})
