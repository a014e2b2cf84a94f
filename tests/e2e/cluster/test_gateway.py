"""Two tenants behind one host name of a real Gateway, told apart by the header Tenant-Id."""

from typing import Any

import pytest

from support.cluster.cluster import ORDER, Answer, Installation, machine, wait_until
from support.cluster.gateway import GATEWAY, wait_for_route

HOST = "orders.example.com"
TENANTS = ("acme", "globex")


@pytest.fixture(scope="module")
def shared(installation: Installation, shared_gateway: tuple[str, str]) -> str:
    """Run both tenants with a route at a Gateway; return its base URL."""
    cluster, (namespace, base) = installation.cluster, shared_gateway
    url = installation.run_oms("oms", "python", "/scripts/oms.py")
    route = {"gatewayRef": {"name": GATEWAY, "namespace": namespace}, "hostnames": [HOST]}
    for name in TENANTS:
        credential = {"username": name, "password": f"{name}-password"}
        cluster.apply(installation.secret(name, **credential), installation.tenant(name, url, route=route))
    for name in TENANTS:
        installation.wait(name)
        wait_for_route(cluster, name, installation.namespace)
    # The Gateway uses a route a moment after it has accepted it.
    wait_until(
        lambda: all(
            _send(installation, base, tenant_id=f"T-{name}", caller=name).status == 200 for name in TENANTS
        )
    )
    return base


def _send(
    installation: Installation, base: str, *, tenant_id: str | None, caller: str = "", **other: Any
) -> Answer:
    headers = {"Host": HOST} | (machine(caller) if caller else {})
    if tenant_id is not None:
        headers["Tenant-Id"] = tenant_id
    (answer,) = installation.send({"method": "GET", "url": base + ORDER, "headers": headers} | other)
    return answer


@pytest.mark.parametrize("name", TENANTS)
def test_each_tenant_by_its_header(installation: Installation, shared: str, name: str) -> None:
    """A request reaches the proxy of the tenant that it names, which asks with that tenant's credential."""
    answer = _send(installation, shared, tenant_id=f"T-{name}", caller=name)
    assert (answer.status, answer.body["customerOrder"]["customerId"]) == (200, name)


def test_token_of_the_other_tenant(installation: Installation, shared: str) -> None:
    """The header chooses the proxy, and the proxy checks whose token it is."""
    answer = _send(installation, shared, tenant_id="T-acme", caller="globex")
    assert (answer.status, answer.body["code"]) == (403, "wrong-tenant")


@pytest.mark.parametrize("tenant_id", [None, "T-unknown", ""])
def test_no_such_tenant(installation: Installation, shared: str, tenant_id: str | None) -> None:
    """Without a header that names a tenant there is nothing: 404, by the Gateway, which tells of no tenant."""
    answer = _send(installation, shared, tenant_id=tenant_id, caller="acme")
    assert answer.status == 404
    assert not any(name in answer.text for name in TENANTS)


def test_refused_methods_pass_unchanged(installation: Installation, shared: str) -> None:
    """A proxy's 405 arrives as it was sent, with its `Allow`."""
    direct = f"{installation.service('acme')}{ORDER}"
    for method in ("DELETE", "HEAD", "OPTIONS"):
        through = _send(installation, shared, tenant_id="T-acme", caller="acme", method=method)
        (own,) = installation.send({"method": method, "url": direct, "headers": machine("acme")})
        assert (through.status, through.headers["Allow"]) == (own.status, own.headers["Allow"]) == (405, "GET")
        if method != "HEAD":
            assert through.body["code"] == own.body["code"] == "method-not-allowed"
    for url in (f"{shared}/", f"{shared}/metrics", f"{shared}/api/v1/business-units"):
        through = _send(installation, shared, tenant_id="T-acme", caller="acme", url=url)
        assert through.status == 405, url
