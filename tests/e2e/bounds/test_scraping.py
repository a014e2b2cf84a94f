"""Scrapes cost little, however many there are."""

from pathlib import Path

from support.bounds.attacks.scraping import scrapes
from support.bounds.observation import observe
from support.commands import ServeProcess

SECONDS = 4.0


async def test_scrapes_take_a_small_share(proxy: ServeProcess) -> None:
    """At 700 a second the metrics are rendered as often as their share of the loop allows."""
    before = cpu_seconds(proxy.process.pid)
    seen = await observe(proxy, scrapes, proxy.admin_port, 700, seconds=SECONDS)
    seen.assert_bounded()
    used = cpu_seconds(proxy.process.pid) - before
    print(f"{used:.2f} s of CPU in {SECONDS:.0f} s")  # noqa: T201 - the numbers are part of the evidence
    assert used < 0.4 * SECONDS


def cpu_seconds(pid: int) -> float:
    """Return what a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
