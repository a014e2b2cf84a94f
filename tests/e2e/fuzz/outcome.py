"""How one side of the campaign went."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from support.commands import ServeProcess

MAX_GROWTH_MIB = 128.0
"""Of a process's peak above what it needs at rest; docs/security.md states it."""


class Result(NamedTuple):
    """How a side went; `violations` is empty if everything held."""

    side: str
    tried: int
    """Of what the side counts: messages, answers, connections."""
    seconds: float
    outcomes: Counter[str]
    through: int
    """How many of them were what they should be and got through: a campaign must also have those."""
    rest_mib: float
    peak_mib: float
    violations: list[str]

    def __str__(self) -> str:
        outcomes = ", ".join(f"{outcome}: {count}" for outcome, count in sorted(self.outcomes.items()))
        return (
            f"{self.side}: {self.tried} in {self.seconds:.0f} s ({self.tried / self.seconds:.0f}/s), "
            f"{self.through} got through; {outcomes}; memory {self.rest_mib:.0f} MiB, at most {self.peak_mib:.0f}"
        )


class Memory:
    """A process's memory from now on; not looked at where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._directory = Path(f"/proc/{pid}")
        if self._directory.exists():
            (self._directory / "clear_refs").write_text("5")  # forget the peak
        self.rest_mib = self.rss_mib

    @property
    def rss_mib(self) -> float:
        return self._read("VmRSS")

    @property
    def peak_mib(self) -> float:
        return self._read("VmHWM")

    def problems(self) -> list[str]:
        """Return what is to be said against its peak."""
        growth = self.peak_mib - self.rest_mib
        return [f"memory grew by {growth:.0f} MiB"] if growth > MAX_GROWTH_MIB else []

    def _read(self, name: str) -> float:
        status = self._directory / "status"
        if not status.exists():
            return 0.0
        found = re.search(rf"{name}:\s+(\d+) kB", status.read_text())
        return int(found[1]) / 1024 if found else 0.0


def unforeseen(proxy: ServeProcess) -> list[str]:
    """Return the lines of a proxy's log that tell of what nobody thought of."""
    return [line for line in proxy.log.splitlines() if '"error"' in line or "Traceback" in line]
