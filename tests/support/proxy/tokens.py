"""Access tokens as Hii Retail issues them, signed by a key of the test's own."""

import base64
import json
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

TENANT = "T-acme"
ADMIN_EMAIL = "admin@acme.example"
OCMS = "https://ocms.example/"
STAFF = "https://staff.example/staff"
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1", "use": "sig"})


def access(directory: Path, **overrides: Any) -> dict[str, Any]:
    """Return `access` for a proxy that knows both issuers; their keys are in a file in `directory`."""
    path = directory / "jwks.json"
    path.write_text(json.dumps(jwks()))
    own = {"mode": "jwt", "admins": {"emails": [ADMIN_EMAIL]}, "issuers": issuers(jwksFile=str(path))}
    return own | overrides


def issuers(**keys: Any) -> list[dict[str, Any]]:
    """Return both issuers; `keys` says where their keys are."""
    return [
        {"issuer": OCMS, "audiences": ["https://hiiretail.com"], "kind": "ocms", **keys},
        {"issuer": STAFF, "audiences": ["hiidentity-staff"], "kind": "user", **keys},
    ]


def jwks() -> dict[str, Any]:
    """Return their public key, as a JWK set."""
    return {"keys": [KEY.as_dict(private=False)]}


def machine_token(tenant: str = TENANT, **claims: Any) -> str:
    """Return a machine client's token: its tenant is inside `client_id`."""
    client = base64.urlsafe_b64encode(f"iso_cc: SE\ntid: {tenant}\n".encode()).decode().rstrip("=")
    return _signed({"iss": OCMS, "aud": ["https://hiiretail.com"], "client_id": client, "sub": client, **claims})


def user_token(tenant: str = TENANT, **claims: Any) -> str:
    """Return a user's token, by default of one who is no admin."""
    own: dict[str, Any] = {"iss": STAFF, "aud": "hiidentity-staff", "sub": "u1"}
    own |= {"email": "someone@acme.example", "email_verified": True}
    return _signed(own | {"https://extendaretail.com/tenant": tenant} | claims)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def admin() -> dict[str, str]:
    """Return the header of a tenant admin."""
    return bearer(user_token(email=ADMIN_EMAIL))


def _signed(claims: dict[str, Any]) -> str:
    now = int(time.time())
    return jwt.encode({"alg": "RS256", "kid": "k1"}, {"iat": now, "exp": now + 3600, **claims}, KEY)
