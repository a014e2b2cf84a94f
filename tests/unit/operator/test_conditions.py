"""How conditions add up, when their times move, which Events they are worth; and the page about their reasons."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy_operator import conditions
from tenantproxy_operator.api import reasons
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.conditions import ConditionValue, EventNote
from tenantproxy_operator.kube.workloads import OtherControls, Rollout

PAGE = Path(__file__).parents[3] / "docs" / "conditions.md"
REASONS = {value for name, value in vars(Reason).items() if not name.startswith("_")}


def rollout(**changes: Any) -> Rollout:
    fields: dict[str, Any] = {
        "wanted": 2,
        "replicas": 2,
        "updated": 2,
        "ready": 2,
        "observed": True,
        "stuck": "",
    } | changes
    return Rollout(**fields)


@pytest.mark.parametrize(
    ("progress", "status", "reason", "message"),
    [
        (None, "Unknown", Reason.PENDING, "there is no Deployment yet"),
        (rollout(), "True", Reason.PROXIES_READY, "all proxies are ready"),
        (rollout(ready=1), "True", Reason.ROLLING_OUT, "started or terminated; 1 of 2 serve"),
        (rollout(updated=1, replicas=3), "True", Reason.ROLLING_OUT, "; earlier proxies serve"),
        (rollout(replicas=3, updated=3, ready=3), "True", Reason.ROLLING_OUT, "; 3 of 2 serve"),
        (rollout(observed=False), "True", Reason.ROLLING_OUT, "; earlier proxies serve what was applied before"),
        (rollout(updated=1, stuck="it hangs."), "True", Reason.ROLLOUT_STUCK, "(it hangs); earlier proxies serve"),
        (rollout(ready=0, stuck="it hangs"), "False", Reason.ROLLOUT_STUCK, "(it hangs); no proxy is ready"),
        (
            rollout(updated=0, refused="a quota."),
            "True",
            Reason.REPLICA_FAILURE,
            "the API server refuses new proxies (a quota); earlier proxies serve",
        ),
        (rollout(ready=0, refused="a quota"), "False", Reason.REPLICA_FAILURE, "(a quota); no proxy is ready"),
        (rollout(refused="about earlier ones"), "True", Reason.PROXIES_READY, "all proxies are ready"),
        (rollout(updated=0, paused=True), "True", Reason.DEPLOYMENT_PAUSED, "; earlier proxies serve"),
        (
            rollout(updated=0, ready=0, paused=True),
            "False",
            Reason.DEPLOYMENT_PAUSED,
            "; no proxy is ready; resume",
        ),
        (
            rollout(paused=True),
            "True",
            Reason.DEPLOYMENT_PAUSED,
            "changes wait; resume it: kubectl rollout resume -n tenants deployment/acme-proxy",
        ),
        (rollout(updated=0, observed=False, paused=True), "True", Reason.ROLLING_OUT, "earlier proxies serve"),
        (rollout(ready=1, paused=True), "True", Reason.ROLLING_OUT, "1 of 2 serve"),
        (
            rollout(ready=0),
            "False",
            Reason.PROXIES_NOT_READY,
            "wait, or check: kubectl describe pods -n tenants -l app.kubernetes.io/instance=acme,",
        ),
        (rollout(ready=0, replicas=0, updated=0), "False", Reason.PROXIES_NOT_READY, "no proxy is ready"),
        (rollout(ready=0, observed=False), "False", Reason.PROXIES_NOT_READY, "no proxy is ready"),
        (
            rollout(ready=0, observed=False, ever_observed=False),
            "Unknown",
            Reason.PENDING,
            "has not processed the Deployment yet",
        ),
    ],
)
def test_available(progress: Rollout | None, status: str, reason: str, message: str) -> None:
    """Available is whether at least one proxy serves; the reason says how it goes on."""
    found = conditions.available(progress, namespace="tenants", name="acme")
    assert (found.status, found.reason) == (status, reason)
    assert message in found.message


GOOD = ConditionValue("True", "Fine", "fine")
BAD = ConditionValue("False", "Bad", "it is bad")
AWAITED = ConditionValue("False", Reason.TLS_SECRET_MISSING, "it comes")
OPEN = ConditionValue("Unknown", "Open", "who knows")


HPA = "HorizontalPodAutoscaler theirs sets the number of replicas, and so does the operator"
PDB = "PodDisruptionBudget theirs selects these pods, and so does another one"


@pytest.mark.parametrize(
    ("others", "is_scaled", "has_budget", "expected"),
    [
        (OtherControls(), True, True, []),
        (OtherControls(("theirs",)), False, True, [f"{HPA}: delete it"]),
        (OtherControls(("theirs",)), True, True, [f"{HPA}'s own: delete it"]),
        (OtherControls((), ("theirs",)), False, True, [PDB]),
        (OtherControls((), ("theirs",)), False, False, []),
        (OtherControls((), ("theirs", "more")), False, False, [PDB, PDB.replace("theirs", "more")]),
        (OtherControls(("theirs",), ("theirs",)), False, True, [HPA, PDB]),
    ],
)
def test_who_else_acts_on_the_proxies(
    others: OtherControls,
    is_scaled: bool,  # noqa: FBT001 - a parameter of the test
    has_budget: bool,  # noqa: FBT001 - a parameter of the test
    expected: list[str],
) -> None:
    """An autoscaler fights with the operator or its own; a single budget does no harm, two forbid evictions."""
    found = conditions.beside_others(GOOD, others, is_scaled=is_scaled, has_budget=has_budget)
    assert (found.status, found.reason) == (GOOD.status, GOOD.reason)
    message, *said = found.message.split("; ")
    assert message == GOOD.message
    assert len(said) == len(expected)
    assert all(part.startswith(beginning) for part, beginning in zip(said, expected, strict=True))


def summary(
    accepted: ConditionValue, progress: Rollout | None, *, was_ready: bool = False
) -> dict[str, ConditionValue]:
    """Return what accepted and observed come to."""
    availability = conditions.available(progress, namespace="tenants", name="acme")
    return conditions.summary(accepted, {"Available": (availability, progress)}, was_ready=was_ready)


@pytest.mark.parametrize(
    ("accepted", "progress", "was_ready", "status", "reason", "message", "other"),
    [
        (GOOD, rollout(), False, "True", Reason.READY, "orders can be read", None),
        (BAD, rollout(), True, "False", "Bad", "not Accepted: it is bad", "Stalled"),
        (OPEN, rollout(), True, "Unknown", "Open", "not Accepted: who knows", "Reconciling"),
        (OPEN, rollout(stuck="x"), False, "Unknown", "Open", "not Accepted: who knows", "Reconciling"),
        (BAD, None, False, "False", "Bad", "not Accepted: it is bad", "Stalled"),
        (AWAITED, rollout(), True, "False", Reason.TLS_SECRET_MISSING, "not Accepted: it comes", "Reconciling"),
        (GOOD, None, True, "Unknown", Reason.PENDING, "not Available: there is no", "Reconciling"),
        (GOOD, rollout(ready=0), True, "False", Reason.PROXIES_NOT_READY, "not Available: no", "Reconciling"),
        (GOOD, rollout(updated=1), False, "Unknown", Reason.ROLLING_OUT, "not rolled out: proxies", "Reconciling"),
        (GOOD, rollout(updated=1), True, "True", Reason.READY, "orders can be read", None),
        (GOOD, rollout(stuck="x"), True, "True", Reason.READY, "orders can be read", None),
        (
            GOOD,
            rollout(updated=1, stuck="x"),
            True,
            "False",
            Reason.ROLLOUT_STUCK,
            "not rolled out: new",
            "Stalled",
        ),
        (GOOD, rollout(ready=0, stuck="x"), True, "False", Reason.ROLLOUT_STUCK, "not Available: new", "Stalled"),
        (
            GOOD,
            rollout(updated=1, refused="x"),
            False,
            "Unknown",
            Reason.REPLICA_FAILURE,
            "not roll",
            "Reconciling",
        ),
        (GOOD, rollout(updated=1, refused="x"), True, "True", Reason.READY, "orders can be read", None),
        (GOOD, rollout(updated=0, paused=True), False, "False", Reason.DEPLOYMENT_PAUSED, "not rolled", "Stalled"),
        (GOOD, rollout(paused=True), False, "True", Reason.READY, "orders can be read", None),
    ],
)
def test_ready(
    accepted: ConditionValue,
    progress: Rollout | None,
    was_ready: bool,  # noqa: FBT001 - a parameter of the test
    status: str,
    reason: str,
    message: str,
    other: str | None,
) -> None:
    """Ready is that this spec is served; it has the reason of what does not hold, and so has the other one."""
    found = summary(accepted, progress, was_ready=was_ready)
    ready = found.pop("Ready")
    assert (ready.status, ready.reason) == (status, reason)
    assert ready.message.startswith(message)
    assert found == ({other: ConditionValue("True", ready.reason, ready.message)} if other else {})


ROLLOUTS = st.builds(
    Rollout,
    wanted=st.integers(0, 2),
    replicas=st.integers(0, 3),
    updated=st.integers(0, 3),
    ready=st.integers(0, 3),
    observed=st.booleans(),
    ever_observed=st.booleans(),
    stuck=st.sampled_from(["", "x"]),
    refused=st.sampled_from(["", "x"]),
    paused=st.booleans(),
)


@given(st.sampled_from([GOOD, BAD, OPEN]), st.none() | ROLLOUTS, st.sampled_from([True, False]))
def test_one_of_three(
    accepted: ConditionValue,
    progress: Rollout | None,
    was_ready: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """It is Ready, or on its way, or stalled: exactly one. Nothing that is new, or does not serve, is Ready."""
    found = summary(accepted, progress, was_ready=was_ready)
    assert [value.status for value in found.values()].count("True") == 1
    if found["Ready"].status == "True":
        assert accepted == GOOD
        assert progress is not None
        assert progress.ready
        assert progress.complete or was_ready


VALUES = st.builds(
    ConditionValue,
    st.sampled_from(["True", "False", "Unknown"]),
    st.sampled_from(["A", "B"]),
    st.text(max_size=5),
)


@given(st.lists(VALUES, min_size=1, max_size=8))
def test_time_moves_with_the_status_only(values: list[ConditionValue]) -> None:
    """`lastTransitionTime` is when the status last changed, whatever else did."""
    before: list[dict[str, Any]] = []
    changed_at, last = 0, None
    for now, value in enumerate(values):
        if value.status != last:
            changed_at, last = now, value.status
        before = conditions.with_transition_times({"Ready": value}, before, generation=now, now=f"t{now}")
        assert before == [
            {
                "type": "Ready",
                "status": value.status,
                "reason": value.reason,
                "message": value.message,
                "lastTransitionTime": f"t{changed_at}",
                "observedGeneration": now,
            }
        ]


def test_same_values_same_conditions() -> None:
    """Nothing new is nothing to write."""
    values = {"Ready": GOOD, "Accepted": BAD}
    first = conditions.with_transition_times(values, [], generation=1, now="t1")
    assert conditions.with_transition_times(values, first, generation=1, now="t2") == first


def test_what_others_left_behind() -> None:
    """A condition without a time, or of another type, harms nothing and does not stay."""
    before = [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "True"}, {}]
    (found,) = conditions.with_transition_times({"Ready": GOOD}, before, generation=1, now="t1")
    assert found["lastTransitionTime"] == "t1"


def test_a_long_message_is_cut() -> None:
    """An API server's words may be long; a status has bounds."""
    (found,) = conditions.with_transition_times(
        {"Ready": ConditionValue("True", "A", "x" * 10_000)}, [], generation=1, now="t"
    )
    assert found["message"] == "x" * 4096


