"""The next state and the status are a function of what was evaluated, applied and observed."""

import copy
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.apiserver.objects import partial
from support.operator.reconciling import NAMESPACE, Operator, World
from tenantproxy_operator.api.names import COMPONENTS, PROXY
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.controller.acceptance import ROLLOUT_STOPPED
from tenantproxy_operator.controller.applied_state import AppliedState
from tenantproxy_operator.controller.apply_result import ApplyResult, Failure
from tenantproxy_operator.controller.evaluation import SECRET_GRACE, TenantSnapshot, evaluate, unchanged
from tenantproxy_operator.controller.outcome import Observation, Outcome, ReconcileResult, Retry
from tenantproxy_operator.controller.result import result_of, result_of_settled, state_after_apply
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.workloads import Rollout
from tenantproxy_operator.validation.secrets import SecretCheck, unreadable_secret

KEY = Key(NAMESPACE, "acme")
CHILDREN = {("configmaps", "acme-proxy"): b"1"}
SET = SecretCheck(usable=True, reason=Reason.CREDENTIALS_SET, message="m", type="basic", fingerprint=b"1")
MISSING = SecretCheck(usable=False, reason=Reason.CREDENTIALS_MISSING, message="m")
UNREADABLE = unreadable_secret("acme-credentials", "why")
BAD_CA = SecretCheck(usable=False, reason=Reason.TLS_SECRET_INVALID, message="m")
ROLLED_OUT = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)
SEEN = Observation(rollouts={}, rollout_stopped=False, now="2026-01-01T00:00:00Z")


def failure(cause: Any, retry_after: float = 0.0) -> Failure:
    return Failure("Service", "acme-proxy", "why", cause, retry_after)


def outcome(**changes: Any) -> Outcome:
    fields: dict[str, Any] = {"children": ApplyResult(children=CHILDREN), "credential": MISSING}
    return Outcome(**fields | changes)


def new_tenant() -> TenantSnapshot:
    """Return what is known of a tenant that has just been created; its Secret exists."""
    world = World()
    world.secret()
    world.tenant()
    operator = Operator(world)
    tenant = operator.tenants.get(KEY)
    assert tenant is not None
    return operator.reconciler._take_snapshot(tenant, 0)


@pytest.fixture
def snapshot() -> TenantSnapshot:
    return new_tenant()


def result(snapshot: TenantSnapshot, came: Outcome, seen: Observation = SEEN) -> ReconcileResult:
    return result_of(snapshot, evaluate(snapshot), came, seen)


def next_snapshot(snapshot: TenantSnapshot, before: ReconcileResult) -> TenantSnapshot:
    """Return what is known after a reconcile, where nothing has changed meanwhile."""
    return msgspec.structs.replace(snapshot, state=before.state, status=before.status or snapshot.status)


@settings(max_examples=40)
@given(
    outcome=st.builds(
        Outcome,
        tls=st.none() | st.just(BAD_CA),
        children=st.none()
        | st.builds(
            ApplyResult,
            children=st.just(CHILDREN),
            failures=st.lists(st.sampled_from(["conflict", "refused", "failed"]).map(failure), max_size=2).map(
                tuple
            ),
        ),
        held=st.booleans(),
        credential=st.sampled_from([None, SET, MISSING, UNREADABLE]),
        poslog_keys=st.sampled_from([None, UNREADABLE]),
    ),
    seen=st.builds(
        Observation,
        rollouts=st.dictionaries(
            st.sampled_from(COMPONENTS),
            st.none() | st.just(Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)),
        ),
        rollout_stopped=st.booleans(),
        now=st.just("2026-01-01T00:00:00Z"),
    ),
    failures=st.integers(0, 3),
)
def test_the_same_gives_the_same(outcome: Outcome, seen: Observation, failures: int) -> None:
    """Twice it is the same; what it was made of is as it was; written once, it is not to be written again."""
    snapshot = msgspec.structs.replace(new_tenant(), failures=failures)
    evaluation = evaluate(snapshot)
    before = copy.deepcopy((snapshot, evaluation, outcome, seen))
    first = result_of(snapshot, evaluation, outcome, seen)
    assert first == result_of(snapshot, evaluation, outcome, seen)
    assert (snapshot, evaluation, outcome, seen) == before
    again = result_of(next_snapshot(snapshot, first), evaluation, outcome, seen)
    assert again.retry == first.retry
    if first.retry is None:
        assert (again.status, again.events) == (None, ())
        assert again.state == first.state


