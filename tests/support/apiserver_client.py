"""A client of the API server that shows its answers as they are."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final, Self

import aiohttp

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


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
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls), timeout=timeout) as session:
            yield cls(session, url, token)

    async def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = JSON, token: str | None = None
    ) -> tuple[int, Any]:
        """Return the status and the parsed body of the answer; what is not JSON, as text.

        Raises:
            aiohttp.ClientError: The API server can't be reached.
            TimeoutError: It did not answer within 30 s.

        """
        async with self._session.request(
            method,
            self._url + path,
            json=body,
            headers={
                "Authorization": f"Bearer {token or self._token}",
                **({"Content-Type": content_type} if body is not None else {}),
            },
        ) as answer:
            if answer.content_type == JSON:
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def token(self, namespace: str, service_account: str) -> str:
        """Return a token of a service account, valid for an hour."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        status, answer = await self.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        assert status == 201, answer
        return str(answer["status"]["token"])
