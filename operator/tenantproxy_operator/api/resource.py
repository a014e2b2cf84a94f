"""The custom resource TenantProxy, as `kubectl explain tenantproxy` shows it.

Only fields that work are here; each capability brings its own. The descriptions are for the platform team.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy import memory
from tenantproxy.config import CredentialType
from tenantproxy.credentials.kinds import KINDS, keys_in_words
from tenantproxy_operator.api.access import Access
from tenantproxy_operator.api.fields import EMPTY, Duration, Model, Schema, Text, UniqueList, cel, invalid
from tenantproxy_operator.api.mapping import Mapping
from tenantproxy_operator.api.mapping_rules import COUNTED_PAGES_RULE, CRITERION_RULE
from tenantproxy_operator.api.names import (
    DEBUG_UNTIL,
    Name,
    Namespace,
    default_secret_name,
)
from tenantproxy_operator.api.poslog import Poslog
from tenantproxy_operator.api.route import Route
from tenantproxy_operator.api.tracing import Tracing
from tenantproxy_operator.api.upstream import SecretRef, Upstream
from tenantproxy_operator.api.url_rules import BAD_NETWORK, PRIVATE_NETWORK
from tenantproxy_operator.api.workload import MOST_REPLICAS, Autoscaling, PodTemplate, Resources

DEFAULT_REPLICAS: Final = 2
"""Not in the schema: a default would set `replicas` beside `autoscaling`, which excludes it."""

TenantId = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        problem="is not a tenant id; it has 1 to 64 letters, digits, - and _",
        longest=64,
        rules=(cel("self == oldSelf", "is immutable; another tenant needs a TenantProxy of its own"),),
    ),
]
TokenHost = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?(:[1-9][0-9]{0,4})?$",
        problem="is not a host; write HOST or HOST:PORT",
        longest=260,
    ),
]
Cidr = Annotated[
    str,
    Text(
        pattern=r"^[0-9A-Fa-f.:]+/[0-9]{1,3}$",
        problem="is not a CIDR; write one such as 10.1.0.0/16",
        longest=43,
        rules=(cel(f"self.matches(r'{PRIVATE_NETWORK}')", BAD_NETWORK),),
    ),
]


class TokenEndpoint(Model):
    """Where the tenant's token endpoint (authUrl) may be, besides public addresses, and how long it may take."""

    allow_hosts: UniqueList[TokenHost] = Field(
        default_factory=list,
        max_length=20,
        description="Host names, such as idp.acme.internal or idp.acme.internal:8443, that may have private "
        "(RFC 1918, ULA) or shared (CGNAT) addresses; without a port, on any port. The NetworkPolicy, which can't "
        "match names, then permits all such addresses.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    allow_networks: UniqueList[Cidr] = Field(
        default_factory=list,
        max_length=20,
        description="Networks, such as 10.1.0.0/16, of private, shared or loopback addresses. Loopback, where the "
        "proxy itself listens, is only permitted if listed here: 127.0.0.0/8.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    timeout: Duration = Field(
        default="3s",
        description="How long getting a token may take. A request that waits for one longer than upstream.timeout "
        "gets 503; the token is then there for the next one.",
    )


class Auth(Model):
    """How the proxy authenticates to the OMS."""

    secret_ref: SecretRef | None = Field(
        default=None,
        description=f"The Secret that holds the credential: {keys_in_words()}. Defaults to <name>-credentials.",
    )
    management: Literal["tenant", "platform"] = Field(
        default="tenant",
        description="Who sets the credential. tenant: a tenant admin may, with PUT /api/v1/proxy-config. "
        "platform: only whoever can write the Secret; the PUT returns 409.",
    )
    allowed_types: UniqueList[CredentialType] | None = Field(
        default=None,
        min_length=1,
        max_length=len(KINDS),
        description="Which types of credentials may be used, by PUT or in the Secret. Default: all of them. Hii "
        "Retail documents basic and oauth2 for the PUT; the others are TenantProxy's own.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    token_endpoint: TokenEndpoint = Field(
        default_factory=TokenEndpoint,
        description="Where the tenant's token endpoint (authUrl) may be, besides public addresses, and how long "
        "it may take.",
        json_schema_extra=EMPTY,
    )


def _resources_rules() -> list[Schema]:
    """Return the rules for resources that go with other fields: what `validation.resource` refuses, too."""
    cpu = " : ".join(
        f"has(self.resources.{amounts}) && has(self.resources.{amounts}.cpu) ? "
        f"quantity(string(self.resources.{amounts}.cpu)).isGreaterThan(quantity('0'))"
        for amounts in ("requests", "limits")
    )
    limit = "self.resources.limits.memory"
    needed = (
        f"{float(memory.needed(0))} + {float(memory.PER_ANSWER_BYTE)}"
        " * quantity(self.upstream.maxResponseBytes).asApproximateFloat()"
    )
    return [
        cel(
            f"!has(self.autoscaling) || !has(self.resources) || ({cpu} : false)",
            "has no CPU request, or 0, so autoscaling can't work; set requests.cpu, such as 100m, or remove"
            " resources",
            path=".resources",
        ),
        cel(
            f"!has(self.resources) || !has(self.resources.limits) || !has({limit})"
            f" || quantity(string({limit})).asApproximateFloat() >= {needed}",
            f"limits memory to less than a proxy may need: {memory.needed(0) // 1024**2}Mi plus"
            f" {memory.PER_ANSWER_BYTE} times upstream.maxResponseBytes; raise limits.memory, or lower that",
            path=".resources",
        ),
    ]