def test_all_is_done(snapshot: TenantSnapshot) -> None:
    """What was acted upon is remembered whole, so that the next time nothing has changed."""
    done = result(snapshot, outcome())
    assert done.state.inputs == snapshot.inputs
    assert done.state.children == CHILDREN
    assert done.state.secrets == snapshot.secrets
    assert (done.retry, done.later, done.held) == (None, None, False)
    assert done.status is not None
    assert done.status["appliedDigest"] == done.state.digest()
    assert done.status["secretName"] == "acme-credentials"


@pytest.mark.parametrize(
    ("cause", "reason", "longest"),
    [
        ("conflict", Reason.CONFLICT, 30.0),
        ("refused", Reason.APPLY_REFUSED, None),
        ("failed", Reason.APPLY_FAILED, None),
    ],
)
def test_something_failed(snapshot: TenantSnapshot, cause: str, reason: str, longest: float | None) -> None:
    """It is tried again; the digest vouches for nothing that is not done."""
    failing = outcome(children=ApplyResult(children=CHILDREN, failures=(failure(cause, 7),)))
    failed = result(snapshot, failing)
    assert failed.retry is not None
    assert failed.retry.longest_pause == longest
    assert failed.retry.shortest_pause == (7 if cause == "failed" else 0)
    assert failed.state.inputs == ""
    assert failed.status is not None
    assert failed.status["conditions"][1]["reason"] == reason
    assert "appliedDigest" not in failed.status
    assert "secretName" not in failed.status


def test_of_several_failures_the_worst_is_told(snapshot: TenantSnapshot) -> None:
    """What belongs to somebody else before what is refused, before what may pass."""
    failures = tuple(map(failure, ("failed", "refused", "conflict")))
    for count, reason in ((3, Reason.CONFLICT), (2, Reason.APPLY_REFUSED), (1, Reason.APPLY_FAILED)):
        found = result(snapshot, outcome(children=ApplyResult(children={}, failures=failures[:count])))
        assert found.status is not None
        assert found.status["conditions"][1]["reason"] == reason


def test_what_is_left_to_do_of_a_known_spec(snapshot: TenantSnapshot) -> None:
    """It stays known that the spec is as it was, so that what is left is not taken for a change of its own."""
    known = msgspec.structs.replace(
        snapshot, state=AppliedState(inputs=snapshot.inputs.partition(".")[0] + ".earlier")
    )
    failed = result(known, outcome(credential=UNREADABLE))
    assert failed.state.inputs == snapshot.inputs.partition(".")[0]
    assert failed.status is not None
    assert failed.state.change == snapshot.tenant.change_hash  # its children are applied
    assert failed.status["appliedDigest"] == f"{failed.state.inputs}--..{failed.state.change}"


def test_a_held_tenant_keeps_its_inputs(snapshot: TenantSnapshot) -> None:
    """So that it is evaluated again, also after a restart; where the rollout has stopped, it says so."""
    before = AppliedState(inputs=snapshot.inputs.partition(".")[0] + ".earlier", children=CHILDREN)
    known = msgspec.structs.replace(snapshot, state=before)
    held = result(known, outcome(held=True))
    assert held.held
    assert held.state.inputs == before.inputs
    assert held.status is not None
    assert held.status["conditions"][1]["reason"] == Reason.ROLLOUT_PENDING
    assert "secretName" not in held.status
    stopped = result(known, outcome(held=True), msgspec.structs.replace(SEEN, rollout_stopped=True))
    assert stopped.status is not None
    assert stopped.status["conditions"][1]["reason"] == Reason.ROLLOUT_STOPPED


def test_a_held_tenant_says_what_is_wrong_with_it_first(snapshot: TenantSnapshot) -> None:
    """That the rollout has stopped is no news of one whose children can't be applied."""
    failing = outcome(held=True, children=ApplyResult(children={}, failures=(failure("conflict"),)))
    found = result(snapshot, failing, msgspec.structs.replace(SEEN, rollout_stopped=True))
    assert found.status is not None
    assert found.status["conditions"][1]["reason"] == Reason.CONFLICT


