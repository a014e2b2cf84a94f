"""How fast the OMS answers, at a bounded rate: its latency is the till's."""

import math
from collections.abc import Sequence
from typing import Final

from tenantproxy.conformance.check import Group, expect
from tenantproxy.conformance.kit import Kit

LATENCY: Final = Group("latency")

_SOURCE: Final = "docs/oms.md#what-it-serves"


@LATENCY.check(
    "steady",
    rule="Each of a number of reads at a steady rate is answered with 200, within the timeout.",
    source=_SOURCE,
    fix="See what your OMS logged for the correlation ids shown. A read that fails is a customer who waits: "
    "there is one more attempt, or none.",
    requests=lambda bounds: bounds.requests + 1,
)
async def _steady(kit: Kit) -> str:
    readings = await kit.steady_readings()
    failed = [reading for reading in readings if reading.exchange.status != 200]  # noqa: PLR2004 - HTTP
    expect(
        not failed,
        f"{len(failed)} of {len(readings)} were not, such as {failed[0].answer if failed else ''}.",
        *(reading.exchange for reading in failed),
    )
    return f"{len(readings)} reads at {kit.bounds.rate:g} per second"


@LATENCY.check(
    "p95",
    rule="Nineteen of twenty reads at a steady rate take a second at most (--p95).",
    source=_SOURCE,
    fix="Look for a missing index, a call of another system, or a server that sleeps when nobody asks. The "
    "slowest read is shown.",
    level="warning",
    needs=("latency.steady",),
    requests=lambda bounds: bounds.requests,
)
async def _p95(kit: Kit) -> str:
    readings = sorted(await kit.steady_readings(), key=lambda reading: reading.exchange.seconds)
    seconds = [reading.exchange.seconds for reading in readings]
    shown = ", ".join(f"p{share} {percentile(seconds, share) * 1000:.0f} ms" for share in (50, 95, 99))
    expect(percentile(seconds, 95) <= kit.bounds.p95, f"{shown}.", readings[-1].exchange)
    return shown


def percentile(ordered: Sequence[float], share: int) -> float:
    """Return the smallest of some ordered values below which this share in percent is (the nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
