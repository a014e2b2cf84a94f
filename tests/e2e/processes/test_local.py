"""`tenantproxy-operator local` as users and scripts see it: real processes, real proxies."""

import asyncio
import contextlib
import datetime as dt
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.operator.local import (
    PROGRAM,
    free_port_base,
    running_local,
    secret,
    tenant_proxy,
    until,
    write,
)
from support.proxy.oms import RawServer, Received, documented, raw_server
from support.waiting import PATIENCE, eventually

ORDER = "/api/v1/business-units/BU-1/customer-orders/CO-1"


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Serve orders as the documented contract has it."""
    async with raw_server(documented) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client that never waits for ever."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        yield session


async def _status(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url) as response:
        await response.read()
        return response.status


async def _gone(pids: list[int]) -> None:
    await until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        # A zombie that its new parent has not reaped yet has ended.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _run(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_serves_each_tenant_at_its_ports(
    tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession
) -> None:
    """The ready events name the ports, in order of namespace/name, and orders are served there."""
    write(tmp_path / "b.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    write(tmp_path / "a.yaml", tenant_proxy("globex", url=oms.url), secret("globex"))
    async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
        acme, globex = await local.event("ready"), await local.event("ready")
        acme, globex = sorted((acme, globex), key=lambda event: str(event["tenant"]))
        assert acme == {
            "event": "ready",
            "tenant": "acme",
            "namespace": "tenants",
            "api": f"http://127.0.0.1:{local.port_base}",
            "admin": f"http://127.0.0.1:{local.port_base + 1}",
        }
        assert globex["api"] == f"http://127.0.0.1:{local.port_base + 2}"
        assert await _status(client, acme["api"] + ORDER) == 200
        assert await _status(client, globex["admin"] + "/readyz") == 200
        children = local.children()
        assert await local.end(signal.SIGINT) == 0
        await _gone(children)


async def test_changed_manifest_takes_over_without_losing_a_request(
    tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession
) -> None:
    """A changed manifest is served from the same ports, and no request fails meanwhile."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    async with running_local(manifest, state=tmp_path / "state") as local:
        ready = await local.event("ready")
        (before,) = local.children()
        statuses: list[int] = []

        async def load() -> None:
            while True:
                statuses.append(await _status(client, ready["api"] + ORDER))
                await asyncio.sleep(0.005)

        loading = asyncio.create_task(load())
        write(manifest, tenant_proxy("acme", url=oms.url, upstream={"timeout": "7s"}), secret("acme"))
        reloaded = await local.event("reloaded")
        await _gone([before])
        loading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loading
        assert {"api": reloaded["api"], "admin": reloaded["admin"]} == {
            "api": ready["api"],
            "admin": ready["admin"],
        }
        assert len(statuses) > 10
        assert set(statuses) == {200}


async def test_bad_change_harms_nobody(tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession) -> None:
    """A file that turns bad is reported and its last good content goes on; other files' changes still apply."""
    acme = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
        ready = await local.event("ready")
        acme.write_text("spec: [half-writ")
        write(tmp_path / "new.yaml", tenant_proxy("newcomer", url=oms.url), secret("newcomer"))
        invalid = await local.event("invalid")
        assert "acme.yaml" in invalid["problems"][0]
        newcomer = await local.event("ready", "newcomer")
        assert newcomer["api"] == f"http://127.0.0.1:{local.port_base + 2}"
        assert await _status(client, ready["api"] + ORDER) == 200
        write(acme, tenant_proxy("acme", url=oms.url, upstream={"retries": 0}), secret("acme"))
        await local.event("valid")
        await local.event("reloaded", "acme")


async def test_two_that_want_the_same(tmp_path: Path, oms: RawServer) -> None:
    """That is said once, at the start and when it begins; both tenants are served."""
    shared = tenant_proxy("b", url=oms.url, auth={"secretRef": {"name": "a-credentials"}})
    write(tmp_path / "tenants.yaml", tenant_proxy("a", url=oms.url), shared, secret("a"))
    async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
        first = await local.event("warning")
        assert "TenantProxies tenants/b and tenants/a are of different tenants" in first["message"]
        for _ in range(2):
            await local.event("ready")
        write(tmp_path / "another.yaml", tenant_proxy("c", url=oms.url, tenantId="T-a"))
        second = await local.event("warning")
        assert "TenantProxies tenants/c and tenants/a have the same spec.tenantId" in second["message"]
        await local.event("ready", "c")


