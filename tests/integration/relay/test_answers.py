"""A relay between ExternalEvents and an OMS: what each gets, whatever the other one does."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from standardwebhooks import Webhook

from support.proxy.log_lines import log_lines
from support.proxy.oms import RawServer, Received, answering, held_until, http, raw_server
from support.proxy.relaying import (
    LOGIN,
    NOW,
    SECRETS,
    SHARED_KEY,
    RunningRelay,
    event_of,
    login,
    relay_config,
    running_relay,
    signed,
)
from support.waiting import eventually
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN
from tenantproxy.poslog.sending.events import Compression, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test
from tenantproxy.poslog.sending.samples import sample

TAKEN: Final = http(204)
PICKUP: Final = event_of("pickup")
SIGNING_KEY: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that takes all events."""
    async with raw_server(answering(TAKEN)) as server:
        yield server


def config(oms: RawServer, **poslog: Any) -> ProxyConfig:
    return relay_config(oms.url, **{"delivery": {"path": "/store-events"}, **poslog})


async def events(relay: RunningRelay, outcome: str, reason: str = "") -> float:
    """Return how many events there were with this outcome."""
    series = f'tenantproxy_poslog_events_total{{outcome="{outcome}",reason="{reason}"}}'
    return await relay.metric(series) or 0


# ---- what ExternalEvents sends


@pytest.mark.parametrize("compression", ["zlib", "zip"])
async def test_a_pickup_arrives(compression: Compression, oms: RawServer, tmp_path: Path) -> None:
    """With the order's id, the event's id, and the tenant's credential; acknowledged once the OMS has taken it."""
    poslog = sample("pickup", order="CO-1", business_unit="store-1", number=1, end=NOW)
    event = poslog_event(poslog, compression, event_id="77", now=NOW, business_day="2026-11-30")
    with log_lines() as lines:
        async with running_relay(config(oms), tmp_path) as relay:
            headers = {**login(), **signed(event.data), "Correlation-Id": "c-1"}
            answered = await relay.send(event, headers)
            assert (answered.status, answered.headers["Correlation-Id"]) == (204, "c-1")
            assert await events(relay, "delivered") == 1
            assert await relay.metric('tenantproxy_poslog_signatures_total{over="data"}') == 1
            assert await relay.metric('tenantproxy_poslog_deliveries_total{result="status-204"}') == 1
            assert await relay.metric("tenantproxy_poslog_lag_seconds_count") == 1
            assert await relay.metric("tenantproxy_credentials_accepted") == 1
    (received,) = oms.received
    assert (received.method, received.target) == ("POST", "/store-events")
    assert received.headers["idempotency-key"] == "77"
    assert received.headers["correlation-id"] == "c-1"
    assert received.headers["tenant-id"] == "T-acme"
    assert received.headers["authorization"] == "Basic dXNlcjpyaWdodA=="
    assert [order["orderId"] for order in json.loads(received.body)["orders"]] == ["CO-1"]
    (line,) = lines.of("tenantproxy.request")
    assert (
        line.items()
        >= {
            "route": "events",
            "status": 204,
            "outcome": "delivered",
            "eventId": "77",
            "orders": 1,
            "upstreamStatus": 204,
            "upstreamCalls": 1,
            "correlationId": "c-1",
        }.items()
    )
    assert "CO-1" not in lines.text


async def test_what_concerns_no_order_is_acknowledged(oms: RawServer, tmp_path: Path) -> None:
    """And so is a test of the webhook; the OMS hears of neither."""
    async with running_relay(config(oms), tmp_path) as relay:
        assert (await relay.send(event_of("sale"))).status == 204
        assert (await relay.send(webhook_test(event_id="1", now=NOW))).status == 204
        assert await events(relay, "irrelevant", "no-name") == 1
        assert await events(relay, "test") == 1
    assert oms.received == []


BOMB: Final = poslog_event(bytes(9 * 1024 * 1024), "zlib", event_id="1", now=NOW, business_day="2026-11-30")


