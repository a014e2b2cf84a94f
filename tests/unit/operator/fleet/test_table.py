"""Sorting by trouble, and the table on wide and narrow screens."""

import math

import pytest

from tenantproxy_operator.fleet import table
from tenantproxy_operator.fleet.events import EventFigures
from tenantproxy_operator.fleet.figures import Figures
from tenantproxy_operator.fleet.table import Row, by_trouble, row
from tenantproxy_operator.fleet.trouble import Level, troubles
from tenantproxy_operator.fleet.view import Condition, Replica, TenantView
from tenantproxy_operator.kube.kinds import Key

UP = Replica(name="pod", ready=True, metrics=b"")
DOWN = Replica(name="pod", ready=False)
FINE = Figures(requests=12.34, errors=0.0, p99=0.0421, oms=0.8, credential="accepted", circuit="closed")


def _view(
    name: str = "acme",
    *replicas: Replica,
    suspended: bool = False,
    conditions: tuple[Condition, ...] = (),
    problem: str | None = None,
    relays: tuple[Replica, ...] | None = None,
) -> TenantView:
    return TenantView(
        key=Key("tenants", name),
        tenant_id=f"T-{name}",
        suspended=suspended,
        conditions=conditions,
        problem=problem,
        replicas=replicas or (UP,),
        relays=relays,
    )


def lines(rows: list[Row], width: int | None = None, limit: int | None = None) -> list[str]:
    return [line.text for line in table.lines(rows, width, limit)]


def _rows() -> list[Row]:
    return by_trouble(
        [
            row(_view("acme"), FINE),
            row(_view("globex", UP, DOWN), Figures(**(vars(FINE) | {"requests": 4321.0, "errors": 0.004}))),
            row(
                _view("initech-customer-orders"),
                Figures(requests=0.5, errors=1.0, p99=math.inf, oms=1.0, credential="rejected", circuit="open"),
            ),
            row(_view("paused", suspended=True), Figures()),
            row(_view("umbrella", Replica(name="p", ready=True, problem="403 Forbidden")), Figures()),
        ]
    )


# ruff: noqa: E501 - as wide as the screens
WIDE = """\
TENANT                           READY  CREDENTIAL  CIRCUIT  READS/S  ERRORS   P99   OMS  TROUBLE
tenants/initech-customer-orders    1/1  rejected    open         0.5    100%  >10s  100%  OMS rejected the credential; …
tenants/globex                     1/2  accepted    closed      4.3k     <1%  42ms   80%  1 of 2 proxies not ready; rea…
tenants/umbrella                   1/1  -           -              -       -     -     -  no metrics: 403 Forbidden
tenants/acme                       1/1  accepted    closed      12.3      0%  42ms   80%
tenants/paused                     off  -           -              -       -     -     -"""

NARROW = """\
TENANT                   READY  CREDENTIAL  CIRCUIT  READS/S  ERRORS   P99   OMS
…nitech-customer-orders    1/1  rejected    open         0.5    100%  >10s  100%
tenants/globex             1/2  accepted    closed      4.3k     <1%  42ms   80%
tenants/umbrella           1/1  -           -              -       -     -     -
tenants/acme               1/1  accepted    closed      12.3      0%  42ms   80%
tenants/paused             off  -           -              -       -     -     -

tenants/initech-customer-orders: OMS rejected the credential; circuit open;
  reads fail
tenants/globex: 1 of 2 proxies not ready; reads fail
tenants/umbrella: no metrics: 403 Forbidden"""


@pytest.mark.parametrize(("width", "text"), [(120, WIDE), (80, NARROW)])
def test_table(width: int, text: str) -> None:
    """Worst first; the names shrink, then columns are dropped; no line is longer than the screen."""
    assert lines(_rows(), width) == text.splitlines()


def _with_relays() -> list[Row]:
    """Return the rows of tenants of which some have relays."""
    return by_trouble(
        [
            row(_view("acme"), FINE),
            row(_view("globex", relays=(UP, UP)), FINE, EventFigures(events=3.21, failed=0.0)),
            row(_view("initech", relays=(UP, DOWN)), FINE, EventFigures(events=12.0, failed=0.5, circuit="open")),
            row(_view("paused", suspended=True, relays=()), Figures(), EventFigures()),
            row(_view("umbrella", relays=()), FINE, EventFigures()),
            row(_view("vandelay", relays=(UP,)), FINE, EventFigures(events=0.2, failed=1.0)),
        ]
    )


