"""What has to be done for a tenant is a function of its snapshot: the same each time, and nothing is written."""

import copy
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.operator.crds import next_crd, schema_of
from support.operator.reconciling import NAMESPACE, Operator, World
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.conditions import ConditionValue
from tenantproxy_operator.controller.applied_state import AppliedState
from tenantproxy_operator.controller.evaluation import (
    SECRET_GRACE,
    Evaluation,
    TenantSnapshot,
    evaluate,
    owned_by,
    refused_for_rivals,
    unchanged,
)
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.resource import MOST_NESTED

KEY = Key(NAMESPACE, "acme")
SECRET = Key(NAMESPACE, "acme-credentials")
TAKES_ANYTHING = ServedSchema.of({"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}}})
OTHER = Key(NAMESPACE, "ca")
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


@pytest.mark.parametrize("spec", [{}, {"spec.suspend": True}, {"spec.auth": {"management": "platform"}}])
def test_a_secret_of_another_tenant(spec: dict[str, Any]) -> None:
    """Nothing is applied or read, whatever else is said; of the tenant's own, and of nobody's, nothing is said."""
    for tenant_id in ("T-acme", ""):
        evaluation = evaluate(snapshot_with(spec, secrets={SECRET: SecretVersion("u", 1, tenant_id), OTHER: None}))
        assert evaluation.credential is None
        assert evaluation.reads_credential
    evaluation = evaluate(snapshot_with(spec, secrets={SECRET: SecretVersion("u", 1, "T-2"), OTHER: None}))
    assert evaluation.credential is not None
    message = f"{evaluation.credential.message}; running proxies stay as they are"
    assert evaluation.accepted == ConditionValue("False", Reason.SECRET_OF_ANOTHER_TENANT, message)
    assert evaluation.credential.reason == Reason.SECRET_OF_ANOTHER_TENANT
    assert evaluation.resource is not None
    assert (evaluation.children, evaluation.tls_secrets, evaluation.reads_credential) == (None, (), False)


def changed_inputs(snapshot: TenantSnapshot, *, spec: bool) -> TenantSnapshot:
    """Return it with inputs that are not those of before: another spec, or another setting."""
    own, _, common = snapshot.inputs.partition(".")
    if not spec:
        return msgspec.structs.replace(snapshot, inputs=f"{own}.{common}x")
    tenant = msgspec.structs.replace(snapshot.tenant, change_hash="other")
    return msgspec.structs.replace(snapshot, inputs=f"{own}x.{common}", tenant=tenant)


@settings(max_examples=30)
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
    assert settled.credentials_ready == snapshot.condition("CredentialsReady")
    assert settled.credentials_ready is not None
    assert not snapshot.inputs_changed
    assert not snapshot.owner_may_be_gone


@pytest.mark.parametrize("missing", ["Accepted", "CredentialsReady"])
def test_an_incomplete_status_does_not_hold(snapshot: TenantSnapshot, missing: str) -> None:
    """What it does not say has to be found anew."""
    conditions = [each for each in snapshot.status["conditions"] if each["type"] != missing]
    status = {**snapshot.status, "conditions": conditions}
    assert unchanged(msgspec.structs.replace(snapshot, status=status)) is None


def test_an_unfinished_status_does_not_hold(snapshot: TenantSnapshot) -> None:
    """Nor does one without a digest, or of another spec."""
    status = {name: value for name, value in snapshot.status.items() if name != "appliedDigest"}
    assert unchanged(msgspec.structs.replace(snapshot, status=status)) is None
    assert unchanged(changed_inputs(snapshot, spec=True)) is None
    assert unchanged(msgspec.structs.replace(snapshot, status={})) is None


def test_only_the_own_children_count(snapshot: TenantSnapshot) -> None:
    """Objects of the children's names that belong to somebody else are as if they were not there."""
    assert owned_by(snapshot.tenant, snapshot.children) == snapshot.children
    (name, child), *others = snapshot.children.items()
    strangers = {**snapshot.children, name: msgspec.structs.replace(child, owner_uid="another")}
    assert owned_by(snapshot.tenant, strangers) == dict(others)
    changed = msgspec.structs.replace(snapshot, children=strangers)
    assert unchanged(changed) is None
    assert changed.owner_may_be_gone


def test_nobody_has_gone_where_nothing_was_applied(snapshot: TenantSnapshot) -> None:
    """Before the first children there is none to miss."""
    new = msgspec.structs.replace(snapshot, children={}, state=AppliedState())
    assert not new.owner_may_be_gone


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


def snapshot_with(spec: dict[str, Any], settings: Settings | None = None, **changes: Any) -> TenantSnapshot:
    """Return that of a new tenant with another spec."""
    world = World()
    world.tenant(changes=spec)
    return snapshot_of(world, settings, **changes)


def conditions(**reasons: str) -> dict[str, Any]:
    """Return a status with conditions of such reasons."""
    common = {"status": "False", "message": "m"}
    return {"conditions": [{"type": kind, "reason": reason} | common for kind, reason in reasons.items()]}


def test_a_spec_that_can_not_be_used() -> None:
    """Nothing is done for it; each bad field is named in the condition."""
    found = evaluate(snapshot_with({"spec.replicas": "many", "spec.suspend": "maybe"}))
    assert found == Evaluation(accepted=found.accepted)
    assert (found.accepted.status, found.accepted.reason) == ("False", Reason.INVALID_SPEC)
    parts = found.accepted.message.split("; `")
    assert sorted(part.lstrip("`").partition("`")[0] for part in parts) == ["spec.replicas", "spec.suspend"]
    assert re.search(r"; [a-z ]+$", parts[-1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spec.replcas": 2}, "^`spec.replcas` .*`replicas`"),
        ({"spec.upstream.url": "http://oms.example"}, "^`spec.upstream.url` "),
    ],
    ids=["unknown field", "what only the configuration's checks find"],
)
def test_what_is_wrong_with_a_spec(changes: dict[str, Any], words: str) -> None:
    """A field that no schema has comes with the known one; what the models accept is checked as well."""
    found = evaluate(snapshot_with(changes, schema=TAKES_ANYTHING))
    assert found.resource is None
    assert re.match(words, found.accepted.message)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spec.upstream.mode": "fast"}, ""),
        (
            {"spec.upstream.mode": "slow"},
            "; `spec.upstream.mode` is not known to this version of the operator",
        ),
        (
            {"spec.upstream.mode": "slow", "spec.upstream.hint": "x"},
            "; `spec.upstream.hint`, `spec.upstream.mode` are not known to this version of the operator",
        ),
    ],
    ids=["with its default", "in use", "two in use"],
)
@pytest.mark.parametrize("suspend", [False, True])
def test_fields_of_a_newer_schema(fields: dict[str, Any], words: str, *, suspend: bool) -> None:
    """They are ignored, with a word where they are in use; the tenant stays accepted, if it is not suspended."""
    newer = ServedSchema.of(schema_of(next_crd()))
    found = evaluate(snapshot_with({"spec.suspend": suspend} | fields, schema=newer))
    plain = evaluate(snapshot_with({"spec.suspend": suspend}))
    assert (found.children, found.resource) == (plain.children, plain.resource)
    assert (found.accepted.status, found.accepted.reason) == (plain.accepted.status, plain.accepted.reason)
    assert plain.accepted.status == ("False" if suspend else "True")
    own, said = plain.accepted.message, found.accepted.message
    assert said.startswith(own + words)
    assert said.endswith(" no effect; update the operator") if words else said == own


