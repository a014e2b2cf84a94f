"""The command `tenantproxy-operator`."""

import json
import re
from pathlib import Path
from typing import Final

import click

from tenantproxy import __version__
from tenantproxy_operator.api.crd import crd_yaml
from tenantproxy_operator.api.json_schema import json_schema_text
from tenantproxy_operator.cli.conformance_job import conformance_job
from tenantproxy_operator.cli.doctor import doctor
from tenantproxy_operator.cli.leader_election import lease_options
from tenantproxy_operator.cli.local import local
from tenantproxy_operator.cli.options import cluster_options, kind_options, manifests_option, reject
from tenantproxy_operator.cli.run import run
from tenantproxy_operator.cli.top import top
from tenantproxy_operator.local.source import ManifestSource
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.operator_rbac import operator_manifests
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import LeaderElection, Settings
from tenantproxy_operator.validation.optional_kinds import find_unused
from tenantproxy_operator.validation.resource import find_warnings

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


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
@manifests_option("TenantProxy manifests, with or without their Secrets")
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


main.add_command(local)
main.add_command(run)
main.add_command(top)
main.add_command(conformance_job)
main.add_command(doctor)


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
