"""What doctor says: the worst first, causes before what they cause, and what is long over as a note."""

import json
import time
from dataclasses import replace
from typing import Any, Final

import click
import pytest

from tenantproxy.config import Tenant
from tenantproxy.credentials.proof import LONG_PAUSE, Claim, Proof
from tenantproxy.metrics import Metrics
from tenantproxy.problems import EVENT_CODES, PROBLEM_TYPES
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.doctor.codes import CODES
from tenantproxy_operator.doctor.commands import PUT
from tenantproxy_operator.doctor.conditions import ROWS
from tenantproxy_operator.doctor.credential import why_no_trial
from tenantproxy_operator.doctor.events import ROWS as OF_EVENTS
from tenantproxy_operator.doctor.finding import Severity
from tenantproxy_operator.doctor.findings import findings, is_wrong
from tenantproxy_operator.doctor.report import to_json, to_text
from tenantproxy_operator.doctor.trial import NO_TOKEN, understood
from tenantproxy_operator.doctor.view import DryRun, Process, TenantView, View
from tenantproxy_operator.fleet.objects import Condition, Metadata, TenantProxy, TenantProxyStatus
from tenantproxy_operator.fleet.samples import read_samples

NOW: Final = 1_800_000_000.0


def tenant(name: str = "acme", *conditions: Condition, **changes: Any) -> TenantView:
    """Return a tenant whose conditions are those."""
    metadata = Metadata(name=name, namespace="tenants", generation=1)
    status = TenantProxyStatus(conditions=conditions, observed_generation=1)
    return TenantView(proxy=TenantProxy(metadata=metadata, status=status), **changes)


def condition(kind: str, status: str, reason: str, message: str = "it is so") -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message)


ACCEPTED: Final = condition("Accepted", "True", "Accepted")


def of_a_proxy() -> Metrics:
    """Return the metrics of a proxy with a credential."""
    metrics = Metrics(Tenant(id="T-1", name="acme"))
    metrics.credential_changed("basic", among=("basic", "oauth2"))
    return metrics


def counted(*, requests: int, failed: int, failed_since: int = 0) -> Process:
    """Return a proxy that has answered and failed so often, and again between two readings."""
    metrics = of_a_proxy()
    for _ in range(requests - failed):
        metrics.answered("getOrder", 200, 0.1)
    for _ in range(failed):
        metrics.answered("getOrder", 504, 0.1)
        metrics.upstream_failed("upstream-timeout")
    before = read_samples(metrics.exposition())
    for _ in range(failed_since):
        metrics.answered("getOrder", 504, 0.1)
        metrics.upstream_failed("upstream-timeout")
    return Process(name="p", before=before, now=read_samples(metrics.exposition()))


def of(*tenants: TenantView) -> list[tuple[str, Severity]]:
    """Return what is found, in order."""
    return [(each.id, each.severity) for each in findings(View(now=NOW, tenants=tenants))]


def test_every_reason_and_every_code_has_a_row() -> None:
    """But those of what is well, and the codes that are told by what is behind them."""
    reasons = {value for name, value in vars(Reason).items() if name.isupper()}
    well = {Reason.ACCEPTED, Reason.PROXIES_READY, Reason.CREDENTIALS_SET, Reason.UNIQUE, Reason.READY}
    well |= {Reason.RELAYS_READY, Reason.POSLOG_KEYS_SET}
    assert ROWS.keys() == reasons - well
    assert CODES.keys() == PROBLEM_TYPES.keys() - {"upstream-unreachable", "forward-proxy-error"} - EVENT_CODES
    assert OF_EVENTS.keys() == EVENT_CODES | {"poslog-paused"}


def test_the_worst_comes_first() -> None:
    """Of all tenants together; those alike by their names."""
    found = findings(
        View(
            now=NOW,
            tenants=(
                tenant("a", ACCEPTED, condition("Unique", "False", "SecretShared")),
                tenant("c", ACCEPTED, condition("CredentialsReady", "False", "CredentialsMissing")),
                tenant("b", ACCEPTED, condition("CredentialsReady", "False", "CredentialsMissing")),
            ),
        )
    )
    assert [each.subject for each in found] == ["tenants/b", "tenants/c", "tenants/a"]


