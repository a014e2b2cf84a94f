"""What a request goes to the OMS with, and by what right."""

import asyncio
from enum import Enum
from typing import Final

from tenantproxy.backoff import Backoff
from tenantproxy.credentials.authorizer import Authorization, Authorizer, FoundStyle
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.cooldown import TokenCooldown
from tenantproxy.credentials.login_gate import LoginGate
from tenantproxy.credentials.proof import Admission
from tenantproxy.problems import Problem, retry_after

_FIRST_PAUSE: Final = 1.0
"""Seconds after an attempt that told nothing, doubling to the longest. Meanwhile the former credential serves."""
_LONGEST_PAUSE: Final = 60.0


class Use:
    """One credential while it is in use; what comes of its requests later is not about the one after it."""

    def __init__(self, credential: Credential, gate: LoginGate) -> None:
        self.credential = credential
        self.gate: LoginGate | None = gate
        self.authorizer: Authorizer
        self.cooldown = TokenCooldown()
        self.changed = asyncio.Event()
        self._met: tuple[float, Problem] | None = None
        self._pauses = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, spread="none")
        self._next_try = 0.0
        self._proven: Grant | None = None

    @property
    def is_proven(self) -> bool:
        """Whether all requests may go: the OMS takes it, as far as is known."""
        return self.cooldown.is_over and self.gate is not None and self.gate.is_open

    def at_hand(self) -> "Grant | None":
        """Return what all requests may go with now, as its end tells nothing new; None: there is no such thing."""
        if not self.is_proven or (authorization := self.authorizer.at_hand()) is None:
            return None
        if self._proven is None or self._proven.authorization is not authorization:
            self._proven = Grant(authorization, self, Way.PROVEN)
        return self._proven

    def former(self) -> "Grant | None":
        """Return what requests go on with while its successor is tried; None: it is not proven itself.

        The OMS has accepted it, so that it is no wrong login; a token that it got before needs no new one.
        """
        grant = self.at_hand()
        return None if grant is None else Grant(grant.authorization, self, Way.FORMER)

    def met(self, problem: Problem) -> None:
        """Take note of what came of an attempt with it, from which nothing was learnt of it."""
        now = _now()
        self._met = (now, problem)
        self._next_try = now + self._pauses.next()

    @property
    def may_be_tried(self) -> bool:
        """Whether the last attempt that told nothing is long enough ago, where there is a former credential."""
        return _now() >= self._next_try

    def met_within(self, seconds: float) -> Problem | None:
        """Return what such a request met with, if that was so many seconds ago at most."""
        if self._met is None or _now() > self._met[0] + seconds:
            return None
        problem = self._met[1]
        return Problem(problem.code, problem.detail, headers=problem.headers, reason=problem.reason)

    def may_log_in(self) -> bool:
        """Tell a refresh whether it may send the secret again: only one that is proven."""
        return self.gate is not None and self.gate.is_open

    def wake(self) -> None:
        """Have those ask again who wait for the request that tries a token."""
        self.changed.set()
        self.changed = asyncio.Event()

    def release_token(self) -> None:
        """Let the next request try the token: the last one ended without an answer that says anything."""
        self.cooldown.released()
        self.wake()

    def rejected(self, logins: int, reason: str) -> None:
        """Take note that the token endpoint rejected it, and in which word."""
        if self.gate is not None:
            self.gate.rejected(logins, reason)

    def found(self) -> FoundStyle | None:
        """Return the style of client authentication that is known to work."""
        return None if self.gate is None else self.gate.found

    def has_found(self, style: FoundStyle) -> None:
        """Take note of the style that works."""
        if self.gate is not None:
            self.gate.has_found(style)


class Way(Enum):
    """How a request came to its authorization."""

    PROVEN = "the credential is proven"
    TRIES = "it tries the credential; its end must be reported"
    TRIES_TOKEN = "the OMS has rejected a token before; its end must be reported"
    FORMER = "by the credential before, while another request tries the new one"
    HELD = "by a token that is still good, while no other may be fetched"


class Grant:
    """What a request goes to the OMS with; it may come to another authorization."""

    __slots__ = ("authorization", "in_flight", "use", "way")

    def __init__(self, authorization: Authorization, use: Use, way: Way) -> None:
        self.authorization = authorization
        self.use = use
        self.way = way
        self.in_flight = False
        """Whether its request is still under way, though its caller has gone."""

    @property
    def is_cooling(self) -> bool:
        """Whether nothing may be sent with its token now, which the OMS has rejected."""
        return self.use.cooldown.holds(_now(), self.authorization)

    async def past_cooldown(self) -> Admission:
        """Return whether it may be used now, after waiting for the request that goes first; `WAIT`: ask again."""
        admission = self.use.cooldown.admit(_now(), self.authorization)
        if admission is Admission.TRY:
            self.way = Way.TRIES_TOKEN
        elif admission is Admission.WAIT:
            await self.use.changed.wait()
        return admission

    def begin_cooldown(self) -> None:
        """Take note that the OMS rejected its token."""
        self.use.cooldown.rejected(_now(), self.authorization)

    def cooling(self) -> Problem:
        """Return the answer to a request that the OMS would reject."""
        pause = retry_after(self.use.cooldown.remaining(_now()))
        return Problem("upstream-rejected-credentials", "The OMS rejected the access token.", headers=pause)


def _now() -> float:
    return asyncio.get_running_loop().time()
