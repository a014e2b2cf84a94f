"""The request that an OMS gets of an event that concerns its orders. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tenantproxy.config import Tenant
from tenantproxy.config_poslog import PoslogDelivery
from tenantproxy.oms.requests.fixed_headers import as_sent, of_the_proxy
from tenantproxy.poslog.intake.envelope import CloudEvent
from tenantproxy.poslog.intake.reader import Relevant
from tenantproxy.poslog.rules.document import document

_JSON: Final = "application/json"
_XML: Final = "application/xml"


class Outgoing(NamedTuple):
    """What the OMS gets; its headers are without those of the attempt: credential, correlation id, signature."""

    event: CloudEvent
    orders: int
    """That the event concerns."""
    headers: Mapping[str, str]
    body: bytes


class RequestWriter:
    """Writes the requests of one relay: of the same event the same bytes, in any replica."""

    def __init__(self, tenant: Tenant, config: PoslogDelivery) -> None:
        self._format = config.format
        self._headers = {**as_sent(config.headers), **of_the_proxy(tenant.id)}

    def outgoing(self, reading: Relevant, body: bytes) -> Outgoing:
        """Return what an event makes; `body` is that of ExternalEvents' request."""
        event = reading.event
        kind, content = _JSON, body
        if self._format == "poslog":
            kind, content = _XML, reading.poslog
        elif self._format == "json":
            content = document(
                reading.entries, event_id=event.id, event_time=event.time, business_day=event.business_day
            )
        headers = {**self._headers, "Content-Type": kind, "Idempotency-Key": event.id}
        return Outgoing(event, len(reading.entries), headers, content)
