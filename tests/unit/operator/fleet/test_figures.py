"""What is made of two looks at a proxy's metrics: of a real proxy's, and of others'."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from tenantproxy.config import Tenant
from tenantproxy.metrics import Metrics
from tenantproxy_operator.fleet.figures import Figures, figures
from tenantproxy_operator.fleet.samples import Samples, UnreadableMetricsError


def _proxy() -> Metrics:
    return Metrics(Tenant(name="acme", id="T-acme"))


def _look(metrics: Metrics) -> dict[str, Samples]:
    return {"pod": Samples.parse(metrics.exposition())}


def _reads(metrics: Metrics, count: int, *, status: int = 200, seconds: float = 0.02) -> None:
    for _ in range(count):
        metrics.answered("getOrder", status, seconds)
        metrics.upstream_called("getOrder", seconds / 2)


def test_what_happened_between_two_looks() -> None:
    """Only that counts; what is no read does not."""
    proxy = _proxy()
    proxy.credential_changed("basic", among=("basic", "oauth2"))
    _reads(proxy, 50, status=502)
    before = _look(proxy)
    _reads(proxy, 30)
    _reads(proxy, 10, status=503)
    proxy.answered("other", 500, 9.0)
    proxy.credential_accepted(accepted=True)
    proxy.show_circuit("getOrder", lambda: "half-open")
    proxy.show_circuit("searchOrders", lambda: "closed")
    seen = figures(before, _look(proxy), 4.0)
    assert (seen.requests, seen.errors) == (10.0, 0.25)
    assert seen.oms == pytest.approx(0.5)
    assert seen.p99 == pytest.approx(0.01 + 0.015 * 0.99)  # all of them lie between 10 and 25 ms
    assert (seen.credential, seen.circuit) == ("accepted", "half-open")


def test_p99_of_few_slow_reads() -> None:
    """It lies in the bucket of the slowest hundredth; beyond the last one it has no end."""
    proxy = _proxy()
    before = _look(proxy)
    _reads(proxy, 97)
    _reads(proxy, 3, seconds=2.0)
    p99 = figures(before, _look(proxy), 1.0).p99
    assert p99 is not None
    assert 1.0 < p99 < 2.5
    _reads(proxy, 3, seconds=20.0)
    assert figures(before, _look(proxy), 1.0).p99 == math.inf


def test_proxy_that_was_restarted() -> None:
    """It counts from zero: nothing is negative, and what it has done since is all there, also where it is much."""
    old, new = _proxy(), _proxy()
    _reads(old, 20)
    old.answered("searchOrders", 200, 0.01)
    _reads(new, 30, status=500)
    assert figures(_look(old), _look(new), 1.0).requests == 30
    _reads(old, 100)
    seen = figures(_look(old), _look(new), 1.0)
    assert (seen.requests, seen.errors) == (30, 1.0)


def test_several_proxies() -> None:
    """Rates add up over those that were there before; states are the worst."""
    one, two = _proxy(), _proxy()
    for proxy in (one, two):
        proxy.credential_changed("basic", among=("basic",))
    one.credential_accepted(accepted=True)
    two.credential_accepted(accepted=False)
    one.show_circuit("getOrder", lambda: "closed")
    two.show_circuit("getOrder", lambda: "open")
    before = {"one": _look(one)["pod"]}
    _reads(one, 5)
    _reads(two, 100)
    now = {"one": _look(one)["pod"], "two": _look(two)["pod"]}
    seen = figures(before, now, 1.0)
    assert (seen.requests, seen.credential, seen.circuit) == (5.0, "rejected", "open")
    assert figures({"one": before["one"], "two": _look(two)["pod"]}, now, 1.0).requests == 5


def test_first_look_and_none() -> None:
    """There are no rates yet; nothing is known where nothing was seen; no share of nothing."""
    proxy = _proxy()
    assert figures({}, _look(proxy), 1.0) == Figures(credential="none")
    assert figures({}, {}, 1.0) == Figures()
    seen = figures(_look(proxy), _look(proxy), 1.0)
    assert (seen.requests, seen.errors, seen.p99, seen.oms) == (0.0, None, None, None)
    proxy.credential_changed("basic", among=("basic",))
    assert figures({}, _look(proxy), 1.0).credential == "untried"


@pytest.mark.parametrize("text", [b"tenantproxy_x{", b"tenantproxy_x nothing", b"tenantproxy_\xff 1"])
def test_text_that_is_no_metrics(text: bytes) -> None:
    """Whoever answers at a pod's port: it is one kind of error."""
    with pytest.raises(UnreadableMetricsError):
        Samples.parse(text)


@given(st.lists(st.tuples(st.text(), st.floats(0, 1e300)), max_size=5, unique_by=lambda each: each[0]))
def test_as_prometheus_client_writes_it(series: list[tuple[str, float]]) -> None:
    """Any label's value comes back, and any value of a counter."""
    registry = CollectorRegistry()
    gauge = Gauge("tenantproxy_x", "Text.", ["a", "b"], registry=registry)
    for label, value in series:
        gauge.labels(label, "é").set(value)
    samples = Samples.parse(generate_latest(registry))
    found = {labels["a"]: value for labels, value in samples.select("tenantproxy_x", b="é")}
    assert found == dict(series)


def test_values_that_no_proxy_has() -> None:
    """They are left out: pods may be others than they say."""
    text = b"""tenantproxy_circuit_state NaN
tenantproxy_circuit_state{operation="getOrder"} -7
tenantproxy_circuit_state{operation="searchOrders"} 1e300
tenantproxy_requests_total{route="getOrder"} +Inf
tenantproxy_requests_total{route="searchOrders"} 3
tenantproxy_request_duration_seconds_bucket{route="getOrder",le="x"} 3
<html>
"""
    seen = figures({"pod": Samples({})}, {"pod": Samples.parse(text)}, 1.0)
    assert seen == Figures(requests=3.0, errors=0.0, credential="none", circuit="open")
