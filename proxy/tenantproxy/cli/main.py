"""The command `tenantproxy`. Commands import what they need when they are named, so that `serve` starts fast."""

import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tenantproxy import __version__
from tenantproxy.cli.configuration import CONFIG_HELP, FORWARD_PROXY_OPTION, TLS_OPTION, checked, refuse
from tenantproxy.cli.lazy import LazyGroup
from tenantproxy.config import ConfigError, Tenant
from tenantproxy.lean_imports import import_alone
from tenantproxy.logs import FORMATS, LEVELS, configure, keep
from tenantproxy.server.sockets import listen

if TYPE_CHECKING:
    from tenantproxy.credentials.stores.base import CredentialStore

_log = logging.getLogger(__name__)

_ELSEWHERE: Final = {
    "conformance": ("tenantproxy.cli.conformance", "conformance_command"),
    "dev-issuer": ("tenantproxy.devtools.issuer", "issuer_command"),
    "map": ("tenantproxy.cli.map", "map_command"),
    "mock-oms": ("tenantproxy.devtools.mock_oms", "mock_oms_command"),
    "poslog": ("tenantproxy.cli.poslog", "poslog_command"),
}
_OF_AIOHTTP: Final = ("abc", "base_protocol", "http_exceptions", "http_parser", "http_writer", "streams")
"""The modules of aiohttp that serving needs: what reads requests, and how a resolver looks."""


class _Commands(LazyGroup):
    elsewhere: Mapping[str, tuple[str, str]] = _ELSEWHERE


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenantproxy")
def main() -> None:
    """Serve one tenant's customer orders from its own order management system (OMS).

    You rarely run this by hand: `tenantproxy-operator local -f MANIFEST` runs a proxy per TenantProxy manifest,
    and in a cluster the operator does. `mock-oms` and `dev-issuer` are for development only.
    """


class _Address(click.ParamType[str]):
    """HOST:PORT, or fd:N for a bound socket that the parent process passes on."""

    name = "HOST:PORT|fd:N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        kind, _, rest = text.rpartition(":")
        if not rest.isascii() or not rest.isdigit() or not kind:
            self.fail(f"{text!r} is neither HOST:PORT nor fd:N", param, ctx)
        return text


def _bound(address: str) -> socket.socket:
    kind, _, number = address.rpartition(":")
    return socket.socket(fileno=int(number)) if kind == "fd" else listen(address)


