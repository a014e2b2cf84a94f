"""What doctor says of a relay: its pods, and what events have met."""

from typing import Final

import msgspec
import pytest

from tenantproxy_operator.doctor.events import ROWS
from tenantproxy_operator.doctor.finding import Severity
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.view import Process, TenantView, View
from tenantproxy_operator.fleet.objects import Condition, Metadata, Pod, TenantProxy, TenantProxyStatus
from tenantproxy_operator.fleet.samples import read_samples

NOW: Final = 1_800_000_000.0
FINE: Final = TenantProxyStatus(
    conditions=tuple(
        Condition(type=kind, status="True", reason=reason, message="")
        for kind, reason in (
            ("Accepted", "Accepted"),
            ("Available", "ProxiesReady"),
            ("PoslogAvailable", "RelaysReady"),
            ("PoslogKeysReady", "PoslogKeysSet"),
        )
    ),
    observed_generation=1,
)
PROXY: Final = TenantProxy(metadata=Metadata(name="acme", namespace="tenants", generation=1), status=FINE)


def _page(**counts: int) -> bytes:
    """Return a relay's metrics; `failed__status_400=3` are events of an outcome for a reason."""
    lines = []
    for name, count in counts.items():
        outcome, _, reason = name.partition("__")
        labels = f'tenant="acme",outcome="{outcome}",reason="{reason.replace("_", "-")}"'
        lines.append(f"tenantproxy_poslog_events_total{{{labels}}} {count}.0")
    return "\n".join(lines).encode()


def _relay(now: bytes, before: bytes = b"") -> Process:
    return Process(name="acme-poslog-1", before=read_samples(before or now), now=read_samples(now), metrics=now)


def _found(*relays: Process, pods: tuple[Pod, ...] = ()) -> dict[str, tuple[Severity, str]]:
    tenant = TenantView(proxy=PROXY, relays=relays, relay_pods=pods)
    return {each.id: (each.severity, each.says) for each in findings(View(now=NOW, tenants=(tenant,)))}


def test_nothing_is_wrong() -> None:
    """Events that concern no order, tests, and those that the OMS took."""
    assert _found(_relay(_page(delivered=3, irrelevant__no_order=95, test=1))) == {}
    assert _found() == {}


@pytest.mark.parametrize(
    ("reason", "id_", "told"),
    [
        ("event_refused", "event-refused", ""),
        ("status_400", "event-refused", " (status-400)"),
        ("status_302", "event-refused", " (status-302)"),
        ("status_429", "upstream-rate-limited", " (status-429)"),
        ("poslog_stopped", "poslog-stopped", ""),
        ("connect", "connect", ""),
        ("upstream_timeout", "upstream-timeout", ""),
        ("credentials_not_configured", "credentials-not-configured", ""),
        ("status_500", "upstream-error", " (status-500)"),
        ("circuit_open", "circuit-open", ""),
    ],
)
def test_what_the_oms_does_not_take(reason: str, id_: str, told: str) -> None:
    """By the relay's own codes, or as of reads; with how many there were of all."""
    severity, says = _found(_relay(_page(**{"delivered": 2, f"failed__{reason}": 6, "irrelevant": 2})))[id_]
    assert severity is Severity.FAILING
    assert says.startswith("6 of 10 events: ")
    assert says.endswith(told)


@pytest.mark.parametrize("reason", ["wrong_signature", "wrong_login", "no_token", "event_unauthorized"])
def test_what_the_relay_refuses(reason: str) -> None:
    """What is wrong with how they were sent is one trouble, told with the finer words."""
    severity, says = _found(_relay(_page(**{f"refused__{reason}": 3})))["event-unauthorized"]
    assert severity is Severity.FAILING
    assert says.startswith("3 of 3 events: the relay does not take them for ExternalEvents'")
    assert (f"({reason.replace('_', '-')})" in says) == (reason != "event_unauthorized")


def test_what_is_over() -> None:
    """A few of many, and none of late, is a note; as soon as it happens again it is more."""
    before = _page(delivered=10_000, failed__upstream_error=3)
    assert _found(_relay(before))["upstream-error"][0] is Severity.NOTE
    after = _page(delivered=10_000, failed__upstream_error=4)
    assert _found(_relay(after, before))["upstream-error"][0] is Severity.FAILING


def test_stopped_and_paused() -> None:
    """One relay is enough; that it pauses is no more than a note."""
    stopped, paused = (
        f'tenantproxy_poslog_{each}{{tenant="acme"}} 1.0'.encode() for each in ("stopped", "paused")
    )
    assert _found(_relay(_page(delivered=1)), _relay(stopped))["poslog-stopped"][0] is Severity.FAILING
    assert _found(_relay(paused))["poslog-paused"][0] is Severity.NOTE
    assert _found(_relay(stopped.replace(b" 1.0", b" 0.0"))) == {}


def test_missing_keys() -> None:
    """They are named before any event has come, and once, however many were refused."""
    keys = "".join(
        f'tenantproxy_poslog_key_missing{{tenant="acme",key="{key}"}} {value}.0\n'
        for key, value in (("poslogPassword", 1), ("poslogSharedKey", 1), ("poslogUsername", 0))
    ).encode()
    for page in (keys, keys + _page(refused__secret_missing=3)):
        severity, says = _found(_relay(page))["poslog-secret-missing"]
        assert severity is Severity.FAILING
        assert says.endswith("missing in the Secret, or unusable: poslogPassword, poslogSharedKey")
    assert _found(_relay(keys.replace(b" 1.0", b" 0.0"))) == {}


def test_the_next_step_under_local() -> None:
    """It makes sense without the commands about a cluster."""
    page = b'tenantproxy_poslog_stopped{tenant="acme"} 1.0\n' + _page(failed__event_refused=3)
    tenant = TenantView(proxy=PROXY, relays=(_relay(page),), is_local=True, serves=True)
    steps = {each.id: each.next for each in findings(View(now=NOW, tenants=(tenant,)))}
    assert steps["poslog-stopped"] == "stop `local`, and start it anew; before that have the OMS take events"
    assert steps["event-refused"] == "look for the correlation id in the OMS's log"


def test_pods() -> None:
    """Why a relay's pods don't run is told as of the proxies'."""
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "poslog", "image": "x", "state": waiting}
    metadata = {"name": "acme-poslog-1", "namespace": "tenants"}
    pod = msgspec.convert({"metadata": metadata, "status": {"containerStatuses": [container]}}, Pod)
    _, says = _found(pods=(pod,))["image-not-pulled"]
    assert says == "acme-poslog-1: x: no such image"


def test_rows() -> None:
    """Each says what it means, and what is next."""
    assert all(row.says and row.next for row in ROWS.values())
