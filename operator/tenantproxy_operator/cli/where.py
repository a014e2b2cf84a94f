"""Options that say where to look: at which API server, in which namespaces, or at a running `local`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_CONNECTION: Final = (
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="How to reach the API server. Default: $KUBECONFIG, else the pod's service account, else "
        "~/.kube/config.",
    ),
    click.option("--context", help="Which of the kubeconfig's contexts to use. Default: its current one."),
)
_FLEET: Final = (
    click.option("-n", "--namespace", metavar="NAME", help="Whose tenants. Default: the kubeconfig's namespace."),
    click.option("-A", "--all-namespaces", is_flag=True, help="The tenants of all namespaces."),
    *_CONNECTION,
    click.option("--local", "is_local", is_flag=True, help="The tenants of a running `local`, without a cluster."),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="That `local`'s state directory.  [default: as for `local`]",
    ),
)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --kubeconfig and --context."""
    return _with(_CONNECTION, command)


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what names tenants: of some namespaces of a cluster, or of a running `local`."""
    return _with(_FLEET, command)


def _with(options: tuple[_Decorator, ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
