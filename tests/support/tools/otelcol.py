"""A real OpenTelemetry Collector that writes what it receives into a file, as OTLP's JSON."""

import json
import socket
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from support.commands import free_ports
from support.tools.daemons import Daemon, Watchdog

_START_SECONDS: Final = 30.0


class Exported(NamedTuple):
    """A span, by the Collector's account."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


class OtelCollector:
    """Can be started and stopped; its port stays the same, and what it has written stays."""

    def __init__(self, program: Path, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._program = program
        self._folder = folder
        self._file = folder / "spans.jsonl"
        self._watchdog = Watchdog()
        self._daemon: Daemon | None = None
        (folder / "otelcol.yaml").write_text(yaml.safe_dump(self._configuration()))

    def _configuration(self) -> dict[str, Any]:
        return {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self._port}"}}}},
            "exporters": {"file": {"path": str(self._file), "append": True, "flush_interval": "50ms"}},
            "service": {
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
        }

    def start(self) -> None:
        daemon = Daemon(
            self._program,
            f"--config=file:{self._folder / 'otelcol.yaml'}",
            log=self._folder / "otelcol.log",
            watchdog=self._watchdog,
        )
        self._daemon = daemon.ready(self._accepts, within=_START_SECONDS)

    def _accepts(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        """Let it write what it has, and end."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def close(self) -> None:
        self.stop()
        self._watchdog.close()

    @property
    def text(self) -> str:
        """Everything that it was sent."""
        return self._file.read_text() if self._file.exists() else ""

    @property
    def spans(self) -> list[Exported]:
        return [
            Exported(
                span["name"],
                span["traceId"],
                span["spanId"],
                span.get("parentSpanId", ""),
                _values(span.get("attributes", [])),
                _values(resource["resource"]["attributes"]),
            )
            for line in self.text.splitlines()
            for resource in json.loads(line)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def _values(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in attributes}
