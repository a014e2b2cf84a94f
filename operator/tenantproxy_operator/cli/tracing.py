"""The options that say where spans go to, and how many there are."""

from typing import Final

import click

from tenantproxy import config
from tenantproxy.cli.numbers import FiniteRange
from tenantproxy.tracing.settings import check_endpoint
from tenantproxy.transport.egress import UrlError

DEFAULT_RATIO: Final = 0.1
_ENDPOINT: Final = "--tracing-endpoint"

OPTIONS: Final = (
    click.option(
        _ENDPOINT,
        envvar="TENANTPROXY_TRACING_ENDPOINT",
        show_envvar=True,
        metavar="URL",
        help="Let every tenant's proxy and relay send spans to this OpenTelemetry collector, by OTLP over HTTP, "
        "such as http://otel-collector.observability:4318.",
    ),
    click.option(
        "--tracing-sampling-ratio",
        type=FiniteRange(0, 1),
        default=DEFAULT_RATIO,
        show_default=True,
        envvar="TENANTPROXY_TRACING_SAMPLING_RATIO",
        show_envvar=True,
        metavar="RATIO",
        help="With --tracing-endpoint: which share is recorded of the traces that begin at a proxy or a relay,"
        " unless its TenantProxy has its own tracing.samplingRatio. A caller's own decision comes first.",
    ),
)


def parse(endpoint: str | None, ratio: float, egress: config.Egress) -> config.Tracing | None:
    """Return where spans go to; None: there are none.

    Raises:
        click.UsageError: The URL can't be used.

    """
    if not endpoint:
        return None
    try:
        check_endpoint(endpoint, egress)
    except UrlError as error:
        raise click.UsageError(f"{_ENDPOINT} {error}") from None
    return config.Tracing(endpoint=endpoint, sampling_ratio=ratio)
