"""A fingerprint of a credential that may be seen: replicas tell by it of which credential a note is.

Two bytes: of 65,536 guesses one has the same, so it confirms none, however many are tried. A false match needs a
credential that changes while no replica runs, and costs a pause or a login. That it is slow, and another one in
each Secret, makes even that little hard to use.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.formats import digest
from tenantproxy.credentials.stores.base import Stored

_ROUNDS: Final = 100_000
_BYTES: Final = 2


class Fingerprints:
    """Remembers the last one: it is asked for each time a Secret has changed in any way."""

    def __init__(self, compute: Callable[[Credential, str], Awaitable[str]] | None = None) -> None:
        self._compute = compute or fingerprint
        self._last = ("", "", "")
        """The credential by its digest, the Secret by its uid, and the fingerprint."""

    async def of(self, credential: Credential | None, stored: Stored | None) -> str:
        """Return that of a credential in what was read from a store; empty where no note can be kept."""
        if credential is None or stored is None or not stored.uid:
            return ""
        known, uid = digest(credential), stored.uid
        if self._last[:2] != (known, uid):
            made = (
                _fingerprint(credential, uid, 1)
                if stored.note_is_private
                else await self._compute(credential, uid)
            )
            self._last = (known, uid, made)
        return self._last[2]


async def fingerprint(credential: Credential, salt: str) -> str:
    """Return the fingerprint of the whole credential; computed in a thread, for some 50 ms."""
    return await asyncio.to_thread(_fingerprint, credential, salt, _ROUNDS)


def _fingerprint(credential: Credential, salt: str, rounds: int) -> str:
    secret = msgspec.json.encode([credential.type, credential])
    return hashlib.pbkdf2_hmac("sha256", secret, salt.encode(), rounds)[:_BYTES].hex()
