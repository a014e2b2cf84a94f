"""The system's resolver in threads of its own."""

import asyncio
import socket
import threading

import pytest

from support.proxy.names import names
from support.waiting import eventually
from tenantproxy.transport.dns import MAX_LOOKUPS, ThreadedResolver


async def test_names_and_addresses() -> None:
    """A name gives what the system says, a literal address itself, and no thread is left."""
    lookups = ThreadedResolver()
    assert "127.0.0.1" in {result["host"] for result in await lookups.resolve("localhost", 80)}
    (result,) = await lookups.resolve("::1", 443)
    assert (result["host"], result["port"], result["family"]) == ("::1", 443, socket.AF_INET6)
    await lookups.close()


@pytest.mark.parametrize("name", ["nothing.invalid", "a" * 64, "a" * 300, "a..b", "\ud800", "nul\0"])
async def test_what_is_no_name(name: str) -> None:
    """Whatever is asked, an answer or an `OSError` comes back, as a client expects it."""
    with pytest.raises(OSError, match=r"."):
        await ThreadedResolver().resolve(name, 80)


async def test_names_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold a few places: one each, however often it is asked for; no other thread waits for them."""
    with names(monkeypatch, {"good.example": "127.0.0.1"}) as system:
        lookups = ThreadedResolver()
        asking = [
            asyncio.create_task(lookups.resolve(f"n{number % MAX_LOOKUPS}.hangs.example"))
            for number in range(10 * MAX_LOOKUPS)
        ]
        await eventually(system.count, MAX_LOOKUPS.__eq__)
        with pytest.raises(socket.gaierror, match="too many other names"):
            await lookups.resolve("good.example")
        assert (await ThreadedResolver().resolve("good.example", 80))[0]["host"] == "127.0.0.1", (
            "another one's is free"
        )
        assert (await lookups.resolve("127.0.0.1", 80))[0]["host"] == "127.0.0.1", "an address needs no place"
        assert await asyncio.to_thread(lambda: "read") == "read"
        for task in asking[1:]:
            task.cancel()
        system.release()
        with pytest.raises(socket.gaierror, match="no answer in time"):
            await asking[0]
        await asyncio.gather(*asking, return_exceptions=True)
        assert (await lookups.resolve("good.example", 80))[0]["host"] == "127.0.0.1", "the places are free again"
        assert system.most_hanging == MAX_LOOKUPS


async def test_a_lost_question_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup that has hung for a while is not the only one of its name; a third one there is not."""
    monkeypatch.setattr("tenantproxy.transport.dns._SHARED_SECONDS", 0.0)
    with names(monkeypatch) as system:
        lookups = ThreadedResolver()
        waiting = [asyncio.create_task(lookups.resolve("a.hangs.example", 80))]
        await eventually(system.count, (1).__eq__)
        system.hang = False
        assert (await lookups.resolve("a.hangs.example", 80))[0]["host"] == "127.0.0.1"
        system.hang = True
        waiting += [asyncio.create_task(lookups.resolve("a.hangs.example", 80)) for _ in range(5)]
        await eventually(system.count, (2).__eq__)
        system.release()
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(failure) for failure in failures} == {socket.gaierror}
        assert system.most_hanging == 2


async def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error like others, and takes no place."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lookups = ThreadedResolver()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        for _ in range(2 * MAX_LOOKUPS):
            with pytest.raises(OSError, match="no thread"):
                await lookups.resolve("localhost")
    assert await lookups.resolve("localhost")
