"""One proxy as a child process: started with inherited sockets, awaited until ready, stopped in bounded time."""

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from typing import Final, Self

STOP_SECONDS: Final = 15.0
"""How long a child may drain; a proxy takes 10 s at most."""

_PASSED_ON: Final = (
    *("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ"),
    *("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"),  # how this Python itself was found
    *("FORCE_COLOR", "NO_COLOR"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE"),  # a private CA of OMSs
)


_SPANS: Final = "OTEL_"
"""What the variables begin with that say where spans go to, and how."""


def minimal_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of `environ` a proxy needs: no secret, unless it is one for the collector of spans."""
    return {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith(_SPANS)}


class ProxyProcess:
    """A proxy process.

    It leads a session of its own, so that a terminal's Ctrl-C reaches only the supervisor; and its stdin is a
    pipe from the supervisor (the lifeline), so that it ends when the supervisor does, even by SIGKILL.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str], *, descriptors: Sequence[int], log: int | None = None) -> Self:
        """Start `command` with `descriptors` inherited; its stderr is `log`, else ours."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,
            # `log` leads to a terminal, which the child can't see.
            env=minimal_environment(os.environ) | ({} if log is None else {"FORCE_COLOR": "1"}),
        )
        return cls(process)

    @property
    def status(self) -> int | None:
        """The exit status (negative: the signal), None while it runs."""
        return self._process.returncode

    async def ready(self, within: float) -> bool:
        """Wait until the child says that it is ready; False if it ends or takes longer than `within` seconds."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), within)
        except TimeoutError:
            return False

    async def exited(self) -> None:
        """Wait until the child has ended."""
        await self._process.wait()

    async def stop(self, within: float = STOP_SECONDS) -> None:
        """Ask the child to drain, and kill it if it takes longer than `within` seconds."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), within)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        await self._reading

    def _signal(self, number: int) -> None:
        # Not Process.send_signal(): it polls, which takes the exit status away from asyncio's own watcher.
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _read(self) -> None:
        """Read stdout to its end, so that the child never blocks on it."""
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        async for line in self._process.stdout:
            if not self._ready.done() and _is_ready(line):
                self._ready.set_result(True)
        if not self._ready.done():
            self._ready.set_result(False)


def _is_ready(line: bytes) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and event.get("event") == "ready"
