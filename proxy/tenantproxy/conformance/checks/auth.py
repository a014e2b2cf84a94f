"""Authentication: the right credential is taken, and no other one."""

import asyncio
import contextlib
from typing import Final

from tenantproxy.conformance.check import BrokenRuleError, Group, NotTriedError, expect
from tenantproxy.conformance.checks.search import need_search
from tenantproxy.conformance.kit import NO_AUTHORIZATION, Kit, NotAcceptedError
from tenantproxy.conformance.oms import FORBIDDEN, Reading
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.oms.outcomes import REJECTED

AUTH: Final = Group("auth")

_CONTRACT: Final = "docs/oms.md#what-it-serves"
_EXPIRED_MARGIN: Final = 1.5
"""Seconds by which the clocks of token endpoint and OMS may differ."""


def _must_be_rejected(reading: Reading) -> str:
    expect(
        reading.body == b"", "The read was answered with 200, as if the credential were right.", reading.exchange
    )
    expect(
        reading.code == REJECTED,
        f"{reading.outcome}; a rejected credential is 401.",
        reading.exchange,
    )
    return ""


@AUTH.check(
    "accepted",
    rule="The tenant's credential is accepted.",
    source=_CONTRACT,
    fix="Create the account or key in your OMS, and let it read orders and search. Check that the header "
    "arrives: a gateway in between may remove or replace Authorization.",
    needs=("http.reachable", "token.issued"),
)
async def _accepted(kit: Kit) -> str:
    with contextlib.suppress(NotAcceptedError):
        await kit.need_accepted()
    if kit.rejection is not None:
        raise BrokenRuleError(f"{kit.rejection.outcome} to the right credential.", kit.rejection.exchange)
    if not kit.is_accepted:
        raise NotTriedError("no answer says whether it is; see order.read")
    return f"type {kit.credential.type}"


@AUTH.check(
    "missing",
    rule="An order is not given to who has no credential.",
    source=_CONTRACT,
    fix="Check the credential on each request, before the order is looked up, and answer 401 without one.",
)
async def _missing(kit: Kit) -> str:
    reading = await kit.read_order(authorization=NO_AUTHORIZATION)
    if reading.code == FORBIDDEN:
        return f"refused, with {reading.answer}"
    return _must_be_rejected(reading)


@AUTH.check(
    "missing-search",
    rule="A search is not answered to who has no credential.",
    source=_CONTRACT,
    fix="Check the credential on the search, too: a route of its own is easily forgotten.",
    needs=("search.read",),
)
async def _missing_search(kit: Kit) -> str:
    need_search(kit)
    reading = await kit.search(authorization=NO_AUTHORIZATION)
    if reading.code == FORBIDDEN:
        return f"refused, with {reading.answer}"
    return _must_be_rejected(reading)


@AUTH.check(
    "challenge",
    rule="A 401 says in WWW-Authenticate how to authenticate.",
    source="RFC 9110 section 11.6.1",
    fix='Add the header to each 401, such as WWW-Authenticate: Basic realm="orders", or Bearer.',
    level="warning",
    needs=("auth.missing",),
)
async def _challenge(kit: Kit) -> str:
    reading = await kit.read_order(authorization=NO_AUTHORIZATION)
    if reading.exchange.status != 401:  # noqa: PLR2004 - HTTP
        raise NotTriedError(f"the OMS answers {reading.answer}, not 401")
    expect("www-authenticate" in reading.headers, "The 401 has no WWW-Authenticate.", reading.exchange)
    return ""


@AUTH.check(
    "wrong",
    rule="A wrong password, token or key is answered 401.",
    source=_CONTRACT,
    fix="Compare the whole credential, and answer 401, not 403, 404 or a redirect to a login page: by 401 the "
    "proxy knows that asking again is of no use. Another status can be given that meaning (docs/outcomes.md).",
    wrong_logins=1,
)
async def _wrong(kit: Kit) -> str:
    if kit.tokens is not None:
        raise NotTriedError("the credential is one of OAuth2; see auth.foreign-token and token.wrong-secret")
    _need_wrong_logins(kit)
    return _must_be_rejected(await kit.read_order(authorization=await kit.wrong_authorization()))


@AUTH.check(
    "foreign-token",
    rule="A token that the token endpoint did not issue is answered 401.",
    source="RFC 6750 section 3.1",
    fix="Verify each token: its signature, issuer, audience and expiry, or by asking the authorization server.",
)
async def _foreign_token(kit: Kit) -> str:
    if kit.tokens is None:
        raise NotTriedError("the credential has no tokens; see auth.wrong")
    return _must_be_rejected(await kit.read_order(authorization=await kit.wrong_authorization()))


@AUTH.check(
    "expired-token",
    rule="A token that has expired is answered 401.",
    source="RFC 6750 section 3.1",
    fix="Check the expiry on each request, with clocks that agree to the second. The proxy fetches a new token in "
    "time, so it does not need yours to be valid for longer.",
)
async def _expired_token(kit: Kit) -> str:
    if kit.tokens is None:
        raise NotTriedError("the credential has no tokens")
    answer = await kit.tokens.fetch()
    if not isinstance(answer.result, Token):
        raise NotTriedError("no token was issued this time; see token.issued")
    lifetime = answer.result.lifetime
    if lifetime is None or lifetime > kit.bounds.longest_token:
        lives = "without a stated end" if lifetime is None else f"for {lifetime:g} s"
        raise NotTriedError(
            f"a token lives {lives}, and the kit waits for {kit.bounds.longest_token:g} s at most; have your "
            f"token "
            "endpoint issue shorter ones for this run"
        )
    await asyncio.sleep(lifetime + _EXPIRED_MARGIN)
    return _must_be_rejected(await kit.read_order(authorization=kit.tokens.authorization(answer.result.value)))


def _need_wrong_logins(kit: Kit) -> None:
    if not kit.bounds.wrong_logins:
        raise NotTriedError("wrong logins were left out (--no-wrong-logins)")
