"""The option --config: a configuration that can be used, or the end of the command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click
from msgspec.structs import replace

from tenantproxy.config import ConfigError, ProxyConfig, load

if TYPE_CHECKING:
    from tenantproxy.orders.mapping import CompiledMapping

BAD_INPUT: Final = 2
CONFIG_HELP: Final = "The proxy's configuration, as printed by `tenantproxy-operator render --output config`."
TLS_OPTION: Final = click.option(
    "--tls",
    "tls_directory",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/tls"),
    show_default=True,
    help="Directory with ca/ca.crt, client/tls.crt and client/tls.key, if `upstream.tls` needs them.",
)
FORWARD_PROXY_OPTION: Final = click.option(
    "--forward-proxy-credentials",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/forward-proxy"),
    show_default=True,
    help="Directory with username and password, if the forward proxy needs them.",
)


def checked(path: Path, *, url: str = "") -> "tuple[ProxyConfig, CompiledMapping]":
    """Return a usable configuration with its mapping; end the process where it is none.

    With a `url`, it is that of the OMS.
    """
    from tenantproxy.validation import validate_config  # noqa: PLC0415 - see the docstring of `main`

    try:
        config = load(path)
        if url:
            config = replace(config, upstream=replace(config.upstream, url=url))
        return config, validate_config(config)
    except ConfigError as error:
        refuse(error)


def refuse(error: ConfigError) -> NoReturn:
    """End the process because of a configuration."""
    click.echo(f"tenantproxy: {error}", err=True)
    sys.exit(BAD_INPUT)
