"""What the proxy counts: the names and labels are an interface."""

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from support.metrics_page import OF_EVERY_PROCESS, interface_of
from tenantproxy import __version__
from tenantproxy.config import Tenant
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.errors import FieldProblem
from tenantproxy.exposition import CONTENT_TYPE
from tenantproxy.metrics import Metrics

TENANT = Tenant(id="CIR7nQwtS0rA6t0S6ejd", name="acme", namespace="tenants")

INTERFACE: dict[str, tuple[str, set[str]]] = {
    "tenantproxy_requests_total": ("counter", {"route", "code"}),
    "tenantproxy_request_duration_seconds": ("histogram", {"route"}),
    "tenantproxy_requests_in_flight": ("gauge", set()),
    "tenantproxy_upstream_request_duration_seconds": ("histogram", {"operation"}),
    "tenantproxy_upstream_errors_total": ("counter", {"reason"}),
    "tenantproxy_rejected_requests_total": ("counter", {"reason"}),
    "tenantproxy_incomplete_searches_total": ("counter", {"reason"}),
    "tenantproxy_cancelled_requests_total": ("counter", {"route"}),
    **OF_EVERY_PROCESS,
    "tenantproxy_mapping_violations_total": ("counter", {"pointer"}),
}
"""The names and labels of docs/metrics.md, beside the constant `tenant`."""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TENANT)


def samples(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the exported samples by name; labels without the constant one, which each has."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("tenant") == "acme"
            found.setdefault(sample.name, []).append((labels, sample.value))
    return found


def use_all(metrics: Metrics) -> None:
    metrics.answered("getOrder", 200, 0.02)
    metrics.in_flight += 1
    metrics.upstream_called("getOrder", 0.01)
    metrics.upstream_failed("status-500")
    metrics.rejected("no-token")
    metrics.search_cut("pages")
    metrics.cancelled("getOrder")
    metrics.token_fetched("success")
    metrics.credential_changed("oauth2", among=KINDS)
    metrics.token_expires(1_800_000_000.0)
    metrics.credential_accepted(accepted=True)
    metrics.config_changed("success")
    metrics.contract_violated([FieldProblem("/customerOrder/status", "is missing")])
    metrics.spans("exported", 4)
    metrics.show_circuit("getOrder", lambda: "open")
    metrics.show_expiries(lambda: {"ca": 1_800_000_000.0})


def test_interface(metrics: Metrics) -> None:
    """After use, exactly the documented names are exported, with their types and labels."""
    use_all(metrics)
    assert interface_of(metrics.exposition()) == INTERFACE


def test_the_page_is_the_library_s(metrics: Metrics) -> None:
    """To the byte, whatever the names of tenants and pointers are."""
    use_all(metrics)
    metrics.contract_violated([FieldProblem('/a"b\\c\nd é', "is missing")])
    assert metrics.exposition() == generate_latest(metrics._registry)


def test_each_series_is_of_the_tenant(metrics: Metrics) -> None:
    """Every series, buckets too, carries the name of the TenantProxy, so that a fleet can be told apart."""
    use_all(metrics)
    assert len(samples(metrics)) > len(INTERFACE)


def test_before_use(metrics: Metrics) -> None:
    """A fresh process shows who it is, and nothing that it doesn't know."""
    fresh = samples(metrics)
    assert fresh["tenantproxy_build_info"] == [({"version": __version__, "tenant_id": TENANT.id}, 1)]
    assert fresh["tenantproxy_requests_in_flight"] == [({}, 0)]
    assert "tenantproxy_credentials_accepted" not in fresh
    assert "tenantproxy_token_expiry_timestamp_seconds" not in fresh


def test_requests(metrics: Metrics) -> None:
    """Answers are counted by route and status, and timed by route."""
    for status in (200, 200, 404):
        metrics.answered("getOrder", status, 0.02)
    metrics.answered("other", 405, 0.0)
    counted = samples(metrics)
    assert counted["tenantproxy_requests_total"] == [
        ({"route": "getOrder", "code": "200"}, 2),
        ({"route": "getOrder", "code": "404"}, 1),
        ({"route": "other", "code": "405"}, 1),
    ]
    count = "tenantproxy_request_duration_seconds_count"
    assert counted[count] == [({"route": "getOrder"}, 3), ({"route": "other"}, 1)]


def test_durations_have_buckets_of_a_pos(metrics: Metrics) -> None:
    """Durations have buckets from milliseconds to beyond the default timeout of 5 s."""
    metrics.upstream_called("searchOrders", 0.3)
    buckets = {
        float(labels["le"]): value
        for labels, value in samples(metrics)["tenantproxy_upstream_request_duration_seconds_bucket"]
    }
    assert min(buckets) <= 0.01
    assert 5.0 in buckets
    assert sorted(buckets)[-2] > 5.0
    assert all(value == (bound >= 0.3) for bound, value in buckets.items())


def test_no_created_series(metrics: Metrics) -> None:
    """No `_created` series doubles the number of counters."""
    use_all(metrics)
    assert b"_created" not in metrics.exposition()


def test_acceptance_is_absent_until_known(metrics: Metrics) -> None:
    """Whether the OMS takes the credential is shown once known, and unknown again after a change of it."""
    metrics.credential_changed("basic", among=KINDS)
    assert "tenantproxy_credentials_accepted" not in samples(metrics)
    metrics.credential_accepted(accepted=False)
    assert samples(metrics)["tenantproxy_credentials_accepted"] == [({}, 0)]
    metrics.credential_accepted(accepted=True)
    assert samples(metrics)["tenantproxy_credentials_accepted"] == [({}, 1)]
    metrics.credential_changed("basic", among=KINDS)
    assert "tenantproxy_credentials_accepted" not in samples(metrics)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("basic", {"basic": 1, "oauth2": 0, "bearer": 0, "apiKey": 0}),
        ("oauth2", {"basic": 0, "oauth2": 1, "bearer": 0, "apiKey": 0}),
        ("apiKey", {"basic": 0, "oauth2": 0, "bearer": 0, "apiKey": 1}),
        (None, {"basic": 0, "oauth2": 0, "bearer": 0, "apiKey": 0}),
    ],
)
def test_type_of_the_credential(metrics: Metrics, kind: str | None, shown: dict[str, float]) -> None:
    """One of the types is 1, and none while no credential is configured."""
    metrics.credential_changed("oauth2", among=KINDS)
    metrics.credential_changed(kind, among=KINDS)
    info = samples(metrics)["tenantproxy_credentials_info"]
    assert {labels["type"]: value for labels, value in info} == shown


