"""A proxy between the operator and the API server: it delays, refuses, swallows, and counts."""

import asyncio
import contextlib
import json
import re
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from aiohttp import web

from support.apiserver.server import ApiServer
from support.certificates import Authority
from support.proxy.connector import Connector

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORWARDED: Final = frozenset({"Accept", "Authorization", "Content-Type", "User-Agent"})


@dataclass(frozen=True)
class Call:
    """A request of the operator's."""

    method: str
    path: str
    query: str
    name: str
    """The object's name; empty for collections."""
    at: float = field(default_factory=time.monotonic, compare=False)
    """When it came, by `time.monotonic`."""

    @property
    def is_write(self) -> bool:
        return self.method in _WRITES

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.query

    @property
    def tenant(self) -> str:
        """The TenantProxy that it is about, by the names that children have."""
        return re.sub("-proxy(-[0-9a-f]{20})?$|-credentials$", "", self.name)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Script = Callable[[Call], Awaitable[web.Response | None]]
"""Is called before a request is forwarded; what it returns is the answer instead."""

Answered = Callable[[Call], Awaitable[None]]
"""Is called when the API server has answered, before that answer goes on to the operator."""


async def plain(call: Call) -> web.Response | None:
    """Let everything pass."""
    del call
    return None


async def at_once(call: Call) -> None:
    """Let every answer pass."""
    del call


def refusal(status: int, reason: str, message: str) -> web.Response:
    """Return an answer as the API server gives it."""
    body = {"kind": "Status", "apiVersion": "v1", "code": status, "reason": reason, "message": message}
    return web.json_response(body, status=status)


class Between:
    """An HTTPS server that forwards to the API server."""

    def __init__(self, session: aiohttp.ClientSession, target: ApiServer, directory: Path) -> None:
        self._session = session
        self._target = target
        authority = Authority("between")
        self.ca = directory / "between-ca.crt"
        self.ca.write_text(authority.pem)
        pair = authority.issue("127.0.0.1")
        (directory / "between.pem").write_text(pair.certificate + pair.key)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(directory / "between.pem")
        self.url = ""
        self.play: Script = plain
        self.answered: Answered = at_once
        self.swallowed: str | None = None
        """The plural of whose watches nothing comes through."""
        self.dropped = 0
        """How many pieces of theirs did not."""
        self.calls: list[Call] = []
        """All requests, as they came."""
        self.most_at_once: Counter[str] = Counter()
        """The most writes that were under way at once, by tenant; under "" of all together."""
        self._under_way: Counter[str] = Counter()
        self._streams: list[tuple[web.Request, Call]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, target: ApiServer, directory: Path) -> AsyncIterator[Self]:
        """Listen until the end."""
        async with aiohttp.ClientSession(
            connector=Connector(ssl=target.tls, limit=0),
            # The pieces of an answer go on as they come.
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            between = cls(session, target, directory)
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", between._handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=between.tls).start()
            between.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield between
            finally:
                await runner.cleanup()

    def writes(self, tenant: str) -> list[str]:
        """Return the writes about a tenant, as they came."""
        return [str(call) for call in self.calls if call.is_write and call.tenant == tenant]

    @property
    def watches(self) -> int:
        """How many there are now."""
        return len(self._streams)

    def cut(self, plural: str = "") -> int:
        """Break off the watches of a kind, or all; return how many there were."""
        found = [request for request, call in self._streams if call.path.endswith(f"/{plural}" * bool(plural))]
        for request in found:
            assert request.transport is not None
            request.transport.abort()
        return len(found)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call(request.method, request.path, request.query_string, _name(request, body))
        self.calls.append(call)
        with self._counted(call):
            if answer := await self.play(call):
                return answer
            return await self._forward(request, call, body)

    @contextlib.contextmanager
    def _counted(self, call: Call) -> Any:
        if not call.is_write:
            yield
            return
        for key in (call.tenant, ""):
            self._under_way[key] += 1
            self.most_at_once[key] = max(self.most_at_once[key], self._under_way[key])
        try:
            yield
        finally:
            for key in (call.tenant, ""):
                self._under_way[key] -= 1

    async def _forward(self, request: web.Request, call: Call, body: bytes) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        url = f"{self._target.url}{request.raw_path}"
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            await self.answered(call)
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            with self._followed(request, call):
                async for chunk in answer.content.iter_any():
                    if call.is_watch and self.swallowed and call.path.endswith(f"/{self.swallowed}"):
                        self.dropped += 1
                    else:
                        await response.write(chunk)
            await response.write_eof()
            return response

    @contextlib.contextmanager
    def _followed(self, request: web.Request, call: Call) -> Any:
        if not call.is_watch:
            yield
            return
        self._streams.append((request, call))
        try:
            yield
        finally:
            self._streams.remove((request, call))


def _name(request: web.Request, body: bytes) -> str:
    if request.method == "POST":
        return str(json.loads(body)["metadata"]["name"])
    parts = request.path.split("/")
    below = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else []
    return below[1] if len(below) > 1 else ""


async def hold(gate: asyncio.Event) -> None:
    """Wait for a gate, not for ever."""
    async with asyncio.timeout(30):
        await gate.wait()