EVENTS_WIDE = """\
TENANT            READY  CREDENTIAL  CIRCUIT  READS/S  ERRORS   P99  OMS  RELAY  EVENTS/S  FAILED  TROUBLE
tenants/vandelay    1/1  accepted    closed      12.3      0%  42ms  80%    1/1       0.2    100%  events fail
tenants/initech     1/1  accepted    closed      12.3      0%  42ms  80%    1/2      12.0     50%  relay's circuit open; events fail; 1 of 2 relays not ready
tenants/umbrella    1/1  accepted    closed      12.3      0%  42ms  80%    0/0         -       -  no relay runs
tenants/acme        1/1  accepted    closed      12.3      0%  42ms  80%
tenants/globex      1/1  accepted    closed      12.3      0%  42ms  80%    2/2       3.2      0%
tenants/paused      off  -           -              -       -     -    -    off         -       -"""

EVENTS_NARROW = """\
TENANT            READY  CREDENTIAL  READS/S  ERRORS   P99  RELAY  FAILED
tenants/vandelay    1/1  accepted       12.3      0%  42ms    1/1    100%
tenants/initech     1/1  accepted       12.3      0%  42ms    1/2     50%
tenants/umbrella    1/1  accepted       12.3      0%  42ms    0/0       -
tenants/acme        1/1  accepted       12.3      0%  42ms
tenants/globex      1/1  accepted       12.3      0%  42ms    2/2      0%
tenants/paused      off  -                 -       -     -    off       -

tenants/vandelay: events fail
tenants/initech: relay's circuit open; events fail; 1 of 2 relays not ready
tenants/umbrella: no relay runs"""


@pytest.mark.parametrize(("width", "text"), [(None, EVENTS_WIDE), (80, EVENTS_NARROW)])
def test_relays(width: int | None, text: str) -> None:
    """They have columns where a tenant has one; those without are empty there; whose events fail come early."""
    assert lines(_with_relays(), width) == text.splitlines()


@pytest.mark.parametrize("rows", [_rows(), _with_relays()], ids=["reads", "relays"])
@pytest.mark.parametrize("width", range(20, 140, 7))
def test_any_width(rows: list[Row], width: int) -> None:
    """Nothing is ever longer, and the tenant and whether it is ready are always there."""
    shown = lines(rows, width)
    assert max(map(len, shown)) <= width
    assert shown[0].startswith("TENANT")
    assert len(shown) >= 6


def test_snapshot() -> None:
    """Without a width, as in a pipe: all columns at full length."""
    shown = lines(_rows())
    assert shown[0].split() == [column.title for column in table.COLUMNS if column.concerns is None]
    assert shown[1].endswith("OMS rejected the credential; circuit open; reads fail")


def test_levels() -> None:
    """Each line knows how bad it is, for its colour."""
    levels = [line.level for line in table.lines(_rows(), 120)]
    assert levels == [Level.FINE, Level.DOWN, Level.DEGRADED, Level.UNSEEN, Level.FINE, Level.FINE]


def test_more_than_the_screen_has_lines() -> None:
    """Those that are worst are shown, and how many more there are."""
    shown = lines([row(_view(f"t{number:04}"), FINE) for number in range(1000)], 80, 10)
    assert len(shown) == 10
    assert shown[-1] == "… and 992 more"


def test_why_the_worst_are_in_trouble_is_seen() -> None:
    """Where that has no column, tenants that are well make room for it, and of many in trouble the last ones do."""
    bad = [row(_view(f"b{number}", problem="the OMS can't be reached"), FINE) for number in range(3)]
    well = [row(_view(f"w{number:02}"), FINE) for number in range(30)]
    shown = lines([*bad, *well], 60, 14)
    assert (len(shown), shown[9]) == (14, "… and 25 more")
    assert shown[10:] == ["", *(f"tenants/b{number}: the OMS can't be reached" for number in range(3))]
    many = [row(_view(f"b{number:02}", problem="the OMS can't be reached"), FINE) for number in range(50)]
    shown = lines(many, 60, 14)
    assert (len(shown), shown[6]) == (13, "… and 45 more")
    assert shown[-1] == "tenants/b04: the OMS can't be reached"


