"""The admin port: what rendering metrics may cost."""

from tenantproxy.server.admin import RENDER_BURST, RENDER_SHARE, Admin, Allowance


class Costly:
    """Metrics that take a while to render, by a clock of their own."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.rendered = 0

    def exposition(self) -> bytes:
        self.now += self.seconds
        self.rendered += 1
        return str(self.rendered).encode()


def test_a_burst_is_answered_anew_and_a_flood_by_what_was_rendered_last() -> None:
    """Of the loop's time rendering takes its share, whatever is asked; what is shown is never older than that."""
    metrics = Costly(0.01)
    admin = Admin(metrics, lambda: True, clock=lambda: metrics.now)
    burst = int(RENDER_BURST / 0.01)
    assert [int(admin.exposition()) for _ in range(burst)] == list(range(1, burst + 1))
    start, rendered = metrics.now, metrics.rendered
    while metrics.now < start + 10:
        admin.exposition()
        metrics.now += 1 / 700
    share = (metrics.rendered - rendered) * 0.01 / (metrics.now - start)
    assert 0.8 * RENDER_SHARE < share < 1.2 * RENDER_SHARE


def test_what_was_spent_comes_back() -> None:
    """After a pause a scrape is answered anew, even where one costs more than the whole allowance."""
    allowance = Allowance(0.0)
    allowance.spend(RENDER_BURST + 1.0)
    assert not allowance.has_some(19.9)
    assert allowance.has_some(20.1)
    assert allowance.has_some(1e9)
    allowance.spend(RENDER_BURST)
    assert not allowance.has_some(1e9)
