"""The two formats of a credential: a Secret's flat keys, and the body of `PUT /api/v1/proxy-config`."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.kinds import KINDS, credential_keys, types_in_words
from tenantproxy.errors import FieldProblem


def digest(credential: Credential) -> str:
    """Return a digest of the whole credential: another one for any change in it."""
    return hashlib.sha256(msgspec.json.encode([credential.type, credential])).hexdigest()


def from_secret(data: Mapping[str, str]) -> Credential | None:
    """Return the credential in a Secret's decoded `data`, or None where it holds none.

    Keys of no kind are ignored. One trailing newline of a value is dropped: it is what
    `echo secret | kubectl create secret --from-file` leaves, and no credential ends in one.

    Raises:
        CredentialError: Keys of two kinds, a missing key, an unknown `type`, or an unusable value.

    """
    given = {key: _trimmed(data[key]) for key in credential_keys() if key in data}
    declared = given.pop("type", None) or None
    found = {
        name: keys
        for name, kind in KINDS.items()
        if (keys := sorted(key for key in kind.all_keys() if given.get(key)))
    }
    if not found and declared is None:
        return None
    if declared is not None and declared not in KINDS:
        raise CredentialError([FieldProblem("type", f"is unknown; use {types_in_words()}")])
    if len(found) > 1:
        keep = f"; `type` says `{declared}`" if declared else ""
        names = ", ".join(f"`{key}`" for keys in found.values() for key in keys)
        detail = f"can't be combined with keys of another type ({names}){keep}; remove one type"
        raise CredentialError([FieldProblem([*found.values()][1][0], detail)])
    for name, keys in found.items():
        if declared not in (None, name):
            raise CredentialError([FieldProblem(keys[0], f"does not belong to `type` `{declared}`; remove it")])
    return KINDS[declared or next(iter(found))].parse(given)


def to_secret(credential: Credential) -> dict[str, str]:
    """Return the credential as a Secret's keys, without those that only the platform sets (see `merged`)."""
    return {"type": credential.type, **credential.to_keys()}


def merged(existing: Mapping[str, str], credential: Credential) -> dict[str, str]:
    """Return the Secret's keys after `credential` replaced the one in `existing`.

    Our keys are set or removed; all others stay, and so do the platform's while the type has them.
    """
    removed = credential_keys() - {*credential.platform_keys}
    return {key: value for key, value in existing.items() if key not in removed} | to_secret(credential)


def completed(credential: Credential, stored: Mapping[str, str]) -> Credential:
    """Return the credential that a Secret holds once `merged(stored, credential)` is in it.

    Raises:
        CredentialError: A key that only the platform sets can't be used.

    """
    ours = {key: _trimmed(stored[key]) for key in credential.platform_keys if key in stored}
    return credential.with_platform_keys(ours)


def from_request(body: Any) -> Credential:  # noqa: ANN401 - parsed JSON of any shape
    """Return the credential in the parsed body of `PUT /api/v1/proxy-config`.

    `field` of an error is an RFC 6901 pointer into the body.

    Raises:
        CredentialError: The body is not of a documented shape.

    """
    if not isinstance(body, dict):
        raise CredentialError([FieldProblem("", "must be an object with `type` and `config`")])
    errors = [FieldProblem(f"/{pointer(key)}", "is unknown") for key in body if key not in {"type", "config"}]
    declared = body.get("type")
    kind = KINDS.get(declared) if isinstance(declared, str) else None
    config = body.get("config")
    if kind is None:
        errors.append(FieldProblem("/type", f"must be {types_in_words()}"))
    if not isinstance(config, dict):
        errors.append(FieldProblem("/config", "must be an object"))
    if errors or kind is None or not isinstance(config, dict):
        raise CredentialError(errors)
    allowed = (*kind.required_keys, *kind.optional_keys)
    for key, value in config.items():
        if key not in allowed:
            errors.append(FieldProblem(f"/config/{pointer(key)}", f"is not a field of type `{kind.type}`"))
        elif not isinstance(value, str):
            errors.append(FieldProblem(f"/config/{key}", "must be a string"))
    given = {key: value for key, value in config.items() if key in allowed and isinstance(value, str)}
    wrong = {error.field for error in errors}
    try:
        with blaming_the_body():
            credential = kind.parse(given)
    except CredentialError as error:
        errors.extend(pointer for pointer in error.errors if pointer.field not in wrong)
        raise CredentialError(errors) from None
    if errors:
        raise CredentialError(errors)
    return credential


@contextlib.contextmanager
def blaming_the_body() -> Iterator[None]:
    """Have errors that name a Secret's key point at its field in the body of a PUT."""
    try:
        yield
    except CredentialError as error:
        raise CredentialError(
            [FieldProblem("/type" if key == "type" else f"/config/{key}", detail) for key, detail in error.errors]
        ) from None


def _trimmed(value: str) -> str:
    return value.removesuffix("\n").removesuffix("\r")


def pointer(token: str) -> str:
    """Return a token of an RFC 6901 pointer."""
    # Half of a surrogate pair, which JSON can escape, can't be encoded again.
    token = token.encode(errors="replace").decode()
    return token.replace("~", "~0").replace("/", "~1")
