"""The OMS behind the proxy, misbehaving in every way: what callers see, and what the OMS is spared."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.oms import (
    ORDER_ANSWER,
    SEARCH_ANSWER,
    Play,
    RawServer,
    Received,
    answering,
    documented,
    http,
    raw_server,
    token_answer,
)
from support.proxies import BASIC, proxy_config, running_proxy
from tenantproxy.circuit import FAILURES_TO_OPEN
from tenantproxy.stores.files import write_keys

WRONG = {"username": "user", "password": "wrong"}


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    async with raw_server(documented) as server:
        yield server


async def only_right_password(request: Received, writer: asyncio.StreamWriter) -> None:
    """Take the password of BASIC only."""
    if request.headers["authorization"] == "Basic dXNlcjpyaWdodA==":
        writer.write(ORDER_ANSWER)
    else:
        writer.write(http(401))


def dripping(answer: bytes, *, after: int, pause: float) -> Play:
    """Return a play that stalls after some bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer[:after])
        await writer.drain()
        await asyncio.sleep(pause)
        writer.write(answer[after:])

    return play


def breaking(answer: bytes) -> Play:
    """Return a play that closes the connection after these bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return play


def resetting(answer: bytes) -> Play:
    """Return a play that resets the connection after these bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.transport.abort()

    return play


BODY = ORDER_ANSWER.partition(b"\r\n\r\n")[2]
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

