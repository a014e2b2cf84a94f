"""A relay beside a tenant's proxy: its ports, its keys, and what is told of it."""

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.operator.manifests import params
from tenantproxy_operator.api.names import POSLOG
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.manifests import Origin, SecretManifest
from tenantproxy_operator.local.ports import PortError, bind
from tenantproxy_operator.local.relays import PORTS_ABOVE, Relays, first_event, keys_of, missing_keys
from tenantproxy_operator.local.source import DesiredTenant
from tenantproxy_operator.local.state import TenantState
from tenantproxy_operator.manifests.reader import parse_documents

ACME = Key("tenants", "acme")
_PLAYER = """
import signal, sys
assert sys.argv[1:3] == ["poslog", "serve"], sys.argv
assert "--poslog-secrets" in sys.argv
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('{"event": "ready"}', flush=True)
sys.stdin.read()
"""
_PATIENCE = 15
_RELAY: dict[str, Any] = {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}


class _Run:
    def __init__(self, relays: Relays, events: asyncio.Queue[dict[str, Any]]) -> None:
        self.relays = relays
        self._events = events

    async def event(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._events.get(), _PATIENCE)


@contextlib.asynccontextmanager
async def _running() -> AsyncIterator[_Run]:
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    relays = Relays(
        lambda event, **fields: events.put_nowait({"event": event, **fields}),
        lambda runner: asyncio.create_task(runner.run()),
        program=(sys.executable, "-c", _PLAYER),
        log_level="info",
        log_format="json",
        inherited=(),
    )
    try:
        yield _Run(relays, events)
    finally:
        await relays.stop(ACME)


def _free_base() -> int:
    """Return a port of which that of a relay, and the next one, are free."""
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(PortError):
            bind(port, ACME).close()
            return port - PORTS_ABOVE
    raise AssertionError("no free ports")


async def test_its_life(tmp_path: Path) -> None:
    """It serves at ports that its tenant's lead to, follows a change there, and goes with its sockets."""
    state, base = TenantState(tmp_path, *ACME, POSLOG), _free_base()
    async with _running() as run:
        run.relays.bring(ACME, b"one", state, base)
        url = f"http://127.0.0.1:{base + PORTS_ABOVE}/events"
        assert run.relays.urls_of(ACME) == {"events": url}
        ready = await run.event()
        assert (ready["event"], ready["events"], ready["tenant"]) == ("relay-ready", url, "acme")
        assert run.relays.admins() == {ACME: ready["admin"]}
        run.relays.bring(ACME, b"two", state, base)
        assert (await run.event())["event"] == "relay-reloaded"
        assert (tmp_path / "tenants/acme/poslog.json").read_bytes() == b"two"
        await run.relays.stop(ACME)
        assert run.relays.urls_of(ACME) == {}
        bind(base + PORTS_ABOVE, ACME).close()


async def test_taken_ports(tmp_path: Path) -> None:
    """Then it has others: what takes them may be another tenant of a large fleet."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with _running() as run:
            run.relays.bring(ACME, b"one", TenantState(tmp_path, *ACME, POSLOG), port - PORTS_ABOVE)
            ready = await run.event()
            assert ready["event"] == "relay-ready"
            assert f":{port}/" not in ready["events"]


def _secret(**data: str) -> SecretManifest:
    (document,), _ = parse_documents(b"{}", Path("s.yaml"))
    return SecretManifest(Origin(document, "Secret", ACME), data)


def _wanted(secret: SecretManifest | None) -> DesiredTenant:
    resource = params({"spec.poslog": _RELAY}).resource
    return DesiredTenant(resource, secret, None, None, None)


def test_keys(tmp_path: Path) -> None:
    """Only its own are written; they stay where the manifest is gone."""
    state = TenantState(tmp_path, *ACME, POSLOG)
    assert missing_keys(_wanted(None), state) == ["poslogSharedKey"]
    secret = _secret(username="u", poslogSharedKey="k")
    assert missing_keys(_wanted(secret), state) == []
    state.write_poslog_keys(keys_of(secret))
    assert state.poslog_keys() == ["poslogSharedKey"]
    state.write_poslog_keys(keys_of(None))
    assert missing_keys(_wanted(None), state) == []
    assert missing_keys(_wanted(_secret(username="u")), state) == ["poslogSharedKey"]


@pytest.mark.parametrize(
    ("verification", "needed", "command"),
    [
        ({"sharedKey": True}, 2, "tenantproxy poslog send --url http://u/events --sample pickup"),
        ({"basic": True}, 1, "tenantproxy poslog send --url http://u/events --sample pickup"),
        (
            {"idToken": {"audience": "a"}},
            0,
            "tenantproxy poslog send --url http://u/events --sample pickup --id-token a",
        ),
    ],
)
def test_first_event(verification: dict[str, Any], needed: int, command: str) -> None:
    """Before the command stands what it needs of the Secret, which is never printed."""
    relay = params({"spec.poslog": _RELAY | {"verification": verification}}).resource.relay
    assert relay is not None
    *before, last = first_event(relay, "http://u/events")
    assert (len(before), last) == (needed, command)
