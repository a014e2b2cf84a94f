"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential, or tries one."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tenantproxy.admission import overloaded
from tenantproxy.api import credential_state
from tenantproxy.api.audit import Record
from tenantproxy.api.put_options import PutOptions
from tenantproxy.api.rate_limit import RateLimit
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.checks import check_credential
from tenantproxy.credentials.formats import blaming_the_body, from_request
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.observation import Observation
from tenantproxy.oms.trial import CredentialTrial
from tenantproxy.oms.verdict import Verdict
from tenantproxy.problems import Problem, retry_after

MOST_AT_ONCE: Final = 32
"""PUTs that are carried out or wait for their turn."""
MOST_VALIDATIONS: Final = 5
"""Of credentials, within `_PER_SECONDS`: each is a login, perhaps at a server that the caller chooses."""
_PER_SECONDS: Final = 60.0
_TRY_AGAIN: Final = 5.0
"""Seconds."""


class ProxyConfigEndpoint:
    """Takes the two documented bodies, and those of our own types."""

    def __init__(
        self,
        config: ProxyConfig,
        manager: CredentialManager,
        trial: CredentialTrial,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._manager = manager
        self._trial = trial
        self._clock = clock
        self._validations = RateLimit(MOST_VALIDATIONS, _PER_SECONDS)
        self._at_once = 0

    def check_managed_here(self, options: PutOptions) -> None:
        """Check that the tenant manages its credential, unless the PUT may be about the stored one alone.

        Raises:
            Problem: `managed-by-platform`.

        """
        if self._config.auth.management == "platform" and not options.dry_run:
            raise _managed_by_platform()

    async def put(
        self,
        body: Any,  # noqa: ANN401 - parsed JSON
        options: PutOptions,
        record: Record,
        headers: Mapping[str, str],
        observation: Observation,
    ) -> bytes | None:
        """Check the credential in a body, try it if that is asked for, then store it and use it from now on.

        A dry run stores nothing, and returns what an admin may see of the credential; of an empty object, that is
        the stored one. `headers` are those of requests to the OMS, `observation` is that of the PUT.

        Raises:
            Problem: A field is wrong, the credential was tried and does not work, it can't be stored, or there
                are too many of these requests; nothing was changed.

        """
        if self._at_once >= MOST_AT_ONCE:
            raise overloaded("Too many credentials are being set.")
        self._at_once += 1
        record.is_given(body)
        try:
            if options.dry_run and body == {}:
                return await self._try_stored(record, headers, observation)
            if self._config.auth.management == "platform":
                raise _managed_by_platform()
            return await self._put(body, options, record, headers, observation)
        except StoreError:
            detail = "The credential's store is not available; try again."
            raise Problem("store-unavailable", detail, headers=retry_after(_TRY_AGAIN)) from None
        finally:
            self._at_once -= 1

    async def _put(
        self,
        body: Any,  # noqa: ANN401 - parsed JSON
        options: PutOptions,
        record: Record,
        headers: Mapping[str, str],
        observation: Observation,
    ) -> bytes | None:
        try:
            credential = from_request(body)
            record.is_about(credential)
            with blaming_the_body():
                check_credential(credential, self._config)
            candidate = await self._manager.candidate(credential)
        except CredentialError as error:
            raise Problem("invalid-request", "The credential has invalid fields.", errors=error.errors) from None
        tried = None
        if options.validate or options.dry_run:
            verdict = await self._try(candidate.effective, record, headers, observation)
            _check(verdict)
            tried = verdict.tried
            if options.dry_run:
                return credential_state.document(candidate.effective, None, verdict)
        record.storing = True
        await self._manager.replace(candidate, set_by=record.set_by, tried=tried)
        return None

    async def _try_stored(self, record: Record, headers: Mapping[str, str], observation: Observation) -> bytes:
        """Try the stored credential; return what an admin may see of it, whatever came of that.

        Raises Problem: There is none that could be tried, or another one was stored meanwhile.
        """
        try:
            credential = await self._manager.stored()
        except CredentialError as error:
            raise Problem("credentials-invalid", f"The Secret can't be used: {error}.") from None
        if credential is None:
            raise Problem("credentials-not-configured", "No credential is stored that could be tried.")
        record.is_about(credential)
        verdict = await self._try(credential, record, headers, observation)
        known = self._manager.known_of(credential)
        if known is None:
            detail = "The stored credential was replaced while it was tried; try again."
            raise Problem("validation-inconclusive", detail, headers=retry_after(_TRY_AGAIN))
        return credential_state.document(credential, known, verdict)

    async def _try(
        self, credential: Credential, record: Record, headers: Mapping[str, str], observation: Observation
    ) -> Verdict:
        if seconds := self._validations.take(self._clock()):
            detail = f"At most {MOST_VALIDATIONS} credentials are tried in a minute."
            raise Problem("too-many-validations", detail, headers=retry_after(seconds))
        known = self._manager.known_of(credential)
        verdict = await self._trial.of(
            credential, headers, observation, known.found if known is not None else None
        )
        self._manager.tried(credential, verdict.tried)
        record.test = verdict.outcome
        record.reason = verdict.reason
        return verdict


def _check(verdict: Verdict) -> None:
    """Raise the problem of a credential that was not accepted."""
    if verdict.outcome == "failed":
        raise Problem("credential-rejected", verdict.detail, errors=verdict.errors)
    if verdict.outcome == "inconclusive":
        raise Problem(
            "validation-inconclusive", verdict.detail, headers={**retry_after(_TRY_AGAIN), **verdict.headers}
        )


def _managed_by_platform() -> Problem:
    return Problem("managed-by-platform", "Ask the platform team: `auth.management` is `platform`.")
