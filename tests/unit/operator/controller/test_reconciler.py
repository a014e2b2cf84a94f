"""What happens to a tenant, event by event: which calls are made, in which order, and that there are no others."""

import copy
from typing import Any, Final

import pytest

from support.operator.crds import next_crd, previous_crd, schema_of
from support.operator.reconciling import Operator, World, refusing
from tenantproxy.credentials.stores.secret import NOTE
from tenantproxy_operator.api.served_schema import ServedSchema, own_schema
from tenantproxy_operator.cache.tenants import CANARY
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.kube.objects import MANIFEST_HASH
from tenantproxy_operator.settings import Settings

CHILDREN: Final = (
    "serviceaccounts",
    "roles",
    "rolebindings",
    "configmaps",
    "networkpolicies",
    "services",
    "controllerrevisions",
    "deployments",
    "poddisruptionbudgets",
)
STATUS: Final = "PATCH tenantproxies acme status"
SCALE: Final[dict[str, Any]] = {"spec.autoscaling": {"maxReplicas": 4}}
OPTIONAL: Final = frozenset({"PodMonitor", "HTTPRoute"})


@pytest.fixture
def world() -> World:
    """Return a namespace with an empty Secret of the user's, so that nobody waits for one."""
    world = World()
    world.secret()
    return world


async def created(world: World, settings: Settings | None = None, **options: Any) -> Operator:
    """Create the tenant, and let an operator make all of it."""
    world.tenant()
    operator = Operator(world, settings, **options)
    await operator.settle()
    world.pods()
    await operator.settle()
    world.calls()
    return operator


def patched(world: World, *plurals: str) -> list[str]:
    return [f"PATCH {plural} {world.name_of(plural)}" for plural in plurals]


# Creation, and rest


async def test_a_new_tenant(world: World) -> None:
    """The credential is read, one write for each child, what others need first, and the status is written."""
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    assert world.calls() == ["GET secrets acme-credentials", *patched(world, *CHILDREN), STATUS]
    assert world.events() == []


async def test_no_write_at_rest(world: World) -> None:
    """However often it is reconciled: no call at all."""
    operator = await created(world)
    for _ in range(3):
        operator.enqueue(next(iter(operator.tenants)))
        await operator.wait(3600)
    assert world.calls() == []
    assert 'reconcile_total{result="unchanged"}' in operator.metrics.exposition().decode()


async def test_a_restart_without_a_change(world: World) -> None:
    """What was applied is restored from the status: nothing is read, nothing is written."""
    await created(world)
    await Operator(world).settle()
    assert world.calls() == []


async def test_a_restart_with_a_changed_setting(world: World) -> None:
    """What depends on it is written, once, and the digest with it."""
    await created(world)
    operator = Operator(world, Settings(dns_ports=(1053,)))
    await operator.settle()
    assert world.calls() == ["GET secrets acme-credentials", *patched(world, "networkpolicies"), STATUS]
    await Operator(world, Settings(dns_ports=(1053,))).settle()
    assert world.calls() == []


async def test_a_spec_field_changes(world: World) -> None:
    """The children that depend on it are written, and no others."""
    operator = await created(world)
    world.tenant(changes={"spec.upstream.timeout": "4s"})
    (earlier,) = world.names("controllerrevisions")
    await operator.settle()
    made = patched(world, "configmaps", "controllerrevisions", "deployments")
    assert world.writes() == [*made, f"DELETE controllerrevisions {earlier}", STATUS]
    world.tenant(changes={"metadata.labels": {"team": "orders"}})
    await operator.settle()
    assert world.calls() == []


async def test_proxies_come_and_go(world: World) -> None:
    """Where the pods are is told by the status alone."""
    operator = await created(world)
    world.pods(ready=1)
    await operator.settle()
    assert world.calls() == [STATUS]
    world.pods(ready=0)
    await operator.settle()
    assert world.calls() == [STATUS, "POST events"]


# Drift


@pytest.mark.parametrize("plural", CHILDREN)
@pytest.mark.parametrize(
    "edit",
    [
        {"metadata": {"labels": {"app.kubernetes.io/instance": "another"}}},
        {"metadata": {"ownerReferences": []}},
        {"metadata": {"annotations": {MANIFEST_HASH: "0"}}},
    ],
    ids=["label", "owner", "hash"],
)
async def test_an_edit_is_put_back(world: World, plural: str, edit: dict[str, Any]) -> None:
    """With one write of that child; an owner that is missing is looked for first."""
    operator = await created(world)
    before = world.child(plural)
    world.edit(plural, edit)
    await operator.settle()
    assert world.writes()[:1] == patched(world, plural)
    after = world.child(plural)
    for field in ("labels", "annotations", "ownerReferences"):
        assert after["metadata"].get(field) == before["metadata"].get(field)


