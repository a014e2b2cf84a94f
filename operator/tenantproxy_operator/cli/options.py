"""The options that several commands share; a command gets them as `settings`."""

import functools
import ipaddress
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tenantproxy import config
from tenantproxy_operator.api.peers import Peer, parse_peers
from tenantproxy_operator.cli import forward_proxy, tracing
from tenantproxy_operator.issuers import DEFAULT_ISSUERS, IssuersError, load_issuers
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.settings import DEFAULT_DNS_PORTS, DEFAULT_IMAGE, Settings

BAD_INPUT: Final = 2
"""Exit status for invalid input."""

Command = Callable[..., None]


class Cidr(click.ParamType[str]):
    """A network, such as 10.1.0.0/16, or one address."""

    name = "cidr"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the network in its usual form; fail with what is wrong and the fix."""
        try:
            return str(ipaddress.ip_network(value))
        except ValueError as error:
            self.fail(f"{error}; write a CIDR, such as 10.1.0.0/16", param, ctx)


class Peers(click.ParamType[tuple[Peer, ...]]):
    """A JSON list of a NetworkPolicy's peers."""

    name = "json"

    def convert(
        self, value: str | tuple[Peer, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Peer, ...]:
        """Return the peers; fail with what is wrong and the fix."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_peers(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def reject(problems: Iterable[object]) -> NoReturn:
    """Print what is wrong with the user's input, and exit."""
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    sys.exit(BAD_INPUT)


_TENANT_OPTIONS: Final = (
    click.option(
        "--issuers",
        "issuers_file",
        type=click.Path(path_type=Path),
        envvar="TENANTPROXY_ISSUERS",
        show_envvar=True,
        metavar="FILE",
        help="Whose tokens the proxies accept: a YAML list of {issuer, audiences, jwksUri | jwksFile | jwks, "
        "kind: ocms | user}; a relative jwksFile is relative to FILE. Read at start only. Default: Hii "
        "Retail's machine clients and staff users.",
    ),
    click.option(
        "--egress-allow",
        type=Cidr(),
        multiple=True,
        envvar="TENANTPROXY_EGRESS_ALLOW",
        show_envvar=True,
        metavar="CIDR",
        help="Let every tenant's proxy connect to these addresses, whatever its TenantProxy says: for a single "
        "private network, or for what allowPrivateNetworks never permits, such as link-local. Repeatable.",
    ),
    click.option(
        "--egress-deny",
        type=Cidr(),
        multiple=True,
        envvar="TENANTPROXY_EGRESS_DENY",
        show_envvar=True,
        metavar="CIDR",
        help="Let no proxy connect to these addresses; overrides --egress-allow and allowPrivateNetworks. "
        "Repeatable.",
    ),
    *forward_proxy.OPTIONS,
    *tracing.OPTIONS,
    click.option(
        "--refuse-shared-secrets",
        is_flag=True,
        envvar="TENANTPROXY_REFUSE_SHARED_SECRETS",
        show_envvar=True,
        help="Refuse a TenantProxy that uses a Secret that another tenant already uses, if it holds the "
        "credential of either. Default: only report it.",
    ),
    click.option(
        "--refuse-duplicate-tenants",
        is_flag=True,
        envvar="TENANTPROXY_REFUSE_DUPLICATE_TENANTS",
        show_envvar=True,
        help="Refuse a TenantProxy with the tenantId of an existing one, in any namespace. Default: only report "
        "it.",
    ),
)

_KIND_OPTIONS: Final = tuple(
    click.option(
        switch.option,
        is_flag=True,
        envvar=f"TENANTPROXY_{switch.parameter.upper()}",
        show_envvar=True,
        help=switch.help,
    )
    for switch in kinds.OPTIONAL.values()
)

_CLUSTER_OPTIONS: Final = (
    click.option(
        "--proxy-image",
        default=DEFAULT_IMAGE,
        show_default=True,
        envvar="TENANTPROXY_PROXY_IMAGE",
        show_envvar=True,
        metavar="IMAGE",
        help="The image of the proxies.",
    ),
    click.option(
        "--image-pull-secret",
        "image_pull_secrets",
        multiple=True,
        envvar="TENANTPROXY_IMAGE_PULL_SECRET",
        show_envvar=True,
        metavar="NAME",
        help="A Secret, in each tenant's namespace, for pulling the image. Repeatable.",
    ),
    click.option(
        "--dns-port",
        "dns_ports",
        type=click.IntRange(1, 65535),
        multiple=True,
        default=DEFAULT_DNS_PORTS,
        show_default=True,
        envvar="TENANTPROXY_DNS_PORT",
        show_envvar=True,
        help="Port on which the proxies may query DNS: the one on which the DNS pods listen, besides the "
        "Service's. Repeatable.",
    ),
    click.option(
        "--api-server-cidr",
        "api_server_cidrs",
        type=Cidr(),
        multiple=True,
        envvar="TENANTPROXY_API_SERVER_CIDR",
        show_envvar=True,
        metavar="CIDR",
        help="Network of the API server's endpoints (not the Service's address). Proxies with `management: "
        "tenant` may connect there, to ports 443 and 6443. Default: anywhere. Repeatable.",
    ),
    click.option(
        "--metrics-from",
        type=Peers(),
        default=(),
        envvar="TENANTPROXY_METRICS_FROM",
        show_envvar=True,
        metavar="JSON",
        help="Who may connect to the proxies' metrics and probes, besides the kubelet: a list of NetworkPolicy "
        'peers, such as [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]. '
        "Default: anyone.",
    ),
    click.option(
        "--pod-metadata-prefix",
        "pod_metadata_prefixes",
        multiple=True,
        envvar="TENANTPROXY_POD_METADATA_PREFIX",
        show_envvar=True,
        metavar="PREFIX",
        help="Allow only labels and annotations in `podTemplate` whose key begins with one of these prefixes, "
        "such as example.com/. Default: all but the operator's own. Repeatable.",
    ),
)


def tenant_options(command: Command) -> Command:
    """Give a command the options about what proxies accept and where they connect to, as `settings`."""

    @functools.wraps(command)
    def with_settings(
        *arguments: Any,  # noqa: ANN401 - the command's own
        issuers_file: Path | None,
        egress_allow: tuple[str, ...],
        egress_deny: tuple[str, ...],
        forward_proxy_url: str | None,
        no_proxy: str | None,
        forward_proxy_secret: str | None,
        tracing_endpoint: str | None,
        tracing_sampling_ratio: float,
        refuse_shared_secrets: bool,
        refuse_duplicate_tenants: bool,
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        egress = config.Egress(allow=_unordered(egress_allow), deny=_unordered(egress_deny))
        settings = Settings(
            issuers=_issuers(issuers_file),
            issuers_file=issuers_file,
            egress=egress,
            forward_proxy=forward_proxy.parse(forward_proxy_url, no_proxy, forward_proxy_secret, egress),
            tracing=tracing.parse(tracing_endpoint, tracing_sampling_ratio, egress),
            refuse_shared_secrets=refuse_shared_secrets,
            refuse_duplicate_tenants=refuse_duplicate_tenants,
        )
        command(*arguments, settings=settings, **options)

    return with_options(_TENANT_OPTIONS, with_settings)


def cluster_options(command: Command) -> Command:
    """Give a command the options about the objects that are created for a TenantProxy, as `settings`."""

    @functools.wraps(command)
    def with_settings(
        *arguments: Any,  # noqa: ANN401 - the command's own
        settings: Settings,
        proxy_image: str,
        image_pull_secrets: tuple[str, ...],
        dns_ports: tuple[int, ...],
        api_server_cidrs: tuple[str, ...],
        metrics_from: tuple[Peer, ...],
        pod_metadata_prefixes: tuple[str, ...],
        optional_kinds: frozenset[str],
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        settings = replace(
            settings,
            proxy_image=proxy_image,
            image_pull_secrets=_unordered(image_pull_secrets),
            dns_ports=tuple(sorted(set(dns_ports))),
            api_server_cidrs=_unordered(api_server_cidrs),
            metrics_from=metrics_from,
            pod_metadata_prefixes=_unordered(pod_metadata_prefixes),
            optional_kinds=optional_kinds,
        )
        command(*arguments, settings=settings, **options)

    return tenant_options(with_options(_CLUSTER_OPTIONS, kind_options(with_settings)))


def kind_options(command: Command) -> Command:
    """Give a command the options about optional kinds, as `optional_kinds`: the names of those switched on."""

    @functools.wraps(command)
    def with_kinds(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the command's own
        on = frozenset(kind.kind for kind, switch in kinds.OPTIONAL.items() if options.pop(switch.parameter))
        command(*arguments, optional_kinds=on, **options)

    return with_options(_KIND_OPTIONS, with_kinds)


def with_options(options: Iterable[Callable[[Command], Command]], command: Command) -> Command:
    """Return `command` with `options`, which `--help` shows in their order."""
    for option in reversed(tuple(options)):
        command = option(command)
    return command


def _unordered(values: Iterable[str]) -> tuple[str, ...]:
    """Return `values` sorted: the order of options means nothing, so it must not change what is rendered."""
    return tuple(sorted(set(values)))


def _issuers(path: Path | None) -> tuple[config.Issuer, ...]:
    if path is None:
        return DEFAULT_ISSUERS
    try:
        return load_issuers(path)
    except IssuersError as error:
        reject(error.problems)


def manifests_option(purpose: str) -> Callable[[Command], Command]:
    """Return the option that names manifests, as `paths`."""
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
