"""What the words of the proxies' metrics mean for whoever reads them: error codes, and reasons below them."""

from collections.abc import Mapping
from typing import Final

from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy_operator.doctor.commands import (
    AUTH_URL,
    CONNECT,
    KEYS,
    LOGS,
    PUT,
    RESOLVE,
    TLS,
    TOKEN,
    change,
    logs_of,
    spec,
)
from tenantproxy_operator.doctor.finding import Row, Severity, Turn

_READS: Final = "ready-but-reads-fail"
_CREDENTIAL: Final = "the-credential"
_TOKENS: Final = "no-access-token"
_REFUSED: Final = "401-or-403-for-a-client"
_PUT: Final = "a-put-is-refused"
_OTHER: Final = "other-4xx"

_OMS_LOG: Final = "the OMS's own log, by the correlation id"
_URL: Final = "spec.upstream.url"
_FORWARD: Final = spec("upstream", "forwardProxy")
_ENDPOINT: Final = spec("auth", "tokenEndpoint")
_REPORT: Final = f"tenantproxy-operator doctor -n {{namespace}} {{name}} --bundle FILE; report it; {LOGS}"


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
    "credentials-not-configured": _failing("credentials-not-configured", PUT, _CREDENTIAL),
    "credentials-invalid": _failing(
        "credentials-invalid",
        f"{KEYS}; correct the key that `detail` of the response names",
        _CREDENTIAL,
    ),
    "upstream-rejected-credentials": _failing(
        "upstream-rejected-credentials",
        f"{PUT}; with another credential",
    ),
    "token-unavailable": _failing("token-unavailable", LOGS),
    "upstream-error": _failing("upstream-error", f"{logs_of('upstream-error')}; {_OMS_LOG}"),
    "upstream-timeout": _failing(
        "upstream-timeout",
        f"{logs_of('upstream-timeout')}; {_OMS_LOG}; or {change('upstream.timeout', 'SECONDS')}",
    ),
    "circuit-open": _failing(
        "circuit-open", f"{logs_of('circuit-open')}; bring the OMS back: it closes by itself"
    ),
    "upstream-rate-limited": _failing("upstream-rate-limited", f"{change('upstream.maxConnections', 'FEWER')}"),
    "overloaded": _failing("overloaded", f"{change('upstream.maxConnections', 'MORE')}; or make the OMS faster"),
    "upstream-contract": _failing(
        "upstream-contract", "tenantproxy map --config config.json FILE; FILE has a response of the OMS"
    ),
    "upstream-forbidden": _failing("upstream-forbidden", "give the credential access to the orders, at the OMS"),
    "search-not-supported": _refused(
        "search-not-supported",
        f"{change('upstream.operations.searchOrders.unsupported', 'null')}; if the OMS has a search",
        _READS,
    ),
    "order-not-found": Row(
        Severity.WARNING,
        "platform team",
        f"{spec('upstream')}; compare its url and operations with the OMS's paths",
        _READS,
        "no order has ever been found",
    ),
    "issuer-unavailable": _failing(
        "issuer-unavailable", f"{logs_of('issuer-unavailable')}; one with a private address needs --egress-allow"
    ),
    "internal-error": _failing("internal-error", _REPORT),
    "unauthenticated": _refused(
        "unauthenticated", f"{TOKEN}; `detail` of the response says what is wrong with it", _REFUSED
    ),
    "wrong-tenant": _refused(
        "wrong-tenant", f"{TOKEN}; call that tenant's proxy, or is spec.tenantId wrong?", _REFUSED
    ),
    "origin-not-allowed": _refused(
        "origin-not-allowed", f"{spec('access', 'cors')}; add the page's origin to allowedOrigins", _REFUSED
    ),
    "admin-required": _refused("admin-required", f"{TOKEN}; {spec('access', 'admins')}; compare both", _PUT),
    "managed-by-platform": _refused(
        "managed-by-platform", "kubectl edit secret {secret} -n {namespace}; or change spec.auth.management", _PUT
    ),
    "invalid-request": _refused("invalid-request", "`errors` of the response names each field", _PUT),
    "credential-rejected": _refused("credential-rejected", "`detail` of the response says what happened", _PUT),
    "validation-inconclusive": _refused(
        "validation-inconclusive", "`detail` of the response says what is down; PUT without ?validate=true", _PUT
    ),
    "too-many-validations": _refused("too-many-validations", "wait for Retry-After", _PUT),
    "store-unavailable": _refused(
        "store-unavailable", f"{LOGS} | grep stored; it says why a credential can't be, and the fix", _PUT
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

FINER: Final[Mapping[str, Row]] = {
    "late": Row(
        Severity.FAILING,
        "platform team",
        f"{change('replicas', 'MORE')}; or spec.autoscaling, or more CPU in spec.resources",
        _READS,
        "the proxy's CPU is used up: requests waited too long for their turn",
    ),
}
"""By a reason that says more than its error code."""

PUT_ONLY: Final = frozenset(
    {"admin-required", "managed-by-platform", "credential-rejected", "validation-inconclusive"}
    | {"too-many-validations", "store-unavailable"}
)
"""Codes that only PUTs get: of these there are few beside the reads."""


def _way(next_: str, says: str) -> Row:
    return Row(Severity.FAILING, "platform team", next_, _READS, says)


WAY: Final[Mapping[str, Row]] = {
    "dns": _way(f"{RESOLVE}; {_URL}, or the port of the DNS pods (--dns-port)", "the host name does not resolve"),
    "connect": _way(f"{CONNECT}; the port in {_URL}, the OMS's firewall", "the connection was refused"),
    "connect-timeout": _way(
        f"{CONNECT}; firewalls, network policies, the OMS's IP allowlist", "no connection within a second"
    ),
    "tls": _way(
        f"{TLS}; then spec.upstream.tls",
        "TLS failed: the certificate is not trusted, has expired or is for another name; or it rejects ours",
    ),
    "egress": _way(
        f"{RESOLVE}; spec.upstream.allowPrivateNetworks, or --egress-allow",
        "the name resolves to a forbidden address",
    ),
    "forward-proxy-connect": _way(
        f"{_FORWARD}; its url, or --forward-proxy; firewalls; --egress-deny",
        "no connection to the forward proxy within a second",
    ),
    "forward-proxy-auth": _way(
        f"{_FORWARD}; username and password in the Secret that it names",
        "the forward proxy demands another credential (407)",
    ),
    "forward-proxy-denied": _way(
        f"{_FORWARD}; the access rules of that one", "the forward proxy denies the destination"
    ),
    "forward-proxy-gateway": _way(
        f"{_FORWARD}; the log of that one, the host in {_URL}", "the forward proxy can't reach the host"
    ),
    "forward-proxy-timeout": _way(
        f"{_FORWARD}; the log of that one, the host in {_URL}", "the forward proxy did not answer within a second"
    ),
    "forward-proxy-invalid": _way(
        f"{_FORWARD}; does its url name a forward proxy at all, with the right scheme?",
        "what the forward proxy answers is not valid",
    ),
}
"""By the reason for which there is no connection."""


def _token(next_: str, says: str, turn: Turn = "tenant admin") -> Row:
    return Row(Severity.FAILING, turn, next_, _TOKENS, says)


TOKENS: Final[Mapping[str, Row]] = {
    "invalid_client": _token(
        f"{PUT}; with another credential; {_ENDPOINT}; its clientAuth", "the id or the secret is wrong"
    ),
    "invalid_request": _token(f"{_ENDPOINT}; clientAuth, scope, audience, extraParams", "it misses a parameter"),
    "invalid_scope": _token(f"{_ENDPOINT}; scope", "it does not know the scope, or the client may not have it"),
    "invalid_grant": _token(f"{_ENDPOINT}; extraParams", "the user name or the password is wrong"),
    "unauthorized_client": _token(
        "permit client credentials for the client; of Keycloak also: the secret is wrong",
        "the client may not use this grant",
    ),
    "unsupported_grant_type": _token(
        f"{_ENDPOINT}; name another grant_type in extraParams", "it does not know this grant"
    ),
    "status-NNN": _token(
        f"{AUTH_URL}; is that the complete token URL? its own log, by the time", "it answered an error"
    ),
    "redirect": _token(f"{AUTH_URL}; the URL that it redirects to", "it answered a redirect"),
    "not-json": _token(f"{AUTH_URL}; often it is a login page, or a firewall's", "its answer is no JSON object"),
    "no-token": _token(f"{AUTH_URL}; is it OAuth2's token endpoint?", "its answer has no access_token"),
    "unusable-token": _token("fewer claims or scopes", "its token is too long, or no header can carry it"),
    "content-encoding": _token(
        "turn its compression off", "its answer is compressed, or cut off", "OMS developers"
    ),
    "too-large": _token(f"{AUTH_URL}; is it a token endpoint?", "its answer has more than 64 KiB"),
    "timeout": _token(
        f"{change('auth.tokenEndpoint.timeout', 'SECONDS')}; its own log", "no token in time", "OMS developers"
    ),
    "internal": _token(_REPORT, "the proxy's own mistake", "TenantProxy's developers"),
}
"""By the outcome of asking for a token; connections fail for the reasons of `WAY`, there too."""


def token_trouble(outcome: str) -> str:
    """Return the diagnosis of an outcome of asking for a token."""
    return "status-NNN" if outcome.startswith("status-") else outcome
