"""The token endpoint of OAuth2 client credentials (RFC 6749)."""

import asyncio
import secrets
from typing import Any, Final

import msgspec

from tenantproxy.conformance.check import BrokenRuleError, Group, NotTriedError, expect
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.tokens import TokenAnswer, Tokens
from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_header import BEARER
from tenantproxy.oms.outcomes import REJECTED

TOKEN: Final = Group("token")

_ISSUED: Final = ("token.issued",)
_SHORTEST: Final = 60
"""Seconds; a proxy with three replicas then asks for a token every fifteen."""
_FETCHES: Final = 2
_OTHER_GRANT: Final = "urn:example:conformance"


@TOKEN.check(
    "issued",
    rule="A token is issued for the client id and secret.",
    source="RFC 6749 section 4.4",
    fix="Check authUrl, the client, and that it may use the grant client_credentials; set scope, audience or "
    "clientAuth if your server wants them (docs/configuration.md#token-endpoints).",
    needs=(),
    requests=2,
)
async def _issued(kit: Kit) -> str:
    answer = await _tokens(kit).fetch()
    result = answer.result
    if isinstance(result, Failure):
        raise BrokenRuleError(f"There is no token: {result.in_full}.", answer.exchange)
    return f"{answer.exchange.seconds * 1000:.0f} ms"


@TOKEN.check(
    "type",
    rule="The answer names the token's type, Bearer.",
    source="RFC 6749 section 5.1",
    fix='Answer "token_type": "Bearer".',
    level="warning",
    needs=_ISSUED,
)
async def _type(kit: Kit) -> str:
    if getattr(kit.credential, "token_header", BEARER) != BEARER:
        raise NotTriedError("the token goes in a header of its own (`tokenHeader`)")
    answer = await _fetched(kit)
    given = _members(answer).get("token_type")
    is_bearer = isinstance(given, str) and given.lower() == "bearer"
    expect(is_bearer, "There is no token_type." if given is None else f"token_type is {given}.", answer.exchange)
    return ""


@TOKEN.check(
    "lifetime",
    rule="The answer says how long the token is valid (expires_in), a minute at least.",
    source="RFC 6749 section 5.1",
    fix="Answer expires_in in seconds; an hour is usual. Without it the proxy learns of the end by a 401, "
    "which costs a read twice the time; with less than a minute it asks for tokens all the time.",
    level="warning",
    needs=_ISSUED,
)
async def _lifetime(kit: Kit) -> str:
    answer = await _fetched(kit)
    assert isinstance(answer.result, Token)  # noqa: S101 - or it would not have been returned
    lifetime = answer.result.lifetime
    if lifetime is None:
        raise BrokenRuleError("There is no usable expires_in.", answer.exchange)
    expect(lifetime >= _SHORTEST, f"expires_in is {lifetime:g} s.", answer.exchange)
    return f"{lifetime:g} s"


@TOKEN.check(
    "no-store",
    rule="The answer may not be kept by caches: Cache-Control: no-store.",
    source="RFC 6749 section 5.1",
    fix="Add the header: a gateway's cache could give one client's token to another.",
    level="warning",
    needs=_ISSUED,
)
async def _no_store(kit: Kit) -> str:
    answer = await _fetched(kit)
    given = (answer.response.headers if answer.response is not None else {}).get("cache-control", "")
    expect("no-store" in given.lower(), f"Cache-Control is {given or 'absent'}.", answer.exchange)
    return ""


@TOKEN.check(
    "parallel",
    rule="Two requests for a token at the same time are both answered with one.",
    source="docs/configuration.md#token-endpoints",
    fix="Let a client have several tokens: each replica of the proxy fetches its own.",
    needs=_ISSUED,
    requests=_FETCHES,
)
async def _parallel(kit: Kit) -> str:
    tokens = await _proven(kit)
    for answer in await asyncio.gather(*(tokens.fetch() for _ in range(_FETCHES))):
        if isinstance(answer.result, Failure):
            raise BrokenRuleError(f"One was not: {answer.result.in_full}.", answer.exchange)
    return ""


@TOKEN.check(
    "kept",
    rule="A token stays valid when the client fetches another one.",
    source="docs/configuration.md#token-endpoints",
    fix="Don't revoke a client's tokens when it gets a new one: the replicas of a proxy would take turns in "
    "throwing each other out.",
    needs=("token.issued", "order.read"),
    requests=_FETCHES + 1,
)
async def _kept(kit: Kit) -> str:
    first = await _fetched(kit)
    await _fetched(kit)
    assert isinstance(first.result, Token)  # noqa: S101 - or it would not have been returned
    reading = await kit.read_order(authorization=_tokens(kit).authorization(first.result.value))
    expect(reading.code != REJECTED, "The earlier token was rejected.", reading.exchange)
    return ""


@TOKEN.check(
    "wrong-secret",
    rule="A wrong client secret is answered with 401 or 400, and no token.",
    source="RFC 6749 section 5.2",
    fix='Answer 401 {"error": "invalid_client"}. A 5xx looks like an outage, which the proxy waits for.',
    needs=_ISSUED,
    wrong_logins=1,
)
async def _wrong_secret(kit: Kit) -> str:
    _tokens(kit)
    if not kit.bounds.wrong_logins:
        raise NotTriedError("wrong logins were left out (--no-wrong-logins)")
    tokens = await _proven(kit)
    answer = await tokens.fetch_with(secret=f"wrong-{secrets.token_urlsafe(12)}")
    result = answer.result
    if isinstance(result, Token):
        raise BrokenRuleError("A token was issued.", answer.exchange)
    expect(result.rejected, f"The token endpoint answered {result.in_full}.", answer.exchange)
    return result.in_full


@TOKEN.check(
    "errors",
    rule="An error is JSON with one of the standard's words: an unknown grant type is unsupported_grant_type.",
    source="RFC 6749 section 5.2",
    fix='Answer 400 {"error": "unsupported_grant_type"} as application/json. By these words the proxy, and its '
    "log, "
    "tell a wrong secret from a wrong scope.",
    level="warning",
    needs=_ISSUED,
)
async def _errors(kit: Kit) -> str:
    answer = await (await _proven(kit)).fetch_by_grant(_OTHER_GRANT)
    result = answer.result
    if isinstance(result, Token):
        raise BrokenRuleError("A token was issued by a grant that does not exist.", answer.exchange)
    expect(result.reason == "unsupported_grant_type", f"The answer was {result.in_full}.", answer.exchange)
    return ""


def _tokens(kit: Kit) -> Tokens:
    if kit.tokens is None:
        raise NotTriedError("the credential has no tokens")
    return kit.tokens


async def _proven(kit: Kit) -> Tokens:
    """Return the token endpoint only once it has taken the given secret in this run."""
    tokens = _tokens(kit)
    if not tokens.has_issued:
        await _fetched(kit)
    return tokens


async def _fetched(kit: Kit) -> TokenAnswer:
    answer = await _tokens(kit).fetch()
    if isinstance(answer.result, Failure):
        raise NotTriedError(f"no token was issued this time ({answer.result.in_full}); see token.issued")
    return answer


def _members(answer: TokenAnswer) -> dict[str, Any]:
    body = answer.response.body if answer.response is not None else b""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
