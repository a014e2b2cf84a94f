"""An issuer's keys and tokens, right and wrong, and the server that publishes the keys."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry

from support.proxy.oms import RawServer, Received, http

TENANT = "T-acme"
NOW = 1_800_000_000.0
RSA = RSAKey.generate_key(2048)
OTHER_RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
OTHER_EC = ECKey.generate_key("P-256")


class Clock:
    """A clock that a test sets; both as the monotonic and as the wall clock."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Publisher:
    """Answers each fetch with the present key set, or as `answer` says; counts the fetches."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.keys: list[Any] = list(keys)
        self.answer: bytes | None = None
        self.release: asyncio.Event | None = None
        self.fetches = 0

    async def play(self, _request: Received, writer: asyncio.StreamWriter) -> None:
        self.fetches += 1
        if self.release is not None:
            await self.release.wait()
        writer.write(http(200, self.document) if self.answer is None else self.answer)

    @property
    def document(self) -> bytes:
        return json.dumps({"keys": self.keys}).encode()


@asynccontextmanager
async def publishing(publisher: Publisher) -> AsyncIterator[RawServer]:
    """Run the server of a publisher."""
    async with RawServer(publisher.play) as server:
        yield server


def public(key: Key, kid: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a public key as a JWK set has it."""
    document = {**key.as_dict(private=False), "use": "sig", **members}
    document.pop("kid", None)
    return document if kid is None else {**document, "kid": kid}


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """Return a user's claims."""
    return {
        "iss": issuer,
        "aud": "audience",
        "sub": "u-1",
        "exp": NOW + 3600,
        "https://extendaretail.com/tenant": TENANT,
        **changes,
    }


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(header: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """Return the part of a token that is signed."""
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}"


def signed(header: Mapping[str, Any], body: Mapping[str, Any], key: Key, algorithm: str | None = None) -> str:
    """Return a token signed by `algorithm`, whatever its header says; by default by what it says."""
    text = unsigned(header, body)
    signature = JWSRegistry.algorithms[algorithm or header["alg"]].sign(text.encode(), key)
    return f"{text}.{b64(signature)}"


def hmac_signed(header: Mapping[str, Any], body: Mapping[str, Any], secret: bytes) -> str:
    """Return a token signed by HS256 with any secret, such as a public key."""
    text = unsigned(header, body)
    return f"{text}.{b64(hmac.digest(secret, text.encode(), hashlib.sha256))}"
