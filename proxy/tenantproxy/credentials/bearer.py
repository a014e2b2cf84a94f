"""A fixed bearer token (RFC 6750), such as that of an integration of Magento or of an app of Saleor."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from tenantproxy.credentials.base import CredentialError, StaticCredential, find_missing
from tenantproxy.credentials.headers import check_header_value


class _Claims(msgspec.Struct):
    exp: float | None = None


class Bearer(StaticCredential, frozen=True, kw_only=True):
    """A token that somebody else issues, and renews where it expires."""

    type: ClassVar[str] = "bearer"
    required_keys: ClassVar[tuple[str, ...]] = ("bearerToken",)

    bearer_token: str

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Return the credential in the given keys."""
        problems = find_missing(given, cls.required_keys)
        problems += check_header_value("bearerToken", given.get("bearerToken", ""))
        if problems:
            raise CredentialError(problems)
        return cls(bearer_token=given["bearerToken"])

    def to_keys(self) -> dict[str, str]:
        """Return the token."""
        return {"bearerToken": self.bearer_token}

    @property
    def headers(self) -> Mapping[str, str]:
        """`Authorization`."""
        return {"Authorization": f"Bearer {self.bearer_token}"}

    @property
    def expires_at(self) -> float | None:
        """`exp` of a JWT (RFC 7519), whoever has signed it; None for a token of another form."""
        try:
            _, payload, _ = self.bearer_token.split(".")
            return msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims).exp
        except (ValueError, msgspec.MsgspecError):
            return None