@pytest.mark.parametrize(
    ("body", "status", "code", "event_id"),
    [
        (b"{", 400, "malformed-event", None),
        (b'{"type":"txr.transactions.v1"}', 400, "malformed-event", None),
        (
            PICKUP.body.replace(b"txr.transactions.v1", b"sre.other.v1"),
            422,
            "unsupported-event-type",
            PICKUP.id,
        ),
        (PICKUP.body.replace(b'"data":"', b'"data":"!'), 400, "malformed-event", PICKUP.id),
        (BOMB.body, 413, "event-too-large", "1"),
        (b" " * (4 * 1024 * 1024 + 1), 413, "event-too-large", None),
    ],
    ids=["no-json", "no-id", "type", "no-base64", "bomb", "too-long"],
)
async def test_what_can_not_be_read(
    body: bytes, status: int, code: str, event_id: str | None, oms: RawServer, tmp_path: Path
) -> None:
    """It ends in ExternalEvents' journal, where its id in the log finds it, and the next event is taken."""
    with log_lines() as lines:
        async with running_relay(config(oms), tmp_path) as relay:
            await relay.send(body)
    assert [line.get("eventId") for line in lines.of("tenantproxy.request")] == [event_id]
    async with running_relay(config(oms), tmp_path) as relay:
        answered = await relay.send(body)
        assert (answered.status, answered.code) == (status, code)
        assert await events(relay, "refused", code) == 1
        assert (await relay.send(PICKUP)).status == 204
    assert len(oms.received) == 1


async def test_a_body_that_is_compressed(oms: RawServer, tmp_path: Path) -> None:
    """ExternalEvents compresses what is in an event, not the event: it counts among those that can't be read."""
    body = zlib.compress(PICKUP.body)
    async with running_relay(config(oms), tmp_path) as relay:
        answered = await relay.send(body, {**login(), **signed(body), "Content-Encoding": "deflate"})
        assert (answered.status, answered.code) == (400, "malformed-event")
        assert "`Content-Encoding`" in answered.json["detail"]
        assert await events(relay, "refused", "malformed-event") == 1


async def test_what_is_wrong_is_told_by_either_signature(oms: RawServer, tmp_path: Path) -> None:
    """Where only `data` is signed, a field beside it that can't be read is no wrong key."""
    body = PICKUP.body.replace(b'"time":"', b'"time":"!')
    async with running_relay(config(oms), tmp_path) as relay:
        for content in (body, PICKUP.data):
            answered = await relay.send(body, {**login(), **signed(content)})
            assert (answered.status, answered.code) == (400, "malformed-event")
            assert "`time` must be" in answered.json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/events", 405, "method-not-allowed"), ("POST", "/", 404, "not-found")],
)
async def test_other_requests(
    method: str, path: str, status: int, code: str, oms: RawServer, tmp_path: Path
) -> None:
    """There is one path, and one method."""
    async with running_relay(config(oms), tmp_path) as relay:
        answered = await relay.request(method, path)
        assert (answered.status, answered.code) == (status, code)
        assert await events(relay, "refused", code) == 1


async def test_who_is_not_externalevents(oms: RawServer, tmp_path: Path) -> None:
    """Nothing is read of what shows nothing, and the answer says what is missing."""
    async with running_relay(config(oms), tmp_path) as relay:
        for headers, reason in (({}, "wrong-login"), ({**login(), **signed(b"")}, "wrong-signature")):
            answered = await relay.send(PICKUP, headers)
            assert (answered.status, answered.code) == (401, "event-unauthorized")
            assert await events(relay, "refused", reason) == 1
        big = await relay.send(b" " * (4 * 1024 * 1024 + 1), {**signed(b"")})
        assert big.status == 401
    assert oms.received == []


async def test_keys_that_come_and_change(oms: RawServer, tmp_path: Path) -> None:
    """Without them 503; once they are there, events are taken; a new one beside the old one, then alone."""
    async with running_relay(config(oms), tmp_path, secrets=None) as relay:
        missing = await relay.send(PICKUP)
        assert (missing.status, missing.code) == (503, "poslog-secret-missing")
        assert await events(relay, "refused", "secret-missing") == 1
        for keys in (SHARED_KEY, f"{SHARED_KEY}\nnew", "new"):
            write_keys(relay.secrets, {**LOGIN, "poslogSharedKey": keys})
            used = keys.splitlines()[-1]
            headers = {**login(), **signed(PICKUP.body, used)}
            await eventually(partial(relay.send, PICKUP, headers), lambda got: got.status == 204)
        await eventually(lambda: relay.send(PICKUP), lambda got: got.status == 401)