def test_was_true() -> None:
    """Of this generation, and of that condition; without one of its own, of the status'."""
    found = conditions.with_transition_times({"Ready": GOOD, "Accepted": BAD}, [], generation=2, now="t")
    asked = [("Ready", 2), ("Ready", 1), ("Ready", 3), ("Accepted", 2), ("Available", 2)]
    status = {"conditions": found, "observedGeneration": 3}
    assert [conditions.was_true(status, *each) for each in asked] == [True, False, False, False, False]
    for condition in found:
        del condition["observedGeneration"]
    assert [conditions.was_true(status, *each) for each in asked] == [False, False, True, False, False]
    assert not conditions.was_true({}, "Ready", 2)
    assert not conditions.was_true({"conditions": [{}]}, "Ready", 2)


def test_condition_in() -> None:
    """What a status says can be read back."""
    status = conditions.with_transition_times({"Ready": GOOD, "Accepted": BAD}, [], generation=1, now="t")
    assert conditions.condition_in(status, "Accepted") == BAD
    assert conditions.condition_in(status, "Available") is None
    assert conditions.condition_in([], "Ready") is None


def told(
    before: dict[str, ConditionValue],
    after: dict[str, ConditionValue],
    *,
    credential_changed: str | None = None,
    set_by: str = "",
) -> list[EventNote]:
    first = conditions.with_transition_times(before, [], generation=1, now="t1")
    second = conditions.with_transition_times(after, first, generation=2, now="t2")
    return conditions.event_notes(first, second, credential_changed=credential_changed, set_by=set_by)