async def test_what_others_add_is_theirs(world: World) -> None:
    """A label beside ours costs no write."""
    operator = await created(world)
    world.edit("services", {"metadata": {"labels": {"team": "orders"}}})
    await operator.settle()
    assert world.calls() == []


@pytest.mark.parametrize("plural", CHILDREN)
async def test_a_deleted_child_is_made_again(world: World, plural: str) -> None:
    """After a look whether the TenantProxy itself is going."""
    operator = await created(world)
    world.delete(plural)
    await operator.settle()
    assert world.calls()[:3] == ["GET tenantproxies", *patched(world, plural), STATUS]
    assert world.exists(plural)


async def test_drift_while_the_operator_was_down(world: World) -> None:
    """The children are compared with the digest: all are applied, what was right stays as it is."""
    await created(world)
    versions = {plural: world.child(plural)["metadata"]["resourceVersion"] for plural in CHILDREN}
    world.edit("roles", {"rules": []})
    world.delete("services")
    await Operator(world).settle()
    changed = {
        plural for plural in CHILDREN if world.child(plural)["metadata"]["resourceVersion"] != versions[plural]
    }
    assert changed == {"roles", "services"}
    await Operator(world).settle()
    world.calls()
    await Operator(world).settle()
    assert world.calls() == []


# Children that come and go


async def test_a_pruned_child(world: World) -> None:
    """What comes with a part of the spec goes with it."""
    operator = await created(world)
    world.tenant(changes=SCALE)
    await operator.settle()
    assert world.exists("horizontalpodautoscalers")
    world.calls()
    world.tenant(changes={"spec.autoscaling": ...})
    await operator.settle()
    assert not world.exists("horizontalpodautoscalers")
    # First of all, lest it fight over the number of replicas that comes instead.
    assert world.writes()[0] == "DELETE horizontalpodautoscalers acme-proxy"


async def test_a_child_that_can_not_be_pruned(world: World) -> None:
    """The rest is done, and the deletion is tried again."""
    operator = await created(world)
    world.tenant(changes=SCALE)
    await operator.settle()
    world.api.fault = refusing("DELETE", 500)
    world.tenant(changes={"spec.autoscaling": ...})
    await operator.settle()
    assert "HorizontalPodAutoscaler acme-proxy: can't be deleted: 500" in world.condition("Accepted")[2]
    world.api.fault = lambda _: None
    await operator.retry()
    assert not world.exists("horizontalpodautoscalers")


async def test_the_number_of_replicas_is_handed_over(world: World) -> None:
    """Another manager owns it before we give it up, so that the number is never reset."""
    operator = await created(world)
    world.tenant(changes=SCALE)
    await operator.settle()
    assert [call for call in world.writes() if "deployments" in call] == patched(
        world, "deployments", "deployments"
    )
    assert world.child("deployments")["spec"]["replicas"] == 2
    managers = {
        entry["manager"]
        for entry in world.child("deployments")["metadata"]["managedFields"]
        if "f:replicas" in str(entry["fieldsV1"])
    }
    assert managers == {"tenantproxy-operator-scale"}


async def test_optional_kinds(world: World) -> None:
    """Where the API server begins to serve a kind, it is applied; where it ends, its objects are left."""
    operator = await created(world, Settings(optional_kinds=frozenset({"PodMonitor"})))
    assert operator.reconciler.serve_kinds(OPTIONAL)
    assert not operator.reconciler.serve_kinds(OPTIONAL)
    operator.enqueue(next(iter(operator.tenants)))
    await operator.settle()
    assert world.writes() == [*patched(world, "podmonitors"), STATUS]
    await Operator(world, Settings(optional_kinds=frozenset({"PodMonitor"})), optional_kinds=OPTIONAL).settle()
    assert world.writes() == []


# Secrets