@pytest.mark.parametrize(
    ("failures", "generation", "accepted", "expected"),
    [
        (0, 1, True, Reason.ACCEPTED),
        (1, 1, True, Reason.ACCEPTED),
        (2, 1, True, Reason.APPLY_FAILED),
        (0, 0, True, Reason.APPLY_FAILED),
        (0, 1, False, Reason.APPLY_FAILED),
    ],
)
def test_what_may_pass_is_not_told_at_once(
    snapshot: TenantSnapshot, failures: int, generation: int, *, accepted: bool, expected: str
) -> None:
    """But of a spec that is known to be accepted, for two failures in a row."""
    done = result(snapshot, outcome())
    assert done.status is not None
    conditions = done.status["conditions"] if accepted else []
    status = {**done.status, "observedGeneration": generation, "conditions": conditions}
    known = msgspec.structs.replace(snapshot, status=status, failures=failures)
    failing = outcome(children=ApplyResult(children={}, failures=(failure("failed"),)))
    found = result_of(known, evaluate(known), failing, SEEN)
    assert found.retry is not None
    said = {each["type"]: each["reason"] for each in (found.status or status)["conditions"]}
    assert said["Accepted"] == expected


def test_a_created_secret(snapshot: TenantSnapshot) -> None:
    """Its version is remembered, so that the event about it is no news."""
    created = partial("acme-credentials", 9).metadata
    missing = msgspec.structs.replace(snapshot, secrets={Key(NAMESPACE, "acme-credentials"): None})
    done = result(missing, outcome(children=ApplyResult(children={}, created_secret=created)))
    (version,) = done.state.secrets.values()
    assert version is not None
    assert (version.uid, version.version) == (created.uid, 9)


def test_a_tls_secret_that_can_not_be_used(snapshot: TenantSnapshot) -> None:
    """Nothing was applied; it is not tried again before something changes."""
    found = result(snapshot, outcome(tls=BAD_CA, children=None))
    assert found.retry is None
    assert found.state.children == snapshot.state.children
    assert found.state.inputs == snapshot.inputs
    assert found.status is not None
    assert said(found, "Accepted") == ("False", BAD_CA.reason, "m; running proxies stay as they are")


def test_a_settled_tenant(snapshot: TenantSnapshot) -> None:
    """Nothing but what is observed can change."""
    done = result(snapshot, outcome(credential=SET))
    at_rest = msgspec.structs.replace(next_snapshot(snapshot, done), children={})
    at_rest = msgspec.structs.replace(at_rest, state=msgspec.structs.replace(done.state, children={}))
    settled = unchanged(at_rest)
    assert settled is not None
    assert result_of_settled(at_rest, settled, SEEN).status is None
    rollout = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)
    seen = result_of_settled(at_rest, settled, msgspec.structs.replace(SEEN, rollouts={PROXY: rollout}))
    assert seen.status is not None
    assert (seen.shown.ready.status, seen.status["readyReplicas"]) == ("True", 2)
    assert seen.status["credentials"] == {"type": "basic", "updatedAt": SEEN.now}
    assert (seen.state, seen.held) == (at_rest.state, False)


# ---- the credential


def settled_with(snapshot: TenantSnapshot, check: SecretCheck) -> TenantSnapshot:
    """Return what is known once a credential was found to be such."""
    return next_snapshot(snapshot, result(snapshot, outcome(credential=check)))


def said(found: ReconcileResult, kind: str) -> tuple[str, str, str]:
    assert found.status is not None
    (condition,) = (each for each in found.status["conditions"] if each["type"] == kind)
    return condition["status"], condition["reason"], condition["message"]


LATER = msgspec.structs.replace(SEEN, now="2026-01-02T00:00:00Z")


def test_a_first_credential(snapshot: TenantSnapshot) -> None:
    """Its kind and time are in the status; that it is there is no change."""
    found = result(snapshot, outcome(credential=SET))
    assert said(found, "CredentialsReady") == ("True", SET.reason, "m")
    assert found.status is not None
    assert found.status["credentials"] == {"type": "basic", "updatedAt": SEEN.now}
    assert found.state.fingerprint == SET.fingerprint
    assert found.events == ()


