"""What is known of a credential, and what follows: with a clock that is an argument."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.credentials.proof import FIRST_PAUSE, LONG_PAUSE, Claim, Proof, from_note

NOW = 1.8e9
MINE, OTHERS = Claim(by="a", since=NOW, seconds=10.0), Claim(by="b", since=NOW + 1, seconds=10.0)


def after(*rejections: float, accepted: float | None = None) -> Proof:
    """Return what is known after rejections at these seconds, and an acceptance before them."""
    proof = Proof() if accepted is None else Proof().accepted(NOW + accepted)
    for at in rejections:
        proof = proof.rejected(NOW + at)
    return proof


@pytest.mark.parametrize(
    ("rejections", "pause"),
    [
        ((0.0,), FIRST_PAUSE),
        ((0.0, 0.2), LONG_PAUSE),  # a third could lock the account
        ((0.0, 0.2, 0.3), FIRST_PAUSE),  # it has, or never will be
        ((0.0, 0.2, 0.3, 0.5), FIRST_PAUSE),
        ((0.0, FIRST_PAUSE), LONG_PAUSE),
        ((0.0, 0.2, 0.3, 0.3 + FIRST_PAUSE), LONG_PAUSE),
        ((0.0, FIRST_PAUSE, FIRST_PAUSE + LONG_PAUSE), LONG_PAUSE),
        ((0.0, 0.0), FIRST_PAUSE),  # the same one, told twice
    ],
)
@pytest.mark.parametrize("accepted", [None, -60.0])
def test_pauses(rejections: tuple[float, ...], pause: float, accepted: float | None) -> None:
    """By how often it was rejected, and whether that was at once or again after a pause."""
    proof, last = after(*rejections, accepted=accepted), NOW + rejections[-1]
    assert proof.remaining(last) == pause
    assert proof.remaining(last + pause - 0.01) == pytest.approx(0.01, abs=1e-4)
    assert proof.remaining(last + pause) == 0.0
    assert proof.remaining(last - 1e6) == pause, "a clock that was set back makes no pause longer"


@given(st.lists(st.floats(0.0, 600.0), max_size=50))
def test_own_attempts_are_two_in_half_an_hour(waits: list[float]) -> None:
    """Whoever tries whenever that is allowed, and however late."""
    now, proof, logins = NOW, Proof(), []
    for wait in waits:
        now += proof.remaining(now) + wait
        logins.append(now)
        proof = proof.rejected(now)
    assert all(sum(at <= each < at + 1800 for each in logins) <= 2 for at in logins)


def test_acceptance_forgets_rejections() -> None:
    """It was right, and the OMS in trouble."""
    proof = after(0.0, FIRST_PAUSE).accepted(NOW + 4000)
    assert (proof.state, proof.wrong_logins, proof.remaining(NOW + 4000)) == ("accepted", (), 0.0)
    assert proof.rejected(NOW + 4001).remaining(NOW + 4001) == FIRST_PAUSE


def test_acceptance_forgets_wrong_logins_with_others() -> None:
    """As an order system does; and a replica that has not heard of it brings them no more."""
    proof = Proof().wronged(NOW).accepted(NOW + 60)
    assert proof.earlier == ()
    assert proof.with_earlier((NOW, NOW + 61)).earlier == (NOW + 61,)
    assert proof.rejected(NOW + 62).remaining(NOW + 62) == FIRST_PAUSE
    assert proof.wronged(NOW + 61).rejected(NOW + 62).remaining(NOW + 62) == LONG_PAUSE


@given(
    before=st.lists(st.tuples(st.floats(0.0, 600.0), st.sampled_from(["rejected", "wronged"])), max_size=10),
    burst=st.lists(st.floats(0.0, 59.9), min_size=1, max_size=20, unique=True),
    is_alone=st.booleans(),
)
def test_a_right_credential_is_read_again_within_five_minutes(
    before: list[tuple[float, str]], burst: list[float], *, is_alone: bool
) -> None:
    """Whatever was wrong before it was accepted, and however many are rejected in a minute; but not after two."""
    proof, now = Proof(is_alone=is_alone), NOW
    for wait, what in before:
        now += wait
        proof = proof.rejected(now) if what == "rejected" else proof.wronged(now)
    accepted = now + 1.0
    proof = proof.accepted(accepted)
    times = sorted({round(accepted + 1.0 + at, 3) for at in burst})
    for at in times:
        proof = proof.rejected(at)
    expected = LONG_PAUSE if len(times) == 2 else FIRST_PAUSE
    assert proof.remaining(times[-1]) == pytest.approx(expected)
    assert times[-1] + FIRST_PAUSE < times[0] + 300.0


def test_another_credential_begins_anew_but_may_be_of_the_same_account() -> None:
    """It is tried at once; what was counted before it still counts, for half an hour."""
    proof = after(0.0).renewed(NOW + 60, "abcd")
    assert (proof.state, proof.remaining(NOW + 60), proof.fingerprint) == ("untried", 0.0, "abcd")
    assert proof.rejected(NOW + 60).remaining(NOW + 60) == LONG_PAUSE
    late = after(0.0).renewed(NOW + LONG_PAUSE, "abcd")
    assert late.rejected(NOW + LONG_PAUSE).remaining(NOW + LONG_PAUSE) == FIRST_PAUSE
    assert Proof().wronged(NOW, 1).rejected(NOW + 1).remaining(NOW + 1) == LONG_PAUSE


def test_a_claim_that_was_never_ended_counts() -> None:
    """A claim after another replica's counts as a login of that one; a claim of its own is another matter."""
    assert Proof().claimed(MINE).claimed(OTHERS).rejected(NOW + 20).remaining(NOW + 20) == LONG_PAUSE
    again = msgspec.structs.replace(MINE, since=NOW + 5)
    assert Proof().claimed(MINE).claimed(again).rejected(NOW + 20).remaining(NOW + 20) == FIRST_PAUSE
    given_back = Proof().claimed(MINE).released().claimed(OTHERS)
    assert given_back.rejected(NOW + 20).remaining(NOW + 20) == FIRST_PAUSE


