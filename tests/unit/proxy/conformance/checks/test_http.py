"""What the kit says of a connection, and of HEAD, to servers that send what no framework does."""

import asyncio
import json
from pathlib import Path
from typing import Final

import pytest

from support.certificates import HERE, Authority
from support.conformance.runs import SAMPLES, basic, kit_for, run_all, with_status
from support.proxy.oms import Received, http, raw_server
from support.proxy.tls_server import TlsServer

ORDER: Final = http(
    200,
    json.dumps(
        {"customerOrder": {"customerOrderId": SAMPLES.order, "customerId": "C", "status": "OPEN", "items": []}}
    ).encode(),
)
HEAD: Final = ORDER.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


class Server:
    """Answers the order, with something behind it, and HEAD as it is told."""

    def __init__(self, *, get: bytes = ORDER, head: bytes = HEAD, hangs_up: bool = False) -> None:
        self._get = get
        self._head = head
        self._hangs_up = hangs_up

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("authorization") is None:
            writer.write(http(401))
            return
        writer.write(self._head if request.method == "HEAD" else self._get)
        if self._hangs_up:
            writer.close()


async def found(server: Server, check: str) -> str:
    """Return what a check says of a server; empty: nothing is wrong."""
    async with raw_server(server) as oms:
        report = await run_all(kit_for(oms.url, basic()), only=[check])
    (result,) = report.results
    assert (result.status == "passed") is (not result.exchanges)
    return "" if result.status == "passed" else result.detail


CLOSING: Final = ORDER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
BEHIND: Final = "Something came behind the answer that belongs to no request"
KEPT: Final = {
    "kept": (Server(), ""),
    "says it closes": (Server(get=CLOSING, hangs_up=True), "said that it would close the connection"),
    "closes": (Server(hangs_up=True), "The OMS closed the connection after the answer."),
    "a text behind it": (Server(get=ORDER + b"<br>Warning"), BEHIND),
    "an answer behind it": (Server(get=ORDER + http(404)), BEHIND),
}


@pytest.mark.parametrize(("server", "said"), KEPT.values(), ids=KEPT)
async def test_the_next_request_on_a_connection(server: Server, said: str) -> None:
    """What is behind an answer is told apart from a connection that ends."""
    detail = await found(server, "http.keep-alive")
    assert said in detail if said else detail == ""


HEADS: Final = {
    "like GET": (HEAD, ""),
    "refused": (http(405), ""),
    "with the body": (ORDER, "Something came behind the answer to HEAD: it would be taken for the next answer."),
    "of another length": (http(200), "Content-Length is 0 for HEAD, and "),
    "without a length": (b"HTTP/1.1 200 OK\r\n\r\n", ""),
    "broken": (http(500), "HEAD is answered 500, GET 200."),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "HEAD had no answer (http)."),
}


@pytest.mark.parametrize(("head", "said"), HEADS.values(), ids=HEADS)
async def test_head(head: bytes, said: str) -> None:
    """Like GET without its body, or refused."""
    detail = await found(Server(head=head), "http.head")
    assert detail.startswith(said) if said else detail == ""


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (502, "The OMS answered 502, as a gateway does that gets no valid answer from what is behind it: a till"),
        (504, "The OMS answered 504, as a gateway does that has waited too long for what is behind it: a till"),
        (500, "The OMS answered 500: a till"),
    ],
)
async def test_a_slow_oms_behind_a_gateway(status: int, said: str) -> None:
    """It is the gateway that answers."""
    assert (await found(Server(get=http(status)), "order.read")).startswith(said)


async def test_a_slow_oms() -> None:
    """How long it was waited for is said."""

    async def mute(_request: Received, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with raw_server(mute) as oms:
        kit = kit_for(oms.url, basic(), upstream={"timeout_seconds": 0.2})
        (result,) = (await run_all(kit, only=["order.read"])).results
    assert result.detail == "There was no answer (timeout: 0.2 s): a till gets upstream-timeout."


async def test_head_over_tls(tmp_path: Path) -> None:
    """It goes the same way as a read, by the same trust."""
    authority = Authority()
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "ca.crt").write_text(authority.pem)
    async with TlsServer(Server(head=ORDER), authority.issue(*HERE)) as oms:
        report = await run_all(kit_for(oms.url, basic(), tls=tmp_path), only=["http.head", "http.keep-alive"])
    assert with_status(report, "passed") == {"http.keep-alive"}
    assert with_status(report, "warning") == {"http.head"}