@main.command()
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/config.json"),
    show_default=True,
    help=CONFIG_HELP,
)
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/credentials"),
    show_default=True,
    help="Directory with a file per key of the tenant's Secret; watched for changes.",
)
@click.option(
    "--secret",
    metavar="NAME",
    help="Read, watch and replace the credential in this Secret in the pod's own namespace, through the"
    " Kubernetes API; --credentials is used until the API has responded once.",
)
@click.option(
    "--service-account",
    type=click.Path(path_type=Path),
    default=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
    show_default=True,
    help="With --secret: directory with token, ca.crt and namespace of the pod's service account.",
)
@TLS_OPTION
@FORWARD_PROXY_OPTION
@click.option("--api", type=_Address(), default="0.0.0.0:8080", show_default=True, help="The API port.")
@click.option("--admin", type=_Address(), default="0.0.0.0:9090", show_default=True, help="Metrics and probes.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    help="`info` logs one line per request.",
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="json",
    show_default=True,
    help="`text` is for people, in colours on a terminal (unless NO_COLOR is set).",
)
@click.option(
    "--debug-until",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/debug/until"),
    show_default=True,
    help="File with the time until which each call of the OMS has a debug line, such as 2026-11-30T15:00:00Z; read"
    " every few seconds. An hour after it came they end, too.",
)
@click.option(
    "--troubles",
    type=click.Path(path_type=Path),
    help="Also write what begins to be wrong, and when it is over, to this file, as JSON lines; 128 KiB at most.",
)
@click.option(
    "--supervised",
    is_flag=True,
    help='Stop when standard input ends, and print {"event": "ready"} when ready.',
)
def serve(
    config_path: Path,
    credentials: Path,
    secret: str | None,
    service_account: Path,
    tls_directory: Path,
    forward_proxy_credentials: Path,
    api: str,
    admin: str,
    log_level: str,
    log_format: str,
    debug_until: Path,
    troubles: Path | None,
    *,
    supervised: bool,
) -> None:
    """Run the proxy of one tenant until SIGTERM, then drain.

    Exit status: 0 after a drain, 2 for an invalid configuration, 1 for anything else (such as a port in use, or
    aiohttp without its C extension).
    """
    import_alone("aiohttp", *_OF_AIOHTTP)
    import_alone("prometheus_client", "metrics", "openmetrics.exposition")  # not what serves a page
    import uvloop  # noqa: PLC0415 - see the module's docstring

    from tenantproxy import app as serving  # noqa: PLC0415
    from tenantproxy.server.http_server import ParserError  # noqa: PLC0415
    from tenantproxy.transport.tls import TlsFiles  # noqa: PLC0415

    config, mapping, _ = checked(config_path)
    tls = TlsFiles(config.upstream.tls, tls_directory)
    try:
        tls.check()
        store, fallback = _stores(credentials, secret, config.tenant, service_account)
    except ConfigError as error:
        refuse(error)
    _log_as(log_format, log_level, config.tenant)
    if troubles is not None:
        from tenantproxy.troubles import LOGGER  # noqa: PLC0415 - see the module's docstring

        keep(LOGGER, troubles, tenant=config.tenant.name)
    if not config.upstream.forward_proxy and (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        _log.warning("HTTPS_PROXY is ignored; set `spec.upstream.forwardProxy`, or the operator's --forward-proxy")
    try:
        sockets = [_bound(api), _bound(admin)]
    except OSError as error:
        click.echo(f"tenantproxy: can't listen on {api} and {admin}: {error.strerror}", err=True)
        sys.exit(1)

    def on_ready() -> None:
        if supervised:
            click.echo(json.dumps({"event": "ready"}))

    try:
        uvloop.run(
            serving.serve(
                config,
                mapping,
                store,
                tls,
                forward_proxy_credentials=forward_proxy_credentials,
                fallback=fallback,
                debug_until=debug_until,
                api_socket=sockets[0],
                admin_socket=sockets[1],
                on_ready=on_ready,
                supervised=supervised,
            )
        )
    except ConfigError as error:
        refuse(error)
    except ParserError as error:
        click.echo(f"tenantproxy: {error}", err=True)
        sys.exit(1)


def _can_be_written(directory: Path) -> bool:
    """Tell whether files can be written to a directory, or it can be made; no mounted Secret can."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    return os.access(there, os.W_OK)


def _log_as(log_format: str, level: str, tenant: Tenant) -> None:
    formatter = None
    if log_format == "text":
        from tenantproxy.log_text import TextFormatter, takes_colours  # noqa: PLC0415 - not needed for JSON

        formatter = TextFormatter(tenant.name, colours=takes_colours(sys.stderr))
    configure(level, formatter, tenant=tenant.name)


def _stores(
    credentials: Path, secret: str | None, tenant: Tenant, service_account: Path
) -> "tuple[CredentialStore, CredentialStore | None]":
    """Return where the credential lives, and what serves until that has been read once.

    Raises:
        ConfigError: A Secret is named, but this is no pod that may call the Kubernetes API.

    """
    from tenantproxy.credentials.stores.files import FileStore  # noqa: PLC0415

    if secret is None:
        return FileStore(credentials, keeps_notes=_can_be_written(credentials)), None
    files = FileStore(credentials)
    from tenantproxy.credentials.stores.kubernetes import KubernetesStore  # noqa: PLC0415
    from tenantproxy.kube.api import KubeError  # noqa: PLC0415 - not needed without --secret

    try:
        return KubernetesStore.in_pod(secret, tenant, service_account), files
    except KubeError as error:
        raise ConfigError(f"--secret: {error}") from None
