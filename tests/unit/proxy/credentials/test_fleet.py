"""No account is locked: replicas by the thousand runs in virtual time, with what happens to them at random.

`make lockouts` runs ten thousand of each; the number in RUNS is what `make check` has time for.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from support.proxy.fleet import HALF_AN_HOUR, TIMEOUT, Fleet, basic, fleet, now, oauth2
from support.waiting import eventually
from tenantproxy.credentials.proof import FIRST_PAUSE, LONG_PAUSE, Tried

RUNS: Final = int(os.environ.get("TENANTPROXY_RUNS", "4"))
FEWER: Final = max(2, RUNS // 10)
"""Of what takes longer."""
FEWEST: Final = max(1, RUNS // 100)
"""Of what has reads all the time, for long."""
MOST: Final = 2
"""Wrong logins within half an hour by the fleet's own doing."""

pytestmark = pytest.mark.virtual_time


async def by_secret(it: Fleet) -> None:
    """Have the platform team write a wrong password into the Secret."""
    await it.settle()
    it.set_secret("wrong")


async def by_put(it: Fleet) -> None:
    """Have an admin set one that nobody has tried."""
    await it.settle()
    await it.put("wrong")


async def at_start(it: Fleet) -> None:
    """Have it wrong before anything runs."""
    it.oms.accepts = {"another"}


Cause = Callable[[Fleet], Awaitable[None]]


def _print(line: str) -> None:
    """Show what was counted, with `-s`."""
    sys.stdout.write(f"\n{line}")


@pytest.mark.parametrize("cause", [by_secret, by_put, at_start])
async def test_a_wrong_credential_locks_no_account(cause: Cause) -> None:
    """Whatever is restarted, killed or rolled out meanwhile: two in half an hour, of all replicas together."""
    notes, most = [], 0
    for seed in range(RUNS):
        async with fleet(seed, password="right", accepts="none yet" if cause is at_start else "right") as it:
            await cause(it)
            begun, notes_before = now(), it.secret.notes
            for _ in range(it.chance.randrange(4)):
                await asyncio.sleep(it.chance.choice([0.0, 0.05, 1.0, FIRST_PAUSE, LONG_PAUSE]))
                if it.chance.random() < 1 / 3:
                    await it.roll_out()
                else:
                    await it.restart(killed=it.chance.random() < 1 / 2)
            await asyncio.sleep(max(0.0, begun + 2 * HALF_AN_HOUR - now()))
            assert len(it.oms.wrong) >= 2, seed
            assert it.oms.most_wrong <= MOST, (seed, it.oms.wrong)
            most = max(most, it.oms.most_wrong)
            notes.append(it.secret.notes - notes_before)
            # Whoever sets the right one need not wait for anything.
            it.oms.accepts = {"set at last"}
            await it.put("set at last")
            at = now()
            await asyncio.sleep(2.0)
            assert {status for when, status in it.answered if when > at + 1.5} <= {200}, seed
            assert it.oms.served["set at last"] >= len(it.replicas)
    _print(
        f"{cause.__name__}: {RUNS} runs: at most {most} wrong logins in half an hour, "
        f"{sum(notes) / len(notes):.1f} notes each, at most {max(notes)}"
    )


@pytest.mark.parametrize("size", [1, 2, 5, 10])
@pytest.mark.parametrize("connections", [1, 2, 10])
async def test_a_rotation_at_the_oms_costs_what_is_in_flight(size: int, connections: int) -> None:
    """No more than that; where it is no more than two, no account is locked, and otherwise it can't be helped."""
    costs: list[int] = []
    locked = 0
    for seed in range(FEWEST):
        async with fleet(seed, size, password="right", connections=connections) as it:
            await it.get_busy()
            it.oms.accepts = {"new"}
            await it.settle()
            costs.append(len(it.oms.wrong))
            assert 1 <= costs[-1] <= size * connections
            it.is_busy = False
            await asyncio.sleep(HALF_AN_HOUR)
            locked += it.oms.most_wrong > MOST
            if size * connections <= MOST:
                assert it.oms.most_wrong <= MOST
            if it.oms.is_locked:
                continue
            await it.put("new")
            at = now()
            await asyncio.sleep(2.0)
            assert {status for when, status in it.answered if when > at + 1.5} <= {200}, seed
    _print(
        f"{size} replicas, maxConnections {connections}: {min(costs)} to {max(costs)} wrong logins at once, "
        f"{locked} of {len(costs)} accounts locked"
    )


