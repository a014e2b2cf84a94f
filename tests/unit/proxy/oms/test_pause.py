"""The pause that an OMS asks for."""

from tenantproxy.oms.pause import LONGEST, Pause


def test_a_pause_ends() -> None:
    """It lasts as long as was asked for."""
    pause = Pause()
    assert pause.remaining(100.0) == 0
    pause.begin(100.0, 9.0)
    assert pause.remaining(103.0) == 6.0
    assert pause.remaining(109.0) == pause.remaining(200.0) == 0


def test_it_is_bounded() -> None:
    """No OMS stops its proxy for longer than a minute by one answer."""
    pause = Pause()
    pause.begin(100.0, 999_999.0)
    assert pause.remaining(100.0) == LONGEST


def test_a_shorter_one_ends_nothing() -> None:
    """An answer that asks for less, or for nothing, leaves what another one asked for."""
    pause = Pause()
    pause.begin(100.0, 30.0)
    pause.begin(101.0, 5.0)
    pause.begin(102.0, 0.0)
    assert pause.remaining(102.0) == 28.0
