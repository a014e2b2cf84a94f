"""The hold after a rejected credential, with a fake clock."""

from tenantproxy.credentials.cooldown import HOLD, Hold

WRONG, RIGHT = "Basic d3Jvbmc=", "Basic cmlnaHQ="


def held(at: float = 0.0) -> Hold:
    hold = Hold()
    hold.rejected(at, WRONG)
    return hold


def test_nothing_is_held_without_a_rejection() -> None:
    """As long as the OMS takes the credential, all requests go."""
    assert Hold().admit(0.0, RIGHT) == "go"


def test_rejected_credential_is_held_for_two_seconds() -> None:
    """The OMS is not asked again with a rejected credential for two seconds."""
    hold = held()
    assert hold.admit(HOLD - 0.001, WRONG) == "refuse"
    assert hold.remaining(0.5) == HOLD - 0.5


def test_then_one_probe_goes_first() -> None:
    """After the hold one request tries, the others wait for how it ends."""
    hold = held()
    assert hold.admit(HOLD, WRONG) == "probe"
    assert hold.admit(HOLD, WRONG) == "wait"


def test_rejected_probe_holds_again() -> None:
    """At 100 requests a second, a wrong password reaches the OMS once per two seconds."""
    hold = held()
    asked = 0
    for tick in range(1000):
        now = tick / 100
        if hold.admit(now, WRONG) in ("go", "probe"):
            asked += 1
            hold.rejected(now, WRONG)
    assert asked == 4


def test_accepted_probe_ends_the_hold() -> None:
    """Once the OMS takes the credential, all go."""
    hold = held()
    assert hold.admit(HOLD, WRONG) == "probe"
    hold.accepted()
    assert hold.admit(HOLD, WRONG) == "go"


def test_another_credential_ends_the_hold_with_a_probe() -> None:
    """A changed credential is tried at once, by one request first."""
    hold = held()
    assert hold.admit(0.1, RIGHT) == "probe"
    assert hold.admit(0.1, RIGHT) == "wait"
    hold.accepted()
    assert hold.admit(0.1, RIGHT) == "go"


def test_released_probe_leaves_the_place_to_the_next() -> None:
    """A probe that ended without an answer decides nothing."""
    hold = held()
    assert hold.admit(HOLD, WRONG) == "probe"
    hold.release()
    assert hold.admit(HOLD, WRONG) == "probe"


def test_nothing_prints_the_credential() -> None:
    """Whatever is logged of a hold shows no secret."""
    assert WRONG not in repr(held())