# (what the OMS does, the outward status, its code, calls that the OMS sees)
FAILURES: dict[str, tuple[Play, int, str, int]] = {
    "404 on GET": (answering(http(404, b"MARKED")), 404, "order-not-found", 1),
    "400 on GET": (answering(http(400, b"MARKED")), 502, "upstream-contract", 1),
    "401": (answering(http(401, b"MARKED")), 502, "upstream-rejected-credentials", 1),
    "403": (answering(http(403, b"MARKED")), 502, "upstream-forbidden", 1),
    "409": (answering(http(409, b"MARKED")), 502, "upstream-contract", 1),
    "429": (answering(http(429, b"", retry_after="17")), 503, "upstream-rate-limited", 1),
    "302": (answering(http(302, b"", location="http://127.0.0.1:1/MARKED")), 502, "upstream-contract", 1),
    "204": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), 502, "upstream-contract", 1),
    "206": (answering(http(206, BODY)), 502, "upstream-contract", 1),
    "500": (answering(http(500, b"MARKED")), 502, "upstream-error", 1),
    "503": (answering(http(503, b"MARKED")), 502, "upstream-error", 2),
    "503 with Retry-After": (answering(http(503, b"", retry_after="9")), 502, "upstream-error", 1),
    "HTML": (answering(http(200, b"<html>MARKED", content_type="text/html")), 502, "upstream-error", 1),
    "no content type": (answering(http(200, BODY, content_type="")), 502, "upstream-error", 1),
    "UTF-16": (
        answering(http(200, BODY, content_type="application/json; charset=utf-16")),
        502,
        "upstream-error",
        1,
    ),
    "compressed": (answering(http(200, b"\x1f\x8bMARKED", content_encoding="gzip")), 502, "upstream-error", 1),
    "not JSON": (answering(http(200, b'{"customerOrder": MARKED')), 502, "upstream-error", 1),
    "empty": (answering(http(200)), 502, "upstream-error", 1),
    "NaN": (answering(http(200, BODY.replace(b"9.5", b"NaN"))), 502, "upstream-error", 1),
    "deep nesting": (
        answering(http(200, b'{"a":' + b"[" * 40_000 + b"]" * 40_000 + b"}")),
        502,
        "upstream-contract",
        1,
    ),
    "missing field": (answering(http(200, BODY.replace(b'"status"', b'"MARKED"'))), 502, "upstream-contract", 1),
    "too large": (answering(http(200, b" " * 200_000)), 502, "upstream-error", 1),
    "too large, chunked": (
        answering(CHUNKED + b"20000\r\n" + b" " * 0x20000 + b"\r\n0\r\n\r\n"),
        502,
        "upstream-error",
        1,
    ),
    "closed at once": (breaking(b""), 502, "upstream-error", 2),
    "reset at once": (resetting(b""), 502, "upstream-error", 2),
    "closed in the head": (breaking(ORDER_ANSWER[:30]), 502, "upstream-error", 2),
    "closed in the body": (breaking(ORDER_ANSWER[:-10]), 502, "upstream-error", 1),
    "reset in the body": (resetting(ORDER_ANSWER[:-10]), 502, "upstream-error", 1),
    "closed in a chunk": (breaking(CHUNKED + b"ff\r\n{"), 502, "upstream-error", 1),
    "chunked garbage": (answering(CHUNKED + b"zz\r\nMARKED\r\n"), 502, "upstream-error", 1),
    "not HTTP": (breaking(b"MARKED MARKED\r\n\r\n"), 502, "upstream-error", 1),
    "too long a Content-Length": (breaking(http(200, BODY, content_length="9000")), 502, "upstream-error", 1),
    "two Content-Lengths": (
        breaking(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nMARKED"),
        502,
        "upstream-error",
        1,
    ),
    "slow head": (dripping(ORDER_ANSWER, after=20, pause=5), 504, "upstream-timeout", 1),
    "slow body": (dripping(ORDER_ANSWER, after=len(ORDER_ANSWER) - 5, pause=5), 504, "upstream-timeout", 1),
    "silence": (dripping(b"", after=0, pause=5), 504, "upstream-timeout", 1),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_failure_table(oms: RawServer, tmp_path: Path, name: str) -> None:
    """Each misbehaviour has its status and code, in time, and no byte of the OMS's gets through."""
    oms.play, status, code, calls = FAILURES[name]
    config = proxy_config(oms.url, timeoutSeconds=0.6, maxResponseBytes=100_000)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        start = time.monotonic()
        answer = await proxy.get()
        assert time.monotonic() - start < 2
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert b"MARKED" not in answer.body + str(answer.headers).encode()
        assert len(oms.received) == calls
        oms.play = documented
        if code == "upstream-rejected-credentials":
            write_keys(proxy.credentials, WRONG)
            await asyncio.sleep(0.8)
        assert (await proxy.get()).status == 200, "the next request finds the OMS well again"


async def test_429_passes_the_pause_on(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's Retry-After reaches the caller, if it is a number."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        for given, passed in (("17", "17"), ("MARKED", "1"), ("99999999999", "1")):
            oms.play = answering(http(429, b"", retry_after=given))
            assert (await proxy.get()).headers["Retry-After"] == passed


@pytest.mark.parametrize(("status", "code"), [(400, "search-rejected"), (404, "upstream-contract")])
async def test_search_has_its_own_rows(oms: RawServer, tmp_path: Path, status: int, code: str) -> None:
    """A 400 on a search is about its criteria; a 404 is not in the contract."""
    oms.play = answering(http(status))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.search()).code == code


async def test_violations_are_pointed_at_and_counted(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's developers see which fields are wrong, and never a value."""
    wrong = {"customerOrderId": 1, "customerId": "MARKED", "status": None, "items": [{"itemId": "x"}]}
    oms.play = answering(http(200, json.dumps({"customerOrder": wrong}).encode()))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        answer = await proxy.get()
        assert [error["pointer"] for error in answer.json["errors"]] == [
            "/customerOrder/customerOrderId",
            "/customerOrder/status",
            "/customerOrder/items/0/quantityOrdered",
            "/customerOrder/items/0/unitPrice",
        ]
        assert b"MARKED" not in answer.body
        series = 'tenantproxy_mapping_violations_total{pointer="/customerOrder/items/*/unitPrice"}'
        assert await proxy.metric(series) == 1


async def test_refused_and_unresolved_are_unreachable(oms: RawServer, tmp_path: Path) -> None:
    """No connection is a 502 of its own."""
    refused = oms.url
    await oms.__aexit__()
    for url in (refused, "http://no-such-host.invalid"):
        async with running_proxy(proxy_config(url), tmp_path, BASIC) as proxy:
            assert (await proxy.get()).code == "upstream-unreachable"


async def test_a_client_that_goes_away_ends_its_call(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's answer to nobody is not waited for."""
    oms.play = dripping(ORDER_ANSWER, after=0, pause=30)
    async with running_proxy(proxy_config(oms.url, timeoutSeconds=20), tmp_path, BASIC) as proxy:
        await proxy.raw(b"GET /api/v1/business-units/B/customer-orders/1 HTTP/1.1\r\nHost: x\r\n\r\n", wait=0.2)
        async with asyncio.timeout(2):
            while await proxy.metric("tenantproxy_requests_in_flight"):  # noqa: ASYNC110 - only the metric can tell
                await asyncio.sleep(0.02)


# ---- what the OMS is spared


async def test_connections_and_requests_in_flight_are_bounded(oms: RawServer, tmp_path: Path) -> None:
    """A slow OMS gets at most `maxConnections` at once; as many again wait, the rest is refused at once."""
    oms.play = dripping(ORDER_ANSWER, after=0, pause=0.3)
    async with running_proxy(proxy_config(oms.url, maxConnections=3), tmp_path, BASIC) as proxy:
        answers = await asyncio.gather(*(proxy.get() for _ in range(40)))
        codes = [answer.code or "ok" for answer in answers]
        assert (codes.count("ok"), codes.count("overloaded")) == (6, 34)
        assert all("Retry-After" in answer.headers for answer in answers if answer.status == 503)
        assert oms.most_concurrent == 3
        assert oms.connections == 3


async def test_circuit_opens_and_lets_one_probe_go(oms: RawServer, tmp_path: Path) -> None:
    """After twenty failures in a row the OMS is left alone; the first probe that succeeds ends it."""
    oms.play = answering(http(500))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        for _ in range(FAILURES_TO_OPEN):
            assert (await proxy.get()).code == "upstream-error"
        refused = [await proxy.get() for _ in range(30)]
        assert {answer.code for answer in refused} == {"circuit-open"}
        assert 1 <= int(refused[0].headers["Retry-After"]) <= 5
        assert len(oms.received) == FAILURES_TO_OPEN
        assert await proxy.metric("tenantproxy_circuit_state") == 2
        oms.play = dripping(ORDER_ANSWER, after=0, pause=0.2)
        await asyncio.sleep(5)
        probing = await asyncio.gather(*(proxy.get() for _ in range(10)))
        assert sorted(answer.status for answer in probing) == [200] + [503] * 9
        assert (await proxy.get()).status == 200
        assert await proxy.metric("tenantproxy_circuit_state") == 0
        assert len(oms.received) == FAILURES_TO_OPEN + 2


async def test_wrong_password_reaches_the_oms_once_per_two_seconds(oms: RawServer, tmp_path: Path) -> None:
    """At 100 requests a second, a wrong password can't lock the tenant's account at the OMS."""
    oms.play = only_right_password
    async with running_proxy(proxy_config(oms.url), tmp_path, WRONG) as proxy:
        asked_at: list[float] = []
        for _ in range(450):
            before = len(oms.received)
            answer = await proxy.get()
            assert answer.code == "upstream-rejected-credentials"
            asked_at += [time.monotonic()] * (len(oms.received) - before)
            await asyncio.sleep(0.01)
        assert len(asked_at) >= 2
        assert all(later - earlier >= 1.95 for earlier, later in itertools.pairwise(asked_at))
        assert await proxy.metric("tenantproxy_credentials_accepted") == 0
        write_keys(proxy.credentials, BASIC)
        await asyncio.sleep(0.8)
        assert (await proxy.get()).status == 200, "a right password is used at once"
        assert await proxy.metric("tenantproxy_credentials_accepted") == 1


async def test_requests_wait_for_the_probe_of_a_new_credential(oms: RawServer, tmp_path: Path) -> None:
    """After a change of a rejected credential one request tries it, and the others succeed with it."""
    oms.play = only_right_password
    async with running_proxy(proxy_config(oms.url), tmp_path, WRONG) as proxy:
        assert (await proxy.get()).status == 502
        write_keys(proxy.credentials, BASIC)
        await asyncio.sleep(0.8)
        before = len(oms.received)

        async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.1)
            await only_right_password(request, writer)

        oms.play = slowly
        waiting = [asyncio.create_task(proxy.get()) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert len(oms.received) == before + 1
        assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}


async def test_searches_share_all_protections(oms: RawServer, tmp_path: Path) -> None:
    """A search is a read like any other: retried, and with the same credential."""
    oms.play = answering(http(503), SEARCH_ANSWER)
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.search()).status == 200
        assert len({(request.headers["authorization"], request.body) for request in oms.received}) == 1


# ---- OAuth2


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


async def test_tokens_are_refreshed_while_requests_go_on(oms: RawServer, tmp_path: Path) -> None:
    """A short-lived token is replaced before it ends; nobody sees a failure, and the budget holds."""
    idp = Idp(2)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert (await proxy.get()).status == 200
            await asyncio.sleep(0.02)
        assert 3 <= idp.issued <= 5
        assert await proxy.metric('tenantproxy_token_fetch_total{outcome="success"}') == idp.issued
        expiry = await proxy.metric("tenantproxy_token_expiry_timestamp_seconds")
        assert expiry is not None
        assert 0 < expiry - time.time() <= 2


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


async def test_two_replicas_do_not_chase_each_other(oms: RawServer, tmp_path: Path) -> None:
    """Where each issue revokes the token before, each replica fetches at most once per five seconds."""
    idp = Idp(None, revokes=True)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path / "a", oauth2(endpoint.url)) as one,
        running_proxy(proxy_config(oms.url), tmp_path / "b", oauth2(endpoint.url)) as two,
    ):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            await asyncio.gather(one.get(), two.get())
            await asyncio.sleep(0.02)
        assert idp.issued <= 4


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


async def test_a_good_token_outlives_its_endpoint(oms: RawServer, tmp_path: Path) -> None:
    """With the token endpoint down, the token at hand serves to its end; then 503, and well again by itself."""
    idp = Idp(2)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        started = time.monotonic()
        endpoint.play = answering(http(500))
        while time.monotonic() < started + 1.8:
            assert (await proxy.get()).status == 200
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.4)
        assert (await proxy.get()).code == "token-unavailable"
        endpoint.play = idp.issue
        async with asyncio.timeout(5):
            while (await proxy.get()).status != 200:  # noqa: ASYNC110 - only a request can tell
                await asyncio.sleep(0.1)


async def test_a_rotated_secret_takes_effect_at_once(oms: RawServer, tmp_path: Path) -> None:
    """Another secret gets its own token, although the old one would be good for an hour."""
    idp = Idp()
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        assert (await proxy.get()).status == 200
        write_keys(proxy.credentials, oauth2(endpoint.url, clientSecret="rotated"))
        await asyncio.sleep(0.8)
        assert (await proxy.get()).status == 200
        assert idp.issued == 2
        assert oms.received[-1].headers["authorization"] == "Bearer token-2"
