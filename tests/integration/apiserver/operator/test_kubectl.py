"""What the platform team sees of a running TenantProxy with nothing but kubectl."""

import asyncio

from support.apiserver.server import ApiServer
from support.operator.tenants import Tenants, child_name
from tenantproxy_operator.kube import kinds

CLUSTER_WIDE = False  # what a user sees of a status is the same
READY = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "observedGeneration": 1}


async def set_ready(tenants: Tenants, name: str) -> None:
    """Do what the Deployment controller does."""
    deployment = child_name(kinds.DEPLOYMENT, name)
    await tenants.patch(kinds.DEPLOYMENT, deployment, {"status": READY}, subresource="status")


async def test_get(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """One line says whose it is, where it leads, whether it works, and whether the tenant set a credential."""
    await tenants.created(name)

    def row() -> list[str]:
        head, line = api_server.kubectl("get", "tp", name, "-n", tenants.namespace).splitlines()
        assert head.split() == ["NAME", "TENANT", "URL", "READY", "REASON", "CREDENTIALS", "AGE"]
        return line.split()[:-1]

    assert row() == [name, f"T-{name}", "https://oms.example/api", "Unknown", "Pending", "False"]
    await set_ready(tenants, name)
    await tenants.patch(
        kinds.SECRET, child_name(kinds.SECRET, name), {"stringData": {"username": "u", "password": "p"}}
    )
    await tenants.condition(name, "Ready", status="True")
    await tenants.condition(name, "CredentialsReady", status="True")
    assert row() == [name, f"T-{name}", "https://oms.example/api", "True", "Ready", "True"]


async def test_wait(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """`kubectl wait` works for a script that applies one and goes on when it serves."""
    waiting = asyncio.create_task(
        asyncio.to_thread(
            api_server.kubectl,
            *("wait", f"tp/{name}", "-n", tenants.namespace),
            *("--for=create", "--for=condition=Ready", "--timeout=30s"),
        )
    )
    await tenants.created(name)
    assert not waiting.done()
    await set_ready(tenants, name)
    assert (await waiting).splitlines() == [f"tenantproxy.proxy.hiiretail.com/{name} condition met"] * 2


async def test_describe(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """All conditions with their messages, and the Events."""
    await tenants.created(name)
    await set_ready(tenants, name)
    await tenants.condition(name, "Ready", status="True")
    await tenants.flush(name)
    text = api_server.kubectl("describe", "tp", name, "-n", tenants.namespace)
    words = " ".join(text.split())
    for kind in ("Ready", "Accepted", "Available", "CredentialsReady"):
        assert f"Type: {kind}" in words
    assert f"Endpoint: http://{name}-proxy.{tenants.namespace}.svc:8080" in words
    events = text.partition("Events:")[2]
    assert "Normal" in events
    assert "ProxiesReady" in events
    assert "Available is True: all proxies are ready" in events


def test_explain(api_server: ApiServer) -> None:
    """Each field of the status has a sentence."""
    words = " ".join(api_server.kubectl("explain", "tp.status").split())
    for line in (
        "endpoint <string> Where clients in the cluster reach the proxy.",
        "readyReplicas <integer> Number of ready proxies.",
        "credentials <Object> The configured credential; absent while there is none.",
    ):
        assert line in words
