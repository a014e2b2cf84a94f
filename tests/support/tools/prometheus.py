"""A real Prometheus: started with fixed targets, asked as Grafana asks it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from support.commands import free_ports
from support.tools.daemons import Daemon, Watchdog
from support.waiting import until

_START_SECONDS: Final = 30.0


class QueryError(Exception):
    """Prometheus refuses a query; the message is what it said."""


class Target(NamedTuple):
    """What is scraped on this machine, as if it were a pod."""

    port: int
    namespace: str
    pod: str

    def discovered(self) -> dict[str, str]:
        """Return what Kubernetes' service discovery would say of it."""
        labels = {
            "namespace": self.namespace,
            "pod_annotation_prometheus_io_port": str(self.port),
            "pod_annotation_prometheus_io_scrape": "true",
            "pod_ip": "127.0.0.1",
            "pod_name": self.pod,
            "pod_phase": "Running",
        }
        return {f"__meta_kubernetes_{name}": value for name, value in labels.items()}


class Series(NamedTuple):
    """A time series: its labels, and its points as (Unix time, value)."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


class Prometheus:
    """Scrapes its targets, and evaluates its rules, once a second."""

    def __init__(
        self, program: Path, folder: Path, targets: Sequence[Target], relabelling: Sequence[Any], rules: Path
    ) -> None:
        """Start it, and wait until it is ready. What is discovered becomes what is scraped by `relabelling`."""
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {
                    "job_name": "pods",
                    "static_configs": [
                        {"targets": ["elsewhere.invalid"], "labels": target.discovered()} for target in targets
                    ],
                    "relabel_configs": list(relabelling),
                }
            ],
        }
        file = folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(configuration))
        self._watchdog = Watchdog()
        self._daemon = Daemon(
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            "--enable-feature=exemplar-storage",
            f"--web.listen-address=127.0.0.1:{port}",
            log=folder / "prometheus.log",
            watchdog=self._watchdog,
        ).ready(self._ready, within=_START_SECONDS)

    def close(self) -> None:
        """End it."""
        self._daemon.stop()
        self._watchdog.close()

    def wait_for_targets(self, count: int) -> None:
        """Wait until so many targets answer."""
        until(lambda: sum(point for each in self.query("up") for _, point in each.points) == count)

    def query(self, expression: str) -> list[Series]:
        """Return what an expression is now. Raises QueryError."""
        return _series(self._get("query", query=expression))

    def query_range(self, expression: str, begin: float, end: float) -> list[Series]:
        """Return what an expression was, second by second. Raises QueryError."""
        return _series(self._get("query_range", query=expression, start=str(begin), end=str(end), step="1"))

    def traces(self, expression: str, begin: float, end: float) -> set[str]:
        """Return the traces that exemplars of an expression's series name. Raises QueryError."""
        found = self._get("query_exemplars", query=expression, start=str(begin), end=str(end))
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own process
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise QueryError(f"{parameters['query']}: {json.load(error)['error']}") from None

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:  # noqa: S310 - as above
                return bool(answer.status == 200)
        except OSError:
            return False


def _series(data: Any) -> list[Series]:
    if data["resultType"] in ("scalar", "string"):
        return [Series({}, [_point(data["result"])])]
    return [
        Series(each["metric"], [_point(point) for point in each.get("values", [each.get("value")])])
        for each in data["result"]
    ]


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
