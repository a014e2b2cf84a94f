"""Runs a command at a terminal of its own, of a given size, and keeps what it writes there."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from support.waiting import PATIENCE

_ANEW: Final = re.compile(r"\x1b\[(2K|\d*A|H|\?1049[hl])")
"""The line is erased, the cursor goes up, or it is another screen."""
_CODE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A running command, and its terminal."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.written = ""
        """All that was written, with its escape codes."""
        self.grown = asyncio.Event()

    @property
    def lines(self) -> list[str]:
        """Every line that ever was, without escape codes; one that was erased, or drawn over, is another one."""
        return _CODE.sub("", _ANEW.sub("\n", self.written)).replace("\r", "").split("\n")

    async def until(self, text: str) -> None:
        """Wait until something was written."""
        async with asyncio.timeout(PATIENCE):
            while text not in "\n".join(self.lines):
                self.grown.clear()
                await self.grown.wait()

    async def end(self, number: int) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def terminal(
    *command: str | Path, columns: int, rows: int = 40, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Terminal]:
    """Run a command; kill it at the end, if it still runs."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        env={**inherited, "TERM": "xterm-256color", **(environ or {})},
    )
    os.close(its)
    found = Terminal(process)
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            data = os.read(ours, 65536)
        except OSError:  # nobody has the other end any more
            data = b""
        found.written += data.decode(errors="replace")
        found.grown.set()
        if not data:
            loop.remove_reader(ours)

    loop.add_reader(ours, read)
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        loop.remove_reader(ours)
        os.close(ours)
