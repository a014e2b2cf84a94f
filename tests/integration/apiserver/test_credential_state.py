"""What three replicas tell each other of their credential: on a real API server, before a real OMS."""

import asyncio
import base64
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from support.apiserver.client import ApiClient
from support.apiserver.server import ApiServer
from support.cluster.proxy_pods import SECRET_NAME, Pod, PodTenant
from support.proxy import tokens
from support.proxy.oms import ORDER_ANSWER, RawServer, Received, http
from support.waiting import eventually
from tenantproxy.credentials.stores.secret import NOTE

REPLICAS: Final = 3
CHANGES: Final = 20
SOON: Final = 2.0
"""Seconds until every replica uses a change: what is promised."""


def authorization(password: str) -> str:
    return "Basic " + base64.b64encode(f"user:{password}".encode()).decode()


class Account:
    """The OMS's one account; it counts wrong logins."""

    def __init__(self, oms: RawServer, *passwords: str) -> None:
        self.passwords = set(passwords)
        self.wrong = 0
        self.used: dict[str, set[str]] = {}
        """Which passwords came with which correlation id: the readers give each replica its own."""
        oms.play = self.check

    async def check(self, request: Received, writer: asyncio.StreamWriter) -> None:
        given = request.headers.get("authorization", "")
        right = next((each for each in self.passwords if given == authorization(each)), None)
        if right is None:
            self.wrong += 1
            writer.write(http(401))
            return
        self.used.setdefault(right, set()).add(request.headers["correlation-id"])
        writer.write(ORDER_ANSWER)

    async def is_used_by_all(self, password: str) -> None:
        await eventually(lambda: len(self.used.get(password, ())) == REPLICAS)


class Reading:
    """Reads from all replicas, several at a time, without an end."""

    def __init__(self, pods: list[Pod]) -> None:
        self.statuses: dict[str, int] = {}
        self.is_paused = False
        self._tasks = [asyncio.create_task(self._read(pod, f"pod-{index}")) for index, pod in enumerate(pods)]

    async def _read(self, pod: Pod, name: str) -> None:
        while True:
            answers = await asyncio.gather(*(pod.proxy.get(headers={"Correlation-Id": name}) for _ in range(3)))
            for answer in answers:
                code = answer.code or "ok"
                self.statuses[code] = self.statuses.get(code, 0) + 1
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def tenant(api_server: ApiServer, api: ApiClient, namespace: str, tmp_path: Path) -> PodTenant:
    tenant = PodTenant(api_server, api, namespace, tmp_path)
    await tenant.set_up()
    await tenant.set_password("first")
    return tenant


@contextlib.asynccontextmanager
async def replicas(tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Pod]]:
    async with contextlib.AsyncExitStack() as stack:
        pods = [
            await stack.enter_async_context(tenant.pod(oms.url, monkeypatch, name=f"pod-{index}"))
            for index in range(REPLICAS)
        ]
        yield pods


async def noted(tenant: PodTenant, state: str) -> dict[str, Any]:
    """Return what the replicas have noted of the credential, once that is so: the OMS has seen it before."""

    async def note() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await tenant.secret())["metadata"]["annotations"].get(NOTE, "{}"))
        return found

    return await eventually(note, lambda found: found.get("state") == state)


async def put(pod: Pod, password: str) -> None:
    body = {"type": "basic", "config": {"username": "user", "password": password}}
    answer = await pod.proxy.put(body, headers=tokens.admin())
    assert answer.status == 204, pod.log


async def test_a_wrong_credential_costs_one_login(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three replicas under load, one of which is restarted, and though the operator's admin looks at it."""
    account = Account(oms, "first")
    async with replicas(tenant, oms, monkeypatch) as pods:
        reading = Reading(pods)
        await account.is_used_by_all("first")
        assert account.wrong == 0
        known = await noted(tenant, "accepted")
        assert re.fullmatch("[0-9a-f]{4}", known["fingerprint"])
        version = (await tenant.secret())["metadata"]["resourceVersion"]
        await asyncio.sleep(1.0)
        assert (await tenant.secret())["metadata"]["resourceVersion"] == version, "nothing is written for reads"
        await tenant.set_password("MARKED-wrong")
        for pod in pods:
            await eventually(pod.proxy.get, lambda answer: answer.code == "upstream-rejected-credentials")
        await asyncio.sleep(3.0)
        assert account.wrong == 1
        known = await noted(tenant, "rejected")
        assert len(known["wrongLogins"]) == 1
        assert "MARKED" not in json.dumps((await tenant.secret())["metadata"])
        async with tenant.pod(oms.url, monkeypatch, name="pod-new") as new:
            answer = await new.proxy.get()
            assert answer.code == "upstream-rejected-credentials"
            assert 100 < int(answer.headers["Retry-After"]) <= 150
            assert await new.proxy.metric("tenantproxy_credentials_accepted") == 0
        assert account.wrong == 1, "a proxy that starts reads first what is known"
        account.passwords = {"right"}
        account.used.clear()
        await put(pods[0], "right")
        at = time.monotonic()
        await account.is_used_by_all("right")
        assert time.monotonic() - at < SOON
        assert account.wrong == 1
        await reading.end()
        assert {"MARKED" in pod.log for pod in pods} == {False}


# ---- rotation, by whoever may


async def by_put(tenant: PodTenant, pods: list[Pod], password: str) -> None:
    """Have an admin set it."""
    del tenant
    await put(pods[0], password)


def _manifest(tenant: PodTenant, password: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET_NAME, "namespace": tenant.namespace, "labels": {"by": "git"}},
            "stringData": {"username": "user", "password": password},
        }
    )


