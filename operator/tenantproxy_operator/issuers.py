"""Whose tokens the proxies accept: the issuers file, or Hii Retail's own issuers."""

import ipaddress
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.fields import Model, invalid
from tenantproxy_operator.manifests.problems import FileProblem, field_errors, file_problem
from tenantproxy_operator.manifests.reader import Document, read_documents

DEFAULT_ISSUERS: Final = (
    config.Issuer(
        issuer="https://auth.retailsvc.com/",
        audiences=("https://hiiretail.com",),
        jwks_uri="https://auth.retailsvc.com/.well-known/jwks.json",
        kind="ocms",
    ),
    # Staff only. Shoppers have an issuer of their own, and could search all of a tenant's orders.
    config.Issuer(
        issuer="https://securetoken.google.com/hiidentity-staff",
        audiences=("hiidentity-staff",),
        jwks_uri="https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        kind="user",
    ),
)

_NonEmpty = Annotated[str, Field(min_length=1, max_length=2048)]


class _Issuer(Model):
    issuer: _NonEmpty
    audiences: list[_NonEmpty] = Field(min_length=1, max_length=20)
    kind: Literal["ocms", "user"]
    assume_email_verified: bool = False
    jwks_uri: _NonEmpty | None = None
    jwks_file: _NonEmpty | None = None
    jwks: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _check_jwks(self) -> Self:
        if sum(source is not None for source in (self.jwks_uri, self.jwks_file, self.jwks)) != 1:
            raise invalid("needs exactly one of `jwksUri`, `jwksFile` and `jwks`")
        if self.jwks is not None:
            _check_public(self.jwks)
        if self.jwks_uri is not None and not _is_safe(self.jwks_uri):
            raise invalid("has a `jwksUri` that is not https; use https (http is for loopback addresses only)")
        return self


_Issuers: Final = TypeAdapter(Annotated[list[_Issuer], Field(min_length=1, max_length=20)])


class IssuersError(ValueError):
    """The issuers file can't be used; `problems` says why."""

    def __init__(self, problems: list[FileProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load_issuers(path: Path) -> tuple[config.Issuer, ...]:
    """Return the issuers in the file at `path`; a relative `jwksFile` is relative to it.

    Raises:
        IssuersError: The file can't be read, doesn't parse, or has a bad entry.

    """
    documents, problem = read_documents(path)
    if problem:
        raise IssuersError([problem])
    if len(documents) != 1:
        detail = "must hold one YAML document: a list of issuers"
        raise IssuersError([file_problem(path, detail)])
    return _issuers(documents[0])


def _issuers(document: Document) -> tuple[config.Issuer, ...]:
    try:
        entries = _Issuers.validate_python(document.content)
    except ValidationError as error:
        wrong = field_errors(error)
    else:
        found = tuple(_rendered(entry, document.path.parent) for entry in entries)
        wrong = [
            FieldProblem(f"[{index}].jwksFile", "does not exist; a relative path is relative to this file")
            for index, issuer in enumerate(found)
            if issuer.jwks_file is not None and not Path(issuer.jwks_file).is_file()
        ]
    if problems := document.with_problems(wrong):
        raise IssuersError(problems)
    return found


def _rendered(entry: _Issuer, folder: Path) -> config.Issuer:
    jwks_file = None if entry.jwks_file is None else str((folder / entry.jwks_file).resolve())
    return config.Issuer(
        issuer=entry.issuer,
        audiences=tuple(entry.audiences),
        kind=entry.kind,
        assume_email_verified=entry.assume_email_verified,
        jwks_uri=entry.jwks_uri,
        jwks_file=jwks_file,
        jwks=entry.jwks,
    )


def _check_public(jwks: dict[str, Any]) -> None:
    """Refuse keys that no token can be checked with, or that must not be in a configuration."""
    from tenantproxy.auth.jwks import usable_keys  # noqa: PLC0415 - cryptography costs 8 MiB; load when needed

    try:
        usable_keys(json.dumps(jwks).encode())
    except (TypeError, ValueError):
        raise invalid("has a `jwks` without a key for RS256 (2048 bits or more) or ES256") from None
    if any(isinstance(key, dict) and "d" in key for key in jwks["keys"]):
        raise invalid("has a private key in `jwks`; use the public key, without `d`")


def _is_safe(url: str) -> bool:
    """Tell whether keys from `url` can be trusted: over https, or from this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
