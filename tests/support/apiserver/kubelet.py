"""A node without containers: its pods' ports and logs are those of processes of this machine."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from aiohttp import WSMsgType, web

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.certificates import Authority
from tenantproxy_operator.fleet.cluster import POD
from tenantproxy_operator.kube.kinds import Key

_NODES: Final = "/api/v1/nodes"
_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA, _ERROR = b"\x00", b"\x01"
_CHUNK: Final = 65_536
SINCE: Final = "2026-01-01T00:00:00Z"
"""When all containers were started."""


class _Program(NamedTuple):
    port: int
    log: Callable[[], str]


class Kubelet:
    """What the API server asks for what goes on in a node's pods."""

    def __init__(self, api: ApiClient, node: str) -> None:
        self._api = api
        self._node = node
        self._programs: dict[Key, _Program] = {}
        self.forwarded = 0
        """How often somebody has connected to a port."""

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, api: ApiClient, directory: Path, node: str) -> AsyncIterator[Self]:
        """Be a node of the cluster until the end."""
        kubelet = cls(api, node)
        pair = Authority("node").issue("127.0.0.1")
        (directory / f"{node}.pem").write_text(pair.certificate + pair.key)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(directory / f"{node}.pem")
        app = web.Application()
        app.router.add_get("/portForward/{namespace}/{pod}", kubelet._forward)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", kubelet._logs)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        await kubelet._join(runner.addresses[0][1])
        try:
            yield kubelet
        finally:
            await api.request("DELETE", f"{_NODES}/{node}")
            assert runner.server is not None
            for connection in runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()  # TLS would end in good order after the test's end
            await runner.cleanup()

    async def run(
        self,
        key: Key,
        port: int,
        *,
        labels: dict[str, str],
        container: str,
        ready: bool = True,
        log: Callable[[], str] = str,
    ) -> None:
        """Have a pod whose every port is this one of this machine; its namespace has a service account."""
        spec = {"containers": [{"name": container, "image": "x"}], "nodeName": self._node}
        pod = {"metadata": {"name": key.name, "labels": labels}, "spec": spec}
        pod["spec"] |= {"automountServiceAccountToken": False}  # type: ignore[operator]
        await self._call("POST", POD.path(key.namespace), pod)
        state = {"running": {"startedAt": SINCE}}
        own = {"name": container, "image": "x", "imageID": "x", "restartCount": 0, "ready": ready, "state": state}
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": SINCE}
        status = {"phase": "Running", "conditions": [condition], "containerStatuses": [own]}
        await self._call("PATCH", f"{POD.path(*key)}/status", {"status": status})
        self._programs[key] = _Program(port, log)

    async def remove(self, key: Key) -> None:
        """Let a pod be gone, as a kubelet does when its containers have ended."""
        self._programs.pop(key, None)
        await self._call("DELETE", POD.path(*key), {"gracePeriodSeconds": 0})

    async def _join(self, port: int) -> None:
        await self._call("POST", _NODES, {"metadata": {"name": self._node}})
        address = [{"type": "InternalIP", "address": "127.0.0.1"}]
        status = {"addresses": address, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
        await self._call("PATCH", f"{_NODES}/{self._node}/status", {"status": status})

    async def _call(self, method: str, path: str, body: Any) -> None:
        more = {"content_type": MERGE_PATCH} if method == "PATCH" else {}
        status, answer = await self._api.request(method, path, body, **more)
        assert status < 300, answer

    def _program(self, request: web.Request) -> _Program:
        found = self._programs.get(Key(request.match_info["namespace"], request.match_info["pod"]))
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _logs(self, request: web.Request) -> web.Response:
        lines = self._program(request).log().splitlines(keepends=True)
        return web.Response(text="".join(lines[-int(request.query.get("tailLines", "500")) :]))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        """Connect to the port, as a kubelet does it over a WebSocket."""
        program = self._program(request)
        self.forwarded += 1
        socket = web.WebSocketResponse(protocols=(_PROTOCOL,))
        await socket.prepare(request)
        for channel in (_DATA, _ERROR):
            await socket.send_bytes(channel + struct.pack("<H", int(request.query["port"])))
        await self._carry(program.port, socket)
        return socket

    async def _carry(self, port: int, socket: web.WebSocketResponse) -> None:
        """Carry bytes between a port and a WebSocket, until whoever is at its other end goes."""
        writer: asyncio.StreamWriter | None = None
        sending: asyncio.Task[None] | None = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            sending = asyncio.create_task(_send(reader, socket))
        except OSError as error:
            await socket.send_bytes(_ERROR + str(error).encode())
        async for message in socket:
            if writer is not None and message.type is WSMsgType.BINARY and message.data[:1] == _DATA:
                writer.write(message.data[1:])
        if sending is not None and writer is not None:
            sending.cancel()
            writer.close()


async def _send(reader: asyncio.StreamReader, socket: web.WebSocketResponse) -> None:
    with contextlib.suppress(OSError):  # the client has gone
        while chunk := await reader.read(_CHUNK):
            await socket.send_bytes(_DATA + chunk)
