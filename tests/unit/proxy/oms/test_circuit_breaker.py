"""The circuit breaker, with a fake clock."""

from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, FIRST_OPEN, CircuitBreaker


def opened(at: float = 0.0) -> CircuitBreaker:
    circuit = CircuitBreaker()
    for _ in range(FAILURES_TO_OPEN):
        circuit.failed(at)
    return circuit


def test_opens_after_a_row_of_failures() -> None:
    """Twenty failures in a row open it, nineteen don't."""
    circuit = CircuitBreaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed(0.0)
        assert circuit.admit(0.0) == "go"
    circuit.failed(0.0)
    assert circuit.state == "open"
    assert circuit.admit(0.0) == "refuse"
    assert circuit.remaining(1.0) == FIRST_OPEN - 1.0


def test_a_success_interrupts_the_row() -> None:
    """Only failures without a success between them count."""
    circuit = CircuitBreaker()
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            circuit.failed(0.0)
        circuit.succeeded()
    assert circuit.state == "closed"


def test_one_probe_at_a_time() -> None:
    """After the pause one request goes, the others wait for how it ends."""
    circuit = opened()
    assert circuit.admit(FIRST_OPEN) == "probe"
    assert circuit.state == "half-open"
    assert circuit.admit(FIRST_OPEN) == "refuse"


def test_probe_that_succeeds_closes() -> None:
    """The first answer ends the pause for all."""
    circuit = opened()
    assert circuit.admit(FIRST_OPEN) == "probe"
    circuit.succeeded()
    assert circuit.state == "closed"
    assert circuit.admit(FIRST_OPEN) == "go"


def test_pause_doubles_to_a_cap_while_probes_fail() -> None:
    """An OMS that stays down is asked less and less, but at least every half a minute."""
    circuit = opened()
    now, pauses = 0.0, []
    for _ in range(5):
        pauses.append(circuit.remaining(now))
        now += circuit.remaining(now)
        assert circuit.admit(now) == "probe"
        circuit.failed(now)
    assert pauses == [5.0, 10.0, 20.0, 30.0, 30.0]


def test_late_success_of_an_older_request_does_not_close() -> None:
    """What was sent before the opening does not decide; the probe does."""
    circuit = opened()
    circuit.succeeded()
    assert circuit.state == "open"


def test_released_probe_leaves_the_place_to_the_next() -> None:
    """A probe that never asked the OMS does not block the circuit."""
    circuit = opened()
    assert circuit.admit(FIRST_OPEN) == "probe"
    circuit.release()
    assert circuit.admit(FIRST_OPEN) == "probe"
