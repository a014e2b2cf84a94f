"""Check a credential against the proxy's configuration: whether its token endpoint may be called."""

from collections.abc import Mapping

from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.formats import from_secret
from tenantproxy.errors import FieldProblem
from tenantproxy.transport import egress
from tenantproxy.transport.egress_policy import no_proxy, token_endpoint_policy


def usable_credential(keys: Mapping[str, str], config: ProxyConfig) -> Credential | None:
    """Return the credential in a Secret's keys, or None where they hold none.

    Raises:
        CredentialError: It can't be used.

    """
    credential = from_secret(keys)
    if credential is not None:
        check_auth_url(credential, config)
    return credential


def check_auth_url(credential: Credential, config: ProxyConfig, *, field: str = "authUrl") -> None:
    """Check that a credential's token endpoint, if it has one, may be called, without resolving its host.

    Raises:
        CredentialError: It must not; `field` is what the error blames.

    """
    if credential.token_url is not None:
        policy = token_endpoint_policy(config)
        insecure = config.upstream.allow_insecure
        try:
            egress.check_url(
                credential.token_url,
                policy,
                allow_insecure=insecure,
                allow_query=True,
                no_proxy=no_proxy(config),
            )
        except egress.UrlError as error:
            raise CredentialError([FieldProblem(field, str(error))]) from None
