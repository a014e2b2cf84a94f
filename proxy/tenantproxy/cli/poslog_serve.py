"""The command `tenantproxy poslog serve`: the relay of one tenant."""

import functools
from pathlib import Path

import click

from tenantproxy.cli.configuration import checked, refuse
from tenantproxy.cli.serving import Serving, import_lean, serving_options
from tenantproxy.cli.serving import serve as serve_process
from tenantproxy.config import ConfigError


@click.command()
@serving_options
@click.option(
    "--poslog-secrets",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/poslog"),
    show_default=True,
    help="Directory with the files poslogSharedKey, poslogUsername, poslogPassword and poslogSigningKey, as far as"
    " the configuration needs them; watched for changes. Of several lines each counts.",
)
def serve(serving: Serving, poslog_secrets: Path) -> None:
    """Run the relay of one tenant until SIGTERM, then drain.

    It takes store events from ExternalEvents at POST /events, and gives the OMS those that concern its customer
    orders. Nothing is acknowledged before the OMS has taken it.

    Exit status: 0 after a drain, 2 for an invalid configuration, 1 for anything else (such as a port in use).
    """
    import_lean()
    from tenantproxy.relay.app import NO_RELAY, Relay  # noqa: PLC0415 - only when it is to run

    config = checked(serving.config_path).config
    if not config.poslog:
        refuse(ConfigError(f"{serving.config_path}: {NO_RELAY}"))
    serve_process(serving, config, functools.partial(Relay, config, secrets=poslog_secrets))
