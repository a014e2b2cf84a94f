"""What has to be done for a tenant is a function of its snapshot: the same each time, and nothing is written."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.operator.reconciling import NAMESPACE, Operator, World
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.controller.applied_state import AppliedState
from tenantproxy_operator.controller.evaluation import (
    SECRET_GRACE,
    TenantSnapshot,
    evaluate,
    refused_for_rivals,
    unchanged,
)
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.settings import Settings

KEY = Key(NAMESPACE, "acme")
SECRET = Key(NAMESPACE, "acme-credentials")
SPECS: list[dict[str, Any]] = [
    {},
    {"spec.suspend": True},
    {"spec.replicas": "many"},
    {"spec.autoscaling": {"maxReplicas": 4}},
    {"spec.auth": {"management": "platform"}},
    {"spec.upstream.tls": {"caSecretRef": {"name": "ca"}, "clientCertificateSecretRef": {"name": "cert"}}},
    {"spec.route": {"gatewayRef": {"name": "g"}, "hostnames": ["h.example"]}},
]


def snapshot_of(world: World, settings: Settings | None = None, **changes: Any) -> TenantSnapshot:
    """Return what an operator that has just been started knows of the tenant, with some changes."""
    operator = Operator(world, settings)
    tenant = operator.tenants.get(KEY)
    assert tenant is not None
    return msgspec.structs.replace(operator.reconciler._take_snapshot(tenant, 0), **changes)


@pytest.fixture
async def snapshot() -> TenantSnapshot:
    """Return that of a tenant that is at rest."""
    world = World()
    world.secret(username="u", password="p")
    world.tenant()
    await Operator(world).settle()
    return snapshot_of(world)


def changed_inputs(snapshot: TenantSnapshot, *, spec: bool) -> TenantSnapshot:
    """Return it with inputs that are not those of before: another spec, or another setting."""
    own, _, common = snapshot.inputs.partition(".")
    return msgspec.structs.replace(snapshot, inputs=f"{own}x.{common}" if spec else f"{own}.{common}x")


@given(
    spec=st.sampled_from(SPECS),
    settings=st.builds(
        Settings,
        proxy_image=st.sampled_from(["a:1", "b:2"]),
        refuse_duplicate_tenants=st.booleans(),
        optional_kinds=st.sampled_from([frozenset[str](), frozenset({"HTTPRoute"})]),
    ),
    rival=st.booleans(),
    inputs=st.sampled_from(["", "own.common"]),
    secret=st.none() | st.builds(SecretVersion, st.just("u"), st.integers(1, 3)),
    missing_since=st.none() | st.floats(0, 10),
    failures=st.integers(0, 5),
    time=st.floats(10, 20),
)
def test_the_same_snapshot_gives_the_same(
    spec: dict[str, Any],
    settings: Settings,
    *,
    rival: bool,
    inputs: str,
    secret: SecretVersion | None,
    missing_since: float | None,
    failures: int,
    time: float,
) -> None:
    """Evaluated twice it is the same, and the snapshot is as it was."""
    world = World()
    if rival:
        world.tenant("first", {"spec.tenantId": "T-acme"})
    world.tenant(changes=spec)
    state = AppliedState(inputs=inputs, children={}, secrets={}, secret_missing_since=missing_since)
    snapshot = snapshot_of(world, settings, state=state, secrets={SECRET: secret}, failures=failures, time=time)
    before = copy.deepcopy(snapshot)
    assert evaluate(snapshot) == evaluate(snapshot)
    assert refused_for_rivals(snapshot) == refused_for_rivals(snapshot)
    assert (refused_for_rivals(snapshot) is not None) == (rival and settings.refuse_duplicate_tenants)
    assert unchanged(snapshot) == unchanged(snapshot)
    assert snapshot == before


def test_at_rest(snapshot: TenantSnapshot) -> None:
    """What the status says still holds."""
    settled = unchanged(snapshot)
    assert settled is not None
    assert settled.accepted.reason == Reason.ACCEPTED
    assert settled.digest == snapshot.status["appliedDigest"]
    assert not snapshot.inputs_changed
    assert not snapshot.owner_may_be_gone


@pytest.mark.parametrize("missing", ["Accepted", "CredentialsReady"])
def test_an_incomplete_status_does_not_hold(snapshot: TenantSnapshot, missing: str) -> None:
    """What it does not say has to be found anew."""
    conditions = [each for each in snapshot.status["conditions"] if each["type"] != missing]
    status = {**snapshot.status, "conditions": conditions}
    assert unchanged(msgspec.structs.replace(snapshot, status=status)) is None


@pytest.mark.parametrize("reason", [Reason.ROLLOUT_STOPPED, Reason.NOT_UNIQUE])
def test_what_was_about_others_does_not_hold(snapshot: TenantSnapshot, reason: str) -> None:
    """It may have passed with them."""
    conditions = [
        each | ({"reason": reason} if each["type"] == "Accepted" else {}) for each in snapshot.status["conditions"]
    ]
    status = {**snapshot.status, "conditions": conditions}
    assert unchanged(msgspec.structs.replace(snapshot, status=status)) is None


def test_the_owner_may_be_gone(snapshot: TenantSnapshot) -> None:
    """As soon as one child has gone, or has lost its owner."""
    (name, child), *others = snapshot.children.items()
    assert msgspec.structs.replace(snapshot, children=dict(others)).owner_may_be_gone
    orphan = msgspec.structs.replace(child, owner_uid="")
    assert msgspec.structs.replace(snapshot, children={**snapshot.children, name: orphan}).owner_may_be_gone


def test_whose_change_it_is(snapshot: TenantSnapshot) -> None:
    """Pods that change with what all tenants share need a turn; those that change with the own spec do not."""
    for changed in (snapshot, changed_inputs(snapshot, spec=True), changed_inputs(snapshot, spec=False)):
        assert not evaluate(changed).needs_turn  # the same pods as before
    other = msgspec.structs.replace(snapshot, settings=Settings(proxy_image="other:2"))
    assert evaluate(changed_inputs(other, spec=False)).needs_turn
    assert not evaluate(changed_inputs(other, spec=True)).needs_turn
    nobodys = {name: child for name, child in snapshot.children.items() if name[0] != "deployments"}
    new = msgspec.structs.replace(other, children=nobodys)
    assert not evaluate(changed_inputs(new, spec=False)).needs_turn


def test_contents_are_read_where_something_changed(snapshot: TenantSnapshot) -> None:
    """The credential, and the Secrets with certificates before anything is applied."""
    assert not evaluate(snapshot).reads_credential
    assert evaluate(changed_inputs(snapshot, spec=True)).reads_credential
    moved = msgspec.structs.replace(snapshot, secrets={SECRET: None})
    assert evaluate(moved).reads_credential
    world = World()
    world.tenant(changes=SPECS[5])
    assert [secret.name for secret in evaluate(snapshot_of(world)).tls_secrets] == ["ca", "cert"]


@pytest.mark.parametrize(
    ("missing_since", "time", "expected"),
    [(None, 100, SECRET_GRACE), (100, 100, SECRET_GRACE), (100, 101, SECRET_GRACE - 1), (100, 103, None)],
)
def test_the_grace_of_a_missing_secret(
    snapshot: TenantSnapshot, missing_since: float | None, time: float, expected: float | None
) -> None:
    """It begins when it was first seen to be missing."""
    state = msgspec.structs.replace(snapshot.state, secret_missing_since=missing_since)
    evaluation = evaluate(msgspec.structs.replace(snapshot, secrets={SECRET: None}, state=state, time=time))
    assert (evaluation.secret_missing_since, evaluation.secret_due_in) == (100, expected)


def test_the_grace_ends_with_the_secret(snapshot: TenantSnapshot) -> None:
    """One that is deleted later has another one; nobody waits for what the platform creates."""
    state = msgspec.structs.replace(snapshot.state, secret_missing_since=100)
    evaluation = evaluate(msgspec.structs.replace(snapshot, state=state))
    assert (evaluation.secret_missing_since, evaluation.secret_due_in) == (None, None)