# ---- what the OMS gets


async def test_formats(oms: RawServer, tmp_path: Path) -> None:
    """The PosLog itself, or the event as it came, with what the request says of it."""
    poslog = sample("pickup", order="CO-1", business_unit="store-1", number=1, end=NOW)
    for number, (form, content, kind) in enumerate(
        [("poslog", poslog, "application/xml"), ("cloudevent", PICKUP.body, "application/json")]
    ):
        delivery = {"format": form, "method": "PUT", "headers": {"X-Source": "stores"}}
        async with running_relay(config(oms, delivery=delivery), tmp_path / form) as relay:
            assert (await relay.send(PICKUP)).status == 204
        received = oms.received[number]
        assert (received.method, received.target) == ("PUT", "/")
        assert (received.headers["content-type"], received.headers["x-source"]) == (kind, "stores")
        assert received.body == content


async def test_signed(oms: RawServer, tmp_path: Path) -> None:
    """As the official library of Standard Webhooks verifies it, also for a large event."""
    secrets = {**SECRETS, "poslogSigningKey": SIGNING_KEY}
    large = sample("pickup", order="CO-1", business_unit="store-1", number=1, end=NOW).replace(
        b"</POSLog>", b"<!-- " + zlib.compress(bytes(99)).hex().encode() * 9000 + b" --></POSLog>"
    )
    for event in (PICKUP, poslog_event(large, "zlib", event_id="2", now=NOW, business_day="2026-11-30")):
        async with running_relay(
            config(oms, delivery={"signed": True, "format": "cloudevent"}), tmp_path, secrets=secrets
        ) as relay:
            assert (await relay.send(event)).status == 204
        received = oms.received[-1]
        Webhook(SIGNING_KEY).verify(received.body, received.headers)
        assert received.headers["webhook-id"] == event.id


# ---- what the OMS answers


