"""How a request to the OMS carries its access token: a header, and the word before the token, if any.

`Authorization: Bearer` (RFC 6750) unless the credential says otherwise: Shopify takes a token that was got by
client credentials as `X-Shopify-Access-Token`, and Zoho as `Authorization: Zoho-oauthtoken`.
"""

import re
from typing import Final, NamedTuple, Self

from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.headers import AUTHORIZATION, TOKEN, check_header_name
from tenantproxy.errors import FieldProblem

BEARER: Final = "Authorization: Bearer"
_FORM: Final = re.compile(rf"({TOKEN})(?:: ({TOKEN}))?")


class TokenHeader(NamedTuple):
    """A header's name, and what stands before the token."""

    name: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `check_token_header` found right."""
        name, _, scheme = text.partition(": ")
        return cls(name, f"{scheme} " if scheme else "")

    def authorization(self, token: str) -> Authorization:
        """Return a token in this header."""
        return Authorization({self.name: self.prefix + token})

    def token(self, authorization: Authorization) -> str:
        """Return the token in this header; of another credential's headers none that was ever got."""
        return authorization.headers.get(self.name, "").removeprefix(self.prefix)


def check_token_header(key: str, text: str) -> list[FieldProblem]:
    """Return what is wrong with a `NAME` or `NAME: SCHEME`."""
    found = _FORM.fullmatch(text)
    if found is None:
        return [FieldProblem(key, "must be a header's name, or `NAME: SCHEME`, such as `Authorization: Bearer`")]
    return [] if found[1].lower() == AUTHORIZATION else check_header_name(key, found[1])
