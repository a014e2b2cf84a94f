"""The metrics of one proxy at one moment, read from the text of its `/metrics`."""

import math
from collections.abc import Iterator, Mapping
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]
"""A name with its labels."""

_PREFIX: Final = b"tenantproxy_"
_COUNTED: Final = ("_total", "_bucket", "_count", "_sum")
"""How names of series end that only ever grow, for as long as a process lives."""


class UnreadableMetricsError(Exception):
    """The text is not Prometheus' format."""


class Samples:
    """Values by series."""

    def __init__(self, values: Mapping[Series, float]) -> None:
        self._values = values

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Return what a `/metrics` shows of the proxy's own; its comments and the rest are left out.

        Raises:
            UnreadableMetricsError: It can't be read.

        """
        own = b"\n".join(line for line in text.splitlines() if line.startswith(_PREFIX)) + b"\n"
        try:
            families = list(text_string_to_metric_families(own.decode()))
        except (ValueError, KeyError, IndexError):  # the library does not check all it reads
            raise UnreadableMetricsError("its metrics are not in Prometheus' text format") from None
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): float(sample.value)
                for family in families
                for sample in family.samples
                if 0 <= sample.value < math.inf  # as all of a proxy's are; whoever else answers must not crash us
            }
        )

    def since(self, before: "Samples") -> "Samples":
        """Return how much each counter has grown.

        Where any has shrunk or is gone, the process is another one, and all count from zero.
        """
        counted, earlier = self._counters(), before._counters()  # noqa: SLF001 - of the same class
        if any(counted.get(series, -math.inf) < value for series, value in earlier.items()):
            earlier = {}
        return Samples({series: value - earlier.get(series, 0.0) for series, value in counted.items()})

    def select(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield the series of a name that have these labels: their labels, and their values."""
        wanted = set(labels.items())
        for (found, pairs), value in self._values.items():
            if found == name and wanted <= pairs:
                yield dict(pairs), value

    def _counters(self) -> dict[Series, float]:
        return {series: value for series, value in self._values.items() if series[0].endswith(_COUNTED)}
