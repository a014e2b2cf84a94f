"""The Kubernetes API by plain HTTP: whatever the server answers is an answer or an error that says what to do."""

import asyncio
import json
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from support.apiserver.scripts import PATH, chunk, cut, kube_client, silent, status, stream
from support.certificates import HERE, Authority
from support.proxy.oms import Received, answering, breaking, held_until, http, raw_server
from support.proxy.tls_server import TlsServer, mute_server
from support.waiting import PATIENCE
from tenantproxy.kube.access import KubeAccess, TokenFile
from tenantproxy.kube.api import KubeApi, KubeError, StatusError, UnreachableError
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.pod_client import PodClient

Kind = type[KubeClient] | type[PodClient]


@pytest.fixture(params=[KubeClient, PodClient])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Whose client a test is of: the operator's, and a proxy's."""
    chosen: Kind = request.param
    return chosen


async def follow(client: KubeApi, lines: list[bytes], silence: float = 5) -> None:
    """Put the lines of a stream into a list, until it ends."""
    async with asyncio.timeout(PATIENCE), client.stream(PATH, query={}, accept="x", silence=silence) as stream_:
        async for line in stream_:
            lines.append(line)  # noqa: PERF401 - an error may come in between


async def refusal(kind: Kind, answer: bytes) -> StatusError:
    """Return the error that an answer becomes."""
    async with raw_server(answering(answer)) as server, kube_client(server, kind) as client:
        with pytest.raises(StatusError) as caught:
            await client.request("GET", PATH)
        return caught.value


async def test_a_request_is_sent_as_given(kind: Kind) -> None:
    """Method, path, quoted query, body, types and token; no cookies, no compression."""
    async with raw_server(answering(http(200, b"{}"))) as server:
        client = kind(KubeAccess(url=server.url, authorization=lambda: "Bearer t"), program="test")
        answer = await client.request(
            "PATCH",
            f"{PATH}/x",
            query={"fieldSelector": "metadata.name=x", "a b": "1&2/+é"},
            body=b"{}",
            content_type="application/apply-patch+yaml",
            accept="application/json;as=Table",
        )
        await client.close()
        (request,) = server.received
    assert answer == b"{}"
    assert request.method == "PATCH"
    assert request.target == f"{PATH}/x?fieldSelector=metadata.name%3Dx&a%20b=1%262%2F%2B%C3%A9"
    assert request.body == b"{}"
    headers = request.headers
    assert headers["authorization"] == "Bearer t"
    assert headers["content-type"] == "application/apply-patch+yaml"
    assert headers["accept"] == "application/json;as=Table"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("test/")
    assert "cookie" not in headers


async def test_a_document_is_read_if_it_changed() -> None:
    """It comes with its ETag, by which the server says that it is the same as before."""
    first, same, changed = http(200, b"1", ETag='"a"'), http(304, ETag='"a"'), http(200, b"2", ETag='"b"')
    async with raw_server(answering(first, same, changed, status(403, "Forbidden"))) as server:
        async with kube_client(server, KubeClient) as client:
            assert await client.read_if_changed("/openapi", "") == ('"a"', b"1")
            assert await client.read_if_changed("/openapi", '"a"') is None
            assert await client.read_if_changed("/openapi", '"a"') == ('"b"', b"2")
            with pytest.raises(StatusError, match="403"):
                await client.read_if_changed("/openapi", '"b"')
        tags = [request.headers.get("if-none-match") for request in server.received]
    assert tags == [None, '"a"', '"a"', '"b"']


async def test_a_status_object_says_what_was_wrong(kind: Kind) -> None:
    """Code, reason and message are the server's; seconds to wait where it names them."""
    error = await refusal(kind, status(409, "AlreadyExists", "it exists", details={"retryAfterSeconds": 3}))
    assert (error.status, error.reason, error.message, error.retry_after) == (409, "AlreadyExists", "it exists", 3)


@pytest.mark.parametrize("header", ["7", "soon", "-1", "nan", "\u0661"])
async def test_retry_after_of_a_bare_answer(kind: Kind, header: str) -> None:
    """A 429 of the server's overload protection is no Status object; what is no number of seconds is left out."""
    answer = http(429, b"Too many requests, please try again later.\n").replace(
        b"content-type", b"Retry-After: " + header.encode() + b"\r\ncontent-type"
    )
    error = await refusal(kind, answer)
    assert (error.status, error.retry_after) == (429, 7 if header == "7" else None)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[]", b'{"code": "x"}', b"", b"\xff"])
