"""The command `tenantproxy`. Commands import what they need when they are named, so that `serve` starts fast."""

import functools
from collections.abc import Mapping
from typing import Final

import click

from tenantproxy import __version__
from tenantproxy.cli.configuration import checked
from tenantproxy.cli.lazy import LazyGroup
from tenantproxy.cli.serving import Serving, import_lean, serving_options
from tenantproxy.cli.serving import serve as serve_process

_ELSEWHERE: Final = {
    "conformance": ("tenantproxy.cli.conformance", "conformance_command"),
    "dev-issuer": ("tenantproxy.devtools.issuer", "issuer_command"),
    "map": ("tenantproxy.cli.map", "map_command"),
    "mock-oms": ("tenantproxy.devtools.mock_oms", "mock_oms_command"),
    "poslog": ("tenantproxy.cli.poslog", "poslog_command"),
}


class _Commands(LazyGroup):
    elsewhere: Mapping[str, tuple[str, str]] = _ELSEWHERE


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenantproxy")
def main() -> None:
    """Serve one tenant's customer orders from its own order management system (OMS).

    You rarely run this by hand: `tenantproxy-operator local -f MANIFEST` runs a proxy per TenantProxy manifest,
    and in a cluster the operator does. `mock-oms` and `dev-issuer` are for development only.
    """


@main.command()
@serving_options
def serve(serving: Serving) -> None:
    """Run the proxy of one tenant until SIGTERM, then drain.

    Exit status: 0 after a drain, 2 for an invalid configuration, 1 for anything else (such as a port in use, or
    aiohttp without its C extension).
    """
    import_lean()
    from tenantproxy.app import Proxy  # noqa: PLC0415 - see the module's docstring

    config, mapping, _ = checked(serving.config_path)
    serve_process(serving, config, functools.partial(Proxy, config, mapping))
