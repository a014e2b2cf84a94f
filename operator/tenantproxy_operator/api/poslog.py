"""The models of `spec.poslog`: the relay that takes ExternalEvents' webhooks and brings pickups to the OMS."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.config_poslog import MAX_POSLOG_BYTES, Format
from tenantproxy_operator.api.fields import (
    DeliveryDuration,
    Model,
    PoslogSize,
    Text,
    UniqueList,
    cel,
    invalid,
)
from tenantproxy_operator.api.names import Hostname
from tenantproxy_operator.api.poslog_filter import PoslogFilter
from tenantproxy_operator.api.request_texts import HEADER_RULES, HeaderValue
from tenantproxy_operator.api.route import GatewayRef
from tenantproxy_operator.api.upstream import BaseUrl
from tenantproxy_operator.api.url_rules import base_url_rules
from tenantproxy_operator.api.workload import MOST_REPLICAS, Resources

SHARED_KEY: Final = "poslogSharedKey"
USERNAME: Final = "poslogUsername"
PASSWORD: Final = "poslogPassword"
SIGNING_KEY: Final = "poslogSigningKey"
SECRET_KEYS: Final = (SHARED_KEY, USERNAME, PASSWORD, SIGNING_KEY)
"""Keys of the tenant's Secret that are the relay's."""
DEFAULT_REPLICAS: Final = 2
EVENTS_PATH: Final = "/events"
"""Where the relay takes events."""

_LARGEST: Final = f"{MAX_POSLOG_BYTES // 1024**2}Mi"

_Path = Annotated[
    str,
    Text(
        pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$",
        problem="is not a path; it starts with / and has no query, % or space",
        longest=512,
        rules=(
            cel("!self.startsWith('//')", "has // in front, which is read as a host; write one /"),
            cel("!self.matches('/[.][.]?(/|$)')", "has a dot segment; write the path out"),
        ),
    ),
]
_Audience = Annotated[
    str,
    Text(pattern=r"^[!-~]+$", problem="is empty or has other characters than visible ASCII", longest=512),
]
_Email = Annotated[
    str, Text(pattern=r"^[^@\s]+@[^@\s]+$", problem="is not an email address; write NAME@DOMAIN", longest=254)
]
_KeysUri = Annotated[
    str,
    Text(
        pattern=r"^https://[^/?#@\s]+(/[!-~]*)?$",
        problem="is not an https URL without user-info; write https://HOST/PATH",
        longest=2048,
    ),
]


class IdToken(Model):
    """A Google-signed ID token in Authorization."""

    audience: _Audience = Field(description="Its aud: what ExternalEvents says for this webhook.")
    email: _Email | None = Field(
        default=None,
        description="Its email, such as exe-emit-api@PROJECT.iam.gserviceaccount.com. Defaults to any service "
        "account of Google's, so that the audience alone must be right.",
    )
    jwks_uri: _KeysUri | None = Field(
        default=None, description="Where the keys are that it may be signed with. Defaults to Google's."
    )


class Verification(Model):
    """What every event must show: all that is set here, and at least one of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(has(self.sharedKey) && self.sharedKey) || (has(self.basic) && self.basic)"
                    " || has(self.idToken)",
                    "has nothing that an event must show; set one or more of sharedKey, basic and idToken",
                ),
                cel(
                    "!(has(self.basic) && self.basic && has(self.idToken))",
                    "can't be combined with idToken: an event has one Authorization; remove one of the two",
                    path=".basic",
                ),
            ]
        }
    )

    shared_key: bool | None = Field(
        default=None,
        description=f"X-Hii-Signature, made with the webhook's shared key: {SHARED_KEY} in the Secret.",
    )
    basic: bool | None = Field(
        default=None,
        description=f"Basic authorization, by {USERNAME} and {PASSWORD} in the Secret.",
    )
    id_token: IdToken | None = Field(
        default=None, description="A Google-signed ID token in Authorization; excludes basic."
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if not (self.shared_key or self.basic or self.id_token):
            raise invalid(
                "has nothing that an event must show; set one or more of `sharedKey`, `basic` and `idToken`"
            )
        if self.basic and self.id_token:
            raise invalid(
                "has both `basic` and `idToken`, and an event has one Authorization; remove one of the two"
            )
        return self


class Delivery(Model):
    """The request that brings an event to the OMS, or to the server at url."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.url) != has(self.path)", "needs one of url and path, and only one"),
                *(rule | {"rule": f"!has(self.url) || ({rule['rule']})"} for rule in base_url_rules("url")),
                *HEADER_RULES,
                cel(
                    "!has(self.headers) || !self.headers.exists(name, "
                    "name.matches(r'(?i)^(idempotency-key|webhook-.*)$'))",
                    "has a header that the relay sets itself; remove it",
                    path=".headers",
                ),
            ]
        }
    )

    url: BaseUrl | None = Field(
        default=None,
        description="Where events go, if not to the OMS: all of the URL. allowInsecure, allowPrivateNetworks, tls "
        "and forwardProxy of upstream apply to it, and the tenant's credential goes there.",
    )
    path: _Path | None = Field(default=None, description="Path below upstream.url, such as /pos-events.")
    method: Literal["POST", "PUT"] | None = Field(default=None, description="POST or PUT. Default: POST.")
    headers: dict[str, HeaderValue] = Field(
        default_factory=dict,
        max_length=16,
        description="Fixed headers by name. No place for secrets: who can read the TenantProxy sees them.",
    )
    format: Format | None = Field(
        default=None,
        description="What is sent: json, one document with the orders of an event "
        "(docs/poslog-document.schema.json); poslog, the PosLog as XML; cloudevent, the event as it came. "
        "Default: json.",
    )
    timeout: DeliveryDuration | None = Field(
        default=None,
        description="How long the OMS may take to answer: 100ms to 4500ms, as ExternalEvents waits for 5 seconds. "
        "Default: 4s.",
    )
    signed: bool | None = Field(
        default=None,
        description="Sign each request by Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature), "
        f"with {SIGNING_KEY} in the Secret. Default: false.",
    )

    @model_validator(mode="after")
    def _check_where(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise invalid("needs one of `url` and `path`, and only one")
        return self


class PoslogLimits(Model):
    """What an event may cost."""

    max_event_bytes: PoslogSize | None = Field(
        default=None,
        description=f"Maximum size of an event as it comes: JSON, with the compressed PosLog. 1Ki to {_LARGEST}. "
        "Default: 4Mi.",
    )
    max_poslog_bytes: PoslogSize | None = Field(
        default=None,
        description=f"Maximum size of a PosLog, decompressed: 1Ki to {_LARGEST}. Default: 8Mi.",
    )
    max_connections: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Maximum number of connections from one relay process to the OMS. Default: 100.",
    )


class PoslogRoute(Model):
    """An HTTPRoute to the relay; ExternalEvents calls it from outside the cluster."""

    gateway_ref: GatewayRef = Field(description="The Gateway that the route is attached to.")
    hostnames: UniqueList[Hostname] = Field(
        min_length=1,
        max_length=16,
        description="Hosts of the webhook's URL, such as pickups.example.com. Events have no header Tenant-Id: "
        "tenants that share a host need a path each.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    path: _Path | None = Field(
        default=None,
        description=f"Path of the webhook's URL, such as /acme/events. Default: {EVENTS_PATH}. The Gateway must "
        "support URLRewrite for another one.",
    )


class Poslog(Model):
    """A PosLog relay: takes the webhooks of ExternalEvents and brings what concerns customer orders to the OMS."""

    enabled: bool | None = Field(
        default=None, description="Whether there is a relay. Default: true, where spec.poslog is set."
    )
    verification: Verification = Field(
        description="What every event must show: all that is set here, and at least one of it."
    )
    delivery: Delivery = Field(description="The request that brings an event to the OMS.")
    filter: PoslogFilter | None = Field(
        default=None, description="Which transactions concern a customer order, if not as by default."
    )
    limits: PoslogLimits | None = Field(default=None, description="What an event may cost, if not as by default.")
    replicas: int | None = Field(
        default=None, ge=1, le=MOST_REPLICAS, description=f"Number of relays. Default: {DEFAULT_REPLICAS}."
    )
    resources: Resources | None = Field(
        default=None,
        description="Resources of one relay. Replaces the default as a whole: requests of 100m CPU and 96Mi "
        "memory, a limit of 512Mi memory.",
    )
    route: PoslogRoute | None = Field(
        default=None,
        description="An HTTPRoute at a Gateway, by which ExternalEvents reaches the relay. Needs an operator with "
        "--http-routes and the Gateway API in the cluster.",
    )

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys that the Secret must have."""
        verification = self.verification
        wanted = {
            SHARED_KEY: verification.shared_key,
            USERNAME: verification.basic,
            PASSWORD: verification.basic,
            SIGNING_KEY: self.delivery.signed,
        }
        return tuple(key for key, is_wanted in wanted.items() if is_wanted)
