"""What is known of the credential in use, and what follows for a request: decisions without I/O.

Order systems lock an account after some wrong logins, commonly three within half an hour. So a credential that
nobody knows is tried by one request, and after a rejection pauses grow. Times are Unix seconds, the caller's.
"""

import math
import re
from enum import Enum
from typing import Final, Literal, NamedTuple

import msgspec

from tenantproxy.credentials.authorizer import FoundStyle

FIRST_PAUSE: Final = 150.0
"""Seconds after a rejection: an OMS that rejects a right credential for a minute is read again within five."""
LONG_PAUSE: Final = 31 * 60.0
"""Seconds after each further one: half an hour, and a margin. Of wrong logins so long ago nothing is left."""
COUNTED: Final = 3
"""Wrong logins beyond so many make no difference: the account is locked, or never will be."""
_LONGEST_NOTE: Final = 4096
_WORD: Final = re.compile("(?:[a-z][a-z0-9_-]{0,39})?")
_MOST_TRIED: Final = 600.0
"""Seconds for which a claim may be good."""

State = Literal["untried", "accepted", "rejected"]


class Admission(Enum):
    """What a request may do."""

    GO = "use the credential, as all do"
    TRY = "use it, and report how it ended"
    WAIT = "ask again after the next change, or go on with the former credential"
    CLAIM = "ask again when it is known which replica tries, which this request has just asked"
    REFUSE = "it was rejected, and must not be tried yet"


class Claim(msgspec.Struct, frozen=True, rename="camel"):
    """Which replica tries the credential; the others wait for it."""

    by: str
    since: float
    seconds: float
    """For which it is good, by the clock of who sees it."""


