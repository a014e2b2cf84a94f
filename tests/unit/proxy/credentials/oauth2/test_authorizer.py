"""OAuth2 to the OMS, over real sockets."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.proxy.idp import ON_LOOPBACK, Idp, oauth2
from support.proxy.log_lines import log_lines
from support.proxy.oms import (
    Play,
    RawServer,
    answering,
    breaking,
    dripping,
    held_until,
    http,
    raw_server,
)
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.waiting import PATIENCE, eventually
from tenantproxy.admission import Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.authorizer import Failure, FoundStyle
from tenantproxy.credentials.oauth2.authorizer import TokenAuthorizer
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_endpoint import TokenEndpoint
from tenantproxy.credentials.oauth2.token_header import TokenHeader
from tenantproxy.metrics import Metrics
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.problems import Problem
from tenantproxy.transport.base import HttpTransport, UpstreamResponse
from tenantproxy.transport.tls import TlsFiles


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


async def test_a_rotated_secret_takes_effect_with_its_first_token(oms: RawServer, tmp_path: Path) -> None:
    """Another secret gets its own token, although the old one would be good for an hour; it serves until then."""
    idp = Idp()
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        assert (await proxy.get()).status == 200
        await proxy.change_keys(oauth2(endpoint.url, clientSecret="rotated"))
        while oms.received[-1].headers["authorization"] == "Bearer token-1":
            assert (await proxy.get()).status == 200
        assert oms.received[-1].headers["authorization"] == "Bearer token-2"
        assert idp.issued == 2


@pytest.mark.parametrize(
    "play",
    [answering(http(500)), answering(http(200, b"<html>")), breaking(b""), dripping(b"", after=0, pause=9)],
    ids=["500", "no JSON", "closed", "hanging"],
)
async def test_reads_go_on_where_a_new_credential_gets_no_token(
    oms: RawServer, tmp_path: Path, play: Play
) -> None:
    """With the one before, which the OMS took; the endpoint is asked once a second at most."""
    async with raw_server(play) as endpoint, running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200
        await proxy.change_keys(oauth2(endpoint.url))
        await eventually(lambda: endpoint.received)
        answers = [await proxy.get() for _ in range(20)]
        assert {answer.status for answer in answers} == {200}
        assert len({request.headers["authorization"] for request in oms.received}) == 1
        assert len(endpoint.received) <= 2


DESCRIBED = b'{"error": "invalid_client", "error_description": "M4RKED", "error_uri": "https://m.example/M4RKED"}'


@pytest.mark.parametrize(
    ("answer", "outcome", "code", "detail"),
    [
        (http(401, DESCRIBED), "invalid_client", "upstream-rejected-credentials", "401 invalid_client"),
        (http(400, b'{"error": "M4RKED"}'), "status-400", "upstream-rejected-credentials", "400"),
        (http(200, DESCRIBED), "invalid_client", "upstream-rejected-credentials", "200 invalid_client"),
        (http(503, DESCRIBED), "status-503", "token-unavailable", "503"),
        (http(307, b"", location="/M4RKED"), "redirect", "token-unavailable", "307 redirect"),
        (http(200, b"<html>M4RKED"), "not-json", "token-unavailable", "200 not-json"),
        (http(200, b'{"m": "M4RKED"}'), "no-token", "token-unavailable", "200 no-token"),
        (http(200, b'{"access_token": "M4RKED x"}'), "unusable-token", "token-unavailable", "200 unusable-token"),
        (http(200, b"M4RKED", content_encoding="br"), "content-encoding", "token-unavailable", "content-encoding"),
        (http(200, b"M4RKED" * 16_000), "too-large", "token-unavailable", "too-large"),
        (b"M4RKED\r\n\r\n", "http", "token-unavailable", "unreachable"),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else None,
)
async def test_what_is_told_of_a_failure(
    oms: RawServer,
    tmp_path: Path,
    answer: bytes,
    outcome: str,
    code: str,
    detail: str,
) -> None:
    """Status and reason, in response, log and metric; and no word of the token endpoint's own."""
    keys = {"clientAuth": "client_secret_post", "clientSecret": "M4RKED"}
    with log_lines(logging.DEBUG) as lines:
        async with (
            raw_server(answering(answer)) as endpoint,
            running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url, **keys)) as proxy,
        ):
            told = await proxy.get()
            assert told.code == code
            assert f"{detail})." in told.json["detail"]
            metrics = (await proxy.admin("/metrics")).body
            assert f'outcome="{outcome}"'.encode() in metrics
            assert b"M4RKED" not in told.body + metrics
        (fetching, *rejected) = lines.of("tenantproxy.state")
    assert (fetching["code"], fetching["state"], fetching["reason"]) == ("token-unavailable", "begun", outcome)
    assert [line["code"] for line in rejected] == [code] * (code == "upstream-rejected-credentials")
    assert "M4RKED" not in lines.text