def test_suspended_tenant_is_no_trouble() -> None:
    """It is meant to have no proxy."""
    view = _view("acme", DOWN, suspended=True)
    assert troubles(view, Figures(credential="none")) == []


@pytest.mark.parametrize(
    ("view", "figures", "level", "text"),
    [
        (_view("a", DOWN), FINE, Level.DOWN, "no proxy is ready"),
        (TenantView(key=Key("t", "a"), tenant_id="T"), FINE, Level.DOWN, "no proxy runs"),
        (_view(), Figures(credential="none"), Level.DOWN, "no credential is set"),
        # `local` says what no metric shows, and more of a credential that was rejected.
        (_view(problem="no token"), Figures(credential="untried"), Level.DOWN, "no token"),
        (_view(problem="no token"), Figures(credential="rejected"), Level.DOWN, "no token"),
        (_view(), Figures(errors=0.06), Level.FAILING, "reads fail"),
        (_view(), Figures(errors=0.01), Level.DEGRADED, "reads fail"),
        (_view(), Figures(circuit="half-open"), Level.DEGRADED, "circuit half-open"),
        (
            _view(conditions=(Condition(type="Accepted", status="False", reason="InvalidSpec"),)),
            FINE,
            Level.DEGRADED,
            "Accepted False: InvalidSpec",
        ),
    ],
)
def test_troubles(view: TenantView, figures: Figures, level: Level, text: str) -> None:
    """Each is named in a few words."""
    (found,) = troubles(view, figures)
    assert (found.level, found.text) == (level, text)


@pytest.mark.parametrize(
    ("relays", "events", "level", "text"),
    [
        ((), EventFigures(), Level.FAILING, "no relay runs"),
        ((DOWN,), EventFigures(), Level.FAILING, "no relay is ready"),
        ((UP, DOWN), EventFigures(), Level.DEGRADED, "1 of 2 relays not ready"),
        ((UP,), EventFigures(missing_keys=("poslogSharedKey",)), Level.FAILING, "relay lacks poslogSharedKey"),
        ((UP,), EventFigures(stopped=True), Level.FAILING, "OMS wants no more events"),
        ((UP,), EventFigures(paused=True), Level.DEGRADED, "OMS has paused events"),
        ((UP,), EventFigures(credential="rejected"), Level.FAILING, "OMS rejected the relay's credential"),
        ((UP,), EventFigures(circuit="open"), Level.FAILING, "relay's circuit open"),
        ((UP,), EventFigures(failed=0.05), Level.FAILING, "events fail"),
        ((UP,), EventFigures(failed=0.01), Level.DEGRADED, "events fail"),
        ((UP,), EventFigures(unverified=True), Level.DEGRADED, "no event is verified"),
        ((Replica(name="p", ready=True, problem="403"),), EventFigures(), Level.UNSEEN, "no metrics: 403"),
    ],
)
def test_troubles_of_a_relay(relays: tuple[Replica, ...], events: EventFigures, level: Level, text: str) -> None:
    """No read fails of it, so that it is never as bad as if they all did; a suspended tenant has none."""
    (found,) = troubles(_view(relays=relays), FINE, events)
    assert (found.level, found.text) == (level, text)
    assert troubles(_view(suspended=True, relays=relays), FINE, events) == []


def test_what_proxies_say_too_is_said_once() -> None:
    """Both have the tenant's credential, and one that may not be looked at is as hidden as the other."""
    hidden = Replica(name="p", ready=True, problem="403")
    found = troubles(
        _view("a", hidden, relays=(hidden,)), Figures(credential="rejected"), EventFigures(credential="rejected")
    )
    assert [trouble.text for trouble in found] == ["OMS rejected the credential", "no metrics: 403"]


def test_nothing_that_a_terminal_would_obey() -> None:
    """What others wrote is shown, without escape codes."""
    said = Replica(name="p", ready=True, problem="\x1b[2J\r\nx")
    assert "\x1b" not in "".join(lines([row(_view("a", said), Figures())]))