async def test_an_answer_that_is_no_status_object(kind: Kind, body: bytes) -> None:
    """A load balancer's page is an error of its HTTP status, whatever it says."""
    error = await refusal(kind, http(502, body))
    assert error.status == 502
    assert "html" not in str(error)


async def test_a_redirect_is_an_error(kind: Kind) -> None:
    """The token is never taken elsewhere."""
    async with raw_server(answering(http(200, b"{}"))) as elsewhere:
        error = await refusal(kind, http(307, location=f"{elsewhere.url}/"))
        assert error.status == 307
        assert elsewhere.received == []


async def test_a_long_message_is_cut(kind: Kind) -> None:
    """What a server says does not fill the log."""
    assert len(str(await refusal(kind, status(500, "InternalError", "x" * 100_000)))) < 1100


async def test_nobody_there(kind: Kind) -> None:
    """A refused connection is reported with the address."""
    async with raw_server(answering(b"")) as server:
        url = server.url
    client = kind(KubeAccess(url=url))
    with pytest.raises(UnreachableError, match=url.removeprefix("http://")):
        await client.request("GET", PATH)
    await client.close()


async def test_a_server_that_hangs_is_given_up(kind: Kind) -> None:
    """A call ends after its timeout."""
    async with raw_server(held_until(asyncio.Event())) as server, kube_client(server, kind) as client:
        with pytest.raises(UnreachableError, match="in time"):
            await client.request("GET", PATH, timeout=0.1)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nMARK", b"MARK MARK\r\n\r\n", b"HTTP/1.1 MARK\r\n\r\n"],
)
async def test_broken_answers_are_not_quoted(kind: Kind, answer: bytes) -> None:
    """What breaks off or is no HTTP is an error of ours; it may hold a secret."""
    async with raw_server(breaking(answer)) as server, kube_client(server, kind) as client:
        with pytest.raises(UnreachableError) as caught:
            await client.request("POST", PATH)
    assert "MARK" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_lines_of_any_length_in_any_pieces(kind: Kind) -> None:
    """A stream is told line by line, whatever pieces it comes in; what its end cuts is left out."""
    long = b"x" * 300_000

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b"on", b"e\ntwo\n\nthr", b"ee\n", long[:1000], long[1000:] + b"\n", b"cut of"):
            writer.write(chunk(part))
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")

    async with raw_server(play) as server, kube_client(server, kind) as client:
        lines: list[bytes] = []
        await follow(client, lines)
        assert lines == [b"one", b"two", b"three", long]


async def test_a_stream_cut_in_the_middle_of_a_line(kind: Kind) -> None:
    """Whole lines are told before the error."""
    lines: list[bytes] = []
    async with raw_server(stream(b"one\ntw", then=cut)) as server, kube_client(server, kind) as client:
        with pytest.raises(UnreachableError):
            await follow(client, lines)
    assert lines == [b"one"]


