"""What a configuration's structure can't say: whether its URLs, paths and rules can be used."""

from collections.abc import Iterator, Mapping

from tenantproxy.config import ConfigError, ProxyConfig, Upstream
from tenantproxy.credentials.model import Credential, CredentialError, OAuth2, from_secret
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS
from tenantproxy.orders.mapping import CompiledMapping, MappingError, compile_mapping
from tenantproxy.transport import egress


def check(config: ProxyConfig) -> CompiledMapping:
    """Return the compiled mapping of a configuration that can be used.

    Raises:
        ConfigError: It can't; the message names the fields.

    """
    if errors := find_errors(config):
        raise ConfigError("; ".join(f"`{error.field}` {error.detail}" for error in errors))
    return compile_mapping(config.mapping)


def find_errors(config: ProxyConfig) -> list[FieldProblem]:
    """Return what is wrong with a configuration; `field` is its path, in a CR below `spec`."""
    return [*_url(config), *_token_endpoint(config), *_paths(config.upstream), *_mapping(config)]


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
    if isinstance(credential, OAuth2):
        policy = token_endpoint_policy(config)
        insecure = config.upstream.allow_insecure
        try:
            egress.check_url(credential.auth_url, policy, allow_insecure=insecure, allow_query=True)
        except egress.UrlError as error:
            raise CredentialError([FieldProblem(field, str(error))]) from None


def token_endpoint_policy(config: ProxyConfig) -> egress.Policy:
    """Return where the proxy may connect to for a token.

    Raises:
        ValueError: A CIDR is malformed.

    """
    return egress.Policy(
        private_hosts=config.auth.token_endpoint.allow_hosts,
        private_networks=config.auth.token_endpoint.allow_networks,
        allow=config.egress.allow,
        deny=config.egress.deny,
        permission="`auth.tokenEndpoint.allowNetworks`",
    )


def egress_policy(config: ProxyConfig) -> egress.Policy:
    """Return where the proxy may connect to for orders.

    Raises:
        ValueError: A CIDR is malformed.

    """
    return egress.Policy(
        allow_private_networks=config.upstream.allow_private_networks,
        allow=config.egress.allow,
        deny=config.egress.deny,
    )


def _url(config: ProxyConfig) -> Iterator[FieldProblem]:
    upstream = config.upstream
    try:
        policy = egress_policy(config)
    except ValueError as error:
        yield FieldProblem("egress", f"{error}; write CIDRs such as 10.1.0.0/16")
        return
    try:
        egress.check_url(upstream.url, policy, allow_insecure=upstream.allow_insecure)
    except egress.UrlError as error:
        yield FieldProblem("upstream.url", str(error))


def _token_endpoint(config: ProxyConfig) -> Iterator[FieldProblem]:
    for index, cidr in enumerate(config.auth.token_endpoint.allow_networks):
        try:
            egress.check_private_network(cidr)
        except ValueError as error:
            yield FieldProblem(f"auth.tokenEndpoint.allowNetworks[{index}]", str(error))


def _paths(upstream: Upstream) -> Iterator[FieldProblem]:
    for operation in OPERATIONS:
        try:
            operation.check_path(upstream.operations.of(operation).path)
        except ValueError as error:
            yield FieldProblem(f"upstream.operations.{operation.name}.path", str(error))


def _mapping(config: ProxyConfig) -> Iterator[FieldProblem]:
    try:
        compile_mapping(config.mapping)
    except MappingError as error:
        yield from (FieldProblem(f"mapping.{field}", detail) for field, detail in error.errors)