@pytest.mark.parametrize(
    ("process", "severity"),
    [
        (counted(requests=1000, failed=1), Severity.NOTE),
        (counted(requests=1000, failed=10), Severity.WARNING),
        (counted(requests=1000, failed=500), Severity.DOWN),
        (counted(requests=1000, failed=1, failed_since=1), Severity.DOWN),
    ],
    ids=["long ago", "often", "mostly", "now"],
)
def test_how_bad_failures_are(process: Process, severity: Severity) -> None:
    """By whether they go on, else by their share; where no pod is ready, nothing can be read at all."""
    view = tenant("acme", ACCEPTED, processes=(process,))
    assert of(view) == [("upstream-timeout", severity)]
    assert is_wrong(findings(View(now=NOW, tenants=(view,)))) == (severity < Severity.NOTE)


def test_since_when() -> None:
    """By the proxies' log, where it says so: what has ended and begun again began then; of replicas, the first."""

    def line(time: str, state: str) -> str:
        return json.dumps(
            {"time": time, "logger": "tenantproxy.state", "code": "upstream-timeout", "state": state}
        )

    log = "\n".join(
        ('cut"}', line("T1", "begun"), line("T2", "ended"), line("T3", "begun"), line("T4", "changed"))
    )
    process = replace(counted(requests=2, failed=2), since="T0")
    other = replace(process, log=line("T5", "begun"))
    (found,) = findings(View(now=NOW, tenants=(tenant("acme", ACCEPTED, processes=(process, other)),)))
    assert found.since == "T5"
    process = replace(process, log=log)
    (found,) = findings(View(now=NOW, tenants=(tenant("acme", ACCEPTED, processes=(process, other)),)))
    assert found.since == "T3"
    over = replace(process, log=line("T1", "ended"))
    (found,) = findings(View(now=NOW, tenants=(tenant("acme", ACCEPTED, processes=(over,)),)))
    assert found.since == "T0"


def test_a_spec_that_is_not_in_force() -> None:
    """Reads fail only where no proxy serves what was applied before."""
    invalid = condition("Accepted", "False", "InvalidSpec")
    serves = condition("Available", "True", "ProxiesReady")
    assert of(tenant("acme", invalid, serves)) == [("InvalidSpec", Severity.FAILING)]
    assert of(tenant("acme", invalid)) == [("InvalidSpec", Severity.DOWN)]


def test_what_the_status_says_beside_its_reasons() -> None:
    """A warning; a tenant that nobody has looked at; one of an operator with words of its own."""
    doubtful = condition("Accepted", "True", "Accepted", "all is applied; warning: spec.mapping: an amount")
    assert of(tenant("acme", doubtful)) == [("doubtful-spec", Severity.NOTE)]
    assert of(tenant("acme")) == [("not-reconciled", Severity.DOWN)]
    newer = condition("Accepted", "False", "OfANewerVersion")
    assert of(tenant("acme", newer)) == [("OfANewerVersion", Severity.DOWN)]
    waits, edited = (condition("Accepted", status, "Suspended") for status in ("True", "False"))
    assert [of(tenant("acme", each))[0][1] for each in (waits, edited)] == [Severity.NOTE, Severity.WARNING]


def test_under_local() -> None:
    """There is no status, and no command about a cluster is named."""
    view = replace(tenant("acme"), is_local=True, serves=False, processes=(counted(requests=1, failed=1),))
    found = findings(View(now=NOW, tenants=(view,)))
    assert [each.id for each in found] == ["not-serving", "upstream-timeout"]
    assert not any("kubectl" in each.next for each in found)


# ---- the credential


def test_causes_come_before_what_they_cause() -> None:
    """That the account is rejected is told once, with who set it, and since when."""
    metrics = of_a_proxy()
    metrics.credential_accepted(accepted=False)
    metrics.upstream_failed("upstream-rejected-credentials")
    page = read_samples(metrics.exposition())
    proof = Proof(state="rejected", rejected_at=NOW - 90, set_by="admin@acme.example")
    view = tenant("acme", ACCEPTED, processes=(Process(name="p", before=page, now=page),), proof=proof)
    (found,) = findings(View(now=NOW, tenants=(view,)))
    assert (found.id, found.severity, found.turn) == (
        "upstream-rejected-credentials",
        Severity.DOWN,
        "tenant admin",
    )
    assert found.says.endswith("it was set by admin@acme.example")
    assert found.since == "2027-01-15T07:58:30Z"


