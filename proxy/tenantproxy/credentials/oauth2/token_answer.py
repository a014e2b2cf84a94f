"""What an answer of a token endpoint means (RFC 6749 section 5): pure decisions, generous to what servers do."""

import codecs
import math
from typing import Any, Final

from msgspec import Raw

from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.orders import raw_json
from tenantproxy.retry_after import parse_retry_after
from tenantproxy.transport.base import UpstreamResponse
from tenantproxy.transport.content_coding import coding_of, decompressed, unreadable

MAX_BYTES: Final = 64 * 1024
"""Of an answer, as it comes and unpacked."""
MAX_TOKEN_CHARACTERS: Final = 16 * 1024
"""Longer ones would not pass the OMS's own limit on headers."""
_MAX_LIFETIME: Final = 10 * 365 * 24 * 3600.0

_CLIENT_KNOWN: Final = ("invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type")
OAUTH2_ERRORS: Final = ("invalid_client", *_CLIENT_KNOWN, "invalid_request")
"""The errors of RFC 6749 section 5.2. Any other word is the server's own, and is neither shown nor counted."""
REASONS: Final = (*OAUTH2_ERRORS, "content-encoding", "no-token", "not-json", "redirect", "unusable-token")
"""Why an answer brought no token, beside `status-NNN` and `too-large`."""

_UNAUTHORIZED: Final = 401
_TOO_MANY_REQUESTS: Final = 429


class _UnreadableError(Exception):
    """A body can't be unpacked; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_answer(answer: UpstreamResponse) -> Token | Failure:
    """Return what an answer of the token endpoint means."""
    status = answer.status
    match status // 100:
        case 2:
            return _parse_success(answer)
        case 3:
            return Failure(rejected=False, reason="redirect", status=status)
        case 4 if status != _TOO_MANY_REQUESTS:
            return Failure(rejected=True, reason=_error(answer) or f"status-{status}", status=status)
    pause = parse_retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", ""))
    return Failure(rejected=False, reason=f"status-{status}", retry_after=pause or 0.0, status=status)


def is_about_client(failure: Failure) -> bool:
    """Tell whether a server says that it does not know this client, or its secret.

    Servers that support only one style of client authentication say the same of the other.
    """
    return failure.rejected and (failure.status == _UNAUTHORIZED or failure.reason == "invalid_client")


def may_be_style(failure: Failure) -> bool:
    """Tell whether a server may have rejected the style of client authentication.

    Not, where it says what it can only know of a client that it has recognised.
    """
    return is_about_client(failure) or (failure.rejected and failure.reason not in _CLIENT_KNOWN)


def _parse_success(answer: UpstreamResponse) -> Token | Failure:
    def failure(reason: str, *, rejected: bool = False) -> Failure:
        return Failure(rejected=rejected, reason=reason, status=answer.status)

    try:
        document = _document(answer)
    except _UnreadableError as error:
        return failure(error.reason)
    if document is None:
        return failure("not-json")
    value = document.get("access_token")
    if not isinstance(value, str) or not value:
        known = _known(document)
        return failure("no-token") if known is None else failure(known, rejected=True)
    if len(value) > MAX_TOKEN_CHARACTERS or not all("!" <= char <= "~" for char in value):
        return failure("unusable-token")
    return Token(value, _lifetime(document.get("expires_in")))


def _lifetime(value: Any) -> float | None:  # noqa: ANN401 - parsed JSON
    """Return `expires_in` in seconds; None where it says nothing: absent, 0, -1, an empty text, 1e999."""
    if not isinstance(value, Raw | str):
        return None
    try:
        seconds = float(value if isinstance(value, str) else bytes(value))
    except ValueError:
        return None
    return min(seconds, _MAX_LIFETIME) if seconds > 0 and math.isfinite(seconds) else None


def _error(answer: UpstreamResponse) -> str | None:
    """Return the error of RFC 6749 that an answer names, if it does."""
    try:
        return _known(_document(answer) or {})
    except _UnreadableError:
        return None


def _known(document: dict[str, Any]) -> str | None:
    error = document.get("error")
    return error if isinstance(error, str) and error in OAUTH2_ERRORS else None


def _document(answer: UpstreamResponse) -> dict[str, Any] | None:
    """Return the object that an answer holds, read as an OMS's answers are; numbers are as they were written.

    Raises _UnreadableError.
    """
    header = answer.headers.get("content-encoding", "")
    try:
        document = raw_json.parse(_unpacked(answer.body, header).removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        if unreadable(header):
            raise _UnreadableError("content-encoding") from None
        return None
    return document if isinstance(document, dict) else None


def _unpacked(body: bytes, header: str) -> bytes:
    """Return a body without its content coding, as some servers apply one though we ask for none."""
    coding = coding_of(body, header)
    if coding is None:
        return body
    try:
        plain = decompressed(body, coding, MAX_BYTES)
    except ValueError:
        raise _UnreadableError("content-encoding") from None
    if plain is None:
        raise _UnreadableError("too-large")
    return plain
