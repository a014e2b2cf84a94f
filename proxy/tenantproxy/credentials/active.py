"""The credential in use: it authorizes requests, and spares the OMS one that it has rejected."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from tenantproxy.credentials.authorizer import Authorization, Authorizer, SupersededError
from tenantproxy.credentials.base import Credential, CredentialError, TokenClients
from tenantproxy.credentials.cooldown import COOLDOWN, CredentialCooldown
from tenantproxy.credentials.formats import digest
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.metrics import Metrics
from tenantproxy.problems import Problem, retry_after

_NOT_CONFIGURED: Final = (
    "credentials-not-configured",
    "An admin of the tenant sets it with PUT /api/v1/proxy-config.",
)


class Grant(NamedTuple):
    """What a request goes to the OMS with; the end of a probe must be reported."""

    authorization: Authorization
    is_probe: bool


class ActiveCredential:
    """At most one credential at a time; replacing it interrupts nothing."""

    def __init__(
        self, clients: TokenClients, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._metrics = metrics
        self._clock = clock
        self._cooldown = CredentialCooldown()
        self._probe_ended = asyncio.Event()
        self._digest = _digest(None)
        self._authorizer: Authorizer | None = None
        self._lacking = _NOT_CONFIGURED
        self._accepted: bool | None = None

    @property
    def is_usable(self) -> bool:
        """Whether there is one."""
        return self._authorizer is not None

    async def use(self, credential: Credential | CredentialError | None) -> bool:
        """Use another credential (None: there is none) from now on; return whether it is another one.

        What is in flight keeps the credential that it began with.
        """
        new = _digest(credential)
        if new == self._digest:
            return False
        known = credential if isinstance(credential, Credential) else None
        authorizer = None if known is None else known.authorizer(self._clients, self._metrics)
        # Only now, so that what fails above leaves the old one in use.
        if credential is None:
            self._lacking = _NOT_CONFIGURED
        elif known is None:
            self._lacking = ("credentials-invalid", f"The Secret can't be used: {credential}.")
        old, self._authorizer = self._authorizer, authorizer
        self._digest = new
        self._accepted = None
        self._metrics.credential_changed(known.type if known is not None else None, among=KINDS)
        if old is not None:
            await old.close()
        return True

    async def first_attempt(self) -> None:
        """Wait until the first attempt at a token has ended, where the credential needs one."""
        while (authorizer := self._authorizer) is not None:
            await authorizer.first_attempt()
            if authorizer is self._authorizer:
                return

    async def close(self) -> None:
        """Stop all that it does."""
        if self._authorizer is not None:
            await self._authorizer.close()

    # ---- for a request

    async def authorize(self) -> Grant:
        """Return what to go to the OMS with; after a rejection one request goes first, and the others wait.

        Raises:
            Problem: There is no credential, no token, or the OMS has just rejected it.

        """
        while True:
            if self._authorizer is None:
                raise Problem(*self._lacking)
            try:
                authorization = await self._authorizer.authorization()
            except SupersededError:
                continue
            admission = self._cooldown.admit(self._clock(), authorization)
            if admission == "refuse":
                raise _rejected(self._cooldown.remaining(self._clock()))
            if admission != "wait":
                return Grant(authorization, is_probe=admission == "probe")
            await self._probe_ended.wait()

    async def reauthenticate(self, rejected: Authorization) -> Authorization | None:
        """Return another authorization than the rejected one, or None where nothing newer can be had."""
        while self._authorizer is not None:
            try:
                return await self._authorizer.reauthenticate(rejected)
            except SupersededError:
                continue
        return None

    def timed_out(self) -> Problem:
        """Return the answer to a request whose time was over before it was authorized."""
        problem = self._authorizer.timed_out() if self._authorizer is not None else None
        return problem or _rejected(COOLDOWN)  # it waited for another request to try the credential

    def accepted(self, grant: Grant) -> None:
        """Take note that the OMS took it; a probe's success ends the cooldown."""
        if grant.is_probe:
            self._cooldown.accepted()
        self._show(accepted=True)

    def rejected(self, authorization: Authorization) -> Problem:
        """Begin the cooldown; return the answer to the request."""
        self._cooldown.rejected(self._clock(), authorization)
        self._show(accepted=False)
        return _rejected(COOLDOWN)

    def probe_ended(self) -> None:
        """Release those who wait for the probe."""
        self._cooldown.release()
        self._probe_ended.set()
        self._probe_ended = asyncio.Event()

    def _show(self, *, accepted: bool) -> None:
        if accepted is not self._accepted:
            self._accepted = accepted
            self._metrics.credential_accepted(accepted)


def _digest(credential: Credential | CredentialError | None) -> str:
    return digest(credential) if isinstance(credential, Credential) else str(credential)


def _rejected(seconds: float) -> Problem:
    detail = "The OMS rejected the configured credential."
    return Problem("upstream-rejected-credentials", detail, headers=retry_after(seconds))
