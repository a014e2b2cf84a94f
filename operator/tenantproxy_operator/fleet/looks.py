"""One look after another: what the proxies have done in between."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from tenantproxy_operator.fleet.events import event_figures
from tenantproxy_operator.fleet.figures import figures
from tenantproxy_operator.fleet.samples import Samples, UnreadableMetricsError
from tenantproxy_operator.fleet.table import Row, by_trouble, row
from tenantproxy_operator.fleet.view import Fleet, Replica
from tenantproxy_operator.kube.kinds import Key


class _Seen(NamedTuple):
    """What a look at a tenant has shown, by the names of its processes."""

    at: float
    proxies: Mapping[str, Samples] = {}
    relays: Mapping[str, Samples] = {}


class Looks:
    """Remembers the last look at each tenant, for as long as the tenant is there."""

    def __init__(self) -> None:
        self._seen: dict[Key, _Seen] = {}
        self.seconds: float | None = None
        """Between the last two looks; None after the first."""
        self._last: float | None = None

    def rows(self, fleet: Fleet, at: float) -> list[Row]:
        """Return the rows of a look that was taken at a time of some clock, sorted by trouble."""
        self.seconds = None if self._last is None else at - self._last
        self._last = at
        seen: dict[Key, _Seen] = {}
        rows = []
        for view in fleet.tenants:
            before = self._seen.get(view.key, _Seen(at))
            seconds = at - before.at
            replicas, proxies = _read(view.replicas)
            read, events, relays = replace(view, replicas=replicas), None, dict[str, Samples]()
            if view.relays is not None:
                replicas, relays = _read(view.relays)
                read = replace(read, relays=replicas)
                events = event_figures(before.relays, relays, seconds)
            rows.append(row(read, figures(before.proxies, proxies, seconds), events))
            seen[view.key] = _Seen(at, proxies, relays)
        self._seen = seen
        return by_trouble(rows)


def _read(given: Iterable[Replica]) -> tuple[tuple[Replica, ...], dict[str, Samples]]:
    """Return processes with what their metrics show, by their names; those that can't be read say so."""
    samples: dict[str, Samples] = {}
    replicas: list[Replica] = []
    for replica in given:
        try:
            if replica.metrics is not None:
                samples[replica.name] = Samples.parse(replica.metrics)
        except UnreadableMetricsError as error:
            replicas.append(replace(replica, metrics=None, problem=str(error)))
        else:
            replicas.append(replica)
    return tuple(replicas), samples
