"""Each reason of docs/conditions.md, reached as in life: what the condition says, and that `Ready` follows."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from support.certificates import Authority
from support.operator.reconciling import Operator, World, refusing
from tenantproxy.credentials.stores.secret import TENANT_ID
from tenantproxy.kube.api import StatusError
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.cache.tenants import CANARY
from tenantproxy_operator.settings import Settings

Changes = dict[str, Any]
ROOT: Final = Path(__file__).parents[4]
ONLY_ON_AN_API_SERVER: Final[dict[str, str]] = {}
"""Reasons that need more than the API in memory, and the file with their test."""
BASIC: Final = {"username": "u", "password": "M4RKED"}
RELAY: Final[Changes] = {
    "spec.poslog.verification.sharedKey": True,
    "spec.poslog.delivery.path": "/pos-events",
}
TLS: Final[Changes] = {"spec.upstream.tls": {"caSecretRef": {"name": "ca"}}}


def test_every_reason_has_a_test() -> None:
    """A new reason needs one here, named after it, or is only seen on a real API server."""
    reasons = {value for name, value in vars(Reason).items() if not name.startswith("_")}
    snake = {
        reason: re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", reason).lower() for reason in reasons
    }
    missing = {reason for reason, name in snake.items() if f"test_{name}" not in globals()}
    assert missing == set(ONLY_ON_AN_API_SERVER)
    for reason, file in ONLY_ON_AN_API_SERVER.items():
        assert f'"{reason}"' in (ROOT / file).read_text()


def test_every_reason_is_on_the_page() -> None:
    """docs/conditions.md has a row for each reason that a test here reaches."""
    page = (ROOT / "docs/conditions.md").read_text()
    reasons = {value for name, value in vars(Reason).items() if not name.startswith("_")}
    assert reasons == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


@pytest.fixture
def world() -> World:
    """Return a namespace with an empty Secret of the user's, so that nobody waits for one."""
    world = World()
    world.secret()
    return world


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Operator]:
    """Run an operator; at the end, nothing is left to be read or written."""
    operator = Operator(world)
    yield operator
    world.calls()
    for key in operator.tenants:
        operator.enqueue(key)
    await operator.settle()
    if not operator.retries:
        assert world.calls() == []


async def told(
    world: World, operator: Operator, kind: str, changes: Changes | None = None
) -> tuple[str, str, str]:
    """Create the tenant, or change its spec; return what the condition says then."""
    world.tenant(changes=changes)
    await operator.settle()
    return world.condition(kind)


async def served(world: World, operator: Operator) -> None:
    """Create the tenant, and let all its proxies be ready."""
    await told(world, operator, "Ready")
    world.pods()
    await operator.settle()
    assert world.reason("Ready") == Reason.READY


# PoslogAvailable, PoslogKeysReady


async def test_relays_not_ready(world: World, operator: Operator) -> None:
    """While no relay is there the tenant is not Ready, though its orders can be read."""
    status, reason, message = await told(world, operator, "PoslogAvailable", RELAY)
    assert (status, reason) == ("Unknown", Reason.PENDING)
    world.pods()
    world.pods(component="poslog", ready=0)
    await operator.settle()
    status, reason, message = world.condition("PoslogAvailable")
    assert (status, reason) == ("False", Reason.RELAYS_NOT_READY)
    assert message.startswith("no relay is ready; ")
    assert message.endswith("instance=acme,app.kubernetes.io/component=poslog")
    assert world.condition("Ready") == ("False", Reason.RELAYS_NOT_READY, f"not PoslogAvailable: {message}")
    assert world.reason("Available") == Reason.PROXIES_READY


async def test_relays_ready(world: World, operator: Operator) -> None:
    """Both serve; the status says where events go to in the cluster."""
    await told(world, operator, "Ready", RELAY)
    world.pods()
    world.pods(component="poslog")
    await operator.settle()
    assert world.condition("PoslogAvailable") == ("True", Reason.RELAYS_READY, "all relays are ready")
    assert world.reason("Ready") == Reason.READY
    assert world.status()["poslogEndpoint"] == "http://acme-poslog.tenants.svc:8080/events"


async def test_poslog_keys_missing(world: World, operator: Operator) -> None:
    """The keys that the spec asks for are named, those that are there are not; Ready does not depend on them."""
    world.secret(poslogUsername="u")
    basic = {"spec.poslog.verification.basic": True}
    status, reason, message = await told(world, operator, "PoslogKeysReady", RELAY | basic)
    assert (status, reason) == ("False", Reason.POSLOG_KEYS_MISSING)
    assert message.startswith("Secret acme-credentials lacks poslogSharedKey, poslogPassword: the relay answers")
    world.pods()
    world.pods(component="poslog")
    await operator.settle()
    assert world.reason("Ready") == Reason.READY


