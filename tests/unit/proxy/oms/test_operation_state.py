"""What the log says of an operation's circuit."""

from support.proxy.log_lines import LogLines, log_lines
from support.proxy.running import proxy_config
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, LONGEST_OPEN
from tenantproxy.oms.operation_state import OperationState
from tenantproxy.operations import GET_ORDER


class World:
    """An operation, and the time."""

    def __init__(self) -> None:
        self.time = 100.0
        upstream = proxy_config("http://oms.example").upstream
        self.operation = OperationState.of(upstream, GET_ORDER, lambda: self.time)

    def probe(self, status: int | None) -> None:
        self.time += LONGEST_OPEN
        assert self.operation.admit() == "probe"
        self.operation.record(status, reason="connect" if status is None else None)
        self.operation.release()


def told(lines: LogLines) -> list[tuple[object, ...]]:
    names = ("state", "reason", "operation", "code")
    return [tuple(line.get(name) for name in names) for line in lines.of("tenantproxy.state")]


def test_an_outage_has_two_lines() -> None:
    """One when the circuit opens, one when it closes; none for reads that fail, are refused, or probe."""
    with log_lines() as lines:
        world = World()
        for _ in range(FAILURES_TO_OPEN - 1):
            world.operation.record(500)
        assert told(lines) == []
        for status in range(500, 505):  # reads from before the opening
            world.operation.record(status)
            assert world.operation.admit() == "refuse"
        world.probe(500)
        world.probe(500)
        assert told(lines) == [("begun", "status-500", "getOrder", "circuit-open")]
        world.probe(200)
        world.operation.record(404)
        assert told(lines)[1:] == [("ended", None, "getOrder", "circuit-open")]
        assert lines.of("tenantproxy.state")[1]["seconds"] == 3 * LONGEST_OPEN


def test_another_cause_is_told() -> None:
    """The probe shows it: the OMS answered with 500, and now can't be reached."""
    with log_lines() as lines:
        world = World()
        for _ in range(FAILURES_TO_OPEN):
            world.operation.record(500)
        world.probe(None)
        world.probe(None)
        assert [state for state, *_ in told(lines)] == ["begun", "changed"]