async def test_a_secret_is_created_after_its_grace(world: World) -> None:
    """All else is made at once; whoever makes one within the grace has one of his own."""
    world.delete("secrets", "acme-credentials")
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    assert world.exists("deployments")
    assert world.condition("CredentialsReady")[2].endswith("the operator creates it shortly")
    await operator.wait(SECRET_GRACE - 1)
    assert not world.exists("secrets", "acme-credentials")
    world.calls()
    await operator.wait(1)
    assert world.calls() == ["POST secrets", STATUS]
    assert world.reason("CredentialsReady") == "CredentialsMissing"


async def test_a_secret_of_the_users_own_making(world: World) -> None:
    """It is never written, owned or deleted; one that is made in place of ours is his."""
    before = world.child("secrets", "acme-credentials")
    operator = await created(world)
    assert world.child("secrets", "acme-credentials") == before
    world.delete("secrets", "acme-credentials")
    await operator.settle()
    world.secret(username="u", password="p")
    await operator.settle()
    await operator.wait(60)
    assert "ownerReferences" not in world.child("secrets", "acme-credentials")["metadata"]
    assert [call for call in world.writes() if "secrets" in call] == []


async def test_a_secret_that_is_made_at_the_same_moment(world: World) -> None:
    """To create it fails, and it is the user's."""
    world.delete("secrets", "acme-credentials")
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    world.seconds += SECRET_GRACE
    world.secret(username="u", password="p")
    changes, world.api.changes[:] = list(world.api.changes), []  # the watch has not told of it yet
    await operator.wait(0)
    assert "POST secrets" in world.calls()
    world.api.changes[:0] = changes
    await operator.settle()
    assert world.reason("CredentialsReady") == "CredentialsSet"
    assert "ownerReferences" not in world.child("secrets", "acme-credentials")["metadata"]


async def test_a_secret_that_is_no_longer_named(world: World) -> None:
    """It stays, with what a tenant's admin has set in it."""
    world.delete("secrets", "acme-credentials")
    operator = await created(world)
    await operator.wait(SECRET_GRACE)
    world.secret("own")
    world.tenant(changes={"spec.auth": {"secretRef": {"name": "own"}}})
    await operator.settle()
    assert world.status()["secretName"] == "own"
    assert world.exists("secrets", "acme-credentials")
    world.calls()
    await Operator(world).settle()
    assert world.calls() == []


async def test_a_credential_that_changed_while_the_operator_was_down(world: World) -> None:
    """A Secret that has moved counts as one with another credential; one that has not, does not."""
    world.secret(username="u", password="p")
    await created(world)
    await Operator(world, Settings(dns_ports=(1053,))).settle()
    assert [event[1] for event in world.events()].count("CredentialsChanged") == 0
    world.secret(password="q")
    await Operator(world, Settings(dns_ports=(1053,))).settle()
    assert [event[1] for event in world.events()].count("CredentialsChanged") == 1


async def test_what_the_proxies_note_in_the_secret_changes_nothing(world: World) -> None:
    """Each note is another version of the Secret, and no other credential: no child is written, nothing rolls."""
    operator = await created(world)
    world.admin_sets("p")
    await operator.settle()
    world.writes()
    for state in ("accepted", "rejected"):
        world.edit("secrets", {"metadata": {"annotations": {NOTE: f'{{"state":"{state}"}}'}}}, "acme-credentials")
        await operator.settle()
    assert {call.rpartition(" ")[2] for call in world.writes()} <= {"status"}, "for a restart"
    assert [event[1] for event in world.events()].count("CredentialsChanged") == 0


# The end


async def test_a_tenant_proxy_that_is_deleted(world: World) -> None:
    """Nothing is done, neither while somebody's finalizer holds it nor afterwards: there is garbage collection."""
    operator = await created(world)
    world.edit("tenantproxies", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "acme")
    world.delete("services")
    await operator.settle()
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    await operator.settle()
    assert world.calls() == []
    assert operator.retries == {}
    assert operator.reconciler._states == {}
    assert 'tenants{ready="True"} 0.0' in operator.metrics.exposition().decode()


async def test_a_tenant_proxy_that_goes_before_its_event(world: World) -> None:
    """Garbage collection may be faster: nothing is given back to an owner that is gone."""
    operator = await created(world)
    world.delete("tenantproxies", "acme")
    world.api.changes.clear()  # nobody tells
    world.delete("services")
    await operator.settle()
    assert world.calls() == ["GET tenantproxies"]