def test_transitions_are_told() -> None:
    """An Event for each status that changed, a warning where it is not well; Ready only repeats the others."""
    before = {"Ready": GOOD, "Accepted": GOOD, "Available": GOOD}
    after = {"Ready": BAD, "Accepted": BAD, "Available": OPEN}
    assert told(before, after) == [
        EventNote(warning=True, reason="Bad", note="Accepted is False: it is bad"),
        EventNote(warning=True, reason="Open", note="Available is Unknown: who knows"),
    ]
    assert told(after, before) == [
        EventNote(warning=False, reason="Fine", note="Accepted is True: fine"),
        EventNote(warning=False, reason="Fine", note="Available is True: fine"),
    ]


def test_a_stuck_rollout_is_told_once() -> None:
    """Earlier proxies may serve on, so that no status changes; what only repeats it is told nothing of."""
    stuck = ConditionValue("True", Reason.ROLLOUT_STUCK, "it hangs")
    again = ConditionValue("True", Reason.ROLLOUT_STUCK, "it still hangs")
    worse = ConditionValue("False", Reason.ROLLOUT_STUCK, "none is ready")
    note = EventNote(warning=True, reason=Reason.ROLLOUT_STUCK, note="Available is True: it hangs")
    assert told({"Available": GOOD}, {"Available": stuck, "Stalled": stuck}) == [note]
    assert told({"Available": stuck, "Stalled": stuck}, {"Available": again, "Stalled": again}) == []
    assert told({"Available": stuck}, {"Available": GOOD, "Reconciling": GOOD}) == []
    assert told({"Available": BAD}, {"Available": worse}) == [
        EventNote(warning=True, reason=Reason.ROLLOUT_STUCK, note="Available is False: none is ready")
    ]


