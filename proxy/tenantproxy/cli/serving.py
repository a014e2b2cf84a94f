"""What the commands have in common that serve a tenant: their options, and how a process begins and ends."""

import functools
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from tenantproxy.cli.configuration import CONFIG_HELP, FORWARD_PROXY_OPTION, TLS_OPTION, refuse
from tenantproxy.config import ConfigError, ProxyConfig, Tenant
from tenantproxy.lean_imports import import_alone, import_without
from tenantproxy.logs import FORMATS, LEVELS, configure, keep
from tenantproxy.server.sockets import listen

if TYPE_CHECKING:
    from tenantproxy.credentials.stores.base import CredentialStore
    from tenantproxy.lifecycle import Given, TenantProcess

_log = logging.getLogger(__name__)

_OF_AIOHTTP: Final = ("abc", "base_protocol", "http_exceptions", "http_parser", "http_writer", "streams")
"""The modules of aiohttp that serving needs: what reads requests, and how a resolver looks."""
_OF_ITS_CLIENT: Final = (
    *("email.message", "email.parser", "email.policy", "email.utils"),
    *("idna", "netrc", "urllib.request"),
)
"""What they import for its client and its web framework: media types, dates, hosts, the environment's proxies."""


class _Address(click.ParamType[str]):
    """HOST:PORT, or fd:N for a bound socket that the parent process passes on."""

    name = "HOST:PORT|fd:N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        kind, _, rest = text.rpartition(":")
        if not rest.isascii() or not rest.isdigit() or not kind:
            self.fail(f"{text!r} is neither HOST:PORT nor fd:N", param, ctx)
        return text


_OPTIONS: Final = (
    click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default=Path("/etc/tenantproxy/config.json"),
        show_default=True,
        help=CONFIG_HELP,
    ),
    click.option(
        "--credentials",
        type=click.Path(path_type=Path),
        default=Path("/etc/tenantproxy/credentials"),
        show_default=True,
        help="Directory with a file per key of the tenant's Secret; watched for changes.",
    ),
    click.option(
        "--secret",
        metavar="NAME",
        help="Read, watch and replace the credential in this Secret in the pod's own namespace, through the"
        " Kubernetes API; --credentials is used until the API has responded once.",
    ),
    click.option(
        "--service-account",
        type=click.Path(path_type=Path),
        default=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        show_default=True,
        help="With --secret: directory with token, ca.crt and namespace of the pod's service account.",
    ),
    TLS_OPTION,
    FORWARD_PROXY_OPTION,
    click.option("--api", type=_Address(), default="0.0.0.0:8080", show_default=True, help="The API port."),
    click.option(
        "--admin", type=_Address(), default="0.0.0.0:9090", show_default=True, help="Metrics and probes."
    ),
    click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        default="info",
        show_default=True,
        help="`info` logs one line per request.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        default="json",
        show_default=True,
        help="`text` is for people, in colours on a terminal (unless NO_COLOR is set).",
    ),
    click.option(
        "--debug-until",
        type=click.Path(path_type=Path),
        default=Path("/etc/tenantproxy/debug/until"),
        show_default=True,
        help="File with the time until which each call of the OMS has a debug line, such as 2026-11-30T15:00:00Z;"
        " read every few seconds. An hour after it came they end, too.",
    ),
    click.option(
        "--troubles",
        type=click.Path(path_type=Path),
        help="Also write what begins to be wrong, and when it is over, to this file, as JSON lines; 128 KiB at"
        " most.",
    ),
    click.option(
        "--supervised",
        is_flag=True,
        help='Stop when standard input ends, and print {"event": "ready"} when ready.',
    ),
)


class Serving(NamedTuple):
    """What these options say."""

    config_path: Path
    credentials: Path
    secret: str | None
    service_account: Path
    tls_directory: Path
    forward_proxy_credentials: Path
    api: str
    admin: str
    log_level: str
    log_format: str
    debug_until: Path
    troubles: Path | None
    supervised: bool