async def test_poslog_keys_set(world: World, operator: Operator) -> None:
    """As soon as they are in the Secret; no value is in the status or in an Event."""
    await told(world, operator, "PoslogKeysReady", RELAY)
    world.secret(poslogSharedKey="M4RKED")
    await operator.settle()
    message = "Secret acme-credentials has all keys that the relay needs"
    assert world.condition("PoslogKeysReady") == ("True", Reason.POSLOG_KEYS_SET, message)
    assert ("Normal", Reason.POSLOG_KEYS_SET, f"PoslogKeysReady is True: {message}") in world.events()
    assert "M4RKED" not in str(world.status()) + str(world.events())


async def test_poslog_keys_that_nobody_may_read(world: World, operator: Operator) -> None:
    """Then it is not known whether they are there."""
    world.api.fault = refusing("GET secrets", 403)
    status, reason, _ = await told(world, operator, "PoslogKeysReady", RELAY)
    assert (status, reason) == ("Unknown", Reason.SECRET_UNREADABLE)
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.reason("PoslogKeysReady") == Reason.POSLOG_KEYS_MISSING


# Ready


async def test_ready(world: World, operator: Operator) -> None:
    """All is applied, and proxies serve; the credential does not count."""
    await told(world, operator, "Ready")
    world.pods()
    await operator.settle()
    assert world.condition("Ready") == ("True", Reason.READY, "orders can be read")
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING


# Accepted


async def test_accepted(world: World, operator: Operator) -> None:
    """All children are applied; the status names what was."""
    status, reason, message = await told(world, operator, "Accepted")
    assert (status, reason, message) == ("True", Reason.ACCEPTED, "all objects match the spec")
    assert world.status()["secretName"] == "acme-credentials"
    assert world.status()["endpoint"] == "http://acme-proxy.tenants.svc:8080"


async def test_suspended(world: World, operator: Operator) -> None:
    """Nothing is applied until it goes on; it is Ready for as long as what is applied is what the spec says."""
    await served(world, operator)
    world.calls()
    status, reason, message = await told(world, operator, "Accepted", {"spec.suspend": True})
    assert (status, reason) == ("True", Reason.SUSPENDED)
    assert "set it to false to resume" in message
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    status, reason, message = await told(world, operator, "Accepted", {"spec.replicas": 5})
    assert (status, reason) == ("False", Reason.SUSPENDED)
    assert "the change waits until it is false; running proxies stay" in message
    assert world.condition("Ready") == ("False", Reason.SUSPENDED, f"not Accepted: {message}")
    assert world.condition("Stalled")[0] == "True"
    assert [call for call in world.writes() if "acme-proxy" in call] == []
    assert (await told(world, operator, "Accepted", {"spec.suspend": False}))[1] == Reason.ACCEPTED
    assert world.child("deployments")["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"spec.replicas": 1}, "disruption budget too many"),
        ({"spec.upstream.timeout": "4s"}, "other content"),
        ({"spec.autoscaling": {"maxReplicas": 4}}, "autoscaler missing"),
    ],
)
async def test_suspended_together_with_a_change(
    world: World, operator: Operator, change: Changes, kind: str
) -> None:
    """It is no success of the change, also after a restart; without the change, it is all well again."""
    await served(world, operator)
    before = dict(world.child("tenantproxies", "acme")["spec"])
    assert (await told(world, operator, "Ready", {"spec.suspend": True, **change}))[1] == Reason.SUSPENDED, kind
    await Operator(world).settle()
    assert world.condition("Ready")[:2] == ("False", Reason.SUSPENDED)
    assert (await told(world, operator, "Ready", {"spec": before | {"suspend": True}}))[1] == Reason.READY


async def test_suspended_and_edited(world: World) -> None:
    """What somebody edits meanwhile is left, and said; a new image of the operator's is no change of the spec."""
    operator = Operator(world, Settings(proxy_image="good:1"))
    await served(world, operator)
    await told(world, operator, "Ready", {"spec.suspend": True})
    newer = Operator(world, Settings(proxy_image="good:2"))
    await newer.settle()
    assert world.image() == "good:1"
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    world.calls()
    world.delete("services")
    await newer.settle()
    assert world.condition("Ready")[:2] == ("False", Reason.SUSPENDED)
    assert world.writes() == ["PATCH tenantproxies acme status", "POST events"]


