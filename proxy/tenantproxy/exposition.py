"""Prometheus' text format, as prometheus_client writes it, whose module for that also imports servers and gzip."""

from typing import Final

from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text"
OPEN_CONTENT_TYPE: Final = f"{OPEN_METRICS}; version=1.0.0; charset=utf-8"

_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LABEL: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def text_format(registry: Collector) -> bytes:
    """Return the page with all counters, gauges and histograms, of which each sample has a label."""
    lines: list[str] = []
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        lines += f"# HELP {name} {metric.documentation.translate(_HELP)}", f"# TYPE {name} {metric.type}"
        for sample in metric.samples:
            labels = ",".join(f'{key}="{value.translate(_LABEL)}"' for key, value in sorted(sample.labels.items()))
            number: str = floatToGoString(sample.value)  # type: ignore[no-untyped-call]
            lines.append(f"{sample.name}{{{labels}}} {number}")
    lines.append("")
    return "\n".join(lines).encode()
