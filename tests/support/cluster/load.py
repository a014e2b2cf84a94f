"""A load on a tenant while something happens to it, and the table of the results."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from support.cluster.cluster import Installation, machine

RATE: Final = 120
"""Requests in a second."""
LONGEST: Final = 240
"""Seconds after which a load ends by itself."""
NO_LOSS: Final = "0 lost, 0 refused"
"""The outcome of a load that noticed nothing."""


class Load:
    """What the pod that sends requests said at the end."""

    def __init__(self) -> None:
        self.report: dict[str, Any] = {}

    @property
    def lost(self) -> list[dict[str, Any]]:
        """The requests that got no right answer."""
        return list(self.report["lost"])

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The connections that were refused, so that the request was sent over another one."""
        return list(self.report["refused"])

    @property
    def outcome(self) -> str:
        """What went wrong, in a line: how often, why, and between which seconds of the load."""
        counts = f"{len(self.lost)} lost, {len(self.refused)} refused"
        return "; ".join((counts, *_reasons(self.lost), *_reasons(self.refused)))


def _reasons(losses: Sequence[dict[str, Any]]) -> Iterator[str]:
    seconds: dict[str, list[float]] = {}
    for each in losses:
        seconds.setdefault(f"{each['kind']}: {each['why']}", []).append(each["at"])
    for reason, times in seconds.items():
        yield f"{reason} x {len(times)} at {min(times)} to {max(times)} s"


class Table:
    """A line for each change that was made under load."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, ...]] = [
            ("change", "seconds", "requests", "lost", "refused", "median", "p99", "slowest")
        ]

    def add(self, change: str, load: Load) -> None:
        """Add a line."""
        report = load.report
        counts = (report["seconds"], report["requests"], len(load.lost), len(load.refused))
        milliseconds = (f"{value} ms" for value in report["milliseconds"].values())
        self._rows.append((change, *map(str, counts), *milliseconds))

    def __str__(self) -> str:
        """Return the table."""
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        return "\n".join(
            "  ".join(
                (
                    row[0].ljust(widths[0]),
                    *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
                )
            )
            for row in self._rows
        )


@contextlib.contextmanager
def load(installation: Installation, name: str, *, rate: int = RATE) -> Iterator[Load]:
    """Read and search through the tenant's Service until the end of the block."""
    plan = {
        "url": installation.service(name),
        "headers": machine(name),
        "rate": rate,
        "seconds": LONGEST,
    }
    script = ("exec", "client", f"-n={installation.clients}", "--", "python", "/scripts/load.py")
    result = Load()
    installation.cluster.kubectl(*script, "begin", json.dumps(plan))
    try:
        yield result
    finally:
        result.report = json.loads(installation.cluster.kubectl(*script, "end"))
    assert result.report["seconds"] < LONGEST, "it had ended before what it was to see"


@contextlib.contextmanager
def measured(table: Table, change: str, installation: Installation, name: str) -> Iterator[Load]:
    """Have a load whose result is a line of the table."""
    with load(installation, name) as result:
        time.sleep(1)  # some requests before the change,
        yield result
        time.sleep(1)  # and some after it
    table.add(change, result)
