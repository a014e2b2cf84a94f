"""The command `tenantproxy-operator`."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import click

from tenantproxy import __version__
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.logs import LEVELS
from tenantproxy_operator.api.crd import crd_yaml
from tenantproxy_operator.api.json_schema import json_schema_text
from tenantproxy_operator.cli.conformance_job import conformance_job
from tenantproxy_operator.cli.leader_election import lease_options
from tenantproxy_operator.cli.options import BAD_INPUT, cluster_options, kind_options, reject, tenant_options
from tenantproxy_operator.cli.run import run
from tenantproxy_operator.local.events import Reporter
from tenantproxy_operator.local.source import ManifestSource
from tenantproxy_operator.local.state import StateInUseError, locked
from tenantproxy_operator.local.supervisor import InvalidManifestsError, Options, PortError, Supervisor
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.operator_rbac import operator_manifests
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import LeaderElection, Settings
from tenantproxy_operator.validation.optional_kinds import find_unused
from tenantproxy_operator.validation.resource import find_warnings

_FAILURE: Final = 1
_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def _manifests(purpose: str) -> _Decorator:
    return click.option(
        "-f",
        "--filename",
        "paths",
        type=click.Path(path_type=Path),
        multiple=True,
        required=True,
        metavar="PATH",
        help=f"{purpose}: a YAML or JSON file, or a directory (its *.yaml, *.yml and *.json files, not those of "
        "its subdirectories; objects of other kinds in them are skipped, and said to be). Repeatable.",
    )


class _ServiceAccount(click.ParamType[tuple[str, str]]):
    """A ServiceAccount and its namespace."""

    name = "NAMESPACE:NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        namespace, colon, name = str(value).partition(":")
        if not re.fullmatch(_LABEL, namespace) or not colon or not re.fullmatch(_LABEL, name):
            self.fail(f"{value!r} is not NAMESPACE:NAME", param, ctx)
        return namespace, name


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenantproxy-operator")
def main() -> None:
    """Run tenants' order proxies from TenantProxy manifests.

    \b
    Try it, without a cluster:
      tenantproxy-operator local -f examples --issuers examples/dev/issuers.yaml
    See what a manifest becomes:
      tenantproxy-operator render -f examples/acme.yaml
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped


@main.command()
@_manifests("TenantProxy and Secret manifests")
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
    options = Options(
        paths=paths,
        settings=settings,
        port_base=port_base,
        state_dir=(state_dir or _default_state_dir()).absolute(),
        log_level=log_level,
    )
    try:
        with locked(options.state_dir) as lock:
            asyncio.run(Supervisor(options, Reporter(as_json=as_json), inherited=[lock]).run())
    except InvalidManifestsError:
        sys.exit(BAD_INPUT)
    except StateInUseError as error:
        _fail(f"{error}; stop it, or choose another --state-dir")
    except (OSError, PortError, StoreError) as error:
        _fail(str(error))


@main.command()
@_manifests("TenantProxy manifests, with or without their Secrets")
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json", "config"]),
    default="yaml",
    show_default=True,
    help="Manifests as YAML documents or as a JSON list; `config`: only the config.json of one tenant's proxy.",
)
def render(paths: tuple[Path, ...], settings: Settings, output: str) -> None:
    """Print the objects that TenantProxy manifests become in a cluster, without applying them or showing Secrets.

    \b
    Validate manifests before you apply them (exit status 2, and all problems on stderr, if they are invalid; what
    is valid but probably wrong is a warning there):
      tenantproxy-operator render -f tenants/ > /dev/null
    Try a mapping on a sample of an OMS's response:
      tenantproxy-operator render -f examples/mapping -o config > config.json
      tenantproxy map --config config.json examples/mapping/oms-answers/order.json
    """  # noqa: D301
    source = ManifestSource(paths, settings, complete=False)
    snapshot, problems = source.load()
    if problems:
        reject(problems)
    for message in source.notes():
        click.echo(f"note: {message}", err=True)
    tenants = [
        Params(resource=wanted.resource, settings=settings, kinds=settings.optional_kinds)
        for wanted in snapshot.values()
    ]
    for tenant in tenants:
        for warning in find_warnings(tenant.resource, settings):
            click.echo(f"warning: {_subject(tenant)}: {warning.field}: {warning.detail}", err=True)
    click.echo(_rendered(tenants, output), nl=False)


@main.command()
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json-schema"]),
    default="yaml",
    show_default=True,
    help="The CustomResourceDefinition as YAML; `json-schema`: the JSON Schema of a manifest, for editors.",
)
def crd(output: str) -> None:
    """Print the CustomResourceDefinition of TenantProxy.

    \b
      tenantproxy-operator crd | kubectl apply --server-side -f -
    Have an editor complete manifests that begin with "# yaml-language-server: $schema=tenantproxy.schema.json":
      tenantproxy-operator crd --output json-schema > tenantproxy.schema.json
    """  # noqa: D301
    click.echo(json_schema_text() if output == "json-schema" else crd_yaml(), nl=False)


main.add_command(run)
main.add_command(conformance_job)


@main.command()
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="Grant the operator access to this namespace. Repeatable.",
)
@click.option(
    "--all-namespaces",
    is_flag=True,
    help="Grant the operator access to all namespaces, and so to all Secrets of the cluster.",
)
@click.option(
    "--service-account",
    type=_ServiceAccount(),
    default="tenantproxy-system:tenantproxy-operator",
    show_default=True,
    help="The operator's own ServiceAccount.",
)
@kind_options
@lease_options
def rbac(
    namespaces: tuple[str, ...],
    service_account: tuple[str, str],
    leader_election: LeaderElection,
    *,
    all_namespaces: bool,
    optional_kinds: frozenset[str],
) -> None:
    """Print the operator's ServiceAccount and RBAC objects. The namespaces must exist.

    Pass the same --namespace, --all-namespaces, --pod-monitors, --http-routes and
    --leader-elect-resource-namespace as to `run`.

    \b
      tenantproxy-operator rbac --namespace tenants | kubectl apply --server-side -f -
    """  # noqa: D301
    if bool(namespaces) == all_namespaces:
        reject(["either --namespace or --all-namespaces is required, not both"])
    operator_namespace, name = service_account
    manifests = operator_manifests(
        None if all_namespaces else tuple(sorted(set(namespaces))),
        operator_namespace,
        name,
        optional_kinds=optional_kinds,
        leader_election=leader_election,
    )
    click.echo(to_yaml(manifests), nl=False)


def _rendered(tenants: list[Params], output: str) -> str:
    if output == "config":
        if len(tenants) != 1:
            names = ", ".join(_subject(tenant) for tenant in tenants)
            reject([f"--output config prints one tenant's configuration; the manifests have {names}"])
        return tenants[0].config_json
    for tenant in tenants:
        for unused in find_unused(tenant.resource, tenant.kinds):
            click.echo(f"note: {_subject(tenant)}: {unused.field}: {unused.detail}", err=True)
    manifests = [child for tenant in tenants for child in render_children(tenant)]
    if output == "json":
        return json.dumps(manifests, indent=2) + "\n"
    return to_yaml(manifests)


def _subject(tenant: Params) -> str:
    metadata = tenant.resource.metadata
    return f"{metadata.namespace}/{metadata.name}"


def _default_state_dir() -> Path:
    """Return a directory of the user's own (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "tenantproxy" / "local"


def _fail(message: str) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(_FAILURE)