@pytest.mark.parametrize("slowest_read", [0.4, 4.8])
@pytest.mark.parametrize("change", ["Secret", "PUT", "PUT, proven"])
async def test_a_rotation_with_overlap_fails_no_read(change: str, slowest_read: float) -> None:
    """Where the OMS takes old and new, however slow it is; the new one is in use within two seconds and a read."""
    slowest, runs = 0.0, FEWER if slowest_read < 1.0 else FEWEST
    for seed in range(runs):
        async with fleet(seed, password="right", connections=5, waiting=0) as it:
            await it.settle()
            it.oms.longest_answer = slowest_read / 2
            it.oms.accepts.add("new")
            await it.get_busy()
            it.answered.clear()
            if change == "Secret":
                it.set_secret("new")
            else:
                await it.put("new", Tried(accepted=True) if change == "PUT, proven" else None)
            at = now()
            await asyncio.sleep(3.0 + 2 * slowest_read)
            assert {status for _, status in it.answered} == {200}, seed
            slowest = max(slowest, it.oms.last_served["right"] - at)
            assert slowest < 1.6 + 2 * slowest_read, seed
            assert it.oms.wrong == []
    _print(
        f"{change}: {runs} runs, reads of {slowest_read} s: the old one is used for {slowest:.2f} s more at most"
    )


@pytest.mark.parametrize("mended_by", ["itself", "PUT"])
async def test_an_oms_that_fails_with_the_new_credential_fails_few_reads(mended_by: str) -> None:
    """One of each replica after each pause, which grows; one minute later, or by a PUT at once, it is in use."""
    most, slowest = 0, 0.0
    failing, within = (40.0, 62.0) if mended_by == "itself" else (4.0, 1.6)
    for seed in range(FEWEST):
        async with fleet(seed, 1 + seed % 5, password="right", waiting=0) as it:
            await it.settle()
            it.oms.accepts.add("new")
            it.oms.fails_for = {"new"}
            it.oms.longest_answer = 1.0
            await it.get_busy()
            it.answered.clear()
            it.set_secret("new")
            await asyncio.sleep(failing)
            failed = sum(status != 200 for _, status in it.answered)
            most = max(most, failed)
            assert 1 <= failed <= 6 * it.size, seed
            it.oms.fails_for, at = set(), now()
            if mended_by == "PUT":
                await it.put("new")
            await asyncio.sleep(within + 5.0)
            slowest = max(slowest, it.oms.last_served["right"] - at)
            assert slowest < within + 2.2, seed  # a call takes 1 s each way, and the note is written, and seen
            assert {each.credential.known().state for each in it.replicas} == {"accepted"}, seed
            assert {status for when, status in it.answered if when > at + 2.0} == {200}, seed
            assert it.oms.wrong == []
    _print(
        f"mended by {mended_by}: at most {most} reads failed in {failing:.0f} s; "
        f"the new one is in use after {slowest:.1f} s"
    )


async def test_a_replica_that_dies_while_it_tries_fails_no_read_of_others() -> None:
    """Where the OMS takes old and new: they go on with the old one until another one may try."""
    for seed in range(FEWEST):
        async with fleet(seed, 2 + seed % 9, password="right", connections=5) as it:
            await it.settle()
            it.oms.accepts.add("new")
            await it.get_busy()
            it.set_secret("new")
            tries = await eventually(it.who_tries, lambda replica: replica is not None, pause=0.001)
            assert tries is not None
            it.replicas.remove(tries)
            await tries.end(killed=True)
            it.answered.clear()
            await asyncio.sleep(4 * TIMEOUT)
            assert {status for _, status in it.answered} == {200}, seed
            assert {each.credential.known().state for each in it.replicas} == {"accepted"}, seed


@pytest.mark.parametrize("change", ["Secret", "PUT"])
async def test_a_rotation_without_overlap_fails_what_is_in_flight(change: str) -> None:
    """Where the OMS takes only the new one from the moment of the change: no pause follows."""
    failed, wrong = [], []
    for seed in range(FEWER):
        size, connections = 1 + seed % 10, 1 + seed % 7
        async with fleet(seed, size, password="right", connections=connections) as it:
            await it.get_busy()
            it.answered.clear()
            it.oms.accepts = {"new"}
            at = now()
            if change == "Secret":
                it.set_secret("new")
            else:
                await it.put("new")
            await asyncio.sleep(3.0)
            late = {status for when, status in it.answered if when > at + 2.0}
            failed.append(sum(status != 200 for _, status in it.answered))
            wrong.append(len(it.oms.wrong))
            assert wrong[-1] <= size * connections
            if wrong[-1] < 3:
                assert late == {200}, seed
    _print(f"{change}: {FEWER} runs: at most {max(failed)} reads failed, {max(wrong)} wrong logins")


