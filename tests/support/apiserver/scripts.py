"""Scripted API server responses, down to the bytes, for what a real one can't be made to do."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from support.proxy.oms import Play, RawServer, Received, http
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.pod_client import PodClient

PATH = "/api/v1/namespaces/acme/secrets"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def status(code: int, reason: str, message: str = "words", **more: Any) -> bytes:
    """Return an answer with a `Status` object."""
    return http(code, json.dumps(status_object(code, reason, message, **more)).encode())


def status_object(code: int, reason: str, message: str = "words", **more: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, **more}


def thing(name: str, version: str | int, **metadata: Any) -> dict[str, Any]:
    """Return an object as a list or an event has it."""
    return {"metadata": {"name": name, "resourceVersion": str(version), **metadata}}


def page(*things: dict[str, Any], version: str | int, token: str = "") -> bytes:
    """Return a page of a list; without things, its items are null, as the API server has it."""
    metadata = {"resourceVersion": str(version), **({"continue": token} if token else {})}
    return http(200, json.dumps({"metadata": metadata, "items": list(things) or None}).encode())


def event(kind: str, subject: dict[str, Any]) -> bytes:
    """Return a line of a watch."""
    return json.dumps({"type": kind, "object": subject}).encode() + b"\n"


def bookmark(version: str | int) -> bytes:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream(*lines: bytes, then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None) -> Play:
    """Return a play that streams lines; it ends the stream well, or as `then` does."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + b"".join(chunk(line) for line in lines))
        await writer.drain()
        if then is None:
            writer.write(b"0\r\n\r\n")
        else:
            await then(writer)

    return play


async def silent(_writer: asyncio.StreamWriter) -> None:
    """Go on without a byte."""
    await asyncio.Event().wait()


async def cut(writer: asyncio.StreamWriter) -> None:
    """Close the connection in the middle."""
    writer.close()


def in_turn(*plays: Play) -> Play:
    """Return a play that answers each request by the next one; the last one stays."""
    left = list(plays)

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return play


def query(request: Received) -> dict[str, str]:
    """Return a request's query, decoded."""
    return {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}


_Client = TypeVar("_Client", bound=KubeClient | PodClient)


@contextlib.asynccontextmanager
async def kube_client(server: RawServer, kind: type[_Client]) -> AsyncIterator[_Client]:
    """Return a client of a server that plays the API server: the operator's, or a proxy's."""
    client = kind(KubeAccess(url=server.url))
    try:
        yield client
    finally:
        await client.close()


class PlayedSecret:
    """One Secret on a server that plays the API server; each next answer to a PUT may be a play of the test's."""

    def __init__(self, data: dict[str, str] | None = None, **more: Any) -> None:
        self.document: dict[str, Any] = {"metadata": {"name": "s", "resourceVersion": "1"}, "data": data, **more}
        self.next_puts: list[Callable[[PlayedSecret, Received, asyncio.StreamWriter], Awaitable[None]]] = []
        self.next_gets: list[Play] = []
        self.puts = 0

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.method == "PUT":
            self.puts += 1
            if self.next_puts:
                await self.next_puts.pop(0)(self, request, writer)
            else:
                self.take(request, writer)
        elif "watch=true" in request.target:
            await stream(event("ADDED", self.document), then=silent)(request, writer)
        elif self.next_gets:
            await self.next_gets.pop(0)(request, writer)
        else:
            writer.write(http(200, json.dumps(self.document).encode()))

    def take(self, request: Received, writer: asyncio.StreamWriter | None) -> None:
        """Store what is put, if it is a change of the present version; answer to `writer`, if any."""
        document = json.loads(request.body)
        answer = status(409, "Conflict")
        if document["metadata"]["resourceVersion"] == self.document["metadata"]["resourceVersion"]:
            self.document = document
            self.touch()
            answer = http(200, json.dumps(self.document).encode())
        if writer is not None:
            writer.write(answer)

    def touch(self, **labels: str) -> None:
        """Make another version."""
        metadata = self.document["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        metadata.setdefault("labels", {}).update(labels)
