"""`tenantproxy-operator local` with a PosLog relay beside a tenant's proxy: real processes, and a real OMS."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import aiohttp

from support import commands
from support.operator.local import running_local, secret, tenant_proxy, write
from support.proxy.oms import RawServer, answering, http, raw_server
from support.proxy.relaying import SECRETS, event_of, login, signed
from support.waiting import PATIENCE, eventually

RELAY: Final[dict[str, Any]] = {
    "verification": {"sharedKey": True, "basic": True},
    "delivery": {"path": "/pos-events"},
}
LOGIN: Final = {"username": "acme", "password": "right"}


async def _send(url: str) -> int:
    event = event_of("pickup")
    headers = {"Content-Type": "application/json", **login(), **signed(event.body)}
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=event.body, headers=headers) as response,
    ):
        return response.status


def _paths(oms: RawServer) -> list[str]:
    """Return where events were brought to."""
    return [request.target for request in oms.received if request.method == "POST"]


async def test_the_life_of_a_relay(tmp_path: Path) -> None:
    """It takes events for its tenant, follows the manifest and the Secret's, and goes with `spec.poslog`."""
    async with raw_server(answering(http(204))) as oms:

        def manifests(*, keys: dict[str, str], **relay: Any) -> None:
            tenant = tenant_proxy(url=oms.url, poslog=RELAY | relay)
            write(tmp_path / "acme.yaml", tenant, secret(**LOGIN, **keys))

        manifests(keys={})
        async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
            warning = await local.event("warning")
            assert "lacks poslogSharedKey, poslogUsername, poslogPassword" in warning["message"]
            url = f"http://127.0.0.1:{local.port_base + 1000}/events"
            ready = [await local.event_of("ready", "relay-ready") for _ in range(2)]
            assert [event["events"] for event in ready] == [url, url]
            assert await _send(url) == 503
            assert _paths(oms) == []
            manifests(keys=SECRETS)

            async def sent() -> int:
                return await _send(url)

            await eventually(sent, lambda status: status == 204)
            assert _paths(oms) == ["/pos-events"]
            manifests(keys=SECRETS, delivery={"path": "/others"})
            await local.event("relay-reloaded", "acme")
            await eventually(lambda: len(local.children()), lambda count: count == 2)  # both took events
            assert await _send(url) == 204
            assert _paths(oms) == ["/pos-events", "/others"]
            (proxy,) = (pid for pid in local.children() if _is_proxy(pid))
            manifests(keys=SECRETS, enabled=False)
            await eventually(lambda: len(local.children()), lambda count: count == 1)
            assert local.children() == [proxy]


async def test_it_is_seen(tmp_path: Path) -> None:
    """`top --local` shows whether it is ready, and what comes of events."""
    state = tmp_path / "run" / "state"
    top = ("tenantproxy-operator", "top", "--local", "--state-dir", state, "--interval", "1")
    async with raw_server(answering(http(500))) as oms:
        keys = secret(**LOGIN, **SECRETS)
        write(tmp_path / "acme.yaml", tenant_proxy(url=oms.url, poslog=RELAY), keys)
        async with running_local(tmp_path, state=state) as local:
            ready = await local.event("relay-ready")
            running = asyncio.create_task(commands.run(*top, "--once", "--json", timeout=PATIENCE))
            while not running.done():  # so some lie between its looks
                assert await _send(ready["events"]) >= 500
                await asyncio.sleep(0.05)
            status, out, _ = await running
            (seen,) = json.loads(out)["tenants"]
            assert (status, seen["level"]) == (0, "failing")
            assert "events fail" in seen["troubles"]
            relay = seen["relay"]
            assert (relay["readyReplicas"], relay["replicas"], relay["failedShare"]) == (1, 1, 1.0)
            assert relay["eventsPerSecond"] > 0
            head, row = (await commands.run(*top))[1].splitlines()
            assert head.split()[-4:] == ["RELAY", "EVENTS/S", "FAILED", "TROUBLE"]
            assert row.split()[9] == "1/1"


def _is_proxy(pid: int) -> bool:
    return b"--poslog-secrets" not in Path(f"/proc/{pid}/cmdline").read_bytes()