class Proof(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is known of one credential; the replicas of a tenant share it as a note on its Secret (`to_note`)."""

    revision: int = 0
    """Larger after each change."""
    fingerprint: str = ""
    """Of which credential; see `fingerprint`."""
    state: State = "untried"
    claim: Claim | None = None
    wrong_logins: tuple[float, ...] = ()
    """When the OMS, or the token endpoint, rejected it; the last three."""
    earlier: tuple[float, ...] = ()
    """The same of the credentials before it: it may be the same account."""
    retried: bool = False
    """Whether it was rejected once more after a pause."""
    is_alone: bool = False
    """Whether this replica can't tell others, which may have logged in as often as it has; never in a note."""
    accepted_at: float | None = None
    rejected_at: float | None = None
    rejection: str = ""
    """The word in which the token endpoint rejected it, as metrics count it; empty: the OMS did, or it is not."""
    set_at: float | None = None
    """When somebody set it with a PUT, and who."""
    set_by: str = ""
    client_auth: FoundStyle | None = None
    """The style of client authentication that brought a token, where `clientAuth` is `auto`."""

    # ---- what happens to it

    def renewed(self, now: float, fingerprint: str) -> "Proof":
        """Return what is known of another credential in its place, or of the same one that begins anew."""
        wrong = _recent((*self.earlier, *self.wrong_logins), now)
        found = self.client_auth if fingerprint and fingerprint == self.fingerprint else None
        return Proof(revision=self.revision, fingerprint=fingerprint, earlier=wrong, client_auth=found)

    def claimed(self, claim: Claim) -> "Proof":
        """Let one replica try it. Of one that never said how it ended the OMS may have counted a wrong login."""
        wrong = self.wrong_logins
        if self.claim is not None and self.claim.by != claim.by:
            wrong = _recent((*wrong, self.claim.since), claim.since)
        return msgspec.structs.replace(self, claim=claim, wrong_logins=wrong)

    def released(self) -> "Proof":
        """Take the claim back: nothing was learnt; anyone may try."""
        return msgspec.structs.replace(self, claim=None)

    def accepted(self, now: float) -> "Proof":
        """Let it be used by all. What was counted before is over, as at an order system after a right login."""
        return msgspec.structs.replace(
            self,
            state="accepted",
            claim=None,
            wrong_logins=(),
            earlier=(),
            retried=False,
            accepted_at=now,
            rejection="",
        )

    def rejected(self, now: float, logins: int = 1, reason: str = "") -> "Proof":
        """Begin a pause, or go on with it; `logins` is how many wrong logins the OMS has counted for that."""
        is_retry = self.state == "rejected" and self.remaining(now) <= 0
        return msgspec.structs.replace(
            self,
            state="rejected",
            claim=None,
            wrong_logins=_recent((*self.wrong_logins, *_times(now, logins)), now),
            retried=self.retried or is_retry,
            rejected_at=now,
            rejection=reason,
        )

    def wronged(self, now: float, logins: int = 1) -> "Proof":
        """Count a wrong login with another credential: that was in use before, or is only being tried."""
        wrong = _recent((*self.earlier, *_times(now, logins)), now)
        return msgspec.structs.replace(self, earlier=wrong)

    def with_client_auth(self, found: FoundStyle) -> "Proof":
        """Let others begin with the style that works: another one would be a wrong login for each of them."""
        return msgspec.structs.replace(self, client_auth=found)

    def with_earlier(self, wrong_logins: tuple[float, ...]) -> "Proof":
        """Count what somebody else has counted, too, since it was accepted."""
        since = self.accepted_at or 0.0
        every = {*self.earlier, *(at for at in wrong_logins if at > since)} - {*self.wrong_logins}
        return msgspec.structs.replace(self, earlier=tuple(sorted(every))[-COUNTED:])

    # ---- what follows

    def pause(self) -> float:
        """Return the seconds between the last rejection and the next attempt that nobody asks for.

        The second of two wrong logins is followed by a long one, as the third could lock the account. Where there
        were more at once, in flight when the OMS changed its mind, it has been locked by now, or can't be. A
        replica that is alone reckons with another, unless the credential was accepted: then the OMS is in trouble.
        """
        wrong = _recent((*self.earlier, *self.wrong_logins), self.rejected_at or 0.0)
        is_doubtful = self.is_alone and self.accepted_at is None
        return LONG_PAUSE if self.retried or is_doubtful or len(wrong) == COUNTED - 1 else FIRST_PAUSE

    def remaining(self, now: float) -> float:
        """Return the seconds that remain of the pause, never more than a whole one; 0: there is none."""
        if self.state != "rejected" or self.rejected_at is None:
            return 0.0
        pause = self.pause()
        return min(max(0.0, self.rejected_at + pause - now), pause)

    # ---- as a note

    def to_note(self, revision: int) -> str:
        """Return it as text, as its next revision."""
        return msgspec.json.encode(msgspec.structs.replace(self, revision=revision, is_alone=False)).decode()


class Tried(NamedTuple):
    """What came of an attempt with a credential beside the requests."""

    accepted: bool | None
    """None: of the credential nothing was learnt."""
    wrong_logins: int = 1
    """That a rejection has cost."""
    found: FoundStyle | None = None
    """The style of client authentication that brought a token, where `clientAuth` is `auto`."""


class Known(NamedTuple):
    """What a tenant's admin may see of the credential in use."""

    state: Literal["untried", "trying", "accepted", "rejected"]
    set_at: float | None
    """Unix seconds, like the others. None: it was not set with a PUT, or nobody knows any more."""
    set_by: str
    accepted_at: float | None
    rejected_at: float | None
    next_try_seconds: float | None
    """Until it is tried again by itself, if it was rejected."""
    found: FoundStyle | None = None
    """The style of client authentication that brought a token, where `clientAuth` is `auto`."""


def from_note(text: str | None) -> Proof | None:
    """Return what a note says; None: there is none that can be understood."""
    if text is None or len(text) > _LONGEST_NOTE:
        return None
    try:
        proof = msgspec.json.decode(text, type=Proof)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return proof if _is_sound(proof) else None


def _is_sound(proof: Proof) -> bool:
    claim = proof.claim
    times = (
        *(*proof.wrong_logins, *proof.earlier),
        *(at for at in (proof.accepted_at, proof.rejected_at, proof.set_at) if at is not None),
        *((claim.since, claim.seconds) if claim is not None else ()),
    )
    return (
        all(math.isfinite(at) and at >= 0 for at in times)
        and 0 <= proof.revision < 2**53
        and (claim is None or claim.seconds <= _MOST_TRIED)
        and (proof.state != "rejected" or proof.rejected_at is not None)
        and _WORD.fullmatch(proof.rejection) is not None
    )


def _times(now: float, logins: int) -> list[float]:
    """Return as many times as there were logins at once, none of them twice."""
    return [now + index / 1000 for index in range(logins)]


def _recent(logins: tuple[float, ...], now: float) -> tuple[float, ...]:
    """Return the last few of those that may still be counted; each time stands for one login."""
    return tuple(sorted({at for at in logins if at > now - LONG_PAUSE}))[-COUNTED:]
