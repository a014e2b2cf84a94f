"""HTTP Basic authentication (RFC 7617)."""

import base64
from collections.abc import Mapping
from typing import ClassVar, Self
from urllib.parse import quote_plus

from tenantproxy.credentials.authorizer import Authorizer, Logins, StaticAuthorizer
from tenantproxy.credentials.base import Credential, CredentialError, TokenClients, check_text, find_missing
from tenantproxy.errors import FieldProblem
from tenantproxy.metrics import Metrics


class Basic(Credential, frozen=True, kw_only=True):
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

    def authorizer(self, clients: TokenClients, metrics: Metrics, logins: Logins) -> Authorizer:
        """Return one with a header that never changes."""
        del clients, metrics, logins
        return StaticAuthorizer({"Authorization": basic_authorization(self.username, self.password)})


def basic_authorization(username: str, password: str, *, form_encoded: bool = False) -> str:
    """Return an `Authorization: Basic` value, in UTF-8 (RFC 7617).

    `form_encoded` encodes both parts first, as RFC 6749 section 2.3.1 wants it of a token request.
    """
    if form_encoded:
        username, password = quote_plus(username), quote_plus(password)
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
