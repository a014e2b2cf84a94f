"""Chromium without a window: what a page is after its scripts have run."""

import asyncio
from pathlib import Path
from typing import Final

_OPTIONS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
"""Nothing is asked of servers of its maker's."""
_BUDGET: Final = "--virtual-time-budget=10000"
"""Milliseconds of the page's own clock, which stands still while a request is under way."""


async def page(program: Path, url: str, profile: Path) -> str:
    """Return a page's document, as HTML; `profile` is a new folder."""
    return await _run(program, url, profile, "--dump-dom")


async def picture(program: Path, url: str, profile: Path, file: Path, *, size: str = "1200,2000") -> None:
    """Write a picture of a page, PNG; `size` in CSS pixels."""
    await _run(program, url, profile, f"--screenshot={file}", f"--window-size={size}")


async def _run(program: Path, url: str, profile: Path, *options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *_OPTIONS,
        _BUDGET,
        f"--user-data-dir={profile}",
        *options,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
