"""What `make bench` runs: speed as ratios to a naive forwarder, memory, start-up.

Exit status: 0, or 1 where a goal is missed, or 2 where the benchmark can't be run.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench import interpreters, report
from bench.processes import CORES, OTHER_CORE, PROXY_CORE, BenchError, Running, free_port, pinned, running, script
from bench.report import Goal, Sample
from bench.subjects import Operation, Subject, Workbench

CONNECTIONS: Final = 16
_MORE: Final = 0.03
"""The share of CPU time per request that a change may add to what was before it."""
_SETTLE: Final = 0.3
"""Seconds after the first answer until a process is at rest."""

_IDLE_CLIENTS: Final = 900
"""Fewer than the descriptors that a process may commonly have."""
_WARM_UP: Final = 400


class Effort(NamedTuple):
    """How much to measure."""

    rounds: int
    seconds: float
    starts: int


FULL: Final = Effort(rounds=12, seconds=0.8, starts=7)
QUICK: Final = Effort(rounds=3, seconds=0.5, starts=3)


def compare(
    subjects: Sequence[tuple[Subject, Running]], operation: Operation, folder: Path, effort: Effort
) -> dict[str, list[Sample]]:
    """Load the subjects in turn, round after round, and return each one's samples.

    Raises:
        BenchError: Their answers differ, or an answer is not as expected.

    """
    request = folder / "request"
    request.write_bytes(operation.raw())
    answers = {
        subject.name: process.ask(operation.method, operation.path, operation.headers, operation.body)
        for subject, process in subjects
    }
    first, *others = (json.loads(answer) for answer in answers.values())
    if any(other != first for other in others):
        raise BenchError(f"the subjects do not answer {operation.name} alike")
    samples: dict[str, list[Sample]] = {subject.name: [] for subject, _ in subjects}
    for number in range(effort.rounds + 1):
        for subject, process in subjects:
            seconds = effort.seconds if number else min(effort.seconds, 1.0)
            sample = _load(process, request, length=len(answers[subject.name]), seconds=seconds)
            if number:  # the first round warms up
                samples[subject.name].append(sample)
    return samples


def _load(process: Running, request: Path, *, length: int, seconds: float) -> Sample:
    command = [*script("load"), "--port", str(process.port), "--request", request, "--length", str(length)]
    command += ["--connections", str(CONNECTIONS), "--seconds", str(seconds)]
    before = process.cpu_seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    cpu = process.cpu_seconds() - before
    if done.returncode != 0:
        raise BenchError("the load generator failed, see above")
    found = json.loads(done.stdout)
    return Sample(
        per_second=found["count"] / found["seconds"],
        p50=found["p50"],
        p99=found["p99"],
        cpu=cpu / found["count"],
        busy=cpu / found["seconds"],
    )


class Start(NamedTuple):
    """Seconds to the first answer, and MiB at rest after it."""

    seconds: float
    rss: float


def start_up(subject: Subject, operation: Operation, times: int) -> Start:
    """Return the medians over several starts; one before them warms the page cache and the bytecode."""
    starts = []
    for _ in range(times + 1):
        with running(subject.command, subject.port, PROXY_CORE) as process:
            process.ask(operation.method, operation.path, operation.headers, operation.body)
            seconds = time.perf_counter() - process.started_at
            time.sleep(_SETTLE)
            starts.append(Start(seconds, process.rss_mib()))
    return Start(*map(median, zip(*starts[1:], strict=True)))


def idle_clients(subject: Subject, operation: Operation) -> float:
    """Return the KiB that each of many clients costs that have had a response, and keep their connections."""
    with running(subject.command, subject.port, PROXY_CORE) as process, contextlib.ExitStack() as stack:
        for _ in range(_WARM_UP):
            process.ask(operation.method, operation.path, operation.headers, operation.body)
        before = process.rss_mib()
        for _ in range(_IDLE_CLIENTS):
            connection = stack.enter_context(contextlib.closing(process.connect()))
            connection.request(operation.method, operation.path, operation.body, operation.headers)
            connection.getresponse().read()
        return (process.rss_mib() - before) * 1024 / _IDLE_CLIENTS


def bench(folder: Path, effort: Effort, before: Path | None) -> list[Goal]:
    """Measure everything, print it, and return the goals with their outcomes.

    `before` is another checkout, whose proxies take turns with ours.
    """
    port = free_port()
    bench_files = Workbench(folder, port)
    naive, trusted, logged, jwt, mapped = (
        bench_files.naive(),
        bench_files.trusted(),
        bench_files.logged(),
        bench_files.jwt(),
        bench_files.mapped(),
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            running([*script("upstream"), "--port", str(port)], port, OTHER_CORE)
        ).connect().close()
        starts = {
            subject.name: start_up(subject, bench_files.get, effort.starts) for subject in (trusted, jwt, naive)
        }
        idle = idle_clients(trusted, bench_files.get)
        ours = (trusted, logged, jwt, mapped)
        earlier = [bench_files.before(subject, before) for subject in ours] if before is not None else []
        pairs = [
            (
                subject,
                stack.enter_context(running(subject.command, subject.port, PROXY_CORE, quiet=subject is logged)),
            )
            for subject in (naive, *ours)
        ]
        for subject in earlier:
            quiet = subject.name.startswith(logged.name)
            process = stack.enter_context(running(subject.command, subject.port, PROXY_CORE, quiet=quiet))
            try:
                process.connect().close()
            except BenchError:
                print(f"{subject.name}: knows not all of the configuration, and is left out.\n", flush=True)
            else:
                pairs.append((subject, process))
        get = compare(pairs, bench_files.get, folder, effort)
        apart = (jwt.name, logged.name)
        searching = [(subject, process) for subject, process in pairs if not subject.name.startswith(apart)]
        search = compare(searching, bench_files.search, folder, effort)
        loaded = {subject.name: process.rss_mib() for subject, process in pairs}
    report.print_speed("GET (one order, 5 items)", get)
    report.print_speed("search (50 orders, 20 KB from the OMS)", search)
    report.print_contention(sample for found in (get, search) for samples in found.values() for sample in samples)
    goals = [
        report.times("GET, trusted to naive", get["trusted"], get["naive"], at_least=1.5),
        report.times("search, trusted to naive", search["trusted"], search["naive"], at_least=2.2),
        report.added("GET, jwt (token cached) to trusted", get["jwt"], get["trusted"], at_most=0.05),
        report.added("GET, logged to trusted", get["logged"], get["trusted"], at_most=_MORE),
        report.added("GET, mapped to trusted", get["mapped"], get["trusted"], at_most=0.2),
        report.added("search, mapped to trusted", search["mapped"], search["trusted"], at_most=0.3),
        *_interpreted(effort),
        report.bounded("memory at rest, trusted", starts["trusted"].rss, 38, "MiB"),
        report.bounded("memory at rest, jwt", starts["jwt"].rss, 48, "MiB"),
        report.bounded("each idle client, trusted", idle, 5.0, "KiB"),
        report.bounded("first answer, trusted", starts["trusted"].seconds * 1000, 350, "ms"),
        report.bounded("first answer, jwt", starts["jwt"].seconds * 1000, 350, "ms"),
    ]
    for title, samples in (("GET", get), ("search", search)):
        goals += [
            report.added(f"{title}, {name} to before", samples[name], samples[f"{name}, before"], at_most=_MORE)
            for name in samples
            if f"{name}, before" in samples
        ]
    report.print_goals(goals)
    print("\nFor scale:")
    print(f"  naive: {starts['naive'].rss:.1f} MiB at rest, first answer {starts['naive'].seconds * 1000:.0f} ms")
    print("  MiB after the load: " + ", ".join(f"{name} {rss:.1f}" for name, rss in loaded.items()))
    return goals


def _interpreted(effort: Effort) -> list[Goal]:
    """Compare the conversion alone with interpreters of mapping languages."""
    goals = []
    for title, operation in (("GET", "getOrder"), ("search", "searchOrders")):
        costs = interpreters.compare(operation, effort.rounds)
        added = interpreters.added(costs)
        for name, ratios in interpreters.shares(costs).items():
            # Of a single order, JSON and the contract, which all share, are half of our work.
            wanted = None if (title, name) == ("GET", "jmespath") else 10.0
            goals.append(report.dearer(f"{title}, mapping in {name} to ours", ratios, at_least=wanted))
            goals.append(report.dearer(f"{title}, what {name} adds, to ours", added[name], at_least=10.0))
    return goals


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description="Compare the proxy with a naive forwarder.")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of some 20 seconds; its figures are rough"
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="CHECKOUT",
        help="another checkout of this project, after `make sync` there: its proxies take turns with ours",
    )
    options = parser.parse_args()
    if not CORES:
        print("bench: needs Linux (it pins processes to cores and reads /proc)", file=sys.stderr)
        return 2
    where = "a core of its own" if PROXY_CORE != OTHER_CORE else "the one core that there is"
    print(f"One proxy process on {where}, {CONNECTIONS} connections; medians.\n", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder, pinned(OTHER_CORE):
            goals = bench(Path(folder), QUICK if options.quick else FULL, options.before)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
