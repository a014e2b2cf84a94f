"""Answers that come through a port-forward."""

import struct
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import StatusError, UnreachableError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.fleet.port_forward import Answer, ask, parse
from tenantproxy_operator.kube.kinds import Key

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nok", Answer(200, b"ok")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Answer(200, b"ok")),
        (HEAD + b"\r\nto the end", Answer(200, b"to the end")),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", Answer(503, b"")),
    ],
)
def test_answers(received: bytes, answer: Answer) -> None:
    """However long they say that they are."""
    assert parse(received) == answer


@pytest.mark.parametrize("received", [b"", b"SSH-2.0\r\n", HEAD + b"Content-Length: 5\r\n\r\nok"])
def test_what_is_no_answer(received: bytes) -> None:
    """Nothing, another protocol, one that is cut off."""
    with pytest.raises(UnreachableError):
        parse(received)


POD = Key("tenants", "acme-proxy-1")
PORT = struct.pack("<H", 9090)
DATA, ERROR = b"\x00", b"\x01"


@pytest.fixture
async def kubelet() -> AsyncIterator[tuple[KubeClient, list[bytes], Callable[..., None]]]:
    """Give a client of a server that plays a kubelet, what that has received, and how to say what it sends.

    A real kubelet is in tests/e2e/cluster/test_doctor.py.
    """
    received: list[bytes] = []
    messages: list[bytes] = []

    async def forward(request: web.Request) -> web.StreamResponse:
        if not messages:
            raise web.HTTPForbidden
        assert request.path == "/api/v1/namespaces/tenants/pods/acme-proxy-1/portforward"
        assert request.query["ports"] == "9090"
        assert request.headers["Authorization"] == "Bearer engineer"
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for message in (DATA + PORT, ERROR + PORT):
            await socket.send_bytes(message)
        received.append((await socket.receive()).data)
        for message in messages:
            await socket.send_bytes(message)
        if messages[-1] != DATA:
            await socket.receive()  # the client goes when it has all, or gives up
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (host, port) = runner.addresses[0][:2]
    client = KubeClient(KubeAccess(url=f"http://{host}:{port}", authorization=lambda: "Bearer engineer"))
    yield client, received, lambda *wanted: messages.extend(wanted)
    await client.close()
    await runner.cleanup()


Kubelet = tuple[KubeClient, list[bytes], Callable[..., None]]


async def test_an_answer_in_pieces(kubelet: Kubelet) -> None:
    """The request goes as it is, also its Authorization; the answer may come in any pieces."""
    client, received, play = kubelet
    play(DATA + HEAD + b"Content-Len", DATA + b"gth: 2\r\n\r\no", DATA + b"k")
    answer = await ask(client, POD, 9090, "/metrics", headers={"Authorization": "Bearer admin"})
    assert answer == Answer(200, b"ok")
    assert received[0].startswith(DATA + b"GET /metrics HTTP/1.1\r\n")
    assert b"Authorization: Bearer admin\r\n" in received[0]


async def test_an_answer_to_the_end(kubelet: Kubelet) -> None:
    """Where it does not say how long it is, the connection's end is its end."""
    client, _, play = kubelet
    play(DATA + HEAD + b"\r\nto the end", DATA)
    assert await ask(client, POD, 9090, "/metrics") == Answer(200, b"to the end")


async def test_nothing_listens(kubelet: Kubelet) -> None:
    """What the kubelet says is not shown: it has addresses of nodes."""
    client, _, play = kubelet
    play(ERROR + b"connection refused to 10.1.2.3")
    with pytest.raises(UnreachableError, match="nothing listens on port 9090"):
        await ask(client, POD, 9090, "/metrics")


async def test_silence(kubelet: Kubelet) -> None:
    """It has an end."""
    client, _, play = kubelet
    play(DATA + b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(UnreachableError, match=r"no answer within 0\.2 s"):
        await ask(client, POD, 9090, "/metrics", within=0.2)


async def test_forbidden(kubelet: Kubelet) -> None:
    """Who may not is told by the status."""
    client, _, _ = kubelet
    with pytest.raises(StatusError) as caught:
        await ask(client, POD, 9090, "/metrics")
    assert caught.value.status == 403


async def test_too_much(kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers can't fill the memory."""
    monkeypatch.setattr("tenantproxy_operator.fleet.port_forward.LONGEST_ANSWER", 100)
    client, _, play = kubelet
    play(DATA + HEAD + b"\r\n" + b"x" * 200)
    with pytest.raises(UnreachableError, match="the answer has over"):
        await ask(client, POD, 9090, "/metrics")