async def test_minor_units(tmp_path: Path, oms: RawServer) -> None:
    """Amounts that look like cents are warned of, once for as long as they are taken as they are."""
    mapping: dict[str, Any] = {"getOrder": {"fields": {"minimumDownPaymentAmount": {"from": "/cents"}}}}
    path = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url, mapping=mapping))
    async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
        warning = await local.event("warning")
        assert warning["message"].startswith("tenants/acme: spec.mapping.getOrder.fields.minimumDownPayment")
        await local.event("ready")
        write(path, tenant_proxy("acme", url=oms.url, mapping=mapping, upstream={"retries": 0}))
        await local.event("reloaded")
        assert [event["event"] for event in local.events] == ["warning", "ready", "reloaded"]


async def test_removed_tenant_is_stopped(tmp_path: Path, oms: RawServer) -> None:
    """A tenant whose manifest is deleted is stopped, its ports are closed, and the others go on."""
    acme = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url))
    write(tmp_path / "globex.yaml", tenant_proxy("globex", url=oms.url))
    async with running_local(tmp_path, state=tmp_path / "run" / "state") as local:
        for _ in range(2):
            await local.event("ready")
        acme.unlink()
        await local.event("removed", "acme")
        assert len(local.children()) == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", local.port_base), timeout=1)
        write(acme, tenant_proxy("acme", url=oms.url))
        back = await local.event("ready", "acme")
        assert back["api"] == f"http://127.0.0.1:{local.port_base}"


async def test_killed_local_leaves_no_orphan(
    tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession
) -> None:
    """After SIGKILL of `local` its proxies end by themselves, and a new one can start while they still drain."""

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5)
        await documented(request, writer)

    oms.play = slow
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    async with running_local(manifest, state=tmp_path / "state") as local:
        ready = await local.event("ready")
        children = local.children()
        in_flight = asyncio.create_task(_status(client, ready["api"] + ORDER))
        await until(lambda: bool(oms.received))
        assert await local.end(signal.SIGKILL) == -signal.SIGKILL
        async with running_local(manifest, state=tmp_path / "state", port_base=local.port_base) as second:
            ready = await second.event("ready")
            assert await in_flight == 200
            await _gone(children)
            assert await _status(client, ready["api"] + ORDER) == 200


async def test_dead_proxy_is_restarted(tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession) -> None:
    """A proxy that dies is reported and started again at the same ports."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme"))
    async with running_local(manifest, state=tmp_path / "state") as local:
        await local.event("ready")
        (child,) = local.children()
        os.kill(child, signal.SIGKILL)
        exited = await local.event("exited")
        assert exited["status"] == -signal.SIGKILL
        ready = await local.event("ready")
        assert await _status(client, ready["api"] + ORDER) == 200


async def test_signals_during_the_start_end_it_cleanly(tmp_path: Path, oms: RawServer) -> None:
    """SIGTERM before the first proxy is ready, and a second one, still end everything with status 0."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url))
    async with running_local(manifest, state=tmp_path / "state") as local:
        await until(lambda: bool(local.children()))
        children = local.children()
        local.process.send_signal(signal.SIGTERM)
        assert await local.end(signal.SIGTERM) == 0
        await _gone(children)


async def test_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A port in use ends `local` with status 1 and a message with the port, the tenant and the option."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme"))
    base = free_port_base()
    with socket.create_server(("127.0.0.1", base + 1)):
        status, out, err = await _run(
            "local", "-f", str(manifest), "--port-base", str(base), "--state-dir", str(tmp_path / "state")
        )
    assert (status, out) == (1, "")
    assert f"127.0.0.1:{base + 1} for tenants/acme" in err
    # It names ports that are free, and they are.
    free = re.search(r"\(free: --port-base (\d+)\)", err)
    assert free is not None
    async with running_local(manifest, state=tmp_path / "state", port_base=int(free[1])) as local:
        await local.event("ready")


async def test_one_local_per_state_directory(tmp_path: Path) -> None:
    """A second `local` on the same state directory ends with status 1 and says what to do."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme"))
    state = tmp_path / "state"
    async with running_local(manifest, state=state) as local:
        await local.event("ready")
        status, _, err = await _run("local", "-f", str(manifest), "--state-dir", str(state))
    assert status == 1
    assert "another `local` uses" in err
    assert "--state-dir" in err


async def test_bad_manifest_at_the_start(tmp_path: Path) -> None:
    """Bad input ends `local` with status 2, every problem on stderr, and an event for scripts."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url="http://10.0.0.1", upstream={"tymeout": 1}))
    status, out, err = await _run("local", "-f", str(manifest), "--json", "--state-dir", str(tmp_path / "state"))
    assert status == 2
    assert "spec.upstream.tymeout: is unknown; did you mean `timeout`?" in err
    assert '"event": "invalid"' in out