async def test_suspended_from_the_start(world: World, operator: Operator) -> None:
    """Nothing is made, and that is no success."""
    assert (await told(world, operator, "Ready", {"spec.suspend": True}))[:2] == ("False", Reason.SUSPENDED)
    assert not world.exists("deployments")


async def test_rollout_pending(world: World) -> None:
    """A new image reaches one tenant after the other: who waits says so, and runs as before."""
    names = ["t0", "t1"]
    for name in names:
        world.secret(f"{name}-credentials")
        world.tenant(name)
    await Operator(world, Settings(proxy_image="good:1")).settle()
    for name in names:
        world.pods(name)
    operator = Operator(world, Settings(proxy_image="good:2"), most_updating=1)
    await operator.settle()
    status, reason, message = world.condition("Accepted", "t1")
    assert (status, reason) == ("True", Reason.ROLLOUT_PENDING)
    assert message.endswith("this tenant's proxies are unchanged until its turn comes; wait")
    assert world.condition("Ready", "t1")[0] == "True"
    assert world.reason("Accepted", "t0") == Reason.ACCEPTED
    world.pods("t0")
    await operator.settle()
    assert world.reason("Accepted", "t1") == Reason.ACCEPTED
    assert [world.image(name) for name in names] == ["good:2", "good:2"]


async def test_rollout_stopped(world: World) -> None:
    """Three miss their deadline with a new image: whoever waits for his turn says so, and runs as before."""
    names = [f"t{number}" for number in range(5)]
    for name in names:
        world.secret(f"{name}-credentials")
        world.tenant(name, {"metadata.labels": {CANARY: "true"}} if name == "t4" else {})
    await Operator(world, Settings(proxy_image="good:1")).settle()
    for name in names:
        world.pods(name)
    operator = Operator(world, Settings(proxy_image="bad:2"), most_updating=1)
    await operator.settle()
    assert [call for call in world.writes() if "deployments" in call][-1] == "PATCH deployments t4-proxy"
    for name in ("t4", "t0", "t1"):
        world.pods(name, ready=2, updated=1, stuck="it hangs")
        await operator.settle()
    for name in ("t2", "t3"):
        status, reason, message = world.condition("Accepted", name)
        assert (status, reason) == ("True", Reason.ROLLOUT_STOPPED)
        assert message.endswith("this tenant's proxies are unchanged")
        assert world.image(name) == "good:1"
    told = {name: [event[0] for event in world.events(name) if event[1] == reason] for name in names}
    assert told == {"t0": ["Warning"], "t1": ["Warning"], "t2": [], "t3": [], "t4": ["Warning"]}


async def test_invalid_spec(world: World, operator: Operator) -> None:
    """A spec that the schema lets through and that can't be used leaves what runs as it is."""
    await told(world, operator, "Accepted")
    before = world.child("deployments")
    scale = {"spec.autoscaling": {"maxReplicas": 4}, "spec.resources": {"limits": {"memory": "1Gi"}}}
    status, reason, message = await told(world, operator, "Accepted", scale)
    assert (status, reason) == ("False", Reason.INVALID_SPEC)
    assert message == (
        "`spec.resources.requests.cpu` is missing or 0, so `autoscaling` can't work; set it, such as `100m`, or "
        "remove `resources`; running proxies stay as they are"
    )
    assert world.child("deployments") == before
    assert world.condition("Ready") == ("False", Reason.INVALID_SPEC, f"not Accepted: {message}")
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING


@pytest.mark.parametrize("spec", ["text", [1], None, {"tenantId": []}, {"a": [[[]] * 3]}, {"a": 2**80}])
async def test_invalid_spec_of_any_shape(world: World, operator: Operator, spec: Any) -> None:
    """What a newer CRD lets through is refused, not stumbled over; of the credential nothing is known then."""
    world.tenant(changes={"spec": spec})
    await operator.settle()
    assert world.reason("Accepted") == Reason.INVALID_SPEC
    assert world.condition("CredentialsReady")[:2] == ("Unknown", Reason.INVALID_SPEC)
    assert operator.retries == {}


async def test_tls_secret_missing(world: World, operator: Operator) -> None:
    """Nothing is rolled out until the CA is there, which the operator learns from its watch."""
    await told(world, operator, "Accepted")
    before = world.child("configmaps")
    status, reason, message = await told(world, operator, "Accepted", TLS)
    assert (status, reason) == ("False", Reason.TLS_SECRET_MISSING)
    assert message.startswith("spec.upstream.tls.caSecretRef: Secret ca does not exist; create it with ca.crt")
    assert message.endswith("; running proxies stay as they are")
    assert world.child("configmaps") == before
    world.secret("ca", **{"ca.crt": Authority().pem})
    await operator.settle()
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.child("configmaps") != before