def test_expiry_is_of_the_token_at_hand(metrics: Metrics) -> None:
    """The expiry is that of the token in use: gone with a token without an end, and with the credential."""
    expiry = "tenantproxy_token_expiry_timestamp_seconds"
    metrics.token_expires(1_800_000_000.0)
    assert samples(metrics)[expiry] == [({}, 1_800_000_000.0)]
    metrics.token_expires(None)
    assert expiry not in samples(metrics)
    metrics.token_expires(1_800_000_000.0)
    metrics.credential_changed("basic", among=KINDS)
    assert expiry not in samples(metrics)


@pytest.mark.parametrize(("state", "value"), [("closed", 0), ("half-open", 1), ("open", 2)])
def test_circuit(metrics: Metrics, state: str, value: float) -> None:
    """The circuit breaker's state is a number that can be alerted on."""
    metrics.show_circuit("getOrder", lambda: state)
    assert samples(metrics)["tenantproxy_circuit_state"] == [({"operation": "getOrder"}, value)]


def test_violations_without_indexes(metrics: Metrics) -> None:
    """A violation is counted by its field: elements of a list are one series."""
    pointers = [
        "/customerOrder/items/0/unitPrice",
        "/customerOrder/items/17/unitPrice",
        "/customerOrder/status",
        "",
    ]
    metrics.contract_violated([FieldProblem(pointer, "is missing") for pointer in pointers])
    counted = samples(metrics)["tenantproxy_mapping_violations_total"]
    assert {labels["pointer"]: value for labels, value in counted} == {
        "/customerOrder/items/*/unitPrice": 2,
        "/customerOrder/status": 1,
        "": 1,
    }


def test_violations_are_bounded(metrics: Metrics) -> None:
    """However many pointers there are, the series stay few, known ones keep counting, and none is lost."""
    for index in range(500):
        metrics.contract_violated([FieldProblem(f"/x{index}", "is missing"), FieldProblem("/first", "is missing")])
    counted = {
        labels["pointer"]: value for labels, value in samples(metrics)["tenantproxy_mapping_violations_total"]
    }
    assert len(counted) <= 51
    assert counted["/first"] == 500
    assert counted["other"] > 400
    assert sum(counted.values()) == 1000


def test_processes_do_not_share(metrics: Metrics) -> None:
    """Two proxies in one process, as in tests, count for themselves."""
    metrics.rejected("no-token")
    assert b"no-token" not in Metrics(TENANT).exposition()


def test_content_type() -> None:
    """The exposition is declared as Prometheus' text format."""
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_expiries(metrics: Metrics) -> None:
    """A certificate's is read at each scrape; a credential's goes with the credential."""
    expiries = {"client-certificate": 1.0}
    metrics.show_expiries(lambda: expiries)
    metrics.credential_changed("basic", among=KINDS)
    metrics.credential_changed("bearer", among=KINDS, expires_at=3.0)
    expiries["client-certificate"] = 2.0
    name = "tenantproxy_expiry_timestamp_seconds"
    assert samples(metrics)[name] == [({"of": "client-certificate"}, 2), ({"of": "credential"}, 3)]
    metrics.credential_changed("bearer", among=KINDS)
    assert samples(metrics)[name] == [({"of": "client-certificate"}, 2)]
