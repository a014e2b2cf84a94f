"""`tenantproxy poslog serve` as a process: files in, signals, exit statuses, what it costs."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from support.commands import run
from support.proxy.oms import RawServer, answering, held_until, http, raw_server
from support.proxy.relay_process import PICKUP, config, relay, resident, send
from support.proxy.relaying import NOW, event_of
from support.waiting import eventually
from tenantproxy.credentials.stores.files import read_note
from tenantproxy.poslog.sending.events import poslog_event
from tenantproxy.poslog.sending.samples import sample
from tenantproxy.server.connection_limits import MAX_UNFINISHED_BYTES

MOST_AT_REST: Final = 60
"""MiB."""


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that takes all events."""
    async with raw_server(answering(http(204))) as server:
        yield server


# ---- configurations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poslog": None}, "`poslog` is missing"),
        ({"poslog": {}}, "verification"),
        ({"poslog": {"verification": {}}}, "`poslog.verification` has nothing"),
        (
            {"poslog": {"verification": {"basic": True, "idToken": {"audience": "a"}}}},
            "`poslog.verification` has both",
        ),
        (
            {
                "poslog": {
                    "verification": {"basic": True},
                    "filter": {"rules": [{"name": "a", "element": "Sale/", "orderId": ["@id"]}]},
                }
            },
            "`poslog.filter.rules[0].element` is not an element",
        ),
        ({"poslog": {"verification": {"basic": True}, "delivery": {"path": "x y"}}}, "`poslog.delivery.path`"),
        (
            {"poslog": {"verification": {"basic": True}, "delivery": {"headers": {"Webhook-Id": "1"}}}},
            "`poslog.delivery.headers[Webhook-Id]` is set by the relay itself",
        ),
        (
            {"poslog": {"verification": {"idToken": {"audience": "a", "jwksUri": "https://169.254.169.254/"}}}},
            "`poslog.verification.idToken.jwksUri`",
        ),
    ],
)
async def test_a_configuration_that_can_not_be_used(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    """The message names the field; the exit status is 2."""
    given = {
        name: value for name, value in {**config("http://127.0.0.1:9"), **change}.items() if value is not None
    }
    (tmp_path / "config.json").write_text(json.dumps(given))
    status, _, err = await run("tenantproxy", "poslog", "serve", "--config", tmp_path / "config.json")
    assert (status, message in err) == (2, True), err
    assert "Traceback" not in err


# ---- its life


async def test_sigterm_lets_events_end(oms: RawServer, tmp_path: Path) -> None:
    """What is under way is answered; then the process ends with 0."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(http(204)))
    async with relay(tmp_path, oms.url) as running:
        sending = asyncio.create_task(send(running.api))
        await oms.reached(1)
        running.process.send_signal(signal.SIGTERM)
        await eventually(lambda: "draining" in running.log)
        release.set()
        assert await sending == 204
        assert await running.ended() == 0


async def test_killed_it_has_acknowledged_nothing(oms: RawServer, tmp_path: Path) -> None:
    """ExternalEvents comes again, to another process, with the same key for the OMS."""
    async with relay(tmp_path, oms.url) as running:
        assert await send(running.api, event_of("pickup", event_id="1")) == 204
        # Else the other process would let this one's try of the credential end first.
        await eventually(lambda: "accepted" in (read_note(tmp_path / "credentials") or ""))
        oms.play = held_until(asyncio.Event())
        sending = asyncio.create_task(send(running.api))
        await oms.reached(1)
        running.process.kill()
        with pytest.raises(aiohttp.ClientError):
            await sending
    oms.play = answering(http(204))
    async with relay(tmp_path, oms.url) as running:
        assert await send(running.api) == 204
    _, first, second = oms.received
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == PICKUP.id
    assert first.body == second.body


# ---- what it costs


async def test_memory_at_rest(oms: RawServer, tmp_path: Path) -> None:
    """After an event, with all that is loaded for one."""
    async with relay(tmp_path, oms.url) as running:
        assert await send(running.api) == 204
        assert resident(running) <= MOST_AT_REST


async def test_several_large_events_arrive_at_once(oms: RawServer, tmp_path: Path) -> None:
    """More than a proxy would let arrive: its requests are small."""
    sale = sample("sale", order="CO-1", business_unit="store-1", number=1, end=NOW)
    made = random.Random(1)  # noqa: S311 - no secret
    noise = b"".join(b"<!--%b-->" % made.randbytes(100_000).hex().encode() for _ in range(26))
    padded = sale.replace(b"</POSLog>", noise + b"</POSLog>")
    event = poslog_event(padded, "zlib", event_id="6", now=NOW, business_day="2026-11-30")
    assert 6 * len(event.body) > MAX_UNFINISHED_BYTES
    async with relay(tmp_path, oms.url) as running:
        assert await asyncio.gather(*(send(running.api, event) for _ in range(6))) == [204] * 6