def accepted_metric(*, accepted: bool) -> Process:
    metrics = of_a_proxy()
    metrics.credential_accepted(accepted=accepted)
    return Process(name="p", now=read_samples(metrics.exposition()))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"proof": Proof(state="accepted", accepted_at=NOW)}, ""),
        ({"proof": Proof()}, ""),
        ({"processes": (accepted_metric(accepted=True),)}, ""),
        ({"proof": Proof(state="rejected", rejected_at=NOW)}, "another wrong login could lock the account"),
        ({"processes": (accepted_metric(accepted=False),)}, "another wrong login could lock the account"),
        ({"proof": Proof(earlier=(NOW - 60,))}, "within the last half hour"),
        ({"proof": Proof(earlier=(NOW - LONG_PAUSE - 1,))}, ""),
        ({}, "it is not known"),
    ],
)
def test_a_trial_never_locks_an_account(changes: dict[str, Any], why: str) -> None:
    """It is made only where it is known that no wrong login of late has been counted."""
    said = why_no_trial(tenant("acme", **changes), NOW)
    assert (why in said) if why else not said


def test_no_credential() -> None:
    """That there is none the proxies show at once, before anybody reads."""
    metrics = of_a_proxy()
    view = tenant("acme", ACCEPTED, processes=(Process(name="p", now=read_samples(metrics.exposition())),))
    assert of(view) == []
    metrics.credential_changed(None, among=("basic", "oauth2"))
    never = Metrics(Tenant(id="T-1", name="acme"))
    for each in (metrics, never):
        without = replace(view, processes=(Process(name="p", now=read_samples(each.exposition())),))
        assert of(without) == [("credentials-not-configured", Severity.DOWN)]
        missing = condition("CredentialsReady", "False", "CredentialsMissing")
        said = tenant("acme", ACCEPTED, missing, processes=without.processes)
        assert of(said) == [("CredentialsMissing", Severity.DOWN)]


def test_what_the_token_endpoint_said_before_a_restart() -> None:
    """The note has kept it, and what it says comes before what follows from it."""
    for word, id_ in (("invalid_client", "invalid_client"), ("status-418", "status-NNN")):
        proof = Proof(state="rejected", rejected_at=NOW, rejection=word)
        cause, effect = findings(View(now=NOW, tenants=(tenant("acme", ACCEPTED, proof=proof),)))
        assert (cause.id, effect.id) == (id_, "upstream-rejected-credentials")
        assert cause.says.endswith(f"({word})")
        assert cause.severity is effect.severity
        assert cause.since == effect.since != ""


def test_a_credential_that_nobody_has_tried() -> None:
    """It is a note; none where a replica is trying it."""
    view = tenant("acme", ACCEPTED, proof=Proof())
    assert of(view) == [("untried", Severity.NOTE)]
    assert of(replace(view, proof=Proof(claim=Claim(by="p", since=NOW, seconds=9)))) == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"test": {"outcome": "accepted", "detail": "d"}}, []),
        (200, {"test": {"outcome": "failed", "detail": "d"}}, [("credential-rejected", Severity.DOWN)]),
        (200, {"test": {"outcome": "inconclusive"}}, [("validation-inconclusive", Severity.DOWN)]),
        (503, {"code": "store-unavailable", "detail": "d"}, [("store-unavailable", Severity.WARNING)]),
        (403, {"code": "admin-required", "detail": "d"}, []),
    ],
)
def test_what_a_trial_says(status: int, body: dict[str, Any], expected: list[tuple[str, Severity]]) -> None:
    """Its outcome, or why it was refused."""
    dry_run = understood(status, json.dumps(body).encode())
    assert of(tenant("acme", ACCEPTED, dry_run=dry_run)) == expected


def test_what_is_no_proxy() -> None:
    """An answer of something else is no outcome."""
    assert understood(502, b"<html>").skipped


# ---- how it is told


