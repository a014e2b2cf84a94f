"""The metrics of one process, a proxy or a relay, at one moment, read from the text of its `/metrics`."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final, Self

_PREFIX: Final = "tenantproxy_"
# prometheus_client's parser takes 15 ms for a proxy's page: half a minute for a look at a thousand tenants.
_LINE: Final = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)(?: -?\d+)?")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPED: Final = re.compile(r"\\(.)")
_COUNTED: Final = ("_total", "_bucket", "_count", "_sum")
"""How names of series end that only ever grow, for as long as a process lives."""


class UnreadableMetricsError(Exception):
    """The text is not Prometheus' format."""


class Samples:
    """Values by the name of a series and the text of its labels: one process writes these always the same."""

    def __init__(self, values: Mapping[str, Mapping[str, float]]) -> None:
        self._values = values

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Return what a `/metrics` shows of the proxy's own; its comments and the rest are left out.

        Raises:
            UnreadableMetricsError: It can't be read.

        """
        values: dict[str, dict[str, float]] = {}
        try:
            for line in text.decode().split("\n"):
                if line.startswith(_PREFIX):
                    name, labels, value = _parse(line)
                    if 0 <= value < math.inf:  # as all of a proxy's are; whoever else answers must not crash us
                        values.setdefault(name, {})[labels] = value
        except ValueError:
            raise UnreadableMetricsError("its metrics are not in Prometheus' text format") from None
        return cls(values)

    def since(self, before: "Samples") -> "Samples":
        """Return how much each counter has grown.

        Where any has shrunk or is gone, the process is another one, and all count from zero.
        """
        counted, earlier = self._counters(), before._counters()  # noqa: SLF001 - of the same class
        if any(
            counted.get(name, {}).get(labels, -math.inf) < value
            for name, series in earlier.items()
            for labels, value in series.items()
        ):
            earlier = {}
        return Samples(
            {
                name: {labels: value - earlier.get(name, {}).get(labels, 0.0) for labels, value in series.items()}
                for name, series in counted.items()
            }
        )

    def select(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield the series of a name that have these labels: their labels, and their values."""
        for text, value in self._values.get(name, {}).items():
            found = {label[1]: _ESCAPED.sub(_unescaped, label[2]) for label in _LABEL.finditer(text)}
            if labels.items() <= found.items():
                yield found, value

    def _counters(self) -> Mapping[str, Mapping[str, float]]:
        return {name: series for name, series in self._values.items() if name.endswith(_COUNTED)}


def growth(before: Mapping[str, Samples], now: Mapping[str, Samples]) -> list[Samples]:
    """Return how much each process has counted since an earlier look, of those that were seen then."""
    return [samples.since(before[name]) for name, samples in now.items() if name in before]


def read_samples(page: bytes) -> Samples | None:
    """Return what a page of metrics shows; None where there is none that can be read."""
    if not page:
        return None
    try:
        return Samples.parse(page)
    except UnreadableMetricsError:
        return None


def _parse(line: str) -> tuple[str, str, float]:
    """Return a line's name, labels and value. Raises ValueError: It is none."""
    if (match := _LINE.fullmatch(line)) is None:
        raise ValueError
    name, labels, value = match.groups()
    return name, labels or "", float(value)


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