@pytest.mark.parametrize("before", ["nothing", "a wrong PUT", "a wrong trial"])
async def test_an_oms_out_of_order_for_a_minute_is_read_again_within_five(before: str) -> None:
    """Nobody has to do anything; where exactly two reads were rejected, after half an hour."""
    slowest, twos = 0.0, 0
    for seed in range(FEWER):
        async with fleet(seed, 1 + seed % 10, password="right", connections=1 + seed % 4) as it:
            if before == "a wrong PUT":
                await it.settle()
                await it.put("wrong")
                await it.settle()
                await it.put("right")
            if before == "a wrong trial":
                await it.settle()
                it.chance.choice(it.replicas).manager.tried(basic("wrong"), Tried(accepted=False))
            await it.get_busy()
            at = now()
            it.oms.rejects_all_until = at + 60.0
            await it.settle()
            it.is_busy = False
            await asyncio.sleep(at + 70.0 - now())
            twos += it.oms.rejected_all == 2
            within = LONG_PAUSE + 60.0 if it.oms.rejected_all == 2 else 300.0
            it.answered.clear()
            await asyncio.sleep(within - 70.0)
            first = min(when for when, status in it.answered if status == 200)
            slowest = max(slowest, 0.0 if it.oms.rejected_all == 2 else first - at)
    _print(
        f"after {before}, {FEWER} runs: "
        f"read again after {slowest:.0f} s at the latest, {twos} times after half an hour"
    )


async def test_without_the_api_server_each_replica_has_its_own_two() -> None:
    """Where it takes no notes, replicas can't know of each other: that is documented."""
    most: dict[int, int] = {}
    for seed in range(FEWER):
        async with fleet(seed, 1 + seed % 10, password="right") as it:
            await it.settle()
            it.secret.refuses_writes = True
            it.set_secret("wrong")
            await asyncio.sleep(2 * HALF_AN_HOUR)
            assert it.oms.most_wrong <= MOST * it.size, seed
            most[it.size] = max(most.get(it.size, 0), it.oms.most_wrong)
    _print(f"without the API server, by replicas: {dict(sorted(most.items()))}")


@pytest.mark.parametrize("change", ["Secret", "PUT", "PUT, proven"])
async def test_a_secret_that_goes_in_the_body_costs_one_login(change: str) -> None:
    """Of all replicas together, for each secret: whoever gets a token first tells the others how."""
    for seed in range(FEWER):
        async with fleet(seed, password="right", kind=oauth2) as it:
            await it.settle()
            assert len(it.oms.wrong) == 1, seed
            await it.restart(killed=it.chance.random() < 1 / 2)
            await it.roll_out()
            await asyncio.sleep(250.0)
            assert len(it.oms.wrong) == 1, "nor do refreshes, and replicas that start later, cost any"
            it.oms.accepts.add("new")
            it.answered.clear()
            if change == "Secret":
                it.set_secret("new")
            else:
                trial = Tried(accepted=True, found="client_secret_post")
                await it.put("new", trial if change == "PUT, proven" else None)
            await it.settle()
            assert len(it.oms.wrong) == (1 if change == "PUT, proven" else 2), seed
            assert {each.credential.known().state for each in it.replicas} == {"accepted"}
            await it.put("new")
            it.tell()
            await it.settle()
            assert len(it.oms.wrong) == (1 if change == "PUT, proven" else 2), "it is known of this secret"
            assert {status for _, status in it.answered} == {200}, seed
            assert it.oms.served["new"] >= len(it.replicas)


async def test_a_replica_that_dies_while_it_tries_has_perhaps_logged_in() -> None:
    """Its claim is void after a while, and counts: the OMS has counted it, though nobody was told."""
    for seed in range(RUNS):
        async with fleet(seed, 1 + seed % 10, password="right") as it:
            await it.settle()
            it.set_secret("wrong")
            await it.oms.was_asked_wrongly.wait()
            tries = it.who_tries()
            assert tries is not None
            it.replicas.remove(tries)
            await tries.end(killed=True)
            it.add()
            await asyncio.sleep(2 * HALF_AN_HOUR)
            assert len(it.oms.wrong) >= 3, seed
            assert it.oms.most_wrong <= MOST, (seed, it.oms.wrong)


async def test_two_replicas_with_mounted_files_lock_no_account() -> None:
    """Each counts for itself: a login for each in half an hour, so that from three on it is their number."""
    for seed in range(FEWER):
        size = 1 + seed % 5
        async with fleet(seed, size, password="right") as it:
            it.secret.is_mounted = True
            it.set_secret("right again")
            it.oms.accepts = {"right again"}
            await it.settle()
            it.oms.wrong.clear()
            it.set_secret("wrong")
            await asyncio.sleep(2 * HALF_AN_HOUR)
            assert it.oms.most_wrong == size, seed
