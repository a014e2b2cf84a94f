"""A client of the API server that shows its answers as they are."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, Self

import aiohttp

from support.proxy.connector import Connector

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
_NOT_YET: Final = "storage is (re)initializing"
"""The first answer about custom resources after the API server's start; every client comes again."""
_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.05


class ApiClient:
    """Talks to the API server as the admin, or as whose token it is given."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._token = token

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url: str, tls: ssl.SSLContext, token: str) -> AsyncIterator[Self]:
        """Return one whose connections are closed at the end."""
        async with aiohttp.ClientSession(connector=Connector(ssl=tls)) as session:
            yield cls(session, url, token)

    async def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = JSON, token: str | None = None
    ) -> tuple[int, Any]:
        """Return the status and the parsed body of the answer; what is not JSON, as text.

        Raises:
            aiohttp.ClientError: The API server can't be reached.
            TimeoutError: It did not answer within 30 s.

        """
        headers = {"Authorization": f"Bearer {token or self._token}"}
        if body is not None:
            headers["Content-Type"] = content_type
        async with asyncio.timeout(_SECONDS):
            while True:
                async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
                    parsed: Any = await (answer.json() if answer.content_type == JSON else answer.text())
                if not (answer.status == 429 and parsed["message"] == _NOT_YET):
                    return answer.status, parsed
                await asyncio.sleep(_PAUSE_SECONDS)

    async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an answer, such as a watch's."""
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(self._url + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            async for line in answer.content:
                yield line

    async def token(self, namespace: str, service_account: str) -> str:
        """Return a token of a service account, valid for an hour."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        status, answer = await self.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        assert status == 201, answer
        return str(answer["status"]["token"])
