"""What a new TLS connection to the OMS costs: an OMS that closes after each answer, beside one that keeps them."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench.peers.clients import Request
from bench.peers.oms import Counts, Oms, oms
from bench.peers.speed import Started, closed_loop, started
from bench.peers.subjects import SECURED, Stand
from bench.report import Sample, standard_error

_KINDS: Final = {"kept": {}, "resumed": {"requests": "1"}, "full": {"requests": "1", "tickets": "false"}}


class Cost(msgspec.Struct):
    """CPU seconds that a new connection adds to a request; `of_kind`: the share of requests that had one."""

    name: str
    kind: str
    seconds: float
    error: float
    of_kind: float


def measure(folder: Path, names: Sequence[str], *, rounds: int, seconds: float) -> list[Cost]:
    """Measure a GET of each subject at each kind of OMS, in turns."""
    with contextlib.ExitStack() as stack:
        places: dict[str, tuple[Oms, Started, Request]] = {}
        for kind, options in _KINDS.items():
            running_oms = stack.enter_context(oms(folder / f"oms-{kind}", tls=True, **options))
            stand = Stand.at(folder / kind, running_oms)
            subjects = stack.enter_context(started(stand, SECURED, names))
            places[kind] = running_oms, subjects, Request.of(stand.bench.get)
        samples: dict[tuple[str, str], list[Sample]] = {}
        shares: dict[tuple[str, str], float] = {}
        for number in range(rounds + 1):
            for kind, (at, subjects, request) in places.items():
                for subject, process in subjects:
                    before = at.counts()
                    sample = closed_loop(process, request, seconds)
                    shares[subject.name, kind] = _of_kind(kind, before, at.counts())
                    if number:
                        samples.setdefault((subject.name, kind), []).append(sample)
    return [
        cost(name, kind, samples[name, kind], samples[name, "kept"], shares[name, kind])
        for name in names
        for kind in _KINDS
        if kind != "kept"
    ]


def cost(name: str, kind: str, new: Sequence[Sample], kept: Sequence[Sample], of_kind: float) -> Cost:
    """Return what is added, of each round's difference."""
    added = [one.cpu - other.cpu for one, other in zip(new, kept, strict=True)]
    return Cost(name, kind, median(added), standard_error(added), of_kind)


def _of_kind(kind: str, before: Counts, after: Counts) -> float:
    handshakes = after.full_handshakes - before.full_handshakes
    if kind == "resumed":
        handshakes = after.resumed_handshakes - before.resumed_handshakes
    return min(1.0, handshakes / max(1, after.requests - before.requests))
