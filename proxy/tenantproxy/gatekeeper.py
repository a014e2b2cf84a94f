"""The step of the decision table that asks who calls: token, tenant, admin."""

from typing import TYPE_CHECKING

from multidict import CIMultiDictProxy

from tenantproxy.access import Caller, check_admin, check_tenant
from tenantproxy.config import Access
from tenantproxy.problems import Problem
from tenantproxy.routes import Operation

if TYPE_CHECKING:
    from tenantproxy.jwks import TokenVerifier


class Gatekeeper:
    """Lets callers of one tenant pass."""

    def __init__(self, config: Access, tenant: str) -> None:
        self._config = config
        self._tenant = tenant
        self._verifier: TokenVerifier | None = None
        if config.mode == "jwt":
            self._load()

    async def admit(self, operation: Operation, headers: CIMultiDictProxy[str]) -> Caller | None:
        """Return who calls; None where an edge has authenticated the caller (`access.mode: trusted`).

        Raises:
            Problem: No token or not a valid one, another tenant's, or not an admin's where that is needed.

        """
        caller = None
        if self._config.mode == "jwt" or operation == "putProxyConfig":
            verifier = self._load()
            authorization = headers.get("Authorization")
            if authorization is not None:
                caller = verifier.remembered(authorization)
            if caller is None:
                caller = await verifier.caller(authorization)
            check_tenant(caller, self._tenant)
        if headers.get("Tenant-Id", self._tenant) != self._tenant:
            raise Problem("wrong-tenant", "The header `Tenant-Id` names another tenant.")
        if caller is not None and operation == "putProxyConfig":
            check_admin(caller, self._config.admins)
        return caller

    async def close(self) -> None:
        """End what is under way."""
        if self._verifier is not None:
            await self._verifier.close()

    def _load(self) -> "TokenVerifier":
        if self._verifier is None:
            from tenantproxy.jwks import TokenVerifier  # noqa: PLC0415 - cryptography costs 11 MiB; load when needed

            self._verifier = TokenVerifier(self._config)
        return self._verifier
