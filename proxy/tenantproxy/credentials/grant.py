"""What a request goes to the OMS with, and by what right."""

import asyncio
from enum import Enum

from tenantproxy.credentials.authorizer import Authorization, Authorizer
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.cooldown import TokenCooldown
from tenantproxy.credentials.login_gate import LoginGate


class Use:
    """One credential while it is in use; what comes of its requests later is not about the one after it."""

    def __init__(self, credential: Credential, gate: LoginGate) -> None:
        self.credential = credential
        self.gate: LoginGate | None = gate
        self.authorizer: Authorizer
        self.cooldown = TokenCooldown()
        self.changed = asyncio.Event()
        self._proven: Grant | None = None

    @property
    def is_proven(self) -> bool:
        """Whether all requests may go: the OMS takes it, as far as is known."""
        return self.cooldown.is_over and self.gate is not None and self.gate.is_open

    def proven(self, authorization: Authorization) -> "Grant":
        """Return a grant for all requests that go with this authorization: their end tells nothing new."""
        if self._proven is None or self._proven.authorization is not authorization:
            self._proven = Grant(authorization, self, Way.PROVEN)
        return self._proven

    def may_log_in(self) -> bool:
        """Tell a refresh whether it may send the secret again: only one that is proven."""
        return self.gate is not None and self.gate.is_open

    def wake(self) -> None:
        """Have those ask again who wait for the request that tries a token."""
        self.changed.set()
        self.changed = asyncio.Event()

    def rejected(self, logins: int) -> None:
        """Take note that the token endpoint rejected it."""
        if self.gate is not None:
            self.gate.rejected(logins)


class Way(Enum):
    """How a request came to its authorization."""

    PROVEN = "the credential is proven"
    TRIES = "it tries the credential; its end must be reported"
    TRIES_TOKEN = "the OMS has rejected a token before; its end must be reported"
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