_CENTS = {"from": "/priceInCents"}


@pytest.mark.parametrize("suspend", [False, True])
def test_minor_units(*, suspend: bool) -> None:
    """An amount that may be a hundred times too high is no reason to refuse a spec, but is said."""
    price = "spec.mapping.getOrder.fields.items.fields.unitPrice"
    plain = evaluate(snapshot_with({"spec.suspend": suspend}))
    lines = {"each": "/lines", "fields": {"unitPrice": _CENTS}}
    found = evaluate(snapshot_with({"spec.suspend": suspend, "spec.mapping.getOrder.fields": {"items": lines}}))
    assert (found.accepted.status, found.accepted.reason) == (plain.accepted.status, plain.accepted.reason)
    assert f"; warning: `{price}` takes `priceInCents` as it is, which looks like minor" in found.accepted.message
    scaled = {"each": "/lines", "fields": {"unitPrice": _CENTS | {"scale": 2}}}
    found = evaluate(snapshot_with({"spec.suspend": suspend, "spec.mapping.getOrder.fields": {"items": scaled}}))
    assert found.accepted == plain.accepted


def test_many_minor_units() -> None:
    """However long the names, and however many, there is room for them in a condition."""
    amount = {"from": f"/{'a' * 490}InCents"}
    items = {
        "each": "/lines",
        "fields": {
            "unitPrice": amount,
            "contributedAmount": amount,
            "discounts": {"each": "/d", "fields": {"discountAmount": amount}},
        },
    }
    invoice = {"from": "/i", "fields": {"invoicingAmount": amount}}
    fields = {"items": items, "invoicePaymentInstructions": invoice, "minimumDownPaymentAmount": amount}
    found = evaluate(snapshot_with({"spec.mapping.getOrder.fields": fields}))
    assert found.accepted.message.count("looks like minor units") == 5
    assert len(found.accepted.message) < 4096


