"""DNS rebinding, with a real DNS server: a name is public when it is checked, and private when it is called."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import AsyncResolver
from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSServer

from support.proxy.oms import RawServer
from tenantproxy.config import Tls
from tenantproxy.transport import egress
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.tls import TlsFiles

NAME = "oms.rebinding.example"
PUBLIC = "93.184.216.34"


class _Answers(BaseResolver):  # type: ignore[misc] # dnslib is untyped
    """Answers with the addresses that the test wants it to give now, never to be cached."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked = 0

    def resolve(self, request: DNSRecord, _handler: DNSHandler) -> DNSRecord:
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            self.asked += 1
            for address in self.addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply


@contextlib.contextmanager
def dns(answers: _Answers) -> Iterator[int]:
    """Run a DNS server on the loopback; yield its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = DNSServer(answers, address="127.0.0.1", port=port)
    server.start_thread()
    try:
        yield port
    finally:
        server.stop()
        server.server.server_close()


@pytest.mark.parametrize(
    "second",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], [PUBLIC, "127.0.0.1"]],
    ids=", ".join,
)
async def test_a_name_is_judged_at_each_connection(oms: RawServer, second: list[str]) -> None:
    """What the name meant before does not count; one bad address among good ones refuses the name."""
    answers = _Answers([PUBLIC])
    with dns(answers) as port:
        resolver = AsyncResolver(nameservers=["127.0.0.1"], udp_port=port, timeout=2, tries=1)
        guard = egress.GuardedResolver(egress.Policy(), resolver)
        assert [result["host"] for result in await guard.resolve(NAME, 443)] == [PUBLIC]
        answers.addresses = second
        upstream = HttpClient(
            f"http://{NAME}:{oms.port}",
            max_connections=1,
            max_response_bytes=1000,
            policy=egress.Policy(),
            tls=TlsFiles(Tls(), Path("/none")).oms,
            resolver=resolver,
        )
        try:
            with pytest.raises(UpstreamError) as caught:
                await upstream.request("GET", "/", {"Authorization": "Basic x"})
        finally:
            await upstream.close()
        assert caught.value.reason == "egress"
        assert answers.asked >= 2
    assert oms.received == []


async def test_the_way_out_is_the_operators(oms: RawServer) -> None:
    """An allowed network is reached by name, with everything else still refused."""
    with dns(_Answers(["127.0.0.1"])) as port:
        resolver = AsyncResolver(nameservers=["127.0.0.1"], udp_port=port, timeout=2, tries=1)
        upstream = HttpClient(
            f"http://{NAME}:{oms.port}",
            max_connections=1,
            max_response_bytes=1000,
            policy=egress.Policy(allow=["127.0.0.1/32"]),
            tls=TlsFiles(Tls(), Path("/none")).oms,
            resolver=resolver,
        )
        assert (await upstream.request("GET", "/", {})).status == 200
        await upstream.close()
    assert len(oms.received) == 1
