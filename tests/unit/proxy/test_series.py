"""Plain numbers are exposed as those of prometheus_client are."""

import functools
import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics

from tenantproxy.exposition import text_format
from tenantproxy.series import Counters, Histograms

BOUNDS = (0.005, 0.1, 1.0, 10.0)
NAME, TEXT = "tenantproxy_things", 'Things, of a \\ and a "quote".'
LABELS = st.sampled_from(["getOrder", "searchOrders", 'a"b\\c\nd'])
EXEMPLARS = st.sampled_from([None, {}, {"trace_id": "0af7651916cd43dd8448eb211c80319c"}])

disable_created_metrics()  # type: ignore[no-untyped-call] # as a proxy does


def open_page(registry: CollectorRegistry) -> bytes:
    """Return the page in OpenMetrics' format, without the times of its exemplars."""
    page: bytes = open_metrics(registry)  # type: ignore[no-untyped-call]
    return re.sub(rb"(# \{.*\} \S+) \S+$", rb"\1", page, flags=re.MULTILINE)


@given(st.lists(st.tuples(LABELS, st.sampled_from([200, 404, 502]))))
def test_counters(counted: Sequence[tuple[str, int]]) -> None:
    """A counter's page is the library's to the byte, and so is the order of its series."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counters = Counters(NAME, TEXT, ("tenant", "acme"), ("route", "code"))
    ours.register(counters)
    counter = Counter(NAME, TEXT, ("tenant", "route", "code"), registry=theirs)
    for route, code in counted:
        counters.increment(route, code)
        counter.labels("acme", route, str(code)).inc()
    assert text_format(ours) == text_format(theirs) == generate_latest(theirs)


@given(st.lists(st.tuples(LABELS, st.sampled_from(BOUNDS) | st.floats(0, 20), EXEMPLARS)))
def test_histograms(observed: Sequence[tuple[str, float, dict[str, str] | None]]) -> None:
    """A histogram's pages are the library's to the byte: buckets, sum, and the last exemplar of each bucket."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histograms = Histograms(NAME, TEXT, ("tenant", "acme"), "route", BOUNDS)
    ours.register(histograms)
    histogram = Histogram(NAME, TEXT, ("tenant", "route"), registry=theirs, buckets=BOUNDS)
    for route, value, exemplar in observed:
        histograms.exemplify = functools.partial(dict[str, str], exemplar or {})
        histograms.observe(route, value)
        histogram.labels("acme", route).observe(value, exemplar)
    assert text_format(ours) == text_format(theirs) == generate_latest(theirs)
    assert open_page(ours) == open_page(theirs)


def test_without_exemplars() -> None:
    """Where nobody says what an exemplar is, there is none."""
    registry = CollectorRegistry()
    histograms = Histograms(NAME, TEXT, ("tenant", "acme"), "route", BOUNDS)
    registry.register(histograms)
    histograms.observe("getOrder", 0.5)
    assert b"# {" not in open_page(registry)