async def test_a_slow_token_endpoint_serves_the_next_read(oms: RawServer, tmp_path: Path) -> None:
    """A read that can't wait for a token is answered in its time; the token is fetched all the same."""
    release = asyncio.Event()
    idp = Idp()
    oms.play = idp.check
    async with raw_server(held_until(release, idp.issue)) as endpoint:
        auth = {"tokenEndpoint": ON_LOOPBACK["tokenEndpoint"] | {"timeoutSeconds": PATIENCE}}
        config = proxy_config(oms.url, auth=auth, timeoutSeconds=0.1)
        async with running_proxy(config, tmp_path) as proxy:
            await proxy.change_keys(oauth2(endpoint.url))
            assert (await proxy.get()).code == "token-unavailable"
            release.set()
            await proxy.becomes('tenantproxy_token_fetch_total{outcome="success"}', 1)
            assert (await proxy.get()).status == 200
            assert idp.issued == 1


async def test_a_wrong_secret_costs_few_logins(oms: RawServer, tmp_path: Path) -> None:
    """Two at most for any number of reads, until the pause after a rejection is over."""
    async with (
        raw_server(answering(http(401))) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        answers = [await proxy.get() for _ in range(5)] + list(
            await asyncio.gather(*(proxy.get() for _ in range(20)))
        )
        assert {answer.code for answer in answers} == {"upstream-rejected-credentials"}
        assert len(endpoint.received) == 2
        assert oms.received == []


class Hanging(TokenEndpoint):
    """A token endpoint that never answers."""

    async def fetch(self, found: FoundStyle | None = None) -> Token | Failure:
        await asyncio.Event().wait()
        raise AssertionError(found)


class HangingClients:
    """Makes clients of a server that never answers."""

    token_timeout = 300.0

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        assert (url, trial) == ("http://idp.example", False)
        return self

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ticket: Ticket | None = None,
        drain_seconds: float | None = None,
        on_drained: Callable[[int | None], None] | None = None,
        before: Callable[[], None] | None = None,
    ) -> UpstreamResponse:
        await asyncio.Event().wait()
        raise AssertionError(method, path, headers, body, ticket, drain_seconds, on_drained, before)

    async def close(self) -> None:
        """Do nothing."""


class Open:
    """What permits all logins."""

    def may_log_in(self) -> bool:
        return True

    def rejected(self, logins: int, reason: str) -> None:
        raise AssertionError(logins, reason)

    def found(self) -> None:
        """Know of none."""

    def has_found(self, style: FoundStyle) -> None:
        raise AssertionError(style)


def hanging(timeout: float) -> TokenAuthorizer:
    """Return an authorizer that waits in vain, as it would be made of this configuration."""
    auth = {"tokenEndpoint": ON_LOOPBACK["tokenEndpoint"] | {"timeoutSeconds": timeout}}
    config = proxy_config("http://oms.example", auth=auth)
    clients = ClientFactory(config, TlsFiles(config.upstream.tls, Path("/none")), None)
    credential = OAuth2(client_id="id", client_secret="secret", auth_url="http://idp.example")
    return TokenAuthorizer(
        Hanging(credential, clients.token_endpoint(credential.auth_url)),
        Metrics(config.tenant),
        Open(),
        header=TokenHeader.parse(credential.token_header),
        timeout=clients.token_timeout,
    )


@pytest.mark.virtual_time
@pytest.mark.parametrize("seconds", [0.5, 3.0, 300.0])
async def test_the_time_that_a_token_may_take_is_configured(seconds: float) -> None:
    """Then it is given up, and who waits for it is told."""
    authorizer = hanging(seconds)
    clock = asyncio.get_running_loop().time
    begun = clock()
    with pytest.raises(Problem) as caught:
        await authorizer.authorization()
    assert clock() - begun == pytest.approx(seconds)
    assert caught.value.detail == "The token endpoint returned no token (unreachable)."
    await authorizer.close()


@pytest.mark.virtual_time
async def test_a_slow_token_endpoint_keeps_no_proxy_unready() -> None:
    """Who waits for the first attempt waits for three seconds, however long it may take."""
    credential = ActiveCredential(HangingClients(), Metrics(Tenant(id="T", name="acme")))
    await credential.use(OAuth2(client_id="id", client_secret="secret", auth_url="http://idp.example"))
    clock = asyncio.get_running_loop().time
    begun = clock()
    await credential.first_attempt()
    assert clock() - begun == pytest.approx(3.0)
    await credential.close()
