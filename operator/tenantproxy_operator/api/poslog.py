"""The models of `spec.poslog`: the relay that takes ExternalEvents' webhooks and brings pickups to the OMS."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.config_poslog import MAX_POSLOG_BYTES, Format, Kind
from tenantproxy.poslog.rules import checks, paths
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
from tenantproxy_operator.api.request_texts import HEADER_RULES, HeaderValue, ValuePattern, name_rule
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

_Element = Annotated[
    str,
    Text(
        pattern=f"^{paths.ELEMENT}$",
        problem="is not an element; write its name without a prefix, such as Sale, or the last names of its path, "
        "such as LineItem/Sale",
        longest=paths.MAX_LENGTH,
    ),
]
_IdPath = Annotated[
    str,
    Text(
        pattern=f"^({paths.ID})$",
        problem="is not a path; write names from the element down, such as InventoryReservationID, @Name, "
        "Property[CODE] or . (its own text); with / in front they begin at the transaction",
        longest=paths.MAX_LENGTH,
    ),
]
_TypeCode = Annotated[
    str,
    Text(
        pattern=f"^{paths.TYPE_CODE}$",
        problem="is not a TypeCode; use letters, digits and . _ : -, with a letter or digit in front",
        longest=64,
    ),
]
_RuleName = Annotated[
    str,
    Text(
        pattern=f"^{checks.RULE_NAME}$",
        problem="is not a name; use a-z, 0-9 and -, with a letter or digit at both ends",
        longest=63,
    ),
]
_Word = Annotated[str, Field(min_length=1, max_length=checks.MAX_VALUE_LENGTH)]
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
                cel("has(self.url) != has(self.path)", "needs one of url and path"),
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
            raise invalid("needs one of `url` and `path`")
        return self


class PropertyCondition(Model):
    """A Property of the element."""

    type_code: _TypeCode = Field(description="Its TypeCode.")
    values: list[_Word] = Field(
        default_factory=list, max_length=checks.MAX_VALUES, description="What it may be. Defaults to anything."
    )


class Rule(Model):
    """An element that concerns a customer order, where all that is set here holds for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                name_rule("attributes", f"^{paths.NAME}$", "has a name that no attribute has")
            ]
        }
    )

    name: _RuleName = Field(description="Of the rule, as the document to the OMS and the metrics have it.")
    element: _Element = Field(
        description="The element's local name, or the last names of its path, such as LineItem/Sale."
    )
    order_id: list[_IdPath] = Field(
        min_length=1,
        max_length=checks.MAX_PATHS,
        description="Paths of the order's id, of which the first that leads to one counts: from the element "
        "NAME/NAME, @ATTRIBUTE, Property[CODE], or . for its own text; with / in front from the transaction.",
    )
    attributes: dict[str, Annotated[list[_Word], Field(min_length=1, max_length=checks.MAX_VALUES)]] = Field(
        default_factory=dict,
        max_length=checks.MAX_ATTRIBUTES,
        description="What its attributes must be, by local name: one of these values.",
    )
    property: PropertyCondition | None = Field(default=None, description="A Property that it must have.")
    kind: Kind | None = Field(default=None, description="What happened to the order. Default: other.")


class PoslogFilter(Model):
    """Which transactions concern a customer order."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.rules) || self.rules.all(one, self.rules.exists_one(each, each.name == one.name))",
                    "has a name twice; change one",
                    path=".rules",
                )
            ]
        }
    )

    training: bool | None = Field(
        default=None, description="Whether transactions of a till in training mode count. Default: false."
    )
    order_id_pattern: ValuePattern | None = Field(
        default=None,
        description="What an order's id is, such as #?[0-9]{1,10}: a regular expression of the whole id, as "
        "idPattern. What is found with another one concerns no order. Defaults to any text.",
    )
    rules: list[Rule] = Field(
        default_factory=list,
        max_length=checks.MAX_RULES,
        description="Which elements concern a customer order. Defaults to those of the published schema "
        "(docs/pickups.md).",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise invalid("has `rules` of one name; change one")
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
