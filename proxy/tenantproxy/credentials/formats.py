"""A tenant's credential for its OMS: from a Secret's flat keys, or from the body of a PUT, and back.

Nothing here prints a secret: `repr` of a credential is masked.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote_plus

import msgspec

from tenantproxy.errors import FieldProblem

ClientAuth = Literal["auto", "client_secret_basic", "client_secret_post"]

BASIC_KEYS: Final = ("username", "password")
OAUTH2_REQUIRED_KEYS: Final = ("clientId", "clientSecret", "authUrl")
OAUTH2_KEYS: Final = (*OAUTH2_REQUIRED_KEYS, "scope", "audience", "clientAuth", "extraParams")
CREDENTIAL_KEYS: Final = frozenset({"type", *BASIC_KEYS, *OAUTH2_KEYS})
"""The keys of a Secret that are ours; all others belong to somebody else and are left alone."""

_CLIENT_AUTHS: Final = ("auto", "client_secret_basic", "client_secret_post")
_MOST_CHARACTERS: Final = {"authUrl": 2048}
"""Of a value: a URL is as long as another of the manifest may be."""
_MOST_CHARACTERS_OF_OTHERS: Final = 8 * 1024
"""Longer ones would pass no server's limit on headers."""
_RESERVED_PARAMS: Final = frozenset({"grant_type", "client_id", "client_secret", "scope", "audience"})


class CredentialError(ValueError):
    """A credential can't be used; `errors` says why, field by field."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


class Basic(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP Basic authentication (RFC 7617)."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Basic(***)"


class OAuth2(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth2 client credentials (RFC 6749 section 4.4); `auth_url` is the complete token URL."""

    client_id: str
    client_secret: str
    auth_url: str
    scope: str | None = None
    audience: str | None = None
    client_auth: ClientAuth = "auto"
    extra_params: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return "OAuth2(***)"


Credential = Basic | OAuth2


def credential_type(credential: Credential) -> Literal["basic", "oauth2"]:
    """Return the name of the credential's type, as `type` in a Secret and in a PUT has it."""
    return "basic" if isinstance(credential, Basic) else "oauth2"


def digest(credential: Credential) -> str:
    """Return a digest of the whole credential: another one for any change in it."""
    return hashlib.sha256(msgspec.json.encode([credential_type(credential), credential])).hexdigest()


def basic_authorization(username: str, password: str, *, form_encoded: bool = False) -> str:
    """Return an `Authorization: Basic` value, in UTF-8 (RFC 7617).

    `form_encoded` encodes both parts first, as RFC 6749 section 2.3.1 wants it of a token request.
    """
    if form_encoded:
        username, password = quote_plus(username), quote_plus(password)
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def from_secret(data: Mapping[str, str]) -> Credential | None:
    """Return the credential in a Secret's decoded `data`, or None where it holds none.

    Keys that are not in `CREDENTIAL_KEYS` are ignored. One trailing newline of a value is dropped: it is
    what `echo secret | kubectl create secret --from-file` leaves, and no credential ends in one.

    Raises:
        CredentialError: Keys of both kinds, a missing key, an unknown `type`, or an unusable value.

    """
    given = {key: _trimmed(data[key]) for key in CREDENTIAL_KEYS if key in data}
    present = {key for key, value in given.items() if value and key != "type"}
    declared = given.get("type") or None
    if not present and declared is None:
        return None
    basic = sorted(present & set(BASIC_KEYS))
    oauth2 = sorted(present & set(OAUTH2_KEYS))
    if declared not in (None, "basic", "oauth2"):
        raise CredentialError([FieldProblem("type", "is unknown; use `basic` or `oauth2`")])
    if basic and oauth2:
        keep = f"; `type` says `{declared}`" if declared else ""
        names = ", ".join(f"`{key}`" for key in (*basic, *oauth2))
        raise CredentialError(
            [FieldProblem(oauth2[0], f"stands beside keys of the other kind ({names}){keep}; remove one kind")]
        )
    if declared == "basic" or (declared is None and basic):
        if oauth2:
            raise CredentialError([FieldProblem(oauth2[0], "does not belong to `type` `basic`; remove it")])
        return _basic(given)
    if basic:
        raise CredentialError([FieldProblem(basic[0], "does not belong to `type` `oauth2`; remove it")])
    return _oauth2(given)


def to_secret(credential: Credential) -> dict[str, str]:
    """Return the credential as a Secret's keys; what is not set has no key.

    `extraParams` is left out: only the platform team sets it, and a store keeps it (see `stores`).
    """
    if isinstance(credential, Basic):
        return {"type": "basic", "username": credential.username, "password": credential.password}
    data = {
        "type": "oauth2",
        "clientId": credential.client_id,
        "clientSecret": credential.client_secret,
        "authUrl": credential.auth_url,
    }
    if credential.scope is not None:
        data["scope"] = credential.scope
    if credential.audience is not None:
        data["audience"] = credential.audience
    if credential.client_auth != "auto":
        data["clientAuth"] = credential.client_auth
    return data


