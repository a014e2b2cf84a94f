"""The API server that tests are given does what they rely on."""

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.apiserver.audit import read, writes
from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.server import ADMIN, ApiServer, service_account
from support.certificates import HERE, Authority
from support.proxy.tls_server import mute_server
from support.waiting import PATIENCE, eventually


def core(namespace: str, resource: str) -> str:
    return f"/api/v1/namespaces/{namespace}/{resource}"


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


async def until(api: ApiClient, path: str, status: int, token: str | None = None) -> None:
    """Ask until this is the answer's status."""
    await eventually(lambda: api.request("GET", path, token=token), lambda found: found[0] == status)


async def test_audit_shows_who_used_which_rule(api_server: ApiServer, api: ApiClient, namespace: str) -> None:
    """A service account's requests are all there, with what allowed them; refused writes are not writes."""
    await api.request("POST", core(namespace, "serviceaccounts"), named("robot"))
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "list", "watch"]},
        {"apiGroups": ["proxy.hiiretail.com"], "resources": ["tenantproxies/status"], "verbs": ["patch"]},
    ]
    await api.request("POST", f"{roles}/roles", named("writer", rules=rules))
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": namespace}],
    }
    token = await api.token(namespace, "robot")
    mark = api_server.audit_mark()

    assert (await api.request("GET", core(namespace, "configmaps"), token=token))[0] == 403
    await api.request("POST", f"{roles}/rolebindings", named("writer", **binding))
    await until(api, core(namespace, "configmaps"), 200, token)  # the authorizer learns of a binding by a watch
    await api.request("GET", f"{core(namespace, 'configmaps')}?watch=true&timeoutSeconds=1", token=token)
    assert (await api.request("POST", core(namespace, "configmaps"), named("one"), token=token))[0] == 201
    assert (await api.request("POST", core(namespace, "secrets"), named("two"), token=token))[0] == 403
    status_of_one = f"/apis/proxy.hiiretail.com/v1alpha1/namespaces/{namespace}/tenantproxies/one/status"
    change = {"status": {"replicas": 1}}
    assert (await api.request("PATCH", status_of_one, change, content_type=MERGE_PATCH, token=token))[0] == 404

    robot = service_account(namespace, "robot")
    entries = api_server.audit(mark)
    mine = [entry for entry in entries if entry.user == robot]
    assert mine[0].code == 403
    allowed = [entry for entry in mine if entry.code != 403]
    assert [
        (entry.verb, entry.group, entry.resource, entry.code) for entry in allowed if entry.verb != "list"
    ] == [
        ("watch", "", "configmaps", 200),
        ("create", "", "configmaps", 201),
        ("patch", "proxy.hiiretail.com", "tenantproxies/status", 404),
    ]
    assert all('of Role "writer"' in entry.reason for entry in allowed)
    (write,) = writes(entries, robot)
    assert (write.namespace, write.name, write.resource) == (namespace, "one", "configmaps")
    assert [entry.resource for entry in writes(entries, ADMIN)] == ["rolebindings"]


async def test_audit_has_what_was_answered(api_server: ApiServer, api: ApiClient, namespace: str) -> None:
    """The log is complete at once: an answer's end is sent after its entry was written, also of a long answer."""
    path = core(namespace, "configmaps")
    mark = api_server.audit_mark()
    data = {"data": {"key": "x" * 20_000}}
    await asyncio.gather(*(api.request("POST", path, named(f"n{number}", **data)) for number in range(40)))
    assert {entry.name for entry in writes(api_server.audit(mark), ADMIN)} == {
        f"n{number}" for number in range(40)
    }
    for _ in range(20):
        mark = api_server.audit_mark()
        await api.request("GET", path)
        assert [entry.verb for entry in api_server.audit(mark) if entry.namespace == namespace] == ["list"]


