"""An issuer's public keys and the signatures made with them: RS256 and ES256 (RFC 7517, RFC 7518), without I/O.

By `cryptography` alone: joserfc, which makes tokens elsewhere, imports all forms that keys can have (X.509, SSH,
PEM), 5 MiB in each proxy.
"""

import base64
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import UNSET, UnsetType

_MIN_RSA_BITS: Final = 2048
_COORDINATE: Final = 32
"""Bytes of each half of a signature by P-256 (RFC 7518 section 3.4)."""
_OPERATIONS: Final = frozenset({"sign", "verify"})
"""What `key_ops` may say beside `use: sig` (RFC 7517 section 4.3)."""


class PublicKey(NamedTuple):
    """A key that verifies signatures of one algorithm."""

    key_id: str | None
    algorithm: str
    check: Callable[[bytes, bytes], None]
    """Raises InvalidSignature unless the first argument is a signature of the second."""

    def has_signed(self, signed: bytes, signature: bytes) -> bool:
        """Return whether a signature was made with this key's other half."""
        try:
            self.check(signature, signed)
        except InvalidSignature:
            return False
        return True


class _Jwk(msgspec.Struct, tag_field="kty", kw_only=True):
    kid: str | UnsetType = UNSET
    use: str | UnsetType = UNSET
    alg: str | UnsetType = UNSET
    key_ops: list[str] | UnsetType = UNSET


class _Rsa(_Jwk, tag="RSA"):
    n: str
    e: str


class _Ec(_Jwk, tag="EC"):
    crv: str
    x: str
    y: str


def usable_key(entry: Any) -> PublicKey | None:  # noqa: ANN401 - what stands in a JWK set
    """Return a key of a JWK set; None where it is none that verifies RS256 or ES256."""
    try:
        jwk = msgspec.convert(entry, type=_Rsa | _Ec)
        algorithm, check = _rs256(jwk) if isinstance(jwk, _Rsa) else _es256(jwk)
    except (msgspec.ValidationError, ValueError):
        return None
    if not _is_for(jwk, algorithm):
        return None
    return PublicKey(None if jwk.kid is UNSET else jwk.kid, algorithm, check)


def _is_for(jwk: _Jwk, algorithm: str) -> bool:
    """Return whether a key may verify signatures by an algorithm, according to what it says of itself."""
    operations = {"verify"} if jwk.key_ops is UNSET else set(jwk.key_ops)
    return (
        jwk.use in {UNSET, "sig"}
        and jwk.alg in {UNSET, algorithm}
        and "verify" in operations
        and (jwk.use is UNSET or operations <= _OPERATIONS)
    )


def _rs256(jwk: _Rsa) -> tuple[str, Callable[[bytes, bytes], None]]:
    key = RSAPublicNumbers(_number(jwk.e), _number(jwk.n)).public_key()
    if key.key_size < _MIN_RSA_BITS:
        raise ValueError("too short")
    padding, digest = PKCS1v15(), SHA256()
    return "RS256", lambda signature, signed: key.verify(signature, signed, padding, digest)


def _es256(jwk: _Ec) -> tuple[str, Callable[[bytes, bytes], None]]:
    if jwk.crv != "P-256":
        raise ValueError("another curve")
    key = EllipticCurvePublicNumbers(_number(jwk.x), _number(jwk.y), SECP256R1()).public_key()
    algorithm = ECDSA(SHA256())

    def check(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * _COORDINATE:
            raise InvalidSignature
        halves = (int.from_bytes(half) for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
        key.verify(encode_dss_signature(*halves), signed, algorithm)

    return "ES256", check


def _number(text: str) -> int:
    """Return the number that base64url without padding stands for (RFC 7518 section 2), in its one form."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise ValueError("not base64url")
    return int.from_bytes(data)
