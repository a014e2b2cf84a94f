"""What `make bench-peers` runs: the proxy beside programs that do the same work, in Go and in Rust.

Exit status: 0, or 2 where the benchmark can't be run, or where two don't answer alike.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.peers import answers, connections, latency, overload, report, speed
from bench.peers.oms import oms
from bench.peers.speed import Control, started
from bench.peers.subjects import (
    ALL,
    DEFAULT,
    GO,
    LINES,
    OURS,
    PLAIN,
    REALISTIC,
    RUST,
    Line,
    Stand,
    build_all,
    names,
)
from bench.processes import CORES, OTHER_CORE, PROXY_CORE, BenchError, pinned
from hack.build.gomodules import MissingError

_OMS_DELAY: Final = "5ms"
"""Of the OMS where there is overload: so that requests are in flight for some time, as they are in life."""


class Effort(NamedTuple):
    """How much to measure: lines of work, rounds, seconds of each measurement, and where overload is measured."""

    lines: tuple[Line, ...]

    rounds: int
    seconds: float
    long_seconds: float
    connections: tuple[int, ...]
    loads: tuple[float, ...]
    curves: int
    """Rounds of these."""


FULL: Final = Effort(LINES, 8, 0.6, 3.0, (32, 256, 1000, 4000), (0.8, 1.2, 2.0, 4.0), 3)
QUICK: Final = Effort((PLAIN, REALISTIC), 2, 0.25, 0.7, (32, 1000), (0.8, 2.0), 1)


class Run:
    """One run: its folder, its effort, and what came of it."""

    def __init__(self, folder: Path, effort: Effort) -> None:
        self._folder = folder
        self._effort = effort
        self._controls: list[Control] = []
        self.results = report.Results()

    def answers(self) -> None:
        """Compare the answers, and nothing else."""
        self._speed(measures=False)

    def speed(self) -> None:
        """Compare CPU time per request, of each line, after the answers."""
        self._speed(measures=True)

    def _speed(self, *, measures: bool) -> None:
        folder = self._folder / ("speed" if measures else "answers")
        for line in self._effort.lines:
            with oms(folder / f"oms-{line.name}", tls=line.secured) as running_oms:
                stand = Stand.at(folder / line.name, running_oms)
                with started(stand, line, [*names(line)]) as subjects:
                    count = answers.check(stand, line, subjects)
                    print(f"{line.name}: {line.about}; all answer {count} questions alike.", flush=True)
                    for operation in (stand.bench.get, stand.bench.search) if measures else ():
                        samples, controls = speed.compare(
                            subjects, operation, rounds=self._effort.rounds, seconds=self._effort.seconds
                        )
                        self._controls += controls
                        figures = speed.figures(samples)
                        self.results.speed.append(speed.Speed(line.name, operation.name, figures))

    def latency(self) -> None:
        """Measure latency in an open loop, of what users run."""
        with oms(self._folder / "oms-latency", tls=True) as running_oms:
            stand = Stand.at(self._folder / "latency", running_oms)
            with started(stand, REALISTIC, ALL) as subjects:
                for operation in (stand.bench.get, stand.bench.search):
                    found, control = latency.measure(subjects, operation, self._effort.long_seconds)
                    self.results.latency += found
                    self._controls.append(control)

    def connections(self) -> None:
        """Measure what a new TLS connection to the OMS costs."""
        self.results.connections = connections.measure(
            self._folder, (OURS, GO, RUST), rounds=max(2, self._effort.rounds // 2), seconds=self._effort.seconds
        )

    def overload(self) -> None:
        """Measure what comes of more requests than can be answered."""
        with oms(self._folder / "oms-overload", delay=_OMS_DELAY) as running_oms:
            stand = Stand.at(self._folder / "overload", running_oms)
            with started(stand, DEFAULT, (OURS, GO)) as subjects:
                self.results.overload, controls = overload.measure(
                    stand,
                    subjects,
                    connections=self._effort.connections,
                    loads=self._effort.loads,
                    rounds=self._effort.curves,
                    seconds=self._effort.long_seconds / 3,
                )
                self._controls += controls

    def finish(self) -> report.Results:
        """Return the results."""
        return msgspec.structs.replace(self.results, noise=report.noise(self._controls))


_PARTS: Final[dict[str, Callable[[Run], None]]] = {
    "answers": Run.answers,
    "speed": Run.speed,
    "latency": Run.latency,
    "connections": Run.connections,
    "overload": Run.overload,
}


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Compare the proxy with peers that do the same work, in Go and in Rust."
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of two minutes; its figures are rough")
    parser.add_argument("--only", nargs="+", choices=_PARTS, metavar="PART", help=f"of {', '.join(_PARTS)}")
    lines = {line.name: line for line in LINES}
    parser.add_argument("--lines", nargs="+", choices=lines, metavar="LINE", help=f"of {', '.join(lines)}")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all figures there, as JSON")
    options = parser.parse_args()
    if not CORES:
        print("bench: needs Linux (it pins processes to cores and reads /proc)", file=sys.stderr)
        return 2
    effort = QUICK if options.quick else FULL
    if options.lines:
        effort = effort._replace(lines=tuple(lines[name] for name in options.lines))
    where = "a core of its own" if PROXY_CORE != OTHER_CORE else "the one core that there is"
    print(f"One proxy under load at a time, on {where}; clients and OMS on another.\n", flush=True)
    try:
        build_all()
        with tempfile.TemporaryDirectory() as folder, pinned(OTHER_CORE):
            run = Run(Path(folder), effort)
            for part in options.only or ("speed", "latency", "connections", "overload"):
                _PARTS[part](run)
            results = run.finish()
    except (BenchError, MissingError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print()
    for text in report.tables(results):
        print(text)
    if options.output is not None:
        options.output.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