def merged(existing: Mapping[str, str], credential: Credential) -> dict[str, str]:
    """Return the Secret's keys after `credential` replaced the one in `existing`.

    Our keys are set or removed; all others stay, and so does `extraParams` while the type is oauth2.
    """
    kept = {
        key: value
        for key, value in existing.items()
        if key not in CREDENTIAL_KEYS or (key == "extraParams" and isinstance(credential, OAuth2))
    }
    return kept | to_secret(credential)


def from_request(body: Any) -> Credential:  # noqa: ANN401 - parsed JSON of any shape
    """Return the credential in the parsed body of `PUT /api/v1/proxy-config`.

    `field` of an error is an RFC 6901 pointer into the body.

    Raises:
        CredentialError: The body is not of one of the two documented shapes.

    """
    if not isinstance(body, dict):
        raise CredentialError([FieldProblem("", "must be an object with `type` and `config`")])
    errors = [FieldProblem(f"/{_pointer(key)}", "is unknown") for key in body if key not in {"type", "config"}]
    kind = body.get("type")
    config = body.get("config")
    if kind not in ("basic", "oauth2"):
        errors.append(FieldProblem("/type", "must be `basic` or `oauth2`"))
    if not isinstance(config, dict):
        errors.append(FieldProblem("/config", "must be an object"))
    if errors or not isinstance(config, dict):
        raise CredentialError(errors)
    allowed = BASIC_KEYS if kind == "basic" else (*OAUTH2_REQUIRED_KEYS, "scope", "audience", "clientAuth")
    for key, value in config.items():
        if key not in allowed:
            errors.append(FieldProblem(f"/config/{_pointer(key)}", f"is not a field of type `{kind}`"))
        elif not isinstance(value, str):
            errors.append(FieldProblem(f"/config/{key}", "must be a string"))
    given = {key: value for key, value in config.items() if key in allowed and isinstance(value, str)}
    wrong = {error.field for error in errors}
    try:
        credential = _basic(given) if kind == "basic" else _oauth2(given)
    except CredentialError as error:
        pointers = (FieldProblem(f"/config/{field}", detail) for field, detail in error.errors)
        errors.extend(pointer for pointer in pointers if pointer.field not in wrong)
        raise CredentialError(errors) from None
    if errors:
        raise CredentialError(errors)
    return credential


def _basic(given: Mapping[str, str]) -> Basic:
    errors = _missing(given, BASIC_KEYS)
    errors += [error for key in BASIC_KEYS for error in _text_errors(key, given.get(key, ""))]
    if ":" in given.get("username", ""):
        errors.append(FieldProblem("username", "contains a colon, which Basic authentication can't carry"))
    if errors:
        raise CredentialError(errors)
    return Basic(username=given["username"], password=given["password"])


def _oauth2(given: Mapping[str, str]) -> OAuth2:
    errors = _missing(given, OAUTH2_REQUIRED_KEYS)
    for key in ("clientId", "clientSecret", "authUrl", "scope", "audience"):
        errors += _text_errors(key, given.get(key, ""))
    client_auth = given.get("clientAuth") or "auto"
    if client_auth not in _CLIENT_AUTHS:
        choices = ", ".join(f"`{choice}`" for choice in _CLIENT_AUTHS)
        errors.append(FieldProblem("clientAuth", f"must be one of {choices}"))
    extra: tuple[tuple[str, str], ...] = ()
    try:
        extra = _extra_params(given.get("extraParams") or "{}")
    except CredentialError as error:
        errors += error.errors
    if errors:
        raise CredentialError(errors)
    return OAuth2(
        client_id=given["clientId"],
        client_secret=given["clientSecret"],
        auth_url=given["authUrl"],
        scope=given.get("scope") or None,
        audience=given.get("audience") or None,
        client_auth=client_auth,  # type: ignore[arg-type] # checked above
        extra_params=extra,
    )


def _extra_params(text: str) -> tuple[tuple[str, str], ...]:
    if errors := _length_errors("extraParams", text):
        raise CredentialError(errors)
    try:
        params = json.loads(text)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise CredentialError([FieldProblem("extraParams", "must be a JSON object of strings")])
    if reserved := sorted(_RESERVED_PARAMS & params.keys()):
        raise CredentialError([FieldProblem("extraParams", f"must not set `{reserved[0]}`; it has its own key")])
    if not all(_is_unicode(text) for param in params.items() for text in param):
        raise CredentialError([FieldProblem("extraParams", "is not valid Unicode text")])
    return tuple(sorted(params.items()))


def _missing(given: Mapping[str, str], required: tuple[str, ...]) -> list[FieldProblem]:
    return [FieldProblem(key, "is missing or empty; set it") for key in required if not given.get(key)]


def _length_errors(key: str, value: str) -> list[FieldProblem]:
    most = _MOST_CHARACTERS.get(key, _MOST_CHARACTERS_OF_OTHERS)
    return [FieldProblem(key, f"is longer than {most} characters; shorten it")] if len(value) > most else []


def _text_errors(key: str, value: str) -> list[FieldProblem]:
    if errors := _length_errors(key, value):
        return errors
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):  # noqa: PLR2004 - ASCII controls
        return [FieldProblem(key, "contains a control character; remove it")]
    return [] if _is_unicode(value) else [FieldProblem(key, "is not valid Unicode text")]


def _is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: JSON's escapes can make half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _trimmed(value: str) -> str:
    return value.removesuffix("\n").removesuffix("\r")


def _pointer(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
