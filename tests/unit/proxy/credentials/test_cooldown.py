"""The hold after a rejected credential, with a fake clock."""

from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.cooldown import COOLDOWN, CredentialCooldown

WRONG, RIGHT = (Authorization({"Authorization": f"Basic {pair}"}) for pair in ("d3Jvbmc=", "cmlnaHQ="))


def held(at: float = 0.0) -> CredentialCooldown:
    cooldown = CredentialCooldown()
    cooldown.rejected(at, WRONG)
    return cooldown


def test_nothing_is_held_without_a_rejection() -> None:
    """As long as the OMS takes the credential, all requests go."""
    assert CredentialCooldown().admit(0.0, RIGHT) == "go"


def test_rejected_credential_is_held_for_two_seconds() -> None:
    """The OMS is not asked again with a rejected credential for two seconds."""
    cooldown = held()
    assert cooldown.admit(COOLDOWN - 0.001, WRONG) == "refuse"
    assert cooldown.remaining(0.5) == COOLDOWN - 0.5


def test_then_one_probe_goes_first() -> None:
    """After the hold one request tries, the others wait for how it ends."""
    cooldown = held()
    assert cooldown.admit(COOLDOWN, WRONG) == "probe"
    assert cooldown.admit(COOLDOWN, WRONG) == "wait"


def test_rejected_probe_holds_again() -> None:
    """At 100 requests a second, a wrong password reaches the OMS once per two seconds."""
    cooldown = held()
    asked = 0
    for tick in range(1000):
        now = tick / 100
        if cooldown.admit(now, WRONG) in ("go", "probe"):
            asked += 1
            cooldown.rejected(now, WRONG)
    assert asked == 4


def test_accepted_probe_ends_the_hold() -> None:
    """Once the OMS takes the credential, all go."""
    cooldown = held()
    assert cooldown.admit(COOLDOWN, WRONG) == "probe"
    cooldown.accepted()
    assert cooldown.admit(COOLDOWN, WRONG) == "go"


def test_another_credential_ends_the_hold_with_a_probe() -> None:
    """A changed credential is tried at once, by one request first."""
    cooldown = held()
    assert cooldown.admit(0.1, RIGHT) == "probe"
    assert cooldown.admit(0.1, RIGHT) == "wait"
    cooldown.accepted()
    assert cooldown.admit(0.1, RIGHT) == "go"


def test_released_probe_leaves_the_place_to_the_next() -> None:
    """A probe that ended without an answer decides nothing."""
    cooldown = held()
    assert cooldown.admit(COOLDOWN, WRONG) == "probe"
    cooldown.release()
    assert cooldown.admit(COOLDOWN, WRONG) == "probe"


def test_nothing_prints_the_credential() -> None:
    """Whatever is logged of a hold shows no secret."""
    assert "d3Jvbmc" not in repr((held(), WRONG))
