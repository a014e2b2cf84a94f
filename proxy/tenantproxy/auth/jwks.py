"""Verify access tokens with the issuers' public keys: fetched, cached, and kept while an issuer is down."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from tenantproxy.auth import claims
from tenantproxy.auth.claims import InvalidTokenError, Unverified
from tenantproxy.auth.keys import PublicKey, usable_key
from tenantproxy.config import Issuer, Tls
from tenantproxy.problems import Problem, retry_after
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.dns import ThreadedResolver
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.tls import ContextSource
from tenantproxy.troubles import Trouble

REFRESH_SECONDS: Final = 600.0
"""Keys older than this are fetched again in the background of the request that notices it."""
MIN_REFRESH_SECONDS: Final = 30.0
"""At least between two fetches, so that tokens with unknown key ids can't overload the issuer."""
RETRY_SECONDS: Final = 2.0
"""Between two fetches as long as no keys have been fetched yet."""
_FETCH_TIMEOUT: Final = 3.0
_MAX_BYTES: Final = 1024 * 1024
_EVERYWHERE: Final = Policy(allow=("0.0.0.0/0", "::/0"))
"""Callers' issuers are the platform team's choice, and no tenant's."""
_TLS: Final = ContextSource(Tls(), Path(), system_cas=True)
_MAX_CACHED_TOKENS: Final = 4096


class KeysError(ValueError):
    """No usable keys came; the text is one of a few words."""


