"""One look after another, and what scripts get of it."""

import json
from dataclasses import replace

from tenantproxy.config import Tenant
from tenantproxy.metrics import Metrics
from tenantproxy.relay.metrics import RelayMetrics
from tenantproxy_operator.fleet.document import document
from tenantproxy_operator.fleet.looks import Looks
from tenantproxy_operator.fleet.view import Fleet, Replica, TenantView
from tenantproxy_operator.kube.kinds import Key


def _fleet(*metrics: bytes | None) -> Fleet:
    return Fleet(
        tenants=tuple(
            TenantView(
                key=Key("tenants", f"t{number}"),
                tenant_id=f"T-{number}",
                replicas=(Replica(name="pod", ready=True, metrics=text),),
            )
            for number, text in enumerate(metrics)
        )
    )


def test_rates_are_over_the_time_between_looks() -> None:
    """Of each tenant that both looks have; one that comes again begins anew."""
    proxy, looks = Metrics(Tenant(name="t0", id="T-0")), Looks()
    first = proxy.exposition()
    (row,) = looks.rows(_fleet(first), 100.0)
    assert (looks.seconds, row.figures.requests) == (None, None)
    for _ in range(20):
        proxy.answered("getOrder", 200, 0.001)
    rows = {row.view.key.name: row for row in looks.rows(_fleet(proxy.exposition(), first), 104.0)}
    assert (looks.seconds, rows["t0"].figures.requests, rows["t1"].figures.requests) == (4.0, 5.0, None)
    assert looks.rows(Fleet(), 108.0) == []
    (row,) = looks.rows(_fleet(proxy.exposition()), 112.0)
    assert row.figures.requests is None


def test_metrics_that_are_none() -> None:
    """Another program answers at that port: the tenant says so, and all others are shown."""
    rows = Looks().rows(_fleet(b"tenantproxy_x{", Metrics(Tenant(name="t1", id="T")).exposition()), 0.0)
    texts = {row.view.key.name: [trouble.text for trouble in row.troubles] for row in rows}
    assert texts == {
        "t0": ["no metrics: its metrics are not in Prometheus' text format"],
        "t1": ["no credential is set"],
    }


def test_relays() -> None:
    """Their rates are over the time between looks, too; scripts get them; what can't be read says so."""
    relay, looks = RelayMetrics(Tenant(name="t0", id="T-0")), Looks()

    def fleet(metrics: bytes) -> Fleet:
        (tenant,) = _fleet(None).tenants
        return Fleet(tenants=(replace(tenant, relays=(Replica(name="relay", ready=True, metrics=metrics),)),))

    (row,) = looks.rows(fleet(relay.exposition()), 0.0)
    assert document([row], [], None)["tenants"][0]["relay"] == {
        "readyReplicas": 1,
        "replicas": 1,
        "eventsPerSecond": None,
        "failedShare": None,
    }
    for outcome in ("delivered", "failed", "irrelevant", "irrelevant"):
        relay.answered(outcome, "", 0.001)
    rows = looks.rows(fleet(relay.exposition()), 2.0)
    (tenant,) = document(rows, [], looks.seconds)["tenants"]
    assert tenant["relay"] == {"readyReplicas": 1, "replicas": 1, "eventsPerSecond": 2.0, "failedShare": 0.5}
    assert (tenant["level"], tenant["troubles"]) == ("failing", ["events fail"])
    (row,) = looks.rows(fleet(b"tenantproxy_x{"), 4.0)
    assert [trouble.text for trouble in row.troubles] == [
        "no metrics: its metrics are not in Prometheus' text format"
    ]


def test_document() -> None:
    """Numbers as JSON has them, also those that it has not."""
    proxy, looks = Metrics(Tenant(name="t0", id="T-0")), Looks()
    looks.rows(_fleet(proxy.exposition()), 0.0)
    proxy.answered("getOrder", 502, 60.0)
    proxy.upstream_called("getOrder", 30.0)
    rows = looks.rows(_fleet(proxy.exposition()), 2.0)
    written = json.loads(json.dumps(document(rows, ["x"], looks.seconds), allow_nan=False))
    assert written == {
        "seconds": 2.0,
        "tenants": [
            {
                "tenant": "t0",
                "namespace": "tenants",
                "tenantId": "T-0",
                "level": "down",
                "troubles": ["no credential is set", "reads fail"],
                "suspended": False,
                "readyReplicas": 1,
                "replicas": 1,
                "credential": "none",
                "circuit": None,
                "readsPerSecond": 0.5,
                "errorShare": 1.0,
                "p99Seconds": "+Inf",
                "omsShare": 0.5,
                "relay": None,
            }
        ],
        "problems": ["x"],
    }
