"""When debug lines are written: until the time that a file names, and for an hour at most."""

import asyncio
import logging
from pathlib import Path

import pytest

from support.proxy.log_lines import LogLines, log_lines
from tenantproxy.debugging import DEBUG_LOG, LONGEST, MOST_LINES, POLL_SECONDS, DebugWindow, parse_end
from tenantproxy.logs import fields

NOON = "2026-11-30T12:00:00Z"
EPOCH = parse_end(NOON)


class World:
    """A window, the file that it follows, and the time."""

    def __init__(self, directory: Path) -> None:
        self.time = EPOCH
        self.file = directory / "until"
        self.window = DebugWindow(self.file, now=lambda: self.time)

    def looks(self) -> bool:
        self.window.look()
        return DEBUG_LOG.isEnabledFor(logging.DEBUG)


def told(lines: LogLines) -> list[tuple[str, str | None]]:
    return [(line["message"], line.get("until")) for line in lines.of("tenantproxy.debugging")]


def test_until_the_time_that_the_file_names(tmp_path: Path) -> None:
    """It may come and go while the proxy runs; begin and end are told once."""
    with log_lines() as lines:
        world = World(tmp_path)
        assert not world.looks()
        world.file.write_text("2026-11-30T12:10:00Z\n")
        assert world.looks()
        world.time += 599.0
        assert world.looks()
        world.time += 1.0
        assert not world.looks()
        world.file.write_text("2026-11-30T12:30:00Z")
        assert world.looks()
        world.file.unlink()
        assert not world.looks()
        assert told(lines) == [
            ("debug lines are written", "2026-11-30T12:10:00Z"),
            ("debug lines end", None),
            ("debug lines are written", "2026-11-30T12:30:00Z"),
            ("debug lines end", None),
        ]


def test_an_hour_at_most(tmp_path: Path) -> None:
    """Whatever time is named; another one begins anew."""
    with log_lines() as lines:
        world = World(tmp_path)
        world.file.write_text("2030-01-01T00:00:00Z")
        assert world.looks()
        world.time += LONGEST
        assert not world.looks()
        world.file.write_text("2031-01-01T00:00:00Z")
        assert world.looks()
        world.file.write_text("")
        assert not world.looks()
        assert told(lines)[0] == ("debug lines are written", "2026-11-30T13:00:00Z")


@pytest.mark.parametrize(
    "text", ["soon", "2026-11-30", "2026-11-30T12:10:00+01:00", "2026-13-30T12:10:00Z", "9" * 99, "\0", "\u0669"]
)
def test_no_time(tmp_path: Path, text: str) -> None:
    """That is told once, without the text, and there are no lines."""
    with log_lines() as lines:
        world = World(tmp_path)
        world.file.write_text(text)
        assert not world.looks()
        assert not world.looks()
        ((message, _),) = told(lines)
        assert text not in message


def test_a_time_that_is_over(tmp_path: Path) -> None:
    """Nothing begins, and nothing is told."""
    with log_lines() as lines:
        world = World(tmp_path)
        world.file.write_text(NOON)
        assert not world.looks()
        assert told(lines) == []


@pytest.mark.virtual_time
async def test_it_ends_on_time(tmp_path: Path) -> None:
    """Not only when the file is next looked at; and when the proxy ends."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    file = tmp_path / "until"
    window = DebugWindow(file, now=lambda: EPOCH + loop.time() - begin)
    with log_lines():
        following = asyncio.create_task(window.follow())
        await asyncio.sleep(0.1)
        file.write_text("2026-11-30T12:00:12Z")
        await asyncio.sleep(POLL_SECONDS)
        assert DEBUG_LOG.isEnabledFor(logging.DEBUG)
        await asyncio.sleep(12.05 - POLL_SECONDS - 0.1)
        assert not DEBUG_LOG.isEnabledFor(logging.DEBUG)
        file.write_text("2026-11-30T12:30:00Z")
        await asyncio.sleep(POLL_SECONDS)
        assert DEBUG_LOG.isEnabledFor(logging.DEBUG)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert not DEBUG_LOG.isEnabledFor(logging.DEBUG)


@pytest.mark.virtual_time
async def test_lines_are_bounded(tmp_path: Path) -> None:
    """In a second; the next line says how many were left out."""
    window = DebugWindow(tmp_path / "until")
    with log_lines(logging.DEBUG) as lines:
        following = asyncio.create_task(window.follow())
        await asyncio.sleep(0)

        def write(second: int) -> None:
            record = logging.LogRecord("tenantproxy.debug", logging.DEBUG, __file__, 1, "x", (), None)
            record.created = EPOCH + second
            record.__dict__.update(fields(correlationId="c"))
            DEBUG_LOG.handle(record)

        for _ in range(MOST_LINES + 5):
            write(0)
        write(1)
        write(1)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        suppressed = [line.get("suppressed") for line in lines.of("tenantproxy.debug")]
    assert suppressed == [*[None] * MOST_LINES, 5, None]
