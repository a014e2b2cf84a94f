"""The option --config: a configuration that can be used, or the end of the command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from tenantproxy.config import ConfigError, ProxyConfig, load

if TYPE_CHECKING:
    from tenantproxy.orders.mapping import CompiledMapping

BAD_INPUT: Final = 2
CONFIG_HELP: Final = "The proxy's configuration, as printed by `tenantproxy-operator render --output config`."


def checked(path: Path) -> "tuple[ProxyConfig, CompiledMapping]":
    """Return a usable configuration with its mapping; end the process where it is none."""
    from tenantproxy.validation import validate_config  # noqa: PLC0415 - see the docstring of `main`

    try:
        config = load(path)
        return config, validate_config(config)
    except ConfigError as error:
        refuse(error)


def refuse(error: ConfigError) -> NoReturn:
    """End the process because of a configuration."""
    click.echo(f"tenantproxy: {error}", err=True)
    sys.exit(BAD_INPUT)
