"""The command `tenantproxy-operator doctor`."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

import click

from tenantproxy_operator.cli.local import default_state_dir
from tenantproxy_operator.cli.options import reject
from tenantproxy_operator.cli.where import fleet_options

if TYPE_CHECKING:
    from tenantproxy_operator.doctor.view import View

_WRONG: Final = 1
_NARROWEST: Final = 60
_LONGEST_TOKEN: Final = 16_384


class _Wanted(NamedTuple):
    """What to look at."""

    tenants: tuple[str, ...]
    namespace: str | None
    all_namespaces: bool
    kubeconfig: Path | None
    context: str | None
    operator_namespace: str
    token: str | None
    logs: bool
    state_dir: Path | None
    """Of a running `local`; None: look at a cluster."""


@click.command()
@click.argument("tenants", nargs=-1, metavar="[TENANT]...")
@fleet_options
@click.option(
    "--operator-namespace",
    default="tenantproxy-system",
    show_default=True,
    metavar="NAME",
    help="Where the operator runs.",
)
@click.option(
    "--token-file",
    type=click.File("r", encoding="utf-8"),
    envvar="TENANTPROXY_ADMIN_TOKEN_FILE",
    show_envvar=True,
    help="An access token of the one TENANT's admin (`-`: standard input), by which the stored credential is "
    "tried: one login at the OMS, made only where it can't lock the account. Without it: what the proxies know.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the findings as one JSON document.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also gather all of it for a ticket, secrets masked: FILE ends in .tar.gz, .tgz or .zip.",
)
def doctor(
    tenants: tuple[str, ...],
    namespace: str | None,
    kubeconfig: Path | None,
    context: str | None,
    operator_namespace: str,
    token_file: TextIO | None,
    bundle: Path | None,
    state_dir: Path | None,
    *,
    all_namespaces: bool,
    is_local: bool,
    as_json: bool,
) -> None:
    """Say what is wrong with tenants, the worst first: since when, whose turn it is, and what to do next.

    It reads conditions, Events, Deployments, pods and the proxies' metrics, twice within two seconds, and changes
    nothing. What it may not see, it says.

    \b
    All tenants of a namespace; one of them, with a trial of its credential; all that a ticket needs:
      tenantproxy-operator doctor -n tenants
      tenantproxy-operator doctor -n tenants acme --token-file admin.token
      tenantproxy-operator doctor -n tenants acme --bundle acme.tar.gz
    Those that `tenantproxy-operator local` runs on this machine:
      tenantproxy-operator doctor --local

    Exit status: 0 if nothing is wrong, 1 if something is, 2 for bad input, or if the cluster can't be reached.
    """  # noqa: D301
    # Slow to import, and the other commands do without.
    from tenantproxy.kube.api import KubeError  # noqa: PLC0415
    from tenantproxy_operator.doctor import bundle as bundles  # noqa: PLC0415
    from tenantproxy_operator.doctor.findings import findings, is_wrong  # noqa: PLC0415
    from tenantproxy_operator.doctor.report import WIDTH, to_json, to_text  # noqa: PLC0415
    from tenantproxy_operator.local.fleet import NotRunningError  # noqa: PLC0415

    if namespace is not None and all_namespaces:
        reject(["either --namespace or --all-namespaces, not both"])
    if is_local and (namespace or all_namespaces or kubeconfig or context):
        reject(
            ["--local looks at this machine: leave out --namespace, --all-namespaces, --kubeconfig and --context"]
        )
    if token_file is not None and len(tenants) != 1:
        reject(["--token-file is for the credential of one tenant: name that one"])
    if state_dir is not None and not is_local:
        reject(["--state-dir is of a `local`: set --local, too"])
    if bundle is not None and not bundle.name.endswith(bundles.SUFFIXES):
        reject([f"--bundle {bundle}: end its name in {' or '.join(bundles.SUFFIXES)}"])
    wanted = _Wanted(
        tenants=tenants,
        namespace=namespace,
        all_namespaces=all_namespaces,
        kubeconfig=kubeconfig,
        context=context,
        operator_namespace=operator_namespace,
        token=_token(token_file),
        logs=bundle is not None,
        state_dir=(state_dir or default_state_dir()) if is_local else None,
    )
    try:
        view = asyncio.run(_examine(wanted))
    except (KubeError, NotRunningError) as error:
        reject([error])
    found = findings(view)
    width = max(_NARROWEST, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
    text, document = to_text(view, found, width=width), to_json(view, found)
    click.echo(json.dumps(document, indent=2) if as_json else text, nl=as_json)
    if bundle is not None:
        try:
            bundles.write(bundle, bundles.files(view, click.unstyle(text), document))
        except (OSError, bundles.BundleTooLargeError) as error:
            reject([f"--bundle {bundle}: {error}"])
    sys.exit(_WRONG if is_wrong(found) else 0)


def _token(file: TextIO | None) -> str | None:
    """Return a token from a file; end the process where it can't be one."""
    if file is None:
        return None
    try:
        token = file.read(_LONGEST_TOKEN + 1).strip().removeprefix("Bearer ")
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or any(each.isspace() for each in token):
        reject(["--token-file holds no access token: one line, such as eyJ…"])
    return token


async def _examine(wanted: _Wanted) -> "View":
    """Look. Raises KubeError, NotRunningError."""
    if wanted.state_dir is not None:
        from tenantproxy_operator.doctor.locally import examine  # noqa: PLC0415

        view = await examine(wanted.state_dir, wanted.tenants, token=wanted.token)
        where = "this `local`"
    else:
        view, where = await _examine_cluster(wanted)
    missing = sorted(set(wanted.tenants) - {tenant.key.name for tenant in view.tenants})
    if missing and not view.is_crd_missing:
        reject([f"there is no TenantProxy {name} in {where}" for name in missing])
    return view


async def _examine_cluster(wanted: _Wanted) -> "tuple[View, str]":
    """Look at a cluster; return also where in it. Raises KubeError."""
    from tenantproxy.kube.client import KubeClient  # noqa: PLC0415
    from tenantproxy_operator.doctor.examination import Examination  # noqa: PLC0415
    from tenantproxy_operator.fleet.cluster import ClusterReader  # noqa: PLC0415
    from tenantproxy_operator.kube.connection import Connection  # noqa: PLC0415

    connection = await Connection.load(wanted.kubeconfig, wanted.context)
    client = KubeClient(connection.access, program="tenantproxy-operator-doctor")
    examination = Examination(
        ClusterReader(client),
        operator_namespace=wanted.operator_namespace,
        token=wanted.token,
        logs=wanted.logs,
    )
    namespace = None if wanted.all_namespaces else wanted.namespace or connection.namespace
    try:
        view = await examination.of(namespace, wanted.tenants)
    finally:
        await client.close()
    return view, "any namespace" if namespace is None else f"namespace {namespace}"
