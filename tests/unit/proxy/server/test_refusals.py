"""A refusal reaches a client that is still sending, and sends all that it has before it reads."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.blocking import send_then_read
from support.proxy import tokens
from support.proxy.oms import RawServer
from support.proxy.running import GET_PATH, PUT_PATH, SEARCH_PATH, RunningProxy, proxy_config, running_proxy
from tenantproxy.server import request

MIB = 1024 * 1024
OWN = f"Authorization: Bearer {tokens.machine_token()}\r\n"
FOREIGN = f"Authorization: Bearer {tokens.machine_token('T-other')}\r\n"
JSON = "Content-Type: application/json\r\n"


def head(method: str, path: str, *headers: str) -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{''.join(headers)}"


REFUSED = {
    "401": head("POST", SEARCH_PATH, JSON),
    "401 of a PUT": head("PUT", PUT_PATH, JSON),
    "403": head("POST", SEARCH_PATH, JSON, FOREIGN),
    "403 of a PUT": head("PUT", PUT_PATH, JSON, OWN),
    "405": head("DELETE", GET_PATH, OWN),
    "405 of no method": head("MAKE", GET_PATH, OWN),
    "405 elsewhere": head("POST", "/elsewhere", JSON, OWN),
    "413": head("POST", SEARCH_PATH, JSON, OWN),
    "400": head("POST", SEARCH_PATH, JSON, OWN, "Host: y\r\n"),
    "400 of an id": head("POST", SEARCH_PATH.replace("BU-1", "%00"), JSON, OWN),
    "414": head("POST", SEARCH_PATH + "?" + "x" * 9000, JSON, OWN),
    "431": head("POST", SEARCH_PATH, JSON, OWN, f"X: {'y' * 9000}\r\n"),
    "431 of many": head("POST", SEARCH_PATH, JSON, OWN, *(f"X-{number}: y\r\n" for number in range(99))),
}
FRAMINGS = {
    "length": ("Content-Length: 4194304\r\n\r\n", b""),
    "chunked": ("Transfer-Encoding: chunked\r\n\r\n", b"400000\r\n"),
    "expect": ("Expect: 100-continue\r\nContent-Length: 4194304\r\n\r\n", b""),
}


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    async with running_proxy(proxy_config(oms.url, access=tokens.access(tmp_path)), tmp_path, {}) as running:
        yield running


async def refused(proxy: RunningProxy, *pieces: bytes, pause: float = 0.0) -> tuple[int, str]:
    """Return status and code of the one answer; it must be whole, and say that the connection ends."""
    answer = await asyncio.to_thread(send_then_read, proxy.port, pieces, pause=pause)
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    top, _, body = answer.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1.1 (\d+)", top)
    assert found is not None, answer[:200]
    assert b"Connection: close" in top
    return int(found[1]), json.loads(body)["code"]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_reaches_who_sends_mebibytes_in_one_go(
    proxy: RunningProxy, name: str, framing: str
) -> None:
    """Four MiB are on their way when the answer is written."""
    end, before = FRAMINGS[framing]
    status, _ = await refused(proxy, (REFUSED[name] + end).encode() + before + b" " * 4 * MIB)
    assert status == int(name[:3])


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", ["401", "413", "431"])
async def test_a_refusal_reaches_who_sends_slowly(proxy: RunningProxy, name: str, framing: str) -> None:
    """The answer was written long before the last bytes come."""
    end, before = FRAMINGS[framing]
    pieces = [(REFUSED[name] + end).encode(), before, *[b" " * 65536] * 16]
    status, _ = await refused(proxy, *pieces, pause=0.02)
    assert status == int(name[:3])


async def test_a_wrong_type_is_refused_while_the_body_comes(proxy: RunningProxy) -> None:
    """A 415 needs a body that may be so long, or is chunked."""
    start = head("POST", SEARCH_PATH, OWN, "Content-Type: text/plain\r\n", "Transfer-Encoding: chunked\r\n\r\n")
    assert await refused(proxy, start.encode() + b"400000\r\n" + b" " * 4 * MIB) == (415, "unsupported-media-type")


async def test_a_late_body_is_refused_while_it_comes(proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 408 is not lost by what comes after it."""
    monkeypatch.setattr(request, "BODY_TIMEOUT", 0.1)
    start = head("POST", SEARCH_PATH, OWN, JSON, "Content-Length: 60000\r\n\r\n").encode()
    assert await refused(proxy, start, *[b" " * 1000] * 60, pause=0.01) == (408, "request-timeout")


@pytest.mark.parametrize(
    "start",
    [
        b"\x00\x01 not HTTP " * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 4000) for number in range(40)),
        head("POST", SEARCH_PATH, OWN, JSON, "Transfer-Encoding: chunked\r\n\r\n").encode() + b"-1\r\n",
    ],
    ids=["garbage", "a long head", "a malformed chunk"],
)
async def test_what_can_not_be_parsed_is_answered(proxy: RunningProxy, start: bytes) -> None:
    """The refusal of what is no request arrives, too, whether the rest comes at once or later."""
    code = "headers-too-large" if start.startswith(b"GET") else "m"
    for pieces in ([start + b" " * 4 * MIB], [start[:-10], start[-10:], *[b" " * 65536] * 16]):
        status, found = await refused(proxy, *pieces, pause=0.02)
        assert status in (400, 405, 431)
        assert found.startswith(code)


async def test_a_malformed_chunk_is_answered_at_once(proxy: RunningProxy) -> None:
    """Whoever waits for the body learns that it can't be parsed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(head("POST", SEARCH_PATH, OWN, JSON, "Transfer-Encoding: chunked\r\n\r\n").encode() + b"2\r\n{}")
    await asyncio.sleep(0.05)  # so that the pieces arrive apart
    writer.write(b"\r\n-1\r\n")
    async with asyncio.timeout(request.BODY_TIMEOUT / 2):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    writer.close()


async def test_a_connection_goes_on_behind_a_small_refused_body(proxy: RunningProxy) -> None:
    """The rest of a short body is read and ignored; the next request is answered on the same connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    for _ in range(2):
        writer.write(head("POST", SEARCH_PATH, JSON, "Content-Length: 30000\r\n\r\n").encode())
        top = await reader.readuntil(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" not in top
        await reader.readexactly(int(top.partition(b"Content-Length: ")[2].split()[0]))
        for _ in range(30):
            writer.write(b" " * 1000)
            await asyncio.sleep(0.001)
    writer.close()


async def test_mebibytes_without_end_are_cut_off(proxy: RunningProxy) -> None:
    """What is discarded is bounded."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:

        def send() -> None:
            client.sendall((REFUSED["401"] + FRAMINGS["chunked"][0]).encode())
            while True:
                client.sendall(b" " * MIB)

        with pytest.raises(ConnectionError):
            await asyncio.to_thread(send)
