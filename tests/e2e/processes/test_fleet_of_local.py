"""What `local` and `top --local` show of the tenants: whether reads can succeed, a first read, the table."""

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support import commands
from support.operator.local import PROGRAM, free_port_base, running_local, secret, tenant_proxy, write
from support.proxy.oms import RawServer, documented, http, raw_server
from support.tools.terminal import terminal
from support.waiting import PATIENCE

CONSOLE = (sys.executable, "-m", "tenantproxy")
PROBE = {"operations": {"getOrder": {"probe": {"businessUnitId": "BU-1", "customerOrderId": "CO-7"}}}}


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Serve orders as the documented contract has it."""
    async with raw_server(documented) as server:
        yield server


@contextlib.asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command; its output is read as it comes."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _until_table(process: asyncio.subprocess.Process) -> list[str]:
    """Return what a person reads up to the end of the table of one tenant."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not any(line.startswith("tenants/") for line in lines):
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended after {lines}"
            lines.append(line.rstrip("\n"))
    return lines


async def _shell(command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode == 0, err
    return out.decode()


def _command(lines: list[str]) -> str:
    return "\n".join(line for line in lines if line.startswith("  ")).replace("curl ", "curl -sS ")


async def test_in_a_pipe(tmp_path: Path, oms: RawServer) -> None:
    """The scrape targets, a first read that works as pasted, and the table once; no escape codes."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url, upstream=PROBE), secret("acme"))
    base, state = free_port_base(), tmp_path / "state"
    options = ("--port-base", str(base), "--state-dir", str(state))
    async with _running(*PROGRAM, "local", "-f", str(manifest), *options) as local:
        lines = await _until_table(local)
        assert "\x1b" not in "".join(lines)
        assert lines[0] == f"Scrape targets for Prometheus: 127.0.0.1:{base + 1}"
        assert lines[-1].split() == ["tenants/acme", f":{base}", "1/1", "untried", "closed", *"----"]
        assert '"customerOrderId":"CO-7"' in (await _shell(_command(lines))).replace(" ", "")


async def test_first_read_of_the_mock_needs_a_token(tmp_path: Path) -> None:
    """With the development issuer and OMS it is all there: the token, the ids."""
    oms_port, issuer_port = commands.free_ports(2)
    issuer = f"http://127.0.0.1:{issuer_port}/"
    issuers = tmp_path / "issuers.json"
    known = {"issuer": issuer, "audiences": ["https://hiiretail.com"], "jwksUri": f"{issuer}.well-known/jwks.json"}
    issuers.write_text(json.dumps([known | {"kind": "ocms"}]))
    proxy = tenant_proxy("acme", url=f"http://127.0.0.1:{oms_port}/api/v1", access={"mode": "jwt"})
    manifest = write(tmp_path / "acme.yaml", proxy, secret("acme"))
    mock = ("mock-oms", "--port", str(oms_port), "--basic", "acme:right")
    async with (
        _running(*CONSOLE, *mock) as oms,
        _running(*CONSOLE, "dev-issuer", "--port", str(issuer_port)) as idp,
    ):
        for process in (oms, idp):
            assert process.stdout is not None
            await process.stdout.readline()
        options = ("--port-base", str(free_port_base()), "--state-dir", str(tmp_path / "state"))
        async with _running(*PROGRAM, "local", "-f", str(manifest), "--issuers", str(issuers), *options) as local:
            command = _command(await _until_table(local))
            assert '"customerOrderId":"CO-1001"' in await _shell(command)


async def test_ready_only_where_reads_can_succeed(tmp_path: Path) -> None:
    """Without a credential, or an OMS, it says so; the event comes once more when nothing is missing any more."""
    (port,) = commands.free_ports(1)
    proxy = tenant_proxy("acme", url=f"http://127.0.0.1:{port}")
    manifest = write(tmp_path / "acme.yaml", proxy)
    async with running_local(manifest, state=tmp_path / "run" / "state") as local:
        ready = await local.event("ready")
        assert ready["problem"].startswith("no credential is set; add the Secret's manifest")
        write(
            manifest, tenant_proxy("acme", url=f"http://127.0.0.1:{port}", upstream={"retries": 0}), secret("acme")
        )
        reloaded = await local.event("reloaded")
        assert reloaded["problem"].startswith(f"the OMS at 127.0.0.1:{port} can't be reached (connect): ")
        async with _running(*CONSOLE, "mock-oms", "--port", str(port), "--basic", "acme:right"):
            assert "problem" not in await local.event("ready")


async def test_top(tmp_path: Path, oms: RawServer) -> None:
    """A snapshot in a pipe, and JSON for scripts; where no `local` runs, that is said."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    bare = write(tmp_path / "bare.yaml", tenant_proxy("bare", url=oms.url))
    state = tmp_path / "run" / "state"
    top = ("tenantproxy-operator", "top", "--local", "--state-dir", state, "--interval", "1")
    async with running_local(manifest, bare, state=state) as local:
        await local.event("ready")
        await local.event("ready")
        status, out, err = await commands.run(*top)
        assert (status, err) == (0, "")
        assert "\x1b" not in out
        head, worst, fine = out.splitlines()
        assert head.split()[:4] == ["TENANT", "API", "READY", "CREDENTIAL"]
        assert worst.startswith("tenants/bare")
        assert worst.endswith("no credential is set")
        assert fine.split()[:4] == ["tenants/acme", f":{local.port_base}", "1/1", "untried"]
        oms.play = lambda _request, writer: _write(writer, http(500, b"{}"))
        running = asyncio.create_task(commands.run(*top, "--once", "--json", timeout=PATIENCE))
        order = f"http://127.0.0.1:{local.port_base}/api/v1/business-units/B/customer-orders/C"
        async with aiohttp.ClientSession() as client:
            while not running.done():  # so some lie between its looks
                async with client.get(order) as response:
                    assert response.status >= 500
                await asyncio.sleep(0.05)
        status, out, err = await running
        (seen,) = [each for each in json.loads(out)["tenants"] if each["tenant"] == "acme"]
        assert (status, seen["errorShare"]) == (0, 1.0)
        assert "reads fail" in seen["troubles"]
        assert seen["readsPerSecond"] > 0
    status, out, err = await commands.run(*top)
    assert (status, out) == (1, "")
    assert "no `tenantproxy-operator local` runs with the state directory" in err


async def _write(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer)


async def test_at_a_terminal(tmp_path: Path, oms: RawServer) -> None:
    """The table stays below what is said, up to date, and no line of it is longer than 80 columns."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    base, state = free_port_base(), tmp_path / "state"
    options = ("--port-base", str(base), "--state-dir", str(state), "--log-level", "info")
    order = f"http://127.0.0.1:{base}/api/v1/business-units/BU-1/customer-orders/CO-1"
    async with terminal(*PROGRAM, "local", "-f", str(manifest), *options, columns=80) as screen:
        await screen.until(f"tenants/acme: ready at http://127.0.0.1:{base}")
        await screen.until("tenants/acme  ")
        assert '"customerOrderId"' in await _shell(f"curl -s {order}")
        await screen.until("accepted")
        assert any(re.fullmatch(r"\d\d:\d\d:\d\d\S* acme  GET getOrder.*200.*", line) for line in screen.lines)
        assert re.search(r"\x1b\[\S*m\d\d:\d\d:\d\d", screen.written)  # in colours
        assert await screen.end(signal.SIGINT) == 0
        await screen.until("stopped")
    table = [line for line in screen.lines if line.startswith(("TENANT", "tenants/acme  "))]
    assert max(map(len, table)) <= 80
    assert "\x1b[?25h" in screen.written  # the cursor is there again


async def test_top_at_a_terminal(tmp_path: Path, oms: RawServer) -> None:
    """It has the screen for itself, gives it back at the end, and leaves the last table."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    state = tmp_path / "run" / "state"
    async with running_local(manifest, state=state) as local:
        await local.event("ready")
        top = ("top", "--local", "--state-dir", str(state), "--interval", "1")
        async with terminal(*PROGRAM, *top, columns=80) as screen:
            await screen.until("1 tenants, 0 in trouble, the rates follow")
            await screen.until("over 1 s")
            assert await screen.end(signal.SIGINT) == 0
            await screen.until("tenants/acme")
        assert "\x1b[?1049h" in screen.written
        left = screen.written.partition("\x1b[?1049l")[2]
        assert "tenants/acme" in left
        assert max(map(len, screen.lines)) <= 80
