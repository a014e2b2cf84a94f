"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential."""

import asyncio
import logging
from typing import Any, Final
from urllib.parse import parse_qsl

from tenantproxy.access import Caller
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials import (
    Credential,
    CredentialError,
    OAuth2,
    credential_type,
    from_request,
)
from tenantproxy.egress import UrlError
from tenantproxy.keeper import CredentialKeeper
from tenantproxy.logs import fields
from tenantproxy.outbound import Outbound
from tenantproxy.problems import Detail, Problem, retry_after
from tenantproxy.stores import StoreError
from tenantproxy.tokens import Failure

_audit = logging.getLogger("tenantproxy.audit")

_VALIDATE_TIMEOUT: Final = 5.0


class ProxyConfigEndpoint:
    """Takes the two documented bodies."""

    def __init__(self, config: ProxyConfig, keeper: CredentialKeeper, outbound: Outbound) -> None:
        self._management = config.auth.management
        self._keeper = keeper
        self._outbound = outbound

    def check_managed_here(self) -> None:
        """Check that the tenant manages its credential.

        Raises:
            Problem: `managed-by-platform`.

        """
        if self._management == "platform":
            raise Problem("managed-by-platform", "Ask the platform team: `auth.management` is `platform`.")

    async def put(self, body: Any, query: str, caller: Caller) -> None:  # noqa: ANN401 - parsed JSON
        """Check the credential in a body, then store it and use it from now on.

        `?validate=true` in the query tries it against the token endpoint first.

        Raises:
            Problem: A field is wrong, the credential was tried and does not work, or it can't be stored;
                nothing was changed.

        """
        validate = _flag(query, "validate")
        try:
            credential = from_request(body)
            if isinstance(credential, OAuth2):
                await self._outbound.check_auth_url(credential.auth_url)
            effective = await self._keeper.candidate(credential)
            if validate and isinstance(effective, OAuth2):
                await self._try(effective)
            await self._keeper.replace(credential)
        except UrlError as error:
            raise _invalid([Detail("/config/authUrl", str(error))]) from None
        except CredentialError as error:
            errors = [Detail(field, detail) for field, detail in error.errors]
            raise _invalid(errors) from None
        except StoreError:
            raise Problem(
                "store-unavailable", "Storing the credential failed; try again.", headers=retry_after(5)
            ) from None
        self._note(credential, caller)

    async def _try(self, credential: OAuth2) -> None:
        endpoint = self._outbound.token_endpoint(credential)
        try:
            async with asyncio.timeout(_VALIDATE_TIMEOUT):
                result = await endpoint.fetch()
        except TimeoutError:
            result = Failure(rejected=False, reason="timeout")
        finally:
            await endpoint.close()
        if isinstance(result, Failure):
            why = "rejected the client" if result.rejected else f"gave no token ({result.reason})"
            raise Problem("credential-rejected", f"The token endpoint {why}.")

    def _note(self, credential: Credential, caller: Caller) -> None:
        extra = fields(subject=caller.subject, email=caller.email, type=credential_type(credential))
        _audit.warning("the credential was replaced", extra=extra)


def _invalid(errors: list[Detail]) -> Problem:
    return Problem("invalid-request", "The credential has invalid fields.", errors=errors)


def _flag(query: str, name: str) -> bool:
    values = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    if values in ([], ["false"]):
        return False
    if values == ["true"]:
        return True
    detail = "must be `true` or `false`"
    raise Problem("invalid-request", f"`{name}` {detail}.", errors=[Detail(f"/query/{name}", detail)])
