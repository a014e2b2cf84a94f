"""With `spec.suspend` the operator changes nothing that belongs to a TenantProxy, whatever happens."""

from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name, versions
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = False  # what is left undone is the same
DRIFT = {"spec": {"ports": [{"name": "http", "port": 8080, "targetPort": 1}]}}


async def suspended(tenants: Tenants, name: str, changes: dict[str, object] | None = None) -> None:
    """Suspend a TenantProxy, or change one that is, which waits."""
    await tenants.change(name, {"spec.suspend": True} | (changes or {}))
    accepted = await tenants.condition(name, "Accepted", status="False" if changes else "True", reason="Suspended")
    said = "the change waits until it is false" if changes else "the operator changes nothing; set it to false to"
    assert said in accepted["message"]
    ready = await tenants.condition(name, "Ready")
    assert ready["reason"] == "Suspended" if changes else ready["status"] != "False"


async def test_nothing_is_changed_until_it_ends(run: Run, tenants: Tenants, name: str) -> None:
    """Neither drift is put back, nor a change of the spec applied, nor a child made again; afterwards all is."""
    await tenants.created(name)
    before = await tenants.children(name)
    await suspended(tenants, name)
    run.since_now()
    await tenants.patch(kinds.SERVICE, child_name(kinds.SERVICE, name), DRIFT)
    await tenants.remove(kinds.CONFIG_MAP, child_name(kinds.CONFIG_MAP, name))
    await suspended(tenants, name, {"spec.replicas": 3, "spec.auth": {"management": "platform"}})
    await tenants.flush(name)
    assert {write.split()[1] for write in run.writes(name)} == {"tenantproxies/status", "events"}
    found = await tenants.children(name)
    assert found.keys() == before.keys() - {kinds.CONFIG_MAP}
    assert found[kinds.SERVICE]["spec"]["ports"][0]["targetPort"] == 1

    await tenants.change(name, {"spec.suspend": False})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    found = await tenants.children(name)
    assert found[kinds.SERVICE]["spec"] == before[kinds.SERVICE]["spec"]
    assert found[kinds.DEPLOYMENT]["spec"]["replicas"] == 3
    assert kinds.CONFIG_MAP in found
    assert kinds.ROLE not in found


async def test_new_one_that_is_suspended(tenants: Tenants, name: str) -> None:
    """Nothing is made of it at first, which is no success; Available says that there is nothing yet."""
    await tenants.created(name, {"spec.suspend": True})
    await tenants.condition(name, "Ready", status="False", reason="Suspended")
    await tenants.condition(name, "Available", status="Unknown", reason="Pending")
    assert (await tenants.children(name)).keys() == {kinds.SECRET}
    await tenants.change(name, {"spec.suspend": ...})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert kinds.DEPLOYMENT in await tenants.children(name)


async def test_status_goes_on(tenants: Tenants, name: str) -> None:
    """What is observed is still said: the credential, and how far the proxies are."""
    await tenants.created(name)
    await suspended(tenants, name)
    await tenants.patch(
        kinds.SECRET, child_name(kinds.SECRET, name), {"stringData": {"username": "u", "password": "p"}}
    )
    await tenants.condition(name, "CredentialsReady", status="True", reason="CredentialsSet")
    status = {"status": {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}}
    await tenants.patch(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name), status, subresource="status")
    await tenants.condition(name, "Ready", status="True", reason="Ready")


async def test_drift_of_a_suspended_one_over_a_restart(
    operator: OperatorProcess, run: Run, tenants: Tenants, name: str
) -> None:
    """What drifted is put back when it is suspended no more, also by an operator that came later."""
    await tenants.created(name)
    before = await tenants.children(name)
    await suspended(tenants, name)
    await tenants.patch(kinds.SERVICE, child_name(kinds.SERVICE, name), DRIFT)
    await tenants.flush(name)
    operator.stop()
    run.since_now()
    operator.start_ready()
    await tenants.flush(name)
    assert {write.split()[1] for write in await run.writes_to_the_end(name)} == {"tenantproxies/status"}
    await tenants.change(name, {"spec.suspend": False})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    after = await tenants.children(name)
    assert after[kinds.SERVICE]["spec"] == before[kinds.SERVICE]["spec"]
    assert versions(after)[kinds.ROLE] == versions(before)[kinds.ROLE]
