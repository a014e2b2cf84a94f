"""The log of requests: a line for each, which says what came of it and why, by words of a bounded number.

Of those that are alike only so many are written in a second; the others are counted.
"""

import asyncio
import logging
from typing import Final

from tenantproxy.api.log_line import Line
from tenantproxy.debugging import DEBUG_LOG
from tenantproxy.logs import FIELDS, Lines
from tenantproxy.observation import Observation
from tenantproxy.problems import Problem
from tenantproxy.server.response import Response

_log = logging.getLogger("tenantproxy.request")

MOST_ALIKE: Final = 100
"""Lines in a second of requests that are alike: of one route, with one outcome."""
MOST_VIOLATIONS: Final = 20
"""In a debug line."""
MOST_KINDS: Final = 32
"""Of requests in a second; those of further ones count as alike."""


_Kind = tuple[str, int | None, str | None, str | None]
"""What requests have in common that are alike: route, status, code, reason."""
_OTHERS: Final[_Kind] = ("any", None, None, None)


class RequestLog:
    """Writes the lines; the times are seconds of one clock that only goes forward."""

    def __init__(self) -> None:
        self._is_on = _log.isEnabledFor(logging.INFO)
        self._lines = Lines(_log, logging.INFO, "request")
        self._left_out = Lines(_log, logging.INFO, "requests not logged")
        self._second_ends = 0.0
        self._seen: dict[_Kind, int] = {}
        self._telling: asyncio.TimerHandle | None = None

    def ended(
        self,
        observation: Observation,
        response: Response | None,
        *,
        method: str | None,
        route: str,
        begun: float,
        now: float,
    ) -> None:
        """Write down how a request ended; without a response, the caller was gone before there was one."""
        if response is not None and response.problem is not None and DEBUG_LOG.isEnabledFor(logging.DEBUG):
            _write_violations(response.problem, observation)
        if not self._is_on:
            return
        status = code = reason = None
        if response is not None:
            status = response.status
            if (problem := response.problem) is not None:
                code, reason = problem.code, problem.reason
        if not self._may_be_written((route, status, code, reason), now):
            return
        calls = observation.calls
        self._lines.write(
            Line(
                method=method,
                route=route,
                status=status,
                code=code,
                reason=None if reason == code else reason,
                duration_ms=milliseconds(now - begun),
                upstream_status=observation.upstream_status,
                upstream_ms=milliseconds(observation.upstream_seconds) if calls else None,
                upstream_calls=calls or None,
                cut_by=observation.cut_by,
                pages=observation.pages or None,
                caller_gone=True if response is None else None,
                correlation_id=observation.correlation_id,
            )
        )

    def _may_be_written(self, kind: _Kind, now: float) -> bool:
        if now >= self._second_ends:
            self._begin_second()
            self._second_ends = now + 1.0
        seen = self._seen
        count = seen.get(kind, 0)
        if not count and len(seen) >= MOST_KINDS:
            kind = _OTHERS
            count = seen.get(kind, 0)
        seen[kind] = count + 1
        if count >= MOST_ALIKE and self._telling is None:  # to be told also where no other request comes
            self._telling = asyncio.get_running_loop().call_later(1.0, self._begin_second)
        return count < MOST_ALIKE

    def _begin_second(self) -> None:
        """Forget the last second, and say how many lines were left out in it."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        for (route, status, code, reason), count in self._seen.items():
            if count > MOST_ALIKE:
                finer = None if reason == code else reason
                line = Line(route=route, status=status, code=code, reason=finer, suppressed=count - MOST_ALIKE)
                self._left_out.write(line)
        self._seen.clear()


def milliseconds(seconds: float) -> float:
    """Return seconds in milliseconds with one decimal; `round` takes three times as long."""
    return int(seconds * 10_000 + 0.5) / 10


def _write_violations(problem: Problem, observation: Observation) -> None:
    """Write the debug line of an answer of the OMS's that breaks rules: where, and which; never what is there."""
    if problem.type.counted_as != "upstream" or not problem.errors:
        return
    violations = [{"pointer": error.field, "rule": error.detail} for error in problem.errors[:MOST_VIOLATIONS]]
    line = {"violations": violations, "found": len(problem.errors), "correlationId": observation.correlation_id}
    DEBUG_LOG.debug("the OMS's answer breaks rules", extra={FIELDS: line})
