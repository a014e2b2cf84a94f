"""Runs `tenantproxy-operator local` as a script would: a real process, its events, its exit status."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.proxy.idp import ON_LOOPBACK
from support.waiting import PATIENCE, eventually

PROGRAM = (sys.executable, "-c", "from tenantproxy_operator.cli.main import main; main()")


def tenant_proxy(name: str = "acme", *, url: str = "http://127.0.0.1:9/api/v1", **spec: Any) -> dict[str, Any]:
    """Return a TenantProxy manifest that may call the loopback and asks for no tokens of readers."""
    upstream = {"url": url, "allowInsecure": True, "allowPrivateNetworks": True} | spec.pop("upstream", {})
    rest = {"access": {"mode": "trusted"}, **spec, "auth": ON_LOOPBACK | spec.get("auth", {})}
    return {
        "apiVersion": "proxy.hiiretail.com/v1alpha1",
        "kind": "TenantProxy",
        "metadata": {"name": name, "namespace": "tenants"},
        "spec": {"tenantId": f"T-{name}", "upstream": upstream, **rest},
    }


def secret(name: str = "acme", **data: str) -> dict[str, Any]:
    """Return the manifest of a tenant's Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{name}-credentials", "namespace": "tenants"},
        "stringData": data or {"username": name, "password": "right"},
    }


def write(path: Path, *documents: Mapping[str, Any]) -> Path:
    """Write manifests to a file, in one atomic replacement."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(yaml.safe_dump_all(documents))
    temporary.replace(path)
    return path


def free_port_base(tenants: int = 4) -> int:
    """Return a port with enough free ones behind it; each worker that runs tests has a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + worker % 4 * 3_000  # all below the ports that the kernel gives to clients
    for base in range(first + os.getpid() % 1_000, first + 3_000 - 2 * tenants, 2 * tenants):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + 2 * tenants):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return base
    raise AssertionError("no free ports")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something outside the test's process is so."""
    await eventually(holds)


class Local:
    """A running `local --json`."""

    def __init__(self, process: Process, port_base: int) -> None:
        self.process = process
        self.port_base = port_base
        self.events: list[dict[str, Any]] = []

    async def event(self, name: str, tenant: str | None = None) -> dict[str, Any]:
        """Wait for the next event of this name, of this tenant if one is given."""
        return await self.event_of(name, tenant=tenant)

    async def event_of(self, *names: str, tenant: str | None = None) -> dict[str, Any]:
        """Wait for the next event of any of these names, of this tenant if one is given."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := await self.process.stdout.readline():
                event = json.loads(line)
                self.events.append(event)
                if event["event"] in names and tenant in (None, event.get("tenant")):
                    assert isinstance(event, dict)
                    return event
        raise AssertionError(f"`local` ended without {names}: {self.events}")

    async def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end and return the exit status."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def children(self) -> list[int]:
        """Return the process ids of the proxies."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def proxy_of(self, tenant: str) -> int:
        """Return the process id of a tenant's proxy."""
        (pid,) = (
            pid for pid in self.children() if f"/{tenant}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        return pid


@contextlib.asynccontextmanager
async def running_local(
    *paths: Path, state: Path, options: tuple[str, ...] = (), port_base: int | None = None
) -> AsyncIterator[Local]:
    """Run `local --json` on these manifests; its stderr goes to the file `log` in the state directory's parent."""
    base = port_base or free_port_base()
    files = [part for path in paths for part in ("-f", str(path))]
    state.parent.mkdir(parents=True, exist_ok=True)
    with (state.parent / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("local", "--json", "--port-base", str(base), "--state-dir", str(state), *files, *options),
            stdout=PIPE,
            stderr=log,
        )
    local = Local(process, base)
    try:
        yield local
    finally:
        if process.returncode is None:
            await local.end(signal.SIGTERM)
        # Read to the end, so that the pipe's transport is closed before the loop is.
        assert process.stdout is not None
        await process.stdout.read()
