"""A token endpoint and the OMS that accepts its tokens."""

import asyncio
import time
from typing import Final

from support.proxy.oms import ORDER_ANSWER, Received, http, token_answer

ON_LOOPBACK: Final = {"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"]}}
"""The section `auth` of a tenant whose token endpoint is on this machine."""


class Idp:
    """A token endpoint that numbers its tokens, and an OMS that takes only those still valid."""

    def __init__(self, lifetime: float | None = 3600, *, revokes: bool = False) -> None:
        self.lifetime = lifetime
        self.revokes = revokes
        self.issued = 0
        self.valid: dict[str, float] = {}

    async def issue(self, _request: Received, writer: asyncio.StreamWriter) -> None:
        self.issued += 1
        if self.revokes:
            self.valid.clear()
        token = f"token-{self.issued}"
        self.valid[token] = time.monotonic() + (self.lifetime or 3600)
        writer.write(token_answer(token, **({"expires_in": self.lifetime} if self.lifetime else {})))

    async def check(self, request: Received, writer: asyncio.StreamWriter) -> None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        writer.write(ORDER_ANSWER if self.valid.get(token, 0) > time.monotonic() else http(401))


def oauth2(url: str, **keys: str) -> dict[str, str]:
    return {"clientId": "id", "clientSecret": "secret", "authUrl": f"{url}/token", **keys}
