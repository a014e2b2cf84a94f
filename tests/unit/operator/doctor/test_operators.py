"""What doctor makes of the operator's own metrics, as the operator writes them."""

import time
from collections.abc import Callable
from typing import Final

import pytest

from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.operators import last_problem
from tenantproxy_operator.doctor.view import OperatorView, Process, View
from tenantproxy_operator.fleet.samples import read_samples
from tenantproxy_operator.metrics import Metrics

Happens = Callable[[Metrics], object]

CASES: Final[dict[str, tuple[Happens, Happens]]] = {
    # what has happened before the first reading, and between both
    "queue-depth": (lambda metrics: metrics.queue_depth.set(40), lambda _: None),
    "retrying": (lambda metrics: metrics.retrying.set(2), lambda _: None),
    "rollout-stopped": (lambda metrics: metrics.rollout_stopped.set(1), lambda _: None),
    "rollout-pending": (lambda metrics: metrics.rollout_pending.set(7), lambda _: None),
    "missed-events": (lambda metrics: metrics.missed_events.inc(), lambda _: None),
    "watch-interruptions": (lambda _: None, lambda metrics: metrics.watch_interrupted("secrets")),
    "writes-at-rest": (lambda _: None, lambda metrics: metrics.applied("Deployment", "success")),
}


def named(before: Happens, between: Happens) -> list[str]:
    """Return the names of what doctor finds."""
    metrics = Metrics()
    before(metrics)
    first = read_samples(metrics.exposition())
    between(metrics)
    process = Process(name="operator", before=first, now=read_samples(metrics.exposition()))
    operator = OperatorView(namespace="tenantproxy-system", is_seen=False, processes=(process,))
    return [each.id for each in findings(View(now=time.time(), operator=operator))]


@pytest.mark.parametrize("trouble", CASES)
def test_what_the_metrics_say(trouble: str) -> None:
    """Each number that is not as it should be is named, and nothing else."""
    assert named(*CASES[trouble]) == [trouble]


@pytest.mark.parametrize(
    "passed",
    [
        lambda metrics: metrics.watch_interrupted("secrets"),
        lambda metrics: metrics.applied("Deployment", "success"),
    ],
)
def test_what_is_over(passed: Happens) -> None:
    """What was counted once, and no more, is nothing wrong."""
    assert named(passed, lambda _: None) == []


def test_a_queue_that_is_worked_off() -> None:
    """What waits for a moment is nothing wrong either."""
    assert named(lambda metrics: metrics.queue_depth.set(40), lambda metrics: metrics.queue_depth.set(0)) == []


def test_last_problem() -> None:
    """Of a log, the last line that tells of trouble is shown."""
    lines = (
        '{"level":"error","message":"the CRD is \\"missing\\""}',
        '{"level":"info","message":"waiting"}',
    )
    assert last_problem("\n".join(lines)) == 'the CRD is \\"missing\\"'
    assert last_problem("") == ""