class KeySet:
    """The keys of one issuer, from a URL, a file or the configuration."""

    def __init__(
        self,
        issuer: Issuer,
        clock: Callable[[], float],
        forward_proxy: ForwardProxy | None = None,
        policy: Policy = _EVERYWHERE,
    ) -> None:
        self._issuer = issuer
        self._policy = policy
        self._clock = clock
        self._forward_proxy = forward_proxy
        self._keys: list[PublicKey] = []
        self._tried_at: float | None = None
        self._loaded = False
        self._refreshing: asyncio.Task[None] | None = None
        self._resolver = ThreadedResolver()
        self._trouble = Trouble(
            "issuer-unavailable",
            "an issuer's keys can't be fetched; the current ones, if any, stay",
            "an issuer's keys can be fetched again",
            clock=clock,
            issuer=issuer.issuer,
        )

    async def find(self, token: Unverified) -> list[PublicKey]:
        """Return the keys that may have signed a token.

        Raises:
            Problem: No keys were ever had from the issuer.

        """
        if not self._loaded:
            if self._may_refresh(RETRY_SECONDS):
                await self._refresh()
            if not self._loaded:
                pause = retry_after(RETRY_SECONDS)
                raise Problem(
                    "issuer-unavailable", "The keys of the token's issuer are not available.", headers=pause
                )
        elif not self._matching(token) and self._may_refresh(MIN_REFRESH_SECONDS):
            await self._refresh()
        elif self._may_refresh(REFRESH_SECONDS):
            self._start_refresh()
        return self._matching(token)

    async def close(self) -> None:
        """Cancel a fetch in progress."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def _matching(self, token: Unverified) -> list[PublicKey]:
        return [
            key
            for key in self._keys
            if key.algorithm == token.algorithm and (token.key_id is None or key.key_id == token.key_id)
        ]

    def _may_refresh(self, pause: float) -> bool:
        return self._tried_at is None or self._clock() >= self._tried_at + pause

    async def _refresh(self) -> None:
        """Wait for a fetch; one in progress serves all who wait."""
        await asyncio.wait([self._start_refresh()])

    def _start_refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._load(), name="fetch of keys")
        return self._refreshing

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT):
                document = await self._document()
            self._keys = usable_keys(document)
            self._loaded = True
            self._trouble.ends()
        except (OSError, TimeoutError, ValueError, UpstreamError) as error:
            self._trouble.begins(_why(error))
        finally:
            self._tried_at = self._clock()

    async def _document(self) -> bytes:
        if self._issuer.jwks is not None:
            return msgspec.json.encode(self._issuer.jwks)
        if self._issuer.jwks_file is not None:
            return await asyncio.to_thread(Path(self._issuer.jwks_file).read_bytes)
        assert self._issuer.jwks_uri is not None  # noqa: S101 - one of the three is set
        client = HttpClient(
            self._issuer.jwks_uri,
            max_connections=1,
            max_response_bytes=_MAX_BYTES,
            policy=self._policy,
            tls=_TLS,
            resolver=self._resolver,
            forward_proxy=self._forward_proxy,
        )
        try:
            answer = await client.request("GET", "", {"Accept": "application/json"})
        finally:
            await client.close()
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise KeysError(f"status-{answer.status}")
        return answer.body


class _KeySet(msgspec.Struct):
    """A JWK set (RFC 7517)."""

    keys: list[Any]


def usable_keys(document: bytes) -> list[PublicKey]:
    """Return the keys in a JWK set that may verify tokens.

    Others are ignored (RFC 7517 section 5).

    Raises:
        KeysError: It is no JWK set, or has no such key.

    """
    try:
        entries = msgspec.json.decode(document, type=_KeySet).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise KeysError("no-jwk-set") from error
    usable = [key for key in map(usable_key, entries) if key is not None]
    if not usable:
        raise KeysError("no-usable-key")
    return usable


def _why(error: OSError | TimeoutError | ValueError | UpstreamError) -> str:
    """Return in a word why no keys came."""
    match error:
        case UpstreamError():
            return error.reason
        case KeysError():
            return str(error)
        case TimeoutError():
            return "timeout"
        case OSError():
            return "unreadable"
        case _:
            return "unusable"


def _digest(authorization: str) -> bytes:
    return hashlib.sha256(authorization.encode("utf-8", "surrogateescape")).digest()


class Bearer(Protocol):
    """Whose token was verified."""

    @property
    def expires_at(self) -> float:
        """Until when, in Unix time."""
        ...


B = TypeVar("B", bound=Bearer)


class TokenVerifier(Generic[B]):
    """Verifies tokens, and caches the bearer of a verified one until it expires.

    `bearer_of` makes one of the claims of a token with a valid signature, its issuer and the time, or raises
    InvalidTokenError.
    """

    def __init__(
        self,
        issuers: tuple[Issuer, ...],
        bearer_of: Callable[[Mapping[str, Any], Issuer, float], B],
        *,
        forward_proxy: ForwardProxy | None = None,
        policy: Policy = _EVERYWHERE,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = issuers
        self._bearer_of = bearer_of
        self._key_sets = {issuer.issuer: KeySet(issuer, clock, forward_proxy, policy) for issuer in issuers}
        self._now = now
        self._verified: OrderedDict[bytes, B] = OrderedDict()

    def cached(self, authorization: str) -> B | None:
        """Return the bearer with this `Authorization` header, if its token is cached and has not expired."""
        bearer = self._verified.get(_digest(authorization))
        return bearer if bearer is not None and self._now() < bearer.expires_at else None

    async def verify(self, authorization: str | None) -> B:
        """Return the bearer with this `Authorization` header, after verifying its token.

        Raises:
            Problem: There is no token, it can't be accepted, or its issuer's keys can't be had.

        """
        token = claims.bearer_token(authorization)
        try:
            bearer = await self._verify(token)
        except InvalidTokenError as error:
            raise claims.invalid_token(error) from None
        self._verified[_digest(authorization or "")] = bearer
        if len(self._verified) > _MAX_CACHED_TOKENS:
            self._verified.popitem(last=False)
        return bearer

    async def _verify(self, token: str) -> B:
        unverified = claims.parse_token(token)
        issuer = claims.issuer_of(unverified, self._issuers)
        keys = await self._key_sets[issuer.issuer].find(unverified)
        if not any(key.has_signed(unverified.signed, unverified.signature) for key in keys):
            raise InvalidTokenError("has a wrong signature")
        return self._bearer_of(unverified.claims, issuer, self._now())

    async def close(self) -> None:
        """Cancel fetches in progress."""
        for key_set in self._key_sets.values():
            await key_set.close()
