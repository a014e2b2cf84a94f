"""The Kubernetes API for a proxy, which follows one Secret: by the HTTP client that calls the OMS.

aiohttp's, which the operator has, would cost each pod of a fleet 5.5 of 47 MiB, and a seventh of the CPU time
until its first answer.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Final

from tenantproxy import __version__
from tenantproxy.config import Tls
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import CONNECT_TIMEOUT, TIMEOUT, KubeApi, UnreachableError, error_of, lines_of, target
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.stream import HttpStream
from tenantproxy.transport.tls import ContextSource, OneContext

_EVERYWHERE: Final = Policy(allow=("0.0.0.0/0", "::/0"))
"""Where the API server is, the kubelet says."""
_MAX_BYTES: Final = 16 * 1024 * 1024
"""Of an answer; a Secret has 1 MiB at most, but whose annotations and managed fields come on top."""
_SYSTEM_CAS: Final = ContextSource(Tls(), Path(), system_cas=True)
_WORDS: Final = {
    "connect": "it refuses connections, or can't be reached",
    "connect-timeout": "no connection in time",
    "dns": "its name can't be resolved",
    "tls": "its certificate is not trusted, or it speaks no TLS",
}


class PodClient(KubeApi):
    """A proxy's client."""

    def __init__(self, access: KubeAccess, *, connections: int = 8, program: str = "tenantproxy") -> None:
        """Prepare for calls, at most `connections` of them at once, besides streams; further ones wait."""
        self._access = access
        self._headers = {"User-Agent": f"{program}/{__version__}", "Accept-Encoding": "identity"}
        self._client = HttpClient(
            access.url,
            max_connections=connections,
            max_response_bytes=_MAX_BYTES,
            policy=_EVERYWHERE,
            tls=OneContext(access.tls) if access.tls is not None else _SYSTEM_CAS,
            connect_timeout=CONNECT_TIMEOUT,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - see `KubeApi`
    ) -> bytes:
        """Return the body of a successful answer."""
        headers = self._headers | {"Accept": accept} | self._access.headers()
        if body is not None:
            headers["Content-Type"] = content_type
        with self._translated():
            async with asyncio.timeout(timeout):
                answer = await self._client.request(method, target(path, query), headers, body)
        if answer.status >= 300:  # noqa: PLR2004 - a redirect is no success either
            raise error_of(answer.status, answer.headers, answer.body)
        return answer.body

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream of lines."""
        headers = self._headers | {"Accept": accept} | self._access.headers()
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._translated())
            async with asyncio.timeout(TIMEOUT):
                opened = await self._client.open(target(path, query), headers)
            stack.callback(opened.close)
            if opened.answer is not None:
                raise error_of(opened.answer.status, opened.answer.headers, opened.answer.body)
            yield await stack.enter_async_context(contextlib.aclosing(lines_of(_pieces(opened, silence))))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise the transport's errors as the API server's."""
        try:
            yield
        except TimeoutError:
            raise UnreachableError("no answer in time") from None
        except UpstreamError as error:
            server = self._access.url.partition("://")[2]
            raise UnreachableError(f"{server}: {_WORDS.get(error.reason, error.reason)}") from None


async def _pieces(opened: HttpStream, silence: float) -> AsyncGenerator[bytes, None]:
    while piece := await opened.piece(silence):
        yield piece
