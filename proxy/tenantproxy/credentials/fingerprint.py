"""A fingerprint of a credential that may be seen: replicas tell by it of which credential a note is.

Two bytes: of 65,536 guesses one has the same, so it confirms none, however many are tried. A false match needs a
credential that changes while no replica runs, and costs a pause or a login. That it is slow, and another one in
each Secret, makes even that little hard to use.
"""

import asyncio
import hashlib
from typing import Final

import msgspec

from tenantproxy.credentials.base import Credential

_ROUNDS: Final = 100_000
_BYTES: Final = 2


async def fingerprint(credential: Credential, salt: str) -> str:
    """Return the fingerprint of the whole credential; computed in a thread, for some 50 ms."""
    return await asyncio.to_thread(_fingerprint, credential, salt)


def _fingerprint(credential: Credential, salt: str) -> str:
    secret = msgspec.json.encode([credential.type, credential])
    return hashlib.pbkdf2_hmac("sha256", secret, salt.encode(), _ROUNDS)[:_BYTES].hex()