def test_text() -> None:
    """Each finding with its time, its turn and the next command on a line of its own; then what is not known."""
    missing = condition("CredentialsReady", "False", "CredentialsMissing", "Secret x holds no credential")
    missing = Condition(
        type=missing.type,
        status="False",
        reason=missing.reason,
        message=missing.message,
        last_transition_time="2027-01-15T07:00:00Z",
    )
    view = View(
        now=NOW,
        tenants=(tenant("acme", ACCEPTED, missing, dry_run=DryRun(skipped=NO_TOKEN)),),
        unseen=("can't see pods",),
    )
    text = to_text(view, findings(view))
    assert text.splitlines()[1:6] == [
        "  Secret x holds no credential",
        "  since: 2027-01-15T07:00:00Z (1 h ago)",
        "  turn:  tenant admin",
        f"  next:  {PUT.format(api='http://acme-proxy.tenants.svc:8080')}",
        "  see:   docs/troubleshooting.md#the-credential",
    ]
    assert "1 thing wrong." in text
    assert "- tenants/acme: nothing is known of the credential\n" in text
    assert "Not looked at:\n- can't see pods\n- no credential was tried, for want of a token" in text


def test_what_a_terminal_would_obey() -> None:
    """Nobody who can write a message writes to the terminal of whoever reads it."""
    nasty = condition("Accepted", "False", "ApplyRefused", "a webhook says \x1b]0;pwned\x07no\nand no")
    view = View(now=NOW, tenants=(tenant("acme", nasty),), unseen=("\x9b31m",))
    text = click.unstyle(to_text(view, findings(view)))
    assert "a webhook says ?]0;pwned?no and no" in text
    assert "- ?31m\n" in text


def test_json() -> None:
    """What is not known is left out."""
    view = View(now=NOW, tenants=(tenant("acme", ACCEPTED, condition("Unique", "False", "SecretShared")),))
    document = to_json(view, findings(view))
    assert document["at"] == "2027-01-15T08:00:00Z"
    (found,) = document["findings"]
    assert found["next"].endswith("; give one of them its own Secret (spec.auth.secretRef)")
    assert found == {
        "severity": "warning",
        "subject": "tenants/acme",
        "id": "SecretShared",
        "says": "it is so",
        "turn": "platform team",
        "next": found["next"],
        "see": "docs/troubleshooting.md#a-tenant-is-not-ready",
    }


def test_times_that_cannot_be() -> None:
    """Whoever wrote them, nothing fails."""
    view = tenant("acme", ACCEPTED, proof=Proof(state="rejected", rejected_at=1e30))
    (found,) = findings(View(now=time.time(), tenants=(view,)))
    assert found.since == ""


def test_what_local_has_tried() -> None:
    """That the OMS can't be reached is told though nobody has read yet; the rest has findings of its own."""
    proxy = TenantProxy(metadata=Metadata(name="acme", namespace="tenants"))
    process = Process(name="p", before=None, now=read_samples(of_a_proxy().exposition()))
    view = TenantView(
        proxy=proxy, processes=(process,), is_local=True, serves=True, problem="the OMS at oms:1 ...", reason="dns"
    )
    (found,) = findings(View(now=NOW, tenants=(view,)))
    assert (found.id, found.severity, found.says) == ("dns", Severity.DOWN, "the OMS at oms:1 ...")
    assert of(replace(view, reason="token-unavailable")) == []
    assert of(replace(view, reason="")) == []


def test_what_is_known_of_credentials() -> None:
    """Of few tenants each is told; of a fleet how many there are of a kind, in a line each."""
    bare = Process(name="p", now=read_samples(Metrics(Tenant(id="T-1", name="acme")).exposition()))
    kinds = {
        "no credential is set": tenant("a", ACCEPTED, processes=(bare,)),
        "the credential was accepted at 2027-01-15T08:00:00Z": tenant(
            "b", ACCEPTED, proof=Proof(state="accepted", accepted_at=NOW)
        ),
        "the credential was rejected": tenant("c", ACCEPTED, proof=Proof(state="rejected", rejected_at=NOW)),
        "nothing is known of the credential": tenant("d", ACCEPTED),
    }
    text = to_text(View(now=NOW, tenants=tuple(kinds.values())), [])
    for view, (known, _) in zip("abcd", kinds.items(), strict=True):
        assert f"- tenants/{view}: {known}\n" in text
    many = [
        tenant(f"t{number}", ACCEPTED, proof=Proof(state="accepted", accepted_at=NOW)) for number in range(300)
    ]
    text = to_text(View(now=NOW, tenants=(*kinds.values(), *many)), [])
    assert "\n- of 301 tenants the credential was accepted the last time\n" in text
    assert "\n- of 1 tenant no credential is set\n" in text
    assert len(text.splitlines()) < 10
