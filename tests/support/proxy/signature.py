"""A kind of credential that does not exist, as a contributor would write it: a class, and a row in the table."""

from collections.abc import Mapping
from typing import ClassVar, Self

from tenantproxy.credentials.base import CredentialError, StaticCredential, check_text, find_missing


class Signature(StaticCredential, frozen=True, kw_only=True):
    """A signature in a header of its own: all that a kind without tokens has to say."""

    type: ClassVar[str] = "signature"
    required_keys: ClassVar[tuple[str, ...]] = ("signature",)

    signature: str

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        if problems := find_missing(given, cls.required_keys) + check_text(
            "signature", given.get("signature", "")
        ):
            raise CredentialError(problems)
        return cls(signature=given["signature"])

    def to_keys(self) -> dict[str, str]:
        return {"signature": self.signature}

    @property
    def headers(self) -> Mapping[str, str]:
        return {"X-Signature": self.signature}
