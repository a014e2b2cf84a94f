"""How many store events a core takes, from a request's body to what concerns a customer order.

Beside a filter as one writes it first: json, base64, zlib or zipfile, ElementTree, and a set of names. Both get
the same events and must find the same relevant ones, which is checked first; ours reads them by the default rules
besides, and holds all bounds. They take turns, kind by kind, in CPU time of one process.
"""

import base64
import gc
import io
import json
import multiprocessing
import random
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench.poslogs import Store
from bench.processes import BenchError
from bench.report import bounded, dearer, print_goals
from tenantproxy.config_poslog import Poslog, Verification
from tenantproxy.poslog.intake.envelope import event_of
from tenantproxy.poslog.intake.reader import EventReader, Relevant
from tenantproxy.poslog.sending.events import Compression, poslog_event

_Filter = Callable[[bytes], bool]
_MIX: Final = "mix"
_RELEVANT: Final = 0.05
"""Of the mix."""
_EVENTS: Final = 200
_ROUNDS: Final = 30
_AT_LEAST: Final = 3.0
"""Times as many events as the naive filter takes, of the mix."""
_LARGE: Final = 3_620
"""Lines of a sale that make 5 MB."""
_MIB_AT_MOST: Final = 40
"""For a PosLog of 5 MB that is relevant, all that its event takes included."""
_NAMES: Final = {"InventoryReservationID", "SpecialOrderNumber"}
_NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)


def _naive(body: bytes) -> bool:
    event = json.loads(body)
    content = base64.b64decode(event["data"])
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            xml = archive.read(archive.namelist()[0])
    else:
        xml = zlib.decompress(content)
    return any(element.tag.rpartition("}")[2] in _NAMES for element in ET.fromstring(xml).iter())  # noqa: S314


_READER: Final = EventReader(Poslog(verification=Verification(shared_key=True)))


def _ours(body: bytes) -> bool:
    return isinstance(_READER.read(event_of(body)), Relevant)


def _event(poslog: bytes, compression: Compression) -> bytes:
    return poslog_event(poslog, compression, event_id="405", now=_NOW, business_day="2026-11-30").body


def _kinds() -> dict[str, list[bytes]]:
    """Return events by kind; of the mix, every other one is a ZIP archive."""
    store, chosen = Store(1), random.Random(1)  # noqa: S311 - test data
    day = store.day(_EVENTS, _RELEVANT)
    return {
        _MIX: [_event(each, chosen.choice(("zlib", "zip"))) for each in day],
        "logins, drawers": [_event(store.control(), "zlib") for _ in range(50)],
        "sales of 5 lines": [_event(store.sale(5), "zlib") for _ in range(20)],
        "sales of 40 lines": [_event(store.sale(40), "zlib") for _ in range(5)],
        "the same, ZIP": [_event(store.sale(40), "zip") for _ in range(5)],
        "pickups with 20 lines": [_event(store.pickup(20), "zlib") for _ in range(5)],
    }


def _cost(filter_: _Filter, events: Sequence[bytes]) -> float:
    start = time.thread_time()
    for event in events:
        filter_(event)
    return (time.thread_time() - start) / len(events)


def _peak(filter_: _Filter, event: bytes) -> float:
    """Return by how many MiB this process grows at most as it reads an event; it must be new."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmHWM")
    filter_(event)
    return (_resident("VmHWM") - before) / 1024


def _resident(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))


def _peaks() -> dict[str, float]:
    event = _event(Store(2).pickup(_LARGE), "zlib")
    peaks = {}
    for name, filter_ in (("naive", _naive), ("ours", _ours)):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as new_process:
            peaks[name] = new_process.submit(_peak, filter_, event).result()
    return peaks


def main() -> int:
    """Print the figures, and return the exit status."""
    peaks = _peaks()
    kinds = _kinds()
    for name, events in kinds.items():
        if [*map(_ours, events)] != [*map(_naive, events)]:
            raise BenchError(f"ours and the naive filter do not find the same events relevant: {name}")
    gc.freeze()
    costs: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in kinds}
    for _ in range(_ROUNDS):
        for name, events in kinds.items():
            for filter_, found in zip((_ours, _naive), costs[name], strict=True):
                found.append(_cost(filter_, events))
    print(f"{'Events per second of a core':<40} {'ours':>8} {'naive':>8} {'KB, JSON':>10}")
    for name, (ours, theirs) in costs.items():
        kilobytes = sum(map(len, kinds[name])) / len(kinds[name]) / 1000
        print(f"  {name:<38} {1 / median(ours):8.0f} {1 / median(theirs):8.0f} {kilobytes:10.1f}")
    print()
    goals = [
        dearer(
            f"{name}, naive to ours",
            [his / mine for mine, his in zip(*costs[name], strict=True)],
            at_least=_AT_LEAST if name == _MIX else None,
            digits=2,
        )
        for name in costs
    ]
    goals.append(bounded("a relevant PosLog of 5 MB, memory", peaks["ours"], _MIB_AT_MOST, "MiB"))
    print_goals(goals)
    print(f"\nFor scale: the naive filter takes {peaks['naive']:.0f} MiB for the same PosLog of 5 MB.")
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
