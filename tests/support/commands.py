"""Runs the project's commands as their users do: as processes of their own."""

import asyncio
import atexit
import contextlib
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp

from hack.compiled import proxy
from support.tools.daemons import port_of, reserve_port
from support.waiting import PATIENCE

BIN = Path(sys.executable).parent
_RESERVED: Final = contextlib.ExitStack()
atexit.register(_RESERVED.close)


def free_ports(count: int) -> list[int]:
    """Return ports for servers that are to be started, no two alike; they stay reserved until the tests end."""
    return [port_of(_RESERVED.enter_context(reserve_port())) for _ in range(count)]


async def run(
    *command: str | Path,
    stdin: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float = 20,  # noqa: ASYNC109 - the command's
) -> tuple[int, str, str]:
    """Run a command of the project to its end; return its exit status, standard output and standard error.

    `environ` is what its environment has besides ours.
    """
    process = await asyncio.create_subprocess_exec(
        BIN / command[0],
        *command[1:],
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environ or {})},
    )
    async with asyncio.timeout(timeout):
        out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class ServeProcess:
    """A `tenantproxy serve` of its own."""

    def __init__(self, process: asyncio.subprocess.Process, api: int, admin: int, log: Path) -> None:
        self.process = process
        self.api_port = api
        self.admin_port = admin
        self.api = f"http://127.0.0.1:{api}"
        self.admin = f"http://127.0.0.1:{admin}"
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def ready(self) -> None:
        """Wait until it is ready."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.admin}/readyz") as response:
                        if response.status == 200:
                            return
                assert self.process.returncode is None, self.log
                await asyncio.sleep(0.02)

    async def ended(self) -> int:
        """Wait for its end; return its exit status."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def serve(
    directory: Path,
    config: dict[str, Any],
    *options: str,
    command: Sequence[str] = ("serve",),
    stdin: int | None = None,
    descriptors: tuple[int, int] | None = None,
) -> AsyncIterator[ServeProcess]:
    """Run `tenantproxy serve` on `directory`/config.json and `directory`/credentials; wait until it is ready.

    Another `command` is that of a relay. `descriptors` are the soft and the hard limit of its file descriptors, if
    not ours.
    """
    path = directory / "config.json"
    path.write_text(json.dumps(config))
    api, admin = free_ports(2)
    log = directory / "log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *proxy(),
            *command,
            *("--config", path, "--credentials", directory / "credentials"),
            *("--api", f"127.0.0.1:{api}", "--admin", f"127.0.0.1:{admin}"),
            *options,
            stdin=stdin if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=descriptors and partial(resource.setrlimit, resource.RLIMIT_NOFILE, descriptors),
        )
    running = ServeProcess(process, api, admin, log)
    try:
        await running.ready()
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
