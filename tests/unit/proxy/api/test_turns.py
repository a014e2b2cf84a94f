"""Whose turn a request takes where many wait."""

import asyncio
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest

from support.proxy import tokens
from support.proxy.oms import RawServer, held_until
from support.proxy.running import BASIC, PUT_PATH, proxy_config, running_proxy
from tenantproxy.entrance import Entrance, Loop


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[Hashable]:
    """Let each request wait for a turn, and note whose it takes."""
    taken: list[Hashable] = []
    admits, wait = Entrance.admits, Entrance.wait

    def none(entrance: Entrance[Any]) -> bool:
        entrance._room = 0
        return admits(entrance)

    def noting(entrance: Entrance[Any], member: Any, caller: Hashable, size: int) -> None:
        taken.append(caller)
        wait(entrance, member, caller, size)

    monkeypatch.setattr(Entrance, "wait", noting)
    monkeypatch.setattr(Entrance, "admits", none)
    return taken


async def test_requests_begin_as_the_oms_has_connections_for_them(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that it has not answered takes room."""
    rooms: list[Callable[[], int]] = []
    prepare = Entrance.__init__

    def noting(entrance: Entrance[Any], loop: Loop, room: Callable[[], int]) -> None:
        rooms.append(room)
        prepare(entrance, loop, room)

    monkeypatch.setattr(Entrance, "__init__", noting)
    release = asyncio.Event()
    async with running_proxy(proxy_config(oms.url, maxConnections=40), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200
        (room,) = rooms
        assert room() == 40
        oms.play = held_until(release)
        reads = [asyncio.create_task(proxy.get()) for _ in range(10)]
        await oms.reached(10)
        assert room() == 30
        release.set()
        await asyncio.gather(*reads)
        assert room() == 40


async def test_a_known_caller_has_turns_of_its_own(oms: RawServer, tmp_path: Path, turns: list[Hashable]) -> None:
    """Whatever its tokens; others share those of their address, and gain nothing by ever other tokens."""
    configuration = proxy_config(oms.url, access=tokens.access(tmp_path))
    first, other = tokens.machine_token(sub="first"), tokens.machine_token(sub="other")
    again = tokens.machine_token(sub="first", jti="another token")
    async with running_proxy(configuration, tmp_path, BASIC) as proxy:
        for _ in range(2):
            for token in (first, other, again):
                assert (await proxy.get(headers=tokens.bearer(token))).status == 200
        unknown, known = turns[:3], turns[3:]
        assert unknown == [unknown[0]] * 3
        assert known[0] == known[2] not in (known[1], unknown[0])
        turns.clear()
        for number in range(3):
            assert (await proxy.get(headers=tokens.bearer(f"fresh.{number}.token"))).status == 401
        assert (await proxy.get()).status == 401
        assert turns == [unknown[0]] * 4


async def test_what_sets_a_credential_or_asks_for_a_page_waits_for_no_reads(
    oms: RawServer, tmp_path: Path, turns: list[Hashable]
) -> None:
    """Where all come from one address, too; made-up methods gain nothing."""
    configuration = proxy_config(
        oms.url, access=tokens.access(tmp_path, cors={"allowedOrigins": ["https://shop"]})
    )
    async with running_proxy(configuration, tmp_path, BASIC) as proxy:
        for method in ("GET", "PUT", "OPTIONS", "DELETE", "PROPFIND"):
            await proxy.request(method, PUT_PATH, headers=tokens.bearer("un.kno.wn"))
    read, put, options, *others = turns
    assert len({read, put, options}) == 3
    assert others == [read, read]
