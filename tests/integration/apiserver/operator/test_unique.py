"""Two TenantProxies with the same tenant or Secret: both report it and name both, until the conflict is gone."""

from collections.abc import Mapping
from typing import Any

import pytest

from support.apiserver.client import ApiClient
from support.operator.diagnoses import Engineer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import EVENT

from .conftest import Run

CLUSTER_WIDE = True  # two may be in two namespaces, and others are to be seen there
NAMESPACES = 2
SECRET = "spec.auth.secretRef"
TENANT = "spec.tenantId"


@pytest.fixture
def elsewhere(api: ApiClient, run: Run, operator: OperatorProcess) -> Tenants:
    """Return the TenantProxies of another namespace."""
    return Tenants(api, run.namespaces[1], lambda: operator.log)


@pytest.fixture
def pair(name: str) -> tuple[str, str]:
    return f"{name}-a", f"{name}-b"


def of(name: str) -> Mapping[str, Any]:
    """Return what makes a TenantProxy use another one's Secret."""
    return {SECRET: {"name": child_name(kinds.SECRET, name)}}


async def is_unique(tenants: Tenants, name: str, reason: str = "Unique") -> str:
    """Wait until the condition has this reason; return its message."""
    status = "True" if reason == "Unique" else "False"
    return str((await tenants.condition(name, "Unique", status=status, reason=reason))["message"])


async def events(tenants: Tenants, name: str) -> list[tuple[str, str]]:
    found = await tenants.call("GET", EVENT.path(tenants.namespace))
    return [(event["reason"], event["note"]) for event in found["items"] if event["regarding"]["name"] == name]


async def test_one_secret(tenants: Tenants, engineer: Engineer, pair: tuple[str, str]) -> None:
    """Both are told once, and served all the same; when one has a Secret of its own, it ends by itself."""
    first, second = pair
    await tenants.created(first)
    await is_unique(tenants, first)
    before = (await tenants.get(first))["metadata"]["generation"]
    await tenants.create(second, of(first))
    for one, other in (pair, (second, first)):
        message = await is_unique(tenants, one, "SecretShared")
        both = f"TenantProxies {tenants.namespace}/{one} and {tenants.namespace}/{other} are of different tenants"
        assert message.startswith(f"{both} and use the same Secret {child_name(kinds.SECRET, first)}: ")
        await tenants.condition(one, "Accepted", status="True", reason="Accepted")
        assert "SecretShared" in await engineer.names(tenants.namespace, one)
        await tenants.flush(one)
        assert await events(tenants, one) == [("SecretShared", f"Unique is False: {message}")]
    assert (await tenants.get(second))["status"]["secretName"] == child_name(kinds.SECRET, first)

    await tenants.secret(second)
    await tenants.change(second, {SECRET: ...})
    await is_unique(tenants, second)
    await is_unique(tenants, first)
    assert (await tenants.get(first))["metadata"]["generation"] == before + 1  # by `flush` alone
    told = await eventually(lambda: events(tenants, first), lambda found: "Unique" in dict(found))
    assert [reason for reason, _ in told].count("Unique") == 1


async def test_one_tenant(tenants: Tenants, elsewhere: Tenants, engineer: Engineer, pair: tuple[str, str]) -> None:
    """In whatever namespaces: both say so, until one is deleted."""
    first, second = pair
    await tenants.created(first, {TENANT: first})
    await elsewhere.created(second, {TENANT: first})
    message = await is_unique(tenants, first, "DuplicateTenant")
    assert message.startswith(f"TenantProxies {tenants.namespace}/{first} and {elsewhere.namespace}/{second} have")
    await is_unique(elsewhere, second, "DuplicateTenant")
    assert "DuplicateTenant" in await engineer.names(elsewhere.namespace, second)
    await elsewhere.delete(second)
    await is_unique(tenants, first)


async def test_one_tenants_two_with_one_secret(tenants: Tenants, pair: tuple[str, str]) -> None:
    """A tenant may use its Secret twice: only that there are two is said."""
    first, second = pair
    await tenants.created(first, {TENANT: first})
    await tenants.create(second, {TENANT: first, **of(first)})
    for each in pair:
        assert "Secret" not in await is_unique(tenants, each, "DuplicateTenant")


async def test_a_secret_of_certificates(tenants: Tenants, pair: tuple[str, str]) -> None:
    """Where another tenant has its credential in a CA's Secret, that tenant's proxies could replace the CA."""
    first, second = pair
    await tenants.created(first)
    await tenants.created(
        second, {"spec.upstream.tls": {"caSecretRef": {"name": child_name(kinds.SECRET, first)}}}
    )
    for each in pair:
        assert child_name(kinds.SECRET, first) in await is_unique(tenants, each, "SecretShared")


async def test_while_the_operator_was_down(
    operator: OperatorProcess, tenants: Tenants, pair: tuple[str, str]
) -> None:
    """What began or ended meanwhile is found, also of the one whose spec and children are as they were."""
    first, second = pair
    await tenants.created(first)
    operator.stop()
    await tenants.create(second, of(first))
    operator.start_ready()
    for each in pair:
        await is_unique(tenants, each, "SecretShared")
    operator.stop()
    await tenants.delete(second)
    operator.start_ready()
    await is_unique(tenants, first)