def test_no_event_without_a_transition() -> None:
    """Another reason or message is in the status; it is no Event."""
    before = {"Accepted": BAD, "Available": GOOD}
    after = {"Accepted": ConditionValue("False", "Worse", "it is worse"), "Available": GOOD}
    assert told(before, after) == []


def test_first_conditions() -> None:
    """A new TenantProxy is worth no Event, except where its spec can't be used, or another one wants the same."""
    assert told({}, {"Accepted": GOOD, "Available": OPEN, "CredentialsReady": BAD}) == []
    assert told({}, {"Ready": BAD, "Accepted": BAD, "Available": OPEN}) == [
        EventNote(warning=True, reason="Bad", note="Accepted is False: it is bad")
    ]
    assert told({}, {"Accepted": GOOD, "Unique": GOOD}) == []
    assert told({}, {"Accepted": GOOD, "Unique": BAD}) == [
        EventNote(warning=True, reason="Bad", note="Unique is False: it is bad")
    ]


def test_first_start() -> None:
    """That proxies begin to start is no warning; that none is ready any more is one."""
    starting = ConditionValue("False", Reason.PROXIES_NOT_READY, "wait")
    for before, warning in ((OPEN, False), (GOOD, True)):
        assert told({"Available": before}, {"Available": starting}) == [
            EventNote(warning=warning, reason="ProxiesNotReady", note="Available is False: wait")
        ]


