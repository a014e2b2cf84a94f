"""What a check is: a rule with its source, what to do where it is broken, and the coroutine that tries it.

A check makes its own requests and keeps nothing, so that it can be repeated alone. It returns what is worth
knowing, and raises `BrokenRuleError` or `NotTriedError`.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple

from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.kit import Bounds, Kit

Level = Literal["failed", "warning"]
"""What a broken rule is: an order is not read, or is wrong, or is open to others; or it will be, some day."""
Status = Literal["passed", "warning", "failed", "not tried"]

MAX_EXCHANGES: Final = 3
"""Which are shown of a broken rule."""


class BrokenRuleError(Exception):
    """The rule does not hold: how it shows, and in which exchanges."""

    def __init__(self, detail: str, *exchanges: Exchange) -> None:
        super().__init__(detail)
        self.detail = detail
        self.exchanges = exchanges[:MAX_EXCHANGES]


class NotTriedError(Exception):
    """Nothing can be said of the rule, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Check(NamedTuple):
    """One rule."""

    id: str
    """`GROUP.NAME`."""
    rule: str
    """One sentence."""
    source: str
    """Where it is written: a page of docs/ with its anchor, or an RFC with its section."""
    fix: str
    """What to do where it is broken."""
    level: Level
    try_: Callable[[Kit], Awaitable[str]]
    needs: tuple[str, ...] = ()
    """Checks without which this one says nothing."""
    requests: Callable[[Bounds], int] = lambda _: 1
    """How many it makes at most, where an order is looked up by one form of its id."""
    wrong_logins: int = 0

    @property
    def group(self) -> str:
        """The first part of its id."""
        return self.id.partition(".")[0]


class Group:
    """The checks of one module, in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(
        self,
        name: str,
        *,
        rule: str,
        source: str,
        fix: str,
        level: Level = "failed",
        needs: tuple[str, ...] = ("order.read",),
        requests: int | Callable[[Bounds], int] = 1,
        wrong_logins: int = 0,
    ) -> Callable[[Callable[[Kit], Awaitable[str]]], Callable[[Kit], Awaitable[str]]]:
        """Add what follows as a check."""

        def added(try_: Callable[[Kit], Awaitable[str]]) -> Callable[[Kit], Awaitable[str]]:
            most = requests if callable(requests) else lambda _: requests
            self.checks.append(
                Check(f"{self.name}.{name}", rule, source, fix, level, try_, needs, most, wrong_logins)
            )
            return try_

        return added


def expect(holds: object, detail: str, *exchanges: Exchange) -> None:
    """Go on only if a rule holds.

    Raises:
        BrokenRuleError: It does not.

    """
    if not holds:
        raise BrokenRuleError(detail, *exchanges)
