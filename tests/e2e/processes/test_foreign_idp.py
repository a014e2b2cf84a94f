"""OAuth2 against a third-party server: both styles, any characters, rotation, expiry."""

import asyncio
import time
from pathlib import Path

import pytest

from support.proxy.authlib_idp import AuthlibIdp, Client, authlib_idp
from support.proxy.oms import ORDER_ANSWER, Play, RawServer, Received, http
from support.proxy.running import proxy_config, running_proxy


def oms_of(idp: AuthlibIdp) -> Play:
    """Return an OMS that takes the server's valid tokens."""

    async def check(request: Received, writer: asyncio.StreamWriter) -> None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        writer.write(ORDER_ANSWER if idp.valid.get(token, 0) > time.monotonic() else http(401))

    return check


def keys(idp: AuthlibIdp, **more: str) -> dict[str, str]:
    client = idp.client
    return {"clientId": client.client_id, "clientSecret": client.secret, "authUrl": idp.url, **more}


@pytest.mark.parametrize(
    ("methods", "secret"),
    [
        ({"client_secret_basic"}, "simple"),
        ({"client_secret_post"}, "simple"),
        ({"client_secret_post"}, "with space+%&=;/"),
        ({"client_secret_post"}, "pässwörd-日本"),
        # This server does not form-decode what comes by Basic, as RFC 6749 wants it: `auto` then gets in by post.
        ({"client_secret_basic", "client_secret_post"}, "with space+%&=;/"),
        ({"client_secret_basic", "client_secret_post"}, "pässwörd-日本"),
    ],
)
async def test_both_styles_and_any_secret(oms: RawServer, tmp_path: Path, methods: set[str], secret: str) -> None:
    """Whichever style the server wants and whatever is in the secret, orders are read."""
    with authlib_idp(Client("store", secret, methods)) as idp:
        oms.play = oms_of(idp)
        async with running_proxy(proxy_config(oms.url), tmp_path, keys(idp, scope="orders")) as proxy:
            assert (await proxy.get()).status == 200
            assert len(idp.valid) == 1


async def test_wrong_and_rotated_secret(oms: RawServer, tmp_path: Path) -> None:
    """A wrong secret is told from a dead server; the right one works at once, and so does the next one."""
    with authlib_idp(Client("store", "right", {"client_secret_basic"})) as idp:
        oms.play = oms_of(idp)
        async with running_proxy(proxy_config(oms.url), tmp_path, keys(idp, clientSecret="wrong")) as proxy:
            assert (await proxy.get()).code == "upstream-rejected-credentials"
            await proxy.change_keys(keys(idp))
            assert (await proxy.get()).status == 200
            idp.client.secret = "rotated"
            idp.valid.clear()
            await proxy.change_keys(keys(idp))
            assert (await proxy.get()).status == 200


async def test_tokens_that_end_are_replaced_in_time(oms: RawServer, tmp_path: Path) -> None:
    """With tokens of two seconds, no request fails, and the metrics tell of each token."""
    with authlib_idp(Client("store", "right", {"client_secret_basic"}), lifetime=2) as idp:
        oms.play = oms_of(idp)
        async with running_proxy(proxy_config(oms.url), tmp_path, keys(idp)) as proxy:
            begin = time.monotonic()
            while time.monotonic() < begin + 5:
                asked = time.time()
                assert (await proxy.get()).status == 200
                await asyncio.sleep(0.05)
            assert 3 <= len(idp.valid) <= time.monotonic() - begin + 1
            await proxy.becomes('tenantproxy_token_fetch_total{outcome="success"}', len(idp.valid))
            expiry = await proxy.metric("tenantproxy_token_expiry_timestamp_seconds")
            assert expiry is not None
            assert asked < expiry <= time.time() + 2