def test_many_fields_of_a_newer_schema() -> None:
    """The message names some of them."""
    newer = ServedSchema.of(schema_of(next_crd(added={f"spec.new{number}": {} for number in range(8)})))
    found = evaluate(snapshot_with({f"spec.new{number}": 1 for number in range(8)}, schema=newer))
    assert "`spec.new4` and 3 more are not known" in found.accepted.message
    assert "spec.new5" not in found.accepted.message


def test_values_of_a_newer_schema() -> None:
    """A value that only the newer schema permits can't be ignored; what is unknown beside it is no error."""
    newer = ServedSchema.of(schema_of(next_crd()))
    found = evaluate(
        snapshot_with({"spec.access": {"mode": "mutual"}, "spec.upstream.mode": "slow"}, schema=newer)
    )
    assert found.accepted.reason == Reason.INVALID_SPEC
    assert found.accepted.message.startswith("`spec.access.mode` must be ")
    assert "spec.upstream.mode" not in found.accepted.message


def test_a_spec_that_is_nested_too_deep() -> None:
    """It is not even looked at."""
    deep: Any = 1
    for _ in range(MOST_NESTED + 1):
        deep = [deep]
    found = evaluate(snapshot_with({"spec.other": deep}))
    assert found == Evaluation(accepted=found.accepted)
    assert (found.accepted.status, found.accepted.reason) == ("False", Reason.INVALID_SPEC)
    assert f"more than {MOST_NESTED} levels" in found.accepted.message


def test_a_rival_that_was_first() -> None:
    """Where duplicates are refused, what runs stays, and the digest vouches for nothing."""
    world = World()
    world.tenant("first", {"spec.tenantId": "T-acme"})
    world.tenant()
    snapshot = snapshot_of(world, Settings(refuse_duplicate_tenants=True))
    settled = refused_for_rivals(snapshot)
    assert settled is not None
    assert (settled.accepted.status, settled.accepted.reason) == ("False", Reason.NOT_UNIQUE)
    assert f"{KEY} and {NAMESPACE}/first " in settled.accepted.message
    assert re.search(r"; [a-z ]+$", settled.accepted.message)
    assert settled.digest is None
    unknown = settled.credentials_ready
    assert (unknown.status, unknown.reason) == ("Unknown", Reason.NOT_UNIQUE)
    assert unknown.message.endswith("; see the condition Accepted")
    known = msgspec.structs.replace(snapshot, status=conditions(CredentialsReady=Reason.CREDENTIALS_MISSING))
    settled = refused_for_rivals(known)
    assert settled is not None
    assert settled.credentials_ready == known.condition("CredentialsReady")
    applied = refused_for_rivals(msgspec.structs.replace(snapshot, state=AppliedState(inputs="own.common")))
    assert applied is not None
    assert applied.digest == "own--"


