"""Each trouble of docs/troubleshooting.md with store events: a real relay has it, doctor names it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from support.proxy.oms import answering, http, raw_server
from support.proxy.relaying import SECRETS, RunningRelay, event_of, login, relay_config, running_relay, signed
from tenantproxy_operator.doctor.events import ROWS
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.view import Process, TenantView, View
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy
from tenantproxy_operator.fleet.samples import read_samples

TAKEN: Final = http(204)
PROXY: Final = TenantProxy(metadata=Metadata(name="acme", namespace="tenants"))


async def pickup(relay: RunningRelay) -> None:
    """Send a pickup."""
    await relay.send(event_of("pickup"))


async def somebody_elses(relay: RunningRelay) -> None:
    """Send a pickup with another password."""
    event = event_of("pickup")
    await relay.send(event, {**login(password="another"), **signed(event.body)})


async def not_json(relay: RunningRelay) -> None:
    """Send what is no event."""
    await relay.send(b"{")


async def of_another_source(relay: RunningRelay) -> None:
    """Send an event of a source that is not about transactions."""
    other = msgspec.json.decode(event_of("pickup").body) | {"type": "iam.users.v1"}
    await relay.send(msgspec.json.encode(other))


async def elsewhere(relay: RunningRelay) -> None:
    """Send a pickup to a path that nobody serves."""
    await relay.request("POST", "/others", data=b"{}")


class Case(NamedTuple):
    """How a trouble comes about."""

    act: Callable[[RunningRelay], Awaitable[None]] = pickup
    answer: bytes = TAKEN
    secrets: Mapping[str, str] | None = SECRETS
    config: Mapping[str, Any] = MappingProxyType({})
    is_seen_at_once: bool = False
    """Before any event has come."""


CASES: Final = {
    "event-unauthorized": Case(somebody_elses),
    "malformed-event": Case(not_json),
    "unsupported-event-type": Case(of_another_source),
    "event-too-large": Case(config={"limits": {"maxEventBytes": 1024}}),
    "not-found": Case(elsewhere),
    "poslog-secret-missing": Case(secrets=None, is_seen_at_once=True),
    "event-refused": Case(answer=http(400)),
    "poslog-stopped": Case(answer=http(410)),
    "poslog-paused": Case(answer=http(503, retry_after="60")),
}


def test_every_row_has_a_case() -> None:
    """What doctor knows of events a relay can have."""
    assert CASES.keys() == ROWS.keys()


@pytest.mark.parametrize("id_", CASES)
async def test_trouble(id_: str, tmp_path: Path) -> None:
    """It is named, in words of events; where nothing has happened, nothing is said."""
    case = CASES[id_]
    async with (
        raw_server(answering(case.answer)) as oms,
        running_relay(relay_config(oms.url, **case.config), tmp_path, secrets=case.secrets) as relay,
    ):
        before = (await relay.admin("/metrics")).body
        assert _found(before, before) == ({id_} if case.is_seen_at_once else set())
        await case.act(relay)
        assert id_ in _found(before, (await relay.admin("/metrics")).body)


def _found(before: bytes, now: bytes) -> set[str]:
    process = Process(name="acme-poslog-1", before=read_samples(before), now=read_samples(now), metrics=now)
    view = View(now=time.time(), tenants=(TenantView(proxy=PROXY, relays=(process,), is_local=True, serves=True),))
    return {each.id for each in findings(view)} - {"untried"}
