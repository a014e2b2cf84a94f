"""What the operator counts: names and labels are an interface; and the page about them."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tenantproxy import __version__
from tenantproxy_operator.metrics import Condition, Metrics, TenantState

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
PREFIX = "tenantproxy_operator_"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return the values by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def state(ready: str, *, reason: str = "Ready", stalled: str | None = None) -> TenantState:
    return TenantState(Condition(ready, reason), Condition("False", "SecretMissing"), stalled)


def use_all(metrics: Metrics) -> None:
    metrics.reconciled("changed", 0.02)
    metrics.applied("ConfigMap", "success")
    metrics.status_written()
    metrics.tenant_changed("tenants", "acme", state("False", stalled="RolloutStuck"))
    metrics.watch_interrupted("secrets")
    metrics.missed_events.inc()
    metrics.set_leader("tenants", leads=True)


def exported(metrics: Metrics) -> dict[str, set[str]]:
    """Return the names, as Prometheus has them, with their labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        assert family.documentation
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    return found


def test_the_page_has_them_all(metrics: Metrics) -> None:
    """docs/metrics.md names exactly what is exported, with its labels."""
    use_all(metrics)
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == exported(metrics)
    assert len(rows) == len({name for name, _ in rows})


def test_all_have_the_prefix(metrics: Metrics) -> None:
    """Nothing of a library's own, and no time of creation for each series."""
    use_all(metrics)
    assert all(name.startswith(PREFIX) for name, *_ in samples(metrics))
    assert not any(name.endswith("_created") for name, *_ in samples(metrics))


def test_before_use(metrics: Metrics) -> None:
    """What can be known from the start is there: the version, and that there is no tenant yet."""
    found = samples(metrics)
    assert found[f"{PREFIX}build_info", __version__] == 1
    assert [found[f"{PREFIX}tenants", status] for status in ("True", "False", "Unknown")] == [0, 0, 0]
    assert found[f"{PREFIX}missed_events_total",] == 0


def test_reconciles(metrics: Metrics) -> None:
    """Counted by result, and timed."""
    for result in ("unchanged", "unchanged", "retry"):
        metrics.reconciled(result, 0.003)
    found = samples(metrics)
    assert found[f"{PREFIX}reconcile_total", "unchanged"] == 2
    assert found[f"{PREFIX}reconcile_total", "retry"] == 1
    assert found[f"{PREFIX}reconcile_duration_seconds_count",] == 3
    assert found[f"{PREFIX}reconcile_duration_seconds_bucket", "0.005"] == 3
    assert found[f"{PREFIX}reconcile_duration_seconds_bucket", "0.0025"] == 0


def test_tenants(metrics: Metrics) -> None:
    """Each is counted once, under what it is now; one that goes is counted no more."""
    for name, ready in (("acme", "Unknown"), ("acme", "True"), ("globex", "True"), ("initech", "False")):
        metrics.tenant_changed("tenants", name, state(ready))
    found = samples(metrics)
    assert [found[f"{PREFIX}tenants", status] for status in ("True", "False", "Unknown")] == [2, 1, 0]
    metrics.tenant_changed("tenants", "acme", None)
    metrics.tenant_changed("tenants", "hooli", None)
    assert samples(metrics)[f"{PREFIX}tenants", "True"] == 1


def test_stalled(metrics: Metrics) -> None:
    """Each is counted under why it is stalled now, and no more when it goes on."""
    for name, reason in (("acme", "InvalidSpec"), ("acme", "RolloutStuck"), ("globex", "RolloutStuck")):
        metrics.tenant_changed("tenants", name, state("False", stalled=reason))
    metrics.tenant_changed("tenants", "globex", state("True"))
    found = samples(metrics)
    assert found[f"{PREFIX}stalled", "RolloutStuck"] == 1
    assert (f"{PREFIX}stalled", "InvalidSpec") not in found


def test_conditions(metrics: Metrics) -> None:
    """Two series for each tenant, whatever happens to it; tenants of one name in two namespaces are two."""
    for namespace, ready, reason in (
        ("a", "False", "RolloutStuck"),
        ("a", "True", "Ready"),
        ("b", "Unknown", "X"),
    ):
        metrics.tenant_changed(namespace, "acme", state(ready, reason=reason))
    name = f"{PREFIX}condition"
    assert {key: value for key, value in samples(metrics).items() if key[0] == name} == {
        (name, "Ready", "Ready", "acme", "a"): 1,
        (name, "CredentialsReady", "SecretMissing", "acme", "a"): 0,
        (name, "Ready", "X", "acme", "b"): -1,
        (name, "CredentialsReady", "SecretMissing", "acme", "b"): 0,
    }


def test_leader(metrics: Metrics) -> None:
    """One series for each watched namespace; all of them together are `*`."""
    for namespace, leads in (("a", True), ("b", True), ("b", False), (None, True)):
        metrics.set_leader(namespace, leads=leads)
    found = samples(metrics)
    assert {watched: found[f"{PREFIX}leader", watched] for watched in ("a", "b", "*")} == {"a": 1, "b": 0, "*": 1}


def test_values_that_are_asked_for(metrics: Metrics) -> None:
    """How many wait, and how many failed, is what the queue says at the time of the scrape."""
    depth = 3
    metrics.queue_depth.set_function(lambda: depth)
    metrics.retrying.set_function(lambda: 1)
    found = samples(metrics)
    assert (found[f"{PREFIX}queue_depth",], found[f"{PREFIX}retrying",]) == (3, 1)
