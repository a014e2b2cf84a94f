"""One look after another: what the proxies have done in between."""

from collections.abc import Mapping
from dataclasses import replace

from tenantproxy_operator.fleet.figures import figures
from tenantproxy_operator.fleet.samples import Samples, UnreadableMetricsError
from tenantproxy_operator.fleet.table import Row, by_trouble, row
from tenantproxy_operator.fleet.view import Fleet, Replica, TenantView
from tenantproxy_operator.kube.kinds import Key


class Looks:
    """Remembers the last look at each tenant, for as long as the tenant is there."""

    def __init__(self) -> None:
        self._seen: dict[Key, tuple[float, Mapping[str, Samples]]] = {}
        self.seconds: float | None = None
        """Between the last two looks; None after the first."""
        self._last: float | None = None

    def rows(self, fleet: Fleet, at: float) -> list[Row]:
        """Return the rows of a look that was taken at a time of some clock, sorted by trouble."""
        self.seconds = None if self._last is None else at - self._last
        self._last = at
        seen: dict[Key, tuple[float, Mapping[str, Samples]]] = {}
        rows = []
        for view in fleet.tenants:
            read, now = _read(view)
            earlier, before = self._seen.get(view.key, (at, {}))
            rows.append(row(read, figures(before, now, at - earlier)))
            seen[view.key] = at, now
        self._seen = seen
        return by_trouble(rows)


def _read(view: TenantView) -> tuple[TenantView, dict[str, Samples]]:
    samples: dict[str, Samples] = {}
    replicas: list[Replica] = []
    for replica in view.replicas:
        try:
            if replica.metrics is not None:
                samples[replica.name] = Samples.parse(replica.metrics)
        except UnreadableMetricsError as error:
            replicas.append(replace(replica, metrics=None, problem=str(error)))
        else:
            replicas.append(replica)
    return replace(view, replicas=tuple(replicas)), samples
