"""The cooldown after a rejected token, with a fake clock."""

from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.cooldown import COOLDOWN, TokenCooldown
from tenantproxy.credentials.proof import Admission

OLD, NEW = (Authorization({"Authorization": f"Bearer {token}"}) for token in ("d3Jvbmc", "cmlnaHQ"))
FIRST, LONGEST = COOLDOWN


def held(*rejections: float) -> TokenCooldown:
    cooldown = TokenCooldown()
    for at in rejections or (0.0,):
        cooldown.rejected(at, OLD)
    return cooldown


def test_nothing_is_held_without_a_rejection() -> None:
    """As long as the OMS takes the tokens, all requests go."""
    assert TokenCooldown().admit(0.0, NEW) is Admission.GO


def test_then_one_request_goes_first() -> None:
    """After the cooldown one request tries, the others wait for how it ends."""
    cooldown = held()
    assert cooldown.admit(FIRST - 0.001, OLD) is Admission.REFUSE
    assert cooldown.remaining(0.5) == FIRST - 0.5
    assert cooldown.admit(FIRST, OLD) is Admission.TRY
    assert cooldown.admit(FIRST, OLD) is Admission.WAIT
    cooldown.released()
    assert cooldown.admit(FIRST, OLD) is Admission.TRY
    cooldown.accepted()
    assert [cooldown.admit(FIRST, OLD) for _ in range(2)] == [Admission.GO] * 2


def test_another_token_goes_at_once_one_request_first() -> None:
    """It may be better."""
    cooldown = held()
    assert cooldown.admit(0.1, NEW) is Admission.TRY
    assert cooldown.admit(0.1, NEW) is Admission.WAIT
    assert cooldown.holds(0.1, OLD)
    assert not cooldown.holds(0.1, NEW)


def test_it_grows_and_is_bounded() -> None:
    """Rejections of requests that were in flight together are one."""
    now, seconds = 0.0, []
    cooldown = TokenCooldown()
    for _ in range(8):
        cooldown.rejected(now, OLD)
        cooldown.rejected(now + 0.1, OLD)
        seconds.append(round(cooldown.remaining(now + 0.1), 6))
        now += 0.2 + seconds[-1]
    assert seconds == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST, LONGEST, LONGEST]
    cooldown.accepted()
    cooldown.rejected(now, OLD)
    assert cooldown.remaining(now) == FIRST


def test_nothing_prints_the_token() -> None:
    """Whatever is logged of a cooldown shows no secret."""
    assert "d3Jvbmc" not in repr((held(), OLD))
