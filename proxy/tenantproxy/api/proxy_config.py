"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from tenantproxy.admission import overloaded
from tenantproxy.api.audit import Record
from tenantproxy.api.rate_limit import RateLimit
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.base import Credential, CredentialError, TokenClients
from tenantproxy.credentials.checks import check_credential
from tenantproxy.credentials.formats import blaming_the_body, from_request
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.errors import FieldProblem
from tenantproxy.problems import Problem, retry_after

MOST_AT_ONCE: Final = 32
"""PUTs that are carried out or wait for their turn."""
MOST_VALIDATIONS: Final = 5
"""Of credentials, within `_PER_SECONDS`: each is a request to a server that the caller chooses."""
_PER_SECONDS: Final = 60.0


class ProxyConfigEndpoint:
    """Takes the two documented bodies, and those of our own types."""

    def __init__(
        self,
        config: ProxyConfig,
        manager: CredentialManager,
        clients: TokenClients,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._manager = manager
        self._clients = clients
        self._clock = clock
        self._validations = RateLimit(MOST_VALIDATIONS, _PER_SECONDS)
        self._at_once = 0

    def check_managed_here(self) -> None:
        """Check that the tenant manages its credential.

        Raises:
            Problem: `managed-by-platform`.

        """
        if self._config.auth.management == "platform":
            raise Problem("managed-by-platform", "Ask the platform team: `auth.management` is `platform`.")

    async def put(self, body: Any, query: str, record: Record) -> None:  # noqa: ANN401 - parsed JSON
        """Check the credential in a body, then store it and use it from now on.

        `?validate=true` in the query tries it against the token endpoint first.

        Raises:
            Problem: A field is wrong, the credential was tried and does not work, it can't be stored, or there
                are too many of these requests; nothing was changed.

        """
        if self._at_once >= MOST_AT_ONCE:
            raise overloaded("Too many credentials are being set.")
        self._at_once += 1
        try:
            await self._put(body, query, record)
        finally:
            self._at_once -= 1

    async def _put(self, body: Any, query: str, record: Record) -> None:  # noqa: ANN401 - parsed JSON
        validate = _flag(query, "validate")
        try:
            credential = from_request(body)
            record.is_about(credential)
            with blaming_the_body():
                check_credential(credential, self._config)
            candidate = await self._manager.candidate(credential)
            if validate and credential.token_url is not None:
                await self._try(candidate.effective, record)
            await self._manager.replace(candidate)
        except CredentialError as error:
            raise Problem("invalid-request", "The credential has invalid fields.", errors=error.errors) from None
        except StoreError:
            raise Problem(
                "store-unavailable", "Storing the credential failed; try again.", headers=retry_after(5)
            ) from None

    async def _try(self, credential: Credential, record: Record) -> None:
        if seconds := self._validations.take(self._clock()):
            detail = f"At most {MOST_VALIDATIONS} credentials are tried in a minute."
            raise Problem("too-many-validations", detail, headers=retry_after(seconds))
        try:
            async with asyncio.timeout(self._clients.token_timeout):
                failure = await credential.try_out(self._clients)
        except TimeoutError:
            failure = Failure(rejected=False, reason="timeout")
        if failure is not None:
            record.reason = failure.reason
            why = "rejected the request for a token" if failure.rejected else "returned no token"
            raise Problem("credential-rejected", f"The token endpoint {why} ({failure.told}).")


def _flag(query: str, name: str) -> bool:
    values = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    if values in ([], ["false"]):
        return False
    if values == ["true"]:
        return True
    detail = "must be `true` or `false`"
    raise Problem("invalid-request", f"`{name}` {detail}.", errors=[FieldProblem(f"/query/{name}", detail)])
