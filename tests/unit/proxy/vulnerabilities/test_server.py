"""The corpus against the proxy as a server: whatever a client sends, the OMS gets requests that we framed.

No header of a client's is copied and bodies are encoded anew, so our parser and the OMS can't disagree on where a
request ends. What is shown here besides is that we read each request as a strict parser in front of us does.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from types import EllipsisType
from typing import NamedTuple

import pytest
import pytest_asyncio

from support.proxy.oms import RawServer, Received, documented, raw_server
from support.proxy.running import BASIC, RunningProxy, proxy_config, running_proxy
from support.waiting import PATIENCE
from unit.proxy.vulnerabilities import request_chunks, request_framing, request_heads, request_sequence
from unit.proxy.vulnerabilities.case import LAST, SEARCH, Case

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = (*request_framing.CASES, *request_chunks.CASES, *request_heads.CASES, *request_sequence.CASES)
OUR_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "authorization", "content-length", "content-type"}
    | {"correlation-id", "tenant-id", "user-agent"}
)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]+")


class Running(NamedTuple):
    """The proxy that all cases share, and its OMS."""

    proxy: RunningProxy
    oms: RawServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with (
        raw_server(documented) as oms,
        running_proxy(proxy_config(oms.url), tmp_path_factory.mktemp("proxy"), BASIC) as proxy,
    ):
        yield Running(proxy, oms)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_nothing_is_smuggled(running: Running, case: Case) -> None:
    """Each request is answered once, in turn, and what can't be framed ends its connection."""
    for bytewise in (False, True):
        before = len(running.oms.received)
        received = await _send(running.proxy.port, case.data + LAST, bytewise=bytewise)
        answers = _answers(received)
        assert answers in _allowed(case), f"{bytewise=}"
        asked = running.oms.received[before:]
        assert [_meaning(request) for request in asked] == [read for read in answers if isinstance(read, str)]
        # Connections to the OMS are shared by all clients: the next client's answer is its own.
        other = await running.proxy.get("/api/v1/business-units/BU-1/customer-orders/CO-other")
        assert other.json["customerOrder"]["customerOrderId"] == "CO-other"
        assert len(running.oms.received) == before + len(asked) + 1


async def _send(port: int, data: bytes, *, bytewise: bool) -> bytes:
    """Send bytes, at once or one by one, and return all that comes until the proxy closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()

    async def receive() -> None:
        with contextlib.suppress(ConnectionResetError):  # behind a refusal, bytes of ours may still arrive
            while chunk := await reader.read(65536):
                received.extend(chunk)

    try:
        async with asyncio.timeout(PATIENCE):
            receiving = asyncio.create_task(receive())
            for piece in [data[at : at + 1] for at in range(len(data))] if bytewise else [data]:
                if receiving.done() or writer.is_closing():
                    break
                writer.write(piece)
                await asyncio.sleep(0)
            await receiving
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return bytes(received)


def _allowed(case: Case) -> list[list[str | int]]:
    """Return which answers may come: all that are to be, or those up to where the connection may be closed."""
    allowed: list[list[str | int]] = [[]]
    for answer in case.outcome:
        if isinstance(answer, EllipsisType):
            allowed.append(list(allowed[-1]))
        else:
            allowed[-1].append(answer)
    return allowed


def _answers(received: bytes) -> list[str | int]:
    """Return what each answer was: whole, one of ours, and only the last one says that it is the last."""
    found: list[str | int] = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        status_line = _STATUS_LINE.fullmatch(first)
        assert end, first
        assert status_line, first
        status = int(status_line[1])
        if status == 100:
            assert not lines
            found.append(status)
            continue
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        assert len(headers) == len(lines)
        size = int(headers[b"content-length"])
        body, received = json.loads(received[:size]), received[size:]
        assert (headers.get(b"connection") == b"close") == (not received)
        if status == 200:
            found.append(body["customerOrder"]["customerOrderId"] if "customerOrder" in body else SEARCH)
        else:
            assert body["status"] == status
            assert body["code"]
            found.append(status)
    return found


def _meaning(request: Received) -> str:
    """Return what the OMS was asked for; every byte of it must be ours."""
    assert set(request.headers) <= OUR_HEADERS
    assert request.headers["authorization"] == "Basic dXNlcjpyaWdodA=="
    assert request.headers["tenant-id"] == "T-acme"
    assert re.fullmatch(r"[0-9a-f-]{36}", request.headers["correlation-id"])
    path, _, last = request.target.rpartition("/")
    if request.method == "POST":
        assert (path, last) == ("/business-units/BU-1", "customer-orders:search")
        assert isinstance(json.loads(request.body), dict)
        return SEARCH
    assert (request.method, path, request.body) == ("GET", "/business-units/BU-1/customer-orders", b"")
    return last
