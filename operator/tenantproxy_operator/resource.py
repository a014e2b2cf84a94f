"""The custom resource TenantProxy, as `kubectl explain tenantproxy` shows it.

Only fields that work are here; each capability brings its own. The descriptions are for the platform team.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from tenantproxy.config import GET_ORDER_PATH, SEARCH_ORDERS_PATH
from tenantproxy_operator.rules import Mapping
from tenantproxy_operator.schema import Duration, Model, Size, Text, UniqueList, cel

GROUP: Final = "proxy.hiiretail.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TenantProxy"
PLURAL: Final = "tenantproxies"

LONGEST_NAME: Final = 50
"""Of a TenantProxy: its children's names (`<name>-proxy-<hash>-<hash>`) must fit into 63 characters."""

_EMPTY: Final[dict[str, Any]] = {"default": {}}
"""Lets the API server fill in the defaults of the fields inside."""

_NAME_PROBLEM: Final = (
    "is not a usable name; start with a lower-case letter, go on with a-z, 0-9 and -, end in a letter or digit"
)
Name = Annotated[str, Text(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", problem=_NAME_PROBLEM, longest=LONGEST_NAME)]
Namespace = Annotated[
    str, Text(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", problem="is not a namespace's name", longest=63)
]
SecretName = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        problem="is not a Secret's name; use lower-case letters, digits, - and .",
        longest=253,
    ),
]
TenantId = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        problem="is not a tenant id; it has 1 to 64 letters, digits, - and _",
        longest=64,
        rules=(cel("self == oldSelf", "is immutable; another tenant needs a TenantProxy of its own"),),
    ),
]
BaseUrl = Annotated[
    str,
    Text(
        pattern=r"^https?://[^/?#\s]+[^?#\s]*$",
        problem="is not a base URL; write https://HOST[:PORT][/PATH], without query and fragment",
        longest=2048,
        rules=(
            cel(
                "!self.matches('^[^/]*//[^/]*@')",
                "has user-info; credentials belong into the Secret that auth.secretRef names",
            ),
        ),
    ),
]
OperationPath = Annotated[
    str,
    Text(
        pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@/{}-]*$",
        problem="is not a path; it starts with / and has no query, % or space",
        longest=512,
    ),
]
AdminText = Annotated[str, Text(pattern=r"^\S+$", problem="is empty or has white space; remove it", longest=254)]


class Operation(Model):
    """Where the OMS serves one operation."""

    path: OperationPath = Field(
        description="Path below the base URL. It may hold the placeholders that the default has, such as "
        "{businessUnitId}."
    )


class Operations(Model):
    """Where the OMS serves its operations, if not where the documented contract says."""

    get_order: Operation = Field(
        default=Operation(path=GET_ORDER_PATH),
        description="Reading one order (GET). Placeholders: {businessUnitId}, {customerOrderId}.",
    )
    search_orders: Operation = Field(
        default=Operation(path=SEARCH_ORDERS_PATH),
        description="Searching orders (POST). Placeholder: {businessUnitId}.",
    )


class SecretRef(Model):
    """A Secret in the TenantProxy's namespace."""

    name: SecretName = Field(description="Name of the Secret.")


class Tls(Model):
    """TLS towards the OMS and the token endpoint, beyond the system's CAs."""

    ca_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret whose key ca.crt holds one or more CA certificates, in PEM. With it, only "
        "certificates of these CAs are accepted from the OMS; the token endpoint is checked against the system's "
        "CAs and these. Without it, both are checked against the system's CAs.",
    )
    client_certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret of type kubernetes.io/tls with the client certificate (tls.crt, followed by its "
        "intermediate certificates, if any) and its key (tls.key, not encrypted), in PEM. It is presented to the "
        "OMS and to the token endpoint when they ask for one.",
    )


