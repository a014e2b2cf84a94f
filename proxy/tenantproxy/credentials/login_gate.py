"""Who may log in with the credential in use: the first request tries it, and a rejection begins a pause."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from tenantproxy.credentials.authorizer import FoundStyle
from tenantproxy.credentials.proof import COUNTED, Admission, Known, Proof, Tried
from tenantproxy.credentials.shared_proof import SharedProof
from tenantproxy.credentials.stores.base import CredentialStore, NewNote, Stored

_RELEASES: Final = 3
"""Claims on one credential that are given back early: where the OMS fails, not each read may write."""


class LoginGate:
    """The gate of one proxy, before the credential in use; but for `changed`, its calls neither wait nor fail."""

    def __init__(
        self,
        store: CredentialStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        on_verdict: Callable[[Proof], None] = lambda _: None,
    ) -> None:
        """Begin without a credential; `clock` is in Unix seconds.

        `on_verdict` is told of each verdict, and of each wrong login with another credential.
        """
        self._clock = clock
        self._on_verdict = on_verdict
        self._shared = SharedProof(store, clock, self._on_change)
        self.is_open = False
        """Whether the credential is proven."""
        self.may_forget = False
        """Whether it is, and wrong logins with others are counted: until it is accepted once more."""
        self._trying = False
        self._waiting = 0
        self._releases = 0
        self._changed = asyncio.Event()

    # ---- for a request

    @property
    def is_closed(self) -> bool:
        """Whether it was rejected."""
        return self._shared.proof.state == "rejected"

    @property
    def rejection(self) -> str:
        """The word in which the token endpoint rejected it, also to another process; empty: it did not."""
        return self._shared.proof.rejection

    def remaining(self) -> float:
        """Return the seconds until it may be tried again."""
        return self._shared.proof.remaining(self._clock())

    def admit(self, seconds: float) -> Admission:
        """Return what a request may do that needs at most so many seconds; the end of a `TRY` must be reported."""
        if self.is_open:
            return Admission.GO
        if self._trying or self._shared.others_claim() > 0:
            return Admission.WAIT
        if self.remaining() > 0:
            return Admission.REFUSE
        if not self._shared.is_claimed(seconds):
            return Admission.CLAIM if self._shared.claims(seconds) else Admission.WAIT
        self._trying = True
        return Admission.TRY

    async def changed(self, at_most: float | None = None) -> None:
        """Wait until it makes sense to ask again, or for so many seconds."""
        self._waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(at_most), asyncio.timeout(self._shared.seconds_to_wait() or None):
                    await self._changed.wait()
        finally:
            self._waiting -= 1

    # ---- how a login ended

    def accepted(self) -> None:
        """Open the gate for all; what was counted before is forgotten."""
        now = self._shared.time()
        self._trying = False
        if not self.is_open or self.may_forget:
            self._shared.change(lambda proof: proof.accepted(now))

    def rejected(self, logins: int = 1, reason: str = "") -> None:
        """Close it for a while after so many wrong logins; those that were in flight with others count as well.

        `reason`: the token endpoint's word, if that rejected it.
        """
        now, proof = self._shared.time(), self._shared.proof
        self._trying, self._releases = False, 0
        makes_difference = not self.is_closed or len(proof.wrong_logins) < COUNTED or self.remaining() <= 0
        change = self._shared.change if makes_difference else self._shared.note_here
        change(lambda proof: proof.rejected(now, logins, reason))

    def wronged(self, logins: int = 1) -> None:
        """Count a wrong login with another credential than the one in use."""
        now = self._shared.time()
        if len(self._shared.proof.earlier) < COUNTED:
            self._shared.change(lambda proof: proof.wronged(now, logins))

    @property
    def found(self) -> FoundStyle | None:
        """The style of client authentication that brought a token."""
        return self._shared.proof.client_auth

    def has_found(self, style: FoundStyle) -> None:
        """Tell all which style of client authentication brought a token."""
        if style != self.found:
            self._shared.change(lambda proof: proof.with_client_auth(style))

    def released(self) -> None:
        """Let the next request try: the last one ended without an answer that says anything."""
        self._trying = False
        claim = self._shared.own_claim
        if claim is not None and not self._waiting and self._releases < _RELEASES:
            self._releases += 1
            self._shared.give_back(claim)
        else:
            self._wake()

    # ---- another credential, or news of this one

    def is_set_again(self, stored: Stored | None, fingerprint: str) -> bool:
        """Tell whether the store says that somebody has set the credential in use once more."""
        return self._shared.is_set_again(stored, fingerprint)

    def begin(self, stored: Stored | None, fingerprint: str) -> None:
        """Stand before another credential, or before the same one once more: it is tried at once."""
        self._trying, self._releases = False, 0
        self._shared.begin(stored, fingerprint)
        self._on_verdict(self._shared.proof)

    def learn(self, stored: Stored | None, fingerprint: str) -> None:
        """Take what others say of the credential that stays in use."""
        self._shared.learn(stored, fingerprint)

    def note_of(self, fingerprint: str, set_by: str, tried: Tried | None) -> NewNote:
        """Return what makes the note of a credential that is set now, out of the note that was there."""
        return self._shared.note_of(fingerprint, set_by, tried)

    def known(self) -> Known:
        """Return what may be shown."""
        proof = self._shared.proof
        is_tried = not self.is_open and (self._trying or self._shared.others_claim() > 0)
        return Known(
            state="trying" if is_tried else proof.state,
            set_at=proof.set_at,
            set_by=proof.set_by,
            accepted_at=proof.accepted_at,
            rejected_at=proof.rejected_at,
            next_try_seconds=self.remaining() if self.is_closed else None,
            found=self.found,
        )

    async def close(self) -> None:
        """Stop; a claim by which nothing is under way goes back, so that nobody waits for it."""
        claim = self._shared.own_claim
        if claim is not None and not self._trying:
            self._shared.give_back(claim)
        await self._shared.close()

    def _on_change(self, old: Proof, new: Proof) -> None:
        self.is_open = new.state == "accepted"
        self.may_forget = self.is_open and bool(new.earlier)
        if (new.state, new.rejected_at, new.earlier) != (old.state, old.rejected_at, old.earlier):
            self._on_verdict(new)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