async def test_tls_secret_invalid(world: World, operator: Operator) -> None:
    """A broken certificate is named by its key; it is looked at again when the Secret changes, and not before."""
    world.secret("ca", **{"ca.crt": "M4RKED"})
    status, reason, message = await told(world, operator, "Accepted", TLS)
    assert (status, reason) == ("False", Reason.TLS_SECRET_INVALID)
    assert message.startswith("spec.upstream.tls.caSecretRef: Secret ca: `ca.crt`")
    assert "M4RKED" not in str(world.status())
    world.calls()
    world.secret("unrelated")
    await operator.retry()
    assert world.calls() == []
    world.secret("ca", **{"ca.crt": Authority().pem})
    await operator.settle()
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_secret_of_another_tenant(world: World, operator: Operator) -> None:
    """A credential that was set for one tenant is not used for the other, and is not even read."""
    world.secret(**BASIC)
    world.edit("secrets", {"metadata": {"annotations": {TENANT_ID: "T-earlier"}}}, "acme-credentials")
    status, reason, message = await told(world, operator, "Accepted")
    assert (status, reason) == ("False", Reason.SECRET_OF_ANOTHER_TENANT)
    assert message == (
        "Secret acme-credentials holds the credential of another tenant, as its annotation"
        " proxy.hiiretail.com/tenant-id says; name another one in the spec, or, if nobody needs it: kubectl delete"
        " secret acme-credentials -n tenants; or, if it is this tenant's: kubectl annotate secret acme-credentials"
        " -n tenants --overwrite proxy.hiiretail.com/tenant-id=T-acme; running proxies stay as they are"
    )
    assert world.reason("CredentialsReady") == Reason.SECRET_OF_ANOTHER_TENANT
    assert not world.exists("deployments")
    assert "GET secrets acme-credentials" not in world.calls()
    world.edit("secrets", {"metadata": {"annotations": {TENANT_ID: "T-acme"}}}, "acme-credentials")
    await operator.settle()
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET


async def test_route_unavailable(world: World) -> None:
    """A route where no HTTPRoutes are made is said; all else is made."""
    route = {"spec.route": {"gatewayRef": {"name": "g"}, "hostnames": ["h.example"]}}
    world.tenant(changes=route)
    await Operator(world).settle()
    assert world.condition("Accepted")[:2] == ("False", Reason.ROUTE_UNAVAILABLE)
    assert world.exists("deployments")
    settings = Settings(optional_kinds=frozenset({"HTTPRoute"}))
    await Operator(world, settings, optional_kinds=frozenset({"HTTPRoute"})).settle()
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.exists("httproutes")


@pytest.mark.parametrize(
    ("settings", "changes", "reason"),
    [
        (Settings(refuse_duplicate_tenants=True), {"spec.tenantId": "T-acme"}, Reason.DUPLICATE_TENANT),
        (
            Settings(refuse_shared_secrets=True),
            {"spec.auth.secretRef": {"name": "acme-credentials"}},
            Reason.SECRET_SHARED,
        ),
    ],
    ids=["tenant", "secret"],
)
async def test_not_unique(world: World, settings: Settings, changes: Changes, reason: str) -> None:
    """Where the platform refuses it, the one that came later gets nothing, until the first has gone."""
    operator = Operator(world, settings)
    world.tenant()
    await operator.settle()
    world.calls()
    world.secret("later-credentials")
    world.tenant("later", changes)
    await operator.settle()
    status, said, message = world.condition("Accepted", "later")
    assert (status, said) == ("False", Reason.NOT_UNIQUE)
    assert "tenants/acme was first, and --" in message
    assert message.endswith("; running proxies stay as they are")
    assert world.reason("Unique", "later") == world.reason("Unique") == reason
    assert world.condition("CredentialsReady", "later")[:2] == ("Unknown", Reason.NOT_UNIQUE)
    assert not world.exists("deployments", "later-proxy")
    assert [call for call in world.calls() if "later" in call and "tenantproxies" not in call] == []
    assert world.reason("Accepted") == Reason.ACCEPTED
    world.delete("tenantproxies", "acme")
    await operator.settle()
    assert world.reason("Accepted", "later") == Reason.ACCEPTED


