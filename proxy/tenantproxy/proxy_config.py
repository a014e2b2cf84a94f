"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential."""

import asyncio
import logging
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tenantproxy import egress
from tenantproxy.access import Caller
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials import (
    Credential,
    CredentialError,
    FieldError,
    OAuth2,
    credential_type,
    from_request,
)
from tenantproxy.keeper import CredentialKeeper
from tenantproxy.logs import fields
from tenantproxy.oms import token_endpoint
from tenantproxy.problems import Detail, Problem, retry_after
from tenantproxy.stores import StoreError
from tenantproxy.tls import TlsFiles
from tenantproxy.tokens import Failure

_audit = logging.getLogger("tenantproxy.audit")

_RESOLVE_TIMEOUT: Final = 2.0
_VALIDATE_TIMEOUT: Final = 5.0


class ProxyConfigEndpoint:
    """Takes the two documented bodies."""

    def __init__(self, config: ProxyConfig, keeper: CredentialKeeper, tls: TlsFiles) -> None:
        self._upstream = config.upstream
        self._management = config.auth.management
        self._keeper = keeper
        self._tls = tls

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
                await self._check_auth_url(credential.auth_url)
            effective = await self._keeper.candidate(credential)
            if validate and isinstance(effective, OAuth2):
                await self._try(effective)
            await self._keeper.replace(credential)
        except CredentialError as error:
            errors = [Detail(field, detail) for field, detail in error.errors]
            raise Problem("invalid-request", "The credential has invalid fields.", errors=errors) from None
        except StoreError:
            raise Problem(
                "store-unavailable", "Storing the credential failed; try again.", headers=retry_after(5)
            ) from None
        self._note(credential, caller)

    async def _check_auth_url(self, url: str) -> None:
        """Check where a token would be asked for; a name that can't be resolved now may be later."""
        pointer = "/config/authUrl"
        config = self._upstream
        try:
            egress.check_url(
                url,
                allow_insecure=config.allow_insecure,
                allow_private_networks=config.allow_private_networks,
                allow_query=True,
            )
        except egress.UrlError as error:
            raise CredentialError([FieldError(pointer, str(error))]) from None
        guard = egress.GuardedResolver(allow_private_networks=config.allow_private_networks)
        try:
            async with asyncio.timeout(_RESOLVE_TIMEOUT):
                await guard.resolve(urlsplit(url).hostname or "")
        except egress.EgressRefusedError as error:
            raise CredentialError([FieldError(pointer, f"can't be called: {error}")]) from None
        except (OSError, TimeoutError):
            pass
        finally:
            await guard.close()

    async def _try(self, credential: OAuth2) -> None:
        endpoint = token_endpoint(credential, self._upstream, self._tls)
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


def _flag(query: str, name: str) -> bool:
    values = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    if values in ([], ["false"]):
        return False
    if values == ["true"]:
        return True
    detail = "must be `true` or `false`"
    raise Problem("invalid-request", f"`{name}` {detail}.", errors=[Detail(f"/query/{name}", detail)])
