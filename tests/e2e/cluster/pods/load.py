"""A constant load on a tenant's Service; every answer is checked, and every request that got none is counted.

`load.py begin PLAN` starts it in the background, where no connection to the API server is needed any more;
`load.py end` ends it and prints a line of JSON: `{"requests", "seconds", "lost": [{"at", "kind", "why"}],
"refused": [the same], "answers": {status: count}, "milliseconds": {"median", "p99", "slowest"}}`. The plan is
`{"url", "headers", "rate", "seconds"}`; after `seconds` it ends by itself. Half of the requests are reads on
connections that are kept, a quarter reads on connections of their own, a quarter searches on kept ones.

A *refused* connection has carried no request: as every gateway does, it is tried again, and counted. A *lost*
request was sent, or tried for 5 s, and got no right answer. Nothing is sent twice.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector

READ = "/api/v1/business-units/S-1/customer-orders/CO-1001"
SEARCH = "/api/v1/business-units/S-1/customer-orders:search"
KINDS = ("kept", "own", "kept", "search")
PATIENCE = 5.0
PAUSE = 0.05
END, REPORT, LOG = (Path("/tmp") / name for name in ("end", "report", "log"))


class Load:
    """The load, and what came of it."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.begin = time.monotonic()
        self.requests = 0
        self.refused: list[dict[str, Any]] = []
        self.lost: list[dict[str, Any]] = []
        self.answers: Counter[int] = Counter()
        self.durations: list[float] = []

    async def send(self, session: ClientSession, kind: str) -> None:
        """Send one request until it has an answer, or is lost."""
        begin = time.monotonic()
        while True:
            try:
                await self._try(session, kind)
                break
            except ClientConnectorError as error:
                self._note(self.refused, kind, _named(error))
                if time.monotonic() - begin > PATIENCE:
                    self._note(self.lost, kind, _named(error))
                    break
                await asyncio.sleep(PAUSE)
            except (ClientError, TimeoutError, ValueError, KeyError) as error:
                self._note(self.lost, kind, _named(error))
                break
        self.durations.append(time.monotonic() - begin)

    async def _try(self, session: ClientSession, kind: str) -> None:
        url, headers = self.plan["url"], self.plan["headers"]
        if kind == "search":
            call = session.post(url + SEARCH, headers=headers, json={"customerId": "C-1"})
        else:
            call = session.get(url + READ, headers=headers)
        async with call as answer:
            body = await answer.json(content_type=None)
        self.answers[answer.status] += 1
        if answer.status != 200:
            self._note(self.lost, kind, f"{answer.status} {body.get('code')}")
        elif kind == "search":
            if not isinstance(body["customerOrders"], list):
                self._note(self.lost, kind, "another answer")
        elif body["customerOrder"]["customerOrderId"] != "CO-1001":
            self._note(self.lost, kind, "another order")

    def _note(self, where: list[dict[str, Any]], kind: str, why: str) -> None:
        where.append({"at": round(time.monotonic() - self.begin, 2), "kind": kind, "why": why})

    async def run(self, ended: asyncio.Event) -> None:
        """Send at the constant rate, whatever the answers take."""
        pause = 1 / self.plan["rate"]
        kept = TCPConnector(limit=0, keepalive_timeout=60)
        own = TCPConnector(limit=0, force_close=True)
        timeout = ClientTimeout(total=PATIENCE)
        async with (
            ClientSession(connector=kept, timeout=timeout) as keeping,
            ClientSession(connector=own, timeout=timeout) as closing,
            asyncio.TaskGroup() as tasks,
        ):
            for session in (keeping, closing):
                session._retry_connection = False
            while not ended.is_set():
                kind = KINDS[self.requests % len(KINDS)]
                tasks.create_task(self.send(closing if kind == "own" else keeping, kind))
                self.requests += 1
                # By the clock, so that a late turn is made up for.
                wait = self.begin + self.requests * pause - time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), max(wait, 0))

    def report(self) -> dict[str, Any]:
        """Return what came of it."""
        ordered = sorted(self.durations)
        shares = {"median": 50, "p99": 99, "slowest": 100}
        milliseconds = {
            name: round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000, 1)
            for name, share in shares.items()
        }
        return {
            "requests": self.requests,
            "seconds": round(time.monotonic() - self.begin, 1),
            "answers": self.answers,
            "lost": self.lost,
            "refused": self.refused,
            "milliseconds": milliseconds,
        }


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


async def run(plan: dict[str, Any]) -> None:
    """Run the load to its end, and write what came of it."""
    ended = asyncio.Event()
    load = Load(plan)
    running = asyncio.create_task(load.run(ended))
    while not (END.exists() or time.monotonic() - load.begin > plan["seconds"]):
        await asyncio.sleep(PAUSE)
    ended.set()
    await running
    fresh = REPORT.with_suffix(".new")
    fresh.write_text(json.dumps(load.report()))
    fresh.rename(REPORT)


def begin(plan: dict[str, Any]) -> None:
    """Go on as a process that nobody waits for."""
    for file in (END, REPORT):
        file.unlink(missing_ok=True)
    if os.fork() == 0:
        os.setsid()
        with LOG.open("wb") as log:
            for stream in (0, 1, 2):
                os.dup2(log.fileno(), stream)
        asyncio.run(run(plan))


def end() -> None:
    """End it, and print what came of it."""
    END.touch()
    deadline = time.monotonic() + 4 * PATIENCE
    while not REPORT.exists():
        if time.monotonic() > deadline:
            sys.exit(f"there is no report: {LOG.read_text()}")
        time.sleep(PAUSE)
    print(REPORT.read_text())


if __name__ == "__main__":
    if sys.argv[1] == "begin":
        begin(json.loads(sys.argv[2]))
    else:
        end()
