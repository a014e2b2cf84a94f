"""Tokens as Hii Retail's issuers make them, signed by a key of our own. No I/O."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

_ALGORITHM: Final = "RS256"
_MACHINE_AUDIENCE: Final = "https://hiiretail.com"
_STAFF: Final = "hiidentity-staff"
"""The project of staff users at the Google Identity Platform: the audience of their tokens."""


@dataclass(frozen=True, kw_only=True)
class Mint:
    """Makes the tokens of both issuers, for machine clients (OCMS) and for staff users, below one base URL."""

    base: str
    key: RSAKey
    lifetime: int = 3600
    """Seconds."""

    def jwks(self) -> Mapping[str, Any]:
        """Return the public key as a JWK set (RFC 7517)."""
        return {"keys": [self.key.as_dict(private=False, use="sig", alg=_ALGORITHM)]}

    def machine_token(
        self, tenant_id: str, *, now: float, scopes: Sequence[str] = (), claims: Mapping[str, Any] | None = None
    ) -> str:
        """Return the token of a machine client, whose tenant is inside `client_id`.

        `claims` replaces or adds some, to make a token that is wrong.
        """
        lines = f"iso_cc: SE\nsfw: dev-client@1.0.0@{tenant_id}\ntid: {tenant_id}\n"
        client_id = base64.urlsafe_b64encode(lines.encode()).decode().rstrip("=")
        own = {
            "iss": f"{self.base}/",
            "aud": [_MACHINE_AUDIENCE],
            "client_id": client_id,
            "sub": client_id,
            "scp": list(scopes),
            "ext": {},
            "jti": str(uuid.uuid4()),
            "nbf": int(now),
        }
        return self._signed(own | dict(claims or {}), now)

    def user_token(
        self,
        tenant_id: str,
        *,
        now: float,
        email: str | None = None,
        groups: Sequence[str] = (),
        roles: Sequence[str] = (),
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the token of a staff user; `claims` replaces or adds some, to make a token that is wrong."""
        user_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.base}/{tenant_id}/{email}"))
        own: dict[str, Any] = {
            "iss": f"{self.base}/staff",
            "aud": _STAFF,
            "sub": user_id,
            "user_id": user_id,
            "auth_time": int(now),
            "https://extendaretail.com/tenant": tenant_id,
            "https://extendaretail.com/groups": list(groups),
            "federated": {"roles": list(roles), "groups": [], "operatorIds": []},
            "firebase": {"identities": {}, "sign_in_provider": "password", "tenant": f"{tenant_id}-dev"},
        }
        if email is not None:
            own |= {"email": email, "email_verified": True}
            own["firebase"]["identities"] = {"email": [email]}
        return self._signed(own | dict(claims or {}), now)

    def _signed(self, claims: Mapping[str, Any], now: float) -> str:
        header = {"alg": _ALGORITHM, "kid": self.key.kid}
        return jwt.encode(header, {"iat": int(now), "exp": int(now) + self.lifetime, **claims}, self.key)
