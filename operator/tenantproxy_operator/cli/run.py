"""The command `tenantproxy-operator run`."""

import asyncio
import gc
import logging
import re
import sys
from pathlib import Path
from typing import Final

import click

from tenantproxy.cli.numbers import FiniteRange
from tenantproxy.kube.api import KubeError
from tenantproxy.log_text import TextFormatter, takes_colours
from tenantproxy.logs import FORMATS, LEVELS, configure
from tenantproxy.server.sockets import listen
from tenantproxy_operator.cli.leader_election import leader_election_options
from tenantproxy_operator.cli.options import cluster_options, reject
from tenantproxy_operator.cli.where import connection_options
from tenantproxy_operator.settings import LeaderElection, Settings

_FAILURE: Final = 1
_DEEPEST: Final = 30_000
"""Recursion for JSON that is nested as deeply as the API server takes it (10,000 levels, and as many again in
`managedFields`): one such TenantProxy must not keep the lists of all of them from being read."""


@click.command()
@cluster_options
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="TENANTPROXY_NAMESPACE",
    show_envvar=True,
    metavar="NAME",
    help="Reconcile the TenantProxies of this namespace. Repeatable (in the environment: separated by spaces).",
)
@click.option(
    "--all-namespaces",
    is_flag=True,
    envvar="TENANTPROXY_ALL_NAMESPACES",
    show_envvar=True,
    help="Reconcile all TenantProxies. The operator then needs to read all Secrets of the cluster.",
)
@connection_options
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    envvar="TENANTPROXY_WORKERS",
    show_envvar=True,
    help="How many TenantProxies are reconciled concurrently.",
)
@click.option(
    "--max-updating-tenants",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    envvar="TENANTPROXY_MAX_UPDATING_TENANTS",
    show_envvar=True,
    help="How many tenants are rolled at the same time for a new image or operator setting; those labelled "
    "proxy.hiiretail.com/canary=true first.",
)
@click.option(
    "--check-interval",
    type=FiniteRange(min=0.1),
    default=30.0,
    show_default=True,
    envvar="TENANTPROXY_CHECK_INTERVAL",
    show_envvar=True,
    metavar="SECONDS",
    help="How often to check for missed watch events, and for optional kinds that were installed or removed.",
)
@click.option(
    "--event-patience",
    type=FiniteRange(min=0.1),
    default=60.0,
    show_default=True,
    envvar="TENANTPROXY_EVENT_PATIENCE",
    show_envvar=True,
    metavar="SECONDS",
    help="After how long a TenantProxy change without a watch event counts as missed: /healthz fails, and the "
    "kubelet restarts the operator.",
)
@leader_election_options
@click.option(
    "--admin",
    default="0.0.0.0:9090",
    show_default=True,
    envvar="TENANTPROXY_ADMIN",
    show_envvar=True,
    metavar="HOST:PORT",
    help="Listen address for /metrics, /healthz and /readyz.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    envvar="TENANTPROXY_LOG_LEVEL",
    show_envvar=True,
    help="Level of the log, on stderr.",
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="json",
    show_default=True,
    envvar="TENANTPROXY_LOG_FORMAT",
    show_envvar=True,
    help="`text` is for people, in colours on a terminal (unless NO_COLOR is set).",
)
def run(
    settings: Settings,
    leader_election: LeaderElection,
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    context: str | None,
    workers: int,
    max_updating_tenants: int,
    check_interval: float,
    event_patience: float,
    admin: str,
    log_level: str,
    log_format: str,
    *,
    all_namespaces: bool,
) -> None:
    """Reconcile TenantProxies in a Kubernetes cluster, until SIGTERM or SIGINT.

    The CustomResourceDefinition and the RBAC objects must exist (`tenantproxy-operator crd`,
    `tenantproxy-operator rbac`). Of several operators for the same namespaces one acts, and the others stand by:
    they hold a Lease in turn.

    \b
    Against the cluster of your kubeconfig:
      tenantproxy-operator run --namespace tenants --proxy-image registry.example/tenantproxy:1.0

    Exit status: 0 after a signal, 2 for bad input, 1 for anything else (such as a port in use, or aiohttp
    without its C extension).
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    # Slow to import, and the other commands do without.
    import uvloop  # noqa: PLC0415

    from tenantproxy.server.http_server import ParserError  # noqa: PLC0415
    from tenantproxy_operator.controller.manager import OperatorManager  # noqa: PLC0415
    from tenantproxy_operator.kube.connection import Connection  # noqa: PLC0415

    if bool(namespaces) == all_namespaces:
        reject(["either --namespace or --all-namespaces is required, not both"])
    if bad := [name for name in namespaces if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)]:
        reject(f"--namespace {name!r} is not a namespace's name" for name in bad)
    reject_local_keys(settings)
    configure(log_level, TextFormatter(colours=takes_colours(sys.stderr)) if log_format == "text" else None)
    try:
        listening = listen(admin)
    except (OSError, OverflowError, ValueError) as error:
        click.echo(f"error: can't listen on {admin}: {error}", err=True)
        sys.exit(_FAILURE)

    async def main() -> None:
        connection = await Connection.load(kubeconfig, context)
        manager = OperatorManager(
            connection,
            settings,
            namespaces=None if all_namespaces else namespaces,
            workers=workers,
            check_interval=check_interval,
            event_patience=event_patience,
            max_updating_tenants=max_updating_tenants,
            leader_election=leader_election,
        )
        await manager.run(listening)

    sys.setrecursionlimit(_DEEPEST)
    # Imported modules stay: exclude them from garbage collection.
    gc.collect()
    gc.freeze()
    try:
        uvloop.run(main())
    except KubeError as error:
        reject([error])
    except ParserError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_FAILURE)
    except asyncio.CancelledError:
        pass  # by a signal
    except Exception:
        # With its type and place; not with its message, which may quote input.
        logging.getLogger(__name__).exception("unexpected error: the operator exits")
        sys.exit(_FAILURE)


def reject_local_keys(settings: Settings) -> None:
    """End the process where an issuer's keys are in a file, which no proxy's pod has."""
    problems = [
        f"{settings.issuers_file}: [{index}].jwksFile is for `local` only, since no pod has that file; use "
        "jwksUri, or jwks with the keys themselves"
        for index, issuer in enumerate(settings.issuers)
        if issuer.jwks_file is not None
    ]
    if problems:
        reject(problems)
