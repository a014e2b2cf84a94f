"""The credential in use: it authorizes requests, as far as the gate before it lets them log in."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.credentials.authorizer import SupersededError, token_rejected
from tenantproxy.credentials.base import Credential, CredentialError, TokenClients
from tenantproxy.credentials.fingerprint import Fingerprints
from tenantproxy.credentials.first_login import FirstLogin
from tenantproxy.credentials.formats import digest
from tenantproxy.credentials.grant import Grant, Use, Way
from tenantproxy.credentials.login_gate import LoginGate
from tenantproxy.credentials.proof import Admission, Known, Proof, Tried
from tenantproxy.credentials.stores.base import CredentialStore, NewNote, Stored
from tenantproxy.credentials.verdicts import Verdicts
from tenantproxy.problems import Problem, retry_after
from tenantproxy.process_metrics import ProcessMetrics

_CLAIM_SECONDS: Final = 1.0
"""For which a request waits to become the one that tries, where it can go on with the former credential."""
_NOT_CONFIGURED: Final = (
    "credentials-not-configured",
    "An admin of the tenant sets it with PUT /api/v1/proxy-config.",
)


class ActiveCredential:
    """At most one credential at a time; replacing it interrupts nothing."""

    def __init__(
        self,
        clients: TokenClients,
        metrics: ProcessMetrics,
        store: CredentialStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        fingerprint: Callable[[Credential, str], Awaitable[str]] | None = None,
    ) -> None:
        """Begin without one; by notes in the `store` the replicas agree on who tries it."""
        self._clients = clients
        self._metrics = metrics
        self._gate = LoginGate(store, clock=clock, on_verdict=self._show)
        self._fingerprints = Fingerprints(fingerprint)
        self._digest = _digest(None)
        self._use: Use | None = None
        self._former: Grant | None = None
        """What others go on with while one request tries: until there is a verdict, or a wrong login."""
        self._lacking = _NOT_CONFIGURED
        self._first_login = FirstLogin(self._gate, self._logged_in, clients.token_timeout)
        self._verdicts = Verdicts(metrics)

    @property
    def is_usable(self) -> bool:
        """Whether there is one."""
        return self._use is not None

    async def use(self, credential: Credential | CredentialError | None, stored: Stored | None = None) -> bool:
        """Use another credential (None: there is none) from now on; return whether it is another one.

        `stored` is what it was read from. Also a credential that was there before begins anew where somebody has
        set it once more. What is in flight keeps the credential that it began with.
        """
        new = _digest(credential)
        known = credential if isinstance(credential, Credential) else None
        mark = await self._fingerprints.of(known, stored)
        is_other = new != self._digest
        if not is_other and not self._gate.is_set_again(stored, mark):
            self._gate.learn(stored, mark)
            return False
        use = None
        if known is not None:
            use = Use(known, self._gate)
            use.authorizer = known.authorizer(self._clients, self._metrics, use)
        # Only now, so that what fails above leaves the old one in use.
        if credential is None:
            self._lacking = _NOT_CONFIGURED
        elif known is None:
            self._lacking = ("credentials-invalid", f"The Secret can't be used: {credential}.")
        if use is None:
            self._former = None
        elif self._use is not None:
            self._former = self._use.former() or self._former
        old, self._use = self._use, use
        self._digest = new
        self._verdicts.replaced(known)
        self._gate.begin(stored, mark)
        self._first_login.cancel()
        if use is not None and use.authorizer.logs_in:
            self._first_login.start(use)
        if old is not None:
            old.gate = None
            old.wake()
            await old.authorizer.close()
        return is_other

    async def first_attempt(self) -> None:
        """Wait until the first attempt at a token has ended, where the credential needs one; but not long."""
        await self._first_login.attempted()

    async def close(self) -> None:
        """Stop all that it does."""
        self._first_login.cancel()
        if self._use is not None:
            await self._use.authorizer.close()
        await self._gate.close()

    # ---- for a request

    def at_hand(self) -> Grant | None:
        """Return what to go to the OMS with, as `authorize`, where nothing has to be waited for: nearly always."""
        return None if self._use is None else self._use.at_hand()

    async def authorize(self, seconds: float) -> Grant:
        """Return what to go to the OMS with, for so many seconds at most; one request tries, and the others wait.

        The end of each grant must be reported: by `accepted`, `rejected` or `ended`.

        Raises:
            Problem: There is no credential, no token, or it was rejected a while ago.

        """
        while True:
            if self._use is None:
                raise Problem(*self._lacking)
            if (grant := self._use.at_hand()) is not None:
                return grant
            grant = await self._past_gate(self._use, seconds)
            if grant is not None and (admission := await grant.past_cooldown()) is not Admission.WAIT:
                if admission is Admission.REFUSE:
                    raise self._token_rejected(grant)
                return grant

    async def _past_gate(self, use: Use, seconds: float) -> Grant | None:
        """Return with what the gate lets a request go; None: ask again. Raises Problem."""
        if self._former is not None and not self._may_try(use):
            return self._former
        admission = self._gate.admit(seconds)
        if admission in (Admission.GO, Admission.TRY):
            return await self._logged_in(use, Way.PROVEN if admission is Admission.GO else Way.TRIES)
        if (held := use.authorizer.held()) is not None:
            return Grant(held, use, Way.HELD)
        if admission is Admission.REFUSE:
            raise self._rejected()
        if admission is Admission.WAIT and self._former is not None:
            return self._former
        await self._gate.changed(None if self._former is None else _CLAIM_SECONDS)
        return None

    async def _logged_in(self, use: Use, way: Way) -> Grant | None:
        try:
            authorization = await use.authorizer.authorization()
        except BaseException as error:
            if way is Way.TRIES and isinstance(error, Problem):
                use.met(error)
            self._release(use, way)
            if isinstance(error, SupersededError):
                return None
            raise
        if way is Way.TRIES and use.authorizer.logs_in:  # which is done
            if use is self._use:
                self._gate.accepted()
            way = Way.PROVEN
        return Grant(authorization, use, way)

    def may_be_sent(self, grant: Grant) -> bool:
        """Tell whether a request that has waited for its turn may still go with this: all is as it was."""
        if grant.use is not self._use:
            return grant is self._former
        if grant.use.is_proven:
            return True
        if grant.way in (Way.TRIES, Way.TRIES_TOKEN):
            return True
        is_open = grant.way is Way.HELD or self._gate.is_open
        return is_open and not grant.is_cooling

    async def reauthenticate(self, grant: Grant, seconds: float) -> Grant | None:
        """Return another grant than the rejected one; None: nothing newer can be had.

        Raises Problem: there is another credential, which can't be used now.
        """
        if grant.use is not self._use:
            self._replaced_and_rejected(grant.use)
            return await self.authorize(seconds)
        if grant.use.authorizer.logs_in and not self._gate.is_open:
            return None
        try:
            newer = await grant.use.authorizer.reauthenticate(grant.authorization)
        except SupersededError:
            return await self.authorize(seconds)
        return None if newer is None else Grant(newer, grant.use, grant.way)

    def timed_out(self, seconds: float) -> Problem:
        """Return the answer to a request that waited so long in vain: what the OMS said to those that tried."""
        if self._gate.is_closed:
            return self._rejected()
        if (use := self._use) is not None and (problem := use.met_within(seconds) or use.authorizer.timed_out()):
            return problem
        return Problem("upstream-timeout", "The OMS did not answer the request that goes first.")

    def accepted(self, grant: Grant) -> None:
        """Take note that the OMS took it; that proves a credential, or a token, that is being tried."""
        if grant.use is not self._use:
            return
        if grant.way is Way.TRIES or (self._gate.may_forget and not grant.use.authorizer.logs_in):
            self._gate.accepted()
        elif grant.way is Way.TRIES_TOKEN:
            grant.use.cooldown.accepted()
            self._verdicts.token(accepted=True)

    def rejected(self, grant: Grant) -> Problem:
        """Begin a pause; return the answer to the request."""
        if grant.use is self._use:
            if grant.use.authorizer.logs_in:
                self._verdicts.token(accepted=False)
                grant.begin_cooldown()
                return self._token_rejected(grant)
            self._gate.rejected()
        else:
            self._replaced_and_rejected(grant.use)
        return self._rejected()

    def failed(self, grant: Grant, problem: Problem) -> None:
        """Take note that the OMS failed: of the credential nothing was learnt."""
        if grant.way is Way.TRIES:
            grant.use.met(problem)

    def ended(self, grant: Grant) -> None:
        """Take note of the end of a request, of which perhaps nothing was learnt."""
        if not grant.in_flight:
            self._release(grant.use, grant.way)

    # ---- for those who set it

    async def note(
        self, credential: Credential, stored: Stored, set_by: str, tried: Tried | None = None
    ) -> NewNote:
        """Return what makes the store's note of a credential that somebody sets now, perhaps after a trial."""
        mark = await self._fingerprints.of(credential, stored)
        return self._gate.note_of(mark, set_by, tried)

    def known(self) -> Known:
        """Return what may be shown of what is known of it."""
        return self._gate.known()

    def known_of(self, credential: Credential) -> Known | None:
        """Return the same of this credential; None: another one is in use."""
        return self.known() if _digest(credential) == self._digest else None

    def tried(self, credential: Credential, tried: Tried) -> None:
        """Take the result of an attempt beside the requests, with this credential or another: it counts."""
        is_used = _digest(credential) == self._digest
        if is_used and tried.found is not None:
            self._gate.has_found(tried.found)
        if is_used and tried.accepted:
            self._gate.accepted()
        elif tried.accepted is False:
            (self._gate.rejected if is_used else self._gate.wronged)(tried.wrong_logins)

    def _may_try(self, use: Use) -> bool:
        """Tell whether a request may try it, though it could go on with the former credential.

        Not soon after an attempt that told nothing; and none waits for a token, which is asked for beside them.
        """
        if use.may_be_tried and use.authorizer.logs_in:
            self._first_login.start(use)
        return use.may_be_tried and not use.authorizer.logs_in

    def _replaced_and_rejected(self, use: Use) -> None:
        """Take note that the OMS rejected a credential that was in use before."""
        self._former = None
        if not use.authorizer.logs_in:  # a token is no login
            self._gate.wronged()

    def _release(self, use: Use, way: Way) -> None:
        if way is Way.TRIES and use is self._use:
            self._gate.released()
        elif way is Way.TRIES_TOKEN:
            use.release_token()

    def _token_rejected(self, grant: Grant) -> Problem:
        """Return the answer to a request whose token the OMS does not take; or why no other one can be had."""
        return self._rejected() if self._gate.is_closed else grant.cooling()

    def _rejected(self) -> Problem:
        detail, seconds = "The OMS rejected the configured credential.", self._gate.remaining()
        problem = self._use.authorizer.rejection(seconds) if self._use is not None else None
        if problem is None and (word := self._gate.rejection):  # as another process has found out
            problem = token_rejected(word, seconds)
        return problem or Problem("upstream-rejected-credentials", detail, headers=retry_after(seconds))

    def _show(self, proof: Proof) -> None:
        if proof.state != "untried" or proof.earlier:
            self._former = None
        self._verdicts.credential(proof.state, proof.rejection)


def _digest(credential: Credential | CredentialError | None) -> str:
    return digest(credential) if isinstance(credential, Credential) else str(credential)
