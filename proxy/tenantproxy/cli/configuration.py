"""The options --config and --manifest: a configuration that can be used, or the end of the command."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

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


class Checked(NamedTuple):
    """A usable configuration, its mapping, and the credential's keys if they came with it."""

    config: ProxyConfig
    mapping: "CompiledMapping"
    keys: Mapping[str, str] = {}


def checked(path: Path | None, *, manifest: Path | None = None, url: str = "") -> Checked:
    """Return the configuration in one of two files; end the process where it can't be used.

    With a `url`, it is that of the OMS.
    """
    from tenantproxy.validation import validate_config  # noqa: PLC0415 - see the docstring of `main`

    try:
        config, keys = _read(path, manifest)
        if url:
            config = replace(config, upstream=replace(config.upstream, url=url))
        return Checked(config, validate_config(config), keys)
    except ConfigError as error:
        refuse(error)


def _read(path: Path | None, manifest: Path | None) -> tuple[ProxyConfig, Mapping[str, str]]:
    if manifest is not None and path is None:
        from tenantproxy.manifests import of_manifest  # noqa: PLC0415 - what it imports costs `serve` memory

        given = of_manifest(manifest)
        return given.config, given.keys
    if path is None or manifest is not None:
        raise ConfigError("give one of --config and --manifest")
    return load(path), {}


def refuse(error: ConfigError) -> NoReturn:
    """End the process because of a configuration."""
    click.echo(f"tenantproxy: {error}", err=True)
    sys.exit(BAD_INPUT)
