"""OAuth2 to the OMS, over real sockets."""

import asyncio
from pathlib import Path

import pytest

from support.proxy.idp import Idp, oauth2
from support.proxy.oms import (
    Play,
    RawServer,
    answering,
    breaking,
    dripping,
    http,
    raw_server,
)
from support.proxy.running import proxy_config, running_proxy

WRONG = {"username": "user", "password": "wrong"}


async def test_a_revoked_token_is_replaced_within_the_request(oms: RawServer, tmp_path: Path) -> None:
    """A 401 fetches one newer token, for all who were rejected together; nobody sees it."""
    idp = Idp(None)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        idp.valid.clear()
        answers = await asyncio.gather(*(proxy.get() for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert idp.issued == 2
        idp.valid.clear()
        assert (await proxy.get()).code == "upstream-rejected-credentials", "one such fetch per five seconds"
        assert idp.issued == 2


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (answering(http(400, b'{"error": "invalid_client"}')), "upstream-rejected-credentials"),
        (answering(http(401)), "upstream-rejected-credentials"),
        (answering(http(500)), "token-unavailable"),
        (answering(http(200, b"")), "token-unavailable"),
        (answering(http(302, b"", location="/MARKED")), "token-unavailable"),
        (breaking(b""), "token-unavailable"),
        (dripping(b"", after=0, pause=9), "token-unavailable"),
    ],
    ids=["400", "401", "500", "empty", "302", "closed", "hanging"],
)
async def test_token_endpoint_failures(oms: RawServer, tmp_path: Path, play: Play, code: str) -> None:
    """A failing token endpoint has its own codes, is not hammered, and the OMS is not bothered."""
    async with raw_server(play) as endpoint:
        config = proxy_config(oms.url, timeoutSeconds=1)
        async with running_proxy(config, tmp_path, oauth2(endpoint.url)) as proxy:
            assert (await proxy.admin("/readyz")).status == 200
            answers = await asyncio.gather(*(proxy.get() for _ in range(20)))
            assert {answer.code for answer in answers} == {code}
            assert len(endpoint.received) <= 4
            assert oms.received == []


async def test_a_rotated_secret_takes_effect_at_once(oms: RawServer, tmp_path: Path) -> None:
    """Another secret gets its own token, although the old one would be good for an hour."""
    idp = Idp()
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        assert (await proxy.get()).status == 200
        await proxy.change_keys(oauth2(endpoint.url, clientSecret="rotated"))
        assert (await proxy.get()).status == 200
        assert idp.issued == 2
        assert oms.received[-1].headers["authorization"] == "Bearer token-2"
