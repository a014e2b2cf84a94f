"""What the mock OMS does wrong on request."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tenantproxy.devtools.quirks import Quirks

_Seconds = Annotated[float, Meta(ge=0, le=600)]


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Every misbehaviour of the mock OMS, camelCase in JSON; the defaults are an OMS in good health."""

    latency: _Seconds = 0.0
    latency_jitter: _Seconds = 0.0
    error_rate: Annotated[float, Meta(ge=0, le=1)] = 0.0
    error_status: Annotated[int, Meta(ge=400, le=599)] = 503
    reject_credentials: bool = False
    token_lifetime: Annotated[int, Meta(ge=0)] = 3600
    """Seconds; 0 = the answer has no `expires_in`, and the token holds until it is revoked."""
    token_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    token_latency: _Seconds = 0.0
    client_auth: Literal["any", "basic", "post", "basic_unencoded", "json"] = "any"
    revoke_on_issue: bool = False
    fails_after: Annotated[int, Meta(ge=0)] | None = None
    """Reads; all later ones fail with `error_status`, as of an OMS that loses its connections one by one."""
    quirks: Quirks = frozenset()
    """What it does wrong each time."""


def checked(faults: Faults) -> Faults:
    """Return `faults` if its values are within bounds, which a constructor doesn't look at.

    Raises:
        msgspec.ValidationError: One isn't; the message names it.

    """
    return msgspec.convert(msgspec.to_builtins(faults), Faults)


def overlaid(start: Faults, body: bytes) -> Faults:
    """Return `start` with the fields of the JSON object in `body` set.

    Raises:
        msgspec.DecodeError: It doesn't parse, or has an unknown field or a bad value.

    """
    fields = msgspec.json.decode(body, type=dict[str, Any])
    return msgspec.convert(msgspec.to_builtins(start) | fields, Faults)
