"""HTTP to a port of a pod, through the API server and the pod's kubelet, as `kubectl port-forward` does it.

Unlike `pods/proxy` that enters the pod on its own loopback, so that no NetworkPolicy stands in the way, and an
`Authorization` header is the pod's, not the API server's. The WebSocket protocol is the kubelet's
(`v4.channel.k8s.io`): each message begins with the number of a channel, of data or of errors, and the first two
bytes of each channel are the port.
"""

import asyncio
import http.client
import io
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tenantproxy.kube.api import UnreachableError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube.kinds import Key

_SECONDS: Final = 10.0
LONGEST_ANSWER: Final = 4 * 1024 * 1024
"""Bytes: a page of metrics has some ten KiB."""
_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA: Final = 0
_ERROR: Final = 1
_PORT_BYTES: Final = 2


class Answer(NamedTuple):
    """What the pod answered."""

    status: int
    body: bytes


async def ask(
    client: KubeClient,
    pod: Key,
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    within: float = _SECONDS,
) -> Answer:
    """Return a pod's answer to one request.

    Raises:
        StatusError: The API server refuses the way there.
        UnreachableError: Nothing answers there in time, or what answers speaks no HTTP, or says too much.

    """
    given = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    request = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
    try:
        async with asyncio.timeout(within):
            return parse(await _exchange(client, pod, port, request))
    except TimeoutError:
        raise UnreachableError(f"no answer within {within:g} s") from None


async def _exchange(client: KubeClient, pod: Key, port: int, request: bytes) -> bytes:
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/portforward"
    channels = {_DATA: bytearray(), _ERROR: bytearray()}
    data, errors = channels.values()
    async with client.messages(path, query={"ports": str(port)}, protocol=_PROTOCOL) as (send, messages):
        await send(bytes([_DATA]) + request)
        async for message in messages:
            if message[:1] and message[0] in channels:
                channels[message[0]] += message[1:]
            if len(errors) > _PORT_BYTES:
                raise UnreachableError(f"nothing listens on port {port}")
            if len(data) > LONGEST_ANSWER:
                raise UnreachableError(f"the answer has over {LONGEST_ANSWER >> 20} MiB")
            if _is_complete(bytes(data[_PORT_BYTES:])):
                break
    return bytes(data[_PORT_BYTES:])


def _is_complete(received: bytes) -> bool:
    """Tell whether an answer that says how long it is has come; others end with the connection."""
    head, blank, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return bool(blank) and len(body) >= int(value)
    return False


class _Received(io.BytesIO):
    """What `http.client` takes for a socket."""

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:  # noqa: ANN401 - a socket's
        return self


def parse(received: bytes) -> Answer:
    """Return a whole HTTP/1.1 answer.

    Raises:
        UnreachableError: It is none.

    """
    response = http.client.HTTPResponse(_Received(received))  # type: ignore[arg-type]
    try:
        response.begin()
        return Answer(response.status, response.read())
    except (http.client.HTTPException, ValueError, OSError) as error:
        raise UnreachableError(f"no HTTP answer ({type(error).__name__})") from None
