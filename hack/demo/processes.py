"""The processes of the demo: each with its logs in files, none of them left behind."""

import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, Self, TypeVar

_T = TypeVar("_T")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_SECONDS: Final = 20.0
"""A proxy drains for up to 10 s."""
_TAIL_LINES: Final = 12


class ProcessError(Exception):
    """A process did not start, or did not say what it should; the message is for the reader."""


class StoppedError(BaseException):
    """A signal asks for the end. Not an Exception: nothing but the end may handle it."""

    def __init__(self, signum: int, *, expected: bool) -> None:
        super().__init__(signum)
        self.signum = signum
        self.expected = expected


class Process:
    """A running process. What it writes goes to files, so that it never blocks on a reader."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], output: Path, log: Path) -> None:
        self.name = name
        self._process = process
        self._output = output
        self._log = log

    def wait_for_output(self, find: Callable[[str], _T | None], *, within: float) -> _T:
        """Wait until `find` finds something in the process's standard output, and return that.

        Raises:
            ProcessError: The process ended, or it took longer than `within` seconds.

        """
        deadline = time.monotonic() + within
        while True:
            status = self._process.poll()
            if (found := find(self._output.read_text())) is not None:
                return found
            if status is not None:
                raise ProcessError(f"{self.name} ended with status {status} before it was ready")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready within {within:.0f} s")
            time.sleep(0.02)

    def run(self, within: float) -> tuple[int, list[str]]:
        """Wait for the end of one that ends by itself; return its status, and the lines that it has written.

        Raises:
            ProcessError: It took longer than `within` seconds.

        """
        try:
            status = self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.name} did not end within {within:.0f} s") from None
        return status, [*self._output.read_text().splitlines(), *self.tail()]

    def tail(self) -> list[str]:
        """Return the last lines of its log."""
        return self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]

    def terminate(self) -> None:
        """Send SIGTERM."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def wait(self, within: float) -> None:
        """Wait for the end, and force it after `within` seconds."""
        try:
            self._process.wait(max(within, 0))
        except subprocess.TimeoutExpired:
            # It leads a process group of its own.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Processes:
    """Starts processes, and stops all of them when its context ends."""

    def __init__(self, directory: Path) -> None:
        self.started: Final[list[Process]] = []
        self._directory = directory
        self._starting = False
        self._waiting = False
        self._ending = False
        self._pending: int | None = None

    def __enter__(self) -> Self:
        for signum in _SIGNALS:
            signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        for process in reversed(self.started):
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self.started:
            process.wait(deadline - time.monotonic())

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """Start one of the product's commands."""
        program = str(Path(sysconfig.get_path("scripts"), command[0]))
        name = " ".join(command[:2])
        output, log = (self._directory / f"{name.replace(' ', '-')}.{kind}" for kind in ("out", "log"))
        self._starting = True
        try:
            with output.open("wb") as stdout, log.open("wb") as stderr:
                process = subprocess.Popen(
                    [program, *command[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    env={**os.environ, **(env or {})},
                    # A terminal's Ctrl-C is for us: we stop them in order.
                    start_new_session=True,
                )
            self.started.append(Process(name, process, output, log))
        finally:
            self._starting = False
        if self._pending is not None:
            raise StoppedError(self._pending, expected=False)
        return self.started[-1]

    def wait_for_signal(self) -> NoReturn:
        """Leave everything running until a signal comes: this is the expected way to end.

        Raises:
            StoppedError: It came.

        """
        self._waiting = True
        while True:
            signal.pause()

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        # The end is bounded: an impatient second Ctrl-C must not leave half of them running.
        if self._ending:
            return
        # Raised between a process's start and its place in the list, it would make an orphan.
        if self._starting:
            self._pending = signum
            return
        self._ending = True
        raise StoppedError(signum, expected=self._waiting)
