"""The models of `spec.upstream`: the tenant's order management system (OMS), and how it is called."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.transport.forward_proxy import CREDENTIAL_KEYS
from tenantproxy.transport.no_proxy import EVERYTHING
from tenantproxy_operator.api.fields import EMPTY, Duration, Model, Schema, Size, Text, UniqueList, cel, invalid
from tenantproxy_operator.api.names import SecretName
from tenantproxy_operator.api.operations import Operations
from tenantproxy_operator.api.url_rules import base_url_rules

BaseUrl = Annotated[
    str,
    Text(
        pattern=r"^https?://[^/?#\s]+[^?#\s]*$",
        problem="is not a base URL; write https://HOST[:PORT][/PATH], without query and fragment",
        longest=2048,
    ),
]
ForwardProxyUrl = Annotated[
    str,
    # The rest is said by rules of the field around it, which don't repeat the value.
    Text(pattern=r"^https?://\S+$", problem="is not an http(s) URL; write http://HOST:PORT", longest=2048),
]
Destination = Annotated[
    str,
    Text(
        pattern=r"^(\*|(\*?\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?(:[1-9][0-9]{0,4})?"
        r"|[0-9A-Fa-f.:]+(/[0-9]{1,3})?|\[[0-9A-Fa-f:.]+\](:[1-9][0-9]{0,4})?)$",
        problem="is not a destination; write a domain (example.com or .example.com), an address, a CIDR, or *",
        longest=260,
    ),
]

CA_KEYS: Final = ("ca.crt",)
"""Keys of the Secret that `tls.caSecretRef` names."""
CLIENT_CERTIFICATE_KEYS: Final = ("tls.crt", "tls.key")
"""Keys of the Secret that `tls.clientCertificateSecretRef` names, as the type kubernetes.io/tls has them."""
FORWARD_PROXY_KEYS: Final = CREDENTIAL_KEYS
"""Keys of the Secret that `forwardProxy.secretRef` names, as the type kubernetes.io/basic-auth has them."""
TLS_KEYS: Final = frozenset({*CA_KEYS, *CLIENT_CERTIFICATE_KEYS})


class SecretRef(Model):
    """A Secret in the TenantProxy's namespace."""

    name: SecretName = Field(description="Name of the Secret.")


class Tls(Model):
    """TLS to the OMS and the token endpoint, beyond the system's CAs."""

    ca_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret whose key ca.crt holds one or more CA certificates, in PEM. With it, only "
        "certificates of these CAs are accepted from the OMS; the token endpoint is verified against the system's "
        "CAs and these. Without it, both are verified against the system's CAs.",
    )
    client_certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret of type kubernetes.io/tls with the client certificate (tls.crt, followed by its "
        "intermediate certificates, if any) and its key (tls.key, not encrypted), in PEM. It is presented to the "
        "OMS and to the token endpoint when they ask for one.",
    )


class ForwardProxy(Model):
    """The forward proxy through which servers outside the cluster are reached."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.url) || (has(self.noProxy) && self.noProxy.exists(each, each == '*'))",
                    "is missing; write http://HOST:PORT, or noProxy: ['*'] to use no forward proxy",
                    path=".url",
                ),
                cel(
                    "!has(self.url) || !self.url.contains('@')",
                    "has user-info; put credentials into the Secret that secretRef names",
                    path=".url",
                ),
                cel(
                    "!has(self.url) || self.url.matches('^[^/]*//[^/?#]+/?$')",
                    "has a path, a query or a fragment; write http://HOST:PORT",
                    path=".url",
                ),
            ]
        }
    )

    url: ForwardProxyUrl | None = Field(
        default=None,
        description="URL of the forward proxy, such as http://squid.proxies.svc:3128; https:// if it has TLS "
        "itself. It may have a private address. Required, unless noProxy has *.",
    )
    no_proxy: UniqueList[Destination] = Field(
        default_factory=list,
        max_length=100,
        description="Destinations that are connected to directly, as in NO_PROXY: example.com (with its "
        "subdomains), .example.com (only these), an address, a CIDR (of addresses in URLs; names are not resolved "
        "for it), a port after a domain or an address; * for all, so that no forward proxy is used. localhost and "
        "loopback addresses always are.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret of type kubernetes.io/basic-auth with username and password, if the forward proxy "
        "demands them (Proxy-Authorization: Basic). Changes take effect without a restart.",
    )

    @property
    def is_used(self) -> bool:
        """Whether anything goes through it."""
        return self.url is not None and EVERYTHING not in self.no_proxy

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        if self.url is None and EVERYTHING not in self.no_proxy:
            raise invalid("needs `url`; write http://HOST:PORT, or `noProxy: ['*']` to use no forward proxy")
        return self


def _within_max_connections(operation: Operation) -> Schema:
    own = f"operations.{operation.name}.maxConnections"
    return cel(
        f"!has(self.{own}) || self.{own} <= self.maxConnections",
        "is more than upstream.maxConnections; lower it",
        path=f".{own}",
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
                *base_url_rules("url"),
                cel(
                    "!has(self.tls) || self.url.startsWith('https://')",
                    "does not apply to plain http; make url https, or remove tls",
                    path=".tls",
                ),
                *(_within_max_connections(operation) for operation in OPERATIONS),
            ]
        }
    )

    url: BaseUrl = Field(
        description="Base URL of the OMS, such as https://oms.example.com/api/v1. The operations' paths are "
        "appended. https, unless allowInsecure is true."
    )
    allow_insecure: bool = Field(
        default=False,
        description="Permit plain http, to the OMS and to the tenant's token endpoint (authUrl). Anyone who can "
        "read the network can then read the credential: for tests and trusted networks only.",
    )
    allow_private_networks: bool = Field(
        default=False,
        description="Permit loopback, private (RFC 1918, ULA) and shared (CGNAT) addresses for the OMS. "
        "Link-local and cloud metadata addresses stay forbidden. For the token endpoint, which the tenant "
        "chooses, see auth.tokenEndpoint.",
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
        description="How often a read is retried, within timeout, after a connection error or a response 502, 503 "
        "or 504 without Retry-After.",
    )
    max_connections: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Maximum number of connections from one proxy process to the OMS; one caller can use at most "
        "three quarters of them.",
    )
    max_response_bytes: Size = Field(
        default="1Mi",
        description="Maximum size of an OMS response: 1Ki to 4Mi. A larger one is an error of the OMS. "
        "resources.limits.memory must be at least 192Mi plus 20 times this size.",
    )
    content_type: Literal["json", "any"] = Field(
        default="json",
        description="json: a response of the OMS must say that it is JSON (application/json, or "
        "application/...+json). any: for an OMS that sends JSON as text/plain, text/html or the like; what is not "
        "JSON is still an error.",
    )
    operations: Operations = Field(
        default_factory=Operations,
        description="How the operations are requested, only if the OMS differs from the documented contract.",
        json_schema_extra=EMPTY,
    )
    tls: Tls | None = Field(
        default=None,
        description="A private CA and a client certificate, for connections to the OMS and to the token endpoint. "
        "Changes to these Secrets take effect without a restart. TLS 1.2 is the minimum, and certificates and "
        "host names are always verified. Only with an https url.",
    )
    forward_proxy: ForwardProxy | None = Field(
        default=None,
        description="The forward proxy for connections to the OMS, the token endpoint and the issuers of access "
        "tokens. Replaces the operator's (--forward-proxy) as a whole; noProxy: ['*'] alone uses none. Since it "
        "resolves their names, authUrl must name a host in auth.tokenEndpoint.allowHosts.",
    )