@pytest.mark.parametrize("begun", range(3))
def test_audit_of_a_log_that_grows(tmp_path: Path, begun: int) -> None:
    """A mark, and what is read, may end within a line: the one had begun before, the other has not ended yet."""
    lines = [
        json.dumps(
            {
                "auditID": verb,
                "verb": verb,
                "user": {},
                "responseStatus": {"code": 200},
                "requestReceivedTimestamp": "2026-01-02T03:04:05Z",
                "requestURI": "/",
            }
        )
        + "\n"
        for verb in ("get", "list", "patch")
    ]
    log = tmp_path / "audit.log"
    log.write_text(lines[0] + lines[1][: begun * 20])
    mark = log.stat().st_size
    log.write_text("".join(lines)[:-20])
    assert [entry.verb for entry in read(log, mark)] == ([] if begun else ["list"])
    log.write_text("".join(lines))
    assert [entry.verb for entry in read(log, mark)] == (["patch"] if begun else ["list", "patch"])
    assert [entry.verb for entry in read(log)] == ["get", "list", "patch"]


async def test_same_server_after_a_stop(api_server: ApiServer, api: ApiClient, namespace: str) -> None:
    """While it is down nobody answers at its address; then it has its data and knows its tokens."""
    await api.request("POST", core(namespace, "serviceaccounts"), named("robot"))
    token = await api.token(namespace, "robot")
    mark = api_server.audit_mark()
    with api_server.down(), pytest.raises(aiohttp.ClientConnectorError):
        await api.request("GET", "/version")
    status, _ = await api.request("GET", core(namespace, "serviceaccounts/robot"))
    assert status == 200
    status, _ = await api.request("GET", core(namespace, "serviceaccounts/robot"), token=token)
    assert status == 403
    assert [entry.code for entry in api_server.audit(mark) if entry.namespace == namespace] == [200, 403]


async def test_controllers_collect_garbage(api_server: ApiServer, api: ApiClient, namespace: str) -> None:
    """What the real controllers do is there for tests to see: owned objects and namespaces go."""
    _, owner = await api.request("POST", core(namespace, "configmaps"), named("owner"))
    references = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]
    child = {"metadata": {"name": "child", "ownerReferences": references}}
    await api.request("POST", core(namespace, "configmaps"), child)
    async with api_server.controllers("garbage-collector-controller", "namespace-controller"):
        await api.request("DELETE", core(namespace, "configmaps/owner"))
        await until(api, core(namespace, "configmaps/child"), 404)
        await api.request("DELETE", f"/api/v1/namespaces/{namespace}")
        await until(api, f"/api/v1/namespaces/{namespace}", 404)


async def test_no_connection_outlives_its_client() -> None:
    """Not even that of a watch that is given up, where the API server neither sends nor reads any more."""
    authority = Authority()
    trusting = ssl.create_default_context(cadata=authority.pem)
    async with (
        mute_server(authority.issue(*HERE)) as url,
        ApiClient.connected(url, trusting, "token") as api,
        contextlib.aclosing(api.lines("/")) as lines,
    ):
        assert await anext(lines) == b"x\n"


def test_daemons_end_with_the_tests(tmp_path: Path) -> None:
    """Even if nothing is left that could stop them; with what they have started."""
    os.mkfifo(tmp_path / "fifo")
    script = (
        "import pathlib, sys\n"
        "from support.tools.daemons import Daemon, Watchdog\n"
        "command = ('/bin/sh', '-c', 'exec >fifo; echo up; sleep 300; true')\n"
        "daemon = Daemon(*command, log=pathlib.Path('log'), watchdog=Watchdog())\n"
        "sys.stdin.read()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    tests = subprocess.Popen((sys.executable, "-c", script), cwd=tmp_path, env=environment, stdin=subprocess.PIPE)
    with (tmp_path / "fifo").open() as daemon, tests:
        assert daemon.readline() == "up\n"
        killed = time.monotonic()
        tests.kill()
        assert daemon.read() == ""  # comes when the daemon is gone
    assert time.monotonic() - killed < PATIENCE
