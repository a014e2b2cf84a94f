"""What the log says of each request, and how much it says where there are many."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.proxy.log_lines import log_lines
from support.proxy.oms import RawServer, answering, breaking, held_until, http
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.api.request_log import MOST_ALIKE, MOST_KINDS, RequestLog
from tenantproxy.observation import Observation
from tenantproxy.problems import Problem
from tenantproxy.server.response import Response

REQUEST = "tenantproxy.request"
TIMES = ("durationMs", "upstreamMs", "correlationId", "message")


def bare(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in TIMES}


GET = {"method": "GET", "route": "getOrder"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, {"status": 200, "upstreamStatus": 200, "upstreamCalls": 1}),
        (http(404), {"status": 404, "code": "order-not-found", "upstreamStatus": 404, "upstreamCalls": 1}),
        (
            http(500, b"MARKED"),
            {
                "status": 502,
                "code": "upstream-error",
                "reason": "status-500",
                "upstreamStatus": 500,
                "upstreamCalls": 1,
            },
        ),
        (
            http(503, b"MARKED"),
            {
                "status": 502,
                "code": "upstream-error",
                "reason": "status-503",
                "upstreamStatus": 503,
                "upstreamCalls": 2,
            },
        ),
        (
            http(200, b'{"customerOrder": {"customerId": "MARKED"}}'),
            {
                "status": 502,
                "code": "upstream-contract",
                "reason": "contract",
                "upstreamStatus": 200,
                "upstreamCalls": 1,
            },
        ),
        (b"", {"status": 502, "code": "upstream-error", "reason": "disconnected", "upstreamCalls": 2}),
    ],
    ids=["200", "404", "500", "503, retried", "breaks the contract", "no answer"],
)
async def test_line_of_a_read(oms: RawServer, tmp_path: Path, answer: bytes | None, said: dict[str, Any]) -> None:
    """A line says why: the code that the caller got, its finer reason, and the OMS's answers to its calls."""
    if answer is not None:
        oms.play = answering(answer) if answer else breaking(answer)
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            got = await proxy.get(headers={"Correlation-Id": "c-1"})
        (line,) = lines.of(REQUEST)
    assert bare(line) == GET | said
    assert (line["correlationId"], line["status"]) == ("c-1", got.status)
    assert 0 <= line["upstreamMs"] <= line["durationMs"]
    assert "MARKED" not in lines.text


async def test_line_of_a_request_that_never_reached_the_oms(oms: RawServer, tmp_path: Path) -> None:
    """It says why, and nothing of the OMS; also what was no request has a line, by the id in its answer."""
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
            await proxy.get()
            await proxy.get("/MARKED")
            answer = await proxy.raw(b"MARKED MARKED\r\n\r\n")
        first, second, third = lines.of(REQUEST)
    assert bare(first) == GET | {"status": 503, "code": "credentials-not-configured"}
    assert bare(second) == {"method": "GET", "route": "other", "status": 405, "code": "method-not-allowed"}
    assert bare(third) == {"route": "other", "status": third["status"], "code": third["code"]}
    assert f"Correlation-Id: {third['correlationId']}".encode() in answer
    assert "MARKED" not in lines.text


async def test_line_of_a_caller_that_went_away(oms: RawServer, tmp_path: Path) -> None:
    """It has no status, since there was no response."""
    release = asyncio.Event()
    oms.play = held_until(release)
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            async with aiohttp.ClientSession() as session:
                leaving = asyncio.create_task(session.get(f"http://127.0.0.1:{proxy.port}{GET_PATH}"))
                await oms.reached(1)
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)
            await eventually(lambda: lines.of(REQUEST))
            release.set()
        (line,) = lines.of(REQUEST)
    assert bare(line) == GET | {"callerGone": True, "upstreamCalls": 1}


def test_line_of_an_incomplete_search() -> None:
    """What its answer lacks is in the line of the request."""
    observation = Observation("c-1")
    observation.called(200, 0.01)
    observation.cut("pages", 3)
    with log_lines() as lines:
        RequestLog().ended(observation, Response(200), method="POST", route="searchOrders", begun=1.0, now=1.5)
        (line,) = lines.of(REQUEST)
    assert (line["cutBy"], line["pages"], line["durationMs"], line["upstreamMs"]) == ("pages", 3, 500.0, 10.0)


class Many:
    """A log of many requests; `time` is theirs."""

    def __init__(self) -> None:
        self.log = RequestLog()
        self.time = 100.0

    def request(self, status: int, count: int = 1, reason: str | None = None) -> None:
        response = Response(status)
        if reason is not None:
            response.problem = Problem("upstream-error", "MARKED", reason=reason)
        for _ in range(count):
            self.log.ended(
                Observation("c"), response, method="GET", route="getOrder", begun=self.time, now=self.time
            )


@pytest.mark.virtual_time
async def test_lines_of_requests_that_are_alike_are_bounded() -> None:
    """In a second at most so many of each outcome are written, and then the number of those left out is."""
    with log_lines() as lines:
        many = Many()
        many.request(200, MOST_ALIKE + 7)
        many.request(502, 3, reason="status-500")
        many.request(502, MOST_ALIKE + 1, reason="connect")
        assert len(lines.of(REQUEST)) == 2 * MOST_ALIKE + 3
        await asyncio.sleep(1.1)
        written = lines.of(REQUEST)[2 * MOST_ALIKE + 3 :]
        assert written == [
            {"message": "requests not logged", "route": "getOrder", "status": 200, "suppressed": 7},
            {
                "message": "requests not logged",
                "route": "getOrder",
                "status": 502,
                "code": "upstream-error",
                "reason": "connect",
                "suppressed": 1,
            },
        ]


@pytest.mark.virtual_time
async def test_the_next_second_begins_anew() -> None:
    """Lines are written again, after what was left out of the last second is told; it is told once."""
    with log_lines() as lines:
        many = Many()
        many.request(200, MOST_ALIKE + 1)
        many.time += 1.0
        many.request(200)
        assert [line.get("suppressed") for line in lines.of(REQUEST)][MOST_ALIKE:] == [1, None]
        await asyncio.sleep(5)
        assert len(lines.of(REQUEST)) == MOST_ALIKE + 2


@pytest.mark.virtual_time
async def test_outcomes_without_number_are_bounded() -> None:
    """However many reasons an OMS can cause, they are told apart only up to a bound."""
    with log_lines() as lines:
        many = Many()
        for status in range(200, 200 + MOST_KINDS):
            many.request(502, reason=f"status-{status}")
        for status in range(600, 600 + 2 * MOST_ALIKE):
            many.request(502, reason=f"status-{status}")
        assert len(lines.of(REQUEST)) == MOST_KINDS + MOST_ALIKE
        await asyncio.sleep(1.1)
        last = lines.of(REQUEST)[-1]
    assert last == {"message": "requests not logged", "route": "any", "suppressed": MOST_ALIKE}


def test_nothing_at_a_higher_level() -> None:
    """Where no line is read, none is made."""
    with log_lines(logging.WARNING) as lines:
        Many().request(200, 5)
        assert lines.text == ""