class Spec(Model):
    """One tenant's proxy."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!(has(self.replicas) && has(self.autoscaling))",
                    "can't be combined with autoscaling, which sets it; remove one of the two",
                    path=".replicas",
                ),
                *_resources_rules(),
                cel(
                    "!has(self.poslog) || !has(self.poslog.delivery.url) || self.upstream.allowInsecure"
                    " || self.poslog.delivery.url.startsWith('https://')",
                    "is plain http; use https, or set upstream.allowInsecure: true where that is acceptable",
                    path=".poslog.delivery.url",
                ),
                CRITERION_RULE,
                COUNTED_PAGES_RULE,
            ]
        }
    )

    tenant_id: TenantId = Field(
        description="The tenant's id in Hii Retail. Tokens of other tenants are refused. Immutable."
    )
    upstream: Upstream = Field(description="The tenant's order management system (OMS).")
    mapping: Mapping | None = Field(
        default=None,
        description="How the OMS's responses are mapped to the documented format; absent if they have it.",
    )
    auth: Auth = Field(
        default_factory=Auth,
        description="How the proxy authenticates to the OMS.",
        json_schema_extra=EMPTY,
    )
    access: Access = Field(
        default_factory=Access,
        description="Who may call the proxy.",
        json_schema_extra=EMPTY,
    )
    replicas: int | None = Field(
        default=None,
        ge=1,
        le=MOST_REPLICAS,
        description="Number of proxies. Defaults to 2; use 1 only if a short outage is acceptable when its node "
        "goes away. Excludes autoscaling.",
    )
    autoscaling: Autoscaling | None = Field(
        default=None,
        description="Let a HorizontalPodAutoscaler set the number of proxies. Excludes replicas.",
    )
    resources: Resources | None = Field(
        default=None,
        description="Resources of one proxy. Replaces the default as a whole: requests of 100m CPU and 96Mi "
        "memory, a limit of 512Mi memory.",
    )
    pod_template: PodTemplate | None = Field(
        default=None,
        description="Scheduling and additional metadata of the proxies' pods.",
    )
    route: Route | None = Field(
        default=None,
        description="An HTTPRoute at a Gateway that several tenants share. Needs an operator with --http-routes "
        "and the Gateway API in the cluster.",
    )
    tracing: Tracing | None = Field(
        default=None,
        description="Which traces the proxies and the relay record. Needs an operator with --tracing-endpoint.",
    )
    poslog: Poslog | None = Field(
        default=None,
        description="A PosLog relay beside the proxies: it takes the webhooks of ExternalEvents, and brings what "
        "concerns customer orders, such as pickups, to the OMS.",
    )
    suspend: bool = Field(
        default=False,
        description="Leave all objects of this TenantProxy as they are, whatever changes; the proxies keep "
        "serving.",
    )

    @property
    def least_replicas(self) -> int:
        """How many proxies are wanted at least."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or DEFAULT_REPLICAS

    @model_validator(mode="after")
    def _check_scale(self) -> Self:
        if self.replicas is not None and self.autoscaling is not None:
            raise invalid("has both `replicas` and `autoscaling`, which sets it; remove one of the two")
        return self


class ObjectMeta(Model):
    """What TenantProxy uses of an object's metadata; the rest belongs to Kubernetes."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    namespace: Namespace = "default"
    uid: str | None = None
    """Absent before the object is in a cluster."""
    annotations: dict[str, str] | None = None


class TenantProxy(Model):
    """One tenant's read-only proxy to its own order management system."""

    api_version: Literal["proxy.hiiretail.com/v1alpha1"]
    kind: Literal["TenantProxy"]
    metadata: ObjectMeta
    spec: Spec

    @property
    def relay(self) -> Poslog | None:
        """What is asked of the PosLog relay; None where there is to be none."""
        poslog = self.spec.poslog
        return None if poslog is None or poslog.enabled is False else poslog

    @property
    def debug_until(self) -> str:
        """The time until which the proxies are to write debug lines, as it is written; empty: there is none."""
        return str((self.metadata.annotations or {}).get(DEBUG_UNTIL, ""))

    @property
    def secret_name(self) -> str:
        """The Secret that holds the tenant's credential."""
        reference = self.spec.auth.secret_ref
        return reference.name if reference else default_secret_name(self.metadata.name)

    @property
    def ca_secret_name(self) -> str | None:
        """The Secret that holds the CAs of the OMS, if it has its own."""
        tls = self.spec.upstream.tls
        return tls.ca_secret_ref.name if tls and tls.ca_secret_ref else None

    @property
    def client_certificate_secret_name(self) -> str | None:
        """The Secret that holds the client certificate, if there is one."""
        tls = self.spec.upstream.tls
        return tls.client_certificate_secret_ref.name if tls and tls.client_certificate_secret_ref else None
