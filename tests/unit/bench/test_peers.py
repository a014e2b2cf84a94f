"""What the comparison with peers makes of its samples: ratios, shares, tables, and what noise hides."""

import msgspec
import pytest

from bench.peers.connections import cost
from bench.peers.latency import Latency
from bench.peers.overload import Healthy, Overload, Point, place
from bench.peers.report import Noise, Results, noise, tables, verdict
from bench.peers.speed import Figure, Speed, figures
from bench.peers.subjects import GO, LINES, NAIVE, OURS, PLAIN, names
from bench.report import Sample, standard_error


def sample(cpu: float, per_second: float = 1000.0) -> Sample:
    return Sample(per_second=per_second, p50=0.001, p99=0.004, cpu=cpu, busy=1.0)


def point(connections: int, load: float, goodput: float, *, name: str = OURS, capacity: float = 1000.0) -> Point:
    return Point(
        name=name,
        connections=connections,
        load=load,
        rate=load * capacity,
        capacity=capacity,
        goodput=goodput,
        p50=0.01,
        p99=0.1,
        cpu=100e-6,
        busy=0.99,
        others=0.4,
        refused=0,
        unanswered=0,
        failed=0,
    )


def test_ratios_are_of_the_same_round() -> None:
    """A round in which all are slower says the same as one in which all are faster."""
    go = [sample(100e-6), sample(200e-6), sample(50e-6)]
    found = figures({OURS: [sample(200e-6), sample(400e-6), sample(100e-6)], GO: go})
    assert found[OURS].ratio == pytest.approx(0.5)
    assert found[OURS].error == pytest.approx(0.0)
    assert found[OURS].cpu == pytest.approx(200e-6)
    assert (found[GO].ratio, found[GO].error) == (1.0, 0.0)


def test_the_error_is_that_of_the_rounds() -> None:
    """Rounds that differ make an error, less of it the more there are; a single outlier makes none."""
    go = [sample(100e-6)] * 5
    mine = [sample(cpu * 1e-6) for cpu in (90, 95, 100, 105, 110)]
    assert 0.01 < figures({OURS: mine, GO: go})[OURS].error < 0.1
    assert standard_error([1.0, 1.1] * 50) < standard_error([1.0, 1.1] * 2)
    assert standard_error([1.0, 1.0, 1.0, 9.0, 1.0]) == 0.0


def test_noise_is_what_go_differs_from_itself() -> None:
    """CPU time and requests per second apart, whichever came first."""
    found = noise([(sample(100e-6, 1000), sample(110e-6, 800)), (sample(110e-6, 800), sample(100e-6, 1000))])
    assert found is not None
    assert found.cpu == pytest.approx(0.095, abs=0.005)
    assert found.rate == pytest.approx(0.225, abs=0.03)
    assert noise([]) is None


@pytest.mark.parametrize(
    ("cpu", "rate", "words"),
    [
        (0.01, 0.02, "Quiet enough"),
        (0.01, 0.3, "TOO NOISY for latencies, capacities and curves"),
        (0.2, 0.02, "TOO NOISY to tell anything"),
    ],
)
def test_the_verdict_says_what_can_be_told(cpu: float, rate: float, words: str) -> None:
    """CPU time bears more of what others do than wall-clock time does."""
    (line,) = verdict(Noise(cpu, rate))
    assert words in line


@pytest.mark.parametrize(("load", "goodput", "share"), [(0.5, 500, 1.0), (2.0, 900, 0.9), (4.0, 100, 0.1)])
def test_goodput_is_measured_by_what_could_be_had(load: float, goodput: float, share: float) -> None:
    """Below the capacity that is what was asked for, above it the capacity."""
    assert point(32, load, goodput).share == pytest.approx(share)


