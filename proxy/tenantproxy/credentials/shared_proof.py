"""What a tenant's replicas know of the credential in use: in memory, and shared as a note in the store.

A replica that wants to try the credential writes a claim first, by optimistic locking; every verdict is written
at once. What can't be written now is written with the next news; until then each replica goes by what it knows.
"""

import asyncio
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tenantproxy.credentials.proof import Claim, Proof, Tried, from_note
from tenantproxy.credentials.stores.base import CredentialStore, NewNote, Stored, StoreError

_log = logging.getLogger(__name__)

_CLAIM_AGAIN: Final = 1.0
"""Seconds after a claim that came too late: by then what was in its way is known from the store's watch."""
_ALONE_SECONDS: Final = 10.0
"""For which a replica tries by itself after a claim that could not be written."""
_LAST_WRITE: Final = 2.0
"""Seconds that the end of a proxy waits for it."""
_MOST_UNWRITTEN: Final = 8
_NEXT: Final = 0.001
"""Seconds between two times of what happened at once."""

Change = Callable[[Proof], Proof]


class SharedProof:
    """The proof of the credential in use; `on_change` is called when there is news."""

    def __init__(
        self, store: CredentialStore | None, clock: Callable[[], float], on_change: Callable[[Proof, Proof], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_change = on_change
        self._me = secrets.token_hex(4)
        self._own_micros = secrets.randbelow(1000) / 1e6
        self._last_time = -math.inf
        self.proof = Proof()
        self._keys: Mapping[str, str] = {}
        self.shares = False
        """Whether the store that the credential in use came from keeps notes."""
        self._begun = 0
        """Counts credentials: what was done for an earlier one says nothing of this one."""
        self._claimed_until = 0.0
        """Until when our own claim is good; this and the others by the loop's time."""
        self._claim_after = 0.0
        self._alone_until = 0.0
        self._seen_claim: tuple[Claim, float] | None = None
        """Another replica's claim, and when it was first seen: nobody's clock is compared with ours."""
        self._unwritten: list[Change] = []
        self._turn = asyncio.Lock()
        """Held while a note is written: otherwise our own would get into each other's way."""
        self._claiming: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def time(self) -> float:
        """Return the time of what happens now, as its name: no other replica's, and none of ours, is the same."""
        at = math.floor(self._clock() * 1000) / 1000 - self._own_micros
        is_taken = at <= self._last_time < at + 1.0  # beyond that, the clock was set back
        self._last_time = self._last_time + _NEXT if is_taken else at
        return self._last_time

    def change(self, change: Change) -> None:
        """Change what is known: here at once, and in the store. `change` may be applied more than once."""
        self._set(change(self.proof))
        if self._store is not None:
            self._unwritten = [*self._unwritten, change][-_MOST_UNWRITTEN:]
            self._start_writing()

    def note_here(self, change: Change) -> None:
        """Change what is known here alone: it makes no difference to others."""
        self._set(change(self.proof))

    # ---- who tries

    def is_claimed(self, seconds: float) -> bool:
        """Tell whether this replica may try for so many seconds."""
        return not self.shares or _now() < self._alone_until or _now() + seconds <= self._claimed_until

    def claims(self, seconds: float) -> bool:
        """Begin to claim that, unless that is under way or came too late a moment ago; tell whether it begins."""
        begins = self._claiming is None and _now() >= self._claim_after
        if begins:
            self._claiming = asyncio.create_task(self._claim(2 * seconds + 1.0), name="claim of the first login")
        return begins

    @property
    def own_claim(self) -> Claim | None:
        """This replica's claim, if it has one."""
        claim = self.proof.claim
        return claim if claim is not None and claim.by == self._me else None

    def give_back(self, claim: Claim) -> None:
        """Let others try: nothing was learnt."""
        self._claimed_until = 0.0
        self.change(lambda proof: proof.released() if proof.claim == claim else proof)

    def seconds_to_wait(self) -> float:
        """Return for how long another replica may still be trying, or this one must not claim again."""
        return max(self.others_claim(), self._claim_after - _now(), 0.0)

    def others_claim(self, proof: Proof | None = None) -> float:
        """Return for how long another replica's claim is still good; 0: there is none."""
        claim = (proof or self.proof).claim
        if claim is None or claim.by == self._me:
            return 0.0
        if self._seen_claim is None or self._seen_claim[0] != claim:
            self._seen_claim = (claim, _now())
        return max(0.0, self._seen_claim[1] + claim.seconds - _now())

    # ---- what the store says

    def begin(self, stored: Stored | None, fingerprint: str) -> None:
        """Be about another credential from now on, or about the same one that somebody has set once more."""
        self._look_at(stored)
        self._begun += 1
        self._unwritten.clear()
        self._claim_after = self._alone_until = self._claimed_until = 0.0
        now = self._clock()
        own = self.proof.renewed(now, fingerprint)
        noted = from_note(stored.note) if stored is not None else None
        if noted is None or noted.fingerprint != fingerprint:
            noted = (noted or own).renewed(now, fingerprint)
        self._set(msgspec.structs.replace(noted.with_earlier(own.earlier), is_alone=self._is_alone))

    def learn(self, stored: Stored | None, fingerprint: str) -> None:
        """Take what others say of the credential that stays in use."""
        self._look_at(stored)
        self.proof = msgspec.structs.replace(self.proof, fingerprint=fingerprint, is_alone=self._is_alone)
        self._take(from_note(stored.note) if stored is not None else None)

    def is_set_again(self, stored: Stored | None, fingerprint: str) -> bool:
        """Tell whether the store says that somebody has set the credential in use once more."""
        noted = from_note(stored.note) if stored is not None else None
        return noted is not None and self._is_news(noted, fingerprint) and noted.set_at != self.proof.set_at

    def note_of(self, fingerprint: str, set_by: str, tried: Tried | None) -> NewNote:
        """Return what makes the note of a credential that is set now, out of the note that was there."""
        now = self.time()

        def note(old: str | None) -> str:
            before = from_note(old) or self.proof
            if old is not None and (before.set_at, before.fingerprint) == (now, fingerprint):
                return old  # written already, and perhaps claimed by now
            proof = msgspec.structs.replace(before.renewed(now, fingerprint), set_at=now, set_by=set_by)
            if tried is not None and tried.found is not None:
                proof = proof.with_client_auth(tried.found)
            if tried is not None and tried.accepted:
                proof = proof.accepted(now)
            return proof.to_note(before.revision + 1)

        return note

    async def close(self) -> None:
        """Stop; a verdict that is being written still gets the time that this takes."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=_LAST_WRITE)
        tasks = [task for task in (self._claiming, self._writing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ----

    def _look_at(self, stored: Stored | None) -> None:
        self._keys = stored.keys if stored is not None else {}
        self.shares = self._store is not None and stored is not None and bool(stored.uid)

    @property
    def _is_alone(self) -> bool:
        return self._store is not None and not self.shares

    def _is_news(self, noted: Proof, fingerprint: str) -> bool:
        return noted.fingerprint == fingerprint and noted.revision > self.proof.revision

    def _take(self, noted: Proof | None) -> None:
        """Take news of the credential that stays in use; older ones than what is known are none."""
        if noted is not None and self._is_news(noted, self.proof.fingerprint):
            for change in self._unwritten:
                noted = change(noted)
            self._set(noted.with_earlier(self.proof.earlier))
        if self._unwritten:
            self._start_writing()

    def _set(self, proof: Proof) -> None:
        old, self.proof = self.proof, proof
        if proof.claim != old.claim or proof.revision != old.revision:
            self._claim_after = 0.0
        self._on_change(old, proof)

    def _base(self, stored: Stored) -> Proof | None:
        """Return what the store's note says of the credential in use; None: the store holds another one."""
        if stored.keys != self._keys:
            return None
        noted = from_note(stored.note)
        if noted is None:
            return self.proof
        if noted.fingerprint == self.proof.fingerprint:
            return noted
        before = noted.renewed(self._clock(), "").earlier
        revision = max(noted.revision, self.proof.revision)
        return msgspec.structs.replace(self.proof.with_earlier(before), revision=revision)

    async def _claim(self, seconds: float) -> None:
        """Write that this replica tries; whether it may is seen from what is known then."""
        claim, since, begun = Claim(by=self._me, since=self.time(), seconds=seconds), _now(), self._begun

        def change(proof: Proof) -> Proof | None:
            if proof.state == "accepted" or self.others_claim(proof) > 0 or proof.remaining(self._clock()) > 0:
                return None
            return proof.claimed(claim)

        try:
            noted = await self._annotate(lambda proof: change(self._with_unwritten(proof)))
        except StoreError as error:
            _log.info("the first login is not agreed upon with other replicas: %s", error)
            if begun == self._begun:
                self._alone_until = _now() + _ALONE_SECONDS
        else:
            if begun == self._begun:
                self._claim_after = _now() + _CLAIM_AGAIN
                if noted is not None and noted.claim == claim:
                    self._claimed_until = since + seconds
                self._take(noted)
        finally:
            self._claiming = None
            self._on_change(self.proof, self.proof)

    def _with_unwritten(self, proof: Proof) -> Proof:
        for change in self._unwritten:
            proof = change(proof)
        return proof

    def _start_writing(self) -> None:
        if self.shares and self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="note of the credential")

    async def _write(self) -> None:
        try:
            while written := tuple(self._unwritten):
                noted = await self._annotate(self._with_unwritten)
                self._unwritten = [change for change in self._unwritten if change not in written]
                self._take(noted)
        except StoreError as error:
            _log.info("other replicas don't learn how a login ended: %s", error)
        finally:
            self._writing = None

    async def _annotate(self, change: Callable[[Proof], Proof | None]) -> Proof | None:
        """Change the note, and return what it says then. Raises StoreError."""

        def note(stored: Stored) -> str | None:
            before = self._base(stored)
            after = None if before is None else change(before)
            if before is None or after is None or after == before:
                return None
            return after.to_note(max(before.revision, self.proof.revision) + 1)

        if self._store is None:
            raise StoreError("there is none")
        async with self._turn:
            return from_note((await self._store.annotate(note)).note)


def _now() -> float:
    return asyncio.get_running_loop().time()