@pytest.mark.parametrize(
    ("check", "restarted", "moved", "same"),
    [
        (SET, False, False, True),
        (SET, False, True, True),
        (msgspec.structs.replace(SET, fingerprint=b"2"), False, False, False),
        (msgspec.structs.replace(SET, type="bearer"), False, False, False),
        (SET, True, False, True),
        (SET, True, True, False),
    ],
    ids=["as before", "only moved", "another one", "another kind", "restarted", "moved before the restart"],
)
def test_whether_a_credential_is_another_one(
    snapshot: TenantSnapshot, check: SecretCheck, *, restarted: bool, moved: bool, same: bool
) -> None:
    """It is by its fingerprint; after a restart, by where the Secret stands. An event tells of another one."""
    known = settled_with(snapshot, SET)
    state = known.state
    if restarted:
        state = msgspec.structs.replace(state, fingerprint=b"")
    if moved:
        state = msgspec.structs.replace(state, secrets={})
    found = result(msgspec.structs.replace(known, state=state), outcome(credential=check), LATER)
    status = found.status or known.status
    assert status["credentials"] == {"type": check.type, "updatedAt": SEEN.now if same else LATER.now}
    assert [event.reason for event in found.events] == ([] if same else ["CredentialsChanged"])
    assert all("acme-credentials" in event.note for event in found.events)
    assert found.state.fingerprint == check.fingerprint


@pytest.mark.parametrize(("written", "same"), [(SEEN.now, True), (LATER.now, False), ("", False)])
def test_a_note_of_the_proxies_is_no_other_credential(
    snapshot: TenantSnapshot, written: str, *, same: bool
) -> None:
    """A Secret that has moved while no operator ran: it depends on when its data was written."""
    known = settled_with(snapshot, SET)
    (secret,) = known.secrets
    state = msgspec.structs.replace(known.state, fingerprint=b"", secrets={})
    moved = {secret: SecretVersion("u", 2, data_written_at=written)}
    found = result(msgspec.structs.replace(known, state=state, secrets=moved), outcome(credential=SET), LATER)
    assert [event.reason for event in found.events] == ([] if same else ["CredentialsChanged"])


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        (None, (1.0, "a"), True),
        ((1.0, "a"), (2.0, "b"), True),
        ((1.0, "a"), (1.0, "a"), False),
        ((1.0, "a"), None, False),
        (None, None, False),
    ],
    ids=["the first PUT", "another PUT", "another's change", "no note any more", "never by a PUT"],
)
def test_who_set_a_credential(
    snapshot: TenantSnapshot, before: tuple[float, str] | None, now: tuple[float, str] | None, *, named: bool
) -> None:
    """Whose PUT is news since the Secret was last looked at; who else has changed it, nobody knows."""
    known = settled_with(snapshot, SET)
    (secret,) = known.secrets
    states = [{secret: SecretVersion("u", version, last_put=put)} for version, put in enumerate((before, now))]
    state = msgspec.structs.replace(known.state, secrets=states[0])
    moved = msgspec.structs.replace(known, state=state, secrets=states[1])
    other = msgspec.structs.replace(SET, fingerprint=b"2")
    (event,) = result(moved, outcome(credential=other), LATER).events
    assert (", by " in event.note) is named
    # After a restart it may be long ago.
    restarted = msgspec.structs.replace(moved, state=msgspec.structs.replace(state, secrets={}))
    (event,) = result(restarted, outcome(credential=other), LATER).events
    assert ", by " not in event.note


def test_a_credential_that_has_gone(snapshot: TenantSnapshot) -> None:
    """Nothing is said of the one before."""
    found = result(settled_with(snapshot, SET), outcome(credential=MISSING))
    assert said(found, "CredentialsReady") == ("False", MISSING.reason, "m")
    assert found.status is not None
    assert "credentials" not in found.status
    assert found.state.fingerprint == b""


def test_a_credential_that_can_not_be_read(snapshot: TenantSnapshot) -> None:
    """What is known of it stays; it is tried again."""
    found = result(settled_with(snapshot, SET), outcome(credential=UNREADABLE))
    assert said(found, "CredentialsReady") == ("Unknown", UNREADABLE.reason, UNREADABLE.message)
    assert found.status is not None
    assert found.status["credentials"]["type"] == "basic"
    assert found.state.fingerprint == SET.fingerprint
    assert found.retry == Retry(UNREADABLE.message)


