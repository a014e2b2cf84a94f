"""Keeping one proxy running, with real processes that play the proxy."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.ports import Ports
from tenantproxy_operator.local.process import ProxyProcess, minimal_environment
from tenantproxy_operator.local.reads import Obstacle
from tenantproxy_operator.local.runner import ProxyRunner, WhyReadsFail
from tenantproxy_operator.local.state import TenantState

# Ready at once, unless its configuration says otherwise; ends on SIGTERM and when stdin does.
_PLAYER = """
import os, signal, sys
config = open(sys.argv[sys.argv.index("--config") + 1]).read()
if config == "bad":
    sys.exit(2)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("not json")
print('{"event": "ready"}', flush=True)
sys.stdin.read()
"""
_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('{"event": "ready"}', flush=True)
time.sleep(60)
"""
_PATIENCE = 15
NO_OMS = Obstacle("connect", "no OMS")


class _Run:
    def __init__(self, runner: ProxyRunner, events: asyncio.Queue[dict[str, Any]], state: TenantState) -> None:
        self.runner = runner
        self.events = events
        self.state = state

    async def event(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.events.get(), _PATIENCE)

    def pid(self) -> int:
        assert self.runner._serving is not None
        return self.runner._serving._process.pid


async def _nothing(_config: bytes) -> Obstacle | None:
    return None


@contextlib.asynccontextmanager
async def _keeping(
    directory: Path, config: bytes = b"good", why_reads_fail: WhyReadsFail = _nothing
) -> AsyncIterator[_Run]:
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    ports = Ports(socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0)))
    state = TenantState(directory, "tenants", "acme")
    runner = ProxyRunner(
        Key("tenants", "acme"),
        config=config,
        state=state,
        ports=ports,
        log_level="info",
        log_format="json",
        inherited=(),
        emit=lambda event, **fields: events.put_nowait({"event": event, **fields}),
        why_reads_fail=why_reads_fail,
        program=(sys.executable, "-c", _PLAYER),
    )
    task = asyncio.create_task(runner.run())
    try:
        yield _Run(runner, events, state)
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ports.api.fileno() == -1


async def test_what_stands_in_the_way_of_reads(tmp_path: Path) -> None:
    """It is said with the event, and the event comes once more when it is gone; then nobody looks any more."""
    answers = [NO_OMS, NO_OMS, None, Obstacle("connect", "never asked for")]

    async def why(_config: bytes) -> Obstacle | None:
        return answers.pop(0)

    async with _keeping(tmp_path, why_reads_fail=why) as run:
        ready = await run.event()
        assert (ready["event"], ready["problem"]) == ("ready", "no OMS")
        since = run.runner.obstacle_since
        assert run.runner.started_at < since < time.time()
        await run.runner.check()
        assert (run.runner.obstacle, run.events.empty()) == (NO_OMS, True)
        assert run.runner.obstacle_since == since
        await run.runner.check()
        assert await run.event() == {name: value for name, value in ready.items() if name != "problem"}
        await run.runner.check()
        assert len(answers) == 1


async def test_ready_and_stopped(tmp_path: Path) -> None:
    """A proxy is reported when it is ready, and is gone after the end."""
    async with _keeping(tmp_path) as run:
        ready = await run.event()
        assert (ready["event"], ready["tenant"], ready["namespace"]) == ("ready", "acme", "tenants")
        pid = run.pid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_handover(tmp_path: Path) -> None:
    """A changed configuration is served by a new process; the old one goes when the new one is ready."""
    async with _keeping(tmp_path) as run:
        await run.event()
        old = run.pid()
        run.runner.update(b"good")
        run.runner.update(b"better")
        assert (await run.event())["event"] == "reloaded"
        assert run.pid() != old
        assert run.state.config.read_bytes() == b"better"


async def test_rejected_change(tmp_path: Path) -> None:
    """Where the new process does not start, the old one goes on, also after it died and was restarted."""
    async with _keeping(tmp_path) as run:
        await run.event()
        old = run.pid()
        run.runner.update(b"bad")
        rejected = await run.event()
        assert (rejected["event"], rejected["status"]) == ("rejected", 2)
        assert run.pid() == old
        os.kill(old, signal.SIGKILL)
        assert [(await run.event())["event"], (await run.event())["event"]] == ["exited", "ready"]
        assert run.state.config.read_bytes() == b"good"
        run.runner.update(b"better")
        assert (await run.event())["event"] == "reloaded"


async def test_restarts_ever_more_slowly(tmp_path: Path) -> None:
    """A proxy that does not start is tried again with growing delays, and at once after a change."""
    async with _keeping(tmp_path, b"bad") as run:
        first, second = await run.event(), await run.event()
        assert (first["event"], first["status"], first["retryInSeconds"]) == ("exited", 2, 0.5)
        assert second["retryInSeconds"] == 1.0
        assert run.runner.attempted.is_set()
        assert not run.runner.serves
        run.runner.update(b"good")
        assert (await run.event())["event"] == "ready"


async def test_state_that_can_not_be_written(tmp_path: Path) -> None:
    """A full disk or the like is reported, before and after a start, and never ends the runner."""
    (tmp_path / "tenants").touch()
    async with _keeping(tmp_path) as run:
        assert "retrying in 0.5 s" in (await run.event())["message"]
        (tmp_path / "tenants").unlink()
        assert (await run.event())["event"] == "ready"
        (tmp_path / "tenants").rename(tmp_path / "away")
        (tmp_path / "tenants").touch()
        run.runner.update(b"better")
        assert "the previous one keeps running" in (await run.event())["message"]
        assert run.runner.serves


async def test_child_that_will_not_stop_is_killed() -> None:
    """Stopping takes bounded time."""
    child = await ProxyProcess.start((sys.executable, "-c", _DEAF), descriptors=())
    assert await child.ready(_PATIENCE)
    await child.stop(within=0.1)
    assert child.status == -signal.SIGKILL


async def test_child_that_never_gets_ready() -> None:
    """Waiting for a child is bounded, too."""
    child = await ProxyProcess.start((sys.executable, "-c", "import time; time.sleep(60)"), descriptors=())
    assert not await child.ready(0.1)
    await child.stop()
    assert child.status == -signal.SIGTERM


def test_environment_is_minimal() -> None:
    """Nothing is passed on that could hold a secret."""
    kept = {"PATH": "/bin", "LANG": "C", "FORCE_COLOR": "1"}
    given = kept | {"HTTPS_PROXY": "http://u:M4RKED@p", "AWS_SECRET_ACCESS_KEY": "M4RKED"}
    assert minimal_environment(given) == kept


def test_what_says_where_spans_go_to() -> None:
    """OpenTelemetry's variables reach the proxies, with the credential of a collector."""
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://col:4318", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=x"}
    assert minimal_environment(given | {"HOTEL_": "x"}) == given
