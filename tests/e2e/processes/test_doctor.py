"""`tenantproxy-operator doctor --local` beside a running `local`: real proxies, a real OMS, the real command."""

import asyncio
import json
import os
import signal
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import yaml

from support import commands
from support.operator.local import Local, running_local, secret, tenant_proxy, write
from support.proxy import tokens
from support.proxy.oms import RawServer, answering, documented, http, raw_server
from support.waiting import PATIENCE
from tenantproxy_operator.doctor.finding import seconds
from tenantproxy_operator.local.fleet import read_running

ORDER = "/api/v1/business-units/BU-1/customer-orders/CO-1"
NAMES = ("down", "empty", "failing", "locked", "well")


class Scene(NamedTuple):
    """Five tenants, and the OMSs of three."""

    local: Local
    state: Path
    token: Path
    locked: RawServer
    well: RawServer
    began: int
    """Unix seconds."""

    async def doctor(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command."""
        where = ("--local", "--state-dir", str(self.state))
        return await commands.run("tenantproxy-operator", "doctor", *arguments, *where, timeout=PATIENCE)

    async def findings(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Return the exit status, and what it says to programs."""
        status, out, err = await self.doctor(*arguments, "--json")
        assert err == ""
        return status, dict(json.loads(out))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Run all of it, and read once of each tenant."""
    issuers = tmp_path / "issuers.yaml"
    issuers.write_text(yaml.safe_dump(tokens.issuers(jwks=tokens.jwks())))
    token = tmp_path / "token"
    access = {"mode": "trusted", "admins": {"emails": [tokens.ADMIN_EMAIL]}}
    async with AsyncExitStack() as stack:
        locked, failing, well = [
            await stack.enter_async_context(raw_server(play))
            for play in (answering(http(401)), answering(http(500)), documented)
        ]
        urls = {"locked": locked.url, "failing": failing.url, "well": well.url}
        folder = tmp_path / "manifests"
        folder.mkdir()
        documents: list[Mapping[str, Any]] = [
            tenant_proxy(name, access=access, **({"url": urls[name]} if name in urls else {})) for name in NAMES
        ]
        write(folder / "all.yaml", *documents, *(secret(name) for name in NAMES if name != "empty"))
        state, began = tmp_path / "run" / "state", int(time.time())
        options = ("--issuers", str(issuers))
        local = await stack.enter_async_context(running_local(folder, state=state, options=options))
        apis = {}
        for _ in NAMES:
            ready = await local.event("ready")
            apis[ready["tenant"]] = ready["api"]
        client = await stack.enter_async_context(aiohttp.ClientSession())
        for name in NAMES:
            async with client.get(apis[name] + ORDER) as response:
                assert (response.status == 200) == (name == "well")
        token.write_text(tokens.user_token("T-well", email=tokens.ADMIN_EMAIL))
        yield Scene(local, state, token, locked, well, began)


async def test_what_is_wrong(scene: Scene, tmp_path: Path) -> None:
    """The worst comes first; each tenant's trouble is named at the first try, and the one that is well is not."""
    bundle = tmp_path / "ticket.tar.gz"
    # At once, as each looks twice within two seconds.
    (status, out, err), nobody, (code, document) = await asyncio.gather(
        scene.doctor("--bundle", str(bundle)), scene.doctor("nobody"), scene.findings()
    )
    assert (status, err, code) == (1, "", 1)
    assert nobody[2] == "error: there is no TenantProxy nobody in this `local`\n"
    assert out.startswith("DOWN  tenants/down  connect\n  the OMS at ")
    assert "\nDOWN  tenants/empty  credentials-not-configured\n" in out
    assert "\nDOWN  tenants/locked  upstream-rejected-credentials\n" in out
    wrong = [each for each in document["findings"] if each["severity"] != "note"]
    named = {(each["subject"], each["id"]) for each in wrong}
    assert named == {
        ("tenants/down", "connect"),
        ("tenants/empty", "credentials-not-configured"),
        ("tenants/failing", "upstream-error"),
        ("tenants/locked", "upstream-rejected-credentials"),
    }
    (rejected,) = (each for each in wrong if each["subject"] == "tenants/locked")
    assert rejected["since"].startswith("20")
    assert {each["name"]: each["ready"] for each in document["tenants"]} == dict.fromkeys(NAMES, 1)
    with tarfile.open(bundle) as archive:
        held = {member.name: archive.extractfile(member) for member in archive}
        texts = {name: file.read().decode() for name, file in held.items() if file is not None}
    assert texts["doctor.txt"] == out
    assert "tenantproxy_credentials_accepted" in texts["tenants/tenants/well/metrics/well.txt"]
    assert not any("right" in text for text in texts.values())
    await check_trials(scene)
    await check_states(scene)


async def check_trials(scene: Scene) -> None:
    """See that a trial is one login, and that none is made where it could lock an account."""
    before = len(scene.well.received)
    status, document = await scene.findings("well", "--token-file", str(scene.token))
    assert (status, document["findings"]) == (0, [])
    assert document["tenants"][0]["credential"].startswith("the credential was tried just now: accepted")
    assert len(scene.well.received) == before + 1

    before = len(scene.locked.received)
    scene.token.write_text(tokens.user_token("T-locked", email=tokens.ADMIN_EMAIL))
    status, document = await scene.findings("locked", "--token-file", str(scene.token))
    assert status == 1
    assert "another wrong login could lock the account" in document["tenants"][0]["credential"]
    assert len(scene.locked.received) == before


async def check_states(scene: Scene) -> None:
    """See that a proxy that hangs is named, a credential that nobody has tried, and since when things are so."""
    apis = {each.name: each.api for each in read_running(scene.state)}
    async with aiohttp.ClientSession() as client:
        headers = tokens.bearer(tokens.user_token("T-empty", email=tokens.ADMIN_EMAIL))
        body = {"type": "basic", "config": {"username": "u", "password": "p"}}
        url = f"{apis['empty']}/api/v1/proxy-config"
        async with client.put(url, json=body, headers=headers) as response:
            assert response.status == 204
    locked = scene.local.proxy_of("locked")
    os.kill(locked, signal.SIGSTOP)
    try:
        _, document = await scene.findings()
    finally:
        os.kill(locked, signal.SIGCONT)
    told = {(each["subject"], each["id"]): each for each in document["findings"]}
    assert ("tenants/locked", "not-serving") in told
    assert ("tenants/empty", "untried") in told
    for name, trouble in (("down", "connect"), ("failing", "upstream-error")):
        since = told[f"tenants/{name}", trouble]["since"]
        assert scene.began <= (seconds(since) or 0) <= time.time()


async def test_bad_input(tmp_path: Path) -> None:
    """What can't be looked at is told, with an exit status of its own."""
    where = ("--local", "--state-dir", str(tmp_path / "nowhere"))
    for options, said in (
        ([], "no `tenantproxy-operator local` runs"),
        (["--namespace=a"], "--local looks at this machine"),
        (["--bundle=x.rar"], "end its name in .tar.gz"),
        (["--token-file", "/dev/null"], "name that one"),
        (["well", "--token-file", "/dev/null"], "holds no access token"),
    ):
        status, out, err = await commands.run("tenantproxy-operator", "doctor", *options, *where)
        assert (status, out) == (2, "")
        assert said in err


async def test_since_when(scene: Scene) -> None:
    """A circuit has been open since it opened, by what the proxy has noted; the ticket has that, too."""
    (failing,) = (each for each in read_running(scene.state) if each.name == "failing")
    began = int(time.time())
    async with aiohttp.ClientSession() as client:
        for _ in range(25):
            await (await client.get(failing.api + ORDER)).read()
    (_, document), _ = await asyncio.gather(
        scene.findings("failing"), scene.doctor("failing", "--bundle", str(scene.state / "ticket.zip"))
    )
    since = {each["id"]: each.get("since") for each in document["findings"]}
    assert began <= (seconds(since["circuit-open"]) or 0) <= time.time()
    with zipfile.ZipFile(scene.state / "ticket.zip") as archive:
        assert b"circuit-open" in archive.read("tenants/tenants/failing/logs/failing.log")