def test_changed_credential() -> None:
    """Another credential is told by the Secret's name, once: not beside a transition that says as much."""
    note = "the credential in Secret s was replaced"
    changed = [EventNote(warning=False, reason="CredentialsChanged", note=note)]
    assert told({"CredentialsReady": GOOD}, {"CredentialsReady": GOOD}, credential_changed="s") == changed
    assert told({"CredentialsReady": BAD}, {"CredentialsReady": GOOD}, credential_changed="s") == [
        EventNote(warning=False, reason="Fine", note="CredentialsReady is True: fine")
    ]


def test_who_set_a_credential() -> None:
    """Beside either, and beside nothing else."""
    who = ", by a@b.example with PUT /api/v1/proxy-config"
    good = {"CredentialsReady": GOOD}
    (changed,) = told(good, good, credential_changed="s", set_by="a@b.example")
    assert changed.note == f"the credential in Secret s was replaced{who}"
    (first,) = told({"CredentialsReady": BAD}, good, set_by="a@b.example")
    assert first.note == f"CredentialsReady is True: fine{who}"
    assert told(good, good, set_by="a@b.example") == []
    (other,) = told({"Accepted": BAD}, {"Accepted": GOOD}, set_by="a@b.example")
    assert other.note == "Accepted is True: fine"


def test_reasons_are_as_kubernetes_wants_them() -> None:
    """CamelCase, and no two the same."""
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", reason) for reason in REASONS)
    assert len(REASONS) == sum(1 for name in vars(Reason) if not name.startswith("_"))


ROW = re.compile(
    r"^\| `(\w+)` \| (True|False|Unknown|True, False|False, Unknown) \| (.+) \| (.+) \|$", re.MULTILINE
)
SECTION = re.compile(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[str]]:
    """Return the page's reasons by condition."""
    return {kind: [row[0] for row in ROW.findall(text)] for kind, text in SECTION.findall(PAGE.read_text())}


def test_the_page_has_each_reason() -> None:
    """Each reason of `Reason` is on the page, under its condition, with what to do; and no other."""
    found = sections()
    summarized = [kind for kind in conditions.TYPES if kind not in ("Reconciling", "Stalled")]
    assert list(found) == summarized
    named = [reason for group in found.values() for reason in group]
    assert sorted(named) == sorted(REASONS)


def test_the_page_and_the_code_group_the_reasons_alike() -> None:
    """The comments in the code say the same."""
    source = Path(reasons.__file__).read_text()
    code: dict[str, list[str]] = {}
    for comment, reason in re.findall(r"^    # (\w+)|^    \w+: Final = \"(\w+)\"", source, re.MULTILINE):
        if comment:
            code[comment] = []
        elif code:
            code[list(code)[-1]].append(reason)
    assert code == sections()


@pytest.mark.parametrize("progress", [None, rollout(), rollout(ready=0), rollout(stuck="x")])
def test_conditions_are_json(progress: Rollout | None) -> None:
    """What is found can be written."""
    found = conditions.available(progress, namespace="tenants", name="acme")
    assert json.dumps(conditions.with_transition_times({"Available": found}, [], generation=1, now="t"))