def test_a_suspended_tenant() -> None:
    """Nothing is applied, and so what is new waits; its Secrets are checked all the same."""
    spec = {**SPECS[5], "spec.suspend": True}
    found = evaluate(snapshot_with(spec))
    assert (found.accepted.status, found.accepted.reason) == ("False", Reason.SUSPENDED)
    assert "the change waits until it is false" in found.accepted.message
    assert found.resource is not None
    assert found.resource.spec.suspend
    assert found.children is None
    assert [secret.name for secret in found.tls_secrets] == ["ca", "cert"]
    assert found.reads_credential


ROUTES = frozenset({"HTTPRoute"})
ROUTE: dict[str, Any] = {"spec.route": {"gatewayRef": {"name": "g"}, "hostnames": ["h.example"]}}


async def applied(world: World, *specs: dict[str, Any]) -> Operator:
    """Have specs applied, one after the other, by an operator that makes HTTPRoutes."""
    operator = Operator(world, Settings(optional_kinds=ROUTES), optional_kinds=ROUTES)
    for spec in specs:
        world.tenant(changes=spec)
        await operator.settle()
        await operator.wait(SECRET_GRACE)
    return operator


def suspended(operator: Operator, changes: dict[str, Any], settings: Settings | None = None) -> str:
    """Return what is said of the tenant once it is suspended, together with a change."""
    operator.world.tenant(changes={"spec.suspend": True, **changes})
    operator.hear()
    tenant = operator.tenants.get(KEY)
    assert tenant is not None
    snapshot = operator.reconciler._take_snapshot(tenant, 0)
    found = evaluate(msgspec.structs.replace(snapshot, settings=settings or snapshot.settings)).accepted
    assert found.reason == Reason.SUSPENDED
    return found.status


@pytest.mark.parametrize(
    ("specs", "changes", "status"),
    [
        ([{}], {}, "True"),
        ([{}], {"spec.replicas": 3}, "False"),
        ([{}], ROUTE, "False"),
        ([ROUTE], {}, "True"),
        ([ROUTE], {"spec.route": ...}, "False"),
        ([{}, {"spec.auth": {"secretRef": {"name": "other"}}}], {}, "True"),
    ],
    ids=["as it was", "another one", "one too few", "all", "one too many", "a Secret that stays"],
)
@pytest.mark.parametrize("own_secret", [False, True])
async def test_whether_a_suspended_tenant_is_as_its_spec_says(
    specs: list[dict[str, Any]], changes: dict[str, Any], status: str, *, own_secret: bool
) -> None:
    """Each child is, and there is no other one; a Secret is the user's own, or may be left of an earlier spec."""
    world = World()
    if own_secret:
        world.secret()
    assert suspended(await applied(world, *specs), changes) == status


async def test_a_suspended_tenant_whose_children_were_edited() -> None:
    """By what, nobody knows: it is no longer what the spec says."""
    operator = await applied(World(), {})
    operator.world.edit("services", {"spec": {"ports": []}})
    assert suspended(operator, {}) == "False"


async def test_a_suspended_tenant_and_another_image() -> None:
    """What would be made of the same spec by now does not count; a change of the spec does."""
    operator = await applied(World(), {})
    other = Settings(proxy_image="other:2", optional_kinds=ROUTES)
    assert suspended(operator, {}, other) == "True"
    assert suspended(operator, {"spec.replicas": 3}, other) == "False"