async def test_a_silent_stream_is_given_up(kind: Kind) -> None:
    """After the time without a byte."""
    async with raw_server(stream(b"one\n", then=silent)) as server, kube_client(server, kind) as client:
        with pytest.raises(UnreachableError, match="in time"):
            await follow(client, [], silence=0.2)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_stream_that_is_given_up_is_gone(kind: Kind, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Its connection is closed at once, though the server neither sends nor reads any more."""
    authority = Authority()

    async def scenario() -> None:
        async with mute_server(authority.issue(*HERE)) as url:
            client = kind(KubeAccess(url=url, tls=ssl.create_default_context(cadata=authority.pem)))
            async with client.stream(PATH, query={}, accept="x", silence=5) as lines:
                assert await anext(lines) == b"x"
        await client.close()

    run(scenario())


async def test_a_stream_that_is_refused(kind: Kind) -> None:
    """The answer's error is raised before there is a stream."""
    async with raw_server(answering(status(403, "Forbidden"))) as server, kube_client(server, kind) as client:
        with pytest.raises(StatusError, match="403 Forbidden"):
            await follow(client, [])


async def test_calls_share_the_connections_that_there_are(kind: Kind) -> None:
    """No more are opened than allowed; further calls wait."""
    release = asyncio.Event()
    async with raw_server(held_until(release)) as server:
        client = kind(KubeAccess(url=server.url), connections=2)
        calls = [asyncio.create_task(client.request("GET", PATH)) for _ in range(6)]
        await server.reached(2)
        release.set()
        await asyncio.gather(*calls)
        assert (server.most_concurrent, server.connections) == (2, 2)
        await client.close()


# ---- a pod's access


def service_account(directory: Path) -> Path:
    (directory / "ca.crt").write_text(Authority().pem)
    (directory / "token").write_text("t1")
    return directory


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
def test_a_pod_knows_its_api_server(tmp_path: Path, host: str, url: str) -> None:
    """From its environment, and the files of its service account."""
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}
    access = KubeAccess.in_cluster(service_account(tmp_path), environ)
    assert access.url == url
    assert access.authorization() == "Bearer t1"
    assert access.tls is not None
    assert access.tls.check_hostname
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert not access.tls.verify_flags & ssl.VERIFY_X509_STRICT, "the CAs of some clusters are not that strict"


@pytest.mark.parametrize(
    ("environ", "content", "message"),
    [
        ({}, None, "no KUBERNETES_SERVICE_HOST; is this a pod"),
        ({"KUBERNETES_SERVICE_HOST": "h"}, None, "no KUBERNETES_SERVICE_PORT"),
        (
            {"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"},
            None,
            "ca.crt can't be used .No such file",
        ),
        ({"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"}, "no CA", "ca.crt can't be used"),
    ],
)
def test_no_pod(tmp_path: Path, environ: dict[str, str], content: str | None, message: str) -> None:
    """What is missing is named."""
    if content is not None:
        (tmp_path / "ca.crt").write_text(content)
    with pytest.raises(KubeError, match=message):
        KubeAccess.in_cluster(tmp_path, environ)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_token_is_read_again_as_it_rotates(tmp_path: Path) -> None:
    """Not for every call, but within seconds."""
    file, clock = tmp_path / "token", Clock()
    file.write_text("t1\n")
    token = TokenFile(file, clock)
    assert token() == "Bearer t1"
    file.write_text("t2")
    clock.time = 9.9
    assert token() == "Bearer t1"
    clock.time = 10.0
    assert token() == "Bearer t2"


@pytest.mark.parametrize("content", [None, "", "a\nb", "\xff"])
def test_a_token_that_can_not_be_read(tmp_path: Path, content: str | None) -> None:
    """The last good one is used further; without any, none is sent, and each call looks again."""
    file, clock = tmp_path / "token", Clock()
    token = TokenFile(file, clock)
    assert token() is None
    file.write_text("t1")
    assert token() == "Bearer t1"
    clock.time = 20.0
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert token() == "Bearer t1"


async def test_a_rotated_token_is_sent_on_the_same_connection(kind: Kind, tmp_path: Path) -> None:
    """The connection stays; the header changes."""
    file, clock = tmp_path / "token", Clock()
    file.write_text("t1")
    async with raw_server(answering(http(200, json.dumps({}).encode()))) as server:
        client = kind(KubeAccess(url=server.url, authorization=TokenFile(file, clock)))
        await client.request("GET", PATH)
        file.write_text("t2")
        clock.time = 10.0
        await client.request("GET", PATH)
        await client.close()
        assert [request.headers["authorization"] for request in server.received] == ["Bearer t1", "Bearer t2"]
        assert server.connections == 1


async def test_another_ca_than_the_pods_is_not_trusted(kind: Kind, tmp_path: Path) -> None:
    """A server that can't show a certificate of the mounted CA never gets the token; one that can does."""
    own, other = Authority(), Authority("another CA")
    (service_account(tmp_path) / "ca.crt").write_text(own.pem)
    async with TlsServer(answering(http(200, b"{}")), other.issue(*HERE)) as server:
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
        client = kind(KubeAccess.in_cluster(tmp_path, environ))
        with pytest.raises(UnreachableError, match="certificate"):
            await client.request("GET", PATH)
        assert server.received == []
        server.present(own.issue(*HERE))
        assert await client.request("GET", PATH) == b"{}"
        await client.close()
