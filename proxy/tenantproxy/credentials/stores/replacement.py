"""One replacement of the credential in a Secret, repeated until it is seen to be stored."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.backoff import Backoff
from tenantproxy.config import Tenant
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.stores.base import NewNote
from tenantproxy.credentials.stores.secret import Secret, SecretError
from tenantproxy.kube.api import StatusError, UnreachableError

BACKOFF: Final = 0.05, 1.0
"""Seconds before the second attempt, and at most before a further one."""
_ATTEMPTS: Final = 5
_FORBIDDEN: Final = 403
_SERVER_ERROR: Final = 500


class Replacement:
    """One replacement of the credential, repeated until it is seen to be stored."""

    def __init__(
        self,
        get: Callable[[], Awaitable[Secret]],
        put: Callable[[bytes], Awaitable[None]],
        credential: Credential,
        note: NewNote | None,
        keeper: Tenant,
        seen: Secret | None,
    ) -> None:
        """Prepare; `keeper` is whose the Secret is from now on, `seen` the Secret as it was some time ago."""
        self._get = get
        self._put = put
        self._credential = credential
        self._note = note
        self._keeper: Tenant | None = keeper
        self._seen = seen
        self.in_doubt = False
        """Whether a write has been sent whose outcome is not known."""

    async def run(self) -> Secret:
        """Return the Secret as it was stored.

        Raises:
            KubeError, SecretError, ForeignSecretError: It was not, or it is in doubt.

        """
        backoff = Backoff(*BACKOFF, spread="half")
        for _ in range(_ATTEMPTS):
            seen, self._seen = self._seen, None
            # What is to be left as it is must be so now; a write, by its resource version, fails if it is not.
            secret = seen if seen is not None and self._replaced(seen, self._keeper) else await self._get()
            document = self._replaced(secret, self._keeper)
            if document is None:
                return secret  # also where a write without a response has done it
            if secret.immutable and secret.replaced(self._credential) is not None:
                raise SecretError("it is immutable; delete it, and the operator creates another one")
            if await self._is_stored(document, gives_up_owner=document != self._replaced(secret, None)):
                return Secret(document)
            await asyncio.sleep(backoff.next())
        raise SecretError("others kept changing it, or the API server kept failing; try again")

    def _replaced(self, secret: Secret, keeper: Tenant | None) -> bytes | None:
        note = secret.note if self._note is None else self._note(secret.note)
        return secret.replaced(self._credential, keeper, note)

    async def _is_stored(self, document: bytes, *, gives_up_owner: bool) -> bool:
        """Write the document, with the resource version that was read; False: read it again, and retry."""
        before, self.in_doubt = self.in_doubt, True
        try:
            await self._put(document)
        except StatusError as error:
            if error.status >= _SERVER_ERROR:
                return False
            self.in_doubt = before
            if error.status == _FORBIDDEN and gives_up_owner:
                # Perhaps only because of the owner: with the admission plugin OwnerReferencesPermissionEnforcement
                # giving it up takes the right to delete the Secret. The operator is left to do it.
                self._keeper = None
                return False
            if error.reason != "Conflict":
                raise
            return False
        except UnreachableError:
            return False
        return True