@pytest.mark.parametrize("labelled", [False, True])
async def test_conflict(world: World, operator: Operator, *, labelled: bool) -> None:
    """An object of a child's name that is somebody else's is left alone, and the rest is made."""
    boss = {"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": "b", "controller": True}
    labels = {"app.kubernetes.io/managed-by": "tenantproxy-operator"} if labelled else {}
    world.edit("services", {"metadata": {"labels": labels, "ownerReferences": [boss]}, "spec": {"ports": []}})
    before = world.child("services")
    status, reason, message = await told(world, operator, "Accepted")
    assert (status, reason) == ("False", Reason.CONFLICT)
    assert message == (
        "Service acme-proxy: was not created by this operator; delete or rename it, or rename the TenantProxy"
    )
    assert world.child("services") == before
    assert world.exists("deployments")
    (retry,) = operator.retries.values()
    assert retry.longest_pause == 30
    world.delete("services")
    await operator.retry()
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_conflict_with_an_earlier_tenant_proxy(world: World, operator: Operator) -> None:
    """One that is made anew waits for the garbage collection of its predecessor's children."""
    await told(world, operator, "Accepted")
    world.delete("tenantproxies", "acme")
    status, reason, message = await told(world, operator, "Accepted")
    assert (status, reason) == ("Unknown", Reason.CONFLICT)
    assert world.condition("Reconciling")[1] == Reason.CONFLICT
    assert "Deployment acme-proxy: belongs to another TenantProxy; wait until garbage collection" in message
    world.collect_garbage()
    await operator.settle()
    assert world.reason("Accepted") == Reason.ACCEPTED


@pytest.mark.parametrize(
    "error",
    [
        *(StatusError(status, "Refused", "no") for status in (400, 403, 404, 405, 413, 415, 422)),
        StatusError(500, "InternalError", "failed to create typed patch object: no such field"),
    ],
)
async def test_apply_refused(world: World, operator: Operator, error: StatusError) -> None:
    """A refusal is told at once in the API server's words; the other children are made."""
    world.api.fault = lambda call: error if call == "PATCH services acme-proxy" else None
    status, reason, message = await told(world, operator, "Accepted")
    assert (status, reason) == ("False", Reason.APPLY_REFUSED)
    assert message == f"Service acme-proxy: {error.message}; correct the spec, or whatever rejects it"
    assert world.exists("deployments")
    assert "secretName" not in world.status()
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_apply_failed(world: World, operator: Operator) -> None:
    """What may pass is told from the third failure in a row on, or at once of a spec of which nothing is known."""
    busy = StatusError(429, "TooManyRequests", "later", retry_after=7)
    await told(world, operator, "Accepted")
    world.api.fault = lambda call: busy if call.startswith("PATCH services") else None
    world.delete("services")
    for expected in (Reason.ACCEPTED, Reason.ACCEPTED, Reason.APPLY_FAILED):
        await operator.retry()
        assert world.reason("Accepted") == expected
        assert [error.shortest_pause for error in operator.retries.values()] == [7]
    assert world.condition("Accepted") == (
        "Unknown",
        Reason.APPLY_FAILED,
        "Service acme-proxy: later; retrying",
    )
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.reason("Accepted") == Reason.ACCEPTED
    world.api.fault = lambda call: busy if call.startswith("PATCH deployments") else None
    assert (await told(world, operator, "Accepted", {"spec.replicas": 4}))[1] == Reason.APPLY_FAILED


# Available


async def test_pending(world: World, operator: Operator) -> None:
    """There is no Deployment, or nobody has looked at it."""
    world.api.fault = lambda call: StatusError(422, "Invalid", "no") if "deployments" in call else None
    status, reason, message = await told(world, operator, "Available")
    assert (status, reason) == ("Unknown", Reason.PENDING)
    assert message.startswith("there is no Deployment yet")
    world.api.fault = lambda _: None
    await operator.retry()
    assert "has not processed the Deployment yet" in world.condition("Available")[2]


async def test_proxies_ready(world: World, operator: Operator) -> None:
    """All are ready, and of the newest spec; the numbers are the Deployment's."""
    await told(world, operator, "Available")
    world.pods()
    await operator.settle()
    assert world.condition("Available") == ("True", Reason.PROXIES_READY, "all proxies are ready")
    assert (world.status()["replicas"], world.status()["readyReplicas"]) == (2, 2)