async def by_apply(tenant: PodTenant, pods: list[Pod], password: str) -> None:
    """Use `kubectl apply`, which merges on the client's side."""
    del pods
    await asyncio.to_thread(lambda: tenant.server.kubectl("apply", "-f", "-", stdin=_manifest(tenant, password)))


async def by_server_side_apply(tenant: PodTenant, pods: list[Pod], password: str) -> None:
    """Use `kubectl apply --server-side`."""
    del pods
    options = ("--server-side", "--force-conflicts", "--field-manager=argocd-controller")
    await asyncio.to_thread(
        lambda: tenant.server.kubectl("apply", *options, "-f", "-", stdin=_manifest(tenant, password))
    )


async def by_external_secrets(tenant: PodTenant, pods: list[Pod], password: str) -> None:
    """Do as External Secrets does: read, set its data and its own annotations, and update the whole object."""
    del pods
    while True:
        secret = await tenant.secret()
        secret["data"] = {
            key: base64.b64encode(value.encode()).decode()
            for key, value in {"username": "user", "password": password}.items()
        }
        annotations = secret["metadata"].setdefault("annotations", {})
        annotations["reconcile.external-secrets.io/data-hash"] = str(hash(password))
        path = f"{tenant.secret_path}?fieldManager=externalsecrets.external-secrets.io/acme"
        status, answer = await tenant.api.request("PUT", path, secret)
        if status != 409:
            assert status == 200, answer
            return


@pytest.mark.parametrize("change", [by_put, by_apply, by_server_side_apply, by_external_secrets])
async def test_a_rotation_with_overlap_fails_no_read(
    tenant: PodTenant,
    oms: RawServer,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[PodTenant, list[Pod], str], Awaitable[None]],
) -> None:
    """Twenty times, under load, where the OMS takes old and new: every replica uses the new one within 2 s."""
    account = Account(oms, "first", *(f"p{number}" for number in range(CHANGES)))
    async with replicas(tenant, oms, monkeypatch) as pods:
        reading = Reading(pods)
        await account.is_used_by_all("first")
        seconds = []
        for number in range(CHANGES):
            await change(tenant, pods, f"p{number}")
            at = time.monotonic()
            await account.is_used_by_all(f"p{number}")
            seconds.append(time.monotonic() - at)
        await reading.end()
        print(f"\n{change.__name__}: slowest {max(seconds) * 1000:.0f} ms, reads {reading.statuses}")  # noqa: T201
        assert reading.statuses.keys() == {"ok"}
        assert max(seconds) < SOON
        assert account.wrong == 0
        await noted(tenant, "accepted")


async def test_a_rotation_without_overlap_fails_what_is_in_flight(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The OMS takes only the new one from the moment of the change: what fails is counted, no pause follows."""
    account = Account(oms, "first")
    async with replicas(tenant, oms, monkeypatch) as pods:
        reading = Reading(pods)
        await account.is_used_by_all("first")
        account.passwords = {"second"}
        at = time.monotonic()
        await tenant.set_password("second")
        await account.is_used_by_all("second")
        seconds = time.monotonic() - at
        reading.statuses.clear()
        await asyncio.sleep(0.5)
        await reading.end()
        said = f"{account.wrong} wrong logins, all read again after {seconds * 1000:.0f} ms"
        print(f"\nwithout overlap: {said}")  # noqa: T201
        assert seconds < SOON
        assert account.wrong <= REPLICAS * 3, "what was in flight"
        assert reading.statuses.keys() == {"ok"}
