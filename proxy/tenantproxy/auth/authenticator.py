"""Authenticate callers and check that they may do what they ask for: token, tenant, admin."""

from typing import TYPE_CHECKING

from multidict import CIMultiDictProxy

from tenantproxy.auth.claims import Caller, check_admin, check_tenant, verified_caller
from tenantproxy.config import Access
from tenantproxy.problems import Problem
from tenantproxy.transport.forward_proxy import ForwardProxy

if TYPE_CHECKING:
    from tenantproxy.auth.jwks import TokenVerifier


class Authenticator:
    """Authenticates the callers of one tenant's proxy."""

    def __init__(self, config: Access, tenant: str, forward_proxy: ForwardProxy | None = None) -> None:
        """`forward_proxy`: the way to the issuers' keys."""
        self._config = config
        self._forward_proxy = forward_proxy
        self._tenant = tenant
        self._verifier: TokenVerifier[Caller] | None = None
        if config.mode == "jwt":
            self._token_verifier()

    async def authenticate(self, headers: CIMultiDictProxy[str]) -> Caller | None:
        """Return the caller of a read; None where an edge has authenticated it (`access.mode: trusted`).

        Raises:
            Problem: No token or not a valid one, or another tenant's.

        """
        caller = None
        if self._config.mode == "jwt":
            authorization = headers.get("Authorization")
            if authorization is not None:
                caller = self._token_verifier().cached(authorization)  # nearly always
            if caller is None:
                caller = await self.identify(headers)
        self._check_tenant(caller, headers)
        return caller

    def known(self, headers: CIMultiDictProxy[str]) -> Caller | None:
        """Return the bearer of a token that was verified before, without any work on others."""
        authorization = headers.get("Authorization")
        if authorization is None or self._verifier is None:
            return None
        return self._verifier.cached(authorization)

    async def identify(self, headers: CIMultiDictProxy[str]) -> Caller:
        """Return the bearer of the token, whatever its tenant.

        Raises:
            Problem: No token, or not a valid one.

        """
        verifier = self._token_verifier()
        authorization = headers.get("Authorization")
        if authorization is not None and (caller := verifier.cached(authorization)) is not None:
            return caller
        return await verifier.verify(authorization)

    def check_admin(self, caller: Caller, headers: CIMultiDictProxy[str]) -> None:
        """Check that a caller may set the tenant's credential.

        Raises:
            Problem: It is another tenant's, or no admin.

        """
        self._check_tenant(caller, headers)
        check_admin(caller, self._config.admins)

    def _check_tenant(self, caller: Caller | None, headers: CIMultiDictProxy[str]) -> None:
        if caller is not None:
            check_tenant(caller, self._tenant)
        if headers.get("Tenant-Id", self._tenant) != self._tenant:
            raise Problem("wrong-tenant", "The header `Tenant-Id` names another tenant.")

    async def close(self) -> None:
        """Cancel what is in progress."""
        if self._verifier is not None:
            await self._verifier.close()

    def _token_verifier(self) -> "TokenVerifier[Caller]":
        if self._verifier is None:
            from tenantproxy.auth.jwks import TokenVerifier  # noqa: PLC0415 - cryptography costs 8 MiB; load when needed

            self._verifier = TokenVerifier(
                self._config.issuers, verified_caller, forward_proxy=self._forward_proxy
            )
        return self._verifier