def test_a_credential_that_was_not_read(snapshot: TenantSnapshot) -> None:
    """Is as it was."""
    known = settled_with(snapshot, SET)
    found = result(known, outcome(credential=None), LATER)
    assert (found.status, found.state.fingerprint) == (None, SET.fingerprint)


# ---- the status


def test_what_a_status_has(snapshot: TenantSnapshot) -> None:
    """All of it is of this tenant, generation and moment."""
    rollout = Rollout(wanted=3, replicas=2, updated=2, ready=1, observed=True)
    status = result(snapshot, outcome(), msgspec.structs.replace(SEEN, rollouts={PROXY: rollout})).status
    assert status is not None
    assert [condition["type"] for condition in status["conditions"]] == [
        "Ready",
        "Accepted",
        "Available",
        "CredentialsReady",
        "Unique",
        "Reconciling",
    ]
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {snapshot.tenant.generation}
    assert {condition["lastTransitionTime"] for condition in status["conditions"]} == {SEEN.now}
    assert status["observedGeneration"] == snapshot.tenant.generation
    assert status["endpoint"] == f"http://acme-proxy.{NAMESPACE}.svc:8080"
    assert (status["replicas"], status["readyReplicas"]) == (2, 1)
    without = result(snapshot, outcome()).status
    assert without is not None
    assert without.keys().isdisjoint(("replicas", "readyReplicas"))


def test_where_the_proxies_are_looked_at(snapshot: TenantSnapshot) -> None:
    """The command in the condition finds this tenant's pods."""
    rollout = Rollout(wanted=1, replicas=1, updated=1, ready=0, observed=True)
    found = result(snapshot, outcome(), msgspec.structs.replace(SEEN, rollouts={PROXY: rollout}))
    message = said(found, "Available")[2]
    assert f"-n {NAMESPACE} " in message
    assert message.endswith("/instance=acme,app.kubernetes.io/component=proxy")


def test_the_secret_in_use_stays(snapshot: TenantSnapshot) -> None:
    """Until all is applied, the status names the Secret that the proxies used before."""
    known = msgspec.structs.replace(snapshot, status={"secretName": "earlier"})
    failing = outcome(children=ApplyResult(children={}, failures=(failure("refused"),)))
    for came, expected in ((failing, "earlier"), (outcome(held=True), "earlier"), (outcome(), "acme-credentials")):
        found = result(known, came)
        assert found.status is not None
        assert found.status["secretName"] == expected


def test_what_others_write_into_a_status_is_left(snapshot: TenantSnapshot) -> None:
    """Neither their fields nor their conditions make ours differ."""
    known = settled_with(snapshot, MISSING)
    theirs = {"type": "Theirs", "status": "True", "reason": "R", "message": "m"}
    status = {**known.status, "conditions": [theirs, *known.status["conditions"]], "other": 1}
    assert result(msgspec.structs.replace(known, status=status), outcome()).status is None
    reordered = {**status, "conditions": status["conditions"][::-1]}
    assert result(msgspec.structs.replace(known, status=reordered), outcome()).status is None
    left = {**theirs, "type": "Stalled"}
    more = {**status, "conditions": [*status["conditions"], left]}
    for changed in ({**status, "endpoint": "x"}, {**status, "conditions": [theirs]}, more):
        assert result(msgspec.structs.replace(known, status=changed), outcome()).status is not None


def test_the_api_server_is_told_what_is_over(snapshot: TenantSnapshot) -> None:
    """A summary that no longer holds is left out of what is written, so that it goes."""
    rolling = Rollout(wanted=2, replicas=2, updated=1, ready=2, observed=True)
    seen = [msgspec.structs.replace(SEEN, rollouts={PROXY: each}) for each in (rolling, ROLLED_OUT)]
    first = result(snapshot, outcome(), seen[0])
    assert said(first, "Reconciling")[1] == Reason.ROLLING_OUT
    second = result(next_snapshot(snapshot, first), outcome(), seen[1])
    assert second.status is not None
    assert "Reconciling" not in [each["type"] for each in second.status["conditions"]]
    third = result(next_snapshot(snapshot, second), outcome(), seen[0])
    assert (third.shown.ready.status, said(third, "Available")[1]) == ("True", Reason.ROLLING_OUT)
    another = msgspec.structs.replace(snapshot.tenant, generation=snapshot.tenant.generation + 1)
    changed = msgspec.structs.replace(next_snapshot(snapshot, second), tenant=another)
    assert result(changed, outcome(), seen[0]).shown.ready.status == "Unknown"


