"""The command `tenantproxy`. Each command imports what it needs, so that `serve` starts fast."""

import json
import logging
import os
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

import click

from tenantproxy import __version__
from tenantproxy.config import ConfigError, ProxyConfig, Tenant, load
from tenantproxy.logs import LEVELS
from tenantproxy.operations import OPERATIONS
from tenantproxy.server.sockets import listen

if TYPE_CHECKING:
    from tenantproxy.credentials.stores.base import CredentialStore
    from tenantproxy.orders.mapping import CompiledMapping

_log = logging.getLogger(__name__)

_BAD_INPUT: Final = 2
_DEVTOOLS: Final = {
    "dev-issuer": ("tenantproxy.devtools.issuer", "issuer_command"),
    "mock-oms": ("tenantproxy.devtools.mock_oms", "mock_oms_command"),
}


class _Commands(click.Group):
    """Loads the development tools only when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_DEVTOOLS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _DEVTOOLS:
            module, name = _DEVTOOLS[cmd_name]
            command = getattr(import_module(module), name)
            assert isinstance(command, click.Command)  # noqa: S101 - the table says so
            return command
        return super().get_command(ctx, cmd_name)


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


@main.command("map")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    required=True,
    help="The proxy's configuration, as printed by `tenantproxy-operator render --output config`.",
)
@click.option(
    "--operation",
    type=click.Choice([operation.name for operation in OPERATIONS]),
    help="The operation whose response the sample is; by default the one that it fits.",
)
@click.argument("sample", type=click.File("rb"))
def map_sample(config_path: Path, operation: str | None, sample: BinaryIO) -> None:
    """Show what clients get if the OMS answers SAMPLE, a JSON file (- for standard input).

    No request is made. Exit status: 0 with the mapped response on standard output, 1 if the sample breaks the
    contract (each violation on standard error), 2 for an invalid configuration. Amounts that look like minor
    units, and are not scaled, are warnings on standard error.

    \b
      tenantproxy-operator render -f initech.yaml --output config > config.json
      tenantproxy map --config config.json order.json
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    from tenantproxy.orders import minor_units  # noqa: PLC0415 - see the module's docstring
    from tenantproxy.orders.preview import preview_mapping  # noqa: PLC0415 - see the module's docstring

    config, mapping = _checked(config_path)
    chosen = next((each for each in OPERATIONS if each.name == operation), None)
    answer = sample.read()
    preview = preview_mapping(mapping, answer, chosen)
    suspects = dict(minor_units.suspects(config.mapping))
    suspects |= dict(minor_units.suspects_in(config.mapping, preview.operation, answer))
    for rule, detail in suspects.items():
        click.echo(f"warning: mapping.{rule} {detail}", err=True)
    for violation in preview.violations:
        subject = f"{preview.operation.name}: `{violation.field}`" if violation.field else sample.name
        click.echo(f"{subject} {violation.detail}", err=True)
    if preview.violations:
        sys.exit(1)
    click.echo(preview.body.decode())


def _checked(path: Path) -> "tuple[ProxyConfig, CompiledMapping]":
    """Return a usable configuration with its mapping; end the process where it is none."""
    from tenantproxy.validation import validate_config  # noqa: PLC0415 - see the module's docstring

    try:
        config = load(path)
        return config, validate_config(config)
    except ConfigError as error:
        _refuse(error)


def _refuse(error: ConfigError) -> NoReturn:
    click.echo(f"tenantproxy: {error}", err=True)
    sys.exit(_BAD_INPUT)


@main.command()
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/config.json"),
    show_default=True,
    help="The proxy's configuration, as printed by `tenantproxy-operator render --output config`.",
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
@click.option(
    "--tls",
    "tls_directory",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/tls"),
    show_default=True,
    help="Directory with ca/ca.crt, client/tls.crt and client/tls.key, if `upstream.tls` needs them.",
)
@click.option(
    "--forward-proxy-credentials",
    type=click.Path(path_type=Path),
    default=Path("/etc/tenantproxy/forward-proxy"),
    show_default=True,
    help="Directory with username and password, if the forward proxy needs them.",
)
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
    *,
    supervised: bool,
) -> None:
    """Run the proxy of one tenant until SIGTERM, then drain.

    Exit status: 0 after a drain, 2 for an invalid configuration, 1 for anything else (such as a port in use, or
    aiohttp without its C extension).
    """
    import uvloop  # noqa: PLC0415 - see the module's docstring

    from tenantproxy import app as serving  # noqa: PLC0415
    from tenantproxy import logs  # noqa: PLC0415
    from tenantproxy.server.http_server import ParserError  # noqa: PLC0415
    from tenantproxy.transport.tls import TlsFiles  # noqa: PLC0415

    config, mapping = _checked(config_path)
    tls = TlsFiles(config.upstream.tls, tls_directory)
    try:
        tls.check()
        store, fallback = _stores(credentials, secret, config.tenant, service_account)
    except ConfigError as error:
        _refuse(error)
    logs.configure(log_level, tenant=config.tenant.name)
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
                api_socket=sockets[0],
                admin_socket=sockets[1],
                on_ready=on_ready,
                supervised=supervised,
            )
        )
    except ParserError as error:
        click.echo(f"tenantproxy: {error}", err=True)
        sys.exit(1)


def _stores(
    credentials: Path, secret: str | None, tenant: Tenant, service_account: Path
) -> "tuple[CredentialStore, CredentialStore | None]":
    """Return where the credential lives, and what serves until that has been read once.

    Raises:
        ConfigError: A Secret is named, but this is no pod that may call the Kubernetes API.

    """
    from tenantproxy.credentials.stores.files import FileStore  # noqa: PLC0415

    files = FileStore(credentials)
    if secret is None:
        return files, None
    from tenantproxy.credentials.stores.kubernetes import KubernetesStore  # noqa: PLC0415
    from tenantproxy.kube.client import KubeError  # noqa: PLC0415 - not needed without --secret

    try:
        return KubernetesStore.in_pod(secret, tenant, service_account), files
    except KubeError as error:
        raise ConfigError(f"--secret: {error}") from None
