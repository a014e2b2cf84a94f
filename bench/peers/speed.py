"""CPU time per request of each subject, in turns and in a closed loop, as ratios to Go's."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from bench.peers.clients import Found, Group, Request, load
from bench.peers.subjects import GO, Line, Stand
from bench.processes import PROXY_CORE, BenchError, Running, running
from bench.report import Sample, ratios, standard_error
from bench.subjects import Operation, Subject

CONNECTIONS: Final = 16
Started = Sequence[tuple[Subject, Running]]
Control = tuple[Sample, Sample]
"""Go measured twice, with others in between: what differs is noise."""


class Figure(msgspec.Struct):
    """Medians of the rounds; `ratio` is to Go, of requests per second of CPU time, with its standard error."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    ratio: float
    error: float


class Speed(msgspec.Struct):
    """One operation, in one line."""

    line: str
    operation: str
    figures: dict[str, Figure]


@contextlib.contextmanager
def started(stand: Stand, line: Line, names: Sequence[str]) -> Iterator[Started]:
    """Run subjects on the proxies' core; their logs are thrown away."""
    with contextlib.ExitStack() as stack:
        subjects = [stand.subject(name, line) for name in names]
        pairs = [
            (each, stack.enter_context(running(each.command, each.port, PROXY_CORE, quiet=line.verifies)))
            for each in subjects
        ]
        for _, process in pairs:
            process.connect().close()
        yield pairs


def compare(
    subjects: Started, operation: Operation, *, rounds: int, seconds: float
) -> tuple[dict[str, list[Sample]], list[Control]]:
    """Load the subjects in turn, forth and back; Go begins and ends each round.

    Raises:
        BenchError: An answer is not as expected.

    """
    lengths = {subject.name: _length(process, operation) for subject, process in subjects}
    samples: dict[str, list[Sample]] = {subject.name: [] for subject, _ in subjects}
    (go,) = (pair for pair in subjects if pair[0].name == GO)
    others = [pair for pair in subjects if pair is not go]
    controls: list[Control] = []

    def measured(subject: Subject, process: Running) -> Sample:
        return closed_loop(process, Request.of(operation, lengths[subject.name]), seconds)

    for number in range(rounds + 1):
        first = measured(*go)
        found = {subject.name: measured(subject, process) for subject, process in others[:: (-1) ** number]}
        last = measured(*go)
        if number:  # the first round warms up
            controls.append((first, last))
            samples[GO].append(mean(first, last))
            for name, sample in found.items():
                samples[name].append(sample)
    return samples, controls


def closed_loop(process: Running, request: Request, seconds: float, *, connections: int = CONNECTIONS) -> Sample:
    """Let clients ask a subject, each as soon as it is answered.

    Raises:
        BenchError: Something else than 200 was answered.

    """
    before = process.cpu_seconds()
    (found,) = load(process.port, Group(connections=connections, requests=[request]), seconds=seconds, warmup=0.0)
    cpu = process.cpu_seconds() - before
    check(found)
    return Sample(
        per_second=found.goodput, p50=found.ok.p50, p99=found.ok.p99, cpu=cpu / found.ok.count, busy=cpu / seconds
    )


def check(found: Found) -> None:
    """Raise BenchError if clients have seen anything but 200."""
    if not found.ok.count or found.overloaded.count or found.other or found.errors:
        raise BenchError(f"answers other than 200: {found}")


def figures(samples: Mapping[str, Sequence[Sample]]) -> dict[str, Figure]:
    """Return the medians, and the ratios to Go in the same round."""
    made = {}
    for name, all_of in samples.items():
        shares = ratios(samples[GO], all_of, lambda sample: sample.cpu)
        per_second, p50, p99, cpu, _ = map(median, zip(*all_of, strict=True))
        made[name] = Figure(per_second, p50, p99, cpu, median(shares), standard_error(shares))
    return made


def _length(process: Running, operation: Operation) -> int:
    return len(process.ask(operation.method, operation.path, operation.headers, operation.body))


def mean(first: Sample, last: Sample) -> Sample:
    """Return what lies between two samples."""
    return Sample(*((one + other) / 2 for one, other in zip(first, last, strict=True)))