@pytest.mark.parametrize(("passes", "status"), [((True, True), "Unknown"), ((True, False), "False")])
def test_a_conflict_that_passes(snapshot: TenantSnapshot, passes: tuple[bool, ...], status: str) -> None:
    """What garbage collection deletes is waited for; nothing else of another's is."""
    failures = tuple(msgspec.structs.replace(failure("conflict"), passes=each) for each in passes)
    found = result(snapshot, outcome(children=ApplyResult(children={}, failures=failures)))
    assert said(found, "Accepted")[:2] == (status, Reason.CONFLICT)


# ---- what is tried again


@pytest.mark.parametrize(("cause", "fix"), [("conflict", ""), ("refused", "; correct "), ("failed", "; [a-z ]+$")])
def test_each_failure_is_named(snapshot: TenantSnapshot, cause: str, fix: str) -> None:
    """Those of the kind that is told, in the condition and in what is logged."""
    others = () if cause == "failed" else (failure("failed"),)
    failures = (failure(cause), failure(cause), *others)
    found = result(snapshot, outcome(children=ApplyResult(children={}, failures=failures)))
    status, _, message = said(found, "Accepted")
    assert status == ("Unknown" if cause == "failed" else "False")
    assert re.match(f"Service acme-proxy: why; Service acme-proxy: why{fix}", message)
    assert found.retry is not None
    assert found.retry.message == message


def test_a_missing_secret_is_waited_for(snapshot: TenantSnapshot) -> None:
    """Only what is left of its grace, and not where nothing was applied; till then it is not done."""
    missing = msgspec.structs.replace(snapshot, secrets={Key(NAMESPACE, "acme-credentials"): None})
    found = result(missing, outcome())
    assert found.later == SECRET_GRACE
    assert found.state.inputs == ""
    assert found.state.secret_missing_since == missing.time
    assert result(missing, outcome(children=None)).later is None


def test_a_stopped_rollout_is_told(snapshot: TenantSnapshot) -> None:
    """In the condition of a tenant that waits for its turn, which stays accepted."""
    seen = msgspec.structs.replace(SEEN, rollout_stopped=True)
    status, reason, message = said(result(snapshot, outcome(held=True), seen), "Accepted")
    assert (status, reason) == ("True", Reason.ROLLOUT_STOPPED)
    assert message.startswith(f"{ROLLOUT_STOPPED}; this tenant's ")
    assert said(result(snapshot, outcome(), seen), "Accepted")[1] == Reason.ACCEPTED


def test_what_is_known_before_all_is_done(snapshot: TenantSnapshot) -> None:
    """The children as they were written; where none were, what was known before."""
    evaluation = evaluate(msgspec.structs.replace(snapshot, secrets={}))
    before = AppliedState(inputs="x", fingerprint=b"f")
    known = msgspec.structs.replace(snapshot, state=before)
    assert state_after_apply(known, evaluation, None) is before
    after = state_after_apply(known, evaluation, ApplyResult(children=CHILDREN))
    assert after == msgspec.structs.replace(before, children=CHILDREN, secret_missing_since=snapshot.time)


def test_back_to_a_spec_of_which_a_change_failed(snapshot: TenantSnapshot) -> None:
    """Some children may be of the other spec already: which one they were brought to is known no more."""
    before = AppliedState(inputs="x", change="of another spec")
    failing = outcome(children=ApplyResult(children={}, failures=(failure("failed"),)))
    found = result(msgspec.structs.replace(snapshot, state=before), failing)
    assert found.state.change == ""
    same = AppliedState(inputs="x", change=snapshot.tenant.change_hash)
    found = result(msgspec.structs.replace(snapshot, state=same), failing)
    assert found.state.change == snapshot.tenant.change_hash