async def test_a_status_of_one_that_is_gone(world: World) -> None:
    """Who is not there any more is forgotten, also without an event."""
    operator = await created(world)
    world.delete("tenantproxies", "acme")
    world.api.changes.clear()
    world.pods(ready=1)
    await operator.settle()
    assert world.calls() == [STATUS]
    assert len(operator.tenants) == 0
    assert 'tenants{ready="True"} 0' in operator.metrics.exposition().decode()


async def test_orphans_are_taken_back(world: World) -> None:
    """What `--cascade=orphan` left behind is the next one's of that name: the same objects, with another owner."""
    await created(world)
    # A revision is named after what it stores, of which the owner is a part.
    kept = [plural for plural in CHILDREN if plural != "controllerrevisions"]
    uids = {plural: world.child(plural)["metadata"]["uid"] for plural in kept}
    world.delete("tenantproxies", "acme")
    for plural in CHILDREN:
        world.edit(plural, {"metadata": {"ownerReferences": []}})
    await created(world)
    assert {plural: world.child(plural)["metadata"]["uid"] for plural in kept} == uids
    owner = world.child("tenantproxies", "acme")["metadata"]["uid"]
    assert all(world.child(plural)["metadata"]["ownerReferences"][0]["uid"] == owner for plural in CHILDREN)


# The status


async def test_conditions_of_others_are_theirs(world: World) -> None:
    """They stay, and cost no write."""
    operator = await created(world)
    foreign = {"type": "Theirs", "status": "True", "reason": "R", "message": "m"}
    status = copy.deepcopy(world.status())
    status["conditions"].append(foreign)
    world.status_is(status)
    await operator.settle()
    assert world.calls() == []


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"conditions": "text"},
        {"conditions": [1, None, {"type": ["x"]}, {"type": "Accepted"}]},
        {"appliedDigest": {"a": 1}, "observedGeneration": "x"},
        {"replicas": "many", "endpoint": {}, "conditions": None},
    ],
)
async def test_a_status_that_can_not_be_its_own(world: World, status: dict[str, Any]) -> None:
    """It is written anew, by a running operator and after a restart."""
    operator = await created(world)
    good = copy.deepcopy(world.status())
    world.status_is(status)
    await operator.settle()
    assert world.status() == good
    world.status_is(status)
    await Operator(world).settle()
    assert world.status()["conditions"] == good["conditions"]


async def test_times_move_with_the_status_of_a_condition_only(world: World) -> None:
    """Not with its reason, its message, nor the generation."""

    def times() -> dict[str, str]:
        return {each["type"]: each["lastTransitionTime"] for each in world.status()["conditions"]}

    operator = await created(world)
    before = times()
    world.seconds += 60
    world.tenant(changes={"spec.suspend": True})
    await operator.settle()
    assert times() == before
    assert {each["observedGeneration"] for each in world.status()["conditions"]} == {2}
    world.pods(ready=0)
    await operator.settle()
    moved = {kind for kind, time in times().items() if time != before.get(kind)}
    assert moved == {"Ready", "Available", "Reconciling"}


# A change for all tenants


async def fleet(world: World, *, canaries: tuple[str, ...] = (), image: str = "good:1") -> list[str]:
    """Make five tenants whose proxies serve."""
    names = [f"t{number}" for number in range(5)]
    for name in names:
        world.secret(f"{name}-credentials")
        world.tenant(name, {"metadata.labels": {CANARY: "true"}} if name in canaries else {})
    operator = Operator(world, Settings(proxy_image=image))
    await operator.settle()
    for name in names:
        world.pods(name)
    await operator.settle()
    world.calls()
    return names


async def test_a_held_tenant(world: World) -> None:
    """Its pods and what they read stay as they are until its turn; all else is written at once."""
    names = await fleet(world)
    settings = Settings(proxy_image="good:2", dns_ports=(1053,))
    operator = Operator(world, settings, most_updating=1)
    await operator.settle()
    writes = world.writes()
    assert [call for call in writes if "networkpolicies" in call] == [
        f"PATCH networkpolicies {n}-proxy" for n in names
    ]
    assert [call for call in writes if "deployments" in call] == ["PATCH deployments t0-proxy"]
    assert [world.reason("Accepted", name) for name in names] == ["Accepted"] + ["RolloutPending"] * 4
    assert operator.rollout.pending == 4
    world.calls()
    await Operator(world, settings, most_updating=1).settle()  # goes on where the last one stopped
    assert [call for call in world.writes() if "deployments" in call] == []


