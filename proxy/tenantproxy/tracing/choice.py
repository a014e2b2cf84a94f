"""The choice of a process's parts: OpenTelemetry is imported here alone, and only where spans are wanted."""

import os
from collections.abc import Mapping

from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.tracing.parts import Parts
from tenantproxy.tracing.settings import traces_endpoint


def parts_of(config: ProxyConfig, metrics: ProcessMetrics, environment: Mapping[str, str] = os.environ) -> Parts:
    """Return the parts of a proxy or a relay; spans are made where an endpoint for them is configured.

    Raises:
        ConfigError: They can't be sent: what is needed is not installed, or a variable can't be used.

    """
    endpoint = traces_endpoint(config.tracing or None, config.egress, environment)
    if endpoint is None:
        return Parts()
    try:
        from tenantproxy.tracing.traced import TracedParts  # noqa: PLC0415 - 15 MiB, for those who want spans
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(("opentelemetry", "requests")):
            raise
        raise ConfigError(
            "spans need Python packages that are not installed; install tenantproxy[otel], such as by"
            " `pip install '.[otel]'`, or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        ) from None
    return TracedParts(config, endpoint, metrics)
