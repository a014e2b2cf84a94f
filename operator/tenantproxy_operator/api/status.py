"""The model of a TenantProxy's status. It never holds a secret's value."""

from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

from tenantproxy.credentials.kinds import KINDS
from tenantproxy_operator.api.fields import Model, Text

_CAMEL_CASE: Final = Text(
    pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", problem="is not in CamelCase", longest=256
)


UNSEEN: Final = -1
"""The observed generation of a TenantProxy that no operator has seen, so that nobody takes it for done."""


class Condition(Model):
    """One observation about the TenantProxy, as metav1.Condition has it."""

    type: Annotated[str, _CAMEL_CASE] = Field(
        description="What is observed: Ready, Reconciling, Stalled, Accepted, Available, "
        "PoslogAvailable, CredentialsReady, PoslogKeysReady, Unique."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: Annotated[str, _CAMEL_CASE] = Field(description="Why, in one CamelCase word.")
    message: str = Field(
        max_length=32768, description="Human-readable reason: the field, what is wrong with it, and the fix."
    )
    last_transition_time: str = Field(
        description="When status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: int = Field(ge=0, description="The metadata.generation that this condition is about.")


class Credentials(Model):
    """What is known of the tenant's credential; never a value."""

    type: str = Field(description="Type of the configured credential.", json_schema_extra={"enum": list(KINDS)})
    updated_at: str = Field(
        description="When the credential last changed.", json_schema_extra={"format": "date-time"}
    )


class Status(Model):
    """What the operator observes; written by it alone."""

    observed_generation: int | None = Field(
        default=None,
        ge=UNSEEN,
        description="The metadata.generation that the operator last acted upon; -1 until it has seen any.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready (proxies serve what this spec says), Reconciling (not yet) or Stalled (not before "
        "somebody acts), Accepted (the spec is valid and applied), Available (proxies serve), CredentialsReady "
        "(the Secret is well-formed), PoslogAvailable and PoslogKeysReady (relays serve; their keys are in the "
        "Secret; only with spec.poslog), Unique (no other one has its tenant or Secret).",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    endpoint: str | None = Field(
        default=None, max_length=2048, description="Where clients in the cluster reach the proxy."
    )
    poslog_endpoint: str | None = Field(
        default=None,
        max_length=2048,
        description="Where clients in the cluster reach the PosLog relay; absent while there is to be none.",
    )
    replicas: int | None = Field(default=None, ge=0, description="Number of proxies.")
    ready_replicas: int | None = Field(default=None, ge=0, description="Number of ready proxies.")
    secret_name: str | None = Field(
        default=None,
        max_length=253,
        description="The Secret from which the proxies get their credential, according to the last applied spec.",
    )
    credentials: Credentials | None = Field(
        default=None, description="The configured credential; absent while there is none."
    )
    applied_digest: str | None = Field(
        default=None,
        max_length=128,
        description="Digest of what was last applied; tells a restarted operator whether anything is to be done.",
    )


class _SeenCondition(msgspec.Struct):
    type: str
    status: str
    reason: str
    message: str


class _Seen(msgspec.Struct, rename="camel"):
    """The shape that a status must have to be continued."""

    conditions: list[_SeenCondition] = []
    secret_name: str = ""
    credentials: dict[str, Any] = {}
    applied_digest: str = ""


_seen: Final = msgspec.json.Decoder(_Seen)


def readable(status: bytes) -> dict[str, Any]:
    """Return a status from its JSON; empty where it can't be ours, so that it is rewritten."""
    try:
        _seen.decode(status)
    except msgspec.ValidationError:
        return {}
    return dict(msgspec.json.decode(status))