async def test_a_held_tenants_own_change_does_not_wait(world: World) -> None:
    """It comes with the new image."""
    await fleet(world, canaries=("t3",))
    operator = Operator(world, Settings(proxy_image="good:2"))
    await operator.settle()
    world.tenant("t0", {"spec.upstream.timeout": "4s"})
    await operator.settle()
    assert [world.image(name) for name in ("t0", "t1")] == ["good:2", "good:1"]


async def test_all_get_their_turn(world: World) -> None:
    """A few at a time, over a restart too."""
    names = await fleet(world)
    operator = Operator(world, Settings(proxy_image="good:2"), most_updating=2)
    for done in range(len(names)):
        await operator.settle()
        updated = [name for name in names if world.image(name) == "good:2"]
        assert len(updated) == min(done + 2, len(names))
        if done == 2:
            operator = Operator(world, Settings(proxy_image="good:2"), most_updating=2)
            await operator.settle()
        world.pods(next(name for name in updated if world.condition("Available", name)[1] == "RollingOut"))
    await operator.settle()
    assert operator.rollout.pending == operator.rollout.updating == 0


# Another schema


async def test_a_newer_schema(world: World) -> None:
    """Its fields change nothing, but for a word where they are used; nor does a restart, or the way back."""
    newer = ServedSchema.of(schema_of(next_crd()))
    operator = await created(world)
    world.tenant("user", {"spec.upstream.mode": "slow"})
    world.secret("user-credentials")
    await operator.settle()
    world.calls()
    for name, mode in (("acme", "fast"), ("user", "slow")):
        world.shown(name, {"spec.upstream.mode": mode, "spec.later": {"ttl": "5s"}})
    await operator.adopt(newer)
    assert world.writes() == [STATUS, STATUS.replace("acme", "user")]
    assert world.condition("Accepted") == ("True", "Accepted", "all objects match the spec")
    assert "`spec.upstream.mode` is not known" in world.condition("Accepted", "user")[2]
    assert world.reason("Ready") == "Ready"
    restarted = Operator(world)
    await restarted.adopt(newer)
    assert world.writes() == []
    for name in ("acme", "user"):
        world.shown(name, {"spec.upstream.mode": ..., "spec.later": ...})
    await restarted.adopt(own_schema())
    assert world.writes() == [STATUS, STATUS.replace("acme", "user")]
    assert world.condition("Accepted", "user") == world.condition("Accepted")


async def test_a_spec_that_is_seen_before_its_schema(world: World) -> None:
    """It stays accepted; the word follows once the schema is known, with no other write."""
    operator = await created(world)
    world.tenant("acme", {"spec.upstream.mode": "slow"})
    await operator.settle()
    assert world.condition("Accepted") == ("True", "Accepted", "all objects match the spec")
    world.calls()
    await operator.adopt(ServedSchema.of(schema_of(next_crd())))
    assert world.writes() == [STATUS]
    assert "`spec.upstream.mode` is not known" in world.condition("Accepted")[2]


async def test_a_default_of_the_schema_is_no_change_of_a_tenants_own(world: World) -> None:
    """With a new image, which comes with a new schema, the tenants still get it one after the other."""
    names = await fleet(world)
    for name in names:
        world.shown(name, {"spec.upstream.mode": "fast"})
    operator = Operator(world, Settings(proxy_image="good:2"), most_updating=1)
    await operator.adopt(ServedSchema.of(schema_of(next_crd())))
    assert sorted(world.image(name) for name in names).count("good:2") == 1


async def test_an_older_schema(world: World) -> None:
    """A status has no field that it lacks; at rest there is no write; the fields come with the schema."""
    older = ServedSchema.of(schema_of(previous_crd()))
    operator = await created(world)
    assert world.status()["secretName"] == "acme-credentials"
    await operator.adopt(older)
    assert world.writes() == [STATUS]
    assert "secretName" not in world.status()
    assert all("observedGeneration" not in condition for condition in world.status()["conditions"])
    assert world.reason("Ready") == "Ready"
    restarted = Operator(world)
    await restarted.adopt(older)
    assert world.writes() == []
    await restarted.adopt(own_schema())
    assert world.writes() == [STATUS]
    assert all(condition["observedGeneration"] == 1 for condition in world.status()["conditions"])