@pytest.mark.parametrize(
    ("answer", "status", "code", "reason"),
    [
        (http(200, b"OK", content_type="text/plain"), 204, "", ""),
        (http(202), 204, "", ""),
        (http(302, location="/elsewhere"), 502, "event-refused", "status-302"),
        (http(400), 502, "event-refused", "status-400"),
        (http(401), 502, "upstream-rejected-credentials", "upstream-rejected-credentials"),
        (http(403), 502, "upstream-forbidden", "status-403"),
        (http(404), 502, "event-refused", "status-404"),
        (http(409), 502, "event-refused", "status-409"),
        (http(429), 503, "upstream-rate-limited", "status-429"),
        (http(500), 502, "upstream-error", "status-500"),
        (http(503), 502, "upstream-error", "status-503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", 502, "upstream-error", "incomplete"),
        (b"nonsense\r\n\r\n", 502, "upstream-error", "http"),
    ],
)
async def test_answers(answer: bytes, status: int, code: str, reason: str, oms: RawServer, tmp_path: Path) -> None:
    """2xx is taken; anything else is not, so that ExternalEvents comes again. Each is asked once."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if answer.endswith(b"cut"):
            writer.close()

    oms.play = play
    async with running_relay(config(oms), tmp_path) as relay:
        answered = await relay.send(PICKUP)
        assert (answered.status, answered.code) == (status, code)
        assert await events(relay, "failed" if code else "delivered", reason) == 1
    assert len(oms.received) == 1


async def test_gone(oms: RawServer, tmp_path: Path) -> None:
    """After a 410 the OMS is asked no more; nothing is acknowledged, and one line says so."""
    oms.play = answering(http(410), TAKEN)
    with log_lines() as lines:
        async with running_relay(config(oms), tmp_path) as relay:
            for _ in range(3):
                answered = await relay.send(PICKUP)
                assert (answered.status, answered.code) == (503, "poslog-stopped")
            assert await relay.metric("tenantproxy_poslog_stopped") == 1
            assert (await relay.send(event_of("sale"))).status == 204
            assert (await relay.admin("/readyz")).status == 200
    assert len(oms.received) == 1
    assert [line["code"] for line in lines.of("tenantproxy.state")] == ["poslog-stopped"]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_that_the_oms_asks_for(status: int, oms: RawServer, tmp_path: Path) -> None:
    """Nothing is sent to it meanwhile; when it is over, events are taken again."""
    oms.play = answering(http(status, retry_after="1"), TAKEN)
    async with running_relay(config(oms), tmp_path) as relay:
        first = await relay.send(PICKUP)
        assert (first.status, first.code, first.headers["Retry-After"]) == (503, "upstream-rate-limited", "1")
        second = await relay.send(PICKUP)
        assert (second.status, second.code, second.headers["Retry-After"]) == (503, "circuit-open", "1")
        assert await relay.metric("tenantproxy_poslog_paused") == 1
        assert len(oms.received) == 1
        await eventually(lambda: relay.send(PICKUP), lambda got: got.status == 204, pause=0.1)
        assert await relay.metric("tenantproxy_poslog_paused") == 0


async def test_a_poisoned_event_pauses_no_other(oms: RawServer, tmp_path: Path) -> None:
    """However often it comes, and is refused."""
    oms.play = answering(*[http(422)] * (FAILURES_TO_OPEN + 1), TAKEN)
    async with running_relay(config(oms), tmp_path) as relay:
        for _ in range(FAILURES_TO_OPEN + 1):
            assert (await relay.send(PICKUP)).code == "event-refused"
        assert (await relay.send(event_of("pickup", event_id="2"))).status == 204


async def test_an_oms_that_keeps_failing_is_left_alone(oms: RawServer, tmp_path: Path) -> None:
    """For seconds, of which ExternalEvents' patience has many."""
    oms.play = answering(http(500))
    async with running_relay(config(oms), tmp_path) as relay:
        for _ in range(FAILURES_TO_OPEN):
            assert (await relay.send(PICKUP)).code == "upstream-error"
        assert (await relay.send(PICKUP)).code == "circuit-open"
        assert await relay.metric('tenantproxy_circuit_state{operation="deliverEvent"}') == 2
    assert len(oms.received) == FAILURES_TO_OPEN


async def test_a_wrong_credential_is_one_login(oms: RawServer, tmp_path: Path) -> None:
    """Events that come meanwhile are not acknowledged, and try nothing; the right one is tried at once."""
    wrong = {"username": "user", "password": "wrong"}

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(TAKEN if request.headers["authorization"] == "Basic dXNlcjpyaWdodA==" else http(401))

    oms.play = play
    async with running_relay(config(oms), tmp_path, keys=wrong) as relay:
        answers = await asyncio.gather(*(relay.send(PICKUP) for _ in range(20)))
        assert {got.code for got in answers} == {"upstream-rejected-credentials"}
        assert len(oms.received) == 1
        assert await relay.metric("tenantproxy_credentials_accepted") == 0
        await relay.change_keys({"username": "user", "password": "right"})
        assert (await relay.send(PICKUP)).status == 204


async def test_no_credential(oms: RawServer, tmp_path: Path) -> None:
    """The event comes again, until there is one; the relay is ready meanwhile."""
    async with running_relay(config(oms), tmp_path, keys=None) as relay:
        answered = await relay.send(PICKUP)
        assert (answered.status, answered.code) == (503, "credentials-not-configured")
        assert (await relay.admin("/readyz")).status == 200
        assert (
            await relay.metric('tenantproxy_poslog_deliveries_total{result="credentials-not-configured"}') is None
        )


async def test_a_connection_that_was_closed_meanwhile(oms: RawServer, tmp_path: Path) -> None:
    """Where one that was kept breaks before a byte of an answer, the same is sent on another one, once."""
    seen: list[Received] = []

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        if len(seen) in (2, 4, 5, 6):
            writer.close()
        else:
            writer.write(TAKEN)

    oms.play = play
    async with running_relay(config(oms), tmp_path) as relay:
        for _ in range(2):
            assert (
                await relay.send(PICKUP, {**login(), **signed(PICKUP.body), "Correlation-Id": "c"})
            ).status == 204
        assert seen[1] == seen[2]
        assert (await relay.send(PICKUP)).code == "upstream-error"
        assert len(seen) == 5
        assert (await relay.send(PICKUP)).code == "upstream-error"
    assert len(seen) == 6, "a new connection that breaks was no idle one"