def serving_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, which it gets as one argument, before its own."""

    @functools.wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 - values of options
        own = {name: value for name, value in given.items() if name not in Serving._fields}
        command(Serving(**{name: given[name] for name in Serving._fields}), **own)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _attrs(*, auto_attribs: bool, frozen: bool, slots: bool) -> Callable[[type], type]:
    """Make the three classes of aiohttp that would need attrs: dataclasses, which they are in aiohttp 4."""
    assert auto_attribs  # noqa: S101 - a dataclass has no other ones
    return dataclass(frozen=frozen, slots=slots)


def import_lean() -> None:
    """Import what serving needs of large packages, without the rest; before anything imports them."""
    import_without("subprocess", "locale")  # asyncio's
    attrs = {"attr": SimpleNamespace(s=_attrs)}
    import_alone("aiohttp", *_OF_AIOHTTP, without=_OF_ITS_CLIENT, instead=attrs)
    # Not what serves a page, or measures a block of code.
    unused = ("prometheus_client.context_managers",)
    import_alone("prometheus_client", "metrics", "openmetrics.exposition", without=unused)


def serve(serving: Serving, config: ProxyConfig, make: "Callable[[Given], TenantProcess]") -> None:
    """Run a process to its end; it ends at once, with a status that says so, where it can't begin."""
    import uvloop  # noqa: PLC0415 - commands import when they are named

    from tenantproxy import lifecycle  # noqa: PLC0415
    from tenantproxy.server.descriptors import bound_clients  # noqa: PLC0415
    from tenantproxy.server.http_server import ParserError  # noqa: PLC0415
    from tenantproxy.transport.tls import TlsFiles  # noqa: PLC0415

    tls = TlsFiles(config.upstream.tls, serving.tls_directory)
    try:
        tls.check()
        store, fallback = _stores(serving, config.tenant)
    except ConfigError as error:
        refuse(error)
    _begin_log(serving, config)
    try:
        sockets = _bound(serving.api), _bound(serving.admin)
    except OSError as error:
        click.echo(f"tenantproxy: can't listen on {serving.api} and {serving.admin}: {error.strerror}", err=True)
        sys.exit(1)

    def made() -> "TenantProcess":
        return make(
            lifecycle.Given(
                store,
                tls,
                serving.forward_proxy_credentials,
                fallback,
                serving.debug_until,
                bound_clients(config.upstream.max_connections),
            )
        )

    def on_ready() -> None:
        if serving.supervised:
            click.echo(json.dumps({"event": "ready"}))

    try:
        uvloop.run(lifecycle.run(made, sockets, on_ready=on_ready, supervised=serving.supervised))
    except ConfigError as error:
        refuse(error)
    except ParserError as error:
        click.echo(f"tenantproxy: {error}", err=True)
        sys.exit(1)


def _stores(serving: Serving, tenant: Tenant) -> "tuple[CredentialStore, CredentialStore | None]":
    """Return where the credential lives, and what serves until that has been read once.

    Raises:
        ConfigError: A Secret is named, but this is no pod that may call the Kubernetes API.

    """
    from tenantproxy.credentials.stores.files import FileStore  # noqa: PLC0415

    if serving.secret is None:
        return FileStore(serving.credentials, keeps_notes=_can_be_written(serving.credentials)), None
    files = FileStore(serving.credentials)
    from tenantproxy.credentials.stores.kubernetes import KubernetesStore  # noqa: PLC0415
    from tenantproxy.kube.api import KubeError  # noqa: PLC0415 - not needed without --secret

    try:
        return KubernetesStore.in_pod(serving.secret, tenant, serving.service_account), files
    except KubeError as error:
        raise ConfigError(f"--secret: {error}") from None


def _can_be_written(directory: Path) -> bool:
    """Tell whether files can be written to a directory, or it can be made; no mounted Secret can."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    return os.access(there, os.W_OK)


def _begin_log(serving: Serving, config: ProxyConfig) -> None:
    """Write the log as it is wanted, and what is ignored of the environment into it."""
    tenant = config.tenant.name
    formatter = None
    if serving.log_format == "text":
        from tenantproxy.log_text import TextFormatter, takes_colours  # noqa: PLC0415 - not needed for JSON

        formatter = TextFormatter(tenant, colours=takes_colours(sys.stderr))
    configure(serving.log_level, formatter, tenant=tenant)
    if serving.troubles is not None:
        from tenantproxy.troubles import LOGGER  # noqa: PLC0415 - not needed without the file

        keep(LOGGER, serving.troubles, tenant=tenant)
    if not config.upstream.forward_proxy and (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        _log.warning("HTTPS_PROXY is ignored; set `spec.upstream.forwardProxy`, or the operator's --forward-proxy")


def _bound(address: str) -> socket.socket:
    kind, _, number = address.rpartition(":")
    return socket.socket(fileno=int(number)) if kind == "fd" else listen(address)
