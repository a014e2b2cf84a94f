"""The command `tenantproxy-operator top`."""

import asyncio
import contextlib
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tenantproxy.cli.numbers import FiniteRange
from tenantproxy.kube.api import KubeError
from tenantproxy_operator.cli.local import default_state_dir
from tenantproxy_operator.cli.options import reject
from tenantproxy_operator.cli.where import fleet_options

if TYPE_CHECKING:
    from tenantproxy_operator.fleet.table import Line, Row
    from tenantproxy_operator.fleet.view import Fleet, Reader

_FAILURE: Final = 1
_NAMESPACE: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

Show = Callable[["Fleet", "Sequence[Row]", float | None], None]
"""Shows a look: what was seen, its rows, and the seconds since the one before."""


@click.command()
@fleet_options
@click.option(
    "--interval",
    type=FiniteRange(1, 3600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="From one look to the next; rates are over that time.",
)
@click.option("--once", is_flag=True, help="One table, after two looks. The default where stdout is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each look, instead of a table.")
def top(
    namespace: str | None,
    kubeconfig: Path | None,
    context: str | None,
    state_dir: Path | None,
    interval: float,
    *,
    all_namespaces: bool,
    is_local: bool,
    once: bool,
    as_json: bool,
) -> None:
    """Show all tenants: reads, errors, p99, the OMS's share, credential, circuit, store events, what is ready.

    The worst are first. Reads the metrics of proxies and relays itself, so it needs no Prometheus; what it may not
    see, it says. Needs `list` of tenantproxies and pods, and `create` and `get` of pods/portforward. Ctrl-C ends
    it.

    \b
    The TenantProxies of a namespace, and those of `local`:
      tenantproxy-operator top -n tenants
      tenantproxy-operator top --local
    For a script:
      tenantproxy-operator top -A --once --json | jq -r '.tenants[] | select(.level == "down") | .tenant'

    Exit status: 0, or 1 where nothing could be seen, 2 for bad input.
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    # Slow to import, and the other commands do without.
    from tenantproxy_operator.local.fleet import NotRunningError  # noqa: PLC0415

    if namespace is not None and all_namespaces:
        reject(["give --namespace or --all-namespaces, not both"])
    if is_local and (namespace or all_namespaces or kubeconfig or context):
        reject(["--local is without a cluster: leave --namespace, --all-namespaces, --kubeconfig, --context out"])
    if namespace is not None and not re.fullmatch(_NAMESPACE, namespace):
        reject([f"--namespace {namespace!r} is not a namespace's name"])

    async def main() -> None:
        if is_local:
            reading = _is_local((state_dir or default_state_dir()).absolute())
        else:
            reading = _of_cluster(kubeconfig, context, namespace, everywhere=all_namespaces)
        async with reading as read:
            await _show(read, interval, once=once, as_json=as_json)

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass  # the way to end it
    except (KubeError, NotRunningError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_FAILURE)


@contextlib.asynccontextmanager
async def _is_local(state_dir: Path) -> AsyncIterator["Reader"]:
    from tenantproxy_operator.local import fleet  # noqa: PLC0415

    yield lambda: fleet.look(fleet.read_running(state_dir))


@contextlib.asynccontextmanager
async def _of_cluster(
    kubeconfig: Path | None, context: str | None, namespace: str | None, *, everywhere: bool
) -> AsyncIterator["Reader"]:
    from tenantproxy.kube.client import KubeClient  # noqa: PLC0415
    from tenantproxy_operator.fleet.cluster import ClusterReader  # noqa: PLC0415
    from tenantproxy_operator.kube.connection import Connection  # noqa: PLC0415

    try:
        connection = await Connection.load(kubeconfig, context)
    except KubeError as error:
        reject([error])
    client = KubeClient(connection.access, program="tenantproxy-operator")
    refreshing = asyncio.create_task(connection.keep_fresh())
    try:
        yield partial(ClusterReader(client).look, None if everywhere else namespace or connection.namespace)
    finally:
        refreshing.cancel()
        await client.close()


async def _show(read: "Reader", interval: float, *, once: bool, as_json: bool) -> None:
    from tenantproxy_operator.fleet.screen import Screen, is_terminal  # noqa: PLC0415

    if as_json:
        await _look_on(read, _print_json, interval, once=once)
    elif once or not sys.stdout.isatty() or not is_terminal():
        await _look_on(read, _print_table, interval, once=True)
    else:
        with Screen(whole=True) as screen:

            def show(fleet: "Fleet", rows: "Sequence[Row]", seconds: float | None) -> None:
                screen.show(partial(_picture, fleet, rows, seconds))

            await _look_on(read, show, interval, at_once=True)


async def _look_on(
    read: "Reader", show: Show, interval: float, *, once: bool = False, at_once: bool = False
) -> None:
    """Look again and again, and show each look that has one before it; `at_once`: also the first.

    Raises:
        KubeError, NotRunningError: Nothing can be seen at first; later on that is shown.

    """
    from tenantproxy_operator.fleet.looks import Looks  # noqa: PLC0415
    from tenantproxy_operator.fleet.view import Fleet  # noqa: PLC0415
    from tenantproxy_operator.local.fleet import NotRunningError  # noqa: PLC0415

    looks, clock = Looks(), asyncio.get_running_loop().time
    begin = clock()
    fleet = await read()
    rows = looks.rows(fleet, begin)
    if at_once:
        show(fleet, rows, None)
    while True:
        await asyncio.sleep(interval)
        begin = clock()
        try:
            fleet = await read()
        except (KubeError, NotRunningError) as error:
            if once:
                raise
            fleet = Fleet(problems=(str(error),))
        show(fleet, looks.rows(fleet, begin), looks.seconds)
        if once:
            return


def _print_json(fleet: "Fleet", rows: "Sequence[Row]", seconds: float | None) -> None:
    from tenantproxy_operator.fleet.document import document  # noqa: PLC0415

    click.echo(json.dumps(document(rows, fleet.problems, seconds)))


def _print_table(fleet: "Fleet", rows: "Sequence[Row]", _seconds: float | None) -> None:
    from tenantproxy_operator.fleet.table import lines, printable  # noqa: PLC0415

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines(rows, width):
        click.echo(line.text)
    for problem in fleet.problems:
        click.echo(f"note: {printable(problem)}", err=True)
    if not rows:
        click.echo("note: no TenantProxy is here", err=True)


def _picture(
    fleet: "Fleet", rows: "Sequence[Row]", seconds: float | None, width: int, height: int
) -> "Sequence[Line]":
    """Return what fills a terminal: a summary, the table, and what could not be seen."""
    from tenantproxy_operator.fleet.table import Line, lines, printable  # noqa: PLC0415
    from tenantproxy_operator.fleet.trouble import Level  # noqa: PLC0415

    troubled = sum(each.level is not Level.FINE for each in rows)
    over = "the rates follow" if seconds is None else f"over {seconds:.0f} s"
    notes = [Line(f"not seen: {printable(problem)}"[:width], Level.UNSEEN) for problem in fleet.problems[:3]]
    table = lines(rows, width, max(2, height - 2 - len(notes)))
    return [Line(f"{len(rows)} tenants, {troubled} in trouble, {over}"[:width]), *notes, Line(""), *table][:height]