@pytest.mark.parametrize(
    ("ready", "updated", "meanwhile"),
    [(1, 2, "1 of 2 serve"), (2, 1, "earlier proxies serve what was applied before")],
)
async def test_rolling_out(world: World, operator: Operator, ready: int, updated: int, meanwhile: str) -> None:
    """Proxies serve, while others come and go; Ready is what all of them serve."""
    await told(world, operator, "Available")
    world.pods(ready=ready, updated=updated)
    await operator.settle()
    status, reason, message = world.condition("Available")
    assert (status, reason) == ("True", Reason.ROLLING_OUT)
    assert message.endswith(f"; {meanwhile}")
    assert world.condition("Ready") == ("Unknown", Reason.ROLLING_OUT, f"not rolled out: {message}")
    assert world.condition("Reconciling")[1:] == world.condition("Ready")[1:]


async def test_rolling_out_a_change_of_the_spec(world: World, operator: Operator) -> None:
    """Ready goes with the change, and comes back when new proxies have taken the place of all earlier ones."""
    await served(world, operator)
    status, reason, message = await told(world, operator, "Ready", {"spec.upstream.timeout": "4s"})
    assert (status, reason) == ("Unknown", Reason.ROLLING_OUT)
    assert message.endswith("; earlier proxies serve what was applied before")
    for updated, ready in ((0, 2), (1, 2), (2, 1)):
        world.pods(updated=updated, ready=ready)
        await operator.settle()
        assert world.condition("Ready")[0] == "Unknown"
    world.pods()
    await operator.settle()
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    assert world.status()["observedGeneration"] == 2
    assert "Reconciling" not in [each["type"] for each in world.status()["conditions"]]


async def test_rolling_out_what_was_ready(world: World) -> None:
    """Proxies that move to other nodes, or are replaced for an image of the operator's, take nothing away."""
    operator = Operator(world, Settings(proxy_image="good:1"))
    await served(world, operator)
    world.pods(ready=1)
    await operator.settle()
    assert world.condition("Available")[:2] == ("True", Reason.ROLLING_OUT)
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    world.pods()
    newer = Operator(world, Settings(proxy_image="good:2"))
    await newer.settle()
    assert world.image() == "good:2"
    assert world.condition("Available")[:2] == ("True", Reason.ROLLING_OUT)
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    world.pods(ready=0)
    await newer.settle()
    assert world.condition("Ready")[:2] == ("False", Reason.PROXIES_NOT_READY)


@pytest.mark.parametrize(("ready", "status"), [(2, "True"), (0, "False")])
async def test_rollout_stuck(world: World, operator: Operator, ready: int, status: str) -> None:
    """New proxies missed their deadline, in the words of the Deployment controller; later progress heals."""
    await told(world, operator, "Available")
    world.pods(ready=ready, updated=1, stuck="it hangs.")
    await operator.settle()
    found, reason, message = world.condition("Available")
    assert (found, reason) == (status, Reason.ROLLOUT_STUCK)
    assert message.startswith("new proxies don't become ready (it hangs); ")
    assert message.endswith(
        "kubectl describe pods -n tenants -l app.kubernetes.io/instance=acme,app.kubernetes.io/component=proxy"
    )
    why = "not rolled out" if ready else "not Available"
    assert world.condition("Ready") == ("False", Reason.ROLLOUT_STUCK, f"{why}: {message}")
    assert world.condition("Stalled") == ("True", *world.condition("Ready")[1:])
    metric = 'tenantproxy_operator_stalled{reason="RolloutStuck"}'
    assert f"{metric} 1.0" in operator.metrics.exposition().decode()
    world.pods()
    await operator.settle()
    assert world.reason("Available") == Reason.PROXIES_READY
    assert metric not in operator.metrics.exposition().decode()
    world.pods(ready=ready, updated=1, stuck="it hangs")
    await operator.settle()
    world.delete("tenantproxies", "acme")
    await operator.settle()
    assert metric not in operator.metrics.exposition().decode()


async def test_rollout_stuck_is_an_event_each_time(world: World, operator: Operator) -> None:
    """One warning for each time, whatever is seen meanwhile, also over a restart; a correction ends it."""
    await served(world, operator)
    for count in (1, 2):
        await told(world, operator, "Ready", {"spec.upstream.timeout": f"{count + 1}s"})
        assert world.reason("Ready") == Reason.ROLLING_OUT  # no longer what is said of the spec before
        for _ in range(2):
            world.pods(updated=1, stuck="it hangs")
            await operator.settle()
            world.pods(updated=1, stuck="it still hangs")
            await operator.settle()
            await Operator(world).settle()
        said = [event for event in world.events() if event[1] == Reason.ROLLOUT_STUCK]
        assert [kind for kind, *_ in said] == ["Warning"] * count
    assert "earlier proxies serve what was applied before" in said[-1][2]
    assert world.condition("Ready")[:2] == ("False", Reason.ROLLOUT_STUCK)