def _password(request_headers: dict[str, str]) -> str:
    password: str = aiohttp.BasicAuth.decode(request_headers["authorization"]).password
    return password


async def test_secret_manifest_seeds_and_wins_when_it_changes(
    tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession
) -> None:
    """The manifest seeds the store; what is set later survives a restart; a changed manifest wins."""
    proxy = tenant_proxy("acme", url=oms.url)
    manifest = write(tmp_path / "acme.yaml", proxy, secret("acme", username="u", password="first"))
    state = tmp_path / "state"
    store = state / "tenants" / "acme" / "credentials"

    async def password(api: str) -> str:
        assert await _status(client, api + ORDER) == 200
        return _password(oms.received[-1].headers)

    async def becomes(api: str, wanted: str) -> None:
        await eventually(lambda: password(api), lambda found: found == wanted)

    async with running_local(manifest, state=state) as local:
        ready = await local.event("ready")
        assert await password(ready["api"]) == "first"
        _put(store, "by-the-tenant")
        await becomes(ready["api"], "by-the-tenant")
    async with running_local(manifest, state=state) as local:
        ready = await local.event("ready")
        assert await password(ready["api"]) == "by-the-tenant"
        write(manifest, proxy, secret("acme", username="u", password="second"))
        await local.event("credentials")
        await becomes(ready["api"], "second")
        _put(store, "by-the-tenant")
    write(manifest, proxy, secret("acme", username="u", password="third"))
    async with running_local(manifest, state=state) as local:
        ready = await local.event("ready")
        assert await password(ready["api"]) == "third"


def _put(store: Path, password: str) -> None:
    """Do to the store what the proxy does on a tenant's PUT."""
    from tenantproxy.credentials.stores.files import write_keys  # noqa: PLC0415 - only this helper reaches inside

    write_keys(store, {"type": "basic", "username": "u", "password": password})


async def test_nothing_secret_is_visible_from_outside(tmp_path: Path, oms: RawServer) -> None:
    """Neither the proxies' command line nor their environment holds a credential; the state is the user's own."""
    manifest = write(tmp_path / "acme.yaml", tenant_proxy("acme", url=oms.url), secret("acme", **_MARKED))
    async with running_local(manifest, state=tmp_path / "state") as local:
        await local.event("ready")
        (child,) = local.children()
        assert b"M4RKED" not in _visible(child)
        assert _readable_by_others(tmp_path / "state") == []
    assert b"M4RKED" not in (tmp_path / "log").read_bytes()
    assert not any("M4RKED" in str(event) for event in local.events)


def _visible(pid: int) -> bytes:
    """Return what any process of the machine may see of another one, and what its children inherit."""
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


def _readable_by_others(directory: Path) -> list[Path]:
    found = []
    for path in (directory, *directory.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # what is being replaced has another name for a moment
            if not path.is_symlink() and path.stat().st_mode & 0o077:
                found.append(path)
    return found


_MARKED: dict[str, str] = {"username": "u", "password": "M4RKED"}


async def test_debug_lines_while_an_annotation_says_so(
    tmp_path: Path, oms: RawServer, client: aiohttp.ClientSession
) -> None:
    """They begin and end without a restart; a bad time is a warning."""

    def annotated(until: str | None) -> None:
        manifest = tenant_proxy(url=oms.url)
        if until is not None:
            manifest["metadata"]["annotations"] = {"proxy.hiiretail.com/debug-until": until}
        write(manifests, manifest, secret())

    def log() -> str:
        return (tmp_path / "log").read_text()

    async def reads_show(expected: bool) -> None:  # noqa: FBT001
        async def shown() -> bool:
            before = len(log())
            assert await _status(client, api + ORDER) == 200
            return '"logger":"tenantproxy.debug"' in log()[before:]

        await eventually(shown, lambda found: found is expected, pause=0.2)

    manifests = tmp_path / "acme.yaml"
    annotated(None)
    async with running_local(manifests, state=tmp_path / "state") as local:
        api = (await local.event("ready"))["api"]
        (proxy,) = local.children()
        await reads_show(expected=False)
        annotated((dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        await reads_show(expected=True)
        assert '"path":"/business-units/{businessUnitId}/customer-orders/{customerOrderId}"' in log()
        annotated("soon")
        warning = await local.event("warning")
        assert "metadata.annotations[proxy.hiiretail.com/debug-until]: is no time such as" in warning["message"]
        await reads_show(expected=False)
        assert local.children() == [proxy]
