"""`make demo` as a newcomer runs it: the whole story, its failures, and nothing left behind."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yaml import safe_load_all

from support.tools.terminal import terminal

REPOSITORY = Path(__file__).parents[3]
PORTS = (8600, 8601, 8602, 8603, 8691, 8692)
PATIENCE = 60.0


class Demo:
    """A running demo, whose output is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""

    async def until(self, text: str) -> None:
        """Read until a line has `text` in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.output += line
                if text in line:
                    return
        raise AssertionError(f"the demo ended without {text!r}:\n{self.output}")

    async def ended(self) -> int:
        """Read to the end and return the exit status."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.output += (await self.process.stdout.read()).decode()
            return await self.process.wait()


@pytest.fixture
def offset() -> int:
    """Find an offset at which all ports of the demo are free."""
    # All below the ports that tests of `local` are given (support/operator/local.py).
    for candidate in range(1000 + os.getpid() % 5000, 11_000, 100):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in PORTS:
                stack.enter_context(socket.create_server(("127.0.0.1", port + candidate)))
            return candidate
    raise AssertionError("no free ports")


@contextlib.asynccontextmanager
async def _running(directory: Path, *arguments: str, repository: Path = REPOSITORY) -> AsyncIterator[Demo]:
    """Run the demo of a repository in `directory`, which is also where its temporary files go."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hack.demo", *arguments),
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(repository), "TMPDIR": str(directory)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        yield Demo(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


def _left_behind(directory: Path) -> list[str]:
    """Return the commands that still run of those that were started with this TMPDIR."""
    mark = f"TMPDIR={directory}".encode()
    commands = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                commands.append((entry / "cmdline").read_text())
    return commands


def _files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def _copied_demo(directory: Path) -> Path:
    """Return a copy of the demo and its examples, so that a test may break the examples."""
    for part in ("hack", "examples"):
        shutil.copytree(REPOSITORY / part, directory / "copy" / part)
    return directory / "copy"


def _secrets() -> list[str]:
    documents = [
        document
        for path in sorted((REPOSITORY / "examples").glob("*.yaml"))
        for document in safe_load_all(path.read_text())
    ]
    keys = ("password", "clientSecret", "poslogSharedKey", "poslogPassword")
    return [doc["stringData"][key] for doc in documents for key in keys if key in doc.get("stringData", {})]


async def test_the_whole_story_goes_as_it_must(tmp_path: Path, offset: int) -> None:
    """From any directory: every step is ticked, no secret and no token is shown, nothing is left behind."""
    async with _running(tmp_path, "--port-offset", str(offset)) as demo:
        assert await demo.ended() == 0
    steps = re.findall(r"^ ?\d+ \S.*$", demo.output, re.MULTILINE)
    assert len(steps) == 11
    assert len(re.findall(r"^ {3}✓ ", demo.output, re.MULTILINE)) == len(steps)
    assert "✗" not in demo.output
    assert "\x1b" not in demo.output
    assert re.findall(r"HTTP/1.1 (\d+)", demo.output) == (
        ["200", "200", "405", "404", "403", "401", "204", "502", "204", "200", "200"]
    )
    assert len(_secrets()) >= 2
    assert not [secret for secret in _secrets() if secret in demo.output]
    assert "eyJ" not in demo.output
    assert _left_behind(tmp_path) == []
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("TenantProxy:", signal.SIGINT),
        ("TenantProxy:", signal.SIGTERM),
        ("All of it runs", signal.SIGINT),
        ("No request noticed", signal.SIGTERM),
    ],
)
async def test_a_signal_leaves_nothing_behind(
    tmp_path: Path, offset: int, moment: str, number: signal.Signals
) -> None:
    """Whenever Ctrl-C or SIGTERM comes, all processes are stopped and the status says so."""
    async with _running(tmp_path, "--keep", "--port-offset", str(offset)) as demo:
        await demo.until(moment)
        demo.process.send_signal(number)
        demo.process.send_signal(number)
        assert await demo.ended() in (0, 128 + number)
    assert _left_behind(tmp_path) == []
    assert _files(tmp_path) == []


async def test_a_failed_step_ends_it_with_the_reason(tmp_path: Path, offset: int) -> None:
    """A step that goes wrong is crossed, says what was seen and where the logs are; the status is 1."""
    copy = _copied_demo(tmp_path)
    manifest = copy / "examples" / "acme.yaml"
    manifest.write_text(manifest.read_text().replace("/api/v1", "/api/v2"))
    async with _running(tmp_path, "--port-offset", str(offset), repository=copy) as demo:
        assert await demo.ended() == 1
    assert "✗ expected 200, but got 404" in demo.output
    logs = re.search(r"All logs are kept in (\S+)", demo.output)
    assert logs is not None
    assert any(name.endswith(".log") for name in _files(Path(logs[1])))
    assert _left_behind(tmp_path) == []


async def test_a_bad_example_is_explained(tmp_path: Path, offset: int) -> None:
    """Examples that the reader has broken give the message of `local`, not a traceback."""
    copy = _copied_demo(tmp_path)
    manifest = copy / "examples" / "globex.yaml"
    manifest.write_text(manifest.read_text().replace("upstream:", "upstream:\n    nope: 1"))
    async with _running(tmp_path, "--port-offset", str(offset), repository=copy) as demo:
        assert await demo.ended() == 1
    assert "spec.upstream.nope" in demo.output
    assert "Traceback" not in demo.output
    assert _left_behind(tmp_path) == []


async def test_it_can_be_left_running(tmp_path: Path, offset: int) -> None:
    """With --keep the printed commands work as pasted, until Ctrl-C, which is a success.

    At a terminal of 80 columns no line is longer, nor what is to be pasted.
    """
    command = (sys.executable, "-m", "hack.demo", "--keep", "--port-offset", str(offset))
    environ = {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)}
    async with terminal(*command, columns=80, environ=environ) as screen:
        await screen.until("Ctrl-C stops everything")
        _, _, invitation = "\n".join(screen.lines).partition("Everything is left running")
        read = invitation.partition("# Read an order:\n")[2].partition("\n\n")[0]
        shell = await asyncio.create_subprocess_exec("sh", "-c", read.replace("curl ", "curl -sS "), stdout=PIPE)
        answer, _ = await shell.communicate()
        assert b'"customerOrderId":"CO-1001"' in answer
        assert await screen.end(signal.SIGINT) == 0
        lines = screen.lines
    long = [line for line in lines if len(line) > 80]
    assert [line for line in long if str(tmp_path) not in line] == []  # of this test's own
    assert _left_behind(tmp_path) == []


async def test_a_taken_port_is_named_with_the_fix(tmp_path: Path, offset: int) -> None:
    """A port that is taken ends the demo before anything is started, and says how to move it to free ones."""
    with (
        socket.create_server(("127.0.0.1", 8602 + offset)),
        socket.create_server(("127.0.0.1", 8691 + offset + 100)),
    ):
        async with _running(tmp_path, "--port-offset", str(offset)) as demo:
            assert await demo.ended() == 1
    output = " ".join(demo.output.split())
    assert f"port {8602 + offset} can't be used (Address already in use)" in output
    assert f"ss -ltnp 'sport = :{8602 + offset}'" in output
    moved = re.search(r"make demo PORT_OFFSET=(\d+)", output)
    assert moved is not None
    assert int(moved[1]) >= offset + 200
    for port in PORTS:
        socket.create_server(("127.0.0.1", port + int(moved[1]))).close()
    assert _files(tmp_path) == []
