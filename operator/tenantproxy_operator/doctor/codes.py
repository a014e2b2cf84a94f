"""What the words of the proxies' metrics mean for whoever reads them: error codes, and reasons below them."""

from collections.abc import Mapping
from typing import Final

from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy_operator.doctor.finding import Row, Severity, Turn

_READS: Final = "ready-but-reads-fail"
_CREDENTIAL: Final = "the-credential"
_TOKENS: Final = "no-access-token"
_REFUSED: Final = "401-or-403-for-a-client"
_PUT: Final = "a-put-is-refused"
_OTHER: Final = "other-4xx"

_LOGS: Final = "kubectl logs -n {namespace} -l app.kubernetes.io/instance={name} --prefix --tail=100"
_OMS_LOG: Final = "the OMS's own log, by the correlation id"
_URL: Final = "spec.upstream.url"


def _code(code: str, severity: Severity, anchor: str, next_: str) -> Row:
    """Return the row of an error code; whose turn it is, and its title, are the proxy's own."""
    kind = PROBLEM_TYPES[code]
    party = kind.turn[0] if kind.turn else "platform team"
    turn: Turn = "caller (Hii Retail)" if party == "caller" else party
    return Row(severity, turn, next_, anchor, kind.title[0].lower() + kind.title[1:])


def _failing(code: str, next_: str, anchor: str = _READS) -> Row:
    return _code(code, Severity.FAILING, anchor, next_)


def _refused(code: str, next_: str, anchor: str = _OTHER) -> Row:
    return _code(code, Severity.WARNING, anchor, next_)


CODES: Final[Mapping[str, Row]] = {
    "credentials-not-configured": _failing(
        "credentials-not-configured", "an admin sends PUT /api/v1/proxy-config", _CREDENTIAL
    ),
    "credentials-invalid": _failing(
        "credentials-invalid", "correct the key that `detail` of the response names", _CREDENTIAL
    ),
    "upstream-rejected-credentials": _failing(
        "upstream-rejected-credentials",
        "try the credential with curl at the OMS or its token endpoint; then PUT /api/v1/proxy-config",
    ),
    "token-unavailable": _failing("token-unavailable", _LOGS),
    "upstream-error": _failing("upstream-error", _OMS_LOG),
    "upstream-timeout": _failing("upstream-timeout", f"{_OMS_LOG}; or raise spec.upstream.timeout"),
    "circuit-open": _failing("circuit-open", "bring the OMS back; it closes by itself once the OMS answers"),
    "upstream-rate-limited": _failing(
        "upstream-rate-limited", "fewer concurrent requests: lower spec.upstream.maxConnections"
    ),
    "overloaded": _failing("overloaded", "raise spec.upstream.maxConnections, or make the OMS faster"),
    "upstream-contract": _failing(
        "upstream-contract", "save a response of the OMS and try it: tenantproxy map --config config.json FILE"
    ),
    "upstream-forbidden": _failing("upstream-forbidden", "give the credential access to the orders, at the OMS"),
    "search-not-supported": _refused(
        "search-not-supported",
        "if the OMS has a search: remove upstream.operations.searchOrders.unsupported",
        _READS,
    ),
    "order-not-found": Row(
        Severity.WARNING,
        "platform team",
        "compare spec.upstream.url and spec.upstream.operations with the OMS's paths",
        _READS,
        "no order has ever been found",
    ),
    "issuer-unavailable": _failing(
        "issuer-unavailable", f"{_LOGS}: it names the issuer; one with a private address needs --egress-allow"
    ),
    "internal-error": _failing("internal-error", f"report it: tenantproxy-operator doctor --bundle FILE; {_LOGS}"),
    "unauthenticated": _refused(
        "unauthenticated", "`detail` of the response says what is wrong with the token", _REFUSED
    ),
    "wrong-tenant": _refused("wrong-tenant", "call that tenant's proxy; or is spec.tenantId wrong?", _REFUSED),
    "origin-not-allowed": _refused(
        "origin-not-allowed", "add the page's origin to spec.access.cors.allowedOrigins", _REFUSED
    ),
    "admin-required": _refused("admin-required", "compare spec.access.admins with the token's claims", _PUT),
    "managed-by-platform": _refused(
        "managed-by-platform", "change the Secret {secret} instead, or spec.auth.management", _PUT
    ),
    "invalid-request": _refused("invalid-request", "`errors` of the response names each field", _PUT),
    "credential-rejected": _refused("credential-rejected", "`detail` of the response says what happened", _PUT),
    "validation-inconclusive": _refused(
        "validation-inconclusive", "`detail` of the response says what is down; PUT without ?validate=true", _PUT
    ),
    "too-many-validations": _refused("too-many-validations", "wait for Retry-After", _PUT),
    "store-unavailable": _refused(
        "store-unavailable", f"{_LOGS}: it says why a credential can't be stored, and the fix", _PUT
    ),
    "method-not-allowed": _refused("method-not-allowed", "the header Allow of the response names the method"),
    "invalid-id": _refused("invalid-id", "`errors` of the response names the path parameter"),
    "malformed-json": _refused("malformed-json", "python3 -m json.tool FILE"),
    "search-rejected": _refused("search-rejected", "use criteria that the OMS supports, such as customerId"),
    "unsupported-media-type": _refused("unsupported-media-type", "Content-Type: application/json"),
    "payload-too-large": _refused("payload-too-large", "send the criteria only: docs/errors.md has the limits"),
    "target-too-long": _refused("target-too-long", "omit the query string: docs/errors.md has the limits"),
    "headers-too-large": _refused("headers-too-large", "omit cookies, and what a gateway adds"),
    "request-timeout": _refused("request-timeout", "does Content-Length match the body?"),
    "malformed-request": _refused("malformed-request", "`detail` of the response; what does a gateway add?"),
}
"""By the error code."""

