"""The part of the configuration that only a PosLog relay has: whom it takes events from, which, and where they go.

The relay's upstream is where the events go: the OMS, or the server in `spec.poslog.delivery.url`.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from tenantproxy.config_model import Model

Kind = Literal["picked-up", "delivered", "returned", "cancelled", "paid", "voided", "other"]
"""What happened to an order; where several things did, the first of these tells most.

`voided`: what was told before didn't happen after all.
"""
Format = Literal["json", "poslog", "cloudevent"]
"""What the OMS is sent of an event: our document, the PosLog alone, or the event as it came."""

MAX_POSLOG_BYTES = 16 * 1024 * 1024
"""The most that `max_poslog_bytes` may be."""


class IdToken(Model, frozen=True, omit_defaults=True):
    """An ID token of Google's in `Authorization`; at most one of `jwks_uri`, `jwks_file` and `jwks` is set."""

    audience: str
    email: str | None = None
    """Of the service account; None: any of ExternalEvents'."""
    jwks_uri: str | None = None
    jwks_file: str | None = None
    jwks: dict[str, Any] | None = None
    """None of these three: Google's keys."""


class Verification(Model, frozen=True, omit_defaults=True):
    """What every event must show; all that is set, and at least one is. Secrets are files of their own."""

    shared_key: bool = False
    """`X-Hii-Signature` by the shared key."""
    basic: bool = False
    id_token: IdToken | UnsetType = UNSET


class PropertyCondition(Model, frozen=True, omit_defaults=True):
    """A `Property` with this `TypeCode`, and with one of these values, if there are any."""

    type_code: str
    values: tuple[str, ...] = ()


class PoslogRule(Model, frozen=True, omit_defaults=True):
    """An element that concerns a customer order where all that is set here holds for it."""

    name: str
    element: str
    """Its local name, or the last names of its path, such as `LineItem/Sale`."""
    order_id: tuple[str, ...]
    """Paths of the id, of which the first that leads to one counts: from the element `Name/Name`, `@attribute`,
    `Property[CODE]` or `.` (its own text); with `/` in front from the transaction."""
    attributes: dict[str, tuple[str, ...]] = {}
    """By local name: one of these values."""
    property: PropertyCondition | None = None
    kind: Kind = "other"


class PoslogFilter(Model, frozen=True, omit_defaults=True):
    """Which transactions concern a customer order."""

    training: bool = False
    """Whether those of a till in training mode count."""
    order_id_pattern: str | None = None
    """What an order's id is (see `patterns`); None: any text."""
    rules: tuple[PoslogRule, ...] = ()
    """None: those in `poslog.rules.defaults`."""


class PoslogDelivery(Model, frozen=True, omit_defaults=True):
    """The request that brings an event to the OMS, relative to the upstream's URL."""

    path: str = ""
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    format: Format = "json"
    timeout_seconds: Annotated[float, Meta(gt=0, le=4.5)] = 4.0
    """ExternalEvents waits for five."""
    signed: bool = False
    """By Standard Webhooks."""


class PoslogLimits(Model, frozen=True, omit_defaults=True):
    """What an event may cost."""

    max_event_bytes: Annotated[int, Meta(ge=1024, le=16 * 1024 * 1024)] = 4 * 1024 * 1024
    """Of the body as it comes: JSON, and the compressed PosLog in base64."""
    max_poslog_bytes: Annotated[int, Meta(ge=1024, le=MAX_POSLOG_BYTES)] = 8 * 1024 * 1024
    """Of the PosLog, decompressed."""


class Poslog(Model, frozen=True, omit_defaults=True):
    """A PosLog relay."""

    verification: Verification
    filter: PoslogFilter = PoslogFilter()
    delivery: PoslogDelivery = PoslogDelivery()
    limits: PoslogLimits = PoslogLimits()
