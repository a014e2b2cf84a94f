"""Check a credential against the proxy's configuration: what the platform team lets this tenant use."""

from collections.abc import Mapping

from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.formats import from_secret
from tenantproxy.credentials.kinds import types_in_words
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS
from tenantproxy.transport import egress
from tenantproxy.transport.egress_policy import no_proxy, token_endpoint_policy


def usable_credential(keys: Mapping[str, str], config: ProxyConfig) -> Credential | None:
    """Return the credential in a Secret's keys, or None where they hold none.

    Raises:
        CredentialError: It can't be used.

    """
    credential = from_secret(keys)
    if credential is not None:
        check_credential(credential, config)
    return credential


def check_credential(credential: Credential, config: ProxyConfig) -> None:
    """Check its type, that no operation of the OMS sets its headers, and that its token endpoint may be called.

    No host is resolved.

    Raises:
        CredentialError: One of them is not right; `field` is a key.

    """
    allowed = config.auth.allowed_types
    if allowed is not None and credential.type not in allowed:
        detail = (
            f"must be {types_in_words(allowed)}: the platform team does not allow `{credential.type}` here"
            " (`auth.allowedTypes`)"
        )
        raise CredentialError([FieldProblem("type", detail)])
    operations = (config.upstream.operations.of(operation) for operation in OPERATIONS)
    taken = {name.lower() for operation in operations for name in operation.headers}
    if problems := [
        FieldProblem(key, "is a header that `upstream.operations` sets; name another one, or remove it there")
        for key, name in credential.header_names.items()
        if name.lower() in taken
    ]:
        raise CredentialError(problems)
    if credential.token_url is not None:
        _check_token_url(credential.token_url, config)


def _check_token_url(url: str, config: ProxyConfig) -> None:
    try:
        egress.check_url(
            url,
            token_endpoint_policy(config),
            allow_insecure=config.upstream.allow_insecure,
            allow_query=True,
            no_proxy=no_proxy(config),
            credentials="clientId and clientSecret",
        )
    except egress.UrlError as error:
        raise CredentialError([FieldProblem("authUrl", str(error))]) from None