# ---- time


async def test_an_oms_that_is_too_slow(oms: RawServer, tmp_path: Path) -> None:
    """The event is not acknowledged, and comes again."""
    oms.play = held_until(asyncio.Event())
    async with running_relay(config(oms, delivery={"timeoutSeconds": 0.2}), tmp_path) as relay:
        begin = asyncio.get_running_loop().time()
        answered = await relay.send(PICKUP)
        assert (answered.status, answered.code) == (504, "upstream-timeout")
        assert asyncio.get_running_loop().time() - begin < 3


async def test_what_a_body_claims_holds_nothing(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies that are announced and don't come are given up in time, and take no room from others."""
    monkeypatch.setattr("tenantproxy.relay.handler.PATIENCE", 0.3)
    shown = "".join(f"{name}: {value}\r\n" for name, value in {**login(), **signed(b"")}.items())
    head = f"POST /events HTTP/1.1\r\nHost: a\r\n{shown}Content-Length: 4000000\r\n\r\n{{"
    async with running_relay(config(oms), tmp_path) as relay:
        raw = [asyncio.create_task(relay.raw(head.encode())) for _ in range(50)]
        await eventually(lambda: relay.metric("tenantproxy_poslog_events_in_flight"), lambda found: found == 50)
        assert (await relay.send(PICKUP)).status == 204
        assert {(await answer).split()[1] for answer in raw} == {b"408"}
        assert await relay.metric("tenantproxy_poslog_events_in_flight") == 0


async def test_events_beyond_the_places(oms: RawServer, tmp_path: Path) -> None:
    """As many again as the OMS may be asked at a time wait; the others are told to come again."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(TAKEN))
    configuration = relay_config(oms.url, upstream={"maxConnections": 2})
    async with running_relay(configuration, tmp_path) as relay:
        oms.play = answering(TAKEN)
        assert (await relay.send(PICKUP)).status == 204
        oms.play = held_until(release, answering(TAKEN))
        sending = [asyncio.create_task(relay.send(PICKUP)) for _ in range(6)]
        done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result().code for task in done} == {"overloaded"}
        await oms.reached(2)
        release.set()
        assert sorted([(await task).status for task in sending]) == [204, 204, 204, 204, 503, 503]
        assert await events(relay, "failed", "overloaded") == 2
    assert oms.most_concurrent == 2


async def leave(relay: RunningRelay, oms: RawServer) -> None:
    """Send an event, and go once the OMS has it."""
    sending = asyncio.create_task(relay.send(PICKUP))
    await oms.reached(1)
    sending.cancel()
    await eventually(sending.done)


async def test_a_caller_that_goes(oms: RawServer, tmp_path: Path) -> None:
    """What the OMS was asked goes on to its end, and is told."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(TAKEN))
    with log_lines() as lines:
        async with running_relay(config(oms), tmp_path) as relay:
            await leave(relay, oms)
            await asyncio.sleep(0.05)
            assert await relay.metric("tenantproxy_poslog_events_in_flight") == 1
            release.set()
            await eventually(lambda: events(relay, "delivered"), lambda count: count == 1)
            assert await relay.metric("tenantproxy_poslog_events_in_flight") == 0
    (line,) = lines.of("tenantproxy.request")
    assert line.items() >= {"callerGone": True, "outcome": "delivered", "upstreamStatus": 204}.items()
    assert "status" not in line


async def test_drain_waits_for_those_whose_callers_have_gone(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's answer is still told."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(TAKEN))
    with log_lines() as lines:
        async with running_relay(config(oms), tmp_path) as relay:
            await leave(relay, oms)
            asyncio.get_running_loop().call_later(0.2, release.set)
    assert [line["outcome"] for line in lines.of("tenantproxy.request")] == ["delivered"]
