"""Counters and histograms for what each request counts: plain numbers, which a scrape reads.

prometheus_client's own take a lock for each number and look at one bucket after another, which is eight times the
work. These are for one thread.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

Exemplify = Callable[[], dict[str, str] | None]
"""Returns the labels of an exemplar for what is observed now; None: it gets none."""


class Counters(Collector):
    """A counter for each combination of labels."""

    def __init__(self, name: str, text: str, constant: tuple[str, str], labels: Sequence[str]) -> None:
        """`constant` is the name and the value of a label that all have."""
        self._family = (name, text, (constant[0], *labels))
        self._constant = constant[1]
        self._counts: dict[tuple[str | int, ...], int] = {}

    def increment(self, *labels: str | int) -> None:
        """Count one."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Return what is exposed."""
        name, text, labels = self._family
        family = CounterMetricFamily(name, text, labels=labels)
        for values, count in self._counts.items():
            family.add_metric((self._constant, *map(str, values)), count)
        yield family


class _Series:
    """The numbers of one series of a histogram."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.exemplars: dict[int, Exemplar] = {}
        """The last one of each bucket that has any."""
        self.sum = 0.0


class Histograms(Collector):
    """A histogram for each value of one label."""

    def __init__(
        self, name: str, text: str, constant: tuple[str, str], label: str, bounds: Sequence[float]
    ) -> None:
        """`constant` is the name and the value of a label that all have; `bounds` are those of the buckets."""
        self._family = (name, text, (constant[0], label))
        self._constant = constant[1]
        self._bounds = bounds
        self._series: dict[str, _Series] = {}
        self.exemplify: Exemplify | None = None

    def observe(self, label: str, value: float) -> None:
        """Take a value in."""
        series = self._series.get(label)
        if series is None:
            series = self._series[label] = _Series(len(self._bounds) + 1)
        bucket = bisect_left(self._bounds, value)
        series.counts[bucket] += 1
        series.sum += value
        if self.exemplify is not None and (labels := self.exemplify()):
            series.exemplars[bucket] = Exemplar(labels, value, time.time())

    def collect(self) -> Iterator[Metric]:
        """Return what is exposed."""
        name, text, labels = self._family
        family = HistogramMetricFamily(name, text, labels=labels)
        for label, series in self._series.items():
            family.add_metric((self._constant, label), [*self._buckets(series)], series.sum)
        yield family

    def _buckets(self, series: _Series) -> Iterator[tuple[str, float] | tuple[str, float, Exemplar]]:
        """Return for each bucket its name, and how many values are in it or below, with its exemplar, if any."""
        total = 0
        for index, bound in enumerate((*self._bounds, float("inf"))):
            name: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
            total += series.counts[index]
            exemplar = series.exemplars.get(index)
            yield (name, total) if exemplar is None else (name, total, exemplar)