@pytest.mark.parametrize(("ready", "status"), [(2, "True"), (0, "False")])
async def test_replica_failure(world: World, operator: Operator, ready: int, status: str) -> None:
    """What the API server has against the pods is said at once, in its words, and beside what comes of it."""
    words = 'pods "acme-proxy-6d5-" is forbidden: no PriorityClass with name high was found'
    await told(world, operator, "Available")
    world.pods(ready=ready, updated=0, refused=words)
    await operator.settle()
    found, reason, message = world.condition("Available")
    assert (found, reason) == (status, Reason.REPLICA_FAILURE)
    assert words in message
    assert world.reason("Reconciling") == Reason.REPLICA_FAILURE
    world.pods(ready=ready, updated=0, refused=words, stuck="it hangs")
    await operator.settle()
    assert world.reason("Stalled") == Reason.ROLLOUT_STUCK
    assert f"(it hangs; {words}); " in world.condition("Stalled")[2]


async def test_deployment_paused(world: World, operator: Operator) -> None:
    """Somebody's pause is left; what to do is said; where a change waits for it, it is stalled."""
    await served(world, operator)
    world.edit("deployments", {"spec": {"paused": True}})
    world.pods()
    await operator.settle()
    status, reason, message = world.condition("Available")
    assert (status, reason) == ("True", Reason.DEPLOYMENT_PAUSED)
    assert message.endswith("resume it: kubectl rollout resume -n tenants deployment/acme-proxy")
    assert world.condition("Ready")[0] == "True"
    await told(world, operator, "Ready", {"spec.upstream.timeout": "4s"})
    world.pods(updated=0)
    await operator.settle()
    assert world.condition("Ready")[:2] == ("False", Reason.DEPLOYMENT_PAUSED)
    assert world.condition("Stalled")[1] == Reason.DEPLOYMENT_PAUSED
    assert "earlier proxies serve what was applied before" in world.condition("Ready")[2]
    world.edit("deployments", {"spec": {"paused": False}})
    world.pods()
    await operator.settle()
    assert world.condition("Ready")[0] == "True"


async def test_proxies_not_ready(world: World, operator: Operator) -> None:
    """No proxy serves; that they begin to start is no warning, that they end is one."""
    await told(world, operator, "Available")
    for ready, kind in ((0, "Normal"), (2, "Normal"), (0, "Warning")):
        world.pods(ready=ready)
        await operator.settle()
        assert world.events()[-1][0] == kind
    assert world.condition("Available")[:2] == ("False", Reason.PROXIES_NOT_READY)
    assert world.condition("Ready")[:2] == ("False", Reason.PROXIES_NOT_READY)


async def test_proxies_ready_beside_an_autoscaler_and_a_budget_of_others(world: World, operator: Operator) -> None:
    """They are named in the message while they are there; Ready is as before, and it is no Event."""
    await served(world, operator)
    before, events = world.condition("Available"), world.events()
    world.edit(
        "horizontalpodautoscalers",
        {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "acme-proxy"}}},
        "their-hpa",
    )
    world.edit("poddisruptionbudgets", {"spec": {"selector": {"matchLabels": {}}}}, "their-pdb")
    await operator.settle()
    status, reason, message = world.condition("Available")
    assert (status, reason) == ("True", Reason.PROXIES_READY)
    assert "; HorizontalPodAutoscaler their-hpa sets the number of replicas" in message
    assert "; PodDisruptionBudget their-pdb selects these pods" in message
    assert world.condition("Ready")[:2] == ("True", Reason.READY)
    again = Operator(world)
    world.calls()
    await again.settle()
    assert world.writes() == []
    world.delete("horizontalpodautoscalers", "their-hpa")
    world.delete("poddisruptionbudgets", "their-pdb")
    await operator.settle()
    assert (world.condition("Available"), world.events()) == (before, events)


# CredentialsReady