def test_goodput_is_that_of_the_rounds() -> None:
    """Each is measured by the capacity of its round; one in which all was slower says the same as the others."""
    rounds = [point(32, 2.0, 0.9 * capacity, capacity=capacity) for capacity in (1000, 2000, 500)]
    assert place(rounds) == pytest.approx((0.9, 0.0, 0.1, 100e-6))
    apart = [point(32, 2.0, goodput) for goodput in (800, 900, 950)]
    assert place(apart).share == pytest.approx(0.9)
    assert 0.01 < place(apart).error < 0.1


def test_a_connection_costs_what_a_request_costs_more() -> None:
    """Of the same round each."""
    found = cost(OURS, "full", [sample(900e-6), sample(1000e-6)], [sample(100e-6), sample(200e-6)], 1.0)
    assert found.seconds == pytest.approx(800e-6)
    assert found.error == pytest.approx(0.0)


def test_the_tables_have_a_row_for_each_subject() -> None:
    """All that was measured is printed, each number in its place."""
    speed = {OURS: Figure(2000, 0.001, 0.002, 400e-6, 0.5, 0.01), GO: Figure(4000, 0.0005, 0.001, 200e-6, 1, 0)}
    results = Results(
        speed=[Speed("plain", "GET", speed)],
        latency=[
            Latency("GET", OURS, share, 1000 * share, 0.001, 0.02, 0.03, 0.05 * share) for share in (0.5, 0.8)
        ],
        connections=[cost(OURS, "full", [sample(900e-6)], [sample(100e-6)], 0.5)],
        overload=Overload(
            [
                point(32, 0.8, 800),
                point(32, 2.0, 1000),
                point(4000, 0.8, 400),
                msgspec.structs.replace(point(4000, 2.0, 900), failed=3, cpu=120e-6),
            ],
            [Healthy(OURS, 4000, 0.987, 0.123)],
        ),
        noise=Noise(0.01, 0.02),
    )
    lines = [" ".join(line.split()) for line in tables(results)]
    assert "ours 400 0.50 +- 0.01 2000 1.00 2.00" in lines
    assert "Go 200 1.00 +- 0.00 4000 0.50 1.00" in lines
    assert "ours 500 1.00 20.00 800 1.00 20.00 (4% not answered)" in lines
    assert "ours +800 +- 0 50%" in lines
    assert "32 ours 1000 1.00 100 100 1.00 100 100" in lines
    assert "4,000 ours 1000 0.50 100 100 0.90 100 120" in lines
    assert "ours: beyond its capacity its core is 99% busy, that of clients and OMS 40%" in lines
    assert "(3 requests with another answer than 200 and 503, or whose connection was lost)" in lines
    assert "ours: healthy clients among a storm on 4,000 connections: 98.7% served, p99 123 ms" in lines
    assert lines[-1].endswith("Quiet enough.")
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results) == results


def test_nothing_is_printed_of_what_was_not_measured() -> None:
    """A part of the benchmark has its own tables only."""
    assert list(tables(Results())) == []


@pytest.mark.parametrize(("goodput", "noisy"), [(1000, False), (500, True)])
def test_rounds_that_are_far_apart_are_told(goodput: float, noisy: bool) -> None:  # noqa: FBT001
    """Something else has run meanwhile."""
    points = [point(32, 2.0, each) for each in (1000, goodput, 1.5 * goodput)]
    (line,) = [line for line in tables(Results(overload=Overload(points, []))) if "standard error" in line]
    assert ("TOO NOISY" in line) == noisy


def test_there_is_no_latency_where_nothing_was_served() -> None:
    """A stroke stands for it, not the 0 of no answers."""
    nothing = msgspec.structs.replace(point(32, 2.0, 1000), p99=0.0)
    (row,) = [line.split() for line in tables(Results(overload=Overload([nothing], []))) if "32 ours" in line]
    assert row == ["32", "ours", "1000", "1.00", "-", "100"]


def test_the_naive_forwarder_is_compared_where_it_can_do_the_work() -> None:
    """It verifies no tokens."""
    assert [line for line in LINES if NAIVE in names(line)] == [PLAIN]
    assert all(not line.verifies for line in LINES if NAIVE in names(line))
