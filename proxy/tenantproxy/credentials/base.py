"""What every kind of credential is: a class with its Secret's keys, its parser and its authorizer.

A new kind is one file with a subclass of `Credential`, and one row in `kinds`. The type checker names what the
subclass lacks; `tests/unit/proxy/credentials/test_kinds.py` names what the table and the docs lack.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final, Protocol, Self

import msgspec

from tenantproxy.credentials.authorizer import (
    Authorization,
    Authorizer,
    Failure,
    FoundStyle,
    Logins,
    StaticAuthorizer,
)
from tenantproxy.errors import FieldProblem
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.transport.base import HttpTransport

_MAX_CHARACTERS: Final = {"authUrl": 2048}
"""Of a value: a URL is as long as another of the manifest may be."""
_MAX_CHARACTERS_OF_OTHERS: Final = 8 * 1024
"""Longer ones would pass no server's limit on headers."""


class CredentialError(ValueError):
    """A credential can't be used; `errors` says why, field by field."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


class TokenClients(Protocol):
    """Makes HTTP clients for token endpoints."""

    @property
    def token_timeout(self) -> float:
        """Seconds for one fetch of a token."""
        ...

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        """Return a client whose base URL is `url`; a `trial` must not slow down the credential in use."""
        ...


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential of one kind; printing it shows no value."""

    type: ClassVar[str]
    """As `type` in a Secret and in a PUT has it, in metrics, logs and statuses."""
    required_keys: ClassVar[tuple[str, ...]]
    """The keys of its Secret, in the order of the docs. No two kinds share a key."""
    optional_keys: ClassVar[tuple[str, ...]] = ()
    platform_keys: ClassVar[tuple[str, ...]] = ()
    """Optional keys that only the platform team sets: a PUT can't set them, and keeps them."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    @classmethod
    def all_keys(cls) -> tuple[str, ...]:
        """Return all keys of this kind."""
        return (*cls.required_keys, *cls.optional_keys, *cls.platform_keys)

    @classmethod
    @abstractmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Return the credential in the given keys, of which none is another kind's.

        Raises:
            CredentialError: They can't be used; `field` is a key.

        """

    @abstractmethod
    def to_keys(self) -> dict[str, str]:
        """Return its keys but those of the platform; what is not set has no key."""

    def with_platform_keys(self, stored: Mapping[str, str]) -> Self:
        """Return this credential with the platform's keys as they are stored.

        Raises:
            CredentialError: They can't be used.

        """
        del stored
        return self

    @abstractmethod
    def authorizer(self, clients: TokenClients, metrics: ProcessMetrics, logins: Logins) -> Authorizer:
        """Return what authorizes requests with it; `logins` stands before those at a token endpoint."""

    @property
    def header_names(self) -> Mapping[str, str]:
        """The headers that it is sent in beside `Authorization`, by the keys that name them."""
        return {}

    @property
    def token_url(self) -> str | None:
        """The URL of its token endpoint, the key `authUrl`; None for a kind without tokens."""
        return None

    @property
    def expires_at(self) -> float | None:
        """When it expires, Unix time, where it says so itself."""
        return None

    @property
    def identity(self) -> Mapping[str, str]:
        """Whose credential it is, by keys of it that are no secret."""
        return {}

    @abstractmethod
    async def try_out(self, clients: TokenClients, found: FoundStyle | None = None) -> Authorization | Failure:
        """Return what one request goes with, beside the credential in use; a kind with tokens asks for one.

        `found` is the style of client authentication that is known to work.
        `Failure`: why there is no token.
        """


class StaticCredential(Credential, frozen=True, kw_only=True):
    """A credential that is sent as it is."""

    @property
    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """The headers that authorize a request, always."""

    def authorizer(self, clients: TokenClients, metrics: ProcessMetrics, logins: Logins) -> Authorizer:
        """Return one with these headers."""
        del clients, metrics, logins
        return StaticAuthorizer(self.headers)

    async def try_out(self, clients: TokenClients, found: FoundStyle | None = None) -> Authorization:
        """Return these headers."""
        del clients, found
        return Authorization(self.headers)


def find_missing(given: Mapping[str, str], required: Iterable[str]) -> list[FieldProblem]:
    """Return the problems of required values that are missing or empty."""
    return [FieldProblem(key, "is missing or empty; set it") for key in required if not given.get(key)]


def check_text(key: str, value: str) -> list[FieldProblem]:
    """Return the problem of a value that no header, form or URL could carry, if it has one."""
    if problems := check_length(key, value):
        return problems
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):  # noqa: PLR2004 - ASCII controls
        return [FieldProblem(key, "contains a control character; remove it")]
    return [] if is_unicode(value) else [FieldProblem(key, "is not valid Unicode text")]


def check_length(key: str, value: str) -> list[FieldProblem]:
    """Return the problem of a value that is too long, if it is."""
    most = _MAX_CHARACTERS.get(key, _MAX_CHARACTERS_OF_OTHERS)
    return [FieldProblem(key, f"is longer than {most} characters; shorten it")] if len(value) > most else []


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: JSON's escapes can make half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