async def test_credentials_set(world: World, operator: Operator) -> None:
    """The status says of which type, and since when; another one is an Event; a value is nowhere."""
    await told(world, operator, "CredentialsReady")
    world.secret(**BASIC)
    await operator.settle()
    assert world.condition("CredentialsReady")[:2] == ("True", Reason.CREDENTIALS_SET)
    assert world.status()["credentials"] == {"type": "basic", "updatedAt": "2026-01-01T00:00:00Z"}
    world.seconds = 60
    world.secret(unrelated="x")
    await operator.settle()
    assert world.status()["credentials"]["updatedAt"] == "2026-01-01T00:00:00Z"
    assert world.events()[-1][1] == Reason.CREDENTIALS_SET
    world.secret(password="M4RKED-2")
    await operator.settle()
    assert world.status()["credentials"]["updatedAt"] == "2026-01-01T00:01:00Z"
    assert world.events()[-1][1:] == (
        "CredentialsChanged",
        "the credential in Secret acme-credentials was replaced",
    )
    assert "M4RKED" not in str([thing for ref, thing in world.api.objects.items() if ref.plural != "secrets"])


async def test_credentials_missing(world: World, operator: Operator) -> None:
    """The Secret is there and holds none of our keys: who sets it is said."""
    status, reason, message = await told(world, operator, "CredentialsReady")
    assert (status, reason) == ("False", Reason.CREDENTIALS_MISSING)
    assert "a tenant's admin sets it with PUT /api/v1/proxy-config" in message
    assert "credentials" not in world.status()


async def test_credentials_invalid(world: World, operator: Operator) -> None:
    """Keys are named, never a value; it is looked at again when the Secret changes."""
    world.secret(username="M4RKED")
    status, reason, message = await told(world, operator, "CredentialsReady")
    assert (status, reason) == ("False", Reason.CREDENTIALS_INVALID)
    assert message.startswith("Secret acme-credentials: `password` is missing")
    assert "M4RKED" not in str(world.status())
    world.secret(password="p")
    await operator.settle()
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET


async def test_secret_missing(world: World, operator: Operator) -> None:
    """With `management: platform` somebody else has to create it."""
    world.delete("secrets", "acme-credentials")
    platform = {"spec.auth": {"management": "platform"}}
    status, reason, message = await told(world, operator, "CredentialsReady", platform)
    assert (status, reason) == ("False", Reason.SECRET_MISSING)
    assert message.endswith("create it with External Secrets or kubectl")
    await operator.wait(60)
    assert not world.exists("secrets", "acme-credentials")
    world.secret(**BASIC)
    await operator.settle()
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET


async def test_secret_unreadable(world: World, operator: Operator) -> None:
    """All the rest is made, and it is tried again until the right is there."""
    refusal = StatusError(403, "Forbidden", "secrets is forbidden")
    world.api.fault = lambda call: refusal if call.startswith("GET secrets") else None
    status, reason, message = await told(world, operator, "CredentialsReady")
    assert (status, reason) == ("Unknown", Reason.SECRET_UNREADABLE)
    assert message == (
        "Secret acme-credentials can't be read: secrets is forbidden; grant the operator permission"
        " (`tenantproxy-operator rbac`)"
    )
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.status()["appliedDigest"].startswith("--.")  # nothing but what the pods were released with
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING


# Unique


async def test_unique(world: World, operator: Operator) -> None:
    """No other one wants the same."""
    status, reason, message = await told(world, operator, "Unique")
    assert (status, reason) == ("True", Reason.UNIQUE)
    assert message.startswith("no other TenantProxy has this spec.tenantId")


async def two_that_want_the_same(world: World, operator: Operator, changes: Changes, expected: str) -> None:
    """Both say so, as long as it is so; both are served."""
    await told(world, operator, "Unique")
    world.secret("other-credentials")
    world.tenant("other", changes)
    await operator.settle()
    for name, rival in (("acme", "other"), ("other", "acme")):
        status, reason, message = world.condition("Unique", name)
        assert (status, reason) == ("False", expected)
        assert message.startswith(f"TenantProxies tenants/{name} and tenants/{rival} ")
        assert world.reason("Accepted", name) == Reason.ACCEPTED
        assert ("Warning", expected) in [event[:2] for event in world.events(name)]
    world.delete("tenantproxies", "other")
    await operator.settle()
    assert world.reason("Unique") == Reason.UNIQUE


async def test_secret_shared(world: World, operator: Operator) -> None:
    """One tenant's Secret in another one's spec."""
    shared = {"spec.auth.secretRef": {"name": "acme-credentials"}}
    await two_that_want_the_same(world, operator, shared, Reason.SECRET_SHARED)


async def test_duplicate_tenant(world: World, operator: Operator) -> None:
    """One tenant's id in two specs."""
    await two_that_want_the_same(world, operator, {"spec.tenantId": "T-acme"}, Reason.DUPLICATE_TENANT)
