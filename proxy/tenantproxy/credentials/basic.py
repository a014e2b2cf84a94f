"""HTTP Basic authentication (RFC 7617)."""

import base64
from collections.abc import Mapping
from typing import ClassVar, Final, Self
from urllib.parse import quote_plus

from tenantproxy.credentials.base import CredentialError, StaticCredential, check_text, find_missing
from tenantproxy.errors import FieldProblem

_STANDS_FOR_NONE: Final = 3
"""Characters of a password, at most, that only fills its place, such as `x`."""


class Basic(StaticCredential, frozen=True, kw_only=True):
    """A user name and a password, which may be empty: Medusa takes a secret API key as the user name alone."""

    type: ClassVar[str] = "basic"
    required_keys: ClassVar[tuple[str, ...]] = ("username", "password")

    username: str
    password: str

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Return the credential in the given keys."""
        problems = find_missing(given, ("username",))
        if "password" not in given:
            problems.append(FieldProblem("password", "is missing; set it, to an empty text if there is none"))
        problems += [problem for key in cls.required_keys for problem in check_text(key, given.get(key, ""))]
        if ":" in given.get("username", ""):
            problems.append(FieldProblem("username", "contains a colon, which Basic authentication can't carry"))
        if problems:
            raise CredentialError(problems)
        return cls(username=given["username"], password=given["password"])

    def to_keys(self) -> dict[str, str]:
        """Return both."""
        return {"username": self.username, "password": self.password}

    @property
    def headers(self) -> Mapping[str, str]:
        """`Authorization`."""
        return {"Authorization": basic_authorization(self.username, self.password)}

    @property
    def identity(self) -> Mapping[str, str]:
        """The user name, unless it may be the secret itself, beside a password that stands for none."""
        return {"username": self.username} if len(self.password) > _STANDS_FOR_NONE else {}


def basic_authorization(username: str, password: str, *, form_encoded: bool = False) -> str:
    """Return an `Authorization: Basic` value, in UTF-8 (RFC 7617).

    `form_encoded` encodes both parts first, as RFC 6749 section 2.3.1 wants it of a token request.
    """
    if form_encoded:
        username, password = quote_plus(username), quote_plus(password)
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