def test_a_rejection_may_cost_two_logins() -> None:
    """Such as those in two styles of client authentication."""
    assert Proof().rejected(NOW, 2).remaining(NOW) == LONG_PAUSE


def test_a_replica_that_is_alone_is_careful() -> None:
    """Another one may have logged in just as often; but a credential that was accepted is right."""
    alone = Proof(is_alone=True)
    assert alone.rejected(NOW).remaining(NOW) == LONG_PAUSE
    assert alone.accepted(NOW).rejected(NOW + 1).remaining(NOW + 1) == FIRST_PAUSE
    assert "lone" not in alone.to_note(1)


def test_a_note_is_read_back() -> None:
    """With all that is in it, as its next revision."""
    proof = msgspec.structs.replace(
        after(0.0, 1.0).wronged(NOW).claimed(MINE).with_client_auth("client_secret_post"),
        set_at=NOW,
        set_by="jane@example.com",
        fingerprint="abcd",
        rejection="unsupported_grant_type",
    )
    assert from_note(proof.to_note(7)) == msgspec.structs.replace(proof, revision=7)
    full = msgspec.structs.replace(proof, earlier=(NOW, NOW + 1, NOW + 2), wrong_logins=(NOW, NOW, NOW))
    assert len(full.to_note(2**52)) < 700


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "{",
        '{"state": "locked"}',
        '{"revision": -1}',
        '{"revision": 1e99}',
        '{"wrongLogins": ["x"]}',
        '{"wrongLogins": [-1]}',
        '{"state": "rejected"}',
        '{"claim": {"by": "x", "since": 1, "seconds": 1e9}}',
        '{"setBy": "' + "x" * 5000 + '"}',
        "[" * 4000,
        '{"setBy": "\\ud800"}',
        '{"clientAuth": "client_secret_json"}',
        '{"rejection": "a text of theirs"}',
    ],
)
def test_what_is_no_note_is_none(text: str | None) -> None:
    """Whatever somebody has written there."""
    assert from_note(text) is None


def test_a_style_is_known_of_one_credential() -> None:
    """Also where somebody sets it once more; of another one, or where they can't be told apart, none is."""
    known = Proof(fingerprint="abcd").with_client_auth("client_secret_post")
    assert known.accepted(NOW).rejected(NOW).client_auth == "client_secret_post"
    assert known.renewed(NOW, "abcd").client_auth == "client_secret_post"
    assert known.renewed(NOW, "ef01").client_auth is None
    assert msgspec.structs.replace(known, fingerprint="").renewed(NOW, "").client_auth is None
    older = from_note('{"state":"accepted","fingerprint":"abcd"}')
    assert older is not None
    assert older.client_auth is None


def test_a_note_holds_no_endless_time() -> None:
    """JSON has none, and ours never writes one."""
    assert from_note(Proof(set_at=math.inf).to_note(1)) == Proof(revision=1)


def test_what_the_token_endpoint_said() -> None:
    """It is known as long as it is so: until the credential is accepted, rejected by the OMS, or another one."""
    said = Proof().rejected(NOW, 1, "invalid_client")
    assert said.rejection == "invalid_client"
    assert {said.accepted(NOW).rejection, said.rejected(NOW).rejection, said.renewed(NOW, "").rejection} == {""}
