"""The command `tenantproxy-operator local`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from tenantproxy.config import ConfigError
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.logs import LEVELS
from tenantproxy.tracing.settings import traces_endpoint
from tenantproxy_operator.cli.options import BAD_INPUT, manifests_option, reject, tenant_options
from tenantproxy_operator.settings import Settings

if TYPE_CHECKING:
    from tenantproxy_operator.local.supervisor import Options

_FAILURE: Final = 1


@click.command()
@manifests_option("TenantProxy and Secret manifests")
@tenant_options
@click.option(
    "--port-base",
    type=click.IntRange(1, 65534),
    default=8600,
    show_default=True,
    help="The first tenant (by namespace/name) has its API at this port of 127.0.0.1 and its admin port (metrics, "
    "probes) at the next one; each further tenant has the next two.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where credentials that tenants set are stored. Only one `local` at a time can use it.  "
    "[default: $XDG_STATE_HOME/tenantproxy/local, else ~/.local/state/tenantproxy/local]",
)
@click.option("--json", "as_json", is_flag=True, help="Write one line of JSON per event to stdout.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    help="Level of the proxies' logs, on stderr; `info` logs one line per request.",
)
def local(
    paths: tuple[Path, ...],
    settings: Settings,
    port_base: int,
    state_dir: Path | None,
    log_level: str,
    *,
    as_json: bool,
) -> None:
    """Run each tenant's proxy as a process on this machine, and reload on changes of the manifests.

    A Secret manifest sets the credential at first and whenever the manifest changes; in between, a tenant
    admin may change it with PUT /api/v1/proxy-config, and that survives a restart. An invalid change of a
    manifest is reported, and the last valid one stays in use. Ctrl-C stops all.

    \b
    Two tenants, with the development issuer and OMS (each in its own terminal):
      tenantproxy mock-oms
      tenantproxy dev-issuer
      tenantproxy-operator local -f examples --issuers examples/dev/issuers.yaml
    For a script:
      tenantproxy-operator local -f my.yaml --json --port-base 9000 --state-dir ./state
      {"event": "ready", "tenant": "my", "namespace": "default", "api": "http://127.0.0.1:9000", "admin": …}

    Exit status: 0 after a signal, 2 for bad input, 1 for anything else, such as a port in use.
    """  # noqa: D301
    # Slow to import, and the other commands do without.
    from tenantproxy_operator.local.ports import PortError  # noqa: PLC0415
    from tenantproxy_operator.local.state import StateInUseError, locked  # noqa: PLC0415
    from tenantproxy_operator.local.supervisor import InvalidManifestsError, Options  # noqa: PLC0415

    try:
        traces_endpoint(settings.tracing, settings.egress, os.environ)
    except ConfigError as error:  # or each proxy would say it
        reject([error])
    options = Options(
        paths=paths,
        settings=settings,
        port_base=port_base,
        state_dir=(state_dir or default_state_dir()).absolute(),
        log_level=log_level,
    )
    try:
        with locked(options.state_dir) as lock:
            asyncio.run(_supervise(options, lock, as_json=as_json))
    except InvalidManifestsError:
        sys.exit(BAD_INPUT)
    except StateInUseError as error:
        _fail(f"{error}; stop it, or choose another --state-dir")
    except (OSError, PortError, StoreError) as error:
        _fail(str(error))


async def _supervise(options: "Options", lock: int, *, as_json: bool) -> None:
    """Run `local`. What is said goes to a terminal by way of the table that is renewed there."""
    from tenantproxy_operator.fleet.screen import Screen, is_terminal  # noqa: PLC0415
    from tenantproxy_operator.local.events import Reporter  # noqa: PLC0415
    from tenantproxy_operator.local.proxy_logs import passed_on  # noqa: PLC0415
    from tenantproxy_operator.local.supervisor import Supervisor  # noqa: PLC0415

    if as_json or not sys.stderr.isatty() or not is_terminal():
        await Supervisor(options, Reporter(as_json=as_json), inherited=[lock]).run()
        return
    with Screen(whole=False) as screen:
        async with passed_on(screen.say) as log:
            await Supervisor(options, Reporter(as_json=False, screen=screen), inherited=[lock], log=log).run()


def default_state_dir() -> Path:
    """Return a directory of the user's own (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "tenantproxy" / "local"


def _fail(message: str) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(_FAILURE)
