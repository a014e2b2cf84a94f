"""What came of a run, as JSON has it."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tenantproxy.conformance.check import Check, Status
from tenantproxy.conformance.exchange import Exchange

STATUSES: Final[tuple[Status, ...]] = ("failed", "warning", "not tried", "passed")


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One check, and what came of it."""

    id: str
    status: Status
    detail: str
    """How the rule is broken, why it was not tried, or what was measured; may be empty."""
    rule: str
    source: str
    fix: str
    seconds: float
    exchanges: tuple[Exchange, ...] = ()
    """Of a broken rule."""

    @property
    def group(self) -> str:
        """The first part of the id."""
        return self.id.partition(".")[0]


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One run."""

    version: str
    """The kit's."""
    url: str
    tenant_id: str
    credential: str
    """Its type."""
    started: str
    """RFC 3339, in UTC."""
    seconds: float
    ended: str
    """`complete`, or why not all was tried."""
    results: tuple[Result, ...]

    @property
    def counts(self) -> dict[Status, int]:
        """How many results there are of each status."""
        counted = Counter(result.status for result in self.results)
        return {status: counted[status] for status in STATUSES}


COMPLETE: Final = "complete"
INTERRUPTED: Final = "interrupted"
OUT_OF_TIME: Final = "out of time"


def result_of(
    check: Check, status: Status, detail: str, seconds: float = 0.0, exchanges: Sequence[Exchange] = ()
) -> Result:
    """Return what came of a check."""
    return Result(
        id=check.id,
        status=status,
        detail=detail,
        rule=check.rule,
        source=check.source,
        fix=check.fix,
        seconds=round(seconds, 3),
        exchanges=tuple(exchanges),
    )


def in_words(counts: dict[Status, int]) -> str:
    """Return counts for people: "2 failed, 1 warning, 40 passed"."""
    named = [f"{count} {_WORDS.get(status, status)}" for status, count in counts.items() if count]
    return ", ".join(named).replace("1 warnings", "1 warning") if named else "nothing was checked"


_WORDS: Final[dict[Any, str]] = {"warning": "warnings"}


def to_json(report: Report) -> bytes:
    """Return a report as indented JSON, with its counts."""
    document = msgspec.to_builtins(report) | {"counts": report.counts}
    return json.dumps(document, indent=2).encode() + b"\n"  # in ASCII: a text may have half of a surrogate pair