class Upstream(Model):
    """The tenant's order management system (OMS)."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.allowInsecure || self.url.startsWith('https://')",
                    "is plain http; use https, or set allowInsecure: true where that is acceptable",
                    path=".url",
                ),
                cel(
                    "!has(self.tls) || self.url.startsWith('https://')",
                    "does not apply to plain http; make url https, or remove tls",
                    path=".tls",
                ),
            ]
        }
    )

    url: BaseUrl = Field(
        description="Base URL of the OMS, such as https://oms.example.com/api/v1. The operations' paths are "
        "added to it. https, unless allowInsecure is true."
    )
    allow_insecure: bool = Field(
        default=False,
        description="Permit plain http, to the OMS and to the tenant's token endpoint (authUrl). Whoever can "
        "read the network then reads the credential: for tests and trusted networks only.",
    )
    allow_private_networks: bool = Field(
        default=False,
        description="Permit loopback, private (RFC 1918, ULA) and shared (CGNAT) addresses, to the OMS and to "
        "the tenant's token endpoint, which the tenant chooses. Link-local and cloud metadata addresses stay "
        "forbidden.",
    )
    timeout: Duration = Field(
        default="5s",
        description="How long one exchange with the OMS may take, retries included: 100ms to 5m, such as "
        "500ms, 5s or 1m.",
    )
    retries: int = Field(
        default=1,
        ge=0,
        le=3,
        description="How often a read is tried again, within timeout, after a connection error or an answer "
        "502, 503 or 504 without Retry-After.",
    )
    max_connections: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="How many connections one proxy process opens to the OMS at most.",
    )
    max_response_bytes: Size = Field(
        default="8Mi",
        description="How large an answer of the OMS may be: 1Ki to 256Mi. A larger one is an error of the OMS.",
    )
    operations: Operations = Field(
        default_factory=Operations,
        description="Paths of the operations, only where the OMS differs from the documented contract.",
        json_schema_extra=_EMPTY,
    )
    tls: Tls | None = Field(
        default=None,
        description="An own CA and a client certificate, for connections to the OMS and to the token endpoint. "
        "Changes of these Secrets take effect without a restart. TLS 1.2 is the minimum, and certificates are "
        "always checked, also for the host's name. Only with an https url.",
    )


class Auth(Model):
    """How the proxy authenticates towards the OMS."""

    secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret that holds the credential: username and password, or clientId, clientSecret, "
        "authUrl and optionally scope, audience, clientAuth, extraParams. Defaults to <name>-credentials.",
    )
    management: Literal["tenant", "platform"] = Field(
        default="tenant",
        description="Who sets the credential. tenant: the tenant's admin may, by PUT /api/v1/proxy-config. "
        "platform: only who can write the Secret; the PUT is answered 409.",
    )


class Admins(Model):
    """Which users of the tenant may set the credential. Nobody where all are empty."""

    emails: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Verified email addresses, such as hiiretail@acme.example.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    groups: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Ids of user groups.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    roles: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Roles, as the user's token has them in federated.roles.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Access(Model):
    """Who may call the proxy."""

    mode: Literal["jwt", "trusted"] = Field(
        default="jwt",
        description="jwt: each request needs a Hii Retail token of this tenant. trusted: an edge in front has "
        "already authenticated reads. Setting the credential needs an admin's token in both modes.",
    )
    admins: Admins = Field(
        default_factory=Admins,
        description="Which users may set the credential. Nobody by default.",
        json_schema_extra=_EMPTY,
    )


class Spec(Model):
    """One tenant's proxy."""

    tenant_id: TenantId = Field(
        description="The tenant's id in Hii Retail. Tokens of other tenants are refused. Immutable."
    )
    upstream: Upstream = Field(description="The tenant's order management system (OMS).")
    mapping: Mapping | None = Field(
        default=None,
        description="How the OMS's answers are brought to the documented shape; absent where they have it.",
    )
    auth: Auth = Field(
        default_factory=Auth,
        description="How the proxy authenticates towards the OMS.",
        json_schema_extra=_EMPTY,
    )
    access: Access = Field(
        default_factory=Access,
        description="Who may call the proxy.",
        json_schema_extra=_EMPTY,
    )


class ObjectMeta(Model):
    """What TenantProxy uses of an object's metadata; the rest belongs to Kubernetes."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    namespace: Namespace = "default"


class TenantProxy(Model):
    """One tenant's read-only proxy to its own order management system."""

    api_version: Literal["proxy.hiiretail.com/v1alpha1"]
    kind: Literal["TenantProxy"]
    metadata: ObjectMeta
    spec: Spec

    @property
    def secret_name(self) -> str:
        """The Secret that holds the tenant's credential."""
        reference = self.spec.auth.secret_ref
        return reference.name if reference else f"{self.metadata.name}-credentials"

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
