"""Resource usage of the measured processes, and of all others meanwhile."""

import os
import re
import time
from pathlib import Path
from typing import Final, Self

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_COMM_LENGTH: Final = 15
CORES: Final = len(os.sched_getaffinity(0))


def describe() -> str:
    """Return what kind of machine this is, without its name."""
    text = Path("/proc/meminfo").read_text()
    found = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE)
    memory = int(found[1]) / 1024 / 1024 if found else 0.0
    return f"{CORES} cores, {memory:.0f} GiB"


def child(program: str) -> int:
    """Return the id of the process with this name that we started.

    Raises:
        ProcessLookupError: There is none.

    """
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it has ended
                continue
            name, _, rest = stat.partition("(")[2].rpartition(")")
            if name == program[:_COMM_LENGTH] and int(rest.split()[1]) == os.getpid():
                return int(entry.name)
    raise ProcessLookupError(program)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that all threads of a process have used, to the nanosecond."""
    # clock_getcpuclockid(3), which Python does not have: Linux's MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
    return time.clock_gettime((~pid << 3) | 2)


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return _memory(pid, "VmRSS")


def peak_rss_mib(pid: int) -> float:
    """Return the most resident memory that a process has had."""
    return _memory(pid, "VmHWM")


def _memory(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _busy_seconds() -> float:
    """Return the CPU time that the whole machine has used, and what a hypervisor withheld."""
    user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(rest)) / _TICKS


class Usage:
    """What some processes use of the CPUs, and all others, while it is entered."""

    def __init__(self, **pids: int) -> None:
        self._pids = {**pids, "bench": os.getpid()}
        self.seconds = 0.0
        """Wall clock."""
        self.cpu: dict[str, float] = {}
        self.others = 0.0
        """Share of the machine that went to others."""

    def __enter__(self) -> Self:
        self._begin = time.perf_counter()
        self._busy = _busy_seconds()
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begin
        self.cpu = {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}
        others = _busy_seconds() - self._busy - sum(self.cpu.values())
        self.others = max(0.0, others / (self.seconds * CORES))
