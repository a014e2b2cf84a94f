"""A new operator image or setting reaches a few tenants at a time, canaries first, and stops in time."""

from hypothesis import given
from hypothesis import strategies as st

from tenantproxy_operator.controller.rollout import MOST_MISSED, Fleet, state_of
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import Rollout


def _key(number: int) -> Key:
    return Key("tenants", f"t{number:02}")


class _Woken(list[Key]):
    """Who was woken, in order."""

    def take(self) -> list[Key]:
        taken = list(self)
        self.clear()
        return taken


def _fleet(most: int = 2, expected: int = 0) -> tuple[Fleet, _Woken]:
    woken = _Woken()
    fleet = Fleet(most, woken.append)
    fleet.expect(_key(number) for number in range(expected))
    return fleet, woken


def test_a_few_at_a_time() -> None:
    """No more than allowed are updated at once; the next one has its turn when one is done."""
    fleet, woken = _fleet(most=2)
    assert [fleet.ask(_key(number), canary=False) for number in range(4)] == [True, True, False, False]
    fleet.note(_key(0), "updating")
    assert woken.take() == []
    fleet.note(_key(0), "done")
    assert woken.take() == [_key(2)]
    assert fleet.ask(_key(2), canary=False)
    assert (fleet.updating, fleet.pending) == (2, 1)


def test_canaries_first() -> None:
    """While a canary waits or is updated, nobody else has a turn."""
    fleet, woken = _fleet(most=2, expected=4)
    for number in range(4):
        assert not fleet.ask(_key(number), canary=number >= 3)
        fleet.held(_key(number))
    assert woken.take() == [_key(3)]
    assert not fleet.ask(_key(0), canary=False)
    fleet.note(_key(3), "updating")
    assert woken.take() == []
    fleet.note(_key(3), "done")
    assert len(woken.take()) == 2


def test_stops_after_several_missed_deadlines() -> None:
    """The third tenant that does not come up ends the rollout; who waits is told, and nobody has a turn."""
    fleet, woken = _fleet(most=1)
    for number in range(MOST_MISSED + 2):
        fleet.ask(_key(number), canary=False)
    for number in range(MOST_MISSED):
        assert not fleet.stopped
        fleet.note(_key(number), "missed")
    assert fleet.stopped
    assert fleet.missed == [_key(number) for number in range(MOST_MISSED)]
    assert woken.take()[-2:] == [_key(3), _key(4)]
    assert not fleet.ask(_key(3), canary=False)


def test_goes_on_when_they_come_up() -> None:
    """A stopped rollout goes on when one of those that missed comes up after all, or is deleted."""
    fleet, woken = _fleet(most=1)
    for number in range(MOST_MISSED + 1):
        fleet.ask(_key(number), canary=False)
    for number in range(MOST_MISSED):
        fleet.note(_key(number), "missed")
    woken.take()
    fleet.forget(_key(0))
    assert not fleet.stopped
    assert set(woken.take()) == {_key(MOST_MISSED)}
    assert fleet.ask(_key(MOST_MISSED), canary=False)


def test_waits_until_all_were_seen() -> None:
    """After a restart nobody has a turn before it is known who has had one since before."""
    fleet, woken = _fleet(most=2, expected=3)
    assert not fleet.ask(_key(0), canary=False)
    fleet.held(_key(0))
    fleet.note(_key(1), "updating")
    assert woken.take() == []
    fleet.note(_key(2), "updating")
    assert woken.take() == []
    fleet.note(_key(2), "done")
    assert woken.take() == [_key(0)]


def test_one_that_is_not_told_of_yet_was_not_seen() -> None:
    """At the start children are known before their TenantProxy: a look at it finds none, and means nothing."""
    woken = _Woken()
    fleet = Fleet(1, woken.append)
    fleet.forget(_key(0))
    fleet.forget(_key(1))
    fleet.expect([_key(0), _key(1)])
    assert not fleet.ask(_key(0), canary=False)
    fleet.held(_key(0))
    assert not fleet.ask(_key(1), canary=True)
    fleet.held(_key(1))
    assert woken.take() == [_key(1)]


def test_one_that_went_is_waited_for_no_longer() -> None:
    """A TenantProxy that is gone before it was seen is not in the next list."""
    fleet, woken = _fleet(most=1, expected=2)
    assert not fleet.ask(_key(0), canary=False)
    fleet.held(_key(0))
    fleet.forget(_key(1))
    assert woken.take() == []
    fleet.expect([_key(0)])
    assert woken.take() == [_key(0)]


def test_nobody_has_a_turn_before_the_fleet_is_known() -> None:
    """Without `expect` there is no turn."""
    fleet = Fleet(1, _Woken().append)
    assert not fleet.ask(_key(0), canary=False)


def test_one_that_was_broken_before_tells_nothing() -> None:
    """A tenant without a ready proxy does not count against the change; one whose old proxies serve does."""
    stuck = Rollout(wanted=2, replicas=3, updated=1, ready=2, observed=True, stuck="deadline")
    assert state_of(stuck) == "missed"
    assert state_of(Rollout(wanted=2, replicas=2, updated=2, ready=0, observed=True, stuck="deadline")) == "done"
    assert state_of(Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)) == "done"
    assert state_of(Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=False)) == "updating"
    stale = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=False, stuck="deadline")
    assert state_of(stale) == "updating"
    assert state_of(None) == "done"


@given(
    most=st.integers(1, 4),
    canaries=st.sets(st.integers(0, 11)),
    answers=st.lists(st.sampled_from(["done", "missed"]), min_size=12, max_size=12),
)
def test_every_rollout_ends(most: int, canaries: set[int], answers: list[str]) -> None:
    """Everybody has one turn, or the rollout stopped; never more than allowed at once, canaries before others."""
    fleet, woken = _fleet(most=most, expected=12)
    for number in range(12):
        fleet.ask(_key(number), canary=number in canaries)
        fleet.held(_key(number))
    turns: list[Key] = []
    queue = woken.take()
    while queue:
        assert fleet.updating <= most
        key = queue.pop(0)
        if key in turns or not fleet.ask(key, canary=int(key.name[1:]) in canaries):
            continue
        turns.append(key)
        answer = answers[int(key.name[1:])]
        fleet.note(key, "missed" if answer == "missed" else "done")
        queue += woken.take()
    assert fleet.stopped or len(turns) == 12
    numbers = [int(key.name[1:]) in canaries for key in turns]
    assert numbers == sorted(numbers, reverse=True)
