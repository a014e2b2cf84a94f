"""A Secret that exists, but that the operator may not read."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, plain, refusal
from support.apiserver.server import ApiServer
from support.operator.diagnoses import Engineer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, child_name
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = False  # a Secret is read in its own namespace


async def test_secret_that_can_not_be_read(
    run: Run,
    api_server: ApiServer,
    api: ApiClient,
    launch: Callable[..., OperatorProcess],
    engineer: Engineer,
    name: str,
    tmp_path: Path,
) -> None:
    """All else is done, the status says why the credential is not known, and it is tried again."""
    async with Between.running(api_server, tmp_path) as between:

        async def play(call: Call) -> web.Response | None:
            if call.method == "GET" and call.name == child_name(kinds.SECRET, name):
                return refusal(403, "Forbidden", "a policy says no")
            return None

        between.play = play
        operator = launch(url=between.url, ca=between.ca)
        await asyncio.to_thread(operator.start_ready)
        tenants = Tenants(api, run.namespaces[0], lambda: operator.log)
        await tenants.secret(name, username="u", password="p")
        await tenants.create(name)
        found = await tenants.condition(name, "CredentialsReady", status="Unknown", reason="SecretUnreadable")
        assert found["message"] == (
            f"Secret {child_name(kinds.SECRET, name)} can't be read: a policy says no; "
            "grant the operator permission (`tenantproxy-operator rbac`)"
        )
        await tenants.condition(name, "Accepted", status="True", reason="Accepted")
        assert "SecretUnreadable" in await engineer.names(tenants.namespace, name)
        assert (await tenants.children(name)).keys() == REQUIRED
        between.play = plain
        await tenants.condition(name, "CredentialsReady", status="True", reason="CredentialsSet")
        await asyncio.to_thread(operator.stop)