PUT_ONLY: Final = frozenset(
    {"admin-required", "managed-by-platform", "credential-rejected", "validation-inconclusive"}
    | {"too-many-validations", "store-unavailable"}
)
"""Codes that only PUTs get: of these there are few beside the reads."""


def _way(next_: str, says: str) -> Row:
    return Row(Severity.FAILING, "platform team", next_, _READS, says)


WAY: Final[Mapping[str, Row]] = {
    "dns": _way(f"{_URL}; the port of the DNS pods (--dns-port)", "the host name does not resolve"),
    "connect": _way(f"the port in {_URL}; the OMS's firewall", "the connection was refused"),
    "connect-timeout": _way(
        "firewalls, network policies, the OMS's IP allowlist", "no connection within a second"
    ),
    "tls": _way(
        "openssl s_client -connect HOST:443 -servername HOST; then spec.upstream.tls",
        "TLS failed: the certificate is not trusted, has expired or is for another name; or it rejects ours",
    ),
    "egress": _way(
        "spec.upstream.allowPrivateNetworks; for a token endpoint spec.auth.tokenEndpoint; --egress-allow",
        "the name resolves to a forbidden address",
    ),
    "forward-proxy-connect": _way(
        "spec.upstream.forwardProxy.url, or --forward-proxy; firewalls; --egress-deny",
        "no connection to the forward proxy within a second",
    ),
    "forward-proxy-auth": _way(
        "username and password in the Secret that forwardProxy.secretRef names",
        "the forward proxy demands another credential (407)",
    ),
    "forward-proxy-denied": _way("the forward proxy's access rules", "the forward proxy denies the destination"),
    "forward-proxy-gateway": _way(
        f"the forward proxy's log; the host in {_URL}", "the forward proxy can't reach the host"
    ),
    "forward-proxy-timeout": _way(
        f"the forward proxy's log; the host in {_URL}", "the forward proxy did not answer within a second"
    ),
    "forward-proxy-invalid": _way(
        "does spec.upstream.forwardProxy.url name a forward proxy at all, with the right scheme?",
        "what the forward proxy answers is not valid",
    ),
}
"""By the reason for which there is no connection."""


def _token(next_: str, says: str, turn: Turn = "tenant admin") -> Row:
    return Row(Severity.FAILING, turn, next_, _TOKENS, says)


TOKENS: Final[Mapping[str, Row]] = {
    "invalid_client": _token(
        "the secret; then spec.auth.tokenEndpoint.clientAuth", "the id or the secret is wrong"
    ),
    "invalid_request": _token("clientAuth, scope, audience, extraParams", "it misses a parameter"),
    "invalid_scope": _token("scope", "it does not know the scope, or the client may not have it"),
    "invalid_grant": _token("extraParams", "the user name or the password is wrong"),
    "unauthorized_client": _token(
        "permit client credentials for the client; of Keycloak also: the secret is wrong",
        "the client may not use this grant",
    ),
    "unsupported_grant_type": _token("name another grant_type in extraParams", "it does not know this grant"),
    "status-NNN": _token("is authUrl the complete token URL? its own log, by the time", "it answered an error"),
    "redirect": _token("authUrl: the URL that it redirects to", "it answered a redirect"),
    "not-json": _token("authUrl: often it is a login page, or a firewall's", "its answer is no JSON object"),
    "no-token": _token("authUrl: is it OAuth2's token endpoint?", "its answer has no access_token"),
    "unusable-token": _token("fewer claims or scopes", "its token is too long, or no header can carry it"),
    "content-encoding": _token(
        "turn its compression off", "its answer is compressed, or cut off", "OMS developers"
    ),
    "too-large": _token("authUrl", "its answer has more than 64 KiB"),
    "timeout": _token("spec.auth.tokenEndpoint.timeout; its own log", "no token in time", "OMS developers"),
    "internal": _token(f"report it; {_LOGS}", "the proxy's own mistake", "TenantProxy's developers"),
}
"""By the outcome of asking for a token; connections fail for the reasons of `WAY`, there too."""