def test_what_is_to_be_done_for_a_new_tenant() -> None:
    """All children are rendered, with the operator's settings; a kind that can't be written is pointed out."""
    found = evaluate(snapshot_with({}, Settings(proxy_image="other:2")))
    assert found.resource is not None
    assert (found.resource.metadata.name, found.resource.metadata.namespace) == (KEY.name, KEY.namespace)
    assert found.accepted.reason == Reason.ACCEPTED
    assert found.children is not None
    (deployment,) = (child for child in found.children if child["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "other:2"
    assert found.tls_secrets == ()
    for kinds, is_rendered in ((frozenset[str](), False), (frozenset({"HTTPRoute"}), True)):
        found = evaluate(snapshot_with(SPECS[6], optional_kinds=kinds))
        assert found.children is not None
        assert ("HTTPRoute" in [child["kind"] for child in found.children]) == is_rendered
        assert (found.accepted.reason == Reason.ACCEPTED) == is_rendered


def test_no_credential_for_the_forward_proxy() -> None:
    """That is said, and holds up nothing: the forward proxy may demand none."""
    spec = {"spec.upstream.forwardProxy": {"url": "http://squid:3128", "secretRef": {"name": "squid"}}}
    secret = Key(KEY.namespace, "squid")
    for there in (False, True):
        state = SecretVersion("u", 1) if there else None
        found = evaluate(snapshot_with(spec, secrets={SECRET: SecretVersion("u", 1), secret: state}))
        assert found.children is not None
        assert found.accepted.reason == Reason.ACCEPTED
        assert ("Secret squid does not exist" in found.accepted.message) != there


@pytest.mark.parametrize("reason", [Reason.TLS_SECRET_MISSING, Reason.TLS_SECRET_INVALID])
def test_certificates_that_were_refused_stay_so(reason: str) -> None:
    """As long as neither the spec nor a Secret changes; then they are read again."""
    new = snapshot_with(SPECS[5], status=conditions(Accepted=reason, CredentialsReady=Reason.CREDENTIALS_MISSING))
    known = msgspec.structs.replace(new, state=AppliedState(inputs=new.inputs, secrets=new.secrets))
    found = evaluate(known)
    assert found == Evaluation(accepted=found.accepted, resource=found.resource)
    assert found.accepted == known.condition("Accepted")
    assert found.resource is not None
    unsaid = evaluate(msgspec.structs.replace(known, status=conditions(Accepted=reason)))
    assert unsaid.reads_credential
    assert unsaid.children is None
    again = evaluate(new)
    assert len(again.tls_secrets) == 2
    assert again.children is not None


def test_certificates_that_are_known_are_not_read_again() -> None:
    """Where something else is to be repaired."""
    new = snapshot_with(SPECS[5], status=conditions(Accepted=Reason.APPLY_FAILED))
    known = msgspec.structs.replace(new, state=AppliedState(inputs=new.inputs, secrets=new.secrets))
    found = evaluate(known)
    assert found.tls_secrets == ()
    assert found.children is not None
    assert found.reads_credential


def test_whose_change_it_is(snapshot: TenantSnapshot) -> None:
    """Pods that change with what all tenants share need a turn; those that change with the own spec do not."""
    for changed in (snapshot, changed_inputs(snapshot, spec=True), changed_inputs(snapshot, spec=False)):
        assert not evaluate(changed).needs_turn  # the same pods as before
    other = msgspec.structs.replace(snapshot, settings=Settings(proxy_image="other:2"))
    assert evaluate(changed_inputs(other, spec=False)).needs_turn
    assert not evaluate(changed_inputs(other, spec=True)).needs_turn
    gone = {name: child for name, child in snapshot.children.items() if name[0] != "deployments"}
    new = msgspec.structs.replace(other, children=gone)
    assert evaluate(changed_inputs(new, spec=False)).needs_turn  # it comes back as it was
    unstored = {name: child for name, child in gone.items() if name[0] != "controllerrevisions"}
    new = msgspec.structs.replace(other, children=unstored)
    assert not evaluate(changed_inputs(new, spec=False)).needs_turn
    same = msgspec.structs.replace(snapshot, children=gone)
    assert not evaluate(changed_inputs(same, spec=False)).needs_turn


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
    [
        (None, 100, SECRET_GRACE),
        (100, 100, SECRET_GRACE),
        (100, 101, SECRET_GRACE - 1),
        (100, 102.5, SECRET_GRACE - 2.5),
        (100, 103, None),
    ],
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


def test_a_secret_of_the_platform_is_not_waited_for() -> None:
    """Nobody but the platform creates it."""
    found = evaluate(snapshot_with(SPECS[4]))
    assert found.children is not None
    assert (found.secret_missing_since, found.secret_due_in) == (None, None)
