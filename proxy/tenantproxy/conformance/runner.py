"""Runs checks one after another, until all are done, time is up, or somebody interrupts; reports what it has."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tenantproxy import __version__
from tenantproxy.conformance.check import BrokenRuleError, Check, NotTriedError, Status
from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.kit import Kit, NotAcceptedError, NoTokenError
from tenantproxy.conformance.report.model import COMPLETE, OUT_OF_TIME, Report, Result, result_of
from tenantproxy.problems import Problem

_log = logging.getLogger(__name__)

_ENDED: Final = "the run had ended before"

Progress = Callable[[int, Check, Result | None], None]
"""Is told of each check, by its number: before it is tried, with None, and after."""


async def run(
    kit: Kit,
    checks: Sequence[Check],
    *,
    seconds: float,
    stopped: "asyncio.Future[str]",
    progress: Progress = lambda *_: None,
) -> Report:
    """Try checks, for so many seconds at most, until somebody says in `stopped` why it is to stop."""
    started, begin = dt.datetime.now(dt.UTC), time.monotonic()
    timer = asyncio.get_running_loop().call_later(seconds, _stop, stopped)
    results: dict[str, Result] = {}
    failed: set[str] = set()
    try:
        for number, check in enumerate(checks):
            progress(number, check, None)
            result = await _outcome(kit, check, failed, stopped)
            results[check.id] = result
            if result.status == "failed":
                failed.add(check.id)
            progress(number, check, result)
    finally:
        timer.cancel()
    return Report(
        version=__version__,
        url=kit.config.upstream.url,
        tenant_id=kit.config.tenant.id,
        credential=kit.credential.type,
        started=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(time.monotonic() - begin, 3),
        ended=stopped.result() if stopped.done() else COMPLETE,
        results=tuple(results.values()),
    )


def _stop(stopped: "asyncio.Future[str]") -> None:
    if not stopped.done():
        stopped.set_result(OUT_OF_TIME)


async def _outcome(kit: Kit, check: Check, failed: set[str], stopped: "asyncio.Future[str]") -> Result:
    """Return what comes of a check, which is not tried where one that it needs has failed."""
    if stopped.done():
        return result_of(check, "not tried", f"{stopped.result()}: {_ENDED}")
    if missing := [need for need in check.needs if need in failed]:
        return result_of(check, "not tried", f"it says nothing as long as {missing[0]} fails")
    begin = time.monotonic()
    task = asyncio.create_task(_tried(kit, check), name=check.id)
    stopped.add_done_callback(waiting := lambda _: task.cancel())
    await asyncio.wait([task])
    stopped.remove_done_callback(waiting)
    if task.cancelled():
        return result_of(check, "not tried", f"{stopped.result()}: it had begun", time.monotonic() - begin)
    return msgspec.structs.replace(task.result(), seconds=round(time.monotonic() - begin, 3))


async def _tried(kit: Kit, check: Check) -> Result:
    status: Status = "not tried"
    exchanges: tuple[Exchange, ...] = ()
    try:
        detail = await check.try_(kit)
        status = "passed"
    except BrokenRuleError as error:
        status, detail, exchanges = check.level, error.detail, error.exchanges
    except (NotTriedError, NotAcceptedError) as error:
        detail = error.reason
    except NoTokenError:
        detail = "there is no token; see token.issued"
    except Problem as problem:
        detail = f"a proxy would not send it: {problem.detail}"
    except OSError as error:
        status, detail = check.level, f"There is no connection: {error.strerror or type(error).__name__}."
    except Exception as error:  # noqa: BLE001 - the other checks are still of use
        _log.exception("the check %s failed unexpectedly", check.id)
        status, detail = "failed", f"The check itself failed ({type(error).__name__}); please report it."
    return result_of(check, status, kit.mask.text(detail), exchanges=exchanges)
